"""Keeps the garbage collector from slowing the start."""

import gc


def collect_from_now_on() -> None:
    """Enable the garbage collector, but exempt all objects that exist, which imports made.

    Collecting during the imports took a tenth of the start; scanning their objects later delayed a
    frame now and then.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()
