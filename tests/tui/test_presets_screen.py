"""The dialogues of presets and of both families: what they offer, tell, and leave alone."""

import math
import re
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from rich.text import Text
from textual.binding import Binding
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import OptionList, Static

from bigram_tui.cancellation import CancelledError
from bigram_tui.lessons.families import families, match
from bigram_tui.lessons.meters import meters
from bigram_tui.lessons.presets import Preset, presets
from bigram_tui.training.runner import Runner
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.lessons import families as families_screen
from bigram_tui.tui.lessons import presets as presets_screen
from bigram_tui.tui.lessons.families import FamiliesScreen
from bigram_tui.tui.lessons.presets import PresetsScreen
from bigram_tui.tui.screens.table_screen import TableScreen
from bigram_tui.tui.widgets.loss_curve import LossCurve
from tests.conftest import slow
from tests.tui.conftest import DEADLINE, MakeApp, Settle, TextOf, WaitUntil, notifications, sizes
from tests.tui.test_explore_screen import ODD_LINES, assert_safe, screen_text

SIZE, WIDE, SMALL = (120, 40), (200, 60), (80, 24)

Opened = Callable[[Pilot[None]], Awaitable[None]]


def app_of(pilot: Pilot[None]) -> BigramApp:
    assert isinstance(pilot.app, BigramApp)
    return pilot.app


def names(pilot: Pilot[None]) -> list[str]:
    return [runner.name for runner in app_of(pilot).runners]


def active(pilot: Pilot[None]) -> Runner:
    screen = pilot.app.screen
    assert isinstance(screen, TableScreen)
    return screen.runner


def offered(pilot: Pilot[None]) -> list[Preset]:
    return presets(app_of(pilot).session.corpus.train)


def is_zero(runner: Runner) -> bool:
    weights = runner.snapshot.start_weights
    assert weights is not None
    return not weights.any()


@pytest.fixture
def open_presets(wait_until: WaitUntil) -> Opened:
    """Opens the list and waits until it offers something."""

    async def open_it(pilot: Pilot[None]) -> None:
        await pilot.press("H")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, PresetsScreen))
        options = pilot.app.screen.query_one(OptionList)
        await wait_until(pilot, lambda: options.option_count == 7 and options.highlighted == 0)

    return open_it


@pytest.fixture
def take(open_presets: Opened, settle: Settle) -> Callable[[Pilot[None], str], Awaitable[Runner]]:
    """Takes a preset by its name and returns the run that it made."""

    async def take_it(pilot: Pilot[None], name: str) -> Runner:
        place = [preset.name for preset in offered(pilot)].index(name)
        await open_presets(pilot)
        await pilot.press(*["down"] * place, "enter")
        await settle(pilot)
        return active(pilot)

    return take_it


Take = Callable[[Pilot[None], str], Awaitable[Runner]]


# Presets


@sizes(SMALL, SIZE, WIDE)
@pytest.mark.parametrize("theme", ["textual-dark", *slow("textual-light")])
async def test_each_preset_shows_its_values_and_its_whole_reason(
    make_app: MakeApp,
    settle: Settle,
    open_presets: Opened,
    text_of: TextOf,
    size: tuple[int, int],
    theme: str,
) -> None:
    async with make_app().run_test(size=size) as pilot:
        pilot.app.theme = theme
        await settle(pilot)
        await open_presets(pilot)
        seen: set[str] = set()
        for _ in range(7):  # those farther down are scrolled to
            await settle(pilot)
            lines = text_of(pilot.app.screen.query_one(OptionList))
            shown = " ".join(lines.replace("│", " ").split())
            for preset in offered(pilot):
                values = f"η {preset.learning_rate:.4g} λ {preset.l2:g} "
                values += "W = 0" if preset.start == "zeros" else "random W"
                if f"{preset.name} {values} {preset.reason}" in shown:
                    seen.add(preset.name)
            await pilot.press("down")
        assert seen == {preset.name for preset in offered(pilot)}
        assert_safe(pilot)


