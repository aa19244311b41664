"""The file with one row for each run and iteration."""

import csv
import json
import math
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.cli import exit_status
from bigram_tui.cli import main as cli
from bigram_tui.errors import UserError
from bigram_tui.export.history import BLOCK, COLUMNS, check_target, write_history
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.training.run import Run
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.training.timeline import NLL
from tests.training.test_runner import wait_until


@pytest.fixture
def run(tiny: Bigrams, lecture_weights: Matrix) -> Run:
    """Five iterations, the last two of them at another learning rate."""
    run = Run(NumpyBackend(learning_rate=2.0), tiny, lecture_weights[:3, :3], name="mine")
    run.advance(3)
    run.set("learning_rate", 0.5)
    run.advance(2)
    return run


PACE = 2000.0
"""Steps a second: slower than they are written."""


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, with texts for values if it is CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)) if path.suffix == ".csv" else list(map(json.loads, file))


def long_run(spans: int, iterations: int, name: str = "long") -> Snapshot:
    """Losses that all differ, every third without validation, and settings that change."""
    losses = np.random.default_rng(1).random((iterations, 4))
    losses[::3, 2] = np.nan
    starts = np.linspace(0, iterations, spans, endpoint=False, dtype=int).tolist()
    values = [{"learning_rate": float(n), "smoothing": n} for n in range(spans)]
    return Snapshot(name, losses=losses, spans=tuple(zip(starts, values, strict=True)))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_each_iteration_has_a_row_with_what_held_then(
    tmp_path: Path, run: Run, suffix: str
) -> None:
    path = tmp_path / f"losses{suffix}"
    write_history(path, [("numpy", run.snapshot())], overwrite=False)
    rows = read(path)
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


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("spans", [1, 2, 300])
def test_a_long_history_has_each_number_in_full(tmp_path: Path, suffix: str, spans: int) -> None:
    run = long_run(spans, 2 * BLOCK + 5)
    path = tmp_path / f"losses{suffix}"
    write_history(path, [("a", run), ("b", run)], overwrite=False)
    rows = read(path)
    assert len(rows) == 2 * len(run.losses)
    for number, row in enumerate(rows):
        repetition, iteration = divmod(number, len(run.losses))
        nll, penalty, validation, seconds = map(float, run.losses[iteration])
        held = next(values for start, values in reversed(run.spans) if start <= iteration)
        expected = {
            "iteration": iteration,
            "run": "long",
            "backend": "ab"[repetition],
            "nll": nll,
            "regularization": penalty,
            "total": nll + penalty,
            "validation_nll": None if iteration % 3 == 0 else validation,
            "learning_rate": held["learning_rate"],
            "l2": None,
            "smoothing": held["smoothing"],
            "seconds": seconds,
        }
        if suffix == ".csv":
            assert row == {k: "" if v is None else str(v) for k, v in expected.items()}
        else:
            assert row == expected


def test_a_change_at_the_last_iteration_adds_no_row(tmp_path: Path, run: Run) -> None:
    run.set("l2", 0.5)
    losses = run.snapshot().losses
    spans = (*run.snapshot().spans, (len(losses), {"l2": 0.75}))
    snapshot = Snapshot("mine", losses=losses, spans=spans)
    write_history(tmp_path / "a.jsonl", [("numpy", snapshot)], overwrite=False)
    rows = read(tmp_path / "a.jsonl")
    assert [row["iteration"] for row in rows] == list(range(6))
    assert [row["l2"] for row in rows] == [0.01] * 5 + [0.5]


