"""Made-up texts of any size: words in lines, frequent and rare ones (Zipf's law)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

SCRIPTS = "a-z а-я α-ω א-ת ا-ي अ-ह ぁ-ん ァ-ン ก-ฮ 가-걐 一-丿"

AT_ONCE = 1 << 19
"""Words of a piece."""


def words_of_many_scripts() -> list[str]:
    """Made-up words of 2 to 9 letters, each in one script."""
    random = np.random.default_rng(1)
    words = []
    for script in SCRIPTS.split():
        letters = np.arange(ord(script[0]), ord(script[2]) + 1)
        lengths = random.integers(2, 10, 800)
        words += ["".join(map(chr, random.choice(letters, length))) for length in lengths]
    return words


def pieces(size: int, words: list[str], words_a_line: int = 12) -> Iterator[bytes]:
    """A text of so many bytes or a few more, in pieces of whole lines, each piece another."""
    random = np.random.default_rng(2)
    encoded = [(word + ending).encode() for ending in (" ", "\n") for word in words]
    letters = np.frombuffer(b"".join(encoded), np.uint8)
    lengths = np.array(list(map(len, encoded)))
    starts = np.cumsum(lengths) - lengths
    shares = 1 / np.arange(1, len(words) + 1)
    sums = np.cumsum(random.permutation(shares / shares.sum()))
    while size > 0:
        chosen = np.minimum(np.searchsorted(sums, random.random(AT_ONCE)), len(words) - 1)
        chosen += len(words) * (random.random(chosen.size) < 1 / words_a_line)
        chosen[-1] = chosen[-1] % len(words) + len(words)
        of_word = lengths[chosen]
        before = np.cumsum(of_word) - of_word
        places = np.arange(of_word.sum()) + np.repeat(starts[chosen] - before, of_word)
        # Cut after the line in which the size is reached.
        piece = letters[places].tobytes()
        piece = piece[: piece.index(b"\n", min(size, len(piece)) - 1) + 1]
        yield piece
        size -= len(piece)


def write_text(path: Path, size: int, words: list[str], words_a_line: int = 12) -> None:
    """Write such a text."""
    with path.open("wb") as file:
        file.writelines(pieces(size, words, words_a_line))
