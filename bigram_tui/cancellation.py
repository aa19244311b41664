"""Cancels work in another thread: whoever no longer wants it says so by a token that it checks."""


class CancelledError(BaseException):
    """Raised in work that was cancelled. No Exception: what the work calls should not catch it."""


class CancelToken:
    """Shared by a piece of work and whoever may cancel it; once cancelled, it stays so."""

    def __init__(self) -> None:
        self._is_cancelled = False

    def cancel(self) -> None:
        """Ask the work to end. It does so when it next checks."""
        self._is_cancelled = True

    @property
    def is_cancelled(self) -> bool:
        """Whether the work should end."""
        return self._is_cancelled

    def raise_if_cancelled(self) -> None:
        """Raise CancelledError if the work should end."""
        if self.is_cancelled:
            raise CancelledError
