"""Keeps a screen at the size that its window has now."""

from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen


class FollowsWindow:
    """Mix into a screen: it is laid out once for each size of the window, never for a past one.

    A Textual screen tells itself of the size that it was just laid out for, and is laid out again
    when it hears of it. Messages for two sizes that wait at the same time then answer each other
    for ever: each layout sends the message that undoes the other. Ours wait together when a layout
    takes longer than the window's edge takes to move on.
    """

    _followed: Size | None = None

    async def _compose(self) -> None:
        """Take the classes of the window's size first, so that nothing is styled without them."""
        assert isinstance(self, Screen)
        width, height = self.app.size
        across, down = self.HORIZONTAL_BREAKPOINTS or [], self.VERTICAL_BREAKPOINTS or []
        self.add_class(
            *self._get_breakpoint_classes(width, across),
            *self._get_breakpoint_classes(height, down),
        )
        await super()._compose()  # type: ignore[misc]

    def on_resize(self, event: Resize) -> None:
        """Drop the message of a size that is past, or known; the newest one always comes."""
        assert isinstance(self, Screen)
        if event.size == self.app.size and event.size != self._followed:
            self._followed = event.size
            self.on_window_resized()
        else:
            event.prevent_default()

    def on_window_resized(self) -> None:
        """Do what the new size needs. The layout for it comes next."""
