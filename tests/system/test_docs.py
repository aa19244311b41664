"""Commands and code of the README and of docs work as printed; links and pictures are there."""

import importlib.util
import json
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram_tui.backend
from bigram_tui.backend import Backend, as_numpy
from bigram_tui.cli.arguments import parse, parse_serve
from bigram_tui.testing import BackendTests
from bigram_tui.testing.cases import cases

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LINKED = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("data/*.md"))]
EXAMPLE = DOCS / "example_backend.py"
WITHOUT_SCREEN = {"--headless", "--json", "--list-backends"}
HAS_TORCH = importlib.util.find_spec("torch") is not None
WITHOUT_TORCH = "bigram-tui: without torch: needs torch, not installed here: pip install torch\n"
PATIENCE = 60.0
"""Seconds after which a command counts as hung."""


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced code blocks of a page in a language."""
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


COMMANDS = dict.fromkeys(
    line
    for page in PAGES
    for block in blocks(page, "sh")
    for line in block.splitlines()
    if line.startswith("bigram-tui")
)


def words_of(line: str) -> list[str]:
    """Return the arguments of a command line, up to a pipe or a comment."""
    command, *_ = line.split(" | ")
    return shlex.split(command, comments=True)[1:]


PRINTING = [line for line in COMMANDS if WITHOUT_SCREEN & {*words_of(line)}]
OPENING = [line for line in COMMANDS if line not in PRINTING]


# Commands


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to write into that holds the files which commands name."""
    for name in ("data", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("line", PRINTING)
def test_a_command_without_a_screen_does_what_it_says(line: str, folder: Path) -> None:
    words = words_of(line)
    if "torch" in words and not HAS_TORCH:
        pytest.skip("needs PyTorch")
    done = subprocess.run(
        [sys.executable, "-m", "bigram_tui", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or (done.stderr == WITHOUT_TORCH and not HAS_TORCH)
    assert done.stdout
    if (filtered := re.search(r"\| jq \.(\w+)$", line)) is not None:
        assert filtered[1] in json.loads(done.stdout)
    if "--history" in words:
        assert (folder / words[words.index("--history") + 1]).stat().st_size > 0


@pytest.mark.parametrize("line", OPENING)
def test_a_command_that_opens_a_screen_has_right_arguments(line: str) -> None:
    words = words_of(line)
    options = parse(parse_serve(words[1:])[1] if words[:1] == ["serve"] else words)
    named = [*options.files, *(name for name in options.backend if name.endswith(".py"))]
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_there_are_commands_of_both_kinds() -> None:
    assert len(PRINTING) >= 6
    assert len(OPENING) >= 4


# Code


@pytest.fixture
def namespace() -> dict[str, Any]:
    """The names that the example backend imports and defines."""
    return runpy.run_path(str(EXAMPLE), run_name="example_backend")


def whole_backends() -> list[str]:
    python = [block for page in PAGES for block in blocks(page, "python")]
    return [block for block in python if "(Backend):" in block and "yield Iteration(" in block]


@pytest.mark.parametrize("block", whole_backends(), ids=lambda block: block.split("\n")[1])
def test_a_backend_learns(block: str, namespace: dict[str, Any]) -> None:
    del namespace["SignDescent"]
    exec(block, namespace)
    (name,) = re.findall(r"^class (\w+)\(Backend\):", block, re.MULTILINE)
    backend: Backend = namespace[name]()
    case = cases()[0]
    counts = case.bigrams.counts
    nll = [
        -float((counts * np.log(as_numpy(model.probabilities))).sum()) / counts.sum()
        for model in islice(backend.train(case.bigrams, case.weights), 50)
    ]
    assert nll[-1] < nll[0] / 2


def test_the_readme_shows_a_whole_backend() -> None:
    assert len(whole_backends()) >= 1


def test_the_class_of_tests_collects_all_of_them(namespace: dict[str, Any]) -> None:
    (block,) = (
        block
        for block in blocks(DOCS / "writing_a_backend.md", "python")
        if "(BackendTests):" in block
    )
    namespace["MyBackend"] = namespace["SignDescent"]
    exec(block, namespace)
    tests = namespace["TestMine"]()
    assert isinstance(tests, BackendTests)
    tests.test_rows_are_distributions()


def test_the_package_registers_its_backend_where_backends_are_looked_for() -> None:
    (block,) = blocks(DOCS / "writing_a_backend.md", "toml")
    theirs = tomllib.loads(block)["project"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert theirs["entry-points"].keys() <= ours["entry-points"].keys()
    assert theirs["dependencies"] == [ours["name"]]


# Pages


def test_the_api_page_is_that_of_the_docstrings() -> None:
    api = runpy.run_path(str(DOCS / "api.py"))
    written = (DOCS / "backend_api.md").read_text("utf-8")
    assert written == api["page"](), "run: make docs"


def test_the_api_page_has_every_public_name() -> None:
    api = runpy.run_path(str(DOCS / "api.py"))
    assert sorted(api["PUBLIC"]["bigram_tui.backend"]) == sorted(bigram_tui.backend.__all__)


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_and_pictures_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    relative = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [target for target in relative if not (page.parent / target).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 120
