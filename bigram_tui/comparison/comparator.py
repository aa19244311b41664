"""Compares runs with a reference: where they are, and at each step on the way there."""

import math
from collections.abc import Collection, Mapping

import numpy as np

from bigram_tui.comparison.difference import compare
from bigram_tui.comparison.drift import Drift, DriftRecorder, Floats, MaxDifference
from bigram_tui.comparison.frame import stands_at
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.training.timeline import NLL


class Comparator:
    """The differences of runs from one reference, now and on the way; for one thread alone."""

    def __init__(self) -> None:
        self.now: dict[Runner, MaxDifference] = {}
        """The differences at the iteration at which the runs are."""
        self._reference: Runner | None = None
        self._recorders: dict[Runner, DriftRecorder] = {}

    def follow(self, reference: Runner, runners: Collection[Runner]) -> None:
        """Forget what was compared with another reference, and runs that are gone."""
        if reference is not self._reference:
            self.forget()
            self._reference = reference
        for runner in self._recorders.keys() - set(runners):
            del self._recorders[runner]
            self.now.pop(runner, None)

    def forget(self) -> None:
        """Forget all that was compared."""
        self._recorders.clear()
        self.now.clear()

    @property
    def drifts(self) -> Mapping[Runner, Drift]:
        """The largest differences of each run on its way, as they are now."""
        return {runner: recorder.view() for runner, recorder in self._recorders.items()}

    def look(self, position: int, runners: Collection[Runner]) -> None:
        """Compare all runs at an iteration; drifts that were recorded stay as they are."""
        self.now.clear()
        self._compare(position, runners, depart=False)

    def depart(self, position: int, runners: Collection[Runner]) -> None:
        """Begin to record the drift of each run that goes on from an iteration not yet recorded."""
        self._compare(position, runners, depart=True)

    def _compare(self, position: int, runners: Collection[Runner], *, depart: bool) -> None:
        assert self._reference is not None
        reference = self._reference.snapshot
        for runner in runners:
            run = runner.snapshot
            recorder = self._recorder(runner, (run, reference))
            covers = recorder is not None and recorder.start <= position <= recorder.end
            if runner is self._reference or (covers and depart):
                continue
            if not (stands_at(run, position) and stands_at(reference, position)):
                continue
            difference = compare(run, reference)
            weight = difference.max_abs_weight
            here = (
                difference.max_abs_probability,
                math.nan if weight is None else weight,
                difference.max_abs_nll,
            )
            self.now[runner] = MaxDifference(position, *here)
            if recorder is None or (depart and not covers):
                self._recorders[runner] = DriftRecorder(position, here, (run, reference))

    def record(
        self, runner: Runner, runs: tuple[Snapshot, Snapshot], position: int, differences: Floats
    ) -> Floats:
        """Add what the steps after an iteration have shown to the drift of a run.

        runs: the run and the reference after these steps. differences: [n, 2], |ΔP| and |ΔW|.
        Returns them with |Δnll|, [n, 3].
        """
        if not len(differences):
            return np.empty((0, 3))
        own, reference = (_losses_after(run, position, len(differences)) for run in runs)
        rows = np.column_stack([differences, np.abs(own - reference)])
        recorder = self._recorder(runner, runs)
        if recorder is not None:
            recorder.extend(position, rows)
        return rows

    def _recorder(self, runner: Runner, runs: tuple[Snapshot, Snapshot]) -> DriftRecorder | None:
        """Get the recorder of a run, without the steps that a change of hyperparameters undid."""
        recorder = self._recorders.get(runner)
        if recorder is not None:
            recorder.follow(runs)
            if not len(recorder):
                del self._recorders[runner]
        return self._recorders.get(runner)


def _losses_after(run: Snapshot, iteration: int, count: int) -> Floats:
    """Read the NLL at each of the next iterations; the last one stands for those beyond it."""
    iterations = np.minimum(np.arange(iteration + 1, iteration + 1 + count), run.latest)
    losses: Floats = run.losses[iterations, NLL]
    return losses
