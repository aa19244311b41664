"""The table of runs: agreement with the reference, losses, hyperparameters, speed."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from rich.text import Text

from bigram_tui.comparison.difference import objective_of, tolerance
from bigram_tui.comparison.drift import MaxDifference
from bigram_tui.comparison.frame import can_go_on
from bigram_tui.formatting.numbers import bound, decimal, difference, rounded, setting_text
from bigram_tui.formatting.printable import printable
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.compare.runs import (
    ComparedRun,
    OptimumOf,
    label_of,
    reference_of,
)
from bigram_tui.tui.render.table import Column

NOTHING = (math.nan,) * 3

SIGNS = {
    Status.LOADING: "…",
    Status.READY: "",
    Status.FINISHED: "✓",
    Status.DIVERGED: "✗",
    Status.FAILED: "✗",
}


def head_columns(runs: Sequence[ComparedRun], title: str = "run") -> list[Column]:
    """Make the columns that are always shown: the run, its status and its step."""
    return [
        Column(title, [label_of(run) for run in runs], right=False, least=12),
        Column("", [Text(SIGNS[run.snapshot.status]) for run in runs], right=False, least=1),
        Column("step", [Text(_iteration(run.snapshot)) for run in runs], least=5),
    ]


def _iteration(snapshot: Snapshot) -> str:
    if snapshot.iteration < 0:
        return ""
    beyond = f"/{snapshot.latest:,}" if snapshot.iteration < snapshot.latest else ""
    return f"{snapshot.iteration:,}{beyond}"


def agreement_columns(runs: Sequence[ComparedRun]) -> list[Column]:
    """Make the columns of the differences from the reference, here and at worst."""
    reference = reference_of(runs)
    verdicts = [Text(verdict(run, reference)) for run in runs]
    now, worst = [run.now for run in runs], [run.worst for run in runs]
    columns = [Column("P and nll", verdicts, right=False, least=15)]
    for symbol, place in (("ΔP", 0), ("ΔW", 1), ("Δnll", 2)):
        for title, found in ((f"|{symbol}| now", now), ("worst", worst)):
            cells = [
                "" if each is None else difference(each.differences[place], nan="")
                for each in found
            ]
            columns.append(Column(title, [Text(cell) for cell in cells], least=7))
    return columns


def verdict(run: ComparedRun, reference: ComparedRun) -> str:
    """Say whether a run agrees with the reference, in a few words."""
    snapshot = run.snapshot
    if run.is_reference:
        return "the reference"
    if snapshot.status is Status.LOADING:
        return "loading…" if run.started else "not loaded"
    if snapshot.status in (Status.DIVERGED, Status.FAILED):
        if snapshot.iteration >= 0:
            return f"{snapshot.status.value} at {snapshot.iteration:,}"
        return "not installed" if snapshot.lacks_library else "failed"
    if run.now is None:
        able = snapshot.has_loss and can_go_on(reference.snapshot) and can_go_on(snapshot)
        return "not in step" if able else ""
    return _agreement(run.now, run.worst or run.now, snapshot, reference.snapshot)


def _agreement(
    now: MaxDifference, worst: MaxDifference, snapshot: Snapshot, reference: Snapshot
) -> str:
    here, most = max(now.probability, now.nll), max(worst.probability, worst.nll)
    allowed = tolerance(snapshot, reference)
    coarse = sorted({snapshot.dtype, reference.dtype} - {"float64"})
    remarks = [*coarse, *([f"compared from {worst.since:,} on"] if worst.since else [])]
    remark = f" ({', '.join(remarks)})" if remarks else ""
    if most <= allowed:
        agreement = f"agree to {bound(most)}" if most else "agree exactly"
    else:
        agreement = "agree again" if here <= allowed else f"differ by {difference(here)}"
    return f"{agreement}{remark}"


def loss_columns(runs: Sequence[ComparedRun], optimum: OptimumOf) -> list[Column]:
    """Make the columns of the loss: its parts, and the gap."""

    def column(title: str, of: Callable[[Snapshot], str], least: int = 8) -> Column:
        return Column(title, [Text(of(run.snapshot)) for run in runs], least=least)

    return [
        column("nll", lambda snapshot: decimal(snapshot.nll, 6, nan="")),
        column("gap", lambda snapshot: _gap(snapshot, optimum), 7),
        column("held out", lambda snapshot: decimal(snapshot.validation, 6, nan="")),
        column("perplexity", lambda snapshot: decimal(snapshot.perplexity, nan="")),
        column(
            "penalty",
            lambda snapshot: (
                decimal(snapshot.regularization, 6, nan="") if snapshot.regularization else ""
            ),
        ),
        column("total", lambda snapshot: decimal(snapshot.total, 6, nan="")),
        column("|gradient|", _gradient_norm),
    ]


def _gap(snapshot: Snapshot, optimum: OptimumOf) -> str:
    best = optimum(objective_of(snapshot))
    if best is None or not snapshot.has_loss:
        return ""
    # Solved to 1e-12: what is less is rounding, and may be negative.
    gap = snapshot.total - best.total
    return "<1e-12" if abs(gap) < 1e-12 else difference(gap, nan="")


def _gradient_norm(snapshot: Snapshot) -> str:
    return (
        ""
        if snapshot.gradient is None
        else difference(float(np.linalg.norm(snapshot.gradient)), nan="")
    )


def setting_columns(runs: Sequence[ComparedRun]) -> list[Column]:
    """Make the columns of the hyperparameters, starts that differ, the format and the device."""
    known = [run.snapshot.parameters for run in runs]
    columns = []
    for name in dict.fromkeys(name for each in known for name in each):
        if name not in ("device", "dtype"):  # what became of them follows
            symbol = next(each[name].symbol for each in known if name in each)
            cells = [Text(_value(run.snapshot.settings.get(name))) for run in runs]
            columns.append(Column(symbol or name.replace("_", " "), cells))
    starts = [_start(run.snapshot) for run in runs]
    if len({*starts} - {""}) > 1:
        columns.append(Column("start", [Text(start) for start in starts], right=False))
    return [
        *columns,
        Column("format", [Text(run.snapshot.dtype) for run in runs]),
        Column("device", [Text(run.snapshot.device) for run in runs]),
    ]


def _start(snapshot: Snapshot) -> str:
    """Name the start of a run; empty if it has no weights."""
    if snapshot.weights is None or snapshot.start_weights is None:
        return ""
    return "random W" if snapshot.start_weights.any() else "W = 0"


def _value(value: object) -> str:
    return "" if value is None else printable(setting_text(value))


def speed_columns(runs: Sequence[ComparedRun]) -> list[Column]:
    """Make the columns of the speed: the time of a step, and the steps per second alone."""
    # Without an update yet, there is only the time of setting up.
    seconds = [
        run.snapshot.seconds_per_iteration if run.snapshot.latest > 0 else 0.0 for run in runs
    ]
    each = [f"{1e6 * s:,.0f}" if s else "" for s in seconds]
    rate = [rounded(1 / s) if s else "" for s in seconds]
    return [
        Column("µs/step", [Text(cell) for cell in each], least=7),
        Column("steps/s", [Text(cell) for cell in rate], least=7),
    ]


def data_columns(runs: Sequence[ComparedRun], optimum: OptimumOf) -> list[Column]:
    """Make all columns that hold anything, but those of head_columns."""
    columns = [
        *agreement_columns(runs),
        *loss_columns(runs, optimum),
        *setting_columns(runs),
        *speed_columns(runs),
    ]
    return [column for column in columns if any(cell.plain for cell in column.cells)]


EXACT_TITLES = (
    "run",
    "reference",
    "status",
    "iteration",
    "nll",
    "validation_nll",
    "regularization",
    "total",
    "optimum",
    "gradient_norm",
    "hyperparameters",
    "dtype",
    "device",
    "seconds_per_iteration",
    "max_abs_probability",
    "max_abs_weight",
    "max_abs_nll",
    "compared_since",
    "worst_abs_probability",
    "worst_abs_weight",
    "worst_abs_nll",
)


def exact_rows(runs: Sequence[ComparedRun], optimum: OptimumOf) -> list[list[object]]:
    """Make the rows of the table for a file: all digits; None for what a run does not have."""
    reference = reference_of(runs).name
    rows: list[list[object]] = []
    for run in runs:
        snapshot, best, worst = run.snapshot, optimum(objective_of(run.snapshot)), run.worst
        settings = " ".join(f"{name}={value}" for name, value in snapshot.settings.items())
        gradient = None if snapshot.gradient is None else float(np.linalg.norm(snapshot.gradient))
        rows.append(
            [
                run.name,
                reference,
                snapshot.status.value,
                snapshot.iteration if snapshot.iteration >= 0 else None,
                *map(
                    _known,
                    (snapshot.nll, snapshot.validation, snapshot.regularization, snapshot.total),
                ),
                None if best is None else best.total,
                gradient,
                settings,
                snapshot.dtype,
                snapshot.device,
                _known(snapshot.seconds_per_iteration),
                *map(_known, NOTHING if run.now is None else run.now.differences),
                None if worst is None else worst.since,
                *map(_known, NOTHING if worst is None else worst.differences),
            ]
        )
    return rows


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
