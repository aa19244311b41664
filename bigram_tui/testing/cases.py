"""The texts on which backends are tested."""

from dataclasses import dataclass

import numpy as np

from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary


@dataclass(frozen=True, eq=False)
class Case:
    """A text to learn from and the weights to start from."""

    name: str
    bigrams: Bigrams
    weights: Matrix

    def __str__(self) -> str:
        return f"text “{self.name}”"

    def backwards(self) -> "Case":
        """Return the reversed text with other start weights and the same V."""
        counts = np.ascontiguousarray(self.bigrams.counts.T)
        bigrams = Bigrams(self.bigrams.vocabulary, counts)
        return Case(f"{self.name}, backwards", bigrams, _read_only(-self.weights))


def cases() -> list[Case]:
    """Make the test texts anew, so that no backend can spoil them for the next."""
    return [
        _case("four names", "aeimv", ["emma", "mia", "ava", "eve"], seed=1),
        # As a split may leave it: z stands in other lines only.
        _case("a token that is never seen", "abz", ["ab", "ba", "aab"], seed=2),
        _case("V = 2", "a", ["a", "aaa"], seed=3),
    ]


def _case(name: str, characters: str, lines: list[str], seed: int) -> Case:
    vocabulary = Vocabulary(characters)
    size = len(vocabulary)
    counts = np.zeros((size, size), np.int64)
    for line in lines:
        tokens = vocabulary.encode_line(line)
        np.add.at(counts, (tokens[:-1], tokens[1:]), 1)
    weights = np.random.default_rng(seed).standard_normal((size, size))
    return Case(name, Bigrams(vocabulary, counts), _read_only(weights))


def _read_only(weights: Matrix) -> Matrix:
    weights.setflags(write=False)
    return weights
