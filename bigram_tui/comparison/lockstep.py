"""Moves the runs of a comparison together, and holds each against the reference on the way."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from bigram_tui.backend import Iteration
from bigram_tui.comparison.difference import compare, distances
from bigram_tui.comparison.drift import Drift, DriftRecorder, Floats, MaxDifference
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.errors import one_line
from bigram_tui.training.run import Run
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.training.timeline import NLL, memory

CHUNK_SECONDS = 0.03
"""About how long the runs move before new orders are looked at and a frame is published."""
CHUNK_BYTES = 32 * 2**20
"""The most memory for the reference's models of one chunk."""
LONGEST_CHUNK = 4096
RETRACE = 10_000
"""How many iterations all go again together when a run joins them that has yet to begin."""
FOLLOW_SECONDS = 0.1
"""How long one run may take for a chunk, before all go on from where it is."""
REACH_SECONDS = 0.05
"""How long one run that lags behind may move alone before orders are looked at."""
PAUSE_SECONDS = 0.0002
"""What other threads get of the interpreter between two chunks."""

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Frame:
    """All runs at one moment of their way together."""

    position: int = 0
    """The iteration at which they are, or to which they are being brought."""
    snapshots: Mapping[Runner, Snapshot] = field(default_factory=dict)
    now: Mapping[Runner, MaxDifference] = field(default_factory=dict)
    """How far each run is from the reference here; none where they can't be compared."""
    drifts: Mapping[Runner, Drift] = field(default_factory=dict)
    """How far each was at most on the way."""
    training: bool = False
    """Whether they are to go on from here."""
    rate: float | None = None
    """Iterations per second, each of all runs, while training."""


@dataclass(frozen=True)
class _Plan:
    """What was wanted when it was last looked at."""

    turn: int
    position: int
    goal: float
    pace: float | None
    resting: bool
    reset: bool
    runners: tuple[Runner, ...]
    loaded: tuple[Runner, ...]
    """Those that have a model."""
    reference: Runner


