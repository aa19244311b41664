"""The best total loss of a text: by bisection, by descent and in closed form, each written here."""

import math
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.analysis import optimum as optimum_module
from bigram_tui.analysis.optimum import Optimum, counting_optimum, gradient_optimum
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.loss import negative_log_likelihood
from tests.conftest import CountLines

L2S = [0.0, 1e-12, 1e-8, 1e-5, 1e-3, 1e-2, 0.1, 1.0, 10.0, 1e3, 1e6]
NAMES_OPTIMUM = 2.480717414490
"""The least total loss of data/names.txt at λ = 0.01."""


def table(counts: object) -> Bigrams:
    """Bigrams of these counts, the tokens being any."""
    cells = np.array(counts, dtype=np.int64)
    return Bigrams(Vocabulary("".join(chr(0x4E00 + i) for i in range(len(cells) - 1))), cells)


@st.composite
def tables(draw: st.DrawFn, most: int = 10**12) -> Bigrams:
    """Small counts of every size: rows may be empty or hold one token alone."""
    size = draw(st.integers(1, 5))
    count = st.one_of(st.just(0), st.integers(1, 9), st.integers(1, most))
    counts = draw(hnp.arrays(np.int64, (size, size), elements=count))
    counts.flat[draw(st.integers(0, size**2 - 1))] += 1
    return table(counts)


regularizations = st.floats(-12, 6).map(lambda exponent: 10**exponent)


def weights_of(optimum: Optimum) -> Matrix:
    assert optimum.weights is not None
    return optimum.weights


def total_loss(weights: Matrix, bigrams: Bigrams, l2: float) -> float:
    """−Σ N·log softmax(W) / B + λ·ΣW² / V², summed cell by cell without a rounding error."""
    terms = []
    for row, counts in zip(weights.tolist(), bigrams.counts.tolist(), strict=True):
        top = max(row)
        log_sum = top + math.log(math.fsum(math.exp(w - top) for w in row))
        terms += [n / bigrams.total * (log_sum - w) for w, n in zip(row, counts, strict=True) if n]
    return math.fsum(terms) + l2 * math.fsum(w * w for w in weights.flat) / weights.size


def root(function: Callable[[Matrix], Matrix], low: Matrix, high: Matrix) -> Matrix:
    """Where increasing functions change their sign, all at once, by halving the bounds."""
    for _ in range(65):
        middle = (low + high) / 2
        positive = function(middle) > 0
        low, high = np.where(positive, low, middle), np.where(positive, middle, high)
    return (low + high) / 2


def bisected(bigrams: Bigrams, l2: float) -> Matrix:
    """The minimiser W by bisection alone.

    A row's gradient s/B·exp(w_j − z) − n_j/B + 2λ/V²·w_j vanishes, z = log Σ exp w. For a given z
    that is one equation in each w_j; the right z is that for which the w_j sum to 0.
    """
    size = len(bigrams.counts)
    c = 2 * l2 / size**2
    a = bigrams.counts / bigrams.total
    s = a.sum(axis=1, keepdims=True)
    # As 0 < p < 1, |w| < s/c; and it is nowhere near 800, where exp has left the floats.
    bound = np.minimum(s / c, 800.0)

    def logits(z: Matrix) -> Matrix:
        low = -bound + 0 * a
        return root(lambda w: s * np.exp(np.minimum(w - z, 700)) - a + c * w, low, -low)

    spread = bound + math.log(size)
    return logits(root(lambda z: logits(z).sum(axis=1, keepdims=True), -spread, spread))


# --- The minimum -----------------------------------------------------------------------------


@given(tables(), regularizations)
def test_the_gradient_vanishes(bigrams: Bigrams, l2: float) -> None:
    weights = weights_of(gradient_optimum(bigrams, l2))
    joint = bigrams.counts / bigrams.total
    odds = np.exp(weights - weights.max(axis=1, keepdims=True))
    expected = joint.sum(axis=1, keepdims=True) * odds / odds.sum(axis=1, keepdims=True)
    pull = 2 * l2 / weights.size * weights
    assert (abs(expected - joint + pull) <= 1e-14 * (expected + joint + abs(pull))).all()


