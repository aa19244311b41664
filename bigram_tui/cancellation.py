"""Cancels work in another thread: whoever no longer wants it says so by a token that it checks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class CancelledError(BaseException):
    """Raised in work that was cancelled. No Exception: what the work calls should not catch it."""


class CancelToken:
    """Shared by a piece of work and whoever may cancel it; once cancelled, it stays so."""

    def __init__(self) -> None:
        self._is_cancelled = False
        self._on_cancel: set[Callable[[], object]] = set()
        self._on_end: set[Callable[[], object]] = set()

    def cancel(self) -> None:
        """Ask the work to end. It does so when it next checks, or when what it waits for ends."""
        self._is_cancelled = True
        self.interrupt()

    def interrupt(self) -> None:
        """End what the work waits for now; the work goes on, and may wait again."""
        for call in tuple(self._on_cancel):
            call()

    @property
    def can_interrupt(self) -> bool:
        """Whether there is anything that `interrupt` would end."""
        return bool(self._on_cancel)

    @property
    def is_cancelled(self) -> bool:
        """Whether the work should end."""
        return self._is_cancelled

    def raise_if_cancelled(self) -> None:
        """Raise CancelledError if the work should end."""
        if self.is_cancelled:
            raise CancelledError

    def on_cancel(self, call: Callable[[], object]) -> None:
        """Have something called by whoever cancels or interrupts; at once if it is cancelled.

        call: ends what the work waits for. Two equal ones count as one; it may be called again.
        """
        self._on_cancel.add(call)
        if self._is_cancelled:
            call()

    def on_end(self, call: Callable[[], object]) -> None:
        """Have something called when the block that this governs ends, in its thread.

        call: puts away what the work has used. Two equal ones count as one.
        """
        self._on_end.add(call)

    @contextmanager
    def governing(self) -> Iterator[None]:
        """Make this the token of all that the thread does within the block: see `governor`."""
        before = _GOVERNOR.set(self)
        try:
            yield
        finally:
            _GOVERNOR.reset(before)
            while self._on_end:
                self._on_end.pop()()


_GOVERNOR: ContextVar[CancelToken | None] = ContextVar("governor", default=None)


def governor() -> CancelToken | None:
    """Return the token that governs what this thread is doing; None if nobody can cancel it."""
    return _GOVERNOR.get()
