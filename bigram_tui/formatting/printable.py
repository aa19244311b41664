"""Text of a corpus made safe to show: nothing in it may move the cursor, hide or reorder text."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

NO_GLYPH = "\N{REPLACEMENT CHARACTER}"
TOO_WIDE = "\N{WHITE VERTICAL RECTANGLE}"
SPACE = "\N{OPEN BOX}"
CARRIER = "\N{DOTTED CIRCLE}"
"""The carrier of a combining mark that stands alone."""

_INVISIBLE = (
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0),
    *(*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
)
"""Fillers, joiners and variation selectors: letters and marks that Unicode says to ignore, and by
which terminals change the width of the character before."""

_DISPUTED = (
    *range(0x1F3FB, 0x1F400),  # skin tones, which some terminals draw on the emoji before
    *(*range(0x2630, 0x2638), *range(0x268A, 0x2690)),  # wide since Unicode 16
    *(*range(0x1D300, 0x1D357), *range(0x1D360, 0x1D377)),
    *range(0x3248, 0x3250),
)
"""Characters whose width differs between terminals: their row would be too short or too long."""

_NO_GLYPH = frozenset(map(chr, (*_INVISIBLE, *_DISPUTED)))


EMPTY = "(empty)"
"""Stands for a text without characters."""


def printable(text: str) -> str:
    """Replace characters that control, are not seen, or differ in width between terminals."""
    shown = "".join(map(_visible, text))
    return CARRIER + shown if shown and cell_len(shown[0]) == 0 else shown


@lru_cache(maxsize=1 << 14)
def in_cells(character: str, width: int) -> str:
    """Return a character as text of exactly `width` terminal cells, white space made visible."""
    shown = SPACE if unicodedata.category(character) == "Zs" else printable(character)
    used = cell_len(shown)
    return TOO_WIDE.ljust(width) if used > width else shown + " " * (width - used)


def code_point(character: str) -> str:
    """Return code point and name, such as 'U+0065 LATIN SMALL LETTER E'."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()


def _visible(character: str) -> str:
    if character < "\x20":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "\N{SYMBOL FOR DELETE}"
    # Cc and Cf are commands to the terminal, Zl and Zp break lines, the others have no glyph.
    unshown = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}
    if character in _NO_GLYPH or unicodedata.category(character) in unshown:
        return NO_GLYPH
    return character
