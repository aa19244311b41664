"""The application: starts the runs, opens the screen, offers every action in the palette."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from bigram_tui.config import config_folder
from bigram_tui.runner import Runner
from bigram_tui.session import Session
from bigram_tui.tui.explore_screen import ExploreScreen
from bigram_tui.tui.help_screen import HelpScreen
from bigram_tui.tui.keymap import read_keymap
from bigram_tui.tui.messages import RunSettled
from bigram_tui.tui.renderables.colors import Depth
from bigram_tui.tui.widgets.hyperparameters import Control

FIRST_BACKEND = "numpy"
"""What is active at first if the user names none: there is something to step."""

SWITCH_INTERVAL = 0.001
"""Seconds for which a training thread may keep the interpreter from the screen's."""


class BigramApp(App[None]):
    """Owns the runs; the screens show them."""

    TITLE = "bigram-tui"
    CSS_PATH: ClassVar[str | Path] = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit", id="quit"),
        Binding("ctrl+q", "quit", "quit", show=False, id="quit-always", priority=True),
    ]

    def __init__(
        self,
        session: Session,
        *,
        steps: int = 0,
        wanted: tuple[str, ...] = (),
        frames_per_second: int = 15,
        samples: int | None = None,
        depth: Depth | None = None,
    ) -> None:
        """wanted: the backends that the user named; they are all loaded at once."""
        super().__init__()
        self.session = session
        self.runners = [self._make_runner(number) for number in range(len(session.sources))]
        self._steps = steps
        self._wanted = bool(wanted)
        self._fps = frames_per_second
        self._samples = samples
        self._depth = depth or Depth.of(self.console.color_system, self.no_color)

        bindings = Binding.make_bindings(
            (*self.BINDINGS, *ExploreScreen.BINDINGS, *Control.BINDINGS, *HelpScreen.BINDINGS)
        )
        known = {binding.id for binding in bindings if binding.id is not None}
        self.set_keymap(read_keymap(config_folder() / "keymap.toml", known))

    def _make_runner(self, number: int) -> Runner:
        source = self.session.sources[number]
        load = partial(self.session.make_run, source)
        return Runner(source.name, load, on_idle=lambda: self.post_message(RunSettled()))

    def on_mount(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        names = [source.name for source in self.session.sources]
        by_default = not self._wanted and FIRST_BACKEND in names
        active = names.index(FIRST_BACKEND) if by_default else 0
        for number, (source, runner) in enumerate(
            zip(self.session.sources, self.runners, strict=True)
        ):
            if number == active or self._wanted or source.is_light:
                runner.start()
                if self._steps:
                    runner.step(self._steps)
        self.push_screen(
            ExploreScreen(self.session, self.runners, active, self._fps, self._depth, self._samples)
        )

    def on_run_settled(self, event: RunSettled) -> None:
        screen = self.screen_stack[1] if len(self.screen_stack) > 1 else None
        if isinstance(screen, ExploreScreen):
            screen.post_message(event)

    def on_unmount(self) -> None:
        for runner in self.runners:
            runner.close()

    def action_help_quit(self) -> None:
        """What ctrl+c does: a habit that must not end a lesson."""
        self.notify("q quits", timeout=2)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own commands, and every action of the screen with its key."""
        yield from super().get_system_commands(screen)
        if not isinstance(screen, ExploreScreen):
            return
        for binding in Binding.make_bindings(screen.BINDINGS):
            if self._is_of_use(binding):
                key = self.get_key_display(binding)
                run = partial(screen.run_action, binding.action)
                yield SystemCommand(binding.description.capitalize(), f"key {key}", run)

    def _is_of_use(self, binding: Binding) -> bool:
        """Not where it is for a backend that there is not."""
        name, _, arguments = binding.action.partition("(")
        return name != "pick" or int(arguments.rstrip(")")) < len(self.runners)
