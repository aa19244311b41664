"""The colours of the heatmap and the values they stand for, in one line."""

from textual.reactive import reactive, var
from textual.strip import Strip
from textual.widget import Widget

from bigram_tui.tui.render.heatmap import legend
from bigram_tui.tui.render.heatmap_styles import HeatmapStyles
from bigram_tui.tui.render.picture import Picture


class Legend(Widget):
    """The ramp with the values at its ends and its middle."""

    ALLOW_SELECT = False

    shown: var[tuple[Picture, HeatmapStyles] | None] = var(None)

    block: reactive[int] = reactive(1)
    """How many rows and columns share a cell."""

    def watch_shown(
        self, old: tuple[Picture, HeatmapStyles] | None, new: tuple[Picture, HeatmapStyles] | None
    ) -> None:
        def key(shown: tuple[Picture, HeatmapStyles] | None) -> object:
            if shown is None:
                return None
            picture, styles = shown
            return picture.limit, picture.scale, picture.diverging, styles

        if key(old) != key(new):
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the legend as the first line."""
        if y or self.shown is None:
            return Strip.blank(self.size.width, self.rich_style)
        picture, styles = self.shown
        segments = legend(picture, self.size.width, styles, self.block)
        return Strip(segments).adjust_cell_length(self.size.width, styles.label)
