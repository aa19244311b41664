"""One backend in training: forward, back, sideways, and whatever can go wrong."""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.backend import Backend, Iteration, Matrix, as_numpy, hyperparameter
from bigram_tui.model.bigrams import Bigrams, Vocabulary
from bigram_tui.training import timeline
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status
from bigram_tui.training.timeline import KEYFRAMES
from tests.conftest import CountLines, not_none

START = np.array([[0.3, -1.2, 0.7], [0.1, 2.0, -0.4], [-0.9, 0.5, 1.1]])
UNIFORM = np.full((3, 3), 1 / 3)
HARMLESS = "nothing left to learn"

Seen = tuple[bytes, bytes, bytes, float, float]


@dataclass
class Drift(Backend):
    """Adds `speed` to the first column of W at each update: its path is known beforehand."""

    speed: float = hyperparameter(0.5, low=-10.0, high=10.0)
    starts: list[Matrix] = field(default_factory=list)
    """The weights that each training was started from."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        self.starts.append(weights.copy())
        while True:
            odds = np.exp(weights)
            yield Iteration(odds / odds.sum(axis=1, keepdims=True), weights)
            weights = weights + self.speed * np.eye(len(weights))[0]


@dataclass
class Relax(Backend):
    """Moves P towards the counts by a share of what is left: iterative, and without weights."""

    share: float = hyperparameter(0.5, low=0.0, high=1.0)
    broken_at: int = hyperparameter(-1)
    starts: list[Matrix] = field(default_factory=list)

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        self.starts.append(weights.copy())
        target = (bigrams.counts + 1) / (bigrams.counts + 1).sum(axis=1, keepdims=True)
        table, iteration = np.full_like(target, 1 / len(target)), 0
        while True:
            if iteration == self.broken_at:
                raise RuntimeError("out of order")
            yield Iteration(table)
            table, iteration = table + self.share * (target - table), iteration + 1


@dataclass
class HeavyBall(Backend):
    """Gradient descent with a momentum, which is its state."""

    learning_rate: float = hyperparameter(0.3, low=0.0, high=100.0)
    momentum: float = hyperparameter(0.9, low=0.0, high=1.0)
    l2: float = hyperparameter(0.01, low=0.0, high=10.0)
    states: list[Matrix | None] = field(default_factory=list)
    """What each training was started with."""

    def train(
        self, bigrams: Bigrams, weights: Matrix, state: Matrix | None = None
    ) -> Iterator[Iteration]:
        self.states.append(state)
        joint = bigrams.counts / bigrams.total
        velocity = np.zeros(weights.shape) if state is None else state
        while True:
            odds = np.exp(weights)
            table = odds / odds.sum(axis=1, keepdims=True)
            gradient = joint.sum(axis=1, keepdims=True) * table - joint
            gradient += 2 * self.l2 * weights / weights.size
            yield Iteration(table, weights, gradient, state=velocity)
            velocity = self.momentum * velocity - self.learning_rate * gradient
            weights = weights + velocity


def drifted(iteration: int, speed: float = 0.5) -> Matrix:
    """W of Drift, by adding one step after the other."""
    weights = START.copy()
    for _ in range(iteration):
        weights[:, 0] += speed
    return weights


def look(run: Run) -> Seen:
    """The model as it shows itself, to the last bit, and its losses."""
    snapshot = run.snapshot()
    parts = (snapshot.probabilities, snapshot.weights, snapshot.gradient)
    p, w, g = (b"" if part is None else part.tobytes() for part in parts)
    return p, w, g, snapshot.nll, snapshot.regularization


def assert_weights(run: Run, expected: Matrix) -> None:
    weights = run.snapshot().weights
    assert weights is not None
    np.testing.assert_array_equal(weights, expected)


# Forward


def test_counting_is_finished_at_once(tiny: Bigrams) -> None:
    run = Run(CountingBackend(), tiny, START)
    assert (run.status, run.message) == (Status.FINISHED, HARMLESS)
    assert (run.iteration, run.latest) == (0, 0)
    run.advance(5)
    assert (run.status, run.iteration, run.latest) == (Status.FINISHED, 0, 0)
    snapshot = run.snapshot()
    assert (snapshot.weights, snapshot.gradient, snapshot.regularization) == (None, None, 0.0)


def test_the_first_iteration_is_the_untrained_model(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(), tiny, START)
    assert (run.status, run.iteration, run.latest) == (Status.READY, 0, 0)
    assert_weights(run, START)
    softmax = np.exp(START) / np.exp(START).sum(axis=1, keepdims=True)
    snapshot = run.snapshot()
    np.testing.assert_allclose(not_none(snapshot.probabilities), softmax, rtol=1e-14)
    expected = -(tiny.counts * np.log(softmax)).sum() / 8
    assert snapshot.nll == pytest.approx(expected, rel=1e-14)
    assert snapshot.regularization == pytest.approx(0.01 * (START**2).mean(), rel=1e-14)
    assert snapshot.total == snapshot.nll + snapshot.regularization
    assert snapshot.perplexity == pytest.approx(math.exp(expected), rel=1e-14)
    assert math.isnan(snapshot.validation)
    assert (snapshot.dtype, snapshot.device, snapshot.name) == ("float64", "cpu", "NumpyBackend")


def test_it_goes_forward_and_back_and_to_any_place_that_it_reached(tiny: Bigrams) -> None:
    run = Run(Drift(), tiny, START, name="drift")
    visits: list[int] = []

    def at() -> int:
        assert_weights(run, drifted(run.iteration))
        visits.append(run.iteration)
        return run.iteration

    run.advance()
    assert at() == 1
    run.advance(9)
    assert at() == 10
    run.back()
    assert at() == 9
    run.back(4)
    assert at() == 5
    run.seek(8)
    assert at() == 8
    run.seek(99)
    assert at() == 10
    run.seek(-3)
    assert at() == 0
    run.back()
    assert at() == 0
    run.advance(12)
    assert at() == 12
    assert run.latest == 12
    assert run.status is Status.READY


def test_going_forward_over_known_ground_adds_nothing_to_the_losses(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(), tiny, START)
    run.advance(6)
    losses = run.snapshot().losses.copy()
    run.back(4)
    assert run.latest == 6
    run.advance(3)
    assert (run.iteration, run.latest) == (5, 6)
    np.testing.assert_array_equal(run.snapshot().losses, losses)


def test_reset_begins_again_from_the_same_start_with_the_present_settings(tiny: Bigrams) -> None:
    run = Run(Drift(), tiny, START)
    run.advance(3)
    run.set("speed", 2.0)
    run.advance(3)
    left = run.snapshot().losses.copy()
    run.reset()
    assert (run.iteration, run.latest, run.status) == (0, 0, Status.READY)
    assert_weights(run, START)
    snapshot = run.snapshot()
    assert snapshot.settings["speed"] == 2.0
    assert snapshot.changes == ()
    assert snapshot.left is not None
    assert snapshot.left.start == 0
    np.testing.assert_array_equal(snapshot.left.losses, left)
    run.advance(2)
    assert_weights(run, drifted(2, speed=2.0))


def test_the_start_weights_of_the_caller_are_its_own(tiny: Bigrams) -> None:
    mine = START.copy()
    run = Run(NumpyBackend(), tiny, mine)
    mine[:] = 7
    run.advance(2)
    run.reset()
    assert_weights(run, START)


def test_start_weights_that_nobody_can_change_are_not_copied(tiny: Bigrams) -> None:
    frozen = START.copy()
    frozen.setflags(write=False)
    runs = [Run(NumpyBackend(), tiny, frozen) for _ in range(2)]
    assert all(run.snapshot().start_weights is frozen for run in runs)

    mine = START.copy()
    view = mine[:]
    view.setflags(write=False)  # and yet it changes
    run = Run(NumpyBackend(), tiny, view)
    mine[:] = 7
    run.advance(2)
    run.reset()
    assert_weights(run, START)


def test_a_backend_that_overwrites_its_start_is_stopped_and_the_start_stays(tiny: Bigrams) -> None:
    @dataclass
    class Careless(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            weights += 1
            yield Iteration(UNIFORM, weights)

    start = START.copy()
    run = Run(Careless(), tiny, start)
    assert run.status is Status.FAILED
    np.testing.assert_array_equal(start, START)


# Restoring bit for bit


@st.composite
def operations(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Some moves and changes of the hyperparameters that both gradient backends have."""
    return draw(
        st.lists(
            st.one_of(
                st.tuples(st.just("advance"), st.integers(1, 12)),
                st.tuples(st.just("back"), st.integers(1, 8)),
                st.tuples(st.just("seek"), st.integers(0, 30)),
                st.tuples(st.just("learning_rate"), st.sampled_from([0.0, 0.3, 1.0, 5.0])),
                st.tuples(st.just("l2"), st.sampled_from([0.0, 0.01, 0.5])),
                st.tuples(st.just("reset"), st.none()),
            ),
            min_size=4,
            max_size=20,
        )
    )


