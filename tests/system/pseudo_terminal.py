"""A pseudo-terminal in which a test runs the program, with an emulator that says what it shows."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyte

PATIENCE_SECONDS = 30.0
"""How long a test waits for what must come: much longer than it takes on a busy machine."""

POLL_SECONDS = 0.02

PRIVATE_MODE = re.compile(rb"\x1b\[\?(\d+)([hl])")
KITTY_KEYS = re.compile(rb"\x1b\[([<>])\d*u")

CURSOR, ALTERNATE_SCREEN, BRACKETED_PASTE, LINE_WRAP, FOCUS, IN_BAND_RESIZE = (
    *(25, 1049, 2004, 7, 1004),
    2048,
)
MOUSE = (1000, 1003, 1006, 1015, 1016)

MODES_AT_REST = {CURSOR: True, LINE_WRAP: True}
"""The private modes that are set in a terminal that no program has changed."""

SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")

NOT_FOR_THE_EMULATOR = re.compile(rb"\x1b\[[<>=][\d;]*[a-zA-Z]|\x1b\[\?[\d;]*\$p")
"""Sequences that pyte would print in part: the kitty keyboard protocol and queries of modes."""

START_APART = """
import os, signal, sys
for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"):  # whoever runs the tests may ignore them
    signal.signal(getattr(signal, name), signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
START = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)" + START_APART
"""What the new process does before it becomes the program."""


class Emulator(pyte.Screen):
    """pyte's screen, but it ignores numbers that a sequence has too many of, as terminals do."""

    def cursor_up(self, count: int | None = None, *_: int) -> None:
        super().cursor_up(count)

    def cursor_down(self, count: int | None = None, *_: int) -> None:
        super().cursor_down(count)

    def cursor_forward(self, count: int | None = None, *_: int) -> None:
        super().cursor_forward(count)

    def cursor_back(self, count: int | None = None, *_: int) -> None:
        super().cursor_back(count)


class PseudoTerminal:
    """A terminal of some size, the program that runs in it, and all that this has written."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 100,
        rows: int = 30,
        environment: Mapping[str, str] | None = None,
        controlling: bool = True,
    ) -> None:
        """controlling: whether it is the program's /dev/tty too, and sends it signals."""
        self._controller, self._terminal = pty.openpty()
        self._is_open = True
        self._lock = threading.Lock()
        self._screen = Emulator(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.written = bytearray()
        self._resize(columns, rows)
        self._attributes = termios.tcgetattr(self._terminal)
        self.process = subprocess.Popen(
            [sys.executable, "-c", START if controlling else START_APART, *command],
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            env=dict(environment or os.environ),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # What the user does

    def send(self, keys: str) -> None:
        """Type keys."""
        os.write(self._controller, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window, of which the kernel tells the program by SIGWINCH."""
        with self._lock:
            self._screen.resize(rows, columns)
        self._resize(columns, rows)

    def _resize(self, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close the window, or lose the connection: the terminal is gone."""
        os.close(self._terminal)
        os.close(self._controller)
        self._is_open = False

    # What the user sees

    @property
    def lines(self) -> list[str]:
        """The lines of the screen."""
        with self._lock:
            return list(self._screen.display)

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.lines)

    @property
    def output(self) -> str:
        """All that was written so far, with what moves the cursor and colours the text."""
        return bytes(self.written).decode(errors="replace")

    @property
    def shown(self) -> str:
        """The same without that."""
        return SEQUENCE.sub("", self.output)

    def wait_for(self, *texts: str) -> str:
        """Wait until the screen shows all of some texts; the screen."""
        self.wait_until(lambda: all(text in self.text for text in texts), f"{texts} on screen")
        return self.text

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition. AssertionError, with the screen, if it does not come true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what}:\n{self.text}")
            time.sleep(POLL_SECONDS)

    def wait_until_gone(self, text: str) -> None:
        """Wait until a text is not on the screen any more."""
        self.wait_until(lambda: text not in self.text, f"end of {text!r}")

    def wait_for_end(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for the program to end; its status, which is −n where signal n ended it."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it goes on after {seconds} s:\n{self.text}") from None
        # The kernel has all that was written: read until nothing more comes.
        before = -1
        while before != len(self.written):
            before = len(self.written)
            time.sleep(5 * POLL_SECONDS)
        return status

    def left_behind(self) -> dict[str, object]:
        """What the program has changed of the terminal and not put back; empty if all is well."""
        changed: dict[str, object] = {}
        modes = dict(MODES_AT_REST)
        for number, switch in PRIVATE_MODE.findall(bytes(self.written)):
            modes[int(number)] = switch == b"h"
        for number, is_on in modes.items():
            if number != 2026 and is_on != MODES_AT_REST.get(number, False):
                changed[f"mode {number}"] = is_on
        pushed = [kind == b">" for kind in KITTY_KEYS.findall(bytes(self.written))]
        if sum(pushed) > len(pushed) - sum(pushed):
            changed["kitty keys"] = True
        attributes = termios.tcgetattr(self._terminal)
        if attributes != self._attributes:
            changed["tty"] = attributes
        return changed

    # Under the hood

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._controller, 1 << 16):
                with self._lock:
                    self.written += data
                    self._stream.feed(NOT_FOR_THE_EMULATOR.sub(b"", data))

    def close(self) -> None:
        """End the program, whatever it does, and the terminal."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._is_open:
            os.close(self._terminal)
            self._reader.join(1)
            os.close(self._controller)


@contextmanager
def running(
    command: Sequence[str],
    *,
    columns: int = 100,
    rows: int = 30,
    environment: Mapping[str, str] | None = None,
    controlling: bool = True,
) -> Iterator[PseudoTerminal]:
    """Run a command in a terminal, which is closed afterwards."""
    size = {"columns": columns, "rows": rows}
    terminal = PseudoTerminal(command, environment=environment, controlling=controlling, **size)
    try:
        yield terminal
    finally:
        terminal.close()