class Lockstep:
    """Brings all runs of a lineup to one iteration and moves them on from there together.

    Its thread gives orders to the runs' own and waits for them; what it gets is published as
    frames whose snapshots belong together. A run that has finished, diverged or failed stays where
    it is, and the others go on; one that is loaded later, or was elsewhere, is brought along.
    """

    def __init__(self, lineup: Lineup, on_idle: Callable[[], object] = lambda: None) -> None:
        """on_idle: called in the thread whenever all is where it is to be."""
        self._lineup = lineup
        self._on_idle = on_idle
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        # What is wanted. Whoever changes it holds the lock.
        self._turn = 0  # counts the orders that bring all runs elsewhere
        self._position = 0
        self._goal = 0.0
        self._pace: float | None = None
        self._known = 0  # up to where the way is gone again, at full speed
        self._resting = True  # nothing is to be moved until the next order
        self._reset = False
        self._news = False  # an order that was not looked at
        self._seen = True  # whether the frame shows all that has changed
        # What the thread knows.
        self._chunk = 1  # iterations
        self._rate: float | None = None
        self._unreachable: tuple[int, set[Runner]] = 0, set()  # which failed to come, in which turn
        self._held_against: Runner | None = None
        self._snapshots: dict[Runner, Snapshot] = {}
        self._now: dict[Runner, MaxDifference] = {}
        self._drifts: dict[Runner, DriftRecorder] = {}
        self._frame = Frame()
        self.is_idle = True
        """Whether all is where it is to be."""
        self.complaint = ""
        """What went wrong at the last order, if anything did."""

    # Called from any thread

    @property
    def frame(self) -> Frame:
        """The newest state of all runs together."""
        return self._frame

    def step(self, iterations: int) -> None:
        """Take some iterations, beyond those that are still to be taken."""

        def order() -> None:
            pending = self._goal if math.isfinite(self._goal) else self._position
            self._goal, self._pace = max(pending, self._position) + iterations, None

        self._send(order)

    def train(self, pace: float | None = None) -> None:
        """Go on until paused. pace: iterations per second; as fast as possible if None."""

        def order() -> None:
            self._goal, self._pace = math.inf, pace

        self._send(order)

    def pause(self) -> None:
        """Stop; a second time, or if nothing is training, also those that are brought along."""

        def order() -> None:
            self._resting = self._goal <= self._position
            self._goal = max(self._position, self._known)  # first where it was, if that is ahead

        self._send(order)

    def seek(self, iteration: int) -> None:
        """Stop and bring all runs to an iteration; beyond a run's end the run goes on to it."""

        def order() -> None:
            self._turn += 1
            self._known = 0
            self._position = max(0, iteration)
            self._goal = self._position

        self._send(order)

    def shift(self, iterations: int, last: int) -> None:
        """Stop and bring all runs on by some iterations, or back; from 0 to the last one."""

        def order() -> None:
            self._turn += 1
            self._known = 0
            self._position = max(0, min(self._position + iterations, last))
            self._goal = self._position

        self._send(order)

    def reset(self) -> None:
        """Begin again, each run from the same start with its present hyperparameters."""

        def order() -> None:
            self._turn += 1
            self._known = 0
            self._position, self._goal, self._reset = 0, 0, True

        self._send(order)

    def look(self) -> None:
        """See what has changed in the lineup and its runs."""
        with self._wake:
            self._seen = self.is_idle = False
            self._wake.notify_all()
            self._start()

    def close(self) -> None:
        """Stop as soon as the run at work gives control back."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()

    def _send(self, order: Callable[[], None], *, moves: bool = True) -> None:
        with self._wake:
            if moves:
                self._resting = False
                self.complaint = ""
            order()
            self._news, self.is_idle = True, False
            self._wake.notify_all()
            self._start()

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
            except Exception as error:  # such as a plugin's array that can't be read any more
                self._stop_short(error)
                continue
            self._publish()
            if self._goal > self._position:
                took = time.monotonic() - started
                pace = None if self._position < self._known else plan.pace
                self._wait(PAUSE_SECONDS if pace is None else max(0.0, 1 / pace - took))

    def _stop_short(self, error: Exception) -> None:
        """Say what went wrong and do nothing more until the next order."""
        self.complaint = one_line(f"lock-step: {type(error).__name__}: {error}")
        with self._wake:
            self._goal, self._resting = self._position, True
            self.is_idle = not self._news
        self._on_idle()
        with self._wake:
            self._wake.wait_for(lambda: self._news or self._closed)

    def _take_orders(self) -> _Plan:
        """What is wanted now; whatever is wanted later is for the next time."""
        with self._wake:
            self._news, self._seen = False, True
            lineup = self._lineup
            plan = _Plan(
                self._turn,
                self._position,
                self._goal,
                None if self._position < self._known else self._pace,
                self._resting,
                self._reset,
                lineup.runners,
                tuple(r for r in lineup.runners if r.snapshot.iteration >= 0),
                lineup.reference,
            )
            self._reset = False
        if plan.reset or plan.reference is not self._held_against:
            self._drifts.clear()
            self._now.clear()
        for runner in self._drifts.keys() - set(plan.runners):
            del self._drifts[runner]
            self._now.pop(runner, None)
        self._held_against = plan.reference
        return plan

    def _rest(self, plan: _Plan) -> None:
        """Publish how all stand, and wait for an order."""
        with self._wake:
            if self._news or not self._seen:
                return
            self._goal, self._rate = self._position, None
        self._snapshots = {runner: runner.snapshot for runner in plan.runners}
        self._compare_here(plan, moving=False)
        self._publish()
        with self._wake:
            self.is_idle = self._seen and not self._news
        if self.is_idle:
            self._on_idle()
        with self._wake:
            self._wake.wait_for(lambda: self._news or not self._seen or self._closed)

    def _wait(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._news or self._closed, seconds)

    def _move(self, plan: _Plan) -> bool:
        """Do the next small piece of work; False if all is where it is to be."""
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
                self._turn += 1
                self._known = plan.position
                self._position, self._goal = 0, max(self._goal, plan.position)

    def _bring(self, late: Sequence[Runner], plan: _Plan) -> None:
        self._chunk = 1
        self._now.clear()
        if self._unreachable[0] != plan.turn:
            self._unreachable = plan.turn, set()
        for runner in late:
            run = self._ask(runner, partial(_reach, iteration=plan.position))
            self._snapshots[runner] = run
            if run.status is Status.FAILED:
                self._unreachable[1].add(runner)

    def _go(self, plan: _Plan) -> None:
        """Move all runs by the same number of iterations, comparing each with the reference."""
        started = time.monotonic()
        count = 1 if plan.pace is not None else int(min(self._chunk, plan.goal - plan.position))
        self._compare_here(plan, moving=True)
        going = [runner for runner in plan.loaded if not _has_stopped(runner.snapshot)]
        for runner in set(plan.loaded) - set(going):
            self._snapshots[runner] = runner.snapshot
        models: list[Iteration | None] = []
        busy = 0.0
        if plan.reference in going:
            model = plan.reference.snapshot.model
            assert model is not None  # it is loaded
            size = memory((model.probabilities, model.weights, model.gradient, model.state))
            count = min(count, max(1, CHUNK_BYTES // size))
            lead = partial(_lead, start=plan.position, count=count)
            models, self._snapshots[plan.reference], busy = self._ask(plan.reference, lead)
            count = len(models) or count
        differences: dict[Runner, Floats] = {}
        for runner in going:
            if runner is not plan.reference:
                follow = partial(_follow, start=plan.position, count=count, models=models)
                apart, self._snapshots[runner], seconds = self._ask(runner, follow)
                busy += seconds
                differences[runner] = self._note(runner, plan, apart)
        reached = self._common_end(plan, count)
        for runner in going:
            if self._snapshots[runner].iteration > reached:  # while another one was slow
                back = partial(_reach, iteration=reached)
                self._snapshots[runner] = self._ask(runner, back)
        self._now = {
            runner: MaxDifference(reached, *rows[reached - plan.position - 1].tolist())
            for runner, rows in differences.items()
            if 0 < reached - plan.position <= len(rows)
        }
        with self._wake:
            if self._turn == plan.turn:
                self._position = reached
                self._goal = max(self._goal, self._position)
        self._measure(plan, reached - plan.position, time.monotonic() - started)
        self._choose_chunk(plan, reached - plan.position, count, busy)

    def _common_end(self, plan: _Plan, count: int) -> int:
        """Up to where all came that can go on; if none can, up to where the last one came."""
        runs = [self._snapshots[runner] for runner in plan.loaded]
        going = [run.iteration for run in runs if can_go_on(run)]
        if going:
            return max(plan.position, min(plan.position + count, *going))
        stopped = [run.iteration for run in runs]
        return max(plan.position, min(plan.position + count, max(stopped)))

    def _measure(self, plan: _Plan, moved: int, seconds: float) -> None:
        """Find out how fast it goes."""
        latest = moved / max(seconds + PAUSE_SECONDS, 1 / plan.pace if plan.pace else 1e-9)
        self._rate = latest if self._rate is None else 0.8 * self._rate + 0.2 * latest

    def _choose_chunk(self, plan: _Plan, moved: int, count: int, busy: float) -> None:
        """Find out how long the next chunk should be. busy: seconds of the runs' own work.

        What they had to wait for each other does not count, lest a busy machine has short chunks.
        """
        if plan.pace is not None:
            self._chunk = 1
        elif moved == count and busy < CHUNK_SECONDS / 2:
            self._chunk = min(2 * self._chunk, LONGEST_CHUNK)
        elif busy > 2 * CHUNK_SECONDS:
            self._chunk = max(1, min(self._chunk // 2, moved))

    def _ask(self, runner: Runner, work: Callable[[Run], Result]) -> Result:
        """What a run's thread makes of some work. _GoneError if there is no such run any more."""
        future: Future[Result] = runner.call(work)
        future.add_done_callback(self._hear)
        with self._wake:
            # A timeout, since a run that gives up does not say so to us.
            while not future.done():
                if self._closed or not runner.started or runner not in self._lineup.runners:
                    raise _GoneError
                self._wake.wait(0.1)
        try:
            return future.result()
        except Exception as error:  # its runner tells it
            raise _GoneError from error

    def _hear(self, _: object) -> None:
        with self._wake:
            self._wake.notify_all()

    def _publish(self) -> None:
        snapshots = {r: self._snapshots.get(r, r.snapshot) for r in self._lineup.runners}
        drifts = {runner: drift.view() for runner, drift in self._drifts.items()}
        training = self._goal > self._position
        self._frame = Frame(
            self._position, snapshots, dict(self._now), drifts, training, self._rate
        )

    # Comparing with the reference

    def _compare_here(self, plan: _Plan, *, moving: bool) -> None:
        """Compare all at this iteration; if they are to go on, only those whose drifts begin here.

        Who only looks keeps the drifts as they are.
        """
        position, reference = plan.position, plan.reference.snapshot
        if not moving:
            self._now.clear()
        for runner in plan.runners:
            run = runner.snapshot
            drift = self._drift(runner, (run, reference))
            covered = drift is not None and drift.start <= position <= drift.end
            if runner is plan.reference or (covered and moving):
                continue
            if not (stands_at(run, position) and stands_at(reference, position)):
                continue
            found = compare(run, reference)
            weight = math.nan if found.max_abs_weight is None else found.max_abs_weight
            here = found.max_abs_probability, weight, found.max_abs_nll
            self._now[runner] = MaxDifference(position, *here)
            if drift is None or (moving and not covered):
                self._drifts[runner] = DriftRecorder(position, here, (run, reference))

    def _drift(self, runner: Runner, runs: tuple[Snapshot, Snapshot]) -> DriftRecorder | None:
        """The drift of a run, without what was left when hyperparameters were changed."""
        drift = self._drifts.get(runner)
        if drift is not None:
            drift.follow(runs)
            if not len(drift):
                del self._drifts[runner]
        return self._drifts.get(runner)

    def _note(self, runner: Runner, plan: _Plan, apart: Floats) -> Floats:
        """Add what a chunk has shown to a run's drift. apart: [n, 2], |ΔP| and |ΔW|.

        Returns them with |Δnll|, [n, 3].
        """
        if not len(apart):
            return np.empty((0, 3))
        runs = self._snapshots[runner], self._snapshots[plan.reference]
        own, its = (_losses_after(run, plan.position, len(apart)) for run in runs)
        differences = np.column_stack([apart, np.abs(own - its)])
        drift = self._drift(runner, runs)
        if drift is not None:
            drift.extend(plan.position, differences)
        return differences


