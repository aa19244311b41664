"""Writes tables to CSV files: rows under titles, and what belongs to each pair of tokens."""

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from bigram_tui.bigrams import Counts, Matrix, Vocabulary
from bigram_tui.files import write_rows, write_whole


def write_table(
    path: Path, titles: Sequence[str], rows: Iterable[Sequence[object]], *, overwrite: bool
) -> None:
    """Write rows under a row of titles. UserError as write_whole says.

    Numbers are written in full, None as an empty field, and text as it is.
    """
    table = chain([titles], rows)
    write_whole(path, lambda file: write_rows(file, table), overwrite=overwrite)


def write_matrix(
    path: Path, vocabulary: Vocabulary, matrix: Matrix | Counts, *, overwrite: bool
) -> None:
    """Write a table [V, V] with the tokens above its columns and before its rows.

    Each number is written with the digits that float64 needs, so float32 reads back exactly too.
    ValueError for another shape; UserError as write_whole says.
    """
    size = len(vocabulary)
    if matrix.shape != (size, size):
        raise ValueError(f"the table is {matrix.shape} for {size} tokens")
    labels = vocabulary.labels
    rows = ((label, *row.tolist()) for label, row in zip(labels, matrix, strict=True))
    write_table(path, ("", *labels), rows, overwrite=overwrite)
