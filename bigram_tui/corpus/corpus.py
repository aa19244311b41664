"""Reads texts of any size, files or standard input, into the bigrams of their lines.

A text passes through in chunks, as bytes, then characters, then tokens, whose pairs are counted;
chunks of plain lines take a shorter way, as bytes alone. What is kept from one chunk to the next
grows with the vocabulary, not with the text.
"""

import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bigram_tui.corpus.ascii_pairs import ASCII, LF, WORKERS, counted, whole_lines
from bigram_tui.corpus.compression import Decompressed
from bigram_tui.corpus.counter import (
    LINE_END,
    MAX_VOCABULARY,
    TOO_MANY_CHARACTERS,
    BigramCounter,
    Items,
    Tokens,
)
from bigram_tui.corpus.decoding import Decoder, checked
from bigram_tui.corpus.reader import STANDARD_INPUT, Progress, chunks, matches, opened
from bigram_tui.corpus.splitter import Splitter
from bigram_tui.corpus.streams import Readable, Stop, size_of
from bigram_tui.errors import BrokenTextError, TextError, UserError
from bigram_tui.formatting.numbers import byte_text
from bigram_tui.model.bigrams import Bigrams, Counts

# Small enough for the arrays of one chunk to stay in the processor's cache. With a line more, they
# have less than 2 MiB each: larger ones were seen to be mapped anew for each chunk.
CHUNK_SIZE = 250_000


LINE_ENDINGS = b"\n", b"\r"


class CorpusError(UserError):
    """One line that says what is wrong with a corpus and what to do."""

    part: "Corpus | None" = None
    """What was read before a text went wrong, if that is sound and a model can be trained on it."""


@dataclass(frozen=True)
class Extent:
    """How far a text was read, where that is not to its end.

    content: bytes of the text itself, all files together.
    done, size: the same of the files as they are, maybe compressed; size is None if not known.
    """

    content: int
    done: int
    size: int | None

    def __str__(self) -> str:
        if self.size is None:
            return f"first {byte_text(self.content)}"
        share = min(99, 100 * self.done // self.size)
        return f"first {share} %" if share else "first <1 %"


@dataclass(frozen=True, eq=False)
class PartialCounts:
    """What is counted of a text while it is read: its lines, and the bigrams of all parts."""

    lines: int
    bigrams: Bigrams
    can_train: bool = True
    """Whether any line is for training; with a split, that may not be the first."""


OnChunk = Callable[[Callable[[], PartialCounts]], None]
"""Gets what takes a glimpse, which needs time for each cell of the table."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """The bigrams of a text, whole or in parts that share one vocabulary.

    path: as the user gave it; "-" is standard input; of several files, what to call them together.
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
    several: tuple[str, ...] = ()
    """The paths of all files in order, where there is more than one."""
    extent: Extent | None = None
    """How far the text was read; None where that is to its end."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of each file, to read them once more."""
        return self.several or (self.path,)

    @property
    def until(self) -> int | None:
        """How many bytes of the text to read once more; None for all."""
        return None if self.extent is None else self.extent.content

    @property
    def bigrams(self) -> int:
        """The number of bigrams in all parts together."""
        return sum(part.total for part in (self.train, self.validation, self.test) if part)

    def partial_counts(self) -> PartialCounts:
        """All parts together, as they would be seen at the end of the reading."""
        counts = [part.counts for part in (self.train, self.validation, self.test) if part]
        return PartialCounts(self.lines, Bigrams(self.train.vocabulary, np.sum(counts, axis=0)))

    def holds(self, name: str) -> bool | None:
        """Whether a name is one of the items; None when they are too large to remember."""
        return None if self.items is None else name in self.items


def bundled_names() -> Path:
    """The names that come with the program, where a wheel or else a checkout has them."""
    package = Path(__file__).parents[1]
    packaged = package / "names.txt"
    return packaged if packaged.is_file() else package.parent / "data" / "names.txt"


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
    *paths: str,
    split: Sequence[int] | None = None,
    seed: int = 2147483647,
    max_vocabulary: int = MAX_VOCABULARY,
    progress: Progress | None = None,
    stop: Stop | None = None,
    look: OnChunk | None = None,
    chunk_size: int = CHUNK_SIZE,
    workers: int = WORKERS,
) -> Corpus:
    """Count the bigrams of files, one after the other, as count_stream does.

    paths: one or several, which then are one text, but no line goes on in the next file. Patterns
    such as "*.txt" stand for what they match. "-" is standard input, which can only be alone.
    A file may be compressed by gzip, bzip2, xz or zstd, whatever its name is.
    progress: as in count_stream, of all files together; a compressed one counts as it is.
    stop: asked for each chunk; once it says so, reading ends after the last line end in the chunk,
    or, where it has none, after the chunk, and the extent of the corpus tells how far that is.
    look: called after each chunk.
    Raises CorpusError as count_stream does; if a text is sound up to some line, the error has the
    corpus of what was read before, whose extent tells how far that is.
    """
    paths = expanded(paths)
    title = corpus_title(paths)
    count = _Count(split, seed, max_vocabulary, stop, look)
    done, size = 0, None

    def note(new_done: int, new_size: int | None) -> None:
        nonlocal done, size
        if not count.is_cut:  # else it is only looked for damage
            done, size = new_done, new_size
        if progress is not None:
            progress(new_done, new_size)

    def corpus(*, is_whole: bool) -> Corpus:
        with _blaming(title):
            result = count.corpus(title)
        several = paths if len(paths) > 1 else ()
        extent = None if is_whole else Extent(count.content, done, size)
        return replace(result, several=several, extent=extent)

    for path, report in zip(paths, _reports(paths, note), strict=True):
        with _blaming(path, partial(corpus, is_whole=False)), opened(path, stop) as stream:
            count.read(stream, report, chunk_size, workers)
        if count.is_cut:
            break
    return corpus(is_whole=not count.is_cut)