async def test_a_preset_is_a_new_run_after_the_active_one(
    make_app: MakeApp, settle: Settle, take: Take
) -> None:
    app = make_app(("count", "numpy", "torch"), steps=3)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("2")
        before = {runner: runner.snapshot for runner in app.runners}
        added = await take(pilot, "just unstable")
        assert names(pilot) == ["count", "numpy", "numpy just unstable", "torch"]
        assert added is app.runners[2]
        assert added.name == added.snapshot.name == "numpy just unstable"
        expected = next(p for p in offered(pilot) if p.name == "just unstable")
        assert added.snapshot.settings == {"learning_rate": expected.learning_rate, "l2": 0.01}
        assert added.snapshot.iteration == 0
        assert not is_zero(added)
        for runner, snapshot in before.items():
            assert runner.snapshot.settings == snapshot.settings
            assert runner.snapshot.iteration == snapshot.iteration
        await pilot.press("s")
        await settle(pilot)
        assert added.snapshot.iteration == 1
        again = await take(pilot, "just unstable")
        assert again.name == "numpy just unstable #2"
        assert names(pilot)[2:4] == ["numpy just unstable", "numpy just unstable #2"]


async def test_without_a_choice_nothing_is_added(
    make_app: MakeApp, settle: Settle, open_presets: Opened
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("escape", "q"):
            await open_presets(pilot)
            await pilot.press("down", key)
            await settle(pilot)
            assert names(pilot) == ["numpy", "count"]
            assert active(pilot).name == "numpy"


async def test_from_a_run_without_a_learning_rate_numpy_is_taken(
    make_app: MakeApp, settle: Settle, take: Take
) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        added = await take(pilot, "lecture")
        assert names(pilot) == ["count", "numpy lecture"]
        assert added.snapshot.settings == {"learning_rate": 50.0, "l2": 0.01}


@pytest.mark.slow
async def test_from_a_run_that_takes_other_steps_numpy_is_taken(
    make_app: MakeApp, settle: Settle, take: Take, tmp_path: Path
) -> None:
    """The reasons of the presets are those of plain descent."""
    path = tmp_path / "signs.py"
    path.write_text(
        "from dataclasses import dataclass\n"
        "import numpy as np\n"
        "from bigram_backends.numpy_gradient import NumpyBackend\n"
        "from bigram_tui.backend import Iteration\n"
        "@dataclass\n"
        "class Signs(NumpyBackend):\n"
        "    def train(self, bigrams, weights):\n"
        "        while True:\n"
        "            model = next(super().train(bigrams, weights))\n"
        "            yield model\n"
        "            weights = weights - 0.01 * np.sign(model.gradient)\n"
    )
    async with make_app((str(path),), steps=2).run_test(size=SIZE) as pilot:
        await settle(pilot)
        added = await take(pilot, "lecture")
        assert added.name == "numpy lecture"


@pytest.mark.slow
async def test_it_keeps_what_else_the_active_run_was_set_to(
    make_app: MakeApp, settle: Settle, take: Take
) -> None:
    async with make_app(("torch",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        app_of(pilot).runners[0].set("objective", "one-hot")
        app_of(pilot).runners[0].set("l2", 3.0)
        await settle(pilot)
        added = await take(pilot, "first try")
        assert added.name == "torch first try"
        assert added.snapshot.settings["objective"] == "one-hot"
        assert added.snapshot.settings["learning_rate"] == 0.1
        assert added.snapshot.settings["l2"] == 0.01


async def test_the_zero_start_begins_at_zero_and_so_does_its_copy(
    make_app: MakeApp, settle: Settle, take: Take
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        added = await take(pilot, "zero start")
        assert is_zero(added)
        assert added.snapshot.nll == pytest.approx(math.log(27))
        await pilot.press("s", "s", "r")
        await settle(pilot)
        assert added.snapshot.nll == pytest.approx(math.log(27)), "the same start again"
        await pilot.press("c", "C")
        await settle(pilot)
        assert is_zero(active(pilot))
        assert not is_zero(app_of(pilot).runners[0])


@pytest.mark.slow
async def test_the_meters_know_where_a_run_began(
    make_app: MakeApp, settle: Settle, take: Take
) -> None:
    """Else they would hold means that are 0 against those of the random start."""
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        added = await take(pilot, "zero start")
        await pilot.press("S")
        await settle(pilot)
        assert added.snapshot.iteration == 10
        corpus = app_of(pilot).session.corpus
        told = dict(meters(added.snapshot, corpus, 0))["what stays as it is"]
        found = re.search(r"agree with that to (\S+)\.", told)
        assert found is not None
        assert float(found[1]) < 1e-14


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 7])
async def test_beside_others_it_joins_them_where_they_are(
    make_app: MakeApp, settle: Settle, take: Take, at: int
) -> None:
    app = make_app(("numpy", "count"))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("c", *["s"] * at)
        await settle(pilot)
        added = await take(pilot, "zero start")
        assert app.lockstep.frame.position == at
        assert added.snapshot.iteration == app.runners[0].snapshot.iteration == at
        assert added in app.lockstep.frame.snapshots
        trail = app.lockstep.frame.drifts[added]
        assert (trail.start, trail.end) == (0, at)
        await pilot.press("s")
        await settle(pilot)
        assert added.snapshot.iteration == at + 1


@pytest.mark.slow
async def test_the_table_of_runs_tells_presets_apart(
    make_app: MakeApp, settle: Settle, take: Take, text_of: TextOf
) -> None:
    async with make_app().run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert "random W" not in screen_text(pilot), "where all began alike it need not be said"
        await take(pilot, "first try")
        await take(pilot, "zero start")
        seen = ""
        for _ in range(4):  # through all columns
            seen += text_of(pilot.app.screen.query_one("#runs")) + "\n"
            await pilot.press("i")
            await settle(pilot)
        lines = seen.splitlines()
        assert [line for line in lines if "numpy first try" in line and " 0.1 " in line]
        assert [line for line in lines if "numpy zero start" in line and "W = 0" in line]
        assert [line for line in lines if "numpy first try" in line and "random W" in line]
        assert not [line for line in lines if "count" in line and "random W" in line]


async def test_what_a_backend_does_not_allow_is_said_and_not_added(
    make_app: MakeApp, settle: Settle, take: Take, tmp_path: Path
) -> None:
    """Each character once: near the minimum so little curves that η would exceed its range."""
    path = tmp_path / "chain.txt"
    path.write_text("".join(chr(0x4E00 + k) for k in range(150)), "utf-8")
    async with make_app(corpus=path).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await take(pilot, "just stable")
        assert names(pilot) == ["numpy", "count"]
        assert any("learning_rate is at most 100000" in said for said in notifications(pilot))


async def test_a_minimum_that_is_not_found_is_said(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Preset]:
        raise ArithmeticError("no minimum")

    monkeypatch.setattr(presets_screen, "presets", fail)
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("H")
        await wait_until(pilot, lambda: "no minimum" in screen_text(pilot))
        await pilot.press("enter", "escape")
        await settle(pilot)
        assert names(pilot) == ["numpy", "count"]


async def test_a_list_that_is_closed_before_it_is_there_is_no_error(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*_: object) -> list[Preset]:
        assert go_on.wait(DEADLINE)
        return []

    monkeypatch.setattr(presets_screen, "presets", slow)
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("H")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, PresetsScreen))
        assert "solving" in screen_text(pilot)
        await pilot.press("escape")
        go_on.set()
        await wait_until(pilot, lambda: all(worker.is_finished for worker in pilot.app.workers))
        assert isinstance(pilot.app.screen, TableScreen)


