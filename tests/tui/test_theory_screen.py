"""The theory on screen: each page whole, each link followed, and any text shown as it is."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Markdown, Static

from bigram_tui.lessons.theory import DESTINATIONS, Subject, fill, sections
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.lessons.theory import TheoryScreen
from bigram_tui.tui.screens.compare import CompareScreen
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.lesson_menu import VIEW_LINKS
from bigram_tui.tui.screens.table_screen import TableScreen
from bigram_tui.tui.views import VIEWS
from tests.conftest import slow
from tests.tui.conftest import MakeApp, Settle, TextOf, WaitUntil, notifications, sizes
from tests.tui.test_explore_screen import ODD_LINES, assert_safe, screen_text

SMALL, MIDDLE = (80, 24), (120, 40)
FAST_DESTINATIONS = ("view/W", "step", "cell/jq")

TITLES = [section.title for section in sections()]

SHOWN = {
    "why": "WhyScreen",
    "network": "NetworkScreen",
    "meters": "MetersScreen",
    "families": "FamiliesScreen",
    "presets": "PresetsScreen",
    "contexts": "ContextsScreen",
    "pitfalls": "PitfallsScreen",
    "compare": "CompareScreen",
}
"""The screen that is in front after a link was followed, where it is another."""

Read = Callable[[Pilot[None]], Awaitable[str]]


def theory(pilot: Pilot[None]) -> TheoryScreen:
    assert isinstance(pilot.app.screen, TheoryScreen)
    return pilot.app.screen


def explore(pilot: Pilot[None]) -> TableScreen:
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, TableScreen)
    return screen


def links_line(pilot: Pilot[None]) -> str:
    return str(theory(pilot).query_one("#theory-links", Static).content)


def expected(pilot: Pilot[None], section: int) -> str:
    """The Markdown of a section, of the run, the text and the cell that are behind it."""
    app = pilot.app
    assert isinstance(app, BigramApp)
    screen = explore(pilot)
    present = Subject(screen.snapshot, app.session.corpus, screen.cursor)
    return fill(sections()[section].text, present)


@pytest.fixture
def read(settle: Settle, text_of: TextOf) -> Read:
    """All that stands in the open section, scrolled through."""

    async def lines_of(pilot: Pilot[None]) -> str:
        await settle(pilot)
        pane = theory(pilot).query_one("#theory-text", VerticalScroll)
        lines: dict[int, str] = {}
        while True:
            top = round(pane.scroll_y)
            lines.update(enumerate(text_of(pane).split("\n"), top))
            if top == pane.max_scroll_y:
                return "\n".join(lines.values())
            pane.scroll_to(y=top + pane.size.height - 1, animate=False)
            await pilot.pause()

    return lines_of


async def open_section(pilot: Pilot[None], settle: Settle, section: int) -> None:
    explore(pilot).view_state.section = section
    await pilot.press("G")
    await settle(pilot)
    assert theory(pilot).section == section


# Reading


@sizes(SMALL, MIDDLE)
@pytest.mark.parametrize("backend", ["numpy", *slow("count")])
async def test_every_section_is_there_whole(
    make_app: MakeApp, settle: Settle, read: Read, backend: str, size: tuple[int, int]
) -> None:
    """Each line of each formula in one line, and each word of the text."""
    async with make_app((backend,), steps=3).run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("G")
        for place, title in enumerate(TITLES):
            text = await read(pilot)
            markdown = expected(pilot, place)
            fences = re.findall(r"^```text\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)
            formulas = [line for fence in fences for line in fence.split("\n") if line]
            for line in formulas:
                assert re.search(rf"^ {{3}}{re.escape(line)} *.?$", text, re.MULTILINE), line
            prose = re.sub(r"^```text\n.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
            prose = re.sub(r"\]\(see:[^)]*\)|\\|[*\[`]|^- ", " ", prose, flags=re.MULTILINE)
            shown = re.sub(r"[\[`*\\• \n▁▂▃▄▅▆▇█]", "", text)
            for word in prose.split():
                assert word in shown, (title, word)
            assert_safe(pilot)
            await pilot.press("n")


@pytest.mark.slow
@sizes((40, 12), (60, 16), (200, 60))
async def test_it_can_be_read_at_any_size(
    make_app: MakeApp, settle: Settle, read: Read, size: tuple[int, int]
) -> None:
    async with make_app().run_test(size=size) as pilot:
        await open_section(pilot, settle, 4)
        text = await read(pilot)
        assert "(n·P − N) / B" in text
        assert "measure it" in re.sub(r"\W*\n\W*", " ", text)
        assert_safe(pilot)


async def test_the_sections_are_at_the_side_or_on_top(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=MIDDLE) as pilot:
        await open_section(pilot, settle, 1)
        for size, narrow in ((MIDDLE, False), (SMALL, True), (MIDDLE, False)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            listed = theory(pilot).query_one("#theory-sections")
            pane = theory(pilot).query_one("#theory-text")
            if narrow:
                assert listed.region.bottom <= pane.region.y
                assert listed.size.height == 2
            else:
                assert listed.region.right <= pane.region.x
            shown = re.sub(r"\s+", " ", screen_text(pilot))
            assert all(title in shown for title in TITLES)
            assert pane.size.height >= 16
            assert_safe(pilot)


async def test_keys_turn_the_pages(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=MIDDLE) as pilot:
        await open_section(pilot, settle, 0)
        at = [(theory(pilot).section)]
        for key in ("n", "right", "l", "p", "left", "h", "left", "end", "n", "home"):
            await pilot.press(key)
            at.append(theory(pilot).section)
        assert at == [0, 1, 2, 3, 2, 1, 0, 0, 11, 11, 0]
        await pilot.press(*"nnpn", "right")
        await settle(pilot)
        assert theory(pilot).section == 3
        markdown = theory(pilot).query_one(Markdown)
        await wait_until(pilot, lambda: markdown.source == expected(pilot, 3))
        assert len(markdown.children) == sections()[3].text.strip().count("\n\n")  # one left out


async def test_a_page_is_scrolled_and_then_turned(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await open_section(pilot, settle, 7)
        pane = theory(pilot).query_one("#theory-text")
        await wait_until(pilot, lambda: pane.max_scroll_y > 0)
        await settle(pilot)
        for _ in range(3):
            await pilot.press("down")
        # Textual scrolls when all else is laid out, which may be after the key.
        await wait_until(pilot, lambda: pane.scroll_y == min(3, pane.max_scroll_y))
        await pilot.press("k")
        await wait_until(pilot, lambda: pane.scroll_y == min(3, pane.max_scroll_y) - 1)
        pressed = 0
        while theory(pilot).section == 7:
            await pilot.press("pagedown")
            await settle(pilot)
            pressed += 1
        assert pressed == 2, "what was left of it, then the next"
        assert theory(pilot).section == 8
        assert pane.scroll_y == 0
        await pilot.press("pageup")
        assert theory(pilot).section == 7


@pytest.mark.slow
async def test_keys_close_it_and_it_opens_where_it_was_left(
    make_app: MakeApp, settle: Settle
) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await settle(pilot)
        for place, key in enumerate(("escape", "q", "G")):
            await pilot.press("G")
            await settle(pilot)
            assert theory(pilot).section == place
            await pilot.press("right", key)
            await settle(pilot)
            assert isinstance(pilot.app.screen, ExploreScreen)
            assert pilot.app.is_running
        await pilot.press("c")
        await settle(pilot)
        await pilot.press("G")
        await settle(pilot)
        assert theory(pilot).section == 3


@pytest.mark.slow
async def test_the_numbers_are_those_of_now(make_app: MakeApp, settle: Settle, read: Read) -> None:
    async with make_app().run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        texts = []
        for keys in ((), ("s", "down")):
            await pilot.press(*keys)
            await settle(pilot)
            run = explore(pilot).snapshot
            await open_section(pilot, settle, 2)
            texts.append(await read(pilot))
            assert f"= {run.nll:.4f}" in texts[-1]
            assert f"= {run.total:.4f}" in texts[-1]
            labels = explore(pilot)._session.corpus.train.vocabulary.labels
            row, column = (labels[token] for token in explore(pilot).cursor)
            assert f"“{column}” after “{row}”" in texts[-1]
            await pilot.press("escape")
        assert texts[0] != texts[1]


@pytest.mark.slow
async def test_side_by_side_it_tells_of_the_active_run_where_all_are(
    make_app: MakeApp, settle: Settle, read: Read
) -> None:
    async with make_app(steps=4).run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        await pilot.press("z")
        await settle(pilot)
        run = explore(pilot).snapshot
        assert run.iteration == 3
        await open_section(pilot, settle, 10)
        assert f"numpy after 3 steps: NLL {run.nll:.4f}" in await read(pilot)


# Links


@pytest.mark.parametrize("backend", ["numpy", *slow("count")])
@pytest.mark.parametrize(
    "destination",
    [*FAST_DESTINATIONS, *slow(*(d for d in DESTINATIONS if d not in FAST_DESTINATIONS))],
)
async def test_every_link_leads_where_it_says(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, destination: str, backend: str
) -> None:
    other = "count" if backend == "numpy" else "numpy"
    async with make_app((backend, other), steps=2).run_test(size=SMALL) as pilot:
        await settle(pilot)
        before = explore(pilot).snapshot
        section = next(n for n, s in enumerate(sections()) if destination in s.links)
        await open_section(pilot, settle, section)
        number = sections()[section].links.index(destination) + 1
        assert f"{number} {DESTINATIONS[destination]}" in links_line(pilot)
        await pilot.press(str(number))
        kind, _, which = destination.partition("/")
        front = SHOWN.get(kind, "ExploreScreen")
        await wait_until(pilot, lambda: type(pilot.app.screen).__name__ == front, front)
        await settle(pilot)
        screen = explore(pilot)
        if kind == "view":
            assert screen.view_state.view is VIEWS[VIEW_LINKS.index(which)]
            assert screen.view_state.view.name == {"gradient": "∂W"}.get(which, which)
        if kind == "cell":
            labels = screen._session.corpus.train.vocabulary.labels
            assert "".join(labels[token] for token in screen.cursor) == which
        if kind == "step":
            assert screen.snapshot.iteration == before.iteration + (backend == "numpy")
            said = "nothing left to learn" in "".join(notifications(pilot))
            assert said == (backend == "count")
        if front != "ExploreScreen":
            assert_safe(pilot)


@pytest.mark.slow
@pytest.mark.parametrize("destination", ["view/W", *slow("step", "compare", "cell/jq", "why")])
async def test_links_are_followed_side_by_side_too(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, destination: str
) -> None:
    async with make_app(steps=2).run_test(size=SMALL) as pilot:
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        await pilot.press("tab")  # to the names
        section = next(n for n, s in enumerate(sections()) if destination in s.links)
        await open_section(pilot, settle, section)
        await pilot.press(str(sections()[section].links.index(destination) + 1))
        await wait_until(pilot, lambda: not isinstance(pilot.app.screen, TheoryScreen))
        await settle(pilot)
        compare = explore(pilot)
        assert isinstance(compare, CompareScreen)
        if destination == "view/W":
            assert compare.view_state.view.name == "W"
        if destination == "step":
            assert compare.snapshot.iteration == 3
            assert compare.query_one("#losses").region.area > 0
        if destination == "cell/jq":
            assert compare.cursor == (10, 17)
        assert (compare is pilot.app.screen) == (destination != "why")


async def test_a_digit_without_a_link_does_nothing(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await open_section(pilot, settle, 5)
        assert sections()[5].links == ("network",)
        await pilot.press("2", "9")
        await settle(pilot)
        assert theory(pilot).section == 5


async def test_a_cell_that_the_text_lacks_is_named(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    path = tmp_path / "few.txt"
    path.write_text("ab\nba\n")
    async with make_app(corpus=path).run_test(size=SMALL) as pilot:
        await settle(pilot)
        before = explore(pilot).cursor
        section = next(n for n, s in enumerate(sections()) if "cell/jq" in s.links)
        await open_section(pilot, settle, section)
        await pilot.press(str(sections()[section].links.index("cell/jq") + 1))
        await settle(pilot)
        assert "'j' is not in the text" in notifications(pilot)
        assert explore(pilot).cursor == before


def place_of(screen: Screen[object], text: str) -> tuple[int, int]:
    """Where on the screen a text is."""
    for y, strip in enumerate(screen._compositor.render_strips()):
        if text in strip.text:
            return strip.text.index(text), y
    raise AssertionError(text)


async def test_the_mouse_follows_links_in_the_text_and_below_it(
    make_app: MakeApp, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(BigramApp, "open_url", lambda self, url, **_: opened.append(url))
    async with make_app().run_test(size=MIDDLE) as pilot:
        for text, view in (("uphill", "P"), ("gradient points", "∂W"), ("1 the gradient", "∂W")):
            explore(pilot).view_state.view_index = 0
            await open_section(pilot, settle, 4)
            await pilot.click(offset=place_of(pilot.app.screen, text))
            await settle(pilot)
            assert isinstance(pilot.app.screen, TheoryScreen) == (view == "P"), text
            assert explore(pilot).view_state.view.name == view
            await pilot.press("escape")
            await settle(pilot)
    assert not opened


async def test_the_mouse_opens_sections(make_app: MakeApp, settle: Settle) -> None:
    async with make_app().run_test(size=SMALL) as pilot:
        await open_section(pilot, settle, 0)
        for place in (7, 11, 2):
            await pilot.click(offset=place_of(pilot.app.screen, TITLES[place]))
            await settle(pilot)
            assert theory(pilot).section == place


# Any text


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "size"), [("numpy", SMALL), ("count", MIDDLE)])
async def test_hostile_texts_are_shown_as_they_are(
    make_app: MakeApp,
    settle: Settle,
    read: Read,
    tmp_path: Path,
    backend: str,
    size: tuple[int, int],
) -> None:
    """Markdown, markup and escape codes among the characters and in the name of the file."""
    path = tmp_path / "[red]*a*`b`_[c](see:why)_\x1b[31m.txt"
    lines = (*ODD_LINES, "```", "# x", "[a](see:step)", "*b*", "<b>", "&lt;", "{B}⟦", "|~_`")
    path.write_text("\n".join(lines), "utf-8")
    async with make_app((backend,), corpus=path, steps=1).run_test(size=size) as pilot:
        await settle(pilot)
        labels = explore(pilot)._session.corpus.train.vocabulary.labels
        for character in "[`\x1b\u202e\u0301漢":
            token = labels.index(character)
            explore(pilot).cursor = (token, token)
            for section in (1, 2):
                await open_section(pilot, settle, section)
                text = await read(pilot)
                assert_safe(pilot)
                if section == 1:
                    assert "[red]*a*`b`_[c](see:why)_␛[31m.txt" in text
                await pilot.press("escape")
                await settle(pilot)


async def test_of_a_run_that_is_not_loaded_the_formulas_stand_alone(
    make_app: MakeApp, settle: Settle, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_app().run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        monkeypatch.setattr(ExploreScreen, "snapshot", Snapshot("late"))
        await open_section(pilot, settle, 2)
        text = await read(pilot)
        assert re.search(r"NLL     = −Σ log P\[i, Y\[i\]\] / B +\n", text)
        assert "equal guesses" in text
