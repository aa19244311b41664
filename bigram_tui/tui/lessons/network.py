"""One word through the network: its tensors stage by stage, and where each number comes from."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer, Static

from bigram_tui.errors import one_line
from bigram_tui.formatting.printable import printable
from bigram_tui.lessons.libraries import NUMPY, best_library
from bigram_tui.lessons.network import Network, Pass, Tensor
from bigram_tui.lessons.network_origins import Origin, label, origin
from bigram_tui.lessons.network_stages import STAGES, Stage
from bigram_tui.lessons.word import WordError, first_word, tokens_of
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.tui.lessons.array_pane import (
    OF_TOKENS,
    ArrayPane,
    labels_of,
    picture_of,
    tensor_title,
)
from bigram_tui.tui.messages import CellPointed, HeatmapResized, LineClicked
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.render.curve import sparkline
from bigram_tui.tui.render.text_styles import TextStyles
from bigram_tui.tui.screens.help import NETWORK_HELP, HelpScreen
from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.widgets.drawn import Drawn
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.prompt import Prompt
from bigram_tui.tui.window_size import FollowsWindow

RATES = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0)
"""The learning rates to choose from; the lecture's first steps have 0.1."""

STEPS_A_SECOND = 20
SPARKLINE_WIDTH = 12
LEAST_WORD = 8
"""Columns of the word, however little room the rest of its line leaves."""

LEAST_SOURCE = 30
"""Columns that the table beside the stage's own gets at least."""


@dataclass(frozen=True, eq=False)
class NetworkState:
    """A network at one moment, while the worker may be training it on."""

    net: Network
    """For what does not change: its word, its library, its least loss."""
    now: Pass
    losses: npt.NDArray[np.float64]

    @classmethod
    def from_network(cls, net: Network) -> "NetworkState":
        """The network as it is now."""
        return cls(net, net.now, np.array(net.losses))


@dataclass
class Computed(Message):
    """The network was computed anew."""

    seen: NetworkState
    complaint: str = ""
    """Why something was not, if so."""


