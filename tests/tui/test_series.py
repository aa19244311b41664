"""What is remembered of a series changes nothing that a plot shows of it."""

import gc
import math
import weakref

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.style import Style

from bigram_tui.tui.render import series as module
from bigram_tui.tui.render.curve import Curve, curve_strips, sparkline
from bigram_tui.tui.render.series import BLOCK, Series

Floats = npt.NDArray[np.float64]

RED, BLUE = Style(color="red"), Style(color="blue")

tables = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6 * BLOCK), st.just(2)),
    elements=st.one_of(
        st.floats(-1, 4), st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 1e300])
    ),
    fill=st.floats(-1, 4),
)
some_lengths = st.lists(st.integers(0, 6 * BLOCK), min_size=1, max_size=4)
between = st.one_of(st.none(), st.tuples(st.floats(-1, 4), st.floats(-1, 4)))


def growing(table: Floats, lengths: list[int]) -> Series:
    """A column of a table that was looked at now and then, in any order."""
    for length in lengths:
        for log in (False, True):
            Series.column(table[:length], 1).range(log)
    return Series.column(table, 1)


def plain_extremes(
    values: list[float], log: bool, between: tuple[float, float] | None
) -> tuple[float, float, bool, bool]:
    """By a look at each value."""
    shown = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    low_marked = any(v == -math.inf or (log and v <= 0) for v in values)
    high_marked = any(v == math.inf or math.isnan(v) for v in values)
    if between is not None:
        shown = [v for v in shown if between[0] <= v <= between[1]]
    return (
        min(shown, default=math.nan),
        max(shown, default=math.nan),
        high_marked,
        low_marked,
    )


@given(tables, some_lengths, st.booleans(), between, st.data())
def test_the_extremes_of_stretches_are_those_of_their_values(
    table: Floats,
    lengths: list[int],
    log: bool,
    between: tuple[float, float] | None,
    data: st.DataObject,
) -> None:
    n = len(table)
    starts = sorted({0, *data.draw(st.lists(st.integers(0, n - 1), max_size=9))})
    found = growing(table, lengths).extremes(np.array(starts), log, between)
    values = table[:, 1].tolist()
    for k, (start, stop) in enumerate(zip(starts, [*starts[1:], n], strict=True)):
        low, high, above, below = plain_extremes(values[start:stop], log, between)
        np.testing.assert_array_equal([found.low[k], found.high[k]], [low, high])
        assert (found.above[k], found.below[k]) == (above, below)


@given(st.floats(-0.5, 6.5), st.floats(-0.5, 6.5))
def test_a_block_that_lies_partly_between_two_values_is_looked_at(low: float, high: float) -> None:
    ramp = np.linspace(0, 6, 6 * BLOCK, endpoint=False)
    starts = np.array([0, 2 * BLOCK, 4 * BLOCK])
    for values in (ramp, ramp[::-1].copy()):
        known = Series.column(values[:, None], 0)
        assert known.range(False) == (ramp.min(), ramp.max())
        found = known.extremes(starts, False, (low, high))
        for k, part in enumerate(np.split(values, 3)):
            least, most, *_ = plain_extremes(part.tolist(), False, (low, high))
            np.testing.assert_array_equal([found.low[k], found.high[k]], [least, most])


@given(tables, some_lengths, st.booleans())
def test_the_range_is_that_of_all_values(table: Floats, lengths: list[int], log: bool) -> None:
    low, high, *_ = plain_extremes(table[:, 1].tolist(), log, None)
    expected = (math.inf, -math.inf) if math.isnan(low) else (low, high)
    assert growing(table, lengths).range(log) == expected


@given(tables, some_lengths, st.integers(0, 7 * BLOCK))
def test_a_part_of_it_knows_nothing_of_the_rest(
    table: Floats, lengths: list[int], until: int
) -> None:
    part = growing(table, lengths).until(until)
    np.testing.assert_array_equal(part.all(), table[:until, 1])
    assert part.range(False) == Series.from_values(table[:until, 1]).range(False)


