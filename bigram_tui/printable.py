"""Text of a corpus made safe to show: nothing in it may move the cursor, hide or reorder text."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

NO_GLYPH = "\N{REPLACEMENT CHARACTER}"
TOO_WIDE = "\N{WHITE VERTICAL RECTANGLE}"
SPACE = "\N{OPEN BOX}"
CARRIER = "\N{DOTTED CIRCLE}"
"""What a combining mark that stands alone is drawn on."""


EMPTY = "(empty)"
"""What is shown for a text without characters."""


def counted(number: int, noun: str) -> str:
    """A number of things: '1 line', '32,257 lines'."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def byte_text(size: float) -> str:
    """So many bytes in few digits: '512 bytes', '9.3 MB', '412 MB', '2.1 GB'."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= 0.9995 * factor:  # which would be written as 1000 of the unit before
            part = size / factor
            return f"{part:.{0 if part >= 99.95 else 1}f} {unit}"
    return counted(round(size), "byte")


def printable(text: str) -> str:
    """The text with stand-ins for control, formatting and unassigned characters."""
    shown = "".join(map(_visible, text))
    return CARRIER + shown if shown and cell_len(shown[0]) == 0 else shown


@lru_cache(maxsize=1 << 14)
def in_cells(character: str, width: int) -> str:
    """One character as text of exactly `width` terminal cells, white space made visible."""
    shown = SPACE if unicodedata.category(character) == "Zs" else printable(character)
    used = cell_len(shown)
    return TOO_WIDE.ljust(width) if used > width else shown + " " * (width - used)


def code_point(character: str) -> str:
    """How a character is identified beyond doubt, such as 'U+0065 LATIN SMALL LETTER E'."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()


def _visible(character: str) -> str:
    if character < "\x20":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "\N{SYMBOL FOR DELETE}"
    # Cc and Cf are commands to the terminal, Zl and Zp break lines, the others have no glyph.
    if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}:
        return NO_GLYPH
    return character