class Everything:
    """A run that keeps all: what each iteration looked like when it was first seen."""

    def __init__(self, run: Run, counts: np.ndarray) -> None:
        self.run = run
        self.joint = counts / counts.sum()
        self.settings = {"learning_rate": 1.0, "l2": 0.01}
        self._begin()

    def _begin(self) -> None:
        self.at = 0
        self.held = [dict(self.settings)]
        self.weights = [START]
        self.seen = [look(self.run)]
        self.changes: set[int] = set()

    def _gradient(self, iteration: int) -> Matrix:
        weights, l2 = self.weights[iteration], self.held[iteration]["l2"]
        softmax = np.exp(weights) / np.exp(weights).sum(axis=1, keepdims=True)
        result: Matrix = self.joint.sum(axis=1)[:, None] * softmax - self.joint
        return result + 2 * l2 * weights / weights.size

    def do(self, kind: str, value: Any) -> None:
        if kind == "advance":
            for _ in range(value):
                self.run.advance()
                self._forward()
        elif kind in ("back", "seek"):
            getattr(self.run, kind)(value)
            self.at = max(0, min(self.at - value if kind == "back" else value, len(self.seen) - 1))
        elif kind == "reset":
            self.settings = self.held[self.at]
            self.run.reset()
            self._begin()
        else:
            self._change(kind, value)
        self.check()

    def _forward(self) -> None:
        self.at += 1
        if self.at == len(self.seen):
            step = self.held[-1]["learning_rate"] * self._gradient(self.at - 1)
            self.weights.append(self.weights[-1] - step)
            self.held.append(self.held[-1])
            self.seen.append(look(self.run))
        self.check()

    def _change(self, name: str, value: float) -> None:
        before = look(self.run)
        self.run.set(name, value)
        if self.held[self.at][name] == value:
            return
        for kept in (self.held, self.weights, self.seen):
            del kept[self.at + 1 :]
        self.held[self.at] = {**self.held[self.at], name: value}
        self.changes = {i for i in self.changes if i < self.at} | {self.at}
        self.seen[self.at] = look(self.run)
        assert self.seen[self.at][:2] == before[:2]  # the same P and W
        assert self.seen[self.at][3] == before[3]  # and the same NLL

    def check(self) -> None:
        snapshot = self.run.snapshot()
        assert (self.run.iteration, self.run.latest) == (self.at, len(self.seen) - 1)
        assert snapshot.settings.items() >= self.held[self.at].items()
        assert set(snapshot.changes) == self.changes - {0}
        assert look(self.run) == self.seen[self.at]
        assert snapshot.weights is not None
        assert snapshot.gradient is not None
        np.testing.assert_allclose(snapshot.weights, self.weights[self.at], rtol=0, atol=1e-9)
        np.testing.assert_allclose(snapshot.gradient, self._gradient(self.at), rtol=0, atol=1e-9)
        assert len(self.run._keyframes) <= timeline.KEYFRAMES

    def check_all(self) -> None:
        """Every iteration again, from the last to the first and back."""
        for iteration in [*reversed(range(len(self.seen))), *range(len(self.seen))]:
            self.do("seek", iteration)
        nlls = [seen[3] for seen in self.seen]
        assert self.run.snapshot().losses[:, 0].tolist() == nlls


