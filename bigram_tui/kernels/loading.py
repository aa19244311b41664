"""Loads the compiled kernels, in a thread of its own, if the extra `fast` is installed.

The import of numba takes some tenths of a second, and the first time of all it compiles for
seconds. Meanwhile whoever asks for the kernels does without: the results are the same.
"""

import threading
from contextlib import suppress
from importlib import import_module
from types import ModuleType


class Loader:
    """A module that is there once a thread has imported it."""

    def __init__(self, name: str) -> None:
        """name: of the module."""
        self._name = name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.module: ModuleType | None = None
        """None until it is imported, and for good if it cannot be."""

    def start(self) -> None:
        """Begin to import it, unless that was done before."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                # A daemon: the program does not wait for it to end.
                self._thread = threading.Thread(target=self._load, name="kernels", daemon=True)
                with suppress(RuntimeError):  # there are too many threads
                    self._thread.start()

    def wait(self) -> ModuleType | None:
        """Import it, and return it once it is there; None if it cannot be imported."""
        self.start()
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join()
        return self.module

    def _load(self) -> None:
        # numba may be missing, too old for this Python, unable to write its cache, or broken.
        with suppress(BaseException):
            self.module = import_module(self._name)


READING = Loader("bigram_tui.kernels.reading")
"""The kernels that count a text."""
