"""The user's own keys."""

import os
from collections.abc import Callable
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
        ("step = " + "[" * 5000, "can't be read: its values are nested too deeply"),
        ("step = " + "{a=" * 5000, "can't be read: its values are nested too deeply"),
        ("[" + ".".join("a" * 5000) + "]", "no action 'a'"),
        ("[[a]]\n" * 5000, "no action 'a'"),
        ("a" * 50_000 + " = 1", "no action 'a{60}…'; there are"),
        (f"step = '{'a' * 50_000}'", "step = 'a{60}…' is no key"),
        ("#" * 100_001, "can't be read: it has more than 100,000 bytes"),
        ("\0", "can't be read"),
    ],
    ids=lambda text: text[:20],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "keymap.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=complaint):
        read_keymap(path, {"step", "run"})


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: os.mkfifo(path, 0o600), "it is no ordinary file"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.symlink_to(os.devnull), "it is no ordinary file"),
        (lambda path: path.symlink_to("missing"), "No such file"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda path: path.write_bytes(b"step = '\xff'"), "can't decode byte 0xff"),
        (lambda path: path.write_bytes("step = 's'".encode("utf-16")), "can't decode"),
    ],
    ids=["pipe", "folder", "device", "broken link", "circle of links", "Latin-1", "UTF-16"],
)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices of Unix")
def test_what_is_no_keymap_is_told_at_once(
    tmp_path: Path, make: Callable[[Path], object], complaint: str
) -> None:
    path = tmp_path / "keymap.toml"
    make(path)
    with pytest.raises(UserError, match=f"keymap.toml can't be read: .*{complaint}"):
        read_keymap(path, {"step"})


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
