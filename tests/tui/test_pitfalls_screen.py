"""The pitfalls on screen: what each shows, how one gets about, and what enter leads to."""

import importlib.util
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rich.text import Text
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import OptionList, Static
from textual.worker import WorkerState

from bigram_tui.formatting.printable import printable
from bigram_tui.lessons import libraries
from bigram_tui.lessons.pitfall_run import Trial, run
from bigram_tui.lessons.pitfalls import PITFALLS, Pitfall
from bigram_tui.lessons.presets import presets
from bigram_tui.lessons.transcript import Entry
from bigram_tui.model.bigrams import Matrix
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.lessons import pitfalls as pitfalls_screen
from bigram_tui.tui.lessons.pitfalls import LONGEST_ANSWER, NAMES, PitfallsScreen
from bigram_tui.tui.screens.compare import CompareScreen
from bigram_tui.tui.screens.explore import ExploreScreen
from tests.conftest import slow
from tests.tui.conftest import DEADLINE, MakeApp, Settle, TextOf, WaitUntil, notifications, sizes
from tests.tui.test_compare_screen import cell
from tests.tui.test_explore_screen import ODD_LINES, assert_safe, last_line, screen_text

SMALL, MIDDLE, WIDE = (80, 24), (120, 40), (200, 60)
SIZES = sizes(SMALL, MIDDLE, WIDE)

PLACES = {pitfall.name: place for place, pitfall in enumerate(PITFALLS)}
VARIANTS = [pitfall for pitfall in PITFALLS if pitfall.variant is not None]
EACH_VARIANT = pytest.mark.parametrize(
    "pitfall", [VARIANTS[0], *slow(*VARIANTS[1:])], ids=lambda pitfall: pitfall.name
)

has_torch = importlib.util.find_spec("torch") is not None
RUNNABLE = [pitfall for pitfall in PITFALLS if has_torch or not pitfall.needs_torch]

ENTER = "compare with the right one"

Opened = Callable[..., Awaitable[PitfallsScreen]]
Read = Callable[[Pilot[None]], Awaitable[str]]


def app_of(pilot: Pilot[None]) -> BigramApp:
    assert isinstance(pilot.app, BigramApp)
    return pilot.app


def screen_of(pilot: Pilot[None]) -> PitfallsScreen:
    assert isinstance(pilot.app.screen, PitfallsScreen)
    return pilot.app.screen


def written(pilot: Pilot[None], selector: str) -> str:
    content = pilot.app.screen.query_one(selector, Static).content
    assert isinstance(content, Text)
    return content.plain


def runners(pilot: Pilot[None]) -> list[Runner]:
    return list(app_of(pilot).runners)


def names(pilot: Pilot[None]) -> list[str]:
    return [runner.name for runner in runners(pilot)]


def run_called(pilot: Pilot[None], name: str) -> Snapshot:
    return next(runner.snapshot for runner in runners(pilot) if runner.name == name)


def name_of(pitfall: Pitfall) -> str:
    """The name that a first run of the variant gets."""
    assert pitfall.variant is not None
    return pitfall.variant.name or pitfall.variant.backend


def trial_of(pilot: Pilot[None], pitfall: Pitfall) -> Trial:
    """Run a pitfall with the texts and the seed of the app."""
    session = app_of(pilot).session

    def sample(table: Matrix) -> list[str]:
        return [printable(name.text) for name in session.sample(table, NAMES)]

    return run(pitfall, session.corpus.train, session.start_weights, sample, session.seed)


async def told(pilot: Pilot[None], wait_until: WaitUntil) -> None:
    """Wait for what came of the chosen pitfall."""
    await wait_until(pilot, lambda: "running …" not in written(pilot, "#lesson"), "an answer")


@pytest.fixture
def opened(settle: Settle, wait_until: WaitUntil) -> Opened:
    """Opens the screen, goes to a pitfall and waits for what came of it."""

    async def open_it(pilot: Pilot[None], pitfall: Pitfall = PITFALLS[0]) -> PitfallsScreen:
        await settle(pilot)
        await pilot.press("P")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, PitfallsScreen), "P")
        screen = screen_of(pilot)
        while screen.pitfall is not pitfall:
            await pilot.press("down")
        await told(pilot, wait_until)
        return screen

    return open_it


