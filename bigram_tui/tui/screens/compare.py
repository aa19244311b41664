"""The compare screen: all runs side by side, and how far they agree."""

from enum import Enum
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import Static

from bigram_tui.comparison.frame import Frame
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.comparison.lockstep import Lockstep
from bigram_tui.defaults import WORD
from bigram_tui.formatting.printable import EMPTY, printable
from bigram_tui.model.bigrams import Matrix
from bigram_tui.model.sampling import PairedSample
from bigram_tui.model.surprise import surprise
from bigram_tui.training.session import Session
from bigram_tui.tui import present
from bigram_tui.tui.compare.cell import cell_lines
from bigram_tui.tui.compare.plots import (
    ABOVE_OPTIMUM,
    PLOTS,
    plot_of,
    plot_values,
    why_never_attained,
)
from bigram_tui.tui.compare.run_table import (
    EXACT_TITLES,
    data_columns,
    exact_rows,
    head_columns,
)
from bigram_tui.tui.compare.runs import ComparedRun, compared_runs, in_room, reference_of
from bigram_tui.tui.compare.samples import name_lines
from bigram_tui.tui.compare.tables import difference_map, maps_of
from bigram_tui.tui.compare.word import word_lines
from bigram_tui.tui.keys import COMPARE_GROUPS, COMPARE_KEYS
from bigram_tui.tui.lessons.tour_bar import TourBar
from bigram_tui.tui.messages import LineClicked
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.render.table import fitting, table_lines
from bigram_tui.tui.render.text_styles import TextStyles
from bigram_tui.tui.screens.help import COMPARE_HELP
from bigram_tui.tui.screens.lockstep import LockstepScreen
from bigram_tui.tui.screens.run_screen import entitle
from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.view_state import ViewState
from bigram_tui.tui.widgets.drawn import Drawn
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.hyperparameters import Hyperparameters
from bigram_tui.tui.widgets.key_footer import KeyFooter
from bigram_tui.tui.widgets.loss_curve import LossCurve
from bigram_tui.tui.widgets.maps import MOST_MAPS, Map, Maps
from bigram_tui.tui.widgets.prompt import Prompt
from bigram_tui.tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from bigram_tui.tui.screens.export import Export, Write

MAP_WIDTH = 31
"""Columns of the smallest map: its legend must fit."""
TITLE_EDGES = 7
"""Columns of a map beside the words of its title: its ends, and the colour of the run."""
CELL_WIDTH = 23
"""Columns of the cell under the cursor, beside the maps."""
PANES_HEIGHT = 14
"""Lines that are left to the panes below the maps."""
PANES_WIDTH = 44
"""Columns that are left to the panes where they stand beside the maps."""
MOST_ROWS, FEW_ROWS = 9, 4
"""Rows of the table of runs on a high screen and on a low one, at most."""
ROOMY_HEIGHT = 34
"""Lines from which on the maps stand above the panes; the breakpoint -roomy is the same."""

PANES = ("loss", "names", "word", "cell")
"""The panes that take turns where there is not room for all."""


class Layout(Enum):
    """The maps that stand side by side."""

    ALL = "all"
    PAIR = "A, B and A − B"


