"""Curvature and step sizes: by eigvalsh, by differences of the loss, and by descent itself."""

import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.analysis.curvature import (
    Curvature,
    curvature,
    largest_eigenvalues,
    nll_gradient,
    row_mean_decay,
)
from bigram_tui.analysis.optimum import gradient_optimum
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.torch_rng import start_weights
from tests.conftest import CountLines

NAMES_CRITICAL = 74.58297671
"""2 / the largest eigenvalue of the Hessian, at the optimum of data/names.txt for λ = 0.01."""


def softmax(weights: Matrix) -> Matrix:
    odds = np.exp(weights)
    return odds / odds.sum(axis=1, keepdims=True)


def total_loss(weights: Matrix, bigrams: Bigrams, l2: float) -> float:
    nll = -(bigrams.counts * np.log(softmax(weights))).sum() / bigrams.total
    return nll + l2 * (weights**2).mean()


def names_optimum(names: Bigrams, l2: float = 0.01) -> Matrix:
    weights = gradient_optimum(names, l2).weights
    assert weights is not None
    return weights


def blocks(probabilities: Matrix, bigrams: Bigrams, l2: float) -> list[Matrix]:
    """The Hessian's block of each row."""
    size = len(probabilities)
    return [
        n / bigrams.total * (np.diag(p) - np.outer(p, p)) + 2 * l2 / size**2 * np.eye(size)
        for p, n in zip(probabilities, bigrams.row_sums, strict=True)
    ]


# A mass is often 0, often the same as another, and of any size.
masses = st.one_of(
    st.sampled_from([0.0, 1.0, 2.0, 1 + 1e-15, 1 + 1e-12, 1e-5]),
    st.floats(0, 1),
    st.floats(-300, 0).map(lambda exponent: 10**exponent),
)
distributions = (
    st.lists(masses, min_size=1, max_size=12)
    .filter(lambda row: sum(row) > 0)
    .map(lambda row: np.array(row) / sum(row))
)


# --- The eigenvalue --------------------------------------------------------------------------


@given(distributions)
@example(np.array([1.0]))
@example(np.array([0.0, 1.0, 0.0]))
@example(np.array([0.5, 0.5]))
@example(np.full(7, 1 / 7))
@example(np.array([0.5, 0.25 + 1e-16, 0.25 - 1e-16]))
@example(np.array([1 - 1e-15, 1e-15, 0.0]))
def test_the_largest_eigenvalue_of_a_row(p: Matrix) -> None:
    (found,) = largest_eigenvalues(p[None])
    expected = np.linalg.eigvalsh(np.diag(p) - np.outer(p, p))[-1]
    assert found == pytest.approx(expected, rel=0, abs=1e-14)
    # It interlaces with the probabilities, and a half is the most there is.
    *_, second, first = [0.0, *sorted(p)]
    assert second <= found <= min(first, 0.5) * (1 + 1e-15)


@pytest.mark.parametrize("q", [0.5, 0.3, 1e-3, 1e-9, 1e-17, 1e-200, 5e-324, 0.0])
def test_of_two_tokens_it_is_twice_the_product(q: float) -> None:
    (found,) = largest_eigenvalues(np.array([[q, 1 - q]]))
    assert found == pytest.approx(2 * q * (1 - q), rel=1e-15, abs=0)


@pytest.mark.parametrize("spread", [0.01, 1.0, 5.0, 40.0])
def test_many_tokens(spread: float) -> None:
    p = softmax(np.random.default_rng(3).normal(0, spread, (40, 40)))
    expected = [np.linalg.eigvalsh(np.diag(row) - np.outer(row, row))[-1] for row in p]
    np.testing.assert_allclose(largest_eigenvalues(p), expected, rtol=0, atol=1e-14)


def test_the_table_is_left_as_it_is() -> None:
    p = np.full((3, 3), 1 / 3)
    p.setflags(write=False)
    assert largest_eigenvalues(p).tolist() == [1 / 3] * 3
    assert largest_eigenvalues(p.astype(np.float32)).dtype == np.float64


# --- The Hessian -----------------------------------------------------------------------------


