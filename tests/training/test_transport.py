"""What the keys of training do, without a terminal: to a transport that only remembers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.comparison.lockstep import Lockstep
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training import transport
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.training.transport import ENOUGH, MOST_STEPS, Goal, Transport
from tests.training.test_runner import wait_until


@dataclass
class Recorded:
    """A transport that notes its orders."""

    is_training: bool = False
    is_idle: bool = True
    latest: int = 0
    obstacle_ahead: str = ""
    obstacle_behind: str = ""
    orders: list[tuple[object, ...]] = field(default_factory=list)

    def step(self, iterations: int) -> None:
        self.orders.append(("step", iterations))

    def back(self, iterations: int) -> None:
        self.orders.append(("back", iterations))

    def train(self, pace: float | None = None) -> None:
        self.orders.append(("train", pace))

    def pause(self) -> None:
        self.orders.append(("pause",))

    def seek(self, iteration: int) -> None:
        self.orders.append(("seek", iteration))

    def reset(self) -> None:
        self.orders.append(("reset",))


def test_a_step_is_taken_or_the_obstacle_is_told() -> None:
    free = Recorded()
    assert transport.step(free, 10) == ""
    assert free.orders == [("step", 10)]
    ended = Recorded(obstacle_ahead="it has ended")
    assert transport.step(ended, 10) == "it has ended"
    assert ended.orders == []


def test_to_go_back_stops_the_training_also_at_the_start() -> None:
    at_start = Recorded(obstacle_behind="at the start")
    assert transport.back(at_start, 1) == "at the start"
    assert at_start.orders == [("back", 1)]


def test_a_toggle_pauses_what_trains_and_trains_what_can() -> None:
    training = Recorded(is_training=True, obstacle_ahead="it has ended")
    assert transport.toggle(training, 20) == ""
    assert training.orders == [("pause",)]
    paused = Recorded()
    assert transport.toggle(paused, 20) == ""
    assert paused.orders == [("train", 20)]
    ended = Recorded(obstacle_ahead="it has ended")
    assert transport.toggle(ended, 20) == "it has ended"
    assert ended.orders == []


def test_another_pace_changes_only_what_trains() -> None:
    paused, training = Recorded(), Recorded(is_training=True)
    transport.change_pace(paused, 5)
    transport.change_pace(training, 5)
    assert (paused.orders, training.orders) == ([], [("train", 5)])


def test_steps_add_up_to_one_goal() -> None:
    goal = Goal()
    goal.extend(3, 2)
    goal.extend(4, 10)  # one of the two is taken meanwhile
    assert goal == Goal(15, None)
    goal.train(15, 20)
    assert goal == Goal(15 + MOST_STEPS, 20, is_open=True)
    assert (goal.complaint(16), goal.complaint(15 + MOST_STEPS)) == ("", ENOUGH)
    goal.extend(50, 1)  # a step ends the training
    assert goal == Goal(51, None)
    assert goal.complaint(51) == "", "it was asked for"
    goal.stop(50)
    assert goal == Goal(50, None)


# The two transports that there are


def lineup_of(bigrams: Bigrams, backend: str) -> Lineup:
    corpus = Corpus("tiny.txt", 3, bigrams, None, None, None)
    return Lineup(Session(corpus, tuple(choose([backend]))), lambda: None)


def alone(bigrams: Bigrams, backend: str) -> tuple[Runner, Transport]:
    (runner,) = lineup_of(bigrams, backend).runners
    return runner, runner


def together(bigrams: Bigrams, backend: str) -> tuple[Runner, Transport]:
    lineup = lineup_of(bigrams, backend)
    return lineup.runners[0], Lockstep(lineup)


transports = pytest.mark.parametrize("make", [alone, together])
Make = Callable[[Bigrams, str], tuple[Runner, Transport]]


@transports
def test_a_transport_moves_along_the_timeline(tiny: Bigrams, make: Make) -> None:
    runner, moved = make(tiny, "numpy")

    def at(iteration: int) -> None:
        wait_until(lambda: moved.is_idle and runner.is_idle)
        assert runner.snapshot.iteration == iteration

    runner.start()
    wait_until(lambda: runner.snapshot.iteration == 0 and runner.is_idle)
    assert moved.obstacle_behind
    assert not moved.obstacle_ahead
    moved.step(3)
    moved.step(2)
    at(5)
    assert not moved.obstacle_behind
    moved.back(1)
    at(4)
    assert moved.latest == 5
    moved.seek(2)
    at(2)
    moved.back(9)
    at(0)
    moved.train()
    wait_until(lambda: moved.is_training and runner.snapshot.iteration > 5)
    moved.pause()
    wait_until(lambda: moved.is_idle and not moved.is_training)
    moved.reset()
    at(0)
    assert moved.latest == 0
    runner.close()


@transports
def test_training_that_nobody_pauses_ends_before_memory_does(
    tiny: Bigrams, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MOST_STEPS", 50)
    runner, moved = make(tiny, "numpy")
    assert isinstance(moved, Runner | Lockstep)
    runner.start()
    wait_until(lambda: runner.snapshot.iteration == 0 and runner.is_idle)
    for reached in (50, 100):  # a second time if it is asked for
        moved.train()
        wait_until(lambda: moved.complaint == ENOUGH and moved.is_idle)
        assert runner.snapshot.iteration == reached
        assert not moved.is_training
    moved.step(1)
    wait_until(lambda: moved.is_idle and runner.snapshot.iteration == 101)
    assert moved.complaint == ""
    runner.close()


@transports
def test_what_has_nothing_left_to_learn_has_no_next_step(tiny: Bigrams, make: Make) -> None:
    runner, moved = make(tiny, "count")
    runner.start()
    wait_until(lambda: runner.snapshot.status is Status.FINISHED)
    assert moved.obstacle_ahead
    runner.close()


def test_one_order_publishes_one_snapshot_and_tells_of_one_rest(tiny: Bigrams) -> None:
    snapshots, rests = [], []

    class Counted(Run):
        def snapshot(self, *, training: bool = False, rate: float | None = None) -> Snapshot:
            snapshots.append(self.iteration)
            return super().snapshot(training=training, rate=rate)

    runner = Runner(
        "numpy", lambda: Counted(NumpyBackend(), tiny, np.zeros((3, 3))), lambda: rests.append(0)
    )
    runner.start()
    wait_until(lambda: rests)
    for order in (
        lambda: runner.step(1),
        lambda: runner.back(1),
        lambda: runner.seek(1),
        lambda: runner.set("l2", 0.5),
        lambda: runner.call(lambda run: run.advance(5)),
        runner.reset,
    ):
        snapshots.clear()
        rests.clear()
        order()
        wait_until(lambda: rests)
        assert (len(snapshots), len(rests)) == (1, 1)
    runner.close()
