"""The user's own keys."""

from pathlib import Path

import pytest

from bigram_tui.errors import UserError
from bigram_tui.paths import config_folder
from bigram_tui.tui.keymap import read_keymap
from tests.tui.conftest import MakeApp, Settle


def test_without_a_file_there_are_no_keys(tmp_path: Path) -> None:
    assert read_keymap(tmp_path / "keymap.toml", {"step"}) == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("step = [", "can't be read"),
        ("stride = 's'", "no action 'stride'; there are: run, step"),
        ("step = 3", "step takes a text"),
        ("step = 'entr'", "step = 'entr' is no key; use a character, such as s or S"),
        ("step = 's,ctl+s'", "'ctl\\+s' is no key"),
        ("step = ''", "'' is no key"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "keymap.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=complaint):
        read_keymap(path, {"step", "run"})


@pytest.mark.parametrize(
    "key", ["s", "S", "é", "+", "enter", "slash", "plus", "f5", "ctrl+s", "ctrl+shift+up", "w, x"]
)
def test_keys_that_textual_knows_are_taken(tmp_path: Path, key: str) -> None:
    path = tmp_path / "keymap.toml"
    path.write_text(f'step = "{key}"', "utf-8")
    assert read_keymap(path, {"step"}) == {"step": key}


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "keymap.toml"
    path.write_bytes(b'\xef\xbb\xbfstep = "w"')
    assert read_keymap(path, {"step"}) == {"step": "w"}


async def test_a_key_of_the_users_takes_a_step(make_app: MakeApp, settle: Settle) -> None:
    path = config_folder() / "keymap.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('step = "w"', "utf-8")
    try:
        app = make_app()
    finally:
        path.unlink()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert app.runners[0].snapshot.iteration == 0
        await pilot.press("w")
        await settle(pilot)
        assert app.runners[0].snapshot.iteration == 1
