"""A text that was asked for: its counts come from the cache, or the text is read."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.files import STANDARD_INPUT, Kind, TextFile, find_files, title_of
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.defaults import LECTURE_SEED, MAX_VOCABULARY

if TYPE_CHECKING:
    from bigram_tui.corpus.cache import CacheEntry

QUICK_SIZE = 16_000_000
"""Bytes that are read before anybody would wait for them."""

KEPT_SIZE = 8_000_000
"""Bytes from which on counts are cached; those of fewer are made as fast as they are loaded."""


@dataclass(frozen=True)
class CorpusRequest:
    """Which files to read, and how to count them.

    paths: of the files, or patterns of them. split, seed, max_vocabulary: those of read_corpus.
    keep: whether counts may come from the cache and go there.
    Raises CorpusError if a pattern matches nothing.
    """

    paths: tuple[str, ...]
    split: tuple[int, ...] | None = None
    seed: int = LECTURE_SEED
    max_vocabulary: int = MAX_VOCABULARY
    keep: bool = True
    files: tuple[TextFile, ...] = field(init=False)
    """What was at the paths when the request was made."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", find_files(self.paths))

    @property
    def title(self) -> str:
        """What to call the files together."""
        return title_of([file.path for file in self.files])

    def is_quick(self) -> bool:
        """Return whether reading ends, or fails, before anybody would wait for it."""
        return self._size <= QUICK_SIZE and not any(file.takes_time for file in self.files)

    def is_typed(self) -> bool:
        """Return whether the text is standard input, at which somebody may be typing."""
        return self.files[0].path == STANDARD_INPUT

    def kept(self) -> Corpus | None:
        """Return the corpus as it was counted before, if nothing has changed since."""
        return None if self._entry is None else self._entry.load()

    def read(self, **watching: Any) -> Corpus:
        """Count the text, and keep the counts.

        watching: progress, cancellation and on_chunk of read_corpus. Raises what it raises.
        """
        entry = self._entry  # that of the files before they are read
        options: dict[str, Any] = {
            "split": self.split,
            "seed": self.seed,
            "max_vocabulary": self.max_vocabulary,
        }
        corpus = read_corpus(*self.files, **options, **watching)
        if entry is not None:
            entry.store(corpus)
        return corpus

    @property
    def _size(self) -> int:
        return sum(file.size or 0 for file in self.files)

    @cached_property
    def _entry(self) -> "CacheEntry | None":
        """Where the cache has the counts; None if they are not for the cache."""
        are_files = all(file.kind is Kind.FILE for file in self.files)
        if not self.keep or self._size < KEPT_SIZE or not are_files:
            return None
        from bigram_tui.corpus.cache import find_entry  # small texts need no cache

        return find_entry(self.files, self.split, self.seed, self.max_vocabulary)
