"""The dialogues on a cell, on a run and on longer contexts: what they tell, and how they end."""

import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.text import Text
from textual import events
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from bigram_tui.analysis.contexts import context_models, read_sample
from bigram_tui.analysis.curvature import curvature
from bigram_tui.analysis.smoothing import nearest_smoothing
from bigram_tui.analysis.underflow import bigram_probabilities, underflow
from bigram_tui.backend import Backend, Iteration
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.lessons.meters import meters
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.lessons import contexts as contexts_screen
from bigram_tui.tui.lessons import meters as meters_screen
from bigram_tui.tui.lessons import why as why_screen
from bigram_tui.tui.lessons.contexts import ContextsScreen
from bigram_tui.tui.lessons.meters import MetersScreen
from bigram_tui.tui.lessons.why import WhyScreen
from bigram_tui.tui.present import step_size
from bigram_tui.tui.screens.panel import Panel
from bigram_tui.tui.screens.table_screen import TableScreen
from bigram_tui.tui.widgets.hyperparameters import Control
from bigram_tui.tui.widgets.prompt import Prompt
from tests.conftest import slow
from tests.tui.conftest import DEADLINE, MakeApp, Settle, TextOf, WaitUntil, sizes
from tests.tui.test_explore_screen import ODD_LINES, assert_safe, screen_text
from tests.tui.test_plugins_on_screen import write

Opened = Callable[..., Awaitable[str]]

SIZE = (120, 40)
SMALL = (80, 24)
TINY = (40, 12)

PANELS = {"enter": WhyScreen, "M": MetersScreen, "N": ContextsScreen}

WHOLE = {"enter": "first lines with it", "M": "why logarithms", "N": "nats per character"}
"""What stands in each when nothing is missing."""


def app_of(pilot: Pilot[None]) -> BigramApp:
    assert isinstance(pilot.app, BigramApp)
    return pilot.app


def corpus_of(pilot: Pilot[None]) -> Corpus:
    return app_of(pilot).session.corpus


def run_of(pilot: Pilot[None], number: int = 0) -> Snapshot:
    return app_of(pilot).runners[number].snapshot


def point_at(pilot: Pilot[None], cell: tuple[int, int]) -> None:
    assert isinstance(pilot.app.screen, TableScreen)
    pilot.app.screen.cursor = cell


def told(pilot: Pilot[None]) -> str:
    """All that a dialogue tells; empty while there is none."""
    found = pilot.app.screen.query("#text").results(Static)
    content = next((static.content for static in found), "")
    return content.plain if isinstance(content, Text) else str(content)


def title(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#panel").border_title)


@pytest.fixture
def opened(wait_until: WaitUntil) -> Opened:
    """Opens a dialogue by its key and waits until it has told all."""

    async def open_it(pilot: Pilot[None], key: str, last: str | None = None) -> str:
        await pilot.press(key)
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, PANELS[key]), key)
        wanted = WHOLE[key] if last is None else last
        await wait_until(pilot, lambda: wanted in told(pilot), wanted)
        await wait_until(pilot, lambda: all(w.is_finished for w in pilot.app.workers))
        return told(pilot)

    return open_it


