"""The list of all actions, which is Textual's, and what it needs to be safe from haste."""

from typing import Any

from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.widgets import Input, OptionList

from bigram_tui.tui.live_screen import LiveScreen

LONGEST_SEARCH = 100
"""How many characters can be typed into the list of actions, which looks at all of them again."""


class Palette(LiveScreen, CommandPalette):
    """Textual's list of all actions, at the size that the window has now."""

    def on_mount(self) -> None:
        self.query_one(Input).max_length = LONGEST_SEARCH

    def run_worker(self, work: Any, *arguments: Any, **options: Any) -> Any:
        """Run Textual's search, which looks for its list even when the palette is gone."""

        async def search() -> None:
            try:
                await work()
            except NoMatches:
                if not self.is_gone:
                    raise

        return super().run_worker(search, *arguments, **options)


def has_no_page(node: DOMNode, action_name: str, params: Any) -> bool:
    """Return whether an action would turn a page of a list that was not laid out yet.

    Textual looks for the page's first line in a table that is still empty.
    """
    if isinstance(node, Palette) and action_name == "command_list":  # which passes it on
        node, (action_name, *_) = node.query_one(OptionList), params
    turns = action_name in ("page_up", "page_down")
    return turns and isinstance(node, OptionList) and not node.scrollable_content_region
