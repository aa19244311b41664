"""The numpy backend for large V: blocks of rows, in memory that was used before."""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_backends import memory, numpy_gradient, row_blocks
from bigram_backends.counting import CountingBackend
from bigram_backends.memory import SPARE, Recycler, empty_matrices
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.row_blocks import CELLS_AT_ONCE, PAYS_FROM, descend_by_rows
from bigram_tui.backend import Backend, Iteration
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.testing import BackendTests
from bigram_tui.training.run import Run


def problem(size: int) -> tuple[Bigrams, Matrix]:
    """Counts of which a third is 0, and weights."""
    random = np.random.default_rng(size)
    counts = np.maximum(random.integers(-4, 9, (size, size)), 0)
    counts[0, 0] = 1
    vocabulary = Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + size - 1))))
    return Bigrams(vocabulary, counts), random.normal(0, 3, (size, size))


def on_whole_matrices(
    bigrams: Bigrams, weights: Matrix, rate: float, l2: float, count: int
) -> list[Iteration]:
    """The first models of a training by the formulas as they are derived, one by one."""
    models, n = [], bigrams.counts / bigrams.total
    for _ in range(count):
        odds = np.exp(weights - weights.max(axis=1, keepdims=True))
        p = odds / odds.sum(axis=1, keepdims=True)
        nll_gradient = n.sum(axis=1, keepdims=True) * p - n
        penalty_gradient = (2 * l2 / weights.size) * weights
        gradient = nll_gradient + penalty_gradient
        models.append(Iteration(p, weights, gradient))
        weights = weights - rate * gradient
    return models


