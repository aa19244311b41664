"""A few lines at the bottom of the screen: what the tour has to say."""

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from bigram_tui.formatting.printable import printable
from bigram_tui.lessons.tour import STEPS, ScreenState, Tour


class TourBar(Static):
    """One step of the tour. Out of sight while there is no tour."""

    class Resized(Message):
        """It takes more or less room than it did."""

    _told = ""

    def show(self, tour: Tour, seen: ScreenState) -> None:
        """Show where the tour is."""
        step, place = tour.step, tour.place
        self.screen.set_class(step is not None, "-touring")
        if step is None or place is None:
            self._told = ""
            return
        text = printable(step.text(seen))
        if self._told == text:  # Textual would draw all of it again
            return
        self._told = text
        self.update(Content(text))
        keys = ["enter " + (step.opens or ("next" if place + 1 < len(STEPS) else "ends the tour"))]
        keys += ["backspace back"] if place > 0 else []
        keys += ["esc leaves the tour"] if place + 1 < len(STEPS) else []
        self.border_title = Content(f"tour {place + 1}/{len(STEPS)} " + " · ".join(keys))

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def on_hide(self) -> None:
        self.post_message(self.Resized())
