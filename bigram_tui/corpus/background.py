"""Reads a text in a thread of its own, to be watched and stopped meanwhile; knows no screen."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.partial_counts import PartialCounts
from bigram_tui.corpus.progress import Progress, RateMeter

PARTIAL_SECONDS = 0.25
"""How long a glimpse is good for."""

PARTIAL_SHARE = 0.25
"""Of the reading thread's time, what glimpses may take; it is that much only for many tokens."""

Result = TypeVar("Result")


class BackgroundRead(Generic[Result]):
    """A text on its way to what is made of it. Its thread writes what others see, whole values."""

    def __init__(
        self,
        title: str,
        read: "Callable[[BackgroundRead[Result]], Result]",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """read: reads with our `report`, `on_chunk` and `cancellation`; called in a thread."""
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
        self._meter = RateMeter()
        self._next_mark = self._next_partial = -float("inf")
        self.cancellation = CancelToken()
        self._ended = threading.Event()
        # Nobody waits for a pipe out of which nothing comes.
        self._thread = threading.Thread(target=self._run, name="reading", daemon=True)

    # For whoever watches

    def start(self) -> None:
        """Begin."""
        self._meter.note(self._clock(), 0)
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        """Whether there is a result or an error."""
        return self._ended.is_set()

    def stop(self) -> bool:
        """Make do with what was read; False, and nothing happens, if it is none to train on."""
        if self.partial_counts is None or not self.partial_counts.can_train:
            return False
        self.cancellation.cancel()
        return True

    def accept_part(self) -> None:
        """After an error, go on with the part."""
        self.result, self.error = self.part, None

    def leave(self, seconds: float) -> None:
        """End, with whatever comes of it, and wait for that for a while."""
        self.cancellation.cancel()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    # For whoever reads

    def report(self, done: int, size: int | None) -> None:
        """So many bytes are read."""
        now = self._clock()
        if now >= self._next_mark:
            self._meter.note(now, done)
            self._next_mark = now + PARTIAL_SECONDS
        rate = self._meter.rate()
        # A file may have grown since its size was asked for.
        remaining = max(0, size - done) / rate if size is not None and rate else None
        self.progress = Progress(done, size, rate, remaining)

    def on_chunk(self, partial_counts: Callable[[], PartialCounts]) -> None:
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

    def _run(self) -> None:
        try:
            self.result = self._read(self)
        except BaseException as error:  # whoever waits for the result is to be told
            self.error = error
        finally:
            self._ended.set()
