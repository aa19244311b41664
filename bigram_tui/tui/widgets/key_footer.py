"""The footer: the keys of the screen and what they do, in one line."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

SCROLLED_COLUMNS = 4
"""By which a turn of the wheel moves keys that are too many for the line."""


class ShownKey(NamedTuple):
    """A key as the footer shows it."""

    key: str
    display: str
    description: str
    action: str
    enabled: bool
    tooltip: str

    @property
    def width(self) -> int:
        """Columns of the key and its description."""
        return cell_len(f"{self.display} {self.description}")


class KeyFooter(Widget, can_focus=False):
    """The keys that are bound now, drawn as a line; a click is as good as pressing one.

    Textual's footer has a widget for each key, which took a third of the time from the start of
    the app to its first picture, and composes them all anew whenever bindings may have changed.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {
        "key-footer--item",
        "key-footer--hovered",
        "key-footer--key",
        "key-footer--description",
        "key-footer--disabled",
    }

    keys: reactive[tuple[ShownKey, ...]] = reactive(())
    hovered: reactive[ShownKey | None] = reactive(None)
    """The key under the mouse."""
    scrolled: reactive[int] = reactive(0)
    """Columns that are out of sight on the left."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self.bindings_changed)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """Show the keys that a screen binds now: the first key of each action."""
        if not (screen.app.app_focus and self.is_attached and screen is self.screen):
            return
        first_keys: dict[str, ShownKey] = {}
        for _, binding, enabled, tooltip in screen.active_bindings.values():
            if binding.show:
                display = self.app.get_key_display(binding)
                texts = binding.key, display, binding.description, binding.action
                first_keys.setdefault(binding.action, ShownKey(*texts, enabled, tooltip))
        self.keys = tuple(first_keys.values())

    def watch_keys(self) -> None:
        """Forget which key was under the mouse, as it may be elsewhere now."""
        self.hovered = None
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        """Scroll back where the line would be empty at its end."""
        self.scrolled = self.scrolled  # which validates it

    def watch_hovered(self, hovered: ShownKey | None) -> None:
        """Say more of the key under the mouse, and change the pointer."""
        self.tooltip = (hovered and hovered.tooltip) or None
        self.set_class(hovered is not None, "-on-key")

    def validate_scrolled(self, scrolled: int) -> int:
        """Keep the line full as long as there are keys out of sight."""
        last = max((stop for _, stop, _ in self._placed()), default=0)
        return max(0, min(scrolled, last - self.size.width))

    def _placed(self) -> Iterator[tuple[int, int, ShownKey]]:
        """The first column of each key in the whole line, the one after its last, and the key."""
        start = 0
        for key in self.keys:
            stop = start + key.width
            yield start, stop, key
            start = stop + 1

    def _key_at(self, column: int) -> ShownKey | None:
        """Return the key at a column of the widget."""
        place = column + self.scrolled
        return next((key for start, stop, key in self._placed() if start <= place < stop), None)

    def render_line(self, y: int) -> Strip:
        """Return the keys as the first line."""
        background = self.rich_style
        if y:
            return Strip.blank(self.size.width, background)
        segments = []
        for _, _, key in self._placed():
            segments += [*self._segments(key), Segment(" ", background)]
        stop = self.scrolled + self.size.width
        return Strip(segments).crop_extend(self.scrolled, stop, background)

    def _segments(self, key: ShownKey) -> Iterator[Segment]:
        def style(part: str, *, partial: bool) -> Style:
            return self.get_component_rich_style(f"key-footer--{part}", partial=partial)

        around = style("hovered" if key == self.hovered else "item", partial=False)
        if not key.enabled:
            around += style("disabled", partial=True)
        yield Segment(key.display, around + style("key", partial=True))
        yield Segment(f" {key.description}", around + style("description", partial=True))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        key = self._key_at(event.x)
        if key is None:
            return
        if key.enabled:
            self.app.simulate_key(key.key)
        else:
            self.app.bell()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = self._key_at(event.x)

    def on_leave(self) -> None:
        self.hovered = None

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll_by(SCROLLED_COLUMNS, event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll_by(-SCROLLED_COLUMNS, event)

    def _scroll_by(self, columns: int, event: events.MouseEvent) -> None:
        self.scrolled += columns
        self.hovered = self._key_at(event.x)
        event.stop()
