"""Keeps a screen at the size that its window has now."""

from textual.events import Resize
from textual.screen import Screen


class FollowsWindow:
    """Mix into a screen: it is laid out for the present size of the window, never for a past one.

    A Textual screen tells itself of the size that it was just laid out for, and is laid out again
    when it hears of it. Messages for two sizes that wait at the same time then answer each other
    for ever: each layout sends the message that undoes the other. Ours wait together when a layout
    takes longer than the window's edge takes to move on.
    """

    def on_resize(self, event: Resize) -> None:
        """Drop the message of a size that the window no longer has; the newest one always comes."""
        assert isinstance(self, Screen)
        if event.size != self.app.size:
            event.prevent_default()
