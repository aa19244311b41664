"""--isolate: all runs that the user asked for, with the same results."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bigram_tui.cli import exit_status
from bigram_tui.cli import main as cli
from bigram_tui.cli.arguments import UsageError, parse
from bigram_tui.cli.plan import check_isolation, make_plan
from tests.backends.test_backends import EXAMPLE
from tests.cli.test_cli import folder
from tests.conftest import slow
from tests.isolation.conftest import HEAD

__all__ = ["folder"]


def runs_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """The runs of the JSON document, without the time that they took."""
    assert cli.run(["good.txt", "--json", "--steps", "30", *arguments]) == exit_status.DONE
    runs: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["runs"]
    for run in runs:
        del run["seconds"]
    return runs


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("backend", ["numpy", str(EXAMPLE), *slow("torch")])
def test_the_results_are_the_same_to_the_bit(
    capsys: pytest.CaptureFixture[str], backend: str
) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    arguments = ("--backend", backend, "--backend", "count", "--l2", "0.1", "--split", "50/50")
    assert runs_of(capsys, *arguments, "--isolate") == runs_of(capsys, *arguments)


@pytest.mark.usefixtures("folder")
def test_every_run_is_isolated() -> None:
    named = ["--run", "numpy:lr=3", "--run", "numpy:lr=4", "--backend", "mine.py"]
    sources = make_plan(parse(["good.txt", "--isolate", *named])).sources
    assert [source.isolated for source in sources] == [True] * 3
    assert not any(source.isolated for source in make_plan(parse(["good.txt", *named])).sources)


def test_what_can_not_be_imported_here_is_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even to check its settings, which is done before the text is read."""
    (folder / "fatal.py").write_text(f"{HEAD}\nos._exit(3)\n")
    arguments = ["good.txt", "--isolate", "--backend", "fatal.py", "--set", "fatal.x=1"]
    assert cli.run([*arguments, "--headless"]) == exit_status.FAILED
    printed = capsys.readouterr()
    assert "fatal can't be imported: its process ended with exit code 3" in printed.out


def test_a_system_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        with pytest.raises(UsageError, match="--isolate needs Linux or macOS"):
            check_isolation()
