"""Writes the losses of runs to a file, one row for each run and iteration: CSV or JSON lines."""

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TextIO

from bigram_tui.errors import UserError
from bigram_tui.export.files import ExistsError, check_path, write_rows, write_whole
from bigram_tui.training.snapshot import Snapshot

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

SUFFIXES = (".csv", ".jsonl")

BLOCK = 1024
"""Iterations that are converted from arrays to objects at a time."""

Row = tuple[Any, ...]
"""The values of COLUMNS; None for what a run does not have."""


def check_target(path: Path, *, overwrite: bool) -> None:
    """Raise UserError if `--history` can't be written there; called before the work."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"--history takes a file that ends in .csv or .jsonl, not {str(path)!r}")
    with _of_the_option(path):
        check_path(path, overwrite=overwrite)


def write_history(path: Path, runs: Iterable[tuple[str, Snapshot]], *, overwrite: bool) -> None:
    """Write the file of `--history`, whole or not at all. Raises UserError that names the option.

    runs: each with the name of its backend.
    """
    check_target(path, overwrite=overwrite)
    with _of_the_option(path):
        write = partial(write_losses, runs=runs, suffix=path.suffix)
        write_whole(path, write, overwrite=overwrite)


def write_losses(file: TextIO, runs: Iterable[tuple[str, Snapshot]], suffix: str) -> None:
    """Write the losses in the format of one of SUFFIXES.

    runs: each with the name of its backend.
    """
    rows = (row for backend, run in runs for row in _rows(backend, run))
    if suffix == ".csv":
        write_rows(file, chain([COLUMNS], rows))
    else:
        _write_json_lines(file, rows)


@contextmanager
def _of_the_option(path: Path) -> Iterator[None]:
    """Name the option in errors, for the user of the command line."""
    try:
        yield
    except ExistsError:
        raise UserError(f"--history: {str(path)!r} exists; --overwrite replaces it") from None
    except UserError as error:
        raise UserError(f"--history: {error}") from error


def _rows(backend: str, run: Snapshot) -> Iterator[Row]:
    """Yield one row per iteration, converted in blocks: objects take six times the memory."""
    losses = run.losses
    bounds = chain((start for start, _ in run.spans), [len(losses)])
    for (start, stop), (_, values) in zip(pairwise(bounds), run.spans, strict=True):
        held = (values.get("learning_rate"), values.get("l2"), values.get("smoothing"))
        for first in range(start, stop, BLOCK):
            block = losses[first : min(first + BLOCK, stop)].tolist()
            for iteration, (nll, penalty, validation, seconds) in enumerate(block, first):
                total = nll + penalty
                held_out = None if math.isnan(validation) else validation
                yield iteration, run.name, backend, nll, penalty, total, held_out, *held, seconds


def _write_json_lines(file: TextIO, rows: Iterable[Row]) -> None:
    for row in rows:
        file.write(json.dumps(dict(zip(COLUMNS, map(finite, row), strict=True))) + "\n")


def finite(value: Any) -> Any:
    """Replace numbers that JSON lacks by strings, in lists and dicts too."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value
