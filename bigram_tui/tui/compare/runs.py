"""The runs of a comparison as the panes show them."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from bigram_tui.analysis.optimum import Optimum
from bigram_tui.comparison.difference import Objective
from bigram_tui.comparison.drift import MaxDifference
from bigram_tui.comparison.frame import Frame
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.model.bigrams import Vocabulary
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.render.colors import run_color

REFERENCE = "◎"

NAME_WIDTH = 12
"""The least columns of a run where several stand side by side."""

GAP = 2

LONGEST_NAME = 24
"""The most columns of a run's name: with --run it is as long as its settings."""


OptimumOf = Callable[[Objective | None], Optimum | None]


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """A run of a comparison: its snapshot, its colours, its differences from the reference."""

    number: int
    name: str
    snapshot: Snapshot
    color: Style
    faint: Style
    """The colour of the branch that it left."""
    started: bool
    is_reference: bool
    now: MaxDifference | None
    """The differences from the reference here; None if they can't be compared."""
    worst: MaxDifference | None
    """The largest differences up to here; None if they are not known."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComparedRun) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        apart = _comparable(self.now), _comparable(self.worst)
        return self.number, self.name, self.snapshot, self.color, self.is_reference, *apart


def _comparable(found: MaxDifference | None) -> tuple[float | None, ...]:
    """Make differences comparable by ==: None in the place of NaN, which equals nothing."""
    if found is None:
        return ()
    return found.since, *(None if math.isnan(value) else value for value in found.differences)


def compared_runs(frame: Frame, lineup: Lineup, dark: bool) -> list[ComparedRun]:
    """Make the runs of a frame, in the order of the list."""
    return [
        ComparedRun(
            number=place + 1,
            name=runner.name,
            snapshot=frame.snapshots.get(runner, runner.snapshot),
            color=Style(color=run_color(lineup.mark_of(runner), dark)),
            faint=Style(color=run_color(lineup.mark_of(runner), dark, faint=True)),
            started=runner.started,
            is_reference=runner is lineup.reference,
            now=frame.now.get(runner),
            worst=_worst(frame, runner),
        )
        for place, runner in enumerate(lineup.runners)
    ]


def _worst(frame: Frame, runner: Runner) -> MaxDifference | None:
    drift, snapshot = frame.drifts.get(runner), frame.snapshots.get(runner)
    if drift is None or snapshot is None:
        return None
    has_stopped = snapshot.status in (Status.DIVERGED, Status.FAILED)
    return drift.up_to(min(frame.position, drift.end) if has_stopped else frame.position)


def reference_of(runs: Iterable[ComparedRun]) -> ComparedRun:
    """Find the run that the others are compared with."""
    return next(run for run in runs if run.is_reference)


def label_of(run: ComparedRun) -> Text:
    text = Text(f"{run.number} ", no_wrap=True)
    text.append("━━ " if run.started else "── ", run.color)
    name = printable(run.name)
    if cell_len(name) > LONGEST_NAME:
        name = set_cell_size(name, LONGEST_NAME - 1) + "…"
    text.append(name)
    return text.append(f" {REFERENCE}" if run.is_reference else "")


def token_text(token: int, vocabulary: Vocabulary) -> str:
    return in_cells(vocabulary.labels[token], 2).rstrip()


def in_room(
    runs: Sequence[ComparedRun], chosen: ComparedRun, width: int, least: int
) -> list[ComparedRun]:
    """Choose as many runs as there is room for, the reference and the chosen one among them."""
    room = max(1, width // least)
    if room >= len(runs):
        return list(runs)
    first = [run for run in runs if run is chosen or run.is_reference]
    if room == 1:
        return [run for run in runs if run is chosen] or [runs[0]]
    rest = [run for run in runs if run not in first]
    return sorted([*first, *rest][:room], key=lambda run: run.number)


def in_columns(cells: Sequence[Text], room: int) -> Text:
    line = Text(no_wrap=True)
    for cell in cells:
        fitted = cell.copy()
        fitted.truncate(max(1, room - 1), overflow="ellipsis")
        line.append_text(fitted).append(" " * (room - fitted.cell_len))
    return line