def value_of(text: str, name: str) -> str:
    """What the derivation gives for a quantity."""
    found = re.search(rf"^{re.escape(name)} +(\S+)", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def lines_of(pilot: Pilot[None]) -> list[str]:
    return Path(corpus_of(pilot).path).read_text("utf-8").split("\n")


def first_lines(pilot: Pilot[None], cell: tuple[int, int]) -> list[str]:
    labels = corpus_of(pilot).train.vocabulary.labels
    wanted = (labels[cell[0]], labels[cell[1]])
    return [line for line in lines_of(pilot) if wanted in pairwise(f".{line}.")][:3]


def p_of(run: Snapshot, cell: tuple[int, int]) -> float:
    assert run.probabilities is not None
    return float(run.probabilities[cell])


# Why


async def test_why_tells_of_the_cell_under_the_cursor(make_app: MakeApp, opened: Opened) -> None:
    """Inside a line, at its start and at its end; three keys close it."""
    async with make_app(steps=3).run_test(size=SIZE) as pilot:
        bigrams = corpus_of(pilot).train
        index = bigrams.vocabulary.index
        for pair, close in (("an", "escape"), (".k", "enter"), ("n.", "q")):
            cell = index[pair[0]], index[pair[1]]
            explore = pilot.app.screen
            point_at(pilot, cell)
            text = await opened(pilot, "enter")
            assert f"why P({pair[1]} | {pair[0]})?" in title(pilot)
            assert "numpy at step 3" in title(pilot)
            counted = sum(f".{line}.".count(pair) for line in lines_of(pilot))
            assert number(value_of(text, "N")) == counted == bigrams.counts[cell]
            assert number(value_of(text, "n")) == bigrams.row_sums[cell[0]]
            assert number(value_of(text, "P")) == pytest.approx(p_of(run_of(pilot), cell), 1e-5)
            assert text.endswith("  ".join(first_lines(pilot, cell)))
            assert "  ".join(first_lines(pilot, cell)) in screen_text(pilot)
            await pilot.press(close)
            assert pilot.app.screen is explore
        assert pilot.app.is_running


async def test_of_a_long_line_why_shows_the_place_that_is_meant(
    opened: Opened, tmp_path: Path
) -> None:
    """Also where a rare character is written in another way, and where the end is meant."""
    path = tmp_path / "long.txt"
    path.write_text("ab" * 60 + "zya" + "b" * 60 + "aab\n" + "ab\n", "utf-8")
    corpus = read_corpus(str(path), max_vocabulary=4)
    app = BigramApp(Session(corpus, tuple(choose(["count"]))))
    async with app.run_test(size=SIZE) as pilot:
        assert corpus_of(pilot).train.vocabulary.labels == (".", "a", "b", "▢")
        for cell, place in (((3, 1), "ababzya"), ((2, 0), "bbaab")):
            point_at(pilot, cell)
            assert place in (await opened(pilot, "enter")).rpartition(WHOLE["enter"])[2]
            await pilot.press("escape")


async def test_why_tells_what_the_run_has_after_the_next_step(
    make_app: MakeApp, settle: Settle, opened: Opened
) -> None:
    async with make_app(steps=2).run_test(size=SIZE) as pilot:
        await settle(pilot)
        cell = (1, 14)
        point_at(pilot, cell)
        text = await opened(pilot, "enter")
        await pilot.press("escape", "s")
        await settle(pilot)
        run = run_of(pilot)
        assert run.iteration == 3
        assert run.weights is not None
        assert number(value_of(text, "then W")) == pytest.approx(float(run.weights[cell]), 1e-5)
        assert number(value_of(text, "then P")) == pytest.approx(p_of(run, cell), 1e-5)


@pytest.mark.slow
async def test_side_by_side_why_tells_of_the_active_run_where_all_are(
    make_app: MakeApp, settle: Settle, opened: Opened
) -> None:
    async with make_app(steps=5).run_test(size=SIZE) as pilot:
        await settle(pilot)
        cell = (1, 14)
        point_at(pilot, cell)
        await pilot.press("c")
        await settle(pilot)
        await pilot.press("z")
        await settle(pilot)
        await pilot.press("z")
        await settle(pilot)
        frame = app_of(pilot).lockstep.frame
        assert frame.position == 3
        found = []
        for active, name in enumerate(("numpy at step 3", "count at step 0")):
            await pilot.press(str(active + 1))
            await settle(pilot)
            compare = pilot.app.screen
            text = await opened(pilot, "enter")
            assert name in title(pilot)
            run = frame.snapshots[app_of(pilot).runners[active]]
            assert number(value_of(text, "P")) == pytest.approx(p_of(run, cell), 1e-5)
            assert text.endswith("  ".join(first_lines(pilot, cell)))
            found.append(text)
            await pilot.press("escape")
            assert pilot.app.screen is compare
        assert "e^W" in found[0]
        assert "e^W" not in found[1]
        bigrams = corpus_of(pilot).train
        counting = f"({bigrams.counts[cell]} + 1) / ({bigrams.row_sums[1]} + 1 · 27)"
        assert counting in found[1]


@pytest.mark.parametrize(
    ("backend", "settings", "said", "unsaid"),
    [
        ("numpy", {"l2": 0.01}, "λ pulls it back", "α"),
        ("numpy", {"l2": 0.0}, "towards P = 0, which it never reaches", "α ="),
        ("count", {"smoothing": 2.0}, "the α = 2 of smoothing", "W"),
        ("count", {"smoothing": 0.0}, "P is 0", "W"),
    ],
)
async def test_a_bigram_that_is_never_seen_is_said_to_be(
    make_app: MakeApp,
    settle: Settle,
    opened: Opened,
    backend: str,
    settings: dict[str, object],
    said: str,
    unsaid: str,
) -> None:
    app = make_app((backend,), settings={backend: settings})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        bigrams = corpus_of(pilot).train
        row, column = next((i, j) for i, j in np.argwhere(bigrams.counts == 0) if i)
        point_at(pilot, (int(row), int(column)))
        text = await opened(pilot, "enter", "never seen in training")
        assert value_of(text, "N") == "0"
        assert said in text
        assert unsaid not in text
        assert "first lines" not in text
        await pilot.press("escape")
        point_at(pilot, (0, 0))
        await opened(pilot, "enter", "never seen: blank lines are not read")


@pytest.mark.parametrize(
    ("backend", "settings", "unsaid"),
    [("count", {"smoothing": 0.0}, "P is 0"), ("numpy", {"l2": 0.0}, "the data only push")],
)
async def test_a_character_that_only_held_out_lines_have_is_not_pushed(
    make_app: MakeApp,
    settle: Settle,
    opened: Opened,
    tmp_path: Path,
    backend: str,
    settings: dict[str, object],
    unsaid: str,
) -> None:
    """Its row has no counts: by counting it is uniform, and no gradient of the data moves it."""
    path = tmp_path / "ten.txt"
    path.write_text("\n".join("abcdefghij"), "utf-8")
    app = make_app((backend,), corpus=path, split=(9, 1), settings={backend: settings})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        row = int(corpus_of(pilot).train.row_sums.argmin())
        assert corpus_of(pilot).train.row_sums[row] == 0
        point_at(pilot, (row, 1))
        assert unsaid not in await opened(pilot, "enter", "never seen")


async def test_nothing_is_said_of_weights_where_there_are_none(
    make_app: MakeApp, settle: Settle, opened: Opened, tmp_path: Path
) -> None:
    app = make_app((write(tmp_path, "yield Iteration(uniform(bigrams), last=True)"),))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        row, column = np.argwhere(corpus_of(pilot).train.counts == 0)[-1].tolist()
        point_at(pilot, (row, column))
        text = await opened(pilot, "enter", "never seen")
        assert not re.search(r"\bW\b", text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "settings", "name"),
    [("numpy", {"l2": 0.0}, "penalty"), ("count", {"smoothing": 0.0}, "surprise")],
)
async def test_zero_has_no_sign(
    make_app: MakeApp,
    settle: Settle,
    opened: Opened,
    tmp_path: Path,
    backend: str,
    settings: dict[str, object],
    name: str,
) -> None:
    """Where λ is 0, and where what follows is certain."""
    path = tmp_path / "ab.txt"
    path.write_text("ab\nab", "utf-8")
    app = make_app((backend,), corpus=path, settings={backend: settings})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for cell in ((0, 1), (1, 2), (2, 0)):
            point_at(pilot, cell)
            assert value_of(await opened(pilot, "enter"), name) == "0"
            await pilot.press("escape")