def test_a_run_without_iterations_has_no_row(tmp_path: Path) -> None:
    write_history(tmp_path / "a.csv", [("numpy", Snapshot("empty"))], overwrite=False)
    assert (tmp_path / "a.csv").read_text() == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_run_may_have_any_name(tmp_path: Path, suffix: str) -> None:
    name = 'a,"b"\r\n\rß\u2028\0'
    write_history(tmp_path / f"a{suffix}", [(name, long_run(1, 2, name))], overwrite=False)
    rows = read(tmp_path / f"a{suffix}")
    assert [(row["run"], row["backend"]) for row in rows] == [(name, name)] * 2


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_long_history_is_not_gathered_in_memory(tmp_path: Path, suffix: str) -> None:
    run = long_run(1, 20_000)
    tracemalloc.start()
    try:
        write_history(tmp_path / f"a{suffix}", [("numpy", run)], overwrite=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < run.losses.nbytes  # as objects all would take six times that


def test_what_json_lacks_is_a_text(tmp_path: Path, tiny: Bigrams, lecture_weights: Matrix) -> None:
    run = Run(NumpyBackend(learning_rate=1e5), tiny, lecture_weights[:3, :3])
    run.advance(10)
    path = tmp_path / "losses.jsonl"
    write_history(path, [("numpy", run.snapshot())], overwrite=False)
    rows = read(path)
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


def test_a_history_that_appears_during_the_work_is_not_overwritten(
    tmp_path: Path, run: Run
) -> None:
    path = tmp_path / "losses.csv"

    def runs() -> Iterator[tuple[str, Snapshot]]:
        yield "numpy", run.snapshot()
        path.write_text("mine")

    with pytest.raises(UserError, match=r"--history: '.*losses.csv' exists; --overwrite replaces"):
        write_history(path, runs(), overwrite=False)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path, run: Run) -> None:
    @dataclass
    class Unreadable:
        name: str = "no run"

        @property
        def losses(self) -> object:
            raise OSError(28, "No space left on device")

    path = tmp_path / "losses.csv"
    runs = [("numpy", run.snapshot()), ("numpy", Unreadable())]
    with pytest.raises(UserError, match=r"--history: can't write .*: No space left on device"):
        write_history(path, runs, overwrite=False)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_after_the_training_does_not_cost_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    text, path = tmp_path / "few.txt", tmp_path / "losses.csv"
    text.write_text("emma\nanna\n")
    options = ["--headless", "--backend", "count", "--history", str(path)]
    assert cli.run([str(text), *options]) == exit_status.WRONG_USE
    told = capsys.readouterr()
    assert told.out.startswith(f"{text}: 2 lines")
    assert told.err == f"bigram-tui: --history: can't write '{path}': No space left on device\n"
    assert list(tmp_path.iterdir()) == [text]


def test_a_run_that_trains_on_is_written_as_it_was_at_one_moment(
    tmp_path: Path, tiny: Bigrams, lecture_weights: Matrix
) -> None:
    """Also while it forks, which drops losses that are just being written."""
    weights = lecture_weights[:3, :3]
    runner = Runner("mine", lambda: Run(NumpyBackend(), tiny, weights, name="mine"))
    path = tmp_path / "losses.jsonl"
    runner.train(PACE)
    wait_until(lambda: runner.latest > 10, "for the first steps")
    try:
        longest = 0
        for number in range(20):
            snapshot = runner.snapshot
            if number % 4 == 3:
                runner.back(snapshot.iteration // 2)
                runner.set("learning_rate", 10.0 + number)
                runner.train(PACE)
            write_history(path, [("numpy", snapshot)], overwrite=True)
            rows = read(path)
            assert [row["iteration"] for row in rows] == list(range(len(snapshot.losses)))
            assert [row["nll"] for row in rows] == snapshot.losses[:, NLL].tolist()
            longest = max(longest, len(rows))
    finally:
        runner.close()
        runner.close()
        assert runner.join(30)
    assert longest > 10
    assert os.listdir(tmp_path) == ["losses.jsonl"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("a.txt", "--history takes a file that ends in .csv or"),
        ("losses", "--history takes a file that ends in .csv or"),
        ("no/a.csv", "--history: there is no folder "),
        ("folder.csv", "--history: "),
        ("there.csv", "--history: "),
    ],
)
def test_a_wrong_target_is_told_before_any_work(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "there.csv").write_text("mine")

    def runs() -> Iterator[tuple[str, Snapshot]]:
        raise AssertionError("work")
        yield

    with pytest.raises(UserError) as checked:
        check_target(tmp_path / name, overwrite=False)
    with pytest.raises(UserError) as written:
        write_history(tmp_path / name, runs(), overwrite=False)
    assert str(checked.value).startswith(complaint)
    assert str(written.value) == str(checked.value)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder.csv", "there.csv"]


def test_the_command_line_writes_all_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "few.txt"
    text.write_text("emma\nanna\n")
    path = tmp_path / "losses.csv"
    runs = ["--run", "numpy:lr=1", "--run", "numpy:lr=2,l2=0", "--run", "count:smoothing=0"]
    arguments = [str(text), "--headless", "--steps", "4", *runs, "--history", str(path)]
    assert cli.run(arguments) == exit_status.DONE
    rows = read(path)
    named = [(row["run"], row["backend"]) for row in rows]
    assert named == [
        *[("numpy lr=1", "numpy")] * 5,
        *[("numpy lr=2 l2=0", "numpy")] * 5,
        ("count smoothing=0", "count"),
    ]
    assert {row["l2"] for row in rows[5:10]} == {"0.0"}
    assert cli.run(arguments) == exit_status.WRONG_USE
    assert "--overwrite" in capsys.readouterr().err
