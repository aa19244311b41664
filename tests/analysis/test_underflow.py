"""The likelihood as a product: by numpy's scalars, by decimals, and by the loss."""

import decimal
import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.analysis.underflow import Product, Underflow, bigram_probabilities, underflow
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.loss import negative_log_likelihood

NEVER = Product(None, None)


def mle(bigrams: Bigrams) -> Matrix:
    """N / Σ_j N."""
    rows = [[n / max(sum(row), 1) for n in row] for row in bigrams.counts.tolist()]
    return np.array(rows)


def one_by_one(probabilities: list[float], format: type[np.floating]) -> Product:
    """Multiplied scalar by scalar, each product rounded to the format."""
    product = format(1)
    subnormal = zero = None
    for place, probability in enumerate(probabilities, start=1):
        product = product * format(probability)
        assert type(product) is format
        if 0 < product < np.finfo(format).tiny and subnormal is None:
            subnormal = place
        if product == 0 and zero is None:
            zero = place
    return Product(subnormal, zero)


@pytest.fixture(scope="module")
def factors(names: Bigrams, name_lines: list[str]) -> list[float]:
    """P of the bigrams of data/names.txt in the file's order, by counting, pair by pair."""
    table = mle(names)
    index = names.vocabulary.index
    found = []
    for line in name_lines:
        boundary = names.vocabulary.boundary_label
        word = [index[label] for label in [boundary, *line, boundary]]
        found += [float(table[pair]) for pair in pairwise(word)]
    return found


# --- The names -------------------------------------------------------------------------------


def test_the_names_bigram_by_bigram(
    names: Bigrams, name_lines: list[str], factors: list[float]
) -> None:
    found = bigram_probabilities(name_lines, names.vocabulary, mle(names))
    assert isinstance(found, Iterator)
    assert list(found) == factors


def test_the_names_underflow(names: Bigrams, factors: list[float]) -> None:
    found = underflow(iter(factors))
    assert found.factors == names.total == 229_804
    assert found.float32 == one_by_one(factors, np.float32) == Product(37, 43)
    assert found.float64 == one_by_one(factors, np.float64) == Product(295, 311)


def test_the_decimals_go_on(factors: list[float]) -> None:
    """Where the exact product passes the least numbers, the rounded one is lost soon after."""
    found = underflow(factors)
    with decimal.localcontext(prec=50, Emin=-decimal.MAX_EMAX // 2) as context:
        product = context.create_decimal(1)
        places: dict[int, int] = {}
        for place, factor in enumerate(factors, start=1):
            product *= decimal.Decimal(factor)
            for exponent in (-126, -150, -1022, -1075):
                if product <= decimal.Decimal(2) ** exponent:
                    places.setdefault(exponent, place)
        assert found.log10 == pytest.approx(float(product.log10()), rel=1e-13)
    assert places == {-126: 37, -150: 43, -1022: 295, -1075: 311}


def test_the_sum_of_logs_is_the_loss(names: Bigrams, factors: list[float]) -> None:
    nll = negative_log_likelihood(mle(names), names)
    found = underflow(factors).log10
    assert found == pytest.approx(-nll * names.total / math.log(10), rel=1e-13)
    assert found == pytest.approx(-244_955.0576, abs=1e-3)


# --- Any product -----------------------------------------------------------------------------


@given(st.lists(st.one_of(st.floats(0.3, 1), st.floats(1e-60, 1), st.just(0.5)), max_size=400))
def test_any_product_is_rounded_step_by_step(probabilities: list[float]) -> None:
    found = underflow(probabilities)
    assert found.float32 == one_by_one(probabilities, np.float32)
    assert found.float64 == one_by_one(probabilities, np.float64)
    assert found.factors == len(probabilities)
    expected = math.fsum(math.log10(probability) for probability in probabilities)
    assert found.log10 == pytest.approx(expected, rel=1e-13, abs=1e-13)


def test_halves_vanish_when_the_exponent_is_spent() -> None:
    found = underflow([0.5] * 1075)
    log10 = 1075 * math.log10(0.5)
    assert found.log10 == pytest.approx(log10)
    assert replace(found, log10=log10) == Underflow(
        Product(127, 150), Product(1023, 1075), log10, 1075
    )
    assert underflow([0.5] * 149).float32.zero is None


def test_above_a_half_the_least_number_stays() -> None:
    """Rounded to the nearest, 0.6 of the least number is that number again."""
    found = underflow([0.6] * 10_000)
    assert found.float32 == Product(171, None)
    assert found.float64 == Product(1387, None)
    assert found.log10 == pytest.approx(10_000 * math.log10(0.6))


def test_one_factor_may_be_too_small_for_float32() -> None:
    assert underflow([1e-40]).float32 == Product(1, None)
    found = underflow([1e-46])
    assert (found.float32, found.float64) == (Product(None, 1), NEVER)
    assert found.log10 == pytest.approx(-46)


def test_an_impossible_bigram_is_no_underflow() -> None:
    assert underflow([0.5, 0.0, 0.5]) == Underflow(Product(None, 2), Product(None, 2), -math.inf, 3)


def test_a_table_without_numbers() -> None:
    found = underflow([0.5, math.nan, 0.5])
    assert (found.float32, found.float64, found.factors) == (NEVER, NEVER, 3)
    assert math.isnan(found.log10)


def test_no_factors_make_one() -> None:
    assert underflow([]) == Underflow(NEVER, NEVER, 0.0, 0)


# --- Lines -----------------------------------------------------------------------------------


def test_lines_are_read_as_the_corpus_reads_them() -> None:
    table = np.array([[0.0, 0.5, 0.25], [0.125, 0.75, 1.0], [0.375, 0.0, 0.625]])
    lines = ["ab\n", "", "  \n", " b\r\n"]
    found = list(bigram_probabilities(lines, Vocabulary("ab"), table))
    assert found == [0.5, 1.0, 0.375, 0.25, 0.375]


def test_a_strange_character_is_named() -> None:
    with pytest.raises(ValueError, match="'c' is not in the text"):
        list(bigram_probabilities(["ab", "ac"], Vocabulary("ab"), np.full((3, 3), 1 / 3)))
