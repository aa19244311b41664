"""Reads a text of any size, a file or standard input, into the bigrams of its lines.

The text passes through in chunks, as bytes, then characters, then tokens, whose pairs are counted.
What is kept from one chunk to the next grows with the vocabulary, not with the text.
"""

import codecs
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from bigram_tui.bigrams import Bigrams
from bigram_tui.errors import UserError
from bigram_tui.tally import LINE_END, TOO_MANY_CHARACTERS, Dealer, Items, Tally, TextError, Tokens

Progress = Callable[[int, int | None], None]

# Small enough for the arrays of one chunk to stay in the processor's cache.
CHUNK_SIZE = 1 << 18


class CorpusError(UserError):
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
    split: tuple[int, ...] | None = None
    """The shares by which lines were dealt out to the parts; None without a split."""

    @property
    def bigrams(self) -> int:
        """The number of bigrams in all parts together."""
        return sum(part.total for part in (self.train, self.validation, self.test) if part)

    def holds(self, name: str) -> bool | None:
        """Whether a name is one of the items; None when they are too large to remember."""
        return None if self.items is None else name in self.items


def bundled_names() -> Path:
    """The names that come with the program, where a wheel or else a checkout has them."""
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
        items, tally = Items(), Tally(split, seed)
        for text in _decoded(_with_one_line_end(_chunks(stream, chunk_size, progress))):
            items.feed(text)
            tally.feed(text)
        return replace(_corpus(path, items, tally), split=None if split is None else tuple(split))
    except TextError as error:
        raise CorpusError(f"{path!r} {error}") from None
    except MemoryError:
        raise CorpusError(f"{path!r} {TOO_MANY_CHARACTERS}") from None


def read_items(
    path: str,
    *,
    split: Sequence[int] | None = None,
    seed: int = 2147483647,
    limit: int = sys.maxsize,
    progress: Progress | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Iterator[tuple[list[str], Tokens]]:
    """Go through the items of a file once more, in order: some of them, and the part of each.

    split, seed, progress, chunk_size: as in count_stream, which deals out the same parts.
    limit: of characters, blanks and line ends included; the item that it falls in is cut there.
    Raises CorpusError when the text cannot be read (standard input only can once) or is not UTF-8.
    """
    if path == "-" or not Path(path).is_file():
        raise CorpusError(f"{path!r} cannot be read again: save its text as a file and name that")
    dealer = Dealer(split or (1,), seed)
    begun = ""
    try:
        with _opened(path) as stream:
            texts = _decoded(_with_one_line_end(_chunks(stream, chunk_size, progress)))
            for text in chain(_limited(texts, limit), [LINE_END]):
                *lines, begun = (begun + text).split(LINE_END)
                items = [item for item in map(str.strip, lines) if item]
                yield items, dealer.deal(len(items))
    except TextError as error:
        raise CorpusError(f"{path!r} {error}") from None


def _limited(texts: Iterable[str], limit: int) -> Iterator[str]:
    """The first characters of a text, so many at most."""
    for text in texts:
        yield text[:limit]
        limit -= len(text)
        if limit <= 0:
            return


def _corpus(path: str, items: Items, tally: Tally) -> Corpus:
    """What was counted, if a model can be trained on it."""
    items.feed(LINE_END)
    tally.feed(LINE_END)
    lines = tally.lines()
    if not any(lines):
        raise TextError("holds only blank lines: give a text with one item a line")
    if not lines[0]:
        raise TextError(
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
        raise TextError("is empty: give a text with one item a line")
    if encoding := _wide_encoding(head):
        raise TextError(
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
                raise TextError(f"holds a NUL byte in line {line}: give a text, not a binary file")
        decoder.getstate()[0].decode()  # raises where the text ends within a character
    except UnicodeDecodeError as error:
        line += error.object.count(b"\n", 0, error.start)
        raise TextError(
            f"is not UTF-8: byte 0x{error.object[error.start]:02X} in line {line}; "
            "convert it with iconv -f ENCODING -t UTF-8 FILE"
        ) from None
