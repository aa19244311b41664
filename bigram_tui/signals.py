"""Ends the program soon and tidily when a signal asks for it, whatever it is doing."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import NoReturn

ENDING = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)  # Windows lacks some
)
"""The signals that end the program, besides SIGINT."""

PATIENCE_SECONDS = 1.2
"""How long a tidy end may take."""

LAST_RESORT_SECONDS = 0.5
"""How long the last resort may take before the process ends."""


class Stopped(BaseException):
    """Raised in the main thread when a signal ends the work there."""

    def __init__(self, number: int) -> None:
        """number: of the signal."""
        super().__init__(number)
        self.status = status_of(number)


def status_of(number: int) -> int:
    """Return the exit status that says that a signal ended the program, as shells write it."""
    return 128 + number


def raise_stopped(number: int) -> NoReturn:
    """Stop the work of the main thread. Called in a signal handler."""
    raise Stopped(number)


class TimelyEnd:
    """An end that comes in time: the process ends at once if it is not reached tidily by then."""

    def __init__(
        self,
        last_resort: Callable[[], int | None] = lambda: None,
        seconds: float | None = LAST_RESORT_SECONDS,
    ) -> None:
        """last_resort: called in another thread before the process is ended; may return a status.

        seconds: how long that may take; None for any time.
        """
        self._last_resort, self._seconds = last_resort, seconds
        self._is_reached = threading.Event()
        self._first = threading.Lock()

    def begin(self, status: int) -> None:
        """Start to wait, in a thread; see `wait`."""
        threading.Thread(target=self.wait, args=(status,), name="end", daemon=True).start()

    def reach(self) -> None:
        """Say that all has ended tidily."""
        self._is_reached.set()

    def wait(self, status: int) -> None:
        """Wait for PATIENCE_SECONDS, and end the process if the end was not reached.

        Only the first call does. status: of the process, unless the last resort returns another.
        """
        if not self._first.acquire(blocking=False) or self._is_reached.wait(PATIENCE_SECONDS):
            return
        returned: list[int | None] = []
        work = threading.Thread(target=lambda: returned.append(self._last_resort()), daemon=True)
        work.start()
        work.join(self._seconds)
        os._exit(next(filter(None, returned), status))


@contextmanager
def on_signals(
    numbers: Sequence[int], leave: Callable[[int], object], end: TimelyEnd | None = None
) -> Iterator[list[int]]:
    """Call `leave` at the first of some signals; the list that is yielded then has its number.

    leave: gets that number; called in the main thread, between any two of its instructions.
    end: begins with the signal, and is reached with the end of the block. It works while the main
        thread is inside native code, too, unless that code holds the GIL.

    Outside the main thread, Python has no signal handlers: there, only the end is reached.
    """
    received: list[int] = []
    end = end or TimelyEnd()

    def handle(number: int, _: FrameType | None) -> None:
        if not received:
            received.append(number)
            leave(number)

    if threading.current_thread() is not threading.main_thread():
        try:
            yield received
        finally:
            end.reach()
        return
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        with _watched(numbers, end):
            yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def _watched(numbers: Sequence[int], end: TimelyEnd) -> Iterator[None]:
    """Begin the end of this block when one of some signals comes."""
    # The system's handler writes each signal's number here, whatever the main thread is doing.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch() -> None:
        with open(reader, "rb", buffering=0) as signals:
            written = (byte[0] for byte in iter(partial(signals.read, 1), b""))
            number = next((number for number in written if number in numbers), None)
        if number is not None:
            end.wait(status_of(number))

    watcher = threading.Thread(target=watch, name="signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        end.reach()
        signal.set_wakeup_fd(before)
        os.close(writer)
        watcher.join(LAST_RESORT_SECONDS)


def unignored(numbers: Sequence[int]) -> list[int]:
    """Return the signals without those that the caller wants ignored, as nohup does."""
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
