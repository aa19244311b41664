"""The α nearest to a table: by grids, by counting tables themselves, and in closed form."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram_backends.counting import CountingBackend
from bigram_tui.analysis.optimum import gradient_optimum
from bigram_tui.analysis.smoothing import Nearest, counting_table, nearest_smoothing
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary

NAMES = {0.001: 1.202104, 0.01: 7.901938, 0.1: 55.976306, 1.0: 476.280047}
"""The nearest α to the optimum of data/names.txt for each λ."""


def of_counts(counts: object) -> Bigrams:
    """Bigrams of these counts, the tokens being any."""
    cells = np.array(counts, dtype=np.int64)
    return Bigrams(Vocabulary("".join(chr(0x4E00 + i) for i in range(len(cells) - 1))), cells)


@st.composite
def texts(draw: st.DrawFn) -> Bigrams:
    """Counts of up to 1000, in which not all rows are constant; some may be empty."""
    size = draw(st.integers(2, 5))
    elements = st.one_of(st.just(0), st.integers(1, 9), st.integers(1, 1000))
    counts = draw(hnp.arrays(np.int64, (size, size), elements=elements))
    counts[draw(st.integers(0, size - 1)), 0] += 1 + counts.max()
    return of_counts(counts)


def optimum_table(bigrams: Bigrams, l2: float) -> Matrix:
    weights = gradient_optimum(bigrams, l2).weights
    assert weights is not None
    return np.exp(weights) / np.exp(weights).sum(axis=1, keepdims=True)


def nearest(table: Matrix, bigrams: Bigrams) -> Nearest:
    found = nearest_smoothing(table, bigrams)
    assert found is not None
    return found


def divergence(table: Matrix, bigrams: Bigrams, smoothing: float) -> float:
    """D(α), summed cell by cell without a rounding error."""
    terms = []
    for row, counts in zip(table.tolist(), bigrams.counts.tolist(), strict=True):
        for p, count in zip(row, counts, strict=True):
            if p * sum(counts) > 0:
                q = (count + smoothing) / (sum(counts) + smoothing * len(counts))
                if q == 0:
                    return math.inf
                terms.append(sum(counts) / bigrams.total * p * (math.log(p) - math.log(q)))
    return math.fsum(terms)


def by_grids(table: Matrix, bigrams: Bigrams) -> float:
    """The nearest α, by ever finer grids of log α."""
    low, high = math.log(1e-6), math.log(1e6)
    while high - low > 1e-8:
        grid = np.linspace(low, high, 61)
        place = int(np.argmin([divergence(table, bigrams, math.exp(x)) for x in grid]))
        low, high = grid[max(place - 2, 0)], grid[min(place + 2, 60)]
    return math.exp((low + high) / 2)


# --- The counting table ----------------------------------------------------------------------


@given(texts(), st.sampled_from([0.0, 1e-9, 0.5, 1.0, 7.9, 1e9]))
def test_it_is_that_of_the_counting_backend(bigrams: Bigrams, smoothing: float) -> None:
    backend = CountingBackend(smoothing=smoothing)
    (iteration,) = backend.train(bigrams, np.zeros_like(bigrams.counts, float))
    assert np.array_equal(counting_table(bigrams, smoothing), iteration.probabilities)


def test_without_an_end_of_smoothing_it_is_uniform(names: Bigrams) -> None:
    assert (counting_table(names, math.inf) == 1 / 27).all()
    np.testing.assert_allclose(counting_table(names, 1e15), 1 / 27, rtol=1e-9)


# --- Tables that are counting tables ---------------------------------------------------------


@given(texts(), st.floats(-3, 4).map(lambda exponent: 10**exponent))
def test_a_counting_table_gives_its_own_smoothing(bigrams: Bigrams, smoothing: float) -> None:
    found = nearest(counting_table(bigrams, smoothing), bigrams)
    assert found.smoothing == pytest.approx(smoothing, rel=1e-6)
    assert found.divergence == pytest.approx(0, abs=1e-14)
    assert found.probability == pytest.approx(found.counting_probability, rel=0, abs=1e-8)


@pytest.mark.parametrize("smoothing", [1e-100, 1e-9, 1e-3, 1.0, 7.9, 1e4, 1e9])
def test_over_many_decades(names: Bigrams, smoothing: float) -> None:
    found = nearest(counting_table(names, smoothing), names)
    assert found.smoothing == pytest.approx(smoothing, rel=1e-6)


@given(texts())
def test_the_counts_themselves_are_unsmoothed(bigrams: Bigrams) -> None:
    found = nearest(counting_table(bigrams, 0.0), bigrams)
    assert found.smoothing == pytest.approx(0, abs=1e-8)
    if not (bigrams.counts.all(axis=1) & (bigrams.row_sums > 0)).any():
        assert found.smoothing == 0
    assert found.divergence == pytest.approx(0, abs=1e-14)


@given(texts())
def test_the_uniform_table_is_smoothed_without_end(bigrams: Bigrams) -> None:
    found = nearest(counting_table(bigrams, math.inf), bigrams)
    assert (found.smoothing, found.divergence) == (math.inf, 0)


def test_float32_is_as_precise_as_it_can_be(names: Bigrams) -> None:
    found = nearest(counting_table(names, 7.9).astype(np.float32), names)
    assert found.smoothing == pytest.approx(7.9, rel=1e-6)


@pytest.mark.parametrize("counts", [[[7]], [[2, 2], [5, 5]], [[3, 3], [0, 0]], [[0, 0], [0, 0]]])
def test_where_no_smoothing_makes_a_difference_it_is_zero(counts: list[list[int]]) -> None:
    size = len(counts)
    table = np.linspace(1, 2, size * size).reshape(size, size)
    assert nearest(table, of_counts(counts)).smoothing == 0


# --- Other tables ----------------------------------------------------------------------------


@given(texts(), st.integers(0, 2**32))
def test_no_other_smoothing_is_nearer(bigrams: Bigrams, seed: int) -> None:
    size = len(bigrams.counts)
    table = np.random.default_rng(seed).dirichlet(np.full(size, 0.5), size)
    found = nearest(table, bigrams)
    others = [0.0, *10.0 ** np.arange(-12, 12, 0.1)]
    least = min(divergence(table, bigrams, smoothing) for smoothing in others)
    assert found.divergence <= least + 1e-13
    if 0 < found.smoothing < math.inf:
        expected = divergence(table, bigrams, found.smoothing)
        assert found.divergence == pytest.approx(expected, rel=0, abs=1e-13)


def test_two_tokens_are_one_equation() -> None:
    """(N + α)/(n + 2α) = p, so α = (pn − N)/(1 − 2p)."""
    bigrams = of_counts([[9, 1], [0, 0]])
    found = nearest(np.array([[0.7, 0.3], [1.0, 0.0]]), bigrams)
    assert found.smoothing == pytest.approx((0.7 * 10 - 9) / (1 - 2 * 0.7), rel=1e-11)
    # The row that never occurs has no say, but is farthest.
    assert (found.farthest, found.probability, found.counting_probability) == ((1, 0), 1.0, 0.5)
    # Sharper than the counts, and turned round.
    assert nearest(np.array([[0.95, 0.05], [0.5, 0.5]]), bigrams).smoothing == 0
    assert nearest(np.array([[0.2, 0.8], [0.5, 0.5]]), bigrams).smoothing == math.inf


@pytest.mark.parametrize(("rare", "low"), [(0.255, True), (0.26, False)])
def test_the_lowest_of_several_minima(rare: float, low: bool) -> None:
    """One row is as counted at α = 0.05, the other, of which there is much more, for a large α."""
    bigrams = of_counts([[0, 5], [10**4, 3 * 10**4]])
    table = np.array([[0.05 / 5.1, 5.05 / 5.1], [rare, 1 - rare]])
    grid = 10.0 ** np.arange(-4, 8, 0.05)
    values = np.array([divergence(table, bigrams, smoothing) for smoothing in grid])
    minima = grid[1:-1][(values[1:-1] < values[:-2]) & (values[1:-1] < values[2:])]
    assert len(minima) == 2

    found = nearest(table, bigrams)
    assert found.smoothing == pytest.approx(minima[0 if low else 1], rel=0.1)
    assert found.divergence <= values.min()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_table_without_numbers_is_near_to_nothing(tiny: Bigrams, bad: float) -> None:
    table = np.full((3, 3), 1 / 3)
    table[1, 2] = bad
    assert nearest_smoothing(table, tiny) is None
    assert nearest_smoothing(np.zeros((3, 3)), tiny) is None


# --- What a penalty amounts to ---------------------------------------------------------------


@pytest.mark.parametrize("l2", NAMES)
def test_the_figures_for_the_names(names: Bigrams, l2: float) -> None:
    """The lecture's own file, a little smaller, has 1.26, 7.9, 56 and 447 on a grid of log α."""
    table = optimum_table(names, l2)
    found = nearest(table, names)
    assert by_grids(table, names) == pytest.approx(NAMES[l2], rel=1e-6)
    assert found.smoothing == pytest.approx(NAMES[l2], rel=1e-6)
    expected = divergence(table, names, found.smoothing)
    assert found.divergence == pytest.approx(expected, rel=0, abs=1e-14)


