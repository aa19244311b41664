"""What a run has printed, what other code has, and why the run has failed."""

from collections.abc import Sequence

from rich.text import Text
from textual.containers import VerticalScroll

from bigram_tui.formatting.printable import printable
from bigram_tui.training.output import UNATTRIBUTED
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Status
from bigram_tui.tui.screens.panel import Panel

LOOK_SECONDS = 0.5


class OutputScreen(Panel):
    """The last lines of all other code, then of one run; new ones appear while it is open."""

    def __init__(self, runner: Runner) -> None:
        super().__init__("printed")
        self._runner = runner
        self._shown = ""

    def on_mount(self) -> None:
        self._look()
        self.set_interval(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        run = self._runner.snapshot
        fault = printable(run.message) if run.status is Status.FAILED else ""
        lines, others = self._runner.output.look(), UNATTRIBUTED.look()
        text = output_text(self._runner.name, lines, others, fault)
        if text.plain == self._shown:
            return
        panel = self.query_one("#panel", VerticalScroll)
        is_at_end = not self._shown or panel.scroll_y >= panel.max_scroll_y
        self._shown = text.plain
        self.tell(text)
        if is_at_end:  # or the user has scrolled back to read
            self.call_after_refresh(panel.scroll_end, animate=False)


def output_text(name: str, lines: Sequence[str], others: Sequence[str], fault: str = "") -> Text:
    """Write others' lines, if there are any, those of a run under its name, and why it failed."""
    text = Text()
    if others:
        heading = "other threads, and code outside of Python\n"
        text.append(heading, "bold").append("\n".join(others)).append("\n\n")
    text.append(f"{name}\n", "bold").append("\n".join(lines or ["nothing"]))
    return text.append(f"\n\n{fault}", "bold") if fault else text
