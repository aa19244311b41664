"""A screen of runs from which the lessons are opened: why, theory, the tour and all others."""

from asyncio import to_thread
from functools import partial
from typing import TYPE_CHECKING

from textual import on

from bigram_tui.backend import hyperparameters
from bigram_tui.lessons.tour import ScreenState
from bigram_tui.training.registry import BackendError, choose, pitfalls
from bigram_tui.training.session import STEPPABLE
from bigram_tui.tui.lessons.tour_bar import TourBar
from bigram_tui.tui.screens.table_screen import TableScreen
from bigram_tui.tui.widgets.hyperparameters import Control

if TYPE_CHECKING:
    from bigram_tui.lessons.pitfalls import Pitfall, Variant
    from bigram_tui.lessons.presets import Preset

VIEW_LINKS = ("P", "N", "W", "gradient")
"""The names of the views in links, in the order of VIEWS."""

LESSONS = (
    ("theory", "G", "theory: the formulas, with the numbers of this run"),
    ("tour", "", "tour: the program in seven stops"),
    ("why", "enter", "why is this cell what it is?"),
    ("network", "T", "tensors: one word through the network and back"),
    ("pitfalls", "P", "pitfalls: classic mistakes, run for real"),
    ("presets", "H", "presets: η, λ and starts, with reasons"),
    ("meters", "M", "meters: how large a step may be, and what stays"),
    ("families", "F", "λ is not α: the two ways to uniform"),
    ("contexts", "N", "beyond the bigram: longer contexts"),
)
"""The action that opens each lesson, its key, and what it is about."""


