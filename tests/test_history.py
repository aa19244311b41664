"""The file with one row for each run and iteration."""

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui import cli
from bigram_tui.bigrams import Bigrams, Matrix
from bigram_tui.errors import UserError
from bigram_tui.history import COLUMNS, check_target, write_history
from bigram_tui.run import Run


@pytest.fixture
def run(tiny: Bigrams, lecture_weights: Matrix) -> Run:
    """Five iterations, the last two of them at another learning rate."""
    run = Run(NumpyBackend(learning_rate=2.0), tiny, lecture_weights[:3, :3], name="mine")
    run.advance(3)
    run.set("learning_rate", 0.5)
    run.advance(2)
    return run


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_each_iteration_has_a_row_with_what_held_then(
    tmp_path: Path, run: Run, suffix: str
) -> None:
    path = tmp_path / f"losses{suffix}"
    write_history(path, [("numpy", run.snapshot())], overwrite=False)
    text = path.read_text("utf-8")
    if suffix == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
    else:
        rows = [json.loads(line) for line in text.splitlines()]
    assert [int(row["iteration"]) for row in rows] == list(range(6))
    assert [float(row["learning_rate"]) for row in rows] == [2, 2, 2, 0.5, 0.5, 0.5]
    for iteration, row in enumerate(rows):
        assert tuple(row) == COLUMNS
        assert (row["run"], row["backend"]) == ("mine", "numpy")
        assert row["validation_nll"] in ("", None)
        run.seek(iteration)
        here = run.snapshot()
        assert float(row["nll"]) == here.nll
        assert float(row["total"]) == here.nll + here.regularization


def test_what_json_lacks_is_a_text(tmp_path: Path, tiny: Bigrams, lecture_weights: Matrix) -> None:
    run = Run(NumpyBackend(learning_rate=1e5), tiny, lecture_weights[:3, :3])
    run.advance(10)
    path = tmp_path / "losses.jsonl"
    write_history(path, [("numpy", run.snapshot())], overwrite=False)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert rows[-1]["nll"] in ("inf", "nan")
    assert not math.isfinite(float(rows[-1]["nll"]))


def test_what_exists_is_not_overwritten_without_a_word(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        write_history(path, [("numpy", run.snapshot())], overwrite=False)
    assert path.read_text() == "mine"
    write_history(path, [("numpy", run.snapshot())], overwrite=True)
    assert path.read_text("utf-8").startswith("iteration,run,backend,nll")


def test_a_failure_leaves_nothing_behind(tmp_path: Path, run: Run) -> None:
    @dataclass
    class Unreadable:
        name: str = "no run"

        @property
        def losses(self) -> object:
            raise OSError(28, "No space left on device")

    path = tmp_path / "losses.csv"
    runs = [("numpy", run.snapshot()), ("numpy", Unreadable())]
    with pytest.raises(UserError, match="No space left on device"):
        write_history(path, runs, overwrite=False)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["losses.txt", "losses", "no/such/folder.csv"])
def test_a_wrong_target_is_told_before_any_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="--history"):
        check_target(tmp_path / name, overwrite=False)


def test_the_command_line_writes_all_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "few.txt"
    text.write_text("emma\nanna\n")
    path = tmp_path / "losses.csv"
    runs = ["--run", "numpy:lr=1", "--run", "numpy:lr=2,l2=0", "--run", "count:smoothing=0"]
    arguments = [str(text), "--headless", "--steps", "4", *runs, "--history", str(path)]
    assert cli.run(arguments) == cli.DONE
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    named = [(row["run"], row["backend"]) for row in rows]
    assert named == [
        *[("numpy lr=1", "numpy")] * 5,
        *[("numpy lr=2 l2=0", "numpy")] * 5,
        ("count smoothing=0", "count"),
    ]
    assert {row["l2"] for row in rows[5:10]} == {"0.0"}
    assert cli.run(arguments) == cli.WRONG_USE
    assert "--overwrite" in capsys.readouterr().err
