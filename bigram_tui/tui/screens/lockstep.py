"""A screen that moves all runs in lock-step and edits their list."""

from dataclasses import replace

from bigram_tui.comparison.difference import Optima
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.comparison.lockstep import Lockstep
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.messages import RunSettled
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.screens.chooser import Chooser
from bigram_tui.tui.screens.lesson_menu import LessonScreen
from bigram_tui.tui.view_state import ViewState
from bigram_tui.tui.widgets.loss_curve import LossCurve

AXIS_WIDTH = 6
HIDDEN_WIDTH = 40
"""Columns that a plot counts as while it is out of sight."""


class LockstepScreen(LessonScreen, inherit_bindings=False):
    """While this screen is open, all runs are at one iteration."""

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
        super().__init__(session, lineup, view_state, fps, depth)
        self._lockstep = lockstep
        self._optima = Optima(session.corpus.train, lambda: self.post_message(RunSettled()))
        self._engaged = False  # whether the runs are in lock-step

    def resume_view(self) -> None:
        """Bring all runs to where the active one is, unless only a dialogue was open."""
        if not self._engaged:
            self._engaged = True
            for runner in self._lineup.runners:
                if self._lineup.source_of(runner).obstacle is None:
                    runner.start()
            run = self.runner.snapshot
            at = self._lockstep.latest if run.status is Status.FINISHED else run.iteration
            self._lockstep.seek(max(0, at))
        super().resume_view()

    @property
    def transport(self) -> Lockstep:
        """All runs together."""
        return self._lockstep

    @property
    def snapshot(self) -> Snapshot:
        """The active run in the newest frame."""
        return self._lockstep.frame.snapshots.get(self.runner, self.runner.snapshot)

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """All runs in the newest frame."""
        framed = self._lockstep.frame.snapshots
        return tuple(framed.get(runner, runner.snapshot) for runner in self._lineup.runners)

    _compares = True

    # Keys: all runs together

    def action_scrub(self, direction: int) -> None:
        """Go along the timeline by the steps that one column of the plot shows."""
        plot = self.query_one(LossCurve)
        columns = plot.size.width - AXIS_WIDTH if plot.size.width > AXIS_WIDTH else HIDDEN_WIDTH
        step = max(1, self._lockstep.latest // columns)
        self._lockstep.shift(direction * step)
        self.show_soon()

    def action_scrub_to(self, share: int) -> None:
        """Go to the first or to the last iteration."""
        self._lockstep.seek(share * self._lockstep.latest)
        self.show_soon()

    # Keys: which runs there are

    def action_refer(self) -> None:
        """Make the active run the one that the others are compared with."""
        self._lineup.reference = self.runner
        self._lockstep.look()
        self.show_soon()

    def action_copy(self) -> None:
        """Add a run of the same backend with the same hyperparameters."""
        if self.runner.snapshot.backend is None:
            has_failed = self.runner.snapshot.status is Status.FAILED
            state = "can't be loaded" if has_failed else "is not loaded yet"
            self._say(f"{self.runner.name} {state}")
            return
        self._welcome(self._lineup.copy(self.runner))
        self._say(f"{self.runner.name}: p changes its hyperparameters")

    def action_add(self) -> None:
        """Choose a backend and add a run of it."""
        sources = self._session.sources
        backends = {source.backend: replace(source, name=source.backend) for source in sources}

        def add(place: int | None) -> None:
            if place is not None:
                self._add_beside(list(backends.values())[place])

        names = [f"{name}  {source.obstacle or source.origin}" for name, source in backends.items()]
        self.app.push_screen(Chooser("add a run of", names), add)

    def action_remove(self) -> None:
        """End the active run."""
        place, reference = self.active, self._lineup.reference
        try:
            self._lineup.remove(self.runner)
        except ValueError as error:
            self._say(f"{self.runner.name} can't be removed: {error}")
            return
        runners = self._lineup.runners
        self.view_state.runner = runners[min(place, len(runners) - 1)]
        if self._lineup.reference is not reference:
            self._say(f"{self._lineup.reference.name} is the reference now")
        self._lineup_changed()

    def action_reorder(self, places: int) -> None:
        """Move the active run along the list."""
        self._lineup.move(self.runner, places)
        self._lineup_changed()

    def _lineup_changed(self) -> None:
        self._lockstep.look()
        self.fit()
        self.redraw()

    def action_tour(self) -> None:
        """Take the tour, which begins with one run."""
        super().action_tour()
        self.action_explore()

    def action_explore(self) -> None:
        """Go back to one run; all stay where they are."""
        self._lockstep.pause()
        self._engaged = False
        self.app.switch_mode("explore")
