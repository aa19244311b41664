"""A user in a hurry: keys, sizes and the end come faster than the program can draw."""

import random
import time

import pytest

from tests.conftest import slow
from tests.system.conftest import NAMES, PROGRAM, Start
from tests.system.pseudo_terminal import PseudoTerminal, running

LEAVE = "\x11"
"""ctrl+q, which leaves whatever is on screen."""

PALETTE, PAGE_DOWN, ESCAPE = "\x10", "\x1b[6~", "\x1b"

AT_ONCE_SECONDS = 2.5
"""How long leaving may take on a busy machine: a thread that loads torch takes longer."""


def leave_in_peace(terminal: PseudoTerminal) -> None:
    """Leave; nothing may be told, and the terminal must be as it was."""
    terminal.send(LEAVE)
    assert terminal.wait_for_end() == 0, terminal.text
    assert b"Traceback" not in terminal.written
    assert "Error" not in terminal.shown
    assert terminal.left_behind() == {}


@pytest.mark.parametrize("milliseconds", [100, *slow(*range(60, 151, 5))])
def test_to_leave_while_another_screen_opens_is_no_error(start: Start, milliseconds: int) -> None:
    terminal = start("--backend", "numpy")
    terminal.send("c")
    time.sleep(milliseconds / 1000)
    leave_in_peace(terminal)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_to_leave_after_a_thousand_sizes_is_no_error(start: Start, seed: int) -> None:
    terminal = start("--backend", "numpy")
    sizes = random.Random(seed)
    for _ in range(1000):
        terminal.resize(sizes.randint(1, 200), sizes.randint(1, 60))
    leave_in_peace(terminal)


def test_to_leave_while_a_lesson_loads_torch_takes_no_time(start: Start) -> None:
    terminal = start("--backend", "numpy")
    terminal.send("T")
    terminal.wait_for("picked")
    begin = time.monotonic()
    leave_in_peace(terminal)
    assert time.monotonic() - begin < AT_ONCE_SECONDS


@pytest.mark.slow
def test_a_page_of_actions_can_be_turned_before_they_are_listed(start: Start) -> None:
    terminal = start("--backend", "numpy")
    for _ in range(4):
        terminal.send(PALETTE)
        for _ in range(25):
            terminal.send(PAGE_DOWN)
            time.sleep(0.02)
        terminal.send(ESCAPE)
        time.sleep(0.1)
    for _ in range(10):
        terminal.send(PALETTE + ESCAPE)
    leave_in_peace(terminal)


def test_the_end_of_the_terminal_ends_the_program_without_any_signal() -> None:
    with running([str(PROGRAM), str(NAMES), "--no-tour"], controlling=False) as terminal:
        terminal.wait_for("hyperparameters")
        terminal.hang_up()
        terminal.process.wait(AT_ONCE_SECONDS * 4)


KEYS = ["\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", PAGE_DOWN, "\x1b[5~", "\x1b[H", "\x1b[F", "\x1bOP"]
KEYS += [chr(code) for code in range(32, 127)] + [ESCAPE, "\t", "\r", "\x7f", PALETTE, "ü", "👩"]
KEYS += ["\x1b[<0;20;10M\x1b[<0;20;10m", "\x1b[<64;20;10M", "\x1b[200~[red]\x1b[201~"]
QUITTING = {"q"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_random_keys_in_a_terminal_leave_it_as_it_was(start: Start, seed: int) -> None:
    draw = random.Random(seed)
    terminal = start()
    for _ in range(300):
        if terminal.process.poll() is not None:
            break  # the list of actions can quit too
        terminal.send(draw.choice([key for key in KEYS if key not in QUITTING]))
        if draw.random() < 0.05:
            terminal.resize(draw.randint(1, 300), draw.randint(1, 100))
        time.sleep(draw.choice([0, 0, 0, 0.01, 0.05]))
    leave_in_peace(terminal)
