"""What the screens of runs have in common: the run that is looked at, its table, the cursor."""

import time
from asyncio import Future, ensure_future, shield, to_thread
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.cells import cell_len
from textual import on
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from bigram_tui.analysis.ordering import ORDERS, TokenOrder
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.formatting.printable import in_cells, printable, quantity
from bigram_tui.lessons.tour import Tour
from bigram_tui.model.bigrams import BOUNDARY
from bigram_tui.training.registry import BackendSource
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui import present
from bigram_tui.tui.jumping import characters_of, tokens_of_jump
from bigram_tui.tui.messages import (
    CellPointed,
    HyperparameterChanged,
    RunPicked,
    RunSettled,
    ValueWanted,
)
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.render.heatmap import CellForm, ColorScale, best_form, forms, forms_in
from bigram_tui.tui.screens.export import (
    Export,
    choose_export,
    export_of_losses,
    export_of_screen,
    export_of_table,
)
from bigram_tui.tui.screens.help import HelpScreen
from bigram_tui.tui.views import VIEWS, View
from bigram_tui.tui.widgets.heatmap import Cell, Heatmap
from bigram_tui.tui.widgets.hyperparameters import Control
from bigram_tui.tui.widgets.prompt import Prompt
from bigram_tui.tui.window_size import FollowsWindow

PACES: tuple[int | None, ...] = (1, 5, 20, 100, 1000, None)
"""Iterations per second to choose from; None is as fast as possible."""

FIRST_PACE = 2

READABLE_PACE = 20
READING_SECONDS = 0.2
"""How long numbers stay at least at a pace beyond that: nobody reads faster."""
REST = 5
"""How many times as long as it took to show them they stay at least while a run trains."""


@dataclass
class ViewState:
    """What the user looks at: it stays the same from one screen to the next."""

    runner: Runner
    cursor: Cell
    view: int = 0
    scales: list[ColorScale] = field(default_factory=lambda: [view.default_scale for view in VIEWS])
    order: TokenOrder | None = None
    """In which the tokens stand, if not as they are numbered."""
    wanted_order: str = next(iter(ORDERS))
    """The name of the order that is shown, or will be when it is found."""
    orders: dict[str, "Future[TokenOrder]"] = field(default_factory=dict)
    """Those that were looked for so far, by name."""
    draw: int = 0
    """How often other names were wanted."""
    pace: int = FIRST_PACE
    pitfall: int = 0
    """The pitfall that was looked at."""
    log: bool = False
    """Whether the axis of the losses is logarithmic; log_x: that of the iterations."""
    log_x: bool = False
    section: int = 0
    """Of the theory, where it was left."""
    tour: Tour = field(default_factory=Tour)

    @classmethod
    def initial(cls, runner: Runner, corpus: Corpus) -> "ViewState":
        """At the most frequent first character of a line."""
        characters = corpus.train.vocabulary.characters  # rather than the rare ones together
        first = corpus.train.counts[BOUNDARY, : len(characters) + 1]
        return cls(runner, (BOUNDARY, int(first.argmax())))


