"""One run to look at and to train, with the losses of all others beside its own."""

from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.reactive import var
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from bigram_tui.bigrams import BOUNDARY
from bigram_tui.corpus import Corpus
from bigram_tui.printable import printable
from bigram_tui.runner import Runner
from bigram_tui.session import Session
from bigram_tui.snapshot import Snapshot, Status
from bigram_tui.tui import present
from bigram_tui.tui.help_screen import HelpScreen
from bigram_tui.tui.keys import EXPLORE_KEYS
from bigram_tui.tui.messages import (
    CellPointed,
    HeatmapResized,
    HyperparameterChanged,
    RunPicked,
    RunSettled,
    ValueWanted,
)
from bigram_tui.tui.renderables.colors import Depth
from bigram_tui.tui.renderables.heatmap import CellForm, best_form, forms
from bigram_tui.tui.views import VIEWS
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.hyperparameters import Control, Hyperparameters
from bigram_tui.tui.widgets.inspector import Inspected, Inspector
from bigram_tui.tui.widgets.legend import Legend
from bigram_tui.tui.widgets.loss_curve import LossCurve
from bigram_tui.tui.widgets.name_list import NameList, ShownName
from bigram_tui.tui.widgets.prompt import Prompt
from bigram_tui.tui.widgets.status import RunsBar, StatusLine

PACES: tuple[float | None, ...] = (1, 5, 20, 100, 1000, None)
"""Iterations per second to choose from; None is as fast as possible."""

FIRST_PACE = 2
LEFT_WIDTH = 31
"""Columns of the smallest heatmap pane: its legend must fit."""
RIGHT_WIDTH = 44
"""Columns that are left to the losses and names, if LEFT_WIDTH allows."""
ONE_COLUMN_WIDTH = 50
"""Below it there is only the heatmap; the breakpoint -tight is the same."""