class NetworkScreen(FollowsWindow, Screen[None]):
    """The stages at the left; at the right one of them, beside the one that it is made of."""

    CSS_PATH = style_files("network")

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-roomy")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "stage(1)", "next stage", id="next-stage"),
        Binding("shift+tab", "stage(-1)", "stage before", show=False, id="stage-before"),
        Binding("up,k", "move(-1, 0)", "cell", key_display="↑↓←→", id="network-up"),
        Binding("down,j", "move(1, 0)", "cell below", show=False, id="network-down"),
        Binding("left,h", "move(0, -1)", "cell to the left", show=False, id="network-left"),
        Binding("right,l", "move(0, 1)", "cell to the right", show=False, id="network-right"),
        Binding("s", "step(1)", "step", id="network-step"),
        Binding("S", "step(10)", "10 steps", key_display="S", show=False, id="network-step-10"),
        Binding("x", "step(100)", "100 steps", show=False, id="network-step-100"),
        Binding("space", "run", "run", key_display="␣", id="network-run"),
        Binding("z", "back(1)", "back", id="network-back"),
        Binding("Z", "back(10)", "10 back", key_display="Z", show=False, id="network-back-10"),
        Binding("r", "reset", "reset", show=False, id="network-reset"),
        Binding("plus,equals_sign", "rate(1)", "η", key_display="+ -", id="network-rate-up"),
        Binding("minus", "rate(-1)", "smaller η", show=False, id="network-rate-down"),
        Binding("w", "word", "word", id="network-word"),
        Binding("t", "app.dark", "dark or light", show=False, id="network-dark"),
        Binding("question_mark", "help", "help", key_display="?", id="network-help"),
        Binding("escape,q,T", "dismiss", "close", key_display="esc", id="close-network"),
    ]

    def __init__(self, bigrams: Bigrams, seed: int, depth: Depth) -> None:
        """seed: of the start weights."""
        super().__init__()
        self._vocabulary = bigrams.vocabulary
        self._seed = seed
        self._depth = depth
        self._place = 0
        self._worker = ThreadPoolExecutor(1, "network")
        self._gone = Event()
        self._latest = Network(first_word(bigrams), self._vocabulary, NUMPY, seed)
        """Of the worker alone, once it has begun."""
        self._seen = NetworkState.from_network(self._latest)
        self._by = "NumPy, torch loads"
        self._waiting = 0
        """How many jobs the worker was given and has not done."""
        self._ticking: Timer | None = None
        self._choose_bigram(1)

    def compose(self) -> ComposeResult:
        """A line of facts, the stages, what is said of one, its table and where that is from."""
        yield Static(id="network-status")
        with Horizontal(id="network"):
            yield Drawn(id="stages")
            with Vertical():
                yield Static(id="network-told")
                with Horizontal(id="arrays"):
                    yield ArrayPane(self._depth, points=False, id="source")
                    yield ArrayPane(self._depth, points=True, id="result")
        yield Prompt()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self._show))
        self.set_focus(self.query_one("#result Heatmap", Heatmap))
        self._begin(self._seen.net.word)

    def on_unmount(self) -> None:
        self._gone.set()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def on_window_resized(self) -> None:
        self.call_after_refresh(self._show)

    # What is computed, in a thread: torch is slow to load, and many characters slow to learn

    def _begin(self, word: str) -> None:
        def begin() -> None:
            self._latest = Network(word, self._vocabulary, best_library(), self._seed)

        self._compute(begin)

    def _change(self, change: Callable[[Network], object]) -> None:
        self._compute(lambda: change(self._latest))

    def _compute(self, job: Callable[[], object]) -> None:
        """Do a job after all that were to be done before, and show what became of it."""

        def work() -> None:
            complaint = ""
            try:
                job()
            except Exception as error:  # such as memory that is not there
                complaint = one_line(f"{type(error).__name__}: {error}")
            self.post_message(Computed(NetworkState.from_network(self._latest), complaint))

        self._waiting += 1
        self._worker.submit(work)

    @on(Computed)
    def _take(self, event: Computed) -> None:
        event.stop()
        self._waiting -= 1
        another = event.seen.net.word != self._seen.net.word
        self._seen = event.seen
        library = event.seen.net.framework
        self._by = f"{library.name} {library.version.partition('+')[0]}"
        if another:
            self._choose_bigram(1)
        if event.complaint:
            self.notify(event.complaint, severity="error", markup=False)
        self._show()

    # What is looked at

    def _choose_bigram(self, place: int) -> None:
        """Look at a bigram of the word, in the column of what follows."""
        now = self._seen.now
        self._bigram = min(place, len(now.xs) - 1)
        self._token, self._column = now.xs[self._bigram], now.ys[self._bigram]

    @property
    def _stage(self) -> Stage:
        return STAGES[self._place]

    @property
    def _tensor(self) -> Tensor:
        return self._seen.now.tensors[self._stage.name]

    @property
    def _cell(self) -> tuple[int, int]:
        """The cell that is looked at, in the table of the stage."""
        rows, columns = self._tensor.table.shape
        row = self._token if self._stage.name in OF_TOKENS else self._bigram
        return min(row, rows - 1), min(self._column, columns - 1)

    def _look_at(self, row: int, column: int) -> None:
        """Go to a cell of the stage's table, and to the same place in those of the others."""
        rows, columns = self._tensor.table.shape
        row, column = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
        xs = self._seen.now.xs
        if self._stage.name in OF_TOKENS:
            self._token = row
            if row in xs and xs[self._bigram] != row:
                self._bigram = xs.index(row)
        elif rows > 1:
            self._bigram, self._token = row, xs[row]
        if columns > 1:
            self._column = column
        self._show()

    # From the network to the widgets

    @property
    def _is_there(self) -> bool:
        """Whether there is anything to show it in: it may be closed before it was all drawn."""
        return self.is_mounted and len(self.query(ArrayPane)) == len(("source", "result"))

    def _show(self) -> None:
        if not self._is_there:
            return
        now, name = self._seen.now, self._stage.name
        made_of = origin(now, name, self._cell)
        self.query_one("#network-status", Static).update(self._status())
        self.query_one("#stages", Drawn).draw = partial(_stage_lines, now, self._place)
        self.query_one("#network-told", Static).update(self._told(made_of))
        title = tensor_title(name, self._tensor)
        picture = picture_of(name, self._tensor)
        self._pane("result").show(title, picture, labels_of(now, name), [self._cell])
        self._pane("source").display = bool(made_of.source)
        if made_of.source:
            source = now.tensors[made_of.source]
            title = f"from {tensor_title(made_of.source, source)}"
            labels = labels_of(now, made_of.source)
            picture = picture_of(made_of.source, source)
            self._pane("source").show(title, picture, labels, made_of.cells)
        self.call_after_refresh(self._fit)

    def _pane(self, id: str) -> ArrayPane:
        return self.query_one(f"#{id}", ArrayPane)

    @on(HeatmapResized)
    def _fit(self) -> None:
        """The stage's own table gets the room that the other leaves."""
        if not self._is_there:
            return
        width, height = self.query_one("#arrays").size
        height -= 1 if self.has_class("-short") else 2  # its title, and its legend if it has one
        wide = any(cell_len(printable(text)) > 1 for text in self._vocabulary.labels)
        source, result = self._pane("source"), self._pane("result")
        if not source.display:
            result.fit(width, height, wide=wide)
            return
        taken = result.fit(width - LEAST_SOURCE - 1, height, wide=wide)
        source.fit(width - taken - 1, height, wide=wide)

    def _status(self) -> Text:
        net, now = self._seen.net, self._seen.now
        most = f" step {now.iteration:,}  loss {now.loss:.6f}"
        rest = f"  best {net.least_loss:.6f}  η {now.learning_rate:g}  by {self._by}  "
        word, room = printable(net.word), self.size.width - len(most) - len(rest) - 3
        if cell_len(word) > max(room, LEAST_WORD):
            word = set_cell_size(word, max(room, LEAST_WORD) - 1) + "…"
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f" “{word}”{most}", "bold").append(rest)
        if len(self._seen.losses) > 1:
            line.append(sparkline(self._seen.losses, SPARKLINE_WIDTH))
        return line

    def _told(self, made_of: Origin) -> Text:
        """How the stage is computed, what it is, and where the number at the cursor is from."""
        tensor = self._tensor
        facts = f"{list(tensor.values.shape)} {tensor.dtype}"
        if tensor.is_leaf is not None:
            facts += ", a leaf" if tensor.is_leaf else ", not a leaf"
            facts += ", requires grad" if tensor.requires_grad else ", requires no grad"
        room = self.query_one("#network-told").size.width - len(tensor.code) - len(facts)
        text = Text().append(tensor.code, "bold").append("   " if room >= 3 else "\n").append(facts)
        meaning = self._floor() if self._stage.name == "loss" else self._stage.meaning
        return text.append(f"\n{meaning}\n").append(made_of.formula, "bold")

    def _floor(self) -> str:
        """Why the loss of this word can't go below a bound."""
        net, now = self._seen.net, self._seen.now
        if not net.conflicts:
            return (
                f"{self._stage.meaning} Each character of this word is always followed by the "
                "same one, so that the loss can come as near to 0 as one likes."
            )
        first, seconds = next(iter(net.conflicts.items()))
        after = [label(now, token) for token in dict.fromkeys(seconds)]
        after[2:] = [f"{len(after) - 2} more"] if len(after) > 2 else []
        return (
            f"{self._stage.meaning} {label(now, first)} is followed by {' and '.join(after)}: no "
            f"row of P can give 1 to each, so that no W gets below {net.least_loss:.6f}, the NLL "
            "of the word's own counts."
        )

    # Keys

    def action_stage(self, change: int) -> None:
        """Go to the next stage, or the one before."""
        self._place = (self._place + change) % len(STAGES)
        self._show()

    @on(LineClicked, "#stages")
    def _click(self, event: LineClicked) -> None:
        event.stop()
        place = _first_in_sight(self._place, event.pane.size.height) + event.line
        if place < len(STAGES):
            self._place = place
            self._show()

    def action_move(self, rows: int, columns: int) -> None:
        """Look at another cell."""
        row, column = self._cell
        self._look_at(row + rows, column + columns)

    @on(CellPointed)
    def _point(self, event: CellPointed) -> None:
        event.stop()
        self._look_at(event.row, event.column)

    def action_step(self, iterations: int) -> None:
        """Take updates on this one word."""
        self._change(lambda net: net.step(iterations, self._gone.is_set))

    def action_back(self, iterations: int) -> None:
        """Take updates back."""
        self._pause()
        self._change(lambda net: net.back(iterations))

    def action_reset(self) -> None:
        """Begin again."""
        self._pause()
        self._change(Network.reset)

    def action_run(self) -> None:
        """Take updates one after the other, or stop that."""
        if self._ticking is None:
            self._ticking = self.set_interval(1 / STEPS_A_SECOND, self._tick)
        else:
            self._pause()

    def _tick(self) -> None:
        if not self._waiting:  # a worker that is slower than the timer is not given more
            self.action_step(1)

    def _pause(self) -> None:
        if self._ticking is not None:
            self._ticking.stop()
            self._ticking = None

    def action_rate(self, change: int) -> None:
        """Let the updates have the next larger or smaller learning rate."""

        def turn(net: Network) -> None:
            place = RATES.index(net.now.learning_rate) + change
            net.change_rate(RATES[min(max(place, 0), len(RATES) - 1)])

        self._change(turn)

    def action_help(self) -> None:
        """Show the keys."""
        self.app.push_screen(HelpScreen(NETWORK_HELP))

    def action_word(self) -> None:
        """Ask for another word."""
        self._pause()
        self.query_one(Prompt).ask("word", self._seen.net.word, self._take_word)

    def _take_word(self, text: str) -> str | None:
        try:
            tokens_of(text, self._vocabulary)
        except WordError as error:
            return str(error)
        self._begin(text)
        return None


def _first_in_sight(place: int, height: int) -> int:
    """The first stage of the list that is shown where not all fit."""
    return min(max(0, place - height // 2), max(0, len(STAGES) - height))


def _stage_lines(
    now: Pass, chosen: int, width: int, height: int, styles: TextStyles
) -> Sequence[Text]:
    """The names of the stages with their shapes, as many as there is room for."""
    lines = []
    for place, stage in enumerate(STAGES):
        shape = str(list(now.tensors[stage.name].values.shape)).replace(" ", "")
        line = Text(f" {stage.name:<7}{shape}".ljust(width), no_wrap=True)
        if place == chosen:
            line.stylize(styles.chosen)
        lines.append(line)
    first = _first_in_sight(chosen, height)
    return lines[first : first + height]
