"""Orders tokens by code point, by frequency, or by similarity.

An order is a permutation, int [V]: the token at each place. The boundary is always first, and the
token of the rare characters, if there is one, last.
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
"""The most steps of the search for an axis; fewer are enough unless two axes are equally strong."""
CLOSE = 1e-9
"""The relative precision of an axis, by its eigenvalue."""
MOST_SPLITS = 6
"""The most times that a group is split in two, so that there are at most 64 groups."""


def by_code_point(bigrams: Bigrams) -> Permutation:
    """Return the tokens in the order of their numbers."""
    return np.arange(len(bigrams.vocabulary))


def by_frequency(bigrams: Bigrams) -> Permutation:
    """Return the tokens by falling frequency, and equally frequent ones by code point.

    Each occurrence of a character begins one bigram, so its frequency is its row sum of N.
    """
    inner = _characters(bigrams.vocabulary)
    return _with_ends(inner[np.argsort(-bigrams.row_sums[inner], kind="stable")], bigrams)


def by_similarity(bigrams: Bigrams) -> Permutation:
    """Return the tokens so that characters with similar neighbours are close to each other.

    S = N + Nᵀ counts how often two tokens are neighbours. The first axis of its correspondence
    analysis (Greenacre, Theory and Applications of Correspondence Analysis, 1984) separates the
    characters that differ most in their neighbours: scripts, or in one language vowels and
    consonants (Moler and Morrison, Singular value analysis of cryptograms, American Mathematical
    Monthly 90, 1983). The characters are split in two along it, and each part again in the same
    way (Boley, Principal direction divisive partitioning, Data Mining and Knowledge Discovery 2,
    1998). The end of the axis with the most frequent character comes first.
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
"""The orders of tokens by name; the first is that of their numbers."""


@dataclass(frozen=True, eq=False)
class TokenOrder:
    """An order of a text's tokens."""

    name: str
    tokens: Permutation
    """The token at each place, int [V]."""

    @classmethod
    def named(cls, name: str, bigrams: Bigrams) -> "TokenOrder":
        """Compute one of ORDERS. Raises KeyError if there is none of that name."""
        return cls(name, ORDERS[name](bigrams))

    @cached_property
    def places(self) -> Permutation:
        """The place of each token, int [V]."""
        return np.argsort(self.tokens)


def _characters(vocabulary: Vocabulary) -> Permutation:
    """All tokens except the boundary and that of the rare characters."""
    return np.arange(1, 1 + len(vocabulary.characters))


def _with_ends(characters: Permutation, bigrams: Bigrams) -> Permutation:
    last = np.arange(1 + len(characters), len(bigrams.vocabulary))
    return np.concatenate([[BOUNDARY], characters, last])


@dataclass(frozen=True)
class _Neighbours:
    """Some rows of S, each of one character, as a sparse matrix in coordinates."""

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
        """Return some of its rows, in the order given."""
        new_row = np.full(self.shape[0], -1)
        new_row[rows] = np.arange(len(rows))
        kept = new_row[self.rows] >= 0
        entries = new_row[self.rows[kept]], self.columns[kept], self.counts[kept]
        return _Neighbours(*entries, (len(rows), self.shape[1]))

    @property
    def sums(self) -> Floats:
        """The number of neighbours of each character. [rows]"""
        return _summed(self.rows, self.counts, self.shape[0])

    def scores(self) -> Floats:
        """Return the score of each row on the first axis: the mean of its neighbours'. [rows]

        The mean is added to each cell first, lest a few rare characters be an axis of their own
        (Amini et al., Pseudo-likelihood methods for community detection in large sparse networks,
        Annals of Statistics 41, 2013).
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
        # Rounded, so that equal scores are equal whatever the order of summation.
        return (score / (np.abs(score).max() or 1.0)).round(6)


def _summed(places: Permutation, values: Floats, size: int) -> Floats:
    """The sum of the values at each place. [size]"""
    return np.bincount(places, values, size).astype(np.float64, copy=False)


def _divided(neighbours: _Neighbours, score: Floats, splits: int) -> Permutation:
    """Order some characters by score, split them in two, and order each part by its own axis.

    The split is the one with the least variance of the scores within the two parts.
    """
    order = np.argsort(score, kind="stable")
    cut = _split(score[order], neighbours.sums[order])
    if not splits or not cut:
        return order
    parts = []
    for part in (np.sort(order[:cut]), np.sort(order[cut:])):
        inner = neighbours.part(part)
        own = inner.scores()
        if inner.sums @ (own * (score[part] - score[part].mean())) < 0:
            own = -own  # so that it points the same way
        parts.append(part[_divided(inner, own, splits - 1)])
    return np.concatenate(parts)


def _split(score: Floats, weight: Floats) -> int:
    """The number of scores, of a sorted list, before the split; 0 if all scores are equal."""
    ends = np.flatnonzero(np.diff(score)) + 1
    if not ends.size:
        return 0
    centred = score - np.average(score, weights=weight + CLOSE)
    below = np.cumsum(weight + CLOSE)
    moment = np.cumsum((weight + CLOSE) * centred)[ends - 1]
    lower = below[ends - 1]
    return int(ends[np.argmax(moment**2 / (lower * (below[-1] - lower)))])


def _strongest(symmetric: Callable[[Floats], Floats], size: int) -> Floats:
    """Find the eigenvector of the largest eigenvalue of a symmetric matrix. [size]

    symmetric: multiplies a vector by the matrix. Source: the Lanczos iteration with full
    reorthogonalisation, Golub and Van Loan, Matrix Computations, 4th ed., 10.1 and 10.3.
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
