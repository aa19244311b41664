"""The lifecycle that all screens share: a screen acts from its mount until it is left."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from textual import messages
from textual.await_complete import AwaitComplete
from textual.errors import NoWidget
from textual.events import Event, InputEvent, Mount, Paste, Resize, ScreenResume
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.timer import TimerCallback

from bigram_tui.tui.messages import FirstDrawn
from bigram_tui.tui.window_size import FollowsWindow

EVENTS = (InputEvent, Mount, Paste, Resize, ScreenResume)
"""The events that screens answer; all others are Textual's own business."""


class LiveScreen(FollowsWindow):
    """Mix into a screen, so that none of its code runs before it is drawn or after it was left.

    Messages, timers, callbacks and key bindings may reach a Textual screen when its widgets are not
    there yet or no longer: keys are typed ahead, threads end late, and the program may be left at
    any moment. All of them pass through here or through `BigramApp`, so no handler need ask.
    """

    _is_left = False
    _is_drawn = False
    _is_styled = False

    @property
    def is_live(self) -> bool:
        """Whether the screen is mounted, and neither it nor the program was left."""
        assert isinstance(self, Screen)
        return self.is_mounted and not self.is_gone

    @property
    def is_gone(self) -> bool:
        """Whether it is about to go, or gone."""
        assert isinstance(self, Screen)
        # `is_attached` is false once the program is left.
        return self._is_left or not self.is_attached or self._pruning

    def _while_live(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls another one, unless the screen is not live."""
        return lambda *args, **kwargs: callback(*args, **kwargs) if self.is_live else None

    async def _dispatch_message(self, message: Message) -> None:
        if not self.is_gone or not _is_answered(message):
            with suppress(NoWidget):  # the mouse was where the window has no place any more
                await super()._dispatch_message(message)  # type: ignore[misc]

    async def _compose(self) -> None:
        """Note whether the widgets are made, and styled, after the stylesheets were read.

        From Python 3.12 on they are not when a screen of its kind is opened for the first time.
        """
        assert isinstance(self, Screen)
        sheet, paths = self.app.stylesheet, self.css_path
        self._is_styled = all(sheet.has_source(str(path), "") for path in paths)
        await super()._compose()

    def _on_screen_resume(self, event: ScreenResume) -> None:
        """Style all widgets anew when a screen comes back; when it is new, only the screen.

        The screen itself was made before its stylesheets were read.
        """
        assert isinstance(self, Screen)
        if self._is_styled and not self.stack_updates:
            event.refresh_styles = False
            self.app.stylesheet.apply(self, animate=False)

    def _compositor_refresh(self) -> None:
        """Draw what has changed, unless the app drops what is drawn, as in its start.

        Textual would render the first frame of a screen, and then render it again to show it.
        """
        assert isinstance(self, Screen)
        if self.app._batch_count:
            return
        super()._compositor_refresh()  # type: ignore[misc]
        if not self._is_drawn:
            self._is_drawn = True
            self.app.post_message(FirstDrawn())

    def call_while_live(self, callback: Callable[..., Any], *args: Any) -> None:
        """Call something after the messages that wait, if the screen is live; from any thread."""
        assert isinstance(self, Screen)
        self.call_later(self._while_live(callback), *args)

    def call_after_refresh(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """Call something after the next refresh, if the screen is live."""
        call = self._while_live(callback)
        return bool(super().call_after_refresh(call, *args, **kwargs))  # type: ignore[misc]

    def set_timer(self, delay: float, callback: TimerCallback | None = None, **options: Any) -> Any:
        """Call something after some seconds, if the screen is live."""
        call = callback and self._while_live(callback)
        return super().set_timer(delay, call, **options)  # type: ignore[misc]

    def set_interval(
        self, interval: float, callback: TimerCallback | None = None, **options: Any
    ) -> Any:
        """Call something again and again, while the screen is live. interval: in seconds."""
        call = callback and self._while_live(callback)
        return super().set_interval(interval, call, **options)  # type: ignore[misc]

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Leave the screen with a result; once, and only while no other screen is above it.

        Textual closes whatever is on top: a key that is held would close the screens below too.
        """
        assert isinstance(self, Screen)
        if not self.is_live or self.app.screen is not self:
            return AwaitComplete()
        self._is_left = True
        done: AwaitComplete = super().dismiss(result)  # type: ignore[misc]
        return done


def _is_answered(message: Message) -> bool:
    """Return whether screens answer a message, rather than Textual alone."""
    if isinstance(message, Event):
        return isinstance(message, EVENTS)
    return type(message).__module__ != messages.__name__


def can_act(node: MessagePump) -> bool:
    """Return whether an action of the app, a screen or a widget may run."""
    screen = node
    while screen is not None and not isinstance(screen, Screen):
        if screen._parent is None:  # the app, or a widget that was removed
            return bool(screen.is_dom_root)
        screen = screen._parent
    return not isinstance(screen, LiveScreen) or screen.is_live
