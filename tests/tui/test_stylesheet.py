"""The stylesheet that is parsed once, against Textual's own."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from textual.css.parse import parse
from textual.css.stylesheet import Stylesheet

from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.stylesheet import STYLES, OnceParsed
from tests.tui.conftest import MakeApp

DARK, LIGHT = {"ink": "white", "paper": "black"}, {"ink": "black", "paper": "white"}


def rules_of(sheet: Stylesheet) -> list[str]:
    return [rule.css for rule in sheet.rules]


def each_step() -> list[Callable[[Stylesheet], None]]:
    return [
        lambda sheet: sheet.add_source("A { color: $ink; }", ("a.tcss", "")),
        lambda sheet: sheet.parse(),
        lambda sheet: sheet.set_variables(dict(DARK)),
        lambda sheet: sheet.reparse(),
        lambda sheet: sheet.add_source("B { background: $paper; }", ("b.tcss", "")),
        lambda sheet: sheet.reparse(),
        lambda sheet: sheet.set_variables(dict(LIGHT)),
        lambda sheet: sheet.reparse(),
        lambda sheet: sheet.add_source("A { color: $paper; }", ("a.tcss", "")),
        lambda sheet: sheet.reparse(),
        lambda sheet: sheet.set_variables(dict(DARK)),
        lambda sheet: sheet.reparse(),
    ]


def test_the_rules_are_those_of_textuals_own_stylesheet() -> None:
    ours, theirs = OnceParsed(variables=dict(DARK)), Stylesheet(variables=dict(DARK))
    seen: set[str] = set()
    for step in each_step():
        for sheet in (ours, theirs):
            step(sheet)
        assert rules_of(ours) == rules_of(theirs)
        seen.add("".join(rules_of(ours)))
    assert len(seen) == 5, "two sources by two sets of variables, and one before the other came"


async def test_a_start_parses_no_css_twice_and_another_theme_does(make_app: MakeApp) -> None:
    parsed: list[str] = []
    files = {css.read_text("utf-8"): css.stem for css in STYLES.glob("*.tcss")}

    def own() -> list[str]:
        return sorted(files[css] for css in parsed if css in files)

    with patch("textual.css.stylesheet.parse", wraps=_noting(parsed)):
        app = make_app(("count",))
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert own() == ["app", "explore"]
            before = app.screen.styles.background
            app.theme = "textual-light"
            await pilot.pause()
            assert own() == ["app", "app", "explore", "explore"]
            assert app.screen.styles.background != before


async def test_the_styles_of_a_screen_are_parsed_when_it_first_opens(make_app: MakeApp) -> None:
    def known(app: BigramApp) -> set[str]:
        return {Path(path).stem for path, _ in app.stylesheet.source if path.endswith(".tcss")}

    app = make_app(("count",))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert known(app) == {"app", "explore"}
        for key, others in (("question_mark", {"dialogue"}), ("G", {"dialogue", "theory"})):
            await pilot.press(key)
            await pilot.pause()
            assert known(app) == {"app", "explore", *others}
            await pilot.press("escape")
            await pilot.pause()


def _noting(parsed: list[str]) -> Callable[..., object]:
    def noting(scope: str, css: str, *arguments: object, **more: object) -> object:
        parsed.append(css)
        return parse(scope, css, *arguments, **more)  # type: ignore[arg-type]

    return noting