def test_no_smoothing_is_the_lectures_penalty(names: Bigrams) -> None:
    table = optimum_table(names, 0.01)
    found = nearest(table, names)
    difference = abs(table - (names.counts + 7.901938) / (names.row_sums[:, None] + 27 * 7.901938))
    index = names.vocabulary.index
    assert found.farthest == (index["q"], index["u"])
    assert difference.max() == difference[found.farthest]
    assert found.probability == pytest.approx(0.664173, abs=1e-6)
    assert found.counting_probability == pytest.approx(0.440958, abs=1e-6)
    assert found.divergence == pytest.approx(6.443405e-4, abs=1e-10)


@pytest.mark.parametrize("l2", [1e-4, 0.01, 1.0, 100.0])
def test_a_penalty_takes_from_each_count_by_its_weight(names: Bigrams, l2: float) -> None:
    """The module's own formula: P = (N − cW) / Σ_j N with c = 2λB/V²."""
    weights = gradient_optimum(names, l2).weights
    assert weights is not None
    adjusted = names.counts - 2 * l2 * names.total / 27**2 * weights
    expected = adjusted / names.row_sums[:, None]
    np.testing.assert_allclose(optimum_table(names, l2), expected, rtol=0, atol=1e-12)


def test_only_the_ends_agree(names: Bigrams) -> None:
    costs = [nearest(optimum_table(names, l2), names).divergence for l2 in (1e-9, 0.1, 1.0, 1e6)]
    assert max(costs[0], costs[-1]) < 1e-9
    assert min(costs[1:3]) > 1e-3
