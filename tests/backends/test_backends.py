"""Every backend keeps to the contract, and each clause of the contract catches who does not."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter
from bigram_tui.testing import BackendTests
from bigram_tui.testing.cases import cases
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status
from tests.training.test_run import HeavyBall

EXAMPLE = Path(__file__).parents[2] / "docs" / "example_backend.py"


# Who keeps to it


class TestCount(BackendTests):
    def make(self) -> Backend:
        return CountingBackend()


class TestCountUnsmoothed(BackendTests):
    def make(self) -> Backend:
        return CountingBackend(smoothing=0.0)


class TestNumpy(BackendTests):
    def make(self) -> Backend:
        return NumpyBackend()


class TestNumpyStronglyRegularized(BackendTests):
    def make(self) -> Backend:
        return NumpyBackend(learning_rate=1.0, l2=2.0)


class TestTorch(BackendTests):
    def make(self) -> Backend:
        pytest.importorskip("torch")
        return TorchBackend(device="cpu")


class TestTorchFloat32(BackendTests):
    def make(self) -> Backend:
        pytest.importorskip("torch")
        return TorchBackend(device="cpu", dtype="float32")


class TestTorchOneHot(BackendTests):
    def make(self) -> Backend:
        pytest.importorskip("torch")
        return TorchBackend(device="cpu", objective="one-hot")


class TestExample(BackendTests):
    def make(self) -> Backend:
        return example()


class TestHeavyBall(BackendTests):
    def make(self) -> Backend:
        return HeavyBall()


@dataclass
class Adam(NumpyBackend):
    """Three kinds of state, one of them a number: the mean slope, its square, and the steps."""

    learning_rate: float = hyperparameter(0.1)

    def train(
        self, bigrams: Bigrams, weights: Matrix, state: tuple[Matrix, Matrix, int] | None = None
    ) -> Iterator[Iteration]:
        mean, square, steps = (0 * weights, 0 * weights, 0) if state is None else state
        while True:
            model = next(super().train(bigrams, weights))
            yield replace(model, state=(mean, square, steps))
            steps += 1
            mean = 0.9 * mean + 0.1 * model.gradient
            square = 0.99 * square + 0.01 * model.gradient**2
            scale = self.learning_rate * np.sqrt(1 - 0.99**steps) / (1 - 0.9**steps)
            weights = weights - scale * mean / (np.sqrt(square) + 1e-8)


class TestAdam(BackendTests):
    def make(self) -> Backend:
        return Adam()


@dataclass
class TorchHeavyBall(TorchBackend):
    """Keeps its momentum in a tensor."""

    def train(self, bigrams: Bigrams, weights: Matrix, state: Any = None) -> Iterator[Iteration]:
        import torch

        velocity = torch.zeros(weights.shape, dtype=torch.float64) if state is None else state
        while True:
            model = next(super().train(bigrams, weights))
            yield replace(model, state=velocity)
            velocity = 0.9 * velocity - model.gradient
            weights = (model.weights + velocity).numpy()


class TestTorchHeavyBall(BackendTests):
    def make(self) -> Backend:
        pytest.importorskip("torch")
        return TorchHeavyBall(device="cpu")


@dataclass
class Lazy(Backend):
    """Has nothing but P and stops after two iterations without saying so."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        uniform = np.full(bigrams.counts.shape, 1 / len(bigrams.counts))
        yield Iteration(uniform)
        yield Iteration(uniform)


class TestLazy(BackendTests):
    def make(self) -> Backend:
        return Lazy()


def example() -> Backend:
    (source,) = choose([str(EXAMPLE)])
    return source.load()()


def test_the_example_learns_and_fits_on_a_page() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 25
    case = cases()[0]
    run = Run(example(), case.bigrams, case.weights)
    run.advance(0)
    untrained = run.snapshot().nll
    run.advance(50)
    assert run.status is Status.READY
    assert run.snapshot().nll < untrained / 2


