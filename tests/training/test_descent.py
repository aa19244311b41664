"""What is said of a run's steps: too large only where 2/λmax is their limit, and they are above."""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram_backends import pitfalls
from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.analysis.optimum import gradient_optimum
from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.lessons.derivation import descends
from bigram_tui.lessons.meters import meters
from bigram_tui.model.loss import softmax
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.present import step_size

ROOT = Path(__file__).parents[2]


def gradient_of(weights: Matrix, bigrams: Bigrams, l2: float) -> Matrix:
    """The sum over all bigrams, one by one as the lecture has it, and the penalty's."""
    joint = bigrams.counts / bigrams.total
    slope: Matrix = joint.sum(axis=1)[:, None] * softmax(weights) - joint
    return slope + 2 * l2 * weights / weights.size


@dataclass
class Descent(Backend):
    """Plain descent but for what subclasses do to its gradient."""

    learning_rate: float = hyperparameter(50.0, low=0.0, high=1e6)
    l2: float = hyperparameter(0.01, low=0.0)

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        for k in range(10**6):
            gradient = gradient_of(weights, bigrams, self.l2)
            yield Iteration(softmax(weights), weights, gradient)
            weights = weights - self.learning_rate * self.changed(gradient, weights, k)

    def changed(self, gradient: Matrix, weights: Matrix, iteration: int) -> Matrix:
        return gradient


@dataclass
class Momentum(Descent):
    """As it should be: what the next step needs is yielded."""

    friction: float = 0.5

    def train(
        self, bigrams: Bigrams, weights: Matrix, state: Matrix | None = None
    ) -> Iterator[Iteration]:
        velocity = np.zeros_like(weights) if state is None else state
        while True:
            gradient = gradient_of(weights, bigrams, self.l2)
            yield Iteration(softmax(weights), weights, gradient, state=velocity)
            velocity = (1 - self.friction) * velocity + gradient
            weights = weights - self.learning_rate * velocity


@dataclass
class HiddenMomentum(Descent):
    """A momentum that is kept on the instance, which a backend must not do."""

    friction: float = 0.5

    def changed(self, gradient: Matrix, weights: Matrix, iteration: int) -> Matrix:
        before = 0.0 if iteration == 0 else self._velocity
        self._velocity: Any = (1 - self.friction) * before + gradient
        return np.asarray(self._velocity)


class Signs(Descent):
    def changed(self, gradient: Matrix, weights: Matrix, iteration: int) -> Matrix:
        return 1e-3 * np.sign(gradient)


class Halved(Descent):
    def changed(self, gradient: Matrix, weights: Matrix, iteration: int) -> Matrix:
        return gradient / 2


class Schedule(Descent):
    def changed(self, gradient: Matrix, weights: Matrix, iteration: int) -> Matrix:
        return gradient / (1 + iteration)


class NoPenalty(Descent):
    """λ is in the loss, and not in the step."""

    def changed(self, gradient: Matrix, weights: Matrix, iteration: int) -> Matrix:
        return gradient - 2 * self.l2 * weights / weights.size


class Clipped(Descent):
    def changed(self, gradient: Matrix, weights: Matrix, iteration: int) -> Matrix:
        return np.clip(gradient, -1e-3, 1e-3)


def sign_descent() -> Backend:
    """The example that plugin authors begin with."""
    spec = importlib.util.spec_from_file_location("sign", ROOT / "docs" / "example_backend.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sign"] = module
    spec.loader.exec_module(module)
    result: Backend = module.SignDescent()
    return result


OTHERS = (
    *(Momentum, HiddenMomentum, Signs, Halved, Schedule, NoPenalty, Clipped, sign_descent),
    *(pitfalls.PlusSign, pitfalls.NoReset, pitfalls.NoMean, pitfalls.NoKeepdim, CountingBackend),
)


def run_of(backend: Backend, bigrams: Bigrams, iterations: int = 0) -> Run:
    run = Run(backend, bigrams, start_weights(len(bigrams.counts)), name="mine")
    run.advance(iterations)
    return run


@pytest.mark.parametrize("make", [NumpyBackend, Descent, pitfalls.NoMax])
def test_plain_descent_is_known_by_its_steps(make: Any, names: Bigrams) -> None:
    run = run_of(make(), names)
    assert run.descends is None
    assert descends(run.snapshot(), names), "by a copy that goes ahead"
    for _ in range(20):
        run.advance()
        assert run.snapshot().descends is True
        assert "% of the stable limit" in step_size(run.snapshot(), names)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dtype": "float32"},
        {"objective": "one-hot"},
        {"objective": "one-hot", "dtype": "float32"},
    ],
    ids=str,
)
def test_autograd_descends_plainly_in_every_format(settings: dict[str, Any], tiny: Bigrams) -> None:
    pytest.importorskip("torch")
    from bigram_backends.torch_autograd import TorchBackend

    run = run_of(TorchBackend(learning_rate=1.0, device="cpu", **settings), tiny, 300)
    assert run.snapshot().descends is True