@pytest.fixture
def read(settle: Settle, text_of: TextOf) -> Read:
    """All that is told of the chosen pitfall, page by page, none of which is amiss."""

    async def pages(pilot: Pilot[None]) -> str:
        page = screen_of(pilot).query_one("#pitfall", VerticalScroll)
        parts = []
        while True:
            await settle(pilot)
            assert_safe(pilot)
            parts.append(text_of(page))
            if page.scroll_y >= page.max_scroll_y:
                return "\n".join(parts)
            await pilot.press("right")

    return pages


# Getting about


async def test_arrows_choose_and_the_list_has_no_end(make_app: MakeApp, opened: Opened) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        titles = screen.query_one("#titles", OptionList)
        last = len(PITFALLS) - 1
        for key, place in (("down", 1), ("j", 2), ("up", 1), ("k", 0), ("up", last), ("down", 0)):
            await pilot.press(key)
            assert screen.chosen == titles.highlighted == place
            assert written(pilot, "#lesson").startswith(f"{PITFALLS[place].title}\n")
        assert pilot.app.screen is screen


async def test_a_click_chooses(make_app: MakeApp, opened: Opened, wait_until: WaitUntil) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        for place in (8, 1, len(PITFALLS) - 1):
            await pilot.click("#titles", offset=(3, place))
            await wait_until(pilot, lambda place=place: screen.chosen == place)
            assert written(pilot, "#lesson").startswith(f"{PITFALLS[place].title}\n")
        await pilot.press("up")  # keys go on from there
        assert screen.chosen == len(PITFALLS) - 2


