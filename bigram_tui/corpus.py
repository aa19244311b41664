"""Reads a text of any size, a file or standard input, into the bigrams of its lines.

The text passes through in chunks, as bytes, then characters, then tokens, whose pairs are counted.
What is kept from one chunk to the next grows with the vocabulary, not with the text.
"""

import codecs
import math
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from bigram_tui.bigrams import BOUNDARY, Bigrams, Vocabulary

Tokens = npt.NDArray[np.intp]
Progress = Callable[[int, int | None], None]

# Small enough for the arrays of one chunk to stay in the processor's cache.
CHUNK_SIZE = 1 << 18

# Bytes, by the estimate that an item takes one for each character and an overhead for its string
# and its place in the set: half a million names, little for any machine that trains a model.
ITEM_BUDGET = 64 << 20
ITEM_OVERHEAD = 100

# Characters of one line: no model's sample is longer, and a text on a single line is never held.
LONGEST_ITEM = 1 << 16

# Tokens: a table of counts that large takes 8 GiB, and a model several times as much.
LARGEST_VOCABULARY = 1 << 15

LINE_END = "\n"
BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c != LINE_END)


class CorpusError(Exception):
    """One line that says what is wrong with a corpus and what to do."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """The bigrams of a text, whole or in parts that share one vocabulary.

    path: as the user gave it; "-" is standard input.
    lines: the number of items, that is of lines that are not blank.
    train: the bigrams of the training lines; of all lines when there is no split.
    validation, test: the bigrams of the other parts; None for a part without lines.
    items: the lines of all parts; None when they, or one of them, are too large to remember.
    """

    path: str
    lines: int
    train: Bigrams
    validation: Bigrams | None
    test: Bigrams | None
    items: frozenset[str] | None

    @property
    def bigrams(self) -> int:
        """The number of bigrams in all parts together."""
        return sum(part.total for part in (self.train, self.validation, self.test) if part)

    def holds(self, name: str) -> bool | None:
        """Whether a name is one of the items; None when they are too large to remember."""
        return None if self.items is None else name in self.items


def bundled_names() -> Path:
    """The lecture's names, where a wheel or else where a checkout has them."""
    packaged = Path(__file__).with_name("names.txt")
    return packaged if packaged.is_file() else Path(__file__).parents[1] / "data" / "names.txt"


def parse_split(text: str) -> tuple[int, ...]:
    """The shares of training, validation and perhaps test lines, from "80/10/10" or "90/10".

    Raises ValueError for any other text, and when training or all other parts get nothing.
    """
    if re.fullmatch(r"[0-9]{1,6}(/[0-9]{1,6}){1,2}", text):
        train, *others = map(int, text.split("/"))
        if train > 0 and sum(others) > 0:
            return (train, *others)
    raise ValueError(
        f"{text!r} is no split: give training/validation or training/validation/test as whole "
        "numbers of up to six digits, the first and another above 0, such as 80/10/10"
    )


