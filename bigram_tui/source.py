"""Opens texts by their paths, compressed ones and standard input too, and reads them in chunks.

Knows bytes only: what they mean is for others to say. What goes wrong is a TextError.
"""

import glob
import importlib
import os
import re
import select
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO, Protocol

from bigram_tui.errors import TextError

Progress = Callable[[int, int | None], None]
Stop = Callable[[], bool]

STANDARD_INPUT = "-"

PATTERN = re.compile(r"[*?]|\[.+\]")

# How compressed data begins. A text could begin with BZh, but hardly with what follows it there.
MAGIC = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}
LONGEST_MAGIC = 10

# How long a pipe may have nothing to give before one makes do with what it gave.
PAUSE_SECONDS = 0.1

# Bytes that zstandard gets at a time: nothing else limits what it makes of them at once.
ZSTD_SIZE = 1 << 10


class Readable(Protocol):
    """What chunks are read from."""

    def read(self, size: int, /) -> bytes: ...

    def fileno(self) -> int: ...


def matches(path: str) -> list[str]:
    """The files that match a pattern, in order; the path itself if it is none.

    TextError if there is no such file.
    """
    if os.path.lexists(path) or not PATTERN.search(path):
        return [path]
    if found := sorted(glob.glob(path, recursive=True)):
        return found
    raise TextError("matches no file: check the pattern and the folder")


@contextmanager
def opened(path: str, stop: Stop | None = None) -> Iterator[Readable]:
    """The bytes of the text at a path, which is closed afterwards; standard input is left open.

    stop: asked while nothing comes out of a pipe; where it says so, the text ends.
    """
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise TextError("is standard input, which is closed: name a file")
        yield _unpacked(sys.stdin.buffer, stop)
        return
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise TextError(_advice(error)) from None
    with file:
        yield _unpacked(file, stop)


def chunks(stream: Readable, chunk_size: int, progress: Progress | None) -> Iterator[bytes]:
    """The bytes of a stream, the first four of them together: they tell a text's encoding.

    progress: called for each chunk with the bytes read and the size of the file, None if that is
    not known; of a compressed file, both as it is on the disk.
    """
    chunk = _read(stream, 4)
    chunk += _read(stream, max(0, chunk_size - len(chunk))) if chunk else b""
    size, done = _size(stream), 0
    while chunk:
        done = stream.packed.taken if isinstance(stream, _Unpacked) else done + len(chunk)
        if progress is not None:
            progress(done, size)
        yield chunk
        chunk = _read(stream, chunk_size)


def size_of(path: str) -> int | None:
    """How many bytes a file has, if it is one that says so."""
    try:
        return _file_size(os.stat(path))
    except OSError:
        return None


def _size(stream: Readable) -> int | None:
    try:
        return _file_size(os.fstat(stream.fileno()))
    except OSError:
        return None


def _file_size(status: os.stat_result) -> int | None:
    return status.st_size or None if stat.S_ISREG(status.st_mode) else None


def _read(stream: Readable, size: int) -> bytes:
    try:
        return stream.read(size)
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


def takes_time(path: str) -> bool:
    """Whether a text takes other time than its size tells: it is compressed, or no plain file."""
    if path == STANDARD_INPUT:
        return True
    if not os.path.isfile(path):
        return os.path.exists(path) and not os.path.isdir(path)
    try:
        with open(path, "rb") as file:
            return _kind(file.read(LONGEST_MAGIC)) is not None
    except OSError:
        return False


# Pipes


class _Pipe:
    """Bytes that come in their own time: what has come is handed on when no more does for a moment.

    Python's own reader would wait for all that it was asked for, deaf to whoever wants to stop.
    """

    def __init__(self, stream: BinaryIO, stop: Stop) -> None:
        self.fileno = stream.fileno
        self._stop = stop
        self._waiting = bytearray()

    def peek(self, size: int) -> bytes:
        """The next bytes, which are still to be read; none only at the end."""
        self._fill(size)
        return bytes(self._waiting[:size])

    def read(self, size: int, /) -> bytes:
        """The next bytes, none only at the end."""
        self._fill(size)
        data = bytes(self._waiting[:size])
        del self._waiting[:size]
        return data

    def _fill(self, size: int) -> None:
        """Have as many bytes as come without a break, after the first."""
        if self._waiting or self._wait():
            while len(self._waiting) < size and self._comes() and self._take(size):
                pass

    def _wait(self) -> bool:
        """Wait for more or the end to come; False when told to stop before."""
        while not self._comes():
            if self._stop():
                return False
        return True

    def _comes(self) -> bool:
        return bool(select.select([self.fileno()], [], [], PAUSE_SECONDS)[0])

    def _take(self, size: int) -> bool:
        data = os.read(self.fileno(), size - len(self._waiting))
        self._waiting += data
        return bool(data)


