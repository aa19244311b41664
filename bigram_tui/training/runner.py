"""A thread that loads one backend, owns its run, executes commands and publishes snapshots."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TypeVar

from bigram_tui.cancellation import CancelToken
from bigram_tui.faults import describe_error, safe_text
from bigram_tui.garbage import uncollected_imports
from bigram_tui.training.gpu_errors import gpu_error
from bigram_tui.training.output import OF_RUN, Output
from bigram_tui.training.pacing import SliceSize
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.training.transport import Goal

SLICE_SECONDS = 0.02
"""How long training goes on before commands are looked at and a snapshot is published."""
STUCK_SECONDS = 1.0
"""How long a backend may be busy until `unstick` takes it for stuck."""
PAUSE_SECONDS = 0.0002
"""The time between two slices in which other threads get the interpreter."""

Command = Callable[[Run], None]
Result = TypeVar("Result")


class Runner:
    """One run in a thread of its own: whatever its backend does, nobody else waits for it.

    A Transport: its methods can be called from any thread, and return at once.
    """

    def __init__(
        self, name: str, load: Callable[[], Run], on_idle: Callable[[], object] = lambda: None
    ) -> None:
        """load: makes the run; called in the thread, since importing a backend may take long.

        on_idle: called in the thread too, whenever all commands are executed.
        """
        self.name = name
        self.snapshot = Snapshot(name)
        """The newest state; replaced, never changed."""
        self.busy_since: float | None = None
        """When the backend was last given work that it has not finished (time.monotonic)."""
        self.complaint = ""
        """Why the last command could not be executed, if so."""
        self.output = Output()
        """What its backend prints."""
        self._load = load
        self._on_idle = on_idle
        self._commands: deque[Command] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._is_unstuck = False  # whether what it does now was ended, to be begun again
        self._cancellation = CancelToken()
        self._thread: threading.Thread | None = None
        # Used in the thread alone.
        self._goal = Goal()
        self._slices = SliceSize(SLICE_SECONDS)
        self._rate: float | None = None  # steps per second
        self._is_published = False  # whether the snapshot shows the run as it is

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
        """Stop as soon as the backend gives control back; a daemon thread holds up nobody.

        A backend in a process of its own is ended at once.
        """
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._cancellation.cancel()

    def join(self, seconds: float) -> bool:
        """Wait until its thread has ended, for some time at most. Returns whether it has."""
        thread = self._thread  # which the thread itself forgets if it gives up
        if thread is None:
            return True
        thread.join(seconds)
        return not thread.is_alive()

    @property
    def is_idle(self) -> bool:
        """Whether all commands are executed and nothing is training."""
        return not self._commands and self.busy_since is None

    @property
    def can_unstick(self) -> bool:
        """Whether its backend has a process of its own, so that `unstick` can end it."""
        return self._cancellation.can_interrupt

    @property
    def is_training(self) -> bool:
        """Whether the newest snapshot is one of a run in training."""
        return self.snapshot.training

    @property
    def latest(self) -> int:
        """The last iteration that was reached."""
        return max(0, self.snapshot.latest)

    @property
    def obstacle_ahead(self) -> str:
        """Say why there is no next step; empty if there is one."""
        run = self.snapshot
        if run.status is Status.FINISHED and run.iteration == run.latest:
            return f"{self.name} has {run.message}"
        return f"{self.name} has diverged: z goes back" if run.status is Status.DIVERGED else ""

    @property
    def obstacle_behind(self) -> str:
        """Say why there is no step to go back to; empty if there is one."""
        at_start = self.snapshot.iteration == 0 and not self.is_training
        return f"{self.name} is at step 0, the start" if at_start else ""

    def step(self, iterations: int) -> None:
        """Take some steps, beyond those that are still to be taken."""
        self._send(lambda run: self._goal.extend(run.iteration, iterations))

    def train(self, pace: float | None = None) -> None:
        """Train until paused. pace: steps per second; as fast as possible if None."""
        self._send(lambda run: self._goal.train(run.iteration, pace))

    def pause(self) -> None:
        """Stop training."""
        self._send(lambda _: None, halt=True)

    def back(self, iterations: int) -> None:
        """Stop training and go back by some steps, at most to the start."""
        self._send(lambda run: run.back(iterations), halt=True)

    def seek(self, iteration: int) -> None:
        """Stop training and go to an iteration that was reached before."""
        self._send(lambda run: run.seek(iteration), halt=True)

    def reset(self) -> None:
        """Stop training and begin again from the same start; see `unstick`."""
        self.unstick()
        self._send(lambda run: run.reset(), halt=True)

    def is_stuck(self, seconds: float) -> bool:
        """Return whether the backend has been at one piece of work for so long."""
        since = self.busy_since
        return since is not None and time.monotonic() - since > seconds

    def unstick(self) -> None:
        """End a backend in a process of its own if it is stuck; the next order starts another."""
        if self.is_stuck(STUCK_SECONDS):
            self._is_unstuck = True
            self._cancellation.interrupt()

    def set(self, name: str, value: object) -> None:
        """Change a hyperparameter, in the middle of training too."""
        self._send(lambda run: run.set(name, value))

    def call(self, work: Callable[[Run], Result]) -> "Future[Result]":
        """Stop training and do some work on the run; when it is done, the snapshot shows it.

        The future is never done if the run can't be loaded.
        """
        future: Future[Result] = Future()

        def command(run: Run) -> None:
            try:
                result = work(run)
            except BaseException as error:  # it is told on screen too
                future.set_exception(error)
                raise
            self._goal.stop(run.iteration)
            self._rate = None
            self._publish(run)
            future.set_result(result)

        self._send(command, halt=True)
        return future

    def _send(self, command: Command, *, halt: bool = False) -> None:
        def halting(run: Run) -> None:
            command(run)
            self._goal.stop(run.iteration)

        with self._wake:
            self._commands.append(halting if halt else command)
            self._wake.notify()
        self.start()

    # In its own thread

    def _live(self) -> None:
        OF_RUN.set(self.output)
        try:
            with self._cancellation.governing():
                with uncollected_imports():
                    run = self._load()
                try:
                    self._work(run)
                finally:
                    run.close()
        except BaseException as error:  # of a plugin on import, or a fault of ours
            self._give_up(gpu_error(error, {}) or safe_text(error) or describe_error(error))

    def _work(self, run: Run) -> None:
        """Execute commands and train, slice by slice; each pass publishes one snapshot."""
        self._goal.stop(run.iteration)
        self._is_published = False
        self._publish(run)
        while not self._closed:
            self._execute_commands(run)
            started = time.monotonic()
            taken = self._advance(run) if self._has_next(run) else 0
            if self._has_next(run):
                self._publish(run)
                self._rest(started)
                self._measure(taken, time.monotonic() - started)
            else:
                self.complaint = self._goal.complaint(run.iteration) or self.complaint
                self._goal.stop(run.iteration)
                self._rate = None
                self._publish(run)
                self._wait_for_commands()

    def _give_up(self, reason: str) -> None:
        """Say why there is no run; the next command tries to load again."""
        with self._wake:
            begins_again = self._is_unstuck and bool(self._commands) and not self._closed
            self._is_unstuck = False
            self.snapshot = replace(self.snapshot, status=Status.FAILED, message=reason)
            if not begins_again:
                self._commands.clear()
            self._thread = self.busy_since = None
        if begins_again:
            self.start()
        self._on_idle()

    def _execute_commands(self, run: Run) -> None:
        while self._commands:
            self._is_published = False
            try:
                self._commands.popleft()(run)
                self.complaint = ""
            except (KeyError, ValueError) as error:  # such as a hyperparameter out of its range
                self.complaint = safe_text(error)
        if not self._is_published and self._goal.iteration > run.iteration + self._slices.size:
            self._publish(run)  # that it trains is seen before the end of the first slice

    def _has_next(self, run: Run) -> bool:
        """Whether there is a step to take on the way to the goal."""
        has_ended = run.status in (Status.FINISHED, Status.DIVERGED)
        return self._goal.iteration > run.iteration and not has_ended

    def _wait_for_commands(self) -> None:
        with self._wake:
            if not self._commands:
                self.busy_since = None
        if self.is_idle:
            self._on_idle()
        with self._wake:
            while not self._commands and not self._closed:
                self._wake.wait()
            self.busy_since = time.monotonic()

    def _publish(self, run: Run) -> None:
        training = self._goal.iteration > run.iteration
        shown = self.snapshot
        if not self._is_published or (training, self._rate) != (shown.training, shown.rate):
            self.snapshot = run.snapshot(training=training, rate=self._rate)
            self._is_published = True

    def _advance(self, run: Run) -> int:
        """Train for one slice, and choose the size of the next. Returns the steps of this one."""
        started = self.busy_since = time.monotonic()
        size = self._slices.size if self._goal.pace is None else 1
        count = min(size, self._goal.iteration - run.iteration)
        self._is_published = False
        run.advance(count)
        if run.status is Status.FAILED:
            self._goal.stop(run.iteration)
        if self._goal.pace is None:
            self._slices.after(time.monotonic() - started, count)
        else:
            self._slices.reset()  # full speed then begins with small slices
        return count

    def _rest(self, started: float) -> None:
        """Let other threads work, for as long as the pace asks for since a slice was started."""
        self.busy_since = now = time.monotonic()  # resting is not being stuck
        pace = self._goal.pace
        seconds = PAUSE_SECONDS if pace is None else max(0.0, 1 / pace - (now - started))
        with self._wake:
            if not self._commands and not self._closed:
                self._wake.wait(seconds)

    def _measure(self, taken: int, seconds: float) -> None:
        """Average the speed over the last slices."""
        latest = taken / seconds
        self._rate = latest if self._rate is None else 0.9 * self._rate + 0.1 * latest
