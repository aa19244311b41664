"""Reads a text of any size, from files or standard input, into a corpus."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.ascii_pairs import WORKERS
from bigram_tui.corpus.builder import CHUNK_SIZE, CorpusBuilder
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import naming_text
from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.files import TextFile, find_files, title_of
from bigram_tui.corpus.kernel_use import KernelUse
from bigram_tui.corpus.opening import change_of, open_text
from bigram_tui.corpus.partial_counts import OnChunk
from bigram_tui.corpus.progress import OnProgress, joint_progress
from bigram_tui.defaults import LECTURE_SEED, MAX_VOCABULARY


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
    title = title_of([file.path for file in files])
    builder = CorpusBuilder(split, seed, max_vocabulary, cancellation, on_chunk)
    done, size = 0, None
    changes: list[str] = []
    kernel_use = KernelUse()

    def note(new_done: int, new_size: int | None) -> None:
        nonlocal done, size
        if not builder.is_cut:  # otherwise the rest is only checked for damage
            done, size = new_done, new_size
        if split is None:  # otherwise there are none
            kernel_use.note(new_done, new_size)
        if progress is not None:
            progress(new_done, new_size)

    def corpus(*, is_whole: bool) -> Corpus:
        with naming_text(title):
            result = builder.corpus(title)
        several = tuple(file.path for file in files) if len(files) > 1 else ()
        extent = None if is_whole else Extent(builder.content, done, size)
        more = f"; so did {len(changes) - 1:,} more" if len(changes) > 1 else ""
        doubt = "".join(changes[:1]) + more
        return replace(result, several=several, extent=extent, doubt=doubt)

    for file, report in zip(files, joint_progress(files, note), strict=True):
        with (
            naming_text(file.path, partial(corpus, is_whole=False)),
            open_text(file, cancellation) as stream,
        ):
            try:
                builder.read(stream, report, chunk_size, workers)
            finally:  # an error may be the work of the other program too
                if change := change_of(stream):
                    changes.append(f"{file.path!r} {change}")
        if builder.is_cut:
            break
    return corpus(is_whole=not builder.is_cut)
