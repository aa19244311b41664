"""Streams of bytes: files, pipes that can be cancelled while they are silent, and their errors."""

import os
import select
import stat
from typing import Any, BinaryIO, Protocol

from bigram_tui.cancellation import CancelToken
from bigram_tui.errors import BrokenTextError, TextError

PAUSE_SECONDS = 0.1
"""How long a pipe may be silent before its bytes so far are returned."""


class Readable(Protocol):
    """A stream that bytes are read from."""

    def read(self, size: int, /) -> bytes: ...

    def fileno(self) -> int: ...


def read(stream: Readable, size: int) -> bytes:
    """Read up to so many bytes, none only at the end. Raises TextError."""
    try:
        return stream.read(size)
    except OSError as error:
        raise BrokenTextError(_advice(error)) from None


def peek(stream: Any, size: int) -> bytes:
    """Return up to so many of the next bytes without reading past them. Raises TextError."""
    try:
        head: bytes = stream.peek(size) if hasattr(stream, "peek") else b""
        return head
    except OSError as error:
        raise TextError(_advice(error)) from None


def open_file(path: str) -> BinaryIO:
    """Open a file to read its bytes. Raises TextError."""
    try:
        return open(path, "rb")
    except OSError as error:
        raise TextError(_advice(error)) from None


def _advice(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "does not exist: check the name and the folder"
        case IsADirectoryError():
            return "is a folder: name a text file in it"
        case PermissionError():
            return "may not be read: change its permissions or use a copy of your own"
    reason = error.strerror or type(error).__name__
    return f"cannot be read ({reason}): check the path or use a copy"


def stream_size(stream: Readable) -> int | None:
    """Return the size of the file that a stream reads; None if unknown, as for a pipe."""
    known: int | None = getattr(stream, "size", None)  # of a file at an address
    if known is not None:
        return known
    try:
        return _file_size(os.fstat(stream.fileno()))
    except OSError:
        return None


def _file_size(status: os.stat_result) -> int | None:
    return status.st_size or None if stat.S_ISREG(status.st_mode) else None


def is_pipe(stream: BinaryIO) -> bool:
    """Return whether a stream may fall silent, as a pipe or a terminal does."""
    try:
        descriptor = stream.fileno()
    except OSError:  # it has no descriptor
        return False
    return os.name == "posix" and _file_size(os.fstat(descriptor)) is None


class FileAsOpened:
    """Reads a file up to the size that it had when it was opened, and tells if it has changed.

    So reading ends, even if another program writes to the file faster than it is read.
    """

    def __init__(self, file: BinaryIO) -> None:
        """file: a regular one, whose size is known."""
        self.fileno = file.fileno
        self.peek = file.peek  # type: ignore[attr-defined]
        self._file = file
        status = os.fstat(file.fileno())
        self._size, self._modified = status.st_size, status.st_mtime_ns
        self._place = file.tell()

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none only at the end."""
        left = self._size - self._place
        if left <= 0 and self._grown():
            return b""
        # A file system may not know the size of its files; then they are read to their end.
        data = self._file.read(min(size, left) if left > 0 else size)
        self._place += len(data)
        return data

    def _grown(self) -> bool:
        return os.fstat(self.fileno()).st_size > self._size

    def change(self) -> str:
        """Return what has happened to the file since it was opened; empty if nothing has."""
        if self._grown():
            return f"grew while it was read: its first {self._place:,} bytes are counted"
        status = os.fstat(self.fileno())
        if (status.st_size, status.st_mtime_ns) != (self._size, self._modified):
            return "changed while it was read: old and new may be mixed, so read it again"
        return ""


class Pipe:
    """Reads a pipe or a terminal, and returns what has come when it falls silent.

    Python's own reader would wait for all bytes that it was asked for, and could not be cancelled.
    """

    def __init__(self, stream: BinaryIO, cancellation: CancelToken) -> None:
        """cancellation: checked while the pipe is silent; once cancelled, the pipe ends."""
        self.fileno = stream.fileno
        self._cancellation = cancellation
        self._buffer = bytearray()
        self._at_end = False

    def peek(self, size: int) -> bytes:
        """Return the next bytes without reading past them; none only at the end."""
        self._fill(size)
        return bytes(self._buffer[:size])

    def wait_for_more(self) -> bool:
        """Wait for more than `peek` returned; False if nothing more comes."""
        return self._wait() and self._take(len(self._buffer) + 1)

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none only at the end."""
        self._fill(size)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self, size: int) -> None:
        """Wait for a first byte, then take what comes without a pause."""
        if self._buffer or self._wait():
            while len(self._buffer) < size and self._has_more() and self._take(size):
                pass

    def _wait(self) -> bool:
        """Wait for more; return False if it has ended or was cancelled."""
        while not self._has_more():
            if self._at_end or self._cancellation.is_cancelled:
                return False
        return True

    def _has_more(self) -> bool:
        return not self._at_end and bool(select.select([self.fileno()], [], [], PAUSE_SECONDS)[0])

    def _take(self, size: int) -> bool:
        data = os.read(self.fileno(), max(1, size - len(self._buffer)))
        self._buffer += data
        self._at_end = not data  # a terminal would go on after its end
        return bool(data)
