"""A pane whose lines come from a function of its size."""

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events
from textual.geometry import Region, Size
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from bigram_tui.tui.messages import LineClicked
from bigram_tui.tui.render.text_styles import TextStyles

Draw = Callable[[int, int, TextStyles], Sequence[Text]]
"""Takes a width, a height and styles; returns at most so many lines."""


class Drawn(Widget):
    """A pane that draws `draw`; given another function, it sends only the lines that differ."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {
        "drawn--title",
        "drawn--strong",
        "drawn--faint",
        "drawn--mark",
        "drawn--error",
        "drawn--chosen",
    }

    draw: var[Draw | None] = var(None)

    _text_styles: TextStyles | None = None
    _drawn: tuple[Size, list[Text], list[Strip]] | None = None
    """The size that was drawn for, and the lines as text and as strips."""

    @property
    def text_styles(self) -> TextStyles:
        """The styles of the theme."""
        if self._text_styles is None:
            kinds = ("title", "strong", "faint", "mark", "error", "chosen")
            styles = (self.get_component_rich_style(f"drawn--{k}", partial=True) for k in kinds)
            self._text_styles = TextStyles(*styles)
        return self._text_styles

    def notify_style_update(self) -> None:
        """Forget what was drawn in the colours of another theme."""
        super().notify_style_update()
        self._text_styles = self._drawn = None

    def watch_draw(self) -> None:
        """Draw at once, and send only the lines that have changed."""
        old = self._drawn
        if old is None or old[0] != self.size:
            self._drawn = None
            self.refresh()
            return
        new = self._lines()
        for y in range(self.size.height):
            was = old[1][y] if y < len(old[1]) else None
            now = new[y] if y < len(new) else None
            if was != now:
                self.refresh(Region(0, y, self.size.width, 1))
        known = dict(zip(map(id, old[1]), old[2], strict=True))
        kept = [o if o == n else n for o, n in zip(old[1], new, strict=False)] + new[len(old[1]) :]
        strips = [known.get(id(line)) or self._strip(line) for line in kept]
        self._drawn = self.size, kept, strips

    def render_line(self, y: int) -> Strip:
        """Return a line of the pane."""
        if self._drawn is None or self._drawn[0] != self.size:
            lines = self._lines()
            self._drawn = self.size, lines, [self._strip(line) for line in lines]
        strips = self._drawn[2]
        return strips[y] if y < len(strips) else Strip.blank(self.size.width, self.rich_style)

    def _lines(self) -> list[Text]:
        if self.draw is None or not self.size:
            return []
        lines = list(self.draw(*self.size, self.text_styles))
        if len(lines) > self.size.height:
            lines[self.size.height - 1 :] = [Text("…", self.text_styles.faint)]
        return lines

    def _strip(self, line: Text) -> Strip:
        strip = Strip(line.render(self.app.console, end=""))
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        self.post_message(LineClicked(self, event.y))