class ExploreScreen(Screen[None]):
    """Heatmap, losses, hyperparameters, names and the cell under the cursor."""

    HORIZONTAL_BREAKPOINTS = [
        (0, "-tight"),
        (ONE_COLUMN_WIDTH, "-narrow"),
        (100, "-normal"),
        (170, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (20, "-short"), (34, "-roomy"), (56, "-tall")]

    BINDINGS: ClassVar[list[BindingType]] = EXPLORE_KEYS

    active: var[int] = var(0)
    cursor: var[tuple[int, int]] = var((0, 0))

    def __init__(
        self,
        session: Session,
        runners: list[Runner],
        active: int,
        fps: int,
        depth: Depth,
        samples: int | None = None,
    ) -> None:
        """samples: how many names to show; as many as there is room for if None."""
        super().__init__()
        self._samples = samples
        self._session = session
        self._runners = runners
        self._fps = fps
        self._depth = depth
        labels = session.corpus.train.vocabulary.labels
        self._forms = forms(depth, wide=any(cell_len(printable(label)) > 1 for label in labels))
        self._view = 0
        self._scales = [view.default_scale for view in VIEWS]
        self._form: CellForm | None = None  # the largest that fits, unless the user chose one
        self._draw = 0
        self._log = self._log_x = False
        self._pace = FIRST_PACE
        self._shown: dict[str, tuple[object, ...]] = {}
        self.set_reactive(ExploreScreen.active, active)
        self.set_reactive(ExploreScreen.cursor, _first_cell(session.corpus))

    # What is on it

    def compose(self) -> ComposeResult:
        """Two lines of status, the two columns, the inspector, and the keys."""
        labels = self._session.corpus.train.vocabulary.labels
        yield StatusLine()
        yield RunsBar()
        yield Static(id="notice", markup=False)
        with Container(id="body"):
            with Vertical(id="left"):
                yield Heatmap(labels, self._depth, id="heatmap")
                yield Legend(id="legend")
            with Vertical(id="right"):
                yield LossCurve(id="loss")
                yield Hyperparameters(id="parameters")
                yield NameList(id="names")
            yield Inspector(id="inspector")
        yield Prompt()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(StatusLine).facts = present.corpus_facts(self._session.corpus)
        self.query_one("#parameters").border_title = "hyperparameters"
        self.query_one("#inspector").border_title = "under the cursor"
        self.query_one(Heatmap).cursor = self.cursor
        # Afterwards, since it is only then that styles are those of the new theme.
        self.app.theme_changed_signal.subscribe(
            self, lambda _: self.call_after_refresh(self._show_all)
        )
        self.set_interval(1 / self._fps, self._pull)
        self.set_focus(self.query_one(Heatmap))
        self._pull()

    @property
    def runner(self) -> Runner:
        """The active run's."""
        return self._runners[self.active]

    # From snapshots to widgets

    def on_run_settled(self, event: RunSettled) -> None:
        event.stop()
        self._pull()

    def _show_all(self) -> None:
        self._shown.clear()
        self._pull()

    def _is_new(self, part: str, *state: object) -> bool:
        """Whether a part of the screen shows another state than this, which it now is to show."""
        old = self._shown.get(part)
        self._shown[part] = state
        return old != state

    def _pull(self) -> None:
        """Bring on screen what has changed since the last time, and touch nothing else."""
        run = self.runner.snapshot
        dark = self.app.current_theme.dark
        bar = self.query_one(RunsBar)
        bar.runs, bar.active = present.run_states(self._runners, dark), self.active
        self._show_notice(present.notice(self.runner, self._session.corpus.validation))
        snapshots = [runner.snapshot for runner in self._runners]
        if self._is_new("losses", self.active, self._log, self._log_x, dark, *snapshots):
            self.query_one(LossCurve).plot = present.plot(
                self._runners, self.active, dark=dark, log=self._log, log_x=self._log_x
            )
        if self._is_new("run", run, self._pace, self._log, self._log_x, dark):
            self._show_run(run)
        self._show_model(run, dark)

    def _show_run(self, run: Snapshot) -> None:
        status = self.query_one(StatusLine)
        strong = status.get_component_rich_style("status-line--strong", partial=True)
        status.run = present.run_line(run, PACES[self._pace], strong)
        loss = self.query_one(LossCurve)
        axes = present.axes_text(self._log, self._log_x)
        _entitle(loss, present.loss_title(run, loss.size.width - 4, axes))
        self.query_one(Hyperparameters).show(present.parameters_of(run), run.settings)

    def _show_model(self, run: Snapshot, dark: bool) -> None:
        bigrams = self._session.corpus.train
        scale = self._scales[self._view]
        if self._is_new("picture", run.model, run.status, self._view, scale, dark):
            view, heatmap = VIEWS[self._view], self.query_one(Heatmap)
            picture = view.picture(run, bigrams, scale)
            heatmap.message = present.absence(self.runner, view.absent)
            heatmap.picture = picture
            title = f"{view.title}  {scale.value} scale"
            explained = f"{title}  row, then column"
            fits = len(explained) + 4 <= heatmap.size.width
            _entitle(heatmap, explained if fits else title)
            legend = self.query_one(Legend)
            legend.shown = None if picture is None else (picture, heatmap.look)
        names = self.query_one(NameList)
        if self._is_new("names", run.model, self._draw, names.size):
            self._show_names(run, names)
        if self._is_new("cell", run.model, run.settings, self.cursor):
            self.query_one(Inspector).inspected = Inspected(run, bigrams, *self.cursor)

    def _show_names(self, run: Snapshot, names: NameList) -> None:
        most = names.size.width * names.size.height // 6
        if self._samples is not None:
            most = min(most, self._samples)
        sampled = []
        if run.probabilities is not None and most:
            sampled = self._session.sample(run.probabilities, most, self._draw)
        holds = self._session.corpus.holds
        names.names = [ShownName(name.text, holds(name.text), name.ended) for name in sampled]
        draw = f"  draw {self._draw + 1}" if self._draw else ""
        known = "" if holds("") is None else "  • = in the text"
        _entitle(names, f"names{draw}{known}")

    def _show_notice(self, text: str) -> None:
        if self._is_new("notice", text):
            notice = self.query_one("#notice", Static)
            notice.update(Content(text))
            notice.set_class(bool(text), "-shown")

    # How large the cells are

    @on(HeatmapResized)
    def _fit(self) -> None:
        heatmap = self.query_one(Heatmap)
        size = len(self._session.corpus.train.vocabulary)
        two_columns = self.size.width >= ONE_COLUMN_WIDTH
        most = max(self.size.width - RIGHT_WIDTH, LEFT_WIDTH) if two_columns else self.size.width
        height = heatmap.outer_size.height - 1
        heatmap.form = self._form or best_form(size, most, height, self._forms)
        scrolls = heatmap.form.height_of(size) > height
        wanted = heatmap.form.width_of(size) + (1 if scrolls else 0)
        width = max(1, min(most, max(wanted, LEFT_WIDTH)))
        self.query_one("#body").styles.grid_columns = f"{width} 1fr" if two_columns else "1fr"

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)
        self.call_after_refresh(self._show_all)

    # Keys: training

    def action_step(self, iterations: int) -> None:
        """Take iterations."""
        if self._can_go_on():
            self.runner.step(iterations)

    def action_back(self, iterations: int) -> None:
        """Go back along the timeline."""
        if self.runner.snapshot.iteration == 0 and not self.runner.snapshot.training:
            self._say(f"{self.runner.name} is at its first iteration")
        self.runner.back(iterations)

    def action_toggle_training(self) -> None:
        """Run, or pause."""
        if self.runner.snapshot.training:
            self.runner.pause()
        elif self._can_go_on():
            self.runner.train(PACES[self._pace])

    def _can_go_on(self) -> bool:
        """Whether the active run has another iteration, saying why if not."""
        run = self.runner.snapshot
        if run.status is Status.FINISHED and run.iteration == run.latest:
            self._say(f"{self.runner.name} has {run.message}")
        elif run.status is Status.DIVERGED:
            self._say(f"{self.runner.name} has diverged: z goes back")
        else:
            return True
        return False

    def _say(self, text: str) -> None:
        self.notify(text, timeout=2, markup=False)

    def action_pace(self, change: int) -> None:
        """Run slower or faster."""
        self._pace = min(max(self._pace + change, 0), len(PACES) - 1)
        pace = PACES[self._pace]
        if self.runner.snapshot.training:
            self.runner.train(pace)
        self._say(f"runs at {'full speed' if pace is None else f'{pace:g} iterations a second'}")

    def action_reset(self) -> None:
        """Begin again from the same start."""
        self.runner.reset()

    def action_step_all(self) -> None:
        """One iteration of every run that can be had."""
        for runner in self._runners:
            runner.step(1)

    def action_toggle_all(self) -> None:
        """Run all at the same pace, or pause all."""
        training = any(runner.snapshot.training for runner in self._runners)
        for runner in self._runners:
            if training:
                runner.pause()
            else:
                runner.train(PACES[self._pace])

    def action_pick(self, number: int) -> None:
        """Look at another run; its backend is loaded if it was not yet."""
        if number >= len(self._runners):
            self._say(f"there are {len(self._runners)} backends")
            return
        self.active = number
        self.runner.start()
        self._pull()

    def action_next_run(self) -> None:
        """Look at the next run."""
        self.action_pick((self.active + 1) % len(self._runners))

    @on(RunPicked)
    def _pick(self, event: RunPicked) -> None:
        self.action_pick(event.number)

    # Keys: hyperparameters

    def action_parameters(self) -> None:
        """Go to the hyperparameters, or on to the next one."""
        controls = list(self.query(Control))
        if controls:
            focused = self.focused
            place = controls.index(focused) + 1 if isinstance(focused, Control) else 0
            self.set_focus(controls[place % len(controls)])

    def action_focus_heatmap(self) -> None:
        """Go back to the heatmap."""
        self.set_focus(self.query_one(Heatmap))

    @on(HyperparameterChanged)
    def _change(self, event: HyperparameterChanged) -> None:
        self.runner.set(event.name, event.value)

    @on(ValueWanted)
    def _ask_value(self, event: ValueWanted) -> None:
        runner = self.runner
        parameter = present.parameters_of(runner.snapshot)[event.name]

        def answer(text: str) -> str | None:
            try:
                runner.set(parameter.name, parameter.parse(text.strip()))
            except ValueError as error:
                return str(error)
            return None

        value = runner.snapshot.settings[event.name]
        question = f"{parameter.symbol} {parameter.name.replace('_', ' ')} =".strip()
        self.query_one(Prompt).ask(question, str(value).removesuffix(".0"), answer)

    # Keys: what is looked at

    def action_next_view(self) -> None:
        """Show another table of the model."""
        self._view = (self._view + 1) % len(VIEWS)
        self._pull()

    def action_next_scale(self) -> None:
        """Colour the table on another scale."""
        scales = list(type(self._scales[self._view]))
        place = scales.index(self._scales[self._view]) + 1
        self._scales[self._view] = scales[place % len(scales)]
        self._pull()

    def action_grow(self, change: int) -> None:
        """Larger or smaller cells."""
        place = self._forms.index(self.query_one(Heatmap).form) + change
        self._form = self._forms[min(max(place, 0), len(self._forms) - 1)]
        self._fit()

    def action_log(self, axis: str) -> None:
        """Switch the axis of the losses or that of the iterations to logarithmic, and back."""
        if axis == "loss":
            self._log = not self._log
        else:
            self._log_x = not self._log_x
        self._pull()

    def action_sample(self) -> None:
        """Sample other names."""
        self._draw += 1
        self._pull()

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor."""
        last = len(self._session.corpus.train.vocabulary) - 1
        row, column = self.cursor
        self.cursor = (min(max(row + rows, 0), last), min(max(column + columns, 0), last))

    def watch_cursor(self, cursor: tuple[int, int]) -> None:
        if self.is_mounted:
            self.query_one(Heatmap).cursor = cursor
            self._pull()

    @on(CellPointed)
    def _point(self, event: CellPointed) -> None:
        self.cursor = (event.row, event.column)

    def action_jump(self) -> None:
        """Ask for a character or a bigram and go there."""
        self.query_one(Prompt).ask("go to character, bigram or U+code", "", self._jump)

    def _jump(self, text: str) -> str | None:
        index = self._session.corpus.train.vocabulary.index
        if text[:2].upper() == "U+" and len(text) > 2:
            try:
                text = chr(int(text[2:], 16))
            except (ValueError, OverflowError):
                return f"{text} is no code point"
        if not 1 <= len(text) <= 2:
            return "one character for a row, two for a cell"
        missing = [character for character in text if character not in index]
        if missing:
            return f"{missing[0]!r} is not in the text"
        row, column = index[text[0]], index[text[1]] if len(text) == 2 else self.cursor[1]
        self.cursor = (row, column)
        return None

    # The rest

    def action_dark(self) -> None:
        """Change between the dark and the light theme."""
        dark = self.app.current_theme.dark
        self.app.theme = "textual-light" if dark else "textual-dark"

    def action_help(self) -> None:
        """Show the keys."""
        self.app.push_screen(HelpScreen(self._session.corpus.train.vocabulary.boundary_label))


def _entitle(widget: Widget, title: str) -> None:
    """Set a title if it is another: Textual draws the whole widget again even for the same."""
    if str(widget.border_title) != title:
        widget.border_title = Content(title)


def _first_cell(corpus: Corpus) -> tuple[int, int]:
    """The most frequent beginning of a line."""
    return BOUNDARY, int(corpus.train.counts[BOUNDARY].argmax())