def corpus_title(paths: Sequence[str]) -> str:
    """What several paths are called together; a single one is its own title."""
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def count_stream(
    stream: BinaryIO,
    path: str,
    *,
    split: Sequence[int] | None = None,
    seed: int = 2147483647,
    max_vocabulary: int = MAX_VOCABULARY,
    progress: Progress | None = None,
    chunk_size: int = CHUNK_SIZE,
    workers: int = WORKERS,
) -> Corpus:
    """Count the bigrams of a UTF-8 text, one item a line.

    White space around a line is not counted, and blank lines are not items. A split deals equal
    items out to the same part. Each block of as many distinct ones as its shares add up to (in
    lowest terms) is dealt by a permutation of its own, from 65,536 distinct ones on each by its
    hash; so every chunk size gives the same parts.

    path: what errors call the text.
    split: the shares of training, validation and perhaps test, as parse_split gives them.
    max_vocabulary: tokens, 2 or more; the rarest characters beyond share the last of them.
    progress: called for each chunk with the bytes read and the size in bytes, None if not known.
    chunk_size: bytes to read at a time. workers: threads that count; none is started for one.
    Raises CorpusError when the text cannot be read, is not UTF-8, or has no items to train on.
    """
    with _blaming(path):
        count = _Count(split, seed, max_vocabulary)
        count.read(stream, progress, chunk_size, workers)
        return count.corpus(path)


