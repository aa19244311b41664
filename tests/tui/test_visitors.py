"""What a visitor who comes by a browser may do: nothing is written where the program runs."""

import csv
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from bigram_tui.cli import screen
from bigram_tui.cli.arguments import parse
from bigram_tui.cli.first_run import tour_mark
from bigram_tui.cli.terminal import WEB_DRIVER
from bigram_tui.export.history import COLUMNS
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.browser_driver import BrowserDriver
from bigram_tui.tui.screens.chooser import Chooser
from bigram_tui.tui.widgets.prompt import Prompt
from tests.conftest import not_none, slow
from tests.tui.conftest import MakeApp, Settle, WaitUntil, notifications

SIZE = (120, 40)


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Apps are those of visitors; what is sent to them, by its name."""
    sent: dict[str, str] = {}

    def deliver(_: BigramApp, file: StringIO, *, save_filename: str, **options: Any) -> None:
        assert options == {"save_directory": "."}, "the user's folders are not even looked up"
        sent[save_filename] = file.getvalue()

    monkeypatch.setattr(BigramApp, "is_web", True)
    monkeypatch.setattr(BigramApp, "deliver_text", deliver)
    return sent


@pytest.fixture(autouse=True)
def _nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither in the current folder nor in the home of whoever serves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


async def choose(pilot: Pilot[None], settle: Settle, title: str) -> None:
    """Choose an export by the beginning of its title and its ending."""
    await pilot.press("E")
    await settle(pilot)
    assert isinstance(pilot.app.screen, Chooser)
    options = pilot.app.screen.query_one(OptionList)
    titles = [str(option.prompt) for option in options.options]
    (options.highlighted,) = [place for place, text in enumerate(titles) if text == title]
    await pilot.press("enter")
    await settle(pilot)


@pytest.mark.parametrize("screen", ["explore", *slow("compare")])
async def test_all_exports_are_downloads_for_which_no_path_is_asked(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    downloads: dict[str, str],
    screen: str,
) -> None:
    expected = {
        "losses.csv": "losses of all runs and steps  .csv",
        "losses.jsonl": "losses of all runs and steps  .jsonl",
        "P.csv": "table P of numpy  .csv",
        "bigram-tui.svg": "this screen as a picture  .svg",
    }
    if screen == "compare":
        expected["runs.csv"] = "table of runs  .csv"
    async with make_app(steps=3).run_test(size=SIZE) as pilot:
        await settle(pilot)
        if screen == "compare":
            await pilot.press("c")
            await settle(pilot)
        for name, title in expected.items():
            await choose(pilot, settle, title)
            assert not pilot.app.screen.query_one(Prompt).display
            told = f"{name} goes to your browser's downloads"
            await wait_until(pilot, lambda told=told: told in notifications(pilot), told)
        assert set(downloads) == set(expected)
        assert isinstance(pilot.app, BigramApp)
        run = pilot.app.runners[0].snapshot
    head, *rows = csv.reader(StringIO(downloads["losses.csv"], newline=""))
    assert head == list(COLUMNS)
    assert [float(row[3]) for row in rows if row[1] == "numpy"] == run.losses[:, 0].tolist()
    assert downloads["losses.jsonl"].count("\n") == len(rows)
    _, *table = csv.reader(StringIO(downloads["P.csv"], newline=""))
    assert np.array_equal(
        [[float(cell) for cell in row[1:]] for row in table], not_none(run.probabilities)
    )
    assert downloads["bigram-tui.svg"].startswith("<svg")
    assert "as a picture" not in downloads["bigram-tui.svg"]


async def test_a_table_that_is_not_there_is_told(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, downloads: dict[str, str]
) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("v", "v", "v")
        await choose(pilot, settle, "table ∂W of count  .csv")
        await wait_until(pilot, lambda: notifications(pilot))
        assert notifications(pilot) == ["count has no gradient"]
    assert downloads == {}


@pytest.mark.usefixtures("downloads")
async def test_only_backends_of_the_server_can_be_added(make_app: MakeApp, settle: Settle) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("c", "B")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Chooser)
        options = pilot.app.screen.query_one(OptionList).options
        assert [str(option.prompt).split()[0] for option in options] == ["count"]


@pytest.mark.parametrize("arguments", [[], ["--fps", "30"]])
def test_each_visitor_is_offered_the_tour(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Whether or not it was seen where the server is, and nothing is remembered."""
    monkeypatch.setenv("TEXTUAL_DRIVER", WEB_DRIVER)
    assert tour_mark().exists()
    assert screen.wants_tour(parse(arguments))
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    assert screen.wants_tour(parse(arguments))
    assert not screen.wants_tour(parse([*arguments, "--no-tour"]))
    assert not screen.wants_tour(parse([*arguments, "--steps", "5"]))
    monkeypatch.delenv("TEXTUAL_DRIVER")
    assert not screen.wants_tour(parse(arguments))


@pytest.mark.parametrize("in_browser", [False, True])
def test_visitors_have_a_driver_of_ours(make_app: MakeApp, in_browser: bool) -> None:
    app = make_app(("count",), in_browser=in_browser)
    assert (app.driver_class is BrowserDriver) == in_browser
