"""The losses that are recorded of each step, against the formulas that they were derived from."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.backend import Backend, Iteration, Matrix
from bigram_tui.model import loss
from bigram_tui.model.bigrams import Bigrams, Vocabulary
from bigram_tui.model.loss import SUMMED_AT_ONCE
from bigram_tui.training.evaluation import Evaluation


def text_of(size: int, share: float, seed: int) -> Bigrams:
    """Counts of which about a share is not 0."""
    random = np.random.default_rng(seed)
    counts = random.integers(1, 9, (size, size)) * (random.random((size, size)) < share)
    counts[-1, 0] += 1
    return Bigrams(Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + size - 1)))), counts)


def one_by_one(model: Iteration, bigrams: Bigrams, l2: float) -> tuple[float, float]:
    """The nll and the penalty by one NumPy operation after the other, on all cells at once."""
    table, total = model.probabilities, 0.0
    with np.errstate(all="ignore"):
        for start in range(0, bigrams.seen.size, SUMMED_AT_ONCE):
            part = slice(start, start + SUMMED_AT_ONCE)
            logs = np.log(table.ravel()[bigrams.seen[part]], dtype=np.float64)
            total += float(bigrams.seen_share[part] @ logs)
        nll = 0.0 - total if math.isfinite(table.sum()) else math.nan
        blocks = np.split(model.weights.ravel(), range(1 << 16, model.weights.size, 1 << 16))
        squares = sum(float(np.square(block, dtype=np.float64).sum()) for block in blocks)
    return nll, l2 * (squares / model.weights.size) if l2 else 0.0


@given(
    st.integers(1, 40),
    st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    st.integers(0, 1000),
    st.sampled_from(["float64", "float32", "float16"]),
    st.sampled_from([0.0, 0.01, 3.0]),
)
def test_they_are_those_of_the_formulas_bit_for_bit(
    size: int, share: float, seed: int, dtype: str, l2: float
) -> None:
    bigrams, random = text_of(size, share, seed), np.random.default_rng(seed)
    model = Iteration(
        random.random((size, size)).astype(dtype), random.normal(0, 3, (size, size)).astype(dtype)
    )
    nll, penalty, validation = Evaluation(NumpyBackend(l2=l2), bigrams, None).losses(model)
    assert (nll, penalty) == one_by_one(model, bigrams, l2)
    assert math.isnan(validation)


@pytest.mark.parametrize("share", [0.004, 0.3, 1.0])
def test_a_large_table_in_parts_gives_the_same_bits(share: float) -> None:
    bigrams = text_of(300, share, 1)
    assert (bigrams.seen.size > SUMMED_AT_ONCE) == (share > 0.1)
    (model,) = [
        next(NumpyBackend().train(bigrams, np.random.default_rng(2).normal(size=(300,) * 2)))
    ]
    for table in (model.probabilities, model.probabilities.T, model.probabilities[::-1]):
        found = Evaluation(NumpyBackend(), bigrams, bigrams).losses(Iteration(table, model.weights))
        assert found[:2] == one_by_one(Iteration(table, model.weights), bigrams, 0.01)
        assert found[2] == found[0]


@given(
    st.integers(1, 12),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.integers(0, 10_000),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.integers(1, 50),
)
def test_each_number_that_is_not_finite_is_found(
    size: int, share: float, place: int, value: float, at_once: int
) -> None:
    bigrams = text_of(size, share, place)
    table = np.full((size, size), 1 / size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss, "SUMMED_AT_ONCE", at_once)
        evaluation = Evaluation(NumpyBackend(), bigrams, bigrams)
        with np.errstate(all="ignore"):
            assert math.isfinite(evaluation.losses(Iteration(table))[0])
            table.flat[place % size**2] = value
            nll, _, validation = evaluation.losses(Iteration(table))
    assert math.isnan(nll)
    is_seen = place % size**2 in bigrams.seen
    assert math.isfinite(validation) == (not is_seen)


def test_a_penalty_of_the_backends_own_is_asked_for() -> None:
    @dataclass
    class Lasso(NumpyBackend):
        def regularization(self, weights: Matrix) -> float:
            return self.l2 * float(np.abs(weights).mean())

    bigrams = text_of(3, 1.0, 0)
    model = Iteration(np.full((3, 3), 1 / 3), np.full((3, 3), -2.0))
    for backend, own, penalty in ((Lasso(l2=0.5), True, 1.0), (NumpyBackend(l2=0.5), False, 2.0)):
        evaluation = Evaluation(backend, bigrams, None)
        assert evaluation.own_penalty is own
        assert evaluation.losses(model)[1] == penalty == backend.regularization(model.weights)


def test_without_weights_or_without_a_decay_there_is_no_penalty() -> None:
    class Bare(Backend):
        train = NumpyBackend.train

    bigrams, table = text_of(3, 1.0, 0), np.full((3, 3), 1 / 3)
    assert Evaluation(NumpyBackend(), bigrams, None).losses(Iteration(table))[1] == 0
    assert Evaluation(Bare(), bigrams, None).losses(Iteration(table, table))[1] == 0
