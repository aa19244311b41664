"""Names drawn from a table of probabilities and a stream of uniforms."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat, tee
from typing import NamedTuple

import numpy as np

from bigram_tui.model.bigrams import BOUNDARY, Matrix, Vocabulary
from bigram_tui.model.torch_rng import LectureGenerator

LONGEST = 100
"""Tokens after which a name is broken off: a model may hardly ever end one."""

_BLOCK = 1024
_SMALL = 64


class Sample(NamedTuple):
    """A sampled item: its text, and whether the model ended it or it grew too long."""

    text: str
    ended: bool = True


@dataclass(frozen=True)
class Divergence:
    """Where a name parts from the reference's: one uniform, after one token, drew two.

    Probabilities are as drawn, shares of their row's sum; nan where a row that holds NaN ended
    the name.
    """

    place: int
    """How many characters the two names share before it."""
    after: int
    """The last token that they share; BOUNDARY where they part at once."""
    uniform: float
    token: int
    """What this model drew; BOUNDARY where that ended its name."""
    probability: float
    """Of `token` in this model's row `after`."""
    reference_token: int
    reference_probability: float
    """Of `reference_token` in the reference's row `after`."""


@dataclass(frozen=True)
class PairedSample:
    """A name, and where it parts from the reference's; None if it is the same name."""

    sample: Sample
    divergence: Divergence | None = None


def uniforms(seed: int) -> Iterator[float]:
    """The float64 uniforms of a fresh generator, one after another, without end."""
    generator = LectureGenerator(seed)
    return chain.from_iterable(generator.uniform(_BLOCK).tolist() for _ in repeat(None))


def draw_samples(
    probabilities: Matrix,
    vocabulary: Vocabulary,
    stream: Iterator[float],
    count: int,
    longest: int = LONGEST,
) -> list[Sample]:
    """Draw names by inverse CDF, one uniform per character, as the lecture's recording does.

    probabilities: [V, V], rows sum to 1. Token j follows i where the running sum of row i first
    exceeds the uniform, so a token of probability 0 is never drawn, and two models that are fed
    the same stream part only where their tables do. A row that holds NaN ends the name.
    """
    rows = _running_sums(probabilities)
    labels, boundary = vocabulary.labels, vocabulary.boundary_label
    names: list[Sample] = []
    begun: list[int] = []
    token = BOUNDARY
    while len(names) < count:
        # As many uniforms as are needed at least, so that none too many is taken; and no more than
        # the name that is begun may take, so that none grows too long unnoticed.
        block = islice(stream, min(count - len(names), longest - len(begun)))
        drawn = [token := bisect_right(rows[token], uniform) for uniform in block]
        if not drawn:
            raise ValueError("the stream of uniforms has ended")
        begun += drawn
        if BOUNDARY in drawn:
            cut = len(begun) - begun[::-1].index(BOUNDARY)
            text = "".join([labels[each] for each in begun[:cut]])
            names += map(Sample, text.split(boundary)[:-1])
            del begun[:cut]
        elif len(begun) == longest:
            names.append(Sample(vocabulary.decode(begun), ended=False))
            begun, token = [], BOUNDARY
    return names


def draw_paired_samples(
    reference: Matrix,
    others: Sequence[Matrix],
    vocabulary: Vocabulary,
    stream: Iterator[float],
    count: int,
    longest: int = LONGEST,
) -> list[list[PairedSample]]:
    """The names that `sample_names` draws from the reference; beside them, those of other models.

    reference and each of others: [V, V], rows sum to 1. Returns a list of `count` names for the
    reference, then one for each of others. All models begin their k-th name at the same uniform,
    so that one difference does not spoil all later names. More of the stream may be used up than
    `sample_names` would.
    """
    first = _Sampler(reference)
    rest = [_Sampler(probabilities) for probabilities in others]
    beside: list[list[PairedSample]] = [[] for _ in range(1 + len(rest))]
    for _ in range(count):
        stream, again, *streams = tee(stream, 2 + len(rest))
        reference_tokens = first.draw(stream, longest)
        used = list(islice(again, len(reference_tokens) - 1))
        beside[0].append(PairedSample(_sample(reference_tokens, vocabulary)))
        for names, sampler, own in zip(beside[1:], rest, streams, strict=True):
            tokens = sampler.draw(own, longest)
            divergence = _divergence(sampler, tokens, first, reference_tokens, used)
            names.append(PairedSample(_sample(tokens, vocabulary), divergence))
    return beside


class _LazySums(dict[int, Sequence[float]]):
    """The running sums of each row of a table, from when the row is first asked for."""

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
    """Draws single names from one table."""

    def __init__(self, probabilities: Matrix) -> None:
        self._probabilities = probabilities
        self._rows = _running_sums(probabilities)

    def draw(self, stream: Iterator[float], longest: int) -> list[int]:
        """The tokens of one name, from its first boundary to the one that ends it, if any does."""
        token = BOUNDARY
        tokens = [token]
        while len(tokens) <= longest:
            token = bisect_right(self._rows[token], next(stream))
            tokens.append(token)
            if token == BOUNDARY:
                break
        return tokens

    def probability(self, after: int, token: int) -> float:
        """The share of a token in the sum of a row; nan where the row is none to draw from."""
        row = self._probabilities[after]
        whole = float(np.cumsum(row, dtype=np.float64)[-1])
        return float(row[token]) / whole if 0 < whole < math.inf else math.nan


def _sample(tokens: list[int], vocabulary: Vocabulary) -> Sample:
    """The name that some tokens spell, the first of which is the boundary."""
    ended = tokens[-1] == BOUNDARY
    return Sample(vocabulary.decode(tokens[1:-1] if ended else tokens[1:]), ended)


def _divergence(
    sampler: _Sampler,
    tokens: list[int],
    reference: _Sampler,
    reference_tokens: list[int],
    used: list[float],
) -> Divergence | None:
    """The first difference of two names that were drawn from the same uniforms, if there is one."""
    # Neither can go on where the other stops: both stop at a boundary, or at the same length.
    drawn = zip(tokens[1:], reference_tokens[1:], used, strict=False)
    for place, (token, reference_token, uniform) in enumerate(drawn):
        if token != reference_token:
            after = tokens[place]
            return Divergence(
                place,
                after,
                uniform,
                token,
                sampler.probability(after, token),
                reference_token,
                reference.probability(after, reference_token),
            )
    return None


def _cumulative(rows: Matrix) -> Matrix:
    """The running sums of rows, scaled to end at 1 exactly. NaN makes one end at the boundary."""
    sums = np.cumsum(rows, axis=-1, dtype=np.float64)
    whole = sums[..., -1:]
    drawable = (whole > 0) & (whole < np.inf)
    return np.divide(sums, whole, out=np.ones_like(sums), where=drawable)
