"""One iteration at V = 4,096, where memory is what is waited for: against copying, and np.exp.

An iteration must read W and the joint frequencies, and write P, the gradient and the next W, each
of 134 MB. Copying as much, by one thread as NumPy does it, is the measure; threads that share the
rows of an iteration may come near it.
"""

import numpy as np
import pytest

from benchmarks.conftest import Measure
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run

V = 4096
SEEN = 0.03
"""The share of bigrams that occur."""


@pytest.fixture(scope="module")
def bigrams() -> Bigrams:
    """Counts of made-up characters: of those that occur, a few occur often."""
    random = np.random.default_rng(1)
    counts = random.geometric(0.01, (V, V)) * (random.random((V, V), np.float32) < SEEN)
    return Bigrams(Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + V - 1)))), counts)


@pytest.fixture(scope="module")
def weights() -> Matrix:
    return start_weights(V)


@pytest.fixture(scope="module")
def runs(bigrams: Bigrams, weights: Matrix) -> dict[str, Run]:
    return {
        source.name: Run(source.load()(), bigrams, weights) for source in choose(["numpy", "torch"])
    }


def check_both_reach_the_same_losses(runs: dict[str, Run]) -> None:
    numpy, torch = runs.values()
    for run in (numpy, torch):
        run.advance(2)
    assert numpy.snapshot().losses[:, :2] == pytest.approx(torch.snapshot().losses[:, :2], 1e-12)


def bench_numpy(measure: Measure, runs: dict[str, Run]) -> None:
    measure(runs["numpy"].advance, rounds=3)


def bench_torch(measure: Measure, runs: dict[str, Run]) -> None:
    measure(runs["torch"].advance, rounds=3)


def bench_copying(measure: Measure, weights: Matrix, bigrams: Bigrams) -> None:
    joint = bigrams.counts / bigrams.total
    table, gradient, updated = (np.ones((V, V)) for _ in range(3))

    def copy() -> None:
        np.copyto(table, weights)
        np.copyto(gradient, joint)
        updated.fill(0)

    measure(copy, rounds=3)


def bench_exp(measure: Measure, weights: Matrix) -> None:
    odds = np.ones((V, V))
    measure(lambda: np.exp(weights, out=odds), rounds=3)
