"""The tour on screen: its whole way, how it is left, what keys mean meanwhile and afterwards."""

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from bigram_tui.lessons.tour import STEPS
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.lessons.tour_bar import TourBar
from bigram_tui.tui.lessons.why import WhyScreen
from bigram_tui.tui.screens.compare import CompareScreen
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.table_screen import TableScreen
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.hyperparameters import Control
from bigram_tui.tui.widgets.inspector import Inspector
from bigram_tui.tui.widgets.legend import Legend
from tests.conftest import slow
from tests.tui.conftest import MakeApp, Settle, TextOf, WaitUntil, sizes
from tests.tui.test_explore_screen import assert_safe, screen_text

SMALL, MIDDLE, FLAT = (80, 24), (120, 40), (60, 16)


def run_screen(pilot: Pilot[None]) -> TableScreen:
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, TableScreen)
    return screen


def place(pilot: Pilot[None]) -> int | None:
    """The step of the tour, from 1, as its bar has it; None if there is no bar."""
    found = run_screen(pilot).view_state.tour.place
    bar = run_screen(pilot).query_one(TourBar)
    assert bar.display == (found is not None)
    if found is None:
        return None
    assert f"tour {found + 1}/7" in str(bar.border_title)
    return found + 1


def iteration(pilot: Pilot[None]) -> int:
    return run_screen(pilot).snapshot.iteration


async def press(pilot: Pilot[None], settle: Settle, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


# The whole way


@sizes(SMALL, MIDDLE, FLAT)
async def test_the_whole_way_by_doing_what_it_says(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    text_of: TextOf,
    size: tuple[int, int],
) -> None:
    async with make_app(tour=True).run_test(size=size) as pilot:
        await settle(pilot)
        bar = run_screen(pilot).query_one(TourBar)
        assert place(pilot) == 1
        assert "a row for each character" in " ".join(text_of(bar).split())
        await press(pilot, settle, "enter")
        assert place(pilot) == 2
        await press(pilot, settle, "down", "down", "right", "right", "right")
        assert place(pilot) == 3
        assert "has learned nothing" in " ".join(text_of(bar).split())
        await press(pilot, settle, "enter")
        assert place(pilot) == 4
        await press(pilot, settle, "s")
        assert iteration(pilot) == 1
        assert place(pilot) == 5
        nll = run_screen(pilot).snapshot.nll
        assert f"is now {nll:.4f}" in " ".join(text_of(bar).split())
        await pilot.press("full_stop", "space")
        await wait_until(pilot, lambda: iteration(pilot) > 20)
        await press(pilot, settle, "space")
        assert place(pilot) == 5
        await press(pilot, settle, "z")
        assert place(pilot) == 6
        assert "enter why" in str(bar.border_title)
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, WhyScreen))
        await press(pilot, settle, "escape")
        assert place(pilot) == 7
        await press(pilot, settle, "c")
        assert isinstance(pilot.app.screen, CompareScreen)
        assert place(pilot) == 7
        bar = run_screen(pilot).query_one(TourBar)
        assert "count: nll" in " ".join(text_of(bar).split())
        assert_safe(pilot)
        await press(pilot, settle, "enter")
        assert place(pilot) is None
        assert pilot.app.is_running


