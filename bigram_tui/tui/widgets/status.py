"""Two lines at the top: facts of the corpus, and the state of each run."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.widget import Widget

from bigram_tui.tui.messages import RunPicked

WORDS_WIDTH = 38
"""Columns of an entry from which on its numbers have names."""


class StatusLine(Widget):
    """Facts of the corpus at the left; the active run with its sparkline at the right."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"status-line--strong"}

    facts: reactive[Sequence[str]] = reactive(())
    run: reactive[Text] = reactive(Text())

    def render(self) -> Text:
        """Write one line; where room is scarce, facts are left out, the last one first."""
        room = max(0, self.size.width - self.run.cell_len - 2)
        facts = list(self.facts)
        while len(facts) > 1 and cell_len("  ".join(facts)) > room:
            facts.pop()
        left = Text("  ".join(facts), no_wrap=True)
        left.truncate(room, overflow="ellipsis", pad=True)
        return Text.assemble(left, "  ", self.run, no_wrap=True)


@dataclass(frozen=True)
class RunState:
    """The entry of one run: its name, its state and its loss."""

    name: str
    color: Style
    state: str
    """A sign or a word, such as ▶; empty if the run is paused."""
    words: str
    """Iteration and loss with their names."""
    numbers: str
    """Iteration and loss without names."""
    started: bool
    failed: bool


class RunsBar(Widget):
    """All runs in one line: number, colour, name, state, iteration, loss."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"runs-bar--active", "runs-bar--idle", "runs-bar--error"}

    runs: reactive[Sequence[RunState]] = reactive(())
    active: reactive[int] = reactive(0)

    def render(self) -> Text:
        """Write the entries, each as wide as it needs; the active one is always in sight."""
        entries = self._entries()
        first = self._first(entries)
        line = Text("", no_wrap=True).join(entries[first:])
        return Text.assemble("‹", line, no_wrap=True) if first else line

    def _first(self, entries: Sequence[Text]) -> int:
        """Return the first entry to show, so that the active one is not cut off."""
        widths = [entry.cell_len for entry in entries[: self.active + 1]]
        if sum(widths) <= self.size.width:
            return 0
        room = self.size.width - 1  # one for the sign that there are others before
        fitting = [k for k in range(len(widths)) if sum(widths[k:]) <= room]
        return min(fitting, default=self.active)

    def _entries(self) -> list[Text]:
        active = self.get_component_rich_style("runs-bar--active", partial=True)
        idle = self.get_component_rich_style("runs-bar--idle", partial=True)
        error = self.get_component_rich_style("runs-bar--error", partial=True)
        share = self.size.width // max(1, len(self.runs))
        entries = []
        for number, run in enumerate(self.runs, 1):
            text = Text(f" {number} ", no_wrap=True)
            text.append("━━ " if run.started else "── ", run.color)
            text.append(run.name)
            if run.state:
                text.append(f" {run.state}", error if run.failed else None)
            text.append(f" {run.words if share >= WORDS_WIDTH else run.numbers}".rstrip() + " ")
            text.stylize_before(active if number - 1 == self.active else idle)
            pad = min(share, WORDS_WIDTH + 4) - cell_len(text.plain)
            if pad > 0:
                text.append(" " * pad)
            entries.append(text)
        return entries

    def on_click(self, event: events.Click) -> None:
        entries = self._entries()
        first = self._first(entries)
        right = 1 if first else 0
        for number, entry in enumerate(entries[first:], first):
            right += entry.cell_len
            if event.x < right:
                self.post_message(RunPicked(number))
                return
