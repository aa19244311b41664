"""A token tells work in another thread that nobody wants it any more."""

import threading

import pytest

from bigram_tui.cancellation import CancelledError, CancelToken, governor
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


def test_what_work_waits_for_is_ended_by_whoever_cancels() -> None:
    token, calls = CancelToken(), list[str]()

    def call() -> None:
        calls.append(threading.current_thread().name)

    token.on_cancel(call)
    token.on_cancel(call)
    assert calls == []
    other = threading.Thread(target=token.cancel, name="other")
    other.start()
    other.join()
    assert calls == ["other"]
    token.on_cancel(call)
    assert calls == ["other", threading.current_thread().name], "at once"


def test_what_work_waits_for_can_be_ended_while_the_work_goes_on() -> None:
    token, calls = CancelToken(), list[str]()
    token.interrupt()
    assert not token.can_interrupt
    token.on_cancel(lambda: calls.append("ended"))
    assert token.can_interrupt
    token.interrupt()
    assert calls == ["ended"]
    assert not token.is_cancelled


def test_a_token_governs_what_its_thread_does_within_a_block() -> None:
    outer, inner = CancelToken(), CancelToken()
    seen: list[CancelToken | None] = []
    with outer.governing():
        thread = threading.Thread(target=lambda: seen.append(governor()))
        thread.start()
        thread.join()
        with inner.governing():
            assert governor() is inner
        assert governor() is outer
    assert governor() is None
    assert seen == [None], "not what other threads do"


def test_what_work_has_used_is_put_away_when_its_block_ends() -> None:
    token, calls = CancelToken(), list[str]()

    def call() -> None:
        calls.append("put away")

    def work() -> None:
        with token.governing():
            token.on_end(call)
            token.on_end(call)
            assert calls == []
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        work()
    assert calls == ["put away"]
    with token.governing():
        pass
    assert calls == ["put away"], "once"
