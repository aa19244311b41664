"""Keeps what is written to descriptors 1 and 2 off the screen, and reads it to be shown there."""

import os
import sys
import tempfile
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import TextIO

from bigram_tui.cli.streams import copied

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

POLL_SECONDS = 0.25

MOST_BYTES = 1 << 16
"""The bytes that are read at once, the last ones."""

MOST_KEPT = 1 << 20
"""The size of the file at which it is emptied."""


class CapturedDescriptors:
    """Descriptors 1 and 2 lead to a file until the process ends; the terminal is a stream apart.

    Not to a pipe: code that holds the interpreter while it fills one would wait for ever, as nobody
    can then read it. What is written after the last look, or once the screen is closed, is lost.
    """

    def __init__(self, terminal: TextIO, write: Callable[[str], object]) -> None:
        """terminal: where the screen is drawn. write: takes what was written to 1 and 2."""
        self.terminal = terminal
        self._write = write
        self._has_ended = threading.Event()
        self._file = _temporary_file()
        for descriptor in (1, 2):
            os.dup2(self._file, descriptor)
        self._thread = threading.Thread(target=self._read, name="output", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._has_ended.set()
        self._thread.join()

    def _read(self) -> None:
        decode = getincrementaldecoder("utf-8")("replace").decode
        position = 0
        while not self._has_ended.wait(POLL_SECONDS):
            size = os.fstat(self._file).st_size
            if size > position:
                start = max(position, size - MOST_BYTES)
                data = os.pread(self._file, size - start, start)
                position = start + len(data)
                self._write(decode(data))
            if position > MOST_KEPT:
                os.ftruncate(self._file, 0)
                position = 0


def _temporary_file() -> int:
    """Open a file that has no name, to which all writes are appended; or one that forgets them."""
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            descriptor = os.dup(file.fileno())
    except OSError:  # there is no room
        return os.open(os.devnull, os.O_RDWR)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor


def capture_descriptors(write: Callable[[str], object]) -> CapturedDescriptors | None:
    """Have descriptors 1 and 2 lead to a file from now on; sys.stderr still leads to the terminal.

    None, and nothing is changed, where that can't be done: on Windows, or without descriptor 2.
    """
    terminal = None if fcntl is None else copied(sys.stderr, 2)
    if terminal is None:
        return None
    sys.stderr.flush()
    sys.stderr = terminal
    return CapturedDescriptors(terminal, write)