@given(tables(), regularizations)
def test_rows_sum_to_zero_and_empty_rows_are_zero(bigrams: Bigrams, l2: float) -> None:
    weights = weights_of(gradient_optimum(bigrams, l2))
    sizes = abs(weights).max(axis=1)
    assert (abs(weights.sum(axis=1)) <= 1e-14 * sizes).all()
    assert not weights[bigrams.row_sums == 0].any()


@given(tables(), regularizations)
def test_it_is_the_loss_at_its_weights(bigrams: Bigrams, l2: float) -> None:
    optimum = gradient_optimum(bigrams, l2)
    weights = weights_of(optimum)
    assert optimum.attained
    assert optimum.total == optimum.nll + optimum.regularization
    assert optimum.nll == pytest.approx(total_loss(weights, bigrams, 0), rel=0, abs=1e-13)
    assert optimum.total == pytest.approx(total_loss(weights, bigrams, l2), rel=0, abs=1e-13)


@given(tables(), regularizations, st.integers(0, 2**32), st.floats(-9, 1))
def test_no_other_weights_are_better(
    bigrams: Bigrams, l2: float, seed: int, exponent: float
) -> None:
    optimum = gradient_optimum(bigrams, l2)
    weights = weights_of(optimum)
    direction = np.random.default_rng(seed).standard_normal(weights.shape)
    for moved in (weights + 10**exponent * direction, weights * (1 + 10**exponent), 0 * weights):
        assert total_loss(moved, bigrams, l2) >= optimum.total - 1e-13


