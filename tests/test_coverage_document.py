"""docs/coverage.md names, for each line of the theory, keys and tests that there really are."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from textual.binding import Binding, BindingType

from bigram_tui.tui.keys import COMPARE_KEYS, EXPLORE_KEYS

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "coverage.md").read_text("utf-8")
LINES = 70
SCREENS = {"explore": EXPLORE_KEYS, "compare": COMPARE_KEYS}


class Key(NamedTuple):
    """A key on one of the screens."""

    screen: str
    key: str


class Line(NamedTuple):
    """One line of the theory."""

    number: int
    claim: str
    keys: tuple[Key, ...]
    tests: tuple[str, ...]


def table_rows(columns: int) -> list[list[str]]:
    """The cells of all rows of the tables with so many columns, but for their titles."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCUMENT.splitlines()
        if line.startswith("|") and not re.match(r"\|[-|]+$|\| screen \||\| \|", line)
    ]
    return [row for row in rows if len(row) == columns]


def quoted(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


def keys_in(cell: str) -> tuple[Key, ...]:
    """The keys of a cell such as "explore `v` (W), `enter`; compare `w`"."""
    parts = [part.split(maxsplit=1) for part in cell.split(";") if part.strip()]
    return tuple(Key(screen, key) for screen, keys in parts for key in quoted(keys))


def theory_lines() -> list[Line]:
    rows = [row for row in table_rows(4) if row[0].isdigit()]
    return [
        Line(int(number), claim, keys_in(where), tuple(quoted(tests)))
        for number, claim, where, tests in rows
    ]


def legend() -> dict[Key, str]:
    """The name of each key."""
    rows = [row for row in table_rows(4) if row[0] in SCREENS]
    return {Key(screen, *quoted(key)): name for screen, key, name, _ in rows}


def names_of_keys(bindings: list[BindingType]) -> dict[str, str]:
    """The name of each key, as it is pressed and as it is shown."""
    found: dict[str, str] = {}
    for binding in bindings:
        assert isinstance(binding, Binding)
        assert binding.id is not None
        for key in (*binding.key.split(","), binding.key_display):
            if key is not None:
                found[key] = binding.id
    return found


def in_file(path: Path) -> set[str]:
    """The tests of a file, those of classes with the name of the class before them."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        scope, body = (
            (f"{node.name}::", node.body) if isinstance(node, ast.ClassDef) else ("", [node])
        )
        found |= {
            scope + inner.name
            for inner in body
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
            and inner.name.startswith("test")
        }
    return found


def test_each_line_is_there_once_and_in_order() -> None:
    assert [line.number for line in theory_lines()] == list(range(1, LINES + 1))
    assert all(line.claim for line in theory_lines())


def test_each_line_is_shown_or_proved() -> None:
    assert [line.number for line in theory_lines() if not line.keys and not line.tests] == []


def test_every_test_that_is_named_exists() -> None:
    named = {test for line in theory_lines() for test in line.tests}
    assert len(named) > 50
    missing = []
    for test in named:
        path, _, name = test.partition("::")
        if not (ROOT / path).is_file() or name not in in_file(ROOT / path):
            missing.append(test)
    assert sorted(missing) == []


def test_every_test_of_a_figure_of_the_theory_is_named() -> None:
    named = {test for line in theory_lines() for test in line.tests}
    path = "tests/test_theory_figures.py"
    found = {f"{path}::{name}" for name in in_file(ROOT / path)}
    assert sorted(found - named) == []


def test_every_key_that_is_named_is_told_of_at_the_top() -> None:
    named = {key for line in theory_lines() for key in line.keys}
    assert {key.screen for key in named} == set(SCREENS)
    assert sorted(named - legend().keys()) == []


@pytest.mark.parametrize("key", legend(), ids=" ".join)
def test_every_key_is_on_its_screen_under_its_name(key: Key) -> None:
    assert names_of_keys(SCREENS[key.screen]).get(key.key) == legend()[key]
