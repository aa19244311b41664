"""Trains a backend as the program does, and compares the paths that it takes."""

import inspect
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import islice
from typing import Any

import numpy as np

from bigram_tui.backend import Backend, Iteration, as_numpy
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.loss import negative_log_likelihood
from bigram_tui.testing.arrays import are_close, arrays_of, matrices_of
from bigram_tui.testing.cases import Case

ITERATIONS = 5
"""How many iterations of each training are tested, including the untrained model."""


def train_lazily(
    backend: Backend,
    bigrams: Bigrams,
    weights: Matrix,
    iterations: int = ITERATIONS,
    state: Any = None,
) -> Iterator[Iteration]:
    """Train only as far as asked for, and yield copies of the first iterations."""
    has_yielded = False
    for model in islice(start_training(backend, bigrams, weights, deepcopy(state)), iterations):
        assert isinstance(model, Iteration), (
            f"train() yielded {type(model).__name__}, not an Iteration"
        )
        has_yielded = True
        yield copy_of(model)
    assert has_yielded, "train() ended before it yielded the untrained model"


def start_training(
    backend: Backend, bigrams: Bigrams, weights: Matrix, state: Any
) -> Iterator[Iteration]:
    """Call `train` as the program does: with a state only if there is one."""
    train: Callable[..., Iterator[Iteration]] = backend.train
    start = (bigrams, weights) if state is None else (bigrams, weights, state)
    assert state is None or _takes(train, start), (
        "it yields a state, so train() must take it back: "
        "def train(self, bigrams, weights, state=None)"
    )
    return train(*start)


def _takes(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True


def path_of(backend: Backend, case: Case) -> list[Iteration]:
    """Return copies of the first iterations of a training."""
    return list(train_lazily(backend, case.bigrams, case.weights))


def copy_of(model: Iteration) -> Iteration:
    """Copy an iteration: matrices as NumPy arrays, the state in its own type."""
    loss = None if model.loss is None else as_numpy(model.loss).item()
    matrices = {name: matrix.copy() for name, matrix in matrices_of(model)}
    return Iteration(**matrices, loss=loss, last=model.last, state=deepcopy(model.state))


def assert_same_path(path: list[Iteration], expected: list[Iteration], what: str) -> None:
    """Assert that two trainings took the same path. what: how an error calls the first one."""
    assert len(path) == len(expected), (
        f"{what}: it went on for {len(path)} iterations instead of {len(expected)}"
    )
    for k, pair in enumerate(zip(path, expected, strict=True)):
        arrays, expected_arrays = (dict(arrays_of(model)) for model in pair)
        same_names = arrays.keys() == expected_arrays.keys()
        assert same_names, f"{what}: it yielded other arrays than before"
        for name, array in expected_arrays.items():
            assert are_close(arrays[name], array), f"{what}: the {name} differ at its iteration {k}"


def finite_differences(
    backend: Backend, bigrams: Bigrams, model: Iteration
) -> tuple[Matrix, float]:
    """Return ∂(nll + penalty)/∂W by central differences, and the tolerance of a gradient."""

    def total(changed: Matrix) -> float:
        untrained = next(train_lazily(backend, bigrams, changed, state=model.state))
        nll = negative_log_likelihood(untrained.probabilities, bigrams)
        return nll + backend.regularization(changed)

    # ∛ε balances the error of the formula, which grows as h², with that of rounding, as ε/h.
    epsilon = max(float(np.finfo(matrix.dtype).eps) for _, matrix in matrices_of(model))
    weights, step = model.weights, np.cbrt(epsilon)
    slopes = np.empty(weights.shape)
    for cell in np.ndindex(weights.shape):
        up, down = weights.copy(), weights.copy()
        up[cell] += step
        down[cell] -= step
        slopes[cell] = (total(up) - total(down)) / float(up[cell] - down[cell])
    return slopes, np.sqrt(epsilon) * max(1.0, abs(total(weights)))
