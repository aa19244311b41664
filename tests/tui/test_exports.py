"""What E writes to a file: all of it, nothing by mistake, and what went wrong in one line."""

import csv
import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from bigram_tui.export import files
from bigram_tui.export.history import COLUMNS
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.compare.run_table import EXACT_TITLES
from bigram_tui.tui.screens.chooser import Chooser
from bigram_tui.tui.screens.compare import CompareScreen
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.widgets.prompt import Prompt
from tests.conftest import slow
from tests.tui.conftest import MakeApp, Settle, TextOf, WaitUntil, notifications
from tests.tui.test_explore_screen import ODD_LINES, assert_safe, screen_text

SIZE = (120, 40)
TABLE, PICTURE = "table P of numpy", "picture"
LOSSES, RUNS = "losses", "table of runs"

Shown = Callable[[Pilot[None], type | str], str]


@pytest.fixture
def shown(text_of: TextOf) -> Shown:
    """What stands where a widget is, named by its type or selector."""
    return lambda pilot, widget: text_of(pilot.app.screen.query_one(widget))


def runs(pilot: Pilot[None]) -> list[Snapshot]:
    assert isinstance(pilot.app, BigramApp)
    return [runner.snapshot for runner in pilot.app.runners]


async def choose(pilot: Pilot[None], settle: Settle, what: str) -> None:
    """Choose what is to be written, up to the question for its file."""
    await pilot.press("E")
    await settle(pilot)
    assert isinstance(pilot.app.screen, Chooser)
    options = pilot.app.screen.query_one(OptionList)
    options.highlighted = next(
        place for place, o in enumerate(options.options) if str(o.prompt).split("  ")[0] in what
        or what in str(o.prompt)
    )  # fmt: skip
    await pilot.press("enter")
    await settle(pilot)
    assert pilot.app.screen.query_one(Prompt).display


async def answer(pilot: Pilot[None], settle: Settle, path: Path | str) -> None:
    pilot.app.screen.query_one(Input).value = str(path)
    await pilot.press("enter")
    await settle(pilot)


async def export(
    pilot: Pilot[None], settle: Settle, wait_until: WaitUntil, what: str, path: Path
) -> None:
    """Write something where nothing is yet."""
    await choose(pilot, settle, what)
    await answer(pilot, settle, path)
    await wait_until(pilot, lambda: notifications(pilot), "word of the file")
    assert notifications(pilot)[-1] == f"written to {path}"


def read_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [[field.removeprefix(files.MARK) for field in row] for row in csv.reader(file)]


# What is written


@pytest.mark.parametrize("screen", ["explore", *slow("compare")])
async def test_losses_are_those_of_all_runs_and_iterations(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path, screen: str
) -> None:
    """Also of those beyond where one stands."""
    app = make_app()
    app.lineup.add(app.session.sources[0], after=app.runners[-1])
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ["S", "s", *(["c"] if screen == "compare" else []), "z"]:
            await pilot.press(key)
            await settle(pilot)
        await export(pilot, settle, wait_until, LOSSES, tmp_path / "all.csv")
        expected = [
            [str(k), run.name, run.name.split()[0], *map(repr, [nll, reg, nll + reg])]
            for run in runs(pilot)
            for k, (nll, reg, *_) in enumerate(run.losses.tolist())
        ]
    titles, *rows = read_csv(tmp_path / "all.csv")
    assert titles == list(COLUMNS)
    assert [row[:6] for row in rows] == expected
    assert len(rows) == (12 + 1 + (12 if screen == "compare" else 1))
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"], "and no half of it"


