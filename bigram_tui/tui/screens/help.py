"""The help of a screen: what it shows, its keys as they are now, and what its words mean."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from bigram_tui.tui.keys import KeyGroup
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.stylesheet import style_files

EXPLORE_HELP = """\
A row is a character, a column the one that follows it. The {brighter} a cell, \
the more probable that bigram; {boundary} starts and ends a line. [b]count[/b] divides the counts; \
[b]numpy[/b] and [b]torch[/b] start at random and get there by gradient descent, step by \
step. Samples are drawn from the rows, one character after the other.

If you go back and change a hyperparameter, the timeline forks: the old losses \
stay on the plot, dimmed."""

COMPARE_HELP = """\
All runs move together. Each is compared with the [b]reference[/b] (◎) at every \
step: the largest difference in a cell of P or W, and in the nll, [b]now[/b] \
and the [b]worst[/b] so far; P and nll agree if that is no more than rounding. \
[b]Samples[/b] of all runs begin at the same random number; a bold character \
is where one parts from the reference's, ■ where it ends."""

NETWORK_HELP = """\
The network learns one word alone. The list has its tensors in the order \
in which they are computed: forwards from [b]X[/b] to the loss, backwards to [b]dW[/b], \
and the step, [b]W′[/b]. The line of code is the one that was run. Below it \
you see how the number under the cursor is computed; the cells that it comes from \
are marked in the tensor at the left. \
[b]best[/b] is the loss that no bigram model gets below on this word."""

WORDS = {
    "run": "a backend in training, with its hyperparameters and its past",
    "step": "one update of the weights: W − η · gradient",
    "nll": "the average of −log P over all bigrams of the text, in nats",
    "penalty": "λ · mean(W²): what large weights cost",
    "total": "nll + penalty: what training lowers",
    "gap": "total − lowest possible total (for counts: that of α = 0)",
    "surprise": "−log P of one bigram, in nats",
    "samples": "texts that are drawn from P, a character at a time",
}

KEY_WIDTH = 10
"""Columns of the keys and the words."""


class HelpScreen(LiveScreen, ModalScreen[None]):
    """A page that is scrolled by the arrow keys, and closed by escape, the key of the help or q."""

    CSS_PATH = style_files("dialogue")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "close", id="close-help")
    ]

    def __init__(
        self, text: str, groups: Sequence[KeyGroup] = (), keys: Mapping[str, str] | None = None
    ) -> None:
        """text: markup. keys: how each binding's key is now displayed, by its id."""
        super().__init__()
        self._text = text
        self._groups = groups
        self._keys = keys or {}

    def compose(self) -> ComposeResult:
        """Show the text, the keys in their groups, and the words."""
        with VerticalScroll(id="help") as help_pane:
            help_pane.border_title = "help"
            help_pane.border_subtitle = "↑ ↓ scroll   esc, ? or q closes"
            yield Static(self._text)
            for group in self._groups:
                yield _list(group.title, self._lines(group))
            yield _list("Words", WORDS.items())

    def _lines(self, group: KeyGroup) -> Iterable[tuple[str, str]]:
        """Pair each key with what it does; those that pick a run by its number share a line."""
        for binding in group.keys:
            key = self._keys.get(binding.id or "", binding.key_display or binding.key)
            key = f"ctrl+{key[1:]}" if key[0] == "^" and key[1:] else key.replace("␣", "space")
            if binding.action == "pick(0)":
                yield f"{key} … {self._keys.get('backend-9', '9')}", "go to a run by its number"
            elif binding.description and not binding.action.startswith("pick("):
                yield key, str(binding.tooltip or binding.description)


def _list(title: str, lines: Iterable[tuple[str, str]]) -> Static:
    """Write a list under a title: each key or word, and its explanation."""
    content = Content(f"\n{title}").stylize("bold")
    for left, right in lines:
        text = Content(f"\n  {left:<{KEY_WIDTH}} ").stylize("bold", 3, 3 + len(left))
        content += text + Content(right)
    return Static(content)


def displayed_keys(screen: Screen[Any]) -> dict[str, str]:
    """Show the key of each binding of a screen, by its id, as the user's keymap has it."""
    return {
        active.binding.id: screen.app.get_key_display(active.binding)
        for active in reversed(screen.active_bindings.values())
        if active.binding.id is not None
    }
