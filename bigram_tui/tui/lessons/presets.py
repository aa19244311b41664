"""The screen of the presets: learning rates, penalties and starts, each with its reason."""

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList

from bigram_tui.errors import one_line
from bigram_tui.lessons.presets import Preset, presets
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.session import ZEROS
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.stylesheet import style_files

TITLE = "presets for this text"


class PresetsScreen(LiveScreen, ModalScreen[Preset | None]):
    """A list of presets; dismissed with the chosen one, or None."""

    CSS_PATH = style_files("dialogue")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "close", id="close-presets")
    ]

    def __init__(self, bigrams: Bigrams, seed: int) -> None:
        """Offer presets for a text. seed: of the random start."""
        super().__init__()
        self._bigrams = bigrams
        self._seed = seed
        self._presets: list[Preset] = []

    def compose(self) -> ComposeResult:
        """Compose the list, empty until the minimum of the loss is known."""
        options = OptionList(id="presets")
        options.border_title = TITLE
        options.border_subtitle = "solving for the minimum …"
        yield options

    def on_mount(self) -> None:
        self.run_worker(self._solve, thread=True, exit_on_error=False)

    def _solve(self) -> None:
        choice: list[Preset] = []
        subtitle = "enter adds a run, escape closes"
        try:
            choice = presets(self._bigrams, self._seed)
        except Exception as error:  # such as memory that is not there
            subtitle = one_line(str(error) or type(error).__name__)
        self.call_while_live(self._offer, choice, subtitle)

    def _offer(self, choice: list[Preset], subtitle: str) -> None:
        options = self.query_one("#presets", OptionList)
        self._presets = choice
        options.border_subtitle = subtitle
        options.add_options(map(described, choice))
        options.action_first()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._presets[event.option_index])


def described(preset: Preset) -> Text:
    """Write a line of its values, and its reason."""
    text = Text(preset.name.ljust(16), "bold")
    values = f"η {preset.learning_rate:.4g}".ljust(11) + f"λ {preset.l2:g}".ljust(8)
    text.append(values + ("W = 0\n" if preset.start == ZEROS else "random W\n"), "not bold")
    return text.append(preset.reason, "not bold dim")
