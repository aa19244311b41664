"""The families of α and λ: at equal fit they are other tables, found here by bisection alone."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings

from bigram_tui.analysis.optimum import Optimum, gradient_optimum
from bigram_tui.lessons import families as families_module
from bigram_tui.lessons.families import Families, LambdaMatch, families, match
from bigram_tui.model.bigrams import Bigrams, Matrix
from tests.analysis.test_optimum import bisected, table, tables
from tests.conftest import CountLines

TWENTY = ((math.inf, 20),)


@pytest.fixture(scope="module")
def found(names: Bigrams) -> Families:
    result = families(names)
    assert result is not None
    return result


@pytest.fixture(scope="module")
def here(names: Bigrams) -> LambdaMatch:
    """Where the lecture's λ stands."""
    result = match(names, 0.01)
    assert result is not None
    return result


def counting(bigrams: Bigrams, alpha: float) -> Matrix:
    """(N + α) / (n + Vα) cell by cell."""
    size = len(bigrams.counts)
    p = np.full((size, size), 1 / size)
    for i, row in enumerate(bigrams.counts.tolist()):
        for j, n in enumerate(row):
            if sum(row) + alpha and alpha < math.inf:
                p[i, j] = (n + alpha) / (sum(row) + size * alpha)
    return p


def descended(bigrams: Bigrams, l2: float) -> Matrix:
    """P where the loss is least, by bisection."""
    if l2 == 0:
        return counting(bigrams, 0)
    weights = np.zeros(bigrams.counts.shape) if l2 == math.inf else bisected(bigrams, l2)
    odds = np.exp(weights - weights.max(axis=1, keepdims=True))
    p: Matrix = odds / odds.sum(axis=1, keepdims=True)
    return p


def share(bigrams: Bigrams, p: Matrix) -> float:
    """How much of the way from the NLL of the counts to log V a table's NLL is."""
    cells = [(i, j, int(n)) for (i, j), n in np.ndenumerate(bigrams.counts) if n]
    rows = bigrams.counts.sum(axis=1).tolist()
    nll = -math.fsum(n * math.log(p[i, j]) for i, j, n in cells) / bigrams.total
    least = -math.fsum(n * math.log(n / rows[i]) for i, _, n in cells) / bigrams.total
    return (nll - least) / (math.log(len(rows)) - least)