class _GoneError(Exception):
    """A run of which something was wanted is no longer there."""


def can_go_on(run: Snapshot) -> bool:
    """Whether a run has an iteration after the one that it is at."""
    if run.status in (Status.FAILED, Status.LOADING):
        return False
    return run.status is Status.READY or run.iteration < run.latest


def _has_stopped(run: Snapshot) -> bool:
    """Whether a run can't go on though it has not learnt all."""
    return run.status in (Status.FAILED, Status.DIVERGED) and not can_go_on(run)


def stands_at(run: Snapshot, iteration: int) -> bool:
    """Whether a run has a sound model of an iteration; a last one is that of all later ones."""
    if run.status in (Status.FAILED, Status.DIVERGED) or run.model is None:
        return False
    finished = run.status is Status.FINISHED and run.iteration == run.latest
    return run.iteration == iteration or (finished and run.iteration < iteration)


def _is_fresh(runner: Runner) -> bool:
    """Whether a run was never moved yet."""
    return runner.snapshot.latest == 0


def _reach(run: Run, iteration: int) -> Snapshot:
    """Bring a run nearer to an iteration, for some time at most."""
    if iteration <= run.latest:
        run.seek(iteration)
    limit = time.monotonic() + REACH_SECONDS
    while run.iteration < iteration and run.status is Status.READY and time.monotonic() < limit:
        run.advance()
    return run.snapshot()


