"""The screen in a terminal: how it opens, reads texts of any size, and leaves all as it was."""

import contextlib
import json
import os
import select
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import pytest

from bigram_tui.cli import exit_status
from tests.cli.test_cli import LIGHT, PATIENCE, PROGRAM, environment, folder, started
from tests.system.pseudo_terminal import PseudoTerminal, running

__all__ = ["folder"]

ENTER_SCREEN = "\x1b[?1049h"


def terminal(*command: str, controlling: bool = True) -> AbstractContextManager[PseudoTerminal]:
    """Run a command in a terminal of 80×24."""
    variables = environment(TERM="xterm-256color")
    options = {"environment": variables, "controlling": controlling}
    return running(command, columns=80, rows=24, **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("folder")
def test_on_a_terminal_the_screen_opens_steps_and_quits() -> None:
    command = (*PROGRAM, "good.txt", "--backend", "numpy", "--steps", "41")
    with terminal(*command) as opened:
        opened.wait_for("numpy step 41")
        assert ENTER_SCREEN in opened.output
        assert "good.txt" in opened.shown
        assert "tty" in opened.left_behind()
        opened.send("s")
        opened.wait_for("numpy step 42")
        opened.send("q")
        assert opened.wait_for_end() == 0
        assert opened.left_behind() == {}


@pytest.mark.usefixtures("folder")
def test_after_a_pipe_was_read_keys_come_from_the_terminal() -> None:
    program = shlex.join([*PROGRAM, "-", "--backend", "numpy", "--steps", "41", "--no-mouse"])
    with terminal("sh", "-c", f"cat good.txt | {program}") as opened:
        opened.wait_for("numpy step 41")
        opened.send("s")
        opened.wait_for("numpy step 42")
        opened.send("q")
        assert opened.wait_for_end() == 0
        assert opened.left_behind() == {}
        assert "\x1b[?1000h" not in opened.output


@pytest.mark.usefixtures("folder")
def test_after_a_pipe_without_a_terminal_for_keys_it_prints() -> None:
    program = shlex.join([*PROGRAM, "-", *LIGHT])
    with terminal("sh", "-c", f"cat good.txt | {program}", controlling=False) as opened:
        assert opened.wait_for_end() == 0
        assert ENTER_SCREEN not in opened.output
        assert "-: 2 lines, 9 bigrams, V = 5, " in opened.shown


@pytest.mark.usefixtures("folder")
def test_a_theme_is_taken_and_ctrl_q_quits() -> None:
    with terminal(*PROGRAM, "good.txt", "--backend", "count", "--theme", "nord") as opened:
        opened.wait_for("good.txt")
        opened.send("\x11")
        assert opened.wait_for_end() == 0
        assert opened.left_behind() == {}


STUCK = """
import threading

class AtTheEnd:
    def __del__(self):
        print("tidied up")

kept = AtTheEnd()
print("stuck")
threading.Event().wait()
"""


def test_a_backend_that_is_still_loading_does_not_spoil_the_end(folder: Path) -> None:
    """Python's own end, which would tidy up, could abort within what is being loaded."""
    (folder / "stuck.py").write_text(STUCK)
    command = (*PROGRAM, "good.txt", "--backend", "numpy", "--backend", "stuck.py")
    with terminal(*command, "--history", "h.csv") as opened:
        opened.wait_for("stuck loading")
        opened.send("q")
        assert opened.wait_for_end() == 0
        assert opened.left_behind() == {}
        assert "tidied up" not in opened.shown
    assert "\n0,numpy,numpy," in (folder / "h.csv").read_text("utf-8")


@pytest.mark.usefixtures("folder")
def test_an_unknown_theme_is_answered_by_one_line() -> None:
    with terminal(*PROGRAM, "good.txt", *LIGHT, "--theme", "plaid") as opened:
        assert opened.wait_for_end() == exit_status.WRONG_USE
        assert "\x1b" not in opened.output
        (line,) = opened.output.splitlines()
        assert line.startswith("bigram-tui: no theme 'plaid'; there are: ")
        assert "nord" in line
        assert "textual-light" in line
        assert opened.left_behind() == {}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("output", ["--headless", "--json"])
def test_on_a_terminal_too_it_prints_if_asked_to(output: str) -> None:
    with terminal(*PROGRAM, "good.txt", output, *LIGHT) as opened:
        assert opened.wait_for_end() == 0
        assert ENTER_SCREEN not in opened.output
        if output == "--json":
            assert len(json.loads(opened.output)["runs"]) == 2
        else:
            assert max(map(len, opened.shown.splitlines())) <= 80


# Large texts


@contextlib.contextmanager
def fed(path: Path, text: bytes) -> Iterator[IO[bytes]]:
    """A pipe at a path out of which a text comes, and nothing more until the test says so."""
    os.mkfifo(path)
    # For reading too, so that nobody waits for the other end.
    descriptor = os.open(path, os.O_RDWR)
    with open(descriptor, "wb", buffering=0) as pipe:
        pipe.write(text)
        yield pipe


@pytest.mark.usefixtures("folder")
def test_a_text_is_read_on_screen_until_the_user_has_enough() -> None:
    with (
        fed(Path("pipe"), b"emma\nava\n"),
        terminal(*PROGRAM, "pipe", "--backend", "numpy", "--steps", "3") as opened,
    ):
        opened.wait_for("2 lines   9 bigrams   V 5")
        opened.send("\x03")
        opened.wait_for("q quits")
        opened.send("\r")
        opened.wait_for("numpy step 3")
        assert "pipe  first 9 bytes  2 lines" in opened.shown
        opened.send("q")
        assert opened.wait_for_end() == 0
        assert opened.output.count(ENTER_SCREEN) == 1
        assert opened.left_behind() == {}


@pytest.mark.usefixtures("folder")
def test_a_reading_that_gives_nothing_more_can_be_left() -> None:
    with (
        fed(Path("pipe"), b"emma\nava\n"),
        terminal(*PROGRAM, "pipe", *LIGHT, "--history", "losses.csv") as opened,
    ):
        opened.wait_for("2 lines   9 bigrams   V 5")
        opened.send("q")
        assert opened.wait_for_end() == 0
        assert opened.left_behind() == {}
        assert "bigram-tui:" not in opened.shown
    assert not Path("losses.csv").exists(), "there is no history"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("before", "line"), [(b"emma\nava\nlea\n", 4), (b"", 1)])
