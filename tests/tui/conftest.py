"""What the tests of the screen share: an app on a small corpus, and how to wait for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.parse import parse
from textual.css.tokenizer import Token
from textual.css.types import CSSLocation
from textual.pilot import Pilot
from textual.widget import Widget

from bigram_tui.corpus.reading import read_corpus
from bigram_tui.training import entry_points
from bigram_tui.training.registry import choose
from bigram_tui.training.session import Session
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.messages import RunSettled
from bigram_tui.tui.render.colors import TRUE_COLOR
from tests.conftest import slow

DEADLINE = 20.0

MakeApp = Callable[..., BigramApp]
Settle = Callable[[Pilot[None]], Awaitable[None]]
WaitUntil = Callable[..., Awaitable[None]]
TextOf = Callable[[Widget], str]


async def _wait_for_idle(min_sleep: float = 0.0, max_sleep: float = 0.1) -> None:
    """As Textual's, which takes 20 ms at least, and a second while a run is training."""
    limit = time.monotonic() + max_sleep
    while time.monotonic() < limit:
        busy = time.process_time()
        await asyncio.sleep(0.002)
        if time.process_time() - busy < 0.0005:
            return


@pytest.fixture(scope="session", autouse=True)
def _brief_waits() -> Iterator[None]:
    """Pressing a key does not take longer than it must: tests wait for what they want to see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual.app.wait_for_idle", _wait_for_idle)
        patch.setattr("textual.pilot.wait_for_idle", _wait_for_idle)
        yield


@pytest.fixture(scope="session", autouse=True)
def _each_css_parsed_once() -> Iterator[None]:
    """Rules of the same CSS and the same theme are parsed once for all apps."""
    known: dict[object, list[RuleSet]] = {}

    def parse_once(
        scope: str,
        css: str,
        read_from: CSSLocation,
        variable_tokens: dict[str, list[Token]] | None = None,
        **options: Any,
    ) -> list[RuleSet]:
        variables = tuple(
            (name, *(token.value for token in tokens))
            for name, tokens in (variable_tokens or {}).items()
        )
        key = (scope, css, read_from, variables, *options.items())
        if key not in known:
            known[key] = [*parse(scope, css, read_from, variable_tokens=variable_tokens, **options)]
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual.css.stylesheet.parse", parse_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _entry_points_read_once() -> Iterator[None]:
    """What is installed stays the same: the files that tell of it are read once for all apps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry_points, "installed", cache(entry_points.installed))
        yield


@pytest.fixture(autouse=True)
def _remember_toasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Toasts expire; what was said is kept, however slow the test."""
    original = BigramApp.notify

    def notify(self: BigramApp, message: str, **options: Any) -> None:
        vars(self).setdefault("_said", []).append(message)
        original(self, message, **options)

    monkeypatch.setattr(BigramApp, "notify", notify)


def sizes(first: tuple[int, int], *others: tuple[int, int]) -> pytest.MarkDecorator:
    """Parametrize a test by the size of the screen; all but the first are slow."""
    return pytest.mark.parametrize("size", [first, *slow(*others)], ids=str)


def notifications(pilot: Pilot[None]) -> list[str]:
    """Return the texts of all notifications."""
    return list(vars(pilot.app).get("_said", ()))


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory, name_lines: list[str]) -> Path:
    """A file of 200 of the names, spread over all of them: V = 27."""
    path = tmp_path_factory.mktemp("corpus") / "few.txt"
    path.write_text("\n".join(name_lines[:: len(name_lines) // 200][:200]), "utf-8")
    return path


@pytest.fixture
def make_app(small_corpus: Path) -> MakeApp:
    """Makes an app whose backends are all loaded at once; the first is the active one.

    corpus: the path of a text. settings: of single backends, by name.
    """

    def make(
        backends: tuple[str, ...] = ("numpy", "count"),
        *,
        corpus: Path = small_corpus,
        split: tuple[int, ...] | None = None,
        settings: dict[str, dict[str, object]] | None = None,
        **options: object,
    ) -> BigramApp:
        session = Session(
            read_corpus(str(corpus), split=split),
            tuple(choose(backends)),
            individual=settings or {},
        )
        options = {"depth": TRUE_COLOR, "wanted": backends, **options}
        app = BigramApp(session, **options)  # type: ignore[arg-type]
        app.animation_level = "none"
        return app

    return make


async def _wait_until(
    pilot: Pilot[None], condition: Callable[[], object], what: str = "the condition"
) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"{what} never came"
        await pilot.pause(0.01)


def _layout(app: BigramApp) -> object:
    """Where everything is and how large the cells are."""
    screen = app.screen
    places = [(widget.region, widget.virtual_size) for widget in screen.walk_children(Widget)]
    return screen, app.size, screen._layout_required, places


def _is_at_rest(app: BigramApp) -> bool:
    """Whether nothing is under way; side by side, also whether all runs are seen as they are."""
    idle = app.lockstep.is_idle and all(r.is_idle for r in app.runners if r.started)
    seen = app.lockstep.frame.snapshots
    return idle and (
        app.current_mode != "compare" or all(seen.get(r) is r.snapshot for r in app.runners)
    )


async def _settle(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, BigramApp)
    await pilot.pause()
    await _wait_until(pilot, lambda: _is_at_rest(app), "a moment of rest")
    app.post_message(RunSettled())  # so that the screen pulls now, whenever its timer is due
    alike = 0
    while alike < 2:  # one change of the layout may lead to another
        before = _layout(app)
        await pilot.pause()
        alike = alike + 1 if _layout(app) == before else 0


@pytest.fixture
def wait_until() -> WaitUntil:
    """Waits for a condition, with a deadline."""
    return _wait_until


@pytest.fixture
def settle() -> Settle:
    """Waits until all runs are where they are to be and the screen shows how they stand."""
    return _settle


@pytest.fixture
def text_of() -> TextOf:
    """What stands on the screen where a widget is: one line of text for each of its lines."""

    def text(widget: Widget) -> str:
        region = widget.region
        strips = widget.screen._compositor.render_strips()
        lines = strips[region.y : region.bottom]
        return "\n".join(strip.crop(region.x, region.right).text for strip in lines)

    return text
