"""The promise of this project: two independent derivations of one training agree to rounding.

The gradient of the one is written out by hand, the other's comes from autograd. The proof that the
check can fail comes with it: a billionth added to the gradient of either is noticed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.backend import Backend, Iteration, as_numpy
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.training.run import Run
from tests.conftest import CountLines

pytest.importorskip("torch")

ITERATIONS = 1000
TOLERANCES = {"P": 1e-12, "loss": 1e-12, "own loss": 1e-12, "W": 1e-11, "gradient": 1e-12}
OFF = 1e-9
SIGNS = np.random.default_rng(2147483647).choice([-1.0, 1.0], size=(27, 27))

Pair = Callable[[Matrix | float], tuple[Backend, Backend, Bigrams, Matrix]]


class DisagreementError(AssertionError):
    """Two runs that part: `parts` are what they part in, at the first iteration where they do."""

    def __init__(self, iteration: int, parts: set[str]) -> None:
        super().__init__(f"at iteration {iteration} in {', '.join(sorted(parts))}")
        self.iteration = iteration
        self.parts = parts


def differences(a: Run, b: Run) -> dict[str, float]:
    """The largest |Δ| of each part of two models."""
    one, other = a.snapshot(), b.snapshot()
    assert one.iteration == other.iteration
    found: dict[str, tuple[Any, Any]] = {
        "P": (one.probabilities, other.probabilities),
        "W": (one.weights, other.weights),
        "gradient": (one.gradient, other.gradient),
        "loss": (one.total, other.total),
    }
    if other.own_loss is not None:
        found["own loss"] = (one.total, other.own_loss)
    return {part: float(np.abs(np.subtract(*pair)).max()) for part, pair in found.items()}


def assert_agreement(
    a: Backend, b: Backend, bigrams: Bigrams, start: Matrix, iterations: int = ITERATIONS
) -> dict[str, float]:
    """Train both and compare every iteration: the largest differences of all.

    DisagreementError at the first iteration where one is above its tolerance.
    """
    runs = Run(a, bigrams, start), Run(b, bigrams, start)
    largest: dict[str, float] = {}
    for iteration in range(iterations + 1):
        assert [run.iteration for run in runs] == [iteration, iteration]
        found = differences(*runs)
        # Not "above", so that NaN is a disagreement.
        parts = {part for part, value in found.items() if not value <= TOLERANCES[part]}
        if parts:
            raise DisagreementError(iteration, parts)
        largest = {part: max(value, largest.get(part, 0.0)) for part, value in found.items()}
        for run in runs:
            run.advance()
    return largest


@dataclass
class Perturbed(Backend):
    """Its update uses the gradient + `off`, the gradient being that of the backend before it."""

    off: Matrix | float = field(default_factory=float, kw_only=True)

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        while True:
            model = next(super().train(bigrams, weights))  # type: ignore[safe-super]
            yield model
            gradient = as_numpy(model.gradient) + self.off
            weights = as_numpy(model.weights) - self.learning_rate * gradient  # type: ignore[attr-defined]


@dataclass
class PerturbedNumpy(Perturbed, NumpyBackend):
    """The gradient by hand, and something added to it."""


@dataclass
class PerturbedTorch(Perturbed, TorchBackend):
    """Autograd's gradient, and something added to it."""


def by_hand(off: Matrix | float | None = None) -> Backend:
    return NumpyBackend() if off is None else PerturbedNumpy(off=off)


def by_autograd(off: Matrix | float | None = None, objective: str = "counts") -> Backend:
    values: dict[str, Any] = {"device": "cpu", "dtype": "float64", "objective": objective}
    return TorchBackend(**values) if off is None else PerturbedTorch(**values, off=off)


@pytest.fixture(scope="module")
def few(count_lines: CountLines, name_lines: list[str]) -> Bigrams:
    """The bigrams of a hundred names, V = 27: one-hot rows of all of them take too long."""
    return count_lines(name_lines[:100], "abcdefghijklmnopqrstuvwxyz")


# The promise


def test_by_hand_and_by_autograd_agree_at_each_of_a_thousand_iterations(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    largest = assert_agreement(by_hand(), by_autograd(), names, lecture_weights)
    assert largest.keys() == TOLERANCES.keys()
    assert largest["P"] > 0  # two ways of computing, not one and itself


@pytest.mark.slow
def test_the_one_hot_rows_of_the_lecture_agree_with_both(
    few: Bigrams, lecture_weights: Matrix
) -> None:
    for other in (by_hand(), by_autograd()):
        one_hot = by_autograd(objective="one-hot")
        largest = assert_agreement(other, one_hot, few, lecture_weights)
        assert largest["P"] > 0


# The proof that the check can fail

PERTURBED = pytest.mark.parametrize("which", ["by hand", "by autograd", "by one-hot rows"])


@pytest.fixture
def pair(which: str, names: Bigrams, few: Bigrams, lecture_weights: Matrix) -> Pair:
    """What to check, with something added to the gradient of one of the two."""

    def perturbed(off: Matrix | float) -> tuple[Backend, Backend, Bigrams, Matrix]:
        if which == "by hand":
            return by_hand(off), by_autograd(), names, lecture_weights
        if which == "by autograd":
            return by_hand(), by_autograd(off), names, lecture_weights
        return by_hand(), by_autograd(off, "one-hot"), few, lecture_weights

    return perturbed


@PERTURBED
def test_where_nothing_is_added_the_check_passes(pair: Pair) -> None:
    assert_agreement(*pair(0.0), 200)


@PERTURBED
def test_a_billionth_in_the_gradient_shows_in_all_that_comes_of_it(pair: Pair) -> None:
    with pytest.raises(DisagreementError) as caught:
        assert_agreement(*pair(OFF * SIGNS))
    assert caught.value.iteration == 1
    assert caught.value.parts >= {"P", "W", "loss"}


@PERTURBED
def test_a_billionth_in_all_cells_alike_shows_in_the_weights(pair: Pair) -> None:
    with pytest.raises(DisagreementError) as caught:
        assert_agreement(*pair(OFF))
    assert caught.value.iteration == 1
    assert "W" in caught.value.parts
    assert "P" not in caught.value.parts


@PERTURBED
def test_a_billionth_in_all_cells_alike_never_changes_a_probability(pair: Pair) -> None:
    a, b, bigrams, start = pair(OFF)
    runs = Run(a, bigrams, start), Run(b, bigrams, start)
    shift = 0.0
    for iteration in range(200):
        found = differences(*runs)
        assert found["P"] <= TOLERANCES["P"]
        assert found["W"] == pytest.approx(shift, rel=1e-3, abs=1e-11), iteration
        shift += 50 * OFF - 50 * 2 * 0.01 / 27**2 * shift  # which the penalty pulls back
        for run in runs:
            run.advance()
    assert shift > 5e-6
