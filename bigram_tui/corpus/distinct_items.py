"""Remembers the distinct items of a text, to tell which samples are copies of a line."""

import sys

from bigram_tui.corpus.counter import LINE_END

# Bytes: those of each item's string, and an overhead for its place in the set. Room for half a
# million names, and little on any machine that trains a model.
ITEM_BUDGET = 64 << 20
ITEM_OVERHEAD = 51

# Characters of one line: no model's sample is longer, and a text on a single line is never held.
LONGEST_ITEM = 1 << 16

BLANK_RUNS = 64, 8, 2
"""Line ends that are replaced by one at a time, before any line is looked at."""


class DistinctItems:
    """The distinct items of a text that comes in pieces, remembered while few and short."""

    def __init__(self, *, are_wanted: bool = True) -> None:
        # None: they are not wanted, were too many or too long
        self._items: set[str] | None = set() if are_wanted else None
        self._room = ITEM_BUDGET
        self._open_line = ""

    def feed(self, text: str) -> None:
        """Remember the lines that end in the next characters."""
        if self._items is None:
            return
        if 2 * LINE_END in text:  # empty lines by the million would take longer than other lines
            for run in BLANK_RUNS:
                text = text.replace(run * LINE_END, LINE_END)
        *lines, self._open_line = (self._open_line + text).split(LINE_END)
        unseen = set(lines) - self._items
        new = set(map(str.strip, unseen)) - self._items
        new.discard("")
        self._room -= sum(map(sys.getsizeof, new)) + ITEM_OVERHEAD * len(new)
        if self._room < 0 or max(map(len, [*unseen, self._open_line])) > LONGEST_ITEM:
            self._items, self._open_line = None, ""
        else:
            self._items |= new

    def frozen(self) -> frozenset[str] | None:
        """Return all items; None if they were too many or one was too long."""
        return None if self._items is None else frozenset(self._items)