@given(tables(), regularizations)
def test_bisection_finds_the_same(bigrams: Bigrams, l2: float) -> None:
    optimum = gradient_optimum(bigrams, l2)
    expected = bisected(bigrams, l2)
    assert optimum.total == pytest.approx(total_loss(expected, bigrams, l2), rel=0, abs=1e-12)
    np.testing.assert_allclose(weights_of(optimum), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("l2", [1e-6, 0.01, 1.0, 100.0])
@pytest.mark.parametrize("counts", [(3, 1), (5, 0), (10**12, 1), (1, 1)])
def test_two_tokens_are_one_equation(counts: tuple[int, int], l2: float) -> None:
    """w = (x, −x), of which the loss is −(n₁·log σ(2x) + n₂·log σ(−2x))/B + λx²/2."""
    low, high = -400.0, 400.0
    n, m = (count / sum(counts) for count in counts)
    while (x := (low + high) / 2) not in (low, high):
        slope = (1 / (1 + math.exp(-2 * x)) - n) * 2 + l2 * x
        low, high = (low, x) if slope > 0 else (x, high)
    expected = n * math.log1p(math.exp(-2 * x)) + m * math.log1p(math.exp(2 * x)) + l2 * x**2 / 2

    optimum = gradient_optimum(table([counts, (0, 0)]), l2)
    assert optimum.total == pytest.approx(expected, rel=0, abs=1e-12)
    expected_weights = np.array([[x, -x], [0.0, 0.0]])
    np.testing.assert_allclose(weights_of(optimum), expected_weights, rtol=1e-11, atol=1e-11)


def test_one_token_has_nothing_to_learn() -> None:
    for l2 in (0.0, 1e-300, 0.01, 1e308):
        optimum = gradient_optimum(table([[7]]), l2)
        assert (optimum.total, optimum.attained, weights_of(optimum).tolist()) == (0, True, [[0]])


def test_a_text_without_bigrams_costs_nothing() -> None:
    assert gradient_optimum(table([[0, 0], [0, 0]]), 0.01).total == 0
    assert counting_optimum(table([[0, 0], [0, 0]])).total == 0


# --- Against descent -------------------------------------------------------------------------


@pytest.mark.parametrize("l2", [0.01, 0.1, 1.0])
def test_gradient_descent_comes_down_to_it(tiny: Bigrams, l2: float) -> None:
    backend = NumpyBackend(learning_rate=2.0, l2=l2)
    start = np.random.default_rng(0).standard_normal((3, 3))
    best = gradient_optimum(tiny, l2).total
    states = islice(backend.train(tiny, start), 0, 20_001, 2_000)
    losses = [total_loss(state.weights, tiny, l2) for state in states]
    assert min(losses) >= best - 1e-14
    assert losses[-1] == pytest.approx(best, rel=0, abs=1e-10)


@pytest.mark.parametrize("l2", [pytest.param(0.001, marks=pytest.mark.slow), 1.0])
def test_lbfgs_and_autograd_find_the_same(names: Bigrams, l2: float) -> None:
    torch = pytest.importorskip("torch")
    joint = torch.tensor(names.counts / names.total)

    def loss(w: Any) -> Any:
        return -(joint * torch.log_softmax(w, dim=1)).sum() + l2 * (w**2).mean()

    def closure() -> Any:
        solver.zero_grad()
        value = loss(w)
        value.backward()
        return value

    w = torch.zeros(27, 27, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [w],
        max_iter=3000,
        tolerance_grad=1e-12,
        tolerance_change=0,
        history_size=50,
        line_search_fn="strong_wolfe",
    )
    solver.step(closure)
    optimum = gradient_optimum(names, l2)
    assert optimum.total == pytest.approx(loss(w).item(), rel=0, abs=1e-9)

    at_optimum = torch.tensor(optimum.weights, requires_grad=True)
    loss(at_optimum).backward()
    assert at_optimum.grad.abs().max() < 1e-16


def test_the_figure_for_the_names(names: Bigrams) -> None:
    """By bisection; LBFGS agrees above."""
    expected = total_loss(bisected(names, 0.01), names, 0.01)
    assert expected == pytest.approx(NAMES_OPTIMUM, rel=0, abs=1e-12)
    assert gradient_optimum(names, 0.01).total == pytest.approx(expected, rel=0, abs=1e-12)


# --- Limits ----------------------------------------------------------------------------------


@given(tables())
def test_counting_reaches_the_maximum_likelihood(bigrams: Bigrams) -> None:
    optimum = counting_optimum(bigrams)
    shares = [
        (n / bigrams.total, n / sum(row)) for row in bigrams.counts.tolist() for n in row if n
    ]
    expected = math.fsum(-share * math.log(p) for share, p in shares)
    assert optimum.total == pytest.approx(expected, rel=0, abs=1e-13)
    assert (optimum.regularization, optimum.attained, optimum.weights) == (0, True, None)
    last = next(CountingBackend(smoothing=0.0).train(bigrams, np.zeros_like(bigrams.counts, float)))
    assert optimum.nll == negative_log_likelihood(last.probabilities, bigrams)


@given(tables())
def test_without_regularization_it_is_that_of_counting(bigrams: Bigrams) -> None:
    optimum = gradient_optimum(bigrams, 0)
    assert optimum.total == optimum.nll == counting_optimum(bigrams).nll
    lone_zeros = [0 in row and any(row) for row in bigrams.counts.tolist()]
    assert optimum.attained == (not any(lone_zeros)) == (optimum.weights is not None)


@given(tables())
def test_where_it_is_attained_without_regularization_the_weights_attain_it(
    bigrams: Bigrams,
) -> None:
    full = table(bigrams.counts + 1)
    optimum = gradient_optimum(full, 0)
    weights = weights_of(optimum)
    assert optimum.attained
    assert total_loss(weights, full, 0) == pytest.approx(optimum.nll, rel=0, abs=1e-13)
    np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-13)
    # Of all minimisers it is the one that a vanishing penalty selects.
    selected = weights_of(gradient_optimum(full, 1e-200))
    np.testing.assert_allclose(weights, selected, rtol=0, atol=1e-11)


