"""One word through the network, on screen: its stages, its keys, its mouse, any word, any wait."""

import re
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Input, Static

from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.lessons.libraries import NUMPY, Library, torch_library
from bigram_tui.lessons.network import Network
from bigram_tui.lessons.network_stages import NAMES
from bigram_tui.model.bigrams import Vocabulary
from bigram_tui.tui.lessons import network as network_screen
from bigram_tui.tui.lessons import network_worker
from bigram_tui.tui.lessons.network import NetworkScreen
from bigram_tui.tui.lessons.network_worker import RATES
from bigram_tui.tui.render.colors import GLYPHS_ONLY
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.help import HelpScreen
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.prompt import Prompt
from tests.conftest import slow
from tests.tui.conftest import DEADLINE, MakeApp, Settle, TextOf, WaitUntil, notifications, sizes
from tests.tui.test_explore_screen import ODD_LINES, assert_safe, last_line, screen_text

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
all_sizes = sizes(SMALL, MIDDLE, LARGE)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LONG = (LETTERS * 8)[:199] + "c"

Cell = tuple[int, int]
Rest = Callable[[Pilot[None]], Awaitable[None]]
Opened = Callable[[Pilot[None]], Awaitable[NetworkScreen]]


def has_ended(screen: NetworkScreen) -> bool:
    """Whether nothing is computed for a screen any more."""
    return not any(thread.is_alive() for thread in screen._worker._executor._threads)