@pytest.mark.parametrize(("wish", "expected"), [(None, "1"), ("0", "0")])
def test_torch_is_asked_for_large_pages_unless_the_user_wishes_otherwise(
    wish: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", wish or "")
    if wish is None:
        monkeypatch.delenv("THP_MEM_ALLOC_ENABLE")
    case = cases()[0]
    next(TorchBackend(device="cpu").train(case.bigrams, case.weights))
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == expected


def test_the_contract_needs_no_test_framework() -> None:
    script = "import sys, bigram_tui.testing; print(*{'pytest', '_pytest'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_a_subclass_without_make_is_told_so() -> None:
    with pytest.raises(NotImplementedError, match="needs a method make"):
        BackendTests().test_rows_are_distributions()


# Who does not: each spoils a bundled backend in one way

Training = Iterator[Iteration]


class RowsThatSumToAlmostOne(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights):
            yield replace(model, probabilities=model.probabilities * (1 + 1e-12))


class NegativeProbabilities(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        shift = np.zeros(weights.shape)
        shift[:, 0], shift[:, 1] = 1, -1
        for model in super().train(bigrams, weights):
            yield replace(model, probabilities=model.probabilities + shift)


class RowsWithoutCountsAreNotANumber(CountingBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        with np.errstate(invalid="ignore"):
            yield Iteration(bigrams.counts / bigrams.row_sums[:, None])


class GradientOfOneRow(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights):
            yield replace(model, gradient=model.gradient[:1])


class WholeNumbers(CountingBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        yield Iteration(np.eye(len(bigrams.counts), dtype=np.int64))


class Undecorated(Backend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        yield Iteration(np.full(weights.shape, 1 / len(weights)))


class UpdatesBeforeTheFirstYield(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        training = super().train(bigrams, weights)
        next(training)
        yield from training


class GradientOffByOneInTenThousand(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights):
            yield replace(model, gradient=model.gradient * (1 + 1e-4))


class GradientWithoutDecay(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights):
            decay = 2 * self.l2 * model.weights / model.weights.size
            yield replace(model, gradient=model.gradient - decay)


class GradientOfTheIterationBefore(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        before = None
        for model in super().train(bigrams, weights):
            yield replace(model, gradient=model.gradient if before is None else before)
            before = model.gradient


class PenaltyThatRegularizationOmits(NumpyBackend):
    def regularization(self, weights: Matrix) -> float:
        return 0.0


class LossWithoutDecay(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights):
            likelihoods = np.log(model.probabilities)[bigrams.counts > 0]
            yield replace(model, loss=-(bigrams.seen_share @ likelihoods))


class Noise(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        generator = np.random.default_rng()
        while True:
            model = next(super().train(bigrams, weights))
            yield model
            weights = weights - model.gradient * generator.uniform(0, 1, weights.shape)


@dataclass
class WarmStart(NumpyBackend):
    """Goes on from where the instance's last training was left."""

    def __post_init__(self) -> None:
        self.reached: Matrix | None = None

    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights if self.reached is None else self.reached):
            self.reached = model.weights
            yield model


@dataclass
class KnowsMoreThanItsHyperparameters(NumpyBackend):
    def __post_init__(self) -> None:
        self.factor = 1.0

    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        yield from NumpyBackend(self.learning_rate * self.factor, self.l2).train(bigrams, weights)


def scaled_by_hand() -> Backend:
    backend = KnowsMoreThanItsHyperparameters()
    backend.factor = 0.5
    return backend


class HiddenMomentum(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        velocity = np.zeros(weights.shape)
        while True:
            model = next(super().train(bigrams, weights))
            yield model
            velocity = 0.9 * velocity - model.gradient
            weights = weights + velocity


class StepCounter(NumpyBackend):
    """Ends after three iterations, wherever it was started."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for _, model in zip(range(3), super().train(bigrams, weights), strict=False):
            yield model


class StateInTheInstance(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        self.weights = weights
        while True:
            model = next(super().train(bigrams, self.weights))
            yield model
            self.weights = self.weights - model.gradient


class StateThatTrainDoesNotTake(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights):
            yield replace(model, state=model.gradient)


class StateOfTheNextIteration(HeavyBall):
    def train(self, bigrams: Bigrams, weights: Matrix, state: Matrix | None = None) -> Training:
        training = super().train(bigrams, weights, state)
        for model, following in pairwise(training):
            yield replace(model, state=following.state)


class StateThatIsForgotten(HeavyBall):
    def train(self, bigrams: Bigrams, weights: Matrix, state: Matrix | None = None) -> Training:
        yield from super().train(bigrams, weights)


class StateOfWords(HeavyBall):
    def train(self, bigrams: Bigrams, weights: Matrix, state: Any = None) -> Training:
        for model in super().train(bigrams, weights, state and state["velocity"]):
            yield replace(model, state={"velocity": model.state})


class StateUpdatedInPlace(HeavyBall):
    def train(self, bigrams: Bigrams, weights: Matrix, state: Matrix | None = None) -> Training:
        velocity = np.zeros(weights.shape) if state is None else state.copy()
        while True:
            model = next(super().train(bigrams, weights, velocity.copy()))
            yield replace(model, state=velocity)
            velocity *= self.momentum
            velocity -= self.learning_rate * model.gradient
            weights = weights + velocity


class StateSpoiltWhereItGoesOn(HeavyBall):
    def train(self, bigrams: Bigrams, weights: Matrix, state: Matrix | None = None) -> Training:
        for model in super().train(bigrams, weights, None if state is None else state.copy()):
            yield model
            if state is not None:
                state *= self.momentum


class UpdatesInPlace(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        weights = weights.copy()
        while True:
            model = next(super().train(bigrams, weights))
            yield model
            weights -= model.gradient


class OverwritesItsTable(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        table = np.empty(weights.shape)
        for model in super().train(bigrams, weights):
            table[:] = model.probabilities
            yield replace(model, probabilities=table)


class UpdatesTheStartWeights(NumpyBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        while True:
            model = next(super().train(bigrams, weights.copy()))
            yield model
            weights -= model.gradient


class SmoothsTheRowSums(CountingBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        bigrams.row_sums[:] += 1
        yield from super().train(bigrams, weights)


class UndecoratedSubclass(CountingBackend):
    smoothing: float = hyperparameter(2.0, low=0.0)


@dataclass(frozen=True)
class Frozen(Backend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        yield Iteration(np.full(weights.shape, 1 / len(weights)))


@dataclass
class NoDefault(Backend):
    smoothing: float

    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        return CountingBackend(self.smoothing).train(bigrams, weights)


def no_default() -> Backend:
    return NoDefault(1.0)


@dataclass
class DefaultOutOfRange(CountingBackend):
    smoothing: float = hyperparameter(1.0, low=2.0)


@dataclass
class UnknownChoice(CountingBackend):
    prior: str = hyperparameter("flat", choices=("uniform", "unigram"))


@dataclass
class NoneByDefault(CountingBackend):
    prior: str | None = hyperparameter(None)


@dataclass
class ReadsHyperparametersOnce(NumpyBackend):
    def __post_init__(self) -> None:
        self.rate = self.learning_rate

    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        yield from NumpyBackend(self.rate, self.l2).train(bigrams, weights)


class YieldsArrays(CountingBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights):
            yield model.probabilities


class YieldsLists(CountingBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        for model in super().train(bigrams, weights):
            yield Iteration(model.probabilities.tolist())


class YieldsNothing(CountingBackend):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Training:
        yield from ()


CAUGHT: dict[str, list[tuple[Callable[[], Backend], str]]] = {
    "test_arrays_are_of_floats_and_as_large_as_the_counts": [
        (GradientOfOneRow, r"gradient is \(1, 6\)"),
        (WholeNumbers, "is of int64"),
    ],
    "test_rows_are_distributions": [
        (RowsThatSumToAlmostOne, r"sums to 1\.000000000001"),
        (NegativeProbabilities, "P is negative in row 0"),
        (RowsWithoutCountsAreNotANumber, "P is not finite in row 3"),
        (YieldsArrays, "yielded ndarray, not an Iteration"),
        (YieldsLists, "probabilities is a list, not an array"),
        (YieldsNothing, "ended before it yielded"),
    ],
    "test_first_iteration_is_the_untrained_model": [
        (UpdatesBeforeTheFirstYield, "untrained"),
    ],
    "test_gradient_agrees_with_finite_differences": [
        (GradientOffByOneInTenThousand, "gradient at"),
        (GradientWithoutDecay, "regularization"),
        (GradientOfTheIterationBefore, "iteration 4"),
        (PenaltyThatRegularizationOmits, "gradient at"),
    ],
    "test_reported_loss_is_the_total": [
        (LossWithoutDecay, "the reported loss is"),
    ],
    "test_same_start_repeats_the_same_path": [
        (Noise, "the probabilities differ at its iteration 1"),
        (WarmStart, "trained twice: .* at its iteration 0"),
    ],
    "test_equal_hyperparameters_give_the_same_path": [
        (scaled_by_hand, "another equal instance"),
    ],
    "test_training_from_any_weights_goes_on_as_it_did": [
        (HiddenMomentum, "from the weights of iteration 1"),
        (StepCounter, "went on for 3"),
        (StateThatTrainDoesNotTake, r"def train\(self, bigrams, weights, state=None\)"),
        (StateOfTheNextIteration, "from the weights and the state of iteration 0"),
        (StateThatIsForgotten, "the numbers of state array 0 differ at its iteration 0"),
        (StateOfWords, "state is or holds a dict; it must be an array or a tuple"),
    ],
    "test_trainings_share_nothing": [
        (StateInTheInstance, "in turns with another training"),
    ],
    "test_yielded_arrays_stay_as_they_were": [
        (UpdatesInPlace, "the weights of iteration 0 changed"),
        (OverwritesItsTable, "the probabilities of"),
        (StateUpdatedInPlace, "the numbers of state array 0 of iteration 0 changed"),
    ],
    "test_bigrams_and_start_weights_stay_as_they_were": [
        (UpdatesTheStartWeights, "the weights"),
        (SmoothsTheRowSums, "bigrams.row_sums"),
    ],
    "test_the_state_to_go_on_from_stays_as_it_was": [
        (StateSpoiltWhereItGoesOn, "changed the numbers of state array 0 of iteration 1"),
    ],
    "test_hyperparameters_are_described": [
        (Undecorated, "put @dataclass above"),
        (UndecoratedSubclass, "put @dataclass above"),
        (Frozen, "must not be frozen"),
        (no_default, "needs a default"),
        (DefaultOutOfRange, "within its own range"),
        (UnknownChoice, "within its own range or choices"),
        (NoneByDefault, "a bool, an int, a float or a str"),
    ],
    "test_changed_hyperparameters_take_effect": [
        (ReadsHyperparametersOnce, "learning_rate = 25.0"),
    ],
}
"""Who is caught by which clause, and what its author is told."""

CLAUSES = [name for name in vars(BackendTests) if name.startswith("test_")]


def broken(make: Callable[[], Backend]) -> BackendTests:
    """The tests of a backend that fails some, so not for pytest to collect."""

    class Broken(BackendTests):
        def make(self) -> Backend:
            return make()

    return Broken()


@pytest.mark.parametrize(
    ("clause", "make", "says"),
    [
        pytest.param(clause, make, says, id=make.__name__)
        for clause, wrong in CAUGHT.items()
        for make, says in wrong
    ],
)
def test_the_clause_meant_for_it_catches(
    clause: str, make: Callable[[], Backend], says: str
) -> None:
    with pytest.raises(AssertionError, match=says):
        getattr(broken(make), clause)()


def test_every_clause_catches_somebody() -> None:
    assert set(CAUGHT) == set(CLAUSES)


@pytest.mark.parametrize(
    ("make", "clause"),
    [
        (GradientWithoutDecay, "test_gradient_agrees_with_finite_differences"),
        (LossWithoutDecay, "test_reported_loss_is_the_total"),
        (HiddenMomentum, "test_training_from_any_weights_goes_on_as_it_did"),
        (StateOfTheNextIteration, "test_training_from_any_weights_goes_on_as_it_did"),
        (StateSpoiltWhereItGoesOn, "test_the_state_to_go_on_from_stays_as_it_was"),
        (StateUpdatedInPlace, "test_yielded_arrays_stay_as_they_were"),
        (UpdatesInPlace, "test_yielded_arrays_stay_as_they_were"),
        (StateInTheInstance, "test_trainings_share_nothing"),
        (ReadsHyperparametersOnce, "test_changed_hyperparameters_take_effect"),
    ],
)
def test_no_other_clause_blames_it(make: Callable[[], Backend], clause: str) -> None:
    failed = set()
    for name in CLAUSES:
        try:
            getattr(broken(make), name)()
        except AssertionError:
            failed.add(name)
    assert failed == {clause}