async def test_losses_can_be_lines_of_json(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    async with make_app(steps=3).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await export(pilot, settle, wait_until, LOSSES, tmp_path / "all.jsonl")
        numpy = runs(pilot)[0]
    lines = (tmp_path / "all.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["run"], row["iteration"]) for row in rows] == [
        ("numpy", 0), ("numpy", 1), ("numpy", 2), ("numpy", 3), ("count", 0),
    ]  # fmt: skip
    assert [row["nll"] for row in rows[:4]] == numpy.losses[:, 0].tolist()


@pytest.mark.parametrize("screen", ["explore", *slow("compare")])
async def test_the_table_is_that_of_the_active_run_and_the_view(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path, screen: str
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ["S", *(["c"] if screen == "compare" else []), "v", "v"]:
            await pilot.press(key)
            await settle(pilot)
        await choose(pilot, settle, "table W of numpy")
        assert pilot.app.screen.query_one(Input).value == "W.csv"
        await answer(pilot, settle, tmp_path / "weights.csv")
        await wait_until(pilot, lambda: notifications(pilot))
        weights = runs(pilot)[0].weights
        assert weights is not None
    titles, *rows = read_csv(tmp_path / "weights.csv")
    labels = [".", *"abcdefghijklmnopqrstuvwxyz"]
    assert titles == ["", *labels]
    assert [row[0] for row in rows] == labels
    assert np.array_equal([[float(text) for text in row[1:]] for row in rows], weights)


@pytest.mark.slow
async def test_a_table_that_a_run_does_not_have_is_not_written(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("v", "v", "v")
        await choose(pilot, settle, "table ∂W of count")
        assert pilot.app.screen.query_one(Input).value == "dW.csv"
        await answer(pilot, settle, tmp_path / "none.csv")
        await wait_until(pilot, lambda: notifications(pilot))
        assert notifications(pilot) == ["count has no gradient"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
async def test_the_table_of_runs_has_all_digits(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    app = make_app(split=(80, 20), settings={"numpy #2": {"learning_rate": 5.0}})
    app.lineup.add(app.session.sources[0], after=app.runners[-1])
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("c", "S", "z"):
            await pilot.press(key)
            await settle(pilot)
        await export(pilot, settle, wait_until, RUNS, tmp_path / "runs.csv")
        found = runs(pilot)
        tables = [run.probabilities for run in found]
    titles, *lines = read_csv(tmp_path / "runs.csv")
    assert titles == list(EXACT_TITLES)
    rows = [dict(zip(titles, line, strict=True)) for line in lines]
    assert [row["run"] for row in rows] == ["numpy", "count", "numpy #2"]
    assert {row["reference"] for row in rows} == {"numpy"}
    assert [row["status"] for row in rows] == ["ready", "finished", "ready"]
    assert rows[2]["hyperparameters"] == "learning_rate=5.0 l2=0.01"
    for row, run, table in zip(rows, found, tables, strict=True):
        assert int(row["iteration"]) == run.iteration
        for title, value in (
            ("nll", run.nll), ("validation_nll", run.validation), ("total", run.total),
            ("regularization", run.regularization),
        ):  # fmt: skip
            assert float(row[title]) == value
        if run is not found[0]:
            assert table is not None
            assert tables[0] is not None
            assert float(row["max_abs_probability"]) == np.abs(table - tables[0]).max()
            assert float(row["worst_abs_probability"]) >= float(row["max_abs_probability"])
            assert row["compared_since"] == "0"
        assert (row["max_abs_weight"] != "") == (run.name == "numpy #2")


@pytest.mark.parametrize("screen", ["explore", *slow("compare")])
async def test_the_picture_is_that_of_the_screen_without_the_dialogue(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path, screen: str
) -> None:
    """Whole, with its footer, and nothing of what asked for it."""
    async with make_app(steps=9).run_test(size=SIZE) as pilot:
        await settle(pilot)
        if screen == "compare":
            await pilot.press("c")
            await settle(pilot)
        await wait_until(pilot, lambda: "step" in screen_text(pilot).split("\n")[-1])
        before = screen_text(pilot).split("\n")
        await export(pilot, settle, wait_until, PICTURE, tmp_path / "seen.svg")
    text = (tmp_path / "seen.svg").read_text("utf-8")
    ElementTree.fromstring(text)  # it is well-formed
    words = "".join(ElementTree.fromstring(text).itertext()).replace("\xa0", " ")
    squeezed = "".join(words.split())
    for line in before:
        for part in re.split(r"  +", line.strip()):
            assert "".join(part.split()) in squeezed, part
    assert "write to" not in words
    assert "as a picture" not in words
    assert "written to" not in words


@pytest.mark.slow
async def test_losses_are_whole_while_training_goes_on(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    """Behind the dialogue, and while the file is written: it shows one moment."""
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await wait_until(pilot, lambda: runs(pilot)[0].iteration > 2)
        reached = runs(pilot)[0].iteration
        await pilot.press("E", "enter")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExploreScreen))
        await wait_until(pilot, lambda: pilot.app.screen.query_one(Prompt).display)
        asked = runs(pilot)[0].iteration
        await wait_until(pilot, lambda: runs(pilot)[0].iteration > asked + 2)
        pilot.app.screen.query_one(Input).value = str(tmp_path / "all.csv")
        await pilot.press("enter")
        await wait_until(pilot, lambda: notifications(pilot))
        assert runs(pilot)[0].training
        written = [row for row in read_csv(tmp_path / "all.csv") if row[1] == "numpy"]
        assert [int(row[0]) for row in written] == list(range(len(written)))
        assert reached < len(written) <= runs(pilot)[0].latest + 1
        assert [float(row[3]) for row in written] == runs(pilot)[0].losses[
            : len(written), 0
        ].tolist()
        await pilot.press("space")
        await settle(pilot)


@pytest.mark.slow
async def test_a_file_of_odd_characters_reads_back(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    corpus = tmp_path / "odd.txt"
    corpus.write_text("\n".join(ODD_LINES), "utf-8")
    async with make_app(corpus=corpus).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        path = tmp_path / "[b]漢[b].csv"
        await export(pilot, settle, wait_until, TABLE, path)
        assert_safe(pilot)
        assert isinstance(pilot.app, BigramApp)
        labels = pilot.app.session.corpus.train.vocabulary.labels
    assert [row[0] for row in read_csv(path)[1:]] == list(labels)


# Asking


@pytest.mark.slow
async def test_the_names_that_are_proposed_have_the_right_endings(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        for what, name in (
            (RUNS, "runs.csv"), (LOSSES, "losses.csv"), (TABLE, "P.csv"),
            (PICTURE, "bigram-tui.svg"),
        ):  # fmt: skip
            await choose(pilot, settle, what)
            assert pilot.app.screen.query_one(Input).value == name
            await pilot.press("escape")
            await settle(pilot)
            assert not pilot.app.screen.query_one(Prompt).display
        assert notifications(pilot) == []


async def test_what_exists_is_replaced_only_when_that_is_wanted_twice(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, shown: Shown, tmp_path: Path
) -> None:
    """It keeps its permissions; another name in between is asked about anew."""
    first, other = tmp_path / "mine.csv", tmp_path / "other.csv"
    for path in (first, other):
        path.write_text("mine", "utf-8")
        path.chmod(0o640)
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(pilot, settle, LOSSES)
        for path in (first, other, first):
            await answer(pilot, settle, path)
            assert "it exists; enter replaces it" in shown(pilot, Prompt)
            assert [p.read_text("utf-8") for p in (first, other)] == ["mine"] * 2
        await pilot.press("enter")
        await wait_until(pilot, lambda: notifications(pilot))
        assert notifications(pilot) == [f"written to {first}"]
    assert read_csv(first)[0] == list(COLUMNS)
    assert stat.S_IMODE(first.stat().st_mode) == 0o640
    assert other.read_text("utf-8") == "mine"


async def test_escape_leaves_what_exists(make_app: MakeApp, settle: Settle, tmp_path: Path) -> None:
    """And what was asked once is asked again the next time."""
    path = tmp_path / "mine.csv"
    path.write_text("mine", "utf-8")
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        for _ in range(2):
            await choose(pilot, settle, LOSSES)
            await answer(pilot, settle, path)
            assert "it exists" in screen_text(pilot)
            await pilot.press("escape")
            await settle(pilot)
        assert notifications(pilot) == []
    assert path.read_text("utf-8") == "mine"


@pytest.mark.slow
async def test_what_appears_between_the_question_and_the_answer_is_not_replaced(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "mine.csv"
    original = files.write_whole

    def late(*arguments: object, **options: object) -> None:
        path.write_text("mine", "utf-8")
        original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("bigram_tui.tui.screens.export.write_whole", late)
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(pilot, settle, LOSSES)
        await answer(pilot, settle, path)
        await wait_until(pilot, lambda: notifications(pilot))
        assert "exists" in notifications(pilot)[0]
        assert "\n" not in notifications(pilot)[0]
    assert path.read_text("utf-8") == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "name", "complaint"),
    [
        (LOSSES, "all.txt", "a name that ends in .csv or .jsonl"),
        (LOSSES, "all", "a name that ends in .csv or .jsonl"),
        (LOSSES, "", "a name that ends in .csv or .jsonl"),
        (TABLE, "P.jsonl", "a name that ends in .csv"),
        (PICTURE, "seen.png", "a name that ends in .svg"),
        (LOSSES, "nowhere/all.csv", "there is no folder"),
        (LOSSES, "folder.csv", "is a folder"),
        (LOSSES, "a\0b.csv", "can't write"),
    ],
)
async def test_what_cannot_be_written_is_said_before_and_can_be_mended(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    shown: Shown,
    tmp_path: Path,
    what: str,
    name: str,
    complaint: str,
) -> None:
    """In the line that asks; nothing is written until the name is a good one."""
    (tmp_path / "folder.csv").mkdir()
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(pilot, settle, what)
        await answer(pilot, settle, f"{tmp_path}/{name}" if name else "")
        assert complaint in shown(pilot, Prompt)
        assert len(shown(pilot, Prompt).split("\n")) == 1
        assert_safe(pilot)
        assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]
        assert list((tmp_path / "folder.csv").iterdir()) == []
        assert notifications(pilot) == []
        good = tmp_path / ("good.svg" if what == PICTURE else "good.csv")
        await answer(pilot, settle, good)
        await wait_until(pilot, lambda: notifications(pilot))
        assert notifications(pilot) == [f"written to {good}"]
        assert good.exists()


async def test_what_fails_while_it_is_written_is_said_in_one_line(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a full disk: nothing is left of it, what was there stays, and one can go on."""
    path = tmp_path / "mine.csv"
    path.write_text("mine", "utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device\n[/red]\x1b[0m")

    monkeypatch.setattr("bigram_tui.export.history.write_rows", full)
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(pilot, settle, LOSSES)
        await answer(pilot, settle, path)
        await pilot.press("enter")
        await wait_until(pilot, lambda: notifications(pilot))
        (said,) = notifications(pilot)
        assert "No space left on device" in said
        assert "\n" not in said
        assert "\x1b" not in said
        await settle(pilot)
        assert_safe(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert runs(pilot)[0].iteration == 1
    assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]
    assert path.read_text("utf-8") == "mine"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
async def test_a_folder_that_may_not_be_written_to_is_left_as_it_is(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    try:
        async with make_app().run_test(size=SIZE) as pilot:
            await settle(pilot)
            await choose(pilot, settle, LOSSES)
            await answer(pilot, settle, folder / "all.csv")
            await wait_until(pilot, lambda: notifications(pilot))
            assert "Permission denied" in notifications(pilot)[0]
        assert list(folder.iterdir()) == []
    finally:
        folder.chmod(0o700)


async def test_the_folder_of_the_user_can_be_written_with_a_tilde(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(pilot, settle, LOSSES)
        await answer(pilot, settle, " ~/all.csv ")
        await wait_until(pilot, lambda: notifications(pilot))
    assert (tmp_path / "all.csv").exists()


@pytest.mark.slow
async def test_the_screen_that_was_left_meanwhile_is_no_matter(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    async with make_app(steps=3).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await choose(pilot, settle, LOSSES)
        await answer(pilot, settle, tmp_path / "all.csv")
        await pilot.press("c")
        await wait_until(pilot, (tmp_path / "all.csv").exists)
        await wait_until(pilot, lambda: notifications(pilot))
        assert isinstance(pilot.app.screen, CompareScreen)
    assert len(read_csv(tmp_path / "all.csv")) == 6
