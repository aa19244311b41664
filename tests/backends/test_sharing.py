"""Work that several threads share."""

import threading
import warnings

import numpy as np
import pytest

from bigram_backends import row_blocks, sharing
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.sharing import MOST_THREADS, share, usable_threads
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status
from tests.backends.test_row_blocks import assert_same_bits, on_whole_matrices, problem


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_piece_is_taken_once_and_all_are_done_at_the_end(threads: int) -> None:
    done: list[int] = []
    workers = set[int]()
    pieces, meeting = iter(range(1000)), threading.Barrier(threads)

    def work() -> None:
        meeting.wait(10)  # so that all of them do work at once
        workers.add(threading.get_ident())
        done.extend(pieces)

    before = threading.active_count()
    share(work, threads)
    assert sorted(done) == list(range(1000))
    assert len(workers) == threads
    assert threading.active_count() == before


@pytest.mark.parametrize("is_own", [True, False])
def test_an_error_in_any_thread_is_raised_when_all_have_ended(is_own: bool) -> None:
    me, meeting = threading.get_ident(), threading.Barrier(3)

    def work() -> None:
        meeting.wait(10)
        if (threading.get_ident() == me) is is_own:
            raise MemoryError("no room")

    before = threading.active_count()
    with pytest.raises(MemoryError, match="no room"):
        share(work, 3)
    assert threading.active_count() == before


def test_where_no_more_threads_can_be_had_this_one_does_it_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    done: list[int] = []
    share(lambda: done.append(threading.get_ident()), 4)
    assert done == [threading.get_ident()]


def test_every_thread_ignores_the_errors_that_this_one_ignores() -> None:
    meeting = threading.Barrier(3)

    def work() -> None:
        meeting.wait(10)
        np.exp(np.array([1000.0]))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(over="ignore"):
            share(work, 3)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        share(work, 3)


@pytest.mark.parametrize(
    ("cores", "variable", "threads"),
    [(1, "", 1), (2, "", 2), (64, "", MOST_THREADS), (64, "1", 1), (2, "8", 2), (4, "0", 1)]
    + [(4, odd, 4) for odd in ("2,1", "many", "-1", "²")],
)
def test_there_is_one_thread_a_core_unless_the_user_wants_fewer(
    cores: int, variable: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "usable_cores", lambda: cores)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert usable_threads() == threads


# The rows of a matrix


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 7, 130, 300])
def test_rows_that_threads_share_give_what_whole_matrices_give_bit_for_bit(
    size: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_blocks, "usable_threads", lambda: threads)
    monkeypatch.setattr(row_blocks, "BLOCKS_FOR_TWO", 1)
    monkeypatch.setattr(row_blocks, "CELLS_AT_ONCE", 3 * size + 1)
    bigrams, weights = problem(size)
    training = row_blocks.descend_by_rows(NumpyBackend(20.0, 0.5), bigrams, weights)
    models = [next(training) for _ in range(4)]
    assert_same_bits(models, on_whole_matrices(bigrams, weights, 20.0, 0.5, 4))


def test_only_large_matrices_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "usable_threads", lambda: 7)
    monkeypatch.setattr(row_blocks, "CELLS_AT_ONCE", 1 << 8)  # as if V were 16 times as large
    asked = []
    monkeypatch.setattr(row_blocks, "share", lambda _, threads: asked.append(threads))
    for size in (32, 125, 128, 200):
        next(row_blocks.descend_by_rows(NumpyBackend(), *problem(size)))
    assert asked == [1, 1, 7, 7]


def test_an_overflow_in_any_thread_shows_in_the_numbers_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_blocks, "usable_threads", lambda: 3)
    monkeypatch.setattr(row_blocks, "BLOCKS_FOR_TWO", 1)
    monkeypatch.setattr(row_blocks, "CELLS_AT_ONCE", 200)
    bigrams, weights = problem(200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = Run(NumpyBackend(learning_rate=1e5, l2=1e3), bigrams, weights * 1e305)
        run.advance(9)
    assert run.status is Status.DIVERGED
