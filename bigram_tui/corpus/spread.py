"""Counts texts by the workers of an executor: processes of this machine, or of many.

The counts of the ranges add up exactly and in any order. Only those that have come are added, so
that the memory that this takes grows with the different bigrams, not with the texts.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counts_file import Source, TextCounts
from bigram_tui.corpus.errors import CorpusError, naming_text
from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.files import TextFile, title_of
from bigram_tui.corpus.partial_counts import OnChunk, PartialCounts
from bigram_tui.corpus.progress import OnProgress
from bigram_tui.corpus.ranges import RANGE_SIZE, TextRange, count_range, cut
from bigram_tui.corpus.sparse_counts import SparseCounter, SparseCounts, tables
from bigram_tui.errors import TextError, UserError, one_line

AT_ONCE = 128
"""Ranges that are given to an executor at a time, unless it has more workers."""

CHECK_SECONDS = 0.25
"""How often is looked whether the work still goes on, while nothing comes."""

LONGEST_REASON = 300
"""Characters of what an executor has to say."""


@dataclass(frozen=True)
class Engine:
    """An executor that runs functions on workers, and how to use it."""

    executor: Executor
    at_once: int = AT_ONCE
    """How many ranges to give it at a time."""
    check: Callable[[], None] = lambda: None
    """Called several times a second; raises UserError when nothing will come any more."""
    has_lost: Callable[[BaseException | None], bool] = lambda error: False
    """Whether an error means that the engine has lost a result, so that it is to be asked again."""


def spread_counts(
    files: Sequence[TextFile],
    engine: Engine,
    progress: OnProgress | None = None,
    cancellation: CancelToken | None = None,
    on_counts: Callable[[Callable[[], SparseCounts]], None] | None = None,
    range_size: int = RANGE_SIZE,
) -> TextCounts:
    """Count texts by the workers of an executor. The result is that of read_counts.

    progress: called after each range with the bytes counted and the bytes in all.
    cancellation: looked at several times a second; once cancelled, what has come is the result,
        and nothing else is worked on any more.
    on_counts: called after each range with a function that returns the counts so far.
    range_size: bytes of a range. A line belongs to the range in which it begins.
    Raises CorpusError if a text can't be read, is not UTF-8 or changed meanwhile, if there is no
    item in any, or if the executor fails. All work ends then, but for ranges that are begun.
    """
    cancellation = cancellation or CancelToken()
    size = sum(file.size or 0 for file in files) or None
    done = 0
    counter = SparseCounter()
    sources: list[list[Source]] = [[] for _ in files]
    ranges = ((n, part) for n, file in enumerate(files) for part in cut(file, range_size))
    pending: dict[Future[TextCounts], tuple[int, TextRange]] = {}
    try:
        while not cancellation.is_cancelled:
            for n, part in islice(ranges, engine.at_once - len(pending)):
                with _naming_engine(part):
                    pending[engine.executor.submit(count_range, part)] = n, part
            if not pending:
                break
            ended, _ = wait(pending, CHECK_SECONDS, FIRST_COMPLETED)
            engine.check()
            for future in [future for future in pending if future in ended]:
                n, part = pending.pop(future)
                with _naming_engine(part):
                    if not future.cancelled() and engine.has_lost(future.exception()):
                        pending[engine.executor.submit(count_range, part)] = n, part
                        continue
                    text = future.result()
                counter.add(text.counts.keys, text.counts.times)
                sources[n] += text.sources
                done += part.size
                if progress is not None:
                    progress(done, size)
                if on_counts is not None:
                    on_counts(counter.counts)
    finally:
        for future in pending:
            future.cancel()
    is_whole = not pending and next(ranges, None) is None
    with naming_text(title_of([file.path for file in files])):
        if not counter.counts().lines:
            raise TextError("holds only blank lines, or none: give a text with one item a line")
    if is_whole:
        sources = [[_joined(file, some)] for file, some in zip(files, sources, strict=True)]
    return TextCounts(counter.counts(), tuple(chain.from_iterable(sources)), is_whole)


@contextmanager
def _naming_engine(part: TextRange) -> Iterator[None]:
    """Turn whatever an executor raises into a CorpusError."""
    try:
        yield
    except UserError:
        raise
    except CancelledError:
        raise CorpusError(
            "the workers have dropped their work: has their scheduler ended?"
        ) from None
    except Exception as error:
        reason = one_line(f"{type(error).__name__}: {error}")[:LONGEST_REASON]
        # A scheduler says so of what it can't import.
        missing = isinstance(error, ModuleNotFoundError) or "deserialization" in str(error)
        advice = "install bigram-tui on all machines" if missing else "see what the workers say"
        raise CorpusError(f"{part.file.path!r} was not counted ({reason}): {advice}") from error


def _joined(file: TextFile, sources: list[Source]) -> Source:
    """Return the source that the ranges of a file are together, which must meet."""
    ordered = sorted(sources, key=lambda source: source.start)
    if len(ordered) == 1 and ordered[0].end is None:
        return ordered[0]
    starts = [source.start for source in ordered]
    if [0, *(source.end for source in ordered)] != [*starts, ordered[0].size]:
        raise CorpusError(f"{file.path!r} is not the same on all machines: count it again")
    return replace(ordered[0], end=None)


def spread_corpus(
    files: Sequence[TextFile],
    engine: Engine,
    max_vocabulary: int,
    progress: OnProgress | None = None,
    cancellation: CancelToken | None = None,
    on_chunk: OnChunk | None = None,
    range_size: int = RANGE_SIZE,
) -> Corpus:
    """Count texts as spread_counts does, for a corpus, which does not remember its items.

    Once cancelled, the corpus is that of the ranges that were counted, of any part of the texts.
    """
    done, size = 0, None  # type: int, int | None

    def note(read: int, whole: int | None) -> None:
        nonlocal done, size
        done, size = read, whole
        if progress is not None:
            progress(read, whole)

    def announce(counts: Callable[[], SparseCounts]) -> None:
        if on_chunk is not None:
            on_chunk(lambda: _partial(counts(), max_vocabulary))

    text = spread_counts(files, engine, note, cancellation, announce, range_size)
    partial = _partial(text.counts, max_vocabulary)
    paths = [file.path for file in files]
    return Corpus(
        title_of(paths),
        partial.lines,
        partial.bigrams,
        validation=None,
        test=None,
        items=None,
        several=tuple(paths) if len(paths) > 1 else (),
        extent=None if text.is_whole else Extent(done, done, size, is_start=False),
    )


def _partial(counts: SparseCounts, max_vocabulary: int) -> PartialCounts:
    (bigrams,) = tables([counts], max_vocabulary)
    return PartialCounts(counts.lines, bigrams, counts.lines > 0)
