"""The last guard of the terminal: no control character reaches it, whatever a widget draws."""

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class NoControls(LineFilter):
    """Leaves control characters out of each line. Text that may have some goes through `printable`.

    They take no cells, so that the line stays as wide as it was laid out.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments as they are, or without control characters in their text."""
        if not CONTROL.search("".join([segment.text for segment in segments])):
            return segments
        return [
            segment
            if segment.control
            else Segment(CONTROL.sub("", segment.text), segment.style, segment.control)
            for segment in segments
        ]