@given(operations())
def test_numpy_restores_any_iteration_bit_for_bit(
    tiny: Bigrams, moves: list[tuple[str, Any]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEYFRAMES", 5)  # so that most are replayed from one before
        everything = Everything(Run(NumpyBackend(1.0), tiny, START), tiny.counts)
        for move in moves:
            everything.do(*move)
        everything.check_all()


@settings(max_examples=15)
@given(operations())
def test_torch_restores_any_iteration_bit_for_bit(
    tiny: Bigrams, moves: list[tuple[str, Any]]
) -> None:
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEYFRAMES", 5)
        everything = Everything(Run(TorchBackend(1.0, device="cpu"), tiny, START), tiny.counts)
        for move in moves:
            everything.do(*move)
        everything.check_all()


def test_the_bundled_names_are_restored_bit_for_bit(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    run = Run(NumpyBackend(), names, lecture_weights)
    seen = [look(run)]
    for iteration in range(1, 700):
        if iteration in (200, 431):
            run.set("l2", iteration / 1000)
            seen[-1] = look(run)
        run.advance()
        seen.append(look(run))
    for iteration in (0, 1, 198, 199, 200, 201, 429, 430, 431, 432, 555, 698, 3):
        run.seek(iteration)
        assert look(run) == seen[iteration], iteration


@pytest.mark.slow
def test_a_hundred_thousand_iterations_take_bounded_memory_and_all_can_be_had_again() -> None:
    bigrams = Bigrams(Vocabulary("a"), np.array([[0, 2], [2, 3]]))
    run = Run(NumpyBackend(learning_rate=0.01), bigrams, np.array([[0.5, 1.0], [-1.0, 2.0]]))
    sampled = [0, 1, 255, 256, 257, 1000, 31_415, 65_535, 65_536, 65_537, 99_998, 99_999, 100_000]
    seen = {}
    for iteration in sampled:
        run.advance(iteration - run.iteration)
        seen[iteration] = look(run)
    assert run.latest == 100_000
    assert len(run._keyframes) <= KEYFRAMES
    base = run.snapshot().losses.base
    assert base is not None
    assert base.nbytes <= 2 * 100_001 * 4 * 8  # four float64 per iteration, and room to grow
    for iteration in reversed(sampled):
        run.seek(iteration)
        assert look(run) == seen[iteration], iteration


def test_a_model_without_weights_is_replayed_from_the_start(tiny: Bigrams) -> None:
    backend = Relax()
    run = Run(backend, tiny, START)
    seen = []
    for share in (0.5, 0.1, 0.9):
        run.set("share", share)
        for _ in range(4):
            seen.append((run.iteration, run.snapshot().probabilities))
            run.advance()
    for iteration, expected in [*reversed(seen), seen[7]]:
        run.seek(iteration)
        np.testing.assert_array_equal(run.snapshot().probabilities, expected)
        assert run.iteration == iteration
    for start in backend.starts:
        np.testing.assert_array_equal(start, START)
    assert run.snapshot().regularization == 0


# A state besides the weights


def rolled(bigrams: Bigrams, iterations: int, changes: dict[int, dict[str, float]]) -> list[Matrix]:
    """W of HeavyBall by W″ = W′ + μ(W′ − W) − η·∂L/∂W′, cell by cell, without any velocity."""
    size, values = len(START), {"learning_rate": 0.3, "momentum": 0.9, "l2": 0.01}
    path = [START, START]
    for iteration in range(iterations):
        values |= changes.get(iteration, {})
        before, here = path[-2:]
        after = np.empty_like(here)
        for i, j in np.ndindex(size, size):
            share = math.exp(here[i, j]) / math.fsum(math.exp(w) for w in here[i])
            slope = (bigrams.counts[i].sum() * share - bigrams.counts[i, j]) / bigrams.total
            slope += 2 * values["l2"] * here[i, j] / size**2
            moved = values["momentum"] * (here[i, j] - before[i, j])
            after[i, j] = here[i, j] + moved - values["learning_rate"] * slope
        path.append(after)
    return path[1:]


def whole(run: Run) -> tuple[Seen, bytes]:
    """The model as it shows itself and the state that comes with it, to the last bit."""
    assert run.model is not None
    return look(run), run.model.state.tobytes()


def test_a_momentum_is_that_of_a_plain_loop_through_all_changes(tiny: Bigrams) -> None:
    changes = {
        40: {"learning_rate": 0.05},
        55: {"momentum": 0.5, "l2": 0.3},
        90: {"momentum": 0.99},
    }
    expected = rolled(tiny, 120, changes)
    run = Run(HeavyBall(), tiny, START)
    for iteration in range(121):
        weights = run.snapshot().weights
        assert weights is not None
        np.testing.assert_allclose(weights, expected[iteration], rtol=0, atol=1e-11)
        for name, value in changes.get(iteration, {}).items():
            run.set(name, value)
        run.advance()
    for iteration in (3, 41, 40, 39, 119, 55, 56, 91, 100):
        run.seek(iteration)
        weights = not_none(run.snapshot().weights)
        np.testing.assert_allclose(weights, expected[iteration], rtol=0, atol=1e-11)


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 80), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 79), st.sampled_from([0.0, 0.4, 0.7])), max_size=3),
    st.sampled_from([4, 5, 256]),
)
def test_with_a_state_any_iteration_is_restored_bit_for_bit(
    tiny: Bigrams, visits: list[int], changes: list[tuple[int, float]], most: int
) -> None:
    momenta = dict(changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEYFRAMES", most)
        run = Run(HeavyBall(), tiny, START)
        seen = [whole(run)]
        for iteration in range(83):
            if iteration in momenta:
                run.set("momentum", momenta[iteration])
                assert whole(run) == seen[-1]
            run.advance()
            seen.append(whole(run))
        for iteration in visits:
            run.seek(iteration)
            assert whole(run) == seen[iteration]
            run.back()
            assert whole(run) == seen[max(0, iteration - 1)]
            run.advance(3)
            assert whole(run) == seen[run.iteration]
            run.seek(83)
            assert whole(run) == seen[83]


def test_a_state_is_restored_between_keyframes_too(names: Bigrams, lecture_weights: Matrix) -> None:
    run = Run(HeavyBall(learning_rate=5.0), names, lecture_weights)
    seen = {}
    for iteration in (0, 1, 255, 256, 257, 1999, 2000):
        run.advance(iteration - run.iteration)
        seen[iteration] = whole(run)
    assert run._keyframes.stride > 1
    for iteration in (1999, 0, 257, 255, 1, 256, 2000):
        run.seek(iteration)
        assert whole(run) == seen[iteration]


def test_a_change_in_the_past_goes_on_with_the_state_of_then(tiny: Bigrams) -> None:
    run = Run(HeavyBall(), tiny, START)
    run.advance(50)
    run.seek(20)
    run.set("momentum", 0.2)
    run.advance(30)
    weights = not_none(run.snapshot().weights)
    expected = rolled(tiny, 50, {20: {"momentum": 0.2}})[50]
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-11)


