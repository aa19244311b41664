"""Samples, drawn from a table of probabilities and a stream of uniforms."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bigram_tui.model.bigrams import BOUNDARY, Matrix, Vocabulary
from bigram_tui.model.torch_rng import LectureGenerator

LONGEST = 100
"""The tokens after which a sample is broken off: some models hardly ever end one."""

_BLOCK = 1024
"""The fewest uniforms that are drawn at once."""
_USUAL_LENGTH = 8
"""The uniforms that a sample usually takes: a guess, which costs only time if it is wrong."""
_MOST_AHEAD = 1 << 16
"""The most uniforms for which tokens are drawn at once."""
_RANKED = 256
"""The most tokens of which each fits into a byte."""
_BUCKETS = 1 << 13
"""The parts of [0, 1) of which the ranks are known: a power of two, so that products are exact."""
_SMALL = 64
"""The most tokens whose running sums are all made at once."""

Uniforms = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """A sampled text, and whether the model ended it; False if it was broken off."""

    text: str
    ended: bool = True


@dataclass(frozen=True)
class Divergence:
    """The first difference of a sample from the reference's: one uniform drew two tokens."""

    place: int
    """The number of characters that both samples begin with."""
    after: int
    """The last token that they share; BOUNDARY if they differ from the first character on."""
    uniform: float
    """The uniform that was drawn, from [0, 1)."""
    token: int
    """The token that this model drew with it; BOUNDARY if that ended its sample."""
    reference_token: int
    """The token that the reference drew with it."""


@dataclass(frozen=True)
class PairedSample:
    """A sample and its divergence from the reference's; None if they are the same."""

    sample: Sample
    divergence: Divergence | None = None


class _LazySums(dict[int, Sequence[float]]):
    """The running sums of each row of a table, computed when the row is first needed."""

    def __init__(self, probabilities: Matrix) -> None:
        super().__init__()
        self._probabilities = probabilities

    def __missing__(self, token: int) -> Sequence[float]:
        self[token] = _cumulative(self._probabilities[token]).data
        return self[token]


RunningSums = _LazySums | list[list[float]]


class UniformStream:
    """A stream of numbers from [0, 1), which can be looked at before they are used up."""

    def __init__(self, draw: Callable[[int], Uniforms]) -> None:
        """draw: makes the next so many numbers; fewer only if the stream ends with them."""
        self._draw = draw
        self._ahead: Uniforms = np.empty(0)

    def peek(self, count: int) -> Uniforms:
        """Return the next numbers and leave them in the stream; fewer only if it ends. [count]"""
        missing = count - self._ahead.size
        if missing > 0:
            self._ahead = np.append(self._ahead, self._draw(max(missing, _BLOCK)))
        return self._ahead[:count]

    def skip(self, count: int) -> None:
        """Use up so many numbers, which were peeked at."""
        self._ahead = self._ahead[count:]


def uniforms(seed: int) -> UniformStream:
    """Return the float64 uniforms of a fresh generator from [0, 1), without end.

    Raises ValueError unless 0 <= seed < 2**32.
    """
    return UniformStream(LectureGenerator(seed).uniform)


def draw_samples(
    probabilities: Matrix,
    vocabulary: Vocabulary,
    stream: UniformStream,
    count: int,
    longest: int = LONGEST,
) -> list[Sample]:
    """Draw samples by inverse CDF, one uniform per character, as the lecture's recording does.

    probabilities: [V, V], rows sum to 1. Token j follows i where the running sum of row i first
    exceeds the uniform. So a token of probability 0 is never drawn, and the samples of two models
    from one stream differ only where their tables do. A row that holds NaN ends the sample.
    stream: only as many uniforms as are needed are used up. longest: the most characters of a
    sample, 1 or more.
    Raises ValueError if the stream ends.
    """
    follow = _follower(probabilities, count)
    labels, boundary = vocabulary.labels, vocabulary.boundary_label
    samples: list[Sample] = []
    usual = _USUAL_LENGTH
    while missing := count - len(samples):
        ahead = stream.peek(max(longest, min(usual * missing, _MOST_AHEAD)))
        *texts, begun = "".join([labels[token] for token in follow(ahead)]).split(boundary)
        # A sample that is too long is broken off, so what follows it was drawn from a wrong token.
        too_long = next((i for i, text in enumerate(texts) if len(text) >= longest), None)
        if too_long is not None:
            texts, begun = texts[:too_long], texts[too_long]
        ended = texts[:missing]
        samples += map(Sample, ended)
        stream.skip(sum(map(len, ended)) + len(ended))
        if len(ended) < missing and len(begun) >= longest:
            samples.append(Sample(begun[:longest], ended=False))
            stream.skip(longest)
            usual = 1  # such models break off most samples
        elif not ended:
            raise ValueError("the stream of uniforms has ended")
    return samples


