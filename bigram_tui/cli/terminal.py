"""Standard streams and the terminal: what can be written, shown, and read from them."""

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, Protocol, TextIO

from bigram_tui.errors import UserError

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

PROGRESS_AFTER_SECONDS = 0.5
"""How long work may take before a bar says how far it is."""

COLOR_SYSTEMS = ("auto", "standard", "256", "truecolor", "windows")
"""What Textual takes for TEXTUAL_COLOR_SYSTEM."""


WEB_DRIVER = "textual.drivers.web_driver:WebDriver"
"""What Textual's servers ask for by an environment variable."""


class Report(Protocol):
    """Is told how much is done, of how much if that is known, and of what."""

    def __call__(self, done: int, size: int | None, what: str = "reading") -> None: ...


class OutputError(Exception):
    """What was to be printed could not be written."""


def have_streams() -> None:
    """Make sure that output can be written: a caller may have closed it, or chosen ASCII."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def drop_output() -> None:
    # What is still buffered would be written at exit, and fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leave_at_once(status: int) -> NoReturn:
    """End the process without tidying up: where a thread is still in torch, that would abort it."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def emit(text: str) -> None:
    """Write to standard output, at once. OutputError if that fails."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror or error) from error


def is_in_browser() -> bool:
    """Whether a server has started the program, to draw it in a visitor's browser."""
    return os.environ.get("TEXTUAL_DRIVER") == WEB_DRIVER


def has_screen() -> bool:
    """Whether there is a terminal to draw on, and nobody waits for our output as text."""
    return is_terminal(sys.stdout) and is_terminal(sys.stderr) and not is_dumb()


def is_dumb() -> bool:
    """Whether the terminal says of itself that it knows no escape codes, as that of an editor."""
    return os.environ.get("TERM") == "dumb"


def complain(text: object) -> None:
    """Say on standard error what is wrong, unless even that can't be written."""
    with suppress(OSError):
        print(f"bigram-tui: {text}", file=sys.stderr, flush=True)


def why_no_screen() -> str:
    """Say to who looks at a terminal why a table is printed there; empty if nobody does."""
    if not is_terminal(sys.stdout):
        return ""
    if is_dumb():
        return "Here is a table, as a terminal with TERM=dumb can't show the screen."
    return (
        "Here is a table, as the screen would be drawn on standard error, which is no terminal: "
        "leave out 2> to see it."
    )


def check_color_system() -> None:
    """Raise UserError if TEXTUAL_COLOR_SYSTEM is none that Textual knows; it would crash."""
    name = os.environ.get("TEXTUAL_COLOR_SYSTEM", COLOR_SYSTEMS[0])
    if name not in COLOR_SYSTEMS:
        known = ", ".join(COLOR_SYSTEMS)
        raise UserError(f"TEXTUAL_COLOR_SYSTEM is {name!r}; unset it, or use one of {known}")


def forget_exported_size() -> None:
    """Have the terminal itself say how large it is, whatever COLUMNS and LINES say.

    They are forgotten only where the terminal does say so: some serial lines do not.
    """
    with suppress(OSError, AttributeError):  # no terminal, or standard output is closed
        if all(os.get_terminal_size(sys.__stdout__.fileno())):  # type: ignore[union-attr]
            os.environ.pop("COLUMNS", None)
            os.environ.pop("LINES", None)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream, which its caller may have closed, is a terminal."""
    return stream is not None and stream.isatty()


def read_keys_from_terminal() -> bool:
    """Have keys come from the terminal; sys.stdin stays what it was, such as a pipe to be read.

    False, and nothing has changed, where there is no terminal or standard input is closed.
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


LEAVE_SCREEN = (
    "\x1b[?2004l\x1b[?7h\x1b[?2048l"  # no bracketed paste, wrap lines, no resize messages
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # no mouse
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"  # usual keys, main screen, cursor, no focus messages
)
"""What undoes all that the screen changes in a terminal; harmless where it is undone already."""


class SavedTerminal:
    """How the terminal was before the screen opened."""

    def __init__(self) -> None:
        self._attributes: list[Any] | None = None
        if termios is not None:
            with suppress(termios.error):  # standard input is no terminal
                self._attributes = termios.tcgetattr(0)

    def restore(self) -> None:
        """Put it back, when what opened the screen can no longer do so."""
        if termios is not None and self._attributes is not None:
            with suppress(termios.error):  # it is gone
                termios.tcsetattr(0, termios.TCSANOW, self._attributes)
        with suppress(OSError):
            os.write(2, LEAVE_SCREEN.encode())


@contextmanager
def progress_bar(*, of_bytes: bool = True) -> Iterator[Report | None]:
    """A bar on stderr for what takes its time; None where nobody sees it.

    of_bytes: whether it is of bytes, or else of iterations.
    """
    if not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    bar: Any = None
    tasks: dict[str, Any] = {}

    def report(done: int, size: int | None, what: str = "reading") -> None:
        nonlocal bar
        if bar is None and time.monotonic() - started > PROGRESS_AFTER_SECONDS:
            bar = _make_bar(of_bytes)
            bar.start()
        if bar is not None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=size)
            bar.update(tasks[what], completed=done, total=size)

    try:
        yield report
    finally:
        if bar is not None:
            bar.stop()


def _make_bar(of_bytes: bool) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    amounts = (DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)
    what = TextColumn("{task.description}", markup=False)
    columns = (what, BarColumn(), *amounts, TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
