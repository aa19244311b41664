"""A bar of progress on standard error, for work that takes long."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

PROGRESS_AFTER_SECONDS = 0.5
"""How long work may take before a progress bar appears."""


class Report(Protocol):
    """Shows progress. done, size: how much of how much, None if unknown; what: of which work."""

    def __call__(self, done: int, size: int | None, what: str = "reading") -> None: ...


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
