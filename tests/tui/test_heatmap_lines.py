"""What the heatmap's lines consist of: levels, cells, labels, the legend."""

import math
import string
import sys
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from bigram_tui.formatting.printable import SPACE, TOO_WIDE
from bigram_tui.model.bigrams import Vocabulary
from bigram_tui.tui.render.cell_form import (
    HALF,
    LARGE,
    MEDIUM,
    SMALL,
    TINY,
    WIDE_HALF,
    WIDE_SMALL,
    WIDE_TINY,
    CellForm,
    best_form,
    forms,
)
from bigram_tui.tui.render.colors import (
    GLYPHS_ONLY,
    INDEXED,
    LEVELS,
    TRUE_COLOR,
    Depth,
    cell_styles,
    ramp,
)
from bigram_tui.tui.render.heatmap import body, header, legend
from bigram_tui.tui.render.heatmap_styles import HeatmapStyles
from bigram_tui.tui.render.picture import DECADES, NAN, ColorScale, Picture, paint, round_up
from bigram_tui.tui.views import VIEWS

Floats = npt.NDArray[np.float64]

ALL_FORMS = (HALF, TINY, SMALL, MEDIUM, LARGE, WIDE_HALF, WIDE_TINY, WIDE_SMALL)
WIDE_FORMS = (WIDE_HALF, WIDE_TINY, WIDE_SMALL, MEDIUM, LARGE)
WRITTEN = (SMALL, MEDIUM, LARGE, WIDE_SMALL)
ODD_CHARACTERS = (
    "\t\x1b\x7f\x85 \xa0\xad.a[]é\u0301\u0488אش\u064b\u200b\u200d\u202e\u2028"
    "漢ｱ가ก\u0e34\ufe0f\U0001f600\U0001f1e9\U0001f1ea\U0001f3fd"
)


def levels(picture: Picture) -> np.ndarray:
    """The levels of all rows."""
    return np.array([picture.row(row) for row in range(len(picture.table))])


all_forms = pytest.mark.parametrize("form", ALL_FORMS, ids=lambda form: form.name)
all_scales = pytest.mark.parametrize("scale", ColorScale, ids=lambda scale: scale.value)
both_kinds = pytest.mark.parametrize("diverging", [False, True], ids=["sequential", "diverging"])

tables = hnp.arrays(
    np.float64,
    st.integers(1, 5).map(lambda size: (size, size)),
    elements=st.one_of(
        st.floats(-1e12, 1e12), st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf])
    ),
)


def look(depth: Depth = TRUE_COLOR, dark: bool = True) -> HeatmapStyles:
    """A style of its own for each part."""
    label = Style(color="#eeeeee", bgcolor="#010203")
    cursor = Style(color="#000000", bgcolor="#fefefe", bold=True)
    return HeatmapStyles(dark, depth, label, cursor, Style(color="#ff00ff", bgcolor="#ffff00"))


def write(value: float) -> str:
    """A text that tells its value."""
    return f"{value:5.1f}"[:5]


def picture(
    size: int, scale: ColorScale = ColorScale.LINEAR, *, diverging: bool = False
) -> Picture:
    """0, 1, 2, … row by row; as many below zero as above where the picture diverges."""
    table = np.arange(size * size, dtype=np.float64).reshape(size, size)
    return paint(table - table.mean() if diverging else table, scale, write, diverging=diverging)


def labels_of(characters: str) -> tuple[str, ...]:
    return Vocabulary("".join(sorted(set(characters)))).labels