# Families


def told(pilot: Pilot[None]) -> str:
    found = pilot.app.screen.query("#text").results(Static)
    content = next((static.content for static in found), "")
    return content.plain if isinstance(content, Text) else str(content)


@pytest.fixture
def open_families(wait_until: WaitUntil) -> Opened:
    """Opens the dialogue and waits until all is found."""

    async def open_it(pilot: Pilot[None]) -> None:
        await pilot.press("F")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, FamiliesScreen))
        await wait_until(pilot, lambda: "solved every" in told(pilot))
        await wait_until(pilot, lambda: all(worker.is_finished for worker in pilot.app.workers))

    return open_it


@pytest.mark.slow
@sizes(SMALL, SIZE, WIDE)
async def test_the_families_tell_what_was_found(
    make_app: MakeApp,
    settle: Settle,
    open_families: Opened,
    wait_until: WaitUntil,
    text_of: TextOf,
    size: tuple[int, int],
) -> None:
    app = make_app(settings={"numpy": {"l2": 0.2}})
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await open_families(pilot)
        bigrams = app.session.corpus.train
        found, here = families(bigrams), match(bigrams, 0.2)
        assert found is not None
        assert here is not None
        place, text = round(100 * here.share), told(pilot)
        assert 0 < place < 100
        assert text.startswith(f"at {place} %  ")
        assert f"α = {found.smoothing[place]:.4g} and λ = {found.l2[place]:.4g}" in text
        assert f"by {found.largest.max():.3g}" in text
        assert "only the two ends are the same" in text
        assert f"a minimum at {100 * here.share:.2f} %" in text
        assert f"has α = {here.equal:.4g}" in text
        assert f"(KL) has α = {here.nearest.smoothing:.4g}" in text
        panel = pilot.app.screen.query_one("#panel")
        await wait_until(
            pilot,
            lambda: "solved every 1 %" in " ".join(text_of(panel).split()),
            "the whole text in sight",
        )
        assert "esc close" in screen_text(pilot)
        assert pilot.app.screen.query_one("#apart").display == (size != SMALL)
        assert_safe(pilot)


