"""Writes the losses of runs to a file, one row for each run and iteration: CSV or JSON lines."""

import csv
import json
import math
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from bigram_tui.errors import UserError
from bigram_tui.snapshot import Snapshot

COLUMNS = (
    "iteration",
    "run",
    "backend",
    "nll",
    "regularization",
    "total",
    "validation_nll",
    "learning_rate",
    "l2",
    "smoothing",
    "seconds",
)


def check_target(path: Path, *, overwrite: bool) -> None:
    """UserError if a history can't be written there: better said before the work than after."""
    if path.suffix not in (".csv", ".jsonl"):
        raise UserError(f"--history takes a file that ends in .csv or .jsonl, not {str(path)!r}")
    if not path.parent.is_dir():
        raise UserError(f"--history: there is no folder {str(path.parent)!r}")
    if path.exists() and not overwrite:
        raise UserError(f"--history: {str(path)!r} exists; --overwrite replaces it")


def write_history(path: Path, runs: Iterable[tuple[str, Snapshot]], *, overwrite: bool) -> None:
    """Write the file, whole or not at all. UserError as check_target says, or if it fails.

    runs: each with the name of its backend.
    """
    check_target(path, overwrite=overwrite)
    rows = (row for backend, run in runs for row in _rows(backend, run))
    write = _write_csv if path.suffix == ".csv" else _write_json_lines
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".bigram-tui-") as folder:
            whole = Path(folder) / path.name
            with whole.open("w", encoding="utf-8", newline="") as file:
                write(file, rows)
            whole.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"--history: can't write {str(path)!r}: {reason}") from error


def _rows(backend: str, run: Snapshot) -> Iterator[dict[str, Any]]:
    """One row per iteration; None for what the run does not have."""
    for iteration, (nll, penalty, validation, seconds) in enumerate(run.losses.tolist()):
        settings = run.settings_at(iteration)
        yield {
            "iteration": iteration,
            "run": run.name,
            "backend": backend,
            "nll": nll,
            "regularization": penalty,
            "total": nll + penalty,
            "validation_nll": None if math.isnan(validation) else validation,
            "learning_rate": settings.get("learning_rate"),
            "l2": settings.get("l2"),
            "smoothing": settings.get("smoothing"),
            "seconds": seconds,
        }


def _write_csv(file: TextIO, rows: Iterable[dict[str, Any]]) -> None:
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _write_json_lines(file: TextIO, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        file.write(json.dumps(finite(row)) + "\n")


def finite(value: Any) -> Any:
    """The same with strings for the numbers that JSON lacks, in lists and dicts too."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value
