"""The application: it has the text read, starts the runs, opens screens and offers all actions."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from rich.console import RenderableType
from textual.app import App, ScreenStackError, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.driver import Driver
from textual.events import Event, InputEvent, Paste
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen
from textual.theme import ThemeProvider

from bigram_tui.comparison.lineup import Lineup
from bigram_tui.paths import config_folder, is_missing
from bigram_tui.training.output import UNATTRIBUTED, Output, stream
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.live_screen import can_act
from bigram_tui.tui.messages import Printed, ReadingEnded, RunSettled
from bigram_tui.tui.palette import Palette, has_no_page
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.render.no_controls import NoControls
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.lesson_menu import LessonScreen
from bigram_tui.tui.screens.run_screen import RunScreen
from bigram_tui.tui.stylesheet import OnceParsed, style_files
from bigram_tui.tui.view_state import ViewState
from bigram_tui.tui.widgets.hyperparameters import Control

if TYPE_CHECKING:
    from bigram_tui.comparison.lockstep import Lockstep
    from bigram_tui.corpus.background import BackgroundRead
    from bigram_tui.tui.job_control import JobControl

SWITCH_INTERVAL = 0.001
"""Seconds for which a training thread may keep the interpreter from the screen's."""


GOODBYE_SECONDS = 0.5
"""How long the program waits for the runs to end."""


def _browser_driver() -> type[Driver]:
    """Import the driver, which only visitors of a server need."""
    from bigram_tui.tui.browser_driver import BrowserDriver

    return BrowserDriver


