"""A screen acts from its mount until it is left, whatever reaches it before and afterwards."""

import asyncio
from typing import ClassVar

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.widgets import OptionList, Static

from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.live_screen import LiveScreen, can_act
from bigram_tui.tui.messages import ReadingEnded, RunSettled
from bigram_tui.tui.palette import Palette
from bigram_tui.tui.screens.chooser import Chooser
from bigram_tui.tui.screens.explore import ExploreScreen
from tests.tui.conftest import MakeApp, Settle


class Noting(LiveScreen, ModalScreen[str]):
    """Notes what it is asked to do, and needs its widget for all of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "note('key')")]

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    def compose(self) -> ComposeResult:
        """Show one widget."""
        yield Static(id="needed")

    def note(self, what: str) -> None:
        """Note something, as long as the widget is there."""
        self.query_one("#needed")
        self.noted.append(what)

    def on_mount(self) -> None:
        self.note("mount")

    def on_run_settled(self, event: RunSettled) -> None:
        event.stop()
        self.note("message")

    def action_note(self, what: str) -> None:
        """Note an action."""
        self.note(what)


class Bare(App[None]):
    """An app without anything."""


def tell_everything(screen: Noting) -> None:
    """Reach a screen in every way that goes through it."""
    screen.call_while_live(screen.note, "call")
    screen.call_after_refresh(screen.note, "refresh")
    screen.set_timer(0.001, lambda: screen.note("timer"))
    screen.set_interval(0.001, lambda: screen.note("interval"))
    screen.post_message(RunSettled())


EVERYTHING = {"mount", "call", "refresh", "timer", "interval", "message"}


async def open_palette(pilot: Pilot[None], settle: Settle) -> Palette:
    """Open the list of all actions."""
    await settle(pilot)
    await pilot.press("ctrl+p")
    await settle(pilot)
    palette = pilot.app.screen
    assert isinstance(palette, Palette)
    return palette


async def test_everything_reaches_a_screen_while_it_is_live() -> None:
    async with Bare().run_test() as pilot:
        screen = Noting()
        await pilot.app.push_screen(screen)
        tell_everything(screen)
        while {*screen.noted} < EVERYTHING:
            await pilot.pause(0.01)
        assert screen.is_live
        assert can_act(screen)
        assert can_act(screen.query_one("#needed"))


async def test_nothing_reaches_a_screen_that_was_left() -> None:
    async with Bare().run_test() as pilot:
        screen = Noting()
        await pilot.app.push_screen(screen)
        tell_everything(screen)
        screen.noted.clear()
        screen.dismiss("left")
        assert not can_act(screen)
        tell_everything(screen)
        await pilot.pause(0.05)
        assert screen.noted == []
        assert screen.is_gone


async def test_an_app_that_was_left_mounts_nothing_more() -> None:
    app, screen = Bare(), Noting()
    async with app.run_test():
        app.push_screen(screen)
        app.exit()
    assert screen.noted == []


async def test_a_screen_is_left_once_and_only_from_the_top() -> None:
    results: list[str | None] = []
    async with Bare().run_test() as pilot:
        app = pilot.app
        lower, upper = Noting(), Noting()
        await app.push_screen(lower, results.append)
        await app.push_screen(upper, results.append)
        lower.dismiss("below another")
        assert app.screen_stack[1:] == [lower, upper]
        upper.dismiss("once")
        upper.dismiss("twice")
        await pilot.pause()
        assert app.screen_stack[1:] == [lower]
        assert results == ["once"]


async def test_keys_before_a_screen_is_mounted_do_nothing(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(size=(100, 30)):
        screen = Chooser("late", ["a", "b"])
        app.push_screen(screen)
        assert not await app.run_action("dismiss(None)", screen)
        assert app.screen is screen


async def test_no_page_is_turned_in_a_list_that_is_not_laid_out(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        screen = Chooser("list", [str(number) for number in range(100)])
        await pilot.app.push_screen(screen)
        options = OptionList(*[str(number) for number in range(100)])
        options.display = False
        await screen.mount(options)
        options.highlighted = 3
        await settle(pilot)
        assert not options.scrollable_content_region
        await pilot.app.run_action("page_down", options)
        assert options.highlighted == 3
        options.display = True
        await settle(pilot)
        await pilot.app.run_action("page_down", options)
        assert options.highlighted > 3


async def test_the_mouse_may_point_at_what_a_smaller_window_has_no_place_for(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=(100, 30)) as pilot:
        palette = await open_palette(pilot, settle)
        away = events.Click(palette, 99, 99, 0, 0, 1, False, False, False, 999, 999)
        palette.post_message(away)
        await settle(pilot)
        assert pilot.app.screen is palette


async def test_a_search_may_end_after_its_palette(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=(100, 30)) as pilot:
        palette = await open_palette(pilot, settle)

        async def search() -> None:
            palette.dismiss()
            palette.query_one("#what-is-gone")

        palette.run_worker(search)
        await settle(pilot)
        assert isinstance(pilot.app.screen, ExploreScreen)


async def test_a_run_may_settle_while_there_is_no_screen(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        app = pilot.app
        assert isinstance(app, BigramApp)
        stack = app._screen_stacks.pop(app.current_mode)
        app.on_run_settled(RunSettled())
        await app.on_event(events.Key("s", "s"))
        app._screen_stacks[app.current_mode] = stack
        await settle(pilot)
        assert app.runners[0].snapshot.iteration == 0, "the key came while there was nothing"


async def test_the_end_of_reading_counts_once(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        app = pilot.app
        assert isinstance(app, BigramApp)
        session = app.session

        class Ended:
            error = part = None
            result = session

        app.reading = Ended()  # type: ignore[assignment]
        for _ in range(2):  # of two frames that both saw the end
            await app.on_reading_ended(ReadingEnded())
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        app.reading = None


@pytest.mark.parametrize("keys", [300])
async def test_keys_that_wait_are_shown_at_once(
    make_app: MakeApp, settle: Settle, keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Screen[None]] = []
    original = ExploreScreen.refresh_view

    def refresh_view(self: ExploreScreen, *, numbers: bool = True) -> None:
        shown.append(self)
        original(self, numbers=numbers)

    async with make_app(frames_per_second=1).run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        monkeypatch.setattr(ExploreScreen, "refresh_view", refresh_view)
        for _ in range(keys):
            pilot.app.post_message(events.Key("v", "v"))
        await asyncio.sleep(0)
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ExploreScreen)
        assert screen.view_state.view_index == keys % 4
        assert len(shown) < keys / 10
