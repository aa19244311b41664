"""Builds a corpus from a stream that is no file, in the way that the program does."""

from collections.abc import Sequence
from typing import Any

from bigram_tui.corpus.builder import CorpusBuilder
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import naming_text
from bigram_tui.corpus.streams import Readable
from bigram_tui.defaults import MAX_VOCABULARY


def count_stream(
    stream: Readable,
    path: str,
    *,
    split: Sequence[int] | None = None,
    seed: int = 2147483647,
    max_vocabulary: int = MAX_VOCABULARY,
    **reading: Any,
) -> Corpus:
    """Count the bigrams of a stream as read_corpus counts those of a file.

    path: what errors call it. reading: progress, chunk_size and workers.
    """
    with naming_text(path):
        builder = CorpusBuilder(split, seed, max_vocabulary)
        builder.read(stream, **reading)
        return builder.corpus(path)
