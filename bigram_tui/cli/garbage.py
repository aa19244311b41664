"""Keeps the garbage collector away from the start."""

import gc


def collect_from_now_on() -> None:
    """Enable the garbage collector, but have it pass over all that exists: imports stay.

    Collecting during the imports took a tenth of the start; looking through them later delayed a
    frame now and then.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()
