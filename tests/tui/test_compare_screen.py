"""All runs side by side: every key, the mouse, and what is said of runs that go wrong."""

import inspect
import math
import re
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from textual.binding import Binding
from textual.content import Content
from textual.events import MouseDown, MouseEvent, MouseMove, MouseUp
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, OptionList

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.analysis.ordering import ORDERS
from bigram_tui.comparison.difference import objective_of
from bigram_tui.comparison.frame import Frame
from bigram_tui.formatting.numbers import difference
from bigram_tui.model.bigrams import Matrix
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.messages import IterationPointed
from bigram_tui.tui.render.colors import run_color
from bigram_tui.tui.screens.chooser import Chooser
from bigram_tui.tui.screens.compare import CompareScreen
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.help import HelpScreen
from bigram_tui.tui.screens.row import RowScreen
from bigram_tui.tui.views import VIEWS
from bigram_tui.tui.widgets.drawn import Drawn
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.hyperparameters import Control
from bigram_tui.tui.widgets.legend import Legend
from bigram_tui.tui.widgets.loss_curve import LossCurve
from bigram_tui.tui.widgets.maps import MapPane
from bigram_tui.tui.widgets.prompt import Prompt
from bigram_tui.tui.widgets.row_list import RowList
from bigram_tui.tui.widgets.status import RunsBar, StatusLine
from tests.tui.conftest import DEADLINE, MakeApp, Settle, TextOf, WaitUntil, notifications, sizes
from tests.tui.test_explore_screen import ODD_LINES, assert_safe, colors_of, screen_text
from tests.tui.test_plugins_on_screen import write

SIZE = (120, 40)
WIDE = (200, 60)
SMALL = (80, 24)

Shown = Callable[[Pilot[None], type | str], str]


@pytest.fixture
def shown(text_of: TextOf) -> Shown:
    """What stands where a widget is, named by its type or selector."""
    return lambda pilot, widget: text_of(pilot.app.screen.query_one(widget))


def app_of(pilot: Pilot[None]) -> BigramApp:
    assert isinstance(pilot.app, BigramApp)
    return pilot.app


def screen_of(pilot: Pilot[None]) -> CompareScreen:
    screen = pilot.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


def runners(pilot: Pilot[None]) -> tuple[Runner, ...]:
    return app_of(pilot).runners


def names(pilot: Pilot[None]) -> list[str]:
    return [runner.name for runner in runners(pilot)]


def runs(pilot: Pilot[None]) -> list[Snapshot]:
    return [runner.snapshot for runner in runners(pilot)]


def iterations(pilot: Pilot[None]) -> list[int]:
    return [run.iteration for run in runs(pilot)]


def latests(pilot: Pilot[None]) -> list[int]:
    return [run.latest for run in runs(pilot)]


def frame(pilot: Pilot[None]) -> Frame:
    return app_of(pilot).lockstep.frame


def add_runs(app: BigramApp, *wanted: int) -> BigramApp:
    """The app with further runs of some of its backends, by their number."""
    for number in wanted:
        app.lineup.add(app.session.sources[number], after=app.runners[-1])
    return app


async def press(pilot: Pilot[None], settle: Settle, *keys: str) -> None:
    """Press keys, each when the one before has had its effect."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def opened(pilot: Pilot[None], settle: Settle, *keys: str) -> None:
    """Open the screen, then press keys on it."""
    await settle(pilot)
    await press(pilot, settle, "c")
    assert isinstance(pilot.app.screen, CompareScreen)
    await press(pilot, settle, *keys)


def table(pilot: Pilot[None], shown: Shown) -> list[str]:
    """The lines of the table of runs, its titles first."""
    return shown(pilot, "#runs").split("\n")


def cell(lines: list[str], row: int, title: str, which: int = 0) -> str:
    """What stands under a title at the right edge of its column, of several alike under one."""
    end = [match.end() for match in re.finditer(rf"(?<=  ){re.escape(title)}(?=  )", lines[0])]
    return lines[row][: end[which]].rsplit("  ", 1)[-1].strip()


def marked_row(pilot: Pilot[None]) -> int:
    """The row of the table that stands out by its background; 1 is the first below the titles."""
    region = pilot.app.screen.query_one("#runs").region
    strips = pilot.app.screen._compositor.render_strips()[region.y : region.bottom]
    grounds = [
        {s.style.bgcolor for s in strip.crop(2, 40) if s.style is not None} for strip in strips
    ]
    (row,) = [k for k, ground in enumerate(grounds) if ground != grounds[0]]
    return row


def titles_of_maps(pilot: Pilot[None]) -> list[str]:
    panes = [pane for pane in pilot.app.screen.query(MapPane) if pane.display]
    titles = [str(pane.query_one(Heatmap).border_title) for pane in panes]
    return [Content.from_markup(title).plain for title in titles]


def separate(app: BigramApp, iteration: int, **settings: object) -> list[Matrix]:
    """P at the iterations 0 to some one of a run of numpy that nobody else moves."""
    backend = NumpyBackend(**settings)  # type: ignore[arg-type]
    run = Run(backend, app.session.corpus.train, app.session.start_weights)
    tables = [run.snapshot().probabilities]
    for _ in range(iteration):
        run.advance()
        tables.append(run.snapshot().probabilities)
    return [np.array(found) for found in tables]


# Coming and going


async def test_c_brings_all_to_where_the_active_run_is(make_app: MakeApp, settle: Settle) -> None:
    """What can't go so far stays; all go the way from the start together."""
    app = add_runs(make_app(("count", "numpy"), settings={"numpy #2": {"learning_rate": 5.0}}), 1)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, settle, "2", "S", "s")
        assert iterations(pilot) == [0, 11, 0]
        await opened(pilot, settle)
        assert iterations(pilot) == [0, 11, 11]
        assert frame(pilot).position == 11
        assert not frame(pilot).training
        assert screen_of(pilot).active == 1