def test_what_is_wrong_with_a_text_ends_its_reading_on_screen(before: bytes, line: int) -> None:
    with (
        fed(Path("pipe"), before + b"zo\xeb\n"),
        terminal(*PROGRAM, "pipe", *LIGHT) as opened,
    ):
        if before:
            opened.wait_for("enter explores the part before it, 3 lines; q quits")
            opened.send("q")
        assert opened.wait_for_end() == exit_status.WRONG_USE
        assert opened.left_behind() == {}
        (told,) = (line for line in opened.lines if line.startswith("bigram-tui: "))
        assert told.startswith(f"bigram-tui: 'pipe' is not UTF-8: byte 0xEB in line {line};")


@pytest.mark.usefixtures("folder")
def test_what_was_read_before_something_wrong_is_explored_on_screen() -> None:
    with (
        fed(Path("pipe"), b"emma\nava\nlea\nzo\xeb\n"),
        terminal(*PROGRAM, "pipe", *LIGHT) as opened,
    ):
        opened.wait_for("enter explores the part before it, 3 lines; q quits")
        opened.send("\r")
        opened.wait_for("first 13 bytes  3 lines")
        opened.send("q")
        assert opened.wait_for_end() == exit_status.DONE
        assert opened.left_behind() == {}
        assert "bigram-tui:" not in opened.shown


@pytest.mark.usefixtures("folder")
def test_an_interrupt_of_reading_clears_the_bar_and_leaves_nothing() -> None:
    command = (*PROGRAM, "pipe", "--headless", *LIGHT, "--history", "losses.csv")
    with fed(Path("pipe"), b"emma\n" * 1000) as pipe, terminal(*command) as opened:
        feeder = threading.Thread(target=write_without_end, args=[pipe], daemon=True)
        feeder.start()
        opened.wait_for("/s")  # the rate
        assert "reading" in opened.shown
        opened.send("\x03")
        assert opened.wait_for_end() == exit_status.INTERRUPTED
        STOP.set()
        while os.read(pipe.fileno(), 1 << 16)[-1:] != b"!":
            pass  # make room for what is still to be written
        feeder.join(PATIENCE)
    assert ENTER_SCREEN not in opened.output
    assert "Traceback" not in opened.output
    *_, rest = opened.output.rpartition("/s")
    assert "\x1b[?25h" in rest, "the cursor is shown again"
    assert rest.endswith("\x1b[2K"), "the line of the bar is empty"
    assert not Path("losses.csv").exists()


STOP = threading.Event()


def write_without_end(pipe: IO[bytes]) -> None:
    """Write lines until told to stop, then a last sign."""
    STOP.clear()
    while not STOP.is_set():
        pipe.write(b"emma\n" * 100)
    pipe.write(b"!")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("output", ["--headless", "--json"])
def test_without_a_terminal_no_bar_is_drawn(output: str) -> None:
    with fed(Path("pipe"), b"emma\n" * 1000) as pipe:
        with started(
            *(*PROGRAM, "pipe", output, *LIGHT),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as process:
            wait_until_read(pipe)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out, err) == (exit_status.INTERRUPTED, b"", b"")


def wait_until_read(pipe: IO[bytes]) -> None:
    """Until somebody has taken all that was written into a pipe."""
    deadline = time.monotonic() + PATIENCE
    while select.select([pipe], [], [], 0)[0]:
        assert time.monotonic() < deadline
