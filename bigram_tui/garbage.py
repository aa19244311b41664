"""Keeps the garbage collector from slowing imports, and the screen while there are any."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


def collect_from_now_on() -> None:
    """Enable the garbage collector, but exempt all objects that exist, which imports made.

    Collecting during the imports took a tenth of the start; scanning their objects later delayed a
    frame now and then. What is left to scan is little, so all of it is scanned often: a closed
    screen is a ring of objects, and old when it becomes garbage.
    """
    gc.freeze()
    gc.set_threshold(5_000, 4, 4)
    gc.enable()


@contextmanager
def uncollected_imports() -> Iterator[None]:
    """Collect nothing meanwhile, and exempt afterwards what was imported, if anything was.

    All threads wait for a collection: among the many objects of a library that is being imported,
    for up to 0.3 s. Several threads may import at the same time.
    """
    known = len(sys.modules)
    _PAUSE.begin()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
        _PAUSE.end()


class _Pause:
    """A time without the garbage collector, until all who wanted it have ended it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._was_enabled = False

    def begin(self) -> None:
        with self._lock:
            if not self._users:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self._was_enabled:
                gc.enable()


_PAUSE = _Pause()
