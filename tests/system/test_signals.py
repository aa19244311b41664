"""Signals: whatever ends or stops the program, the terminal is as it was before.

Each is sent to the process alone, as `kill` and `timeout` do; a closed window sends SIGHUP.
"""

import gzip
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import slow
from tests.system.conftest import NAMES, PROGRAM, Start
from tests.system.pseudo_terminal import PATIENCE_SECONDS

ENTER_SCREEN = "\x1b[?1049h"

ENDING = ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"]

STUCK = '''
"""A backend that is stuck after its first iteration."""

from dataclasses import dataclass

from bigram_tui.backend import Backend, Iteration


@dataclass
class Stuck(Backend):
    """Never yields a second time."""

    def train(self, bigrams, weights):
        yield Iteration(bigrams.counts / bigrams.row_sums[:, None], weights, weights)
        while True:
            pass
'''


@pytest.mark.parametrize("name", [ENDING[0], *slow(*ENDING[1:])])
def test_a_signal_ends_the_screen_restores_the_terminal_and_writes_the_history(
    start: Start, tmp_path: Path, name: str
) -> None:
    history = tmp_path / "losses.csv"
    terminal = start("--history", str(history), "--backend", "numpy")
    terminal.send("S")
    terminal.wait_for("numpy step 10")
    terminal.signal(signal.Signals[name])
    assert terminal.wait_for_end() == 128 + signal.Signals[name]
    assert terminal.left_behind() == {}
    assert b"Traceback" not in terminal.written
    assert len(history.read_text("utf-8").splitlines()) == 1 + 11


@pytest.mark.parametrize("name", [ENDING[0], *slow(*ENDING[1:])])
def test_a_backend_that_is_stuck_holds_up_no_end(start: Start, tmp_path: Path, name: str) -> None:
    backend, history = tmp_path / "stuck.py", tmp_path / "losses.csv"
    backend.write_text(STUCK, "utf-8")
    terminal = start("--backend", str(backend), "--history", str(history), wait_for="nll 2.45")
    terminal.send("s")
    time.sleep(0.2)
    before = time.monotonic()
    terminal.signal(signal.Signals[name])
    assert terminal.process.wait(30) == 128 + signal.Signals[name]
    assert time.monotonic() - before < 5, "it is given two seconds; the machine may be busy"
    terminal.wait_for_end()
    assert terminal.left_behind() == {}
    assert history.exists()


def test_a_window_that_is_closed_ends_the_program_and_its_history_is_written(
    start: Start, tmp_path: Path
) -> None:
    history = tmp_path / "losses.csv"
    terminal = start("--history", str(history), "--backend", "numpy")
    terminal.hang_up()
    assert terminal.process.wait(30) == 128 + signal.SIGHUP
    assert history.exists()


def test_a_main_thread_that_is_stuck_does_not_keep_the_terminal(start: Start) -> None:
    """The last resort: nothing of the tidy end can be done."""
    stuck = (
        "import sys, time; from bigram_tui.tui.app import BigramApp; "
        "BigramApp.action_sample = lambda self: time.sleep(1000); "
        "BigramApp.leave = lambda self, number: time.sleep(1000); "
        "from bigram_tui.cli.main import main; main(sys.argv[1:])"
    )
    terminal = start(shell=f"exec {sys.executable} -c '{stuck}' {NAMES} --no-tour")
    terminal.signal(signal.SIGTERM)
    assert terminal.wait_for_end() == 128 + signal.SIGTERM
    assert terminal.left_behind() == {}


def test_a_signal_while_a_text_is_read_restores_the_terminal(start: Start) -> None:
    """A pipe out of which nothing comes any more."""
    shell = f"(head -c 100000 {NAMES}; sleep 60) | exec {PROGRAM} - --no-tour"
    terminal = start(shell=shell, wait_for="reading")
    subprocess.run(
        ["pkill", "-TERM", "-s", str(terminal.process.pid), "-f", "bigram-tui -"], check=True
    )
    terminal.wait_until(lambda: not terminal.left_behind(), "restored terminal")


WAITING = '''
"""A backend that says when it is under way, and waits until it is told to go on."""

import time
from dataclasses import dataclass
from pathlib import Path

from bigram_tui.backend import Backend, Iteration


@dataclass
class Waiting(Backend):
    """Makes the file `under-way`, and ends when there is a file `go`."""

    def train(self, bigrams, weights):
        Path("under-way").touch()
        while not Path("go").exists():
            time.sleep(0.01)
        yield Iteration(bigrams.counts / bigrams.row_sums[:, None], last=True)
'''


