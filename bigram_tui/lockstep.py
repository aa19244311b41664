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
import numpy.typing as npt

from bigram_tui.backend import Iteration
from bigram_tui.comparison import compare, distances
from bigram_tui.lineup import Lineup
from bigram_tui.run import Run
from bigram_tui.runner import Runner
from bigram_tui.snapshot import Snapshot, Status
from bigram_tui.timeline import NLL, Rows

LEG_SECONDS = 0.02
"""About how long the runs move before new orders are looked at and a frame is published."""
LEG_BYTES = 32 * 2**20
"""The most memory for the reference's models of one leg."""
LONGEST_LEG = 4096
REACH_SECONDS = 0.05
"""How long one run that lags behind may move alone before orders are looked at."""
PAUSE_SECONDS = 0.0002
"""What other threads get of the interpreter between two legs."""

Floats = npt.NDArray[np.float64]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Farthest:
    """The largest differences of a run from the reference on the way to some iteration."""

    since: int
    """The first iteration at which they were compared."""
    probability: float
    weight: float
    """NaN unless both have weights."""
    nll: float

    @property
    def differences(self) -> tuple[float, float, float]:
        """|ΔP|, |ΔW| and |Δnll|."""
        return self.probability, self.weight, self.nll


@dataclass(frozen=True, eq=False)
class Trail:
    """What two runs had at most between them, from the iteration `start` on."""

    start: int
    farthest: Floats
    """[n, 3]: the running maxima of |ΔP|, |ΔW| and |Δnll|."""

    def up_to(self, iteration: int) -> Farthest | None:
        """The largest differences up to an iteration; None before the first comparison."""
        place = min(iteration - self.start, len(self.farthest) - 1)
        if place < 0:
            return None
        return Farthest(self.start, *self.farthest[place].tolist())


