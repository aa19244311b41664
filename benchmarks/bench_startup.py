"""From the command to what is drawn, on a terminal, against a bare Textual app.

The program is killed as soon as it has drawn, which takes no part of the time that counts.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

from benchmarks.conftest import Measure, Note
from benchmarks.terminal import Terminal

BARE = """
import numpy{more}
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static(str(numpy.eye(2)[0, 0]) + "-drawn")
Bare().run()
"""

PROGRAM = [sys.executable, "-m", "bigram_tui"]
THREE = ["--backend", "count", "--backend", "numpy", "--backend", "torch", "--reference", "numpy"]

HEATMAP = "▀"
COMPARING = " explore"
"""What the key c does on the compare screen, in its last line."""
COMPARED = "agree to"
"""What the compare screen says of torch's table beside numpy's, once it is there."""
TITLES = ("N counts", "W weights", "gradient ∂", "P(next")
"""Of the maps, in the order in which the key v shows them."""

ROUNDS = 2


def measure_until(measure: Measure, command: list[str], mark: str, key: str = "") -> None:
    """Time until a mark is drawn; with a key, it is pressed when there is a heatmap."""
    running: list[Terminal] = []

    def start() -> None:
        running.append(Terminal(command))
        if key:
            running[-1].wait_for(HEATMAP)
            running[-1].press(key)
        running[-1].wait_for(mark)

    measure(start, rounds=ROUNDS, afterwards=lambda: running.pop().close())


def bench_bare(measure: Measure) -> None:
    measure_until(measure, [sys.executable, "-c", BARE.format(more="")], "-drawn")


def bench_heatmap(measure: Measure) -> None:
    measure_until(measure, PROGRAM, HEATMAP)


def bench_bare_torch(measure: Measure) -> None:
    measure_until(measure, [sys.executable, "-c", BARE.format(more=", torch")], "-drawn")


def bench_compared(measure: Measure) -> None:
    measure_until(measure, PROGRAM + THREE, COMPARED, key="c")


@contextmanager
def comparing() -> Iterator[Terminal]:
    """The compare screen, while torch is loaded."""
    terminal = Terminal(PROGRAM + THREE)
    try:
        terminal.wait_for(HEATMAP)
        terminal.press("c")
        terminal.wait_for(COMPARING)
        yield terminal
    finally:
        terminal.close()


def seconds_until_shown(terminal: Terminal, title: str) -> float:
    """From the key that shows another table until its title is there."""
    pressed = time.perf_counter()
    terminal.press("v")
    terminal.wait_for(title)
    return time.perf_counter() - pressed


def bench_key_while_loading(note: Note) -> None:
    titles, taken = cycle(TITLES), []
    with comparing() as terminal:
        while not terminal.has_written(COMPARED):
            taken.append(seconds_until_shown(terminal, next(titles)))
    note(max(taken))


def bench_key(note: Note) -> None:
    with comparing() as terminal:
        terminal.wait_for(COMPARED)
        taken = [seconds_until_shown(terminal, title) for title in 2 * TITLES]
    note(max(taken))