@pytest.mark.slow
async def test_arrows_choose_the_cell_and_brackets_the_place(
    make_app: MakeApp, settle: Settle, open_families: Opened
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(pilot.app.screen, TableScreen)
        pilot.app.screen.cursor = (5, 14)
        await open_families(pilot)
        found = families(app_of(pilot).session.corpus.train)
        assert found is not None
        place = int(told(pilot).split()[1])

        def check(name: str, row: int, column: int, place: int) -> None:
            alpha, l2 = (p[place, column] for p in found.row(row))
            assert told(pilot).startswith(f"at {place} %")
            assert f"P({name}) is {alpha:.4f} by α, {l2:.4f} by λ" in " ".join(told(pilot).split())
            way = pilot.app.screen.query_one("#way", LossCurve)
            assert str(way.border_title).startswith(f"P({name})")
            assert way.plot.marker == place
            for curve, p in zip(way.plot.curves, found.row(row), strict=True):
                np.testing.assert_allclose(np.asarray(curve.values), p[:, column], rtol=1e-12)

        check("n | e", 5, 14, place)
        await pilot.press("down", "right", "right", "right_square_bracket")
        check("p | f", 6, 16, place + 1)
        await pilot.press("up", "up", "left", "left_square_bracket", "left_square_bracket")
        check("o | d", 4, 15, place - 1)
        await pilot.press(*["up"] * 9, *["left"] * 30, *["left_square_bracket"] * 3)
        check(". | .", 0, 0, max(0, place - 4))
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, TableScreen)
        assert pilot.app.screen.cursor == (5, 14), "the dialogue has its own cell"


