"""An iteration of the numpy backend in a process of its own, and in the program's.

What it costs more is a question and an answer for each, and copying P, W and the gradient twice:
into the memory that both processes share, and out of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks.conftest import Measure
from bigram_tui.cancellation import CancelToken
from bigram_tui.model.bigrams import Bigrams, Vocabulary
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run

SIZES = {27: 1000, 700: 20, 4096: 2}
"""How many iterations are timed together, by V."""

SEEN = 0.3
"""The share of bigrams that occur."""


@pytest.fixture(scope="module", autouse=True)
def _processes() -> Iterator[None]:
    """Ends the processes afterwards."""
    with CancelToken().governing():
        yield
    run_of.cache_clear()


@cache
def run_of(size: int, *, isolated: bool) -> Run:
    random = np.random.default_rng(size)
    counts = random.geometric(0.01, (size, size)) * (random.random((size, size)) < SEEN)
    vocabulary = Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + size - 1))))
    (source,) = choose(["numpy"])
    backend = replace(source, isolated=isolated).load()()
    return Run(backend, Bigrams(vocabulary, counts), start_weights(size))


def check_the_losses_are_the_same_to_the_bit() -> None:
    for size in (27, 700):
        runs = [run_of(size, isolated=isolated) for isolated in (False, True)]
        for run in runs:
            run.advance(20)
        one, other = (run.snapshot().losses[:21, :2].tobytes() for run in runs)
        assert one == other


def iterate(measure: Measure, size: int, *, isolated: bool) -> None:
    run = run_of(size, isolated=isolated)
    run.advance(2)
    measure(lambda: run.advance(SIZES[size]), rounds=5, amount=SIZES[size])


def bench_within_27(measure: Measure) -> None:
    iterate(measure, 27, isolated=False)


def bench_apart_27(measure: Measure) -> None:
    iterate(measure, 27, isolated=True)


def bench_within_700(measure: Measure) -> None:
    iterate(measure, 700, isolated=False)


def bench_apart_700(measure: Measure) -> None:
    iterate(measure, 700, isolated=True)


def bench_within_4096(measure: Measure) -> None:
    iterate(measure, 4096, isolated=False)


def bench_apart_4096(measure: Measure) -> None:
    iterate(measure, 4096, isolated=True)