# Compressed files


def _unpacked(stream: BinaryIO, stop: Stop | None) -> Readable:
    """What a stream holds, if its first bytes say that it is compressed, or else the stream."""
    source: Any = stream
    try:
        if stop is not None and _size(stream) is None and os.name == "posix":
            source = _Pipe(stream, stop)
        head = source.peek(LONGEST_MAGIC) if hasattr(source, "peek") else b""
    except OSError as error:
        raise TextError(_advice(error)) from None
    kind = _kind(head)
    return source if kind is None else _Unpacked(source, kind, stop)


def _kind(head: bytes) -> str | None:
    """How a file is compressed that begins with these bytes."""
    return next((kind for kind, magic in MAGIC.items() if magic.match(head)), None)


class _Packed:
    """What the libraries read compressed bytes from. taken: how many they have read."""

    def __init__(self, stream: BinaryIO) -> None:
        self.taken = 0
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        data = _read(self._stream, size)
        self.taken += len(data)
        return data


class _Unpacked:
    """The content of a compressed stream."""

    def __init__(self, stream: BinaryIO, kind: str, stop: Stop | None) -> None:
        self.packed = _Packed(stream)
        self._stop = stop
        self.fileno = stream.fileno
        reader, self._error = _reader(kind)
        self._kind = kind
        self._content = reader(self.packed)

    def read(self, size: int, /) -> bytes:
        try:
            content: bytes = self._content.read(size)
        except EOFError:
            if self._stop is not None and self._stop():
                return b""
            raise TextError(f"is cut off: its {self._kind} data has no end; get it again") from None
        except (OSError, self._error):
            raise TextError(f"is damaged: this is no {self._kind} data; get it again") from None
        return content


def _reader(kind: str) -> tuple[Callable[[Any], Any], type[Exception]]:
    """What reads such data, and its own error beside OSError. Imported only when it is wanted."""
    if kind == "zstd":
        return _zstd_reader()
    if kind == "gzip":
        gzip, zlib = map(importlib.import_module, ("gzip", "zlib"))
        return lambda packed: gzip.GzipFile(fileobj=packed, mode="rb"), zlib.error
    if kind == "bzip2":
        return importlib.import_module("bz2").BZ2File, OSError
    lzma = importlib.import_module("lzma")
    return lzma.LZMAFile, lzma.LZMAError


def _zstd_reader() -> tuple[Callable[[Any], Any], type[Exception]]:
    try:
        zstd = importlib.import_module("compression.zstd")  # from Python 3.14 on
        return zstd.ZstdFile, zstd.ZstdError
    except ImportError:
        pass
    try:
        zstandard = importlib.import_module("zstandard")
    except ImportError:
        raise TextError(
            "is compressed with zstd: pip install zstandard, or unpack it with zstd -d FILE"
        ) from None
    return partial(_ZstandardReader, zstandard), zstandard.ZstdError


class _ZstandardReader:
    """Frames of zstd; unlike the library's own reader, it tells when the last one was cut off."""

    def __init__(self, zstandard: Any, packed: _Packed) -> None:
        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._frame = self._new_frame()
        self._whole = True
        self._packed = packed
        self._content = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._content) < size:
            data = self._packed.read(ZSTD_SIZE)
            if not data and not self._whole:
                raise EOFError
            if not data:
                break
            while data:
                self._content += self._frame.decompress(data)
                self._whole = self._frame.eof
                data = self._frame.unused_data if self._whole else b""
                if self._whole:
                    self._frame = self._new_frame()
        content = bytes(self._content[:size])
        del self._content[:size]
        return content
