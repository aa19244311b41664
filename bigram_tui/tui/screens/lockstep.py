"""A screen whose runs are in lock-step: what its keys do to all of them, and to their list."""

from dataclasses import replace

from textual import on

from bigram_tui.comparison.difference import Optima
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.comparison.lockstep import Lockstep, can_go_on
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.messages import IterationPointed
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.screens.chooser import Chooser
from bigram_tui.tui.screens.lesson_menu import LessonScreen
from bigram_tui.tui.screens.run_screen import ViewState
from bigram_tui.tui.widgets.loss_curve import LossCurve

AXIS_WIDTH = 6
HIDDEN_WIDTH = 40
"""Columns of a plot that is out of sight."""


class LockstepScreen(LessonScreen, inherit_bindings=False):
    """While it is seen, all runs are at one iteration."""

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
        self._optima = Optima(session.corpus.train)
        self._engaged = False  # whether the runs are in lock-step

    def on_screen_resume(self) -> None:
        """After another screen, not after a dialogue: bring all to where the active run is."""
        if not self._engaged:
            self._engaged = True
            for runner in self._lineup.runners:
                if self._lineup.source_of(runner).obstacle is None:
                    runner.start()
            run = self.runner.snapshot
            at = self._latest if run.status is Status.FINISHED else run.iteration
            self._lockstep.seek(max(0, at))
        super().on_screen_resume()

    @property
    def _looked_at(self) -> Snapshot:
        return self._lockstep.frame.snapshots.get(self.runner, self.runner.snapshot)

    @property
    def _all_looked_at(self) -> tuple[Snapshot, ...]:
        seen = self._lockstep.frame.snapshots
        return tuple(seen.get(runner, runner.snapshot) for runner in self._lineup.runners)

    _compares = True

    @property
    def _trains(self) -> bool:
        return self._lockstep.frame.training

    # Keys: all runs together

    def action_step(self, iterations: int) -> None:
        """Take iterations."""
        if any(can_go_on(runner.snapshot) for runner in self._lineup.runners):
            self._lockstep.step(iterations)
        else:
            self._say("no run can go on: z goes back, r begins again")

    def action_back(self, iterations: int) -> None:
        """Go back along the timelines."""
        if self._lockstep.frame.position == 0:
            self._say("all are at step 0, the start")
        self._lockstep.shift(-iterations, self._latest)

    def action_toggle_training(self) -> None:
        """Run, or pause."""
        if self._lockstep.frame.training or not self._lockstep.is_idle:
            self._lockstep.pause()
        elif any(can_go_on(runner.snapshot) for runner in self._lineup.runners):
            self._lockstep.train(self.pace)
        else:
            self._say("no run can go on: z goes back, r begins again")

    def _change_pace(self) -> None:
        if self._lockstep.frame.training:
            self._lockstep.train(self.pace)

    def action_reset(self) -> None:
        """Begin again from the same start."""
        self._lockstep.reset()

    def action_scrub(self, direction: int) -> None:
        """Go along the timeline by what one column of the plot shows."""
        plot = self.query_one(LossCurve)
        columns = plot.size.width - AXIS_WIDTH if plot.size.width > AXIS_WIDTH else HIDDEN_WIDTH
        step = max(1, self._latest // columns)
        self._lockstep.shift(direction * step, self._latest)

    def action_scrub_to(self, share: int) -> None:
        """Go to the first or to the last iteration."""
        self._scrub_to(share * self._latest)

    @on(IterationPointed)
    def _point_at(self, event: IterationPointed) -> None:
        self._scrub_to(event.iteration)

    @property
    def _latest(self) -> int:
        """The last iteration that any run has reached."""
        return max(0, *(runner.snapshot.latest for runner in self._lineup.runners))

    def _scrub_to(self, iteration: int) -> None:
        self._lockstep.seek(max(0, min(iteration, self._latest)))

    # Keys: which runs there are

    def action_refer(self) -> None:
        """Make the active run the one that the others are compared with."""
        self._lineup.reference = self.runner
        self._lockstep.look()

    def action_copy(self) -> None:
        """Add a run of the same backend with the same hyperparameters."""
        if self.runner.snapshot.backend is None:
            has_failed = self.runner.snapshot.status is Status.FAILED
            told = "can't be loaded" if has_failed else "is not loaded yet"
            self._say(f"{self.runner.name} {told}")
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
        self._view_state.runner = runners[min(place, len(runners) - 1)]
        if self._lineup.reference is not reference:
            self._say(f"{self._lineup.reference.name} is the reference now")
        self._lineup_changed()

    def action_reorder(self, places: int) -> None:
        """Move the active run along the list."""
        self._lineup.move(self.runner, places)
        self._lineup_changed()

    def _lineup_changed(self) -> None:
        self._lockstep.look()
        self._fit()
        self._show_all()

    def action_tour(self) -> None:
        """Take the tour, which begins with one run."""
        super().action_tour()
        self.action_explore()

    def action_explore(self) -> None:
        """Go back to one run; all stay where they are."""
        self._lockstep.pause()
        self._engaged = False
        self.app.switch_mode("explore")
