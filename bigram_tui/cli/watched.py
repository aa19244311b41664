"""Lets a run take its steps in a thread, and gives it up if its backend takes too long."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread

from bigram_tui.cancellation import CancelToken
from bigram_tui.faults import describe_error
from bigram_tui.training.pacing import SliceSize
from bigram_tui.training.registry import BackendError
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot, Status

BLINK_SECONDS = 0.05
"""How long steps are taken before others see how far the run is."""


class WatchedRun:
    """A run in a thread of its own: whatever its backend does, nobody else waits for ever."""

    def __init__(self, name: str, make: Callable[[], Run], steps: int) -> None:
        """Begin. make: makes the run; called in the thread. steps: how many to take."""
        self.name = name
        self.snapshot: Snapshot | None = None
        """The run as far as it got; None if it could not be made."""
        self.error = ""
        """Why there is no run; empty if there is one."""
        self._make = make
        self._steps = steps
        self._run: Run | None = None
        self._is_given_up = False
        self._has_ended = Event()
        self._cancellation = CancelToken()
        self._thread = Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def wait(self, timeout: float | None, report: Callable[[int], object] | None) -> None:
        """Wait until all steps are taken, or for as long as one may take.

        timeout: seconds for a step, and for the backend to be loaded; None for any time.
        report: called now and then with the steps taken, when there are more.
        """
        reported = 0
        has_ended = False
        sign, seen = None, time.monotonic()
        while not has_ended:
            has_ended = self._has_ended.wait(BLINK_SECONDS)
            taken = 0 if self.snapshot is None else self.snapshot.iteration
            if report is not None and taken > reported:
                report(taken)
                reported = taken
            if (now := self._run and self._run.iteration) != sign:
                sign, seen = now, time.monotonic()
            if timeout is not None and time.monotonic() - seen > timeout and not has_ended:
                self._give_up(timeout)
                return

    def _give_up(self, timeout: float) -> None:
        limit = f"within {timeout:g} s; --timeout gives it longer"
        self._is_given_up = True
        run = self.snapshot
        if run is None:
            self.error = f"{self.name} did not get to its first model {limit}"
        else:
            taken = run.iteration if self._run is None else self._run.iteration
            step = f"failed at step {taken + 1}: it"
            what = step if taken < self._steps else "failed: its end"
            message = f"{what} was not done {limit}"
            self.snapshot = replace(run, status=Status.FAILED, message=message)
        self._cancellation.cancel()  # which ends the process of an isolated backend
        if self._thread.ident is not None:  # a loop in Python would slow down the other runs
            thread, error = ctypes.c_ulong(self._thread.ident), ctypes.py_object(SystemExit)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)

    # In its own thread

    def _live(self) -> None:
        try:
            with self._cancellation.governing():
                self._run = run = self._make()
                self._show(run)
                self._train(run)
                run.close()
                self._show(run)
        except BackendError as error:
            self._fail(str(error))
        except BaseException as error:  # such as memory that is not there
            self._fail(f"{self.name} failed: {describe_error(error)}")
        finally:
            self._has_ended.set()

    def _train(self, run: Run) -> None:
        slices = SliceSize(BLINK_SECONDS)
        while run.iteration < self._steps and run.status is Status.READY:
            started = time.monotonic()
            count = min(slices.size, self._steps - run.iteration)
            run.advance(count)
            self._show(run)
            slices.after(time.monotonic() - started, count)

    def _fail(self, error: str) -> None:
        if not self._is_given_up:
            self.error = error

    def _show(self, run: Run) -> None:
        if not self._is_given_up:
            self.snapshot = run.snapshot()