def test_the_very_start_and_a_reset_have_no_state(tiny: Bigrams) -> None:
    backend = HeavyBall()
    run = Run(backend, tiny, START)
    run.advance(4)
    first = whole(run)
    assert run.model is not None
    state = run.model.state
    run.set("learning_rate", 0.1)
    assert [each is None for each in backend.states] == [True, False]
    assert backend.states[1] is state  # as it was yielded, of whichever library
    run.set("learning_rate", 0.3)
    run.reset()
    assert len(backend.states) == 4
    assert backend.states[3] is None
    run.advance(4)
    assert whole(run) == first
    run.seek(0)
    assert backend.states[-1] is None


def test_who_yields_no_state_is_never_given_one(tiny: Bigrams) -> None:
    given: list[int] = []

    class Counted(Drift):
        def train(self, *arguments: Any) -> Iterator[Iteration]:
            given.append(len(arguments))
            yield from super().train(*arguments)

    run = Run(Counted(), tiny, START)
    run.advance(9)
    run.back(2)
    run.set("speed", 2.0)
    run.reset()
    assert given == [2] * len(given)
    assert len(given) >= 4


def test_a_state_without_weights_is_of_no_use(tiny: Bigrams) -> None:
    class Stateful(Relax):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            for model in super().train(bigrams, weights):
                yield Iteration(model.probabilities, state=model.probabilities)

    run, plain = Run(Stateful(), tiny, START), Run(Relax(), tiny, START)
    for each in (run, plain):
        each.advance(6)
        each.back(3)
    assert run.status is Status.READY
    assert look(run) == look(plain)


def test_who_yields_a_state_and_does_not_take_it_fails_on_the_way_back(tiny: Bigrams) -> None:
    class Half(Drift):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            for model in super().train(bigrams, weights):
                yield Iteration(model.probabilities, model.weights, state=model.weights)

    run = Run(Half(), tiny, START)
    run.advance(6)
    run.back(2)
    assert run.status is Status.FAILED
    assert run.message.startswith("failed at step 4: TypeError: ")
    assert "train() takes 3 positional arguments but 4 were given" in run.message
    run.seek(0)
    assert run.status is Status.READY


# Changes of hyperparameters


def test_a_change_acts_on_the_very_next_update(tiny: Bigrams) -> None:
    run = Run(Drift(), tiny, START)
    run.advance(4)
    run.set("speed", -3)
    assert_weights(run, drifted(4))
    run.advance()
    expected = drifted(4)
    expected[:, 0] -= 3
    assert_weights(run, expected)


def test_a_change_shows_in_the_total_at_once_and_never_in_the_nll(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(l2=0.01), tiny, START)
    run.advance(3)
    before = run.snapshot()
    run.set("l2", 1.0)
    after = run.snapshot()
    assert after.iteration == before.iteration == 3
    assert after.nll == before.nll
    assert after.regularization == pytest.approx(100 * before.regularization, rel=1e-12)
    assert after.total == after.nll + after.regularization
    assert before.weights is not None
    assert before.gradient is not None
    grown = before.gradient + 2 * 0.99 * before.weights / 9
    np.testing.assert_allclose(not_none(after.gradient), grown, rtol=1e-12)
    assert after.changes == (3,)
    np.testing.assert_array_equal(after.losses[:3], before.losses[:3])


def test_a_change_in_the_past_leaves_a_branch_with_the_old_losses(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(), tiny, START)
    run.advance(9)
    old = run.snapshot().losses.copy()
    assert run.snapshot().left is None
    run.seek(4)
    run.set("learning_rate", 0.5)
    snapshot = run.snapshot()
    assert (snapshot.iteration, snapshot.latest, snapshot.changes) == (4, 4, (4,))
    assert snapshot.left is not None
    assert snapshot.left.start == 4
    np.testing.assert_array_equal(snapshot.left.losses, old[4:])
    run.advance(5)
    losses = run.snapshot().losses
    np.testing.assert_array_equal(losses[:4], old[:4])
    assert (losses[5:, 0] != old[5:, 0]).all()


def test_a_change_at_the_end_leaves_no_branch(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(), tiny, START)
    run.advance(5)
    run.set("learning_rate", 0.5)
    assert run.snapshot().left is None


