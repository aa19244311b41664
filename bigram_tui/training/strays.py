"""Faults of plugins outside of their runs: in their own threads, or where nobody can catch them.

Python writes a traceback of these to standard error, whatever is shown there. Here each becomes one
line, which ends the runs of its backend; a line that belongs to none is told by the program.
"""

import sys
import threading
from collections import deque
from collections.abc import Iterator
from types import FunctionType, GeneratorType, TracebackType

from bigram_tui.faults import describe_error, files_of
from bigram_tui.training.output import UNATTRIBUTED

MOST_LINES = 100
"""The lines that are kept; later ones replace the oldest."""


class Strays:
    """Lines about stray faults, by the source file of the backend that they belong to."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._failed: set[str | None] = set()
        self._untold: deque[tuple[str | None, str]] = deque(maxlen=MOST_LINES)

    def watch(self, file: str | None) -> int:
        """Keep the faults of a file from now on. Returns their number so far."""
        return 0 if file is None else self._counts.setdefault(file, 0)

    def count(self, file: str | None) -> int:
        """Return the number of faults of a file that is watched; 0 for another."""
        return self._counts.get(file, 0) if file is not None else 0

    def last(self, file: str | None) -> str:
        """Return the newest fault of a file in one line; empty if there is none."""
        return self._lines.get(file, "") if file is not None else ""

    def has_failed(self, file: str | None) -> None:
        """Drop the faults of a file, and those to come: its run tells what is wrong with it."""
        self._failed.add(file)
        self._untold = deque([pair for pair in list(self._untold) if pair[0] != file], MOST_LINES)

    def untold(self) -> list[str]:
        """Return the lines that no run has told, each once."""
        lines = []
        while self._untold:  # threads may add to it meanwhile
            lines.append(self._untold.popleft()[1])
        return lines

    def record(
        self, error: BaseException, traceback: TracebackType | None, where: str, by: object = None
    ) -> None:
        """Keep a fault. where: what raised it, such as "a thread". by: the object that did."""
        files = [*files_of(traceback), *_file_of_code(by)]
        file = next((file for file in files if file in self._counts), None)
        line = f"{where} raised {describe_error(error, file or next(iter(files), None))}"
        if file is not None:
            self._lines[file] = line
            self._counts[file] += 1
        UNATTRIBUTED.write(f"{line}\n")
        if file is None or file not in self._failed:
            self._untold.append((file, line))


def _file_of_code(by: object) -> Iterator[str]:
    """Yield the source file of a generator or a function."""
    if type(by) is GeneratorType:
        yield by.gi_code.co_filename
    elif type(by) is FunctionType:
        yield by.__code__.co_filename


STRAYS = Strays()
"""The stray faults of this process."""


def record_strays() -> None:
    """Record stray faults from now on instead of writing tracebacks, in all threads."""
    is_ending = sys.is_finalizing  # kept here: at Python's end, globals are gone

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:  # which ends a thread
            STRAYS.record(args.exc_value, args.exc_traceback, "a thread")

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        if args.exc_value is not None and not is_ending():
            STRAYS.record(
                args.exc_value, args.exc_traceback, "code that ran by itself", args.object
            )

    threading.excepthook, sys.unraisablehook = of_thread, unraisable
