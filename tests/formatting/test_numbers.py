"""Each form of a number: examples, and that its last digit is rounded and not wrong."""

import doctest
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bigram_tui.formatting import numbers
from bigram_tui.formatting.numbers import (
    CELL_WIDTH,
    bound,
    byte_text,
    compact,
    compact_cell,
    count_cell,
    decimal,
    difference,
    gradient_text,
    grouped,
    long_count,
    measured_time,
    percent,
    power_of_ten,
    probability_cell,
    probability_text,
    quantity,
    rounded,
    setting_text,
    signed_cell,
    significant,
    waiting_time,
    weight_text,
    whole_or_significant,
)

UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def test_the_examples_in_the_docstrings_are_true() -> None:
    results = doctest.testmod(numbers)
    assert results.failed == 0
    assert results.attempted >= 20


# What is written is the value, rounded at the last digit


def read(text: str) -> tuple[Fraction, Fraction]:
    """Return the number that a text stands for, and the unit of its last digit."""
    text = text.strip().replace("−", "-").replace(",", "")
    factor = UNITS.get(text[-1], 1)
    number = Decimal(text.rstrip("".join(UNITS)))
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Fraction(number) * factor, Fraction(10) ** exponent * factor


def assert_is_rounded(text: str, value: float) -> None:
    """Check that a text shows a finite value within half a unit of its last digit."""
    shown, unit = read(text)
    assert abs(shown - Fraction(value)) <= unit * Fraction("0.500001"), (text, value)


def powers(low: int, high: int, least: float = 1.0) -> st.SearchStrategy[float]:
    """Numbers of all magnitudes between two powers of ten."""
    return st.builds(lambda m, e: m * 10.0**e, st.floats(least, 9.99), st.integers(low, high))


signed = st.one_of(st.floats(-2000, 2000), powers(-30, 30), powers(-30, 30).map(lambda v: -v))
positive = st.one_of(
    st.floats(0, 1),
    st.floats(0, 0.002),
    *(st.floats(0.9 * edge, 1.1 * edge) for edge in (10.0, 100.0, 1000.0, 1e6)),
    powers(-90, 90),
)


@pytest.mark.parametrize(
    "write",
    [decimal, significant, whole_or_significant, grouped, weight_text, gradient_text],
)
@given(value=signed)
def test_a_number_of_any_sign_is_shown_as_it_is(
    write: Callable[[float], str], value: float
) -> None:
    assert_is_rounded(write(value), value)


@pytest.mark.parametrize("write", [difference, rounded, compact, compact_cell, probability_text])
@given(value=positive)
@example(value=9.95)
@example(value=999.5)
@example(value=0.00099999)
@example(value=999.5e12)
@example(value=99_700_000.0)
def test_a_number_from_0_on_is_shown_as_it_is(write: Callable[[float], str], value: float) -> None:
    assert_is_rounded(write(value), value)


@given(powers(-90, 90), st.integers(2, 9))
def test_no_more_digits_are_written_than_were_asked_for(value: float, digits: int) -> None:
    mantissa = significant(value, digits).partition("e")[0]
    assert len(mantissa.replace(".", "").lstrip("0")) <= digits


@given(powers(-90, 90))
def test_a_bound_is_the_next_number_of_one_digit(value: float) -> None:
    number, unit = read(bound(value))
    assert number - unit <= Fraction(value) * Fraction("1.000001")
    assert Fraction(value) <= number * Fraction("1.00000001")


@given(st.floats(1e-99, 1e99))
def test_a_difference_is_as_near_as_two_digits_can_be(value: float) -> None:
    text = difference(value)
    exact = Decimal(value)
    assert abs(Decimal(text) - exact) <= Decimal("0.5001").scaleb(exact.adjusted() - 1)
    assert len(text) <= 7


@given(st.one_of(st.floats(0, 1), st.floats(0, 1e-3), st.floats(0.99, 1)))
def test_a_percentage_has_at_most_four_characters_and_is_right(share: float) -> None:
    text = percent(share)
    assert len(text) <= 4
    if text == "<.01":
        assert 0 < share < 1e-4
    else:
        assert_is_rounded(text, 100 * share)


