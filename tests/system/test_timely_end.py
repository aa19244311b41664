"""What is asked to end does so in time, and what a user made is written however long it takes."""

import subprocess
import sys
import time

import pytest

SETUP = """
import threading, time
from bigram_tui.signals import TimelyEnd
def last_resort():
    time.sleep({takes})
    print("written", flush=True)
    return {status}
end = TimelyEnd(last_resort, {seconds})
"""


def run(script: str, **values: object) -> tuple[int, str, float]:
    """Run a script in a process of its own: its status, its output, and the seconds it took."""
    text = (SETUP + script).format(**{"takes": 0, "status": None, "seconds": None, **values})
    begin = time.monotonic()
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout, time.monotonic() - begin


def test_an_end_that_is_reached_in_time_is_left_alone() -> None:
    status, output, _ = run("end.begin(5); end.reach(); print('tidy')")
    assert (status, output) == (0, "tidy\n")


@pytest.mark.parametrize(("returned", "expected"), [(None, 5), (2, 2)])
def test_another_is_ended_by_the_last_resort(returned: int | None, expected: int) -> None:
    status, output, _ = run("end.begin(5); time.sleep(60)", status=returned)
    assert (status, output) == (expected, "written\n")


@pytest.mark.parametrize(("seconds", "expected"), [(None, "written\n"), (0.1, "")])
def test_the_last_resort_has_the_time_that_it_is_given(
    seconds: float | None, expected: str
) -> None:
    status, output, _ = run("end.begin(5); time.sleep(60)", takes=3, seconds=seconds)
    assert (status, output) == (5, expected)


def test_it_is_taken_once_though_a_signal_and_a_key_ask_for_it() -> None:
    status, output, took = run("end.begin(5); end.begin(7); time.sleep(60)", takes=1)
    assert (status, output) == (5, "written\n")
    assert took < 30
