"""Every key, the mouse, and what the screen says: one test for each thing a user does."""

import inspect
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from textual.binding import Binding
from textual.command import CommandPalette
from textual.events import MouseDown, MouseMove
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, OptionList

from bigram_tui.analysis.ordering import ORDERS, TokenOrder
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.lessons.families import FamiliesScreen
from bigram_tui.tui.lessons.network import NetworkScreen
from bigram_tui.tui.lessons.pitfalls import PitfallsScreen
from bigram_tui.tui.lessons.presets import PresetsScreen
from bigram_tui.tui.lessons.theory import TheoryScreen
from bigram_tui.tui.render.colors import GLYPHS_ONLY, LEVELS, ramp, run_color
from bigram_tui.tui.screens.chooser import Chooser
from bigram_tui.tui.screens.compare import CompareScreen
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.help import HelpScreen
from bigram_tui.tui.screens.lesson_menu import LESSONS
from bigram_tui.tui.screens.panel import Panel
from bigram_tui.tui.screens.row import RowScreen
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.hyperparameters import Control
from bigram_tui.tui.widgets.inspector import Inspector
from bigram_tui.tui.widgets.key_footer import KeyFooter
from bigram_tui.tui.widgets.legend import Legend
from bigram_tui.tui.widgets.loss_curve import LossCurve
from bigram_tui.tui.widgets.prompt import Prompt
from bigram_tui.tui.widgets.row_list import RowList
from bigram_tui.tui.widgets.sample_list import SampleList
from bigram_tui.tui.widgets.status import RunsBar, StatusLine
from tests.conftest import not_none, slow
from tests.tui.conftest import MakeApp, Settle, TextOf, WaitUntil, notifications, sizes

SIZE = (120, 40)
LABEL_WIDTH = 3  # of all forms for characters of one column


def key_of(label: str) -> str:
    """Textual's name of a key that types this character."""
    return {".": "full_stop", "+": "plus", " ": "space"}.get(label, label)


def runner_of(pilot: Pilot[None], number: int = 0) -> Runner:
    assert isinstance(pilot.app, BigramApp)
    return pilot.app.runners[number]


def run_of(pilot: Pilot[None], number: int = 0) -> Snapshot:
    """How a run stands."""
    return runner_of(pilot, number).snapshot


def iterations(pilot: Pilot[None]) -> list[int]:
    assert isinstance(pilot.app, BigramApp)
    return [runner.snapshot.iteration for runner in pilot.app.runners]