def test_the_same_value_again_changes_nothing(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(learning_rate=2.0), tiny, START)
    run.advance(5)
    run.back(2)
    run.set("learning_rate", "2")
    assert (run.latest, run.snapshot().changes, run.snapshot().left) == (5, (), None)


def test_going_back_before_a_change_brings_the_old_value_back(tiny: Bigrams) -> None:
    run = Run(Drift(), tiny, START)
    run.advance(3)
    run.set("speed", 2.0)
    run.advance(3)
    run.seek(1)
    assert run.snapshot().settings["speed"] == 0.5
    assert vars(run.backend)["speed"] == 0.5
    run.advance(4)
    assert run.snapshot().settings["speed"] == 2.0
    expected = drifted(3)
    expected[:, 0] += 2.0
    expected[:, 0] += 2.0
    assert_weights(run, expected)


@pytest.mark.parametrize("value", ["fast", "nan", -1, 1e6, "inf"])
def test_a_value_that_cannot_be_is_refused_and_nothing_changes(tiny: Bigrams, value: Any) -> None:
    run = Run(NumpyBackend(), tiny, START)
    run.advance(3)
    run.back()
    before = look(run)
    with pytest.raises(ValueError, match="learning_rate"):
        run.set("learning_rate", value)
    assert (run.iteration, run.latest, look(run)) == (2, 3, before)


def test_a_change_of_the_smoothing_counts_again(tiny: Bigrams) -> None:
    run = Run(CountingBackend(smoothing=1.0), tiny, START)
    for smoothing in (0.0, 3.0):
        run.set("smoothing", smoothing)
        rows = tiny.counts + smoothing
        expected = rows / rows.sum(axis=1, keepdims=True)
        snapshot = run.snapshot()
        np.testing.assert_allclose(not_none(snapshot.probabilities), expected, rtol=1e-14)
        terms = [
            n * -math.log(p) for n, p in zip(tiny.counts.flat, expected.flat, strict=True) if n
        ]
        assert snapshot.nll == pytest.approx(sum(terms) / 8, rel=1e-12)
        assert (run.iteration, run.latest, run.status) == (0, 0, Status.FINISHED)


def test_torch_changes_its_number_format_in_the_middle(tiny: Bigrams) -> None:
    pytest.importorskip("torch")
    run = Run(TorchBackend(device="cpu", learning_rate=1.0), tiny, START)
    seen = [look(run)]
    dtypes = ["float64"]
    for iteration in range(1, 12):
        run.advance()
        for change in {4: ["float32"], 8: ["float64"]}.get(iteration, []):
            run.set("dtype", change)
        seen.append(look(run))
        dtypes.append(run.snapshot().dtype)
    assert dtypes == ["float64"] * 4 + ["float32"] * 4 + ["float64"] * 4
    for iteration in (9, 8, 7, 4, 3, 11, 5):
        run.seek(iteration)
        assert look(run) == seen[iteration], iteration
        assert run.snapshot().dtype == dtypes[iteration]


def test_of_two_changes_in_one_place_the_last_counts(tiny: Bigrams) -> None:
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEYFRAMES", 4)
        run = Run(TorchBackend(device="cpu", learning_rate=1.0), tiny, START)
        run.advance(7)
        run.set("dtype", "float32")
        run.set("dtype", "float64")
        seen = look(run)
        assert run.snapshot().dtype == "float64"
        run.advance(9)
        run.seek(7)
        assert look(run) == seen


# Divergence


def test_a_huge_step_diverges_and_a_smaller_one_from_before_goes_on(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(learning_rate=1.0), tiny, START)
    run.advance(4)
    before = look(run)
    run = Run(NumpyBackend(learning_rate=1e5), tiny, START)
    first = look(run)
    run.advance(10)
    assert run.status is Status.DIVERGED
    reached = run.iteration
    assert 1 <= reached < 10
    assert f"step {reached}" in run.message
    assert not math.isfinite(run.snapshot().total)
    run.advance(5)
    assert (run.iteration, run.status) == (reached, Status.DIVERGED)
    run.back(reached)
    assert (run.iteration, run.status, run.message) == (0, Status.READY, "")
    assert look(run) == first
    run.set("learning_rate", 1.0)
    run.advance(4)
    assert run.status is Status.READY
    assert run.iteration == 4
    assert look(run) == before


def test_a_diverged_iteration_can_be_looked_at_again(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(learning_rate=1e5), tiny, START)
    run.advance(10)
    reached, message = run.iteration, run.message
    run.seek(0)
    run.advance(10)
    assert (run.iteration, run.status, run.message) == (reached, Status.DIVERGED, message)


