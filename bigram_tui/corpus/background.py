"""Reads a text in a thread of its own, to be watched and stopped meanwhile; knows no screen."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bigram_tui.corpus.corpus import PartialCounts

PARTIAL_SECONDS = 0.25
"""How long a glimpse is good for."""

PARTIAL_SHARE = 0.25
"""Of the reading thread's time, what glimpses may take; it is that much only for many tokens."""

PACE_SECONDS = 10.0
"""The rate is that of so many last seconds."""

MEANINGFUL_SECONDS = 1.0
"""How long a rate must have been watched before anything is to be told from it."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """How far reading is.

    done, size: bytes of the files; size is None if not known. rate: bytes a second.
    remaining: seconds. Either is None while it is too early to tell.
    """

    done: int = 0
    size: int | None = None
    rate: float | None = None
    remaining: float | None = None


class Pace:
    """How fast something grows, told from its last seconds."""

    def __init__(self, seconds: float = PACE_SECONDS) -> None:
        self._seconds = seconds
        self._marks: deque[tuple[float, int]] = deque()

    def note(self, now: float, done: int) -> None:
        """At a time, in seconds, it is so large."""
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= self._seconds:
            self._marks.popleft()

    def rate(self) -> float | None:
        """Its growth per second; None while it is too early to tell."""
        if not self._marks:
            return None
        (start, before), (now, done) = self._marks[0], self._marks[-1]
        return (done - before) / (now - start) if now - start >= MEANINGFUL_SECONDS else None


class BackgroundRead(Generic[Result]):
    """A text on its way to what is made of it. Its thread writes what others see, whole values."""

    def __init__(
        self,
        title: str,
        read: "Callable[[BackgroundRead[Result]], Result]",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """read: reads with our `report`, `look` and `wants_stop`; called in a thread."""
        self.title = title
        self.progress = Progress()
        self.partial_counts: PartialCounts | None = None
        """The last one that was taken."""
        self.result: Result | None = None
        """There once the reading has ended, unless there is an error."""
        self.error: BaseException | None = None
        self.part: Result | None = None
        """What was made of the text before the error; None if nothing can be."""
        self._read = read
        self._clock = clock
        self._pace = Pace()
        self._next_mark = self._next_partial = -float("inf")
        self._stop = threading.Event()
        self._ended = threading.Event()
        # Nobody waits for a pipe out of which nothing comes.
        self._thread = threading.Thread(target=self._run, name="reading", daemon=True)

    # For whoever watches

    def start(self) -> None:
        """Begin."""
        self._pace.note(self._clock(), 0)
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        """Whether there is a result or an error."""
        return self._ended.is_set()

    def stop(self) -> bool:
        """Make do with what was read; False, and nothing happens, if it is none to train on."""
        if self.partial_counts is None or not self.partial_counts.can_train:
            return False
        self._stop.set()
        return True

    def accept_part(self) -> None:
        """After an error, go on with the part."""
        self.result, self.error = self.part, None

    def leave(self, seconds: float) -> None:
        """End, with whatever comes of it, and wait for that for a while."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    # For whoever reads

    def report(self, done: int, size: int | None) -> None:
        """So many bytes are read."""
        now = self._clock()
        if now >= self._next_mark:
            self._pace.note(now, done)
            self._next_mark = now + PARTIAL_SECONDS
        rate = self._pace.rate()
        # A file may have grown since its size was asked for.
        remaining = max(0, size - done) / rate if size is not None and rate else None
        self.progress = Progress(done, size, rate, remaining)

    def look(self, partial_counts: Callable[[], PartialCounts]) -> None:
        """There is more to see, of which a glimpse may be taken."""
        start = self._clock()
        if start < self._next_partial:
            return
        self.partial_counts = partial_counts()
        now = self._clock()
        self._next_partial = now + max(PARTIAL_SECONDS, (now - start) * (1 / PARTIAL_SHARE - 1))

    def offer(self, part: Result) -> None:
        """An error follows, and this is what was made of the text before it."""
        self.part = part

    def wants_stop(self) -> bool:
        """Whether to read no further."""
        return self._stop.is_set()

    def _run(self) -> None:
        try:
            self.result = self._read(self)
        except BaseException as error:  # whoever waits for the result is to be told
            self.error = error
        finally:
            self._ended.set()