def bisect(rises: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(80):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if rises(middle) > 0 else (middle, high)
    return low


# The way


def test_it_goes_from_the_counts_to_uniform(found: Families, names: Bigrams) -> None:
    np.testing.assert_allclose(found.shares, np.arange(101) / 100, atol=1e-15)
    for values in (found.smoothing, found.l2):
        assert (values[0], values[-1]) == (0, math.inf)
        assert (np.diff(values[:-1]) > 0).all()
    assert found.largest[0] == found.largest[-1] == 0
    assert (found.largest[1:-1] > 1e-6).all(), "only the ends are the same"
    for token in range(27):
        ends = names.counts[token] / names.counts[token].sum()
        for p in found.row(token):
            np.testing.assert_allclose(p[0], ends, rtol=1e-15)
            np.testing.assert_allclose(p[-1], 1 / 27, rtol=1e-15)


@pytest.mark.parametrize("place", [1, 2, 10, 50, 99])
def test_both_tables_of_a_place_fit_equally_well(
    found: Families, names: Bigrams, place: int
) -> None:
    alpha, l2 = float(found.smoothing[place]), float(found.l2[place])
    p, q = counting(names, alpha), descended(names, l2)
    assert share(names, p) == pytest.approx(place / 100, abs=1e-6)
    assert share(names, q) == pytest.approx(place / 100, abs=1e-6)
    np.testing.assert_allclose(found.largest[place], abs(p - q).max(), rtol=1e-9)
    assert abs(p - q)[tuple(found.farthest[place])] == abs(p - q).max()
    for token in (0, 17):
        np.testing.assert_allclose(found.row(token)[0][place], p[token], rtol=1e-12)
        np.testing.assert_allclose(found.row(token)[1][place], q[token], rtol=1e-9)


def test_where_they_are_farthest_apart(found: Families, names: Bigrams) -> None:
    """What u is after q: counting gives it up for α much sooner than descent does for λ."""
    worst = int(found.largest.argmax())
    assert worst == 2
    assert found.largest[worst] == pytest.approx(0.25237, abs=1e-5)
    assert names.vocabulary.decode(found.farthest[worst].tolist()) == "qu"
    by_alpha, by_l2 = (p[worst, 21] for p in found.row(17))
    assert by_l2 - by_alpha == pytest.approx(0.25237, abs=1e-5)


# Where a λ stands


def test_the_alpha_that_is_nearest_to_the_lectures_penalty(
    here: LambdaMatch, names: Bigrams
) -> None:
    """Σ π_i T log(T / C) by a plain sum, and the α of its least value by thirds."""
    p = descended(names, 0.01)
    pi = names.counts.sum(axis=1) / names.total

    def divergence(log_alpha: float) -> float:
        return float((pi[:, None] * p * np.log(p / counting(names, math.exp(log_alpha)))).sum())

    low, high = math.log(0.01), math.log(1000)
    for _ in range(60):
        first, second = (2 * low + high) / 3, (low + 2 * high) / 3
        if divergence(first) < divergence(second):
            high = second
        else:
            low = first
    assert math.exp(low) == pytest.approx(7.9019, abs=1e-4)
    assert here.nearest.smoothing == pytest.approx(7.9019, abs=1e-4)
    apart = abs(p - counting(names, 7.9019))
    assert apart.max() == pytest.approx(0.2232, abs=5e-5)
    assert here.nearest.farthest == np.unravel_index(apart.argmax(), apart.shape)
    assert here.nearest_share == pytest.approx(share(names, counting(names, 7.9019)), abs=1e-6)


def test_the_alpha_that_fits_as_well_is_another(here: LambdaMatch, names: Bigrams) -> None:
    place = share(names, descended(names, 0.01))
    assert place == pytest.approx(0.0075083, abs=1e-7)
    assert here.share == pytest.approx(place, abs=1e-10)
    alpha = bisect(lambda a: share(names, counting(names, a)) - place, 1e-3, 1e3)
    assert alpha == pytest.approx(8.1114, abs=1e-4)
    assert here.equal == pytest.approx(alpha, rel=1e-5)


@pytest.mark.parametrize("l2", [1e-200, 1e-12, 1e-6, 1e3, 1e12, 1e200])
def test_the_weakest_and_the_strongest_penalty(names: Bigrams, l2: float) -> None:
    result = match(names, l2)
    assert result is not None
    assert result.share == pytest.approx(0 if l2 < 1 else 1, abs=0.003)
    assert (result.equal < 0.1) if l2 < 1 else (result.equal > 1e4)


# Any text


@settings(max_examples=25)
@given(tables(10**6))
def test_both_families_of_any_text(bigrams: Bigrams) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(families_module, "STEPS", ((math.inf, 5),))
        found = families(bigrams)
    assume(found is not None)
    assert found is not None
    for place in range(1, 5):
        p = counting(bigrams, float(found.smoothing[place]))
        q = np.array([found.row(token)[1][place] for token in range(len(bigrams.counts))])
        for each in (p, q):
            assert share(bigrams, each) == pytest.approx(found.shares[place], abs=1e-6)
        assert found.largest[place] == pytest.approx(abs(p - q).max(), abs=1e-12)


@pytest.mark.parametrize("lines", [["a"], ["abcdefgh"]])
def test_where_all_rows_are_alike_both_families_are_one(
    count_lines: CountLines, lines: list[str]
) -> None:
    """If one token alone follows each, a share of the way leaves no choice of tables."""
    found = families(count_lines(lines))
    assert found is not None
    assert found.largest.max() < 1e-6


def test_a_row_without_counts_is_uniform(count_lines: CountLines) -> None:
    found = families(count_lines(["ab", "ba", "bb"], "abc"))
    assert found is not None
    for p in found.row(3):
        assert (p == 0.25).all()


@pytest.mark.parametrize("counts", [[[3]], [[2, 2], [5, 5]], [[10**6 + 1, 10**6], [0, 0]]])
def test_uniform_counts_have_no_way_to_go(counts: list[list[int]]) -> None:
    bigrams = table(counts)
    assert families(bigrams) is None
    assert match(bigrams, 0.01) is None


# How long it takes


def test_large_texts_have_fewer_places(count_lines: CountLines) -> None:
    lines = ["".join(chr(0x4E00 + k * step % 120) for k in range(40)) for step in (1, 7, 31)]
    found = families(count_lines(lines, "".join(chr(0x4E00 + k) for k in range(120))))
    assert found is not None
    assert found.steps == 20
    np.testing.assert_allclose(found.shares, np.arange(21) / 20, atol=1e-15)


def penalties_solved(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note each λ whose optimum is solved from now on."""
    solved: list[float] = []

    def solve(bigrams: Bigrams, l2: float) -> Optimum:
        solved.append(l2)
        return gradient_optimum(bigrams, l2)

    monkeypatch.setattr(families_module, "gradient_optimum", solve)
    return solved


def test_it_says_how_far_it_is_and_can_be_stopped(
    tiny: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(families_module, "STEPS", TWENTY)
    told: list[tuple[int, int]] = []
    families(tiny, lambda *done: told.append(done))
    assert told == [(k, 19) for k in range(19)]

    def stop(done: int, whole: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    solved = penalties_solved(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        families(tiny, stop)
    assert 3 <= len(solved) < 30


def test_a_place_takes_few_solutions(names: Bigrams, monkeypatch: pytest.MonkeyPatch) -> None:
    solved = penalties_solved(monkeypatch)
    families(names)
    assert len(solved) < 5 * 99
