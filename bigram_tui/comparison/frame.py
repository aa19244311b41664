"""A frame: all runs of a comparison at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bigram_tui.comparison.drift import Drift, MaxDifference
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot, Status


@dataclass(frozen=True, eq=False)
class Frame:
    """The snapshots and differences of all runs at one moment."""

    position: int = 0
    """The iteration at which they are, or to which they are being brought."""
    snapshots: Mapping[Runner, Snapshot] = field(default_factory=dict)
    now: Mapping[Runner, MaxDifference] = field(default_factory=dict)
    """The differences from the reference at this iteration, of the runs that can be compared."""
    drifts: Mapping[Runner, Drift] = field(default_factory=dict)
    """The largest differences up to here."""
    training: bool = False
    """Whether they are to go on from here."""
    rate: float | None = None
    """Steps of all runs together per second, while training."""


def can_go_on(run: Snapshot) -> bool:
    """Whether a run has an iteration after the one that it is at."""
    if run.status in (Status.FAILED, Status.LOADING):
        return False
    return run.status is Status.READY or run.iteration < run.latest


def has_stopped(run: Snapshot) -> bool:
    """Whether a run has diverged or failed, and can't go on."""
    return run.status in (Status.FAILED, Status.DIVERGED) and not can_go_on(run)


def stands_at(run: Snapshot, iteration: int) -> bool:
    """Whether a run has a sound model of an iteration; a last one is that of all later ones."""
    if run.status in (Status.FAILED, Status.DIVERGED) or run.model is None:
        return False
    finished = run.status is Status.FINISHED and run.iteration == run.latest
    return run.iteration == iteration or (finished and run.iteration < iteration)
