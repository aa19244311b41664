"""The screen of one word in the network: tensor by tensor, and the origin of each number."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from bigram_tui.formatting.printable import printable
from bigram_tui.lessons.network import Tensor
from bigram_tui.lessons.network_origins import origin
from bigram_tui.lessons.network_stages import STAGES, Stage
from bigram_tui.lessons.word import WordError, first_word, tokens_of
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.tui.keys import NETWORK_KEYS
from bigram_tui.tui.lessons.array_pane import (
    OF_TOKENS,
    ArrayPane,
    labels_of,
    picture_of,
    tensor_title,
)
from bigram_tui.tui.lessons.network_text import (
    first_in_sight,
    stage_lines,
    stage_text,
    status_line,
)
from bigram_tui.tui.lessons.network_worker import NetworkState, NetworkWorker
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.messages import CellPointed, HeatmapResized, LineClicked
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.screens.help import NETWORK_HELP, HelpScreen, displayed_keys
from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.widgets.drawn import Drawn
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.key_footer import KeyFooter
from bigram_tui.tui.widgets.prompt import Prompt

STEPS_A_SECOND = 20
LEAST_SOURCE = 30
"""The least columns for the table that a stage is computed from."""


@dataclass
class Computed(Message):
    """A job of the worker is done."""

    state: NetworkState
    """The network after it."""
    complaint: str
    """Why it failed; empty if it did not."""


class NetworkScreen(LiveScreen, Screen[None]):
    """The list of stages, and the tensor of one, beside the tensor that it is computed from."""

    CSS_PATH = style_files("network")

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-roomy")]

    BINDINGS: ClassVar[list[BindingType]] = list(NETWORK_KEYS.keys)

    def __init__(self, bigrams: Bigrams, seed: int, depth: Depth) -> None:
        """Train on words of a text. seed: of the start weights."""
        super().__init__()
        self._vocabulary = bigrams.vocabulary
        self._depth = depth
        self._chosen = 0
        """The index of the stage that is looked at."""
        self._worker = NetworkWorker(first_word(bigrams), self._vocabulary, seed, self._report)
        self._state = self._worker.state
        """The network as it is shown."""
        self._library = "NumPy while torch loads"
        self._ticking: Timer | None = None
        """Takes the steps of a run."""
        self._choose_bigram(1)

    def compose(self) -> ComposeResult:
        """The status, the list of stages, and of one its text, its source and its table."""
        yield Static(id="network-status")
        with Horizontal(id="network"):
            yield Drawn(id="stages")
            with Vertical():
                yield Static(id="network-text")
                with Horizontal(id="arrays"):
                    yield ArrayPane(self._depth, points=False, id="source")
                    yield ArrayPane(self._depth, points=True, id="result")
        yield Prompt()
        yield KeyFooter()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self._show))
        self.set_focus(self.query_one("#result Heatmap", Heatmap))
        self._worker.begin(self._state.net.word)

    def on_unmount(self) -> None:
        self._worker.close()

    def on_window_resized(self) -> None:
        self.call_after_refresh(self._show)

    def _report(self, state: NetworkState, complaint: str) -> None:
        self.post_message(Computed(state, complaint))

    @on(Computed)
    def _take(self, event: Computed) -> None:
        event.stop()
        is_another_word = event.state.net.word != self._state.net.word
        self._state = event.state
        library = event.state.net.framework
        self._library = f"{library.name} {library.version.partition('+')[0]}"
        if is_another_word:
            self._choose_bigram(1)
        if event.complaint:
            self.notify(event.complaint, severity="error", markup=False)
        self._show()

    # What is looked at

    def _choose_bigram(self, index: int) -> None:
        """Look at a bigram of the word, in the column of its second token."""
        now = self._state.now
        self._bigram = min(index, len(now.xs) - 1)
        self._token, self._column = now.xs[self._bigram], now.ys[self._bigram]

    @property
    def _stage(self) -> Stage:
        return STAGES[self._chosen]

    @property
    def _tensor(self) -> Tensor:
        return self._state.now.tensors[self._stage.name]

    @property
    def _cell(self) -> tuple[int, int]:
        """The cell of the stage that is looked at."""
        rows, columns = self._tensor.table.shape
        row = self._token if self._stage.name in OF_TOKENS else self._bigram
        return min(row, rows - 1), min(self._column, columns - 1)

    def _look_at(self, row: int, column: int) -> None:
        """Go to a cell of the stage; the other stages follow to the same bigram and column."""
        rows, columns = self._tensor.table.shape
        row, column = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
        xs = self._state.now.xs
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

    def _show(self) -> None:
        now, name = self._state.now, self._stage.name
        made_of = origin(now, name, self._cell)
        status, text = (self.query_one(f"#network-{part}", Static) for part in ("status", "text"))
        status.update(status_line(self._state, self._library, self.size.width))
        text.update(stage_text(self._state, self._stage, made_of, text.size.width))
        self.query_one("#stages", Drawn).draw = partial(stage_lines, now, self._chosen)
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
        """Give the table of the stage what it needs, and its source the rest."""
        width, height = self.query_one("#arrays").size
        height -= 1 if self.has_class("-short") else 2  # its title, and its legend if it has one
        wide = any(cell_len(printable(text)) > 1 for text in self._vocabulary.labels)
        source, result = self._pane("source"), self._pane("result")
        if not source.display:
            result.fit(width, height, wide=wide)
            return
        taken = result.fit(width - LEAST_SOURCE - 1, height, wide=wide)
        source.fit(width - taken - 1, height, wide=wide)

    # Keys

    def action_stage(self, change: int) -> None:
        """Go to the next stage, or the one before."""
        self._chosen = (self._chosen + change) % len(STAGES)
        self._show()

    @on(LineClicked, "#stages")
    def _click(self, event: LineClicked) -> None:
        event.stop()
        index = first_in_sight(self._chosen, event.pane.size.height) + event.line
        if index < len(STAGES):
            self._chosen = index
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
        """Take some steps."""
        self._worker.step(iterations)

    def action_back(self, iterations: int) -> None:
        """Take some steps back."""
        self._pause()
        self._worker.back(iterations)

    def action_reset(self) -> None:
        """Go back to the start."""
        self._pause()
        self._worker.reset()

    def action_run(self) -> None:
        """Take one step after the other, or stop."""
        if self._ticking is None:
            self._ticking = self.set_interval(1 / STEPS_A_SECOND, self._tick)
        else:
            self._pause()

    def _tick(self) -> None:
        if self._worker.is_idle:  # a worker that is slower than the timer is not given more
            self.action_step(1)

    def _pause(self) -> None:
        if self._ticking is not None:
            self._ticking.stop()
            self._ticking = None

    def action_rate(self, change: int) -> None:
        """Choose the next larger or smaller learning rate."""
        self._worker.change_rate(change)

    def action_help(self) -> None:
        """Show the keys."""
        self.app.push_screen(HelpScreen(NETWORK_HELP, [NETWORK_KEYS], displayed_keys(self)))

    def action_word(self) -> None:
        """Ask for another word."""
        self._pause()
        self.query_one(Prompt).ask("word", self._state.net.word, self._take_word)

    def _take_word(self, text: str) -> str | None:
        try:
            tokens_of(text, self._vocabulary)
        except WordError as error:
            return str(error)
        self._worker.begin(text)
        return None
