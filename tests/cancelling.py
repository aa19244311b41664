"""Tokens that cancel themselves, for tests of work that checks them."""

from collections.abc import Callable

from bigram_tui.cancellation import CancelToken


class CancelledWhen(CancelToken):
    """Cancelled as soon as a condition holds when it is checked."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        super().__init__()
        self._condition = condition

    @property
    def is_cancelled(self) -> bool:
        if self._condition():
            self.cancel()
        return super().is_cancelled


def cancelled_at(check: int) -> CancelToken:
    """Return a token that is cancelled when it is checked for the given time, counted from 1."""
    checks = iter(range(1, check))
    return CancelledWhen(lambda: next(checks, None) is None)


def cancelled() -> CancelToken:
    """Return a token that is cancelled already."""
    token = CancelToken()
    token.cancel()
    return token
