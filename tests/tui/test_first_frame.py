"""What happens until the first frame is on the screen, and what waits until then."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.screen import Screen

from bigram_tui.corpus.background import BackgroundRead
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.training.registry import choose
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.screens.explore import ExploreScreen
from tests.tui.conftest import MakeApp, Settle, WaitUntil

FRAME = "a frame"

SCREENS_OF_OWN_KEYS = (
    "lessons.contexts",
    "lessons.families",
    "lessons.meters",
    "lessons.network",
    "lessons.pitfalls",
    "lessons.presets",
    "lessons.theory",
    "lessons.why",
    "screens.compare",
    "screens.export",
    "screens.reading",
    "screens.row",
)

LATER = {
    "torch",
    "tomllib",
    "numpy.ma",
    "numpy.random",
    "importlib.metadata",
    "email",
    "rich.progress",
    "bigram_tui.cli.headless",
    "bigram_tui.comparison.lockstep",
    "bigram_tui.comparison.frame",
    "bigram_tui.corpus.background",
    "bigram_tui.corpus.cache",
    "bigram_tui.export",
    "bigram_tui.tui.browser_driver",
    "bigram_tui.tui.jumping",
    "bigram_tui.tui.keymap",
    "bigram_tui.tui.screens.chooser",
    "bigram_tui.tui.screens.panel",
    "bigram_tui.web.server",
    *(f"bigram_tui.tui.{name}" for name in SCREENS_OF_OWN_KEYS),
}
"""Modules that the explore screen of a small text does without."""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each frame of an ExploreScreen, and the runs that began, in order."""
    seen: list[str] = []
    display, start = App._display, Runner.start

    def note_frame(app: App[None], screen: Screen[object], renderable: object) -> None:
        if isinstance(screen, ExploreScreen) and renderable is not None:
            seen.append(FRAME)
        display(app, screen, renderable)  # type: ignore[arg-type]

    def note_start(runner: Runner) -> None:
        if not runner.started:
            seen.append(runner.name)
        start(runner)

    monkeypatch.setattr(App, "_display", note_frame)
    monkeypatch.setattr(Runner, "start", note_start)
    return seen


async def test_only_the_run_that_is_looked_at_starts_before_the_first_frame(
    make_app: MakeApp, settle: Settle, seen: list[str]
) -> None:
    async with make_app(("numpy", "count")).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
    assert seen[:2] == ["numpy", FRAME]
    assert seen.count("numpy") == seen.count("count") == 1


async def test_nothing_is_rendered_that_is_not_shown(
    make_app: MakeApp, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual drops what is drawn until the app is ready, and then draws it again."""
    dropped: list[bool] = []
    display = App._display

    def note(app: App[None], screen: Screen[object], renderable: object) -> None:
        dropped.append(bool(app._batch_count) and renderable is not None)
        display(app, screen, renderable)  # type: ignore[arg-type]

    monkeypatch.setattr(App, "_display", note)
    async with make_app(("count",)).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
    assert dropped
    assert not any(dropped)


@pytest.mark.parametrize("size", [(45, 16), (200, 60)], ids=str)
async def test_widgets_are_styled_for_the_size_of_the_window_at_once(
    make_app: MakeApp, settle: Settle, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    classes: list[frozenset[str]] = []
    compose = ExploreScreen.compose

    def note(screen: ExploreScreen) -> ComposeResult:
        classes.append(screen.classes)
        return compose(screen)

    monkeypatch.setattr(ExploreScreen, "compose", note)
    async with make_app(("count",)).run_test(size=size) as pilot:
        await settle(pilot)
        assert classes == [pilot.app.screen.classes]
        assert len(classes[0] & {"-tight", "-narrow", "-wide"}) == 1


async def test_after_a_reading_too_all_wanted_runs_start(
    small_corpus: Path, settle: Settle, wait_until: WaitUntil, seen: list[str]
) -> None:
    def read(_: object) -> Session:
        return Session(read_corpus(str(small_corpus)), tuple(choose(["count", "numpy"])))

    app = BigramApp(BackgroundRead("few.txt", read), wanted=("count", "numpy"))
    async with app.run_test(size=(80, 24)) as pilot:
        while app.current_mode != "explore":
            await pilot.pause(0.01)
        # The first frame may come after all is settled.
        await wait_until(pilot, lambda: all(runner.started for runner in app.runners))
        await settle(pilot)
    assert seen.index("count") < seen.index(FRAME) < seen.index("numpy")


def test_the_first_screen_is_the_explorer_or_the_reading(make_app: MakeApp) -> None:
    assert make_app().current_mode == "explore"
    assert (
        BigramApp(BackgroundRead("text", lambda _: pytest.fail("never read"))).current_mode
        == "reading"
    )


SCRIPT = """
import asyncio, json, sys
from bigram_tui.cli.arguments import parse
from bigram_tui.cli.plan import make_plan, session_or_reading
from bigram_tui.tui.app import BigramApp

seen = []

async def look(options, keys) -> None:
    async with BigramApp(session_or_reading(make_plan(parse(options)))).run_test() as pilot:
        for key in ["", *keys]:
            if key:
                await pilot.press(key)
            await pilot.pause()
            seen.append({*sys.modules})

asyncio.run(look(*json.loads(sys.argv[1])))
files = {name: str(getattr(sys.modules[name], "__file__", "")) for name in seen[-1]}
print(json.dumps([{name: files[name] for name in modules} for modules in seen]))
"""


def imported(options: list[str], keys: list[str]) -> list[dict[str, str]]:
    """The files of the modules that are imported at the first frame, and after each key."""
    command = [sys.executable, "-c", SCRIPT, json.dumps([options, keys])]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    files: list[dict[str, str]] = json.loads(done.stdout)
    return files


def test_a_start_imports_nothing_that_is_for_later() -> None:
    (modules,) = imported([], [])
    assert "bigram_tui.tui.screens.explore" in modules
    assert sorted(LATER & {*modules}) == []


def test_the_compare_screen_needs_no_shared_library_of_its_own() -> None:
    """It would wait for those of torch, which are loaded meanwhile, and all threads with it."""
    before, after = imported(["--backend", "count", "--backend", "numpy"], ["c"])
    assert "bigram_tui.tui.screens.compare" in after
    new = [after[name] for name in after.keys() - before.keys()]
    assert [file for file in new if not file.endswith(".py")] == []