async def test_the_whole_way_by_enter_alone_and_back(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        for step in range(1, 6):
            assert place(pilot) == step
            await press(pilot, settle, "enter")
        for step in (5, 4, 3, 2, 1, 1):
            await press(pilot, settle, "backspace")
            assert place(pilot) == step
        assert iteration(pilot) == 0
        assert pilot.app.screen is run_screen(pilot), "no why was opened"


async def test_where_it_is_is_the_same_on_both_screens(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, settle, "enter", "enter", "c")
        assert isinstance(run_screen(pilot), CompareScreen)
        assert place(pilot) == 3
        await press(pilot, settle, "enter", "c")
        assert isinstance(run_screen(pilot), ExploreScreen)
        assert place(pilot) == 4
        await press(pilot, settle, "c", "escape", "c")
        assert place(pilot) is None


@pytest.mark.slow
async def test_side_by_side_it_goes_on_by_itself_too(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, settle, "enter", "enter", "enter", "c", "s")
        assert iteration(pilot) == 1
        assert place(pilot) == 5
        await press(pilot, settle, "S", "z")
        assert place(pilot) == 6


async def test_the_agreement_is_that_of_the_runs(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    async with make_app(tour=True).run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        await press(pilot, settle, *["enter"] * 6, "escape", "c")
        bar = run_screen(pilot).query_one(TourBar)
        assert place(pilot) == 7
        assert "Not the same yet" in " ".join(text_of(bar).split())
        learned, counted = (runner.snapshot for runner in run_screen(pilot)._lineup.runners)
        told = f"count: nll {counted.nll:.4f}. numpy after 0 steps: {learned.nll:.4f}."
        assert told in " ".join(text_of(bar).split())


# What it leaves in sight


@sizes(SMALL, MIDDLE, FLAT)
@pytest.mark.parametrize("compares", [False, *slow(True)])
async def test_it_hides_nothing_that_it_speaks_of(
    make_app: MakeApp, settle: Settle, text_of: TextOf, compares: bool, size: tuple[int, int]
) -> None:
    """Map, legend, cell, table of runs, keys: all there, and the bar just above the footer."""
    async with make_app(tour=True).run_test(size=size) as pilot:
        await settle(pilot)
        if compares:
            await press(pilot, settle, "c")
        screen = run_screen(pilot)
        for step in range(7):
            bar, footer = screen.query_one(TourBar), screen.query_one("KeyFooter")
            assert bar.region.bottom == footer.region.y
            told = STEPS[step].text
            assert told is not None
            others: list[Any] = [Heatmap, Legend, "StatusLine", "KeyFooter"]
            others += ["#runs", "#losses"] if compares else ["RunsBar", Inspector, "#names"]
            for which in others:
                widget = screen.query(which).first()
                assert widget.region.area > 0, which
                assert widget.region in screen.region, which
                assert not widget.region.overlaps(bar.region), which
            heatmap = screen.query(Heatmap).first()
            assert heatmap.size.height >= 4
            lines = text_of(bar).split("\n")
            assert 2 <= len(lines) <= (4 if size == FLAT else 3)
            assert "…" not in "".join(lines)
            assert "enter" in lines[0]
            assert_safe(pilot)
            await press(pilot, settle, "enter", *(["escape"] if step == 5 else []))


async def test_the_cell_under_the_cursor_stays_in_sight(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(tour=True).run_test(size=FLAT) as pilot:
        await settle(pilot)
        await press(pilot, settle, "enter", *["down"] * 30)
        screen = run_screen(pilot)
        assert screen.cursor[0] == 26
        text = screen_text(pilot)
        assert "\nz " in text or "\nyz" in text


@pytest.mark.slow
@sizes(SMALL, MIDDLE, FLAT, (120, 35))
@pytest.mark.parametrize("compares", [False, *slow(True)])
async def test_once_left_the_screen_is_as_if_it_had_never_been(
    make_app: MakeApp, settle: Settle, compares: bool, size: tuple[int, int]
) -> None:
    async def shown(*, tour: bool) -> str:
        async with make_app(tour=tour).run_test(size=size) as pilot:
            await settle(pilot)
            keys = ["c"] if compares else []
            await press(pilot, settle, *keys, *(["enter", "escape"] if tour else []))
            return screen_text(pilot)

    assert await shown(tour=True) == await shown(tour=False)


@pytest.mark.slow
async def test_a_resize_leaves_it_in_place(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(tour=True).run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        for size in (SMALL, FLAT, (30, 10), (200, 60), SMALL):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert place(pilot) == 1
            assert_safe(pilot)
            await press(pilot, settle, "c")
            assert place(pilot) == 1
            assert_safe(pilot)
            await press(pilot, settle, "c")


# What keys mean


@pytest.mark.slow
@pytest.mark.parametrize("keys", [["escape"], ["enter"] * 6 + ["escape", "enter"]], ids=len)
async def test_afterwards_keys_mean_what_they_meant(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, keys: list[str]
) -> None:
    """Left at once, or gone to its end."""
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, settle, *keys)
        assert place(pilot) is None
        assert "enter why" in screen_text(pilot).split("\n")[-1]
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, WhyScreen))
        await press(pilot, settle, "escape", "backspace", "p")
        assert isinstance(pilot.app.focused, Control)
        await press(pilot, settle, "escape")
        assert isinstance(pilot.app.focused, Heatmap)
        assert place(pilot) is None


@pytest.mark.slow
async def test_all_other_keys_work_as_always(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        screen = run_screen(pilot)
        before = screen.cursor
        await press(pilot, settle, "right", "v", "S", "2", "question_mark")
        assert place(pilot) == 1
        assert screen.cursor == (before[0], before[1] + 1)
        assert screen.view_state.view.name == "N"
        assert screen.active == 1
        assert pilot.app.screen is not screen
        await press(pilot, settle, "enter")  # closes the help
        assert pilot.app.screen is screen
        assert place(pilot) == 1
        await press(pilot, settle, "q")
    assert pilot.app.return_code == 0


@pytest.mark.parametrize("compares", [False, *slow(True)])
async def test_what_asks_for_enter_and_escape_gets_them(
    make_app: MakeApp, settle: Settle, compares: bool
) -> None:
    """The prompt and the hyperparameters, before the tour."""
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        if compares:
            await press(pilot, settle, "c")
        await press(pilot, settle, "slash", "q", "x", "backspace", "u", "enter")
        assert place(pilot) == 1
        assert run_screen(pilot).cursor == (17, 21)
        await press(pilot, settle, "slash", "escape", "p", "enter")
        assert isinstance(pilot.app.focused, Input)
        await press(pilot, settle, "1", "2", "enter", "escape")
        assert run_screen(pilot).snapshot.settings["learning_rate"] == 12
        assert isinstance(pilot.app.focused, Heatmap)
        assert place(pilot) == 1
        await press(pilot, settle, "escape")
        assert place(pilot) is None


async def test_the_footer_does_not_say_that_enter_tells_why(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        assert "enter why" not in screen_text(pilot)
        await press(pilot, settle, "escape")
        assert "enter why" in screen_text(pilot)


async def test_a_key_that_the_user_gave_to_another_action_waits_for_the_end(
    make_app: MakeApp, settle: Settle, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """enter steps, but means next until the tour is left; and the tour's keys can be others."""
    folder = tmp_path_factory.mktemp("keys")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    (folder / "bigram-tui").mkdir()
    keymap = folder / "bigram-tui" / "keymap.toml"
    keymap.write_text('step = "enter"\n')
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, settle, "enter")
        assert (place(pilot), iteration(pilot)) == (2, 0)
        await press(pilot, settle, "escape", "enter")
        assert (place(pilot), iteration(pilot)) == (None, 1)
    keymap.write_text('tour-next = "f2"\n')
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, settle, "f2")
        assert place(pilot) == 2


# How it begins


async def test_without_being_asked_for_there_is_none(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await settle(pilot)
        assert place(pilot) is None
        await press(pilot, settle, "c")
        assert place(pilot) is None


@pytest.mark.parametrize("compares", [False, *slow(True)])
async def test_the_palette_starts_it_again(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, compares: bool
) -> None:
    """From its beginning, where there is one run."""
    async with make_app(tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, settle, "enter", "enter", "escape", *(["c"] if compares else []))
        commands = {c.title: c for c in pilot.app.get_system_commands(pilot.app.screen)}
        commands["Tour"].callback()
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExploreScreen))
        await settle(pilot)
        assert place(pilot) == 1
        assert isinstance(pilot.app, BigramApp)
        assert "Theory, with the present numbers" in commands


@pytest.mark.slow
async def test_odd_characters_are_named_safely(
    make_app: MakeApp, settle: Settle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    corpus = tmp_path_factory.mktemp("odd") / "odd.txt"
    corpus.write_text("[red].\x1b[31m\n[/]漢\u202e.\n", "utf-8")
    async with make_app(corpus=corpus, tour=True).run_test(size=SMALL) as pilot:
        await settle(pilot)
        assert "“■” is where lines start and end" in " ".join(screen_text(pilot).split())
        for _ in range(5):
            assert_safe(pilot)
            await press(pilot, settle, "enter")
