"""The screen at every size: what it was designed for, and what it must not choke on."""

from functools import partial
from itertools import combinations

import pytest

from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.inspector import Inspector
from bigram_tui.tui.widgets.key_footer import KeyFooter
from bigram_tui.tui.widgets.legend import Legend
from bigram_tui.tui.widgets.loss_curve import LossCurve
from bigram_tui.tui.widgets.sample_list import SampleList
from bigram_tui.tui.widgets.status import RunsBar, StatusLine
from tests.tui.conftest import MakeApp, Settle, TextOf, WaitUntil, sizes

DESIGNED = [(80, 24), (120, 40), (200, 60)]
ALL = [(20, 6), *DESIGNED, (60, 16), (40, 12), (10, 3)]
WIDGETS = (
    StatusLine, RunsBar, Heatmap, Legend, LossCurve, "#parameters", SampleList, Inspector,
    KeyFooter,
)  # fmt: skip


@sizes(*ALL)
async def test_it_steps_resizes_and_quits(
    make_app: MakeApp, settle: Settle, size: tuple[int, int]
) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await pilot.press("s")
        await settle(pilot)
        assert app.runners[0].snapshot.iteration == 1
        for other in ((80, 24) if size == (10, 3) else (10, 3), size):
            await pilot.resize_terminal(*other)
            await pilot.press("s", "j")
            await settle(pilot)
            assert app.size == other
            strips = app.screen._compositor.render_strips()
            assert [strip.cell_length for strip in strips] == [other[0]] * other[1]
        assert app.runners[0].snapshot.iteration == 3
        await pilot.press("q")
    assert app.return_code == 0


@pytest.mark.slow
@sizes((40, 12), (120, 40), (10, 3))
async def test_every_key_of_the_screen_works(
    make_app: MakeApp, settle: Settle, size: tuple[int, int]
) -> None:
    """None raises, however little there is to see; what they do is tested elsewhere."""
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await pilot.press(*"saznvgyt", "plus", "plus", "minus", "p", "right", "escape")
        await pilot.press("slash", "escape", "question_mark", "escape", "2", "b", "r")
        await settle(pilot)
        assert isinstance(app.screen, ExploreScreen)


SWEEP = ((4, 30), (3, 2), (1, 1), (1, 100), (300, 100), (100, 30))
"""Window sizes, from the smallest to a large one and back."""

KEYS_TO_SCREENS = {
    "explore": (),
    "prompt": ("slash",),
    "hyperparameter": ("p",),
    "palette": ("ctrl+p",),
    "help": ("question_mark",),
    "lessons": ("L",),
    "export": ("E",),
    "row": ("d",),
    "why": ("enter",),
    "theory": ("G",),
    "network": ("T",),
    "pitfalls": ("P",),
    "presets": ("H",),
    "meters": ("M",),
    "families": ("F",),
    "contexts": ("N",),
    "compare": ("c",),
    "compare: add a run": ("c", "B"),
    "compare: maps of two": ("c", "m"),
    "compare: a word": ("c", "w"),
}


def _is_laid_out(app: BigramApp, size: tuple[int, int]) -> bool:
    return app.screen._compositor.size == size


@pytest.mark.slow
async def test_every_screen_survives_every_size(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    app = make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        for name, keys in KEYS_TO_SCREENS.items():
            await pilot.press(*keys)
            await settle(pilot)
            for size in SWEEP:
                await pilot.resize_terminal(*size)
                await wait_until(pilot, partial(_is_laid_out, app, size), f"{name} at {size}")
                strips = app.screen._compositor.render_strips()
                assert [strip.cell_length for strip in strips] == [size[0]] * size[1], (name, size)
            await settle(pilot)
            while len(app.screen_stack) > 1:
                app.pop_screen()
                await pilot.pause()
            app.screen.set_focus(app.screen.query(Heatmap).first())
            if app.current_mode == "compare":
                await pilot.press("escape", "c")
                await settle(pilot)
            assert app.current_mode == "explore", name


async def test_all_is_in_sight_and_nothing_overlaps(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    """The table, in the form of cells for each size, is all in sight too."""
    app = make_app(steps=5)
    async with app.run_test(size=(120, 40)) as pilot:
        for size, form in zip(DESIGNED, ("half", "small", "large"), strict=True):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            widgets = [app.screen.query_one(which) for which in WIDGETS]
            for widget in widgets:
                assert widget.region.area > 0, widget
                assert app.screen.region.contains_region(widget.region), widget
                lines = text_of(widget).split("\n")
                content = lines if len(lines) == 1 else lines[1:]
                assert any(line.strip() for line in content), widget
            for one, other in combinations(widgets, 2):
                assert not one.region.overlaps(other.region), (one, other)
            heatmap = app.screen.query_one(Heatmap)
            assert heatmap.form.name == form
            assert heatmap.virtual_size.width <= heatmap.scrollable_content_region.width
            assert heatmap.virtual_size.height <= heatmap.scrollable_content_region.height
            assert (heatmap.max_scroll_x, heatmap.max_scroll_y) == (0, 0)


@sizes((60, 16), *DESIGNED)
async def test_the_form_of_the_cells_follows_the_size_at_the_start(
    make_app: MakeApp, settle: Settle, size: tuple[int, int]
) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        form = {200: "large", 120: "small"}.get(size[0], "half")
        assert app.screen.query_one(Heatmap).form.name == form


async def test_the_form_follows_a_resize_unless_the_user_chose_one(
    make_app: MakeApp, settle: Settle
) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        heatmap = app.screen.query_one(Heatmap)
        names = []
        for size in ((200, 60), (120, 40), (80, 24)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            names.append(heatmap.form.name)
        assert names == ["large", "small", "half"]
        await pilot.press("plus")
        await pilot.resize_terminal(200, 60)
        await settle(pilot)
        assert heatmap.form.name == "small"


@pytest.mark.slow
async def test_a_notice_takes_its_room_from_the_body_alone(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    app = make_app(("count",), split=(80, 20), settings={"count": {"smoothing": 0.0}})
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        notice = app.screen.query_one("#notice")
        assert "held-out NLL is ∞" in text_of(notice)
        widgets = [notice, *(app.screen.query_one(which) for which in WIDGETS)]
        for one, other in combinations(widgets, 2):
            assert not one.region.overlaps(other.region), (one, other)


@pytest.mark.slow
async def test_a_large_text_opens_with_an_overview_and_scrolls_in_the_smallest_form(
    make_app: MakeApp, settle: Settle, text_of: TextOf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    corpus = tmp_path_factory.mktemp("large") / "all.txt"
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 300)]
    corpus.write_text("\n".join(a + b for a, b in zip(characters, characters[7:], strict=False)))
    app = make_app(("count",), corpus=corpus)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        heatmap = app.screen.query_one(Heatmap)
        assert heatmap.form.overview
        assert (heatmap.max_scroll_x, heatmap.max_scroll_y) == (0, 0)
        await pilot.press("plus")
        await settle(pilot)
        assert heatmap.form.name == "wide half"
        top, first, *_ = text_of(heatmap).split("\n")[1:]
        assert "".join(top.split()).startswith("." + "".join(characters[:8])), "not stand-ins"
        assert first.startswith(f". {characters[0]} ▀▀")
        assert heatmap.max_scroll_x > 0
        assert heatmap.max_scroll_y > 0
