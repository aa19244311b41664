"""When to collect garbage: not while the program starts."""

import gc


def settle() -> None:
    """Collect garbage from now on, but none of what is there: that has come to stay.

    To look through all that is imported, while it is, took a tenth of the start, and later on now
    and then a frame.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()
