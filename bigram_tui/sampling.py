"""Names drawn from a table of probabilities and a stream of uniforms."""

from collections.abc import Iterator
from dataclasses import dataclass

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
    cumulative: dict[int, Matrix] = {}
    names = []
    for _ in range(count):
        tokens: list[int] = []
        token = BOUNDARY
        while len(tokens) < longest:
            if token not in cumulative:
                cumulative[token] = _cumulative(probabilities[token])
            token = int(cumulative[token].searchsorted(next(stream), side="right"))
            if token == BOUNDARY:
                break
            tokens.append(token)
        names.append(Name(vocabulary.decode(tokens), ended=token == BOUNDARY))
    return names


def _cumulative(row: Matrix) -> Matrix:
    """The running sum of a row, scaled to end at 1 exactly. NaN makes it end at the boundary."""
    sums = np.cumsum(row, dtype=np.float64)
    if not 0 < sums[-1] < np.inf:
        return np.ones_like(sums)
    result: Matrix = sums / sums[-1]
    return result
