"""Time from start to the first heatmap, against a bare Textual app that imports NumPy."""

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time

ROUNDS = 9
DEADLINE = 60.0

BARE = """
import numpy
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static(str(numpy.eye(2)[0, 0]) + "-drawn")
Bare().run()
"""

CONTESTANTS = {
    # What shows that it is drawn: the text, and a half block of the heatmap.
    "bare Textual app, imports numpy": ([sys.executable, "-c", BARE], b"-drawn"),
    "bigram-tui, first heatmap": ([sys.executable, "-m", "bigram_tui"], "▀".encode()),
}


def seconds_until(command: list[str], mark: bytes) -> float:
    """Run a command on a terminal of 80×24 until it has written a mark; then end it."""
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"], os.environ["COLORTERM"] = "xterm-256color", "truecolor"
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    written = b""
    while mark not in written:
        if not select.select([terminal], [], [], DEADLINE)[0]:
            raise TimeoutError(f"{command} has not written {mark!r}")
        written += os.read(terminal, 1 << 16)
    elapsed = time.perf_counter() - started
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(terminal)
    return elapsed


def main() -> None:
    """Print a Markdown table; the commands take turns."""
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(ROUNDS + 1):
        for name, (command, mark) in CONTESTANTS.items():
            times[name].append(seconds_until(command, mark))
    bare, *_ = (statistics.median(measured[1:]) for measured in times.values())
    print("| start until drawn | median | ratio |\n|---|---|---|")
    for name, measured in times.items():
        median = statistics.median(measured[1:])
        print(f"| {name} | {median:.2f} s | {median / bare:.2f}× |")


if __name__ == "__main__":
    main()
