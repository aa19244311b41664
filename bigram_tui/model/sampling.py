"""Samples, drawn from a table of probabilities and a stream of uniforms."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat, tee
from typing import NamedTuple

import numpy as np

from bigram_tui.model.bigrams import BOUNDARY, Matrix, Vocabulary
from bigram_tui.model.torch_rng import LectureGenerator

LONGEST = 100
"""The tokens after which a sample is broken off: some models hardly ever end one."""

_BLOCK = 1024
_SMALL = 64


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


def uniforms(seed: int) -> Iterator[float]:
    """Yield the float64 uniforms of a fresh generator from [0, 1), without end.

    Raises ValueError, at the first, unless 0 <= seed < 2**32.
    """
    generator = LectureGenerator(seed)
    return chain.from_iterable(generator.uniform(_BLOCK).tolist() for _ in repeat(None))


def draw_samples(
    probabilities: Matrix,
    vocabulary: Vocabulary,
    stream: Iterator[float],
    count: int,
    longest: int = LONGEST,
) -> list[Sample]:
    """Draw samples by inverse CDF, one uniform per character, as the lecture's recording does.

    probabilities: [V, V], rows sum to 1. Token j follows i where the running sum of row i first
    exceeds the uniform. So a token of probability 0 is never drawn, and the samples of two models
    from one stream differ only where their tables do. A row that holds NaN ends the sample.
    stream: uniforms from [0, 1). longest: the most characters of a sample.
    Raises ValueError if the stream ends.
    """
    rows = _running_sums(probabilities)
    labels, boundary = vocabulary.labels, vocabulary.boundary_label
    samples: list[Sample] = []
    tokens: list[int] = []  # of the sample that is begun
    token = BOUNDARY
    while len(samples) < count:
        # Only as many uniforms as are surely needed, so that the stream can be used further; and
        # only as many as the sample that is begun may take, lest it grows too long.
        block = islice(stream, min(count - len(samples), longest - len(tokens)))
        drawn = [token := bisect_right(rows[token], uniform) for uniform in block]
        if not drawn:
            raise ValueError("the stream of uniforms has ended")
        tokens += drawn
        if BOUNDARY in drawn:
            cut = len(tokens) - tokens[::-1].index(BOUNDARY)
            text = "".join([labels[each] for each in tokens[:cut]])
            samples += map(Sample, text.split(boundary)[:-1])
            del tokens[:cut]
        elif len(tokens) == longest:
            samples.append(Sample(vocabulary.decode(tokens), ended=False))
            tokens, token = [], BOUNDARY
    return samples


def draw_paired_samples(
    reference: Matrix,
    others: Sequence[Matrix],
    vocabulary: Vocabulary,
    stream: Iterator[float],
    count: int,
    longest: int = LONGEST,
) -> list[list[PairedSample]]:
    """Draw the samples that `draw_samples` draws from the reference, and beside each the others'.

    reference and each of others: [V, V], rows sum to 1. Returns a list of `count` samples for the
    reference, then one for each of others. All models begin their k-th sample at the same uniform,
    so that one difference does not spoil all later samples. This may use up more of the stream
    than `draw_samples` would.
    """
    first = _Sampler(reference)
    rest = [_Sampler(probabilities) for probabilities in others]
    columns: list[list[PairedSample]] = [[] for _ in range(1 + len(rest))]
    for _ in range(count):
        stream, again, *streams = tee(stream, 2 + len(rest))
        reference_tokens = first.draw(stream, longest)
        used = list(islice(again, len(reference_tokens) - 1))
        columns[0].append(PairedSample(_sample(reference_tokens, vocabulary)))
        for column, sampler, own in zip(columns[1:], rest, streams, strict=True):
            tokens = sampler.draw(own, longest)
            divergence = _divergence(tokens, reference_tokens, used)
            column.append(PairedSample(_sample(tokens, vocabulary), divergence))
    return columns


class _LazySums(dict[int, Sequence[float]]):
    """The running sums of each row of a table, computed when the row is first needed."""

    def __init__(self, probabilities: Matrix) -> None:
        super().__init__()
        self._probabilities = probabilities

    def __missing__(self, token: int) -> Sequence[float]:
        self[token] = _cumulative(self._probabilities[token]).data
        return self[token]


def _running_sums(probabilities: Matrix) -> _LazySums | list[list[float]]:
    """The running sums of each row: lists are the fastest to search, but take long to make."""
    if len(probabilities) > _SMALL:
        return _LazySums(probabilities)
    rows: list[list[float]] = _cumulative(probabilities).tolist()
    return rows


class _Sampler:
    """Draws single samples from one table."""

    def __init__(self, probabilities: Matrix) -> None:
        self._rows = _running_sums(probabilities)

    def draw(self, stream: Iterator[float], longest: int) -> list[int]:
        """The tokens of one sample, from its first boundary to its last, if the model ended it."""
        token = BOUNDARY
        tokens = [token]
        while len(tokens) <= longest:
            token = bisect_right(self._rows[token], next(stream))
            tokens.append(token)
            if token == BOUNDARY:
                break
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