@pytest.fixture
def numpy_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if torch were not there; without the time that it takes to find that out."""
    monkeypatch.setattr(network_worker, "best_library", lambda: NUMPY)


@pytest.fixture(params=["numpy", *slow("torch")])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Library:
    """What the screen computes with."""
    found = NUMPY
    if request.param == "torch":
        pytest.importorskip("torch")
        found = torch_library()
    monkeypatch.setattr(network_worker, "best_library", lambda: found)
    return found


@pytest.fixture
def rest(settle: Settle, wait_until: WaitUntil) -> Rest:
    """Waits until the worker has done all that it was given, and the screen shows it."""

    async def at_rest(pilot: Pilot[None]) -> None:
        screen = network(pilot)
        await wait_until(pilot, lambda: screen._worker.is_idle, "the end of the work")
        await settle(pilot)

    return at_rest


@pytest.fixture
def opened(wait_until: WaitUntil, rest: Rest) -> Opened:
    """Opens the screen by its key."""

    async def open_it(pilot: Pilot[None]) -> NetworkScreen:
        await pilot.press("T")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, NetworkScreen), "the screen")
        await rest(pilot)
        return network(pilot)

    return open_it


def network(pilot: Pilot[None]) -> NetworkScreen:
    assert isinstance(pilot.app.screen, NetworkScreen)
    return pilot.app.screen


def told(pilot: Pilot[None]) -> list[str]:
    """What is said of a stage: its code, what it is, the formula of a number."""
    content = network(pilot).query_one("#network-text", Static).content
    assert isinstance(content, Text)
    return content.plain.split("\n")


def formula(pilot: Pilot[None]) -> str:
    return told(pilot)[-1]


def cell(pilot: Pilot[None]) -> Cell:
    """Return the cell that the formula explains."""
    name, index = formula(pilot).split(" = ")[0].rstrip("]").partition("[")[::2]
    assert name == stage(pilot)
    row, _, column = index.partition(", ")
    return int(row or 0), int(column or 0)


def stage(pilot: Pilot[None]) -> str:
    """The stage whose table is shown."""
    return title(pilot, "result").split(" [")[0]


def title(pilot: Pilot[None], pane: str) -> str:
    return str(heatmap(pilot, pane).border_title)


def heatmap(pilot: Pilot[None], pane: str) -> Heatmap:
    return network(pilot).query_one(f"#{pane} Heatmap", Heatmap)


def status(pilot: Pilot[None]) -> str:
    """The first line, as it stands on the screen."""
    return screen_text(pilot).split("\n")[0]


def iteration(pilot: Pilot[None]) -> int:
    found = re.search(r"step ([\d,]+) ", status(pilot))
    assert found is not None, status(pilot)
    return int(found[1].replace(",", ""))


def rate(pilot: Pilot[None]) -> float:
    found = re.search(r"η (\S+) ", status(pilot))
    assert found is not None, status(pilot)
    return float(found[1])


def flat(text: str) -> str:
    """Text as it was before it was broken into lines."""
    return " ".join(text.split())


def standing_out(pilot: Pilot[None], pane: str) -> set[Cell]:
    """The cells that are seen in the colours of the cursor."""
    found = heatmap(pilot, pane)
    region = found.scrollable_content_region
    mark = found.heatmap_styles.cursor.bgcolor
    assert mark is not None
    strips = pilot.app.screen._compositor.render_strips()
    cells = set()
    for y, strip in enumerate(strips[region.y + 1 : region.bottom], 1):
        x = found.form.label_width
        for segment in strip.crop(region.x + x, region.right):
            style = segment.style
            assert style is not None
            colors = {c.get_truecolor() for c in (style.color, style.bgcolor) if c is not None}
            if mark.get_truecolor() in colors:
                place = found.cell_at(x, y)
                assert place is not None
                cells.add(place)
            x += segment.cell_length
    return cells


def assert_stands_out(pilot: Pilot[None], pane: str, expected: Cell) -> None:
    """One cell does, and it is in sight."""
    assert standing_out(pilot, pane) == {expected}


async def ask_for(pilot: Pilot[None], word: str, rest: Rest) -> None:
    """Ask for a word, as if it were typed at once."""
    await pilot.press("w")
    network(pilot).query_one(Input).value = word
    await pilot.press("enter")
    await rest(pilot)


async def go_to(pilot: Pilot[None], name: str, rest: Rest) -> None:
    away = NAMES.index(name) - NAMES.index(stage(pilot))
    await pilot.press(*["tab"] * (away % len(NAMES)))
    await rest(pilot)
    assert stage(pilot) == name


# The stages


def source_of(name: str, xs: list[int], ys: list[int], i: int, j: int) -> tuple[str, Cell] | None:
    """The tensor that a stage is made of, and the first cell of it for bigram i and column j."""
    found = {
        "onehot": ("X", (i, 0)),
        "Xenc": ("onehot", (i, j)),
        "Z": ("W", (xs[i], j)),
        "C": ("Z", (i, j)),
        "S": ("C", (i, 0)),
        "P": ("C", (i, j)),
        "picked": ("P", (i, ys[i])),
        "loss": ("picked", (0, 0)),
        "dZ": ("P", (i, j)),
        "dW": ("dZ", (xs.index(xs[i]), j)),
        "W′": ("dW", (xs[i], j)),
    }
    return found.get(name)


def assert_shows_stage(
    pilot: Pilot[None], text_of: TextOf, net: Network, name: str, i: int, j: int
) -> None:
    """All that there is to say of a stage stands on the screen, and both cells are in sight."""
    tensor = net.now.tensors[name]
    screen = network(pilot)
    assert title(pilot, "result") == f"{name} {list(tensor.values.shape)}"
    assert title(pilot, "result") in text_of(screen.query_one("#result"))
    assert re.search(rf"^ {name} +\[", text_of(screen.query_one("#stages")), re.MULTILINE)
    shown = flat(text_of(screen.query_one("#network-text")))
    assert flat(tensor.code) in shown
    assert f"{list(tensor.values.shape)} {tensor.dtype}" in shown
    assert flat(formula(pilot)) in shown, "down to the last line"
    rows, columns = tensor.table.shape
    row = net.xs[i] if name in ("W", "dW", "W′") else min(i, rows - 1)
    assert cell(pilot) == (row, min(j, columns - 1))
    assert_stands_out(pilot, "result", cell(pilot))
    expected = source_of(name, net.xs, net.ys, i, j)
    assert screen.query_one("#source").display == (expected is not None)
    if expected is not None:
        source, place = expected
        shape = list(net.now.tensors[source].values.shape)
        assert f"from {source} {shape}" in text_of(screen.query_one("#source"))
        assert_stands_out(pilot, "source", place)


@pytest.mark.slow
@all_sizes
async def test_each_stage_and_where_it_is_from_is_to_be_seen(
    make_app: MakeApp, opened: Opened, rest: Rest, text_of: TextOf, library: Library,
    size: tuple[int, int],
) -> None:  # fmt: skip
    """Forwards and back, always of the bigram em."""
    net = Network("emma", Vocabulary(LETTERS), library, LECTURE_SEED)
    async with make_app(("count",)).run_test(size=size) as pilot:
        await opened(pilot)
        for key, names in (("tab", NAMES), ("shift+tab", [NAMES[0], *NAMES[:0:-1]])):
            for name in names:
                assert_shows_stage(pilot, text_of, net, name, 1, 13)
                await pilot.press(key)
                await rest(pilot)
            assert stage(pilot) == NAMES[0], "from the last to the first, or the other way"


@pytest.mark.slow
async def test_a_long_word_leaves_all_to_be_seen(
    make_app: MakeApp, opened: Opened, rest: Rest, text_of: TextOf, numpy_only: None
) -> None:
    """At its end, too, where the tables are scrolled."""
    net = Network(LONG, Vocabulary(LETTERS), NUMPY, LECTURE_SEED)
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await ask_for(pilot, LONG, rest)
        assert " “ab" in status(pilot)
        for fact in ("…” step 0 ", f"loss {net.now.loss:.6f}", "η 0.1", "by numpy"):
            assert fact in status(pilot)
        for _ in range(199):
            await pilot.press("down")
        await rest(pilot)
        for name in NAMES:
            assert_shows_stage(pilot, text_of, net, name, 200, 2)
            await pilot.press("tab")
            await rest(pilot)


@pytest.mark.slow
@sizes((60, 16), (40, 12), (20, 6), (10, 3))
async def test_smaller_screens_are_not_refused(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None, size: tuple[int, int]
) -> None:
    async with make_app(("count",)).run_test(size=size) as pilot:
        await opened(pilot)
        for _ in NAMES:
            await pilot.press("tab", "down", "s")
            await rest(pilot)
            strips = pilot.app.screen._compositor.render_strips()
            assert [strip.cell_length for strip in strips] == [size[0]] * size[1]
        await pilot.resize_terminal(*MIDDLE)
        await rest(pilot)
        assert iteration(pilot) == len(NAMES)


@pytest.mark.slow
async def test_a_screen_that_is_resized_shows_all_again(
    make_app: MakeApp, opened: Opened, rest: Rest, text_of: TextOf, numpy_only: None
) -> None:
    net = Network("emma", Vocabulary(LETTERS), NUMPY, LECTURE_SEED)
    async with make_app(("count",)).run_test(size=LARGE) as pilot:
        await opened(pilot)
        for name in ("Z", "dW"):
            await go_to(pilot, name, rest)
            for size in (SMALL, LARGE, (20, 6), MIDDLE):
                await pilot.resize_terminal(*size)
                await rest(pilot)
                if size != (20, 6):
                    assert_shows_stage(pilot, text_of, net, name, 1, 13)


@pytest.mark.slow
async def test_both_themes_and_glyphs(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    for options in ({}, {"depth": GLYPHS_ONLY}):
        async with make_app(("count",), **options).run_test(size=SMALL) as pilot:
            await opened(pilot)
            await go_to(pilot, "P", rest)
            for _ in range(2):
                colors = heatmap(pilot, "result").heatmap_styles.label
                dark = pilot.app.current_theme.dark
                pilot.app.theme = "textual-light" if dark else "textual-dark"
                await rest(pilot)
                assert heatmap(pilot, "result").heatmap_styles.label != colors
                assert ("◆" in screen_text(pilot)) == bool(options)


async def test_the_rows_that_a_number_is_from_are_marked(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    """Of emma both rows of m, though the cursor is in one."""
    async with make_app(("count",)).run_test(size=MIDDLE) as pilot:
        await opened(pilot)
        await pilot.press("down", "down")
        await go_to(pilot, "dW", rest)
        assert cell(pilot)[0] == 13
        assert heatmap(pilot, "source").marked == {2, 3}
        await go_to(pilot, "loss", rest)
        assert heatmap(pilot, "source").marked == {0, 1, 2, 3, 4}


async def test_a_row_that_is_not_in_x_has_no_source_cell(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await go_to(pilot, "dW", rest)
        await pilot.press("down")
        await rest(pilot)
        assert formula(pilot) == ("dW[6, 13] = 0: “f” is not in X, so no bigram looked row 6 up")
        assert standing_out(pilot, "source") == set()
        assert title(pilot, "source") == "from dZ [5, 27]"


async def test_the_floor_is_explained_with_the_loss(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        assert "best 0.277259" in status(pilot)
        await go_to(pilot, "loss", rest)
        assert "“m” is followed by “m” and “a”" in flat("\n".join(told(pilot)))
        assert "0.277259" in flat("\n".join(told(pilot)))
        await ask_for(pilot, "abc", rest)
        assert "as near to 0 as one likes" in flat("\n".join(told(pilot)))
        assert "best 0.000000" in status(pilot)
        await ask_for(pilot, "abacadae", rest)
        assert "“a” is followed by “b” and “c” and 2 more" in flat("\n".join(told(pilot)))


# Arrows


@pytest.mark.slow
async def test_arrows_move_and_stay_inside(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        for name, rows, columns in (("Z", 5, 27), ("W", 27, 27), ("X", 5, 1), ("loss", 1, 1)):
            await go_to(pilot, name, rest)
            row, column = cell(pilot)
            for keys, down, right in (
                (["down"], 1, 0), (["j"] * 2, 2, 0), (["up"], -1, 0), (["l"], 0, 1),
                (["right"] * 14, 0, 14), (["down"] * 23, 23, 0), (["left", "h"], 0, -2),
                (["k"] * 27, -27, 0), (["left"] * 27, 0, -27), (["right"] * 4, 0, 4),
            ):  # fmt: skip
                await pilot.press(*keys)
                await rest(pilot)
                row = min(max(row + down, 0), rows - 1)
                column = min(max(column + right, 0), columns - 1)
                assert cell(pilot) == (row, column)
                assert_stands_out(pilot, "result", (row, column))


@pytest.mark.slow
async def test_stages_share_the_bigram_and_the_column(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    """The second m stays the second where rows are bigrams, and m where they are tokens."""
    xs, ys = [0, 5, 13, 13, 1], [5, 13, 13, 1, 0]
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("down", "down")
        for name in (*NAMES, *NAMES):
            await go_to(pilot, name, rest)
            row = {"W": 13, "dW": 13, "W′": 13, "loss": 0}.get(name, 3)
            columns = 1 if name in ("X", "Y", "S", "picked", "loss") else 27
            assert cell(pilot) == (row, min(13, columns - 1))
        await go_to(pilot, "W", rest)
        await pilot.press("right", "left")
        await go_to(pilot, "Z", rest)
        assert cell(pilot) == (3, 13), "still the second m"
        await go_to(pilot, "W", rest)
        await pilot.press(*["up"] * 8, "left")  # to the row of e
        await go_to(pilot, "P", rest)
        assert (xs[1], ys[1]) == (5, 13)
        assert cell(pilot) == (1, 12)
        await go_to(pilot, "W", rest)
        await pilot.press("down")  # f, which is not in the word
        await go_to(pilot, "P", rest)
        assert cell(pilot) == (1, 12)
        await go_to(pilot, "dW", rest)
        assert cell(pilot) == (6, 12)


# Steps


async def test_keys_step_and_go_back(
    make_app: MakeApp, opened: Opened, rest: Rest, library: Library
) -> None:
    net = Network("emma", Vocabulary(LETTERS), library, LECTURE_SEED)
    net.step(120)
    async with make_app(("count",)).run_test(size=MIDDLE) as pilot:
        await opened(pilot)
        place = 0
        for key, change in (
            ("s", 1), ("s", 1), ("S", 10), ("z", -1), ("x", 100), ("Z", -10), ("r", -999),
            ("z", -1), ("S", 10), ("Z", -10), ("s", 1),
        ):  # fmt: skip
            await pilot.press(key)
            await rest(pilot)
            place = max(0, place + change)
            assert iteration(pilot) == place
            assert f"loss {net.losses[place]:.6f}" in status(pilot)
        assert any(bar in status(pilot) for bar in "▁▂▃▄▅▆▇█")
        await go_to(pilot, "W", rest)
        assert told(pilot)[0].startswith("# W after 1 step")
        assert "what the steps have made of it" in formula(pilot)


@pytest.mark.slow
async def test_keys_in_quick_succession_are_all_obeyed(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    """Also while the worker is at something else."""
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        release = threading.Event()
        screen._worker._executor.submit(release.wait, DEADLINE)
        await pilot.press("s", "S", "plus", "plus", "minus", "plus", "s", "z")
        release.set()
        await rest(pilot)
        assert (iteration(pilot), rate(pilot)) == (11, 1.0)


async def test_keys_change_the_learning_rate_within_bounds(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await go_to(pilot, "W′", rest)
        place = RATES.index(0.1)
        for key, change in [("plus", 1)] * 6 + [("minus", -1)] * 8 + [("equals_sign", 1)]:
            await pilot.press(key)
            await rest(pilot)
            place = min(max(place + change, 0), len(RATES) - 1)
            assert rate(pilot) == RATES[place]
            assert f" − {RATES[place]:g}·" in formula(pilot)
        assert (RATES[0], RATES[-1]) == (0.01, 50.0)
        assert iteration(pilot) == 0
        await pilot.press("s")
        await rest(pilot)
        assert rate(pilot) == RATES[1]


async def test_space_runs_and_pauses(
    make_app: MakeApp, opened: Opened, rest: Rest, wait_until: WaitUntil, numpy_only: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(network_screen, "STEPS_A_SECOND", 200)
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        for stop in ("space", "z", "Z", "r"):
            start = iteration(pilot)
            await pilot.press("space")
            await wait_until(pilot, lambda start=start: iteration(pilot) > start + 12, "a run")
            await pilot.press(stop)
            await rest(pilot)
            there = iteration(pilot)
            assert (there > start) == (stop != "r")
            await pilot.press("s")
            await rest(pilot)
            assert iteration(pilot) == there + 1, "no step but this one"


async def test_to_be_asked_for_a_word_stops_a_run(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("space", "w", "escape")
        await rest(pilot)
        there = iteration(pilot)
        await pilot.press("s")
        await rest(pilot)
        assert iteration(pilot) == there + 1


@pytest.mark.slow
async def test_a_run_that_is_slower_than_its_timer_stops_at_once(
    make_app: MakeApp, opened: Opened, rest: Rest, wait_until: WaitUntil, numpy_only: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Steps that are due while the worker is at one are left out, not put off."""
    monkeypatch.setattr(network_screen, "STEPS_A_SECOND", 200)
    release = threading.Event()
    step = Network.step

    def slow(self: Network, *order: Any) -> None:
        release.wait(DEADLINE)
        step(self, *order)

    monkeypatch.setattr(Network, "step", slow)
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        ticks: list[None] = []
        await pilot.press("space")
        screen.set_interval(1 / 200, lambda: ticks.append(None))
        await wait_until(pilot, lambda: len(ticks) > 20)
        await pilot.press("space")
        release.set()
        await rest(pilot)
        assert iteration(pilot) == 1


