"""The standard streams and the terminal: what they allow, and how they are left."""

import io
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, NoReturn, Protocol, TextIO

from bigram_tui.errors import UserError

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

LAST_WORDS_SECONDS = 5.0
"""How long functions that plugins and libraries register with atexit may take in all."""

PROGRESS_AFTER_SECONDS = 0.5
"""How long work may take before a progress bar appears."""

COLOR_SYSTEMS = ("auto", "standard", "256", "truecolor", "windows")
"""The values of TEXTUAL_COLOR_SYSTEM that Textual knows."""


WEB_DRIVER = "textual.drivers.web_driver:WebDriver"
"""The value of TEXTUAL_DRIVER that Textual's servers set."""


class Report(Protocol):
    """Shows progress. done, size: how much of how much, None if unknown; what: of which work."""

    def __call__(self, done: int, size: int | None, what: str = "reading") -> None: ...


class OutputError(Exception):
    """Standard output could not be written."""


def have_streams() -> None:
    """Make output writable: the caller may have closed it, or chosen ASCII."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def drop(stream: TextIO) -> None:
    """Discard what is still buffered; it would be written at exit, and fail again."""
    with suppress(OSError):  # it has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def flush_errors() -> None:
    """Write what is buffered to standard error; discard it if that fails.

    Otherwise Python would try again at exit, and end with a status of its own.
    """
    try:
        sys.stderr.flush()
    except OSError:
        drop(sys.stderr)


def keep_output_apart() -> None:
    """Leave descriptor 1 to plugins and libraries: what they write there goes to standard error.

    The program's own output still goes where it did, as sys.stdout.
    """
    sys.stdout.flush()
    if (own := copied(sys.stdout, 1)) is not None:
        sys.stdout = own
        os.dup2(2, 1)


class KeptOpen:
    """A stream that a plugin can write to, but not close for others."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        """Leave it open."""


class OfMainThread(KeptOpen):
    """A stream to which only the program's main thread writes; what other threads write is lost."""

    def write(self, text: str) -> int:
        """Write some text, or drop it."""
        if threading.current_thread() is not threading.main_thread():
            return len(text)
        return self._stream.write(text)


@contextmanager
def prints_apart() -> Iterator[None]:
    """Have what plugins print go to standard error, so that standard output has only results."""
    stderr: Any = KeptOpen(sys.stderr)
    with redirect_stdout(stderr), redirect_stderr(stderr):
        yield


def copied(stream: TextIO, descriptor: int) -> TextIO | None:
    """Return a stream to where a standard one leads; None if that is not its usual descriptor."""
    try:
        if stream.fileno() != descriptor:
            return None
        os.fstat(2)
        return open(os.dup(descriptor), "w", encoding=stream.encoding, errors="replace")
    except (OSError, ValueError):  # closed, or no file at all
        return None


def leave(status: int) -> NoReturn:
    """End the process; at once if a thread is left, such as that of a plugin.

    Python would wait for a thread that is no daemon, and other threads may abort its end. What the
    process would do at its end is then left out, such as functions registered with atexit; one
    that takes too long is cut short.
    """
    if threading.active_count() > 1:
        leave_at_once(status)

    def cut_short() -> None:
        time.sleep(LAST_WORDS_SECONDS)
        os._exit(status)

    threading.Thread(target=cut_short, daemon=True).start()
    sys.exit(status)


def leave_at_once(status: int) -> NoReturn:
    """End the process without tidying up, which would abort it while a thread is in torch."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def emit(text: str, *, styled: bool = False) -> None:
    """Write to standard output at once. Raises OutputError, and BrokenPipeError.

    styled: whether it has escape codes of ours; otherwise there are none in it, whatever it says.
    """
    if not styled:
        from bigram_tui.formatting.printable import printable  # it imports Rich

        text = "\n".join(map(printable, text.split("\n")))
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror or error) from error


def is_in_browser() -> bool:
    """Return whether a server started the program to draw it in a visitor's browser."""
    return os.environ.get("TEXTUAL_DRIVER") == WEB_DRIVER


def has_screen() -> bool:
    """Return whether there is a terminal to draw on, and output is not redirected."""
    return is_terminal(sys.stdout) and is_terminal(sys.stderr) and not is_dumb()


def is_dumb() -> bool:
    """Return whether TERM says that the terminal knows no escape codes, as in some editors."""
    return os.environ.get("TERM") == "dumb"


def complain(text: object, stream: TextIO | None = None) -> None:
    """Print an error, safe to show, to standard error; do nothing if that fails too."""
    from bigram_tui.formatting.printable import printable

    with suppress(OSError, ValueError):  # ValueError: it was closed
        print(f"bigram-tui: {printable(str(text))}", file=stream or sys.stderr)
    flush_errors()


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


@contextmanager
def progress_bar(*, of_bytes: bool = True) -> Iterator[Report | None]:
    """Yield a function that shows a progress bar on stderr; None if stderr is no terminal.

    of_bytes: whether progress is in bytes, or else in steps.
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