def test_a_softmax_that_overflows_is_divergence(tiny: Bigrams) -> None:
    @dataclass
    class Naive(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            while True:
                odds = np.exp(weights)
                yield Iteration(odds / odds.sum(axis=1, keepdims=True), weights)
                weights = weights + 300

    run = Run(Naive(), tiny, START)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is the backend's own overflow
        run.advance(5)
    assert (run.status, run.iteration) == (Status.DIVERGED, 3)
    assert run.message == "diverged at step 3: the nll is nan"


def test_a_penalty_that_overflows_where_the_nll_is_fine_is_divergence_too(tiny: Bigrams) -> None:
    @dataclass
    class Growing(Backend):
        l2: float = hyperparameter(0.01)

        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            while True:
                yield Iteration(UNIFORM, weights)
                weights = weights * 1e60

    run = Run(Growing(), tiny, START)
    run.advance(5)
    assert (run.status, run.iteration) == (Status.DIVERGED, 3)
    assert run.message == "diverged at step 3: the penalty is inf"
    assert math.isfinite(run.snapshot().nll)


@pytest.mark.parametrize("fill", [np.nan, np.inf])
def test_what_is_not_finite_in_cells_that_never_occur_is_divergence_too(
    tiny: Bigrams, fill: float
) -> None:
    broken = UNIFORM.copy()
    broken[1, 1] = fill
    assert tiny.counts[1, 1] == 0

    @dataclass
    class Breaking(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            yield Iteration(UNIFORM)
            yield Iteration(broken)
            yield Iteration(UNIFORM)

    run = Run(Breaking(), tiny, START)
    run.advance(3)
    assert (run.iteration, run.status) == (1, Status.DIVERGED)
    assert "step 1" in run.message
    run.back()
    assert run.status is Status.READY


# Plugins that go wrong


@dataclass
class Faulty(Backend):
    """Goes wrong in one way at one iteration, for as long as there is a cause."""

    at: int = 0
    fault: Any = None
    cause: list[bool] = field(default_factory=lambda: [True])

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        model = Iteration(UNIFORM, weights)
        for _ in range(20):
            if self.cause[0] and np.isclose(weights[0, 0], START[0, 0] + self.at):
                if isinstance(self.fault, BaseException):
                    raise self.fault
                yield self.fault
            else:
                yield model
            weights = weights + 1
            model = Iteration(UNIFORM, weights)


class Shapeless:
    """An array that NumPy can't read."""

    shape = (3, 3)
    dtype = "float64"

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("can't be read")


FAULTS = {
    "an exception": (RuntimeError("the cable is loose"), "RuntimeError: the cable is loose"),
    "SystemExit": (SystemExit(3), "SystemExit: 3"),
    "StopIteration": (StopIteration(), "RuntimeError"),
    "no iteration": ("words", "str, not an Iteration"),
    "nothing": (None, "NoneType, not an Iteration"),
    "no table": (Iteration(None), "probabilities must be (3, 3), not NoneType"),
    "a list": (Iteration(UNIFORM.tolist()), "probabilities must be (3, 3), not list"),
    "one row": (Iteration(UNIFORM[0]), "probabilities must be (3, 3), not shape (3,)"),
    "large P": (Iteration(np.ones((4, 4)) / 4), "probabilities must be (3, 3), not shape (4, 4)"),
    "flat W": (Iteration(UNIFORM, np.ones(9)), "weights must be (3, 3), not shape (9,)"),
    "small G": (Iteration(UNIFORM, START, np.ones((3, 2))), "gradient must be (3, 3), not shape"),
}


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)
def test_whatever_a_plugin_does_wrong_becomes_a_status_and_a_message(
    tiny: Bigrams, fault: Any, reason: str, at: int
) -> None:
    backend = Faulty(at, fault)
    run = Run(backend, tiny, START)
    run.advance(8 if at else 0)
    assert run.status is Status.FAILED
    assert run.message.startswith(f"failed at step {at}: ")
    assert reason in run.message
    assert (run.iteration, run.latest) == (at - 1, at - 1)
    snapshot = run.snapshot()
    assert (snapshot.status, snapshot.message) == (run.status, run.message)
    assert (snapshot.model is None) == (at == 0)

    # Once more, and it fails once more; without the cause, it goes on.
    run.advance()
    assert (run.status, run.iteration) == (Status.FAILED, at - 1)
    backend.cause[0] = False
    run.advance(2)
    assert (run.status, run.message) == (Status.READY, "")
    assert run.iteration == run.latest == at - 1 + 2 + (at == 0)
    assert_weights(run, START + run.iteration)


def test_a_run_that_failed_can_still_go_back(tiny: Bigrams) -> None:
    run = Run(Faulty(3, RuntimeError("no")), tiny, START)
    run.advance(5)
    run.back()
    assert (run.status, run.message, run.iteration, run.latest) == (Status.READY, "", 1, 2)
    assert_weights(run, START + 1)
    run.reset()
    assert (run.status, run.iteration, run.latest) == (Status.READY, 0, 0)


def test_nothing_yielded_at_all_is_a_failure(tiny: Bigrams) -> None:
    @dataclass
    class Empty(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            yield from ()

    run = Run(Empty(), tiny, START)
    assert run.status is Status.FAILED
    assert "ended before it yielded an iteration" in run.message
    assert run.iteration == run.latest == -1
    run.advance(2)
    run.back()
    run.seek(4)
    run.reset()
    assert run.status is Status.FAILED


@pytest.mark.parametrize("result", [None, 7])
def test_a_train_that_is_no_generator_is_a_failure(tiny: Bigrams, result: Any) -> None:
    @dataclass
    class Plain(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            return result

    run = Run(Plain(), tiny, START)
    assert run.status is Status.FAILED
    assert "TypeError" in run.message
    assert "it is to yield" in run.message


def test_a_train_that_returns_a_list_is_as_good_as_a_generator(tiny: Bigrams) -> None:
    @dataclass
    class Listed(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Any:
            return [Iteration(UNIFORM), Iteration(UNIFORM)]

    run = Run(Listed(), tiny, START)
    run.advance(5)
    assert (run.status, run.iteration) == (Status.FINISHED, 1)


def test_a_generator_that_ends_early_has_finished(tiny: Bigrams) -> None:
    @dataclass
    class Short(Backend):
        speed: float = hyperparameter(1.0)

        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            while weights[0, 0] < START[0, 0] + 3.5:
                yield Iteration(UNIFORM, weights)
                weights = weights + self.speed

    run = Run(Short(), tiny, START)
    run.advance(3)
    assert run.iteration == 3
    run.advance(5)
    assert (run.status, run.message, run.iteration) == (Status.FINISHED, HARMLESS, 3)
    run.back(2)
    assert (run.status, run.iteration) == (Status.READY, 1)
    run.seek(3)
    assert (run.status, run.iteration) == (Status.FINISHED, 3)
    run.back(1)
    run.set("speed", 0.25)
    assert run.status is Status.READY
    run.advance(99)
    assert (run.status, run.iteration) == (Status.FINISHED, 2 + 5)


def test_a_change_that_fails_keeps_the_model_and_another_change_mends_it(tiny: Bigrams) -> None:
    @dataclass
    class Picky(Backend):
        taste: str = hyperparameter("sweet", choices=("sweet", "sour", "salty"))

        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            if self.taste == "sour":
                raise RuntimeError("I don't like it")
            while True:
                yield Iteration(UNIFORM, weights)
                weights = weights + 1

    for at in (0, 1, 3):
        run = Run(Picky(), tiny, START)
        run.advance(at)
        run.set("taste", "sour")
        assert run.status is Status.FAILED
        reason = f"failed at step {at}: RuntimeError: I don't like it (test_run.py:"
        assert run.message.startswith(reason)
        snapshot = run.snapshot()
        assert snapshot.iteration == at
        assert not snapshot.has_loss
        assert math.isnan(snapshot.total)
        np.testing.assert_array_equal(snapshot.weights, START + at)
        run.advance(2)
        assert (run.status, run.iteration) == (Status.FAILED, at)
        run.set("taste", "salty")
        assert (run.status, run.message, run.latest) == (Status.READY, "", at)
        assert run.snapshot().has_loss
        run.advance(2)
        assert_weights(run, START + at + 2)


def test_after_a_failure_without_weights_a_change_mends_it(tiny: Bigrams) -> None:
    run = Run(Relax(broken_at=3), tiny, START)
    run.advance(5)
    assert (run.status, run.iteration) == (Status.FAILED, 2)
    run.set("broken_at", -1)
    run.advance(2)
    assert (run.status, run.iteration) == (Status.READY, 4)


@dataclass
class Unreadable(Backend):
    """Yields, at its second iteration, an iteration that has the right shapes and yet no use."""

    model: Any = None

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        yield Iteration(UNIFORM, weights)
        yield self.model


@pytest.mark.parametrize(
    "model",
    [
        Iteration(Shapeless()),
        Iteration(UNIFORM, Shapeless()),
        Iteration(UNIFORM, None, Shapeless()),
        Iteration(np.full((3, 3), "x")),
        Iteration(np.full((3, 3), None)),
    ],
    ids=["P", "W", "gradient", "P of text", "P of objects"],
)
def test_matrices_that_numpy_cannot_read_are_a_failure(tiny: Bigrams, model: Iteration) -> None:
    run = Run(Unreadable(model), tiny, START)
    run.advance(3)
    assert run.status is Status.FAILED
    # What can be seen is still the iteration before.
    assert (run.iteration, run.latest) == (0, 0)
    snapshot = run.snapshot()
    np.testing.assert_array_equal(snapshot.probabilities, UNIFORM)
    np.testing.assert_array_equal(snapshot.weights, START)
    assert snapshot.gradient is None


def test_tensors_that_still_require_grad_are_read_all_the_same(tiny: Bigrams) -> None:
    torch = pytest.importorskip("torch")
    third = torch.full((3, 3), 1 / 3, requires_grad=True)
    loss = -(third.log() * torch.tensor(tiny.counts / tiny.total)).sum()
    run = Run(Unreadable(Iteration(third, third, third, loss)), tiny, START)
    run.advance(1)
    snapshot = run.snapshot()
    for array in (snapshot.probabilities, snapshot.weights, snapshot.gradient):
        np.testing.assert_array_equal(array, third.detach().numpy())
    assert snapshot.own_loss == pytest.approx(np.log(3))
    assert not snapshot.disagrees


def test_a_penalty_that_raises_is_a_failure(tiny: Bigrams) -> None:
    @dataclass
    class Unpriced(Drift):
        def regularization(self, weights: Matrix) -> float:
            raise KeyError("price")

    run = Run(Unpriced(), tiny, START)
    assert run.status is Status.FAILED
    assert "KeyError" in run.message


def test_a_loss_that_is_no_number_disagrees(tiny: Bigrams) -> None:
    run = Run(Unreadable(Iteration(UNIFORM, loss="cheap")), tiny, START)
    run.advance()
    assert run.status is Status.READY
    assert run.snapshot().disagrees


class Wrapped:
    """An array of a library that NumPy can read, with nothing of NumPy's own."""

    def __init__(self, values: Matrix) -> None:
        self.shape, self.dtype, self._values = values.shape, values.dtype, values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Matrix:
        return np.array(self._values, dtype=dtype)


def test_arrays_of_any_library_that_numpy_can_read_will_do(tiny: Bigrams) -> None:
    @dataclass
    class Foreign(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            while True:
                yield Iteration(Wrapped(UNIFORM), Wrapped(weights), Wrapped(weights * 0))
                weights = weights + 1

    run = Run(Foreign(), tiny, START)
    run.advance(5)
    run.back(2)
    assert (run.status, run.iteration) == (Status.READY, 3)
    assert_weights(run, START + 1 + 1 + 1)
    assert run.snapshot().nll == pytest.approx(math.log(3))


# Losses


@dataclass
class Reporting(Backend):
    """Says what its loss is, truly or not."""

    error: float = 0.0
    dtype: Any = np.float64

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        yield Iteration(UNIFORM.astype(self.dtype), loss=np.array(math.log(3) + self.error))


@pytest.mark.parametrize(
    ("error", "dtype", "disagrees"),
    [
        (0.0, np.float64, False),
        (1e-12, np.float64, False),
        (1e-3, np.float64, True),
        (-1e-3, np.float64, True),
        (1e-5, np.float64, True),
        (1e-5, np.float32, False),
        (1e-2, np.float32, True),
        (math.nan, np.float64, True),
        (math.inf, np.float64, True),
    ],
)
def test_a_loss_of_its_own_is_compared_within_its_precision(
    tiny: Bigrams, error: float, dtype: Any, disagrees: bool
) -> None:
    snapshot = Run(Reporting(error, dtype), tiny, START).snapshot()
    assert snapshot.own_loss == pytest.approx(math.log(3) + error, nan_ok=True)
    assert snapshot.nll == pytest.approx(math.log(3), abs=1e-7)
    assert snapshot.disagrees is disagrees


@pytest.mark.parametrize(
    "loss", [1.5, np.float32(1.5), np.array(1.5), np.array([1.5]), np.array([[1.5]])]
)
def test_its_own_loss_is_a_number_or_an_array_of_one(tiny: Bigrams, loss: Any) -> None:
    run = Run(Unreadable(Iteration(UNIFORM, loss=loss)), tiny, START)
    run.advance()
    assert run.status is Status.READY
    assert run.snapshot().own_loss == 1.5


def test_a_table_of_whole_numbers_can_be_compared_too() -> None:
    bigrams = Bigrams(Vocabulary("a"), np.array([[0, 3], [3, 0]]))

    @dataclass
    class Certain(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            yield Iteration(np.array([[0, 1], [1, 0]]), loss=0.25)

    snapshot = Run(Certain(), bigrams, np.zeros((2, 2))).snapshot()
    assert (snapshot.nll, snapshot.own_loss) == (0, 0.25)
    assert snapshot.disagrees
    assert snapshot.row_sums is None


def test_without_a_loss_of_its_own_nothing_disagrees(tiny: Bigrams) -> None:
    snapshot = Run(NumpyBackend(), tiny, START).snapshot()
    assert snapshot.own_loss is None
    assert not snapshot.disagrees


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_torch_agrees_with_the_loss_that_is_computed_here(tiny: Bigrams, dtype: str) -> None:
    pytest.importorskip("torch")
    run = Run(TorchBackend(device="cpu", dtype=dtype), tiny, START)
    for _ in range(20):
        run.advance()
        assert run.snapshot().own_loss is not None
        assert not run.snapshot().disagrees


def test_validation_lines_with_an_unseen_bigram_are_impossible_without_smoothing(
    tiny: Bigrams, count_lines: CountLines
) -> None:
    validation = count_lines(["aab"], "ab")
    run = Run(CountingBackend(smoothing=0.0), tiny, START, validation=validation)
    assert run.status is Status.FINISHED
    assert run.snapshot().validation == math.inf
    assert math.isfinite(run.snapshot().nll)
    run.set("smoothing", 1.0)
    # . → a 3/6, a → a 1/5, a → b 2/5, b → . 3/6
    expected = -(math.log(3 / 6) + math.log(1 / 5) + math.log(2 / 5) + math.log(3 / 6)) / 4
    assert run.snapshot().validation == pytest.approx(expected, rel=1e-12)


def test_time_is_counted_and_never_negative(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(), tiny, START)
    run.advance(10)
    snapshot = run.snapshot()
    assert snapshot.seconds > 0
    assert 0 < snapshot.seconds_per_iteration <= snapshot.seconds


def test_a_snapshot_without_any_iteration_can_be_asked_for_everything(tiny: Bigrams) -> None:
    @dataclass
    class Broken(Backend):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            raise RuntimeError("no")

    snapshot = Run(Broken(), tiny, START).snapshot()
    assert (snapshot.iteration, snapshot.latest, snapshot.has_loss) == (-1, -1, False)
    assert math.isnan(snapshot.nll)
    assert math.isnan(snapshot.total)
    assert math.isnan(snapshot.perplexity)
    assert snapshot.probabilities is snapshot.weights is snapshot.gradient is None
    assert snapshot.own_loss is None
    assert not snapshot.disagrees
    assert snapshot.device == snapshot.dtype == ""
    assert snapshot.seconds == 0
    assert not snapshot.seconds_per_iteration > 0


def test_a_snapshot_stays_what_it_was(tiny: Bigrams) -> None:
    run = Run(NumpyBackend(), tiny, START)
    run.advance(6)
    snapshots = []
    actions: list[Callable[[], object]] = [
        lambda: run.advance(80),
        lambda: run.back(40),
        lambda: run.set("l2", 0.5),
        lambda: run.advance(70),
        lambda: run.seek(3),
        lambda: run.set("learning_rate", 0.1),
        lambda: run.advance(100),
        run.reset,
    ]
    for action in actions:
        snapshot = run.snapshot()
        snapshots.append(
            (snapshot, look(run), snapshot.losses.copy(), dict(snapshot.settings), snapshot.left)
        )
        left_losses = snapshot.left.losses.copy() if snapshot.left else None
        action()
        if snapshot.left:
            np.testing.assert_array_equal(snapshot.left.losses, not_none(left_losses))
    for snapshot, seen, losses, values, left in snapshots:
        parts = (snapshot.probabilities, snapshot.weights, snapshot.gradient)
        assert tuple(part.tobytes() for part in parts if part is not None) == seen[:3]
        assert (snapshot.nll, snapshot.regularization) == seen[3:]
        np.testing.assert_array_equal(snapshot.losses, losses)
        assert dict(snapshot.settings) == values
        assert snapshot.left is left
        with pytest.raises(ValueError, match="read-only"):
            snapshot.losses[0, 0] = 1
        with pytest.raises(AttributeError):
            snapshot.iteration = 0  # type: ignore[misc]


def test_runs_of_one_class_share_nothing(tiny: Bigrams) -> None:
    alone = Run(NumpyBackend(), tiny, START)
    alone.advance(10)
    ours, other = Run(NumpyBackend(), tiny, START), Run(NumpyBackend(), tiny, START)
    for _ in range(10):
        ours.advance()
        other.set("learning_rate", 0.1 + other.iteration)
        other.advance()
    assert look(ours) == look(alone)


def test_a_float32_torch_table_is_evaluated_in_float64(tiny: Bigrams) -> None:
    pytest.importorskip("torch")
    run = Run(TorchBackend(device="cpu", dtype="float32"), tiny, START)
    snapshot = run.snapshot()
    assert snapshot.dtype == "float32"
    table = as_numpy(snapshot.model.probabilities) if snapshot.model else None
    assert table is not None
    terms = [
        n * -math.log(float(p)) for n, p in zip(tiny.counts.flat, table.flat, strict=True) if n
    ]
    assert snapshot.nll == pytest.approx(math.fsum(terms) / 8, rel=1e-14)
