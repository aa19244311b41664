"""Asks the user to choose one of several things."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList

from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.stylesheet import style_files


class Chooser(LiveScreen, ModalScreen[int | None]):
    """A list of choices: enter takes one, escape none. The result is the index of the choice."""

    CSS_PATH = style_files("dialogue")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "close", id="close-chooser")
    ]

    def __init__(self, title: str, choices: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices

    def compose(self) -> ComposeResult:
        """List the choices."""
        options = OptionList(*map(Content, self._choices), id="choices", compact=True)
        options.border_title = Content(self._title)
        options.border_subtitle = "enter takes it   esc close"
        yield options

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_index)