def test_unseen_bigrams_are_only_tended_to(names: Bigrams) -> None:
    optimum = gradient_optimum(names, 0)
    assert (optimum.attained, optimum.weights) == (False, None)
    assert optimum.total == pytest.approx(2.4543953286105005, rel=0, abs=1e-13)


@given(tables())
def test_a_vanishing_penalty_leaves_the_likelihood(bigrams: Bigrams) -> None:
    floor = counting_optimum(bigrams).nll
    for l2 in (1e-320, 1e-301, 1e-299, 1e-30, 1e-15):
        optimum = gradient_optimum(bigrams, l2)
        assert optimum.total == pytest.approx(floor, rel=0, abs=1e-11)
        assert optimum.attained or l2 < 1e-300


@given(tables())
def test_a_vast_penalty_leaves_the_uniform_table(bigrams: Bigrams) -> None:
    uniform = math.log(len(bigrams.vocabulary))
    for l2 in (1e6, 1e12, 1e100, 1.7e308):
        optimum = gradient_optimum(bigrams, l2)
        # 0 ≤ log V − total ≤ log V − NLL, and |w| ≤ V²/2λ leaves the NLL that close to log V.
        assert optimum.total == pytest.approx(uniform, rel=0, abs=25 / l2 + 1e-14)
        assert optimum.total <= uniform + 1e-14
        assert abs(weights_of(optimum)).max() <= len(bigrams.vocabulary) ** 2 / 2 / l2


@given(tables())
def test_more_penalty_is_never_better(bigrams: Bigrams) -> None:
    optima = [gradient_optimum(bigrams, l2) for l2 in L2S]
    assert (np.diff([optimum.total for optimum in optima]) >= -1e-13).all()
    assert (np.diff([optimum.nll for optimum in optima]) >= -1e-13).all()


# --- Sizes and errors ------------------------------------------------------------------------


@pytest.mark.parametrize("l2", [0.0, 1e-12, 0.01, 1e6])
def test_a_large_sparse_text(l2: float) -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 10**12, (500, 500)) * (rng.random((500, 500)) < 0.02) // 10**3
    counts[7] = 0
    bigrams = table(counts)
    optimum = gradient_optimum(bigrams, l2)
    assert counting_optimum(bigrams).nll <= optimum.total + 1e-12
    assert optimum.total <= math.log(500)


@pytest.mark.parametrize("counts", [[[1, 10**12], [0, 1]], [[10**12, 0], [1, 0]]])
@pytest.mark.parametrize("l2", L2S)
def test_extremes_overflow_nowhere(counts: list[list[int]], l2: float) -> None:
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        optimum = gradient_optimum(table(counts), l2)
    assert counting_optimum(table(counts)).nll - 1e-13 <= optimum.total <= math.log(2) + 1e-13


@pytest.mark.parametrize("l2", [-1e-300, -1.0, math.inf, -math.inf, math.nan])
def test_l2_is_finite_and_not_negative(tiny: Bigrams, l2: float) -> None:
    with pytest.raises(ValueError, match="l2 is finite and not negative"):
        gradient_optimum(tiny, l2)


def test_it_says_so_if_newtons_method_fails(tiny: Bigrams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimum_module, "_MOST_STEPS", 1)
    with pytest.raises(ArithmeticError, match="did not converge in 1 steps"):
        gradient_optimum(tiny, 0.01)


def test_only_the_shares_of_the_bigrams_matter(count_lines: CountLines) -> None:
    once, often = count_lines(["emma"]), count_lines(["emma"] * 1000)
    assert gradient_optimum(often, 0.01).total == pytest.approx(
        gradient_optimum(once, 0.01).total, rel=0, abs=1e-14
    )
