"""Counts of bigrams by their characters, which add up exactly and in any order.

A table needs to know the characters of a text; these do not. A bigram is one number, its key: the
code point of its first character, shifted by SHIFT bits, and that of its second. The boundary is
the line end, U+000A, which no line holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bigram_tui.model.bigrams import Bigrams, Counts, Vocabulary

SHIFT = 21
"""The bits of a code point: the last is 0x10FFFF."""

LINE_END = ord("\n")

Keys = npt.NDArray[np.int64]

BLANK_LINE = LINE_END << SHIFT | LINE_END
"""The key of the boundary after itself, which is no bigram."""

_PENDING = 1 << 21
"""The keys that are collected before they are sorted: 16 MB of them."""

_NONE: Keys = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class SparseCounts:
    """How often each bigram of a text occurs, of those that do."""

    keys: Keys
    """Distinct and in order. [n]"""
    times: Counts
    """1 or more each. [n]"""

    @classmethod
    def from_pairs(cls, keys: Keys, times: Counts) -> "SparseCounts":
        """Return the counts of bigrams in any order, which may repeat.

        A boundary after a boundary is a blank line, which is not counted. times: of each key, [n]
        """
        order = np.argsort(keys, kind="stable")
        order = order[keys[order] != BLANK_LINE]
        if not order.size:
            return cls(_NONE, _NONE)
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        return cls(keys[starts], np.add.reduceat(times[order], starts))

    @classmethod
    def from_table(cls, table: Counts, codes: npt.NDArray[np.integer]) -> "SparseCounts":
        """Return the counts of a table [V, V], whose tokens have these code points. codes: [V]"""
        first, second = np.nonzero(table)
        return cls.from_pairs(joined(codes[first], codes[second]), table[first, second])

    @classmethod
    def from_sum(cls, parts: "Iterable[SparseCounts]") -> "SparseCounts":
        """Return the counts of several texts together."""
        parts = [part for part in parts if part.keys.size] or [cls(_NONE, _NONE)]
        if len(parts) == 1:
            return parts[0]
        keys = np.concatenate([part.keys for part in parts])
        return cls.from_pairs(keys, np.concatenate([part.times for part in parts]))

    @cached_property
    def first(self) -> Keys:
        """The code point of each bigram's first character. [n]"""
        return self.keys >> SHIFT

    @cached_property
    def second(self) -> Keys:
        """The code point of each bigram's second character. [n]"""
        return self.keys & ((1 << SHIFT) - 1)

    @cached_property
    def lines(self) -> int:
        """The number of items: bigrams that begin with the boundary."""
        return int(self.times[self.first == LINE_END].sum())

    @cached_property
    def total(self) -> int:
        """The number of bigrams."""
        return int(self.times.sum())

    @cached_property
    def characters(self) -> Keys:
        """The code points of all characters but the boundary, in order."""
        codes = np.sort(self.second)  # np.unique would import numpy.ma at the start
        distinct: Keys = codes[(np.diff(codes, prepend=-1) > 0) & (codes != LINE_END)]
        return distinct


class SparseCounter:
    """Counts bigrams that come in pieces."""

    def __init__(self) -> None:
        self._counted = SparseCounts.from_sum([])
        self._keys: list[Keys] = []
        self._times: list[Counts] = []
        self._pending = 0

    def add(self, keys: Keys, times: Counts) -> None:
        """Count bigrams. keys: in any order, [n]. times: of each, [n]."""
        self._keys.append(keys)
        self._times.append(times)
        self._pending += keys.size
        # The more there are, the rarer they are put in order: so that stays a part of the work.
        if self._pending > max(_PENDING, self._counted.keys.size):
            self.counts()

    def counts(self) -> SparseCounts:
        """Return the counts of all bigrams so far."""
        if self._pending:
            pending = SparseCounts.from_pairs(
                np.concatenate(self._keys), np.concatenate(self._times)
            )
            self._counted = SparseCounts.from_sum([self._counted, pending])
            self._keys.clear()
            self._times.clear()
            self._pending = 0
        return self._counted


def joined(first: npt.NDArray[np.integer], second: npt.NDArray[np.integer]) -> Keys:
    """Return the keys of bigrams. first, second: code points, [n]."""
    keys: Keys = first.astype(np.int64) << SHIFT | second
    return keys


def tables(parts: Sequence[SparseCounts], max_vocabulary: int) -> list[Bigrams]:
    """Return the bigrams of each part of a text; the vocabulary is that of all parts.

    max_vocabulary: tokens, 2 or more. If there are more characters, the rarest share a token; of
    those that are equally frequent, the last ones by code point.
    """
    together = SparseCounts.from_sum(parts)
    codes = together.characters
    own, rare = codes, codes[:0]
    if codes.size >= max_vocabulary:
        times = np.zeros(codes.size, np.int64)
        named = together.second != LINE_END
        places = codes.searchsorted(together.second[named])
        np.add.at(times, places, together.times[named])
        by_frequency = np.argsort(-times, kind="stable")
        own, rare = np.split(codes[by_frequency], [max_vocabulary - 2])
        own, rare = np.sort(own), np.sort(rare)
    vocabulary = Vocabulary(*("".join(map(chr, some.tolist())) for some in (own, rare)))
    size = len(vocabulary)
    tokens = np.full(codes.size, size - 1)  # of rare characters
    tokens[codes.searchsorted(own)] = 1 + np.arange(own.size)
    return [Bigrams(vocabulary, _table(part, codes, tokens, size)) for part in parts]


def _table(part: SparseCounts, codes: Keys, tokens: Counts, size: int) -> Counts:
    """Return N [size, size]. tokens: of each of the code points, in order."""
    first, second = (
        np.where(some == LINE_END, 0, tokens.take(codes.searchsorted(some), mode="clip"))
        for some in (part.first, part.second)
    )
    table = np.zeros((size, size), np.int64)
    np.add.at(table, (first, second), part.times)
    return table
