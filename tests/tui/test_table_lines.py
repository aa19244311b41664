"""Columns of text laid out in lines: as wide as they must be, as many as there is room for."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.style import Style
from rich.text import Text

from bigram_tui.tui.render.table import Column, fitting, table_lines

TITLE = Style(italic=True)
INK = Style(bold=True)

words = st.text("ab 漢字é.\u0301", max_size=8)


@st.composite
def tables(draw: st.DrawFn, words: st.SearchStrategy[str] = words) -> list[Column]:
    rows = draw(st.integers(0, 4))
    return [
        Column(
            draw(words),
            [Text(draw(words)) for _ in range(rows)],
            draw(st.booleans()),
            draw(st.integers(0, 9)),
        )
        for _ in range(draw(st.integers(1, 6)))
    ]


def cells_of(text: str) -> int:
    """Columns of the terminal: two for Chinese, none for what combines."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def column(title: str, *cells: str, right: bool = True, least: int = 0) -> Column:
    return Column(title, [Text(cell) for cell in cells], right, least)


def lines_of(columns: list[Column], width: int) -> list[str]:
    """The lines, with a bar after the last cell of each."""
    return [f"{line.plain}|" for line in table_lines(columns, width, TITLE)]


@given(tables(), st.integers(0, 60))
@example([column("", "\u0301")], 0)
@example([column("", "漢")], 1)
def test_every_line_has_exactly_the_width(columns: list[Column], width: int) -> None:
    lines = table_lines(columns, width, TITLE)
    assert len(lines) == 1 + len(columns[0].cells)
    assert [cells_of(line.plain) for line in lines] == [width] * len(lines)
    assert [line.cell_len for line in lines] == [width] * len(lines)
    assert not any("\n" in line.plain for line in lines)


@given(tables(st.text("abc12", min_size=1, max_size=8)), st.integers(0, 60))
def test_a_line_is_its_cells_with_two_blanks_between(columns: list[Column], width: int) -> None:
    """Laid out a second time, with the means of str alone."""
    padded = []
    for shown in columns:
        texts = [shown.title, *(cell.plain for cell in shown.cells)]
        room = max(shown.least, *map(len, texts))
        padded.append([t.rjust(room) if shown.right else t.ljust(room) for t in texts])
    lines = ["  ".join(cells) for cells in zip(*padded, strict=True)]
    for count in range(len(columns) - 1, -1, -1):
        if len(lines[0]) <= width:
            break
        lines = ["  ".join(cells[:count]) for cells in zip(*padded, strict=True)]
    assert lines_of(columns, width) == [f"{line.ljust(width)}|" for line in lines]
    shown_titles = [column.title for column in columns[: fitting(columns, width)]]
    assert lines[0].split() == shown_titles


def test_names_stand_at_the_left_and_numbers_at_the_right() -> None:
    columns = [column("run", "a", "longer", right=False), column("nll", "2.45", "12.5")]
    assert lines_of(columns, 16) == ["run      nll    |", "a       2.45    |", "longer  12.5    |"]


def test_a_column_is_as_wide_as_its_widest_text_or_its_least() -> None:
    columns = [
        column("title", "x"), column("t", "widest"), column("t", "x", least=4), column("t", "x"),
    ]  # fmt: skip
    assert lines_of(columns, 24) == ["title       t     t  t  |", "    x  widest     x  x  |"]


def test_a_wide_character_takes_two_cells() -> None:
    columns = [
        column("名", "漢字", "ab", right=False),
        column("数", "漢", "1"),
        column("n", "1", "2"),
    ]
    assert lines_of(columns, 11) == ["名    数  n|", "漢字  漢  1|", "ab     1  2|"]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (3, "   |"), (4, "aaaa|"), (5, "aaaa |"), (9, "aaaa     |"), (10, "aaaa  bbbb|"),
        (12, "aaaa  bbbb  |"), (13, "aaaa  bbbb  c|"), (14, "aaaa  bbbb  c |"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_left_out_whole(width: int, shown: str) -> None:
    columns = [column("", "aaaa"), column("", "bbbb"), column("", "c")]
    assert lines_of(columns, width)[1] == shown


def test_a_column_without_cells_keeps_its_title_and_its_place() -> None:
    columns = [column("run", "a", "b"), column("ΔW", "", ""), column("nll", "", "2.4")]
    assert lines_of(columns, 14) == ["run  ΔW  nll  |", "  a           |", "  b      2.4  |"]


def test_titles_and_cells_keep_their_styles() -> None:
    columns = [
        Column("run", [Text("漢", INK)], right=False, least=5),
        Column("n", [Text.assemble("1", ("2", INK))]),
    ]
    styled = [
        [(line.plain[span.start : span.end], span.style) for span in line.spans]
        for line in table_lines(columns, 12, TITLE)
    ]
    assert [(text.strip(), style) for text, style in styled[0]] == [("run", TITLE), ("n", TITLE)]
    assert [(text.strip(), style) for text, style in styled[1]] == [("漢", INK), ("2", INK)]


def test_the_texts_that_were_given_stay_as_they_are() -> None:
    """They are drawn again in another width."""
    cells = [Text("a", INK), Text("bb")]
    columns = [Column("run", cells)]
    assert [table_lines(columns, width, TITLE)[2].plain for width in (6, 3, 6)] == [
        " bb   ", " bb", " bb   ",
    ]  # fmt: skip
    assert cells == [Text("a", INK), Text("bb")]
