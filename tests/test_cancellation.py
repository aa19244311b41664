"""A token tells work in another thread that nobody wants it any more."""

import pytest

from bigram_tui.cancellation import CancelledError, CancelToken
from tests.cancelling import cancelled_at


def test_a_token_is_cancelled_once_and_for_all() -> None:
    token = CancelToken()
    assert not token.is_cancelled
    token.raise_if_cancelled()
    for _ in range(2):
        token.cancel()
        assert token.is_cancelled
        with pytest.raises(CancelledError):
            token.raise_if_cancelled()


def test_what_was_cancelled_is_not_caught_with_other_errors() -> None:
    assert not issubclass(CancelledError, Exception)


def test_a_token_of_a_test_is_cancelled_at_the_check_that_it_names() -> None:
    token = cancelled_at(3)
    assert [token.is_cancelled for _ in range(4)] == [False, False, True, True]
