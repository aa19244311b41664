"""The surprise of a line under a table of probabilities, bigram by bigram."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bigram_tui.model.bigrams import Matrix


@dataclass(frozen=True, eq=False)
class Surprise:
    """The surprise of each bigram of a line of n characters."""

    tokens: list[int]
    """The tokens of the line, boundaries included: n + 2."""
    nats: npt.NDArray[np.float64]
    """−log P of each bigram, float64 [n + 1]; ∞ where P is 0, NaN where P is NaN."""

    @property
    def total(self) -> float:
        """−log P of the whole line, in nats: the sum over its bigrams."""
        # Summed by Python, which does not warn of ∞ − ∞.
        return sum(self.nats.tolist(), 0.0)

    @property
    def mean(self) -> float:
        """The nll of the line: the mean over its n + 1 bigrams, in nats."""
        return self.total / self.nats.size


def surprise(probabilities: Matrix, tokens: Sequence[int]) -> Surprise:
    """Compute −log P of each bigram of a line.

    probabilities: P [V, V]. tokens: two or more, as of `Vocabulary.encode_line`.
    """
    cells = probabilities[tokens[:-1], tokens[1:]]
    with np.errstate(divide="ignore", invalid="ignore"):
        nats = 0.0 - np.log(cells, dtype=np.float64)
    return Surprise(list(tokens), nats)
