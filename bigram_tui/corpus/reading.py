"""Reads a text of any size, from files or standard input, into a corpus."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.ascii_pairs import WORKERS
from bigram_tui.corpus.builder import CHUNK_SIZE, CorpusBuilder
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counts_file import SUFFIX, Source, TextCounts, is_counts, merged, source_of
from bigram_tui.corpus.counts_file import read_counts as open_counts
from bigram_tui.corpus.errors import CorpusError, naming_text
from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.files import TextFile, find_files, title_of
from bigram_tui.corpus.kernel_use import KernelUse
from bigram_tui.corpus.opening import change_of, open_text
from bigram_tui.corpus.partial_counts import OnChunk
from bigram_tui.corpus.progress import OnProgress, joint_progress
from bigram_tui.corpus.sparse_counts import tables
from bigram_tui.defaults import LECTURE_SEED, MAX_VOCABULARY
from bigram_tui.errors import TextError


def read_corpus(
    *paths: str | TextFile,
    split: Sequence[int] | None = None,
    seed: int = LECTURE_SEED,
    max_vocabulary: int = MAX_VOCABULARY,
    progress: OnProgress | None = None,
    cancellation: CancelToken | None = None,
    on_chunk: OnChunk | None = None,
    chunk_size: int = CHUNK_SIZE,
    workers: int = WORKERS,
) -> Corpus:
    """Count the bigrams of a UTF-8 text, one item a line.

    White space around a line is not counted, and blank lines are not items. A split deals equal
    items out to the same part. Each block of as many distinct items as its shares add up to (in
    lowest terms) is dealt by a permutation of its own; from the 65,536th distinct item on, the
    hash of an item decides. So every chunk size gives the same parts.

    paths: one file, or several that are read as one text, though no line goes on in the next
        file. Patterns such as "*.txt" stand for the files that they match. "-" is standard input,
        which can only be read alone. A file may be compressed by gzip, bzip2, xz or zstd, whatever
        its name is. A TextFile is not looked at again.
    split: the shares of training, validation and perhaps test, as parse_split returns them.
    max_vocabulary: tokens, 2 or more; if there are more characters, the rarest share a token.
    progress: called for each chunk with the bytes read and the bytes in all files together, None
        if that is unknown; of a compressed file, its compressed bytes count.
    cancellation: checked for each chunk; once cancelled, reading ends after the last line end in
        the chunk, or after the chunk if it has none, and the corpus has an extent.
    on_chunk: called after each chunk.
    chunk_size: bytes to read at a time. workers: threads that count; none is started for one.
    A file that is written to meanwhile is read as far as it went when it was opened, and the corpus
    has a doubt.
    Raises CorpusError if the text cannot be read, is not UTF-8, or has no items to train on. If
    the text is sound up to some line, the error's `part` is the corpus of the lines before.
    """
    files = find_files(paths)
    if any(is_counts(file.path) for file in files):
        return _corpus_of_counts(files, split, max_vocabulary)
    reader = _Reader(files, CorpusBuilder(split, seed, max_vocabulary, cancellation, on_chunk))
    reader.read(progress, cancellation, chunk_size, workers)
    return reader.corpus()


def read_counts(
    *paths: str | TextFile,
    progress: OnProgress | None = None,
    cancellation: CancelToken | None = None,
    chunk_size: int = CHUNK_SIZE,
    workers: int = WORKERS,
) -> TextCounts:
    """Count the bigrams of a UTF-8 text by their characters, for a file of counts.

    The arguments are those of read_corpus. Files of counts among the paths add theirs.
    Raises CorpusError as read_corpus does, if the text has no items, if it changed meanwhile, or if
    the same bytes would be counted twice.
    """
    files = find_files(paths)
    texts = [file for file in files if not is_counts(file.path)]
    parts = [_open_counts(file.path) for file in files if is_counts(file.path)]
    if texts:
        reader = _Reader(texts, CorpusBuilder(cancellation=cancellation, keep_items=False))
        reader.read(progress, cancellation, chunk_size, workers)
        parts.append(reader.counts())
    with naming_text(title_of([file.path for file in files])):
        return merged(parts)


def _corpus_of_counts(
    files: Sequence[TextFile], split: Sequence[int] | None, max_vocabulary: int
) -> Corpus:
    paths = [file.path for file in files]
    for path in paths:
        if not is_counts(path):
            raise CorpusError(
                f"{path!r} is a text, which can't be read together with counts: count it first, "
                f"as in bigram-tui count {path} -o NAME{SUFFIX}"
            )
    if split is not None:
        raise CorpusError(
            f"{title_of(paths)!r} holds counts, whose lines can't be split any more: leave out "
            "--split, or give the text"
        )
    with naming_text(title_of(paths)):
        text = merged([_open_counts(path) for path in paths])
        if not text.counts.lines:
            raise TextError("holds no counts of any line")
        (bigrams,) = tables([text.counts], max_vocabulary)
    several = tuple(paths) if len(paths) > 1 else ()
    title, lines = title_of(paths), text.counts.lines
    return Corpus(title, lines, bigrams, None, None, None, None, several, holds_text=False)


def _open_counts(path: str) -> TextCounts:
    with naming_text(path):
        return open_counts(Path(path))


class _Reader:
    """Reads files into a builder, and notes how far it came and what happened to them."""

    def __init__(self, files: Sequence[TextFile], builder: CorpusBuilder) -> None:
        self._files, self._builder = files, builder
        self._title = title_of([file.path for file in files])
        self._done, self._size = 0, None  # type: int, int | None
        self._changes: list[str] = []
        self._sources: list[Source] = []

    def read(
        self,
        progress: OnProgress | None,
        cancellation: CancelToken | None,
        chunk_size: int,
        workers: int,
    ) -> None:
        """Read all files, or until that is cancelled. Raises CorpusError."""
        kernel_use = KernelUse()

        def note(done: int, size: int | None) -> None:
            if not self._builder.is_cut:  # otherwise the rest is only checked for damage
                self._done, self._size = done, size
            if not self._builder.is_split:  # otherwise there are no kernels
                kernel_use.note(done, size)
            if progress is not None:
                progress(done, size)

        for file, report in zip(self._files, joint_progress(self._files, note), strict=True):
            with (
                naming_text(file.path, partial(self.corpus, is_broken=True)),
                open_text(file, cancellation) as stream,
            ):
                self._sources.append(source_of(file, stream))
                try:
                    self._builder.read(stream, report, chunk_size, workers)
                finally:  # an error may be the work of the other program too
                    if change := change_of(stream):
                        self._changes.append(f"{file.path!r} {change}")
            if self._builder.is_cut:
                break

    @property
    def _doubt(self) -> str:
        more = f"; so did {len(self._changes) - 1:,} more" if len(self._changes) > 1 else ""
        return "".join(self._changes[:1]) + more

    def corpus(self, *, is_broken: bool = False) -> Corpus:
        """Return the corpus of what was read. is_broken: whether an error has ended it."""
        with naming_text(self._title):
            corpus = self._builder.corpus(self._title)
        several = tuple(file.path for file in self._files) if len(self._files) > 1 else ()
        is_whole = not (is_broken or self._builder.is_cut)
        extent = None if is_whole else Extent(self._builder.content, self._done, self._size)
        return replace(corpus, several=several, extent=extent, doubt=self._doubt)

    def counts(self) -> TextCounts:
        """Return the counts of what was read. Raises CorpusError if a file changed meanwhile."""
        if self._doubt:
            raise CorpusError(f"{self._doubt}; nothing was written")
        with naming_text(self._title):
            counts = self._builder.counts()
        return TextCounts(counts, tuple(self._sources), not self._builder.is_cut)
