"""Counts pairs of tokens, in a table as long as they are few."""

import numpy as np
import numpy.typing as npt

from bigram_tui.corpus.sparse_counts import SparseCounter, SparseCounts, joined
from bigram_tui.model.bigrams import BOUNDARY, Counts

FIRST_TABLE = 64
"""The tokens of the first table; it grows with their number."""

LARGEST_TABLE = 4096
"""The tokens of the largest table; those of more are counted without one."""

Tokens = npt.NDArray[np.intp]
Codes = npt.NDArray[np.int64]


class PairCounter:
    """The counts of pairs of tokens in each part of a text.

    Methods take the code point of each token, since they may count by those. codes: [tokens], of
    all that there are so far; tokens never change their numbers.
    """

    def __init__(self, parts: int) -> None:
        self._tables = np.zeros((parts, FIRST_TABLE, FIRST_TABLE), np.int64)
        # What is counted from when on a table has become too large.
        self._sparse = [SparseCounter() for _ in range(parts)]

    def add(
        self,
        first: Tokens,
        second: Tokens,
        codes: Codes,
        parts: Tokens | int = 0,
        times: Counts | int = 1,
    ) -> None:
        """Count pairs. first, second: [n]. parts, times: one for each pair, or for all."""
        if self._has_room(codes.size):
            size = self._tables.shape[-1]
            cells = first * size
            cells += second
            if len(self._tables) > 1:
                cells += parts * size**2
            np.add.at(self._tables.reshape(-1), cells, times)
            return
        keys = joined(codes[first], codes[second])
        parts, times = (np.broadcast_to(some, keys.shape) for some in (parts, times))
        for part, counter in enumerate(self._sparse):
            here = parts == part
            if here.any():
                counter.add(keys[here], times[here])

    def table(self, tokens: int) -> Counts | None:
        """Return the table of the first part, to be added to; None if there are too many tokens."""
        return self._tables[0] if self._has_room(tokens) else None

    def add_square(self, square: Counts, tokens: Tokens, codes: Codes) -> None:
        """Add the counts of all pairs of some tokens to the first part. square: [n, n]."""
        if self._has_room(codes.size):
            self._tables[0][np.ix_(tokens, tokens)] += square
        else:
            counts = SparseCounts.from_table(square, codes[tokens])
            self._sparse[0].add(counts.keys, counts.times)

    def lines(self) -> list[int]:
        """Return the number of items in each part: pairs that begin with the boundary."""
        return [
            int(table[BOUNDARY, 1:].sum()) + counter.counts().lines
            for table, counter in zip(self._tables, self._sparse, strict=True)
        ]

    def counts(self, codes: Codes) -> list[SparseCounts]:
        """Return the counts of each part, by characters."""
        return [
            SparseCounts.from_sum([_sparse(table, codes), counter.counts()])
            for table, counter in zip(self._tables, self._sparse, strict=True)
        ]

    def _has_room(self, tokens: int) -> bool:
        """Return whether there is a table for so many tokens, and make it if there can be."""
        old = self._tables.shape[-1]
        if old < tokens <= LARGEST_TABLE:
            room = min(tokens + tokens // 2, LARGEST_TABLE)
            tables = np.zeros((len(self._tables), room, room), np.int64)
            tables[:, :old, :old] = self._tables
            self._tables = tables
        return tokens <= self._tables.shape[-1]


def _sparse(table: Counts, codes: Codes) -> SparseCounts:
    used = min(len(table), codes.size)
    return SparseCounts.from_table(table[:used, :used], codes[:used])
