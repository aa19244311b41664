"""Moves the runs of a comparison together, and compares each with the reference on the way."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from bigram_tui.backend import Iteration
from bigram_tui.comparison.chunk import follow, lead, reach
from bigram_tui.comparison.comparator import Comparator
from bigram_tui.comparison.drift import Floats, MaxDifference
from bigram_tui.comparison.frame import Frame, can_go_on, has_stopped
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.faults import describe_error
from bigram_tui.training.pacing import SliceSize
from bigram_tui.training.run import Run
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.training.timeline import memory
from bigram_tui.training.transport import Goal

CHUNK_SECONDS = 0.03
"""About how long the runs move before new orders are looked at and a frame is published."""
CHUNK_BYTES = 32 * 2**20
"""The most memory for the reference's models of one chunk."""
LONGEST_CHUNK = 4096
"""Steps of a chunk at most."""
STALL_SECONDS = 20.0
"""How long the runs wait for one of them; then they go on, and it follows when it can."""
RETRACE = 10_000
"""How many steps all runs take again together when a new run joins them, at most."""
PAUSE_SECONDS = 0.0002
"""The time between two chunks in which other threads get the interpreter."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Plan:
    """What the orders ask for, as they were when the thread last looked at them."""

    turn: int
    position: int
    goal: int
    pace: float | None
    resting: bool
    reset: bool
    runners: tuple[Runner, ...]
    loaded: tuple[Runner, ...]
    """Those that have a model."""
    reference: Runner


class Lockstep:
    """Brings all runs of a lineup to one iteration and moves them on from there together.

    Its thread gives commands to the runs' own and waits for them; what it gets is published as
    frames whose snapshots belong together. A run that has finished, diverged or failed stays where
    it is, and the others go on; one that is loaded later, or was elsewhere, is brought along.
    A Transport: its methods can be called from any thread, and return at once.
    """

    def __init__(self, lineup: Lineup, on_idle: Callable[[], object] = lambda: None) -> None:
        """on_idle: called in the thread whenever all runs are where they are to be."""
        self._lineup = lineup
        self._on_idle = on_idle
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        # What the orders ask for. Whoever changes it holds the lock.
        self._turn = 0  # counts the orders that bring all runs elsewhere
        self._position = 0
        self._goal = Goal()
        self._retraced = 0  # up to which iteration all go again, at full speed
        self._resting = True  # nothing is to be moved until the next order
        self._reset = False
        self._has_order = False  # one that was not looked at
        self._is_shown = True  # whether the frame shows all that has changed
        # What the thread knows.
        self._chunks = SliceSize(CHUNK_SECONDS, LONGEST_CHUNK)
        self._rate: float | None = None
        self._unreachable: tuple[int, set[Runner]] = 0, set()  # which failed to come, in which turn
        self._snapshots: dict[Runner, Snapshot] = {}
        self._comparator = Comparator()
        self._frame = Frame()
        self.is_idle = True
        """Whether all runs are where they are to be."""
        self.complaint = ""
        """What went wrong at the last order, if anything did."""

    # Called from any thread

    @property
    def frame(self) -> Frame:
        """The newest state of all runs together."""
        return self._frame

    @property
    def is_training(self) -> bool:
        """Whether they go on by themselves, or are still being brought somewhere."""
        return self._frame.training or not self.is_idle

    @property
    def latest(self) -> int:
        """The last iteration that any run has reached."""
        return max(0, *(runner.snapshot.latest for runner in self._lineup.runners))

    @property
    def obstacle_ahead(self) -> str:
        """Say why there is no next step; empty if there is one."""
        if any(can_go_on(runner.snapshot) for runner in self._lineup.runners):
            return ""
        return "no run can go on: z goes back, r begins again"

    @property
    def obstacle_behind(self) -> str:
        """Say why there is no step to go back to; empty if there is one."""
        return "all are at step 0, the start" if self._frame.position == 0 else ""

    def step(self, iterations: int) -> None:
        """Take some steps, beyond those that are still to be taken."""
        self._send(lambda: self._goal.extend(self._position, iterations))

    def train(self, pace: float | None = None) -> None:
        """Train until paused. pace: steps per second; as fast as possible if None."""
        self._send(lambda: self._goal.train(self._position, pace))

    def pause(self) -> None:
        """Stop; a second time, or if nothing is training, also runs that are brought along."""

        def order() -> None:
            self._resting = self._goal.iteration <= self._position
            self._goal.stop(max(self._position, self._retraced))  # first back to where it was

        self._send(order)

    def seek(self, iteration: int) -> None:
        """Stop and bring all runs to an iteration; beyond a run's end the run goes on to it."""
        self._send(lambda: self._go_to(iteration))

    def back(self, iterations: int) -> None:
        """Stop and bring all runs back by some steps, at most to the start."""
        self.shift(-iterations)

    def shift(self, iterations: int) -> None:
        """Stop and bring all runs on by some steps, or back; from 0 to the latest iteration."""
        latest = self.latest
        self._send(lambda: self._go_to(min(self._position + iterations, latest)))

    def reset(self) -> None:
        """Begin again, each run from the same start with its present hyperparameters."""

        def order() -> None:
            self._go_to(0)
            self._reset = True

        for runner in self._lineup.runners:
            runner.unstick()
        self._send(order)

    def look(self) -> None:
        """See what has changed in the lineup and its runs."""
        with self._wake:
            self._is_shown = self.is_idle = False
            self._wake.notify_all()
            self._start()

    def close(self) -> None:
        """Stop as soon as the run at work gives control back."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()

    def _send(self, order: Callable[[], None]) -> None:
        with self._wake:
            self._resting = False
            self.complaint = ""
            order()
            self._has_order, self.is_idle = True, False
            self._wake.notify_all()
            self._start()

    def _go_to(self, iteration: int) -> None:
        """Have all runs brought to an iteration; for orders, which hold the lock."""
        self._turn += 1
        self._retraced = 0
        self._position = max(0, iteration)
        self._goal.stop(self._position)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="lockstep", daemon=True)
            self._thread.start()

    # In its own thread

    def _live(self) -> None:
        while not self._closed:
            started = time.monotonic()
            plan = self._take_orders()
            try:
                if not self._move(plan):
                    self._rest(plan)
                    continue
            except _GoneError:  # a run was removed, or gave up: the others go on
                continue
            except BaseException as error:  # such as a plugin's array that can't be read any more
                self._stop_short(error)
                continue
            self._publish()
            if self._goal.iteration > self._position:
                took = time.monotonic() - started
                pace = None if self._position < self._retraced else plan.pace
                self._wait(PAUSE_SECONDS if pace is None else max(0.0, 1 / pace - took))

    def _stop_short(self, error: BaseException) -> None:
        """Say what went wrong and do nothing more until the next order."""
        self.complaint = f"lock-step: {describe_error(error)}"
        with self._wake:
            self._goal.stop(self._position)
            self._resting = True
            self.is_idle = not self._has_order
        self._on_idle()
        with self._wake:
            self._wake.wait_for(lambda: self._has_order or self._closed)

    def _take_orders(self) -> _Plan:
        """Take what the orders ask for now; later ones are for the next time."""
        with self._wake:
            self._has_order, self._is_shown = False, True
            lineup = self._lineup
            plan = _Plan(
                self._turn,
                self._position,
                self._goal.iteration,
                None if self._position < self._retraced else self._goal.pace,
                self._resting,
                self._reset,
                lineup.runners,
                tuple(
                    r
                    for r in lineup.runners
                    if r.snapshot.iteration >= 0 and not r.is_stuck(STALL_SECONDS)
                ),
                lineup.reference,
            )
            self._reset = False
        self._comparator.follow(plan.reference, plan.runners)
        if plan.reset:
            self._comparator.forget()
        return plan

    def _rest(self, plan: _Plan) -> None:
        """Publish where all runs are, and wait for an order."""
        with self._wake:
            if self._has_order or not self._is_shown:
                return
            self.complaint = self._goal.complaint(self._position) or self.complaint
            self._goal.stop(self._position)
            self._rate = None
        self._snapshots = {runner: runner.snapshot for runner in plan.runners}
        self._comparator.look(plan.position, plan.runners)
        self._publish()
        with self._wake:
            self.is_idle = self._is_shown and not self._has_order
        if self.is_idle:
            self._on_idle()
        with self._wake:
            self._wake.wait_for(lambda: self._has_order or not self._is_shown or self._closed)

    def _wait(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._has_order or self._closed, seconds)

    def _move(self, plan: _Plan) -> bool:
        """Do the next small piece of work. Returns False if all runs are where they are to be."""
        if plan.reset:
            for runner in plan.runners:
                runner.reset()  # one that could not be loaded tries again
            for runner in plan.loaded:
                self._snapshots[runner] = self._ask(runner, Run.snapshot)
            return True
        if plan.resting:
            return False
        late = [runner for runner in plan.loaded if not self._is_in_place(runner, plan)]
        if late:
            if plan.position > RETRACE or not any(map(_is_fresh, late)):
                self._bring(late, plan)
            else:
                self._retrace(plan)
            return True
        if plan.goal > plan.position and any(can_go_on(r.snapshot) for r in plan.loaded):
            self._go(plan)
            return True
        return False

    def _is_in_place(self, runner: Runner, plan: _Plan) -> bool:
        """Whether a run is where it is to be, or as near as it can come."""
        run, (turn, unreachable) = runner.snapshot, self._unreachable
        if run.iteration == plan.position:
            return True
        if run.status is Status.FAILED and turn == plan.turn and runner in unreachable:
            return True
        return run.iteration < plan.position and not can_go_on(run)

    def _retrace(self, plan: _Plan) -> None:
        """Go all the way again, so that a new run is compared from its first iteration on."""
        with self._wake:
            if self._turn == plan.turn:
                goal = replace(self._goal, iteration=max(self._goal.iteration, plan.position))
                self._go_to(0)
                self._retraced = plan.position
                self._goal = goal

    def _bring(self, late: Sequence[Runner], plan: _Plan) -> None:
        """Bring runs that are elsewhere nearer to where all are to be."""
        self._chunks.reset()
        self._comparator.now.clear()
        if self._unreachable[0] != plan.turn:
            self._unreachable = plan.turn, set()
        for runner in late:
            run = self._ask(runner, partial(reach, iteration=plan.position))
            self._snapshots[runner] = run
            if run.status is Status.FAILED:
                self._unreachable[1].add(runner)

    def _go(self, plan: _Plan) -> None:
        """Move all runs by the same number of steps, comparing each with the reference."""
        started = time.monotonic()
        size = 1 if plan.pace is not None else self._chunks.size
        count = min(size, plan.goal - plan.position)
        self._comparator.depart(plan.position, plan.runners)
        going = [runner for runner in plan.loaded if not has_stopped(runner.snapshot)]
        for runner in set(plan.loaded) - set(going):
            self._snapshots[runner] = runner.snapshot
        models: list[Iteration | None] = []
        busy = 0.0
        if plan.reference in going:
            count = min(count, _most_models(plan.reference.snapshot))
            leading = partial(lead, start=plan.position, count=count)
            models, self._snapshots[plan.reference], busy = self._ask(plan.reference, leading)
            count = len(models) or count
        differences: dict[Runner, Floats] = {}
        for runner in going:
            if runner is not plan.reference:
                following = partial(follow, start=plan.position, count=count, models=models)
                rows, self._snapshots[runner], seconds = self._ask(runner, following)
                busy += seconds
                reference = self._snapshots.get(plan.reference, plan.reference.snapshot)
                runs = self._snapshots[runner], reference
                differences[runner] = self._comparator.record(runner, runs, plan.position, rows)
        reached = self._common_end(plan, count)
        for runner in going:
            if self._snapshots[runner].iteration > reached:  # while another one was slow
                returning = partial(reach, iteration=reached)
                self._snapshots[runner] = self._ask(runner, returning)
        taken = reached - plan.position
        self._comparator.now = {
            runner: MaxDifference(reached, *rows[taken - 1].tolist())
            for runner, rows in differences.items()
            if 0 < taken <= len(rows)
        }
        with self._wake:
            if self._turn == plan.turn:
                self._position = reached
                self._goal.iteration = max(self._goal.iteration, reached)
        self._measure(plan, taken, time.monotonic() - started)
        if plan.pace is None:
            # Without the time that runs wait for each other, lest a busy machine has short chunks.
            self._chunks.after(busy, taken)
        else:
            self._chunks.reset()

    def _common_end(self, plan: _Plan, count: int) -> int:
        """Find the iteration that all runs reached that can go on; if none can, the last one's."""
        runs = [self._snapshots[runner] for runner in plan.loaded]
        going = [run.iteration for run in runs if can_go_on(run)]
        if going:
            return max(plan.position, min(plan.position + count, *going))
        stopped = [run.iteration for run in runs]
        return max(plan.position, min(plan.position + count, max(stopped)))

    def _measure(self, plan: _Plan, taken: int, seconds: float) -> None:
        """Average the speed over the last chunks."""
        latest = taken / max(seconds + PAUSE_SECONDS, 1 / plan.pace if plan.pace else 1e-9)
        self._rate = latest if self._rate is None else 0.8 * self._rate + 0.2 * latest

    def _ask(self, runner: Runner, work: Callable[[Run], Result]) -> Result:
        """Have a run's thread do some work. _GoneError if there is no such run any more."""
        future: Future[Result] = runner.call(work)
        future.add_done_callback(self._wake_up)
        with self._wake:
            # A timeout, since a run that gives up does not say so to us.
            while not future.done():
                if self._closed or not runner.started or runner not in self._lineup.runners:
                    raise _GoneError
                if runner.is_stuck(STALL_SECONDS):  # the others go on without it
                    raise _GoneError
                self._wake.wait(0.1)
        try:
            return future.result()
        except BaseException:  # its runner tells it
            raise _GoneError from None

    def _wake_up(self, _: object) -> None:
        with self._wake:
            self._wake.notify_all()

    def _publish(self) -> None:
        snapshots = {r: self._snapshots.get(r, r.snapshot) for r in self._lineup.runners}
        comparator, position = self._comparator, self._position
        training = self._goal.iteration > position
        self._frame = Frame(
            position, snapshots, dict(comparator.now), comparator.drifts, training, self._rate
        )


class _GoneError(Exception):
    """A run that something was asked of is no longer there."""


def _is_fresh(runner: Runner) -> bool:
    """Whether a run has never taken a step."""
    return runner.snapshot.latest == 0


def _most_models(reference: Snapshot) -> int:
    """Compute how many models of the reference fit into the memory of a chunk; at least one."""
    model = reference.model
    assert model is not None  # it is loaded
    size = memory((model.probabilities, model.weights, model.gradient, model.state))
    return max(1, CHUNK_BYTES // size)
