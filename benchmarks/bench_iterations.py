"""One iteration at V = 27: from counts with its loss recorded, against the lecture's one-hot."""

import pytest

from benchmarks.conftest import Measure
from benchmarks.rivals import OneHotTraining
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.session import Session

AT_ONCE = 1000
"""Iterations that are timed together."""


@pytest.fixture(scope="module")
def runs(names: Corpus) -> dict[str, Run]:
    session = Session(names, tuple(choose(["numpy", "torch"])))
    return {source.name: session.make_run(source) for source in session.sources}


@pytest.fixture(scope="module")
def one_hot(name_lines: list[str]) -> OneHotTraining:
    return OneHotTraining(name_lines)


def check_the_losses_of_the_first_iterations(runs: dict[str, Run], one_hot: OneHotTraining) -> None:
    expected = [one_hot.step() for _ in range(20)]
    for run in runs.values():
        run.advance(AT_ONCE)
        assert run.snapshot().losses[:20, :2].sum(axis=1) == pytest.approx(expected, rel=1e-5)


def bench_one_hot(measure: Measure, one_hot: OneHotTraining) -> None:
    measure(one_hot.step, rounds=5)


def bench_numpy(measure: Measure, runs: dict[str, Run]) -> None:
    measure(lambda: runs["numpy"].advance(AT_ONCE), rounds=5, amount=AT_ONCE)


def bench_torch(measure: Measure, runs: dict[str, Run]) -> None:
    measure(lambda: runs["torch"].advance(AT_ONCE), rounds=5, amount=AT_ONCE)
