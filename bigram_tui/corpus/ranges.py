"""Cuts texts into ranges that are counted apart, on any machine and in any order.

A range is counted by a function of nothing but the range, so that any executor can run it. What a
range holds are the lines that begin in it, whole ones: so each line is in one range, wherever the
cuts are.
"""

import codecs
import os
import platform
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bigram_tui import __version__
from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.builder import CorpusBuilder
from bigram_tui.corpus.compression_formats import LONGEST_MAGIC
from bigram_tui.corpus.counts_file import Source, TextCounts, source_of
from bigram_tui.corpus.decoding import LINE_ENDS, check_encoding
from bigram_tui.corpus.errors import CorpusError, naming_text
from bigram_tui.corpus.files import Kind, TextFile
from bigram_tui.corpus.opening import open_text
from bigram_tui.corpus.remote import RemoteFile, sends_parts
from bigram_tui.corpus.sparse_counts import SparseCounts
from bigram_tui.corpus.streams import Readable, open_file
from bigram_tui.errors import BrokenTextError, TextError

RANGE_SIZE = 64 << 20
"""Bytes: a second's work, beside which the way to a worker and back takes no time."""

BLOCK_SIZE = 1 << 16
"""Bytes that are read at a time in search of a line end."""

BLANK_LINES = b"\n" * 4
"""What a range in the middle of a file is counted after: they change no count, and what only the
start of a file can be, such as a byte order mark, is a character after them."""

CHANGED = "has changed since counting began: count it again"

LINE_OF_ERROR = re.compile(r"in line \d+")


@dataclass(frozen=True)
class TextRange:
    """The lines of a file that begin in a range of its bytes."""

    file: TextFile
    """As it was when the range was cut; it is refused if it is another now."""
    start: int = 0
    end: int | None = None
    """None for a whole file in one piece, which may be compressed."""
    mark: str | None = None
    """That of a file at an address: see RemoteFile."""
    version: str = __version__
    """The version of the program, which must be that of the worker."""

    @property
    def size(self) -> int:
        """Bytes; 0 if they are unknown."""
        return (self.file.size or 0) if self.end is None else self.end - self.start


class Seekable(Readable, Protocol):
    """A stream that can be read from any place on."""

    def seek(self, place: int, /) -> Any: ...


def cut(file: TextFile, size: int = RANGE_SIZE) -> Iterator[TextRange]:
    """Yield the ranges of a file: one of a compressed or small file, else one for each `size`.

    Raises CorpusError if it is no file that several processes can read.
    """
    if file.kind is Kind.STREAM:
        raise CorpusError(f"{file.path!r} is no file, so workers can't read it: count it here")
    if file.kind in (Kind.MISSING, Kind.FOLDER):
        with naming_text(file.path):
            open_file(file.path).close()
    mark = None
    if file.kind is Kind.REMOTE:
        if not sends_parts(file.path):
            yield TextRange(file)
            return
        with naming_text(file.path), closing(RemoteFile(file.path, CancelToken())) as remote:
            file = replace(file, size=remote.size, head=remote.peek(LONGEST_MAGIC))
            mark = remote.mark
    if file.compression or (file.size or 0) <= size:
        yield TextRange(file, mark=mark)
        return
    with naming_text(file.path):
        list(check_encoding([file.head]))
    for start in range(0, file.size or 0, size):
        yield TextRange(file, start, min(start + size, file.size or 0), mark)


def count_range(part: TextRange) -> TextCounts:
    """Count the lines of a range; there may be none.

    Raises CorpusError if the file has changed or is not as bigram-tui reads it.
    """
    if part.version != __version__:
        raise CorpusError(
            f"{platform.node()!r} has bigram-tui {__version__}, not {part.version} as here: "
            "install the same version on all machines"
        )
    with naming_text(part.file.path), _unchanged(part.file):
        if part.end is None:
            return _count_file(part)
        if part.file.kind is Kind.REMOTE:
            return _count_remote_lines(part, part.end)
        with open_file(_place(part.file)) as file:
            return _count_lines(file, part, part.end)


@contextmanager
def _unchanged(file: TextFile) -> Iterator[None]:
    """Raise TextError if a file is another before or after the block than it was when found."""
    _check_unchanged(file)
    try:
        yield
    finally:  # an error may be the work of another program too
        _check_unchanged(file)


