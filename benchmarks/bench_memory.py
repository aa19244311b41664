"""The most memory that counting a large text takes, read from a pipe as it is made up.

The program says itself what it took: Linux keeps the most that a process ever had in memory. What
its parent has would count for it otherwise.
"""

import subprocess
import sys

import pytest

from benchmarks.conftest import Note
from benchmarks.texts import pieces

USUAL, HUGE = 1_000_000_000, 10_000_000_000

PROGRAM = """
import sys
from bigram_tui.cli.main import run
status = run(["-", "--headless", "--backend", "count", "--backend", "numpy"])
assert "torch" not in sys.modules
(peak,) = (line.split() for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print("peak", 1024 * int(peak[1]))
sys.exit(status)
"""


@pytest.fixture(scope="module")
def measured(pytestconfig: pytest.Config, name_lines: list[str]) -> tuple[int, int]:
    """The bytes of a text, and the most bytes of memory that the program had."""
    size = HUGE if pytestconfig.getoption("huge") else USUAL
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    read = 0
    for piece in pieces(size, name_lines):
        read += child.stdin.write(piece)
    printed, _ = child.communicate()
    assert child.returncode == 0
    return read, int(printed.split()[-1])


@pytest.mark.turns(1)
def bench_text(note: Note, measured: tuple[int, int]) -> None:
    note(measured[0])


@pytest.mark.turns(1)
def bench_peak(note: Note, measured: tuple[int, int]) -> None:
    note(measured[1])
