"""Stray faults: each becomes a line, for the runs of the file that it came from or for nobody."""

import threading
from pathlib import Path

import pytest

from bigram_tui.training.strays import MOST_LINES, Strays

THIS = str(Path(__file__))


def fault() -> Exception:
    try:
        raise ValueError("\x1b[31mof nobody")
    except ValueError as error:
        return error


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_fault_is_one_line_with_its_place(is_watched: bool) -> None:
    strays = Strays()
    if is_watched:
        assert strays.watch(THIS) == 0
    error = fault()
    strays.record(error, error.__traceback__, "a thread")
    (line,) = strays.untold()
    assert line.startswith("a thread raised ValueError: ␛[31mof nobody (test_strays.py:")
    assert strays.untold() == []
    assert strays.count(THIS) == int(is_watched)
    assert strays.last(THIS) == (line if is_watched else "")


def test_a_run_that_has_failed_tells_for_all_that_follow() -> None:
    strays = Strays()
    strays.watch(THIS)
    error = fault()
    strays.record(error, error.__traceback__, "a thread")
    strays.has_failed(THIS)
    strays.record(error, error.__traceback__, "a thread")
    assert strays.untold() == []
    assert strays.count(THIS) == 2


def test_a_generator_without_a_traceback_is_known_by_its_code() -> None:
    def numbers() -> object:
        yield 1

    strays = Strays()
    strays.watch(THIS)
    strays.record(RuntimeError("ignored"), None, "code", numbers())
    assert strays.count(THIS) == 1


def test_many_faults_take_little_memory() -> None:
    strays, error = Strays(), fault()

    def record_some() -> None:
        for number in range(MOST_LINES):
            strays.record(error, None, str(number))

    threads = [threading.Thread(target=record_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(strays.untold()) == MOST_LINES
