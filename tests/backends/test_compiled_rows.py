"""The steps of the numpy backend at large V that numba compiles, against the plain formulas."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_backends import row_blocks
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.row_blocks import compiled_kernels, descend_by_rows
from bigram_tui.backend import Bigrams, Iteration, Matrix
from bigram_tui.training.run import Run
from tests.backends.test_row_blocks import assert_same_bits, on_whole_matrices, problem


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    """Whether there are kernels is found out in each test."""
    compiled_kernels.cache_clear()
    yield
    compiled_kernels.cache_clear()


def compiled(
    bigrams: Bigrams, weights: Matrix, rate: float, l2: float, cells: int = 1 << 16
) -> list[Iteration]:
    """The first models of a training by kernels, which are in fact used."""
    pytest.importorskip("numba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_blocks, "BLOCKS_FOR_TWO", 1)
        patch.setattr(row_blocks, "CELLS_AT_ONCE", cells)
        patch.setattr(row_blocks, "usable_threads", lambda: 2)
        training = descend_by_rows(NumpyBackend(rate, l2), bigrams, weights)
        first = next(training)
        kernels, used = compiled_kernels(), list[None]()
        compute = kernels.compute

        def noted(*arguments: Any) -> None:
            used.append(None)
            compute(*arguments)

        patch.setattr(kernels, "compute", noted)
        models = [first, *islice(training, 3)]
    assert used
    return models


@given(st.integers(1, 150), st.integers(1, 10_000), st.floats(-10.0, 100.0), st.floats(0.0, 10.0))
def test_compiled_steps_give_what_whole_matrices_give_bit_for_bit(
    size: int, cells: int, rate: float, l2: float
) -> None:
    bigrams, weights = problem(size)
    weights.setflags(write=False)
    models = compiled(bigrams, weights, rate, l2, cells)
    assert_same_bits(models, on_whole_matrices(bigrams, weights, rate, l2, 4))


def test_rows_that_numpy_adds_up_in_halves_give_the_same_bits_too() -> None:
    bigrams, weights = problem(1100)
    models = compiled(bigrams, weights, 50.0, 0.01)
    assert_same_bits(models, on_whole_matrices(bigrams, weights, 50.0, 0.01, 4))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, 1e308, 5e-324])
@pytest.mark.parametrize("rate", [0.0, 50.0, 1e5])
def test_numbers_at_the_ends_of_the_format_come_out_the_same(value: float, rate: float) -> None:
    bigrams, weights = problem(20)
    weights[3, 5] = weights[7] = weights[9, ::2] = value
    with np.errstate(all="ignore"):
        models = compiled(bigrams, weights, rate, 0.5)
        assert_same_bits(models, on_whole_matrices(bigrams, weights, rate, 0.5, 4))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("step", [1, 2])
def test_the_start_may_lie_in_memory_in_any_way(order: Any, step: int) -> None:
    bigrams, weights = problem(30)
    spread = np.zeros((60, 60), order=order)[::step, ::step][:30, :30]
    spread[:] = weights
    models = compiled(bigrams, spread, 20.0, 0.5)
    assert_same_bits(models, on_whole_matrices(bigrams, weights, 20.0, 0.5, 4))


def test_without_numba_numpy_takes_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "BLOCKS_FOR_TWO", 1)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "bigram_backends.compiled_rows", raising=False)
    monkeypatch.delattr("bigram_backends.compiled_rows", raising=False)
    assert compiled_kernels() is None
    bigrams, weights = problem(12)
    run = Run(NumpyBackend(1.0), bigrams, weights)
    run.advance(3)
    expected = on_whole_matrices(bigrams, weights, 1.0, 0.01, 4)[-1]
    np.testing.assert_array_equal(run.snapshot().weights, expected.weights)


def test_a_numba_that_is_told_not_to_compile_is_left_alone() -> None:
    pytest.importorskip("numba")
    asked = "from bigram_backends.row_blocks import compiled_kernels; print(compiled_kernels())"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", asked]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    assert done.stdout == "None\n"


def test_small_tables_do_not_import_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise() -> None:
        raise AssertionError("it was asked for")

    monkeypatch.setattr(row_blocks, "compiled_kernels", surprise)
    next(NumpyBackend().train(*problem(300)))


def test_where_no_folder_can_be_written_it_compiles_for_this_time_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("numba")
    from bigram_backends import compiled_rows

    asked = []

    def njit(_: object, *, cache: bool = False, **__: object) -> Any:
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compiled_rows, "numba", SimpleNamespace(njit=njit))
    assert compiled_rows._compiled(abs) is abs
    assert asked == [True, False]