def assert_same_bits(models: Iterable[Iteration], expected: Iterable[Iteration]) -> None:
    for model, other in zip(models, expected, strict=True):
        for part in ("probabilities", "weights", "gradient"):
            np.testing.assert_array_equal(getattr(model, part), getattr(other, part))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices are treated as large ones are."""
    monkeypatch.setattr(memory, "LARGE", 0)
    monkeypatch.setattr(numpy_gradient, "PAYS_FROM", 0)
    monkeypatch.setattr(row_blocks, "CELLS_AT_ONCE", 12)
    monkeypatch.setattr(row_blocks, "BLOCKS_FOR_TWO", 1)
    monkeypatch.setattr(row_blocks, "usable_threads", lambda: 2)


@pytest.mark.usefixtures("small")
class TestNumpyOfLargeMatrices(BackendTests):
    def make(self) -> Backend:
        return NumpyBackend()


# Blocks of rows


@given(st.integers(1, 60), st.floats(0.0, 100.0), st.floats(0.0, 10.0))
def test_a_small_vocabulary_is_trained_by_the_formulas_bit_for_bit(
    size: int, rate: float, l2: float
) -> None:
    bigrams, weights = problem(size)
    models = list(islice(NumpyBackend(rate, l2).train(bigrams, weights), 5))
    assert_same_bits(models, on_whole_matrices(bigrams, weights, rate, l2, 5))


@given(st.integers(1, 60), st.integers(1, 4000))
def test_blocks_of_rows_give_what_whole_matrices_give_bit_for_bit(size: int, cells: int) -> None:
    bigrams, weights = problem(size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "LARGE", 0)
        patch.setattr(row_blocks, "CELLS_AT_ONCE", cells)
        models = list(islice(descend_by_rows(NumpyBackend(20.0, 0.5), bigrams, weights), 4))
    assert_same_bits(models, on_whole_matrices(bigrams, weights, 20.0, 0.5, 4))


def test_a_large_vocabulary_is_trained_as_on_whole_matrices_bit_for_bit() -> None:
    bigrams, weights = problem(700)
    assert weights.size > CELLS_AT_ONCE > PAYS_FROM
    models = islice(NumpyBackend(50.0, 0.01).train(bigrams, weights), 3)
    assert_same_bits(models, on_whole_matrices(bigrams, weights, 50.0, 0.01, 3))


def test_blocks_of_rows_are_for_large_matrices_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def by_rows(_: Backend, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        sizes.append(len(weights))
        yield Iteration(weights)

    monkeypatch.setattr(numpy_gradient, "descend_by_rows", by_rows)
    for size in (27, 127, 128, 300):
        next(NumpyBackend().train(*problem(size)))
    assert sizes == [128, 300]


@pytest.mark.usefixtures("small")
def test_a_run_goes_back_bit_for_bit_in_recycled_memory() -> None:
    bigrams, weights = problem(9)
    run = Run(NumpyBackend(1.0), bigrams, weights)
    seen = []
    for _ in range(12):
        snapshot = run.snapshot()
        assert snapshot.probabilities is not None
        assert snapshot.weights is not None
        seen.append((snapshot.probabilities.copy(), snapshot.weights.copy()))
        run.advance()
    for k in (11, 3, 7, 6, 0, 11):
        run.seek(k)
        np.testing.assert_array_equal(run.snapshot().probabilities, seen[k][0])
        np.testing.assert_array_equal(run.snapshot().weights, seen[k][1])


# Whose memory is used again


def place(matrix: Matrix) -> int:
    return matrix.__array_interface__["data"][0]


def test_memory_is_used_again_when_nobody_holds_it_any_more() -> None:
    make = Recycler(5)
    first = make()
    assert (first.shape, first.dtype, first.flags.c_contiguous) == ((5, 5), np.float64, True)
    first[:] = 7.0
    where = place(first)
    assert place(make()) != where
    del first
    assert where in {place(matrix) for matrix in [make(), make()]}


@pytest.mark.parametrize(
    "view",
    [
        lambda m: m[2],
        lambda m: m.T,
        lambda m: m.ravel()[1:],
        lambda m: m[1:][1:][:, 2],
        lambda m: np.asarray(m).view(np.int64),
        memoryview,
        lambda m: np.lib.stride_tricks.sliding_window_view(m, (2, 2)),
        iter,
    ],
)
def test_whoever_holds_a_part_of_it_holds_it(view: object) -> None:
    make = Recycler(4)
    matrix = make()
    where, part = place(matrix), view(matrix)  # type: ignore[operator]
    del matrix
    gc.collect()
    assert where not in {place(other) for other in [make() for _ in range(6)]}
    del part
    assert where in {place(other) for other in [make() for _ in range(6)]}


def test_a_tensor_over_a_matrix_holds_it_too() -> None:
    torch = pytest.importorskip("torch")
    make = Recycler(4)
    matrix = make()
    where, tensor = place(matrix), torch.from_numpy(matrix)
    del matrix
    assert where not in {place(make()) for _ in range(6)}
    assert tensor.shape == (4, 4)


def test_few_are_kept_that_nobody_holds() -> None:
    make = Recycler(50)
    many = [make() for _ in range(20)]
    del many
    assert len(make._spare) == SPARE


def test_a_matrix_that_outlives_its_maker_leaves_nothing() -> None:
    tracemalloc.start()
    make = Recycler(300)
    kept = [make() for _ in range(4)]
    del make
    kept[1:] = []
    assert tracemalloc.get_traced_memory()[0] < 1.1 * kept[0].nbytes
    del kept
    assert tracemalloc.get_traced_memory()[0] < 1e5
    tracemalloc.stop()


def test_small_matrices_are_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not isinstance(empty_matrices(27), Recycler)
    assert not isinstance(empty_matrices(2047), Recycler)
    assert isinstance(empty_matrices(2048), Recycler)
    assert empty_matrices(3)().shape == (3, 3)


# How much memory it takes


def peak(backend: Backend, iterations: int, size: int = 256) -> float:
    """The most memory of a training of which only the newest model is held, in matrices."""
    bigrams, weights = problem(size)
    assert bigrams.total
    tracemalloc.start()
    training = backend.train(bigrams, weights)
    model = None
    for _ in range(iterations):
        model = next(training, model)
    most = tracemalloc.get_traced_memory()[1] / weights.nbytes
    tracemalloc.stop()
    assert model is not None
    return most


def test_counting_takes_one_matrix() -> None:
    assert peak(CountingBackend(), 1) < 1.2
    assert peak(CountingBackend(0.0), 1) < 1.2


@pytest.mark.parametrize("large", [0, 1 << 40])
def test_training_takes_seven_matrices(monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(memory, "LARGE", large)
    monkeypatch.setattr(row_blocks, "CELLS_AT_ONCE", 1 << 10)
    peak(NumpyBackend(), 2)  # what is imported meanwhile does not count
    # joint, and P, W and gradient of two iterations; the first W is the caller's.
    assert peak(NumpyBackend(), 1) < 3.2
    assert peak(NumpyBackend(), 6) < 7.2


AT_EXIT = """
import atexit
from bigram_backends.memory import Recycler

@atexit.register
def check():
    made()[:] = 2
    print(held[0, 0])

made = Recycler(3)
held = made()
held[:] = 1
"""


def test_what_is_still_held_when_python_ends_is_left_alone() -> None:
    """A thread may be in training until the very end."""
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["1.0"]