def screen_text(pilot: Pilot[None]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@pytest.fixture
def shown(text_of: TextOf) -> Callable[[Pilot[None], type | str], str]:
    """What stands where a widget is, named by its type or selector."""
    return lambda pilot, widget: text_of(pilot.app.screen.query_one(widget))


Shown = Callable[[Pilot[None], type | str], str]


def inspected(text: str) -> str:
    """The bigram that the inspector is about."""
    found = re.search(r"^ *(\S+)  N ", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def cell_colors(pilot: Pilot[None]) -> set[str]:
    """The backgrounds in the area of the heatmap's cells."""
    region = pilot.app.screen.query_one(Heatmap).region
    strips = pilot.app.screen._compositor.render_strips()[region.y + 2 : region.bottom]
    colors = set()
    for strip in strips:
        for segment in strip.crop(region.x + LABEL_WIDTH, region.right):
            if segment.style is not None and segment.style.bgcolor is not None:
                colors.add(segment.style.bgcolor.get_truecolor().hex)
    return colors


def colors_of(pilot: Pilot[None], widget: type[Widget]) -> set[str]:
    """The colours of what is written in a widget."""
    region = pilot.app.screen.query_one(widget).region
    strips = pilot.app.screen._compositor.render_strips()[region.y : region.bottom]
    return {
        segment.style.color.get_truecolor().hex
        for strip in strips
        for segment in strip.crop(region.x, region.right)
        if segment.text.strip() and segment.style is not None and segment.style.color is not None
    }


def last_line(pilot: Pilot[None]) -> str:
    return screen_text(pilot).split("\n")[-1]


# Training


async def test_a_key_takes_so_many_steps(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key, count, reached in (("s", 1, 1), ("S", 10, 11), ("x", 100, 111)):
            before = run_of(pilot)
            await pilot.press(key)
            await settle(pilot)
            run = run_of(pilot)
            assert run.iteration == before.iteration + count == reached
            assert iterations(pilot) == [reached, 0]
            assert run.nll < before.nll
            assert f"numpy step {reached}  nll {run.nll:.4f}" in shown(pilot, RunsBar)
            title = str(pilot.app.screen.query_one(LossCurve).border_title)
            assert f"nll {run.nll:.4f}" in title


async def test_steps_add_up(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await pilot.press("s", "s", "S", "s")
        await settle(pilot)
        assert iterations(pilot) == [13, 0]


async def test_a_key_goes_back_so_many_steps(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """At most to the start, from where the same way leads forward again."""
    async with make_app(steps=15).run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key, back in (("z", 1), ("Z", 11), ("Z", 15), ("s", 14), ("s", 13)):
            await pilot.press(key)
            await settle(pilot)
            run = run_of(pilot)
            assert (run.iteration, run.latest) == (15 - back, 15)
            assert f" {back} back" in shown(pilot, StatusLine)
            assert f"numpy step {15 - back}/15  nll {run.nll:.4f}" in shown(pilot, RunsBar)


async def test_space_runs_and_pauses(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await wait_until(pilot, lambda: run_of(pilot).training and run_of(pilot).iteration > 2)
        await wait_until(pilot, lambda: "▶" in shown(pilot, StatusLine))
        assert "▶" in shown(pilot, RunsBar)
        await pilot.press("space")
        await settle(pilot)
        assert not run_of(pilot).training
        assert "paused" in shown(pilot, StatusLine)
        assert "▶" not in shown(pilot, RunsBar)


@pytest.mark.parametrize("key", ["comma", "full_stop"])
async def test_a_key_changes_the_pace_and_says_so(
    make_app: MakeApp, settle: Settle, key: str
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        for _ in range(6):
            await pilot.press(key)
        paces = [
            float(found[0].replace(",", "")) if (found := re.search(r"[\d,]+", note)) else np.inf
            for note in notifications(pilot)
        ]
        assert len(paces) == 6
        assert paces == sorted(paces, reverse=key == "comma")
        assert paces[0] != paces[1]
        assert paces[-1] == paces[-2], "the last one stays"


@pytest.mark.slow
async def test_a_change_of_pace_takes_effect_while_it_runs(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("comma", "comma", "space")
        await wait_until(pilot, lambda: run_of(pilot).training)
        for _ in range(4):
            await pilot.press("full_stop")
        await wait_until(pilot, lambda: run_of(pilot).iteration > 100)
        assert run_of(pilot).training
        await pilot.press("space")
        await settle(pilot)


async def test_as_many_names_as_asked_for_are_shown(make_app: MakeApp, settle: Settle) -> None:
    for samples in (0, 3):
        async with make_app(samples=samples).run_test(size=SIZE) as pilot:
            await settle(pilot)
            assert len(pilot.app.screen.query_one(SampleList).samples) == samples


async def test_capital_a_runs_all_and_pauses_all(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.lineup.add(app.session.sources[0], after=app.runners[-1]).start()
        await pilot.press("A")
        trained = [app.runners[0], app.runners[-1]]
        for runner in trained:
            await wait_until(pilot, lambda runner=runner: runner.snapshot.iteration > 0)
        await pilot.press("A")
        await settle(pilot)
        for runner in trained:
            await wait_until(pilot, lambda runner=runner: runner.is_idle)
        assert not any(runner.snapshot.training for runner in app.runners)


async def test_a_steps_all_runs_and_leaves_the_active_one(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        app = pilot.app
        assert isinstance(app, BigramApp)
        app.lineup.add(app.session.sources[0], after=app.runners[-1]).start()
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        assert iterations(pilot) == [1, 0, 1], "counting has nothing left to learn"
        assert app.screen.query_one(RunsBar).active == 0


async def test_reset_begins_again_from_the_same_start(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        first, picture = run_of(pilot).weights, shown(pilot, Heatmap)
        await pilot.press("S")
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        run = run_of(pilot)
        assert (run.iteration, run.latest) == (0, 0)
        assert np.array_equal(not_none(run.weights), not_none(first))
        assert shown(pilot, Heatmap) == picture


# Keys that can do nothing


async def toasts_of(pilot: Pilot[None], settle: Settle, *keys: str) -> list[str]:
    """What is said after pressing keys."""
    before = len(notifications(pilot))
    await pilot.press(*keys)
    await settle(pilot)
    return notifications(pilot)[before:]


async def test_keys_that_can_do_nothing_say_so(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(("numpy", "count")).run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("z", "Z"):
            said = await toasts_of(pilot, settle, key)
            assert said == ["numpy is at step 0, the start"]
        assert await toasts_of(pilot, settle, "s") == []
        assert await toasts_of(pilot, settle, "z") == [], "this one could"
        await pilot.press("2")
        for key in ("s", "S", "x", "space"):
            said = await toasts_of(pilot, settle, key)
            assert said == ["count has nothing left to learn"], key
        assert await toasts_of(pilot, settle, "z") == ["count is at step 0, the start"]
        assert await toasts_of(pilot, settle, "ctrl+c") == ["q quits"]
        assert pilot.app.is_running
        assert iterations(pilot) == [0, 0]


@pytest.mark.slow
async def test_a_finished_run_can_go_on_where_it_was_gone_back(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    plugin = tmp_path / "short.py"
    plugin.write_text(
        """
from dataclasses import dataclass
import numpy as np
from bigram_tui.backend import Backend, Iteration

@dataclass
class Short(Backend):
    def train(self, bigrams, weights):
        for _ in range(3):
            yield Iteration(np.full(bigrams.counts.shape, 1 / len(bigrams.counts)), weights)
""",
        "utf-8",
    )
    async with make_app((str(plugin),)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert await toasts_of(pilot, settle, "S") == []
        assert (run_of(pilot).status, iterations(pilot)) == (Status.FINISHED, [2])
        assert await toasts_of(pilot, settle, "s") == ["short has nothing left to learn"]
        assert await toasts_of(pilot, settle, "z", "s") == []
        assert iterations(pilot) == [2]


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
async def test_a_diverged_run_says_so_to_every_key_that_steps(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app(settings={"numpy": {"learning_rate": 1e5}}).run_test(size=SIZE) as pilot:
        await pilot.press("x", "x")
        await settle(pilot)
        assert run_of(pilot).status is Status.DIVERGED
        reached = iterations(pilot)
        for key in ("s", "S", "x", "space"):
            said = await toasts_of(pilot, settle, key)
            assert said == ["numpy has diverged: z goes back"], key
        assert iterations(pilot) == reached
        assert await toasts_of(pilot, settle, "z") == []
        assert run_of(pilot).status is Status.READY


@pytest.mark.slow
async def test_full_speed_after_a_slow_pace_does_not_overshoot(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    """At a pace an iteration rests; what that tells of its cost must not size the next slices."""
    corpus = tmp_path / "tiny.txt"
    corpus.write_text("ab\n", "utf-8")
    async with make_app(("numpy",), corpus=corpus).run_test(size=SIZE) as pilot:
        await settle(pilot)
        runner = runner_of(pilot)
        runner.train(1000)
        await wait_until(pilot, lambda: run_of(pilot).iteration > 60)
        runner.train(None)
        paced = run_of(pilot).iteration
        await wait_until(pilot, lambda: run_of(pilot).iteration > paced + 100)
        paused = time.monotonic()
        runner.pause()
        await wait_until(pilot, lambda: runner.is_idle)
        assert time.monotonic() - paused < 1


# Which run


async def test_a_key_switches_the_run(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key, active in (("2", 1), ("1", 0), ("b", 1), ("b", 0)):
            await pilot.press(key)
            await settle(pilot)
            assert pilot.app.screen.query_one(RunsBar).active == active
            assert ("smoothing" in shown(pilot, "#parameters")) == (active == 1)
            assert ("learning" in shown(pilot, "#parameters")) == (active == 0)
            assert ("finished" in shown(pilot, StatusLine)) == (active == 1)


async def test_a_number_without_a_run_only_says_how_many_there_are(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for count, key in enumerate(["3", "4", "5", "6", "7", "8", "9"], 1):
            await pilot.press(key)
            await settle(pilot)
            assert notifications(pilot) == ["there are 2 runs"] * count
            assert pilot.app.screen.query_one(RunsBar).active == 0


async def test_a_run_steps_alone_after_switching(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(("count", "numpy")).run_test(size=SIZE) as pilot:
        await pilot.press("s")
        await settle(pilot)
        await pilot.press("2", "s")
        await settle(pilot)
        assert iterations(pilot) == [0, 1]


async def test_a_backend_is_loaded_when_it_is_switched_to(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    heavy = tmp_path / "heavy.py"
    source = inspect.getsource(inspect.getmodule(type(make_app().session.sources[0].load()())))  # type: ignore[arg-type]
    heavy.write_text("import colorsys, this\n" + source, "utf-8")
    app = make_app(("numpy", str(heavy)), wanted=())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "not loaded" in shown(pilot, RunsBar)
        assert not app.runners[1].started
        await pilot.press("2")
        await settle(pilot)
        assert app.runners[1].started
        assert "not loaded" not in shown(pilot, RunsBar)


async def test_steps_are_taken_at_the_start(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(steps=7).run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert iterations(pilot) == [7, 0]


async def test_c_opens_all_runs_side_by_side(make_app: MakeApp, settle: Settle) -> None:
    """And leads back; what is different there is tested where that screen is."""
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("s", "c")
        await settle(pilot)
        assert isinstance(pilot.app.screen, CompareScreen)
        await pilot.press("c")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ExploreScreen)
        assert iterations(pilot) == [1, 0]


# Hyperparameters


async def test_p_goes_from_one_hyperparameter_to_the_next(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        focused = []
        for _ in range(3):
            await pilot.press("p")
            assert isinstance(pilot.app.focused, Control)
            focused.append(pilot.app.focused.parameter.name)
        assert focused == ["learning_rate", "l2", "learning_rate"]


async def test_up_and_down_go_from_one_control_to_another(
    make_app: MakeApp, settle: Settle
) -> None:
    """They come round again; neither the values nor the cursor change."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        cursor, settings = app.screen.query_one(Heatmap).cursor, dict(run_of(pilot).settings)
        await pilot.press("p")
        for key in ("down", "j", "up", "k", "up", "down"):
            assert isinstance(app.focused, Control)
            before = app.focused.parameter.name
            await pilot.press(key)
            assert isinstance(app.focused, Control)
            assert {before, app.focused.parameter.name} == {"learning_rate", "l2"}, key
        assert run_of(pilot).settings == settings
        assert app.screen.query_one(Heatmap).cursor == cursor


@pytest.mark.slow
async def test_up_and_down_know_the_order_of_three_controls(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    plugin = tmp_path / "three.py"
    plugin.write_text(
        """
from dataclasses import dataclass
import numpy as np
from bigram_tui.backend import Backend, Iteration, hyperparameter

@dataclass
class Three(Backend):
    one: float = hyperparameter(1.0)
    two: float = hyperparameter(2.0)
    three: float = hyperparameter(3.0)

    def train(self, bigrams, weights):
        while True:
            yield Iteration(np.full(bigrams.counts.shape, 1 / len(bigrams.counts)), weights)
""",
        "utf-8",
    )
    async with make_app((str(plugin),)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("p")
        focused = []
        for key in ("down", "down", "down", "up", "up", "k", "j"):
            await pilot.press(key)
            assert isinstance(pilot.app.focused, Control)
            focused.append(pilot.app.focused.parameter.name)
        assert focused == ["two", "three", "one", "three", "two", "one", "two"]
        await pilot.press("right")
        await settle(pilot)
        assert dict(run_of(pilot).settings) == {"one": 1.0, "two": 5.0, "three": 3.0}


async def test_the_keys_of_a_control_stand_in_the_footer(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        told = ("← less", "→ more", "↓ other", "enter type", "esc leave")
        assert not any(text in shown(pilot, KeyFooter) for text in told)
        await pilot.press("p")
        await wait_until(pilot, lambda: all(text in shown(pilot, KeyFooter) for text in told))


async def test_a_key_raises_a_hyperparameter(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("p")
        for key, value in {"right": 100, "l": 200}.items():
            await pilot.press(key)
            await settle(pilot)
            assert run_of(pilot).settings["learning_rate"] == value
            assert f"‹ {value} ›" in shown(pilot, "#parameters")


async def test_a_key_lowers_a_hyperparameter(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("p", "p")
        for key, value in {"left": 0.005, "h": 0.002}.items():
            await pilot.press(key)
            await settle(pilot)
            assert run_of(pilot).settings["l2"] == value
            assert f"‹ {value} ›" in shown(pilot, "#parameters")


async def test_enter_lets_one_type_a_value(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("p", "enter")
        await settle(pilot)
        assert "learning rate" in shown(pilot, Prompt)
        assert pilot.app.screen.query_one(Input).value == "50"
        await pilot.press("1", "2", "full_stop", "5", "enter")
        await settle(pilot)
        assert run_of(pilot).settings["learning_rate"] == 12.5
        assert not pilot.app.screen.query_one(Prompt).display
        assert isinstance(pilot.app.focused, Control), "where one came from"


async def test_a_wrong_value_is_complained_about_and_escape_leaves(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("p", "enter")
        await settle(pilot)
        for typed, complaint in {
            "abc": "a number", "-1": "at least 0", "1e9": "at most 1", "nan": "a finite number",
        }.items():  # fmt: skip
            pilot.app.screen.query_one(Input).value = typed
            await pilot.press("enter")
            await settle(pilot)
            assert f"learning_rate is {complaint}" in screen_text(pilot)
            assert pilot.app.screen.query_one(Prompt).display
        await pilot.press("escape")
        await settle(pilot)
        assert not pilot.app.screen.query_one(Prompt).display
        assert run_of(pilot).settings["learning_rate"] == 50
        assert isinstance(pilot.app.focused, Control), "where one came from"


@pytest.mark.slow
async def test_a_complaint_is_gone_when_the_question_is_asked_again(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("p", "enter")
        await settle(pilot)
        await pilot.press("x", "enter", "escape", "p", "enter")
        await settle(pilot)
        assert "is a number" not in shown(pilot, Prompt)


@pytest.mark.slow
@sizes((80, 24), (60, 16), SIZE, (200, 60))
async def test_what_is_asked_and_typed_and_complained_about_is_to_be_seen(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, size: tuple[int, int]
) -> None:
    """In the last line of the screen, which is the footer's at other times."""
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await wait_until(pilot, lambda: "step" in last_line(pilot))
        footer = last_line(pilot)
        before = screen_text(pilot).split("\n")[:-1]
        await pilot.press("slash")
        await settle(pilot)
        assert "go to character, bigram or U+code: " in last_line(pilot)
        assert "step" not in last_line(pilot)
        await pilot.press("e", "7")
        await settle(pilot)
        assert re.search(r"U\+code: +e7 ", last_line(pilot))
        await pilot.press("enter")
        await settle(pilot)
        assert re.search(r"'7' is not in the text +e7 ", last_line(pilot))
        assert screen_text(pilot).split("\n")[:-1] == before, "all else stays"
        await pilot.press("escape")
        await settle(pilot)
        await wait_until(pilot, lambda: last_line(pilot) == footer)
        await pilot.press("p")
        await settle(pilot)
        focused = app.focused
        await pilot.press("enter")
        await settle(pilot)
        assert re.search(r"η learning rate: +50 ", last_line(pilot))
        await pilot.press("2", "x", "enter")
        await settle(pilot)
        assert re.search(r"learning_rate is a number, not '2x' +2x ", last_line(pilot))
        await pilot.press("escape")
        await settle(pilot)
        await wait_until(pilot, lambda: "← less" in last_line(pilot))
        assert app.focused is focused


async def test_escape_leaves_the_hyperparameters(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("p")
        assert isinstance(pilot.app.focused, Control)
        await pilot.press("escape")
        assert pilot.app.focused is pilot.app.screen.query_one(Heatmap)


@pytest.mark.slow
async def test_a_change_takes_effect_while_training_which_goes_on(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await wait_until(pilot, lambda: run_of(pilot).iteration > 1)
        await pilot.press("p", "right")
        await wait_until(pilot, lambda: run_of(pilot).settings["learning_rate"] == 100)
        changed_at = run_of(pilot).changes[-1]
        assert changed_at > 0
        await wait_until(pilot, lambda: run_of(pilot).iteration > changed_at + 3)
        assert run_of(pilot).training
        await pilot.press("space")
        await settle(pilot)
        assert not run_of(pilot).training


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
@pytest.mark.parametrize("settings", [{"learning_rate": 1e5, "l2": 1000}, {"learning_rate": 1e5}])
async def test_divergence_shows_its_reason_and_z_leads_back(
    make_app: MakeApp, settle: Settle, shown: Shown, settings: dict[str, object]
) -> None:
    app = make_app(settings={"numpy": settings})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("x", "x")
        await settle(pilot)
        run = run_of(pilot)
        assert run.status is Status.DIVERGED
        assert f"diverged at step {run.iteration}" in shown(pilot, "#notice")
        assert "z goes back" in " ".join(shown(pilot, "#notice").split())
        assert "diverged" in shown(pilot, RunsBar)
        assert "diverged" in shown(pilot, StatusLine)
        await pilot.press("z")
        await settle(pilot)
        assert run_of(pilot).status is Status.READY
        assert run_of(pilot).iteration == run.iteration - 1
        assert "diverged" not in screen_text(pilot)
        assert not app.screen.query_one("#notice").display


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "rate", "too_large"), [("plus-sign", 50.0, False), ("numpy", 1e5, True)]
)
async def test_a_step_is_called_too_large_only_where_it_is(
    make_app: MakeApp,
    settle: Settle,
    shown: Shown,
    backend: str,
    rate: float,
    too_large: bool,
) -> None:
    app = make_app((backend,), settings={backend: {"learning_rate": rate}}, steps=200)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert run_of(pilot).status is Status.DIVERGED
        notice = " ".join(shown(pilot, "#notice").split())
        assert ("too large" in notice) is too_large
        assert ("the total rose from" in notice) is not too_large
        assert notice.endswith("z goes back, p changes hyperparameters")
        await pilot.press("z")
        await settle(pilot)
        title = str(app.screen.query_one("#parameters").border_title)
        percent = re.search(r"η is (\S+) % of the stable limit", title)
        assert (percent is not None) is too_large
        assert percent is None or float(percent[1].replace(",", "")) > 100


async def test_a_change_in_the_past_shows_the_way_that_was_left(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """As soon as there are iterations beside it, and within their axes alone."""
    faint = run_color(0, True, faint=True).get_truecolor().hex
    async with make_app(steps=20).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("Z")
        await settle(pilot)
        assert faint not in colors_of(pilot, LossCurve)
        await pilot.press("p", "left", "left", "left", "left", "escape")
        await settle(pilot)
        run = run_of(pilot)
        assert (run.iteration, run.latest) == (10, 10)
        assert run.left is not None
        assert (run.left.start, len(run.left.losses)) == (10, 11)
        assert shown(pilot, LossCurve).rstrip().endswith(" 10"), "the axis ends where the run does"
        assert faint not in colors_of(pilot, LossCurve)
        await pilot.press("S")
        await settle(pilot)
        assert shown(pilot, LossCurve).rstrip().endswith(" 20")
        assert faint in colors_of(pilot, LossCurve)
        await pilot.press("r", "s", "s")
        await settle(pilot)
        left = run_of(pilot).left
        assert left is not None
        assert (left.start, len(left.losses)) == (0, 21)
        assert shown(pilot, LossCurve).rstrip().endswith(" 2")
        assert faint in colors_of(pilot, LossCurve)


# What is looked at


async def test_v_shows_one_table_after_the_other(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await pilot.press("s")
        await settle(pilot)
        titles, pictures = [], []
        for _ in range(5):
            titles.append(str(pilot.app.screen.query_one(Heatmap).border_title))
            pictures.append((cell_colors(pilot), shown(pilot, Legend)))
            await pilot.press("v")
            await settle(pilot)
        assert [title.split()[0] for title in titles[:4]] == ["P(next", "N", "W", "gradient"]
        assert titles[4] == titles[0]
        assert pictures[4] == pictures[0]
        assert len({legend for _, legend in pictures}) == 4


async def test_a_view_that_a_model_does_not_have_says_so(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await pilot.press("2", "v", "v")
        await settle(pilot)
        assert "count has no weights" in shown(pilot, Heatmap)
        await pilot.press("v")
        await settle(pilot)
        assert "count has no gradient" in shown(pilot, Heatmap)


async def test_n_changes_the_scale_of_this_view_alone(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        titles, colors, legends = [], [], []
        for _ in range(4):
            titles.append(str(pilot.app.screen.query_one(Heatmap).border_title))
            colors.append(frozenset(cell_colors(pilot)))
            legends.append(shown(pilot, Legend))
            await pilot.press("n")
            await settle(pilot)
        assert [title.split("  ")[1] for title in titles] == [
            "√ scale", "log scale", "linear scale", "√ scale",
        ]  # fmt: skip
        assert colors[3] == colors[0]
        assert len(set(colors)) == 3
        assert len(set(legends)) == 3
        await pilot.press("v")
        await settle(pilot)
        assert str(pilot.app.screen.query_one(Heatmap).border_title).startswith("N counts  √ scale")


async def test_g_samples_other_names(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        first = shown(pilot, SampleList)
        await pilot.press("g")
        await settle(pilot)
        second = shown(pilot, SampleList)
        assert first.split()[2:] != second.split()[2:]
        assert "draw 2" in second
        await pilot.press("v")
        await settle(pilot)
        assert shown(pilot, SampleList) == second


@pytest.mark.slow
async def test_names_are_those_of_the_session(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    app = make_app(("count",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        probabilities = run_of(pilot).probabilities
        assert probabilities is not None
        expected = [name.text for name in app.session.sample(probabilities, 3)]
        lines = shown(pilot, SampleList).split("\n")[1:]
        assert " ".join(lines).replace("•", "").split()[:3] == expected


async def test_names_that_stand_in_the_text_are_marked(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    corpus = tmp_path / "two.txt"
    corpus.write_text("abc\nab\n", "utf-8")
    app = make_app(("count",), corpus=corpus, settings={"count": {"smoothing": 0.0}})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        names = set(shown(pilot, SampleList).split("\n", 1)[1].split())
        assert names == {"•ab", "•abc"}
    corpus.write_text("abab\n", "utf-8")
    app = make_app(("count",), corpus=corpus, settings={"count": {"smoothing": 0.0}})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        names = set(shown(pilot, SampleList).split("\n", 1)[1].split())
        assert names >= {"•abab", "ab", "ababab"}
        assert "•ab" not in names


async def test_a_key_makes_an_axis_logarithmic(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    """Each key its own, in any order, as the title says."""
    async with make_app(steps=50).run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        loss = pilot.app.screen.query_one(LossCurve)
        plots, titles = [], []
        for key in ("y", "Y", "y", "Y", ""):
            plots.append(shown(pilot, LossCurve).split("\n", 1)[1])
            titles.append(str(loss.border_title))
            if key:
                await pilot.press(key)
                await settle(pilot)
        assert len(set(plots)) == 4
        assert plots[4] == plots[0]
        plain = titles[0]
        assert "log" not in plain
        assert titles == [
            plain, f"{plain}  log y", f"{plain}  log y  log x", f"{plain}  log x", plain,
        ]  # fmt: skip
        # The labels of the y axis: its middle is the geometric mean, or the arithmetic one.
        middles = [re.findall(r"^\s*(\d\.\d+) ", plot, re.MULTILINE) for plot in plots]
        for number, log in enumerate((False, True, True, False)):
            high, middle, low = map(float, middles[number])
            mean = (high * low) ** 0.5 if log else (high + low) / 2
            assert middle == pytest.approx(mean, abs=0.02)


async def test_t_changes_between_dark_and_light(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        grounds = []
        for dark in (True, False, True):
            assert pilot.app.current_theme.dark is dark
            allowed = {color.get_truecolor().hex for color in ramp(False, dark)}
            found = cell_colors(pilot)
            assert len(found & allowed) > LEVELS // 8
            grounds.append(found)
            await pilot.press("t")
            await settle(pilot)
        assert grounds[0] == grounds[2]
        assert len(grounds[0] & grounds[1]) <= 2


@pytest.mark.slow
async def test_the_curve_and_the_inspector_follow_the_theme(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app(steps=3).run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert run_color(0, True).get_truecolor().hex in colors_of(pilot, LossCurve)
        await pilot.press("t")
        await settle(pilot)
        assert run_color(0, False).get_truecolor().hex in colors_of(pilot, LossCurve)
        assert run_color(0, True).get_truecolor().hex not in colors_of(pilot, LossCurve)
        assert run_color(0, False).get_truecolor().hex in colors_of(pilot, RunsBar)


MOVES = {
    "up": (-1, 0), "k": (-1, 0), "down": (1, 0), "j": (1, 0),
    "left": (0, -1), "h": (0, -1), "right": (0, 1), "l": (0, 1),
}  # fmt: skip


@sizes(SIZE, (60, 16), (40, 12))
async def test_a_key_moves_the_cursor(
    make_app: MakeApp, settle: Settle, shown: Shown, size: tuple[int, int]
) -> None:
    """Also where the heatmap is larger than its pane."""
    app = make_app(("count",))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        if app.screen.query_one(Heatmap).form.overview:
            await pilot.press("plus")
            await settle(pilot)
        labels = app.session.corpus.train.vocabulary.labels
        for key in ["up", "down", "left", "right", "h", "j", "k", "l"]:
            row, column = 13 + MOVES[key][0], 13 + MOVES[key][1]
            app.screen.cursor = (13, 13)
            await pilot.press(key)
            await settle(pilot)
            assert app.screen.query_one(Heatmap).cursor == (row, column), key
            assert inspected(shown(pilot, Inspector)) == labels[row] + labels[column]


async def test_the_cursor_stays_in_the_table(make_app: MakeApp, settle: Settle) -> None:
    app = make_app(("count",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        for keys, corner in ((("up", "left"), (0, 0)), (("down", "right"), (26, 26))):
            app.screen.cursor = corner
            await pilot.press(*keys)
            await settle(pilot)
            assert app.screen.cursor == corner


async def test_the_cursor_starts_at_the_most_frequent_beginning_of_a_line(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    """Not at the most frequent bigram, "bb", nor where most lines end."""
    corpus = tmp_path / "starts.txt"
    corpus.write_text("abbbbbb\ncb\ncb\nab\ncbb\n", "utf-8")
    app = make_app(("count",), corpus=corpus)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert app.screen.query_one(Heatmap).cursor == (0, 3)
        assert inspected(shown(pilot, Inspector)) == ".c"
        assert "N 3 " in shown(pilot, Inspector)


async def test_slash_jumps_to_a_character_or_a_bigram(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        before = inspected(shown(pilot, Inspector))
        for typed, bigram in {
            "e": "e" + before[1], ".": "." + before[1], "qu": "qu", "U+006D": "mu", "u+71": "qu",
            "u": "uu", "x.": "x.", "U+0071 u+0061": "qa",
        }.items():  # fmt: skip
            await pilot.press("slash")
            await settle(pilot)
            assert "bigram" in shown(pilot, Prompt)
            await pilot.press(*(key_of(char) for char in typed), "enter")
            await settle(pilot)
            assert inspected(shown(pilot, Inspector)) == bigram
            assert not pilot.app.screen.query_one(Prompt).display


async def test_a_jump_to_nowhere_is_complained_about_and_escape_leaves(
    make_app: MakeApp, settle: Settle
) -> None:
    app = make_app(("count",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        before = app.screen.cursor
        await pilot.press("slash")
        await settle(pilot)
        for typed, complaint in {
            "7": "'7' is not in the text", "a8": "'8' is not in the text", "abc": "one character",
            "U+xyz": "no code point", "": "one character", "U+110000": "no code point",
            "u+-41": "no code point", "U+99999999999": "no code point",
        }.items():  # fmt: skip
            app.screen.query_one(Input).value = typed
            await pilot.press("enter")
            await settle(pilot)
            assert complaint in screen_text(pilot)
            assert app.screen.query_one(Prompt).display
        await pilot.press("escape")
        await settle(pilot)
        assert not app.screen.query_one(Prompt).display
        assert app.screen.cursor == before
        assert app.focused is app.screen.query_one(Heatmap)


async def test_keys_type_into_the_prompt_and_do_nothing_else(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("slash", "s", "x", "q")
        await settle(pilot)
        assert pilot.app.screen.query_one(Input).value == "sxq"
        assert iterations(pilot) == [0, 0]


async def test_plus_and_minus_change_the_size_of_the_cells(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        heatmap = pilot.app.screen.query_one(Heatmap)
        names = [heatmap.form.name]
        for key in ("plus", "plus", "plus", "minus", "minus", "minus", "minus", "equals_sign"):
            await pilot.press(key)
            await settle(pilot)
            names.append(heatmap.form.name)
            assert shown(pilot, Heatmap).strip()
        assert names == [
            "small", "medium", "large", "large", "medium", "small", "half", "half", "small",
        ]  # fmt: skip


async def test_larger_cells_show_their_numbers(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await pilot.press("plus")
        await settle(pilot)
        table = run_of(pilot).probabilities
        assert table is not None
        heatmap = pilot.app.screen.query_one(Heatmap)
        row, column = heatmap.cursor
        assert f"{table[row, column]:.3f}".removeprefix("0") in shown(pilot, Heatmap)


async def test_glyphs_replace_colours_where_there_are_none(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app(("count",), depth=GLYPHS_ONLY).run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert set("░▒▓") <= set(shown(pilot, Heatmap))
        await pilot.press("minus")
        await settle(pilot)
        assert pilot.app.screen.query_one(Heatmap).form.name == "tiny"


async def test_the_heatmap_scrolls_to_keep_the_cursor_in_sight(
    make_app: MakeApp, settle: Settle
) -> None:
    """In the first form of the cells, the second and the fourth."""
    app = make_app(("count",))
    async with app.run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        heatmap = app.screen.query_one(Heatmap)
        for larger, key in product((0, 1, 2), "jl"):
            await pilot.press(*["plus"] * (larger if key == "j" else 0))
            app.screen.cursor = (0, 0)
            await settle(pilot)
            assert heatmap.scroll_offset == (0, 0)
            app.screen.cursor = (24, 0) if key == "j" else (0, 24)
            await settle(pilot)
            await pilot.press(*[key] * 3)
            await settle(pilot)
            assert app.screen.cursor == ((26, 0) if key == "j" else (0, 26))
            x = LABEL_WIDTH + app.screen.cursor[1] * heatmap.form.width - heatmap.scroll_offset.x
            y = 1 + heatmap.form.line_of(app.screen.cursor[0]) - heatmap.scroll_offset.y
            room = heatmap.scrollable_content_region.size  # what scrollbars leave
            assert LABEL_WIDTH <= x <= room.width - heatmap.form.width
            assert 1 <= y <= room.height - heatmap.form.lines
            assert heatmap.cell_at(x, y) in {app.screen.cursor, (25, app.screen.cursor[1])}


@pytest.mark.slow
async def test_the_labels_stay_while_the_cells_scroll(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    app = make_app(("count",))
    async with app.run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        await pilot.press("plus")
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        app.screen.cursor = (26, 26)
        await settle(pilot)
        lines = shown(pilot, Heatmap).split("\n")[1:]
        assert lines[0][:LABEL_WIDTH].strip() == ""
        assert "z" in lines[0]
        assert any(line.startswith("z ") and "zz" in line for line in lines)


# Another order, and a row as a list


async def test_capital_o_shows_the_tokens_in_another_order(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil
) -> None:
    """The cursor stays at its bigram, and the arrow keys move as they are drawn."""
    app = make_app(("count",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        bigrams, heatmap = app.session.corpus.train, app.screen.query_one(Heatmap)
        before = inspected(shown(pilot, Inspector))
        for name in ("frequency", "similarity"):
            await pilot.press("O")
            await wait_until(pilot, lambda name=name: f"order: {name}" in str(heatmap.border_title))
            await settle(pilot)
            order = ORDERS[name](bigrams).tolist()
            written = "".join(bigrams.vocabulary.labels[token] for token in order)
            top, *lines = shown(pilot, Heatmap).split("\n")[1:]
            assert top.replace(" ", "") == written
            assert "".join(line[0] for line in lines if line.strip()) == written
            assert inspected(shown(pilot, Inspector)) == before
            for key, (down, right) in MOVES.items():
                app.screen.cursor = order[5], order[7]
                await pilot.press(key)
                await settle(pilot)
                assert app.screen.cursor == (order[5 + down], order[7 + right])
            app.screen.cursor = (0, bigrams.vocabulary.index[before[1]])
            await settle(pilot)
        await pilot.press("O")
        await wait_until(pilot, lambda: "order: code point" in str(heatmap.border_title))


@pytest.mark.slow
async def test_each_order_is_looked_for_once_and_the_last_one_wanted_is_shown(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the key is pressed again before it is found."""
    go, named = threading.Event(), TokenOrder.named
    looked_for: list[str] = []

    def slowly(name: str, bigrams: Bigrams) -> TokenOrder:
        looked_for.append(name)
        go.wait(20)
        return named(name, bigrams)

    monkeypatch.setattr(TokenOrder, "named", slowly)
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        heatmap = pilot.app.screen.query_one(Heatmap)
        await pilot.press("O", "O")
        assert heatmap.order is None
        await pilot.press("O", "O", "O")
        go.set()
        await wait_until(pilot, lambda: "order: similarity" in str(heatmap.border_title))
        await pilot.press("O", "O")
        await wait_until(pilot, lambda: "order: frequency" in str(heatmap.border_title))
    assert sorted(looked_for) == ["frequency", "similarity"]


@pytest.mark.slow
async def test_the_numbers_of_an_order_are_those_of_its_cells(
    make_app: MakeApp, settle: Settle, shown: Shown, wait_until: WaitUntil
) -> None:
    app = make_app(("count",))
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        heatmap = app.screen.query_one(Heatmap)
        await pilot.press("v", "O")
        await wait_until(pilot, lambda: heatmap.order is not None)
        await settle(pilot)
        bigrams = app.session.corpus.train
        order = ORDERS["frequency"](bigrams)
        numbers = [line[LABEL_WIDTH:] for line in shown(pilot, Heatmap).split("\n")[3::2]]
        for row, line in zip(order, numbers, strict=False):
            assert list(map(int, line.split()[:27])) == bigrams.counts[row, order].tolist()


async def test_d_lists_what_follows_and_enter_goes_there(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    app = make_app(("count",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        index = app.session.corpus.train.vocabulary.index
        app.screen.cursor = index["q"], index["u"]
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, RowScreen)
        rows = app.screen.query_one(RowList)
        assert "after “q”, 26 characters" in str(rows.border_title)
        table = run_of(pilot).probabilities
        assert table is not None
        third = int(np.argsort(-table[index["q"]], kind="stable")[2])
        await pilot.press("home", "down", "down", "enter")
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)
        assert app.screen.cursor == (index["q"], third)
        await pilot.press("d", "end", "escape")
        await settle(pilot)
        assert app.screen.cursor == (index["q"], third)


# Help, palette, quit


@pytest.mark.parametrize(
    ("key", "wrong", "right"), [("", "darker", "brighter"), ("t", "brighter", "darker")]
)
async def test_help_and_tour_say_how_a_large_p_looks_in_the_present_theme(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, key: str, wrong: str, right: str
) -> None:
    async with make_app(tour=True).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*key)
        await wait_until(pilot, lambda: f"The {right}, the likelier" in screen_text(pilot))
        low, *_, high = ramp(False, pilot.app.current_theme.dark)
        light = sum(high.get_truecolor()) > sum(low.get_truecolor())
        assert right == ("brighter" if light else "darker")
        await pilot.press("question_mark")
        await settle(pilot)
        assert re.search(rf"The {right} a\W+cell, the more", screen_text(pilot))
        assert wrong not in screen_text(pilot)


async def test_a_key_closes_the_help(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in ("escape", "question_mark", "q", "enter"):
            await pilot.press("question_mark")
            await settle(pilot)
            assert isinstance(pilot.app.screen, HelpScreen)
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(pilot.app.screen, ExploreScreen)
            assert pilot.app.is_running
        await pilot.press("s")
        await settle(pilot)
        assert iterations(pilot) == [1, 0]


async def test_capital_e_offers_what_can_be_written(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("E")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Chooser)
        offered = [str(o.prompt) for o in pilot.app.screen.query_one(OptionList).options]
        assert [re.findall(r"\.\w+", text) for text in offered] == [
            [".csv", ".jsonl"], [".csv"], [".svg"],
        ]  # fmt: skip
        for key in ("escape", "q"):
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(pilot.app.screen, ExploreScreen)
            assert pilot.app.is_running
            await pilot.press("E")
            await settle(pilot)


async def test_a_key_opens_a_panel_that_leaves_the_runs_alone(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app(steps=3).run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key, close in (("M", "escape"), ("N", "enter"), ("enter", "q")):
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(pilot.app.screen, Panel)
            await pilot.press(close)
            await settle(pilot)
            assert isinstance(pilot.app.screen, ExploreScreen)
        assert pilot.app.is_running
        assert iterations(pilot) == [3, 0]


@pytest.mark.parametrize(
    ("key", "screen"),
    [
        ("L", Chooser),
        ("G", TheoryScreen),
        ("T", NetworkScreen),
        ("P", PitfallsScreen),
        ("H", PresetsScreen),
        ("F", FamiliesScreen),
    ],
)
async def test_a_key_opens_a_lesson_that_leaves_the_runs_alone(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, key: str, screen: type[Screen[object]]
) -> None:
    async with make_app(steps=3).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press(key)
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, screen))
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExploreScreen))
        assert iterations(pilot) == [3, 0]


@pytest.mark.slow
async def test_the_menu_opens_each_lesson(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    opened: set[type] = set()
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        for place, (lesson, *_) in enumerate(LESSONS):
            await pilot.press("L", *["down"] * place, "enter")
            if lesson == "tour":
                await wait_until(pilot, lambda: pilot.app.screen.query_one("#tour").display)
                await pilot.press("escape")
                continue
            kinds = (ExploreScreen, Chooser)
            await wait_until(pilot, lambda kinds=kinds: not isinstance(pilot.app.screen, kinds))
            opened.add(type(pilot.app.screen))
            await settle(pilot)
            await pilot.press("escape")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExploreScreen))
    assert len(opened) == len(LESSONS) - 1


async def test_the_keys_of_the_tour(make_app: MakeApp, settle: Settle) -> None:
    app = make_app(tour=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        tour = app.view_state.tour
        for key, place in (("enter", 1), ("enter", 2), ("backspace", 1), ("escape", None)):
            await pilot.press(key)
            await settle(pilot)
            assert tour.place == place


@pytest.mark.parametrize("key", ["q", *slow("ctrl+q")])
async def test_a_key_quits(make_app: MakeApp, settle: Settle, key: str) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press(key)
    assert app.return_code == 0
    assert app._exit


async def test_quitting_stops_every_run(make_app: MakeApp, settle: Settle) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("space")
        await pilot.press("q")
    threads = [runner._thread for runner in app.runners if runner._thread is not None]
    assert threads
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


async def test_the_palette_offers_every_action_of_the_screen(
    make_app: MakeApp, settle: Settle
) -> None:
    """Whatever has the focus; of the numbers, those of backends that there are."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        wanted = {binding.description.lower() for binding in bindings_of(ExploreScreen)}
        wanted -= {f"run {number}" for number in range(3, 10)}
        offered = {c.title.lower() for c in app.get_system_commands(app.screen)}
        assert wanted <= offered
        assert {title for title in offered if re.fullmatch(r"run \d", title)} == {
            "run 1", "run 2",
        }  # fmt: skip
        await pilot.press("p")
        assert isinstance(app.focused, Control)
        assert {c.title.lower() for c in app.get_system_commands(app.screen)} == offered


async def test_of_textuals_own_commands_the_palette_offers_those_that_work_here(
    make_app: MakeApp, settle: Settle
) -> None:
    """`?` lists the keys and `E` writes a picture; Textual's own ways to do so fail here."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        ours = {binding.description.capitalize() for binding in bindings_of(ExploreScreen)}
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert offered - ours == {"Theme", "Quit", "Tour"}


@pytest.mark.slow
async def test_the_palette_changes_the_theme(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await _choose_in_palette(pilot, wait_until, "Theme", "other colours")
        await wait_until(pilot, lambda: "gruvbox" in screen_text(pilot))
        await _choose(pilot, wait_until, "nord", "nord")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExploreScreen))
        assert app.theme == "nord"
        await pilot.press("t")
        assert not app.current_theme.dark


@pytest.mark.slow
async def test_the_palette_quits(make_app: MakeApp, settle: Settle, wait_until: WaitUntil) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await _choose_in_palette(pilot, wait_until, "Quit", "key q")
        await wait_until(pilot, lambda: app._exit)
    assert app.return_code == 0


@pytest.mark.slow
async def test_every_theme_draws_the_screen(make_app: MakeApp, settle: Settle) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for name in app.available_themes:
            app.theme = name
            await settle(pilot)
            assert "P(next | current)" in screen_text(pilot)


async def _choose_in_palette(
    pilot: Pilot[None], wait_until: WaitUntil, text: str, told: str
) -> None:
    """Open the palette, type a text, and take the first command once it is offered."""
    await pilot.press("ctrl+p")
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    await _choose(pilot, wait_until, text, told)


async def _choose(pilot: Pilot[None], wait_until: WaitUntil, text: str, told: str) -> None:
    await pilot.press(*text)
    await wait_until(pilot, lambda: told in screen_text(pilot).replace(text, "", 1))
    await pilot.press("enter")


async def test_the_palette_carries_out_an_action(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        await pilot.press(*"10", "space", *"steps")
        await wait_until(pilot, lambda: "key S" in screen_text(pilot))
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExploreScreen))
        await wait_until(pilot, lambda: run_of(pilot).iteration == 10)


# The mouse


async def test_the_mouse_moves_the_cursor(make_app: MakeApp, settle: Settle, shown: Shown) -> None:
    app = make_app(("count",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        heatmap = app.screen.query_one(Heatmap)
        for size, gesture in product((SIZE, (80, 24)), ("hover", "click")):
            await pilot.resize_terminal(*size)
            await pilot.press("h")
            await settle(pilot)
            assert inspected(shown(pilot, Inspector)) != "dg"
            row, column = 4, 7  # "dg"; even, so that it is the upper one of two in a line
            border_and_labels = 2
            y = border_and_labels + heatmap.form.line_of(row)
            await getattr(pilot, gesture)(heatmap, (LABEL_WIDTH + column * heatmap.form.width, y))
            await settle(pilot)
            assert heatmap.cursor == (row, column)
            assert inspected(shown(pilot, Inspector)) == "dg"


@pytest.mark.slow
async def test_the_mouse_beside_the_cells_leaves_the_cursor(
    make_app: MakeApp, settle: Settle
) -> None:
    app = make_app(("count",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        heatmap = app.screen.query_one(Heatmap)
        before = heatmap.cursor
        for place in ((1, 5), (20, 1), (20, 0), (20, 29)):
            await pilot.hover(heatmap, place)
            await settle(pilot)
            assert heatmap.cursor == before
        await pilot.hover(heatmap, (20, 28))
        await settle(pilot)
        assert heatmap.cursor == (26, 8), "the last line is that of z"


@pytest.mark.parametrize("log_x", [False, *slow(True)], ids=["linear x", "log x"])
async def test_a_press_on_the_plot_goes_to_the_iteration_that_is_drawn_there(
    make_app: MakeApp, settle: Settle, shown: Shown, log_x: bool
) -> None:
    """Of the active run alone, which can go on from there; so does dragging."""
    app = make_app(steps=300)
    async with app.run_test(size=SIZE) as pilot:
        app.lineup.add(app.session.sources[0], after=app.runners[-1]).start()
        await settle(pilot)
        if log_x:
            await pilot.press("Y")
            await settle(pilot)
        plot = app.screen.query_one(LossCurve)
        lines = shown(pilot, LossCurve).split("\n")
        left, right = lines[-1].index("0"), plot.size.width - 1
        for kind, column in ((MouseDown, 60), (MouseMove, 50), (MouseMove, right)):
            await pilot._post_mouse_events([kind], plot, (column, 5), button=1)
            await settle(pilot)
            part = (column - left) / (right - left)
            expected = 301**part - 1 if log_x else 300 * part
            found = run_of(pilot).iteration
            assert found == pytest.approx(expected, abs=300 / (right - left), rel=0.1)
            assert (run_of(pilot).latest, iterations(pilot)[1:]) == (300, [0, 0])
            ruled = {line.index("│") for line in shown(pilot, LossCurve).split("\n") if "│" in line}
            assert ruled == ({column} if column < right else set())
        await pilot.hover(plot, (left + 3, 5))
        await settle(pilot)
        assert run_of(pilot).iteration == 300, "no button is pressed"
        for column, reached in ((left - 1, 300), (left, 0), (right, 300)):
            await pilot.click(plot, (column, 5))
            await settle(pilot)
            assert run_of(pilot).iteration == reached
        await pilot.press("s")
        await settle(pilot)
        assert iterations(pilot) == [301, 0, 0]


async def test_a_click_on_an_entry_switches_the_run(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        for name, number in (("count", 1), ("numpy", 0)):
            await pilot.click(RunsBar, (shown(pilot, RunsBar).index(name), 0))
            await settle(pilot)
            assert pilot.app.screen.query_one(RunsBar).active == number
        await pilot.click(RunsBar, (119, 0))
        await settle(pilot)
        assert pilot.app.screen.query_one(RunsBar).active == 0


async def test_clicks_on_the_arrows_change_a_value_and_on_it_ask(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        control = pilot.app.screen.query(Control).first()
        await pilot.click(control, (text_of(control).index("›"), 0))
        await settle(pilot)
        assert run_of(pilot).settings["learning_rate"] == 100
        for _ in range(2):
            await pilot.click(control, (text_of(control).index("‹"), 0))
            await settle(pilot)
        assert run_of(pilot).settings["learning_rate"] == 20
        await pilot.click(control, (text_of(control).index("20"), 0))
        await settle(pilot)
        assert pilot.app.screen.query_one(Prompt).display
        assert pilot.app.screen.query_one(Input).value == "20"


# Odd texts

ODD_LINES = (
    "[red]x[/red]", "\x1b[31mhi\x1b[0m", "a\tb", "漢字", "שלום", "e\u0301te\u0301", "a.b",
    "\u202eab", "\u200bz", "a b", "\x07bell", "\U0001f600", "[/]", "]8;;", "\\[b",
)  # fmt: skip


@pytest.fixture
def odd_corpus(tmp_path: Path) -> Path:
    path = tmp_path / "[b]odd[b].txt"
    path.write_text("\n".join(ODD_LINES), "utf-8")
    return path


def assert_safe(pilot: Pilot[None]) -> None:
    """Nothing on the screen commands the terminal, and every line has the screen's width."""
    strips = pilot.app.screen._compositor.render_strips()
    for strip in strips:
        text = "".join(segment.text for segment in strip)
        assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}], text
        assert cell_len(text) == pilot.app.size.width, text


@pytest.mark.slow
@sizes((80, 24), SIZE, (200, 60))
async def test_a_text_of_odd_characters_is_drawn_as_itself(
    make_app: MakeApp, settle: Settle, odd_corpus: Path, size: tuple[int, int]
) -> None:
    app = make_app(corpus=odd_corpus)
    async with app.run_test(size=size) as pilot:
        await pilot.press("s")
        await settle(pilot)
        assert iterations(pilot) == [1, 0]
        assert_safe(pilot)
        assert isinstance(app.screen, ExploreScreen)
        size_of_all = len(app.session.corpus.train.vocabulary)
        for token in range(size_of_all) if size == SIZE else (0, 1, size_of_all - 1):
            app.screen.cursor = (token, token)
            await pilot.pause()
            assert_safe(pilot)
        for key in ("v", "plus", "v", "plus", "v", "plus", "2", "minus"):
            await pilot.press(key)
            await settle(pilot)
            assert_safe(pilot)


async def test_markup_in_a_text_is_shown_as_text(
    make_app: MakeApp, settle: Settle, shown: Shown, tmp_path: Path
) -> None:
    corpus = tmp_path / "markup.txt"
    corpus.write_text("[b]\n", "utf-8")
    app = make_app(("count",), corpus=corpus, settings={"count": {"smoothing": 0.0}})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "•[b]  •[b]" in shown(pilot, SampleList)
        assert "[b" in shown(pilot, Heatmap)


@pytest.mark.slow
async def test_an_escape_sequence_can_be_jumped_to(
    make_app: MakeApp, settle: Settle, shown: Shown, odd_corpus: Path
) -> None:
    async with make_app(("count",), corpus=odd_corpus).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("slash", *("U", "plus", "1", "B"), "enter")
        await settle(pilot)
        assert inspected(shown(pilot, Inspector)).startswith("␛")
        assert_safe(pilot)


async def test_the_name_of_the_file_is_no_markup(
    make_app: MakeApp, settle: Settle, shown: Shown, odd_corpus: Path
) -> None:
    async with make_app(corpus=odd_corpus).run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "[b]odd[b].txt" in shown(pilot, StatusLine)


# What is amiss


async def test_an_infinite_held_out_loss_explains_itself(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    app = make_app(("count",), split=(80, 20), settings={"count": {"smoothing": 0.0}})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        notice = shown(pilot, "#notice")
        assert "held-out NLL is ∞" in notice
        found = re.search(r"(\d+) bigrams.*“(..)”", notice, re.DOTALL)
        assert found is not None
        train, held_out = app.session.corpus.train, app.session.corpus.validation
        assert held_out is not None
        table = run_of(pilot).probabilities
        assert int(found[1]) == ((table == 0) & (held_out.counts > 0)).sum()
        index = train.vocabulary.index
        assert train.counts[index[found[2][0]], index[found[2][1]]] == 0
        assert "held out ∞" in str(app.screen.query_one(LossCurve).border_title)
        await pilot.press("p", "right")
        await settle(pilot)
        assert not app.screen.query_one("#notice").display
        assert re.search(r"held out \d\.\d{4}", str(app.screen.query_one(LossCurve).border_title))


@pytest.mark.slow
async def test_what_is_said_in_words_counts_the_places(
    make_app: MakeApp, settle: Settle, shown: Shown
) -> None:
    app = make_app(("count",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        train = app.session.corpus.train
        for row, column, words in (
            (1, 0, "After “a”, the line ends {} of {} times"),
            (0, 1, "“a” starts {} of {} lines"),
            (1, 14, "After “a”, “n” comes {} of {} times"),
            (0, 0, "{} of {} lines are empty"),
        ):
            assert isinstance(app.screen, ExploreScreen)
            app.screen.cursor = (row, column)
            await settle(pilot)
            counted = words.format(train.counts[row, column], train.row_sums[row])
            assert counted in shown(pilot, Inspector)


@sizes((80, 24), SIZE, (200, 60))
async def test_the_bar_under_the_cursor_is_in_sight(
    make_app: MakeApp, settle: Settle, shown: Shown, size: tuple[int, int]
) -> None:
    """Also where it is the least of all."""
    app = make_app(("count",))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        table = run_of(pilot).probabilities
        assert table is not None
        labels = app.session.corpus.train.vocabulary.labels
        column = int(table[1].argmin())
        assert isinstance(app.screen, ExploreScreen)
        app.screen.cursor = (1, column)
        await settle(pilot)
        assert re.search(
            rf"(^|\s){labels[column]} +{100 * table[1].min():.2f}", shown(pilot, Inspector)
        )


async def test_ctrl_z_is_nothing_where_no_shell_waits(make_app: MakeApp, settle: Settle) -> None:
    """As in a browser; what it does in a terminal is tested in one."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+z", "s")
        await settle(pilot)
        assert iterations(pilot) == [1, 0]


# All bindings


async def test_u_shows_what_the_run_has_printed(make_app: MakeApp, settle: Settle) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.runners[0].output.write("of the first\n")
        app.runners[1].output.write("of the second\n")
        await pilot.press("2", "u")
        await settle(pilot)
        assert "of the second" in screen_text(pilot)
        assert "of the first" not in screen_text(pilot)


TESTED = {
    "s": "test_a_key_takes_so_many_steps",
    "S": "test_a_key_takes_so_many_steps",
    "x": "test_a_key_takes_so_many_steps",
    "space": "test_space_runs_and_pauses",
    "z": "test_a_key_goes_back_so_many_steps",
    "Z": "test_a_key_goes_back_so_many_steps",
    "b": "test_a_key_switches_the_run",
    "1": "test_a_key_switches_the_run",
    "2": "test_a_key_switches_the_run",
    **dict.fromkeys("3456789", "test_a_number_without_a_run_only_says_how_many_there_are"),
    "a": "test_a_steps_all_runs_and_leaves_the_active_one",
    "A": "test_capital_a_runs_all_and_pauses_all",
    "r": "test_reset_begins_again_from_the_same_start",
    "comma": "test_a_key_changes_the_pace_and_says_so",
    "full_stop": "test_a_key_changes_the_pace_and_says_so",
    "c": "test_c_opens_all_runs_side_by_side",
    "E": "test_capital_e_offers_what_can_be_written",
    **dict.fromkeys("MN", "test_a_key_opens_a_panel_that_leaves_the_runs_alone"),
    "p": "test_p_goes_from_one_hyperparameter_to_the_next",
    "v": "test_v_shows_one_table_after_the_other",
    "n": "test_n_changes_the_scale_of_this_view_alone",
    "g": "test_g_samples_other_names",
    **dict.fromkeys(["up", "down", "left", "right", *"hjkl"], "test_a_key_moves_the_cursor"),
    "slash": "test_slash_jumps_to_a_character_or_a_bigram",
    "plus": "test_plus_and_minus_change_the_size_of_the_cells",
    "equals_sign": "test_plus_and_minus_change_the_size_of_the_cells",
    "minus": "test_plus_and_minus_change_the_size_of_the_cells",
    "O": "test_capital_o_shows_the_tokens_in_another_order",
    "d": "test_d_lists_what_follows_and_enter_goes_there",
    "y": "test_a_key_makes_an_axis_logarithmic",
    "Y": "test_a_key_makes_an_axis_logarithmic",
    "u": "test_u_shows_what_the_run_has_printed",
    "t": "test_t_changes_between_dark_and_light",
    "escape": "test_escape_leaves_the_hyperparameters",
    "question_mark": "test_a_key_closes_the_help",
    "q": "test_a_key_quits",
    "ctrl+q": "test_a_key_quits",
    "ctrl+z": "test_ctrl_z_is_nothing_where_no_shell_waits",
    "enter": "test_enter_lets_one_type_a_value",
    "backspace": "test_the_keys_of_the_tour",
    **dict.fromkeys("LGTPHF", "test_a_key_opens_a_lesson_that_leaves_the_runs_alone"),
}
"""The test that presses each key."""

OWNERS = (BigramApp, ExploreScreen, CompareScreen, HelpScreen, Chooser, Panel, Control)

owners = pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)


def bindings_of(owner: type) -> Iterator[Binding]:
    for binding in vars(owner)["BINDINGS"]:
        yield binding if isinstance(binding, Binding) else Binding(*binding)


@owners
def test_every_key_is_pressed_by_a_test(owner: type) -> None:
    """Of the screen of runs side by side, by one of its own."""
    tested, tests = TESTED, globals()
    if owner is CompareScreen:
        tests = vars(import_module("tests.tui.test_compare_screen"))
        tested = tests["TESTED"]
    for binding in bindings_of(owner):
        for key in binding.key.split(","):
            assert key in tested, f"no test presses {key}"
            assert f'"{key}"' in inspect.getsource(tests[tested[key]]), key


@owners
def test_every_binding_has_an_id(owner: type) -> None:
    assert [binding.key for binding in bindings_of(owner) if not binding.id] == []


def test_no_two_bindings_share_an_id() -> None:
    """But for the same key of two screens."""
    meant: dict[str, set[tuple[str, str]]] = {}
    for owner in OWNERS:
        ids = [binding.id for binding in bindings_of(owner) if binding.id]
        assert len(ids) == len(set(ids))
        for binding in bindings_of(owner):
            meant.setdefault(binding.id or "", set()).add((binding.key, binding.action))
    assert {id: keys for id, keys in meant.items() if len(keys) > 1} == {}


@owners
def test_every_binding_has_an_action(owner: type) -> None:
    for binding in bindings_of(owner):
        found = re.match(r"(?:(screen|app)\.)?(\w+)", binding.action)
        assert found is not None
        place, name = found.groups()
        acting = {"screen": ExploreScreen, "app": BigramApp}.get(place, owner)
        assert callable(getattr(acting, f"action_{name}", None)), binding.action
        assert binding.description


@owners
def test_no_action_is_on_ctrl_alone(owner: type) -> None:
    bindings = list(bindings_of(owner))
    free = {b.action for b in bindings for key in b.key.split(",") if "ctrl+" not in key}
    for binding in bindings:
        for key in binding.key.split(","):
            if "ctrl+" in key:
                if binding.action == "suspend_process":  # where every program has it
                    continue
                assert key in {"ctrl+q", "ctrl+p"} or binding.action in free
                assert key not in {f"ctrl+{letter}" for letter in "abcszhijm"}


def test_no_key_is_bound_twice_in_one_place() -> None:
    for owner in OWNERS:
        keys = [key for binding in bindings_of(owner) for key in binding.key.split(",")]
        assert len(keys) == len(set(keys))


async def test_a_users_keymap_changes_a_key(make_app: MakeApp, settle: Settle) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        app.set_keymap({"step": "w"})
        await settle(pilot)
        await pilot.press("w", "s")
        await settle(pilot)
        assert iterations(pilot) == [1, 0]