def read_items(
    *paths: str,
    split: Sequence[int] | None = None,
    seed: int = 2147483647,
    limit: int = sys.maxsize,
    until: int | None = None,
    progress: Progress | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Iterator[tuple[list[str], Tokens]]:
    """Go through the items of files once more, in order: some of them, and the part of each.

    paths: those of the corpus. split, seed, progress, chunk_size: as in read_corpus, which deals
    out the same parts.
    limit: of characters, blanks and line ends included; the item that it falls in is cut there.
    until: that of the corpus: no more of the text is read.
    Raises CorpusError when a text cannot be read (standard input only can once) or is not UTF-8.
    """
    for path in paths:
        if path == STANDARD_INPUT or not Path(path).is_file():
            raise CorpusError(
                f"{path!r} cannot be read again: save its text as a file and name that"
            )
    splitter = Splitter(split, seed) if split else None
    texts = _texts(paths, sys.maxsize if until is None else until, progress, chunk_size)
    begun = ""
    for text in chain(_limited(texts, limit), [LINE_END]):
        *lines, begun = (begun + text).split(LINE_END)
        items = [item for item in map(str.strip, lines) if item]
        yield items, splitter.deal_lines(items) if splitter else np.zeros(len(items), np.intp)


def _texts(
    paths: Sequence[str], until: int, progress: Progress | None, chunk_size: int
) -> Iterator[str]:
    """The characters of the files, and a line end after each; of the first bytes, so many."""
    for path, report in zip(paths, _reports(paths, progress), strict=True):
        decoder = Decoder()
        with _blaming(path), opened(path) as stream:
            data = chunks(stream, chunk_size, report)
            with _damage_first(stream, data):
                for chunk in checked(data):
                    yield from decoder.texts(chunk[:until])
                    until -= len(chunk)
                    if until <= 0:
                        break
                else:
                    yield from decoder.rest()
        yield LINE_END
        if until <= 0:
            return


@contextmanager
def _damage_first(
    stream: Readable, rest: Iterator[bytes], stop: Stop | None = None
) -> Iterator[None]:
    """If the content of a compressed file is wrong, make sure that the file itself is not.

    A damaged file unpacks to bytes that may be no text long before its checksum is reached. So it
    is read to its end; if that fails, this is the error. stop: leaves it unchecked.
    """
    try:
        yield
    except TextError:
        if isinstance(stream, Decompressed):
            for _ in rest:
                if stop is not None and stop():
                    break
        raise


def _limited(texts: Iterable[str], limit: int) -> Iterator[str]:
    """The first characters of a text, so many at most."""
    for text in texts:
        yield text[:limit]
        limit -= len(text)
        if limit <= 0:
            return


class _Count:
    """What is counted of one text after the other."""

    def __init__(
        self,
        split: Sequence[int] | None,
        seed: int,
        max_vocabulary: int,
        stop: Stop | None = None,
        look: OnChunk | None = None,
    ) -> None:
        self._split = None if split is None else tuple(split)
        self._items, self._tally = Items(), BigramCounter(split, seed)
        self._plain = np.zeros((ASCII, ASCII), np.int64)
        self._is_empty = True
        self._max_vocabulary = max_vocabulary
        self._stop, self._on_chunk = stop, look
        self.is_cut = False
        """Whether the text goes on after what was counted."""
        self.content = 0
        """Bytes of the text that were counted."""

    def read(
        self, stream: Readable, progress: Progress | None, chunk_size: int, workers: int
    ) -> None:
        """Count a text to its end, which ends a line. Raises TextError."""
        decoder = Decoder()
        data = chunks(stream, chunk_size, progress)
        try:
            with _damage_first(stream, data, self._stop):
                self._read(decoder, data, workers)
        except BrokenTextError:
            self._end(decoder)
            raise
        self._end(decoder)

    def _read(self, decoder: Decoder, data: Iterator[bytes], workers: int) -> None:
        lines = whole_lines(self._until_stopped(checked(data)))
        # A split has to know the lines one by one.
        pieces: Generator[tuple[bytes, Counts | None], None, None] = (
            ((line.data, None) for line in lines) if self._split else counted(lines, workers)
        )
        unended = b""  # the last piece, if it ends no line: the text may end within a character
        try:
            with closing(pieces):
                for chunk, pairs in pieces:
                    if unended:
                        self._count(decoder.texts(unended))
                    unended = chunk if pairs is None and not chunk.endswith(LINE_ENDINGS) else b""
                    if pairs is not None:
                        self._count_plain(decoder, chunk, pairs)
                    elif not unended:
                        self._count(decoder.texts(chunk))
            if unended:
                self._count(decoder.texts(unended, is_last=not self.is_cut))
            if not self.is_cut:  # else it may be within a character
                self._feed(decoder.rest())
        except TextError:
            self.is_cut = True
            raise

    def _count(self, texts: Iterable[str]) -> None:
        self._is_empty = False
        self._feed(texts)
        self._show()

    def _count_plain(self, decoder: Decoder, lines: bytes, pairs: Counts) -> None:
        """Count lines of ASCII whose pairs are counted already."""
        self._is_empty = False
        decoder.pass_over(int(pairs[:, LF].sum()), len(lines))
        self._plain += pairs
        self._items.feed(lines.replace(b"\r", b"").decode("ascii"))
        self._show()

    def _show(self) -> None:
        if self._on_chunk is not None:
            self._on_chunk(self._partial_counts)

    def _until_stopped(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks, of the last one only whole lines if reading is stopped there."""
        for chunk in chunks:
            self.is_cut = self._stop is not None and self._stop()
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1 if self.is_cut else 0
            yield chunk[:end] if end else chunk
            if self.is_cut:
                return
        self.is_cut = self._stop is not None and self._stop()  # as where nothing came any more

    def _end(self, decoder: Decoder) -> None:
        self.content += decoder.size
        self._add_plain()
        self._feed([LINE_END])

    def _add_plain(self) -> None:
        self._tally.add(self._plain)
        self._plain[:] = 0

    def _partial_counts(self) -> PartialCounts:
        self._add_plain()
        parts = self._tally.bigrams(self._max_vocabulary)
        counts = parts[0].counts
        if len(parts) > 1:
            counts = np.sum([part.counts for part in parts], axis=0)
        lines = self._tally.lines()
        return PartialCounts(sum(lines), Bigrams(parts[0].vocabulary, counts), lines[0] > 0)

    def _feed(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._items.feed(text)
            self._tally.feed(text)

    def corpus(self, path: str) -> Corpus:
        """What was counted. Raises TextError if no model can be trained on it."""
        if self._is_empty:
            raise TextError("is empty: give a text with one item a line")
        lines = self._tally.lines()
        if not any(lines):
            raise TextError("holds only blank lines: give a text with one item a line")
        if not lines[0]:
            raise TextError(
                f"has no line left for training after the split, of {sum(lines):,} in all: "
                "give training a larger share or a longer text"
            )
        bigrams = self._tally.bigrams(self._max_vocabulary)
        parts = [part if n else None for part, n in zip(bigrams, lines, strict=True)]
        train, validation, test = (*parts, None, None)[:3]
        assert train is not None
        items = self._items.frozen()
        return Corpus(path, sum(lines), train, validation, test, items, self._split)


@contextmanager
def _blaming(path: str, part: Callable[[], Corpus] | None = None) -> Iterator[None]:
    """Say of a path what is wrong with its text. part: makes what was read before it went wrong."""
    try:
        yield
    except TextError as error:
        told = CorpusError(f"{path!r} {error}")
        if part is not None and isinstance(error, BrokenTextError):
            with suppress(CorpusError):  # there is nothing to train on
                told.part = part()
        raise told from None
    except MemoryError:
        raise CorpusError(f"{path!r} {TOO_MANY_CHARACTERS}") from None


def expanded(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths, with what it matches in the place of each pattern."""
    found: list[str] = []
    for path in paths:
        with _blaming(path):
            found += matches(path)
    if STANDARD_INPUT in found and len(found) > 1:
        raise CorpusError("'-' is standard input, which can only be read alone: leave it out")
    return tuple(found)


def _reports(paths: Sequence[str], progress: Progress | None) -> Iterator[Progress | None]:
    """What to call with the progress of each file, to be asked for when its turn comes."""
    if progress is None or len(paths) == 1:
        yield from [progress] * len(paths)
        return
    total = sum(size_of(path) or 0 for path in paths) or None
    before = done = 0

    def report(read: int, _: int | None) -> None:
        nonlocal done
        done = read
        progress(before + done, total)

    for _ in paths:
        yield report
        before, done = before + done, 0
