"""Builds a corpus from the bytes of one text after another.

A text passes through in chunks, as bytes, then characters, then tokens, whose pairs are counted.
Chunks of plain lines take a shorter way, as bytes alone. What is kept from one chunk to the next
grows with the vocabulary, not with the text.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing

import numpy as np

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.ascii_pairs import ASCII, LF, WORKERS, Counted, count_pieces, whole_lines
from bigram_tui.corpus.compression import damage_first
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counter import LINE_END, BigramCounter
from bigram_tui.corpus.decoded_lines import DecodedLines
from bigram_tui.corpus.decoding import Decoder, check_encoding
from bigram_tui.corpus.distinct_items import DistinctItems
from bigram_tui.corpus.opening import read_chunks
from bigram_tui.corpus.partial_counts import OnChunk, PartialCounts
from bigram_tui.corpus.progress import OnProgress
from bigram_tui.corpus.sparse_counts import SparseCounts, tables
from bigram_tui.corpus.streams import Readable
from bigram_tui.defaults import LECTURE_SEED, MAX_VOCABULARY
from bigram_tui.errors import BrokenTextError, TextError
from bigram_tui.kernels.loading import READING
from bigram_tui.model.bigrams import Counts

# Small enough for the arrays of one chunk to stay in the processor's cache. With one more line,
# they have less than 2 MiB each: larger ones were seen to be mapped anew for each chunk.
CHUNK_SIZE = 250_000

KERNEL_CHUNKS = 4
"""Chunks that are read as one where kernels count, which make no arrays of plain lines."""

LINE_ENDINGS = b"\n", b"\r"


class CorpusBuilder:
    """The counts of all texts that were read so far."""

    def __init__(
        self,
        split: Sequence[int] | None = None,
        seed: int = LECTURE_SEED,
        max_vocabulary: int = MAX_VOCABULARY,
        cancellation: CancelToken | None = None,
        on_chunk: OnChunk | None = None,
        *,
        keep_items: bool = True,
    ) -> None:
        """The arguments are those of read_corpus.

        keep_items: whether to remember distinct items, which takes most of the time of counting.
        """
        self._split = None if split is None else tuple(split)
        self._items = DistinctItems(are_wanted=keep_items)
        self._counter = BigramCounter(split, seed)
        self._plain = np.zeros((ASCII, ASCII), np.int64, order="F")
        self._is_empty = True
        self._max_vocabulary = max_vocabulary
        self._cancellation, self._on_chunk = cancellation or CancelToken(), on_chunk
        self.is_cut = False
        """Whether the text goes on after what was counted."""
        self.content = 0
        """Bytes of the text that were counted, unpacked."""

    @property
    def is_split(self) -> bool:
        """Whether lines are dealt out to parts."""
        return self._split is not None

    def read(
        self,
        stream: Readable,
        progress: OnProgress | None = None,
        chunk_size: int = CHUNK_SIZE,
        workers: int = WORKERS,
    ) -> None:
        """Count a text to its end, which ends a line. Raises TextError."""
        decoder = Decoder()
        chunks = read_chunks(stream, lambda: self._chunk_size(chunk_size), progress)
        try:
            with damage_first(stream, chunks, self._cancellation):
                self._read(decoder, chunks, workers)
        except BrokenTextError:
            self._end(decoder)
            raise
        self._end(decoder)

    def _read(self, decoder: Decoder, chunks: Iterator[bytes], workers: int) -> None:
        lines = whole_lines(self._until_cancelled(check_encoding(chunks)))
        # A split has to know the lines one by one.
        pieces: Generator[tuple[bytes, Counted], None, None] = (
            ((line.data, None) for line in lines) if self._split else count_pieces(lines, workers)
        )
        unended = b""  # the last piece, if it ends no line: the text may end within a character
        try:
            with closing(pieces):
                for piece, counted in pieces:
                    if unended:
                        self._count(decoder.decode(unended))
                    is_open = counted is None and not piece.endswith(LINE_ENDINGS)
                    unended = piece if is_open else b""
                    if isinstance(counted, DecodedLines):
                        self._count_decoded(decoder, piece, counted)
                    elif counted is not None:
                        self._count_plain(decoder, piece, counted)
                    elif not unended:
                        self._count(decoder.decode(piece))
            if unended:
                self._count(decoder.decode(unended, is_last=not self.is_cut))
            if not self.is_cut:  # a cut may be within a character
                self._feed(decoder.finish())
        except TextError:
            self.is_cut = True
            raise

    def _chunk_size(self, usual: int) -> int:
        """Return how many bytes to read at a time."""
        has_kernels = READING.module is not None and not self._split
        return KERNEL_CHUNKS * usual if has_kernels else usual

    def _count(self, texts: Iterable[str]) -> None:
        self._is_empty = False
        self._feed(texts)
        self._announce_chunk()

    def _count_plain(self, decoder: Decoder, lines: bytes, pairs: Counts) -> None:
        """Count lines of ASCII whose pairs are counted already."""
        self._is_empty = False
        decoder.skip(int(pairs[:, LF].sum()), len(lines))
        self._plain += pairs
        self._items.feed_lines(lines)
        self._announce_chunk()

    def _count_decoded(self, decoder: Decoder, lines: bytes, decoded: DecodedLines) -> None:
        """Count lines that are decoded already."""
        self._is_empty = False
        decoder.skip(decoded.lines, len(lines))
        self._counter.add_codes(decoded.codes)
        if self._items.are_remembered:
            self._items.feed_lines(decoded.text(lines), decoded.longest)
        self._announce_chunk()

    def _announce_chunk(self) -> None:
        if self._on_chunk is not None:
            self._on_chunk(self._partial_counts)

    def _until_cancelled(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks; of the last one only whole lines, if reading is cancelled there."""
        for chunk in chunks:
            self.is_cut = self._cancellation.is_cancelled
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1 if self.is_cut else 0
            yield chunk[:end] if end else chunk
            if self.is_cut:
                return
        self.is_cut = self._cancellation.is_cancelled  # a pipe may have ended by that

    def _end(self, decoder: Decoder) -> None:
        self.content += decoder.size
        self._add_plain()
        self._feed([LINE_END])

    def _add_plain(self) -> None:
        self._counter.add(self._plain)
        self._plain[:] = 0

    def _partial_counts(self) -> PartialCounts:
        self._add_plain()
        parts = self._counter.counts()
        together = SparseCounts.from_sum(parts)
        (bigrams,) = tables([together], self._max_vocabulary)
        return PartialCounts(together.lines, bigrams, parts[0].lines > 0)

    def _feed(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._items.feed(text)
            self._counter.feed(text)

    def corpus(self, path: str) -> Corpus:
        """Return the corpus of all that was counted. Raises TextError if it cannot be trained on.

        path: what to call it.
        """
        counts = self._sound_counts()
        lines = [part.lines for part in counts]
        if not lines[0]:
            raise TextError(
                f"has no line left for training after the split, of {sum(lines):,} in all: "
                "give training a larger share or a longer text"
            )
        bigrams = tables(counts, self._max_vocabulary)
        parts = [part if n else None for part, n in zip(bigrams, lines, strict=True)]
        train, validation, test = (*parts, None, None)[:3]
        assert train is not None
        items = self._items.frozen()
        return Corpus(path, sum(lines), train, validation, test, items, self._split)

    def counts(self) -> SparseCounts:
        """Return the counts of all that was counted. Raises TextError if there is no item."""
        return SparseCounts.from_sum(self._sound_counts())

    def _sound_counts(self) -> list[SparseCounts]:
        if self._is_empty:
            raise TextError("is empty: give a text with one item a line")
        counts = self._counter.counts()
        if not any(part.lines for part in counts):
            raise TextError("holds only blank lines: give a text with one item a line")
        return counts
