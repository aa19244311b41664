"""A vocabulary that is larger than the pane: an overview by blocks, and the way into its detail."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from bigram_tui.analysis.ordering import by_similarity
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.training.registry import choose
from bigram_tui.training.session import Session
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.render.colors import GLYPHS_ONLY, TRUE_COLOR, Depth, ramp
from bigram_tui.tui.render.picture import Picture
from bigram_tui.tui.screens.compare import CompareScreen
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.legend import Legend
from bigram_tui.tui.widgets.maps import MapPane
from bigram_tui.tui.widgets.status import StatusLine
from tests.conftest import not_none, slow
from tests.tui.conftest import Settle, TextOf, WaitUntil, notifications, sizes

DESIGNED = [(80, 24), (120, 40), (200, 60)]
MANY = "".join(
    chr(code)
    for first, last in ((0x61, 0x7A), (0x621, 0x64A), (0x300, 0x310), (0x4E00, 0x4EF0))
    for code in range(first, last)
)
"""Latin and Arabic letters, combining marks, and Chinese characters, which take two columns."""

MakeLarge = Callable[..., BigramApp]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of four kinds of characters, some of which are frequent."""
    rng = np.random.default_rng(11)
    path = tmp_path_factory.mktemp("large") / "many.txt"
    lines = []
    for part in (MANY[:25], MANY[25:66], MANY[66:82], MANY[82:]):
        weights = 1 / np.arange(1, 1 + len(part))
        for _ in range(150):
            drawn = rng.choice(len(part), 6, p=weights / weights.sum())
            lines.append("".join(part[k] for k in drawn))
        lines.append(part)
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture
def make_large(large: Path) -> MakeLarge:
    """Makes an app on a text of many characters."""

    def make(*backends: str, most: int = 2048, depth: Depth = TRUE_COLOR) -> BigramApp:
        corpus = read_corpus(str(large), max_vocabulary=most)
        wanted = backends or ("count",)
        app = BigramApp(Session(corpus, tuple(choose(wanted))), wanted=wanted, depth=depth)
        app.animation_level = "none"
        return app

    return make


def heatmap_of(pilot: Pilot[None]) -> Heatmap:
    return pilot.app.screen.query_one(Heatmap)


def screen_of(pilot: Pilot[None]) -> ExploreScreen:
    assert isinstance(pilot.app.screen, ExploreScreen)
    return pilot.app.screen


def table_of(pilot: Pilot[None]) -> np.ndarray:
    assert isinstance(pilot.app, BigramApp)
    table = pilot.app.runners[0].snapshot.probabilities
    assert table is not None
    return table


def block_of(place: int, block: int, size: int) -> range:
    return range(place * block, min(size, (place + 1) * block))


@pytest.mark.slow
@pytest.mark.parametrize("depth", [TRUE_COLOR, *slow(GLYPHS_ONLY)], ids=lambda depth: depth.name)
@sizes(*DESIGNED, (60, 16), (40, 12))
async def test_it_opens_with_the_whole_table_in_sight(
    make_large: MakeLarge, settle: Settle, text_of: TextOf, size: tuple[int, int], depth: Depth
) -> None:
    async with make_large(depth=depth).run_test(size=size) as pilot:
        await settle(pilot)
        heatmap = heatmap_of(pilot)
        block = heatmap.form.block
        assert block > 1
        assert (heatmap.max_scroll_x, heatmap.max_scroll_y) == (0, 0)
        cells = heatmap.form.cells_of(len(MANY) + 1)
        assert heatmap.form.width_of(len(MANY) + 1) == 3 + cells <= heatmap.size.width
        assert f"{block}×{block}" in text_of(pilot.app.screen.query_one(Legend))


async def test_each_drawn_cell_has_the_colour_of_the_largest_in_its_block(
    make_large: MakeLarge, settle: Settle
) -> None:
    async with make_large().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        heatmap, table = heatmap_of(pilot), table_of(pilot)
        block, picture = heatmap.form.block, heatmap.picture
        assert picture is not None
        colors = ramp(False, True, TRUE_COLOR)
        cells = math.ceil(len(table) / block)
        levels = np.array([picture.row(row) for row in range(len(table))])
        for line in range(math.ceil(cells / 2)):
            strip = heatmap.render_line(line + 1)
            drawn = [not_none(s.style) for s in strip.crop(3, 3 + cells) for _ in s.text]
            for column, style in enumerate(drawn):
                for row, color in ((2 * line, style.color), (2 * line + 1, style.bgcolor)):
                    if row >= cells or (row, column) == heatmap._place_of(heatmap.cursor):
                        continue
                    part = levels[row * block :, column * block :][:block, :block]
                    assert color == colors[part.max()], (row, column)


