"""The footer: the keys of the screen and what they do."""

from typing import Any

from textual._styles_cache import StylesCache
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer


class KeyFooter(Footer):
    """Textual's footer, composed anew only where the keys are others.

    Textual's own composes all of its widgets whenever bindings may have changed: five times when
    the compare screen opens, which took a fifth of that time.
    """

    _keys: list[tuple[Binding, bool, str]] | None = None

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """Compose the keys of a screen unless these are those that are shown."""
        keys = [
            (active.binding, active.enabled, active.tooltip)
            for active in screen.active_bindings.values()
            if active.binding.show
        ]
        if keys == self._keys:
            return
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            self._keys = keys
            self._forget_removed_keys()
        super().bindings_changed(screen)

    def _forget_removed_keys(self) -> None:
        """Let go of widgets that were removed: Textual's footer keeps all that it ever had."""
        # Textual issue 6666: what watches an attribute is kept until that attribute changes.
        watchers: dict[str, list[tuple[Widget, object]]] = vars(self).get("__watchers", {})
        for of_attribute in watchers.values():
            of_attribute[:] = [pair for pair in of_attribute if pair[0].is_attached]
        # Its cache of styles holds what the last 1,024 widgets have drawn.
        StylesCache.get_inner_outer.cache_clear()
