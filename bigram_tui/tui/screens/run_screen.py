"""A screen of runs: it shows their newest state, trains them and changes hyperparameters."""

import time
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from bigram_tui.comparison.lineup import Lineup
from bigram_tui.training import transport
from bigram_tui.training.registry import BackendSource
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.training.transport import Transport
from bigram_tui.tui.keys import EVERYWHERE, KeyGroup
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.messages import (
    HyperparameterChanged,
    IterationPointed,
    Printed,
    RunPicked,
    RunSettled,
    ValueWanted,
)
from bigram_tui.tui.screens.help import HelpScreen, displayed_keys
from bigram_tui.tui.view_state import ViewState
from bigram_tui.tui.widgets.hyperparameters import Control
from bigram_tui.tui.widgets.prompt import Prompt

MORE = "… (u: all)"

READABLE_PACE = 20
"""Steps per second up to which each new number is shown."""
READING_SECONDS = 0.2
"""How long numbers stay at least at a pace beyond that: nobody reads faster."""
CALM_FRAMES = 8
"""Frames in which nothing is at work after which there are no more: by then all is laid out."""
REST = 5
"""How many times as long as it took to show them they stay at least while a run trains."""


class RunScreen(LiveScreen, Screen[None]):
    """A screen of one or several runs, one of which is active.

    Its one update is `refresh_view`: once after all keys that were waiting, when a run has settled,
    and in each frame while anything is at work and shortly after that. Subclasses extend it by the
    widgets that they have.
    """

    HELP: ClassVar[str] = ""
    """Markup, with {boundary} for how it is written and {brighter} for what a larger P is."""
    KEY_GROUPS: ClassVar[Sequence[KeyGroup]] = ()
    """The keys, as the help shows them."""

    def __init__(self, session: Session, lineup: Lineup, view_state: ViewState, fps: int) -> None:
        super().__init__()
        self._session = session
        self._lineup = lineup
        self.view_state = view_state
        self._fps = fps
        self._frames: Timer | None = None
        self._is_due = False  # whether an update waits for its turn
        self._calm = 0  # frames since anything was at work, or was done here
        self._shown: dict[str, tuple[object, ...]] = {}
        self._read_at = 0.0  # when numbers were last shown
        self._reading_took = 0.0  # seconds

    def on_mount(self) -> None:  # after those of the subclasses, which Textual calls too
        # Afterwards, since it is only then that styles are those of the new theme.
        self.app.theme_changed_signal.subscribe(
            self, lambda _: self.call_after_refresh(self.redraw)
        )
        self._frames = self.set_interval(1 / self._fps, self.show_frame)
        self.resume_view()

    def on_screen_resume(self) -> None:
        self.resume_view()

    def resume_view(self) -> None:
        """Show what was done on another screen."""
        self.refresh_view()

    @property
    def transport(self) -> Transport:
        """What the keys move: the active run, or all runs together."""
        return self.runner

    @property
    def runner(self) -> Runner:
        """The thread of the active run."""
        if self.view_state.runner not in self._lineup.runners:  # it was removed
            self.view_state.runner = self._lineup.runners[0]
        return self.view_state.runner

    @property
    def active(self) -> int:
        """The index of the active run in the list."""
        return self._lineup.runners.index(self.runner)

    @property
    def snapshot(self) -> Snapshot:
        """The active run as the screen shows it."""
        return self.runner.snapshot

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """All runs as the screen shows them."""
        return tuple(runner.snapshot for runner in self._lineup.runners)

    # From snapshots to widgets

    def show_soon(self) -> None:
        """Show what a key has changed, once for all keys that are waiting: some are held."""
        if not self._is_due:
            self._is_due = True
            self.call_while_live(self._show_now)

    def _show_now(self) -> None:
        if self._is_due:
            self.refresh_view()

    def refresh_view(self, *, numbers: bool = True) -> None:
        """Bring on screen what has changed since the last time, and touch nothing else.

        numbers: whether those that are to be read are shown too.
        """
        self._is_due = self._is_due and not numbers
        self.expect_change()

    @property
    def _is_at_rest(self) -> bool:
        """Whether nothing changes by itself."""
        return self.transport.is_idle and all(r.is_idle for r in self._lineup.runners)

    def show_frame(self) -> None:
        """Refresh the view; in a fast training, numbers stay for longer than one frame."""
        if self not in self.app.screen_stack:
            return
        calm = self._calm + 1 if self._is_at_rest else 0
        now = time.monotonic()
        pace = self.view_state.pace
        is_fast = pace is None or pace > READABLE_PACE
        seconds = max(READING_SECONDS if is_fast else 0.0, REST * self._reading_took)
        numbers = not self.transport.is_training or now - self._read_at >= seconds
        self.refresh_view(numbers=numbers)
        if numbers:
            self._read_at = time.monotonic()
            self._reading_took = self._read_at - now
        self._calm = calm
        if self._frames is not None and calm >= CALM_FRAMES:
            self._frames.pause()

    def on_run_settled(self, event: RunSettled) -> None:
        event.stop()
        self.show_change()

    def on_printed(self, event: Printed) -> None:
        event.stop()
        self.expect_change()

    def show_change(self) -> None:
        """Show what a run, or another thread, has brought about."""
        self._calm = 0
        self.show_frame()

    def expect_change(self) -> None:
        """Show in the next frame what another thread has brought about."""
        self._calm = 0
        if self._frames is not None:
            self._frames.resume()

    def redraw(self) -> None:
        """Show everything anew, whether or not it has changed."""
        self._shown.clear()
        self.refresh_view()

    def _is_new(self, part: str, *state: object) -> bool:
        """Whether a part of the screen shows another state; from now on it shows this one."""
        old = self._shown.get(part)
        self._shown[part] = state
        return old != state

    def _show_notice(self, text: str) -> None:
        width = self.size.width - 2
        if self._is_new("notice", text, width):
            notice = self.query_one("#notice", Static)
            notice.update(Content(in_two_lines(text, width)))
            notice.set_class(bool(text), "-shown")

    def _say(self, text: str) -> None:
        """Say something for a moment; nothing if there is no text."""
        if text:
            self.notify(text, timeout=2, markup=False)

    # Keys: along the timeline

    def action_step(self, iterations: int) -> None:
        """Take steps."""
        self._say(transport.step(self.transport, iterations))
        self.show_soon()

    def action_back(self, iterations: int) -> None:
        """Go back along the timeline."""
        self._say(transport.back(self.transport, iterations))
        self.show_soon()

    def action_toggle_training(self) -> None:
        """Run, or pause."""
        self._say(transport.toggle(self.transport, self.view_state.pace))
        self.show_soon()

    def action_reset(self) -> None:
        """Begin again from the same start."""
        self.transport.reset()
        self.show_soon()

    def action_pace(self, change: int) -> None:
        """Run slower or faster."""
        if self.view_state.change_pace(change):
            transport.change_pace(self.transport, self.view_state.pace)
        self._say(f"runs at {self.view_state.pace_text}")

    @on(IterationPointed)
    def _go_to(self, event: IterationPointed) -> None:
        self.transport.seek(min(event.iteration, self.transport.latest))
        self.show_soon()

    # Keys: runs

    def action_pick(self, number: int) -> None:
        """Look at another run; its backend is loaded if it was not yet."""
        runners = self._lineup.runners
        if number >= len(runners):
            self._say(f"there are {len(runners)} runs")
            return
        self.view_state.runner = runners[number]
        self.runner.start()
        self.show_soon()

    def action_next_run(self) -> None:
        """Look at the next run."""
        self.action_pick((self.active + 1) % len(self._lineup.runners))

    @on(RunPicked)
    def _pick(self, event: RunPicked) -> None:
        self.action_pick(event.number)

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
        self.view_state.runner = runner
        self._lineup_changed()

    def _lineup_changed(self) -> None:
        """Show which runs there now are."""
        self.show_soon()

    # Keys: hyperparameters

    def action_parameters(self) -> None:
        """Go to the hyperparameters, or on to the next one."""
        controls = list(self.query(Control))
        if controls:
            focused = self.focused
            following = controls.index(focused) + 1 if isinstance(focused, Control) else 0
            self.set_focus(controls[following % len(controls)])

    @on(HyperparameterChanged)
    def _change(self, event: HyperparameterChanged) -> None:
        if event.name in self.runner.snapshot.parameters:  # or it is another run by now
            self.runner.set(event.name, event.value)
            self.show_soon()

    @on(ValueWanted)
    def _ask_value(self, event: ValueWanted) -> None:
        runner = self.runner
        parameter = runner.snapshot.parameters.get(event.name)
        if parameter is None:  # another run was chosen meanwhile
            return

        def answer(text: str) -> str | None:
            try:
                runner.set(parameter.name, parameter.parse(text.strip()))
            except ValueError as error:
                return str(error)
            self.show_soon()
            return None

        value = runner.snapshot.settings[event.name]
        question = f"{parameter.symbol} {parameter.name.replace('_', ' ')}".strip()
        self._ask(question, str(value).removesuffix(".0"), answer)

    def _ask(self, question: str, value: str, answer: Callable[[str], str | None]) -> None:
        self.query_one(Prompt).ask(question, value, answer)

    # The rest

    def action_output(self) -> None:
        """Show what the active run has printed."""
        from bigram_tui.tui.screens.output import OutputScreen

        self.app.push_screen(OutputScreen(self.runner))

    def action_help(self) -> None:
        """Show the keys."""
        boundary = f"'{self._session.corpus.train.vocabulary.boundary_label}'"
        brighter = "brighter" if self.app.current_theme.dark else "darker"
        text = self.HELP.format(boundary=boundary, brighter=brighter)
        groups = (*self.KEY_GROUPS, EVERYWHERE)
        self.app.push_screen(HelpScreen(text, groups, displayed_keys(self)))


def in_two_lines(text: str, width: int) -> str:
    """Return a text that fits two lines of so many columns, with a sign where the rest is left."""
    lines = wrap(text, max(1, width))
    if len(lines) <= 2:
        return text
    return f"{lines[0]}\n{lines[1][: max(0, width - len(MORE))]}{MORE}"


def entitle(widget: Widget, title: str) -> None:
    """Set a title if it is another: Textual draws the whole widget again even for the same."""
    if str(widget.border_title) != title:
        widget.border_title = Content(title)
