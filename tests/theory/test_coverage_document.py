"""docs/coverage.md names keys and test files that exist, for each line of the theory."""

import re
from pathlib import Path

from textual.binding import Binding

from bigram_tui.tui.keys import COMPARE_KEYS, EXPLORE_KEYS

TESTS = Path(__file__).parents[1]
DOCUMENT = (TESTS.parent / "docs" / "coverage.md").read_text("utf-8")
LINES = 70
SCREENS = {"explore": EXPLORE_KEYS, "compare": COMPARE_KEYS}

ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in DOCUMENT.splitlines()]
THEORY = [row for row in ROWS if row and row[0].isdigit()]
LEGEND = {(row[0], row[1].strip("`")): row[2] for row in ROWS if row and row[0] in SCREENS}
"""The name of each key that is explained at the top, by screen and key."""


def quoted(text: str) -> list[str]:
    """Return what stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


def keys_in(cell: str) -> list[tuple[str, str]]:
    """Return screens and keys of a cell such as "explore `v` (W), `enter`; compare `w`"."""
    parts = [part.split(maxsplit=1) for part in cell.split(";") if part.strip()]
    return [(screen, key) for screen, keys in parts for key in quoted(keys)]


def test_each_line_of_the_theory_is_there_with_a_key_or_a_test_file_that_exists() -> None:
    assert [int(number) for number, *_ in THEORY] == list(range(1, LINES + 1))
    files = {path.stem for path in TESTS.rglob("test_*.py")}
    for number, claim, where, tests in THEORY:
        assert claim, number
        assert keys_in(where) or tests, number
        assert {*quoted(tests)} <= files, number
        assert {*keys_in(where)} <= LEGEND.keys(), number


def test_each_key_is_on_its_screen_under_its_name() -> None:
    on_screen = {
        (screen, key): binding.id
        for screen, bindings in SCREENS.items()
        for binding in bindings
        if isinstance(binding, Binding)
        for key in (*binding.key.split(","), binding.key_display)
    }
    assert len(LEGEND) >= 19
    assert {where: on_screen.get(where) for where in LEGEND} == LEGEND
