"""The plots of all runs: their losses, the gap, and the difference from the reference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from bigram_tui.comparison.difference import objective_of
from bigram_tui.formatting.numbers import decimal, difference
from bigram_tui.formatting.printable import printable
from bigram_tui.training.timeline import NLL, REGULARIZATION, Losses
from bigram_tui.tui.compare.runs import (
    GAP,
    ComparedRun,
    OptimumOf,
    reference_of,
)
from bigram_tui.tui.render.curve import Curve
from bigram_tui.tui.render.series import Floats, Integers, Series
from bigram_tui.tui.widgets.loss_curve import Plot


@dataclass(frozen=True)
class PlotKind:
    """A quantity that is plotted of each run."""

    title: str
    log: bool
    series: Callable[[ComparedRun, ComparedRun, OptimumOf], Series | None]
    of_losses: Callable[[Losses], Series] | None = None
    """Computes it from losses alone, where that is possible."""


def _nll(losses: Losses) -> Series:
    """Get the nll of each iteration."""
    return Series.column(losses, NLL)


def _total(losses: Losses) -> Series:
    """Compute the total of each iteration."""
    return Series.from_tables(len(losses), lambda at: _total_at(losses, at), [losses], "total")


def _total_at(losses: Losses, places: Integers) -> Floats:
    total: Floats = losses[places, NLL] + losses[places, REGULARIZATION]
    return total


def _above_optimum(run: ComparedRun, _: ComparedRun, optimum: OptimumOf) -> Series | None:
    """Compute the gap of each iteration, by the hyperparameters that it had."""
    snapshot = run.snapshot
    found = [optimum(objective_of(snapshot, settings)) for _, settings in snapshot.spans]
    known = [best.total for best in found if best is not None]
    if len(known) < len(found):
        return None
    least, begins = np.array(known), np.array([start for start, _ in snapshot.spans])

    def above(places: Integers) -> Floats:
        span = np.searchsorted(begins, places, side="right") - 1
        result: Floats = _total_at(snapshot.losses, places) - least[span]
        return result

    key = tuple(begins.tolist()), tuple(known)
    return Series.from_tables(len(snapshot.losses), above, [snapshot.losses], "above", key)


def _apart(run: ComparedRun, reference: ComparedRun, _: OptimumOf) -> Series | None:
    own, its = run.snapshot.losses, reference.snapshot.losses
    if run.is_reference or not (len(own) and len(its)):
        return None
    # What has finished stays as it is at all later iterations.
    finished = _has_finished(run), _has_finished(reference)
    pairs = zip((own, its), finished, strict=True)
    length = min((len(losses) for losses, end in pairs if not end), default=max(len(own), len(its)))

    def apart(places: Integers) -> Floats:
        nll = (losses[np.minimum(places, len(losses) - 1), NLL] for losses in (own, its))
        result: Floats = np.abs(np.subtract(*nll))
        return result

    ends = tuple(len(v) if end else None for v, end in zip((own, its), finished, strict=True))
    return Series.from_tables(length, apart, [own, its], "apart", ends)


def _has_finished(run: ComparedRun) -> bool:
    return run.snapshot.end is not None and run.snapshot.end == run.snapshot.latest


ABOVE_OPTIMUM = PlotKind("gap = total − best total, × is 0", True, _above_optimum)

PLOTS = (
    PlotKind("nll", False, lambda run, *_: _nll(run.snapshot.losses), _nll),
    PlotKind("total = nll + penalty", False, lambda run, *_: _total(run.snapshot.losses), _total),
    ABOVE_OPTIMUM,
    PlotKind("|Δnll| to {reference}, × is 0", True, _apart),
)


def plot_of(
    runs: Sequence[ComparedRun],
    chosen: ComparedRun,
    kind: PlotKind,
    position: int,
    optimum: OptimumOf,
    *,
    log: bool,
    log_x: bool,
) -> Plot:
    """Plot one curve per run, the chosen one in front, and mark the iteration where all are.

    Behind them is the branch that the chosen one last left.
    """
    reference = reference_of(runs)
    curves = []
    left = chosen.snapshot.left
    if left is not None and kind.of_losses is not None:
        values = kind.of_losses(left.losses)
        curves.append(Curve(values, chosen.faint, start=left.start, background=True))
    for run in [*(run for run in runs if run is not chosen), chosen]:
        found = kind.series(run, reference, optimum) if run.snapshot.latest >= 0 else None
        if found is not None:
            constant = _has_finished(run) and len(found) == 1
            curves.append(Curve(found, run.color, constant=constant))
    own = [curve for curve in curves if not (curve.constant or curve.background)]
    last = max((len(curve.values) - 1 for curve in own), default=0)
    marker = position if 0 <= position < last else None
    return Plot(curves, marker, log, log_x)


def plot_values(
    runs: Sequence[ComparedRun], kind: PlotKind, position: int, optimum: OptimumOf, width: int
) -> list[Text]:
    """Write the plotted value of each run at its iteration, in one line if that has room."""
    reference = reference_of(runs)
    values: list[tuple[ComparedRun, float]] = []
    for run in runs:
        found = kind.series(run, reference, optimum) if run.snapshot.latest >= 0 else None
        if found is not None and len(found):
            place = np.array([min(position, len(found) - 1)])
            values.append((run, float(found.at(place)[0])))
    for decimals in (6, 4):
        lines = _wrapped([_entry(*value, kind, decimals) for value in values], width)
        if len(lines) == 1:
            break
    return lines


def _entry(run: ComparedRun, value: float, kind: PlotKind, decimals: int) -> Text:
    written = difference(value, nan="") if kind.log else decimal(value, decimals, nan="")
    return Text.assemble(("━ ", run.color), f"{printable(run.name)} {written}")


def _wrapped(entries: Sequence[Text], width: int) -> list[Text]:
    lines = [Text(no_wrap=True)]
    for entry in entries:
        if lines[-1].plain and lines[-1].cell_len + GAP + entry.cell_len > width:
            lines.append(Text(no_wrap=True))
        lines[-1].append(" " * GAP if lines[-1].plain else "").append_text(entry)
    return lines


def why_never_attained(runs: Sequence[ComparedRun], optimum: OptimumOf) -> str:
    """Say which runs approach a loss that they never reach."""
    for run in runs:
        best = optimum(objective_of(run.snapshot))
        if best is not None and not best.attained:
            return (
                f"{printable(run.name)} never reaches its {best.total:.6f}: with λ = 0 a bigram "
                "that never occurs wants P = 0, and so W → −∞"
            )
    return ""
