"""The help: one key a line, as the keys are now, and what the words mean."""

import re
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bigram_tui.tui.keys import COMPARE_GROUPS, EXPLORE_GROUPS, EXPLORE_KEYS, KeyGroup
from bigram_tui.tui.screens.help import WORDS, HelpScreen
from tests.tui.conftest import MakeApp, Settle
from tests.tui.test_explore_screen import screen_text


async def pages(pilot: Pilot[None], settle: Settle) -> list[str]:
    """The lines of the help that is open, from its beginning to its end."""
    assert isinstance(pilot.app.screen, HelpScreen)
    lines: list[str] = []
    while True:
        page = re.findall(r"│ (.{74})", screen_text(pilot))
        new = [line.rstrip(" ▁▂▃▄▅▆▇█") for line in page]
        lines += new
        pane = pilot.app.screen.query_one("#help")
        if pane.scroll_offset.y >= pane.max_scroll_y:
            return lines
        before = pane.scroll_offset.y
        await pilot.press("pagedown")
        while pane.scroll_offset.y == before:  # Textual scrolls when all else is laid out
            await settle(pilot)


def explained(lines: list[str]) -> dict[str, str]:
    """What stands beside each key, and each word."""
    found = (re.fullmatch(r"  (\S+(?: … \S+)?) {2,}(\S.*)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize(
    ("opening", "groups"), [((), EXPLORE_GROUPS), (("c",), COMPARE_GROUPS)], ids=["explore", "c"]
)
async def test_each_key_has_a_line_that_says_what_it_does(
    make_app: MakeApp, settle: Settle, opening: tuple[str, ...], groups: tuple[KeyGroup, ...]
) -> None:
    async with make_app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in (*opening, "question_mark"):
            await pilot.press(key)
            await settle(pilot)
        lines = await pages(pilot, settle)
    shown = explained(lines)
    for group in groups:
        assert group.title in lines
        for binding in group.keys:
            key = (binding.key_display or binding.key).replace("␣", "space")
            if not binding.action.startswith("pick"):
                assert shown[key] == (binding.tooltip or binding.description)
    assert shown["1 … 9"] == "go to a run by its number"
    assert shown["q"] == "quit"
    assert shown["ctrl+z"] == "go back to the shell for a while"
    for word, meaning in WORDS.items():
        assert shown[word] == meaning


async def test_a_users_own_key_is_the_one_that_is_shown(
    make_app: MakeApp, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    app.set_keymap({"step": "f5", "help": "f1", "sample": "ctrl+g"})
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f1")
        await settle(pilot)
        shown = explained(await pages(pilot, settle))
    assert shown["f5"] == "take a step of gradient descent"
    assert shown["f1"] == "this help"
    assert "s" not in shown
    assert "g" not in shown


def test_no_two_keys_of_a_screen_have_the_same_id() -> None:
    ids = [binding.id for binding in EXPLORE_KEYS]  # type: ignore[union-attr]
    assert len(ids) == len(set(ids))
