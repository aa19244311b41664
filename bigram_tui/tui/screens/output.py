"""What a run has printed, and what was printed by nobody in particular."""

from collections.abc import Sequence

from rich.text import Text

from bigram_tui.training.output import UNATTRIBUTED
from bigram_tui.training.runner import Runner
from bigram_tui.tui.screens.panel import Panel

LOOK_SECONDS = 0.5


class OutputScreen(Panel):
    """The last lines of one run, then of all other code; new ones appear while it is open."""

    def __init__(self, runner: Runner) -> None:
        super().__init__("printed")
        self._runner = runner
        self._shown = ""

    def on_mount(self) -> None:
        self._look()
        self.set_interval(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        text = output_text(self._runner.name, self._runner.output.look(), UNATTRIBUTED.look())
        if text.plain != self._shown:
            self._shown = text.plain
            self.tell(text)


def output_text(name: str, lines: Sequence[str], others: Sequence[str]) -> Text:
    """Write the lines of a run under its name, and others, if there are any."""
    text = Text.assemble((f"{name}\n", "bold"), "\n".join(lines or ["nothing"]))
    if others:
        heading = "\n\nother threads, and code outside of Python\n"
        text.append(heading, "bold").append("\n".join(others))
    return text
