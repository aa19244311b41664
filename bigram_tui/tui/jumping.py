"""Parses the row or cell that the user wants to go to."""

from itertools import chain

from bigram_tui.model.bigrams import BOUNDARY, Vocabulary


def characters_of(text: str) -> str:
    """Replace each U+code by its character. ValueError if it is the code of none."""
    parts = text.split()
    if not parts or not all(part[:2].upper() == "U+" and len(part) > 2 for part in parts):
        return text
    return "".join(map(_character, parts))


def _character(code: str) -> str:
    try:
        return chr(int(code[2:], 16))
    except (ValueError, OverflowError):
        raise ValueError(f"{code} is no code point") from None


def tokens_of_jump(text: str, vocabulary: Vocabulary) -> list[int]:
    """Parse one token for a row or two for a cell, boundaries included. ValueError if neither."""
    characters = characters_of(text)
    if not 1 <= len(characters) <= 2:
        raise ValueError("one character for a row, two for a cell")
    boundary = vocabulary.boundary_label
    tokens = ([BOUNDARY] if c == boundary else vocabulary.encode(c) for c in characters)
    return list(chain.from_iterable(tokens))