@pytest.mark.slow
async def test_of_a_text_in_a_single_line_no_more_is_told_than_one_can_read(
    make_app: MakeApp, settle: Settle, opened: Opened, tmp_path: Path
) -> None:
    """Drawing all of a book takes so long that no key would be heard meanwhile."""
    path = tmp_path / "book.txt"
    path.write_text("it was the best of times " * 2_000, "utf-8")
    async with make_app(corpus=path).run_test(size=SMALL) as pilot:
        await settle(pilot)
        text = await opened(pilot, "enter")
        assert len(text) < 10_000


# Beyond the bigram


def cells_of(text: str) -> list[list[str]]:
    """The rows of the table of contexts."""
    rows = [line for line in text.split("\n") if re.match(r"\d  ", line)]
    return [re.split(r"  +", row.strip()) for row in rows]


def highlighted(pilot: Pilot[None]) -> list[str]:
    """What of a dialogue is drawn in reverse."""
    return [
        segment.text.strip()
        for strip in pilot.app.screen._compositor.render_strips()
        for segment in strip
        if segment.style is not None and segment.style.reverse
    ]


@pytest.mark.parametrize("split", [None, (3, 1)], ids=["own split", "split"])
async def test_the_table_of_contexts_has_what_was_counted_and_marks_the_best(
    make_app: MakeApp, settle: Settle, opened: Opened, split: tuple[int, ...] | None
) -> None:
    app = make_app(split=split)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        rows = cells_of(await opened(pilot, "N"))
        await settle(pilot)
        corpus = corpus_of(pilot)
        sample = read_sample(corpus, split=split, seed=app.session.seed)
        assert sample.own_split == (split is None)
        models = list(context_models(sample))
        assert len(rows) == len(models) == sample.longest
        for row, model in zip(rows, models, strict=True):
            assert model.held_out is not None
            held_out = model.held_out
            shares = float(row[3].removesuffix(" %")), float(row[7].removesuffix(" %"))
            found = [*(number(row[k]) for k in (0, 1, 2, 4, 5, 6)), *shares]
            assert found == [
                model.order,
                pytest.approx(27**model.order, rel=5e-3),
                pytest.approx(model.contexts, rel=5e-3),
                pytest.approx(model.train_nll, abs=5.1e-5),
                pytest.approx(held_out.nll, abs=5.1e-5),
                pytest.approx(held_out.smoothing, rel=0.05),
                pytest.approx(100 * model.pairs / 27 ** (model.order + 1), rel=0.05),
                pytest.approx(100 * held_out.unseen_contexts / held_out.predictions, abs=0.051),
            ]
        best = min(rows, key=lambda row: number(row[5]))
        assert [text for text in highlighted(pilot) if text] == [best[5]]
        kind = "One in ten distinct lines" if split is None else "The validation part"
        assert kind in told(pilot)


