"""Texts counted by the workers of an executor: what it is given, and what happens on failure."""

from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bigram_tui.cancellation import CancelToken
from bigram_tui.cli.cluster import _has_lost
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import TextFile, find_files
from bigram_tui.corpus.partial_counts import PartialCounts
from bigram_tui.corpus.reading import read_corpus, read_counts
from bigram_tui.corpus.spread import Engine, spread_corpus, spread_counts
from bigram_tui.errors import UserError
from tests.conftest import not_none
from tests.corpus.executors import Here, Never
from tests.corpus.test_ranges import WORST, assert_equal


@pytest.fixture
def files(tmp_path: Path) -> tuple[TextFile, ...]:
    """Two nasty texts, of 31 ranges of 99 bytes each."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_bytes(f"{WORST}\n{name}\n".encode() * 10)
    return find_files([str(tmp_path / "*.txt")])


def test_progress_reaches_the_size_of_all_files(files: tuple[TextFile, ...]) -> None:
    seen: list[tuple[int, int | None]] = []
    spread_counts(files, Engine(Here()), lambda *now: seen.append(now), range_size=99)
    size = sum(file.size or 0 for file in files)
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)
    assert {of for _, of in seen} == {size}


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_few_ranges_are_given_at_a_time(files: tuple[TextFile, ...], at_once: int) -> None:
    executor = Never()
    token = CancelToken()

    def check() -> None:
        assert len(executor.futures) == min(at_once, 62)
        token.cancel()

    with pytest.raises(CorpusError, match="blank lines, or none"):
        spread_counts(files, Engine(executor, at_once, check), cancellation=token, range_size=99)
    assert all(future.cancelled() for future in executor.futures)


def test_the_corpus_is_that_of_the_text(files: tuple[TextFile, ...]) -> None:
    chunks: list[PartialCounts] = []
    ours = spread_corpus(
        files, Engine(Here()), 9, on_chunk=lambda make: chunks.append(make()), range_size=99
    )
    theirs = read_corpus(*files, max_vocabulary=9)
    assert ours.train.vocabulary.labels == theirs.train.vocabulary.labels
    assert ours.train.vocabulary.rare == theirs.train.vocabulary.rare
    assert ours.train.counts.tolist() == theirs.train.counts.tolist()
    assert (ours.path, ours.lines, ours.paths) == (theirs.path, theirs.lines, theirs.paths)
    assert (ours.items, ours.extent, ours.holds_text) == (None, None, True)
    assert [chunk.lines for chunk in chunks] == sorted(chunk.lines for chunk in chunks)
    assert chunks[-1].bigrams.counts.tolist() == theirs.train.counts.tolist()


def test_a_corpus_that_was_stopped_says_so(files: tuple[TextFile, ...]) -> None:
    token = CancelToken()

    def stop(done: int, size: int | None) -> None:
        if size is not None and 2 * done > size:
            token.cancel()

    engine = Engine(Here(), 5)
    corpus = spread_corpus(files, engine, 99, stop, token, range_size=99)
    assert 0 < corpus.lines < read_corpus(*files).lines
    assert str(corpus.extent) == f"{100 * not_none(corpus.extent).done // 6120} % of it"
    assert corpus.until is None


class Failing(Here):
    """Fails with an error after some functions."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.submitted < 3:
            return super().submit(work, *args, **kwargs)
        future: Future[Any] = Future()
        future.set_exception(self._error)
        return future


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BrokenProcessPool("a child\nwas terminated"), "BrokenProcessPool: a child was terminated"),
        (ModuleNotFoundError("No module named 'bigram_tui'"), "install bigram-tui on all machines"),
        (CancelledError(), "has their scheduler ended"),
        (ValueError("x" * 9999), "x" * 100),
    ],
)
def test_a_failure_of_the_executor_is_told_in_one_line(
    files: tuple[TextFile, ...], error: Exception, message: str
) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        spread_counts(files, Engine(Failing(error)), range_size=99)
    assert len(str(caught.value)) < 600


def test_a_check_ends_the_work(files: tuple[TextFile, ...]) -> None:
    def check() -> None:
        raise UserError("nobody works")

    executor = Never()
    with pytest.raises(UserError, match="nobody works"):
        spread_counts(files, Engine(executor, check=check), range_size=99)
    assert all(future.cancelled() for future in executor.futures)


def test_results_add_up_in_any_order(files: tuple[TextFile, ...]) -> None:
    class Backwards(Here):
        def __init__(self) -> None:
            super().__init__()
            self.held: list[tuple[Future[Any], Future[Any]]] = []

        def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            self.held.append((future, super().submit(work, *args, **kwargs)))
            if len(self.held) == 7:
                Thread(target=self.release, args=(self.held,)).start()
                self.held = []
            return future

        @staticmethod
        def release(held: list[tuple[Future[Any], Future[Any]]]) -> None:
            for given, done in reversed(held):
                given.set_result(done.result())

    size = -(-(files[0].size or 0) // 35)  # a multiple of 7 ranges
    assert_equal(
        spread_counts(files, Engine(Backwards(), 1000), range_size=size), read_counts(*files)
    )


def test_threads_count_what_one_counts(files: tuple[TextFile, ...]) -> None:
    with ThreadPoolExecutor(4) as pool:
        for size in (7, 99, 1000):
            ours = spread_counts(files, Engine(pool, 16), range_size=size)
            assert_equal(ours, read_counts(*files))


@pytest.mark.parametrize("workers", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_processes_count_what_one_counts(files: tuple[TextFile, ...], workers: int) -> None:
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for size in (99, 1000):
            ours = spread_counts(files, Engine(pool, 4), range_size=size)
            assert_equal(ours, read_counts(*files))


def test_a_lost_result_is_asked_for_again(files: tuple[TextFile, ...]) -> None:
    def lose(number: int) -> None:
        if number % 3 == 0:
            _, _, _ = read_counts(*files)  # type: ignore[misc]  # as Dask's executor does

    engine = Engine(Here(lose), 4, has_lost=_has_lost)
    ours = spread_counts(files, engine, range_size=99)
    assert_equal(ours, read_counts(*files))
    with pytest.raises(CorpusError, match="cannot unpack"):
        spread_counts(files, Engine(Here(lose), 4), range_size=99)
