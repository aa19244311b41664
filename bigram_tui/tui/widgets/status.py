"""Two lines at the top: what is explored, and how each run stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.widget import Widget

from bigram_tui.tui.messages import RunPicked

TOLD_WIDTH = 38
"""Columns of a run from which on its numbers are named."""


class StatusLine(Widget):
    """The corpus at the left; the active run with its sparkline at the right."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"status-line--strong"}

    facts: reactive[Sequence[str]] = reactive(())
    run: reactive[Text] = reactive(Text())

    def render(self) -> Text:
        """One line; the facts of the corpus give way, the last one first."""
        room = max(0, self.size.width - self.run.cell_len - 2)
        facts = list(self.facts)
        while len(facts) > 1 and cell_len("  ".join(facts)) > room:
            facts.pop()
        left = Text("  ".join(facts), no_wrap=True)
        left.truncate(room, overflow="ellipsis", pad=True)
        return Text.assemble(left, "  ", self.run, no_wrap=True)


@dataclass(frozen=True)
class RunState:
    """What is said of one run."""

    name: str
    color: Style
    state: str
    """One sign, such as ▶."""
    told: str
    """Iteration and loss in words."""
    terse: str
    """The same in numbers alone."""
    started: bool
    amiss: bool


class RunsBar(Widget):
    """All runs in one line: number, colour, name, state, iteration, loss."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"runs-bar--active", "runs-bar--idle", "runs-bar--amiss"}

    runs: reactive[Sequence[RunState]] = reactive(())
    active: reactive[int] = reactive(0)

    def render(self) -> Text:
        """The entries, each as wide as it needs; the active one always in sight."""
        entries = self._entries()
        first = self._first(entries)
        line = Text("", no_wrap=True).join(entries[first:])
        return Text.assemble("‹", line, no_wrap=True) if first else line

    def _first(self, entries: Sequence[Text]) -> int:
        """The first entry to show, so that the active one is not cut off."""
        widths = [entry.cell_len for entry in entries[: self.active + 1]]
        if sum(widths) <= self.size.width:
            return 0
        room = self.size.width - 1  # one for the sign that there are others before
        fitting = [k for k in range(len(widths)) if sum(widths[k:]) <= room]
        return min(fitting, default=self.active)

    def _entries(self) -> list[Text]:
        active = self.get_component_rich_style("runs-bar--active", partial=True)
        idle = self.get_component_rich_style("runs-bar--idle", partial=True)
        amiss = self.get_component_rich_style("runs-bar--amiss", partial=True)
        share = self.size.width // max(1, len(self.runs))
        entries = []
        for number, run in enumerate(self.runs, 1):
            text = Text(f" {number} ", no_wrap=True)
            text.append("━━ " if run.started else "── ", run.color)
            text.append(run.name)
            if run.state:
                text.append(f" {run.state}", amiss if run.amiss else None)
            text.append(f" {run.told if share >= TOLD_WIDTH else run.terse}".rstrip() + " ")
            text.stylize_before(active if number - 1 == self.active else idle)
            pad = min(share, TOLD_WIDTH + 4) - cell_len(text.plain)
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