# Words


async def test_w_asks_for_a_word(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        await pilot.press("S", "w")
        await rest(pilot)
        prompt = screen.query_one(Prompt)
        assert prompt.display
        assert "word: " in last_line(pilot)
        assert screen.query_one(Input).value == "emma"
        await pilot.press(*"sq1 Z", "enter")
        await rest(pilot)
        assert prompt.display, "it keeps asking"
        assert "'1', ' ', 'Z' are not in the text" in last_line(pilot)
        assert "“emma” step 10 " in status(pilot)
        await pilot.press(*["backspace"] * 5, "enter")
        await rest(pilot)
        assert "type a word" in last_line(pilot)
        await pilot.press(*"zoe", "enter")
        await rest(pilot)
        assert not prompt.display
        assert "“zoe” step 0 " in status(pilot)
        net = Network("zoe", Vocabulary(LETTERS), NUMPY, LECTURE_SEED)
        assert f"loss {net.now.loss:.6f}" in status(pilot)
        assert screen.focused is heatmap(pilot, "result")
        await pilot.press("s")
        await rest(pilot)
        assert iteration(pilot) == 1


async def test_escape_keeps_the_word(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        await pilot.press("s", "w", *"otto", "escape")
        await rest(pilot)
        assert "“emma” step 1 " in status(pilot)
        assert not screen.query_one(Prompt).display
        assert isinstance(pilot.app.screen, NetworkScreen)


@pytest.mark.parametrize("word", ["a", *slow("aaaa", LONG)], ids=len)
@pytest.mark.parametrize("at", ["picked", *slow("dW")])
async def test_another_word_is_shown_at_any_stage(
    make_app: MakeApp, opened: Opened, rest: Rest, text_of: TextOf, numpy_only: None, word: str,
    at: str,
) -> None:  # fmt: skip
    """From the last bigram of a word to a shorter one, and from there to a longer one."""
    net = Network(word, Vocabulary(LETTERS), NUMPY, LECTURE_SEED)
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await ask_for(pilot, "zyxwvutsrq", rest)
        await pilot.press(*["down"] * 12)
        await go_to(pilot, at, rest)
        await ask_for(pilot, word, rest)
        assert_shows_stage(pilot, text_of, net, at, 1, net.ys[1])


async def test_a_word_of_too_many_characters_is_refused(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await ask_for(pilot, LONG + "a", rest)
        assert "201 characters; 200" in last_line(pilot)


# The mouse


@sizes(SMALL, MIDDLE, (80, 12))
async def test_a_click_in_the_list_goes_to_that_stage(
    make_app: MakeApp, opened: Opened, rest: Rest, text_of: TextOf, numpy_only: None,
    size: tuple[int, int],
) -> None:  # fmt: skip
    """Also where the list is scrolled, for want of room; below it a click does nothing."""
    async with make_app(("count",)).run_test(size=size) as pilot:
        screen = await opened(pilot)
        stages = screen.query_one("#stages")
        seen = set()
        for line in (5, 9, 2, 0, 3, 8, 8, 9):
            lines = [text.split()[0] for text in text_of(stages).split("\n") if text.strip()]
            seen |= set(lines)
            if line < len(lines):
                await pilot.click(stages, (3, line))
                await rest(pilot)
                assert stage(pilot) == lines[line]
        assert seen == set(NAMES)
        if size != (80, 12):
            before = stage(pilot)
            await pilot.click(stages, (3, 16))
            await rest(pilot)
            assert stage(pilot) == before


@pytest.mark.parametrize("gesture", ["hover", *slow("click")])
@all_sizes
async def test_the_mouse_points_at_a_number_of_the_stage(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None, size: tuple[int, int],
    gesture: str,
) -> None:  # fmt: skip
    async with make_app(("count",)).run_test(size=size) as pilot:
        await opened(pilot)
        for name, row, column in (("W", 4, 7), ("P", 2, 4), ("picked", 4, 0)):
            await go_to(pilot, name, rest)
            pane = heatmap(pilot, "result")
            x = pane.form.label_width + column * pane.form.width - pane.scroll_offset.x
            y = 2 + pane.form.line_of(row) - pane.scroll_offset.y
            await getattr(pilot, gesture)(pane, (x, y))
            await rest(pilot)
            assert cell(pilot) == (row, column)


@all_sizes
async def test_the_mouse_on_what_it_is_made_of_does_nothing(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None, size: tuple[int, int]
) -> None:
    async with make_app(("count",)).run_test(size=size) as pilot:
        await opened(pilot)
        await go_to(pilot, "C", rest)
        before = formula(pilot), heatmap(pilot, "source").cursor
        for gesture in (pilot.hover, pilot.click):
            await gesture(heatmap(pilot, "source"), (6, 4))
            await rest(pilot)
            assert (formula(pilot), heatmap(pilot, "source").cursor) == before
        await pilot.press("down", "s")
        await rest(pilot)
        assert (cell(pilot), iteration(pilot)) == ((2, 13), 1), "keys go on"


# Coming and going


@pytest.mark.parametrize("key", ["q", *slow("escape", "T")])
async def test_closing_it_leaves_all_as_it_was(
    make_app: MakeApp, settle: Settle, opened: Opened, wait_until: WaitUntil, numpy_only: None,
    key: str,
) -> None:  # fmt: skip
    async with make_app(steps=3).run_test(size=SMALL) as pilot:
        await settle(pilot)
        below, before = pilot.app.screen, screen_text(pilot)
        screen = await opened(pilot)
        await pilot.press("x", "tab", "space")
        await pilot.press(key)
        await wait_until(pilot, lambda: pilot.app.screen is below)
        await settle(pilot)
        assert screen_text(pilot) == before
        assert not screen.is_attached
        await pilot.press("s")
        await settle(pilot)
        assert screen_text(pilot) != before


async def test_steps_are_not_taken_for_nobody(
    make_app: MakeApp, opened: Opened, wait_until: WaitUntil, numpy_only: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A hundred that were begun when the screen was closed."""
    begun, release = threading.Event(), threading.Event()
    taken: list[float] = []
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        take = Network._take

        def slow(self: Network, learning_rate: float) -> None:
            begun.set()
            assert release.wait(DEADLINE)
            taken.append(learning_rate)
            take(self, learning_rate)

        monkeypatch.setattr(Network, "_take", slow)
        await pilot.press("x", "x", "S")
        await wait_until(pilot, begun.is_set)
        await pilot.press("escape")
        await wait_until(pilot, screen._worker._is_closed.is_set)
        release.set()
        await wait_until(pilot, lambda: has_ended(screen))
        assert len(taken) == 1


@pytest.mark.slow
async def test_it_opens_over_the_compare_screen_too(
    make_app: MakeApp, settle: Settle, opened: Opened, wait_until: WaitUntil, numpy_only: None
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await pilot.press("c")
        await settle(pilot)
        below = pilot.app.screen
        await opened(pilot)
        await pilot.press("escape")
        await wait_until(pilot, lambda: pilot.app.screen is below)


async def test_without_torch_numpy_does_it(
    make_app: MakeApp, opened: Opened, rest: Rest, text_of: TextOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "torch", None)
    torch_library.cache_clear()
    net = Network("emma", Vocabulary(LETTERS), NUMPY, LECTURE_SEED)
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        assert f"by numpy {NUMPY.version}" in status(pilot)
        for name in NAMES:
            assert_shows_stage(pilot, text_of, net, name, 1, 13)
            assert "np." in told(pilot)[0] or "torch" not in told(pilot)[0]
            await pilot.press("tab")
            await rest(pilot)
        await ask_for(pilot, "ab", rest)
        await pilot.press("x")
        await rest(pilot)
        assert "“ab” step 100 " in status(pilot)
        assert "by numpy" in status(pilot)


async def test_with_torch_torch_does_it(make_app: MakeApp, opened: Opened) -> None:
    torch = pytest.importorskip("torch")
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        assert f"by torch {torch.__version__.partition('+')[0]} " in status(pilot)
        assert told(pilot)[0].startswith("X = torch.tensor(xs)")
        assert "a leaf, requires no grad" in flat("\n".join(told(pilot)))


class Loading:
    """A library that takes as long as a test wants."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.release = threading.Event()
        self.expired = False

    def __call__(self) -> Library:
        self.begun.set()
        self.expired = not self.release.wait(DEADLINE)
        return NUMPY


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loading]:
    found = Loading()
    monkeypatch.setattr(network_worker, "best_library", found)
    yield found
    found.release.set()
    assert not found.expired, "nothing waits for it"


async def open_early(pilot: Pilot[None], wait_until: WaitUntil) -> NetworkScreen:
    """Without waiting for the worker."""
    await pilot.press("T")
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, NetworkScreen))
    return network(pilot)


@pytest.mark.slow
async def test_while_torch_loads_it_says_so_and_works(
    make_app: MakeApp, settle: Settle, rest: Rest, wait_until: WaitUntil, text_of: TextOf,
    loading: Loading,
) -> None:  # fmt: skip
    net = Network("emma", Vocabulary(LETTERS), NUMPY, LECTURE_SEED)
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await open_early(pilot, wait_until)
        await settle(pilot)
        for name in NAMES:
            assert "by NumPy while torch loads" in status(pilot)
            assert_shows_stage(pilot, text_of, net, name, 1, 13)
            await pilot.press("tab")
            await settle(pilot)
        await pilot.press("s", "S")
        await settle(pilot)
        assert iteration(pilot) == 0, "steps are taken by what is loading"
        loading.release.set()
        await rest(pilot)
        assert iteration(pilot) == 11
        assert "by numpy" in status(pilot)
        assert "loads" not in status(pilot)


@pytest.mark.slow
async def test_it_may_be_closed_and_opened_while_torch_loads(
    make_app: MakeApp, opened: Opened, wait_until: WaitUntil, loading: Loading
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        first = await open_early(pilot, wait_until)
        await wait_until(pilot, loading.begun.is_set)
        await pilot.press("s", "escape")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExploreScreen))
        loading.release.set()
        await wait_until(pilot, lambda: has_ended(first))
        await opened(pilot)
        assert iteration(pilot) == 0
        assert not notifications(pilot)