class RunScreen(FollowsWindow, Screen[None]):
    """A screen on one or several runs; it pulls their newest state some times a second."""

    HELP = ""
    """Markup, with {boundary} for how it is written and {brighter} for what a larger P is."""

    def __init__(
        self, session: Session, lineup: Lineup, view_state: ViewState, fps: int, depth: Depth
    ) -> None:
        super().__init__()
        self._session = session
        self._lineup = lineup
        self._view_state = view_state
        self._fps = fps
        self._depth = depth
        labels = session.corpus.train.vocabulary.labels
        self._detailed = forms(depth, wide=any(cell_len(printable(label)) > 1 for label in labels))
        self._forms = self._detailed  # and an overview where none of them fits
        self._form: CellForm | None = None  # the largest that fits, unless the user chose one
        self._shown: dict[str, tuple[object, ...]] = {}
        self._will_fit = False
        self._read_at = 0.0  # when numbers were last shown
        self._reading_took = 0.0  # seconds

    def on_mount(self) -> None:
        # Afterwards, since it is only then that styles are those of the new theme.
        self.app.theme_changed_signal.subscribe(
            self, lambda _: self.call_after_refresh(self._show_all)
        )
        self.set_interval(1 / self._fps, self._pull_if_seen)
        self.action_focus_heatmap()
        self.on_screen_resume()

    def on_screen_resume(self) -> None:
        """What was done on another screen shows here too."""
        for heatmap in self.query(Heatmap):
            heatmap.cursor = self.cursor
            heatmap.order = self.order
        self._pull()

    @property
    def runner(self) -> Runner:
        """The one of the active run."""
        if self._view_state.runner not in self._lineup.runners:  # it was removed
            self._view_state.runner = self._lineup.runners[0]
        return self._view_state.runner

    @property
    def active(self) -> int:
        """The place of the active run in the list."""
        return self._lineup.runners.index(self.runner)

    @property
    def view(self) -> View:
        """The table of a model that is shown."""
        return VIEWS[self._view_state.view]

    @property
    def scale(self) -> ColorScale:
        """The scale of its colours."""
        return self._view_state.scales[self._view_state.view]

    @property
    def order(self) -> TokenOrder | None:
        """The order in which tokens stand, if not that in which they are numbered."""
        return self._view_state.order

    @property
    def _heatmap(self) -> Heatmap:
        """The one in which the keys move the cursor."""
        return self.query(Heatmap).first()

    @property
    def cursor(self) -> Cell:
        """The cell that is looked at, in all tables."""
        return self._view_state.cursor

    @cursor.setter
    def cursor(self, cell: Cell) -> None:
        self._view_state.cursor = cell
        for heatmap in self.query(Heatmap):
            heatmap.cursor = cell
        self._pull()

    # From snapshots to widgets

    def on_run_settled(self, event: RunSettled) -> None:
        event.stop()
        self._pull_if_seen()

    def _pull(self) -> None:
        """Bring on screen what has changed since the last time, and touch nothing else."""
        self._bring(numbers=True)

    def _pull_if_seen(self) -> None:
        """The same for a frame: in a fast training, numbers stay for longer than one."""
        if self not in self.app.screen_stack:
            return
        now = time.monotonic()
        fast = self.pace is None or self.pace > READABLE_PACE
        stay = max(READING_SECONDS if fast else 0.0, REST * self._reading_took)
        readable = not self._trains or now - self._read_at >= stay
        self._bring(numbers=readable)
        if readable:
            self._read_at = time.monotonic()
            self._reading_took = self._read_at - now

    def _bring(self, *, numbers: bool) -> None:
        self._show(numbers=numbers)

    @property
    def _trains(self) -> bool:
        """Whether what is shown goes on by itself."""
        raise NotImplementedError

    def _show(self, *, numbers: bool) -> None:
        """Show what is new; without `numbers` only what is not to be read."""
        raise NotImplementedError

    def _fit(self) -> None:
        """Choose the size of the cells, and of what is around them."""
        raise NotImplementedError

    def _choose_form(self, width: int, height: int) -> CellForm:
        """What the user chose, or else the largest form that shows the whole table."""
        size = len(self._session.corpus.train.vocabulary)
        self._forms = forms_in(size, width, height, self._detailed)
        wanted = "" if self._form is None else self._form.name
        chosen = [form for form in self._forms if form.name == wanted]
        return chosen[0] if chosen else best_form(size, width, height, self._forms)

    def _show_all(self) -> None:
        self._shown.clear()
        self._pull()

    def _is_new(self, part: str, *state: object) -> bool:
        """Whether a part of the screen shows another state than this, which it now is to show."""
        old = self._shown.get(part)
        self._shown[part] = state
        return old != state

    def on_window_resized(self) -> None:
        if not self._will_fit:  # several sizes may pass before the next layout
            self._will_fit = True
            self.call_after_refresh(self._fit_window)

    def _fit_window(self) -> None:
        self._will_fit = False
        self._fit()
        self._show_all()

    def _show_notice(self, text: str) -> None:
        if self._is_new("notice", text):
            notice = self.query_one("#notice", Static)
            notice.update(Content(text))
            notice.set_class(bool(text), "-shown")

    def _say(self, text: str) -> None:
        self.notify(text, timeout=2, markup=False)

    # Keys: runs

    def action_pick(self, number: int) -> None:
        """Look at another run; its backend is loaded if it was not yet."""
        runners = self._lineup.runners
        if number >= len(runners):
            self._say(f"there are {len(runners)} runs")
            return
        self._view_state.runner = runners[number]
        self.runner.start()
        self._pull()

    def action_next_run(self) -> None:
        """Look at the next run."""
        self.action_pick((self.active + 1) % len(self._lineup.runners))

    @on(RunPicked)
    def _pick(self, event: RunPicked) -> None:
        self.action_pick(event.number)

    def action_pace(self, change: int) -> None:
        """Run slower or faster."""
        pace = min(max(self._view_state.pace + change, 0), len(PACES) - 1)
        if pace != self._view_state.pace:
            self._view_state.pace = pace
            self._change_pace()
        speed = "full speed" if self.pace is None else f"{quantity(self.pace, 'step')} a second"
        self._say(f"runs at {speed}")

    @property
    def pace(self) -> int | None:
        """Iterations per second at which runs are to go on."""
        return PACES[self._view_state.pace]

    def _change_pace(self) -> None:
        """Let what is running go on at the pace that was chosen."""
        raise NotImplementedError

    def _add_beside(
        self,
        source: BackendSource,
        *,
        name: str | None = None,
        values: Mapping[str, object] | None = None,
        start: str | None = None,
    ) -> None:
        """Add a run after the active one, as Lineup.add does, and look at it."""
        self._welcome(self._lineup.add(source, self.runner, name=name, values=values, start=start))

    def _welcome(self, runner: Runner) -> None:
        """Start a run that was added, and look at it."""
        runner.start()
        self._view_state.runner = runner
        self._lineup_changed()

    def _lineup_changed(self) -> None:
        """Show which runs there now are."""
        self._pull()

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
        self.set_focus(self.query(Heatmap).first())

    @on(HyperparameterChanged)
    def _change(self, event: HyperparameterChanged) -> None:
        if event.name in present.parameters_of(self.runner.snapshot):  # or it is another run by now
            self.runner.set(event.name, event.value)

    @on(ValueWanted)
    def _ask_value(self, event: ValueWanted) -> None:
        runner = self.runner
        parameter = present.parameters_of(runner.snapshot).get(event.name)
        if parameter is None:  # another run was chosen meanwhile
            return

        def answer(text: str) -> str | None:
            try:
                runner.set(parameter.name, parameter.parse(text.strip()))
            except ValueError as error:
                return str(error)
            return None

        value = runner.snapshot.settings[event.name]
        question = f"{parameter.symbol} {parameter.name.replace('_', ' ')}".strip()
        self._ask(question, str(value).removesuffix(".0"), answer)

    def _ask(self, question: str, value: str, answer: Callable[[str], str | None]) -> None:
        self.query_one(Prompt).ask(question, value, answer)

    # Keys: what is looked at

    def action_next_view(self) -> None:
        """Show another table of the model."""
        self._view_state.view = (self._view_state.view + 1) % len(VIEWS)
        self._pull()

    def action_next_scale(self) -> None:
        """Colour the table on another scale."""
        scales = list(ColorScale)
        self._view_state.scales[self._view_state.view] = scales[
            (scales.index(self.scale) + 1) % len(scales)
        ]
        self._pull()

    def action_grow(self, change: int) -> None:
        """Larger or smaller cells."""
        names = [form.name for form in self._forms]
        place = names.index(self._heatmap.form.name) + change
        self._form = self._forms[min(max(place, 0), len(self._forms) - 1)]
        self._fit()

    def action_next_order(self) -> None:
        """Show the tokens in another order."""
        names = list(ORDERS)
        name = names[(names.index(self._view_state.wanted_order) + 1) % len(names)]
        self._view_state.wanted_order = name
        self.run_worker(self._arrange(name), group="order", exclusive=True)

    async def _arrange(self, name: str) -> None:
        """Show an order when it is found, which takes a moment where there are many tokens."""
        orders, order = self._view_state.orders, None
        if name != next(iter(ORDERS)):
            if name not in orders:
                orders[name] = ensure_future(
                    to_thread(TokenOrder.named, name, self._session.corpus.train)
                )
            order = await shield(orders[name])  # which goes on when another order is wanted
        self._view_state.order = order
        for heatmap in self.query(Heatmap):
            heatmap.order = self.order
        self._pull()

    def action_log(self, axis: str) -> None:
        """Switch the axis of the losses or that of the iterations to logarithmic, and back."""
        if axis == "loss":
            self._view_state.log = not self._view_state.log
        else:
            self._view_state.log_x = not self._view_state.log_x
        self._pull()

    def action_sample(self) -> None:
        """Sample other names."""
        self._view_state.draw += 1
        self._pull()

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor."""
        self.cursor = self._heatmap.beside(rows, columns)

    @on(CellPointed)
    def _point(self, event: CellPointed) -> None:
        self.cursor = (event.row, event.column)

    def action_jump(self) -> None:
        """Ask for a character or a bigram and go there."""
        self._ask("go to character, bigram or U+code", "", self._jump)

    def _jump(self, text: str) -> str | None:
        vocabulary = self._session.corpus.train.vocabulary
        try:
            tokens = tokens_of_jump(text, vocabulary)
        except ValueError as error:
            return str(error)
        self.cursor = (tokens[0], tokens[1] if len(tokens) == 2 else self.cursor[1])
        rare = [character for character in characters_of(text) if character in vocabulary.rare]
        if rare:
            told = f"“{in_cells(rare[0], 2).rstrip()}” is rare: "
            counted_as = f"it is counted as {vocabulary.rare_label}"
            self._say(f"{told}{counted_as}, with {quantity(len(vocabulary.rare) - 1, 'other')}")
        return None

    def action_row(self) -> None:
        """List what follows the first character of the cursor's bigram."""
        from bigram_tui.tui.screens.row import RowScreen

        run, row = self._looked_at, self.cursor[0]
        if run.probabilities is None:
            self._say(f"{run.name} has no table yet")
            return

        def go(column: int | None) -> None:
            if column is not None:
                self.cursor = (row, column)

        self.app.push_screen(RowScreen(run, self._session.corpus.train, self.cursor), go)

    # The rest

    @property
    def _looked_at(self) -> Snapshot:
        """The active run as the screen shows it."""
        return self.runner.snapshot

    @property
    def _all_looked_at(self) -> tuple[Snapshot, ...]:
        """All runs as the screen shows them."""
        return tuple(runner.snapshot for runner in self._lineup.runners)

    def action_export(self) -> None:
        """Choose what to write to a file, and where to."""
        choose_export(self, self._exports())

    def _exports(self) -> list[Export]:
        """What can be written: the losses, the table that is looked at, the screen."""
        return [
            export_of_losses(self._lineup.history()),
            export_of_table(self._looked_at, self.view, self._session.corpus.train),
            export_of_screen(self.app),
        ]

    def action_help(self) -> None:
        """Show the keys."""
        boundary = f"'{self._session.corpus.train.vocabulary.boundary_label}'"
        brighter = "brighter" if self.app.current_theme.dark else "darker"
        text = self.HELP.format(boundary=boundary, brighter=brighter)
        self.app.push_screen(HelpScreen(text))


def entitle(widget: Widget, title: str) -> None:
    """Set a title if it is another: Textual draws the whole widget again even for the same."""
    if str(widget.border_title) != title:
        widget.border_title = Content(title)
