"""Orders in which tokens can stand: by code point, by frequency, or alike beside alike.

An order is a permutation, int [V]: the token at each place. The boundary stands first, and the
token of the rare characters, where there is one, last.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary

Permutation = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

MOST_STEPS = 100
"""Of the search for an axis: it is found long before, unless two are as strong."""
CLOSE = 1e-9
"""How near to its end, as a part of its strength, an axis is found."""
MOST_SPLITS = 6
"""How often a group is split in two, at most: into 64 in all."""


def by_code_point(bigrams: Bigrams) -> Permutation:
    """The order in which tokens are numbered."""
    return np.arange(len(bigrams.vocabulary))


def by_frequency(bigrams: Bigrams) -> Permutation:
    """The most frequent character first; of equally frequent ones that with the lower code point.

    Each occurrence of a character begins one bigram, so its frequency is its row's sum.
    """
    inner = _characters(bigrams.vocabulary)
    return _with_ends(inner[np.argsort(-bigrams.row_sums[inner], kind="stable")], bigrams)


def by_similarity(bigrams: Bigrams) -> Permutation:
    """Characters that have similar neighbours stand together.

    S = N + Nᵀ says how often two tokens are neighbours. The first axis of its correspondence
    analysis (Greenacre, Theory and Applications of Correspondence Analysis, 1984) sets the
    characters apart that differ most in their neighbours: scripts, or in one language vowels and
    consonants (Moler and Morrison, Singular value analysis of cryptograms, American Mathematical
    Monthly 90, 1983). They are split in two along it, and each part in the same way again (Boley,
    Principal direction divisive partitioning, Data Mining and Knowledge Discovery 2, 1998).

    The end of the most frequent character stands first.
    """
    inner = _characters(bigrams.vocabulary)
    neighbours = _Neighbours.from_tokens(bigrams, inner)
    score = neighbours.scores()
    if score.size and score[bigrams.row_sums[inner].argmax()] > 0:
        score = -score
    return _with_ends(inner[_divided(neighbours, score, MOST_SPLITS)], bigrams)


ORDERS: Mapping[str, Callable[[Bigrams], Permutation]] = {
    "code point": by_code_point,
    "frequency": by_frequency,
    "similarity": by_similarity,
}
"""How tokens can be ordered, by name; the first is how they are numbered."""


@dataclass(frozen=True, eq=False)
class TokenOrder:
    """Where each token of a text stands."""

    name: str
    tokens: Permutation
    """The token at each place."""

    @classmethod
    def named(cls, name: str, bigrams: Bigrams) -> "TokenOrder":
        """One of ORDERS."""
        return cls(name, ORDERS[name](bigrams))

    @cached_property
    def places(self) -> Permutation:
        """The place of each token."""
        return np.argsort(self.tokens)


def _characters(vocabulary: Vocabulary) -> Permutation:
    """All tokens but the two that have a place of their own."""
    return np.arange(1, 1 + len(vocabulary.characters))


def _with_ends(characters: Permutation, bigrams: Bigrams) -> Permutation:
    last = np.arange(1 + len(characters), len(bigrams.vocabulary))
    return np.concatenate([[BOUNDARY], characters, last])


@dataclass(frozen=True)
class _Neighbours:
    """Some rows of S, each of one character: its entries that are not 0, as coordinates."""

    rows: Permutation
    columns: Permutation
    counts: Floats
    shape: tuple[int, int]

    @classmethod
    def from_tokens(cls, bigrams: Bigrams, tokens: Permutation) -> "_Neighbours":
        size = len(bigrams.vocabulary)
        first, second = np.divmod(bigrams.seen, size)
        counts = bigrams.counts.ravel()[bigrams.seen].astype(np.float64)
        both = np.concatenate([first, second]), np.concatenate([second, first])
        return cls(*both, np.concatenate([counts, counts]), (size, size)).part(tokens)

    def part(self, rows: Permutation) -> "_Neighbours":
        """Those of some of its rows, in their order."""
        place = np.full(self.shape[0], -1)
        place[rows] = np.arange(len(rows))
        kept = place[self.rows] >= 0
        found = place[self.rows[kept]], self.columns[kept], self.counts[kept]
        return _Neighbours(*found, (len(rows), self.shape[1]))

    @property
    def sums(self) -> Floats:
        """How many neighbours each character has."""
        return _summed(self.rows, self.counts, self.shape[0])

    def scores(self) -> Floats:
        """Where each row stands on the first axis: the mean score of its neighbours. [rows]

        The axis is that of the table with the mean added to each cell, lest a few rare characters
        be an axis of their own (Amini et al., Pseudo-likelihood methods for community detection
        in large sparse networks, Annals of Statistics 41, 2013).
        """
        rows, columns = self.shape
        mean = self.counts.sum() / max(1, rows * columns)
        if not mean:
            return np.zeros(rows)
        down = np.sqrt(self.sums + mean * columns)
        across = np.sqrt(_summed(self.columns, self.counts, columns) + mean * rows)
        trivial = down / np.linalg.norm(down)

        def to_columns(vector: Floats) -> Floats:
            """Dc^−½ (S + mean)ᵀ Dr^−½ times a vector."""
            scaled = vector / down
            product = _summed(self.columns, self.counts * scaled[self.rows], columns)
            result: Floats = (product + mean * scaled.sum()) / across
            return result

        def squared(vector: Floats) -> Floats:
            """The matrix times its transpose times a vector, without the trivial axis."""
            scaled = to_columns(vector) / across
            product = _summed(self.rows, self.counts * scaled[self.columns], rows)
            vector = (product + mean * scaled.sum()) / down
            result: Floats = vector - trivial * (trivial @ vector)
            return result

        axis = to_columns(_strongest(squared, rows)) / across
        summed = _summed(self.rows, self.counts * axis[self.columns], rows)
        score: Floats = summed / np.maximum(self.sums, 1)
        # What differs by rounding alone is the same, whatever the tokens' numbers.
        return (score / (np.abs(score).max() or 1.0)).round(6)


def _summed(places: Permutation, values: Floats, size: int) -> Floats:
    """The sum of the values of each place. [size]"""
    return np.bincount(places, values, size).astype(np.float64, copy=False)


def _divided(neighbours: _Neighbours, score: Floats, splits: int) -> Permutation:
    """The order of some characters: those with low scores first, each part by its own axis.

    The parts are those that differ most: the split with the least variance within them.
    """
    order = np.argsort(score, kind="stable")
    place = _split(score[order], neighbours.sums[order])
    if not splits or not place:
        return order
    parts = []
    for part in (np.sort(order[:place]), np.sort(order[place:])):
        inner = neighbours.part(part)
        own = inner.scores()
        if inner.sums @ (own * (score[part] - score[part].mean())) < 0:
            own = -own  # so that it goes the same way
        parts.append(part[_divided(inner, own, splits - 1)])
    return np.concatenate(parts)


def _split(score: Floats, weight: Floats) -> int:
    """After how many of some sorted scores to split them; 0 where they are all the same."""
    ends = np.flatnonzero(np.diff(score)) + 1
    if not ends.size:
        return 0
    centred = score - np.average(score, weights=weight + CLOSE)
    below = np.cumsum(weight + CLOSE)
    moment = np.cumsum((weight + CLOSE) * centred)[ends - 1]
    lower = below[ends - 1]
    return int(ends[np.argmax(moment**2 / (lower * (below[-1] - lower)))])


def _strongest(symmetric: Callable[[Floats], Floats], size: int) -> Floats:
    """The eigenvector of the largest eigenvalue. [size]

    By Lanczos' iteration, each vector made orthogonal to all before (Golub and Van Loan, Matrix
    Computations, 4th ed., 10.1 and 10.3). symmetric: multiplies a vector by the matrix.
    """
    basis = np.empty((min(MOST_STEPS, size), size))
    diagonal: list[float] = []
    beside: list[float] = []
    vector = symmetric(np.random.default_rng(0).standard_normal(size))
    within = np.zeros(1)
    known = basis[:1]
    length = float(np.linalg.norm(vector))
    for step in range(len(basis)):
        if length <= CLOSE**2:
            break
        basis[step] = vector / length
        vector = symmetric(basis[step])
        diagonal.append(float(vector @ basis[step]))
        known = basis[: step + 1]
        for _ in range(2):  # once is not enough in floating point
            vector -= (known @ vector) @ known
        length = float(np.linalg.norm(vector))
        tridiagonal = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        values, vectors = np.linalg.eigh(tridiagonal)
        within = vectors[:, -1]
        if length * abs(within[-1]) <= CLOSE * values[-1]:
            break
        beside.append(length)
    result: Floats = within @ known if diagonal else np.zeros(size)
    return result