@pytest.mark.parametrize("by", ["code point", *slow("similarity")])
async def test_an_arrow_key_goes_to_the_bigram_that_gives_the_next_block_its_colour(
    make_large: MakeLarge, settle: Settle, wait_until: WaitUntil, by: str
) -> None:
    app = make_large()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        heatmap, table = heatmap_of(pilot), table_of(pilot)
        size, block = len(table), heatmap.form.block
        order = np.arange(size)
        if by == "similarity":
            await pilot.press("O", "O")
            await wait_until(pilot, lambda: heatmap.order and heatmap.order.name == by)
            order = by_similarity(app.session.corpus.train)
        screen_of(pilot).cursor = (int(order[0]), int(order[0]))
        row = column = 0
        for key in "jjllkhjj":
            row += {"j": 1, "k": -1}.get(key, 0)
            column += {"l": 1, "h": -1}.get(key, 0)
            await pilot.press(key)
            await settle(pilot)
            rows, columns = (order[list(block_of(k, block, size))] for k in (row, column))
            assert screen_of(pilot).cursor[0] in rows
            assert screen_of(pilot).cursor[1] in columns
            assert table[screen_of(pilot).cursor] == table[np.ix_(rows, columns)].max()
        last = screen_of(pilot).cursor
        screen_of(pilot).cursor = (int(order[-1]), int(order[-1]))
        await pilot.press("j", "l")
        assert screen_of(pilot).cursor == (order[-1], order[-1]) != last


async def test_the_mouse_goes_to_the_same_bigram_and_its_block_is_marked(
    make_large: MakeLarge, settle: Settle, text_of: TextOf
) -> None:
    async with make_large().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        heatmap, table = heatmap_of(pilot), table_of(pilot)
        block, size = heatmap.form.block, len(table)
        await pilot.hover(heatmap, offset=(3 + 7, 2 + 4))
        await settle(pilot)
        rows, columns = block_of(8, block, size), block_of(7, block, size)
        cursor = screen_of(pilot).cursor
        assert cursor[0] in rows
        assert cursor[1] in columns
        assert table[cursor] == table[np.ix_(rows, columns)].max()
        marked = heatmap.heatmap_styles.cursor
        (segment,) = heatmap.render_line(1 + 4).crop(3 + 7, 3 + 8)
        assert not_none(segment.style).color == marked.bgcolor
        labels = pilot.app.session.corpus.train.vocabulary.labels  # type: ignore[attr-defined]
        for line, where, token in ((5, 0, cursor[0]), (0, 3 + 7, cursor[1])):
            (label,) = heatmap.render_line(line).crop(where, where + 2)
            assert label.text.strip() == labels[token].strip()
            assert not_none(label.style).bgcolor == marked.bgcolor


async def test_plus_goes_into_the_detail_around_the_cursor_and_minus_comes_back(
    make_large: MakeLarge, settle: Settle, text_of: TextOf
) -> None:
    async with make_large().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        heatmap = heatmap_of(pilot)
        screen_of(pilot).cursor = (200, 150)
        names = []
        for key in ("plus", "plus", "minus", "minus", "minus"):
            await pilot.press(key)
            await settle(pilot)
            names.append(heatmap.form.name)
            assert screen_of(pilot).cursor == (200, 150)
            told = text_of(pilot.app.screen.query_one(Legend))
            assert (f" of {heatmap.form.block}×" in told) == heatmap.form.overview
            row, column = heatmap._place_of((200, 150))
            x = heatmap.form.label_width + column * heatmap.form.width - heatmap.scroll_offset.x
            y = 1 + heatmap.form.line_of(row) - heatmap.scroll_offset.y
            assert 3 <= x < heatmap.size.width
            assert 1 <= y < heatmap.size.height
        assert names == ["wide half", "wide small", "wide half", "overview", "overview"]