@given(st.one_of(powers(-90, 90), st.floats(0.01, 1e7), st.floats(9e-4, 2e-3)))
def test_a_compact_number_is_short(value: float) -> None:
    # '0.0012' alone is longer than a cell; into cells, only smaller numbers are written.
    assert len(compact(value)) <= CELL_WIDTH + (0.00095 <= value < 0.01)


@given(st.integers(0, 10**18), st.integers(6, 20))
def test_a_count_by_its_power_of_ten_is_shorter(number: int, width: int) -> None:
    text = long_count(number, width)
    assert len(text) <= width or len(text) < len(f"{number:,}")
    assert_is_rounded(text, number)


# Cells


def assert_fills_a_cell(text: str, value: float) -> None:
    """Check that a text is as wide as a cell, and shows the value or how it is beyond."""
    assert len(text) == CELL_WIDTH
    beyond = text.strip()
    if beyond == "<1e-9":
        assert 0 < value < 1e-9
    elif beyond in {"+0", "-0"}:
        assert 0 < abs(value) < 1e-9
        assert (value > 0) == (beyond == "+0")
    elif beyond in {"+huge", "-huge"}:
        assert 9.4e99 < abs(value) < math.inf
        assert (value > 0) == (beyond == "+huge")
    elif math.isfinite(value):
        assert_is_rounded(text, value)
    else:
        assert beyond.lstrip("+") == str(value)


any_float = st.one_of(
    st.floats(),
    st.floats(-1.5, 1.5),
    st.floats(0, 0.002),
    st.floats(-1100, 1100),
    powers(-40, 40, least=-9.99),
    st.sampled_from([0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 5e-324, 1.7e308]),
)


@pytest.mark.parametrize("write", [probability_cell, signed_cell])
@given(value=any_float)
@example(value=99_700_000.0)
@example(value=999.96)
@example(value=-99.996)
@example(value=0.0199)
@example(value=-9.6e-10)
@example(value=-9.6e99)
@example(value=9.6e99)
def test_a_number_fills_its_cell_and_is_right(write: Callable[[float], str], value: float) -> None:
    assume(value or math.copysign(1, value) > 0)  # −0.0 is among the examples below
    assert_fills_a_cell(write(value), value)


@given(value=any_float)
def test_a_signed_number_has_its_sign(value: float) -> None:
    assume(value and not math.isnan(value))
    assert signed_cell(value).strip()[0] == ("+" if value > 0 else "-")


@given(st.one_of(st.integers(0, 200_000), st.integers(0, 2**63), powers(0, 300).map(int)))
@example(99_999)
@example(100_000)
@example(99_700_000)
@example(999_499_999)
@example(999_700_000)
def test_a_count_fills_its_cell_and_is_right(value: int) -> None:
    assert_fills_a_cell(count_cell(float(value)), float(value))


@pytest.mark.parametrize("write", [probability_cell, count_cell, signed_cell])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_cell_of_no_number_says_so(write: Callable[[float], str], value: float) -> None:
    assert_fills_a_cell(write(value), value)


