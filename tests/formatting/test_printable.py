"""Whatever character a text holds, what is shown of it is harmless and as wide as it should be."""

import shlex
import shutil
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from bigram_tui.formatting.printable import (
    CARRIER,
    NO_GLYPH,
    SPACE,
    TOO_WIDE,
    code_point,
    in_cells,
    printable,
)

WIDTHS = (1, 2, 5)
COMMANDS = {"Cc", "Cf", "Zl", "Zp", "Cs"}
"""Categories that move the cursor, hide or reorder text, break lines, or can't be encoded."""

ANY_CHARACTER = st.characters()
ANY_TEXT = st.text(ANY_CHARACTER)

RANGES = {
    "controls, ASCII and Latin": (0x0000, 0x0250),
    "combining marks": (0x0300, 0x0370),
    "Greek and Cyrillic": (0x0370, 0x0530),
    "Hebrew and Arabic": (0x0590, 0x0900),
    "Devanagari to Sinhala": (0x0900, 0x0E00),
    "Thai, Lao, Tibetan": (0x0E00, 0x1000),
    "Hangul letters": (0x1100, 0x1200),
    "punctuation to dingbats": (0x2000, 0x2800),
    "braille and arrows": (0x2800, 0x2C00),
    "CJK signs and kana": (0x2E80, 0x3400),
    "some ideographs": (0x4E00, 0x5000),
    "some Hangul syllables": (0xAC00, 0xAD00),
    "surrogates and private use": (0xD7F0, 0xE100),
    "presentation forms, variation selectors, half and full width": (0xFB00, 0x10000),
    "emoji": (0x1F000, 0x1FB00),
    "rarer ideographs": (0x20000, 0x20100),
    "tags and selectors": (0xE0000, 0xE0200),
    "the last ones": (0x10FF00, 0x110000),
}


def characters(start: int, stop: int) -> Iterator[str]:
    """Those with a code point from start up to, and without, stop."""
    return map(chr, range(start, stop))


def commands(text: str) -> set[str]:
    """The characters of a text that a terminal would take for something else than a glyph."""
    return {character for character in text if unicodedata.category(character) in COMMANDS}


# printable


@given(ANY_TEXT)
@example("\x1b[31mred\x1b[0m")
@example("a\u202eb\u2066c\u200bd\ufeff")
@example("\u2028\u2029\ud800\x9b\x7f\x00")
@example("\u0301\u0301")
def test_no_command_is_left_in_a_printable_text(text: str) -> None:
    assert commands(printable(text)) == set()


def test_no_character_at_all_passes_as_a_command() -> None:
    everything = "".join(characters(0, sys.maxunicode + 1))
    assert commands(printable(everything)) == set()


@given(ANY_TEXT)
def test_each_character_has_one_stand_in_or_is_itself(text: str) -> None:
    shown = printable(text)
    if shown.startswith(CARRIER) and not text.startswith(CARRIER):
        shown = shown[1:]
    assert len(shown) == len(text)


@given(ANY_TEXT)
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    once = printable(text)
    assert printable(once) == once


def test_plain_text_of_any_script_stays_as_it_is() -> None:
    for text in ("", "emma", "[red]x[/red]", "Zoë", "Ελένη", "Дарья", "さくら", "소연", "a b"):
        assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a␛[2Jb"),
        ("\x00\x07\t\n\r", "␀␇␉␊␍"),
        ("\x7f", "␡"),
        ("a\x9b2J", f"a{NO_GLYPH}2J"),
        ("a\u202eb", f"a{NO_GLYPH}b"),
        ("a\u2028b", f"a{NO_GLYPH}b"),
        ("\ud800", NO_GLYPH),
        ("\ue000", NO_GLYPH),
        ("\u0378", NO_GLYPH),
        ("\u0301a", f"{CARRIER}\u0301a"),
        ("a\u0301", "a\u0301"),
    ],
    ids=ascii,
)
def test_stand_ins(text: str, shown: str) -> None:
    assert printable(text) == shown


# in_cells


@pytest.mark.parametrize(("start", "stop"), RANGES.values(), ids=RANGES)
def test_every_character_takes_the_cells_it_is_given(start: int, stop: int) -> None:
    wrong = [
        f"{code_point(character)} is {cell_len(shown)} for {width}"
        for character in characters(start, stop)
        for width in WIDTHS
        if cell_len(shown := in_cells(character, width)) != width
    ]
    assert wrong == []


@given(ANY_CHARACTER, st.integers(1, 9))
def test_any_character_takes_the_cells_it_is_given(character: str, width: int) -> None:
    shown = in_cells(character, width)
    assert cell_len(shown) == width
    assert commands(shown) == set()


