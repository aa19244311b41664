"""A pane whose lines are made by a function of its size."""

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.widget import Widget

from bigram_tui.tui.messages import LineClicked
from bigram_tui.tui.side_by_side.sides import Inks

Draw = Callable[[int, int, Inks], Sequence[Text]]
"""From the width, the height and the styles to at most that many lines."""


class Drawn(Widget):
    """Draws anew when it is given another function."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {
        "drawn--title",
        "drawn--strong",
        "drawn--faint",
        "drawn--mark",
        "drawn--amiss",
        "drawn--chosen",
    }

    draw: reactive[Draw | None] = reactive(None)

    @property
    def inks(self) -> Inks:
        """The styles of the present theme."""
        kinds = ("title", "strong", "faint", "mark", "amiss", "chosen")
        return Inks(
            *(self.get_component_rich_style(f"drawn--{kind}", partial=True) for kind in kinds)
        )

    def render(self) -> Text:
        """The lines."""
        if self.draw is None or not self.size:
            return Text()
        lines = self.draw(*self.size, self.inks)
        return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)

    def on_click(self, event: events.Click) -> None:
        self.post_message(LineClicked(self, event.y))
