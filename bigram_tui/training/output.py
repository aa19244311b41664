"""What plugins print while the screen is up: the last lines of each run, safe to show."""

import io
import re
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, ClassVar, TextIO, cast

from bigram_tui.formatting.printable import printable

MOST_LINES = 200
"""The lines that are kept of a run; later ones replace the oldest."""

MOST_CHARACTERS = 300
"""The length of a line; of a longer one, the end is kept."""

MOST_AT_ONCE = 1 << 16
"""The characters of one write that are looked at, its last ones."""

_STYLES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class Output:
    """The last lines of an output. It can be written to from any thread, and never waits."""

    on_news: ClassVar[Callable[[], object]] = staticmethod(lambda: None)
    """Called, in any thread, whenever an output has news again."""

    def __init__(self) -> None:
        self.is_news = False
        """Whether there is something that nobody has looked at."""
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._open = ""  # a line that is not ended yet
        self._lock = threading.RLock()  # what is collected meanwhile may print too

    def write(self, text: str) -> None:
        r"""Add some text. After \r, a line begins anew, as on a terminal."""
        if not text:
            return
        with self._lock:
            *whole, rest = (self._open + text[-MOST_AT_ONCE:]).split("\n")
            self._lines.extend(map(_shown, whole))
            self._open = rest.rpartition("\r")[2][-MOST_CHARACTERS:] or rest[-MOST_CHARACTERS:]
            was_news, self.is_news = self.is_news, True
        if not was_news:
            with suppress(Exception):  # such as a screen that was just closed
                Output.on_news()

    @property
    def lines(self) -> list[str]:
        """The lines, with one that is not ended yet."""
        with self._lock:
            return [*self._lines, *filter(None, [_shown(self._open)])]

    @property
    def last(self) -> str:
        """The last line that says anything; empty if there is none."""
        return next((line for line in reversed(self.lines) if line.strip()), "")

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._lines.clear()
            self._open, self.is_news = "", False

    def look(self) -> list[str]:
        """Return the lines; what comes later is news."""
        self.is_news = False
        return self.lines


def _shown(line: str) -> str:
    """Return a line as a terminal would show it in the end, without styles, safe to show."""
    seen = [part for part in line.split("\r") if part]
    plain = _STYLES.sub("", seen[-1] if seen else "").expandtabs()
    return printable(plain[-MOST_CHARACTERS:]).rstrip()


UNATTRIBUTED = Output()
"""What no run is known to have printed: by other threads, or by other code than Python's."""

OF_RUN: ContextVar[Output] = ContextVar("OF_RUN", default=UNATTRIBUTED)
"""The output of the run to which the present thread belongs."""


class _Sink(io.RawIOBase):
    """Writes to the output of the run whose thread writes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        OF_RUN.get().write(bytes(view).decode(errors="replace"))
        return view.nbytes


class _Stream(io.TextIOWrapper):
    """A standard stream that a plugin can't close for others."""

    def close(self) -> None:
        pass


_STREAMS: list[TextIO] = []
"""All that were made. `print` crashes Python if sys.stdout is replaced, and freed, meanwhile: it
borrows it. So a thread of a plugin that prints for ever must find it alive."""


def stream(descriptor: int) -> TextIO:
    """Make a stream in place of sys.stdout or sys.stderr. descriptor: what its fileno() says."""
    sink = _Sink(descriptor)
    options: dict[str, Any] = {"newline": "\n", "write_through": True}
    made = _Stream(cast("io.BufferedWriter", sink), "utf-8", "backslashreplace", **options)
    _STREAMS.append(made)
    return made
