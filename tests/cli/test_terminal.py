"""The bar of what takes its time, on a standard error that is a terminal or is none."""

import io
import threading
import time

import numpy as np
import pytest

from bigram_tui.cli import progress, streams
from bigram_tui.cli.headless import train
from bigram_tui.cli.watched import WatchedRun
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Status


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def seen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """What stands on standard error, drawn from the first moment on."""
    made = Screen()
    monkeypatch.setattr("sys.stderr", made)
    monkeypatch.setattr(progress, "PROGRESS_AFTER_SECONDS", -1.0)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    return made


def test_where_nobody_sees_it_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with progress.progress_bar() as report:
        assert report is None


def test_what_is_done_soon_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = seen(monkeypatch)
    monkeypatch.setattr(progress, "PROGRESS_AFTER_SECONDS", 1e9)
    with progress.progress_bar() as report:
        assert report is not None
        report(1, 2)
    assert screen.getvalue() == ""


def test_the_bar_of_bytes_says_what_is_read_of_how_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = seen(monkeypatch)
    with progress.progress_bar() as report:
        assert report is not None
        report(5_000_000, 20_000_000)
    assert "reading" in screen.getvalue()
    assert "5.0/20.0 MB" in screen.getvalue()


def test_the_bar_of_iterations_names_each_run_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = seen(monkeypatch)
    with progress.progress_bar(of_bytes=False) as report:
        assert report is not None
        report(7, 100, "numpy [bold]")
        report(100, 100, "numpy [bold]")
        report(3, 100, "torch")
    written = screen.getvalue()
    assert "numpy [bold]" in written, "a name is no markup"
    assert "torch" in written
    assert "3/100" in written


def test_a_training_that_is_watched_is_the_same(tiny: Bigrams) -> None:
    corpus = Corpus("text", 3, tiny, None, None, None)
    session = Session(corpus, tuple(choose(["count", "numpy"])))
    told: list[tuple[int, int | None, str]] = []

    def report(done: int, size: int | None, what: str = "") -> None:
        told.append((done, size, what))

    watched = list(train(session, 25, 2, explicit=True, report=report))
    alone = list(train(session, 25, 2, explicit=True))
    for one, other in zip(watched, alone, strict=True):
        assert one.final is not None
        assert other.final is not None
        assert one.names == other.names
        assert one.final.losses[:, :2].tolist() == other.final.losses[:, :2].tolist()
    of_numpy = [done for done, total, name in told if (name, total) == ("numpy", 25)]
    assert of_numpy == sorted(set(of_numpy))
    assert of_numpy[-1] == 25
    assert {name for _, _, name in told} == {"numpy"}, "count has nothing more to do"


def test_after_the_screen_only_the_main_thread_writes() -> None:
    written = io.StringIO()
    stream = streams.OfMainThread(written)

    def print_it() -> None:
        print("of a backend", file=stream)

    thread = threading.Thread(target=print_it)
    thread.start()
    thread.join()
    print("ours", file=stream)
    assert written.getvalue() == "ours\n"


class SlowLater(Run):
    """A run whose steps take long after the first 300; each is far within the limit."""

    def advance(self, iterations: int = 1) -> None:
        for _ in range(iterations):
            super().advance(1)
            if self.iteration > 300:
                time.sleep(0.02)


@pytest.mark.slow
def test_the_limit_of_time_is_that_of_a_step_and_not_of_many(tiny: Bigrams) -> None:
    (source,) = choose(["numpy"])
    run = WatchedRun("slow", lambda: SlowLater(source.load()(), tiny, np.zeros((3, 3))), 600)
    run.wait(1.0, None)
    assert run.snapshot is not None
    assert (run.snapshot.iteration, run.snapshot.status) == (600, Status.READY)
