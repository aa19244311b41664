"""Every number as it is written for people: pure functions from numbers to short text.

Where a value is infinite, "∞" is written. The doctests below are run by the tests.
"""

import math

CELL_WIDTH = 5
"""Characters of a number that is written into a cell of a heatmap."""

_MINUS = "\N{MINUS SIGN}"
_INFINITY = "∞"


# Amounts


def quantity(number: int, noun: str) -> str:
    """Write a number of things.

    >>> quantity(1, "line"), quantity(32_257, "line")
    ('1 line', '32,257 lines')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def byte_text(size: float) -> str:
    """Write a number of bytes in few digits.

    >>> byte_text(512), byte_text(9.3e6), byte_text(412e6), byte_text(2.1e9)
    ('512 bytes', '9.3 MB', '412 MB', '2.1 GB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= 0.9995 * factor:  # which would be written as 1000 of the unit before
            part = size / factor
            return f"{part:.{0 if part >= 99.95 else 1}f} {unit}"
    return quantity(round(size), "byte")


def waiting_time(seconds: float) -> str:
    """Write how long something will take.

    >>> waiting_time(8.2), waiting_time(180), waiting_time(4800)
    ('8 s', '3 min', '1 h 20 min')
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def measured_time(seconds: float) -> str:
    """Write how long something took, to three digits.

    >>> measured_time(12.34), measured_time(0.0123), measured_time(4.56e-5)
    ('12.3 s', '12.3 ms', '45.6 µs')
    """
    for unit, factor in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def long_count(number: int, width: int) -> str:
    """Write a count with commas, or by its power of ten if that takes more than `width` characters.

    >>> long_count(531_441, 9), long_count(387_420_489, 9)
    ('531,441', '3.87e8')
    """
    text = f"{number:,}"
    return text if len(text) <= width else _short_exponent(f"{number:.2e}")


def power_of_ten(log10: float) -> str:
    """Write a number by its logarithm: as a power of ten if it is far from 1.

    >>> power_of_ten(2.0), power_of_ten(-243_175.41)
    ('100', '3.89 · 10^−243,176')
    """
    if abs(log10) < 6:
        return significant(10**log10)
    exponent = math.floor(log10)
    return f"{10 ** (log10 - exponent):.2f} · 10^" + _with_minus(f"{exponent:,}")


# Numbers of any size


def decimal(value: float, decimals: int = 4, *, nan: str = "nan") -> str:
    """Write a number with so many decimals, or from 10⁶ on by its power of ten.

    nan: what to write for NaN.

    >>> decimal(2.4549511), decimal(2.4549511, 6), decimal(1.5e300), decimal(math.inf)
    ('2.4550', '2.454951', '1.50e+300', '∞')
    """
    if math.isnan(value):
        return nan
    text = f"{value:.{decimals}f}" if abs(value) < 1e6 else f"{value:.2e}"
    return text.replace("inf", _INFINITY)


def significant(value: float, digits: int = 5) -> str:
    """Write a number in so many digits with a true minus, as formulas do; 0 for −0, nan for NaN.

    >>> significant(1 / 3), significant(-3.25e-9), significant(-0.0), significant(math.inf, 4)
    ('0.33333', '−3.25e−09', '0', '∞')
    """
    return _with_minus(f"{value + 0.0:.{digits}g}").replace("inf", _INFINITY)


def whole_or_significant(value: float, digits: int = 6) -> str:
    """Write a whole number with all its digits, and any other in so many digits.

    >>> whole_or_significant(228_146), whole_or_significant(-0.05123456)
    ('228,146', '−0.0512346')
    """
    value += 0.0  # which is never −0
    if float(value).is_integer() and abs(value) < 1e15:
        return grouped(value, 0)
    return significant(value, digits)


def grouped(value: float, decimals: int = 1) -> str:
    """Write a large number with commas and a true minus.

    >>> grouped(-559_891.74)
    '−559,891.7'
    """
    return _with_minus(f"{value:,.{decimals}f}")


def difference(value: float, *, nan: str = "nan") -> str:
    """Write a difference to two digits.

    nan: what to write for NaN.

    >>> difference(1.34e-15), difference(0.0234), difference(12_345), difference(0)
    ('1.3e-15', '0.023', '1.2e4', '0')
    """
    if math.isnan(value):
        return nan
    if value == 0 or math.isinf(value):
        return f"{value:.0f}".replace("inf", _INFINITY)
    if value < 1e-3 or value >= 1e4:
        return _short_exponent(f"{value:.1e}")
    return f"{value:.{max(0, 1 - math.floor(math.log10(value)))}f}"


def bound(value: float) -> str:
    """Write the next larger number of one digit.

    >>> bound(3.2e-15), bound(9.5e-7)
    ('4e-15', '1e-6')
    """
    exponent = math.floor(math.log10(value))
    digit = math.ceil(value / 10.0**exponent - 1e-9)
    return f"{digit}e{exponent}" if digit < 10 else f"1e{exponent + 1}"


def rounded(value: float) -> str:
    """Write a rate or a percentage: whole from 10 on, and else in two digits.

    >>> rounded(12_345.6), rounded(7.26), rounded(0.0123)
    ('12,346', '7.3', '0.012')
    """
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def axis_label(value: float, digits: int) -> str:
    """Write a number in so many digits, or to the unit where that takes more.

    >>> axis_label(2.45495, 3), axis_label(12_345.6, 3), axis_label(0.00001234, 3)
    ('2.45', '12,346', '1.23e-5')
    """
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if -3 <= exponent < 6:
        return f"{value:z,.{max(digits - 1 - exponent, 0)}f}"
    return _short_exponent(f"{value:.{digits - 1}e}")


def compact(value: float) -> str:
    """Write a number from 0 on in two or three digits.

    >>> compact(0.123), compact(2500), compact(997), compact(5e-4), compact(1e15)
    ('0.12', '2.5k', '997', '5e-4', '1e15')
    """
    if not math.isfinite(value):
        return f"{value}"
    if value and value < 0.001:
        return _short_exponent(f"{value:.0e}")
    if value < 1:
        return f"{value:.2g}"
    for unit, sign in ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")):
        scaled = value / unit
        if scaled < 9.95:
            return f"{scaled:.1f}".removesuffix(".0") + sign
        if scaled < 999.5:
            return f"{scaled:.0f}{sign}"
    return _short_exponent(f"{value:.0e}")


def setting_text(value: object) -> str:
    """Write the value of a hyperparameter: a float without needless digits.

    >>> setting_text(50.0), setting_text(0.01), setting_text(3), setting_text("cpu")
    ('50', '0.01', '3', 'cpu')
    """
    return f"{value:g}" if isinstance(value, float) else str(value)


# What models are made of


def percent(share: float) -> str:
    """Write a share in percent, in at most four characters.

    >>> percent(0.1306), percent(0.0004), percent(1e-5), percent(1)
    ('13.1', '0.04', '<.01', '100')
    """
    value = 100 * share
    if value == 0 or value >= 99.95:
        return f"{value:.0f}"
    if value < 0.01:
        return "<.01"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def probability_text(value: float) -> str:
    """Write a probability in four decimals, or by its power of ten below 0.001.

    >>> probability_text(0.13767), probability_text(0.00004567), probability_text(0)
    ('0.1377', '4.57e-05', '0.0000')
    """
    return f"{value:.4f}" if value >= 0.001 or value == 0 else f"{value:.2e}"


def weight_text(value: float) -> str:
    """Write a weight with its sign.

    >>> weight_text(1.56734)
    '+1.5673'
    """
    return f"{value:+.4f}"


def gradient_text(value: float) -> str:
    """Write a component of a gradient with its sign, by its power of ten.

    >>> gradient_text(-0.0003456)
    '-3.46e-04'
    """
    return f"{value:+.2e}"


# Into the cells of a heatmap, in CELL_WIDTH characters


def probability_cell(value: float) -> str:
    """Write a probability into a cell.

    >>> probability_cell(0.0376), probability_cell(1), probability_cell(4e-5), probability_cell(0)
    (' .038', '  1  ', ' 4e-5', '  0  ')
    >>> probability_cell(1e-12), probability_cell(0.9999)
    ('<1e-9', '1.000')
    """
    if not 0 <= value <= 1:
        return signed_cell(value)
    if value in (0, 1):
        return f"{abs(value):^{CELL_WIDTH}.0f}"  # 0 may be a negative one
    if value < 1e-9:
        return "<1e-9"
    text = f"{value:.3f}".removeprefix("0") if value >= 0.0005 else compact(value)
    return text.rjust(CELL_WIDTH)


def count_cell(value: float) -> str:
    """Write a count into a cell.

    >>> count_cell(20_423), count_cell(1_234_567)
    ('20423', ' 1.2M')
    """
    text = f"{value:.0f}" if value < 10**CELL_WIDTH else compact(value)
    return text.rjust(CELL_WIDTH)


def signed_cell(value: float) -> str:
    """Write a weight or a component of a gradient into a cell.

    >>> signed_cell(1.2), signed_cell(-12.34), signed_cell(-2e-5), signed_cell(0)
    ('+1.20', '-12.3', '-2e-5', '  0  ')
    >>> signed_cell(-1e-10), signed_cell(1e100)  # too near to 0, and too far from it
    ('   -0', '+huge')
    """
    if value == 0 or not math.isfinite(value):
        return ("0" if value == 0 else f"{value:+}").center(CELL_WIDTH)
    if 0.01 <= abs(value) < 1000:
        texts = (f"{value:+.{decimals}f}" for decimals in (2, 1, 0))
        return next(text for text in texts if len(text) <= CELL_WIDTH).rjust(CELL_WIDTH)
    text = _short_exponent(f"{value:+.0e}")
    if len(text) > CELL_WIDTH:
        text = text[0] + ("0" if abs(value) < 1 else "huge")
    return text.rjust(CELL_WIDTH)


def compact_cell(value: float) -> str:
    """Write a number from 0 on into a cell.

    >>> compact_cell(27.3), compact_cell(0.5)
    ('   27', '  0.5')
    """
    return compact(value).rjust(CELL_WIDTH)


def _short_exponent(text: str) -> str:
    """Write '1e-05' as '1e-5', and '1e+05' as '1e5'."""
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent)}"


def _with_minus(text: str) -> str:
    return text.replace("-", _MINUS)
