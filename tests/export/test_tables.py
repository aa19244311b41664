"""What is exported reads back exactly."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bigram_tui.errors import UserError
from bigram_tui.export import tables as csv_tables
from bigram_tui.export.files import MARK, ExistsError, write_whole
from bigram_tui.model.bigrams import Bigrams, Vocabulary

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
CELLS = st.one_of(TEXTS, st.floats(), st.integers(), st.none())


def write_table(path: Path, *table: Any, overwrite: bool = True) -> None:
    write_whole(path, lambda file: csv_tables.write_table(file, *table), overwrite=overwrite)


def write_matrix(path: Path, *table: Any, overwrite: bool = True) -> None:
    write_whole(path, lambda file: csv_tables.write_matrix(file, *table), overwrite=overwrite)


def read(path: Path) -> list[list[str]]:
    """Read a table, each text without its mark."""
    with path.open(encoding="utf-8", newline="") as file:
        return [[field.removeprefix(MARK) for field in row] for row in csv.reader(file)]


def same(value: object, field: str) -> bool:
    """Whether a field is what becomes of a value, with the sign of a zero."""
    match value:
        case None:
            return field == ""
        case str():
            return field == value
        case int():
            return int(field) == value
        case float():
            if math.isnan(value):
                return field == "nan"
            return (float(field), math.copysign(1, float(field))) == (
                value,
                math.copysign(1, value),
            )
    raise AssertionError(value)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    """Titles, and rows as long."""
    width = draw(st.integers(1, 5))
    titles = draw(st.lists(TEXTS, min_size=width, max_size=width))
    return titles, draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=5))


@given(tables())
@example((["a"], [[math.inf], [-math.inf], [math.nan], [-0.0], [5e-324], [0.1 + 0.2], [None]]))
@example((["=1+1", "\r", 'a"b'], [["@x", "+1", "-1"], ["\n", "\0", ","]]))
def test_a_table_reads_back(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[Any]]]
) -> None:
    titles, rows = table
    path = tmp_path_factory.getbasetemp() / "table.csv"
    write_table(path, titles, iter(rows), overwrite=True)
    head, *fields = read(path)
    assert head == titles
    assert [len(line) for line in fields] == [len(row) for row in rows]
    for row, line in zip(rows, fields, strict=True):
        assert all(map(same, row, line)), (row, line)


def test_what_is_not_finite_is_a_word(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", ["x"], [[math.inf], [-math.inf], [math.nan]], overwrite=False)
    assert (tmp_path / "a.csv").read_bytes() == b"x\ninf\n-inf\nnan\n"


VOCABULARIES = st.builds(
    lambda characters: Vocabulary("".join(sorted(characters))),
    st.sets(st.characters(exclude_categories=["Cs"]), max_size=6),
)


@st.composite
def matrices(draw: st.DrawFn) -> tuple[Vocabulary, npt.NDArray[Any]]:
    """A vocabulary and a table of any of the number formats that backends have, or counts."""
    vocabulary = draw(VOCABULARIES)
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64, np.int64]))
    return vocabulary, draw(arrays.arrays(dtype, (len(vocabulary), len(vocabulary))))


ODD = Vocabulary("".join(sorted(',"\n\r .;=\0\t\ufeffß\U0001f600')))


@given(matrices())
@example((ODD, np.arange(float(len(ODD) ** 2)).reshape(len(ODD), -1) / 7))
@example((Vocabulary(","), np.array([[np.inf, -np.inf], [np.nan, np.float64(-0.0)]])))
@example((Vocabulary("a"), np.full((2, 2), 0.1, np.float32)))
@example((Vocabulary("a"), np.full((2, 2), 2**63 - 1, np.int64)))
def test_a_matrix_reads_back(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[Vocabulary, npt.NDArray[Any]]
) -> None:
    vocabulary, matrix = table
    path = tmp_path_factory.getbasetemp() / "matrix.csv"
    write_matrix(path, vocabulary, matrix, overwrite=True)
    head, *lines = read(path)
    assert head == ["", *vocabulary.labels]
    assert [line[0] for line in lines] == list(vocabulary.labels)
    number = int if matrix.dtype == np.int64 else float
    back = np.array([[number(field) for field in line[1:]] for line in lines])
    # assert_array_equal takes NaN for equal, but −0.0 too.
    np.testing.assert_array_equal(back, matrix.astype(back.dtype), strict=True)
    assert (np.signbit(back) == np.signbit(matrix))[~np.isnan(matrix)].all()


def test_a_matrix_has_the_first_token_in_its_row(tmp_path: Path, tiny: Bigrams) -> None:
    write_matrix(tmp_path / "n.csv", tiny.vocabulary, tiny.counts, overwrite=False)
    # of "ab", "a" and "bb"
    assert (tmp_path / "n.csv").read_text() == ",.,a,b\n.,0,2,1\na,1,0,1\nb,2,0,1\n"


def test_a_matrix_of_another_vocabulary_is_a_mistake(tmp_path: Path) -> None:
    for shape in [(2, 3), (3, 2), (2,), (3, 3)]:
        with pytest.raises(ValueError, match="for 2 tokens"):
            write_matrix(tmp_path / "p.csv", Vocabulary("a"), np.zeros(shape), overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("mine")

    def rows() -> Any:
        yield [1]
        raise OSError(28, "No space left on device")

    with pytest.raises(ExistsError):
        write_table(path, ["a"], [], overwrite=False)
    with pytest.raises(ExistsError):
        write_matrix(path, Vocabulary(""), np.ones((1, 1)), overwrite=False)
    with pytest.raises(UserError, match="No space left"):
        write_table(path, ["a"], rows(), overwrite=True)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("table.csv", "mine")]
