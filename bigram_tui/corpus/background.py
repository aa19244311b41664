"""Reads a text in a thread of its own, which others may watch and stop."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.partial_counts import PartialCounts
from bigram_tui.corpus.progress import Progress, RateMeter

PARTIAL_SECONDS = 0.25
"""How long partial counts are shown before new ones are made."""

PARTIAL_SHARE = 0.25
"""The share of the reading thread's time that partial counts may take: only many tokens need it."""

Result = TypeVar("Result")


class BackgroundRead(Generic[Result]):
    """A text that is read in a thread, which publishes whole, immutable values."""

    def __init__(
        self,
        title: str,
        read: "Callable[[BackgroundRead[Result]], Result]",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """read: makes the result, called in the thread with this object."""
        self.title = title
        self.progress = Progress()
        self.partial_counts: PartialCounts | None = None
        """The latest ones; None before the first chunk."""
        self.result: Result | None = None
        """What `read` returned; None until then, and after an error."""
        self.error: BaseException | None = None
        self.part: Result | None = None
        """The result for the text before the error; None if there can be none."""
        self._read = read
        self._clock = clock
        self._meter = RateMeter()
        self._next_mark = self._next_partial = -float("inf")
        self.cancellation = CancelToken()
        self._ended = threading.Event()
        # A daemon: a silent pipe must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="reading", daemon=True)

    # Called by those who watch

    def start(self) -> None:
        """Start the thread."""
        self._meter.note(self._clock(), 0)
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        """Whether there is a result or an error."""
        return self._ended.is_set()

    def stop(self) -> bool:
        """End reading with what was read; return False and go on if that cannot be trained on."""
        if self.partial_counts is None or not self.partial_counts.can_train:
            return False
        self.cancellation.cancel()
        return True

    def accept_part(self) -> None:
        """Take the part before the error as the result."""
        self.result, self.error = self.part, None

    def leave(self, seconds: float) -> None:
        """Cancel reading, and wait at most so many seconds for its end."""
        self.cancellation.cancel()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    # Called by the thread that reads

    def report(self, done: int, size: int | None) -> None:
        """Publish how far reading is. done, size: bytes, as OnProgress has them."""
        now = self._clock()
        if now >= self._next_mark:
            self._meter.note(now, done)
            self._next_mark = now + PARTIAL_SECONDS
        rate = self._meter.rate()
        # A file may have grown since reading began.
        remaining = max(0, size - done) / rate if size is not None and rate else None
        self.progress = Progress(done, size, rate, remaining)

    def on_chunk(self, partial_counts: Callable[[], PartialCounts]) -> None:
        """Publish new partial counts, unless the last ones are too new or would cost too much."""
        start = self._clock()
        if start < self._next_partial:
            return
        self.partial_counts = partial_counts()
        now = self._clock()
        self._next_partial = now + max(PARTIAL_SECONDS, (now - start) * (1 / PARTIAL_SHARE - 1))

    def offer(self, part: Result) -> None:
        """Publish the result for the text before an error, which is raised afterwards."""
        self.part = part

    def _run(self) -> None:
        try:
            self.result = self._read(self)
        except BaseException as error:  # raised again where the result is awaited
            self.error = error
        finally:
            self._ended.set()
