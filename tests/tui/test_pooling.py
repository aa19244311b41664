"""What is found by looking at all cells: extremes, and the largest cell of each block."""

import gc
import math
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram_tui.tui.compare.tables import TableDifference
from bigram_tui.tui.render import pooling
from bigram_tui.tui.render.cell_form import HALF, TINY, WIDE_HALF, CellForm, best_form, forms_in
from bigram_tui.tui.render.picture import ColorScale, paint
from bigram_tui.tui.render.pooling import extremes, pool

Floats = npt.NDArray[np.float64]

NUMBERS = st.one_of(
    st.floats(-1e9, 1e9), st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf])
)
tables = st.integers(1, 9).flatmap(
    lambda size: hnp.arrays(np.float64, (size, size), elements=NUMBERS)
)


@given(table=tables)
def test_extremes_are_of_what_is_finite(table: Floats) -> None:
    numbers = table.ravel().tolist()
    finite = [number for number in numbers if math.isfinite(number)] or [0.0]
    low, high, largest = extremes(table)
    assert (low, high) == (min(finite), max(finite))
    if any(map(math.isnan, numbers)):
        assert math.isnan(largest)
    else:
        assert largest == max(map(abs, numbers))


def test_extremes_of_a_table_of_many_chunks() -> None:
    table = np.random.default_rng(3).standard_normal((300, 400))
    table[299, 399], table[150, 0] = 50.0, -60.0
    assert extremes(table) == (-60.0, 50.0, 60.0)


@given(table=tables, block=st.integers(1, 10), seed=st.integers(0, 5))
def test_a_block_has_its_number_of_largest_magnitude(table: Floats, block: int, seed: int) -> None:
    size = len(table)
    order = np.random.default_rng(seed).permutation(size) if seed else None
    places = range(size) if order is None else order.tolist()
    pooled = pool(table, order, block)
    count = math.ceil(size / block)
    assert pooled.shape == (count, count)
    for row, column in product(range(count), repeat=2):
        numbers = [
            float(table[r, c])
            for r in places[row * block : (row + 1) * block]
            for c in places[column * block : (column + 1) * block]
        ]
        if any(map(math.isnan, numbers)):
            assert math.isnan(pooled[row, column])
        else:
            assert pooled[row, column] in numbers
            assert abs(pooled[row, column]) == max(map(abs, numbers))


@given(table=tables, block=st.integers(1, 10), seed=st.integers(0, 3))
def test_the_peak_of_a_block_is_a_cell_with_its_number(
    table: Floats, block: int, seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(len(table)) if seed else np.arange(len(table))
    rows, columns = range(min(block, len(table))), range(len(table) - 1, len(table))
    picture = paint(table, ColorScale.LINEAR, str).ordered(order)
    row, column = picture.peak(rows, columns)
    assert row in rows
    assert column in columns
    found = float(table[order[row], order[column]])
    numbers = [abs(float(table[order[r], order[c]])) for r in rows for c in columns]
    assert math.isnan(found) if any(map(math.isnan, numbers)) else abs(found) == max(numbers)


def test_a_table_is_looked_at_once_and_forgotten_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    original = pooling._extremes

    def noted(table: Any) -> Any:
        looks.append(len(table))
        return original(table)

    monkeypatch.setattr(pooling, "_extremes", noted)
    gc.collect()
    before = len(pooling._results)
    table = np.ones((7, 7))
    for _ in range(3):
        paint(table, ColorScale.ROOT, str)
        pool(table, None, 2)
    assert looks == [7]
    assert len(pooling._results) == before + 1
    del table
    gc.collect()
    assert len(pooling._results) == before


def test_pooled_colours_mean_the_same_numbers() -> None:
    table = np.linspace(-3, 7, 36).reshape(6, 6)
    picture = paint(table, ColorScale.LINEAR, str, diverging=True)
    pooled = picture.pooled(3)
    assert (pooled.limit, pooled.scale, pooled.diverging) == (
        picture.limit,
        ColorScale.LINEAR,
        True,
    )
    levels = [picture.row(row) for row in range(6)]
    for row, column in product(range(2), repeat=2):
        inside = [levels[r][c] for r in range(3 * row, 3 * row + 3)
                  for c in range(3 * column, 3 * column + 3)]  # fmt: skip
        assert pooled.row(row)[column] in inside


def test_a_difference_is_computed_where_it_is_looked_at() -> None:
    a, b = np.random.default_rng(1).random((2, 60, 60)).astype(np.float32)
    apart = TableDifference(a, b)
    whole = a.astype(float) - b
    assert extremes(apart)[:2] == (whole.min(), whole.max())
    order = np.random.default_rng(2).permutation(60)
    picture = paint(apart, ColorScale.LINEAR, str, diverging=True)
    assert np.array_equal(picture.values(7, range(3, 9)), whole[7, 3:9])
    assert np.array_equal(picture.ordered(order).values(7, range(9)), whole[order[7], order[:9]])
    assert np.array_equal(pool(apart, order, 7), pool(whole, order, 7))


# The overview among the forms


@pytest.mark.parametrize("smallest", [HALF, TINY, WIDE_HALF], ids=lambda form: form.name)
@given(size=st.integers(2, 10_000), width=st.integers(1, 200), height=st.integers(1, 60))
def test_an_overview_is_offered_where_nothing_fits_and_it_fits(
    smallest: CellForm, size: int, width: int, height: int
) -> None:
    choice = (smallest, CellForm("other", 9))
    offered = forms_in(size, width, height, choice)
    if smallest.width_of(size) <= width and smallest.height_of(size) <= height:
        assert offered == choice
        return
    overview, *rest = offered
    assert tuple(rest) == choice
    coarse = overview.block > 2
    assert best_form(size, width, height, offered) == (overview if coarse else smallest)
    assert overview.overview
    if width > overview.label_width and height > 1:
        assert overview.fits(size, width, height)
        finer = (overview.block - 1) or 1
        across = math.ceil(size / finer)
        down = math.ceil(across / 2) if overview.halved else across
        assert finer == overview.block or across > width - 3 or down > height - 1