@pytest.mark.slow
async def test_the_mouse_chooses_a_place(
    make_app: MakeApp, settle: Settle, open_families: Opened
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_families(pilot)
        way = pilot.app.screen.query_one("#way", LossCurve)
        await pilot.click("#way", offset=(way.size.width - 1, 3))
        assert told(pilot).startswith("at 100 %")
        assert "the tables are the same." in told(pilot)
        await pilot.click("#apart", offset=(way.size.width // 2, 2))
        assert 30 < int(told(pilot).split()[1]) < 70


@pytest.mark.slow
@pytest.mark.parametrize("backends", [("count",), *slow(("numpy",))])
async def test_without_a_penalty_there_is_no_word_of_where_it_stands(
    make_app: MakeApp, settle: Settle, open_families: Opened, backends: tuple[str, ...]
) -> None:
    app = make_app(backends, settings={"numpy": {"l2": 0.0}} if "numpy" in backends else {})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_families(pilot)
        found = families(app.session.corpus.train)
        assert found is not None
        assert told(pilot).startswith(f"at {found.largest.argmax()} %"), "where most is to be seen"
        assert "descends" not in told(pilot)


@pytest.mark.slow
async def test_where_both_ways_are_one_it_says_so(
    make_app: MakeApp, settle: Settle, open_families: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "one.txt"
    path.write_text("a\n", "utf-8")
    async with make_app(corpus=path).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_families(pilot)
        assert "on this text they take the same way" in told(pilot)
        assert "only the two ends" not in told(pilot)


async def test_uniform_counts_have_nothing_to_show(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that choose something then find nothing to choose."""
    monkeypatch.setattr(families_screen, "families", lambda *_: None)
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await wait_until(pilot, lambda: "all but uniform" in told(pilot))
        await pilot.press("down", "right_square_bracket")
        await pilot.click("#way", offset=(20, 3))
        assert "all but uniform" in told(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, TableScreen)


@pytest.mark.slow
async def test_odd_characters_are_shown_as_themselves(
    make_app: MakeApp, settle: Settle, open_families: Opened, text_of: TextOf, tmp_path: Path
) -> None:
    path = tmp_path / "[b]odd[b].txt"
    path.write_text("\n".join(ODD_LINES), "utf-8")
    async with make_app(corpus=path).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_families(pilot)
        seen: set[str] = set()
        for _ in app_of(pilot).session.corpus.train.vocabulary.labels:
            await pilot.press("down", "right")
            assert_safe(pilot)
            title = text_of(pilot.app.screen.query_one("#way")).splitlines()[0]
            seen.add(title.strip("─").partition("  ")[0])
        assert {name[-2:] for name in seen} > {"[)", "])", "\\)"}


@pytest.mark.slow
async def test_closing_it_ends_the_work(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()

    def endless(_: object, progress: Callable[[int, int], object]) -> None:
        done, limit = 0, time.monotonic() + DEADLINE
        try:
            while time.monotonic() < limit:
                progress(done, 99)
                done += 1
        except CancelledError:
            stopped.set()
            raise

    monkeypatch.setattr(families_screen, "families", endless)
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await wait_until(pilot, lambda: "solving for λ at each place" in screen_text(pilot))
        await pilot.press("left", "right_square_bracket", "escape")
        await wait_until(pilot, stopped.is_set, "the end of the work")
        await wait_until(pilot, lambda: all(worker.is_finished for worker in pilot.app.workers))
        assert isinstance(pilot.app.screen, TableScreen)


@pytest.mark.slow
async def test_curves_take_the_colours_of_another_theme(
    make_app: MakeApp, settle: Settle, open_families: Opened, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_families(pilot)
        way = pilot.app.screen.query_one("#way", LossCurve)
        before = [curve.style for curve in way.plot.curves]
        pilot.app.theme = "textual-light"
        await wait_until(pilot, lambda: [curve.style for curve in way.plot.curves] != before)


# Keys


@pytest.mark.parametrize("screen", [PresetsScreen, *slow(FamiliesScreen)])
async def test_their_keys_can_be_changed(
    make_app: MakeApp, screen: type[Screen[object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {binding.id for binding in Binding.make_bindings(screen.BINDINGS)}
    (tmp_path / "keymap.toml").write_text("\n".join(f'{id} = "f5"' for id in ids), "utf-8")
    monkeypatch.setattr("bigram_tui.tui.app.config_folder", lambda: tmp_path)
    make_app()  # an unknown name would be an error


async def test_the_palette_has_both(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        commands = pilot.app.get_system_commands(pilot.app.screen)
        found = {command.title: command.help for command in commands}
        assert found["Presets: η, λ and start with reasons"] == "key H"
        assert found["The families of λ and α"] == "key F"