@contextmanager
def under_way(folder: Path, backend: str, *before: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the program without a screen until its backend is under way.

    backend: its source. before: the start of the command.
    """
    (folder / "backend.py").write_text(backend, "utf-8")
    command = [*before, str(PROGRAM), str(NAMES), "--headless", "--backend", "backend.py"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe) as process:
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not (folder / "under-way").exists():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield process
        finally:
            process.kill()  # lest a test that fails waits for it


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_without_a_screen_a_signal_ends_with_its_status_and_no_traceback(
    tmp_path: Path, name: str
) -> None:
    with under_way(tmp_path, WAITING) as process:
        process.send_signal(signal.Signals[name])
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 128 + signal.Signals[name]
    assert errors == b""


SLOW_IN_C = '''
"""A backend whose first iteration is one long call of other code than Python's."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bigram_tui.backend import Backend, Iteration


@dataclass
class Slow(Backend):
    """Takes minutes."""

    def train(self, bigrams, weights):
        Path("under-way").touch()
        np.linalg.svd(np.random.default_rng(0).random((6000, 6000)))
        yield Iteration(weights)
'''


def test_a_long_call_of_other_code_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with under_way(tmp_path, SLOW_IN_C) as process:
        time.sleep(0.5)  # until it is within the call
        before = time.monotonic()
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert time.monotonic() - before < 10, "minutes, if it were waited for"


def test_a_signal_where_a_part_is_offered_ends_with_its_status(
    start: Start, tmp_path: Path
) -> None:
    text = tmp_path / "broken.gz"
    text.write_bytes(gzip.compress(NAMES.read_bytes() + b"\xff"))
    shell = f"exec {PROGRAM} {text} --no-tour"
    terminal = start(shell=shell, wait_for="enter explores the part")
    terminal.signal(signal.SIGTERM)
    assert terminal.wait_for_end() == 128 + signal.SIGTERM
    assert terminal.left_behind() == {}


def test_a_signal_that_nohup_ignores_is_ignored_without_a_screen(tmp_path: Path) -> None:
    with under_way(tmp_path, WAITING, "sh", "-c", "trap '' HUP; exec \"$@\"", "sh") as process:
        process.send_signal(signal.SIGHUP)
        (tmp_path / "go").touch()
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert b"perplexity" in output


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with job control")
def test_ctrl_z_stops_the_whole_job_and_fg_brings_it_back(start: Start) -> None:
    terminal = start(shell="PS1='prompt> ' exec bash --norc --noprofile -i", wait_for="prompt>")
    # In a job of two processes, as with make, both must stop: the shell waits for all.
    terminal.send(f"sh -c '{PROGRAM} {NAMES} --no-tour; exit 7'\r")
    terminal.wait_for("numpy step 0")
    terminal.send("\x1a")
    terminal.wait_for("Stopped", "prompt>")
    assert terminal.left_behind().keys() <= {"tty", "mode 2004"}, "which are the shell's own"
    terminal.send("bg\r")
    terminal.send("echo i''dle\r")
    terminal.wait_for("idle")
    terminal.resize(100, 30)
    terminal.send("fg\r")
    terminal.wait_until(lambda: "prompt>" not in terminal.text, "screen again")
    terminal.send("s")
    terminal.wait_for("numpy 1 3.3703")
    terminal.send("q")
    terminal.wait_for("prompt>")
    terminal.send("exit $?\r")
    assert terminal.wait_for_end() == 7
    assert terminal.left_behind() == {}


@pytest.mark.slow
def test_a_stop_from_outside_leaves_one_screen_that_is_restored(start: Start) -> None:
    terminal = start()
    terminal.signal(signal.SIGSTOP)
    time.sleep(0.1)
    opened = terminal.output.count(ENTER_SCREEN)
    terminal.signal(signal.SIGCONT)
    terminal.wait_until(lambda: terminal.output.count(ENTER_SCREEN) > opened, "screen again")
    time.sleep(0.2)  # until it takes keys: those typed before are dropped
    terminal.send("s")
    terminal.wait_for("numpy step 1")
    terminal.send("q")
    assert terminal.wait_for_end() == 0
    assert terminal.left_behind() == {}
