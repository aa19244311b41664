"""What a run does in its own thread for a chunk of steps that all runs take together."""

import time
from collections.abc import Sequence

import numpy as np

from bigram_tui.backend import Iteration
from bigram_tui.comparison.distances import distances
from bigram_tui.comparison.drift import Floats
from bigram_tui.comparison.frame import can_go_on
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot, Status

FOLLOW_SECONDS = 0.1
"""How long one run may take for a chunk, before all go on from where it is."""
REACH_SECONDS = 0.05
"""How long one run that lags behind may move alone before orders are looked at."""


def reach(run: Run, iteration: int) -> Snapshot:
    """Bring a run nearer to an iteration, for some time at most."""
    if iteration <= run.latest:
        run.seek(iteration)
    limit = time.monotonic() + REACH_SECONDS
    while run.iteration < iteration and run.status is Status.READY and time.monotonic() < limit:
        run.advance()
    return run.snapshot()


def lead(run: Run, start: int, count: int) -> tuple[list[Iteration | None], Snapshot, float]:
    """Move the reference on from an iteration.

    Returns its model after each step that it had time for, None after those that it could not
    take, and no models if it was not at `start`; the run at the end; and the seconds it took.
    """
    models: list[Iteration | None] = []
    started = time.perf_counter()
    if run.iteration == start or not can_go_on(run.snapshot()):
        while len(models) < count and not (models and _has_taken(started, FOLLOW_SECONDS)):
            models.append(_next_model(run))
    return models, run.snapshot(), time.perf_counter() - started


def follow(
    run: Run, start: int, count: int, models: Sequence[Iteration | None]
) -> tuple[Floats, Snapshot, float]:
    """Move another run on from an iteration, comparing it with the reference's models.

    Returns [n, 2], its |ΔP| and |ΔW| from the reference after each step; the run at the end; and
    the seconds it took. n is less than `count` if one of the two has diverged or failed, or if
    this run is slow.
    """
    differences: list[tuple[float, float]] = []
    started = time.perf_counter()
    if run.iteration == start or not can_go_on(run.snapshot()):
        for k in range(count):
            model = _next_model(run)
            other = models[k] if k < len(models) else None
            if model is not None and other is not None and len(differences) == k:
                differences.append(distances(model, other))
            if _has_taken(started, FOLLOW_SECONDS):
                break
    rows = np.array(differences, dtype=np.float64).reshape(-1, 2)
    return rows, run.snapshot(), time.perf_counter() - started


def _has_taken(started: float, seconds: float) -> bool:
    return time.perf_counter() - started > seconds


def _next_model(run: Run) -> Iteration | None:
    """Take a step. Returns the model after it, or the last one of a run that has finished."""
    if run.status is not Status.FAILED:  # which would try again
        run.advance()
    return None if run.status in (Status.FAILED, Status.DIVERGED) else run.model
