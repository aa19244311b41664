"""The vocabulary of a text and the counts of its bigrams."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui.formatting.printable import printable

Matrix = npt.NDArray[np.floating[Any]]
Counts = npt.NDArray[np.int64]

BOUNDARY = 0
"""The token that marks both the start and the end of a line."""

MOST_NAMED = 5
"""The most unknown characters that an error names."""


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a text: 0 is the boundary, then its characters by code point.

    Raises ValueError if the characters are not distinct and in order.
    """

    characters: str
    """The characters with a token of their own."""
    rare: str = ""
    """The characters that share the last token, if there are any."""

    def __post_init__(self) -> None:
        for some in (self.characters, self.rare):
            if list(some) != sorted(set(some)):
                raise ValueError("the characters of a vocabulary are distinct and in order")
        if not set(self.rare).isdisjoint(self.characters):
            raise ValueError("a rare character has no token of its own")

    def __len__(self) -> int:
        return 1 + len(self.characters) + bool(self.rare)

    @cached_property
    def boundary_label(self) -> str:
        """The label of the boundary: '.', or another sign if '.' occurs in the text."""
        return self._free_sign(".■◆●▲▼")

    @cached_property
    def rare_label(self) -> str:
        """The label of the token of rare characters: a sign that does not occur in the text."""
        return self._free_sign("▢▣▤▥▦▧", self.boundary_label)

    def _free_sign(self, preferred: str, taken: str = "") -> str:
        held = {*self.characters, *self.rare, *taken}
        signs = chain(preferred, map(chr, range(0x2500, 0x110000)))
        return next(sign for sign in signs if sign not in held)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """A distinct character for each token, by index."""
        return (self.boundary_label, *self.characters, *([self.rare_label] if self.rare else ()))

    @cached_property
    def index(self) -> dict[str, int]:
        """The token of each label, and of each rare character."""
        own = {label: token for token, label in enumerate(self.labels)}
        return own | dict.fromkeys(self.rare, len(self) - 1)

    def fold(self, text: str) -> str:
        """Return a text with each rare character replaced by the label that they share."""
        return text.translate(self._folding) if self.rare else text

    @cached_property
    def _folding(self) -> dict[int, str]:
        return dict.fromkeys(map(ord, self.rare), self.rare_label)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text's characters, without boundaries; rare ones share a token.

        Raises ValueError with the characters that have no token, each once and at most five. A
        label of the boundary is no character.
        """
        tokens = [self.index.get(character, BOUNDARY) for character in text]
        if BOUNDARY in tokens:
            pairs = zip(text, tokens, strict=True)
            unknown = list(dict.fromkeys(c for c, token in pairs if token == BOUNDARY))
            quoted = [f"'{printable(character)}'" for character in unknown[:MOST_NAMED]]
            more = ", …" if len(unknown) > MOST_NAMED else ""
            verb = "is" if len(unknown) == 1 else "are"
            raise ValueError(f"{', '.join(quoted)}{more} {verb} not in the text")
        return tokens

    def encode_line(self, text: str) -> list[int]:
        """Return the tokens of a line: its n characters between two boundaries, n + 2.

        Raises ValueError as `encode` does.
        """
        return [BOUNDARY, *self.encode(text), BOUNDARY]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of some tokens, each by its label."""
        return "".join(self.labels[token] for token in tokens)


@dataclass(frozen=True, eq=False)
class Bigrams:
    """The counts of a text's bigrams: the sufficient statistic of a bigram model.

    Raises ValueError if the counts are not [V, V].
    """

    vocabulary: Vocabulary
    """The V tokens; its `labels` name them."""
    counts: Counts
    """N, int64 [V, V], made read-only: N[i, j] is the number of times that token j follows i."""

    def __post_init__(self) -> None:
        size = len(self.vocabulary)
        if self.counts.shape != (size, size):
            raise ValueError(f"counts are {self.counts.shape} for {size} tokens")
        self.counts.setflags(write=False)

    @cached_property
    def total(self) -> int:
        """B, the number of bigrams."""
        return int(self.counts.sum())

    @cached_property
    def row_sums(self) -> Counts:
        """The number of bigrams that begin with each token. int64 [V]."""
        sums: Counts = self.counts.sum(axis=1)
        return sums

    @cached_property
    def seen(self) -> npt.NDArray[np.intp]:
        """The flat indices of the n distinct bigrams that occur. int [n]."""
        return np.flatnonzero(self.counts)

    @cached_property
    def seen_share(self) -> npt.NDArray[np.float64]:
        """The relative frequency N/B of each bigram of `seen`; they sum to 1. float64 [n]."""
        return self.counts.ravel()[self.seen] / self.total

    @property
    def unseen(self) -> int:
        """The number of cells of N that are 0."""
        return self.counts.size - self.seen.size
