"""A dialogue that shows a text, which is worked out in a thread if that takes time."""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import get_current_worker

from bigram_tui.errors import UserError, one_line
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.stylesheet import style_files

WIDTH = 74
"""Columns of its text on a screen of 80."""


class Panel(LiveScreen, ModalScreen[None]):
    """A text that the arrow keys scroll, closed by escape, enter or q."""

    CSS_PATH = style_files("dialogue")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "close", id="close-panel")
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._latest: Text | None = None
        """What a thread has told and is not shown yet."""

    def compose(self) -> ComposeResult:
        """Show one text."""
        with VerticalScroll(id="panel") as panel:
            panel.border_title = Content(self._title)
            panel.border_subtitle = "↑↓ scroll   esc close"
            yield Static(id="text")

    def tell(self, text: Text) -> None:
        """Show a text."""
        self.query_one("#text", Static).update(text)

    def _tell_soon(self, text: Text) -> None:
        """Show a text that a thread tells; of several that wait, only the last one."""
        is_awaited, self._latest = self._latest is not None, text
        if not is_awaited:
            self.call_while_live(self._tell_latest)

    def _tell_latest(self) -> None:
        text, self._latest = self._latest, None
        if text is not None:
            self.tell(text)

    def find_out(self, work: Callable[[Callable[[Text], None], Callable[[], bool]], None]) -> None:
        """Do some work in a thread.

        work: takes what it is to tell texts with, and what says whether the dialogue was closed.
        """

        def run() -> None:
            worker = get_current_worker()

            def tell(text: Text) -> None:
                if not worker.is_cancelled:
                    self._tell_soon(text)

            try:
                work(tell, lambda: worker.is_cancelled)
            except UserError as error:
                tell(Text(str(error)))
            except Exception as error:  # such as numbers that a plugin gave
                tell(Text(one_line(f"{type(error).__name__}: {error}")))

        self.run_worker(run, thread=True, exit_on_error=False)