@pytest.mark.parametrize(
    ("character", "width", "shown"),
    [
        ("a", 1, "a"),
        ("a", 3, "a  "),
        ("字", 1, TOO_WIDE),
        ("字", 2, "字"),
        ("字", 3, "字 "),
        ("😀", 1, TOO_WIDE),
        ("😀", 2, "😀"),
        (" ", 1, SPACE),
        ("\u3000", 1, SPACE),
        ("\N{NO-BREAK SPACE}", 2, SPACE + " "),
        ("\t", 2, "␉ "),
        ("\u0301", 1, CARRIER + "\u0301"),
        ("\u200d", 2, NO_GLYPH + " "),
    ],
    ids=ascii,
)
def test_what_is_in_the_cells(character: str, width: int, shown: str) -> None:
    assert in_cells(character, width) == shown


# code_point


@pytest.mark.parametrize(
    ("character", "identified"),
    [
        ("e", "U+0065 LATIN SMALL LETTER E"),
        (" ", "U+0020 SPACE"),
        ("\x1b", "U+001B"),
        ("\u0301", "U+0301 COMBINING ACUTE ACCENT"),
        ("😀", "U+1F600 GRINNING FACE"),
        ("\U0010ffff", "U+10FFFF"),
        ("\ud800", "U+D800"),
    ],
    ids=ascii,
)
def test_a_character_is_identified(character: str, identified: str) -> None:
    assert code_point(character) == identified


@given(ANY_CHARACTER)
def test_the_code_point_leads_back_to_the_character(character: str) -> None:
    identified = code_point(character)
    assert identified.isascii()
    assert identified.isprintable()
    assert chr(int(identified.split()[0].removeprefix("U+"), 16)) == character


# In a terminal

ASK_FOR_COLUMNS = r"""
import os, sys, termios, tty

lines = open(sys.argv[1], encoding="utf-8").read().split("\n")
old = termios.tcgetattr(0)
tty.setraw(0)
columns = []
for line in lines:
    os.write(1, b"\r\x1b[2K" + line.encode() + b"\x1b[6n")
    answer = b""
    while not answer.endswith(b"R"):
        answer += os.read(0, 64)
    columns.append(int(answer.rpartition(b";")[2][:-1]) - 1)
termios.tcsetattr(0, termios.TCSADRAIN, old)
with open(sys.argv[2] + ".part", "w") as file:
    file.write(" ".join(map(str, columns)))
os.rename(sys.argv[2] + ".part", sys.argv[2])
"""

JOINING = (
    *("\U0001f3fb", "\U0001f3ff", "\u2630", "\u268f", "\U0001d300", "\U0001d360", "\u3248"),
    *("\ufe0e", "\ufe0f", "\U000e0100", "\u180b", "\u034f", "\u3164", "\uffa0", "\u1160", "\u200d"),
    *("\u20e3", "\u0301", "\u1161", "\U0001f1e9", "\u2764", "\U0001f44b", "\u0e33", "\u0644"),
)
"""What some terminals draw together with the character before, or in another width."""


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")
def test_every_cell_is_as_wide_in_tmux(tmp_path: Path) -> None:
    """After each kind of neighbour that a character might be joined to."""
    neighbours = ("x", "1", "\U0001f44b", "\u2764", "\U0001f1e9")
    cells = [in_cells(character, width) for character in JOINING for width in (1, 2)]
    lines = [before + cell + "|" for cell in cells for before in neighbours]
    lines += [printable("\u2764\ufe0f1\ufe0f\u20e3a\U0001f3fd\U0001f44b\U0001f3fdb")]
    (tmp_path / "ask.py").write_text(ASK_FOR_COLUMNS)
    (tmp_path / "lines").write_text("\n".join(lines), "utf-8")
    ask = shlex.join([sys.executable, *(str(tmp_path / n) for n in ("ask.py", "lines", "answer"))])
    tmux = ["tmux", "-u", "-S", str(tmp_path / "socket"), "-f", "/dev/null"]
    subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "24", ask], check=True)
    try:
        limit = time.monotonic() + 60
        while not (tmp_path / "answer").exists():
            assert time.monotonic() < limit
            time.sleep(0.01)
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True, check=False)
    columns = map(int, (tmp_path / "answer").read_text().split())
    found = dict(zip(lines, columns, strict=True))
    assert found == {line: cell_len(line) for line in lines}


@pytest.mark.parametrize("character", [chr(k) for k in (*range(0x1F3FB, 0x1F400), 0xFE0F, 0x3164)])
def test_what_is_joined_or_unseen_has_a_stand_in(character: str) -> None:
    assert in_cells(character, 2) == f"{NO_GLYPH} "
    assert printable(f"a{character}b") == f"a{NO_GLYPH}b"
