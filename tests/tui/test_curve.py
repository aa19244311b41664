"""What a plot of curves shows, cell by cell."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from bigram_tui.tui.render.curve import (
    UNDRAWABLE,
    Columns,
    Curve,
    YAxis,
    curve_strips,
    iteration_at,
    sparkline,
)

RED, BLUE, GREEN, GREY = (Style(color=name) for name in ("red", "blue", "green", "grey50"))
DECAY = 2.45 + 1.3 * np.exp(-np.arange(140) / 14)

any_values = hnp.arrays(np.float64, st.integers(0, 300), elements=st.floats())
any_curves = st.lists(
    st.builds(
        Curve,
        any_values,
        style=st.sampled_from([RED, BLUE]),
        start=st.integers(0, 500),
        constant=st.booleans(),
        background=st.booleans(),
    ),
    max_size=4,
)

axes = pytest.mark.parametrize("log_x", [False, True], ids=["linear x", "log x"])


def text(strips: list[Strip]) -> list[str]:
    return [strip.text for strip in strips]


def cells(strips: list[Strip]) -> list[tuple[int, int, str, Style]]:
    """Row, column, character and style of every cell that is not blank."""
    return [
        (row, column, character, style)
        for row, strip in enumerate(strips)
        for column, (character, style) in enumerate(
            (character, segment.style or Style.null())
            for segment in strip
            for character in segment.text
        )
        if character != " "
    ]


def dots(strips: list[Strip]) -> set[tuple[int, int]]:
    """The braille dots of a plot: row and column in dots, from the top left of the strips."""
    order = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]
    return {
        (4 * row + down, 2 * column + across)
        for row, column, character, _ in cells(strips)
        if 0x2800 <= ord(character) < 0x2900
        for bit, (down, across) in enumerate(order)
        if (ord(character) - 0x2800) >> bit & 1
    }


@given(
    any_curves,
    st.integers(0, 60),
    st.integers(0, 20),
    st.booleans(),
    st.booleans(),
    st.integers(-5, 900),
)
def test_any_curves_fill_any_size_exactly(
    curves: list[Curve], width: int, height: int, log: bool, log_x: bool, marker: int
) -> None:
    background = Style(bgcolor="black")
    strips = curve_strips(
        curves,
        width,
        height,
        log=log,
        log_x=log_x,
        marker=marker,
        axis_style=GREY,
        background=background,
    )
    assert len(strips) == height
    for strip in strips:
        assert strip.cell_length == Segment.get_line_length(list(strip)) == width
        assert all(
            segment.style and segment.style.bgcolor == background.bgcolor for segment in strip
        )


@given(any_values, st.integers(-1, 60))
def test_a_sparkline_has_its_width_whatever_the_values(
    values: npt.NDArray[np.float64], width: int
) -> None:
    line = sparkline(values, width)
    assert len(line) == max(width, 0)
    assert set(line) <= (set("▁▂▃▄▅▆▇█×") if len(values) else {" "})


def test_one_row_is_left_blank() -> None:
    assert text(curve_strips([Curve(DECAY, RED)], 12, 1)) == [" " * 12]


def test_a_decay_looks_like_this() -> None:
    assert text(curve_strips([Curve(DECAY, RED)], 30, 8)) == [
        "3.75 ⢇                        ",
        "     ⢸                        ",
        "      ⡇                       ",
        "3.10  ⠘⡄                      ",
        "       ⠹⡄                     ",
        "        ⠙⢦⡀                   ",
        "2.45      ⠉⠓⠦⠤⠤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀",
        "     0                     139",
    ]


def test_axes_are_labelled_with_the_range_of_all_curves_in_the_style_of_the_axis() -> None:
    curves = [Curve(np.linspace(3.75, 3.0, 12_001), RED), Curve(np.array([2.45]), BLUE)]
    strips = curve_strips(curves, 40, 8, axis_style=GREY)
    lines = text(strips)
    assert lines[0].startswith("3.75 ")
    assert lines[3].startswith("3.10 ")
    assert lines[6].startswith("2.45 ")
    assert lines[7] == "     0" + "12,000".rjust(34)
    assert all(style == GREY for _, column, _, style in cells(strips) if column < 5)
    assert {style for row, _, _, style in cells(strips) if row == 7} == {GREY}


def test_labels_are_right_aligned() -> None:
    lines = text(curve_strips([Curve(np.array([1200.0, -3.0]), RED)], 40, 8))
    assert [lines[row][:6] for row in (0, 3, 6)] == ["1,200 ", "  598 ", "-3.00 "]


def test_the_middle_label_needs_seven_rows() -> None:
    labelled = [line[:5].strip() != "" for line in text(curve_strips([Curve(DECAY, RED)], 40, 6))]
    assert labelled == [True, False, False, False, True, False]


@given(st.floats(-1e300, 1e300), st.integers(0, 60))
def test_labels_tell_close_values_apart(value: float, ulps: int) -> None:
    other = value + ulps * np.spacing(value)
    strips = curve_strips([Curve(np.array([value, other]), RED)], 80, 5, axis_style=GREY)
    words = [
        segment.text.strip() for strip in strips[:-1] for segment in strip if segment.style == GREY
    ]
    labels = [word for word in words if word]
    assert len(labels) == len(set(labels)) == (1 if value == other else 2)


def test_labels_give_way_where_the_plot_is_narrow() -> None:
    assert "3.75" not in "".join(text(curve_strips([Curve(DECAY, RED)], 9, 6)))
    assert "3.75" in "".join(text(curve_strips([Curve(DECAY, RED)], 10, 6)))


@pytest.mark.parametrize("count", [2, 3])
def test_curves_that_coincide_take_turns(count: int) -> None:
    styles = [RED, BLUE, GREEN][:count]
    drawn = [
        style
        for *_, style in cells(curve_strips([Curve(DECAY, style) for style in styles], 110, 20))
        if style in styles
    ]
    for style in styles:
        assert drawn.count(style) == pytest.approx(len(drawn) / count, rel=0.15)


def test_the_turns_are_two_cells_long() -> None:
    level = np.full(100, 1.0)
    strips = curve_strips([Curve(level, RED), Curve(level, BLUE)], 45, 8)
    owners = [style for row, column, _, style in cells(strips) if row == 3 and column >= 5]
    assert len(owners) == 40
    runs = "".join("r" if style == RED else "b" for style in owners)
    assert "rrbbrrbb" in runs
    assert "rrr" not in runs
    assert "bbb" not in runs


def test_a_shared_cell_holds_the_dots_of_all_and_others_keep_their_owner() -> None:
    falling, rising = np.linspace(1, 0, 50), np.linspace(0, 1, 50)
    together = curve_strips([Curve(falling, RED), Curve(rising, BLUE)], 65, 12)
    alone = [curve_strips([Curve(values, RED)], 65, 12) for values in (falling, rising)]
    assert dots(together) == dots(alone[0]) | dots(alone[1])
    first, second = ({(r, c) for r, c, *_ in cells(plot) if r < 11} for plot in alone)
    owner = {(row, column): style for row, column, _, style in cells(together) if column >= 5}
    assert {owner[cell] for cell in first - second if cell[1] >= 5} == {RED}
    assert {owner[cell] for cell in second - first if cell[1] >= 5} == {BLUE}


def place(iteration: int, last: int, log_x: bool) -> float:
    """How far to the right an iteration stands, from 0 to 1."""
    return math.log(iteration + 1) / math.log(last + 1) if log_x else iteration / last


@axes
def test_one_extreme_among_very_many_points_is_seen(log_x: bool) -> None:
    values = np.full(100_000, 0.5)
    values[[12_345, 67_890]] = 1.0, 0.0
    drawn = dots(curve_strips([Curve(values, RED)], 60, 12, log_x=log_x))
    width = 2 * (60 - len("0.500 "))
    for row, iteration in ((0, 12_345), (43, 67_890)):
        column = 2 * len("0.500 ") + round(place(iteration, 99_999, log_x) * (width - 1))
        assert (row, column) in drawn


@axes
@given(st.integers(2, 3000), st.integers(20, 60), st.data())
def test_every_extreme_survives(log_x: bool, last: int, width: int, data: st.DataObject) -> None:
    high, low = data.draw(st.lists(st.integers(0, last), min_size=2, max_size=2, unique=True))
    values = np.full(last + 1, 0.5)
    values[[high, low]] = 1.0, 0.0
    drawn = dots(curve_strips([Curve(values, RED)], width, 8, log_x=log_x))
    left = 2 * len("0.516 ")
    for row, iteration in ((0, high), (27, low)):
        exact = left + place(iteration, last, log_x) * (2 * width - left - 1)
        assert any(abs(column - exact) <= 0.5001 for r, column in drawn if r == row)


@axes
@given(st.integers(0, 5000), st.integers(2, 300), st.integers(0, 3000), st.integers(0, 3000))
@example(0, 2, 0, 1)
@example(0, 40, 0, 1)
@example(1, 40, 0, 2)
def test_the_first_iteration_of_each_column_is_found_without_looking_at_all(
    log_x: bool, last: int, across: int, start: int, count: int
) -> None:
    axis = Columns(last, across, log_x)
    iterations = np.arange(start, min(start + count, last + 1))
    _, firsts = np.unique(axis.of(iterations), return_index=True)
    stop = start + len(iterations)
    np.testing.assert_array_equal(axis.firsts(start, stop), iterations[firsts])


@axes
@given(st.integers(1, 10**7), st.integers(2, 300), st.floats(0, 1))
def test_each_iteration_stands_in_the_nearest_column(
    log_x: bool, last: int, across: int, part: float
) -> None:
    axis = Columns(last, across, log_x)
    iterations = np.array(sorted({0, 1, round(part * last), round(last**part), last}))
    found = axis.of(iterations).tolist()
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, across - 1)
    for iteration, column in zip(iterations.tolist(), found, strict=True):
        assert abs(column - place(iteration, last, log_x) * (across - 1)) <= 0.5 + 1e-6


def test_the_log_axis_of_iterations_spaces_powers_of_ten_evenly() -> None:
    """Of the iteration + 1, as there is one before the first step."""
    values = np.zeros(1000)
    values[[0, 9, 99, 999]] = 1.0
    strips = curve_strips([Curve(values, RED)], 46, 9, log_x=True)
    assert strips[-1].text == "      0" + "999".rjust(39)
    left = 2 * len("0.516 ")
    top = {column - left for row, column in dots(strips) if row == 0}
    assert top == {0, round(79 / 3), round(2 * 79 / 3), 79}


def test_a_line_over_the_logarithm_is_straight() -> None:
    values = np.log1p(np.arange(10_000))
    drawn = dots(curve_strips([Curve(values, RED)], 80, 9, log_x=True))
    left = min(column for _, column in drawn)
    assert {column for _, column in drawn} == set(range(left, 160))
    for row, column in drawn:
        if column > left + 40:  # before, single iterations are joined in steps
            assert row == pytest.approx(31 * (1 - (column - left) / (159 - left)), abs=1.01)


def test_the_marker_stands_on_the_log_axis_of_iterations() -> None:
    strips = curve_strips(
        [Curve(np.full(1000, 1.0), RED)], 45, 8, log_x=True, marker=99, axis_style=GREY
    )
    ruled = {column for _, column, sign, _ in cells(strips) if sign == "│"}
    assert ruled == {5 + round(2 / 3 * 79) // 2}


@axes
def test_curves_that_start_later_stand_where_their_iterations_are(log_x: bool) -> None:
    whole, late = Curve(np.ones(1000), RED), Curve(np.zeros(101), BLUE, start=300)
    left = 2 * len("0.500 ")
    columns = {c - left for r, c in dots(curve_strips([whole, late], 66, 8, log_x=log_x)) if r > 20}
    for found, iteration in ((min(columns), 300), (max(columns), 400)):
        assert found == pytest.approx(119 * place(iteration, 999, log_x), abs=0.51)


@axes
def test_before_the_first_step_both_axes_begin_at_the_left(log_x: bool) -> None:
    lines = text(curve_strips([Curve(np.array([3.75]), RED)], 20, 8, log_x=log_x))
    assert lines[3] == "3.75 ⠤⠤".ljust(20)
    assert lines[7] == "     0".ljust(20)


@axes
def test_one_step_spans_both_axes(log_x: bool) -> None:
    drawn = dots(curve_strips([Curve(np.array([1.0, 0.0]), RED)], 40, 9, log_x=log_x))
    left = 2 * len("0.516 ")
    assert {column for _, column in drawn} == set(range(left, 80))
    assert {(0, left), (31, 79)} <= drawn


# The way that was left

LIVE = Curve(np.linspace(3.0, 2.0, 51), RED)


def owned(strips: list[Strip], style: Style) -> set[tuple[int, int]]:
    """The cells of a curve."""
    return {(row, column) for row, column, _, own in cells(strips) if own == style}


def test_a_background_curve_shows_where_it_fits_the_axes_of_the_others() -> None:
    left = Curve(np.linspace(3.5, 2.2, 41), BLUE, start=10, background=True)
    strips = curve_strips([left, LIVE], 65, 12)
    alone = curve_strips([LIVE], 65, 12)
    for strip, live in zip(strips, alone, strict=True):
        assert strip.text[:5] == live.text[:5], "the labels are those of the live curve"
    assert strips[-1].text == alone[-1].text
    assert dots(alone) < dots(strips)
    rows, columns = zip(*owned(strips, BLUE), strict=True)
    # 3.0 is reached 5/13 of the way from iteration 10 to 50.
    first = 5 + (10 + 40 * 5 / 13) / 50 * 60
    assert min(columns) == pytest.approx(first, abs=1.5)
    assert max(columns) == 64
    assert max(rows) == pytest.approx((3.0 - 2.2) * 10, abs=1)


@axes
@pytest.mark.parametrize("log", [False, True], ids=["linear y", "log y"])
@pytest.mark.parametrize(
    ("values", "start"),
    [
        (np.linspace(9.0, 8.0, 30), 10),
        (np.linspace(1.0, 0.5, 30), 10),
        (np.linspace(3.0, 2.0, 30), 51),
        (np.linspace(3.0, 2.0, 30), 5000),
        (np.full(30, np.nan), 10),
        (np.full(30, np.inf), 10),
        (np.full(30, -np.inf), 10),
        (np.full(30, -1.0), 10),
        (np.array([]), 10),
    ],
    ids=["above", "below", "after", "far after", "nan", "inf", "-inf", "negative", "empty"],
)
def test_what_does_not_fit_leaves_no_trace(
    log_x: bool, log: bool, values: npt.NDArray[np.float64], start: int
) -> None:
    left = Curve(values, BLUE, start=start, background=True)
    strips = curve_strips([left, LIVE], 65, 12, log=log, log_x=log_x)
    assert strips == curve_strips([LIVE], 65, 12, log=log, log_x=log_x)


@given(any_values, st.integers(0, 80), st.booleans(), st.booleans())
def test_a_background_curve_changes_no_label_and_is_never_marked(
    values: npt.NDArray[np.float64], start: int, log: bool, log_x: bool
) -> None:
    left = Curve(values, BLUE, start=start, background=True)
    both = curve_strips([left, LIVE], 65, 12, log=log, log_x=log_x, axis_style=GREY)
    alone = curve_strips([LIVE], 65, 12, log=log, log_x=log_x, axis_style=GREY)
    assert UNDRAWABLE not in "".join(text(both))
    assert [strip.text[:5] for strip in both] == [strip.text[:5] for strip in alone]
    assert both[-1] == alone[-1]
    assert dots(alone) <= dots(both)
    assert owned(both, RED) | owned(both, BLUE) >= owned(alone, RED)


def test_a_live_curve_beside_a_background_is_still_marked() -> None:
    live = Curve(np.array([3.0, np.nan, 2.0]), RED)
    left = Curve(np.array([2.5, np.nan, 2.5]), BLUE, background=True)
    marks = [style for *_, mark, style in cells(curve_strips([left, live], 45, 8)) if mark == "×"]
    assert marks == [RED]


def test_where_both_are_they_take_turns() -> None:
    left = Curve(LIVE.values, BLUE, background=True)
    strips = curve_strips([left, LIVE], 65, 12)
    assert dots(strips) == dots(curve_strips([LIVE], 65, 12))
    assert len(owned(strips, BLUE)) == pytest.approx(len(owned(strips, RED)), rel=0.3)


def test_beside_a_level_only_what_is_level_with_it_fits() -> None:
    level = Curve(np.full(51, 2.0), RED)
    for values in (np.full(30, 5.0), np.linspace(3.0, 2.5, 30)):
        left = Curve(values, BLUE, background=True)
        assert owned(curve_strips([left, level], 65, 12), BLUE) == set()
    left = Curve(np.full(30, 2.0), BLUE, background=True)
    assert owned(curve_strips([left, level], 65, 12), BLUE) != set()


def test_without_axes_of_others_nothing_fits() -> None:
    left = Curve(np.linspace(3.0, 2.0, 30), BLUE, background=True)
    gone = Curve(np.full(30, np.nan), RED)
    assert owned(curve_strips([left, gone], 65, 12), BLUE) == set()


def test_a_lone_value_of_the_past_fits_only_where_its_iteration_is() -> None:
    left = Curve(np.array([2.5]), BLUE, start=500, background=True)
    assert owned(curve_strips([left, LIVE], 65, 12), BLUE) == set()


def test_two_points_are_joined_by_a_straight_line() -> None:
    drawn = dots(curve_strips([Curve(np.array([1.0, 0.0]), RED)], 80, 9))
    columns = sorted({column for _, column in drawn})
    assert columns == list(range(2 * len("0.516 "), 160))
    for row, column in drawn:
        assert row == pytest.approx(31 * (column - columns[0]) / (len(columns) - 1), abs=0.51)


def test_a_steep_line_has_no_gaps() -> None:
    drawn = dots(curve_strips([Curve(np.tile([0.0, 1.0], 10), RED)], 30, 12))
    assert {row for row, _ in drawn} == set(range(44))
    for row, column in drawn - {min(drawn, key=lambda dot: dot[1])}:
        around = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} - {(row, column)}
        assert around & drawn


def test_curves_share_one_x_axis() -> None:
    strips = curve_strips([Curve(np.linspace(1, 0, 101), RED), Curve(np.ones(11), BLUE, 50)], 66, 8)
    columns = [column - 6 for _, column, _, style in cells(strips) if style == BLUE]
    assert min(columns) == pytest.approx(30, abs=1)
    assert max(columns) == pytest.approx(36, abs=1)
    assert strips[-1].text.endswith("100")


def test_a_single_point_is_a_short_level_at_the_left() -> None:
    lines = text(curve_strips([Curve(np.array([3.75]), RED)], 20, 8))
    assert lines[3] == "3.75 ⠤⠤".ljust(20)
    assert lines[7] == "     0".ljust(20)


def test_equal_values_run_through_the_middle() -> None:
    drawn = dots(curve_strips([Curve(np.full(30, 2.0), RED)], 40, 8))
    assert {row for row, _ in drawn} == {14}


def test_a_constant_is_level_over_the_whole_width_and_has_no_iterations() -> None:
    curves = [Curve(np.array([2.0]), GREEN, constant=True), Curve(np.array([3.0, 1.0]), RED)]
    strips = curve_strips(curves, 45, 8)
    row = {column for row, column, _, style in cells(strips) if row == 3 and column >= 5}
    assert row == set(range(5, 45))
    assert strips[-1].text.endswith(" 1")


def test_the_log_axis_spaces_powers_of_ten_evenly() -> None:
    powers = np.array([1e0, 1e-1, 1e-2, 1e-3, 1e-4])
    scale = YAxis(1e-4, 1.0, log=True)
    assert scale.depth(powers) == pytest.approx(np.linspace(0, 1, 5))
    assert scale.value(0.5) == pytest.approx(0.01)
    strips = curve_strips([Curve(powers, RED)], 40, 8, log=True)
    lines = text(strips)
    assert [lines[row].split()[0] for row in (0, 3, 6)] == ["1.00", "0.0100", "1.00e-4"]
    left = 2 * len("1.00e-4 ")
    for power in range(5):
        assert (round(27 * power / 4), left + round(63 * power / 4)) in dots(strips)


def test_the_log_axis_marks_what_has_no_logarithm_at_the_bottom() -> None:
    lines = text(curve_strips([Curve(np.array([1.0, 0.1, 0.0, -1.0]), RED)], 40, 8, log=True))
    assert [line.count("×") for line in lines] == [0, 0, 0, 0, 0, 0, 2, 0]


def test_what_is_not_finite_is_marked_and_does_not_move_the_scale() -> None:
    values = np.array([3.0, np.inf, 2.5, np.nan, 2.0, -np.inf, 1.0])
    strips = curve_strips([Curve(values, RED)], 45, 8)
    marks = [(row, column - 5, style) for row, column, mark, style in cells(strips) if mark == "×"]
    assert marks == [(0, 6, RED), (0, 20, RED), (6, 33, RED)]
    assert strips[0].text.startswith("3.00 ")
    assert strips[6].text.startswith("1.00 ")


def test_a_curve_without_a_finite_value_is_all_marks() -> None:
    strips = curve_strips([Curve(np.full(500, np.nan), RED)], 20, 5, axis_style=GREY)
    assert text(strips) == ["×" * 20, *[" " * 20] * 3, "0" + "499".rjust(19)]


def test_the_marker_stands_where_no_curve_does() -> None:
    strips = curve_strips([Curve(np.full(101, 1.0), RED)], 45, 8, marker=50, axis_style=GREY)
    ruled = [(row, column, style) for row, column, sign, style in cells(strips) if sign == "│"]
    assert [row for row, *_ in ruled] == [0, 1, 2, 4, 5, 6]
    assert {(column, style) for _, column, style in ruled} == {(25, GREY)}


def test_a_marker_beyond_the_axis_is_not_drawn() -> None:
    assert "│" not in "".join(text(curve_strips([Curve(DECAY, RED)], 45, 8, marker=140)))


# The iteration that a column shows


def falling(last: int) -> list[Curve]:
    """One curve whose labels take the columns of "0.500 "."""
    return [Curve(np.linspace(1.0, 0.5, last + 1), RED)]


LEFT = len("0.500 ")


def column_of(iteration: int, last: int, width: int, log_x: bool) -> int:
    """The column of a plot of `falling` in which an iteration is drawn."""
    return LEFT + round(place(iteration, last, log_x) * (2 * (width - LEFT) - 1)) // 2


def iterations_by_column(last: int, width: int, log_x: bool) -> dict[int, set[int]]:
    drawn: dict[int, set[int]] = {}
    for iteration in range(last + 1):
        drawn.setdefault(column_of(iteration, last, width, log_x), set()).add(iteration)
    return drawn


@axes
@given(last=st.integers(1, 3000), width=st.integers(20, 90))
@example(last=30, width=31)
def test_a_column_shows_an_iteration_that_is_drawn_in_it(
    log_x: bool, last: int, width: int
) -> None:
    drawn = iterations_by_column(last, width, log_x)
    for column, iterations in drawn.items():
        assert iteration_at(falling(last), width, 9, column, log_x=log_x) in iterations


@axes
@given(last=st.integers(1, 3000), width=st.integers(20, 90))
@example(last=30, width=31)
def test_between_a_column_and_the_iteration_that_it_shows_no_other_is_drawn(
    log_x: bool, last: int, width: int
) -> None:
    """Also for columns in which none is."""
    drawn = iterations_by_column(last, width, log_x)
    for column in range(LEFT, width):
        found = iteration_at(falling(last), width, 9, column, log_x=log_x)
        assert found is not None
        low, high = sorted((column, column_of(found, last, width, log_x)))
        assert not [other for other in drawn if low < other < high]


@given(st.integers(2, 10**7), st.integers(20, 90))
def test_where_iterations_are_many_each_column_shows_one_of_its_own(
    per_dot: int, width: int
) -> None:
    last = per_dot * 2 * (width - LEFT)
    curves = [Curve(np.array([1.0]), BLUE, start=last), Curve(np.array([0.5]), RED)]
    for column in range(LEFT, width):
        found = iteration_at(curves, width, 9, column)
        assert found is not None
        assert column_of(found, last, width, log_x=False) == column


@axes
def test_the_marker_is_drawn_in_the_column_that_was_pointed_at(log_x: bool) -> None:
    curves = falling(9_999)
    for column in range(LEFT + (20 if log_x else 0), 66):  # before, there are fewer iterations
        marker = iteration_at(curves, 66, 9, column, log_x=log_x)
        strips = curve_strips(curves, 66, 9, log_x=log_x, marker=marker)
        assert {place for _, place, sign, _ in cells(strips) if sign == "│"} == {column}


@axes
@given(last=st.integers(0, 10**7), width=st.integers(20, 90))
def test_the_ends_of_the_axis_show_the_first_iteration_and_the_last(
    log_x: bool, last: int, width: int
) -> None:
    curves = [Curve(np.array([1.0]), BLUE, start=last), Curve(np.array([0.5]), RED)]
    shown = [iteration_at(curves, width, 9, column, log_x=log_x) for column in range(LEFT, width)]
    assert (shown[0], shown[-1]) == (0, last)
    assert shown == sorted(shown)  # type: ignore[type-var]


@given(any_curves, st.integers(0, 60), st.integers(0, 20), st.booleans(), st.booleans())
def test_left_and_right_of_the_axis_there_is_no_iteration(
    curves: list[Curve], width: int, height: int, log: bool, log_x: bool
) -> None:
    """It begins at the column of its 0."""
    strips = curve_strips(curves, width, height, log=log, log_x=log_x, axis_style=GREY)
    if height < 2 or "0" not in strips[-1].text:
        return
    left = strips[-1].text.index("0")
    last = int(strips[-1].text.split()[-1].replace(",", ""))
    for column in range(-3, width + 3):
        found = iteration_at(curves, width, height, column, log=log, log_x=log_x)
        assert (found is None) == (not left <= column < width)
        assert found is None or 0 <= found <= last


@pytest.mark.parametrize(("width", "height"), [(40, 1), (40, 0), (0, 9)])
def test_a_plot_without_room_has_no_iterations(width: int, height: int) -> None:
    assert {iteration_at(falling(9), width, height, column) for column in range(-1, 41)} == {None}


def test_without_curves_there_is_the_first_iteration_alone() -> None:
    assert {iteration_at([], 20, 9, column) for column in range(20)} == {0}


def test_a_constant_and_the_way_that_was_left_do_not_lengthen_the_axis() -> None:
    left = Curve(np.linspace(3.0, 2.0, 500), BLUE, background=True)
    level = Curve(np.array([2.5]), GREEN, constant=True)
    assert iteration_at([left, level, LIVE], 65, 12, 64) == 50


def test_a_sparkline_shows_the_shape() -> None:
    assert sparkline(np.arange(8.0), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(np.arange(4.0), 8) == "▁▁▃▃▆▆██"
    assert sparkline(np.array([0.0, 1.0, np.inf, np.nan]), 4) == "▁█××"
    assert sparkline(np.array([]), 3) == "   "
    assert len(set(sparkline(np.full(9, 2.0), 5))) == 1


def test_a_sparkline_keeps_a_spike_among_many() -> None:
    values = np.zeros(10_000)
    values[5_000] = 1.0
    assert sparkline(values, 10) == "▁▁▁▁▁█▁▁▁▁"
