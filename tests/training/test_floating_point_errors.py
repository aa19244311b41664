"""What a backend does about NumPy's floating-point errors is its own business, and ours is ours."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from bigram_tui.backend import Backend, Iteration, Matrix, hyperparameter
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status

UNIFORM = np.full((3, 3), 1 / 3)


@dataclass
class Overflowing(Backend):
    """Computes an overflow at one step."""

    at: int = hyperparameter(4)
    strict: bool = hyperparameter(False)
    closed: int = 0

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        try:
            if self.strict:
                np.seterr(all="raise")
            for step in range(100):
                if step == self.at:
                    np.exp(np.array(1000.0))
                yield Iteration(UNIFORM, weights)
        finally:
            self.closed += 1


@dataclass
class Guarded(Overflowing):
    """Has them raised within a block around its yields, as one writes it."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        with np.errstate(all="raise"):
            yield from super().train(bigrams, weights)


def test_an_overflow_of_a_backend_is_not_mentioned(tiny: Bigrams) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = Run(Overflowing(), tiny, np.eye(3))
        run.advance(9)
    assert (run.iteration, run.status) == (9, Status.READY)


@pytest.mark.parametrize("slices", [[9], [1] * 9, [3, 1, 5]])
@pytest.mark.parametrize("backend", [Overflowing(strict=True), Guarded()])
def test_a_backend_that_wants_them_raised_has_them_raised_at_every_step(
    tiny: Bigrams, backend: Overflowing, slices: list[int]
) -> None:
    before = np.geterr()
    run = Run(backend, tiny, np.eye(3))
    for count in slices:
        run.advance(count)
        if run.status is Status.FAILED:
            break
    assert (run.iteration, run.status) == (3, Status.FAILED)
    assert "FloatingPointError: overflow encountered in exp" in run.message
    run.seek(1)
    run.close()
    assert np.geterr() == before


@pytest.mark.parametrize("backend", [Overflowing(strict=True), Guarded()])
def test_the_losses_are_not_computed_as_strictly(tiny: Bigrams, backend: Overflowing) -> None:
    backend.at = 99
    run = Run(backend, tiny, np.full((3, 3), 1e-200))  # whose squares underflow
    run.advance(5)
    assert (run.iteration, run.status, run.snapshot().regularization) == (5, Status.READY, 0.0)
    run.close()


def test_a_training_is_ended_where_it_was_begun_also_after_a_failure(tiny: Bigrams) -> None:
    @dataclass
    class Wrong(Guarded):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            with np.errstate(all="raise"):
                try:
                    yield Iteration(UNIFORM, weights)
                    yield Iteration(np.zeros((2, 2)))
                finally:
                    self.closed += 1

    backend = Wrong()
    run = Run(backend, tiny, np.eye(3))
    run.advance(2)
    assert run.status is Status.FAILED
    assert "probabilities must be (3, 3)" in run.message
    assert backend.closed == 1