class CompareScreen(LockstepScreen):
    """The table of runs, their maps, losses and samples, a word, and the cell under the cursor."""

    CSS_PATH = style_files("compare")

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-roomy")]

    BINDINGS: ClassVar[list[BindingType]] = COMPARE_KEYS
    HELP = COMPARE_HELP
    KEY_GROUPS = COMPARE_GROUPS

    def __init__(
        self,
        session: Session,
        lineup: Lineup,
        view_state: ViewState,
        fps: int,
        depth: Depth,
        *,
        lockstep: Lockstep,
    ) -> None:
        super().__init__(session, lineup, view_state, fps, depth, lockstep=lockstep)
        self._layout = Layout.ALL
        self._count = 1  # of maps
        self._map_width = MAP_WIDTH
        self._first_column = 0  # of the table's data
        self._shown_columns = 1
        self._first_row = self._rows = 0  # of the table
        self._plot = 0
        self._pane = PANES[0]
        known = set(WORD) <= set(session.corpus.train.vocabulary.characters)
        self._word = WORD if known else ""

    # What is on it

    def compose(self) -> ComposeResult:
        """Put the table of runs at the top, then the maps and the panes, then the keys."""
        labels = self._session.corpus.train.vocabulary.labels
        yield StatusLine()
        yield Drawn(id="runs")
        yield Static(id="notice", markup=False)
        with Container(id="sides"):
            with Horizontal(id="tables"):
                yield Maps(labels, self._depth, id="maps")
                yield Drawn(id="cell", classes="pane")
            with Horizontal(id="panes"):
                with Vertical(id="losses", classes="pane"):
                    yield Drawn(id="values")
                    yield LossCurve()
                yield Drawn(id="beside", classes="pane")
                yield Drawn(id="word", classes="pane")
        yield Hyperparameters(id="tuning")
        yield TourBar(id="tour")
        yield Prompt()
        yield KeyFooter()

    def on_mount(self) -> None:
        facts = present.corpus_facts(self._session.corpus)
        self.query_one(StatusLine).facts = ["compare", *facts]
        self.query_one("#cell").border_title = "under the cursor"
        self.add_class(f"-{self._pane}")

    # From frames to widgets

    def refresh_view(self, *, numbers: bool = True) -> None:
        """Bring on screen what has changed of any run."""
        super().refresh_view(numbers=numbers)
        frame, dark = self._lockstep.frame, self.app.current_theme.dark
        runs = compared_runs(frame, self._lineup, dark)
        chosen = runs[self.active]
        self._show_status(frame)
        reference = reference_of(runs).number
        models = (run.snapshot.model for run in runs)
        state = (chosen.number, self.size, dark, reference, *models)
        if self._is_new(
            "maps",
            self.view_state.order,
            self.view_state.view,
            self.view_state.scale,
            self._layout,
            self._count,
            self._map_width,
            *state,
        ):
            self.query_one(Maps).show(self._maps(runs, chosen))
        if numbers:
            self._show_numbers(frame, runs, chosen, state)

    def _show_numbers(
        self, frame: Frame, runs: list[ComparedRun], chosen: ComparedRun, models: tuple[object, ...]
    ) -> None:
        """Show the numbers, which are for reading and need not change with every frame."""
        self._show_notice(self._notice())
        if self._is_new("names", self.view_state.draw, self.query_one("#beside").size, *models):
            self._show_names(runs, chosen)
        if self._is_new("word", self._word, *models):
            self._show_word(runs, chosen)
        state = (*models[:4], self._optima.solved, *runs)
        if self._is_new("runs", self._first_column, *state):
            self._show_table(runs, chosen)
        if self._is_new(
            "plot",
            frame.position,
            self._plot,
            self.view_state.log,
            self.view_state.log_x,
            self.query_one("#values").size.width,
            *state,
        ):
            self._show_plot(frame, runs, chosen)
        if self._is_new("cell", self.cursor, *state):
            corpus = self._session.corpus.train
            self.query_one("#cell", Drawn).draw = lambda width, _, styles: cell_lines(
                runs, self.cursor, corpus, width, styles
            )
        if self._is_new("settings", chosen.number, chosen.snapshot.settings):
            controls = self.query_one(Hyperparameters)
            controls.show(chosen.snapshot.parameters, chosen.snapshot.settings)
            entitle(controls, f"hyperparameters of {printable(chosen.name)}")

    def _show_status(self, frame: Frame) -> None:
        status = self.query_one(StatusLine)
        strong = status.get_component_rich_style("status-line--strong", partial=True)
        latest = max((snapshot.latest for snapshot in frame.snapshots.values()), default=0)
        status.run = present.lockstep_line(frame, latest, self.view_state.pace, strong)

    def _notice(self) -> str:
        """Say what is wrong with any of the runs, the active one first."""
        order = sorted(self._lineup.runners, key=lambda runner: runner is not self.runner)
        validation = self._session.corpus.validation
        notices = (present.notice(runner, validation) for runner in order)
        return self._lockstep.complaint or next((text for text in notices if text), "")

    def _show_table(self, runs: list[ComparedRun], chosen: ComparedRun) -> None:
        table = self.query_one("#runs", Drawn)
        rows = min(len(runs), MOST_ROWS if self.size.height >= ROOMY_HEIGHT else FEW_ROWS)
        self._first_row = max(0, min(chosen.number - rows // 2 - 1, len(runs) - rows))
        shown = slice(self._first_row, self._first_row + rows)
        hidden = rows < len(runs)
        head = head_columns(runs, f"run, {rows} of {len(runs)}" if hidden else "run")
        columns = data_columns(runs, self._optima.of)
        self._first_column %= max(1, len(columns))
        columns = columns[self._first_column :] + columns[: self._first_column]
        self._shown_columns = fitting([*head, *columns], self.size.width - 2) - len(head)

        def draw(width: int, _: int, styles: TextStyles) -> list[Text]:
            title, *lines = table_lines([*head, *columns], width - 2, styles.title)
            lines[chosen.number - 1].stylize_before(styles.chosen)
            return [Text(" ").append_text(line) for line in (title, *lines[shown])]

        table.draw = draw
        if rows != self._rows:
            self._rows = rows
            table.styles.height = rows + 1
            self.call_after_refresh(self.fit)

    def _show_plot(self, frame: Frame, runs: list[ComparedRun], chosen: ComparedRun) -> None:
        kind, log_x, optimum = PLOTS[self._plot], self.view_state.log_x, self._optima.of
        log = kind.log or self.view_state.log
        position = frame.position
        curve = self.query_one(LossCurve)
        curve.plot = plot_of(runs, chosen, kind, position, optimum, log=log, log_x=log_x)
        reference = printable(reference_of(runs).name)
        pane = self.query_one("#losses")
        axes = present.axes_text(log, log_x)
        entitle(pane, f"{kind.title.format(reference=reference)}  {axes}".rstrip())
        values = self.query_one("#values", Drawn)

        def draw(width: int, _: int, styles: TextStyles) -> list[Text]:
            lines = plot_values(runs, kind, position, optimum, width)
            why = why_never_attained(runs, optimum) if kind is ABOVE_OPTIMUM else ""
            return [*lines, *(Text(line, styles.faint) for line in wrap(why, width))]

        values.draw = draw
        values.styles.height = min(3, len(draw(values.size.width or 40, 0, values.text_styles)))

    def _maps(self, runs: list[ComparedRun], chosen: ComparedRun) -> list[Map]:
        bigrams, state = self._session.corpus.train, self.view_state
        view, scale = state.view, state.scale
        titled = state.order, self._map_width - TITLE_EDGES
        if self._layout is Layout.ALL or len(runs) == 1:
            shown = in_room(runs, chosen, self._count, 1)
            return maps_of(shown, view, bigrams, scale, *titled)
        first = reference_of(runs)
        others = [run for run in runs if run is not first]
        second = chosen if chosen is not first or not others else others[0]
        pair = maps_of([first, second], view, bigrams, scale, *titled)
        apart = difference_map(first, second, view, bigrams, scale, *titled)
        return [*pair, apart][3 - self._count :]

    def _show_names(self, runs: list[ComparedRun], chosen: ComparedRun) -> None:
        pane = self.query_one("#beside", Drawn)
        reference = reference_of(runs).snapshot.probabilities
        names: dict[int, list[PairedSample]] = {}
        able = [run for run in runs if run.snapshot.probabilities is not None]
        if reference is not None and pane.size.height:
            tables = [run.snapshot.probabilities for run in able if not run.is_reference]
            sampled = self._session.sample_paired(
                reference, cast(list[Matrix], tables), pane.size.height, self.view_state.draw
            )
            order = sorted(able, key=lambda run: not run.is_reference)
            names = {run.number: found for run, found in zip(order, sampled, strict=True)}
        corpus = self._session.corpus
        pane.draw = lambda width, height, styles: name_lines(
            able, names, corpus.holds, corpus.train.vocabulary, chosen, width, height, styles
        )
        draw = f"  draw {self.view_state.draw + 1}" if self.view_state.draw else ""
        marking = present.marking(corpus)
        entitle(pane, f"samples from the same random numbers{draw}  {marking}")

    def _show_word(self, runs: list[ComparedRun], chosen: ComparedRun) -> None:
        pane = self.query_one("#word", Drawn)
        vocabulary = self._session.corpus.train.vocabulary
        tokens = vocabulary.encode_line(self._word)
        surprises = {
            run.number: surprise(run.snapshot.probabilities, tokens)
            for run in runs
            if run.snapshot.probabilities is not None
        }
        bigrams = self._session.corpus.train
        pane.draw = lambda width, height, styles: word_lines(
            runs, surprises, bigrams, chosen, width, height, styles
        )
        entitle(pane, f"surprise −log P of {printable(self._word) or EMPTY}")

    @property
    def heatmap(self) -> Heatmap:
        """The map of the active run, or the first one."""
        return self.query_one(Maps).heatmap_of(self.active + 1)

    # How large everything is

    def fit(self) -> None:
        """Choose how many maps there are, how large their cells are, and what is left to panes."""
        width, size = self.size.width, len(self._session.corpus.train.vocabulary)
        beside = "-narrow" in self.classes or "-short" in self.classes
        body = self.query_one("#sides").size.height
        across = width - (PANES_WIDTH if beside else CELL_WIDTH)
        down = body - 2 - (0 if beside else PANES_HEIGHT)
        wanted = min(3, len(self._lineup.runners)) if self._layout is Layout.ALL else 3
        least = max(1, min(wanted, across // MAP_WIDTH))
        form = self._choose_form(across // least - 1, down)
        scrolls = form.height_of(size) > down
        map_width = max(form.width_of(size) + (1 if scrolls else 0), MAP_WIDTH)
        self._map_width = map_width = min(map_width, max(MAP_WIDTH, across // least))
        runs = len(self._lineup.runners)
        most = runs if self._layout is Layout.ALL or runs == 1 else 3
        self._count = max(1, min(most, MOST_MAPS, across // (map_width + 1)))
        tables = self.query_one("#tables")
        tables.styles.height = "1fr" if beside else min(down, form.height_of(size)) + 2
        alone = not beside or self._pane == "cell"
        tables.styles.width = "1fr" if alone else self._count * (map_width + 1)
        maps = self.query_one(Maps)
        maps.styles.width = self._count * (map_width + 1)
        maps.lay_out(self._count, form, map_width, self.cursor, self.view_state.order)
        self.call_after_refresh(self.redraw)

    @on(LineClicked, "#runs")
    def _click_run(self, event: LineClicked) -> None:
        place = event.line - 1 + self._first_row
        if event.line >= 1 and place < len(self._lineup.runners):
            self.action_pick(place)

    def _exports(self) -> "list[Export]":
        from bigram_tui.tui.screens.export import Export

        table = Export("table of runs", "runs", (".csv",), self._runs_to_write)
        return [table, *super()._exports()]

    def _runs_to_write(self) -> "Write":
        from bigram_tui.export.tables import write_table

        runs = compared_runs(self._lockstep.frame, self._lineup, dark=True)
        rows = exact_rows(runs, self._optima.of)
        return lambda file, _: write_table(file, EXACT_TITLES, rows)

    # Keys: what is shown

    def action_next_layout(self) -> None:
        """Show the maps of all runs, or two of them and their difference."""
        self._layout = Layout.PAIR if self._layout is Layout.ALL else Layout.ALL
        self._say(f"maps: {self._layout.value}")
        self.fit()

    def action_next_plot(self) -> None:
        """Show the next plot."""
        self._plot = (self._plot + 1) % len(PLOTS)
        self._bring_forward("loss")
        self.show_soon()

    def action_next_columns(self) -> None:
        """Show the columns that did not fit; after the last ones the first again."""
        first = self._first_column + max(1, self._shown_columns)
        columns = data_columns(
            compared_runs(self._lockstep.frame, self._lineup, True), self._optima.of
        )
        self._first_column = first if first < len(columns) else 0
        self.show_soon()

    def action_next_pane(self) -> None:
        """Show another pane where there is not room for all."""
        panes: tuple[str, ...] = PANES
        if "-roomy" in self.classes and "-narrow" not in self.classes:
            panes = () if "-wide" in self.classes else ("names", "word")
        if not panes:
            self._say("all panes are in sight")
            return
        place = panes.index(self._pane) + 1 if self._pane in panes else 1
        self._bring_forward(panes[place % len(panes)])

    def _bring_forward(self, pane: str) -> None:
        self.remove_class(*(f"-{other}" for other in PANES))
        self._pane = pane
        self.add_class(f"-{pane}")
        self.call_after_refresh(self.fit)

    def _bring_loss_forward(self) -> None:
        self._bring_forward("loss")

    def action_word(self) -> None:
        """Ask for a word."""

        def answer(text: str) -> str | None:
            try:
                self._session.corpus.train.vocabulary.encode(text)
            except ValueError as error:
                return str(error)
            self._word = text
            self._bring_forward("word")
            return None

        self._ask("word", self._word, answer)

    def action_parameters(self) -> None:
        """Show the hyperparameters of the active run, and go to the next of them."""
        self.add_class("-tuning")
        super().action_parameters()

    def action_focus_heatmap(self) -> None:
        """Go back to the maps."""
        self.remove_class("-tuning")
        super().action_focus_heatmap()
