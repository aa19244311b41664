"""Decodes whole lines by compiled kernels, for a counter that takes their characters at once."""

import codecs
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt

CODE_SIZE = 4
"""Bytes of room for each byte of text."""


Codes = npt.NDArray[np.uint32]
"""Code points of the machine's byte order."""


def text_of(codes: Codes) -> str:
    """Return the text of some code points."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le")


@dataclass(frozen=True, eq=False)
class DecodedLines:
    """The characters of lines without the blanks at their ends, and without blank lines."""

    codes: Codes
    r"""Code points, with \n at each line's end."""
    lines: int
    """Lines, blank ones too."""
    longest: int
    """Bytes of the longest line, with its blanks."""
    is_changed: bool
    """Whether anything was left out but empty lines, or replaced."""

    def text(self, original: bytes) -> bytes:
        """Return the characters in UTF-8. original: the bytes that they were decoded from."""
        if not self.is_changed:
            return original
        return text_of(self.codes).encode()


def decode_lines(
    kernels: ModuleType, lines: bytes, room: npt.NDArray[np.uint8]
) -> DecodedLines | None:
    r"""Decode lines of UTF-8; None if they hold anything that is an error, or may be one.

    lines: whole ones, ended by \n. room: CODE_SIZE bytes for each of theirs, to be left alone as
        long as the result is used.
    """
    if lines.startswith(codecs.BOM_UTF8):  # which at the start of a text is no character
        return None
    codes = room.view(np.uint32)
    count, *facts = kernels.decode_lines(np.frombuffer(lines, np.uint8), codes)
    return None if count < 0 else DecodedLines(codes[:count], *facts)