@pytest.mark.slow
async def test_the_program_may_be_left_while_torch_loads(
    make_app: MakeApp, wait_until: WaitUntil, loading: Loading
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        screen = await open_early(pilot, wait_until)
        await wait_until(pilot, loading.begun.is_set)
        await pilot.press("s")
        pilot.app.exit()
    loading.release.set()
    for thread in screen._worker._executor._threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()


@pytest.mark.parametrize("error", [MemoryError("[red]no\nroom"), ArithmeticError("odd")], ids=str)
async def test_what_fails_is_told_and_the_next_key_works(
    make_app: MakeApp, opened: Opened, rest: Rest, wait_until: WaitUntil, numpy_only: None,
    error: Exception, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(self: Network, *_: object) -> None:
        raise error

    async with make_app(("count",)).run_test(size=SMALL, notifications=True) as pilot:
        await opened(pilot)
        with monkeypatch.context() as patch:
            patch.setattr(Network, "step", fail)
            await pilot.press("s")
            await rest(pilot)
        message = flat(f"{type(error).__name__}: {error}")
        assert notifications(pilot) == [message]
        await wait_until(pilot, lambda: message in screen_text(pilot), "the message as it is")
        assert iteration(pilot) == 0
        await pilot.press("s")
        await rest(pilot)
        assert iteration(pilot) == 1


async def test_a_library_that_fails_leaves_the_word_to_numpy(
    make_app: MakeApp, opened: Opened, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Library:
        raise RuntimeError("broken")

    monkeypatch.setattr(network_worker, "best_library", fail)
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        assert notifications(pilot) == ["RuntimeError: broken"]
        assert "by numpy" in status(pilot)
        await pilot.press("s")
        await rest(pilot)
        assert iteration(pilot) == 1


# Odd texts


@pytest.mark.slow
async def test_hostile_characters_are_shown_harmlessly(
    make_app: MakeApp, opened: Opened, rest: Rest, numpy_only: None, tmp_path: Path
) -> None:
    path = tmp_path / "odd.txt"
    path.write_text("\n".join(ODD_LINES), "utf-8")
    async with make_app(("count",), corpus=path).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        for word in ("\x1b[31m", "e\u0301\u0301[/]漢", "\u202ea\t \u200b"):
            await ask_for(pilot, word, rest)
            assert screen._state.net.word == word
            for name in NAMES:
                assert_safe(pilot)
                assert stage(pilot) == name
                await pilot.press("tab")
                await rest(pilot)
        await go_to(pilot, "dW", rest)
        for _ in screen._vocabulary.labels:  # each of them told of
            await pilot.press("up")
            await rest(pilot)
            assert_safe(pilot)
        assert "[red]" not in screen_text(pilot)
        await ask_for(pilot, "[red]", rest)
        assert "“[red]”" in status(pilot)
        await ask_for(pilot, "x\u0302[b]\U0001f4a9", rest)
        assert_safe(pilot)
        assert "not in the text" in last_line(pilot)


def many_characters(wide: bool) -> str:
    if wide:
        return "".join(map(chr, range(0x4E00, 0x4E00 + 600)))
    letters = (c for c in map(chr, range(0xC0, 0x1000)) if c.isalpha() and cell_len(c) == 1)
    return "".join(sorted(c for c, _ in zip(letters, range(600), strict=False)))


@pytest.mark.slow
@pytest.mark.parametrize("wide", [False, *slow(True)], ids=["narrow", "wide"])
@sizes(SMALL, LARGE)
async def test_a_vocabulary_of_600_characters(
    make_app: MakeApp, opened: Opened, rest: Rest, text_of: TextOf, numpy_only: None,
    tmp_path: Path, wide: bool, size: tuple[int, int],
) -> None:  # fmt: skip
    """The first word is made of its most frequent characters; tables scroll to what is told."""
    characters = many_characters(wide)
    path = tmp_path / "many.txt"
    often = characters[500] * 9 + characters[77] * 8 + characters[-1] * 7 + characters[0] * 6
    path.write_text(f"{characters}\n{often}", "utf-8")
    word = "".join(characters[k] for k in (500, 77, -1, 0))
    net = Network(word, Vocabulary(characters), NUMPY, LECTURE_SEED)
    async with make_app(("count",), corpus=path).run_test(size=size) as pilot:
        await opened(pilot)
        assert f"“{word}”" in status(pilot)
        await pilot.press("down")
        for name in NAMES:
            assert_shows_stage(pilot, text_of, net, name, 2, net.ys[1])
            await pilot.press("tab")
            await rest(pilot)
        await pilot.press("s")
        await rest(pilot)
        assert iteration(pilot) == 1


async def test_the_footer_tells_the_keys(
    make_app: MakeApp, opened: Opened, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=SMALL) as pilot:
        await opened(pilot)
        for text in ("tab next stage", "s step", "␣ run", "z back", "+ - η", "w word"):
            assert text in last_line(pilot)
        assert "esc close" in last_line(pilot)


async def test_the_theme_and_the_help_have_their_keys(
    make_app: MakeApp, opened: Opened, wait_until: WaitUntil, numpy_only: None
) -> None:
    async with make_app(("count",)).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        dark = pilot.app.current_theme.dark
        await pilot.press("t")
        await wait_until(pilot, lambda: pilot.app.current_theme.dark is not dark)
        await pilot.press("question_mark")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await wait_until(pilot, lambda: "q closes" in screen_text(pilot))
        await pilot.press("escape")
        await wait_until(pilot, lambda: pilot.app.screen is screen)