async def test_left_and_right_scroll_and_another_pitfall_begins_at_its_top(
    make_app: MakeApp, opened: Opened, settle: Settle, wait_until: WaitUntil, text_of: TextOf
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        page = screen.query_one("#pitfall", VerticalScroll)
        seen = [text_of(page)]
        assert page.max_scroll_y > 0
        for key in ("right", "pagedown", "right", "right"):
            await pilot.press(key)
            await settle(pilot)
            seen.append(text_of(page))
        assert page.scroll_y == page.max_scroll_y
        assert "✓ right" in "".join(seen)
        assert ">>> nll(P)" in seen[-1]
        for key in ("left", "pageup", "left", "left"):
            await pilot.press(key)
        await wait_until(pilot, lambda: page.scroll_y == 0)
        await pilot.press("right")
        await wait_until(pilot, lambda: page.scroll_y > 0)
        await pilot.press("down")
        await wait_until(pilot, lambda: page.scroll_y == 0)


@pytest.mark.slow
async def test_the_place_in_the_list_is_remembered(make_app: MakeApp, opened: Opened) -> None:
    """On another screen as well."""
    async with make_app().run_test(size=SMALL) as pilot:
        await opened(pilot, PITFALLS[1])
        for key in ("escape", "P", "c", "P"):
            await pilot.press(key)
        if not isinstance(pilot.app.screen, PitfallsScreen):
            await pilot.press("P")
        assert screen_of(pilot).chosen == 1
        assert screen_of(pilot).query_one("#titles", OptionList).highlighted == 1


@pytest.mark.slow
@pytest.mark.parametrize("key", ["escape", *slow("q", "P")])
@pytest.mark.parametrize("below", [ExploreScreen, CompareScreen])
async def test_closing_leaves_all_as_it_was(
    make_app: MakeApp, settle: Settle, opened: Opened, below: type, key: str
) -> None:
    async with make_app().run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        await pilot.press("S", *(["c"] if below is CompareScreen else []))
        await settle(pilot)
        app = app_of(pilot)
        before = (names(pilot), [r.snapshot for r in app.runners], app.lineup.reference)
        text, screen = screen_text(pilot), app.screen
        await opened(pilot)
        await pilot.press(key)
        await settle(pilot)
        assert app.screen is screen
        assert isinstance(screen, below)
        assert (names(pilot), [r.snapshot for r in app.runners], app.lineup.reference) == before
        assert screen_text(pilot) == text
        await pilot.press("P")  # and a second time
        assert isinstance(app.screen, PitfallsScreen)


# What is shown


def lines_of(entries: tuple[Entry, ...]) -> list[str]:
    """What a prompt shows of statements and their answers."""
    lines = []
    for entry in entries:
        first, *rest = entry.code.split("\n")
        lines += [f">>> {first}", *(f"... {line}" for line in rest)]
        lines += [
            line if len(line) <= LONGEST_ANSWER else f"{line[:LONGEST_ANSWER]}…"
            for line in entry.answer.split("\n")
            if line
        ]
    return lines


def flat(text: str) -> str:
    return "".join(text.split())


@SIZES
@pytest.mark.parametrize("theme", ["textual-dark", *slow("textual-light")])
async def test_each_pitfall_shows_its_answers(
    make_app: MakeApp,
    opened: Opened,
    wait_until: WaitUntil,
    read: Read,
    size: tuple[int, int],
    theme: str,
) -> None:
    """All of it can be read, scrolled through if need be."""
    async with make_app().run_test(size=size) as pilot:
        pilot.app.theme = theme
        screen = await opened(pilot, RUNNABLE[0])
        for pitfall in RUNNABLE:
            while screen.pitfall is not pitfall:
                await pilot.press("down")
            await told(pilot, wait_until)
            trial = trial_of(pilot, pitfall)
            wrong, right = (written(pilot, side).split("\n") for side in ("#wrong", "#right"))
            assert wrong == ["✗ wrong", *lines_of(trial.wrong), ""]
            assert right == ["✓ right", *lines_of(trial.right), ""]
            shown = flat(await read(pilot))
            assert flat(pitfall.title) in shown
            for line in (wrong[1], wrong[-2], right[1], right[-2]):
                assert flat(line)[-10:] in shown, (pitfall.name, line)
            sides = [screen.query_one(side).region for side in ("#wrong", "#right")]
            assert (sides[0].y == sides[1].y) == (size == WIDE)


@pytest.mark.slow
@SIZES
async def test_the_lesson_leaves_room_for_its_code(
    make_app: MakeApp, opened: Opened, wait_until: WaitUntil, size: tuple[int, int]
) -> None:
    """The first statement is in sight without scrolling."""
    async with make_app().run_test(size=size) as pilot:
        screen = await opened(pilot, RUNNABLE[0])
        for pitfall in RUNNABLE:
            while screen.pitfall is not pitfall:
                await pilot.press("down")
            await told(pilot, wait_until)
            first = pitfall.wrong.split("\n")[0]
            await wait_until(
                pilot, lambda first=first: f">>> {first}"[:40] in screen_text(pilot), first
            )
            assert screen.query_one("#titles").region.height >= len(PITFALLS)


async def test_errors_stand_out_and_warnings_before_them_do_not(
    make_app: MakeApp, opened: Opened
) -> None:
    pytest.importorskip("torch")
    async with make_app().run_test(size=MIDDLE) as pilot:
        await opened(pilot, PITFALLS[PLACES["W reassigned"]])
        content = pilot.app.screen.query_one("#wrong", Static).content
        assert isinstance(content, Text)
        red = [
            content.plain[span.start : span.end]
            for span in content.spans
            if not isinstance(span.style, str) and span.style.color is not None
        ]
        assert [text.partition(":")[0] for text in red] == ["TypeError"]
        assert "UserWarning: " in content.plain


async def test_code_is_shown_as_at_a_prompt_while_it_runs(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def slow(*_: object, **__: object) -> Trial:
        over.wait(DEADLINE)
        return Trial((Entry("1", "one"),), (Entry("2", "two"),))

    monkeypatch.setattr(pitfalls_screen, "run", slow)
    async with make_app().run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        app_of(pilot).screen.view_state.pitfall = PLACES["a plus sign"]  # type: ignore[attr-defined]
        await pilot.press("P")
        source = PITFALLS[PLACES["a plus sign"]].wrong.split("\n")
        prompts = ["... " if line.startswith(" ") else ">>> " for line in source]
        assert written(pilot, "#wrong").split("\n") == [
            "✗ wrong", *map("".join, zip(prompts, source, strict=True)), "",
        ]  # fmt: skip
        assert written(pilot, "#lesson").endswith("\nrunning …")
        over.set()
        await told(pilot, wait_until)
        assert written(pilot, "#wrong") == "✗ wrong\n>>> 1\none\n"
        assert written(pilot, "#right") == "✓ right\n>>> 2\ntwo\n"


async def test_without_torch_the_reason_is_told_and_the_others_work(
    make_app: MakeApp, opened: Opened, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    libraries.torch_library.cache_clear()
    try:
        async with make_app().run_test(size=SMALL) as pilot:
            screen = await opened(pilot)
            for pitfall in PITFALLS:
                while screen.pitfall is not pitfall:
                    await pilot.press("down")
                await told(pilot, wait_until)
                reason = "It needs torch, which can't be imported here: pip install torch"
                assert written(pilot, "#lesson").endswith(reason) == pitfall.needs_torch
                answered = written(pilot, "#right") != f"✓ right\n>>> {pitfall.right}\n"
                if not pitfall.needs_torch:
                    assert answered
                    entries = trial_of(pilot, pitfall).right
                    assert written(pilot, "#right").split("\n")[1:-1] == lines_of(entries)
    finally:
        libraries.torch_library.cache_clear()


async def test_an_error_in_the_thread_is_told(
    make_app: MakeApp, opened: Opened, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(pitfall: Pitfall, *rest: object, **more: object) -> Trial:
        if pitfall is PITFALLS[0]:
            raise MemoryError("no\n  [red]room")
        return run(pitfall, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(pitfalls_screen, "run", broken)
    async with make_app().run_test(size=SMALL) as pilot:
        await opened(pilot)
        assert written(pilot, "#lesson").endswith("\nMemoryError: no [red]room")
        assert "MemoryError: no [red]room" in screen_text(pilot)
        await pilot.press("down")
        await told(pilot, wait_until)
        assert "Error" not in written(pilot, "#lesson")
        assert "inf" in written(pilot, "#wrong")


@pytest.mark.slow
async def test_closing_while_it_runs_ends_well(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes too late is lost, even if it was on its way when the screen was closed."""
    begun, over = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> Trial:
        begun.set()
        over.wait(DEADLINE)
        return Trial((), ())

    monkeypatch.setattr(pitfalls_screen, "run", slow)
    async with make_app().run_test(size=SMALL) as pilot:
        await settle(pilot)
        await pilot.press("P")
        screen = screen_of(pilot)
        await wait_until(pilot, begun.is_set)
        (worker,) = pilot.app.workers
        await pilot.press("escape")
        over.set()
        await wait_until(pilot, lambda: worker.is_finished)
        assert worker.state is not WorkerState.ERROR
        await settle(pilot)
        screen.call_while_live(screen._take, PITFALLS[0], Trial((), ()))
        await settle(pilot)
        assert isinstance(pilot.app.screen, ExploreScreen)


@pytest.mark.slow
async def test_what_another_pitfall_came_to_is_not_shown_for_this_one(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow one may answer when the next one is looked at already."""
    over = threading.Event()

    def run_slowly(pitfall: Pitfall, *_: object, **__: object) -> Trial:
        if pitfall is PITFALLS[0]:
            over.wait(DEADLINE)
        return Trial((Entry(pitfall.name),), ())

    monkeypatch.setattr(pitfalls_screen, "run", run_slowly)
    async with make_app().run_test(size=SMALL) as pilot:
        await settle(pilot)
        await pilot.press("P", "down")
        await told(pilot, wait_until)
        assert written(pilot, "#wrong") == f"✗ wrong\n>>> {PITFALLS[1].name}\n"
        over.set()
        await wait_until(pilot, lambda: all(worker.is_finished for worker in pilot.app.workers))
        assert written(pilot, "#wrong") == f"✗ wrong\n>>> {PITFALLS[1].name}\n"
        await pilot.press("up")
        await told(pilot, wait_until)
        assert written(pilot, "#wrong") == f"✗ wrong\n>>> {PITFALLS[0].name}\n"


@pytest.mark.slow
@SIZES
async def test_a_hostile_text_is_shown_harmlessly(
    make_app: MakeApp,
    opened: Opened,
    wait_until: WaitUntil,
    read: Read,
    tmp_path: Path,
    size: tuple[int, int],
) -> None:
    corpus = tmp_path / "odd.txt"
    corpus.write_text("\n".join(ODD_LINES), "utf-8")
    async with make_app(corpus=corpus).run_test(size=size) as pilot:
        screen = await opened(pilot)
        for pitfall in PITFALLS:
            while screen.pitfall is not pitfall:
                await pilot.press("down")
            await told(pilot, wait_until)
            assert pitfall.title in await read(pilot)


async def test_markup_and_commands_in_names_and_in_the_unseen_bigram_show_as_themselves(
    make_app: MakeApp, opened: Opened, wait_until: WaitUntil, tmp_path: Path
) -> None:
    corpus = tmp_path / "odd.txt"
    corpus.write_text("[]\n[[\n[\n[\n", "utf-8")
    async with make_app(corpus=corpus).run_test(size=MIDDLE) as pilot:
        await opened(pilot)
        named = [name.text for name in app_of(pilot).session.sample(_table(pilot), NAMES)]
        assert f">>> names(P)\n{named}\n" in written(pilot, "#right")
        assert any("[" in name for name in named)
        await pilot.press("down")
        await told(pilot, wait_until)
        assert "never has “][”" in written(pilot, "#lesson")
        assert "“][”" in screen_text(pilot)
    corpus.write_text("\x1b[2J漢 \n", "utf-8")
    async with make_app(corpus=corpus).run_test(size=MIDDLE) as pilot:
        await opened(pilot, PITFALLS[1])
        assert "never has “␛␛”" in written(pilot, "#lesson")
        assert_safe(pilot)


def _table(pilot: Pilot[None]) -> Matrix:
    counts = app_of(pilot).session.corpus.train.counts + 1.0
    smoothed: Matrix = counts / counts.sum(axis=1, keepdims=True)
    return smoothed


# Beside the right way


async def test_enter_is_there_only_where_there_is_something_to_compare(
    make_app: MakeApp, opened: Opened, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        for pitfall in PITFALLS:
            while screen.pitfall is not pitfall:
                await pilot.press("down")
            await told(pilot, wait_until)
            there = pitfall.variant is not None
            await wait_until(pilot, lambda: "close" in last_line(pilot), "the footer")
            await wait_until(
                pilot, lambda there=there: (ENTER in last_line(pilot)) == there, "its enter"
            )
            assert ("enter compares it with" in written(pilot, "#lesson")) == there
            if not there:
                await pilot.press("enter", "c")
                assert pilot.app.screen is screen
        assert names(pilot) == ["numpy", "count"]


@EACH_VARIANT
async def test_enter_puts_the_mistake_beside_the_right_way(
    make_app: MakeApp, settle: Settle, opened: Opened, pitfall: Pitfall
) -> None:
    """With its η and λ, and both at the same iteration, step by step."""
    variant = pitfall.variant
    assert variant is not None
    own = {"numpy": {"learning_rate": 20.0, "l2": 0.125}, "count": {"smoothing": 3.0}}
    async with make_app(settings=own).run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await opened(pilot, pitfall)
        await pilot.press("enter")
        await settle(pilot)
        app, name = app_of(pilot), name_of(pitfall)
        assert isinstance(app.screen, CompareScreen)
        place = names(pilot).index(variant.beside)
        assert names(pilot)[place + 1] == name
        assert len(names(pilot)) == 3
        assert app.lineup.reference is runners(pilot)[place]
        assert app.screen.runner is runners(pilot)[place + 1]
        right, wrong = run_called(pilot, variant.beside), run_called(pilot, name)
        assert right.iteration == (10 if variant.beside == "numpy" else 0)
        assert wrong.iteration == right.iteration or wrong.status is Status.DIVERGED
        expected = {
            **{key: value for key, value in right.settings.items() if key in wrong.settings},
            **variant.settings(app.session.corpus.train),
        }
        assert {key: wrong.settings[key] for key in expected} == expected
        assert own[variant.beside].items() <= {**right.settings}.items()
        if variant.beside == "numpy":
            await pilot.press("s")
            await settle(pilot)
            right, wrong = run_called(pilot, "numpy"), run_called(pilot, name)
            assert right.iteration == 11
            assert wrong.iteration == 11 or wrong.status is Status.DIVERGED
        assert notifications(pilot) == []


@pytest.mark.slow
async def test_a_second_time_gives_a_second_run(
    make_app: MakeApp, settle: Settle, opened: Opened
) -> None:
    """From the compare screen itself, and of another mistake, it works as well."""
    async with make_app().run_test(size=MIDDLE) as pilot:
        for expected in (
            {"numpy", "count", "no-keepdim"},
            {"numpy", "count", "no-keepdim", "no-keepdim #2"},
        ):
            await opened(pilot)
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(pilot.app.screen, CompareScreen)
            assert set(names(pilot)) == expected
        await pilot.press("s")
        await settle(pilot)
        await opened(pilot, PITFALLS[PLACES["a plus sign"]])
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, CompareScreen)
        positions = {name: run_called(pilot, name).iteration for name in names(pilot)}
        assert positions["numpy"] == positions["plus-sign"] == positions["no-keepdim #2"]
        assert app_of(pilot).lineup.reference.name == "numpy"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no keepdim", *slow("a zero count", "η too large")])
async def test_the_right_run_is_added_again_if_it_was_removed(
    make_app: MakeApp, settle: Settle, opened: Opened, name: str
) -> None:
    """The run of the mistake, which is left and may be of the same backend, is not taken for it."""
    pitfall = PITFALLS[PLACES[name]]
    variant = pitfall.variant
    assert variant is not None
    other = "count" if variant.beside == "numpy" else "numpy"
    async with make_app((variant.beside, other)).run_test(size=MIDDLE) as pilot:
        await opened(pilot, pitfall)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("1", "D")
        await settle(pilot)
        assert variant.beside not in names(pilot)
        await opened(pilot, pitfall)
        await pilot.press("enter")
        await settle(pilot)
        reference = app_of(pilot).lineup.reference
        assert reference.name == variant.beside
        for key, value in variant.settings(app_of(pilot).session.corpus.train).items():
            assert reference.snapshot.settings[key] != value
        assert {name_of(pitfall), f"{name_of(pitfall)} #2"} <= set(names(pilot))


@pytest.mark.slow
async def test_without_keepdim_p_differs_and_nothing_else_does(
    make_app: MakeApp, settle: Settle, opened: Opened, text_of: TextOf
) -> None:
    async with make_app(("numpy",)).run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("x")
        await settle(pilot)
        right, wrong = run_called(pilot, "numpy"), run_called(pilot, "no-keepdim")
        assert right.iteration == wrong.iteration == 100
        table = text_of(pilot.app.screen.query_one("#runs")).split("\n")
        (row,) = [k for k, line in enumerate(table) if "no-keepdim" in line]
        apart, same_w, same_nll = (
            [float(cell(table, row, title, which)) for title, which in columns]
            for columns in (
                (("|ΔP| now", 0), ("worst", 0)),
                (("|ΔW| now", 0), ("worst", 1)),
                (("|Δnll| now", 0), ("worst", 2)),
            )
        )
        assert min(apart) > 0.1
        assert max(same_w) < 1e-11
        assert max(same_nll) < 1e-13
        assert wrong.probabilities is not None
        sums = wrong.probabilities.sum(axis=1)
        assert sums.min() < 0.9
        assert sums.max() > 1.1
        notice = text_of(pilot.app.screen.query_one("#notice"))
        assert "the rows of no-keepdim's P sum to" in notice
        assert "not to 1" in notice


@pytest.mark.slow
async def test_a_mistake_begins_where_the_right_run_did(
    make_app: MakeApp, settle: Settle, opened: Opened
) -> None:
    async with make_app(("numpy",)).run_test(size=MIDDLE) as pilot:
        app = app_of(pilot)
        await settle(pilot)
        await pilot.press("H")
        await settle(pilot)
        zero = [preset.name for preset in presets(app.session.corpus.train)].index("zero start")
        await pilot.press(*["down"] * zero, "enter")
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        await pilot.press("1", "D")
        await settle(pilot)
        assert names(pilot) == ["numpy zero start"]
        await opened(pilot, PITFALLS[PLACES["a plus sign"]])
        await pilot.press("enter")
        await settle(pilot)
        start = run_called(pilot, "plus-sign").start_weights
        assert start is not None
        assert not start.any()