class LessonScreen(TableScreen):
    """Opens lessons, whose screens are imported only then: the start needs none of them."""

    _compares = False
    """Whether the runs stand side by side."""

    _tour_place: int | None = None
    """The step of the tour for which the footer was last changed."""

    def action_lessons(self) -> None:
        """Choose a lesson from the list."""
        from bigram_tui.tui.screens.chooser import Chooser

        async def opened(place: int | None) -> None:
            if place is not None:
                await self.run_action(LESSONS[place][0])

        choices = [f"{key:<6} {told}" for _, key, told in LESSONS]
        self.app.push_screen(Chooser("lessons", choices), opened)

    # The model and its numbers

    def action_why(self) -> None:
        """Show where the numbers under the cursor come from."""
        from bigram_tui.tui.lessons.why import WhyScreen

        self.app.push_screen(WhyScreen(self.snapshot, self._session.corpus, self.cursor))

    def action_meters(self) -> None:
        """Measure the active run: the stable limit, invariants, λ against α."""
        from bigram_tui.tui.lessons.meters import MetersScreen

        session = self._session
        self.app.push_screen(MetersScreen(self.snapshot, session.corpus, session.seed))

    def action_presets(self) -> None:
        """Choose a step size, a λ and a start, and add a run that has them."""
        from bigram_tui.tui.lessons.presets import PresetsScreen

        session = self._session
        self.app.push_screen(PresetsScreen(session.corpus.train, session.seed), self._try_preset)

    def _try_preset(self, preset: "Preset | None") -> None:
        if preset is None:
            return
        run, source = self.runner.snapshot, self._lineup.source_of(self.runner)
        values = {"learning_rate": preset.learning_rate, "l2": preset.l2}
        try:
            takes_both = run.number("learning_rate") is not None and run.number("l2") is not None
            # The reasons of a preset are those of plain descent.
            if not takes_both or run.descends is False or source.backend in pitfalls():
                (source,) = choose([STEPPABLE])
            else:
                values = {**run.settings, **values}
            self._session.configured(source, values)  # a backend may not allow them
        except BackendError as error:
            self._say(str(error))
            return
        name = f"{source.backend} {preset.name}"
        self._add_beside(source, name=name, values=values, start=preset.start)

    def action_families(self) -> None:
        """Plot the tables that α and λ lead to, cell by cell."""
        from bigram_tui.tui.lessons.families import FamiliesScreen

        bigrams = self._session.corpus.train
        self.app.push_screen(FamiliesScreen(self.snapshot, bigrams, self.cursor))

    def action_contexts(self) -> None:
        """Count longer contexts, to see what that gains and costs."""
        from bigram_tui.tui.lessons.contexts import ContextsScreen

        self.app.push_screen(ContextsScreen(self._session.corpus, self._session.seed))

    def action_pitfalls(self) -> None:
        """Show classic mistakes, and compare one with the right way if that is wanted."""
        from bigram_tui.tui.lessons.pitfalls import PitfallsScreen

        screen = PitfallsScreen(self._session, self.view_state.pitfall)

        async def leave(pitfall: "Pitfall | None") -> None:
            self.view_state.pitfall = screen.chosen
            if pitfall is not None and pitfall.variant is not None:
                await self._compare_with(pitfall.variant)

        self.app.push_screen(screen, leave)

    async def _compare_with(self, variant: "Variant") -> None:
        """Compare a run that makes a mistake with one that does not, the reference."""
        try:
            (wrong,), (right,) = choose([variant.backend]), choose([variant.beside])
            known = hyperparameters(wrong.load())
            highest = known["learning_rate"].high if "learning_rate" in known else None
        except BackendError as error:
            self._say(str(error))
            return
        bigrams = self._session.corpus.train
        mistake = await to_thread(variant.settings, bigrams)  # which may have to be solved for
        if not self.is_live:
            return
        of = self._lineup.source_of
        beside = next(
            (
                r
                for r in self._lineup.runners
                if of(r).backend == variant.beside
                and not (mistake and mistake.items() <= r.snapshot.settings.items())
            ),
            None,
        )
        if beside is None:
            self._add_beside(right)
            beside = self.runner
        self.view_state.runner = self._lineup.reference = beside
        values = {k: v for k, v in beside.snapshot.settings.items() if k in known}
        if "learning_rate" in mistake and highest is not None:
            mistake["learning_rate"] = min(highest, float(str(mistake["learning_rate"])))
        start = self._lineup.start_of(beside)
        if not self._compares:
            await self.run_action("compare")
        # Once all are where the right one is, as they are then seen.
        screen = self.app.screen_stack[0]
        assert isinstance(screen, LessonScreen)
        values |= mistake
        add = partial(screen._add_beside, wrong, name=variant.name, values=values, start=start)
        screen.call_while_live(add)

    def action_network(self) -> None:
        """Show the tensors of one word, forward and backward."""
        from bigram_tui.tui.lessons.network import NetworkScreen

        session = self._session
        self.app.push_screen(NetworkScreen(session.corpus.train, session.seed, self._depth))

    # The theory

    def action_theory(self) -> None:
        """Read the theory, where it was left."""
        from bigram_tui.lessons.theory import Subject
        from bigram_tui.tui.lessons.theory import TheoryScreen

        numbers_of = Subject(self.snapshot, self._session.corpus, self.cursor)
        screen = TheoryScreen(numbers_of, self.view_state.section)

        async def leave(destination: str | None) -> None:
            self.view_state.section = screen.section
            if destination is not None:
                await self._follow(destination)

        self.app.push_screen(screen, leave)

    async def _follow(self, destination: str) -> None:
        """Open what a link of the theory leads to, such as view/W, cell/jq or why."""
        kind, _, which = destination.partition("/")
        if kind == "view":
            self.view_state.view_index = VIEW_LINKS.index(which)
            self.show_soon()
        elif kind == "cell":
            complaint = self._jump(which)
            if complaint is not None:
                self._say(complaint)
        elif kind == "step":
            self._bring_loss_forward()
            await self.run_action("step(1)")
        else:
            await self.run_action(kind)

    def _bring_loss_forward(self) -> None:
        """Bring the losses into sight, on screens where panes take turns."""

    # The tour

    def action_tour(self) -> None:
        """Take the tour, from its beginning."""
        self.view_state.tour.begin()
        self.show_soon()

    async def action_tour_next(self) -> None:
        """Go on with the tour."""
        step = self.view_state.tour.step
        self.view_state.tour.next()
        self.show_soon()
        if step is not None and step.opens:
            await self.run_action(step.opens)

    def action_tour_back(self) -> None:
        """Go back to the step of the tour before."""
        self.view_state.tour.back()
        self.show_soon()

    def action_tour_leave(self) -> None:
        """End the tour."""
        self.view_state.tour.leave()
        self.show_soon()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action is offered: those of the tour while it shows and nothing else asks."""
        if action.startswith("tour_"):
            asks = self.has_class("-asking") or isinstance(self.focused, Control)
            return self.view_state.tour.place is not None and not asks
        return super().check_action(action, parameters)

    def refresh_view(self, *, numbers: bool = True) -> None:
        """Bring on screen what has changed, and the tour."""
        super().refresh_view(numbers=numbers)
        if numbers:
            self._show_tour()

    def _show_tour(self) -> None:
        """Show the step of the tour, which goes on when its task is done."""
        vocabulary = self._session.corpus.train.vocabulary
        seen = ScreenState(
            self.snapshot,
            self.snapshots,
            vocabulary.boundary_label,
            len(vocabulary),
            self.cursor,
            compares=self._compares,
            dark=self.app.current_theme.dark,
        )
        tour = self.view_state.tour
        tour.look(seen)
        if self._tour_place != tour.place:
            self._tour_place = tour.place
            self.refresh_bindings()
        self.query_one(TourBar).show(tour, seen)

    @on(TourBar.Resized)
    def _fit_beside_tour(self) -> None:
        self.on_window_resized()