@pytest.mark.parametrize("make", OTHERS)
def test_nothing_is_said_of_the_step_size_of_others(make: Any, names: Bigrams) -> None:
    """Neither in the title nor in the meters, before the first step and after some."""
    corpus = read_corpus(str(ROOT / "data" / "names.txt"))
    run = run_of(make(), names)
    for iterations in (0, 2, 10):
        run.advance(iterations)
        snapshot = run.snapshot()
        assert not snapshot.descends or (make is HiddenMomentum and run.iteration < 2)
        assert not descends(snapshot, names)
        assert step_size(snapshot, names) == ""
        told = dict(meters(snapshot, corpus, 0))
        assert "why logarithms" in told
        assert not {"how large a step may be", "what stays as it is"} & told.keys()


def test_a_change_of_the_step_keeps_what_is_known_and_any_other_change_drops_it(
    names: Bigrams,
) -> None:
    run = run_of(HiddenMomentum(friction=1.0), names, 5)
    assert run.descends is True
    run.set("learning_rate", 3.0)
    run.set("l2", 0.5)
    assert run.descends is True
    run.set("friction", 0.5)
    assert run.descends is None
    run.advance(3)
    assert run.descends is False
    run.seek(2)
    assert run.descends is True, "there it was"
    run.seek(8)
    assert run.descends is False
    run.reset()
    assert run.descends is False
    run.set("friction", 1.0)
    assert run.descends is None
    run.advance()
    assert run.descends is True


def test_the_numbers_are_of_the_present_iteration(names: Bigrams) -> None:
    """η changes midway; back before the change the title has the old one again."""

    def expected(run: Snapshot, rate: float) -> str:
        assert run.probabilities is not None
        shares = names.row_sums / names.total
        blocks = [
            n * (np.diag(p) - np.outer(p, p))
            for n, p in zip(shares, run.probabilities, strict=True)
        ]
        steepest = np.linalg.eigvalsh(np.array(blocks)).max() + 2 * 0.01 / names.counts.size
        return f"η is {100 * rate * steepest / 2:,.0f} % of the stable limit"

    run = run_of(NumpyBackend(), names, 3)
    run.set("learning_rate", 20.0)
    run.advance(4)
    assert step_size(run.snapshot(), names) == expected(run.snapshot(), 20.0)
    run.seek(2)
    assert step_size(run.snapshot(), names) == expected(run.snapshot(), 50.0)


def test_steps_that_are_no_longer_than_rounding_tell_nothing(names: Bigrams) -> None:
    """At a rate of almost 0 a plus is a minus; and at the minimum all steps are 0."""
    for rate in (0.0, 1e-14):
        run = run_of(pitfalls.PlusSign(learning_rate=rate), names, 4)
        assert run.descends is None
    weights = gradient_optimum(names, 0.01).weights
    assert weights is not None
    run = Run(pitfalls.PlusSign(), names, weights)
    run.advance(4)
    assert run.descends is None


# Why a run has diverged


@pytest.mark.parametrize("l2", [0.01, 1.0, 0.0])
@pytest.mark.parametrize("make", [NumpyBackend, Descent])
def test_a_step_that_is_too_large_is_called_so_with_its_size(
    make: Any, l2: float, names: Bigrams
) -> None:
    run = run_of(make(learning_rate=1e5, l2=l2), names, 50).snapshot()
    assert run.status is Status.DIVERGED
    if l2:
        weights = gradient_optimum(names, l2).weights
        assert weights is not None
        table = softmax(weights)
    else:
        table = names.counts / names.row_sums[:, None]
    shares = names.row_sums / names.total
    blocks = [n * (np.diag(p) - np.outer(p, p)) for n, p in zip(shares, table, strict=True)]
    steepest = np.linalg.eigvalsh(np.array(blocks)).max() + 2 * l2 / table.size
    assert run.overshoot == pytest.approx(1e5 * steepest / 2, rel=1e-6)
    assert f"too large: η is {1e5 * steepest / 2:,.0f} times the stable limit" in run.cause


def test_the_step_that_led_there_counts_and_not_the_one_chosen_since(names: Bigrams) -> None:
    run = run_of(Descent(learning_rate=1e5), names, 1)
    overshoot = run.snapshot().overshoot
    assert overshoot is not None
    run.set("learning_rate", 1.0)
    assert run.snapshot().overshoot == overshoot
    run.back()
    assert (run.snapshot().overshoot, run.snapshot().cause) == (None, "")
    run.set("learning_rate", 2e5)
    run.advance()
    assert run.snapshot().overshoot == pytest.approx(2 * overshoot)


