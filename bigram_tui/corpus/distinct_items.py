"""Remembers the distinct items of a text, to tell which samples are copies of a line."""

from types import ModuleType

from bigram_tui.corpus.counter import LINE_END
from bigram_tui.corpus.kept_lines import KeptLines
from bigram_tui.kernels.loading import READING

# Bytes: those of each item in UTF-8, and an overhead for its string and its place in the set. Room
# for half a million names, and little on any machine that trains a model.
ITEM_BUDGET = 64 << 20
ITEM_OVERHEAD = 100

# Bytes of one line: no model's sample is longer, and a text on a single line is never held.
LONGEST_ITEM = 1 << 18

LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""

BLANK_RUNS = 64, 8, 2
"""Line ends that are replaced by one at a time, before any line is looked at."""

MOVABLE = ITEM_BUDGET // 2
"""Bytes that must be left for items to be moved: while they are, they take twice their memory.

If less is left, it is soon used up, and no items are remembered.
"""

MOVED = 10_000
"""Items that are moved at a time."""


END = LINE_END.encode()


class DistinctItems:
    """The distinct items of a text that comes in pieces, remembered while few and short.

    They are kept as bytes, which take less memory: in a set, or in KeptLines if kernels come before
    they are many.
    """

    def __init__(self, *, are_wanted: bool = True) -> None:
        # None: they are not wanted, were too many or too long
        self._items: set[bytes] | KeptLines | None = set() if are_wanted else None
        self._room = ITEM_BUDGET
        self._open_line = ""

    @property
    def are_remembered(self) -> bool:
        """Whether they are few and short enough so far."""
        return self._items is not None

    def feed(self, text: str) -> None:
        """Remember the lines that end in the next characters."""
        if self._items is None:
            return
        if 2 * LINE_END in text:  # empty lines by the million would take longer than other lines
            for run in BLANK_RUNS:
                text = text.replace(run * LINE_END, LINE_END)
        *lines, self._open_line = (self._open_line + text).split(LINE_END)
        if _is_any_too_long([*lines, self._open_line]):
            self._forget()
        else:
            self._remember(LINE_END.join(map(str.strip, [*lines, ""])).encode())

    def feed_lines(self, lines: bytes, longest: int = 0) -> None:
        r"""Remember some more lines, after a line end.

        lines: whole ones, ended by \n or \r\n, without blanks at their ends; some may be empty.
        longest: the bytes of the longest one before its blanks were left out.
        """
        if longest > LONGEST_ITEM:
            self._forget()
        elif self._items is not None:
            self._remember(lines.replace(b"\r", b""))

    def _remember(self, lines: bytes) -> None:
        """Remember lines without blanks at their ends, each with a line end; some may be empty."""
        if isinstance(self._items, set) and READING.module is not None and self._room > MOVABLE:
            self._items = _moved(self._items, READING.module)
        if isinstance(self._items, KeptLines):
            if not self._items.add(lines):
                self._forget()
        elif self._items is not None:
            self._add(self._items, lines)

    def _add(self, items: set[bytes], lines: bytes) -> None:
        if 2 * END in lines:
            for run in BLANK_RUNS:
                lines = lines.replace(run * END, END)
        new = set(lines.split(END)) - items
        new.discard(b"")
        self._room -= sum(map(len, new)) + ITEM_OVERHEAD * len(new)
        if self._room < 0 or max(map(len, new), default=0) > LONGEST_ITEM:
            self._forget()
        else:
            items |= new

    def _forget(self) -> None:
        self._items, self._open_line = None, ""

    def frozen(self) -> frozenset[str] | None:
        """Return all items; None if they were too many or one was too long."""
        if isinstance(self._items, KeptLines):
            return self._items.frozen()
        return None if self._items is None else frozenset(map(bytes.decode, self._items))


def _is_any_too_long(lines: list[str]) -> bool:
    longest = max(map(len, lines))
    if longest * LONGEST_CHARACTER <= LONGEST_ITEM:
        return False
    return longest > LONGEST_ITEM or max(len(line.encode()) for line in lines) > LONGEST_ITEM


def _moved(items: set[bytes], kernels: ModuleType) -> KeptLines:
    """Take the items out of a set, some at a time, and return them as KeptLines."""
    kept = KeptLines(kernels, LONGEST_ITEM, ITEM_BUDGET, ITEM_OVERHEAD)
    while items:
        some = [items.pop() for _ in range(min(MOVED, len(items)))]
        kept.add(END.join([*some, b""]))
    return kept