class BigramApp(App[None]):
    """Owns the runs; the screens show them."""

    TITLE = "bigram-tui"
    CSS_PATH = style_files("app")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit", id="quit"),
        Binding("ctrl+q", "quit", "quit", show=False, id="quit-always", priority=True),
        Binding("ctrl+z", "suspend_process", "suspend", show=False, id="suspend", priority=True),
        # Before the keys of the screens, of which a user's keymap may have taken one.
        *(
            Binding(key, f"screen.tour_{to}", f"tour: {to}", False, id=f"tour-{to}", priority=True)
            for key, to in (("enter", "next"), ("backspace", "back"), ("escape", "leave"))
        ),
    ]

    def __init__(
        self,
        session: "Session | BackgroundRead[Session]",
        *,
        steps: int = 0,
        wanted: tuple[str, ...] = (),
        reference: str | None = None,
        frames_per_second: int = 15,
        samples: int | None = None,
        depth: Depth | None = None,
        tour: bool = False,
        in_browser: bool = False,
    ) -> None:
        """session: one; or a reading that makes one, to be watched until then.

        wanted: the backends that the user named; they are all loaded at once.
        reference: the run that the others are compared with; by default the active one.
        tour: whether to begin with the tour.
        in_browser: whether a server has started this program for a visitor.
        """
        self.reading = None if isinstance(session, Session) else session
        # An empty screen, which would come first, would be laid out and styled too.
        self.DEFAULT_MODE = "explore" if self.reading is None else "reading"  # type: ignore[misc]
        super().__init__(driver_class=_browser_driver() if in_browser else None)
        # What plugins print while the screen is up is kept to be shown; Textual would drop it.
        self._capture_stdout = stream(1)  # type: ignore[assignment]
        self._capture_stderr = stream(2)  # type: ignore[assignment]
        self._no_controls = NoControls()
        self.stylesheet = OnceParsed(variables=self.get_css_variables())
        self._steps = steps
        self._wanted = bool(wanted)
        self._reference = reference
        self.tour = tour
        self.trouble: BaseException | None = None
        """The error for which there is no text to show."""
        self.on_exit: Callable[[int], object] = lambda status: None
        """Called with the exit status when the user leaves, before anything is tidied up."""
        self.ended_by: int | None = None
        """The signal that has ended the program; SIGHUP too where the terminal was closed."""
        self.terminal: TextIO | None = None
        """Where the screen is drawn, if not on standard error."""
        self._job_control: JobControl | None = None
        self._has_session = False
        self._waiting: list[Runner] = []
        self.add_mode("reading", self._reading_screen)
        self.add_mode("explore", self._explore_screen)
        self.add_mode("compare", self._compare_screen)
        if isinstance(session, Session):
            self._take(session)
        self._fps = frames_per_second
        self._samples = samples
        self._depth = depth or Depth.from_console(self.console.color_system, self.no_color)

        keymap = config_folder() / "keymap.toml"
        if not is_missing(keymap):
            from bigram_tui.tui.keymap import read_keymap

            self.set_keymap(read_keymap(keymap, self._actions()))

    def draw_on(self, terminal: TextIO) -> None:
        """Draw the screen on a stream of a terminal that nobody else writes to."""
        from bigram_tui.tui.terminal_driver import TerminalDriver  # Windows has none

        self.terminal, self.driver_class = terminal, TerminalDriver

    def _take(self, session: Session) -> None:
        """Make the runs of a session."""
        self.session = session
        first = session.first(named=self._wanted)
        self.lineup = Lineup(session, self._hear_run, self._reference or first)
        active = next(runner for runner in self.runners if runner.name == first)
        self.view_state = ViewState.initial(active, session.corpus)
        self._has_session = True

    @cached_property
    def lockstep(self) -> "Lockstep":
        """What moves all runs together; there is none until it is first wanted."""
        from bigram_tui.comparison.lockstep import Lockstep

        return Lockstep(self.lineup, self._hear_lockstep)

    def history(self) -> list[tuple[str, Snapshot]]:
        """List the snapshot of each run with the name of its backend; none without a text."""
        return self.lineup.history() if self._has_session else []

    def _actions(self) -> set[str]:
        """List the ids of all bindings, which a user's keymap may name."""
        from bigram_tui.tui.lessons.families import FamiliesScreen
        from bigram_tui.tui.lessons.network import NetworkScreen
        from bigram_tui.tui.lessons.pitfalls import PitfallsScreen
        from bigram_tui.tui.lessons.presets import PresetsScreen
        from bigram_tui.tui.lessons.theory import TheoryScreen
        from bigram_tui.tui.screens.chooser import Chooser
        from bigram_tui.tui.screens.compare import CompareScreen
        from bigram_tui.tui.screens.help import HelpScreen
        from bigram_tui.tui.screens.panel import Panel
        from bigram_tui.tui.screens.reading import ReadingScreen
        from bigram_tui.tui.screens.row import RowScreen
        from bigram_tui.tui.widgets.row_list import RowList

        lessons = (TheoryScreen, NetworkScreen, PitfallsScreen, PresetsScreen, FamiliesScreen)
        screens = (
            *(ReadingScreen, ExploreScreen, CompareScreen, HelpScreen, Panel, Chooser),
            *(RowScreen, RowList),
            *lessons,
        )
        bindings = [b for c in (self, Control, *screens) for b in Binding.make_bindings(c.BINDINGS)]
        return {binding.id for binding in bindings if binding.id is not None}

    @property
    def runners(self) -> tuple[Runner, ...]:
        """The threads of the runs."""
        return self.lineup.runners

    def _hear_run(self) -> None:
        """Tell the screen that a run has settled; the lock-step first, if all move together."""
        if self.current_mode == "compare":
            self.lockstep.look()
        else:
            self.post_message(RunSettled())

    def _hear_lockstep(self) -> None:
        self.post_message(RunSettled())

    def leave(self, signal_number: int) -> None:
        """Exit because of a signal. Called in its handler, possibly before the start."""
        self.ended_by = self.ended_by or signal_number
        self._call_in_loop(self.exit)

    def _call_in_loop(self, call: Callable[[], None]) -> None:
        """Call something soon, from a signal handler; do nothing before the start."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(call)

    def exit(
        self,
        result: None = None,
        return_code: int = 0,
        message: RenderableType | None = None,
    ) -> None:
        """Leave the program."""
        self.on_exit(return_code)
        super().exit(result, return_code, message)

    def on_load(self) -> None:
        if self.ended_by is not None:
            self.exit()
        sys.setswitchinterval(SWITCH_INTERVAL)
        UNATTRIBUTED.clear()
        Output.on_news = lambda: self.post_message(Printed())
        if self._has_session:
            self._begin()

    def on_mount(self) -> None:
        if self.reading is not None:
            self.reading.start()
        if self._driver is not None and self._driver.can_suspend:
            from bigram_tui.tui.job_control import JobControl  # Windows has none

            self._job_control = JobControl(self, self._call_in_loop)

    async def on_reading_ended(self, event: ReadingEnded) -> None:
        assert self.reading is not None
        self.trouble = self.reading.error
        if self.reading.result is None:
            if self.reading.part is None:
                self.exit()
            return  # or else the screen offers the part
        if self._has_session:  # two frames saw that reading had ended
            return
        self._take(self.reading.result)
        self._begin()
        opened, removed = self.switch_mode("explore"), self.remove_mode("reading")
        await opened
        await removed

    def _begin(self) -> None:
        """Start the active run, and the tour if it is wanted."""
        self._start(self.view_state.runner)
        self._waiting = [runner for runner in self.runners if runner is not self.view_state.runner]
        if self.tour:
            self.view_state.tour.begin()

    def on_first_drawn(self) -> None:
        """Start the other runs that the user named, and those that load quickly."""
        waiting, self._waiting = self._waiting, []
        for runner in waiting:
            if runner not in self.runners:  # the user typed ahead, and removed it
                continue
            source = self.lineup.source_of(runner)
            # One that lacks a library fails at once, and says what to install.
            if self._wanted or source.is_light or source.obstacle:
                self._start(runner)
        if waiting:
            self._show_runs()

    def _start(self, runner: Runner) -> None:
        runner.start()
        if self._steps:
            runner.step(self._steps)

    def _reading_screen(self) -> Screen[None]:
        from bigram_tui.tui.screens.reading import ReadingScreen  # most users never see it

        assert self.reading is not None
        return ReadingScreen(self.reading, self._fps, self._depth)

    def _explore_screen(self) -> Screen[None]:
        common = self.session, self.lineup, self.view_state, self._fps, self._depth
        return ExploreScreen(*common, samples=self._samples)

    def _compare_screen(self) -> Screen[None]:
        """Import the compare screen, so that the first screen need not wait for it."""
        from bigram_tui.tui.screens.compare import CompareScreen

        common = self.session, self.lineup, self.view_state, self._fps, self._depth
        return CompareScreen(*common, lockstep=self.lockstep)

    def on_run_settled(self, event: RunSettled) -> None:
        self._show_runs()

    def on_printed(self, event: Printed) -> None:
        self._tell_screen(Printed())

    def _show_runs(self) -> None:
        """Have the screen show how the runs are now."""
        self._tell_screen(RunSettled())

    def _tell_screen(self, message: Message) -> None:
        """Pass a message on to the screen of runs, below any dialogue."""
        # There is none for a moment while modes change; the next screen shows all when it opens.
        for screen in self._screen_stacks.get(self.current_mode, ())[:1]:
            if isinstance(screen, RunScreen):
                screen.post_message(message)

    def on_unmount(self) -> None:
        Output.on_news = lambda: None
        if self.reading is not None:
            self.reading.leave(GOODBYE_SECONDS)
        if not self._has_session:
            return
        if "lockstep" in vars(self):
            self.lockstep.close()
        for runner in self.runners:
            runner.close()
        limit = time.monotonic() + GOODBYE_SECONDS
        for runner in self.runners:
            runner.join(max(0.0, limit - time.monotonic()))

    async def on_event(self, event: Event) -> None:
        """Handle an event; what the user does counts while there is a screen that can act."""
        if isinstance(event, InputEvent | Paste) and not self._has_live_screen:
            return
        await super().on_event(event)

    @property
    def _has_live_screen(self) -> bool:
        return any(map(can_act, self._screen_stacks.get(self.current_mode, ())[-1:]))

    async def _dispatch_action(self, namespace: DOMNode, action_name: str, params: Any) -> bool:
        """Do what a key, a click or the list of actions asks for, where there is still a screen."""
        if not can_act(namespace) or has_no_page(namespace, action_name, params):
            return False
        return await super()._dispatch_action(namespace, action_name, params)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the guard against control characters to Textual's filters."""
        return [*super().get_line_filters(), self._no_controls]

    def action_dark(self) -> None:
        """Change between the dark and the light theme."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def action_help_quit(self) -> None:
        """Say how to quit: ctrl+c is a habit that must not end a lesson."""
        self.notify("q quits", timeout=2)

    def action_suspend_process(self) -> None:
        """Go back to the shell for a while, where there is one."""
        if self._job_control is not None:
            self._job_control.suspend()

    def action_command_palette(self) -> None:
        """Offer all actions."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """Offer all themes."""
        themes = Palette(providers=[ThemeProvider], placeholder="Search for themes…")
        self.push_screen(themes)

    def clear_selection(self) -> None:
        """Select no text; do nothing while there is no screen."""
        # Textual issue 6444: from Python 3.12 on, the Input of the first screen calls this before
        # the screen is on the stack.
        with suppress(ScreenStackError):
            super().clear_selection()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer the themes, quitting, and every action of the screen with its key.

        Textual offers more of its own, for which there are better keys here: its list of keys
        takes descriptions for markup and squeezes the panes (`?`), its screenshot says nothing
        of a folder that it can't write to (`E`), and no pane is made to be maximized.
        """
        yield SystemCommand("Theme", "other colours", self.action_change_theme)
        yield SystemCommand("Quit", "key q", self.action_quit)
        if not isinstance(screen, LessonScreen):
            return
        yield SystemCommand("Tour", "the program in seven stops", screen.action_tour)
        offered: set[str] = set()
        for binding in Binding.make_bindings(screen.BINDINGS):
            if binding.action not in offered and self._is_of_use(binding):
                offered.add(binding.action)
                key = self.get_key_display(binding)
                run = partial(screen.run_action, binding.action)
                yield SystemCommand(binding.description.capitalize(), f"key {key}", run)

    def _is_of_use(self, binding: Binding) -> bool:
        """Whether a binding does anything: not one for a run that is not in the list."""
        name, _, arguments = binding.action.partition("(")
        return name != "pick" or int(arguments.rstrip(")")) < len(self.runners)
