"""The screen while a text is read: how far reading is, and a heatmap of the counts so far."""

from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from bigram_tui.corpus.background import BackgroundRead
from bigram_tui.corpus.partial_counts import PartialCounts
from bigram_tui.corpus.progress import Progress
from bigram_tui.formatting.numbers import byte_text, count_cell, quantity, waiting_time
from bigram_tui.formatting.printable import printable
from bigram_tui.training.session import Session
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.messages import HeatmapResized, ReadingEnded
from bigram_tui.tui.present import text_name
from bigram_tui.tui.render.cell_form import best_form, forms, forms_in
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.render.picture import ColorScale, paint
from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.key_footer import KeyFooter
from bigram_tui.tui.widgets.legend import Legend

READING, STOPPING, STOPPED = "reading …", "stopping …", "stopped"


class ReadingLines(Widget):
    """The title, a bar, the progress in numbers, and what is counted."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"reading-lines--bar", "reading-lines--rest", "reading-lines--strong"}

    progress: reactive[Progress] = reactive(Progress())
    partial_counts: reactive[PartialCounts | None] = reactive(None)
    state: reactive[str] = reactive(READING)

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def render(self) -> Text:
        """Return four lines."""
        bar, rest, strong = (
            self.get_component_rich_style(f"reading-lines--{kind}")
            for kind in ("bar", "rest", "strong")
        )
        progress = self.progress
        share = progress.done / progress.size if progress.size else None
        state = self.state
        if state == READING and share is not None:
            state += f" {100 * min(1, share):.0f} %"
        room = max(1, self.size.width - cell_len(state) - 2)
        name = Text(self._title, no_wrap=True)
        name.truncate(room, overflow="ellipsis", pad=True)
        lines = [
            Text.assemble(name, "  ", (state, strong)),
            bar_text(share, self.size.width, bar, rest),
            Text("   ".join(pace_facts(progress)), no_wrap=True),
            Text("   ".join(count_facts(self.partial_counts, progress)), no_wrap=True),
        ]
        return Text("\n", no_wrap=True).join(lines)


def bar_text(share: float | None, width: int, done: Style, rest: Style) -> Text:
    """Return a line with a share of it drawn as done; none of it if the share is unknown."""
    filled = 0 if share is None else int(width * min(1.0, share))
    return Text.assemble(("━" * filled, done), ("─" * (width - filled), rest), no_wrap=True)


def pace_facts(progress: Progress) -> list[str]:
    """Return how much is read, how fast, and how long the rest will take."""
    done = byte_text(progress.done)
    facts = [f"{done} read" if progress.size is None else f"{done} of {byte_text(progress.size)}"]
    if progress.rate is not None:
        facts.append(f"{byte_text(progress.rate)}/s")
    if progress.remaining is not None:
        facts.append(f"{waiting_time(progress.remaining)} left")
    return facts


def count_facts(partial_counts: PartialCounts | None, progress: Progress) -> list[str]:
    """Return how much is counted: lines, bigrams and V."""
    if partial_counts is None:
        return ["counting …" if progress.done else "waiting for text …"]
    return [
        quantity(partial_counts.lines, "line"),
        quantity(partial_counts.bigrams.total, "bigram"),
        f"V {len(partial_counts.bigrams.vocabulary):,}",
    ]


class ReadingScreen(LiveScreen, Screen[None]):
    """Polls a background read some times a second, and posts ReadingEnded once."""

    CSS_PATH = style_files("reading")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            *("enter", "stop", "stop and explore what was read"),
            id="stop-reading",
            key_display="enter",
        ),
        Binding(
            *("enter", "explore_part", "explore the part before the error"),
            id="explore-part",
            key_display="enter",
        ),
        Binding("t", "app.dark", "dark or light", id="dark", show=False),
    ]

    def __init__(self, reading: BackgroundRead[Session], fps: int, depth: Depth) -> None:
        super().__init__()
        self._reading = reading
        self._fps = fps
        self._depth = depth
        self._shown: PartialCounts | None = None

    def compose(self) -> ComposeResult:
        """The lines, the heatmap with its legend, and the keys."""
        yield ReadingLines(text_name(self._reading.title))
        yield Static(id="reading-error", markup=False)
        yield Heatmap((), self._depth, points=False)
        yield Legend()
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one(Heatmap).border_title = f"N counts so far  {ColorScale.ROOT.value} scale"
        self._timer = self.set_interval(1 / self._fps, self.refresh_view)
        # After the refresh, as only then the styles are those of the new theme.
        self.app.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self._draw))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the keys of the tour, and let enter mean one thing at a time."""
        match action:
            case "stop":
                return self._part is None
            case "explore_part":
                return self._part is not None
        return not action.startswith("tour_") and super().check_action(action, parameters)

    @property
    def _part(self) -> Session | None:
        """The session of the text before an error; None without an error or such a text."""
        reading = self._reading
        return reading.part if reading.has_ended and reading.result is None else None

    def action_stop(self) -> None:
        """End reading, and explore what was read."""
        if self._reading.stop():
            self.query_one(ReadingLines).state = STOPPING
        else:
            read = self._reading.partial_counts is not None and self._reading.partial_counts.lines
            self.notify(f"nothing {'to train on' if read else 'is read'} yet", timeout=2)

    def action_explore_part(self) -> None:
        """Explore what was read before the error."""
        self._reading.accept_part()
        self.app.post_message(ReadingEnded())

    def _offer_part(self, part: Session) -> None:
        self._shown = part.corpus.partial_counts()
        lines, error = self.query_one(ReadingLines), self.query_one("#reading-error", Static)
        lines.state, lines.partial_counts = STOPPED, self._shown
        read = quantity(part.corpus.lines, "line")
        error.update(f"{self._reading.error}\nenter explores the part before it, {read}; q quits")
        error.display = True
        self._draw()
        self.refresh_bindings()

    def refresh_view(self) -> None:
        reading, lines = self._reading, self.query_one(ReadingLines)
        has_ended = reading.has_ended  # first, so that what follows is complete
        lines.progress, lines.partial_counts = reading.progress, reading.partial_counts
        if reading.partial_counts is not self._shown:
            self._shown = reading.partial_counts
            self._draw()
        if has_ended:
            self._timer.stop()
            if self._part is not None:
                self._offer_part(self._part)
            self.app.post_message(ReadingEnded())

    def _draw(self) -> None:
        """Bring the heatmap up to date."""
        if self._shown is None:
            return
        bigrams = self._shown.bigrams
        heatmap, legend = self.query_one(Heatmap), self.query_one(Legend)
        labels = bigrams.vocabulary.labels
        if heatmap.labels[0] != labels:
            heatmap.picture = None  # it has the old cells
            heatmap.labels = (labels, labels)
            self._fit()
        heatmap.picture = paint(bigrams.counts, ColorScale.ROOT, count_cell)
        legend.shown = (heatmap.picture, heatmap.heatmap_styles)

    def on_heatmap_resized(self, event: HeatmapResized) -> None:
        if self._shown is not None:
            self._fit()

    def _fit(self) -> None:
        """Choose the size of the cells."""
        heatmap = self.query_one(Heatmap)
        labels = heatmap.labels[0]
        wide = any(cell_len(printable(label)) > 1 for label in labels)
        size, width, height = len(labels), heatmap.size.width, heatmap.size.height
        choice = forms_in(size, width, height, forms(self._depth, wide=wide))
        heatmap.form = best_form(size, width, height, choice)
        self.query_one(Legend).block = heatmap.form.block
