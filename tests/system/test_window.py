"""The window's edge: however it is dragged, the screen ends at its last size and answers keys."""

import random
import time
from collections.abc import Callable

import pytest

from tests.conftest import slow
from tests.system.conftest import Start
from tests.system.pseudo_terminal import PseudoTerminal

OPENED = {
    "": "hyperparameters",
    "c": "the reference",
    " ": "/s",
    "G": "╭─ theory",
    "\x10": "Search for commands",
}
"""What shows that a key has opened something."""


def drag(terminal: PseudoTerminal) -> tuple[int, int]:
    """Drag the edge from 100 to 160 columns, by one each 16 ms."""
    for columns in range(100, 161):
        terminal.resize(columns, 30)
        time.sleep(0.016)
    return 160, 30


def storm(terminal: PseudoTerminal) -> tuple[int, int]:
    """Let the size jump at random."""
    chance = random.Random(27)
    for _ in range(25):
        size = chance.randint(20, 200), chance.randint(8, 60)
        terminal.resize(*size)
        time.sleep(chance.choice([0, 0.005, 0.02, 0.05]))
    terminal.resize(110, 33)
    return 110, 33


@pytest.mark.parametrize("move", [storm, *slow(drag)])
@pytest.mark.parametrize(
    ("opening", "key", "answer"),
    [
        ("", "s", "nll 3.3703"),
        pytest.param("c", "s", "position 1", marks=pytest.mark.slow),
        pytest.param(" ", " ", "paused", marks=pytest.mark.slow),
        pytest.param("G", "\x1b", "hyperparameters", marks=pytest.mark.slow),
        pytest.param("\x10", "\x1b", "hyperparameters", marks=pytest.mark.slow),
    ],
    ids=["explore", "compare", "training", "theory", "palette"],
)
def test_the_screen_settles_at_the_last_size_and_answers(
    start: Start,
    move: Callable[[PseudoTerminal], tuple[int, int]],
    opening: str,
    key: str,
    answer: str,
) -> None:
    terminal = start(columns=100, rows=30)
    terminal.send(opening)
    terminal.wait_for(OPENED[opening])
    columns, rows = move(terminal)
    terminal.send(key)
    terminal.wait_for(answer)

    def fills_the_window() -> bool:
        lines = terminal.lines
        edges = [len(line.rstrip()) for line in lines if line.rstrip().endswith("─")]
        return lines[-1].strip().startswith("s step") and columns - 1 <= max(edges) <= columns

    terminal.wait_until(fills_the_window, f"screen of {columns}×{rows}")
    terminal.send("\x11")
    assert terminal.wait_for_end() == 0
    assert terminal.left_behind() == {}


@pytest.mark.slow
def test_a_window_of_one_column_and_back(start: Start) -> None:
    terminal = start(columns=100, rows=30)
    for key, text in (("L", "╭─ lessons"), ("H", "╭─ presets"), ("\x10", "Search for commands")):
        terminal.send(key)
        terminal.wait_for(text)
        for columns in (4, 3, 2, 1):
            terminal.resize(columns, 30)
            time.sleep(0.1)
        terminal.resize(100, 30)
        terminal.wait_for(text)
        terminal.send("\x1b")
        terminal.wait_until_gone(text)
    terminal.send("q")
    assert terminal.wait_for_end() == 0


def test_exported_sizes_do_not_win_over_the_terminal(start: Start) -> None:
    terminal = start(environment={"COLUMNS": "40", "LINES": "10"}, columns=120, rows=40)
    terminal.wait_for("under the cursor", "numpy step 0")
    terminal.resize(130, 35)
    terminal.wait_until(lambda: terminal.lines[-1].strip().startswith("s step"), "footer below")