def test_a_plus_sign_is_not_called_a_step_that_is_too_large(names: Bigrams) -> None:
    run = run_of(pitfalls.PlusSign(), names, 500).snapshot()
    assert run.status is Status.DIVERGED
    assert run.overshoot is None
    totals = run.losses[:, :2].sum(axis=1)
    assert run.cause == (
        f"the total rose from {totals[0]:.4g} at step 0 to {totals[-2]:.4g} at {run.iteration - 1}"
    )


@pytest.mark.parametrize("make", [Signs, Momentum, pitfalls.NoMean, pitfalls.NoReset])
def test_steps_of_another_kind_are_never_called_too_large(make: Any, names: Bigrams) -> None:
    run = run_of(make(learning_rate=1e6), names, 500).snapshot()
    assert run.status is Status.DIVERGED
    assert run.overshoot is None
    assert run.cause.startswith("the total ")


def test_a_softmax_that_overflows_is_not_the_steps_fault(names: Bigrams) -> None:
    """Its steps are plain and above 2/λmax; yet W has a finite loss."""
    run = run_of(pitfalls.NoMax(learning_rate=80.0), names, 500).snapshot()
    assert (run.status, run.descends) == (Status.DIVERGED, True)
    assert "too large" not in run.cause
    assert run.cause.startswith("the total ")


def test_a_run_that_is_sound_has_no_cause_and_one_that_never_was_knows_none(
    names: Bigrams,
) -> None:
    assert run_of(NumpyBackend(), names, 3).snapshot().cause == ""
    broken = Run(NumpyBackend(), names, np.full((27, 27), np.nan))
    assert broken.status is Status.DIVERGED
    assert broken.snapshot().cause == ""


class Sliced:
    """An array that NumPy can read, and that takes slices alone, as those of some libraries."""

    def __init__(self, numbers: Matrix) -> None:
        self._numbers = numbers
        self.shape, self.dtype = numbers.shape, numbers.dtype

    def __array__(self, dtype: Any = None, copy: Any = None) -> Matrix:
        return np.array(self._numbers, dtype)

    def __getitem__(self, index: Any) -> "Sliced":
        if not isinstance(index, slice):
            raise TypeError("only slices are valid indices")
        return Sliced(self._numbers[index])

    def sum(self, *arguments: Any, **options: Any) -> Any:
        return self._numbers.sum(*arguments, **options)


class OfAnotherLibrary(Descent):
    """Yields arrays that are not NumPy's."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        for model in super().train(bigrams, weights):
            yield Iteration(
                Sliced(np.asarray(model.probabilities)),
                Sliced(np.asarray(model.weights)),
                Sliced(np.asarray(model.gradient)),
            )


def test_arrays_that_take_slices_alone_are_looked_at_too(names: Bigrams) -> None:
    run = Run(OfAnotherLibrary(), names, start_weights(27))
    run.advance(3)
    assert run.iteration == 3, run.snapshot().message
    assert descends(run.snapshot(), names)


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (0.3, "each step would go straight down"),
        (0.8, "would overshoot, but less each time, so the run converges"),
        (1.3, "would overshoot, and more each time, so the run never settles"),
    ],
)
def test_the_meters_say_what_a_step_does_near_a_minimum_of_this_curvature(
    names: Bigrams, standing: float, words: str
) -> None:
    """A step multiplies the distance along the steepest direction by 1 − ηλ."""
    steepest = np.linalg.eigvalsh(hessian_of_steepest_row(names))[-1] + 2 * 0.01 / 27**2
    run = Run(NumpyBackend(learning_rate=standing * 2 / steepest), names, start_weights(27))
    run.advance(0)
    factor = 1 - 2 * standing
    assert (factor >= 0, -1 < factor < 0, factor < -1).count(True) == 1
    told = dict(meters(run.snapshot(), Corpus("text", 3, names, None, None, None), 0))
    assert words in told["how large a step may be"]
    assert f"is {standing:g} of it" in told["how large a step may be"]


def hessian_of_steepest_row(bigrams: Bigrams) -> Matrix:
    """The block n_i/B·(diag(p) − ppᵀ), by the plain formula, that has the largest eigenvalue."""
    table = softmax(start_weights(27))
    blocks = [
        n / bigrams.total * (np.diag(p) - np.outer(p, p))
        for n, p in zip(bigrams.row_sums, table, strict=True)
    ]
    return max(blocks, key=lambda block: float(np.linalg.eigvalsh(block)[-1]))