# As people write them


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (byte_text, 0, "0 bytes"),
        (byte_text, 1, "1 byte"),
        (byte_text, 999, "999 bytes"),
        (byte_text, 1000, "1.0 kB"),
        (byte_text, 99_940, "99.9 kB"),
        (byte_text, 99_960, "100 kB"),
        (byte_text, 412_345_678, "412 MB"),
        (byte_text, 999_400_000, "999 MB"),
        (byte_text, 999_999_999, "1.0 GB"),
        (byte_text, 2.14e9, "2.1 GB"),
        (waiting_time, 0.2, "0 s"),
        (waiting_time, 99, "99 s"),
        (waiting_time, 100, "2 min"),
        (waiting_time, 3569, "59 min"),
        (waiting_time, 3599, "1 h 0 min"),
        (waiting_time, 7900, "2 h 12 min"),
        (measured_time, 1.0, "1 s"),
        (measured_time, 0.00099951, "1e+03 µs"),
        (power_of_ten, -5.5, "3.1623e−06"),
        (power_of_ten, 6.0, "1.00 · 10^6"),
        (significant, 12345678.0, "1.2346e+07"),
        (significant, math.nan, "nan"),
        (significant, -math.inf, "−∞"),
        (whole_or_significant, -0.0, "0"),
        (whole_or_significant, -228_146.0, "−228,146"),
        (whole_or_significant, 1e15, "1e+15"),
        (whole_or_significant, math.inf, "∞"),
        (difference, 1.3e-15, "1.3e-15"),
        (difference, 0.02, "0.020"),
        (difference, 0.0, "0"),
        (difference, math.inf, "∞"),
        (difference, math.nan, "nan"),
        (difference, 0.68, "0.68"),
        (difference, 2.71, "2.7"),
        (difference, 0.00234, "0.0023"),
        (difference, 0.001, "0.0010"),
        (difference, 9.9e-4, "9.9e-4"),
        (difference, 31.4, "31"),
        (difference, 314.0, "314"),
        (difference, -3e-8, "-3.0e-8"),
        (rounded, 9.99, "10"),
        (rounded, 100.0, "100"),
        (compact, 0, "0"),
        (compact, 1, "1"),
        (compact, 12.4, "12"),
        (compact, 99.7, "100"),
        (compact, 999, "999"),
        (compact, 99_700, "100k"),
        (compact, 250_000, "250k"),
        (compact, 9.95, "10"),
        (compact, 99.4, "99"),
        (compact, 100, "100"),
        (compact, 999.6, "1k"),
        (compact, 999_600, "1M"),
        (compact, 10_000, "10k"),
        (compact, 0.0012, "0.0012"),
        (compact, 0.0009, "9e-4"),
        (compact, 0.999, "1"),
        (compact, 1e-9, "1e-9"),
        (compact, math.inf, "inf"),
        (compact, math.nan, "nan"),
        (probability_text, 0.001, "0.0010"),
        (probability_text, 0.00099, "9.90e-04"),
        (probability_cell, 0.9999, "1.000"),
        (probability_cell, 1e-9, " 1e-9"),
        (probability_cell, 9e-10, "<1e-9"),
        (probability_cell, 5e-324, "<1e-9"),
        (probability_cell, 1.5, "+1.50"),
        (probability_cell, -0.5, "-0.50"),
        (probability_cell, -0.0, "  0  "),
        (count_cell, 0.0, "    0"),
        (count_cell, 99_999.0, "99999"),
        (count_cell, 99_700_000.0, " 100M"),
        (signed_cell, 0.0199, "+0.02"),
        (signed_cell, 99.96, " +100"),
        (signed_cell, 99.94, "+99.9"),
        (signed_cell, -999.6, "-1000"),
        (signed_cell, 1234.0, " +1e3"),
        (signed_cell, -1e-9, "-1e-9"),
        (signed_cell, 1e-300, "   +0"),
        (signed_cell, -1.7e308, "-huge"),
        (signed_cell, math.inf, " +inf"),
        (signed_cell, -0.0, "  0  "),
        (setting_text, 1e-5, "1e-05"),
        (setting_text, True, "True"),
    ],
)
def test_numbers_read_as_people_write_them(
    write: Callable[[object], str], value: object, text: str
) -> None:
    assert write(value) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (11.6459, 4, "11.6459"),
        (0.0, 6, "0.000000"),
        (-0.5, 2, "-0.50"),
        (999_999.5, 4, "999999.5000"),
        (1e6, 6, "1.00e+06"),
        (-math.inf, 4, "-∞"),
        (math.nan, 4, "nan"),
    ],
)
def test_a_decimal_has_its_decimals_unless_it_is_huge(
    value: float, decimals: int, text: str
) -> None:
    assert decimal(value, decimals) == text


@pytest.mark.parametrize("write", [decimal, difference])
def test_what_stands_for_no_number_can_be_chosen(write: Callable[..., str]) -> None:
    assert write(math.nan, nan="") == ""


@given(st.integers(0, 10**12))
def test_one_thing_alone_is_in_the_singular(number: int) -> None:
    assert quantity(number, "line").endswith(" line" if number == 1 else " lines")
