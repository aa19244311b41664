"""The tour, in a few lines at the bottom of a screen."""

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from bigram_tui.formatting.printable import printable
from bigram_tui.lessons.tour import STEPS, ScreenState, Tour


class TourBar(Static):
    """The text and the keys of a step of the tour; hidden while there is no tour."""

    class Resized(Message):
        """The bar takes more or less room than before."""

    _text = ""

    def show(self, tour: Tour, seen: ScreenState) -> None:
        """Show the present step of a tour."""
        step, index = tour.step, tour.place
        self.screen.set_class(step is not None, "-touring")
        if step is None or index is None:
            self._text = ""
            return
        text = printable(step.text(seen))
        if self._text == text:  # Textual would draw all of it again
            return
        self._text = text
        self.update(Content(text))
        keys = ["enter " + (step.opens or ("next" if index + 1 < len(STEPS) else "ends the tour"))]
        keys += ["backspace back"] if index > 0 else []
        keys += ["esc leaves the tour"] if index + 1 < len(STEPS) else []
        self.border_title = Content(f"tour {index + 1}/{len(STEPS)} " + " · ".join(keys))

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def on_hide(self) -> None:
        self.post_message(self.Resized())
