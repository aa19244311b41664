"""What the plot shows of all runs: their losses, or how far these are from something."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from rich.text import Text

from bigram_tui.comparison import objective_of
from bigram_tui.printable import printable
from bigram_tui.timeline import NLL, REGULARIZATION
from bigram_tui.tui.renderables.curve import Curve
from bigram_tui.tui.side_by_side.sides import (
    GAP,
    OptimumOf,
    Side,
    decimal,
    difference,
    reference_of,
)
from bigram_tui.tui.widgets.loss_curve import Plot

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlotKind:
    """What the plot shows of each run."""

    title: str
    log: bool
    values: Callable[[Side, Side, OptimumOf], Floats | None]
    column: list[int] | None = None
    """Which columns of the losses add up to it, if it is a loss."""


def _nll(side: Side, _: Side, __: OptimumOf) -> Floats | None:
    return side.run.losses[:, NLL]


def _total(side: Side, _: Side, __: OptimumOf) -> Floats | None:
    total: Floats = side.run.losses[:, [NLL, REGULARIZATION]].sum(axis=1)
    return total


def _above_optimum(side: Side, _: Side, optimum: OptimumOf) -> Floats | None:
    """The total less the best one that its hyperparameters of then allow."""
    run = side.run
    above: Floats = run.losses[:, NLL] + run.losses[:, REGULARIZATION]
    for (start, settings), (end, *_rest) in pairwise([*run.spans, (run.latest + 1, {})]):
        best = optimum(objective_of(run, settings))
        if best is None:
            return None
        above[start:end] -= best.total
    return above


def _apart(side: Side, reference: Side, _: OptimumOf) -> Floats | None:
    own, its = side.run.losses[:, NLL], reference.run.losses[:, NLL]
    if side.is_reference or not (len(own) and len(its)):
        return None
    # What has finished stays as it is at all later iterations.
    ends = [len(v) for s, v in ((side, own), (reference, its)) if not _has_finished(s)]
    length = min(ends, default=max(len(own), len(its)))
    return np.abs(_extended(own, length) - _extended(its, length))


def _has_finished(side: Side) -> bool:
    return side.run.end is not None and side.run.end == side.run.latest


def _extended(values: Floats, length: int) -> Floats:
    """The values, the last one repeated, up to a length."""
    places = np.minimum(np.arange(length), len(values) - 1)
    result: Floats = values[places]
    return result


ABOVE_OPTIMUM = PlotKind("total − optimum, × is 0", True, _above_optimum)

PLOTS = (
    PlotKind("nll", False, _nll, [NLL]),
    PlotKind("total = nll + reg", False, _total, [NLL, REGULARIZATION]),
    ABOVE_OPTIMUM,
    PlotKind("|Δnll| to {reference}, × is 0", True, _apart),
)


def plot_of(
    sides: Sequence[Side],
    chosen: Side,
    kind: PlotKind,
    position: int,
    optimum: OptimumOf,
    *,
    log: bool,
    log_x: bool,
) -> Plot:
    """One curve per run, the chosen one in front, and the iteration that all are at.

    Behind them is the way that the chosen one last left.
    """
    reference = reference_of(sides)
    curves = []
    left = chosen.run.left
    if left is not None and kind.column is not None:
        values = left.losses[:, kind.column].sum(axis=1)
        curves.append(Curve(values, chosen.faint, start=left.start, background=True))
    for side in [*(side for side in sides if side is not chosen), chosen]:
        found = kind.values(side, reference, optimum) if side.run.latest >= 0 else None
        if found is not None:
            constant = _has_finished(side) and len(found) == 1
            curves.append(Curve(found, side.color, constant=constant))
    own = [curve for curve in curves if not (curve.constant or curve.background)]
    last = max((len(curve.values) - 1 for curve in own), default=0)
    marker = position if 0 <= position < last else None
    return Plot(curves, marker, log, log_x)


def plot_values(
    sides: Sequence[Side], kind: PlotKind, position: int, optimum: OptimumOf, width: int
) -> list[Text]:
    """What the plot shows of each run where it stands: in one line, if that is long enough."""
    reference = reference_of(sides)
    values: list[tuple[Side, float]] = []
    for side in sides:
        found = kind.values(side, reference, optimum) if side.run.latest >= 0 else None
        if found is not None and len(found):
            values.append((side, float(found[min(position, len(found) - 1)])))
    for decimals in (6, 4):
        lines = _wrapped([_entry(*value, kind, decimals) for value in values], width)
        if len(lines) == 1:
            break
    return lines


def _entry(side: Side, value: float, kind: PlotKind, decimals: int) -> Text:
    written = difference(value) if kind.log else decimal(value, decimals)
    return Text.assemble(("━ ", side.color), f"{printable(side.name)} {written}")


def _wrapped(entries: Sequence[Text], width: int) -> list[Text]:
    lines = [Text(no_wrap=True)]
    for entry in entries:
        if lines[-1].plain and lines[-1].cell_len + GAP + entry.cell_len > width:
            lines.append(Text(no_wrap=True))
        lines[-1].append(" " * GAP if lines[-1].plain else "").append_text(entry)
    return lines


def why_never_attained(sides: Sequence[Side], optimum: OptimumOf) -> str:
    """What to say of the runs that tend to a loss without ever having it."""
    for side in sides:
        best = optimum(objective_of(side.run))
        if best is not None and not best.attained:
            return (
                f"{printable(side.name)} never reaches its {best.total:.6f}: with λ = 0 a bigram "
                "that never occurs wants P = 0, and so W → −∞"
            )
    return ""
