"""How much a word surprises a table of probabilities, bigram by bigram."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bigram_tui.model.bigrams import Matrix


@dataclass(frozen=True, eq=False)
class Surprise:
    """What each bigram of a word costs.

    tokens: the n characters between two boundaries, n + 2. nats: float64 [n + 1], −log P of each
    bigram; ∞ where P is 0, nan where P is.
    """

    tokens: list[int]
    nats: npt.NDArray[np.float64]

    @property
    def total(self) -> float:
        """−log P of the whole word, in nats: the sum. Without a nan in it, ∞ if any bigram is."""
        # Added up by Python, which does not warn of ∞ − ∞.
        return sum(self.nats.tolist(), 0.0)

    @property
    def mean(self) -> float:
        """The NLL of the word: the average over its n + 1 bigrams, in nats."""
        return self.total / self.nats.size


def surprise(probabilities: Matrix, tokens: Sequence[int]) -> Surprise:
    """−log P of each bigram of some tokens, two or more, in float64. probabilities: [V, V]."""
    cells = probabilities[tokens[:-1], tokens[1:]]
    with np.errstate(divide="ignore", invalid="ignore"):
        nats = 0.0 - np.log(cells, dtype=np.float64)
    return Surprise(list(tokens), nats)
