"""Heatmaps beside each other, of one size and with one cursor."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.style import Style as TextualStyle

from bigram_tui.analysis.ordering import TokenOrder
from bigram_tui.tui.render.cell_form import CellForm
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.render.picture import Picture
from bigram_tui.tui.widgets.heatmap import Cell, Heatmap
from bigram_tui.tui.widgets.legend import Legend

MOST_MAPS = 6


@dataclass(frozen=True, eq=False)
class Map:
    """A table with its title."""

    title: str
    color: Style | None
    """The colour of its run; None for a table that is no run's own."""
    picture: Picture | None
    message: str = ""
    """Shown while there is no picture."""
    run: int = 0
    """The number of its run; 0 for a table that is no run's own."""


class MapPane(Vertical):
    """A heatmap over its legend."""

    def __init__(self, labels: Sequence[str], depth: Depth) -> None:
        super().__init__()
        self._labels = labels
        self._depth = depth

    def compose(self) -> ComposeResult:
        """Compose the heatmap and the legend."""
        yield Heatmap(self._labels, self._depth)
        yield Legend()

    run = 0
    """The number of the run that it shows; 0 for none."""

    def show(self, shown: Map) -> None:
        """Show a map; draw only what has changed."""
        self.run = shown.run
        heatmap, legend = self.query_one(Heatmap), self.query_one(Legend)
        title = Content(shown.title)
        if shown.color is not None:
            ink = TextualStyle.from_rich_style(shown.color)
            title = Content.assemble(("━━ ", ink), title)
        if heatmap.border_title != title.markup:
            heatmap.border_title = title
        heatmap.message = shown.message
        heatmap.picture = shown.picture
        legend.block = heatmap.form.block
        legend.shown = None if shown.picture is None else (shown.picture, heatmap.heatmap_styles)


class Maps(Horizontal):
    """A row of heatmaps, as many as there are maps to show."""

    def __init__(self, labels: Sequence[str], depth: Depth, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._labels = labels
        self._depth = depth

    def compose(self) -> ComposeResult:
        """Compose MOST_MAPS panes; `lay_out` hides those that are not needed."""
        for _ in range(MOST_MAPS):
            yield MapPane(self._labels, self._depth)

    def heatmap_of(self, run: int) -> Heatmap:
        """Return the map of a run, or the first map if the run has none."""
        panes = [pane for pane in self.query(MapPane) if pane.display]
        chosen = [pane for pane in panes if pane.run == run] or panes
        return chosen[0].query_one(Heatmap)

    def lay_out(
        self, count: int, form: CellForm, width: int, cursor: Cell, order: TokenOrder | None
    ) -> None:
        """Show `count` maps of one form and order, each `width` columns wide."""
        for number, pane in enumerate(self.query(MapPane)):
            pane.display = number < count
            pane.styles.width = width
            heatmap = pane.query_one(Heatmap)
            heatmap.form, heatmap.cursor, heatmap.order = form, cursor, order

    def show(self, maps: Sequence[Map]) -> None:
        """Show the maps."""
        for pane, shown in zip(self.query(MapPane), maps, strict=False):
            pane.show(shown)
