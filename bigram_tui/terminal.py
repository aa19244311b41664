"""Standard streams and the terminal: what can be written, shown, and read from them."""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

PROGRESS_AFTER_SECONDS = 0.5
"""How long a text may take to be read before a bar says how far it is."""


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


def emit(text: str) -> None:
    """Write to standard output, at once. OutputError if that fails."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror or error) from error


def has_screen() -> bool:
    """Whether there is a terminal to draw on, and nobody waits for our output as text."""
    return is_terminal(sys.stdout) and is_terminal(sys.stderr)


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


@contextmanager
def progress_bar() -> "Iterator[Callable[[int, int | None], None] | None]":
    """A callback for (bytes read, size); it draws a bar on stderr for what takes its time."""
    if not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    bar: Any = None
    task: Any = None

    def report(done: int, size: int | None) -> None:
        nonlocal bar, task
        if bar is None and time.monotonic() - started > PROGRESS_AFTER_SECONDS:
            bar = _make_bar()
            task = bar.add_task("reading", total=size)
            bar.start()
        if bar is not None:
            bar.update(task, completed=done, total=size)

    try:
        yield report
    finally:
        if bar is not None:
            bar.stop()


def _make_bar() -> Any:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
