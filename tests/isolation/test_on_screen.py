"""On screen, q leaves whatever an isolated backend does, and the terminal is as it was."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_cli import PROGRAM, environment, folder
from tests.conftest import slow
from tests.isolation.conftest import HEAD
from tests.system.pseudo_terminal import PseudoTerminal, running

__all__ = ["folder"]

AT_ONCE = 5.0
"""Seconds within which the program ends even on a busy machine; on a quiet one it takes half of
one."""

HOLDS = f"""{HEAD}
@dataclass
class Holds(Backend):
    def train(self, bigrams, weights):
        for _ in range(3):
            yield Iteration(uniform(bigrams), weights)
        print("\\x1b[2Jtorn", flush=True)
        open("holding", "w").close()
        ctypes.PyDLL(None).sleep(1000)
"""

DIES = HOLDS.replace("ctypes.PyDLL(None).sleep(1000)", "os._exit(3)")

NEVER_LOADS = f"{HEAD}\nctypes.PyDLL(None).sleep(1000)\n"


FAR = re.compile(r"position [1-9][0-9,]+")
"""What the screen shows from step 10 on."""


@contextmanager
def opened(folder: Path, plugin: str, *arguments: str) -> Iterator[PseudoTerminal]:
    """The program in a terminal, with an isolated backend beside numpy."""
    (folder / "plugin.py").write_text(plugin, "utf-8")
    backends = "--isolate", "--backend", "plugin.py", "--backend", "numpy"
    command = (*PROGRAM, "good.txt", "--no-tour", *backends, *arguments)
    variables = environment(TERM="xterm-256color", PYTHONPATH=os.pathsep.join(sys.path))
    with running(command, environment=variables) as terminal:
        yield terminal
        assert "\x1b[2Jtorn" not in terminal.output


def get_stuck(terminal: PseudoTerminal) -> None:
    """Let the plugin take steps until it hangs."""
    terminal.wait_for("plugin step 0")
    terminal.send("S")
    terminal.wait_for("plugin has been busy with step")


def assert_it_leaves(terminal: PseudoTerminal, keys: str) -> None:
    """The program ends at once, and leaves the terminal as it found it."""
    assert "tty" in terminal.left_behind()
    terminal.send(keys)
    assert terminal.wait_for_end(AT_ONCE) == 0
    assert terminal.left_behind() == {}


@pytest.mark.parametrize("keys", ["q", *slow("\x11")])
def test_q_leaves_a_backend_that_holds_the_interpreter(folder: Path, keys: str) -> None:
    with opened(folder, HOLDS) as terminal:
        terminal.wait_for("plugin step 0", "numpy step 0")
        terminal.send("S")
        terminal.wait_for("plugin has been busy with step")
        assert_it_leaves(terminal, keys)


def test_q_leaves_an_import_that_holds_the_interpreter(folder: Path) -> None:
    with opened(folder, NEVER_LOADS) as terminal:
        terminal.wait_for("loading plugin", "numpy step 0")
        terminal.send("2s")
        terminal.wait_for("numpy step 1")
        assert_it_leaves(terminal, "q")


@pytest.mark.slow
def test_a_signal_ends_the_program_as_tidily(folder: Path) -> None:
    with opened(folder, HOLDS) as terminal:
        get_stuck(terminal)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_for_end(AT_ONCE) == 128 + signal.SIGTERM
        assert terminal.left_behind() == {}


@pytest.mark.slow
def test_r_ends_what_hangs_and_begins_again(folder: Path) -> None:
    with opened(folder, HOLDS) as terminal:
        get_stuck(terminal)
        terminal.wait_for("r ends that and begins again")
        terminal.send("rs")
        terminal.wait_for("plugin step 1")
        assert_it_leaves(terminal, "q")


@pytest.mark.slow
def test_a_run_that_hangs_can_be_removed_and_the_other_goes_on(folder: Path) -> None:
    with opened(folder, HOLDS) as terminal:
        terminal.wait_for("plugin step 0", "numpy step 0")
        terminal.send("c")
        terminal.wait_for("the reference")
        terminal.send(" ")
        terminal.wait_for("plugin has been busy with step")
        terminal.send("D")
        terminal.wait_until_gone("plugin")
        terminal.wait_until(lambda: bool(FAR.search(terminal.text)), "steps of the other run")
        assert_it_leaves(terminal, "q")


def test_a_run_that_dies_says_so_and_the_other_goes_on(folder: Path) -> None:
    with opened(folder, DIES) as terminal:
        terminal.wait_for("plugin step 0", "numpy step 0")
        terminal.send("S")
        terminal.wait_for("plugin failed at step 3: its process ended with exit code 3")
        terminal.send("2s")
        terminal.wait_for("numpy step 1")
        assert_it_leaves(terminal, "q")


@pytest.mark.slow
def test_without_a_screen_ctrl_c_ends_it(folder: Path) -> None:
    with opened(folder, HOLDS, "--headless") as terminal:
        terminal.wait_until((folder / "holding").exists, "third step")
        terminal.send("\x03")
        assert terminal.wait_for_end(AT_ONCE) == 130
        assert "Traceback" not in terminal.shown
