"""Nothing is painted again unless it changes: over ssh every line counts."""

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from bigram_tui.tui.render.picture import ColorScale, paint
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.run_screen import RunScreen
from bigram_tui.tui.views import VIEWS
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.hyperparameters import Control
from bigram_tui.tui.widgets.inspector import Inspector
from bigram_tui.tui.widgets.legend import Legend
from bigram_tui.tui.widgets.loss_curve import LossCurve
from bigram_tui.tui.widgets.sample_list import SampleList
from bigram_tui.tui.widgets.status import RunsBar, StatusLine
from tests.tui.conftest import MakeApp, Settle, WaitUntil

SIZE = (120, 40)
FPS = 100
FRAMES = 6

BY_LINE = (Heatmap, Legend, LossCurve)
WHOLE = (Inspector, SampleList, RunsBar, StatusLine, Control)

Painted = list[tuple[str, int]]


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Painted:
    """Whatever is painted, in order: the widget's type and the line, or −1 for all of it."""
    record: Painted = []

    def watch(owner: type[Widget], method: str) -> None:
        original = getattr(owner, method)

        def wrapped(self: Widget, *arguments: int) -> object:
            record.append((owner.__name__, arguments[0] if arguments else -1))
            return original(self, *arguments)

        monkeypatch.setattr(owner, method, wrapped)

    for by_line in BY_LINE:
        watch(by_line, "render_line")
    for whole in WHOLE:
        watch(whole, "render")
    return record


async def frames_pass(pilot: Pilot[None], wait_until: WaitUntil) -> None:
    """Let the screen refresh its view some times, which at rest it would not do by itself."""
    frames: list[None] = []
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)

    def show_frame() -> None:
        screen.refresh_view()
        frames.append(None)

    timer = screen.set_interval(1 / FPS, show_frame)
    await wait_until(pilot, lambda: len(frames) > FRAMES)
    timer.stop()
    await pilot.pause()


async def at_rest(pilot: Pilot[None], settle: Settle, wait_until: WaitUntil) -> None:
    await settle(pilot)
    await frames_pass(pilot, wait_until)


async def test_nothing_is_painted_while_nothing_changes(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, painted: Painted
) -> None:
    async with make_app(steps=3, frames_per_second=FPS).run_test(size=SIZE) as pilot:
        await at_rest(pilot, settle, wait_until)
        assert {name for name, _ in painted} == {owner.__name__ for owner in (*BY_LINE, *WHOLE)}
        painted.clear()
        await frames_pass(pilot, wait_until)
        assert painted == []


async def test_nothing_is_painted_at_rest_in_any_view(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, painted: Painted
) -> None:
    async with make_app(steps=3, frames_per_second=FPS).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("2")
        for _ in VIEWS:
            await at_rest(pilot, settle, wait_until)
            painted.clear()
            await frames_pass(pilot, wait_until)
            assert painted == []
            await pilot.press("v")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "before", "key", "lines"),
    [
        (SIZE, (5, 5), "j", {0, 6, 7}),
        (SIZE, (5, 5), "l", {0, 6}),
        ((80, 24), (6, 5), "j", {0, 4}),
        ((80, 24), (7, 5), "j", {0, 4, 5}),
        ((200, 60), (5, 5), "k", {0, 9, 10, 11, 12}),
    ],
)
async def test_a_move_of_the_cursor_paints_its_lines_alone(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    painted: Painted,
    size: tuple[int, int],
    before: tuple[int, int],
    key: str,
    lines: set[int],
) -> None:
    async with make_app(("count",), frames_per_second=FPS).run_test(size=size) as pilot:
        await settle(pilot)
        assert isinstance(pilot.app.screen, ExploreScreen)
        pilot.app.screen.cursor = before
        await at_rest(pilot, settle, wait_until)
        painted.clear()
        await pilot.press(key)
        await at_rest(pilot, settle, wait_until)
        assert {line for name, line in painted if name == "Heatmap"} == lines
        assert {name for name, _ in painted} == {"Heatmap", "Inspector"}


async def test_only_rows_that_changed_are_painted(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, painted: Painted
) -> None:
    async with make_app(("count",), frames_per_second=FPS).run_test(size=SIZE) as pilot:
        await at_rest(pilot, settle, wait_until)
        heatmap = pilot.app.screen.query_one(Heatmap)
        assert heatmap.picture is not None
        table = np.array(heatmap.picture.table)
        table[3, 4] += 0.2
        table[9, 9] += 1e-9
        painted.clear()
        heatmap.picture = paint(table, ColorScale.ROOT, heatmap.picture.text, most=1.0)
        await pilot.pause()
        assert {line for name, line in painted if name == "Heatmap"} == {4}


async def test_another_scale_leaves_all_but_the_heatmap(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, painted: Painted
) -> None:
    async with make_app(steps=3, frames_per_second=FPS).run_test(size=SIZE) as pilot:
        await at_rest(pilot, settle, wait_until)
        painted.clear()
        await pilot.press("n")
        await at_rest(pilot, settle, wait_until)
        assert {name for name, _ in painted} == {"Heatmap", "Legend"}


async def test_a_step_in_the_background_leaves_the_table(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, painted: Painted
) -> None:
    app = make_app(frames_per_second=FPS)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2")
        await at_rest(pilot, settle, wait_until)
        painted.clear()
        app.runners[0].step(1)
        await at_rest(pilot, settle, wait_until)
        assert {name for name, _ in painted} == {"LossCurve", "RunsBar"}


async def test_at_rest_there_are_no_frames_until_something_happens(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[int] = []
    show_frame = RunScreen.show_frame

    def counted(screen: RunScreen) -> None:
        frames.append(len(frames))
        show_frame(screen)

    monkeypatch.setattr(RunScreen, "show_frame", counted)
    async with make_app(("numpy",), frames_per_second=100).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in ("", "s", "v", "c", "s"):
            if key:
                await pilot.press(key)
                await settle(pilot)
            await pilot.pause(0.5)  # for as many frames as it takes to come to rest
            shown = len(frames)
            await pilot.pause(0.2)
            assert len(frames) == shown, key
            assert shown > 0, key
            frames.clear()
        await pilot.press("space")
        await wait_until(pilot, lambda: len(frames) > 20)  # more than after an action alone
        await pilot.press("space")
