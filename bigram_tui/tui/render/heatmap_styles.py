"""The styles of a heatmap, and the segments that are made from them once for all frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress, count, islice, pairwise
from operator import ne

from rich.segment import Segment
from rich.style import Style

from bigram_tui.tui.render.colors import Depth, cell_styles, halves_style, ramp
from bigram_tui.tui.render.picture import NAN

CURSOR, OUTSIDE = -1, -2
"""Stand for a level at the cursor, and below the last row."""

MOST_SEGMENTS = 1 << 16
"""How many segments are kept."""

Kind = int | tuple[int, int]
"""The level of a cell, or a sign such as CURSOR; a pair where two rows share a line."""


class Cells(dict[tuple[str, Kind], Segment]):
    """Segments by text and kind of cell, each made once for all frames."""

    def __init__(self, style_of: Callable[[Kind], Style]) -> None:
        super().__init__()
        self._style_of = style_of

    def __missing__(self, key: tuple[str, Kind]) -> Segment:
        if len(self) >= MOST_SEGMENTS:
            self.clear()
        segment = self[key] = Segment(key[0], self._style_of(key[1]))
        return segment

    def line(self, texts: Sequence[str], kinds: Sequence[Kind]) -> list[Segment]:
        """Return the segments of some cells: one for neighbours of one kind, as each costs time."""
        cuts = compress(count(1), map(ne, kinds, islice(kinds, 1, None)))
        bounds = [0, *cuts, len(kinds)]
        if len(bounds) > len(kinds):
            return [self[cell] for cell in zip(texts, kinds, strict=True)]
        return [
            self[texts[a] if b == a + 1 else "".join(texts[a:b]), kinds[a]]
            for a, b in pairwise(bounds)
        ]


@dataclass(frozen=True)
class HeatmapStyles:
    """The styles of a heatmap that do not come from its numbers."""

    dark: bool
    depth: Depth
    label: Style
    cursor: Style
    nan: Style
    ground: Style = field(default_factory=Style.null)
    """The style of the widget, under those of the cells."""

    @cached_property
    def sequential(self) -> Cells:
        """Cells for numbers from 0 on."""
        return self._cells(diverging=False)

    @cached_property
    def diverging(self) -> Cells:
        """Cells for numbers on both sides of 0."""
        return self._cells(diverging=True)

    @cached_property
    def sequential_halves(self) -> Cells:
        """The same for two rows that share a line."""
        return self._halves(diverging=False)

    @cached_property
    def diverging_halves(self) -> Cells:
        """The same for two rows that share a line."""
        return self._halves(diverging=True)

    def _cells(self, *, diverging: bool) -> Cells:
        styles = cell_styles(diverging, self.dark, self.depth)
        signs = {NAN: self.nan, CURSOR: self.cursor}

        def style_of(kind: Kind) -> Style:
            assert isinstance(kind, int)
            return self.ground + (signs[kind] if kind in signs else styles[kind])

        return Cells(style_of)

    def _halves(self, *, diverging: bool) -> Cells:
        colors = ramp(diverging, self.dark, self.depth)
        signs = {
            NAN: self.nan.color,
            CURSOR: self.cursor.bgcolor,
            OUTSIDE: self.label.bgcolor,
        }

        def style_of(kind: Kind) -> Style:
            assert isinstance(kind, tuple)
            upper, lower = (signs[k] if k in signs else colors[k] for k in kind)
            return self.ground + halves_style(upper, lower)

        return Cells(style_of)