def _check_unchanged(file: TextFile) -> None:
    if file.identity is None:
        return
    _, size, (modified, _) = file.identity
    try:
        status = os.stat(_place(file))
    except OSError as error:
        raise TextError(
            f"can't be seen on {platform.node()!r} ({error.strerror}): all machines need the "
            "texts under the same path"
        ) from None
    if (status.st_size, status.st_mtime_ns) != (size, modified):
        raise TextError(CHANGED)


def _place(file: TextFile) -> str:
    """Return the absolute path of a file: a worker has a folder of its own."""
    return file.path if file.identity is None else file.identity[0]


def _count_file(part: TextRange) -> TextCounts:
    with open_text(replace(part.file, path=_place(part.file))) as stream:
        source = source_of(part.file, stream)
        if part.mark not in (None, source.mark):
            raise TextError(CHANGED)
        return TextCounts(_counts(stream), (source,))


def _count_remote_lines(part: TextRange, end: int) -> TextCounts:
    with closing(RemoteFile(part.file.path, CancelToken())) as file:
        if (file.size, file.mark) != (part.file.size, part.mark):
            raise TextError(CHANGED)
        try:
            return _count_lines(file, part, end)
        finally:
            file.check_unchanged()


def _count_lines(file: Seekable, part: TextRange, end: int) -> TextCounts:
    begin = line_start(file, part.start, end)
    if begin >= end:  # within a line that began before
        return TextCounts(SparseCounts.from_sum([]), ())
    stop = line_start(file, end)
    try:
        counts = _counts(Lines(file, begin, stop))
    except BrokenTextError as error:
        if not LINE_OF_ERROR.search(str(error)):
            raise
        place = f"at offset {_wrong_byte(file, begin, stop):,}"
        raise BrokenTextError(LINE_OF_ERROR.sub(place, str(error))) from None
    path, size, modified = part.file.path, part.file.size, None
    if part.file.identity is not None:
        path, size, (modified, _) = part.file.identity
    return TextCounts(counts, (Source(path, size, modified, part.mark, begin, stop),))


def _counts(stream: Readable) -> SparseCounts:
    builder = CorpusBuilder(keep_items=False)
    builder.read(stream, workers=1)  # a worker is given as many ranges as it has processors
    with suppress(TextError):  # there are only blank lines, as there may be
        counts = builder.counts()
        return SparseCounts(counts.keys, counts.times)  # without what it has worked out
    return SparseCounts.from_sum([])


def line_start(file: Seekable, place: int, limit: float = float("inf")) -> int:
    r"""Return where the first line begins that begins at a place or after it.

    After the last line that is the end of the file. A line ends with \n, \r\n or \r.
    limit: a place from which on the search may end, with any number from there on.
    """
    if place == 0:
        return 0
    place -= 1  # the line before may end with this byte
    file.seek(place)
    while place < limit and (block := file.read(BLOCK_SIZE)):
        if match := LINE_ENDS.search(block):
            is_half = match.group() == b"\r" and match.end() == len(block) and file.read(1) == b"\n"
            return place + match.end() + is_half
        place += len(block)
    return place


class Lines:
    """Reads the bytes of a file from one place to another, as those of a text."""

    def __init__(self, file: Seekable, begin: int, stop: int) -> None:
        """begin, stop: places where a line begins, or the end of the file."""
        self.fileno = file.fileno
        self._file, self._left = file, stop - begin
        self._before = BLANK_LINES if begin else b""
        file.seek(begin)

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none only at the end."""
        if self._before:
            data, self._before = self._before, b""
            return data
        data = self._file.read(min(size, self._left)) if self._left else b""
        self._left -= len(data)
        return data


def _wrong_byte(file: Seekable, begin: int, stop: int) -> int:
    """Return the place of the first byte that is NUL or not UTF-8, in lines that have such."""
    lines = Lines(file, begin, stop)
    place = begin - len(BLANK_LINES) if begin else 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    while data := lines.read(BLOCK_SIZE):
        held = len(decoder.getstate()[0])
        valid, nul, _ = data.partition(b"\0")
        try:
            decoder.decode(valid)
        except UnicodeDecodeError as error:
            return place - held + error.start
        if nul:
            return place + len(valid)
        place += len(data)
    return place - len(decoder.getstate()[0])
