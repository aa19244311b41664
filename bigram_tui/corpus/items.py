"""Goes through the items of a text once more, in order."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from bigram_tui.corpus.builder import CHUNK_SIZE
from bigram_tui.corpus.compression import damage_first
from bigram_tui.corpus.counter import LINE_END
from bigram_tui.corpus.counts_file import is_counts
from bigram_tui.corpus.decoding import Decoder, check_encoding
from bigram_tui.corpus.errors import CorpusError, naming_text
from bigram_tui.corpus.files import Kind, TextFile, probe, title_of
from bigram_tui.corpus.opening import open_text, read_chunks
from bigram_tui.corpus.pair_counter import Tokens
from bigram_tui.corpus.progress import OnProgress, joint_progress
from bigram_tui.corpus.splitter import Splitter
from bigram_tui.defaults import LECTURE_SEED

LONGEST_LINE = 10_000_000
"""Characters of a line that is held in memory; to count bigrams, no line is."""


def read_items(
    *paths: str,
    split: Sequence[int] | None = None,
    seed: int = LECTURE_SEED,
    limit: int = sys.maxsize,
    until: int | None = None,
    progress: OnProgress | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Iterator[tuple[list[str], Tokens]]:
    """Yield the items of files in order, some at a time, with the part that each is dealt to.

    paths: those of the corpus. split, seed, progress, chunk_size: as in read_corpus, which deals
        out the same parts.
    limit: characters, blanks and line ends included; the item at the limit is cut there.
    until: bytes of the text, as `Corpus.until` has them; no more are read.
    Raises CorpusError if a text is not UTF-8 or cannot be read, as standard input only can once, or
    if it has a line of more than LONGEST_LINE characters.
    """
    files = [probe(path) for path in paths]
    for file in files:
        if is_counts(file.path):
            raise CorpusError(f"{file.path!r} holds counts, without the lines that this needs")
        if file.kind not in (Kind.FILE, Kind.REMOTE):
            raise CorpusError(
                f"{file.path!r} cannot be read again: save its text as a file and name that"
            )
    splitter = Splitter(split, seed) if split else None
    texts = _texts(files, sys.maxsize if until is None else until, progress, chunk_size)
    length = 0
    open_line: list[str] = []  # in pieces: to join it with each would take the square of its length
    for text in chain(_limited(texts, limit), [LINE_END]):
        open_line.append(text)
        length += len(text)
        lines = []
        if LINE_END in text:
            *lines, rest = "".join(open_line).split(LINE_END)
            open_line, length = [rest], len(rest)
        elif length > LONGEST_LINE:
            raise CorpusError(
                f"{title_of(paths)!r} has a line of more than {LONGEST_LINE:,} characters, too "
                "long to be looked at: break it into several"
            )
        items = [item for item in map(str.strip, lines) if item]
        yield items, splitter.deal_lines(items) if splitter else np.zeros(len(items), np.intp)


def _texts(
    files: Sequence[TextFile], until: int, progress: OnProgress | None, chunk_size: int
) -> Iterator[str]:
    """Yield the characters of the first bytes of all files, and a line end after each file."""
    for file, report in zip(files, joint_progress(files, progress), strict=True):
        decoder = Decoder()
        with naming_text(file.path), open_text(file) as stream:
            chunks = read_chunks(stream, lambda: chunk_size, report)
            with damage_first(stream, chunks):
                for chunk in check_encoding(chunks):
                    yield from decoder.decode(chunk[:until])
                    until -= len(chunk)
                    if until <= 0:
                        break
                else:
                    yield from decoder.finish()
        yield LINE_END
        if until <= 0:
            return


def _limited(texts: Iterable[str], limit: int) -> Iterator[str]:
    """Yield the first characters of a text, at most `limit`."""
    for text in texts:
        yield text[:limit]
        limit -= len(text)
        if limit <= 0:
            return
