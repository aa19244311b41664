"""The explore screen: one run to look at and to train, beside the losses of all."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from bigram_tui.comparison.lineup import Lineup
from bigram_tui.model.bigrams import Matrix
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui import present
from bigram_tui.tui.keys import EXPLORE_GROUPS, EXPLORE_KEYS
from bigram_tui.tui.lessons.tour_bar import TourBar
from bigram_tui.tui.messages import HeatmapResized
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.screens.help import EXPLORE_HELP
from bigram_tui.tui.screens.lesson_menu import LessonScreen
from bigram_tui.tui.screens.run_screen import entitle
from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.view_state import ViewState
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.hyperparameters import Hyperparameters
from bigram_tui.tui.widgets.inspector import Inspected, Inspector
from bigram_tui.tui.widgets.key_footer import KeyFooter
from bigram_tui.tui.widgets.legend import Legend
from bigram_tui.tui.widgets.loss_curve import LossCurve
from bigram_tui.tui.widgets.prompt import Prompt
from bigram_tui.tui.widgets.sample_list import SampleList, ShownSample
from bigram_tui.tui.widgets.status import RunsBar, StatusLine

LEFT_WIDTH = 31
"""Columns of the smallest heatmap pane: its legend must fit."""
RIGHT_WIDTH = 44
"""Columns that are left to the losses and samples, if LEFT_WIDTH allows."""
ONE_COLUMN_WIDTH = 50
"""The least width of two columns; the breakpoint -tight is the same."""


class ExploreScreen(LessonScreen):
    """The heatmap, losses, hyperparameters, samples and the cell under the cursor of one run."""

    CSS_PATH = style_files("explore")

    HORIZONTAL_BREAKPOINTS = [
        (0, "-tight"),
        (ONE_COLUMN_WIDTH, "-narrow"),
        (100, "-normal"),
        (170, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (20, "-short"), (34, "-roomy"), (56, "-tall")]

    BINDINGS: ClassVar[list[BindingType]] = EXPLORE_KEYS
    HELP = EXPLORE_HELP
    KEY_GROUPS = EXPLORE_GROUPS

    def __init__(
        self,
        session: Session,
        lineup: Lineup,
        view_state: ViewState,
        fps: int,
        depth: Depth,
        samples: int | None = None,
    ) -> None:
        """samples: how many to show; as many as there is room for if None."""
        super().__init__(session, lineup, view_state, fps, depth)
        self._samples = samples
        self._fitting = 0  # names, when they were last sampled

    # What is on it

    def compose(self) -> ComposeResult:
        """Put two lines of status at the top, then two columns, the inspector, and the keys."""
        labels = self._session.corpus.train.vocabulary.labels
        yield StatusLine()
        yield RunsBar()
        yield Static(id="notice", markup=False)
        with Container(id="body"):
            with Vertical(id="left"):
                # The smallest cells until there is a layout: scrollbars would come and go again.
                yield Heatmap(labels, self._depth, form=self._detailed[0], id="heatmap")
                yield Legend(id="legend")
            with Vertical(id="right"):
                yield LossCurve(id="loss")
                yield Hyperparameters(id="parameters")
                yield SampleList(id="names")
            yield Inspector(id="inspector")
        yield TourBar(id="tour")
        yield Prompt()
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one(StatusLine).facts = present.corpus_facts(self._session.corpus)
        self.query_one("#inspector").border_title = "under the cursor, and what may follow, in %"

    # From snapshots to widgets

    def refresh_view(self, *, numbers: bool = True) -> None:
        """Bring on screen what has changed of the active run and the others."""
        super().refresh_view(numbers=numbers)
        run = self.snapshot
        dark = self.app.current_theme.dark
        view, scale, order = self.view_state.view, self.view_state.scale, self.view_state.order
        heatmap = self.query_one(Heatmap)
        form, width = heatmap.form, heatmap.size.width
        if self._is_new("picture", run.model, run.status, view, scale, dark, order, form):
            self._show_heatmap(run)
        if self._is_new("title", view, scale, order, form, width):
            entitle(heatmap, self._title(width - 4))
        if numbers:
            self._show_numbers(run, dark)

    def _show_numbers(self, run: Snapshot, dark: bool) -> None:
        """Show the numbers, which are for reading and need not change with every frame."""
        bar = self.query_one(RunsBar)
        bar.runs, bar.active = present.run_states(self._lineup, dark), self.active
        if self._is_new("status", run, self.view_state.pace, dark):
            self._show_status(run)
        self._show_notice(present.notice(self.runner, self._session.corpus.validation))
        snapshots = [runner.snapshot for runner in self._lineup.runners]
        log_x = self.view_state.log_x
        if self._is_new("losses", self.active, self.view_state.log, log_x, dark, *snapshots):
            self.query_one(LossCurve).plot = present.plot(
                self._lineup, self.runner, dark=dark, log=self.view_state.log, log_x=log_x
            )
        if self._is_new(
            "run", run, self.view_state.log, log_x, self.query_one(LossCurve).size.width
        ):
            self._show_loss(run)
        names = self.query_one(SampleList)
        if self._is_new("names", run.model, self.view_state.draw, names.size):
            self._show_names(run, names)
        if self._is_new("cell", run.model, run.settings, self.cursor):
            bigrams = self._session.corpus.train
            self.query_one(Inspector).inspected = Inspected(run, bigrams, *self.cursor)

    def _show_status(self, run: Snapshot) -> None:
        status = self.query_one(StatusLine)
        strong = status.get_component_rich_style("status-line--strong", partial=True)
        status.run = present.run_line(run, self.view_state.pace, strong)

    def _show_loss(self, run: Snapshot) -> None:
        loss = self.query_one(LossCurve)
        axes = present.axes_text(self.view_state.log, self.view_state.log_x)
        entitle(loss, present.loss_title(run, loss.size.width - 4, axes))
        controls = self.query_one(Hyperparameters)
        controls.show(run.parameters, run.settings)
        bigrams = self._session.corpus.train
        entitle(controls, present.hyperparameters_title(run, bigrams, controls.size.width - 4))

    def _show_heatmap(self, run: Snapshot) -> None:
        heatmap = self.query_one(Heatmap)
        view, scale = self.view_state.view, self.view_state.scale
        picture = view.picture(run, self._session.corpus.train, scale)
        heatmap.message = present.absence(self.runner, view.absent)
        heatmap.picture = picture
        legend = self.query_one(Legend)
        legend.shown = None if picture is None else (picture, heatmap.heatmap_styles)

    def _title(self, room: int) -> str:
        """Name the table, its scale and its order, in as many words as there is room for."""
        state = self.view_state
        view, scale, order = state.view, state.scale.value, present.order_text(state.order)
        parts = [f"{view.title}  {scale} scale", order, "overview, + zooms in"]
        if not self.query_one(Heatmap).form.overview:
            parts.pop()
        least = parts[0] if state.order is None else f"{view.name}  {scale}  {order}"
        titles = ["  ".join(parts), "  ".join(parts[:2]), f"{view.title}  {order}", least]
        return next((title for title in titles if len(title) <= room), least)

    def _show_names(self, run: Snapshot, names: SampleList) -> None:
        most = names.size.width * names.size.height // 6
        if self._samples is not None:
            most = min(most, self._samples)
        table = run.probabilities
        sampled = []
        if table is not None and most:
            sampled = self._as_many_as_fit(table, most, names)
        names.samples = sampled
        draw = f"  draw {self.view_state.draw + 1}" if self.view_state.draw else ""
        entitle(names, f"samples{draw}  {present.marking(self._session.corpus)}")

    def _as_many_as_fit(self, table: Matrix, most: int, names: SampleList) -> list[ShownSample]:
        """Draw at most so many samples, and few more than fit: some models end none soon."""
        holds = self._session.corpus.holds
        count = min(most, max(self._fitting, names.size.height))
        while True:
            sampled = self._session.sample(table, count, self.view_state.draw)
            shown = [ShownSample(name.text, holds(name.text), name.ended) for name in sampled]
            fitting = names.fitting(shown)
            if count == most or fitting < count:
                break
            count = min(most, 2 * count)
        self._fitting = fitting + 1  # the one more that tells that no more fit
        return shown[:fitting]

    # How large the cells are

    @on(HeatmapResized)
    def fit(self) -> None:
        """Choose the size of the cells, and the width of their column."""
        heatmap = self.query_one(Heatmap)
        size = len(self._session.corpus.train.vocabulary)
        two_columns = self.size.width >= ONE_COLUMN_WIDTH
        most = max(self.size.width - RIGHT_WIDTH, LEFT_WIDTH) if two_columns else self.size.width
        height = heatmap.outer_size.height - 1
        heatmap.form = self._choose_form(most, height)
        self.query_one(Legend).block = heatmap.form.block
        scrolls = heatmap.form.height_of(size) > height
        wanted = heatmap.form.width_of(size) + (1 if scrolls else 0)
        width = max(1, min(most, max(wanted, LEFT_WIDTH)))
        self.query_one("#body").styles.grid_columns = f"{width} 1fr" if two_columns else "1fr"

    # Keys: all runs

    def action_compare(self) -> None:
        """Go to all runs side by side."""
        for runner in self._lineup.runners:
            if runner.snapshot.training:
                runner.pause()
        self.app.switch_mode("compare")

    def action_step_all(self) -> None:
        """Take a step of every run that can be had."""
        for runner in self._lineup.runners:
            runner.step(1)
        self.show_soon()

    def action_toggle_all(self) -> None:
        """Run all at the same pace, or pause all."""
        training = any(runner.snapshot.training for runner in self._lineup.runners)
        for runner in self._lineup.runners:
            if training:
                runner.pause()
            else:
                runner.train(self.view_state.pace)
        self.show_soon()
