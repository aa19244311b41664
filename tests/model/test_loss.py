"""The negative log-likelihood and the perplexity of a table of probabilities."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.loss import SUMMED_AT_ONCE, negative_log_likelihood, perplexity
from tests.conftest import CountLines

Case = tuple[Bigrams, Matrix]


@st.composite
def cases(draw: st.DrawFn, low: float = 1e-6) -> Case:
    """Some counts, and a table of which no cell is below `low` before rows are made to sum to 1."""
    size = draw(st.integers(1, 5))
    counts = draw(hnp.arrays(np.int64, (size, size), elements=st.integers(0, 20)))
    counts.flat[draw(st.integers(0, size**2 - 1))] += 1
    table = draw(hnp.arrays(np.float64, (size, size), elements=st.floats(low, 1)))
    table[:, -1] += table.sum(axis=1) == 0
    return Bigrams(Vocabulary("abcd"[: size - 1]), counts), table / table.sum(axis=1)[:, None]


def pairs(bigrams: Bigrams) -> list[tuple[int, int]]:
    """Every single bigram of a text."""
    rows = enumerate(bigrams.counts.tolist())
    return [(i, j) for i, row in rows for j, count in enumerate(row) for _ in range(count)]


def counted(bigrams: Bigrams, smoothing: float) -> npt.NDArray[np.float64]:
    """Row by row: the counts plus the smoothing, as shares of their sum."""
    rows = [[count + smoothing for count in row] for row in bigrams.counts.tolist()]
    return np.array([[count / sum(row) for count in row] for row in rows])


@given(cases())
def test_it_is_the_mean_of_minus_log_p_over_all_bigrams(case: Case) -> None:
    bigrams, table = case
    expected = math.fsum(-math.log(table[pair]) for pair in pairs(bigrams)) / len(pairs(bigrams))
    assert negative_log_likelihood(table, bigrams) == pytest.approx(expected, rel=1e-13, abs=1e-13)


@given(cases())
def test_it_is_the_cross_entropy_of_torch(case: Case) -> None:
    torch = pytest.importorskip("torch")
    bigrams, table = case
    x, y = torch.tensor(pairs(bigrams)).T
    # The softmax of log P is P, so log P will do as logits.
    expected = torch.nn.functional.cross_entropy(torch.tensor(table).log()[x], y).item()
    assert negative_log_likelihood(table, bigrams) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(cases(low=0))
def test_it_is_never_negative_and_infinite_just_where_the_impossible_occurs(case: Case) -> None:
    bigrams, table = case
    nll = negative_log_likelihood(table, bigrams)
    assert nll >= 0
    assert math.isinf(nll) == any(table[pair] == 0 for pair in pairs(bigrams))


def test_a_certain_text_has_zero_and_not_minus_zero() -> None:
    bigrams = Bigrams(Vocabulary("a"), np.array([[0, 3], [3, 0]]))
    nll = negative_log_likelihood(np.array([[0.0, 1.0], [1.0, 0.0]]), bigrams)
    assert (nll, math.copysign(1, nll)) == (0, 1)


def test_a_table_with_nan_where_it_matters_has_no_loss(tiny: Bigrams) -> None:
    table = np.full((3, 3), 1 / 3)
    table[0, 1] = np.nan
    assert math.isnan(negative_log_likelihood(table, tiny))


def test_a_float32_table_is_evaluated_in_float64(names: Bigrams) -> None:
    table = counted(names, 1.0).astype(np.float32)
    terms = [
        count * -math.log(float(table[i, j]))
        for i, row in enumerate(names.counts.tolist())
        for j, count in enumerate(row)
    ]
    expected = math.fsum(terms) / names.total
    assert negative_log_likelihood(table, names) == pytest.approx(expected, rel=1e-14)
    in_float32 = float(-np.log(table).ravel() @ (names.counts / names.total).ravel().astype("f"))
    assert in_float32 != pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("size", [90, 91, 400])
def test_many_bigrams_are_summed_as_few_are(size: int) -> None:
    random = np.random.default_rng(size)
    counts = random.integers(0, 9, (size, size))
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + size - 1)))
    bigrams = Bigrams(Vocabulary(characters), counts)
    assert (bigrams.seen.size > SUMMED_AT_ONCE) == (size == 400)
    table = random.random((size, size)) + 0.01
    terms = [
        count * -math.log(p)
        for row, ps in zip(counts.tolist(), table.tolist(), strict=True)
        for count, p in zip(row, ps, strict=True)
    ]
    expected = math.fsum(terms) / int(counts.sum())
    assert negative_log_likelihood(table, bigrams) == pytest.approx(expected, rel=1e-13)
    last = np.unravel_index(bigrams.seen[-1], table.shape)
    table[last] = 0
    assert negative_log_likelihood(table, bigrams) == math.inf


@pytest.mark.parametrize(
    ("smoothing", "expected"), [(0.0, 2.4543953286105005), (1.0, 2.4549509940276324)]
)
def test_counting_the_bundled_names_has_the_known_loss(
    names: Bigrams, smoothing: float, expected: float
) -> None:
    nll = negative_log_likelihood(counted(names, smoothing), names)
    assert nll == pytest.approx(expected, rel=0, abs=1e-14)


def test_the_log_of_the_product_is_the_sum_of_logs_while_there_is_a_product(
    names: Bigrams, name_lines: list[str], count_lines: CountLines
) -> None:
    table = counted(names, 1.0)
    few = count_lines(name_lines[:20], names.vocabulary.characters)
    product = math.prod(float(table[pair]) for pair in pairs(few))
    assert product > 0
    expected = -math.log(product) / few.total
    assert negative_log_likelihood(table, few) == pytest.approx(expected, rel=1e-12)

    many = count_lines(name_lines[:200], names.vocabulary.characters)
    assert math.prod(float(table[pair]) for pair in pairs(many)) == 0  # it underflows
    assert 2 < negative_log_likelihood(table, many) < 3


@given(st.integers(2, 40))
def test_the_perplexity_of_a_uniform_table_is_the_number_of_tokens(size: int) -> None:
    characters = "".join(chr(ord("a") + i) for i in range(size - 1))
    bigrams = Bigrams(Vocabulary(characters), np.eye(size, dtype=np.int64))
    nll = negative_log_likelihood(np.full((size, size), 1 / size), bigrams)
    assert perplexity(nll) == pytest.approx(size)


@pytest.mark.parametrize(
    ("nll", "expected"), [(0.0, 1.0), (1.0, math.e), (1000.0, math.inf), (math.inf, math.inf)]
)
def test_perplexity_is_the_exponential_and_overflows_to_infinity(
    nll: float, expected: float
) -> None:
    assert perplexity(nll) == expected


def test_the_perplexity_of_nan_is_nan() -> None:
    assert math.isnan(perplexity(math.nan))