@dataclass(frozen=True, eq=False)
class Frame:
    """All runs at one moment of their way together."""

    position: int = 0
    """The iteration at which they are, or to which they are being brought."""
    snapshots: Mapping[Runner, Snapshot] = field(default_factory=dict)
    now: Mapping[Runner, Farthest] = field(default_factory=dict)
    """How far each run is from the reference here; none where they can't be compared."""
    trails: Mapping[Runner, Trail] = field(default_factory=dict)
    """How far each was at most on the way."""
    training: bool = False
    rate: float | None = None
    """Iterations per second, each of all runs, while training."""


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
        self._news = False  # an order that was not looked at
        self._seen = True  # whether the frame shows all that has changed
        self._resting = True  # nothing is to be moved until the next order
        self._turn = 0  # counts the orders that move all runs elsewhere
        self._position = 0
        self._goal = 0.0
        self._pace: float | None = None
        self._rate: float | None = None
        self._leg = 1  # iterations
        self._reset = False
        self._trails: dict[Runner, _GrowingTrail] = {}
        self._now: dict[Runner, Farthest] = {}
        self._snapshots: dict[Runner, Snapshot] = {}
        self._frame = Frame()
        self.is_idle = True
        """Whether all is where it is to be."""

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
            self._goal = self._position

        self._send(order)

    def seek(self, iteration: int) -> None:
        """Stop and bring all runs to an iteration; beyond a run's end the run goes on to it."""

        def order() -> None:
            self._turn += 1
            self._position = max(0, iteration)
            self._goal = self._position

        self._send(order)

    def reset(self) -> None:
        """Begin again, each run from the same start with its present hyperparameters."""

        def order() -> None:
            self._turn += 1
            self._position, self._goal, self._reset = 0, 0, True

        self._send(order)

    def look(self) -> None:
        """See what has changed in the lineup and its runs."""
        with self._wake:
            self._seen = self.is_idle = False
            self._wake.notify_all()
            self._start()

    def forget(self, runner: Runner) -> None:
        """Begin the trail of a run anew, since its hyperparameters or the reference changed."""

        def order() -> None:
            if runner is self._lineup.reference:
                self._trails.clear()
            self._trails.pop(runner, None)

        self._send(order, moves=False)

    def close(self) -> None:
        """Stop as soon as the run at work gives control back."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()

    def _send(self, order: Callable[[], None], *, moves: bool = True) -> None:
        with self._wake:
            if moves:
                self._resting = False
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
            self._news = False
            started = time.monotonic()
            try:
                moved = self._move()
            except _GoneError:  # a run was removed, or gave up: the others go on
                continue
            if not moved:
                self._rest()
                continue
            self._publish(self._snapshots)
            if self._goal > self._position:
                pace = self._pace
                took = time.monotonic() - started
                self._wait(PAUSE_SECONDS if pace is None else max(0.0, 1 / pace - took))

    def _rest(self) -> None:
        """Publish how all stand, and wait for an order."""
        with self._wake:
            self._goal, self._rate, self._seen = self._position, None, True
        self._snapshots = {runner: runner.snapshot for runner in self._lineup.runners}
        self._compare_here(again=True)
        self._publish(self._snapshots)
        with self._wake:
            self.is_idle = self._seen and not self._news
        if self.is_idle:
            self._on_idle()
        with self._wake:
            self._wake.wait_for(lambda: self._news or not self._seen or self._closed)

    def _wait(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._news or self._closed, seconds)

    def _move(self) -> bool:
        """Do the next small piece of work; False if all is where it is to be."""
        if self._resting:
            return False
        runners = [runner for runner in self._lineup.runners if runner.snapshot.iteration >= 0]
        if self._reset:
            self._reset = False
            self._trails.clear()
            for runner in self._lineup.runners:
                runner.reset()  # one that could not be loaded tries again
            for runner in runners:
                self._snapshots[runner] = self._ask(runner, Run.snapshot)
            return True
        late = [runner for runner in runners if not self._is_in_place(runner.snapshot)]
        for runner in late:
            reach = partial(_reach, iteration=self._position)
            self._snapshots[runner] = self._ask(runner, reach)
        if late:
            self._leg = 1
            self._now.clear()
            return True
        if self._goal > self._position and any(can_go_on(runner.snapshot) for runner in runners):
            self._go(runners)
            return True
        return False

    def _is_in_place(self, run: Snapshot) -> bool:
        """Whether a run is where it is to be, or as near as it can come."""
        return run.iteration == self._position or (
            run.iteration < self._position and not can_go_on(run)
        )

    def _go(self, runners: Sequence[Runner]) -> None:
        """Move all runs by the same number of iterations, comparing each with the reference."""
        with self._wake:
            turn, start = self._turn, self._position
            count = int(min(self._leg, self._goal - start)) if self._pace is None else 1
        started = time.monotonic()
        self._compare_here(again=False)
        reference = self._lineup.reference
        model = reference.snapshot.model
        models: list[Iteration | None] = []
        if reference in runners and model is not None:
            size = 16 * math.prod(model.probabilities.shape)
            count = min(count, max(1, LEG_BYTES // size))
            models, self._snapshots[reference] = self._ask(reference, partial(_lead, count=count))
        for runner in runners:
            if runner is not reference:
                follow = partial(_follow, count=count, models=models)
                apart, self._snapshots[runner] = self._ask(runner, follow)
                self._note(runner, start, count, apart)
        with self._wake:
            if self._turn == turn:
                self._position = start + count
                self._goal = max(self._goal, self._position)
        self._judge(count, time.monotonic() - started)

    def _judge(self, count: int, seconds: float) -> None:
        """Find out how fast it goes, and how long the next leg should be."""
        pace = self._pace
        latest = count / max(seconds + PAUSE_SECONDS, 1 / pace if pace else 1e-9)
        self._rate = latest if self._rate is None else 0.8 * self._rate + 0.2 * latest
        if pace is not None:
            self._leg = 1
        elif seconds < LEG_SECONDS / 2:
            self._leg = min(2 * self._leg, LONGEST_LEG)
        elif seconds > 2 * LEG_SECONDS:
            self._leg = max(1, self._leg // 2)

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

    def _publish(self, snapshots: Mapping[Runner, Snapshot]) -> None:
        trails = {runner: trail.view() for runner, trail in list(self._trails.items())}
        training = self._goal > self._position
        self._frame = Frame(
            self._position, dict(snapshots), dict(self._now), trails, training, self._rate
        )

    # Comparing with the reference

    def _compare_here(self, *, again: bool) -> None:
        """Compare at this iteration; if not `again`, only those whose trails begin here."""
        reference = self._lineup.reference
        if again:
            self._now.clear()
        for runner in self._lineup.runners:
            trail = self._trails.get(runner)
            known = trail is not None and trail.start <= self._position <= trail.end
            pair = runner.snapshot, reference.snapshot
            if runner is reference or (known and not again) or not are_comparable(*pair):
                continue
            found = compare(*pair)
            weight = math.nan if found.max_abs_weight is None else found.max_abs_weight
            here = found.max_abs_probability, weight, found.max_abs_nll
            self._now[runner] = Farthest(self._position, *here)
            if not known:
                self._trails[runner] = _GrowingTrail(self._position, here)

    def _note(self, runner: Runner, start: int, count: int, apart: Floats) -> None:
        """Add what a leg of `count` iterations has shown. apart: [n, 2], |ΔP| and |ΔW|."""
        self._now.pop(runner, None)
        trail = self._trails.get(runner)
        if trail is None or not len(apart):
            return
        runs = self._snapshots[runner], self._snapshots[self._lineup.reference]
        own, its = (_losses_after(run, start, len(apart)) for run in runs)
        differences = np.column_stack([apart, np.abs(own - its)])
        trail.extend(start, differences)
        if len(apart) == count:
            self._now[runner] = Farthest(start + count, *differences[-1].tolist())


class _GoneError(Exception):
    """A run of which something was wanted is no longer there."""


class _GrowingTrail:
    """A trail that goes on."""

    def __init__(self, start: int, here: tuple[float, float, float]) -> None:
        self.start = start
        self._rows = Rows(3)
        self._rows.append(*here)

    @property
    def end(self) -> int:
        """The last iteration that was compared."""
        return self.start + len(self._rows) - 1

    def extend(self, iteration: int, differences: Floats) -> None:
        """What came after an iteration. differences: [n, 3]."""
        self._rows.truncate(iteration - self.start + 1)
        before = self._rows.row(len(self._rows) - 1)
        self._rows.extend(np.fmax.accumulate(np.vstack([before, differences]), axis=0)[1:])

    def view(self) -> Trail:
        return Trail(self.start, self._rows.view())


def can_go_on(run: Snapshot) -> bool:
    """Whether a run has an iteration after the one that it is at."""
    if run.status in (Status.FAILED, Status.LOADING):
        return False
    return run.status is Status.READY or run.iteration < run.latest


def are_comparable(a: Snapshot, b: Snapshot) -> bool:
    """Whether two runs are at one iteration, where one that has finished is at all later ones."""
    if a.status in (Status.FAILED, Status.DIVERGED) or b.status in (Status.FAILED, Status.DIVERGED):
        return False
    if a.model is None or b.model is None:
        return False
    first, second = sorted((a, b), key=lambda run: run.iteration)
    return first.iteration == second.iteration or first.status is Status.FINISHED


def _reach(run: Run, iteration: int) -> Snapshot:
    """Bring a run nearer to an iteration, for some time at most."""
    if iteration <= run.latest:
        run.seek(iteration)
    limit = time.monotonic() + REACH_SECONDS
    while run.iteration < iteration and run.status is Status.READY and time.monotonic() < limit:
        run.advance()
    return run.snapshot()


def _lead(run: Run, count: int) -> tuple[list[Iteration | None], Snapshot]:
    """Move the reference: its model after each iteration, None where it has none any more."""
    return [_next(run) for _ in range(count)], run.snapshot()


def _follow(run: Run, count: int, models: Sequence[Iteration | None]) -> tuple[Floats, Snapshot]:
    """Move another run: [n, 2], its |ΔP| and |ΔW| from the reference after each iteration.

    n is less than `count` if one of them has diverged or failed.
    """
    apart: list[tuple[float, float]] = []
    for k in range(count):
        model = _next(run)
        other = models[k] if k < len(models) else None
        if model is not None and other is not None and len(apart) == k:
            apart.append(distances(model, other))
    return np.array(apart, dtype=np.float64).reshape(-1, 2), run.snapshot()


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