async def test_a_text_that_is_gone_is_said_to_be(
    make_app: MakeApp, settle: Settle, opened: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "gone.txt"
    path.write_text("anna\nbob", "utf-8")
    async with make_app(corpus=path).run_test(size=SIZE) as pilot:
        await settle(pilot)
        path.unlink()
        point_at(pilot, (0, 1))
        for key in PANELS:
            await opened(pilot, key, "cannot be read again")
            await pilot.press("escape")
        assert pilot.app.is_running


# Meters


def eigenvalue(run: Snapshot, pilot: Pilot[None]) -> float:
    """The largest of the Hessian's blocks, by LAPACK."""
    assert run.probabilities is not None
    bigrams, l2 = corpus_of(pilot).train, run.settings["l2"]
    shares = bigrams.row_sums / bigrams.total
    blocks = [
        n * (np.diag(p) - np.outer(p, p)) for n, p in zip(shares, run.probabilities, strict=True)
    ]
    steepest = float(np.linalg.eigvalsh(np.array(blocks)).max())
    return steepest + 2 * float(l2) / run.probabilities.size


async def test_the_meters_show_what_was_measured(
    make_app: MakeApp, settle: Settle, opened: Opened
) -> None:
    """Also the decay of row means after a change of both hyperparameters, against W itself."""
    app = make_app(steps=4, settings={"numpy": {"l2": 20.0, "learning_rate": 3.0}})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.runners[0].set("l2", 5.0)
        app.runners[0].set("learning_rate", 8.0)
        app.runners[0].step(3)
        await settle(pilot)
        run, corpus = run_of(pilot), corpus_of(pilot)
        assert run.iteration == 7
        assert run.weights is not None
        assert run.probabilities is not None
        text = await opened(pilot, "M", "exact.")
        assert "numpy at step 7" in title(pilot)

        found = curvature(run.probabilities, corpus.train, 5.0)
        assert found.largest == pytest.approx(eigenvalue(run, pilot), rel=1e-12)
        limit = f"the stable limit here and now is 2/λmax = {found.critical_learning_rate:.4g}"
        assert f"λmax = {found.largest:.4g}, so {limit}" in text
        assert f"η = 8 is {8 / found.critical_learning_rate:.2g} of it" in text

        means = app.session.start_weights.mean(axis=1), run.weights.mean(axis=1)
        factor = re.search(r"makes (\S+) since", text)
        assert factor is not None
        assert float(factor[1]) < 0.9, "so that it shows"
        np.testing.assert_allclose(means[1], float(factor[1]) * means[0], atol=2e-6)

        nearest = nearest_smoothing(run.probabilities, corpus.train)
        assert nearest is not None
        assert f"α = {nearest.smoothing:.4g} is nearest" in text
        assert f"KL {nearest.divergence:.1e}" in text
        first, second = (corpus.train.vocabulary.labels[k] for k in nearest.farthest)
        assert f"after “{first}”, “{second}” has P {nearest.probability:.4f} here" in text
        assert f"{nearest.counting_probability:.4f} there" in text

        log10 = -run.nll * corpus.train.total / np.log(10)
        whole = f"{corpus.train.total:,} training bigrams is 10^{log10:,.1f}"
        assert whole.replace("-", "−") in text
        factors = bigram_probabilities(lines_of(pilot), corpus.train.vocabulary, run.probabilities)
        measured = underflow(factors)
        assert measured.log10 == pytest.approx(log10)
        assert measured.float32.zero is not None
        assert f"in float32 it is 0 after {measured.float32.zero:,} bigrams" in text
        assert f"in float64 it is 0 after {measured.float64.zero:,} bigrams" in text


async def test_counting_is_not_measured_for_what_it_does_not_have(
    make_app: MakeApp, settle: Settle, opened: Opened
) -> None:
    async with make_app(("count",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        text = await opened(pilot, "M", "exact.")
        assert text.startswith("why logarithms")
        assert not re.search(r"[ληW]|gradient|nearest", text)


@pytest.mark.slow
@pytest.mark.parametrize("key", PANELS)
async def test_a_run_that_has_diverged_or_failed_has_dialogues_too(
    make_app: MakeApp, settle: Settle, opened: Opened, tmp_path: Path, key: str
) -> None:
    app = make_app(
        ("numpy", write(tmp_path, 'raise RuntimeError("no luck")\nyield')),
        steps=200,
        settings={"numpy": {"learning_rate": 1e5, "l2": 100.0}},
    )
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert [run_of(pilot, k).status for k in (0, 1)] == [Status.DIVERGED, Status.FAILED]
        await opened(pilot, key)
        await pilot.press("escape", "2")
        await settle(pilot)
        await opened(pilot, key, "nothing yet" if key == "M" else None)
        await pilot.press("escape")
        assert pilot.app.is_running


# Closing while it works


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """One entry for each thread of a dialogue that has ended: with what, None if with nothing."""
    ends: list[BaseException | None] = []
    original = Panel.run_worker

    def run_worker(self: Panel, work: Callable[[], None], **options: Any) -> Worker[None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                ends.append(error)
                raise
            ends.append(None)

        return original(self, run, **options)

    monkeypatch.setattr(Panel, "run_worker", run_worker)
    return ends


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """No dialogue's work ends by itself for as long as the test lasts.

    The first is set when work has begun; the second is to be set when its dialogue is closed.
    """
    begun, closed, over = threading.Event(), threading.Event(), threading.Event()

    def lines_with(*_: object, stop: Callable[[], bool], **__: object) -> list[str]:
        begun.set()
        while not stop() and not over.wait(0.001):
            pass
        return ["much too late"]

    def slow_meters(*_: object) -> Iterator[tuple[str, str]]:
        begun.set()
        closed.wait(DEADLINE)
        while not over.wait(0.001):
            yield "one more", "and another"

    def slow_sample(*_: object, progress: Callable[[int, int], None], **__: object) -> None:
        while not over.wait(0.001):
            begun.set()
            progress(1, 2)

    monkeypatch.setattr(why_screen, "lines_with", lines_with)
    monkeypatch.setattr(meters_screen, "meters", slow_meters)
    monkeypatch.setattr(contexts_screen, "read_sample", slow_sample)
    yield begun, closed
    over.set()
    closed.set()


@pytest.mark.parametrize("key", PANELS)
@pytest.mark.parametrize("close", ["escape", *slow("enter", "q")])
async def test_closing_a_dialogue_ends_its_work(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    endless: tuple[threading.Event, threading.Event],
    worked: list[BaseException | None],
    key: str,
    close: str,
) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        below = pilot.app.screen
        await pilot.press(key)
        await wait_until(pilot, endless[0].is_set)
        (worker,) = pilot.app.workers
        assert worked == []
        await pilot.press(close)
        assert pilot.app.screen is below
        await wait_until(pilot, lambda: worker.is_cancelled)
        endless[1].set()
        await wait_until(pilot, lambda: worked, "the end of the thread")
        assert worked == [None]
        await wait_until(pilot, lambda: worker.is_finished)
        assert worker.state is not WorkerState.ERROR
        await settle(pilot)
        assert pilot.app.is_running


async def test_what_is_told_just_when_a_dialogue_closes_is_lost(
    make_app: MakeApp, settle: Settle, opened: Opened
) -> None:
    """It may be on its way from the thread when the key is heard."""
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        await opened(pilot, "enter")
        panel = pilot.app.screen
        assert isinstance(panel, Panel)
        await pilot.press("escape")
        await settle(pilot)
        panel.call_while_live(panel.tell, Text("too late"))


@pytest.mark.slow
@pytest.mark.parametrize("key", ["enter", *slow("N")])
async def test_one_can_quit_while_a_dialogue_works(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    endless: tuple[threading.Event, threading.Event],
    worked: list[BaseException | None],
    key: str,
) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press(key)
        await wait_until(pilot, endless[0].is_set)
        await pilot.press("ctrl+q")
        await wait_until(pilot, lambda: worked, "the end of the thread")
    assert worked == [None]
    assert app.return_code == 0


# What it is drawn on


ODD_NAME = "[red]x\x07"


@pytest.mark.slow
async def test_markup_and_control_characters_show_as_themselves(
    make_app: MakeApp, settle: Settle, opened: Opened, tmp_path: Path
) -> None:
    """In lines of the text, in characters, and in the name of a run."""
    corpus = tmp_path / "[b]odd[b].txt"
    corpus.write_text("\n".join(ODD_LINES), "utf-8")
    plugin = Path(write(tmp_path, "while True:\n    yield Iteration(uniform(bigrams), weights)"))
    plugin = plugin.rename(plugin.with_name(f"{ODD_NAME}.py"))
    async with make_app((str(plugin), "numpy"), corpus=corpus).run_test(size=SIZE) as pilot:
        await settle(pilot)
        bigrams = corpus_of(pilot).train
        index = bigrams.vocabulary.index
        lines = {"[r": "[red]x[/red]", "\x1b[": "␛[31mhi␛[0m", "\tb": "a␉b", "[/": "[/]"}
        for pair, line in lines.items():
            point_at(pilot, (index[pair[0]], index[pair[1]]))
            text = await opened(pilot, "enter")
            assert line in text
            assert line in screen_text(pilot)
            assert "[red]x␇ has it" in text
            assert "[red]x␇ at step 0" in title(pilot)
            assert "[red]x␇ at step 0" in screen_text(pilot)
            assert_safe(pilot)
            await pilot.press("escape")
        for row, column in np.argwhere(bigrams.counts)[::15].tolist():
            point_at(pilot, (row, column))
            await opened(pilot, "enter")
            assert_safe(pilot)
            await pilot.press("escape")
        for key in ("M", "N"):
            await opened(pilot, key)
            assert_safe(pilot)
            assert key == "N" or "[red]x␇ at step 0" in screen_text(pilot)
            await pilot.press("escape")


@pytest.mark.slow
@sizes(TINY, SMALL)
@pytest.mark.parametrize("key", PANELS)
@pytest.mark.parametrize("screen", ["explore", *slow("compare")])
async def test_what_is_longer_than_the_screen_can_be_scrolled(
    make_app: MakeApp,
    settle: Settle,
    wait_until: WaitUntil,
    opened: Opened,
    text_of: TextOf,
    size: tuple[int, int],
    key: str,
    screen: str,
) -> None:
    """By arrow keys, down to the last word."""
    async with make_app(steps=2).run_test(size=size) as pilot:
        await settle(pilot)
        if screen == "compare":
            await pilot.press("c")
            await settle(pilot)
        text = await opened(pilot, key)
        await settle(pilot)
        panel = pilot.app.screen.query_one("#panel", VerticalScroll)
        assert panel.region.right <= size[0]
        assert panel.region.bottom <= size[1]
        last = text.split()[-1]
        if size == TINY:
            assert panel.max_scroll_y > 0
            assert last not in text_of(panel)
        top = panel.scroll_y
        for _ in range(200):
            if last in text_of(panel) and panel.scroll_y == panel.max_scroll_y:
                break
            await pilot.press("down")
        await wait_until(pilot, lambda: last in text_of(panel), last)
        assert panel.scroll_y > top or panel.max_scroll_y == 0
        assert_safe(pilot)


# The step size on the screen of one run


async def test_the_step_size_is_too_large_exactly_beyond_what_the_curvature_allows(
    make_app: MakeApp, settle: Settle
) -> None:
    app = make_app(("numpy",), steps=3)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        critical = 2 / eigenvalue(run_of(pilot), pilot)
        for rate in (1.0, 20.0, critical * (1 - 1e-9), critical * (1 + 1e-9), 500.0):
            app.runners[0].set("learning_rate", rate)
            await settle(pilot)
            run = run_of(pilot)
            assert run.settings["learning_rate"] == rate
            assert eigenvalue(run, pilot) == pytest.approx(2 / critical, rel=1e-12)
            shown = str(pilot.app.screen.query_one("#parameters").border_title)
            percent = f"{100 * rate / critical:{'.0f' if rate > 10 else '.2g'}} %"
            assert shown.endswith(f"η is {percent} of the stable limit")


@dataclass
class Worded(Backend):
    """Hyperparameters that are named as ours are, but are words."""

    learning_rate: str = "auto"
    l2: str = "weak"

    def regularization(self, weights: Matrix) -> float:
        return 0.0

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        while True:
            yield Iteration(np.full(bigrams.counts.shape, 1 / len(bigrams.counts)), weights)


@dataclass
class HalfWorded(Worded):
    """A word for the penalty alone."""

    learning_rate: float = 1.0  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("kind", "tell"), [(HalfWorded, "step size"), (HalfWorded, "meters"), (Worded, "meters")]
)
def test_a_hyperparameter_that_is_a_word_is_not_taken_for_a_number(
    small_corpus: Path, kind: type[Backend], tell: str
) -> None:
    corpus = read_corpus(str(small_corpus))
    weights = start_weights(27)
    run = Run(kind(), corpus.train, weights).snapshot()
    if tell == "meters":
        assert "why logarithms" in dict(meters(run, corpus, 0))
    else:
        assert "nan" not in step_size(run, corpus.train)


# Typing fast


def type_at_once(pilot: Pilot[None], *keys: str) -> None:
    """Keys that are all there before the first one is heard, as a slow connection brings them."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_a_prompt_keeps_the_order_of_keys_typed_at_once(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    """Letters and keys that edit, the last of them enter."""
    async with make_app(("numpy",)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        prompt = pilot.app.screen.query_one(Prompt)
        box = prompt.query_one(Input)
        await wait_until(pilot, lambda: box.has_focus)
        for _ in range(3):
            keys = ["1", "2", "backspace", "3", "left", "4", "home", "5", "end", "6", "delete"]
            type_at_once(pilot, "ctrl+u", *keys)
            await wait_until(pilot, lambda: len(box.value) == 5)
            await pilot.pause()
            assert box.value == "51436"
        type_at_once(pilot, "ctrl+u", "x", "backspace", "e", "m", "enter")
        await wait_until(pilot, lambda: not prompt.display)
        index = corpus_of(pilot).train.vocabulary.index
        assert isinstance(pilot.app.screen, TableScreen)
        assert pilot.app.screen.cursor == (index["e"], index["m"])

        await pilot.press("p", "enter")
        await wait_until(pilot, lambda: box.has_focus)
        type_at_once(pilot, "ctrl+u", "7", "left", "1", "end", "5", "enter")
        await wait_until(pilot, lambda: not prompt.display)
        await settle(pilot)
        assert run_of(pilot).settings["learning_rate"] == 175
        assert isinstance(pilot.app.focused, Control)


@pytest.mark.slow
@pytest.mark.xfail(strict=True, reason="later keys overtake the one that opens the prompt")
@pytest.mark.parametrize("opening", [("slash", "e", "m"), ("p", "enter", "1", "2")])
async def test_a_prompt_may_be_opened_by_the_first_of_several_keys_typed_at_once(
    make_app: MakeApp, settle: Settle, opening: tuple[str, ...]
) -> None:
    """What is meant for the prompt is no command."""
    async with make_app().run_test(size=SIZE) as pilot:
        await settle(pilot)
        below = pilot.app.screen
        type_at_once(pilot, *opening, "enter")
        await settle(pilot)
        assert pilot.app.screen is below
        assert isinstance(below, TableScreen)
        if opening[0] == "p":
            assert run_of(pilot).settings["learning_rate"] == 12
        else:
            index = corpus_of(pilot).train.vocabulary.index
            assert below.cursor == (index["e"], index["m"])


async def test_a_dialogue_that_opens_while_the_app_ends_is_no_error(
    make_app: MakeApp, settle: Settle
) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        type_at_once(pilot, "q", "enter")
        await pilot.pause()
    assert app.return_code == 0
