"""The standard streams: where the program and plugins write, and how the program leaves them."""

import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, ClassVar, NoReturn, TextIO

LAST_WORDS_SECONDS = 5.0
"""How long functions that plugins and libraries register with atexit may take in all."""


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
    """A stream that a plugin can write to, but not close for others.

    It is never freed: a thread that prints crashes Python if sys.stdout is freed meanwhile.
    """

    _made: "ClassVar[list[KeptOpen]]" = []

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._made.append(self)

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


def complain(text: object, stream: TextIO | None = None) -> None:
    """Print an error, safe to show, to standard error; do nothing if that fails too."""
    from bigram_tui.formatting.printable import printable

    with suppress(OSError, ValueError):  # ValueError: it was closed
        print(f"bigram-tui: {printable(str(text))}", file=stream or sys.stderr)
    flush_errors()
