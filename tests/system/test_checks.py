"""Hooks and workflow run what `make` runs; the changelog has the usual form."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    rule = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert rule is not None
    return [line.removeprefix("\t") for line in rule[1].splitlines()]


def test_the_hooks_are_the_commands_of_make_lint() -> None:
    entries = re.findall(r"^ +entry: \.venv/bin/(.+)$", HOOKS, re.MULTILINE)
    assert [f"$(BIN)/{entry}" for entry in entries] == recipe("lint")
    assert len(entries) == HOOKS.count("- id:") == 5


def test_make_test_lints_first() -> None:
    assert "\ntest: lint\n" in MAKEFILE
    assert "\ntest-all: lint\n" in MAKEFILE


def test_the_workflow_calls_targets_that_there_are() -> None:
    targets = re.findall(r"^ +- run: make (\S+)", WORKFLOW, re.MULTILINE)
    assert targets == ["test-all", "test-pythons"]
    assert all(recipe(target) for target in targets)


def test_the_workflow_begins_with_the_lowest_python_that_is_supported() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        floor = tomllib.load(file)["project"]["requires-python"].removeprefix(">=")
    assert re.findall(r'"(3\.\d+)"', WORKFLOW)[0] == floor


def test_the_changelog_has_the_usual_form() -> None:
    headings = re.findall(r"^#+ .*", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    title, newest, *others = headings
    assert (title, newest) == ("# Changelog", "## Unreleased")
    version = re.compile(r"## \d+\.\d+\.\d+")
    kinds = {
        "### Added",
        "### Changed",
        "### Deprecated",
        "### Removed",
        "### Fixed",
        "### Security",
    }
    assert all(version.fullmatch(each) or each in kinds for each in others)