def _lead(run: Run, start: int, count: int) -> tuple[list[Iteration | None], Snapshot, float]:
    """Move the reference from an iteration on: its model after each one that it had time for.

    None where it has none any more; no models if it was not there. Also the seconds it took.
    """
    models: list[Iteration | None] = []
    started = time.perf_counter()
    if run.iteration == start or not can_go_on(run.snapshot()):
        while len(models) < count and not (models and _has_taken(started, FOLLOW_SECONDS)):
            models.append(_next(run))
    return models, run.snapshot(), time.perf_counter() - started


def _follow(
    run: Run, start: int, count: int, models: Sequence[Iteration | None]
) -> tuple[Floats, Snapshot, float]:
    """Move another run: [n, 2], its |ΔP| and |ΔW| from the reference after each iteration.

    n is less than `count` if one of them has diverged or failed, or if this one is slow. Also the
    seconds it took.
    """
    apart: list[tuple[float, float]] = []
    started = time.perf_counter()
    if run.iteration == start or not can_go_on(run.snapshot()):
        for k in range(count):
            model = _next(run)
            other = models[k] if k < len(models) else None
            if model is not None and other is not None and len(apart) == k:
                apart.append(distances(model, other))
            if _has_taken(started, FOLLOW_SECONDS):
                break
    rows = np.array(apart, dtype=np.float64).reshape(-1, 2)
    return rows, run.snapshot(), time.perf_counter() - started


def _has_taken(started: float, seconds: float) -> bool:
    return time.perf_counter() - started > seconds


def _next(run: Run) -> Iteration | None:
    """The model after one more iteration, or the last one of a run that has finished."""
    if run.status is not Status.FAILED:  # which would try again
        run.advance()
    return None if run.status in (Status.FAILED, Status.DIVERGED) else run.model


def _losses_after(run: Snapshot, iteration: int, count: int) -> Floats:
    """The NLL at each of so many iterations after another one; that of the last for later ones."""
    wanted = np.minimum(np.arange(iteration + 1, iteration + 1 + count), run.latest)
    losses: Floats = run.losses[wanted, NLL]
    return losses
