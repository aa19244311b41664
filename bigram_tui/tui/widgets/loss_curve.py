"""The losses of all runs by iteration."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from bigram_tui.tui.messages import IterationPointed
from bigram_tui.tui.render.curve import Curve, curve_strips, iteration_at


@dataclass(frozen=True, eq=False)
class Plot:
    """Curves, and how they are drawn."""

    curves: Sequence[Curve]
    marker: int | None = None
    """The iteration that is marked, unless it is the last."""
    log: bool = False
    log_x: bool = False
    hint: str = ""
    """Written across the middle while the curves show little."""


class LossCurve(Widget):
    """A plot of curves, drawn once for each `plot` and size."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"loss-curve--axis", "loss-curve--hint"}

    plot: var[Plot] = var(Plot(()))

    _drawn: tuple[Size, list[Strip]] | None = None
    """The size that was drawn for, and the strips."""

    def watch_plot(self) -> None:
        """Draw at once, and send only the lines that have changed."""
        old, self._drawn = self._drawn, None
        if old is None or old[0] != self.size:
            self.refresh()
            return
        for y, (was, now) in enumerate(zip(old[1], self._strips(), strict=True)):
            if was != now:
                self.refresh(Region(0, y, self.size.width, 1))

    def notify_style_update(self) -> None:
        """Forget what was drawn in the colours of another theme."""
        super().notify_style_update()
        self._drawn = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._point(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if event.button:
            self._point(event)

    def _point(self, event: events.MouseEvent) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        iteration = iteration_at(
            self.plot.curves, *self.size, offset.x, log=self.plot.log, log_x=self.plot.log_x
        )
        if iteration is not None:
            self.post_message(IterationPointed(iteration))

    def render_line(self, y: int) -> Strip:
        """Return a line of the plot."""
        return self._strips()[y]

    def _strips(self) -> list[Strip]:
        if self._drawn is None or self._drawn[0] != self.size:
            self._drawn = self.size, self._draw()
        return self._drawn[1]

    def _draw(self) -> list[Strip]:
        strips = curve_strips(
            self.plot.curves,
            self.size.width,
            self.size.height,
            log=self.plot.log,
            log_x=self.plot.log_x,
            marker=self.plot.marker,
            axis_style=self.get_component_rich_style("loss-curve--axis"),
            background=self.rich_style,
        )
        middle = self.size.height // 2
        if self.plot.hint and cell_len(self.plot.hint) <= self.size.width and middle:
            hint = Segment(
                self.plot.hint.center(self.size.width),
                self.get_component_rich_style("loss-curve--hint"),
            )
            strips[middle] = Strip([hint], self.size.width)
        return strips
