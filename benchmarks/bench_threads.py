"""One iteration of torch's backend by one thread and by one for each core: at which V more pay.

The last pair is measured beside programs that keep every core busy.
"""

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Protocol
from unittest import mock

import numpy as np
import pytest
import torch

from benchmarks.conftest import Measure
from bigram_tui.model.bigrams import Bigrams, Vocabulary
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run

SEEN = 0.3
"""The share of bigrams that occur."""

CELLS = 1 << 23
"""How many are gone through in a round."""

MOST = 300
"""Iterations in a round."""


class Iterate(Protocol):
    """Takes V, and whether one thread is to do it alone."""

    def __call__(self, size: int, *, alone: bool) -> None: ...


@cache
def run_of(size: int) -> Run:
    random = np.random.default_rng(size)
    counts = random.geometric(0.01, (size, size)) * (random.random((size, size)) < SEEN)
    vocabulary = Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + size - 1))))
    (source,) = choose(["torch"])
    return Run(source.load()(), Bigrams(vocabulary, counts), start_weights(size))


@pytest.fixture
def iterate(measure: Measure) -> Iterator[Iterate]:
    """Measures iterations at a V by some threads, as if a user had chosen them."""
    cores = torch.get_num_threads()

    def iterate(size: int, *, alone: bool) -> None:
        torch.set_num_threads(1 if alone else cores)
        run, amount = run_of(size), min(MOST, CELLS // size**2)
        run.advance(3)
        measure(lambda: run.advance(amount), rounds=5, amount=amount)

    with mock.patch("bigram_backends.threads.was_chosen", return_value=True):
        yield iterate
    torch.set_num_threads(cores)


@pytest.fixture
def busy() -> Iterator[None]:
    """Keeps every core busy, as other programs do."""
    spin = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(spin) for _ in range(torch.get_num_threads())]
    yield
    for other in others:
        other.kill()
        other.wait()


def bench_one_27(iterate: Iterate) -> None:
    iterate(27, alone=True)


def bench_all_27(iterate: Iterate) -> None:
    iterate(27, alone=False)


def bench_one_128(iterate: Iterate) -> None:
    iterate(128, alone=True)


def bench_all_128(iterate: Iterate) -> None:
    iterate(128, alone=False)


def bench_one_256(iterate: Iterate) -> None:
    iterate(256, alone=True)


def bench_all_256(iterate: Iterate) -> None:
    iterate(256, alone=False)


def bench_one_512(iterate: Iterate) -> None:
    iterate(512, alone=True)


def bench_all_512(iterate: Iterate) -> None:
    iterate(512, alone=False)


def bench_one_1024(iterate: Iterate) -> None:
    iterate(1024, alone=True)


def bench_all_1024(iterate: Iterate) -> None:
    iterate(1024, alone=False)


@pytest.mark.usefixtures("busy")
def bench_one_27_busy(iterate: Iterate) -> None:
    iterate(27, alone=True)


@pytest.mark.usefixtures("busy")
def bench_all_27_busy(iterate: Iterate) -> None:
    iterate(27, alone=False)
