"""The table of runs: how each stands to the reference, its losses, its settings, its speed."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from rich.text import Text

from bigram_tui.comparison.difference import objective_of, tolerance
from bigram_tui.comparison.drift import Farthest
from bigram_tui.comparison.lockstep import can_go_on
from bigram_tui.formatting.printable import printable
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.compare.sides import (
    OptimumOf,
    Side,
    decimal,
    difference,
    label_of,
    reference_of,
)
from bigram_tui.tui.present import parameters_of
from bigram_tui.tui.render.table import Column

NOTHING = (math.nan,) * 3

SIGNS = {
    Status.LOADING: "…",
    Status.READY: "",
    Status.FINISHED: "✓",
    Status.DIVERGED: "✗",
    Status.FAILED: "✗",
}


def head_columns(sides: Sequence[Side], title: str = "run") -> list[Column]:
    """Which run it is and how it stands: what is always shown."""
    return [
        Column(title, [label_of(side) for side in sides], right=False, least=12),
        Column("", [Text(SIGNS[side.run.status]) for side in sides], right=False, least=1),
        Column("step", [Text(_iteration(side.run)) for side in sides], least=5),
    ]


def _iteration(run: Snapshot) -> str:
    if run.iteration < 0:
        return ""
    beyond = f"/{run.latest:,}" if run.iteration < run.latest else ""
    return f"{run.iteration:,}{beyond}"


def agreement_columns(sides: Sequence[Side]) -> list[Column]:
    """How far each run is from the reference, here and at most on the way."""
    reference = reference_of(sides)
    verdicts = [Text(verdict(side, reference)) for side in sides]
    now, worst = [side.now for side in sides], [side.worst for side in sides]
    columns = [Column("P and nll", verdicts, right=False, least=15)]
    for symbol, place in (("ΔP", 0), ("ΔW", 1), ("Δnll", 2)):
        for title, found in ((f"|{symbol}| now", now), ("worst", worst)):
            cells = ["" if each is None else difference(each.differences[place]) for each in found]
            columns.append(Column(title, [Text(cell) for cell in cells], least=7))
    return columns


def verdict(side: Side, reference: Side) -> str:
    """Whether a run agrees with the reference, in a few words."""
    run = side.run
    if side.is_reference:
        return "the reference"
    if run.status is Status.LOADING:
        return "loading…" if side.started else "not loaded"
    if run.status in (Status.DIVERGED, Status.FAILED):
        if run.iteration >= 0:
            return f"{run.status.value} at {run.iteration:,}"
        return "not installed" if run.lacks_library else "failed"
    if side.now is None:
        able = run.has_loss and can_go_on(reference.run) and can_go_on(run)
        return "not in step" if able else ""
    return _agreement(side.now, side.worst or side.now, run, reference.run)


def _agreement(now: Farthest, worst: Farthest, run: Snapshot, reference: Snapshot) -> str:
    here, most = max(now.probability, now.nll), max(worst.probability, worst.nll)
    allowed = tolerance(run, reference)
    coarse = sorted({run.dtype, reference.dtype} - {"float64"})
    remarks = [*coarse, *([f"compared from {worst.since:,} on"] if worst.since else [])]
    remark = f" ({', '.join(remarks)})" if remarks else ""
    if most <= allowed:
        agreement = f"agree to {_rounded_up(most)}" if most else "agree exactly"
    else:
        agreement = "agree again" if here <= allowed else f"differ by {difference(here)}"
    return f"{agreement}{remark}"


def _rounded_up(value: float) -> str:
    """The next larger number of one digit, such as 4e-15."""
    exponent = math.floor(math.log10(value))
    digit = math.ceil(value / 10.0**exponent - 1e-9)
    return f"{digit}e{exponent}" if digit < 10 else f"1e{exponent + 1}"


def loss_columns(sides: Sequence[Side], optimum: OptimumOf) -> list[Column]:
    """The parts of the loss, and the gap: how far the total is above the best one."""

    def column(title: str, of: Callable[[Snapshot], str], least: int = 8) -> Column:
        return Column(title, [Text(of(side.run)) for side in sides], least=least)

    return [
        column("nll", lambda run: decimal(run.nll)),
        column("gap", lambda run: _gap(run, optimum), 7),
        column("held out", lambda run: decimal(run.validation)),
        column("perplexity", lambda run: decimal(run.perplexity, 4)),
        column("penalty", lambda run: decimal(run.regularization) if run.regularization else ""),
        column("total", lambda run: decimal(run.total)),
        column("|gradient|", _gradient_norm),
    ]


def _gap(run: Snapshot, optimum: OptimumOf) -> str:
    best = optimum(objective_of(run))
    if best is None or not run.has_loss:
        return ""
    # Solved to 1e-12: what is less is rounding, and may be negative.
    gap = run.total - best.total
    return difference(gap) if abs(gap) >= 1e-12 else "<1e-12"


def _gradient_norm(run: Snapshot) -> str:
    return "" if run.gradient is None else difference(float(np.linalg.norm(run.gradient)))


def setting_columns(sides: Sequence[Side]) -> list[Column]:
    """The hyperparameters, starts that differ, then where and in which format it calculates."""
    known = [parameters_of(side.run) for side in sides]
    columns = []
    for name in dict.fromkeys(name for each in known for name in each):
        if name not in ("device", "dtype"):  # what became of them follows
            symbol = next(each[name].symbol for each in known if name in each)
            cells = [Text(_value(side.run.settings.get(name))) for side in sides]
            columns.append(Column(symbol or name.replace("_", " "), cells))
    starts = [_start(side.run) for side in sides]
    if len({*starts} - {""}) > 1:
        columns.append(Column("start", [Text(start) for start in starts], right=False))
    return [
        *columns,
        Column("format", [Text(side.run.dtype) for side in sides]),
        Column("device", [Text(side.run.device) for side in sides]),
    ]


def _start(run: Snapshot) -> str:
    """Where it began, if that mattered."""
    if run.weights is None or run.start_weights is None:
        return ""
    return "random W" if run.start_weights.any() else "W = 0"


def _value(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else printable(str(value))


def speed_columns(sides: Sequence[Side]) -> list[Column]:
    """How long the backend takes for a step, and how many a second it could take alone."""
    # Without an update yet, there is only the time of setting up.
    seconds = [side.run.seconds_per_iteration if side.run.latest > 0 else 0.0 for side in sides]
    each = [f"{1e6 * s:,.0f}" if s else "" for s in seconds]
    rate = [f"{1 / s:,.{0 if s < 0.1 else 2}f}" if s else "" for s in seconds]
    return [
        Column("µs/step", [Text(cell) for cell in each], least=7),
        Column("steps/s", [Text(cell) for cell in rate], least=7),
    ]


def data_columns(sides: Sequence[Side], optimum: OptimumOf) -> list[Column]:
    """All columns that have something to say, but those of head_columns."""
    columns = [
        *agreement_columns(sides),
        *loss_columns(sides, optimum),
        *setting_columns(sides),
        *speed_columns(sides),
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


def exact_rows(sides: Sequence[Side], optimum: OptimumOf) -> list[list[object]]:
    """The same table for a file: all digits, no words; None for what a run does not have."""
    reference = reference_of(sides).name
    rows: list[list[object]] = []
    for side in sides:
        run, best, worst = side.run, optimum(objective_of(side.run)), side.worst
        settings = " ".join(f"{name}={value}" for name, value in run.settings.items())
        gradient = None if run.gradient is None else float(np.linalg.norm(run.gradient))
        rows.append(
            [
                side.name,
                reference,
                run.status.value,
                run.iteration if run.iteration >= 0 else None,
                *map(_known, (run.nll, run.validation, run.regularization, run.total)),
                None if best is None else best.total,
                gradient,
                settings,
                run.dtype,
                run.device,
                _known(run.seconds_per_iteration),
                *map(_known, NOTHING if side.now is None else side.now.differences),
                None if worst is None else worst.since,
                *map(_known, NOTHING if worst is None else worst.differences),
            ]
        )
    return rows


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
