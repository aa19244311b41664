"""Which text is wanted and how it is counted: looked up if its counts are kept, or else read."""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counter import MAX_VOCABULARY
from bigram_tui.corpus.files import expand, title_of
from bigram_tui.corpus.opening import STANDARD_INPUT, takes_time
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.corpus.streams import size_of

if TYPE_CHECKING:
    from bigram_tui.corpus.cache import Entry

QUICK_SIZE = 16_000_000
"""Bytes that are read before anybody would wait for them."""

KEPT_SIZE = 8_000_000
"""Bytes from which on counts are kept: those of fewer are made as fast as they are looked up."""


@dataclass(frozen=True)
class CorpusRequest:
    """Some files, or patterns of such, and the options of read_corpus.

    keep: whether counts may come from the cache, and go there.
    Raises CorpusError if a pattern matches nothing.
    """

    files: tuple[str, ...]
    split: tuple[int, ...] | None = None
    seed: int = 2147483647
    max_vocabulary: int = MAX_VOCABULARY
    keep: bool = True
    paths: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", expand(self.files))

    @property
    def title(self) -> str:
        """What the files are called together."""
        return title_of(self.paths)

    def is_quick(self) -> bool:
        """Whether reading is done, or fails, before anybody would wait for it."""
        return self._size <= QUICK_SIZE and not any(map(takes_time, self.paths))

    def is_typed(self) -> bool:
        """Whether the text is standard input, at which somebody may be typing."""
        return self.paths == (STANDARD_INPUT,)

    @property
    def _size(self) -> int:
        return sum(size_of(path) or 0 for path in self.paths)

    def kept(self) -> Corpus | None:
        """The corpus as it was counted before, if nothing has changed since."""
        entry = self._entry()
        return None if entry is None else entry.load()

    def read(self, **watching: Any) -> Corpus:
        """Count the text, and keep the counts.

        watching: progress, cancellation and on_chunk of read_corpus. Raises what it raises.
        """
        entry = self._entry()
        options: dict[str, Any] = {
            "split": self.split,
            "seed": self.seed,
            "max_vocabulary": self.max_vocabulary,
        }
        corpus = read_corpus(*self.paths, **options, **watching)
        if entry is not None:
            entry.store(corpus)
        return corpus

    def _entry(self) -> "Entry | None":
        """The place of the counts in the cache; None where they are not for it."""
        if not self.keep or self._size < KEPT_SIZE or not all(map(os.path.isfile, self.paths)):
            return None
        from bigram_tui.corpus.cache import entry_of  # small texts need no cache

        return entry_of(self.paths, self.split, self.seed, self.max_vocabulary)
