"""From a key to the last byte of the frame that shows its effect, against a bare Textual app.

In the program the key takes a step of gradient descent: all but the keys and the facts of the text
changes. The rival counts keys, on a line of its own.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from benchmarks.bench_startup import HEATMAP, PROGRAM
from benchmarks.conftest import Measure
from benchmarks.terminal import Terminal

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    keys = 0
    def compose(self):
        yield Static("keys 0.")
    def on_key(self):
        self.keys += 1
        self.query_one(Static).update(f"keys {self.keys}.")
Bare().run()
"""

END = "\x1b[1;1H"
"""What Textual ends each frame with: the cursor goes back to where it was."""
REST = 1.5
"""Seconds after which all runs are loaded, and nothing is drawn any more."""
KEYS = 20


@contextmanager
def at_rest(command: list[str], mark: str) -> Iterator[Terminal]:
    """A program that has drawn a mark, some time later."""
    terminal = Terminal(command)
    try:
        terminal.wait_for(mark)
        terminal.look(REST)
        yield terminal
    finally:
        terminal.close()


def measure_keys(measure: Measure, terminal: Terminal, mark: Callable[[int], str]) -> None:
    """Press a key again and again, each time until the frame of its mark has ended."""
    numbers = count(1)

    def press() -> None:
        terminal.press("s")
        terminal.wait_for(mark(next(numbers)))
        terminal.wait_for(END)

    press()  # the first one imports this or that
    measure(press, rounds=KEYS, afterwards=lambda: terminal.look(0.1))


def bench_step(measure: Measure) -> None:
    with at_rest(PROGRAM, HEATMAP) as terminal:
        measure_keys(measure, terminal, lambda number: f"numpy {number} ")


def bench_echo(measure: Measure) -> None:
    with at_rest([sys.executable, "-c", BARE], "keys 0.") as terminal:
        measure_keys(measure, terminal, lambda number: f"keys {number}.")
