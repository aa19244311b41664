"""A corpus: the bigrams of a text, in the parts of its split."""

from dataclasses import dataclass

import numpy as np

from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.partial_counts import PartialCounts
from bigram_tui.model.bigrams import Bigrams


@dataclass(frozen=True, eq=False)
class Corpus:
    """The bigrams of a text, whole or in parts that share one vocabulary.

    path: the path as the user gave it; "-" is standard input; of several files, their title.
    lines: the number of items, which are the lines that are not blank.
    train: the bigrams of the training lines; of all lines if there is no split.
    validation, test: the bigrams of the other parts; None for a part without lines.
    items: the distinct lines of all parts; None if they were too many or too long to remember.
    """

    path: str
    lines: int
    train: Bigrams
    validation: Bigrams | None
    test: Bigrams | None
    items: frozenset[str] | None
    split: tuple[int, ...] | None = None
    """The shares by which lines were dealt out to the parts; None without a split."""
    several: tuple[str, ...] = ()
    """The paths of all files in order, if there is more than one."""
    extent: Extent | None = None
    """How far the text was read; None if to its end."""
    doubt: str = ""
    """Why the counts may be those of no state of the text: files that changed meanwhile."""

    holds_text: bool = True
    """Whether the paths are those of texts; False for files of counts."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of each file, to read them once more."""
        return self.several or (self.path,)

    @property
    def until(self) -> int | None:
        """How many bytes of the text were read, None for all: the limit when reading it again."""
        return self.extent.content if self.extent and self.extent.is_start else None

    @property
    def bigrams(self) -> int:
        """The number of bigrams in all parts together."""
        return sum(part.total for part in (self.train, self.validation, self.test) if part)

    def partial_counts(self) -> PartialCounts:
        """Return the counts of all parts together, as they were at the end of reading."""
        counts = [part.counts for part in (self.train, self.validation, self.test) if part]
        return PartialCounts(self.lines, Bigrams(self.train.vocabulary, np.sum(counts, axis=0)))

    @property
    def why_forgotten(self) -> str:
        """Why the items are not remembered, in few words; empty if they are."""
        if self.items is not None:
            return ""
        return "lines not kept" if self.holds_text else "only counts"

    def holds(self, name: str) -> bool | None:
        """Return whether a name is one of the items; None if they are not remembered."""
        return None if self.items is None else name in self.items