async def test_no_more_than_what_is_seen_is_made_ready(
    make_large: MakeLarge, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    original = Picture._paint

    def paint(self: Picture, values: np.ndarray) -> np.ndarray:
        asked.append(values.size)
        return original(self, values)

    async with make_large().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("plus")
        await settle(pilot)
        monkeypatch.setattr(Picture, "_paint", paint)
        heatmap = heatmap_of(pilot)
        for cursor in ((200, 150), (5, 5)):
            asked.clear()
            screen_of(pilot).cursor = cursor
            await settle(pilot)
            assert 0 < max(asked) <= heatmap.size.width // 2 + 2
            await pilot.press("n")
            await settle(pilot)
        assert sum(asked) <= 6 * heatmap.size.width * heatmap.size.height


async def test_a_text_that_fits_has_no_overview(make_large: MakeLarge, settle: Settle) -> None:
    """Nor one that fits after the terminal has grown, though an overview was chosen."""
    async with make_large(most=14).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*["minus"] * 5)
        await settle(pilot)
        assert not heatmap_of(pilot).form.overview
        await pilot.resize_terminal(60, 10)
        await pilot.press(*["minus"] * 5)
        await settle(pilot)
        assert heatmap_of(pilot).form.overview
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert not heatmap_of(pilot).form.overview


async def test_what_the_model_lacks_leaves_the_keys_in_order(
    make_large: MakeLarge, settle: Settle
) -> None:
    """Counting has no weights: an arrow key goes from block to block all the same."""
    async with make_large().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("v", "v")
        await settle(pilot)
        block = heatmap_of(pilot).form.block
        screen_of(pilot).cursor = (0, 0)
        await pilot.press("j", "l", "l")
        assert screen_of(pilot).cursor == (block, 2 * block)


@pytest.mark.slow
async def test_the_maps_beside_each_other_have_it_too(
    make_large: MakeLarge, settle: Settle, text_of: TextOf
) -> None:
    """The cursor goes to what gives the chosen run's map its colours."""
    async with make_large("numpy", "count").run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        panes = [pane for pane in screen.query(MapPane) if pane.display]
        forms = {pane.query_one(Heatmap).form for pane in panes}
        assert len(panes) == 2
        (form,) = forms
        assert form.block > 1
        for pane in panes:
            assert f"of {form.block}×{form.block}" in text_of(pane.query_one(Legend))
        size = len(MANY) + 1
        assert isinstance(pilot.app, BigramApp)
        for number in (2, 1):
            await pilot.press(str(number))
            await settle(pilot)
            screen.cursor = (0, 0)
            await pilot.press("j", "l")
            await settle(pilot)
            table = pilot.app.runners[number - 1].snapshot.probabilities
            assert table is not None
            rows = columns = block_of(1, form.block, size)
            assert table[screen.cursor] == table[np.ix_(rows, columns)].max()
        await pilot.press("m")
        await settle(pilot)
        panes = [pane for pane in screen.query(MapPane) if pane.display]
        assert {pane.query_one(Heatmap).form.overview for pane in panes} == {True}


async def test_rare_characters_are_told_and_led_to(
    make_large: MakeLarge, settle: Settle, text_of: TextOf
) -> None:
    app = make_large(most=100)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        vocabulary = app.session.corpus.train.vocabulary
        rare = len(vocabulary.rare)
        assert rare == len(MANY) + 2 - 100
        told = text_of(app.screen.query_one(StatusLine))
        assert f"V 100, {rare} rare as ▢" in told
        await pilot.press("slash")
        await settle(pilot)
        app.screen.query_one("#answer").value = vocabulary.rare[0]  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settle(pilot)
        assert screen_of(pilot).cursor[0] == 99
        (said,) = notifications(pilot)
        assert said.endswith(f"is rare: it is counted as ▢, with {rare - 1} others")
        assert vocabulary.rare[0] in said
        await pilot.resize_terminal(200, 60)
        await settle(pilot)
        assert f"▢  is any of {rare} rare characters" in text_of(app.screen.query_one("#inspector"))


async def test_the_labels_end_with_the_columns_while_smaller_cells_are_not_yet_laid_out(
    make_large: MakeLarge, settle: Settle
) -> None:
    async with make_large(most=200).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"++++")
        await settle(pilot)
        heatmap = heatmap_of(pilot)
        heatmap.cursor = (0, len(heatmap.labels[1]) - 1)
        await settle(pilot)
        assert heatmap.scroll_offset.x > len(heatmap.labels[1])
        overview = screen_of(pilot)._forms[0]
        assert overview.overview
        heatmap.set_reactive(Heatmap.form, overview)  # it is drawn before it is measured
        assert heatmap.render_line(0).cell_length == heatmap.size.width
