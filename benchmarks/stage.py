"""An app whose frames can be waited for, and the least that a changing widget costs in Textual."""

import asyncio
from collections.abc import Callable, Sequence

from rich.console import RenderableType
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from bigram_tui.tui.stylesheet import style_files

Lines = Sequence[Sequence[Segment]]


class Stage(App[None]):
    """Shows one widget, with our styles."""

    CSS_PATH = style_files("app", "explore")

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self._drawn = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield self.widget

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        self._drawn.set()

    async def draw(self, change: Callable[[int], None], frames: int) -> None:
        """Change the widget and wait until that is written to the terminal, so many times."""
        for frame in range(frames):
            self._drawn.clear()
            change(frame)
            await self._drawn.wait()


class Floor(ScrollView):
    """Draws lines whose segments are ready, by the Line API.

    The strips are new for each frame, as those of anything that changes: a strip that was drawn
    before remembers its escape sequences.
    """

    def __init__(self, pictures: Sequence[Lines]) -> None:
        super().__init__()
        self._pictures = pictures
        self._shown = 0

    def render_line(self, y: int) -> Strip:
        return Strip(self._pictures[self._shown][y], self.size.width)

    def show(self, number: int, lines: range) -> None:
        """Draw some lines of a picture."""
        self._shown = number
        self.refresh(*(Region(0, line, self.size.width, 1) for line in lines))
