"""A thread that loads one backend, owns its run, takes orders for it and publishes snapshots."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TypeVar

from bigram_tui.errors import one_line
from bigram_tui.model.arrays import trouble
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot, Status

SLICE_SECONDS = 0.02
"""How long training goes on before new orders are looked at and a snapshot is published."""
PAUSE_SECONDS = 0.0002
"""What other threads get of the interpreter between two slices."""

Command = Callable[[Run], None]
Result = TypeVar("Result")


class Runner:
    """One run in a thread of its own: whatever its backend does, nobody else waits for it."""

    def __init__(
        self, name: str, load: Callable[[], Run], on_idle: Callable[[], object] = lambda: None
    ) -> None:
        """load: makes the run; called in the thread, since importing a backend may take long.

        on_idle: called in the thread too, whenever all orders are carried out.
        """
        self.name = name
        self.snapshot = Snapshot(name)
        """The newest state; replaced, never changed."""
        self.busy_since: float | None = None
        """When the backend was last given work that it has not finished (time.monotonic)."""
        self.complaint = ""
        """Why the last order could not be carried out, if so."""
        self._load = load
        self._on_idle = on_idle
        self._orders: deque[Command] = deque()
        self._wake = threading.Condition()
        self._goal = 0.0
        self._pace: float | None = None
        self._closed = False
        self._rate: float | None = None
        self._thread: threading.Thread | None = None

    # Called from any thread

    @property
    def started(self) -> bool:
        """Whether its backend was wanted yet."""
        return self._thread is not None

    def start(self) -> None:
        """Begin to load; does nothing the second time."""
        if self._thread is None:
            self.busy_since = time.monotonic()
            self.snapshot = Snapshot(self.name)
            self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop as soon as the backend gives control back; a daemon thread holds up nobody."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def join(self, seconds: float) -> bool:
        """Wait until its thread has ended, for some time at most; whether it has."""
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def is_idle(self) -> bool:
        """Whether all orders are done and nothing is training."""
        return not self._orders and self.busy_since is None

    def step(self, iterations: int) -> None:
        """Take some iterations, beyond those that are still to be taken."""

        def order(run: Run) -> None:
            pending = self._goal if math.isfinite(self._goal) else run.iteration
            self._goal, self._pace = max(pending, run.iteration) + iterations, None

        self._send(order)

    def train(self, pace: float | None = None) -> None:
        """Go on until paused. pace: iterations per second; as fast as possible if None."""

        def order(_: Run) -> None:
            self._goal, self._pace = math.inf, pace

        self._send(order)

    def pause(self) -> None:
        """Stop training."""
        self._send(lambda _: None, halt=True)

    def back(self, iterations: int) -> None:
        """Stop training and go back."""
        self._send(lambda run: run.back(iterations), halt=True)

    def seek(self, iteration: int) -> None:
        """Stop training and go to an iteration that was reached before."""
        self._send(lambda run: run.seek(iteration), halt=True)

    def reset(self) -> None:
        """Stop training and begin again from the same start."""
        self._send(lambda run: run.reset(), halt=True)

    def set(self, name: str, value: object) -> None:
        """Change a hyperparameter, in the middle of training too."""
        self._send(lambda run: run.set(name, value))

    def call(self, work: Callable[[Run], Result]) -> "Future[Result]":
        """Stop training and do some work on the run; when it is done, the snapshot shows it.

        The future is never done if the run can't be loaded.
        """
        future: Future[Result] = Future()

        def order(run: Run) -> None:
            try:
                result = work(run)
            except BaseException as error:  # it is told on screen too
                future.set_exception(error)
                raise
            self._goal = run.iteration
            self._publish(run)
            future.set_result(result)

        self._send(order, halt=True)
        return future

    def _send(self, order: Command, *, halt: bool = False) -> None:
        def halting(run: Run) -> None:
            order(run)
            self._goal = run.iteration

        with self._wake:
            self._orders.append(halting if halt else order)
            self._wake.notify()
        self.start()

    # In its own thread

    def _live(self) -> None:
        try:
            self._work(self._load())
        except (Exception, SystemExit) as error:  # of a plugin on import, or a fault of ours
            self._give_up(trouble(error, {}) or one_line(error) or type(error).__name__)

    def _work(self, run: Run) -> None:
        self._goal = run.iteration
        slice_size = 1
        while not self._closed:
            self._carry_out_orders(run)
            ahead = self._goal - run.iteration
            if ahead > 0 and run.status not in (Status.FINISHED, Status.DIVERGED):
                slice_size = self._advance(run, slice_size, ahead)
            else:
                self._wait_for_orders(run)

    def _give_up(self, reason: str) -> None:
        """Say why there is no run; the next order tries to load again."""
        with self._wake:
            self.snapshot = replace(self.snapshot, status=Status.FAILED, message=reason)
            self._orders.clear()
            self._thread = self.busy_since = None
        self._on_idle()

    def _carry_out_orders(self, run: Run) -> None:
        ordered = bool(self._orders)
        while self._orders:
            try:
                self._orders.popleft()(run)
                self.complaint = ""
            except (KeyError, ValueError) as error:  # such as a hyperparameter out of its range
                self.complaint = one_line(error)
        if ordered:
            self._publish(run)

    def _wait_for_orders(self, run: Run) -> None:
        self._goal, self._rate = run.iteration, None
        self._publish(run)
        with self._wake:
            if not self._orders:
                self.busy_since = None
        if self.is_idle:
            self._on_idle()
        with self._wake:
            while not self._orders and not self._closed:
                self._wake.wait()
            self.busy_since = time.monotonic()

    def _publish(self, run: Run) -> None:
        self.snapshot = run.snapshot(training=self._goal > run.iteration, rate=self._rate)

    def _advance(self, run: Run, slice_size: int, ahead: float) -> int:
        """Train for one slice and rest; the size that the next should have."""
        started = self.busy_since = time.monotonic()
        count = int(min(slice_size, ahead)) if self._pace is None else 1
        run.advance(count)
        if run.status is Status.FAILED:
            self._goal = run.iteration
        took = time.monotonic() - started
        self._publish(run)
        self._rest(PAUSE_SECONDS if self._pace is None else max(0.0, 1 / self._pace - took))
        latest = count / (time.monotonic() - started)
        self._rate = latest if self._rate is None else 0.9 * self._rate + 0.1 * latest
        if self._pace is not None:
            return 1  # for full speed, start with small slices again
        if took < SLICE_SECONDS / 2:
            return min(2 * slice_size, 1 << 16)
        return max(1, slice_size // 2) if took > 2 * SLICE_SECONDS else slice_size

    def _rest(self, seconds: float) -> None:
        self.busy_since = time.monotonic()  # resting is not being stuck
        with self._wake:
            if not self._orders and not self._closed:
                self._wake.wait(seconds)