def text(segments: list[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def width(segments: list[Segment]) -> int:
    return sum(cell_len(segment.text) for segment in segments)


def cells(segments: list[Segment]) -> list[tuple[str, Style]]:
    """The character and the style of each cell, for text whose characters take one each."""
    return [(char, segment.style or Style.null()) for segment in segments for char in segment.text]


# Levels


def expected_place(value: float, limit: float, scale: ColorScale, diverging: bool) -> float:
    """Where on the ramp, from 0 to 1, a value belongs; by one number at a time."""
    part = min(abs(value) / limit, 1.0)
    if scale is ColorScale.ROOT:
        part = math.sqrt(part)
    elif scale is ColorScale.LOG:
        part = max(0.0, 1 + math.log10(part) / DECADES) if part else 0.0
    return (1 + math.copysign(part, value)) / 2 if diverging else part


@all_scales
@both_kinds
@given(table=tables)
def test_each_value_gets_the_nearest_level(
    scale: ColorScale, diverging: bool, table: Floats
) -> None:
    painted = paint(table, scale, write, diverging=diverging)
    finite = [abs(value) for value in table.ravel().tolist() if math.isfinite(value)]
    assert painted.limit == round_up(max(finite, default=0.0))
    for value, level in zip(table.ravel().tolist(), levels(painted).ravel().tolist(), strict=True):
        if math.isnan(value):
            assert level == NAN
        else:
            place = expected_place(value, painted.limit, scale, diverging) * (LEVELS - 1)
            assert abs(level - place) <= 0.5 + 1e-9


@all_scales
@both_kinds
def test_a_table_of_zeros_is_all_at_zero(scale: ColorScale, diverging: bool) -> None:
    painted = paint(np.zeros((3, 3)), scale, write, diverging=diverging)
    expected = {LEVELS // 2 - 1, LEVELS // 2} if diverging else {0}
    assert set(levels(painted).ravel().tolist()) <= expected
    assert painted.limit == 1


@all_scales
def test_infinity_takes_the_ends_of_the_ramp_and_leaves_the_scale_alone(scale: ColorScale) -> None:
    table = np.array([[-np.inf, np.inf], [2.0, np.nan]])
    painted = paint(table, scale, write, diverging=True)
    assert levels(painted).tolist() == [[0, LEVELS - 1], [LEVELS - 1, NAN]]
    assert painted.limit == 2


def test_without_a_finite_number_the_scale_ends_at_one() -> None:
    painted = paint(np.full((2, 2), np.nan), ColorScale.LINEAR, write)
    assert painted.limit == 1
    assert (levels(painted) == NAN).all()


def test_a_scale_of_probabilities_ends_at_one() -> None:
    assert paint(np.full((2, 2), 1.0 + 1e-9), ColorScale.LINEAR, write, most=1.0).limit == 1


def test_the_least_number_there_is_can_be_painted() -> None:
    painted = paint(np.full((1, 1), 5e-324), ColorScale.LINEAR, write)
    assert painted.limit > 0
    assert levels(painted).tolist() != [[NAN]]


@given(st.floats(1e-300, 1e300))
def test_a_scale_ends_at_a_round_number_not_much_above_the_largest(value: float) -> None:
    limit = round_up(value)
    assert limit >= value * (1 - 1e-11)
    assert limit <= value * 2.5 * (1 + 1e-9)
    assert f"{limit:.9e}"[:11] in {"1.000000000", "2.000000000", "5.000000000"}


@given(st.floats(1e-300, 1e299))
def test_a_round_number_stays(value: float) -> None:
    assert round_up(round_up(value)) == pytest.approx(round_up(value), rel=1e-12)


def test_nothing_to_scale_by_gives_one() -> None:
    assert round_up(0.0) == 1


@pytest.mark.parametrize("value", [5e-324, 2.2e-308, 9.9e300, sys.float_info.max])
@pytest.mark.parametrize("diverging", [False, True], ids=["sequential", "diverging"])
def test_numbers_at_the_ends_of_the_format_have_a_scale(value: float, diverging: bool) -> None:
    limit = round_up(value)
    assert 0 < limit < math.inf
    assert limit >= min(value, 1e300)
    painted = paint(
        np.array([[value, 0.0], [0.0, 0.0]]), ColorScale.LINEAR, write, diverging=diverging
    )
    zero = LEVELS // 2 if diverging else 0
    assert levels(painted)[1, 1] == zero
    assert levels(painted)[0, 0] == (LEVELS - 1 if value > 1 else zero)


@all_scales
@given(place=st.floats(0, 1))
def test_the_legend_reads_the_ramp_as_it_was_painted(scale: ColorScale, place: float) -> None:
    there = float(scale.place(np.array([scale.part(place)]))[0])
    assert there == pytest.approx(place, abs=1e-9)


# Lines

vocabularies = st.one_of(
    st.just(ODD_CHARACTERS),
    st.text(st.characters(), min_size=1, max_size=7),
    st.text(st.sampled_from(ODD_CHARACTERS), min_size=1, max_size=7),
)


@all_forms
@pytest.mark.parametrize("depth", [TRUE_COLOR, INDEXED, GLYPHS_ONLY], ids=lambda d: d.name)
def test_lines_are_as_wide_as_their_cells_for_every_window(form: CellForm, depth: Depth) -> None:
    labels = labels_of(ODD_CHARACTERS[:12] + "漢é\u0301א")
    size = len(labels)
    shown = picture(size)
    for start in range(size):
        for stop in range(start, size + 1):
            window = range(start, stop)
            expected = form.label_width + len(window) * form.width
            assert width(header(labels, window, form, look(depth), 0)) == expected
            for line in {0, 1, form.height_of(size) - 2}:
                segments = body(shown, labels, line, window, form, look(depth), (1, start))
                assert width(segments) == expected


@all_forms
@given(characters=vocabularies)
def test_lines_are_as_wide_as_their_cells_whatever_the_text(
    form: CellForm, characters: str
) -> None:
    labels = labels_of(characters)
    size = len(labels)
    assert form.width_of(size) == form.label_width + size * form.width
    assert width(header(labels, range(size), form, look(), 0)) == form.width_of(size)
    for line in range(form.height_of(size) - 1):
        segments = body(picture(size), labels, line, range(size), form, look(), (0, 0))
        assert width(segments) == form.width_of(size)
        # As one string too, where neighbours might join to a single character.
        assert cell_len(text(segments)) == form.width_of(size)


@all_forms
@given(characters=vocabularies)
def test_no_character_of_a_text_commands_the_terminal(form: CellForm, characters: str) -> None:
    labels = labels_of(characters)
    size = len(labels)
    drawn = text(header(labels, range(size), form, look(), 0))
    for line in range(form.height_of(size) - 1):
        drawn += text(body(picture(size), labels, line, range(size), form, look(), (0, 0)))
    assert not [c for c in drawn if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0]
    assert not set(drawn) & set(
        "\u200b\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202d\u202e\u2066"
    )


def test_a_small_cell_shows_its_bigram() -> None:
    labels = labels_of("ab")
    assert text(header(labels, range(3), SMALL, look(), 0)) == "   . a b "
    assert text(body(picture(3), labels, 1, range(3), SMALL, look(), (0, 0))) == "a  a.aaab"


def test_a_medium_cell_shows_its_value() -> None:
    labels = labels_of("ab")
    line = text(body(picture(3), labels, 2, range(1, 3), MEDIUM, look(), (0, 0)))
    assert line == "b    7.0  8.0"


def test_a_large_cell_shows_its_bigram_over_its_value() -> None:
    labels = labels_of("ab")
    lines = [
        text(body(picture(3), labels, line, range(3), LARGE, look(), (0, 0))) for line in (2, 3)
    ]
    assert lines[0].split() == ["a", "a.", "aa", "ab"]
    assert lines[1] == "     3.0  4.0  5.0"
    assert [lines[0].index(pair) - LARGE.label_width for pair in ("a.", "aa", "ab")] == [2, 7, 12]


def test_a_half_line_labels_both_of_its_rows() -> None:
    labels = labels_of("ab")
    lines = [
        text(body(picture(3), labels, line, range(3), HALF, look(), (0, 0))) for line in (0, 1)
    ]
    assert lines == [".a ▀▀▀", "b  ▀▀▀"]


def test_the_colours_of_half_lines_are_those_of_both_rows() -> None:
    shown, labels, style = picture(4), labels_of("abc"), look()
    colors = ramp(False, True)
    for line in (0, 1):
        segments = body(shown, labels, line, range(1, 4), HALF, style, (3, 0))
        for column, (char, cell) in enumerate(cells(segments)[HALF.label_width :], 1):
            assert char == "▀"
            assert cell.color == colors[levels(shown)[2 * line, column]]
            assert cell.bgcolor == colors[levels(shown)[2 * line + 1, column]]


def test_below_the_last_row_of_an_odd_half_form_is_the_background() -> None:
    style = look()
    segments = body(picture(3), labels_of("ab"), 1, range(3), HALF, style, (0, 0))
    assert {cell.bgcolor for _, cell in cells(segments)[HALF.label_width :]} == {
        style.label.bgcolor
    }


@pytest.mark.parametrize("form", [TINY, *WRITTEN], ids=lambda form: form.name)
@both_kinds
def test_each_cell_has_the_colour_of_its_level(form: CellForm, diverging: bool) -> None:
    shown, labels = picture(4, diverging=diverging), labels_of("abc")
    styles = cell_styles(diverging, True, TRUE_COLOR)
    for line in range(form.height_of(4) - 1):
        row = line // form.lines
        segments = body(shown, labels, line, range(4), form, look(), (9, 9))
        for column in range(4):
            start = form.label_width + column * form.width
            found = {style for _, style in cells(segments)[start : start + form.width]}
            assert found == {styles[levels(shown)[row, column]]}


@pytest.mark.parametrize("form", [TINY, *WRITTEN], ids=lambda form: form.name)
@pytest.mark.parametrize("depth", [TRUE_COLOR, GLYPHS_ONLY], ids=lambda depth: depth.name)
def test_the_cursor_marks_one_cell_its_row_and_its_column(form: CellForm, depth: Depth) -> None:
    labels, style = labels_of("abc"), look(depth)
    top = cells(header(labels, range(4), form, style, 2))
    start, stop = form.label_width + 2 * form.width, form.label_width + 3 * form.width
    marked = set(range(start, stop))
    assert {k for k, (_, cell) in enumerate(top) if cell == style.cursor} == marked
    for line in range(form.height_of(4) - 1):
        drawn = cells(body(picture(4), labels, line, range(4), form, style, (1, 2)))
        expected = set() if form.row_at(line) != 1 else marked | set(range(form.label_width))
        assert {k for k, (_, cell) in enumerate(drawn) if cell == style.cursor} == expected


@pytest.mark.parametrize("row", [0, 1, 2])
def test_the_cursor_of_a_half_form_marks_one_half(row: int) -> None:
    labels, style = labels_of("ab"), look()
    for line in (0, 1):
        label, *rest = (
            cells(body(picture(3), labels, line, range(3), HALF, style, (row, 1)))[:2],
            *cells(body(picture(3), labels, line, range(3), HALF, style, (row, 1)))[
                HALF.label_width :
            ],
        )
        upper = [k for k, (_, cell) in enumerate(rest) if cell.color == style.cursor.bgcolor]
        lower = [k for k, (_, cell) in enumerate(rest) if cell.bgcolor == style.cursor.bgcolor]
        assert upper == ([1] if row == 2 * line else [])
        assert lower == ([1] if row == 2 * line + 1 else [])
        names = [k for k, (_, cell) in enumerate(label) if cell == style.cursor]
        assert names == ([row % 2] if row // 2 == line else [])


@all_forms
def test_a_cell_without_a_number_stands_out(form: CellForm) -> None:
    table = np.array([[0.5, np.nan], [0.25, 1.0]])
    style = look()
    for view in VIEWS:
        shown = paint(table, ColorScale.LINEAR, view.text, diverging=view.diverging)
        drawn = cells(body(shown, labels_of("a"), 0, range(2), form, style, (1, 0)))
        second = drawn[form.label_width + form.width : form.label_width + 2 * form.width]
        if form.halved:
            assert {cell.color for _, cell in second} == {style.nan.color}
        else:
            assert {cell for _, cell in second} == {style.nan}


@pytest.mark.parametrize("form", [TINY, SMALL], ids=lambda form: form.name)
def test_glyphs_grow_denser_with_the_value(form: CellForm) -> None:
    line = text(body(picture(5), labels_of("abcd"), 0, range(5), form, look(GLYPHS_ONLY), (9, 9)))
    assert line == ".  " + " " * 5 * form.width
    table = np.array([[0, 0.25, 0.5, 0.75, 1.0]] * 5)
    shown = paint(table, ColorScale.LINEAR, write)
    line = text(body(shown, labels_of("abcd"), 0, range(5), form, look(GLYPHS_ONLY), (9, 9)))
    assert line[form.label_width :] == "".join(glyph * form.width for glyph in " ░▒▓█")


def test_glyphs_show_the_sign_where_there_is_room() -> None:
    shown = paint(np.array([[-1.0, 1.0], [0.0, -0.5]]), ColorScale.LINEAR, write, diverging=True)
    first, second = (
        text(body(shown, labels_of("a"), line, range(2), SMALL, look(GLYPHS_ONLY), (9, 9)))
        for line in (0, 1)
    )
    assert first[SMALL.label_width :] == "-█+█"
    assert second[SMALL.label_width :] == "  -▒"


def test_glyphs_show_a_cell_without_a_number() -> None:
    shown = paint(np.array([[np.nan]]), ColorScale.LINEAR, write)
    assert text(body(shown, ("a",), 0, range(1), SMALL, look(GLYPHS_ONLY), (9, 9))) == "a  ××"


@pytest.mark.parametrize("form", [TINY, SMALL, WIDE_TINY, WIDE_SMALL], ids=lambda f: f.name)
@both_kinds
def test_without_colours_a_sign_marks_the_cursor(form: CellForm, diverging: bool) -> None:
    """Also where the cell under it is empty, full, or no number."""
    table = np.array([[0.0, 1.0], [np.nan, -1.0]])
    shown = paint(table, ColorScale.LINEAR, write, diverging=diverging)
    for row in (0, 1):
        for column in (0, 1):
            for line in (0, 1):
                drawn = text(
                    body(
                        shown, labels_of("a"), line, range(2), form, look(GLYPHS_ONLY),
                        (row, column),
                    )
                )  # fmt: skip
                start = form.label_width + column * form.width
                assert drawn.count("◆") == (line == row)
                if line == row:
                    assert drawn[start : start + form.width] == "◆".ljust(form.width)


@pytest.mark.parametrize("depth", [TRUE_COLOR, INDEXED], ids=lambda d: d.name)
@all_forms
def test_with_colours_the_cursor_leaves_the_text_alone(form: CellForm, depth: Depth) -> None:
    assert not any("◆" in line for line in drawn_lines(labels_of("ab"), form, depth))


@pytest.mark.parametrize("form", [MEDIUM, LARGE], ids=lambda form: form.name)
def test_without_colours_a_number_under_the_cursor_is_still_to_be_read(form: CellForm) -> None:
    assert "  0.0  1.0  2.0" in "\n".join(drawn_lines(labels_of("ab"), form, GLYPHS_ONLY))


# The size of the cells


@all_forms
@given(row=st.integers(0, 200))
def test_the_line_of_a_row_shows_that_row(form: CellForm, row: int) -> None:
    line = form.line_of(row)
    assert form.row_at(line) == (row - row % 2 if form.halved else row)
    assert form.row_at(line + form.lines - 1) == form.row_at(line)


@all_forms
@given(size=st.integers(1, 60))
def test_every_line_of_a_form_belongs_to_a_row(form: CellForm, size: int) -> None:
    rows = [form.row_at(line) for line in range(form.height_of(size) - 1)]
    assert all(0 <= row < size for row in rows)
    drawn = {row + k for row in rows for k in range(2 if form.halved else 1)}
    assert drawn >= set(range(size))


@pytest.mark.parametrize("depth", [TRUE_COLOR, GLYPHS_ONLY], ids=lambda d: d.name)
@pytest.mark.parametrize("wide", [False, True], ids=["narrow", "wide"])
@given(size=st.integers(1, 100), columns=st.integers(1, 400), lines=st.integers(1, 200))
def test_the_best_form_is_the_largest_that_fits(
    depth: Depth, wide: bool, size: int, columns: int, lines: int
) -> None:
    sizes = forms(depth, wide=wide)

    def fits(form: CellForm) -> bool:
        return form.width_of(size) <= columns and form.height_of(size) <= lines

    fitting = [form for form in sizes if fits(form)]
    assert best_form(size, columns, lines, sizes) == (fitting or sizes)[-1 if fitting else 0]


@pytest.mark.parametrize("depth", [TRUE_COLOR, INDEXED, GLYPHS_ONLY], ids=lambda d: d.name)
@pytest.mark.parametrize("wide", [False, True], ids=["narrow", "wide"])
def test_forms_grow(depth: Depth, wide: bool) -> None:
    choice = forms(depth, wide=wide)
    sizes = [(form.width_of(27), form.height_of(27)) for form in choice]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(choice) == 4
    assert [form.halved for form in choice] == [depth is not GLYPHS_ONLY, False, False, False]
    if wide:
        assert all(form.character == 2 for form in choice)


# Characters of two columns

HAN = "一丁七万丈三上下不与"
WIDE_TEXTS = (HAN, "ab漢字", "가나다", "\U0001f600z한", "ァアｱ", "\u3000漢")


def drawn_lines(labels: tuple[str, ...], form: CellForm, depth: Depth = TRUE_COLOR) -> list[str]:
    """The line of labels and all lines below it."""
    size = len(labels)
    shown, style, every = picture(size), look(depth), range(size)
    lines = [header(labels, every, form, style, 0)]
    lines += [
        body(shown, labels, line, every, form, style, (0, 0))
        for line in range(form.height_of(size) - 1)
    ]
    return [text(line) for line in lines]


def pieces(line: str, widths: list[int]) -> list[str]:
    """The line cut into pieces of so many columns, without their blanks."""
    characters, cut = list(line), []
    for room in widths:
        piece = ""
        while cell_len(piece) < room:
            piece += characters.pop(0)
        assert cell_len(piece) == room, "no character stands in two pieces"
        cut.append(piece.replace(" ", ""))
    assert not characters
    return cut


@pytest.mark.parametrize("form", WIDE_FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("depth", [TRUE_COLOR, GLYPHS_ONLY], ids=lambda d: d.name)
@pytest.mark.parametrize("characters", WIDE_TEXTS, ids=ascii)
def test_wide_forms_show_characters_of_two_columns_as_they_are(
    form: CellForm, depth: Depth, characters: str
) -> None:
    labels = labels_of(characters)
    lines = drawn_lines(labels, form, depth)
    # Columns for each character that is written at the left, and a gap.
    gutter = [2, 2, 1] if form is WIDE_HALF else [2, 1]
    columns = {WIDE_HALF: 2, WIDE_TINY: 2, WIDE_SMALL: 4, MEDIUM: 5, LARGE: 5}[form]
    widths = [*gutter, *[columns] * len(labels)]
    shown = [SPACE if label == "\u3000" else label for label in labels]
    blank = [""] * len(gutter)
    assert pieces(lines[0], widths) == [*blank, *shown]
    for line, drawn in enumerate(lines[1:]):
        row = form.row_at(line)
        rows = shown[row : row + 2] if form.halved else [shown[row]]
        if form.line_of(row) != line:
            rows = []
        assert pieces(drawn, widths)[: len(gutter)] == (rows + blank)[: len(gutter)]


@pytest.mark.parametrize("form", [WIDE_SMALL, LARGE], ids=lambda form: form.name)
@pytest.mark.parametrize("characters", WIDE_TEXTS, ids=ascii)
def test_wide_forms_write_whole_bigrams(form: CellForm, characters: str) -> None:
    labels = labels_of(characters)
    lines = drawn_lines(labels, form)
    shown = [SPACE if label == "\u3000" else label for label in labels]
    for row, first in enumerate(shown):
        line = lines[1 + form.line_of(row)]
        bigrams = pieces(line, [2, 1, *[form.width] * len(labels)])[2:]
        assert bigrams == [first + second for second in shown]


def test_a_wide_small_cell_shows_its_bigram() -> None:
    labels = labels_of("b漢")
    assert drawn_lines(labels, WIDE_SMALL) == [
        "   .   b   漢  ",
        ".  . . . b . 漢",
        "b  b . b b b 漢",
        "漢 漢. 漢b 漢漢",
    ]


def test_a_wide_half_line_labels_both_of_its_rows() -> None:
    assert drawn_lines(labels_of("b漢"), WIDE_HALF) == [
        "     . b 漢",
        ". b  ▀▀▀▀▀▀",
        "漢   ▀▀▀▀▀▀",
    ]


@all_forms
@pytest.mark.parametrize("cut", ["narrow", "wide"])
def test_a_narrow_form_has_stand_ins_of_the_right_width(form: CellForm, cut: str) -> None:
    """Where a character does not fit after all, the line still has its width."""
    labels = labels_of("漢" if cut == "wide" else "k")
    lines = drawn_lines(labels, form)
    assert {cell_len(line) for line in lines} == {form.width_of(2)}
    stand_in = any(TOO_WIDE in line for line in lines)
    assert stand_in == (cut == "wide" and form in (HALF, TINY, SMALL))


# Tables that are not square

ROWS, COLUMNS = "emm", "abcdefg"
oblongs = pytest.mark.parametrize(("rows", "columns"), [(3, 7), (7, 3), (1, 5), (5, 1), (1, 1)])


def oblong(rows: int, columns: int) -> Picture:
    """0, 1, 2, … row by row."""
    return paint(np.arange(rows * columns).reshape(rows, columns), ColorScale.LINEAR, write)


def oblong_line(
    rows: str,
    columns: str,
    line: int,
    form: CellForm,
    style: HeatmapStyles,
    *,
    cursor: tuple[int, int] = (-1, -1),
    marked: tuple[int, ...] = (),
) -> list[Segment]:
    """A line of a table whose rows and columns have labels of their own; a row's may repeat."""
    shown, every = oblong(len(rows), len(columns)), range(len(columns))
    return body(
        shown, tuple(rows), line, every, form, style, cursor,
        column_labels=tuple(columns), marked=marked,
    )  # fmt: skip


@all_forms
@oblongs
@pytest.mark.parametrize("depth", [TRUE_COLOR, INDEXED, GLYPHS_ONLY], ids=lambda d: d.name)
def test_lines_of_an_oblong_are_as_wide_as_its_columns(
    form: CellForm, rows: int, columns: int, depth: Depth
) -> None:
    above, beside = string.ascii_lowercase[:columns], string.ascii_uppercase[:rows]
    every = range(columns)
    assert width(header(tuple(above), every, form, look(depth), 0)) == form.width_of(columns)
    lines = range(form.height_of(rows) - 1)
    assert len(lines) == (math.ceil(rows / 2) if form.halved else rows * form.lines)
    for line in lines:
        segments = oblong_line(beside, above, line, form, look(depth), cursor=(0, columns - 1))
        assert width(segments) == form.width_of(columns)
        row = form.row_at(line)
        named = beside[row : row + (2 if form.halved else 1)] if form.line_of(row) == line else ""
        assert text(segments)[: form.label_width].replace(" ", "") == named


def test_a_cell_of_an_oblong_is_named_by_its_row_and_its_column() -> None:
    assert text(oblong_line(ROWS, COLUMNS, 0, SMALL, look())) == "e  eaebecedeeefeg"
    assert text(oblong_line(ROWS, COLUMNS, 2, SMALL, look())) == "m  mambmcmdmemfmg"
    named = text(oblong_line(ROWS, COLUMNS, 2, LARGE, look())).split()
    assert named == ["m", "ma", "mb", "mc", "md", "me", "mf", "mg"]
    assert text(oblong_line(ROWS, "ab", 1, MEDIUM, look())) == "m    2.0  3.0"


@pytest.mark.parametrize("form", [HALF, WIDE_HALF], ids=lambda form: form.name)
@pytest.mark.parametrize("rows", [1, 3, 5])
@pytest.mark.parametrize("columns", [1, 2, 9])
def test_below_the_last_of_an_odd_number_of_rows_is_the_background(
    form: CellForm, rows: int, columns: int
) -> None:
    """As many cells of it as there are columns, of which there may be more than rows, or fewer."""
    style = look()
    line = oblong_line("abcde"[:rows], "ABCDEFGHI"[:columns], rows // 2, form, style)
    drawn = cells(line)[form.label_width :]
    assert len(drawn) == columns * form.width
    assert {cell.bgcolor for _, cell in drawn} == {style.label.bgcolor}
    last = levels(oblong(rows, columns))[-1]
    expected = [ramp(False, True)[level] for level in last for _ in range(form.width)]
    assert [cell.color for _, cell in drawn] == expected


@all_forms
@pytest.mark.parametrize("depth", [TRUE_COLOR, GLYPHS_ONLY], ids=lambda d: d.name)
@pytest.mark.parametrize("marked", [(), (0,), (1, 2), (0, 1, 2, 3, 4, 5)], ids=str)
def test_the_labels_of_marked_rows_stand_out_and_so_does_the_cursors(
    form: CellForm, depth: Depth, marked: tuple[int, ...]
) -> None:
    """But no cell of theirs does, nor the room below the last row."""
    style = look(depth)
    for line in range(form.height_of(5) - 1):
        drawn = cells(oblong_line("abcde", "xyz", line, form, style, cursor=(3, 1), marked=marked))
        found = {k for k, (_, cell) in enumerate(drawn) if cell == style.cursor}
        row = form.row_at(line)
        if form.halved:
            size = form.character
            upper, lower = set(range(size)), set(range(size, 2 * size))
            expected = upper if row in {3, *marked} else set()
            expected |= lower if row + 1 < 5 and row + 1 in {3, *marked} else set()
        else:
            expected = set(range(form.label_width)) if row in {3, *marked} else set()
            if row == 3:
                start = form.label_width + form.width
                expected |= set(range(start, start + form.width))
        assert found == expected


@all_forms
@pytest.mark.parametrize("depth", [TRUE_COLOR, GLYPHS_ONLY], ids=lambda d: d.name)
def test_without_a_cursor_nothing_stands_out(form: CellForm, depth: Depth) -> None:
    """Not the last row or column either, though the cursor is at −1."""
    style = look(depth)
    lines = [header(tuple("xyz"), range(3), form, style, -1)]
    lines += [
        oblong_line("abcde", "xyz", line, form, style) for line in range(form.height_of(5) - 1)
    ]
    for line in lines:
        assert "◆" not in text(line)
        for _, cell in cells(line):
            assert cell != style.cursor
            assert style.cursor.bgcolor not in (cell.color, cell.bgcolor)


@pytest.mark.parametrize("form", [TINY, SMALL, WIDE_TINY, WIDE_SMALL], ids=lambda f: f.name)
def test_glyphs_of_an_oblong_have_one_sign_for_the_cursor(form: CellForm) -> None:
    """Marked rows get none: their labels stand out."""
    for line in range(2):
        drawn = text(
            oblong_line("ab", "vwxyz", line, form, look(GLYPHS_ONLY), cursor=(1, 4), marked=(0, 1))
        )
        cut = [
            drawn[form.label_width + k * form.width :][: form.width] for k in range(len("vwxyz"))
        ]
        assert [piece.strip() == "◆" for piece in cut] == [False] * 4 + [line == 1]
        assert cut[0].strip(" ") == ("" if line == 0 else "▒" * form.width)


# Segments


@all_forms
@both_kinds
@pytest.mark.parametrize("depth", [TRUE_COLOR, GLYPHS_ONLY], ids=lambda d: d.name)
def test_neighbours_of_one_colour_are_one_segment(
    form: CellForm, diverging: bool, depth: Depth
) -> None:
    """But for the cell of the cursor, and rows that share a line need both of theirs alike."""
    table = np.array([[1, 1, 1, 0, 0, 1, 1], [1, 1, 0, 0, 0, 1, 1], *np.ones((5, 7))])
    shown = paint(table, ColorScale.LINEAR, write, diverging=diverging)
    for cursor, rest in (((-1, -1), [2]), ((0, 6), [1, 1])):
        runs = [*([2, 1, 2] if form.halved else [3, 2]), *rest]
        line = body(shown, tuple("abcdefg"), 0, range(7), form, look(depth), cursor)
        found = [cell_len(segment.text) // form.width for segment in line[-len(runs) :]]
        assert found == runs
        assert width(line) == form.label_width + 7 * form.width


@all_forms
def test_what_has_no_style_of_its_own_stands_on_the_ground(form: CellForm) -> None:
    ground = Style(bgcolor="#123456", italic=True)
    for depth in (TRUE_COLOR, GLYPHS_ONLY):
        plain, grounded = look(depth), replace(look(depth), ground=ground)
        lines = [
            cells(oblong_line("abcde", "vwxyz", 0, form, style))[form.label_width :]
            for style in (plain, grounded)
        ]
        assert [(character, ground + style) for character, style in lines[0]] == lines[1]


def test_no_more_segments_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bigram_tui.tui.render.heatmap_styles.MOST_SEGMENTS", 10)
    style = look()
    alone = [oblong_line("abcde", "vwxyz", line, SMALL, look()) for line in range(5)]
    for _ in range(2):
        assert [oblong_line("abcde", "vwxyz", line, SMALL, style) for line in range(5)] == alone
        assert 0 < len(style.sequential) <= 10
    assert oblong_line("abcde", "vwxyz", 4, SMALL, style) == alone[4]


@all_scales
@both_kinds
@given(order=st.permutations(range(6)), start=st.integers(0, 5), stop=st.integers(0, 6))
def test_rows_made_ready_together_are_what_each_is_alone(
    scale: ColorScale, diverging: bool, order: list[int], start: int, stop: int
) -> None:
    table = picture(6, scale, diverging=diverging).table
    columns = range(min(start, stop), max(start, stop))
    for permutation in (None, np.array(order)):
        together, alone = (
            paint(table, scale, write, diverging=diverging).ordered(permutation) for _ in range(2)
        )
        together.prepare(range(1, 5), columns)
        for row in range(6):
            assert together.row(row, columns) == alone.row(row, columns)
        whole = [alone.row(row)[columns.start : columns.stop] for row in range(6)]
        assert [together.row(row, columns) for row in range(6)] == whole


# The legend


limits = st.builds(
    lambda digit, exponent: float(f"{digit}e{exponent}"),
    st.sampled_from([1, 2, 5]),
    st.integers(-4, 12),
)


@all_scales
@both_kinds
@given(limit=limits, columns=st.integers(20, 200))
def test_a_legend_takes_the_columns_it_is_given(
    scale: ColorScale, diverging: bool, limit: float, columns: int
) -> None:
    shown = paint(np.array([[limit]]), scale, write, diverging=diverging)
    used = width(legend(shown, columns, look()))
    # Both halves are equally long, so that one column may be left.
    assert columns - 1 <= used <= columns


@all_scales
def test_a_legend_names_the_ends_and_the_middle(scale: ColorScale) -> None:
    line = text(legend(paint(np.array([[50.0]]), scale, write), 40, look()))
    marks = [mark for mark in line.replace("█", " ").split(" ") if mark]
    expected = {
        ColorScale.LINEAR: ["0", "25", "50"],
        ColorScale.ROOT: ["0", "12", "50"],
        ColorScale.LOG: ["≤0.005", "0.5", "50"],
    }
    assert marks == expected[scale]


def test_a_diverging_legend_is_centred_on_zero() -> None:
    shown = paint(np.array([[-2.0]]), ColorScale.ROOT, write, diverging=True)
    line = text(legend(shown, 41, look()))
    assert line.replace("█", "").split() == ["−2", "0", "+2"]
    before, after = line.split(" 0 ")
    assert before.count("█") == after.count("█") > 10


@both_kinds
def test_a_legend_runs_through_the_ramp(diverging: bool) -> None:
    shown = paint(np.array([[1.0]]), ColorScale.LINEAR, write, diverging=diverging)
    colors = list(ramp(diverging, True))
    found = [
        colors.index(style.color)
        for char, style in cells(legend(shown, 150, look()))
        if char == "█" and style.color is not None
    ]
    assert found == sorted(found)
    assert found[0] <= 1
    assert found[-1] >= LEVELS - 2


def test_a_legend_of_glyphs_uses_them() -> None:
    shown = paint(np.array([[1.0]]), ColorScale.LINEAR, write)
    assert set(text(legend(shown, 60, look(GLYPHS_ONLY)))) >= set("░▒▓█")


def test_the_alphabet_is_the_lectures_at_v_27() -> None:
    labels = labels_of(string.ascii_lowercase)
    assert text(header(labels, range(27), TINY, look(), 0)) == f"   .{string.ascii_lowercase}"
