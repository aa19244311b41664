"""A run in a thread of its own: orders, pace, failures, and backends that hang.

Nothing here sleeps for a fixed time: it waits until something is so, and fails after 20 seconds.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest

from bigram_backends.counting import CountingBackend
from bigram_tui.backend import Backend, Iteration, Matrix, hyperparameter
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.run import Run
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Status

START = np.zeros((3, 3))
UNIFORM = np.full((3, 3), 1 / 3)

Begin = Callable[..., Runner]


def wait_until(predicate: Callable[[], Any], what: str = "") -> None:
    """Return as soon as it is so."""
    limit = time.monotonic() + 20
    while not predicate():
        assert time.monotonic() < limit, f"waited for 20 seconds {what}"
        time.sleep(0.0005)


@dataclass
class Plain(Backend):
    """Adds `speed` to W; does what it is told in between."""

    speed: float = hyperparameter(1.0, low=0.0)
    between: Callable[[Matrix], None] = field(default=lambda weights: None, kw_only=True)

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        while True:
            yield Iteration(UNIFORM, weights)
            weights = weights + self.speed
            self.between(weights)


@pytest.fixture
def begin(tiny: Bigrams) -> Iterator[Begin]:
    """Makes runners, and sees to it that their threads end."""
    runners: list[Runner] = []

    def make(backend: Backend | Callable[[], Run] | None = None) -> Runner:
        name = f"runner {len(runners)}"
        if not callable(backend):
            chosen = backend or Plain()
            runner = Runner(name, lambda: Run(chosen, tiny, START, name=name))
        else:
            runner = Runner(name, backend)
        runners.append(runner)
        return runner

    yield make
    for runner in runners:
        runner.close()
    wait_until(lambda: not any(alive(runner) for runner in runners), "for the threads to end")


def alive(runner: Runner) -> bool:
    return any(thread.name == runner.name for thread in threading.enumerate())


def at(runner: Runner) -> int:
    return runner.snapshot.iteration


def settled(runner: Runner) -> Callable[[], bool]:
    return lambda: runner.is_idle and runner.snapshot.status is not Status.LOADING


def test_a_runner_does_nothing_before_it_is_wanted(begin: Begin) -> None:
    runner = begin()
    assert not runner.started
    assert runner.is_idle
    assert not alive(runner)
    assert (runner.snapshot.status, runner.snapshot.iteration) == (Status.LOADING, -1)


def test_to_start_loads_the_run_and_shows_the_untrained_model(begin: Begin) -> None:
    runner = begin()
    runner.start()
    assert runner.started
    runner.start()
    wait_until(settled(runner))
    snapshot = runner.snapshot
    assert (snapshot.status, snapshot.iteration, snapshot.training) == (Status.READY, 0, False)
    assert sum(thread.name == runner.name for thread in threading.enumerate()) == 1


def test_loading_is_done_once_in_the_thread_of_the_runner(begin: Begin, tiny: Bigrams) -> None:
    threads = []

    def load() -> Run:
        threads.append(threading.current_thread())
        return Run(Plain(), tiny, START)

    runner = begin(load)
    runner.step(2)
    runner.start()
    wait_until(lambda: runner.snapshot.iteration == 2)
    assert len(threads) == 1
    assert threads[0].name == runner.name
    assert threads[0].daemon


def test_orders_given_while_it_loads_are_carried_out_after(begin: Begin, tiny: Bigrams) -> None:
    go_on = threading.Event()

    def load() -> Run:
        go_on.wait(20)
        return Run(Plain(), tiny, START)

    runner = begin(load)
    runner.step(3)
    runner.set("speed", 7.0)
    runner.step(4)
    assert not runner.is_idle
    assert runner.busy_since is not None
    assert runner.snapshot.status is Status.LOADING
    go_on.set()
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration == 7)
    np.testing.assert_array_equal(runner.snapshot.weights, np.full((3, 3), 49.0))


def test_steps_add_up(begin: Begin) -> None:
    allowed = threading.Semaphore(0)

    def wait(_: Matrix) -> None:
        allowed.acquire()

    runner = begin(Plain(between=wait))
    runner.step(2)
    runner.step(3)
    wait_until(lambda: runner.snapshot.training)
    runner.step(5)
    allowed.release(10)
    wait_until(lambda: runner.snapshot.iteration == 10)
    wait_until(settled(runner))
    assert runner.snapshot.iteration == 10
    runner.step(1)
    allowed.release()
    wait_until(lambda: runner.snapshot.iteration == 11)


def test_it_trains_until_it_is_paused(begin: Begin) -> None:
    runner = begin()
    runner.train()
    wait_until(lambda: runner.snapshot.iteration > 500)
    assert runner.snapshot.training
    assert runner.snapshot.rate is not None
    assert runner.snapshot.rate > 0
    assert not runner.is_idle
    runner.pause()
    wait_until(settled(runner))
    snapshot = runner.snapshot
    assert not snapshot.training
    assert snapshot.rate is None
    reached = snapshot.iteration
    assert reached == snapshot.latest
    # Had it gone on in between, one step more would lead further.
    runner.step(1)
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration != reached)
    assert runner.snapshot.iteration == reached + 1


def test_an_order_soon_after_single_steps_is_seen_soon(begin: Begin) -> None:
    """Single steps say nothing about how long many of them would take."""

    def pause_in_training(weights: Matrix) -> None:
        if weights[0, 0] == 21:
            runner.pause()

    def is_at(iteration: int) -> bool:
        return settled(runner)() and at(runner) == iteration

    runner = begin(Plain(between=pause_in_training))
    for iteration in range(1, 21):
        runner.step(1)
        wait_until(partial(is_at, iteration))
    runner.train()
    wait_until(lambda: settled(runner)() and at(runner) > 20)
    assert at(runner) <= 22


def test_a_step_in_the_middle_of_training_ends_it(begin: Begin) -> None:
    runner = begin()
    runner.train()
    wait_until(lambda: runner.snapshot.iteration > 10)
    runner.step(3)
    wait_until(settled(runner))
    assert not runner.snapshot.training


def test_a_hyperparameter_can_be_set_in_the_middle_of_training(begin: Begin) -> None:
    runner = begin()
    runner.train()
    wait_until(lambda: runner.snapshot.iteration > 10)
    runner.set("speed", 0.0)
    wait_until(lambda: runner.snapshot.settings["speed"] == 0.0)
    (change,) = runner.snapshot.changes
    wait_until(lambda: runner.snapshot.iteration > change + 10)
    snapshot = runner.snapshot
    assert snapshot.training
    np.testing.assert_array_equal(snapshot.weights, np.full((3, 3), float(change)))


def test_going_back_stops_the_training(begin: Begin) -> None:
    runner = begin()
    runner.train()
    wait_until(lambda: runner.snapshot.iteration > 10)
    runner.back(4)
    wait_until(settled(runner))
    snapshot = runner.snapshot
    assert snapshot.iteration == snapshot.latest - 4
    assert not snapshot.training
    np.testing.assert_array_equal(snapshot.weights, np.full((3, 3), float(snapshot.iteration)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a surprise", "a surprise"),
        ("CUDA error: lost\nCompile with …", "the GPU failed (CUDA error: lost)"),
    ],
)
def test_a_fault_of_the_run_itself_is_told_and_the_next_order_begins_anew(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    runner = begin()
    runner.start()
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration == 0)

    def fault(*_: object) -> None:
        raise RuntimeError(text)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", fault)
        runner.step(1)
        wait_until(lambda: runner.is_idle and runner.snapshot.status is Status.FAILED)
        assert runner.snapshot.message == told
    runner.step(2)
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration == 2)
    assert runner.snapshot.status is Status.READY


def test_it_goes_back_far_and_resets(begin: Begin) -> None:
    runner = begin()
    runner.step(50)
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration == 50)
    runner.back(43)
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration == 7)
    np.testing.assert_array_equal(runner.snapshot.weights, np.full((3, 3), 7.0))
    runner.train()
    runner.reset()
    wait_until(lambda: runner.is_idle and runner.snapshot.latest == 0)
    assert not runner.snapshot.training


def test_a_run_that_has_finished_stops_the_training(begin: Begin) -> None:
    runner = begin(CountingBackend())
    runner.train()
    wait_until(settled(runner))
    assert runner.snapshot.status is Status.FINISHED
    assert not runner.snapshot.training
    runner.set("smoothing", 3)
    wait_until(lambda: runner.is_idle and runner.snapshot.settings["smoothing"] == 3.0)
    runner.step(2)
    wait_until(settled(runner))
    assert runner.snapshot.iteration == 0


def test_to_close_ends_the_thread_in_the_middle_of_training(begin: Begin) -> None:
    runner = begin()
    runner.train()
    wait_until(lambda: runner.snapshot.iteration > 10)
    assert alive(runner)
    runner.close()
    wait_until(lambda: not alive(runner))


def test_to_close_ends_an_idle_thread(begin: Begin) -> None:
    runner = begin()
    runner.start()
    wait_until(settled(runner))
    assert alive(runner)
    runner.close()
    wait_until(lambda: not alive(runner))


@pytest.mark.parametrize(
    ("error", "message"),
    [(RuntimeError("no module of that name"), "no module of that name"),
     (SystemExit("goodbye"), "goodbye"), (KeyError(), "KeyError")],
)  # fmt: skip
def test_a_load_that_fails_says_why_and_the_next_order_tries_again(
    begin: Begin, tiny: Bigrams, error: BaseException, message: str
) -> None:
    attempts: list[None] = []

    def load() -> Run:
        attempts.append(None)
        if len(attempts) < 3:
            raise error
        return Run(Plain(), tiny, START)

    runner = begin(load)
    runner.step(5)
    wait_until(lambda: runner.snapshot.status is Status.FAILED and not runner.started)
    assert runner.snapshot.message == message
    assert runner.is_idle
    wait_until(lambda: not alive(runner))
    runner.step(2)
    wait_until(lambda: len(attempts) == 2 and not runner.started)
    assert runner.snapshot.status is Status.FAILED
    runner.step(2)
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration >= 2)
    assert runner.snapshot.iteration == 2  # the orders of failed attempts are not made up for
    assert (runner.snapshot.status, runner.snapshot.message) == (Status.READY, "")


def test_a_backend_that_fails_in_training_stops_and_the_next_step_tries_again(
    begin: Begin,
) -> None:
    cause = [True]

    def between(weights: Matrix) -> None:
        if cause[0] and weights[0, 0] == 4:
            raise RuntimeError("the cable is loose")

    runner = begin(Plain(between=between))
    runner.train()
    wait_until(lambda: runner.is_idle and runner.snapshot.status is Status.FAILED)
    reason = "failed at step 4: RuntimeError: the cable is loose (test_runner.py:"
    assert runner.snapshot.message.startswith(reason)
    assert not runner.snapshot.training
    assert runner.snapshot.iteration == 3
    cause[0] = False
    runner.step(2)
    wait_until(lambda: runner.is_idle and runner.snapshot.status is Status.READY)
    assert runner.snapshot.iteration == 5


@pytest.mark.parametrize(("name", "value"), [("speed", "fast"), ("colour", 1)])
def test_an_order_that_cannot_be_carried_out_leaves_the_runner_working(
    begin: Begin, name: str, value: Any
) -> None:
    runner = begin()
    runner.step(1)
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration == 1)
    runner.set(name, value)
    runner.step(2)
    wait_until(lambda: runner.snapshot.iteration == 3 or not alive(runner))
    assert alive(runner)
    assert runner.snapshot.settings["speed"] == 1.0


def test_a_complaint_ends_with_the_next_order_that_can_be_carried_out(begin: Begin) -> None:
    runner = begin()
    runner.set("speed", -1.0)
    wait_until(lambda: settled(runner)() and runner.complaint)
    runner.set("speed", 2.0)
    wait_until(lambda: settled(runner)() and runner.snapshot.settings["speed"] == 2)
    assert runner.complaint == ""


def test_a_backend_that_hangs_holds_up_no_other(begin: Begin) -> None:
    release, hanging = threading.Event(), threading.Event()

    def between(_: Matrix) -> None:
        hanging.set()
        release.wait(60)

    stuck, other = begin(Plain(between=between)), begin()
    stuck.step(1)
    wait_until(hanging.is_set)
    before = time.monotonic()
    for order in (stuck.pause, stuck.train, stuck.reset):
        order()
    stuck.step(10)
    assert time.monotonic() - before < 10  # nobody waits for it
    assert stuck.busy_since is not None
    assert stuck.busy_since <= before
    assert not stuck.is_idle
    assert stuck.snapshot.iteration == 0

    other.step(100)
    wait_until(lambda: other.is_idle and other.snapshot.iteration == 100)

    stuck.close()
    release.set()
    wait_until(lambda: not alive(stuck))


def test_a_load_that_hangs_holds_up_no_other(begin: Begin, tiny: Bigrams) -> None:
    release = threading.Event()

    def load() -> Run:
        release.wait(60)
        return Run(Plain(), tiny, START)

    stuck, other = begin(load), begin()
    stuck.step(1)
    other.step(10)
    wait_until(lambda: other.is_idle and other.snapshot.iteration == 10)
    assert stuck.snapshot.status is Status.LOADING
    release.set()
    wait_until(lambda: stuck.is_idle and stuck.snapshot.iteration == 1)


def test_a_pace_is_a_limit(begin: Begin) -> None:
    moments: list[float] = []
    runner = begin(Plain(between=lambda _: moments.append(time.monotonic())))
    runner.train(pace=100.0)
    wait_until(lambda: len(moments) >= 12)
    runner.pause()
    wait_until(settled(runner))
    assert moments[11] - moments[0] >= 0.9 * 11 / 100


def test_orders_do_not_wait_for_the_pace(begin: Begin) -> None:
    reached = threading.Event()
    runner = begin(Plain(between=lambda _: reached.set()))
    runner.train(pace=0.001)
    wait_until(reached.is_set)
    runner.pause()
    wait_until(settled(runner))
    assert runner.snapshot.iteration <= 2
    runner.train(pace=0.001)
    wait_until(lambda: runner.snapshot.training)
    runner.step(30)  # as fast as possible
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration >= 30)


def test_at_a_slow_pace_an_iteration_shows_as_soon_as_it_is_there(begin: Begin) -> None:
    runner = begin()
    runner.train(pace=0.001)
    wait_until(lambda: runner.snapshot.iteration == 1, "for an iteration at a slow pace")


def test_snapshots_that_were_taken_do_not_change(begin: Begin) -> None:
    runner = begin()
    runner.train()
    wait_until(lambda: runner.snapshot.iteration > 5)
    early = runner.snapshot
    iteration, losses = early.iteration, early.losses.copy()
    wait_until(lambda: runner.snapshot.iteration > 2000)
    assert early.iteration == iteration
    np.testing.assert_array_equal(early.losses, losses)
    np.testing.assert_array_equal(early.weights, np.full((3, 3), float(iteration)))


def test_a_thread_that_gives_up_while_one_waits_for_it_has_ended(begin: Begin) -> None:
    gate = threading.Event()

    def load() -> Run:
        gate.wait()
        raise OSError("gone")

    runner = begin(load)
    runner.start()
    threading.Timer(0.05, gate.set).start()
    assert runner.join(20)