@pytest.mark.parametrize("l2", [0.0, 0.01, 3.0])
@pytest.mark.parametrize("lines", [["ab", "a", "bb"], ["abc", "ca", "b"], ["aaaa"]])
def test_second_differences_of_the_loss(
    lines: list[str], l2: float, count_lines: CountLines
) -> None:
    bigrams = count_lines(lines)
    size = len(bigrams.counts)
    weights = np.random.default_rng(5).standard_normal((size, size))
    h = 2e-4
    steps = h * np.eye(size**2).reshape(-1, size, size)

    def loss(moved: Matrix) -> float:
        return total_loss(weights + moved, bigrams, l2)

    hessian = [
        [(loss(a + b) - loss(a - b) - loss(b - a) + loss(-a - b)) / (4 * h * h) for a in steps]
        for b in steps
    ]
    expected = np.linalg.eigvalsh(np.array(hessian))[-1]
    found = curvature(softmax(weights), bigrams, l2)
    assert found.largest == pytest.approx(expected, rel=0, abs=3e-8)
    assert found.critical_learning_rate == pytest.approx(2 / expected, rel=1e-6)


@pytest.mark.parametrize("iteration", [0, 1, 2, 10, 100, 1000])
def test_along_the_lectures_training(
    names: Bigrams, lecture_weights: Matrix, iteration: int
) -> None:
    states = NumpyBackend(learning_rate=50.0, l2=0.01).train(names, lecture_weights)
    p = next(islice(states, iteration, None)).probabilities
    found = curvature(p, names, 0.01)
    expected = [np.linalg.eigvalsh(block)[-1] for block in blocks(p, names, 0.01)]
    np.testing.assert_allclose(found.rows, expected, rtol=0, atol=1e-15)
    assert found.row == np.argmax(expected)
    assert found.largest == max(found.rows)