def draw_paired_samples(
    reference: Matrix,
    others: Sequence[Matrix],
    vocabulary: Vocabulary,
    stream: UniformStream,
    count: int,
    longest: int = LONGEST,
) -> list[list[PairedSample]]:
    """Draw the samples that `draw_samples` draws from the reference, and beside each the others'.

    reference and each of others: [V, V], rows sum to 1. Returns a list of `count` samples for the
    reference, then one for each of others. All models begin their k-th sample at the same uniform,
    so that one difference does not spoil all later samples. Raises ValueError if the stream ends.
    """
    sums, *other_sums = map(_running_sums, (reference, *others))
    columns: list[list[PairedSample]] = [[] for _ in range(1 + len(others))]
    for _ in range(count):
        ahead = stream.peek(longest).tolist()
        reference_tokens = _draw_one(sums, ahead, longest)
        columns[0].append(PairedSample(_sample(reference_tokens, vocabulary)))
        for column, rows in zip(columns[1:], other_sums, strict=True):
            tokens = _draw_one(rows, ahead, longest)
            divergence = _divergence(tokens, reference_tokens, ahead)
            column.append(PairedSample(_sample(tokens, vocabulary), divergence))
        stream.skip(len(reference_tokens) - 1)
    return columns


def _follower(probabilities: Matrix, count: int) -> Callable[[Uniforms], list[int]]:
    """Return what draws a token for each uniform, from a boundary on. count: samples to draw."""
    if len(probabilities) <= _RANKED and probabilities.size <= _USUAL_LENGTH * count:
        sums = _cumulative(probabilities)
        if (np.diff(sums, axis=1) >= 0).all():  # a plugin may give negative probabilities
            return _Ranks(sums)
    return partial(_follow_sums, _running_sums(probabilities))


class _Ranks:
    """Draws tokens by the rank of each uniform among the running sums of all rows together.

    If k of the V² sums are at most the uniform, the successor of token i is the number of sums of
    row i among those k. So one search finds the successors of all tokens, exactly.
    """

    def __init__(self, sums: Matrix) -> None:
        """sums: the running sums of each row, in order, [V, V], V <= 256."""
        size = len(sums)
        order = np.argsort(sums, axis=None, kind="stable")
        steps = np.zeros((size**2 + 1, size), np.uint8)
        steps[np.arange(1, size**2 + 1), order // size] = 1
        # The last sum of a row is 1, above any uniform: so each successor is below V.
        successors = np.cumsum(steps, axis=0, dtype=np.uint8).tobytes()
        self._successors = [successors[i : i + size] for i in range(0, len(successors), size)]
        self._sums = sums.ravel()[order]
        # The rank of each multiple of 1/_BUCKETS; most buckets between two of them hold no sum.
        edges = np.ceil(self._sums * _BUCKETS).astype(np.intp)
        self._rank_of_edge = np.cumsum(np.bincount(edges, minlength=_BUCKETS + 1))

    def __call__(self, uniforms: Uniforms) -> list[int]:
        """Return the token that each uniform draws, from a boundary on. [uniforms]"""
        buckets = (uniforms * _BUCKETS).astype(np.intp)
        ranks = self._rank_of_edge[buckets]
        unsure = np.flatnonzero(self._rank_of_edge[buckets + 1] > ranks)
        ranks[unsure] = self._sums.searchsorted(uniforms[unsure], "right")
        token, successors = BOUNDARY, self._successors
        return [token := successors[rank][token] for rank in ranks.tolist()]


def _follow_sums(rows: RunningSums, uniforms: Uniforms) -> list[int]:
    """Return the token that each uniform draws, from a boundary on. [uniforms]"""
    token = BOUNDARY
    return [token := bisect_right(rows[token], uniform) for uniform in uniforms.tolist()]


def _running_sums(probabilities: Matrix) -> RunningSums:
    """The running sums of each row: lists are the fastest to search, but take long to make."""
    if len(probabilities) > _SMALL:
        return _LazySums(probabilities)
    rows: list[list[float]] = _cumulative(probabilities).tolist()
    return rows


def _draw_one(rows: RunningSums, uniforms: list[float], longest: int) -> list[int]:
    """Return the tokens of one sample, from its first boundary to its last, if it is ended."""
    token = BOUNDARY
    tokens = [token]
    for uniform in uniforms:
        token = bisect_right(rows[token], uniform)
        tokens.append(token)
        if token == BOUNDARY:
            return tokens
    if len(uniforms) < longest:
        raise ValueError("the stream of uniforms has ended")
    return tokens


def _sample(tokens: list[int], vocabulary: Vocabulary) -> Sample:
    """Return the sample that tokens spell after the boundary, which comes first."""
    ended = tokens[-1] == BOUNDARY
    return Sample(vocabulary.decode(tokens[1:-1] if ended else tokens[1:]), ended)


def _divergence(
    tokens: list[int], reference_tokens: list[int], uniforms: list[float]
) -> Divergence | None:
    """The first difference of two samples that were drawn from the same uniforms, if any."""
    # Neither can go on where the other stops: both stop at a boundary, or at the same length.
    drawn = zip(tokens[1:], reference_tokens[1:], uniforms, strict=False)
    for place, (token, reference_token, uniform) in enumerate(drawn):
        if token != reference_token:
            return Divergence(place, tokens[place], uniform, token, reference_token)
    return None


def _cumulative(rows: Matrix) -> Matrix:
    """The running sums of rows, scaled to end at 1 exactly.

    A row whose sum is NaN, infinite or not positive becomes ones: it always draws the boundary.
    """
    sums = np.cumsum(rows, axis=-1, dtype=np.float64)
    totals = sums[..., -1:]
    drawable = (totals > 0) & (totals < np.inf)
    return np.divide(sums, totals, out=np.ones_like(sums), where=drawable)
