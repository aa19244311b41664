"""The footer, against Textual's own: it looks the same and does the same."""

from collections.abc import Iterator

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import MouseScrollDown
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES
from textual.widget import Widget
from textual.widgets import Footer, Input
from textual.widgets._footer import FooterKey
from textual.widgets._tooltip import Tooltip

from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.widgets.key_footer import KeyFooter
from tests.conftest import slow
from tests.tui.conftest import WaitUntil

SIZE = 60, 16


class Footers(App[None]):
    """Our footer above Textual's."""

    CSS_PATH = style_files("app")
    CSS = "KeyFooter { dock: none; } Footer { dock: none; }"
    TOOLTIP_DELAY = 0.01
    BINDINGS = [
        Binding("s,S", "note('step')", "step", tooltip="take a step"),
        Binding("space", "note('run')", "run", key_display="␣"),
        Binding("x", "note('hidden')", "hidden", show=False),
        Binding("d", "stop", "disabled"),
        Binding("w", "note('wide')", "日本", tooltip="wide characters"),
    ]
    noted: list[str]
    bells = 0
    enables_stop: bool | None = None

    def compose(self) -> ComposeResult:
        yield Input()
        with Vertical():
            yield KeyFooter()
            yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.noted = []
        self.query_one(Input).can_focus = False
        self.screen.set_focus(None)

    def action_note(self, what: str) -> None:
        self.noted.append(what)

    def action_stop(self) -> None:
        self.noted.append("stop")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.enables_stop if action == "stop" else True

    def bell(self) -> None:
        self.bells += 1


def cells(widget: Widget) -> list[tuple[str, Style]]:
    """Each character of the line of a widget, with how it looks; of a space, the background."""
    region = widget.region
    line = widget.screen._compositor.render_strips()[region.y].crop(region.x, region.right)
    return [
        (character, looks(style or Style(), " " not in character))
        for text, style, _ in line
        for character in text
    ]


def looks(style: Style, has_ink: bool) -> Style:
    if not has_ink:
        return Style(bgcolor=style.bgcolor)
    strength = Style(bold=bool(style.bold), dim=bool(style.dim))
    return Style.from_color(style.color, style.bgcolor) + strength


def both(pilot: Pilot[None]) -> Iterator[Widget]:
    yield from (pilot.app.query_one(KeyFooter), pilot.app.query_one(Footer))


async def at_rest(pilot: Pilot[None], wait_until: WaitUntil, keys: int) -> None:
    """Wait until both show so many keys."""
    ours, theirs = both(pilot)
    assert isinstance(ours, KeyFooter)
    await wait_until(pilot, lambda: len(theirs.query(FooterKey)) == len(ours.keys) == keys)
    await pilot.pause()


@pytest.mark.parametrize(
    "theme", ["textual-dark", *slow(*sorted({*BUILTIN_THEMES} - {"textual-dark"}))]
)
async def test_each_cell_is_that_of_textuals_footer(theme: str, wait_until: WaitUntil) -> None:
    app = Footers()
    app.theme = theme
    async with app.run_test(size=SIZE) as pilot:
        await at_rest(pilot, wait_until, 4)
        ours, theirs = both(pilot)
        at_first = cells(ours)
        assert "".join(text for text, _ in at_first).startswith("s step ␣ run d disabled w 日本 ")
        assert at_first == cells(theirs)
        for column in (0, 6, 9, 15, 25):
            hovered = []
            for footer in (ours, theirs):
                await pilot.hover(footer, (column, 0))
                await pilot.pause()
                hovered.append(cells(footer))
            assert hovered[0] == hovered[1], column
            is_hidden = column == 6 or theme == "ansi-dark"
            assert (hovered[0] == at_first) == is_hidden, "no key, or no colour for it"
        await pilot.hover(Input)
        await pilot.pause()
        assert cells(ours) == at_first


async def test_a_click_presses_the_key(wait_until: WaitUntil) -> None:
    app = Footers()
    async with app.run_test(size=SIZE) as pilot:
        await at_rest(pilot, wait_until, 4)
        for footer in both(pilot):
            for column in (0, 5, 6, 7, 11, 24, 40):
                await pilot.click(footer, (column, 0))
            assert app.noted == ["step", "step", "run", "run", "wide"]
            assert app.bells == 0
            await pilot.click(footer, (13, 0))
            assert app.bells == 1
            app.noted, app.bells = [], 0
        app.enables_stop = True
        app.refresh_bindings()
        await pilot.pause()
        for footer in both(pilot):
            await pilot.click(footer, (13, 0))
        assert app.noted == ["stop", "stop"]


async def test_keys_that_are_not_offered_are_left_out(wait_until: WaitUntil) -> None:
    app = Footers()
    app.enables_stop = False
    async with app.run_test(size=SIZE) as pilot:
        await at_rest(pilot, wait_until, 3)
        ours, theirs = map(cells, both(pilot))
        assert ours == theirs
        assert "disabled" not in "".join(text for text, _ in ours)


async def test_a_key_under_the_mouse_is_explained(wait_until: WaitUntil) -> None:
    app = Footers()
    async with app.run_test(size=SIZE, tooltips=True) as pilot:
        await at_rest(pilot, wait_until, 4)
        tooltip = app.screen.query_one(Tooltip)
        for column, text in ((2, "take a step"), (24, "wide characters")):
            await pilot.hover(KeyFooter, (column, 0))
            await wait_until(pilot, lambda: tooltip.display and text in str(tooltip.render()))  # noqa: B023
            assert app.screen._pointer_shape == "pointer"
            await pilot.hover(Input)
            await wait_until(pilot, lambda: not tooltip.display)
            assert app.screen._pointer_shape != "pointer"
            assert app.query_one(KeyFooter).hovered is None


async def test_the_wheel_brings_keys_in_sight_that_are_too_many(wait_until: WaitUntil) -> None:
    app = Footers()
    async with app.run_test(size=(20, 6)) as pilot:
        await at_rest(pilot, wait_until, 4)
        footer = app.query_one(KeyFooter)

        def text() -> str:
            return "".join(text for text, _ in cells(footer))

        assert text() == "s step ␣ run d disab"
        for turns, shown in ((1, "ep ␣ run d disabled "), (9, "un d disabled w 日本")):
            for _ in range(turns):
                await pilot._post_mouse_events([MouseScrollDown], footer, (3, 0))
            await pilot.pause()
            assert text().strip() == shown.strip()
        await pilot.click(footer, (19, 0))
        assert app.noted == ["wide"]
        await pilot.resize_terminal(60, 6)
        await wait_until(pilot, lambda: text().startswith("s step"))