def read_corpus(
    path: str,
    *,
    split: Sequence[int] | None = None,
    seed: int = 2147483647,
    progress: Progress | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Corpus:
    """Count the bigrams of a file, or of standard input for "-", as count_stream does."""
    with _opened(path) as stream:
        return count_stream(
            stream, path, split=split, seed=seed, progress=progress, chunk_size=chunk_size
        )


def count_stream(
    stream: BinaryIO,
    path: str,
    *,
    split: Sequence[int] | None = None,
    seed: int = 2147483647,
    progress: Progress | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Corpus:
    """Count the bigrams of a UTF-8 text, one item a line.

    White space around a line is not counted, and blank lines are not items. Each block of as many
    items as the shares of the split add up to (in lowest terms) is dealt out to the parts by a
    permutation of its own; so every chunk size gives the same parts.

    path: what errors call the text.
    split: the shares of training, validation and perhaps test, as parse_split gives them.
    progress: called after each chunk with the bytes read and the size in bytes, None if not known.
    chunk_size: bytes to read at a time.
    Raises CorpusError when the text cannot be read, is not UTF-8, or has no items to train on.
    """
    try:
        items, tally = _Items(), _Tally(split, seed)
        for text in _decoded(_with_one_line_end(_chunks(stream, chunk_size, progress))):
            items.feed(text)
            tally.feed(text)
        return _corpus(path, items, tally)
    except _TextError as error:
        raise CorpusError(f"{path!r} {error}") from None
    except MemoryError:
        raise CorpusError(f"{path!r} {_TOO_MANY_CHARACTERS}") from None


class _TextError(Exception):
    """What is wrong with a text and what to do, to be said of its path."""


_TOO_MANY_CHARACTERS = (
    "holds too many different characters for a table of their bigrams: give a text with fewer"
)


def _corpus(path: str, items: "_Items", tally: "_Tally") -> Corpus:
    """What was counted, if a model can be trained on it."""
    items.feed(LINE_END)
    tally.feed(LINE_END)
    lines = tally.lines()
    if not any(lines):
        raise _TextError("holds only blank lines: give a text with one item a line")
    if not lines[0]:
        raise _TextError(
            f"has no line left for training after the split, of {sum(lines):,} in all: "
            "give training a larger share or a longer text"
        )
    parts = [part if n else None for part, n in zip(tally.bigrams(), lines, strict=True)]
    train, validation, test = (*parts, None, None)[:3]
    assert train is not None
    return Corpus(path, sum(lines), train, validation, test, items.frozen())


# Bytes


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    """The file at a path, to be closed afterwards, or standard input, to be left open."""
    if path == "-":
        if sys.stdin is None:
            raise CorpusError("'-' is standard input, which is closed: name a file")
        return nullcontext(sys.stdin.buffer)
    try:
        return open(path, "rb")
    except OSError as error:
        raise CorpusError(f"{path!r} {_advice(error)}") from None


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise _TextError(_advice(error)) from None


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


def _size(stream: BinaryIO) -> int | None:
    """How many bytes a stream has, if it is a file that says so."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return None
    return status.st_size or None if stat.S_ISREG(status.st_mode) else None


def _chunks(stream: BinaryIO, chunk_size: int, progress: Progress | None) -> Iterator[bytes]:
    """The bytes of a stream, the first four of them together: they tell its encoding."""
    head = _read(stream, 4)
    if not head:
        raise _TextError("is empty: give a text with one item a line")
    if encoding := _wide_encoding(head):
        raise _TextError(
            f"looks like {encoding}, not UTF-8: convert it with iconv -f {encoding} -t UTF-8 FILE"
        )
    chunk = head + _read(stream, max(0, chunk_size - len(head)))
    size, done = _size(stream), 0
    while chunk:
        yield chunk
        done += len(chunk)
        if progress is not None:
            progress(done, size)
        chunk = _read(stream, chunk_size)


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, if a byte order mark or the NULs among four bytes show it."""
    if head in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    nuls = "".join("x" if byte else "0" for byte in head)
    by_nuls = {"x0x0": "UTF-16LE", "0x0x": "UTF-16BE", "x000": "UTF-32LE", "000x": "UTF-32BE"}
    return by_nuls.get(nuls)


def _with_one_line_end(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""The same text with \n for each \r\n and \r, also where a chunk ends between the two."""
    held = b""
    for chunk in chunks:
        data = held + chunk
        held = b"\r" if data.endswith(b"\r") else b""
        yield data.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    yield held.replace(b"\r", b"\n")


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    """The characters of UTF-8 bytes, less a byte order mark."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    line = 1
    try:
        for chunk in chunks:
            valid, nul, _ = chunk.partition(b"\0")
            yield decoder.decode(valid)
            line += valid.count(b"\n")
            if nul:
                raise _TextError(f"holds a NUL byte in line {line}: give a text, not a binary file")
        decoder.getstate()[0].decode()  # raises where the text ends within a character
    except UnicodeDecodeError as error:
        line += error.object.count(b"\n", 0, error.start)
        raise _TextError(
            f"is not UTF-8: byte 0x{error.object[error.start]:02X} in line {line}; "
            "convert it with iconv -f ENCODING -t UTF-8 FILE"
        ) from None


# Characters and tokens


class _Alphabet:
    """Numbers the characters in the order in which they turn up; a line end is the boundary."""

    def __init__(self) -> None:
        self._tokens = np.full(sys.maxunicode + 1, -1, np.intp)
        self.codes = np.empty(0, np.int64)
        self.white = np.empty(0, np.bool_)
        self._add(np.array([ord(LINE_END)]))

    def encode(self, text: str) -> Tokens:
        """The token of each character. [len(text)]"""
        codes = _code_points(text)
        tokens = self._tokens[codes]
        new = tokens < 0
        if new.any():
            self._add(np.flatnonzero(np.bincount(codes[new])))
            tokens = self._tokens[codes]
        return tokens

    def _add(self, codes: npt.NDArray[np.integer]) -> None:
        self._tokens[codes] = np.arange(len(self.codes), len(self.codes) + len(codes))
        self.codes = np.append(self.codes, codes)
        self.white = np.append(self.white, [chr(code).isspace() for code in codes])


def _code_points(text: str) -> npt.NDArray[np.uint8 | np.uint32]:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def _widen_line_ends(tokens: Tokens, white: npt.NDArray[np.bool_]) -> None:
    """Turn each run of white space that holds a line end into line ends, in place."""
    where = np.flatnonzero(white)
    starts = np.flatnonzero(np.diff(where, prepend=-2) > 1)
    if starts.size:
        ends_line = np.logical_or.reduceat(tokens[where] == BOUNDARY, starts)
        lengths = np.diff(starts, append=where.size)
        tokens[where[np.repeat(ends_line, lengths)]] = BOUNDARY


class _Dealer:
    """Deals items out to the parts of a split, each block of them by a permutation of its own."""

    def __init__(self, split: Sequence[int], seed: int) -> None:
        self._block = np.repeat(np.arange(len(split)), np.array(split) // math.gcd(*split))
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._dealt = np.empty(0, np.intp)

    def deal(self, items: int) -> Tokens:
        """The parts of the next items. [items]"""
        missing = max(0, items - self._dealt.size)
        blocks = np.tile(self._block, (-(-missing // self._block.size), 1))
        new = self._random.permuted(blocks, axis=1).ravel()
        parts, self._dealt = np.split(np.append(self._dealt, new), [items])
        return parts


class _Tally:
    """Counts the bigrams of a text that comes in pieces of any size.

    Only the next piece tells whether the blanks that end a piece stand within a line or at its end.
    Until then their bigrams are held apart, as counts, so that any amount of them takes no room.
    """

    def __init__(self, split: Sequence[int] | None, seed: int) -> None:
        self._alphabet = _Alphabet()
        self._dealer = _Dealer(split, seed) if split else None
        self._part = 0
        self._tables = np.zeros((len(split) if split else 1, 64, 64), np.int64)
        self._last = LINE_END
        self._held: Counter[tuple[str, str]] = Counter()
        self._last_held = ""

    def feed(self, text: str) -> None:
        """Count the next characters."""
        settled = text.rstrip(BLANKS)
        if settled:
            self._settle(settled.lstrip(BLANKS)[0])
            self._count(self._last + settled)
            self._last = settled[-1]
        if blanks := text[len(settled) :]:
            self._held.update(pairwise((self._last_held or self._last) + blanks))
            self._last_held = blanks[-1]

    def _settle(self, following: str) -> None:
        """Count the blanks that were held, unless they begin or end a line."""
        if self._held and LINE_END not in (self._last, following):
            for pair, times in self._held.items():
                first, second = self._encode("".join(pair))
                self._tables[self._part, first, second] += times
            self._last = self._last_held
        self._held.clear()
        self._last_held = ""

    def _count(self, text: str) -> None:
        """Count the bigrams of a text whose first character is the last one before it."""
        tokens = self._encode(text)
        _widen_line_ends(tokens, self._alphabet.white[tokens])
        first, second = tokens[:-1], tokens[1:]
        size = self._tables.shape[-1]
        rows = self._parts(first, second) * size + first
        np.add.at(self._tables.reshape(-1), rows * size + second, 1)

    def _encode(self, text: str) -> Tokens:
        tokens = self._alphabet.encode(text)
        if len(self._alphabet.codes) > self._tables.shape[-1]:
            self._grow(len(self._alphabet.codes))
        return tokens

    def _grow(self, size: int) -> None:
        """Make room for so many tokens and some more."""
        if size > LARGEST_VOCABULARY:
            raise _TextError(_TOO_MANY_CHARACTERS)
        old, room = self._tables.shape[-1], min(size + size // 2, LARGEST_VOCABULARY)
        tables = np.zeros((len(self._tables), room, room), np.int64)
        tables[:, :old, :old] = self._tables
        self._tables = tables

    def _parts(self, first: Tokens, second: Tokens) -> Tokens | int:
        """The part that each bigram belongs to: that of its item."""
        if self._dealer is None:
            return 0
        starts = (first == BOUNDARY) & (second != BOUNDARY)
        item = np.cumsum(starts)
        parts = np.append(self._part, self._dealer.deal(int(item[-1])))
        self._part = int(parts[-1])
        return np.take(parts, item)

    def lines(self) -> list[int]:
        """The number of items in each part."""
        return [int(table[BOUNDARY, 1:].sum()) for table in self._tables]

    def bigrams(self) -> list[Bigrams]:
        """The bigrams of each part, over the characters of all parts in their order."""
        self._tables[:, BOUNDARY, BOUNDARY] = 0  # only blank lines have come to this
        codes = self._alphabet.codes
        used = np.flatnonzero(self._tables.any(axis=(0, 2)))[1:]
        order = np.append(BOUNDARY, used[np.argsort(codes[used])])
        vocabulary = Vocabulary("".join(map(chr, codes[order[1:]])))
        return [Bigrams(vocabulary, table[np.ix_(order, order)]) for table in self._tables]


class _Items:
    """Remembers the items of a text that comes in pieces, while they are few and short."""

    def __init__(self) -> None:
        self._seen: set[str] | None = set()
        self._room = ITEM_BUDGET
        self._begun = ""

    def feed(self, text: str) -> None:
        """Remember the lines that end in the next characters."""
        if self._seen is None:
            return
        lines = (self._begun + text).split(LINE_END)
        self._begun = lines[-1]
        new = set(map(str.strip, lines[:-1])) - self._seen
        new.discard("")
        self._room -= sum(map(len, new)) + ITEM_OVERHEAD * len(new)
        if self._room < 0 or max(map(len, lines)) > LONGEST_ITEM:
            self._seen, self._begun = None, ""
        else:
            self._seen |= new

    def frozen(self) -> frozenset[str] | None:
        """All items; None if they were too many or too long."""
        return None if self._seen is None else frozenset(self._seen)
