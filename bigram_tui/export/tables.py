"""Writes tables as CSV: rows under titles, and matrices with a number for each pair of tokens."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TextIO

from bigram_tui.export.files import write_rows
from bigram_tui.model.bigrams import Counts, Matrix, Vocabulary


def write_table(file: TextIO, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows under a row of titles.

    Fields are written as write_rows writes them.
    """
    write_rows(file, chain([titles], rows))


def write_matrix(file: TextIO, vocabulary: Vocabulary, matrix: Matrix | Counts) -> None:
    """Write a table [V, V] with the tokens above its columns and before its rows.

    Numbers have the digits that float64 needs, so that float32 reads back exactly too.
    Raises ValueError for another shape.
    """
    size = len(vocabulary)
    if matrix.shape != (size, size):
        raise ValueError(f"the table is {matrix.shape} for {size} tokens")
    labels = vocabulary.labels
    rows = ((label, *row.tolist()) for label, row in zip(labels, matrix, strict=True))
    write_table(file, ("", *labels), rows)
