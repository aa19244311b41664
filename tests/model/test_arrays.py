"""Arrays in another device's memory: computed with there, copied only where they are looked at.

Tensors of this machine stand in for those of a GPU: tests/far.py.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter
from bigram_tui.model.arrays import (
    BLOCK,
    as_numpy,
    detach_or_numpy,
    mean_square,
    on_accelerator,
    row_sums,
)
from bigram_tui.model.loss import Likelihood
from bigram_tui.training.descent import CHECKED_ROWS
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status
from tests.conftest import CountLines
from tests.far import COPIED, Far, far, moved

torch = pytest.importorskip("torch")

LOST = (
    "CUDA error: unspecified launch failure\n"
    "CUDA kernel errors might be asynchronously reported at some other API call.\n"
    "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
)


@dataclass
class FarTorch(TorchBackend):
    """Trains here and keeps all its matrices there."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        for model in super().train(bigrams, weights):
            yield moved(model)


@pytest.fixture(autouse=True)
def _nothing_copied_yet() -> None:
    COPIED.clear()


# What is copied


def test_training_copies_no_matrix_and_looking_at_one_copies_that_one(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    run = Run(FarTorch(device="cpu"), names, lecture_weights, validation=names)
    assert run.message == ""
    assert max(COPIED) <= 27  # a row of each, to see whether they can be read
    COPIED.clear()
    run.advance(30)
    assert (run.iteration, run.status) == (30, Status.READY)
    # Some rows of P, W and the next W, to see whether updates 1, 2, 3, 4, 8 and 16 are plain.
    assert COPIED == [CHECKED_ROWS * 27] * 3 * 6
    COPIED.clear()

    snapshot = run.snapshot()
    assert math.isfinite(snapshot.total + snapshot.validation + snapshot.perplexity)
    assert (snapshot.dtype, snapshot.precision) == ("float64", np.finfo(np.float64).eps)
    assert COPIED == []
    assert (snapshot.doubt, snapshot.disagrees) == ("", False)
    assert COPIED == [27]  # the sums of the rows

    for _ in range(3):
        assert isinstance(snapshot.probabilities, np.ndarray)
    assert COPIED == [27, 27 * 27]
    assert isinstance(snapshot.weights, np.ndarray)
    assert COPIED == [27, 27 * 27, 27 * 27]


def test_going_back_copies_the_weights_to_start_from_and_nothing_else(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    run = Run(FarTorch(device="cpu"), names, lecture_weights)
    run.advance(30)
    expected = run.snapshot().weights
    run.advance(10)
    COPIED.clear()
    run.seek(30)
    assert COPIED == [27 * 27]
    np.testing.assert_array_equal(run.snapshot().weights, expected)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_computed_there_is_what_numpy_computes(
    names: Bigrams,
    name_lines: list[str],
    count_lines: CountLines,
    lecture_weights: Matrix,
    dtype: str,
) -> None:
    validation = count_lines(name_lines[:50], names.vocabulary.characters)
    losses = []
    for backend in (FarTorch, TorchBackend):
        run = Run(backend(device="cpu", dtype=dtype), names, lecture_weights, validation=validation)
        run.advance(100)
        losses.append(run.snapshot().losses[:, :3])
    assert len(losses[0]) == 101
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12, atol=0)
    assert (losses[0] != losses[1]).any()  # two ways of computing, not one and itself


@dataclass
class Own(FarTorch):
    """A penalty of its own, which is written for NumPy."""

    def regularization(self, weights: Matrix) -> float:
        assert type(weights) is np.ndarray
        return float(np.abs(weights).max())


def test_a_penalty_of_the_backends_own_is_given_what_numpy_can_read(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    run = Run(Own(device="cpu"), names, lecture_weights)
    COPIED.clear()
    run.advance(3)
    assert [size for size in COPIED if size == 27 * 27] == [27 * 27] * 3
    weights = run.snapshot().weights
    assert weights is not None
    assert run.snapshot().regularization == np.abs(weights).max()


# What shows there as it does here


@dataclass
class Broken(Backend):
    """Puts a number into one cell of P after three iterations."""

    cell: tuple[int, int]
    value: float

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        for k, model in enumerate(NumpyBackend(1.0).train(bigrams, weights)):
            table = model.probabilities.copy()
            if k == 3:
                table[self.cell] = self.value
            yield moved(replace(model, probabilities=table))


SEEN, UNSEEN = (0, 1), (0, 0)


@pytest.mark.parametrize(
    ("cell", "value", "says"),
    [
        (SEEN, 0.0, "the nll is inf"),
        (SEEN, math.nan, "the nll is nan"),
        (UNSEEN, math.nan, "the nll is nan"),
        (UNSEEN, -math.inf, "the nll is nan"),
        (UNSEEN, 0.0, ""),
    ],
)
def test_divergence_is_noticed_there_too(
    tiny: Bigrams, cell: tuple[int, int], value: float, says: str
) -> None:
    run = Run(Broken(cell, value), tiny, np.eye(3))
    run.advance(3)
    assert run.iteration == 3
    assert run.status is (Status.DIVERGED if says else Status.READY)
    assert says in run.message
    assert set(COPIED) == {3}  # rows, once


def test_rows_that_do_not_sum_to_one_are_noticed_there_too(tiny: Bigrams) -> None:
    run = Run(Broken(UNSEEN, 7.0), tiny, np.eye(3))
    run.advance(3)
    assert "sum to 1 up to 7" in run.snapshot().doubt


@pytest.mark.parametrize("size", [1, 3, 300])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_mean_square_is_that_of_an_exact_sum(size: int, dtype: type) -> None:
    weights: Matrix = np.random.default_rng(size).normal(0, 3, (size, size)).astype(dtype)
    expected = math.fsum(float(w) ** 2 for w in weights.flat) / size**2
    assert size < 300 or weights.size > BLOCK
    for array in (weights, torch.tensor(weights), far(weights), weights.T):
        assert mean_square(array) == pytest.approx(expected, rel=1e-13, abs=0)


def test_a_square_that_overflows_is_infinite() -> None:
    for array in (np.full((2, 2), 1e200), far(np.full((2, 2), 1e200))):
        with np.errstate(over="ignore"):
            assert mean_square(array) == math.inf
        assert NumpyBackend(l2=0.1).regularization(array) == math.inf
    small = np.full((2, 2), 1e30, np.float32)  # whose square is no float32
    assert mean_square(far(small)) == pytest.approx(mean_square(small), rel=1e-12)
    assert mean_square(small) == pytest.approx(1e60, rel=1e-6)


def test_sums_of_rows_are_the_same_there() -> None:
    table = np.random.default_rng(0).random((5, 5))
    np.testing.assert_allclose(row_sums(far(table)), [math.fsum(row) for row in table], rtol=1e-14)
    np.testing.assert_allclose(row_sums(table), [math.fsum(row) for row in table], rtol=1e-14)


def test_cells_beyond_the_whole_numbers_of_float32_are_found_there() -> None:
    last = 2**24 + 1  # as V > 4,096 has them; float32 knows 2**24 and 2**24 + 2
    text: Any = SimpleNamespace(seen=np.array([0, last]), seen_share=np.array([0.25, 0.75]))
    table = far(np.ones(last + 1, np.float32))
    table[last] = math.exp(-2.0)
    assert float(Likelihood(text).loss(table)) == pytest.approx(1.5, rel=1e-7)


def test_only_tensors_of_a_gpu_that_knows_float64_stay_where_they_are() -> None:
    here = torch.eye(2, requires_grad=True)
    assert not on_accelerator(here)
    assert type(detach_or_numpy(here)) is np.ndarray
    assert on_accelerator(far(np.eye(2)))
    assert type(detach_or_numpy(far(np.eye(2)))) is Far
    assert not on_accelerator(SimpleNamespace(device=SimpleNamespace(type="cuda")))  # not a tensor
    array = np.eye(2)
    assert as_numpy(array) is array


# What may go wrong with a device


@dataclass
class Troubled(NumpyBackend):
    """Fails on its device as a GPU does: in the midst of an update."""

    device: str = hyperparameter("cuda", choices=("cpu", "cuda"))
    error: type = RuntimeError
    text: str = LOST

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        for k, model in enumerate(super().train(bigrams, weights)):
            if k == 4 and self.device != "cpu":
                raise self.error(self.text)
            yield model


@pytest.mark.parametrize(
    ("error", "text", "says"),
    [
        (torch.OutOfMemoryError, "CUDA out of memory. Tried …", "out of memory; choose the device"),
        (RuntimeError, LOST, "the GPU failed (CUDA error: unspecified launch failure); choose"),
    ],
)
def test_it_stops_that_run_with_one_line_and_the_advice_helps(
    tiny: Bigrams, error: type, text: str, says: str
) -> None:
    run = Run(Troubled(1.0, error=error, text=text), tiny, np.eye(3))
    other = Run(NumpyBackend(1.0), tiny, np.eye(3))
    for each in (run, other):
        each.advance(6)
    assert (run.status, run.iteration) == (Status.FAILED, 3)
    assert run.message.startswith("failed at step 4: the GPU ")
    assert says in run.message
    assert "\n" not in run.message
    assert (other.status, other.iteration) == (Status.READY, 6)

    run.set("device", "cpu")
    run.advance(3)
    assert (run.status, run.iteration) == (Status.READY, 6)
    np.testing.assert_array_equal(run.snapshot().weights, other.snapshot().weights)


class Gone(Far):
    """A tensor of a device that was lost after it was made."""

    lost = False

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if cls.lost and func.__name__ != "__get__":  # shape and dtype are known here
            raise RuntimeError(LOST)
        return super().__torch_function__(func, types, args, kwargs or {})

    def cpu(self) -> Any:
        if self.lost:
            raise RuntimeError(LOST)
        return super().cpu()


@dataclass
class OnAGoneDevice(FarTorch):
    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        for model in super().train(bigrams, weights):
            parts = ("probabilities", "weights", "gradient")
            gone = {part: getattr(model, part).as_subclass(Gone) for part in parts}
            yield replace(model, **gone)


def test_a_device_that_is_lost_fails_the_run_and_nobody_who_looks_at_it(
    tiny: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(OnAGoneDevice(1.0, device="auto"), tiny, np.eye(3), name="torch")
    run.advance(3)
    snapshot, told = run.snapshot(), run.snapshot().nll
    monkeypatch.setattr(Gone, "lost", True)
    for part in (snapshot.probabilities, snapshot.weights, snapshot.gradient):
        assert part is not None
        assert part.shape == (3, 3)
        assert np.isnan(part).all()
    assert "torch's matrices can't be read" in snapshot.doubt
    assert snapshot.nll == told

    run.advance()
    assert run.status is Status.FAILED
    assert run.message.endswith("launch failure); choose the device cpu and reset")
    monkeypatch.setattr(Gone, "lost", False)  # as that of the CPU, which is not lost
    run.set("device", "cpu")
    run.reset()
    run.advance(3)
    assert (run.status, run.snapshot().nll) == (Status.READY, told)