@given(
    tables,
    some_lengths,
    st.integers(20, 120),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3 * BLOCK),
)
def test_a_plot_of_it_is_that_of_a_plain_array(
    table: Floats, lengths: list[int], width: int, log: bool, log_x: bool, start: int
) -> None:
    known, values = growing(table, lengths), table[:, 1].copy()
    front = Curve(table[::-1, 0].copy(), BLUE)
    for background in (False, True):
        drawn, expected = (
            curve_strips(
                [Curve(each, RED, start=start, background=background), front],
                *(width, 9),
                log=log,
                log_x=log_x,
            )
            for each in (known, values)
        )
        assert drawn == expected
    assert sparkline(known, 12) == sparkline(values, 12)


def test_only_what_is_new_and_what_columns_begin_in_is_looked_at() -> None:
    """A frame does not cost more after more iterations."""
    looked_at: list[int] = []
    table = np.random.default_rng(1).random((1 << 20, 1))

    def at(places: npt.NDArray[np.int64]) -> Floats:
        looked_at.append(len(places))
        return table[places, 0]

    def draw(length: int) -> int:
        looked_at.clear()
        drawn = Series.from_tables(length, at, [table[:length]], "own")
        curve_strips([Curve(drawn, RED)], 100, 12)
        return sum(looked_at)

    draw(1 << 18)
    assert draw((1 << 18) + 700) < 700 + 200 * (BLOCK + 3)
    draw(1 << 20)
    assert draw(1 << 20) < 200 * (BLOCK + 3)


def test_two_tables_are_told_apart_though_they_begin_alike() -> None:
    """A fork copies the losses up to where it begins."""
    first = np.ones((4 * BLOCK, 1))
    assert Series.column(first, 0).range(False) == (1, 1)
    fork = np.concatenate([first[: 2 * BLOCK], np.full((2 * BLOCK, 1), 3.0)])
    assert Series.column(fork, 0).range(False) == (1, 3)
    assert Series.column(first[2 * BLOCK :], 0).range(False) == (1, 1)
    assert Series.column(fork[2 * BLOCK :], 0).range(False) == (3, 3)
    assert Series.column(fork, 0).range(False) == (1, 3)


def shifted(table: Floats, shift: float) -> Series:
    return Series.from_tables(
        len(table), lambda at: table[at, 0] + shift, [table], "shifted", shift
    )


def test_what_it_depends_on_besides_the_table_is_minded() -> None:
    table = np.ones((4 * BLOCK, 1))
    for shift in (1.0, 2.0, 1.0):
        series = shifted(table, shift)
        assert series.range(False) == (1 + shift, 1 + shift)


def test_what_was_known_of_a_table_goes_with_it() -> None:
    gc.collect()
    before = len(module._summaries)
    table, other = np.ones((4 * BLOCK, 2)), np.ones((4 * BLOCK, 2))
    for column in (0, 1):
        Series.column(table, column).range(True)
    assert len(module._summaries) == before + 1
    for part in (table[: 2 * BLOCK], table):
        apart = np.abs(table[:, 0] - other[:, 0])
        Series.from_tables(len(part), apart.__getitem__, [part, other], "apart").range(True)
    assert len(module._summaries[table]) == 3
    del table, part
    gc.collect()
    assert len(module._summaries) == before
    watch = weakref.ref(other)
    del other
    gc.collect()
    assert watch() is None


def test_another_table_at_the_same_address_is_another() -> None:
    """Whose first table is gone, but was of the same size."""
    for level in range(50):
        table = np.full((2 * BLOCK, 1), float(level))
        assert Series.column(table, 0).range(False) == (level, level)


def test_a_difference_to_another_table_is_another() -> None:
    own = np.zeros((2 * BLOCK, 1))
    for level in range(50):
        other = np.full((2 * BLOCK, 1), float(level))

        def difference(at: npt.NDArray[np.int64], other: Floats = other) -> Floats:
            return own[at, 0] - other[at, 0]

        apart = Series.from_tables(len(own), difference, [own, other], "apart")
        assert apart.range(False) == (-level, -level)
