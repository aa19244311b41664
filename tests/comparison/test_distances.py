"""How far two models are from each other, and what is copied from and to a GPU to know it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix
from bigram_tui.comparison import chunk
from bigram_tui.comparison.chunk import follow, lead
from bigram_tui.comparison.distances import distances
from bigram_tui.model import distance
from bigram_tui.model.distance import largest_difference
from bigram_tui.training.run import Run
from tests.far import COPIED, SENT, Far, OnAnother, far, moved

NUMBERS = st.floats(-1e3, 1e3) | st.sampled_from([math.inf, -math.inf, math.nan, 0.0, -0.0])
Pair = tuple[npt.NDArray[Any], npt.NDArray[Any]]


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Two matrices of one shape; now and then the second has numbers of the first."""
    shape, dtypes = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)), ("f8", "f4")
    a, b = (
        draw(hnp.arrays(np.float64, shape, elements=NUMBERS)).astype(draw(st.sampled_from(dtypes)))
        for _ in range(2)
    )
    same = draw(hnp.arrays(np.bool_, shape))
    b[same] = a[same]
    return a, b


def cell_by_cell(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    if np.isnan(a).any() or np.isnan(b).any():
        return math.nan
    return max(0.0 if x == y else float(abs(x - y)) for x, y in zip(a.flat, b.flat, strict=True))


@given(pairs(), st.integers(1, 20))
def test_it_is_the_largest_of_all_cells_here_and_there(pair: Pair, at_once: int) -> None:
    a, b = (each.astype(np.float64) for each in pair)
    expected = cell_by_cell(a, b)
    with pytest.MonkeyPatch.context() as patch, np.errstate(invalid="ignore"):
        patch.setattr(distance, "CELLS_HERE", at_once)
        patch.setattr(distance, "CELLS_THERE", at_once)
        found = [
            largest_difference(*pair),
            largest_difference(far(pair[0]), far(pair[1])),
            largest_difference(far(pair[0]), pair[1]),
            largest_difference(far(pair[0]), far(pair[1], OnAnother)),
        ]
    np.testing.assert_array_equal(found, [expected] * 4)  # NaN equals NaN here


# What is copied


@pytest.fixture(autouse=True)
def _nothing_copied_yet() -> None:
    COPIED.clear()
    SENT.clear()


@dataclass
class FarTorch(TorchBackend):
    """Trains here and keeps all its matrices there."""

    kind: type[Far] = Far

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        for model in super().train(bigrams, weights):
            yield moved(model, self.kind)


def far_torch(kind: type[Far] = Far) -> FarTorch:
    backend = FarTorch(device="cpu")
    backend.kind = kind
    return backend


def drift(
    reference: Backend, other: Backend, bigrams: Bigrams, steps: int
) -> npt.NDArray[np.float64]:
    """|ΔP| and |ΔW| after each of some steps in lock-step; only what they copy counts as copied."""
    weights = np.random.default_rng(0).normal(size=bigrams.counts.shape)
    runs = [Run(backend, bigrams, weights) for backend in (reference, other)]
    for run in runs:
        run.advance(20)  # so that whether steps are plain is seldom checked any more
    COPIED.clear()
    SENT.clear()
    start = runs[0].iteration
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunk, "FOLLOW_SECONDS", 60.0)  # on a busy machine too
        models, *_ = lead(runs[0], start, steps)
        rows, *_ = follow(runs[1], start, steps, models)
    assert len(rows) == steps
    return rows


def test_two_runs_on_one_gpu_are_compared_there(names: Bigrams) -> None:
    here = drift(TorchBackend(20.0, device="cpu"), TorchBackend(device="cpu"), names, 10)
    slower = far_torch()
    slower.learning_rate = 20.0
    there = drift(slower, far_torch(), names, 10)
    np.testing.assert_array_equal(there, here)
    assert there.min() > 0
    assert (COPIED, SENT) == ([], [])


@pytest.mark.parametrize("far_first", [True, False])
def test_matrices_of_a_run_elsewhere_are_copied_to_the_gpu_and_none_from_it(
    names: Bigrams, far_first: bool
) -> None:
    one, other = far_torch(), NumpyBackend(20.0)
    there = drift(one, other, names, 5) if far_first else drift(other, one, names, 5)
    assert (COPIED, SENT) == ([], [27 * 27] * 2 * 5)
    here = drift(TorchBackend(device="cpu"), NumpyBackend(20.0), names, 5)
    np.testing.assert_array_equal(there, here)


def test_a_table_that_is_finished_is_copied_once(names: Bigrams) -> None:
    there = drift(far_torch(), CountingBackend(), names, 10)
    assert (COPIED, SENT) == ([], [27 * 27])
    here = drift(TorchBackend(device="cpu"), CountingBackend(), names, 10)
    np.testing.assert_array_equal(there, here)


def test_a_reference_is_copied_once_for_all_runs_on_a_gpu(names: Bigrams) -> None:
    weights = np.random.default_rng(0).normal(size=(27, 27))
    reference = next(NumpyBackend().train(names, weights))
    others = [moved(next(NumpyBackend().train(names, weights + k))) for k in range(3)]
    assert [distances(other, reference) for other in others] != [(0.0, 0.0)] * 3
    assert (COPIED, SENT) == ([], [27 * 27] * 2)


def test_models_on_two_gpus_are_compared_here(names: Bigrams) -> None:
    there = drift(far_torch(), far_torch(OnAnother), names, 3)
    assert (there == 0).all()
    assert (COPIED, SENT) == ([27 * 27] * 4 * 3, [])


def test_without_room_on_the_gpu_they_are_compared_here(
    names: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(Far, "new_tensor", full)
    model = next(NumpyBackend().train(names, np.eye(27)))
    other = moved(next(NumpyBackend().train(names, 2 * np.eye(27))))
    assert distances(other, model) == distances(model, other)
    assert distances(model, other)[1] == 1.0
    assert COPIED == [27 * 27] * 2 * 3


def test_a_copy_is_dropped_with_its_model(names: Bigrams) -> None:
    from bigram_tui.comparison.distances import _MOVED

    model = next(NumpyBackend().train(names, np.eye(27)))
    distances(moved(model), model)
    kept = len(_MOVED)
    assert model in _MOVED
    del model
    assert len(_MOVED) == kept - 1
