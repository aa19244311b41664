"""Keeps the garbage collector from slowing the start."""

import gc


def collect_from_now_on() -> None:
    """Enable the garbage collector, but exempt all objects that exist, which imports made.

    Collecting during the imports took a tenth of the start; scanning their objects later delayed a
    frame now and then. What is left to scan is little, so all of it is scanned often: a closed
    screen is a ring of objects, and old when it becomes garbage.
    """
    gc.freeze()
    gc.set_threshold(5_000, 4, 4)
    gc.enable()
