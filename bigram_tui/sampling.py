"""Names drawn from a table of probabilities and a stream of uniforms."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, tee

import numpy as np

from bigram_tui.bigrams import BOUNDARY, Matrix, Vocabulary
from bigram_tui.lecture_rng import LectureGenerator

LONGEST = 100
"""Tokens after which a name is broken off: a model may hardly ever end one."""

_BLOCK = 256


@dataclass(frozen=True)
class Name:
    """A sampled item: its text, and whether the model ended it or it grew too long."""

    text: str
    ended: bool = True


@dataclass(frozen=True)
class Parting:
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
class NameBeside:
    """A name, and where it parts from the reference's; None if it is the same name."""

    name: Name
    parting: Parting | None = None


def uniforms(seed: int) -> Iterator[float]:
    """The float64 uniforms of a fresh generator, one after another, without end."""
    generator = LectureGenerator(seed)
    while True:
        yield from generator.uniform(_BLOCK).tolist()


def sample_names(
    probabilities: Matrix,
    vocabulary: Vocabulary,
    stream: Iterator[float],
    count: int,
    longest: int = LONGEST,
) -> list[Name]:
    """Draw names by inverse CDF, one uniform per character, as the lecture's recording does.

    probabilities: [V, V], rows sum to 1. Token j follows i where the running sum of row i first
    exceeds the uniform, so a token of probability 0 is never drawn, and two models that are fed
    the same stream part only where their tables do. A row that holds NaN ends the name.
    """
    sampler = _Sampler(probabilities)
    return [_name(sampler.draw(stream, longest), vocabulary) for _ in range(count)]


def sample_beside(
    reference: Matrix,
    others: Sequence[Matrix],
    vocabulary: Vocabulary,
    stream: Iterator[float],
    count: int,
    longest: int = LONGEST,
) -> list[list[NameBeside]]:
    """The names that `sample_names` draws from the reference; beside them, those of other models.

    reference and each of others: [V, V], rows sum to 1. Returns a list of `count` names for the
    reference, then one for each of others. All models begin their k-th name at the same uniform,
    so that one difference does not spoil all later names. More of the stream may be used up than
    `sample_names` would.
    """
    first = _Sampler(reference)
    rest = [_Sampler(probabilities) for probabilities in others]
    beside: list[list[NameBeside]] = [[] for _ in range(1 + len(rest))]
    for _ in range(count):
        stream, again, *streams = tee(stream, 2 + len(rest))
        reference_tokens = first.draw(stream, longest)
        used = list(islice(again, len(reference_tokens) - 1))
        beside[0].append(NameBeside(_name(reference_tokens, vocabulary)))
        for names, sampler, own in zip(beside[1:], rest, streams, strict=True):
            tokens = sampler.draw(own, longest)
            parting = _parting(sampler, tokens, first, reference_tokens, used)
            names.append(NameBeside(_name(tokens, vocabulary), parting))
    return beside


class _Sampler:
    """Draws from one table, and sums up each of its rows just once."""

    def __init__(self, probabilities: Matrix) -> None:
        self._probabilities = probabilities
        self._cumulative: dict[int, Matrix] = {}

    def draw(self, stream: Iterator[float], longest: int) -> list[int]:
        """The tokens of one name, from its first boundary to the one that ends it, if any does."""
        cumulative = self._cumulative
        token = BOUNDARY
        tokens = [token]
        while len(tokens) <= longest:
            if token not in cumulative:
                cumulative[token] = _cumulative(self._probabilities[token])
            token = int(cumulative[token].searchsorted(next(stream), side="right"))
            tokens.append(token)
            if token == BOUNDARY:
                break
        return tokens

    def probability(self, after: int, token: int) -> float:
        """The share of a token in the sum of a row; nan where the row is none to draw from."""
        row = self._probabilities[after]
        whole = float(np.cumsum(row, dtype=np.float64)[-1])
        return float(row[token]) / whole if 0 < whole < math.inf else math.nan


def _name(tokens: list[int], vocabulary: Vocabulary) -> Name:
    """The name that some tokens spell, the first of which is the boundary."""
    ended = tokens[-1] == BOUNDARY
    return Name(vocabulary.decode(tokens[1:-1] if ended else tokens[1:]), ended)


def _parting(
    sampler: _Sampler,
    tokens: list[int],
    reference: _Sampler,
    reference_tokens: list[int],
    used: list[float],
) -> Parting | None:
    """The first difference of two names that were drawn from the same uniforms, if there is one."""
    # Neither can go on where the other stops: both stop at a boundary, or at the same length.
    drawn = zip(tokens[1:], reference_tokens[1:], used, strict=False)
    for place, (token, reference_token, uniform) in enumerate(drawn):
        if token != reference_token:
            after = tokens[place]
            return Parting(
                place,
                after,
                uniform,
                token,
                sampler.probability(after, token),
                reference_token,
                reference.probability(after, reference_token),
            )
    return None


def _cumulative(row: Matrix) -> Matrix:
    """The running sum of a row, scaled to end at 1 exactly. NaN makes it end at the boundary."""
    sums = np.cumsum(row, dtype=np.float64)
    if not 0 < sums[-1] < np.inf:
        return np.ones_like(sums)
    result: Matrix = sums / sums[-1]
    return result
