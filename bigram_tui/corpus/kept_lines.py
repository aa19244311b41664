"""A set of lines as bytes, one after the other, which compiled kernels search."""

import os
from types import ModuleType

import numpy as np

FEWEST_SLOTS = 1 << 12

WORD = 8
"""Bytes that the kernels read at once, also behind the last line."""

USED_BYTES, USED_LINES = 0, 1


class KeptLines:
    """The distinct lines of a text, each with a line end, and a hash table of where they are."""

    def __init__(self, kernels: ModuleType, longest: int, budget: int, overhead: int) -> None:
        """longest: bytes of a line. budget: what all may take, which is `overhead` for each too."""
        self._kernels = kernels
        self._limits = longest, budget, overhead - 1  # without the line end, which is kept
        self._kept = np.zeros(budget + WORD, np.uint8)  # only what is written takes memory
        self._slots = np.zeros(FEWEST_SLOTS, np.uint64)
        self._used = np.zeros(2, np.int64)
        # No text can be made up whose lines all fall into the same slots.
        self._seed = np.uint64(int.from_bytes(os.urandom(WORD)))

    def add(self, lines: bytes) -> bool:
        r"""Keep those that are new; return False if one is too long, or they are too many.

        lines: without blanks at their ends, each ended by \n; empty ones are passed over.
        """
        text, place = np.frombuffer(lines, np.uint8), 0
        while True:
            place = self._kernels.keep_lines(
                text, place, self._kept, self._slots, self._used, self._seed, *self._limits
            )
            if place == text.size:
                return True
            if 2 * (self._used[USED_LINES] + 1) <= self._slots.size:
                return False
            larger = np.zeros(2 * self._slots.size, np.uint64)
            self._kernels.move_slots(self._slots, larger)
            self._slots = larger

    def frozen(self) -> frozenset[str]:
        """Return all lines, without their ends."""
        text = self._kept[: self._used[USED_BYTES]].tobytes().decode()
        return frozenset(text.split("\n")[:-1])