@pytest.mark.slow
async def test_the_worst_difference_is_that_since_the_first_iteration(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """Though the run that was compared with was there before the others."""
    app = add_runs(make_app(("numpy", "count"), settings={"numpy #2": {"learning_rate": 400.0}}), 0)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await press(pilot, settle, "S", "S")
        await opened(pilot, settle)
        mine, other = separate(app, 20), separate(app, 20, learning_rate=400.0)
        apart = [float(np.abs(a - b).max()) for a, b in zip(mine, other, strict=True)]
        assert difference(max(apart)) != difference(apart[-1]), "or this says nothing"
        lines = table(pilot, shown)
        assert cell(lines, 3, "|ΔP| now") == difference(apart[-1])
        assert cell(lines, 3, "worst") == difference(max(apart))
        counted = runs(pilot)[1].probabilities
        assert counted is not None
        apart = [float(np.abs(a - counted).max()) for a in mine]
        assert cell(lines, 2, "|ΔP| now") == difference(apart[-1])
        assert cell(lines, 2, "worst") == difference(max(apart))
        assert "since" not in shown(pilot, "#runs")


@pytest.mark.slow
async def test_c_loads_all_backends(
    make_app: MakeApp, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In explore, one that is not wanted yet and takes its time is left alone."""
    (tmp_path / "a_module_of_much_weight.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    heavy = tmp_path / "heavy.py"
    source = inspect.getsource(inspect.getmodule(NumpyBackend))  # type: ignore[arg-type]
    heavy.write_text("import a_module_of_much_weight\n" + source, "utf-8")
    app = make_app(("numpy", str(heavy)), wanted=(), steps=4)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert [runner.started for runner in app.runners] == [True, False]
        await opened(pilot, settle)
        assert iterations(pilot) == [4, 4]


@pytest.mark.slow
async def test_from_a_run_that_has_finished_all_come_to_the_latest(
    make_app: MakeApp, settle: Settle
) -> None:
    app = add_runs(make_app(("numpy", "count")), 0)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, settle, "S", "z", "2")
        assert iterations(pilot) == [9, 0, 0]
        await opened(pilot, settle)
        assert iterations(pilot) == [10, 0, 10]


@pytest.mark.slow
async def test_c_stops_a_training_and_begins_none(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    app = add_runs(make_app(), 0)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("A")
        await wait_until(pilot, lambda: min(runs(pilot)[k].iteration for k in (0, 2)) > 3)
        await pilot.press("c")
        await settle(pilot)
        assert not any(run.training for run in runs(pilot))
        assert iterations(pilot)[0] == iterations(pilot)[2] == frame(pilot).position > 3


async def test_c_goes_back_to_the_chosen_run_and_leaves_all_where_they_are(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    app = add_runs(make_app(), 0)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "3", "z", "c")
        assert isinstance(app.screen, ExploreScreen)
        assert app.screen.query_one(RunsBar).active == 2
        assert f"numpy #2 step 9/10  nll {runs(pilot)[2].nll:.4f}" in shown(pilot, RunsBar)
        assert iterations(pilot) == [9, 0, 9]
        for _ in range(2):
            before = [run.model for run in runs(pilot)]
            await press(pilot, settle, "c")
            assert isinstance(app.screen, CompareScreen)
            assert app.screen.active == 2
            assert iterations(pilot) == [9, 0, 9]
            assert latests(pilot) == [10, 0, 10]
            await press(pilot, settle, "c")
            assert iterations(pilot) == [9, 0, 9]
            assert latests(pilot) == [10, 0, 10]
            assert all(a is b for a, b in zip(before, [r.model for r in runs(pilot)], strict=True))
        await press(pilot, settle, "s")
        assert iterations(pilot) == [9, 0, 10], "here it moves alone"


@pytest.mark.slow
async def test_a_training_side_by_side_ends_when_one_leaves(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    app = add_runs(make_app(), 0)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        await pilot.press("space")
        await wait_until(pilot, lambda: frame(pilot).position > 2)
        await pilot.press("c")
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        reached = iterations(pilot)
        assert reached[0] == reached[2] > 2
        await press(pilot, settle, "v")
        assert iterations(pilot) == reached


@pytest.mark.slow
async def test_what_moved_alone_is_followed_by_all_others(
    make_app: MakeApp, settle: Settle
) -> None:
    """Forwards, and back where it went back."""
    app = add_runs(make_app(), 0)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "c", "S", "s")
        assert iterations(pilot) == [21, 0, 10]
        await opened(pilot, settle)
        assert iterations(pilot) == [21, 0, 21]
        await press(pilot, settle, "3", "c", "Z", "Z")
        assert iterations(pilot) == [21, 0, 1]
        await opened(pilot, settle)
        assert iterations(pilot) == [1, 0, 1]
        assert latests(pilot) == [21, 0, 21]


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        ("question_mark", "B", "E", "enter", "M", "L", "ctrl+p"),
        pytest.param(("N", "G", "T", "P", "H", "F"), marks=pytest.mark.slow),
    ],
    ids=["dialogues", "lessons"],
)
async def test_a_dialogue_leaves_the_runs_where_they_are(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, keys: tuple[str, ...]
) -> None:
    """Also one whose run was moved by nobody but the lock-step."""
    app = add_runs(make_app(), 0)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "z", "z")
        before = [run.model for run in runs(pilot)]
        for key in keys:
            await pilot.press(key)
            await wait_until(pilot, lambda: not isinstance(app.screen, CompareScreen), key)
            await settle(pilot)
            await pilot.press("escape")
            await wait_until(pilot, lambda: isinstance(app.screen, CompareScreen), f"back: {key}")
            await settle(pilot)
            assert iterations(pilot) == [8, 0, 8], key
            assert latests(pilot) == [10, 0, 10], key
            assert [run.model for run in runs(pilot)] == before, key


@pytest.mark.slow
async def test_a_training_goes_on_behind_a_dialogue(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        await pilot.press("space", "question_mark")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        reached = frame(pilot).position
        await wait_until(pilot, lambda: frame(pilot).position > reached + 2)
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        assert frame(pilot).training
        await pilot.press("space")
        await settle(pilot)
        assert not frame(pilot).training


# Time


async def test_a_key_steps_all_together(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    app = add_runs(make_app(), 0)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        for key, reached in (("s", 1), ("S", 11), ("x", 111), ("s", 112)):
            await press(pilot, settle, key)
            assert iterations(pilot) == [reached, 0, reached]
            assert f"position {reached}" in shown(pilot, StatusLine)
            assert f" {reached} " in table(pilot, shown)[1]
            assert f" {reached} " in table(pilot, shown)[3]


@pytest.mark.slow
async def test_keys_that_come_fast_go_back_one_after_the_other(
    make_app: MakeApp, settle: Settle
) -> None:
    """As steps add up, before the first of them was taken."""
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        with app_of(pilot).lockstep._wake:  # so that nothing moves before all keys were pressed
            for _ in range(3):
                screen_of(pilot).action_back(1)
        await settle(pilot)
        assert iterations(pilot) == [7, 0]


@pytest.mark.slow
async def test_steps_add_up(make_app: MakeApp, settle: Settle) -> None:
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        await pilot.press("s", "s", "S", "s")
        await settle(pilot)
        assert iterations(pilot) == [13, 0, 13]


async def test_a_key_goes_back_with_all_together(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """At most to the start, from where the same way leads forward again."""
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "s", "s", "s", "s", "s")
        models = {15: [run.weights for run in runs(pilot)]}
        for key, back in (("z", 1), ("Z", 11), ("Z", 15), ("s", 14), ("S", 4)):
            await press(pilot, settle, key)
            assert iterations(pilot) == [15 - back, 0, 15 - back]
            assert latests(pilot) == [15, 0, 15]
            assert f"position {15 - back} of 15" in shown(pilot, StatusLine)
            assert f" {15 - back}/15 " in table(pilot, shown)[1]
        await press(pilot, settle, "s", "s", "s", "s")
        for run, weights in zip(runs(pilot), models[15], strict=True):
            assert np.array_equal(run.weights, weights)  # type: ignore[arg-type]


@pytest.mark.slow
async def test_back_from_the_first_iteration_only_says_so(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "z", "Z")
        assert notifications(pilot) == ["all are at step 0, the start"] * 2
        assert iterations(pilot) == [0, 0]


async def test_space_runs_all_and_pauses_all(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil
) -> None:
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        await pilot.press("space")
        await wait_until(pilot, lambda: frame(pilot).training and frame(pilot).position > 2)
        await wait_until(pilot, lambda: "▶" in shown(pilot, StatusLine))
        await pilot.press("space")
        await settle(pilot)
        assert not frame(pilot).training
        reached = frame(pilot).position
        assert iterations(pilot) == [reached, 0, reached]
        assert "▶" not in shown(pilot, StatusLine)


async def test_a_pace_is_told_and_changes_a_training(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        await pilot.press("comma", "comma", "comma", "space")
        await wait_until(pilot, lambda: frame(pilot).training)
        for _ in range(6):
            await pilot.press("full_stop")
        await wait_until(pilot, lambda: frame(pilot).position > 100)
        assert frame(pilot).training
        await pilot.press("space")
        await settle(pilot)
        told = [re.search(r"[\d,]+(?= step)|full", note) for note in notifications(pilot)]
        paces = [
            math.inf if found[0] == "full" else float(found[0].replace(",", ""))
            for found in told
            if found
        ]
        assert len(paces) == 9
        assert paces[:3] == sorted(paces[:3], reverse=True)
        assert paces[3:] == sorted(paces[3:])
        assert (paces[2], paces[-1]) == (1, math.inf)


async def test_reset_begins_again_with_all(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        first, picture = [run.weights for run in runs(pilot)], screen_text(pilot)
        await press(pilot, settle, "S", "r")
        assert (iterations(pilot), latests(pilot)) == ([0, 0, 0], [0, 0, 0])
        for run, weights in zip(runs(pilot), first, strict=True):
            assert np.array_equal(run.weights, weights)  # type: ignore[arg-type]
        assert screen_text(pilot) == picture


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
async def test_keys_say_so_where_no_run_can_go_on(make_app: MakeApp, settle: Settle) -> None:
    app = make_app(settings={"numpy": {"learning_rate": 1e5, "l2": 1000}})
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "x")
        assert [run.status for run in runs(pilot)] == [Status.DIVERGED, Status.FINISHED]
        assert notifications(pilot) == []
        reached = iterations(pilot)
        for count, key in enumerate(("s", "S", "x", "space"), 1):
            await press(pilot, settle, key)
            assert notifications(pilot) == ["no run can go on: z goes back, r begins again"] * count
            assert iterations(pilot) == reached
        await press(pilot, settle, "z", "s")
        assert len(notifications(pilot)) == 4


async def test_brackets_go_along_the_timeline_by_columns_of_the_plot(
    make_app: MakeApp, settle: Settle
) -> None:
    """By one iteration where columns are more; never beyond either end."""
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        await press(pilot, settle, "left_square_bracket", "left_square_bracket")
        assert iterations(pilot) == [8, 0, 8]
        await press(pilot, settle, *["right_square_bracket"] * 3)
        assert iterations(pilot) == [10, 0, 10]
        assert latests(pilot) == [10, 0, 10]
        await press(pilot, settle, *["x"] * 3)
        width = pilot.app.screen.query_one(LossCurve).size.width
        await press(pilot, settle, "left_square_bracket")
        step = 310 - frame(pilot).position
        assert 310 / width - 1 < step < 2 * 310 / width
        await press(pilot, settle, "home", "left_square_bracket")
        assert iterations(pilot) == [0, 0, 0]
        await press(pilot, settle, "right_square_bracket")
        assert iterations(pilot) == [step, 0, step]


async def test_home_and_end_go_to_the_ends_of_the_timeline(
    make_app: MakeApp, settle: Settle
) -> None:
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        await press(pilot, settle, "home")
        assert iterations(pilot) == [0, 0, 0]
        await press(pilot, settle, "2", "end")
        assert iterations(pilot) == [10, 0, 10], "the longest of all, whichever is chosen"
        assert latests(pilot) == [10, 0, 10]


@pytest.mark.slow
async def test_seeking_stops_a_training(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        await pilot.press("space")
        await wait_until(pilot, lambda: frame(pilot).position > 3)
        await pilot.press("home")
        await settle(pilot)
        assert iterations(pilot) == [0, 0]
        assert not frame(pilot).training


async def drag(pilot: Pilot[None], kind: type[MouseEvent], x: int, button: int = 1) -> None:
    """One event of the mouse in the middle of a column of the plot."""
    plot = pilot.app.screen.query_one(LossCurve)
    await pilot._post_mouse_events([kind], plot, (x, plot.size.height // 2), button=button)


def ruled(pilot: Pilot[None], shown: Shown) -> set[int]:
    """The columns of the plot in which the marker stands."""
    lines = shown(pilot, LossCurve).split("\n")
    return {column for line in lines for column, sign in enumerate(line) if sign == "│"}


async def test_the_mouse_is_pressed_and_dragged_along_the_plot(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """All go where it is: to the iteration whose column that is."""
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "x", "x", "x")
        plot = pilot.app.screen.query_one(LossCurve)
        left, right = plot.region.x + len("3.00 "), plot.region.right - 1
        assert shown(pilot, LossCurve).split("\n")[-1].index("0") == left - plot.region.x
        width = right - left
        for kind, column in ((MouseDown, width // 2), (MouseMove, width // 3), (MouseMove, 4)):
            await drag(pilot, kind, len("3.00 ") + column)
            await settle(pilot)
            position = frame(pilot).position
            assert iterations(pilot) == [position, 0, position]
            assert position == pytest.approx(300 * column / width, abs=300 / width)
            assert ruled(pilot, shown) == {len("3.00 ") + column}
        await drag(pilot, MouseUp, 40)
        for hovered in (10, 30):
            await drag(pilot, MouseMove, hovered, button=0)
        await settle(pilot)
        assert frame(pilot).position == position, "not pressed"
        await drag(pilot, MouseDown, 1)
        await settle(pilot)
        assert frame(pilot).position == position, "left of the axis"
        for column, end in ((len("3.00 "), 0), (plot.size.width - 1, 300)):
            await drag(pilot, MouseDown, column)
            await settle(pilot)
            assert iterations(pilot) == [end, 0, end]
        assert latests(pilot) == [300, 0, 300]


async def test_capital_y_makes_the_axis_of_iterations_logarithmic(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """The mouse too goes by what is drawn, and explore shows the same axis."""
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "x")
        plot, pane = pilot.app.screen.query_one(LossCurve), pilot.app.screen.query_one("#losses")
        linear = shown(pilot, LossCurve)
        await press(pilot, settle, "Y")
        assert shown(pilot, LossCurve) != linear
        assert "log x" in str(pane.border_title)
        left = len("3.00 ")
        column = left + (plot.size.width - left) // 2
        await drag(pilot, MouseDown, column)
        await settle(pilot)
        assert 6 < frame(pilot).position < 14, "about the root of 100"
        assert ruled(pilot, shown) <= {column - 1, column, column + 1}
        await press(pilot, settle, "c")
        assert "log x" in str(pilot.app.screen.query_one(LossCurve).border_title)
        await press(pilot, settle, "c", "end", "Y")
        assert shown(pilot, LossCurve) == linear
        assert "log x" not in str(pane.border_title)


async def test_y_makes_the_axis_of_losses_logarithmic(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """In explore too; what spans many powers of ten has it anyway."""
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "x")
        pane = pilot.app.screen.query_one("#losses")
        linear = shown(pilot, LossCurve)
        await press(pilot, settle, "y")
        assert "log y" in str(pane.border_title)
        assert shown(pilot, LossCurve) != linear
        await press(pilot, settle, "c")
        assert "log y" in str(pilot.app.screen.query_one(LossCurve).border_title)
        await press(pilot, settle, "c", "y")
        assert shown(pilot, LossCurve) == linear
        await press(pilot, settle, "o", "o", "o")
        assert "log y" in str(pane.border_title)


@pytest.mark.slow
async def test_the_colour_of_a_run_stays_with_it(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """Wherever it is moved, and whatever goes."""

    def color(row: int) -> str:
        region = pilot.app.screen.query_one("#runs").region
        strip = pilot.app.screen._compositor.render_strips()[region.y + row]
        (style,) = {s.style for s in strip.crop(3, 5)}
        assert style is not None
        assert style.color is not None
        return style.color.get_truecolor().hex

    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        colors = dict(zip(names(pilot), map(color, (1, 2, 3)), strict=True))
        assert len(set(colors.values())) == 3
        assert color(1) == run_color(0, True).get_truecolor().hex
        await press(pilot, settle, "J", "J")
        assert [color(row) for row in (1, 2, 3)] == [colors[name] for name in names(pilot)]
        await press(pilot, settle, "1", "D")
        assert [color(row) for row in (1, 2)] == [colors[name] for name in names(pilot)]
        await press(pilot, settle, "c")
        assert {colors["numpy"], colors["numpy #2"]} <= colors_of(pilot, RunsBar)
        assert colors["count"] not in colors_of(pilot, RunsBar)


# Which run


async def test_a_key_chooses_a_run(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "s")
        for key, active in (("2", 1), ("1", 0), ("3", 2), ("b", 0), ("b", 1), ("b", 2), ("b", 0)):
            await press(pilot, settle, key)
            assert screen_of(pilot).active == active
            assert marked_row(pilot) == active + 1
        assert iterations(pilot) == [1, 0, 1], "to choose moves nothing"


async def test_a_number_without_a_run_only_says_how_many_there_are(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await opened(pilot, settle)
        for count, key in enumerate(["3", "4", "5", "6", "7", "8", "9"], 1):
            await press(pilot, settle, key)
            assert notifications(pilot) == ["there are 2 runs"] * count
            assert screen_of(pilot).active == 0


@pytest.mark.slow
async def test_a_click_on_a_row_chooses_its_run(make_app: MakeApp, settle: Settle) -> None:
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        for row in (3, 2, 1):
            await pilot.click("#runs", (4, row))
            await settle(pilot)
            assert screen_of(pilot).active == row - 1
            assert marked_row(pilot) == row
        await pilot.click("#runs", (4, 0))
        await settle(pilot)
        assert screen_of(pilot).active == 0, "titles are no run"
        for pane in ("#beside", "#cell"):
            await pilot.click(pane, (4, 3))
            await settle(pilot)
            assert screen_of(pilot).active == 0, "other panes are no table of runs"


@pytest.mark.slow
async def test_eight_runs_scroll_with_the_active_one_in_sight(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """A click counts from the first row that is shown."""
    async with add_runs(make_app(), *[0] * 6).run_test(size=SMALL) as pilot:
        await opened(pilot, settle)
        tops = []
        for number in (*range(1, 9), 5, 1):
            await press(pilot, settle, str(number))
            lines = table(pilot, shown)
            listed = [int(line.split()[0]) for line in lines[1:]]
            assert len(lines) == 5
            assert number in listed
            assert listed == list(range(listed[0], listed[0] + 4))
            assert lines[marked_row(pilot)].split()[0] == str(number)
            tops.append(listed[0])
        assert (min(tops), max(tops)) == (1, 5)
        await press(pilot, settle, "8")
        await pilot.click("#runs", (4, 2))
        await settle(pilot)
        assert screen_of(pilot).active == 5
        assert table(pilot, shown)[marked_row(pilot)].split()[0] == "6"


@pytest.mark.slow
async def test_nine_runs_all_have_a_row_where_there_is_room(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with add_runs(make_app(), *[0] * 7).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "9")
        assert [line.split()[0] for line in table(pilot, shown)[1:]] == list("123456789")
        assert marked_row(pilot) == 9


async def test_capital_r_makes_the_chosen_run_the_reference(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """All are held against it from here on, and at once."""
    app = add_runs(make_app(settings={"numpy #2": {"learning_rate": 5.0}}), 0)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S", "s", "s")
        assert "◎" in table(pilot, shown)[1]
        before = cell(table(pilot, shown), 2, "|ΔP| now")
        await press(pilot, settle, "3", "R")
        lines = table(pilot, shown)
        assert ["◎" in line for line in lines[1:]] == [False, False, True]
        assert "the reference" in lines[3]
        tables = [run.probabilities for run in runs(pilot)]
        assert tables[0] is not None
        assert tables[1] is not None
        assert tables[2] is not None
        for row, own in ((1, tables[0]), (2, tables[1])):
            assert cell(lines, row, "|ΔP| now") == difference(float(np.abs(own - tables[2]).max()))
        assert cell(lines, 2, "|ΔP| now") != before
        assert cell(lines, 3, "|ΔP| now") == ""
        assert iterations(pilot) == [12, 0, 12]


async def test_capital_c_copies_the_chosen_run_as_it_is_now(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """Beside it and chosen; from the start on it goes the same way."""
    app = make_app(("numpy", "count"), settings={"numpy": {"learning_rate": 7.0, "l2": 0.1}})
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "p", "right", "escape", "S", "s", "C")
        assert names(pilot) == ["numpy", "numpy #2", "count"]
        assert screen_of(pilot).active == 1
        assert iterations(pilot) == [11, 11, 0]
        assert runs(pilot)[1].settings == {"learning_rate": 10.0, "l2": 0.1}
        lines = table(pilot, shown)
        assert "agree exactly" in lines[2]
        assert "since" not in lines[2]
        assert cell(lines, 2, "worst") == "0"
        assert "numpy #2" in notifications(pilot)[-1]
        await press(pilot, settle, "3", "C")
        assert names(pilot) == ["numpy", "numpy #2", "count", "count #2"]
        assert screen_of(pilot).active == 3


async def test_capital_b_adds_a_run_of_a_backend(make_app: MakeApp, settle: Settle) -> None:
    """With the values that the program was started with, after the chosen one."""
    app = make_app(("numpy", "count"), settings={"numpy": {"learning_rate": 7.0}})
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "p", "right", "escape", "B")
        assert isinstance(app.screen, Chooser)
        options = app.screen.query_one(OptionList)
        assert [str(o.prompt).split()[0] for o in options.options] == ["numpy", "count"]
        await press(pilot, settle, "enter")
        assert names(pilot) == ["numpy", "numpy #2", "count"]
        assert [run.settings.get("learning_rate") for run in runs(pilot)] == [10.0, 7.0, None]
        assert iterations(pilot) == [10, 10, 0]
        assert screen_of(pilot).active == 1
        await press(pilot, settle, "1", "B", "down", "enter")
        assert names(pilot) == ["numpy", "count #2", "numpy #2", "count"]
        assert screen_of(pilot).active == 1
        await press(pilot, settle, "B")
        await press(pilot, settle, "escape")
        assert len(names(pilot)) == 4


@pytest.mark.slow
async def test_each_backend_can_be_added_once_however_many_runs_it_has(
    make_app: MakeApp, settle: Settle
) -> None:
    source = choose(["numpy"])[0]
    app = make_app(("numpy", "count"))
    sources = (*app.session.sources, source.alias("slow"), source.alias("fast"))
    vars(app.session)["sources"] = sources
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "B")
        options = app.screen.query_one(OptionList)
        assert [str(o.prompt).split()[0] for o in options.options] == ["numpy", "count"]
        await press(pilot, settle, "escape")


async def test_capital_d_removes_the_chosen_run(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """Its neighbour is then chosen; the others go on."""
    async with add_runs(make_app(), 0, 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "3")
        gone = runners(pilot)[2]
        await press(pilot, settle, "D")
        assert names(pilot) == ["numpy", "count", "numpy #3"]
        assert screen_of(pilot).active == 2
        assert "numpy #2" not in screen_text(pilot)
        gone.join(10)
        assert gone._thread is not None
        assert not gone._thread.is_alive()
        await press(pilot, settle, "D")
        assert screen_of(pilot).active == 1
        await press(pilot, settle, "s")
        assert iterations(pilot) == [11, 0]
        assert len(table(pilot, shown)) == 3


@pytest.mark.slow
async def test_when_the_reference_goes_the_first_run_takes_its_place(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with add_runs(make_app(), 0).run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S", "D")
        assert names(pilot) == ["count", "numpy #2"]
        lines = table(pilot, shown)
        assert ["◎" in line for line in lines[1:]] == [True, False]
        tables = [run.probabilities for run in runs(pilot)]
        assert tables[0] is not None
        assert tables[1] is not None
        apart = float(np.abs(tables[0] - tables[1]).max())
        assert cell(lines, 2, "|ΔP| now") == difference(apart)
        await press(pilot, settle, "s", "z")
        assert iterations(pilot) == [0, 10]


@pytest.mark.slow
async def test_the_only_run_stays_and_that_is_said(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(("numpy",)).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "D")
        assert notifications(pilot) == ["numpy can't be removed: it is the only run"]
        await press(pilot, settle, "s")
        assert iterations(pilot) == [1]
        await press(pilot, settle, "C", "D")
        assert names(pilot) == ["numpy"]


async def test_a_key_moves_the_chosen_run_along_the_list(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """At most to its ends; it stays chosen, and nothing else changes."""
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        orders = [
            ("J", ["count", "numpy", "numpy #2"]),
            ("J", ["count", "numpy #2", "numpy"]),
            ("J", ["count", "numpy #2", "numpy"]),
            ("K", ["count", "numpy", "numpy #2"]),
            ("K", ["numpy", "count", "numpy #2"]),
            ("K", ["numpy", "count", "numpy #2"]),
        ]
        for key, order in orders:
            await press(pilot, settle, key)
            assert names(pilot) == order
            rows = [line.split("━━ ")[1].split("  ")[0] for line in table(pilot, shown)[1:]]
            assert rows == [name if name != "numpy" else "numpy ◎" for name in order]
            assert marked_row(pilot) == order.index("numpy") + 1
            assert sorted(iterations(pilot)) == [0, 10, 10]


@pytest.mark.slow
async def test_changes_of_the_list_show_in_explore_too(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "C", "K", "c")
        entries = shown(pilot, RunsBar)
        assert entries.index("numpy #2") < entries.index("count")
        assert pilot.app.screen.query_one(RunsBar).active == 0
        await press(pilot, settle, "c", "D", "c")
        assert "numpy #2" not in shown(pilot, RunsBar)


# Hyperparameters


async def test_p_changes_the_hyperparameters_of_the_chosen_run_alone(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        app = pilot.app
        await opened(pilot, settle, "S", "3")
        tuning = app.screen.query_one("#tuning")
        assert not tuning.display
        await press(pilot, settle, "p")
        assert tuning.display
        assert "numpy #2" in str(tuning.border_title)
        assert isinstance(app.focused, Control)
        assert app.focused.parameter.name == "learning_rate"
        await press(pilot, settle, "right", "right", "left")
        assert [run.settings.get("learning_rate") for run in runs(pilot)] == [50, None, 100]
        assert "‹ 100 ›" in shown(pilot, "#tuning")
        await press(pilot, settle, "down", "left")
        assert [run.settings.get("l2") for run in runs(pilot)] == [0.01, None, 0.005]
        assert runs(pilot)[2].changes == (10,)
        assert iterations(pilot) == [10, 0, 10]
        await press(pilot, settle, "p", "h")
        assert [run.settings.get("learning_rate") for run in runs(pilot)] == [50, None, 50]
        await press(pilot, settle, "escape")
        assert not tuning.display
        assert not isinstance(app.focused, Control)
        await press(pilot, settle, "s", "left")
        assert iterations(pilot) == [11, 0, 11]
        assert [run.settings.get("learning_rate") for run in runs(pilot)] == [50, None, 50]


@pytest.mark.slow
async def test_a_change_in_the_past_forks_that_run_alone(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with add_runs(make_app(), 0).run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S", "S", "Z", "3", "p", "left", "escape")
        assert latests(pilot) == [20, 0, 10]
        assert iterations(pilot) == [10, 0, 10]
        assert "agree exactly" in table(pilot, shown)[3], "up to here it went the same way"
        await press(pilot, settle, "S")
        assert iterations(pilot) == [20, 0, 20]
        mine, other = separate(app_of(pilot), 20)[20], runs(pilot)[2].probabilities
        assert other is not None
        apart = float(np.abs(mine - other).max())
        assert apart > 1e-3
        assert cell(table(pilot, shown), 3, "|ΔP| now") == difference(apart)


@pytest.mark.slow
async def test_a_value_is_typed_and_a_wrong_one_is_complained_about(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "2", "p", "enter")
        assert "smoothing" in shown(pilot, Prompt)
        before = runs(pilot)[1].probabilities
        pilot.app.screen.query_one(Input).value = "-1"
        await press(pilot, settle, "enter")
        assert "smoothing is at least 0" in screen_text(pilot)
        pilot.app.screen.query_one(Input).value = "30"
        await press(pilot, settle, "enter")
        assert isinstance(pilot.app.focused, Control), "where one came from"
        assert runs(pilot)[1].settings == {"smoothing": 30.0}
        counted = runs(pilot)[1].probabilities
        assert counted is not None
        assert before is not None
        tables = separate(app_of(pilot), 0)[0], counted
        apart = float(np.abs(tables[0] - tables[1]).max())
        assert apart != float(np.abs(tables[0] - before).max())
        assert cell(table(pilot, shown), 2, "|ΔP| now") == difference(apart)
        assert cell(table(pilot, shown), 2, "worst") == difference(apart)


@pytest.mark.slow
async def test_the_worst_of_a_finished_run_begins_anew_when_it_is_changed(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """Its one model is that of all iterations, so it was another at all of them."""
    async with make_app(settings={"count": {"smoothing": 1000.0}}).run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S", "2", "p", "enter")
        pilot.app.screen.query_one(Input).value = "1"
        await press(pilot, settle, "enter", "escape")
        counted = runs(pilot)[1].probabilities
        assert counted is not None
        distances = [float(np.abs(t - counted).max()) for t in separate(app_of(pilot), 10)]
        lines = table(pilot, shown)
        assert cell(lines, 2, "|ΔP| now") == difference(distances[-1])
        assert cell(lines, 2, "worst") in {difference(max(distances)), difference(distances[-1])}


@pytest.mark.slow
async def test_a_change_takes_effect_while_all_train(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with add_runs(make_app(), 0).run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        await pilot.press("space")
        await wait_until(pilot, lambda: frame(pilot).position > 3)
        await pilot.press("p", "right", "escape")
        await wait_until(pilot, lambda: runs(pilot)[0].settings["learning_rate"] == 100)
        changed = runs(pilot)[0].changes[-1]
        assert changed > 0
        await wait_until(pilot, lambda: frame(pilot).position > changed + 3)
        assert frame(pilot).training
        await pilot.press("space")
        await settle(pilot)
        assert iterations(pilot)[0] == iterations(pilot)[2]


# What is looked at


async def test_m_shows_all_maps_or_two_and_their_difference(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """The reference and the chosen run, or another one where the chosen one is the reference."""
    app = add_runs(make_app(settings={"numpy #2": {"learning_rate": 5.0}}), 0)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S")
        order = "order: code point"
        titles = [
            f"━━ {name}  {VIEWS[0].title}  {order}" for name in ("numpy", "count", "numpy #2")
        ]
        assert titles_of_maps(pilot) == titles
        await press(pilot, settle, "m", "3")
        a, b = runs(pilot)[0].probabilities, runs(pilot)[2].probabilities
        assert a is not None
        assert b is not None
        most = difference(float(np.abs(a - b).max()))
        assert titles_of_maps(pilot) == [
            titles[0],
            titles[2],
            f"numpy − numpy #2  max {most}  {order}",
        ]
        pictures = [heatmap.picture for heatmap in app.screen.query(Heatmap)][:3]
        for picture, expected in zip(pictures, (a, b, a - b), strict=True):
            assert picture is not None
            assert np.array_equal(np.asarray(picture.table), expected)
        limits = [picture.limit for picture in pictures if picture is not None]
        assert limits[0] == limits[1]
        await press(pilot, settle, "1")
        assert titles_of_maps(pilot)[:2] == titles[:2]
        assert titles_of_maps(pilot)[2].startswith("numpy − count  max ")
        await press(pilot, settle, "m")
        assert titles_of_maps(pilot) == titles
        assert [note.startswith("maps: ") for note in notifications(pilot)] == [True] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "titles"),
    [(SMALL, ["numpy − count"]), (SIZE, ["━━ numpy", "━━ count", "numpy − count"])],
    ids=["80x24", "120x40"],
)
async def test_the_difference_is_the_last_map_to_give_way(
    make_app: MakeApp, settle: Settle, size: tuple[int, int], titles: list[str]
) -> None:
    async with make_app().run_test(size=size) as pilot:
        await opened(pilot, settle, "S", "m")
        assert [title.split("  ")[0] for title in titles_of_maps(pilot)] == titles


@pytest.mark.slow
async def test_alone_a_run_has_nothing_to_differ_from(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(("numpy",)).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "m")
        assert titles_of_maps(pilot) == [f"━━ numpy  {VIEWS[0].title}"]


@pytest.mark.slow
async def test_the_maps_of_all_have_one_scale(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    app = add_runs(make_app(settings={"numpy #2": {"learning_rate": 1.0}}), 0)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "x", "v", "v")
        legends = [text_of(pane.query_one(Legend)) for pane in list(app.screen.query(MapPane))[:3]]
        assert legends[1].strip() == "", "counting has no weights"
        assert legends[0] == legends[2]
        pictures = [heatmap.picture for heatmap in app.screen.query(Heatmap)][:3]
        assert [picture is None for picture in pictures] == [False, True, False]
        weights = runs(pilot)[0].weights
        assert weights is not None
        assert pictures[0] is not None
        assert pictures[2] is not None
        assert pictures[0].limit == pictures[2].limit >= float(np.abs(weights).max())


async def test_v_shows_another_table_of_all_and_says_who_has_none(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "s")
        seen = []
        for _ in range(5):
            seen.append(titles_of_maps(pilot))
            second = list(pilot.app.screen.query(Heatmap))[1]
            told = text_of(second)
            assert ("the same for all" in told) == (len(seen) == 2)
            assert ("count has no weights" in told) == (len(seen) == 3)
            assert ("count has no gradient" in told) == (len(seen) == 4)
            await press(pilot, settle, "v")
        for titles, view in zip(seen, (*VIEWS, VIEWS[0]), strict=True):
            assert view.title in titles[0]
            assert ("numpy" in titles[0]) == (view.name != "N")
        assert seen[4] == seen[0]


async def test_n_changes_the_scale_of_the_maps(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    """Of this view alone, and in explore too."""
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        legends = []
        for _ in range(4):
            legends.append(text_of(pilot.app.screen.query(Legend).first()))
            await press(pilot, settle, "n")
        assert legends[3] == legends[0]
        assert len(set(legends)) == 3
        await press(pilot, settle, "c")
        assert "log scale" in str(pilot.app.screen.query_one(Heatmap).border_title)


@pytest.mark.slow
async def test_plus_and_minus_change_the_size_of_the_cells_of_all_maps(
    make_app: MakeApp, settle: Settle
) -> None:
    """As many maps stand beside each other as there is room for."""
    async with add_runs(make_app(), 0).run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "minus", "minus", "minus")
        seen = []
        for key in ("", "plus", "plus", "equals_sign", "plus", "minus", "minus", "minus", "minus"):
            if key:
                await press(pilot, settle, key)
            panes = [pane for pane in pilot.app.screen.query(MapPane) if pane.display]
            (form,) = {pane.query_one(Heatmap).form.name for pane in panes}
            seen.append((form, len(panes)))
            assert all(pilot.app.screen.region.contains_region(pane.region) for pane in panes)
        assert seen == [
            ("half", 3), ("small", 3), ("medium", 2), ("large", 2), ("large", 2),
            ("medium", 2), ("small", 3), ("half", 3), ("half", 3),
        ]  # fmt: skip


@pytest.mark.slow
async def test_where_there_is_room_for_one_map_it_is_that_of_the_chosen_run(
    make_app: MakeApp, settle: Settle
) -> None:
    async with add_runs(make_app(), 0).run_test(size=SMALL) as pilot:
        await opened(pilot, settle)
        for key, title in (("1", "numpy"), ("2", "count"), ("3", "numpy #2")):
            await press(pilot, settle, key)
            assert titles_of_maps(pilot) == [f"━━ {title}  {VIEWS[0].title}"]


async def test_g_samples_other_names_for_all(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """The reference draws those that explore shows of it."""
    app = make_app(("count", "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        drawn = []
        for draw in range(2):
            assert ("draw 2" in shown(pilot, "#beside")) == (draw == 1)
            table = runs(pilot)[0].probabilities
            assert table is not None
            expected = [name.text for name in app.session.sample(table, 3, draw)]
            lines = shown(pilot, "#beside").split("\n")[2:5]
            drawn.append([line.split()[1].strip("•…") for line in lines])
            assert all(
                name.startswith(found) for name, found in zip(expected, drawn[-1], strict=True)
            )
            await press(pilot, settle, "g")
        assert drawn[0] != drawn[1]


MOVES = {
    "up": (-1, 0), "k": (-1, 0), "down": (1, 0), "j": (1, 0),
    "left": (0, -1), "h": (0, -1), "right": (0, 1), "l": (0, 1),
}  # fmt: skip


async def test_a_key_moves_the_cursor_of_all_maps(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """The cell is told of all runs, and explore has the same cursor."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        labels = app.session.corpus.train.vocabulary.labels
        for key in ["up", "down", "left", "right", "h", "j", "k", "l"]:
            screen_of(pilot).cursor = (13, 13)
            await press(pilot, settle, key)
            row, column = 13 + MOVES[key][0], 13 + MOVES[key][1]
            cursors = [heatmap.cursor for heatmap in app.screen.query(Heatmap)]
            assert set(cursors[:2]) == {(row, column)}
            assert f"{labels[row]}{labels[column]}  N " in shown(pilot, "#cell")
            for run in runs(pilot):
                assert run.probabilities is not None
                value = run.probabilities[row, column]
                text = f"{value:.4f}" if value >= 0.001 else f"{value:.2e}"
                assert text in shown(pilot, "#cell")
        await press(pilot, settle, "c")
        assert app.screen.query_one(Heatmap).cursor == (row, column)


@pytest.mark.slow
async def test_the_mouse_moves_the_cursor_of_all_maps(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        first, second = list(pilot.app.screen.query(Heatmap))[:2]
        assert first.form.name == "half"
        await pilot.hover(second, (3 + 7, 2 + 2))
        await settle(pilot)
        assert first.cursor == second.cursor == (4, 7)


async def test_slash_jumps_to_a_bigram(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "slash", "q", "u", "enter")
        assert shown(pilot, "#cell").split("\n")[1].startswith("qu  N ")
        assert not pilot.app.screen.query_one(Prompt).display
        await press(pilot, settle, "slash", "7", "enter")
        assert "'7' is not in the text" in screen_text(pilot)
        await press(pilot, settle, "escape", "s")
        assert iterations(pilot) == [1, 0]


async def test_capital_o_shows_all_maps_in_another_order(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, text_of: TextOf
) -> None:
    """It stays when one goes on to a single run, and back."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        bigrams, cursor = app.session.corpus.train, screen_of(pilot).cursor
        maps = [pane for pane in pilot.app.screen.query(MapPane) if pane.display]
        for name in ("frequency", "similarity"):
            await pilot.press("O")
            await wait_until(pilot, lambda name=name: all(name in t for t in titles_of_maps(pilot)))
            await settle(pilot)
            order = ORDERS[name](bigrams)
            written = "".join(bigrams.vocabulary.labels[token] for token in order)
            for pane in maps:
                assert text_of(pane.query_one(Heatmap)).split("\n")[1].split() == [written]
            assert screen_of(pilot).cursor == cursor
        await press(pilot, settle, "c")
        assert "order: similarity" in str(pilot.app.screen.query_one(Heatmap).border_title)
        await press(pilot, settle, "c", "m")
        assert all("similarity" in title for title in titles_of_maps(pilot))
        await pilot.press("O")
        await wait_until(pilot, lambda: not any("similarity" in t for t in titles_of_maps(pilot)))


async def test_d_lists_a_row_of_the_chosen_run(make_app: MakeApp, settle: Settle) -> None:
    """As it is where all are, and enter goes to one of its cells."""
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "Z", "1", "d")
        assert isinstance(pilot.app.screen, RowScreen)
        rows = pilot.app.screen.query_one(RowList)
        assert "numpy at step 0" in str(rows.border_title)
        await press(pilot, settle, "end", "enter")
        table = runs(pilot)[0].probabilities
        assert table is not None
        row, column = screen_of(pilot).cursor
        assert table[row, column] == table[row].min()


async def test_o_plots_one_kind_after_the_other(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil
) -> None:
    """What it shows where all are stands above it, and leads to the last digits of the table."""
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "Z", "s", "s", "s")
        pane = pilot.app.screen.query_one("#losses")
        numpy, count = runs(pilot)
        assert (numpy.iteration, numpy.latest) == (3, 10)
        titles, plots = [], []
        for _ in range(5):
            if "gap" in str(pane.border_title):
                await wait_until(pilot, lambda: "numpy" in shown(pilot, "#values"))
                await settle(pilot)
            titles.append(str(pane.border_title))
            plots.append((shown(pilot, "#values").strip(), shown(pilot, LossCurve)))
            await press(pilot, settle, "o")
        assert plots[0][0] == f"━ numpy {numpy.nll:.6f}  ━ count {count.nll:.6f}"
        assert plots[1][0] == f"━ numpy {numpy.total:.6f}  ━ count {count.total:.6f}"
        assert plots[3][0] == f"━ count {difference(abs(numpy.nll - count.nll))}"
        assert [title.split()[0] for title in titles] == ["nll", "total", "gap", "|Δnll|", "nll"]
        assert "best total" in titles[2]
        assert "numpy" in titles[3], "the reference"
        assert ["log y" in title for title in titles] == [False, False, True, True, False]
        assert len(set(plots[:4])) == 4
        assert plots[4] == plots[0]


@pytest.mark.slow
async def test_the_plot_above_the_optimum_says_what_is_never_attained(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil
) -> None:
    app = make_app(settings={"numpy": {"l2": 0.0}})
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S", "o")
        assert "never reaches" not in screen_text(pilot)
        await press(pilot, settle, "o")
        await wait_until(pilot, lambda: "numpy never reaches its" in shown(pilot, "#values"))
        counts = app.session.corpus.train.counts
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        seen = counts > 0
        least = -float((counts[seen] * np.log(shares[seen])).sum() / counts.sum())
        text = " ".join(shown(pilot, "#values").split())
        assert f"numpy never reaches its {least:.6f}: with λ = 0 a bigram that never occurs" in text
        assert f"━ numpy {difference(runs(pilot)[0].nll - least)}" in text
        await press(pilot, settle, "o")
        assert "never reaches" not in screen_text(pilot)


@sizes(SMALL, SIZE, WIDE)
async def test_i_shows_the_columns_for_which_there_was_no_room(
    make_app: MakeApp, settle: Settle, shown: Shown, size: tuple[int, int]
) -> None:
    """Page by page until all were seen, and then the first ones again."""
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await opened(pilot, settle, "S")
        await solved(pilot, settle)
        pages: list[list[str]] = []
        for _ in range(10):
            lines = table(pilot, shown)
            assert lines[0].startswith(" run ")
            assert [line.split()[2] for line in lines[1:]] == ["numpy", "count"]
            pages.append(re.split(r" {2,}", lines[0].split("step", 1)[1].strip()))
            if "nll" in pages[-1]:
                assert cell(lines, 1, "nll") == f"{runs(pilot)[0].nll:.6f}"
            if "perplexity" in pages[-1]:
                assert cell(lines, 2, "perplexity") == f"{runs(pilot)[1].perplexity:.4f}"
            await press(pilot, settle, "i")
        turn = next(k for k in range(1, 10) if pages[k] == pages[0])
        titles = {title for page in pages[:turn] for title in page}
        assert {"nll", "total", "η", "λ", "α", "format", "device", "µs/step", "steps/s"} <= titles
        assert {"|ΔP| now", "|Δnll| now", "worst", "perplexity", "|gradient|"} <= titles
        assert turn > (0 if size == WIDE else 1)


@pytest.mark.slow
async def test_i_stays_in_the_table_when_columns_go(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await opened(pilot, settle, "S", "i", "i", "i", "i", "D")
        assert table(pilot, shown)[1].split()[:2] == ["1", "━━"]
        assert len(table(pilot, shown)[0].split()) > 2
        await pilot.resize_terminal(*WIDE)
        await press(pilot, settle, "i", "i")
        assert len(table(pilot, shown)[0].split()) > 2


async def solved(pilot: Pilot[None], settle: Settle) -> None:
    """Wait until it is known how far each run is from the best that it can reach."""
    screen = screen_of(pilot)
    deadline = time.monotonic() + DEADLINE
    wanted = {objective_of(run) for run in runs(pilot)} - {None}
    while screen._optima.solved < len(wanted):
        assert time.monotonic() < deadline
        await pilot.pause(0.01)
    await settle(pilot)


async def test_the_gap_to_the_optimum_stands_in_the_table(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil
) -> None:
    """As soon as it is solved."""
    app = make_app(settings={"count": {"smoothing": 0.0}})
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S")
        await wait_until(pilot, lambda: "<1e-12" in table(pilot, shown)[2])
        await solved(pilot, settle)
        assert cell(table(pilot, shown), 2, "gap") == "<1e-12"
        assert float(cell(table(pilot, shown), 1, "gap")) > 0.1


async def test_w_asks_for_a_word(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S")
        assert "emma" in shown(pilot, "#word").split("\n")[0]
        await press(pilot, settle, "w")
        assert pilot.app.screen.query_one(Input).value == "emma"
        await press(pilot, settle, "a", "n", "n", "enter")
        lines = shown(pilot, "#word").split("\n")
        assert "ann" in lines[0]
        assert [line[:2] for line in lines[2:6]] == [".a", "an", "nn", "n."]
        index = app.session.corpus.train.vocabulary.index
        for k, pair in enumerate((".a", "an", "nn", "n.")):
            costs = [
                -math.log(np.array(r.probabilities)[*map(index.get, pair)]) for r in runs(pilot)
            ]
            assert re.findall(r"\d+\.\d\d", lines[2 + k]) == [f"{cost:.2f}" for cost in costs]
        await press(pilot, settle, "w", "7", "enter")
        assert "'7' is not in the text" in screen_text(pilot)
        await press(pilot, settle, "escape")
        assert "ann" in shown(pilot, "#word").split("\n")[0]
        assert iterations(pilot) == [10, 0], "what was typed did nothing else"


@pytest.mark.slow
async def test_w_brings_the_word_forward_where_panes_take_turns(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await opened(pilot, settle)
        assert not pilot.app.screen.query_one("#word").region.area
        await press(pilot, settle, "w", "b", "o", "enter")
        assert pilot.app.screen.query_one("#word").region.area
        await press(pilot, settle, "o")
        assert pilot.app.screen.query_one(LossCurve).region.area
        assert not pilot.app.screen.query_one("#word").region.area


@pytest.mark.slow
async def test_a_first_word_that_the_text_could_not_spell_is_the_empty_one(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    corpus = tmp_path / "two.txt"
    corpus.write_text("ab\nb\n", "utf-8")
    async with make_app(corpus=corpus).run_test(size=WIDE) as pilot:
        await opened(pilot, settle)
        assert "(empty)" in shown(pilot, "#word").split("\n")[0]
        assert shown(pilot, "#word").split("\n")[2].startswith("..")


PANES = {"loss": "#losses", "names": "#beside", "word": "#word", "cell": "#cell"}


@sizes(SMALL, SIZE, WIDE)
async def test_tab_brings_one_pane_after_the_other_forward(
    make_app: MakeApp, settle: Settle, size: tuple[int, int]
) -> None:
    """Where there is room for all they are in sight, and that is said."""
    async with make_app().run_test(size=size) as pilot:
        await opened(pilot, settle, "s")
        for expected in {
            SMALL: ["loss", "names", "word", "cell", "loss"],
            SIZE: ["loss names cell", "loss word cell", "loss names cell"],
            WIDE: ["loss names word cell"] * 5,
        }[size]:
            screen = pilot.app.screen
            found = [name for name, pane in PANES.items() if screen.query_one(pane).region.area]
            assert " ".join(found) == expected
            await press(pilot, settle, "tab")
        assert notifications(pilot) == ["all panes are in sight"] * (5 if size == WIDE else 0)
        assert iterations(pilot) == [1, 0]


@pytest.mark.slow
async def test_brackets_go_by_the_same_step_while_the_plot_is_out_of_sight(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await opened(pilot, settle, "x", "x", "x", "left_square_bracket")
        step = 300 - frame(pilot).position
        await press(pilot, settle, "tab")
        assert not pilot.app.screen.query_one(LossCurve).region.area
        await press(pilot, settle, "left_square_bracket")
        assert frame(pilot).position == 300 - 2 * step


async def test_t_changes_between_dark_and_light(make_app: MakeApp, settle: Settle) -> None:
    """The colours of runs too, everywhere."""
    async with make_app().run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S")
        seen = []
        for dark in (True, False, True):
            assert pilot.app.current_theme.dark is dark
            colors = {
                segment.style.color.get_truecolor().hex
                for strip in pilot.app.screen._compositor.render_strips()
                for segment in strip
                if segment.style is not None
                and segment.style.color is not None
                and segment.text.strip()
            }
            for number in (0, 1):
                assert run_color(number, dark).get_truecolor().hex in colors
                assert run_color(number, not dark).get_truecolor().hex not in colors
            seen.append(screen_text(pilot))
            await press(pilot, settle, "t")
        assert seen[0] == seen[1] == seen[2]


@pytest.mark.slow
async def test_escape_leaves_whatever_was_asked(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "p")
        assert isinstance(pilot.app.focused, Control)
        await press(pilot, settle, "enter", "escape")
        assert isinstance(pilot.app.focused, Control)
        await press(pilot, settle, "escape")
        assert isinstance(pilot.app.focused, Heatmap)
        for key in ("w", "slash"):
            await press(pilot, settle, key, "escape")
            assert not pilot.app.screen.query_one(Prompt).display
            assert isinstance(pilot.app.focused, Heatmap)
        await press(pilot, settle, "escape", "s")
        assert isinstance(pilot.app.screen, CompareScreen)
        assert iterations(pilot) == [11, 0]


async def test_capital_e_offers_what_can_be_written(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "E")
        assert isinstance(pilot.app.screen, Chooser)
        offered = [str(o.prompt) for o in pilot.app.screen.query_one(OptionList).options]
        assert len(offered) == 4
        assert [re.findall(r"\.\w+", text) for text in offered] == [
            [".csv"], [".csv", ".jsonl"], [".csv"], [".svg"],
        ]  # fmt: skip


@pytest.mark.slow
async def test_the_palette_offers_every_action_of_the_screen(
    make_app: MakeApp, settle: Settle
) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        wanted = {b.description.lower() for b in Binding.make_bindings(CompareScreen.BINDINGS)}
        wanted -= {f"run {number}" for number in range(3, 10)}
        assert wanted <= {c.title.lower() for c in app.get_system_commands(app.screen)}


# Runs that go wrong


async def test_a_run_that_fails_stays_behind_and_says_why(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    body = """
        for _ in range(3):
            yield Iteration(uniform(bigrams), weights)
        raise RuntimeError("[red]out of luck[/]")
        """
    app = make_app(("numpy", write(tmp_path, body), "count"))
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "s")
        assert iterations(pilot) == [1, 1, 0]
        await press(pilot, settle, "S")
        assert iterations(pilot) == [11, 2, 0]
        assert runs(pilot)[1].status is Status.FAILED
        lines = table(pilot, shown)
        assert "failed at 2" in lines[2]
        assert "✗" in lines[2]
        assert cell(lines, 3, "|ΔP| now")
        assert "plugin failed at step 3: RuntimeError: [red]out of luck[/]" in shown(
            pilot, "#notice"
        )
        await press(pilot, settle, "S", "Z", "Z")
        assert iterations(pilot) == [1, 1, 0]
        assert not pilot.app.screen.query_one("#notice").display
        assert "failed" not in screen_text(pilot)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
async def test_a_run_that_diverges_stays_behind_and_says_so(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """Its worst difference remains that of the way to there; z leads back."""
    app = add_runs(make_app(settings={"numpy #2": {"learning_rate": 1e5, "l2": 1000}}), 0)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "x")
        ended = runs(pilot)[2]
        assert ended.status is Status.DIVERGED
        assert iterations(pilot) == [100, 0, ended.iteration]
        lines = table(pilot, shown)
        assert f"diverged at {ended.iteration}" in lines[3]
        assert cell(lines, 3, "|ΔP| now") == ""
        assert cell(lines, 3, "worst") != ""
        assert f"numpy #2 diverged at step {ended.iteration}" in shown(pilot, "#notice")
        await press(pilot, settle, "S")
        assert iterations(pilot) == [110, 0, ended.iteration]
        await press(pilot, settle, "home")
        assert iterations(pilot) == [0, 0, 0]
        assert "agree exactly" in table(pilot, shown)[3]
        assert not pilot.app.screen.query_one("#notice").display


@pytest.mark.slow
@sizes(SMALL, SIZE, WIDE)
async def test_a_backend_that_cannot_be_loaded_holds_up_nobody(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path, size: tuple[int, int]
) -> None:
    bad = write(tmp_path, "raise OSError('no [b]such[/b] device')", train=False)
    app = make_app(("numpy", "count", bad))
    async with app.run_test(size=size) as pilot:
        await opened(pilot, settle, "S", "s")
        assert iterations(pilot) == [11, 0, -1]
        assert "failed" in table(pilot, shown)[3]
        assert "plugin can't be imported: OSError: no [b]such[/b] device" in shown(pilot, "#notice")
        await press(pilot, settle, "3", "p", "escape", "m", "m", "v", "v", "o", "i", "tab", "tab")
        assert screen_of(pilot).active == 2
        assert any("plugin" in title for title in titles_of_maps(pilot))
        await press(pilot, settle, "C")
        assert notifications(pilot)[-1] == "plugin can't be loaded"
        await press(pilot, settle, "z", "D")
        assert iterations(pilot) == [10, 0]
        assert not pilot.app.screen.query_one("#notice").display


@pytest.mark.slow
async def test_r_tries_again_what_could_not_be_imported(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    bad = write(tmp_path, "raise OSError('not yet')", train=False)
    async with make_app(("numpy", bad)).run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S")
        assert iterations(pilot) == [10, -1]
        write(tmp_path, "while True:\n    yield Iteration(uniform(bigrams), weights)")
        await press(pilot, settle, "r")
        assert iterations(pilot) == [0, 0]
        assert "not yet" not in screen_text(pilot)
        assert cell(table(pilot, shown), 2, "|ΔP| now")


@pytest.mark.slow
@sizes(SMALL, SIZE, WIDE)
async def test_a_reference_that_cannot_be_loaded_holds_up_nobody(
    make_app: MakeApp, settle: Settle, tmp_path: Path, size: tuple[int, int]
) -> None:
    bad = write(tmp_path, "raise OSError('no such device')", train=False)
    async with make_app((bad, "numpy", "count")).run_test(size=size) as pilot:
        await opened(pilot, settle, "S", "2", "tab", "3", "m", "tab", "1", "tab")
        assert iterations(pilot) == [-1, 10, 0]
        await press(pilot, settle, "2", "R", "s")
        assert iterations(pilot) == [-1, 11, 0]


@pytest.mark.slow
async def test_a_reference_that_takes_its_time_to_load_holds_up_nobody(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, shown: Shown, tmp_path: Path
) -> None:
    gate = tmp_path / "go"
    app = make_app((slow_to_load(tmp_path, gate), "numpy"))
    async with app.run_test(size=WIDE) as pilot:
        try:
            await pilot.press("c")
            await wait_until(pilot, lambda: isinstance(app.screen, CompareScreen))
            await wait_until(pilot, lambda: "…" in table(pilot, shown)[1])
            await pilot.press("s")
            await wait_until(pilot, lambda: iterations(pilot)[1] == 1)
        finally:
            gate.touch()
        await wait_until(pilot, lambda: iterations(pilot) == [1, 1])


def slow_to_load(folder: Path, gate: Path) -> str:
    """A backend whose module waits for a file."""
    body = f"""
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bigram_tui.backend import Backend, Iteration

while not Path({str(gate)!r}).exists():
    time.sleep(0.005)


@dataclass
class Plugin(Backend):
    def train(self, bigrams, weights):
        while True:
            yield Iteration(np.full(weights.shape, 1 / len(weights)), weights)
"""
    return write(folder, body, train=False)


@pytest.mark.slow
async def test_a_backend_that_is_loaded_later_is_brought_along(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil, tmp_path: Path
) -> None:
    """From the first iteration on, without a key; meanwhile the others go on."""
    gate = tmp_path / "go"
    app = make_app(("numpy", "count", slow_to_load(tmp_path, gate)))
    async with app.run_test(size=WIDE) as pilot:
        try:
            await pilot.press("c")
            await wait_until(pilot, lambda: "loading…" in shown(pilot, "#runs"))
            await pilot.press("S")
            await wait_until(pilot, lambda: iterations(pilot) == [10, 0, -1])
            await wait_until(pilot, lambda: "position 10" in shown(pilot, StatusLine))
            messages = [heatmap.message for heatmap in app.screen.query(Heatmap)]
            assert any("not loaded yet" in message for message in messages)
        finally:
            gate.touch()
        await wait_until(pilot, lambda: iterations(pilot) == [10, 0, 10])
        await settle(pilot)
        assert "loading" not in shown(pilot, "#runs")
        tables = separate(app, 10)
        apart = [float(np.abs(found - 1 / 27).max()) for found in tables]
        lines = table(pilot, shown)
        assert cell(lines, 3, "|ΔP| now") == difference(apart[-1])
        assert cell(lines, 3, "worst") == difference(max(apart))


@pytest.mark.slow
async def test_a_run_that_ends_early_stays_and_is_held_against_all_later_iterations(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    plugin = write(tmp_path, "for _ in range(3):\n    yield Iteration(uniform(bigrams), weights)")
    app = make_app(("numpy", plugin))
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S")
        assert iterations(pilot) == [10, 2]
        lines = table(pilot, shown)
        assert "✓" in lines[2]
        apart = [float(np.abs(found - 1 / 27).max()) for found in separate(app, 10)]
        assert cell(lines, 2, "|ΔP| now") == difference(apart[-1])
        assert cell(lines, 2, "worst") == difference(max(apart))


async def test_what_is_doubtful_of_any_run_is_said(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    """Of the chosen one first."""
    body = "while True:\n    yield Iteration(uniform(bigrams) * 0.5, weights)"
    (tmp_path / "other").mkdir()
    other = Path(write(tmp_path / "other", body.replace("0.5", "0.25")))
    other = other.rename(tmp_path / "quarter.py")
    app = make_app(("numpy", write(tmp_path, body), str(other)))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle)
        assert "the rows of plugin's P sum to 0.5 up to 0.5" in shown(pilot, "#notice")
        await press(pilot, settle, "3")
        assert "the rows of quarter's P sum to 0.25 up to 0.25" in shown(pilot, "#notice")


# Odd texts


@pytest.fixture
def odd_corpus(tmp_path: Path) -> Path:
    path = tmp_path / "[b]odd[b].txt"
    path.write_text("\n".join(ODD_LINES), "utf-8")
    return path


@pytest.mark.slow
@sizes(SMALL, SIZE, WIDE)
async def test_a_text_of_odd_characters_is_drawn_as_itself_in_all_panes(
    make_app: MakeApp, settle: Settle, odd_corpus: Path, shown: Shown, size: tuple[int, int]
) -> None:
    app = make_app(corpus=odd_corpus, settings={"count": {"smoothing": 0.0}})
    async with app.run_test(size=size) as pilot:
        await opened(pilot, settle, "S", "m")
        assert_safe(pilot)
        seen = ""
        last = len(app.session.corpus.train.vocabulary) - 1
        for token in (0, 1, 5, last // 2, last):
            screen_of(pilot).cursor = (token, last - token)
            await press(pilot, settle, "tab", "g")
            assert_safe(pilot)
            seen += screen_text(pilot)
        for key in ("v", "plus", "v", "plus", "v", "m", "minus", "2", "o", "o", "o"):
            await press(pilot, settle, key)
            assert_safe(pilot)
        assert {"[", "␛", "漢"} <= set(seen)
        if size == SIZE:
            assert "[b]odd[b].txt" in shown(pilot, StatusLine)


@pytest.mark.slow
async def test_a_word_of_odd_characters_is_told_as_itself(
    make_app: MakeApp, settle: Settle, odd_corpus: Path, shown: Shown
) -> None:
    app = make_app(corpus=odd_corpus, settings={"count": {"smoothing": 0.0}})
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "w")
        pilot.app.screen.query_one(Input).value = "[/]漢a"
        await press(pilot, settle, "enter")
        lines = shown(pilot, "#word").split("\n")
        assert "[/]漢a" in lines[0]
        assert [line.split()[0] for line in lines[2:7]] == [".[" if ".[" in lines[2] else "■[",
            "[/", "/]", "]漢", "漢a"]  # fmt: skip
        assert "“]漢” never occurs and α is 0, so P = 0" in " ".join(lines)
        assert_safe(pilot)


@pytest.mark.slow
@sizes(SMALL, WIDE)
async def test_the_names_of_runs_are_no_markup(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path, size: tuple[int, int]
) -> None:
    plugin = Path(write(tmp_path, "while True:\n    yield Iteration(uniform(bigrams), weights)"))
    plugin = plugin.rename(tmp_path / "[b]漢\x1b[0m.py")
    name = "[b]漢␛[0m"
    async with make_app(("numpy", str(plugin))).run_test(size=size) as pilot:
        await opened(pilot, settle, "S", "2")
        assert name in table(pilot, shown)[2]
        assert any(name in title for title in titles_of_maps(pilot))
        for _ in range(4):
            await press(pilot, settle, "tab")
            assert_safe(pilot)
        await press(pilot, settle, "m", "R", "o", "o", "o")
        assert name in str(pilot.app.screen.query_one("#losses").border_title)
        assert_safe(pilot)
        await press(pilot, settle, "C")
        assert names(pilot)[2] == f"{name} #2"
        assert f"{name} #2" in notifications(pilot)[-1]
        assert_safe(pilot)
        await press(pilot, settle, "p", "escape", "B")
        assert name in screen_text(pilot)
        assert_safe(pilot)
        await press(pilot, settle, "escape", "E")
        assert name in screen_text(pilot)
        assert_safe(pilot)


# Sizes


def widths_of(pilot: Pilot[None]) -> list[int]:
    """The width of each line of the screen."""
    return [strip.cell_length for strip in pilot.app.screen._compositor.render_strips()]


SIZES = [SMALL, SIZE, WIDE, (40, 10), (60, 20), (100, 34), (99, 34), (150, 33), (250, 80)]


@pytest.mark.slow
@sizes(*SIZES)
async def test_it_opens_and_works_at_every_size(
    make_app: MakeApp, settle: Settle, size: tuple[int, int]
) -> None:
    """Whatever key is pressed, each line has its width and the maps lie on the screen."""
    app = add_runs(make_app(), 0)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, settle, "S")
        for keys in (
            "m3",
            ["tab", "v", "tab", "plus"],
            ["o", "tab", "i"],
            ["p", "escape", "minus"],
        ):
            await pilot.press(*keys)
            await settle(pilot)
            assert widths_of(pilot) == [size[0]] * size[1], keys
        await pilot.press("s", "z", "slash", "escape", "w", "escape", "g", "r")
        await settle(pilot)
        assert iterations(pilot) == [0, 0, 0]
        assert 1 <= len(titles_of_maps(pilot)) <= 3


SELECTORS = "StatusLine", "#runs", "LossCurve", "#values", "#beside", "#word", "#cell", "KeyFooter"


@pytest.mark.slow
async def test_nothing_overlaps_and_all_is_in_sight(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    app = add_runs(make_app(), 0)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S")
        for size in (SIZE, SMALL, WIDE):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            widgets: list[Widget] = [app.screen.query_one(selector) for selector in SELECTORS]
            widgets = [widget for widget in widgets if widget.region.area]
            widgets += [pane for pane in app.screen.query(MapPane) if pane.display]
            assert len(widgets) >= 6
            for one, other in combinations(widgets, 2):
                assert not one.region.overlaps(other.region), (one, other)
            for widget in widgets:
                assert app.screen.region.contains_region(widget.region)
                assert text_of(widget).strip()


@pytest.mark.slow
async def test_it_can_be_resized_while_all_train(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    app = add_runs(make_app(), 0)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "full_stop", "full_stop", "full_stop")
        await pilot.press("space")
        for size in (SMALL, (40, 10), WIDE, (60, 20), (250, 80), SIZE):
            reached = frame(pilot).position
            await pilot.resize_terminal(*size)
            await wait_until(pilot, lambda reached=reached: frame(pilot).position > reached)
            await wait_until(pilot, lambda size=size: widths_of(pilot) == [size[0]] * size[1])
        await pilot.press("space")
        await settle(pilot)
        assert iterations(pilot)[0] == iterations(pilot)[2]


@pytest.mark.slow
async def test_the_maps_follow_a_resize_unless_the_user_chose_a_size(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await opened(pilot, settle)
        forms = []
        for size in (WIDE, SIZE, SMALL):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            forms.append(pilot.app.screen.query(Heatmap).first().form.name)
        assert forms[0] != forms[2]
        await press(pilot, settle, "plus")
        chosen = pilot.app.screen.query(Heatmap).first().form.name
        await pilot.resize_terminal(*WIDE)
        await settle(pilot)
        assert pilot.app.screen.query(Heatmap).first().form.name == chosen


# Repainting


async def test_nothing_is_painted_while_nothing_changes(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a step paints the lines that it changes alone."""
    painted: list[tuple[str, int]] = []
    original = Drawn.render_line

    def render_line(self: Drawn, y: int) -> Strip:
        painted.append((str(self.id), y))
        return original(self, y)

    async def at_rest(pilot: Pilot[None]) -> None:
        await settle(pilot)
        ticks: list[None] = []
        timer = pilot.app.screen.set_interval(0.01, lambda: ticks.append(None))
        await wait_until(pilot, lambda: len(ticks) > 6)
        timer.stop()
        await pilot.pause()

    monkeypatch.setattr(Drawn, "render_line", render_line)
    app = add_runs(make_app(("count", "numpy"), frames_per_second=100), 0)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, settle, "S", "i")
        screen = screen_of(pilot)
        await wait_until(pilot, lambda: screen._optima.solved == 2)
        await at_rest(pilot)
        assert {pane for pane, _ in painted} == {"runs", "cell", "values", "beside", "word"}
        painted.clear()
        await at_rest(pilot)
        assert painted == []
        await press(pilot, settle, "s")
        await at_rest(pilot)
        assert {line for pane, line in painted if pane == "runs"} == {2}, "only numpy moves"
        assert len(painted) == len(set(painted)), "each once"


async def test_to_point_beyond_the_last_step_takes_none(make_app: MakeApp, settle: Settle) -> None:
    """As where the plot shows a longer branch that was left."""
    async with make_app(("numpy",)).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "S", "z")
        pilot.app.screen.post_message(IterationPointed(1000))
        await settle(pilot)
        assert (iterations(pilot), latests(pilot)) == ([10], [10])


async def test_u_shows_what_the_chosen_run_has_printed(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(("numpy", "count")).run_test(size=SIZE) as pilot:
        await opened(pilot, settle, "2")
        app = pilot.app
        assert isinstance(app, BigramApp)
        app.runners[1].output.write("of the second\n")
        await settle(pilot)
        assert "count prints: of the second  (u shows all)" in screen_text(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert "of the second" in screen_text(pilot)


# All keys

TESTED = {
    **dict.fromkeys(["s", "S", "x"], "test_a_key_steps_all_together"),
    **dict.fromkeys("zZ", "test_a_key_goes_back_with_all_together"),
    "space": "test_space_runs_all_and_pauses_all",
    "r": "test_reset_begins_again_with_all",
    **dict.fromkeys(["comma", "full_stop"], "test_a_pace_is_told_and_changes_a_training"),
    **dict.fromkeys(
        ["left_square_bracket", "right_square_bracket"],
        "test_brackets_go_along_the_timeline_by_columns_of_the_plot",
    ),
    **dict.fromkeys(["home", "end"], "test_home_and_end_go_to_the_ends_of_the_timeline"),
    **dict.fromkeys("123b", "test_a_key_chooses_a_run"),
    **dict.fromkeys("456789", "test_a_number_without_a_run_only_says_how_many_there_are"),
    "R": "test_capital_r_makes_the_chosen_run_the_reference",
    "C": "test_capital_c_copies_the_chosen_run_as_it_is_now",
    "B": "test_capital_b_adds_a_run_of_a_backend",
    "D": "test_capital_d_removes_the_chosen_run",
    **dict.fromkeys("JK", "test_a_key_moves_the_chosen_run_along_the_list"),
    "p": "test_p_changes_the_hyperparameters_of_the_chosen_run_alone",
    "m": "test_m_shows_all_maps_or_two_and_their_difference",
    "o": "test_o_plots_one_kind_after_the_other",
    "i": "test_i_shows_the_columns_for_which_there_was_no_room",
    "v": "test_v_shows_another_table_of_all_and_says_who_has_none",
    "n": "test_n_changes_the_scale_of_the_maps",
    **dict.fromkeys(
        ["plus", "equals_sign", "minus"],
        "test_plus_and_minus_change_the_size_of_the_cells_of_all_maps",
    ),
    "g": "test_g_samples_other_names_for_all",
    "w": "test_w_asks_for_a_word",
    "slash": "test_slash_jumps_to_a_bigram",
    "O": "test_capital_o_shows_all_maps_in_another_order",
    "d": "test_d_lists_a_row_of_the_chosen_run",
    **dict.fromkeys(
        ["up", "down", "left", "right", *"hjkl"], "test_a_key_moves_the_cursor_of_all_maps"
    ),
    "y": "test_y_makes_the_axis_of_losses_logarithmic",
    "Y": "test_capital_y_makes_the_axis_of_iterations_logarithmic",
    "u": "test_u_shows_what_the_chosen_run_has_printed",
    "t": "test_t_changes_between_dark_and_light",
    "tab": "test_tab_brings_one_pane_after_the_other_forward",
    "E": "test_capital_e_offers_what_can_be_written",
    "question_mark": "test_a_training_goes_on_behind_a_dialogue",
    **dict.fromkeys(
        ["enter", "M", "N", "L", "G", "T", "P", "H", "F"],
        "test_a_dialogue_leaves_the_runs_where_they_are",
    ),
    "c": "test_c_goes_back_to_the_chosen_run_and_leaves_all_where_they_are",
    "escape": "test_escape_leaves_whatever_was_asked",
}
"""The test that presses each key of the screen; test_explore_screen.py holds it against them."""