def test_at_the_start_the_boundarys_row_is_steepest(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    found = curvature(softmax(lecture_weights), names, 0.01)
    assert (found.row, found.critical_learning_rate) == (0, pytest.approx(68.5302, abs=1e-4))


@pytest.mark.parametrize("l2", [1e-4, 0.01, 1.0])
def test_at_the_optimum(names: Bigrams, l2: float) -> None:
    p = softmax(names_optimum(names, l2))
    found = curvature(p, names, l2)
    expected = [np.linalg.eigvalsh(block)[-1] for block in blocks(p, names, l2)]
    np.testing.assert_allclose(found.rows, expected, rtol=0, atol=1e-15)
    if l2 == 0.01:
        assert found.row == names.vocabulary.index["a"]
        assert 2 / max(expected) == pytest.approx(NAMES_CRITICAL, abs=1e-7)
        assert found.critical_learning_rate == pytest.approx(NAMES_CRITICAL, abs=1e-7)


def test_a_row_without_counts_has_the_penalty_alone(emma: Bigrams) -> None:
    found = curvature(np.full((27, 27), 1 / 27), emma, 0.5)
    empty = emma.row_sums == 0
    assert found.rows[empty].tolist() == [1 / 729] * int(empty.sum())
    assert (found.rows[~empty] > 1 / 729).all()


def test_where_nothing_curves_no_step_is_too_large(tiny: Bigrams) -> None:
    flat = curvature(np.eye(3), tiny, 0.0)
    assert (flat.largest, flat.critical_learning_rate) == (0, math.inf)
    assert flat.standing(1e5) == 0


def test_standing() -> None:
    found = Curvature(np.array([0.01, 0.04, 0.02]))
    assert (found.row, found.largest, found.critical_learning_rate) == (1, 0.04, 50)
    assert [found.standing(rate) for rate in (0.0, 25.0, 50.0, 100.0)] == [0, 0.5, 1, 2]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_table_without_numbers_has_no_curvature(tiny: Bigrams, bad: float) -> None:
    for cell in range(3):
        p = np.full((3, 3), 1 / 3)
        p[1, cell] = bad
        found = curvature(p, tiny, 0.01)
        assert found.row == 1
        assert np.isnan(found.rows).tolist() == [False, True, False]
        assert math.isnan(found.largest)
        assert math.isnan(found.critical_learning_rate)
        assert math.isnan(found.standing(1.0))
    assert np.isnan(curvature(np.full((3, 3), bad), tiny, 0.01).rows).all()


# --- Descent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.98, 1.02])
def test_near_the_optimum_errors_shrink_below_it_and_grow_above(
    names: Bigrams, share: float
) -> None:
    optimum = names_optimum(names)
    p = softmax(optimum)
    found = curvature(p, names, 0.01)
    values, vectors = np.linalg.eigh(blocks(p, names, 0.01)[found.row])
    start = optimum.copy()
    start[found.row] += 1e-7 * vectors[:, -1]

    rate = share * found.critical_learning_rate
    states = NumpyBackend(learning_rate=rate, l2=0.01).train(names, start)
    errors = [np.linalg.norm(state.weights - optimum) for state in islice(states, 51)]
    factor = abs(1 - rate * values[-1])
    assert (factor < 1) == (share < 1)
    assert errors[50] == pytest.approx(1e-7 * factor**50, rel=1e-3)


@pytest.mark.parametrize(("rate", "falls"), [(74.5, True), (74.6, False)])
def test_from_the_lectures_start_it_parts_steady_descent_from_bouncing(
    names: Bigrams, rate: float, falls: bool
) -> None:
    assert (rate < NAMES_CRITICAL) == falls
    states = NumpyBackend(learning_rate=rate, l2=0.01).train(names, start_weights(27))
    losses = [total_loss(state.weights, names, 0.01) for state in islice(states, 1000)]
    assert (max(np.diff(losses)) < 1e-14) == falls


# --- What steps keep -------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "l2"), [(50.0, 0.01), (10.0, 1.0), (50.0, 0.0), (50.0, 14.0)])
def test_row_means_decay(names: Bigrams, lecture_weights: Matrix, rate: float, l2: float) -> None:
    decay = row_mean_decay(rate, l2, 27)
    first = lecture_weights.mean(axis=1)
    states = NumpyBackend(learning_rate=rate, l2=l2).train(names, lecture_weights)
    for iteration, state in enumerate(islice(states, 200)):
        expected = first * decay**iteration
        np.testing.assert_allclose(state.weights.mean(axis=1), expected, rtol=0, atol=1e-13)


def test_the_decay_of_the_lecture() -> None:
    assert row_mean_decay(50.0, 0.01, 27) == 1 - 1 / 729


@pytest.mark.parametrize("lines", [["emma"], ["ab", "a", "bb"]])
def test_the_nll_gradient_pair_by_pair(lines: list[str], count_lines: CountLines) -> None:
    bigrams = count_lines(lines)
    size = len(bigrams.counts)
    p = softmax(np.random.default_rng(6).standard_normal((size, size)))
    expected = np.zeros((size, size))
    for (first, second), count in np.ndenumerate(bigrams.counts):
        for _ in range(count):
            expected[first] += p[first] / bigrams.total
            expected[first, second] -= 1 / bigrams.total
    np.testing.assert_allclose(nll_gradient(p, bigrams), expected, rtol=0, atol=1e-15)


def test_rows_of_the_nll_gradient_sum_to_zero(names: Bigrams, lecture_weights: Matrix) -> None:
    states = NumpyBackend(learning_rate=50.0, l2=0.0).train(names, lecture_weights)
    for state in islice(states, 0, 100, 10):
        gradient = nll_gradient(state.probabilities, names)
        np.testing.assert_allclose(gradient, state.gradient, rtol=0, atol=1e-16)
        np.testing.assert_allclose(gradient.sum(axis=1), 0, rtol=0, atol=1e-16)


def test_a_text_without_bigrams_has_no_gradient() -> None:
    nothing = Bigrams(Vocabulary("a"), np.zeros((2, 2), dtype=np.int64))
    assert not nll_gradient(np.full((2, 2), 0.5), nothing).any()
    assert curvature(np.full((2, 2), 0.5), nothing, 0.0).largest == 0
