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


class StatusLine(Widget):
    """The corpus at the left; the active run with its sparkline at the right."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"status-line--strong"}

    corpus: reactive[str] = reactive("")
    run: reactive[Text] = reactive(Text())

    def render(self) -> Text:
        """One line; the corpus gives way."""
        room = self.size.width - self.run.cell_len - 2
        left = Text(self.corpus, no_wrap=True)
        left.truncate(max(0, room), overflow="ellipsis", pad=True)
        return Text.assemble(left, "  ", self.run, no_wrap=True)


@dataclass(frozen=True)
class RunState:
    """What is said of one run."""

    name: str
    color: Style
    state: str
    """One sign, such as ▶."""
    iteration: str
    loss: str
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
        while (
            len(entries) > 1
            and sum(e.cell_len for e in entries[: self.active + 1]) > self.size.width
        ):
            entries.pop(0)
        return Text("", no_wrap=True).join(entries)

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
            if run.amiss:
                text.append(f" {run.state}", amiss)
            text.append("" if run.amiss else f" {run.state}")
            text.append(f" {run.iteration} {run.loss}".rstrip() + " ")
            text.stylize_before(active if number - 1 == self.active else idle)
            pad = min(share, 34) - cell_len(text.plain)
            if pad > 0:
                text.append(" " * pad)
            entries.append(text)
        return entries

    def on_click(self, event: events.Click) -> None:
        right = 0
        for number, entry in enumerate(self._entries()):
            right += entry.cell_len
            if event.x < right:
                self.post_message(RunPicked(number))
                return
