"""How far reading is, how fast it goes, and how long the rest will take."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bigram_tui.corpus.files import TextFile

OnProgress = Callable[[int, int | None], None]
"""Called for each chunk with the bytes read and the bytes in all, None if that is unknown."""

RATE_SECONDS = 10.0
"""The rate is taken over so many of the last seconds."""

MEANINGFUL_SECONDS = 1.0
"""How long growth must have been observed before there is a rate."""


@dataclass(frozen=True)
class Progress:
    """How far reading is.

    done, size: bytes of the files; size is None if unknown.
    rate: bytes a second. remaining: seconds. Both are None while it is too early to tell.
    """

    done: int = 0
    size: int | None = None
    rate: float | None = None
    remaining: float | None = None


class RateMeter:
    """The rate at which an amount grew in the last seconds."""

    def __init__(self, seconds: float = RATE_SECONDS) -> None:
        self._seconds = seconds
        self._marks: deque[tuple[float, int]] = deque()

    def note(self, now: float, done: int) -> None:
        """Record the amount at a time in seconds."""
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= self._seconds:
            self._marks.popleft()

    def rate(self) -> float | None:
        """Return the growth per second; None while it is too early to tell."""
        if not self._marks:
            return None
        (start, before), (now, done) = self._marks[0], self._marks[-1]
        return (done - before) / (now - start) if now - start >= MEANINGFUL_SECONDS else None


def joint_progress(
    files: Sequence[TextFile], progress: OnProgress | None
) -> Iterator[OnProgress | None]:
    """Yield a callback for each file, in order, that reports the progress of all files together.

    Take the next callback when its file's turn comes.
    """
    if progress is None or len(files) == 1:
        yield from [progress] * len(files)
        return
    total = sum(file.size or 0 for file in files) or None
    before = done = 0

    def report(read: int, _: int | None) -> None:
        nonlocal done
        done = read
        progress(before + done, total)

    for _ in files:
        yield report
        before, done = before + done, 0
