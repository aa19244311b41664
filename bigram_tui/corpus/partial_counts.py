"""The counts of a text while it is being read."""

from collections.abc import Callable
from dataclasses import dataclass

from bigram_tui.model.bigrams import Bigrams


@dataclass(frozen=True, eq=False)
class PartialCounts:
    """The lines and bigrams that were counted so far, all parts of a split together."""

    lines: int
    bigrams: Bigrams
    can_train: bool = True
    """Whether any line so far is for training; with a split, the first lines may not be."""


OnChunk = Callable[[Callable[[], PartialCounts]], None]
"""Called after each chunk with a function that makes the partial counts.

Making them takes time for each cell of the table, so the callback need not call it each time.
"""
