"""The terminal: what it allows, and how it is left."""

import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from bigram_tui.errors import UserError

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

COLOR_SYSTEMS = ("auto", "standard", "256", "truecolor", "windows")
"""The values of TEXTUAL_COLOR_SYSTEM that Textual knows."""

WEB_DRIVER = "textual.drivers.web_driver:WebDriver"
"""The value of TEXTUAL_DRIVER that Textual's servers set."""


def is_in_browser() -> bool:
    """Return whether a server started the program to draw it in a visitor's browser."""
    return os.environ.get("TEXTUAL_DRIVER") == WEB_DRIVER


def has_screen() -> bool:
    """Return whether there is a terminal to draw on, and output is not redirected."""
    return is_terminal(sys.stdout) and is_terminal(sys.stderr) and not is_dumb()


def is_dumb() -> bool:
    """Return whether TERM says that the terminal knows no escape codes, as in some editors."""
    return os.environ.get("TERM") == "dumb"


def why_no_screen() -> str:
    """Return why a table is printed on a terminal instead of the screen; empty if on none."""
    if not is_terminal(sys.stdout):
        return ""
    if is_dumb():
        return "Here is a table, as a terminal with TERM=dumb can't show the screen."
    return (
        "Here is a table, as the screen would be drawn on standard error, which is no terminal: "
        "leave out 2> to see it."
    )


def check_color_system() -> None:
    """Raise UserError if Textual does not know TEXTUAL_COLOR_SYSTEM; it would crash."""
    name = os.environ.get("TEXTUAL_COLOR_SYSTEM", COLOR_SYSTEMS[0])
    if name not in COLOR_SYSTEMS:
        known = ", ".join(COLOR_SYSTEMS)
        raise UserError(f"TEXTUAL_COLOR_SYSTEM is {name!r}; unset it, or use one of {known}")


def forget_exported_size() -> None:
    """Forget COLUMNS and LINES, so that the terminal itself is asked for its size.

    They stay if the terminal does not know it, as on some serial lines.
    """
    with suppress(OSError, AttributeError):  # no terminal, or standard output is closed
        if all(os.get_terminal_size(sys.__stdout__.fileno())):  # type: ignore[union-attr]
            os.environ.pop("COLUMNS", None)
            os.environ.pop("LINES", None)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal; it may be closed."""
    return stream is not None and stream.isatty()


def read_keys_from_terminal() -> bool:
    """Read keys from the terminal; sys.stdin still reads what it did, such as a pipe.

    Returns False and changes nothing if there is no terminal, or standard input is closed.
    """
    if sys.__stdin__ is None:
        return False
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return False
    sys.stdin = open(os.dup(0), encoding="utf-8")  # noqa: SIM115
    os.dup2(terminal, 0)
    os.close(terminal)
    return True


def on_hang_up(call: Callable[[], object]) -> None:
    """Call something in another thread if the terminal that keys come from is closed.

    The signal for it may be ignored, or not be sent: then Textual would read its end for ever.
    """
    if not hasattr(select, "poll"):  # Windows
        return
    poll = select.poll()
    poll.register(0, 0)  # no event but the end

    def wait() -> None:
        if any(happened & (select.POLLHUP | select.POLLERR) for _, happened in poll.poll()):
            call()

    threading.Thread(target=wait, name="hang-up", daemon=True).start()


LEAVE_SCREEN = (
    "\x1b[?2004l\x1b[?7h\x1b[?2048l"  # no bracketed paste, wrap lines, no resize messages
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # no mouse
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"  # usual keys, main screen, cursor, no focus messages
)
"""Escape codes that undo all that the screen changes in a terminal; harmless if done twice."""


class SavedTerminal:
    """The state of the terminal before the screen opened."""

    def __init__(self, stream: TextIO) -> None:
        """stream: where the screen is drawn."""
        self.stream = stream
        self._attributes: list[Any] | None = None
        if termios is not None:
            with suppress(termios.error):  # standard input is no terminal
                self._attributes = termios.tcgetattr(0)

    def restore(self) -> None:
        """Restore it, if Textual can no longer do so."""
        if termios is not None and self._attributes is not None:
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(0, termios.TCSANOW, self._attributes)
        with suppress(OSError, ValueError):
            os.write(self.stream.fileno(), LEAVE_SCREEN.encode())
