"""Small texts: bars, names in lines, the scale of hyperparameters."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult

from bigram_tui.backend import Hyperparameter
from bigram_tui.tui.render.bars import COLUMN, Bar, columns, rows
from bigram_tui.tui.widgets.hyperparameters import SMALLEST_STEP, neighbour
from bigram_tui.tui.widgets.sample_list import GAP, MARK, SampleList, ShownSample

MARKED = Style(bold=True)

# Bars

shares = st.floats(0, 1)
some_bars = st.lists(
    st.tuples(st.sampled_from(["a", ".", "漢", "␣", "é"]), shares), min_size=1, max_size=30
).flatmap(
    lambda pairs: st.integers(0, len(pairs) - 1).map(
        lambda marked: [Bar(*pair, k == marked) for k, pair in enumerate(pairs)]
    )
)


def marked_text(lines: list[Text]) -> str:
    """What is written in the style of the marked bar."""
    return "".join(
        line.plain[span.start : span.end]
        for line in lines
        for span in line.spans
        if span.style == MARKED
    )


@given(bars=some_bars, width=st.integers(COLUMN, 120), height=st.integers(2, 12))
def test_upright_bars_fill_their_lines_and_columns(
    bars: list[Bar], width: int, height: int
) -> None:
    lines = columns(bars, width, height, MARKED)
    column = COLUMN + (max(cell_len(bar.label) for bar in bars) == 2)
    shown = min(len(bars), max(1, width // column))
    assert len(lines) == height
    assert [line.cell_len for line in lines] == [column * shown] * height


def test_upright_bars_of_wide_characters_stand_apart() -> None:
    bars = [Bar("헤", 0.0083, False), Bar("a", 0.0075, True)]
    assert columns(bars, 40, 2, MARKED)[-1].plain == "헤 0.83 a 0.75  "


@given(bars=some_bars, width=st.integers(COLUMN, 120), height=st.integers(2, 12))
def test_the_marked_bar_is_always_shown(bars: list[Bar], width: int, height: int) -> None:
    label = next(bar.label for bar in bars if bar.marked)
    assert marked_text(columns(bars, width, height, MARKED)).strip(" ▁▂▃▄▅▆▇█").startswith(label)
    lying = rows(bars, width + 20, height, MARKED)
    assert [line.plain[: len(label)] for line in lying if line.style == MARKED] == [label]


@given(bars=some_bars, width=st.integers(12, 120), height=st.integers(1, 40))
def test_lying_bars_stay_in_their_width(bars: list[Bar], width: int, height: int) -> None:
    lines = rows(bars, width, height, MARKED)
    assert len(lines) == min(len(bars), height)
    assert max(line.cell_len for line in lines) <= width


def test_the_largest_bar_is_full_and_half_of_it_half() -> None:
    bars = [Bar("a", 0.8, False), Bar("b", 0.4, False), Bar("c", 0.0, False)]
    upright = [line.plain for line in columns(bars, 40, 3, MARKED)]
    assert upright[0] == "██████ " + " " * 14
    assert upright[1] == "██████ ██████ " + " " * 7
    assert upright[2] == "a 80.0 b 40.0 c 0    "
    lying = [line.plain for line in rows(bars, 26, 3, MARKED)]
    assert [line.count("█") for line in lying] == [16, 8, 0]


def test_bars_stand_in_the_order_of_their_share() -> None:
    bars = [Bar("a", 0.1, False), Bar("b", 0.6, False), Bar("c", 0.3, True)]
    assert columns(bars, 21, 2, MARKED)[-1].plain.split()[::2] == ["b", "c", "a"]
    assert columns(bars, 14, 2, MARKED)[-1].plain.split()[::2] == ["b", "c"]
    assert columns(bars, 7, 2, MARKED)[-1].plain.split()[::2] == ["c"]


def test_bars_of_nothing_are_empty() -> None:
    bars = [Bar("a", 0.0, False), Bar("b", 0.0, True)]
    assert columns(bars, 20, 3, MARKED)[0].plain.strip() == ""
    assert columns([], 20, 3, MARKED)[0].plain == ""
    assert rows([], 20, 3, MARKED) == []


# Hyperparameters

bounds = st.one_of(st.none(), st.floats(-1e6, 0)), st.one_of(st.none(), st.floats(1e-3, 1e6))
on_scale = st.one_of(
    st.just(0.0),
    st.builds(
        lambda digit, exponent: float(f"{digit}e{exponent}"),
        st.sampled_from([1, 2, 5]),
        st.integers(-4, 8),
    ),
)
directions = pytest.mark.parametrize("direction", [1, -1], ids=["more", "less"])


def parameter(default: object = 1.0, **described: object) -> Hyperparameter:
    return Hyperparameter("h", default, **described)  # type: ignore[arg-type]


@directions
@given(st.floats(-1e9, 1e9), *bounds)
def test_a_neighbour_is_in_range(
    direction: int, value: float, low: float | None, high: float | None
) -> None:
    known = parameter(low=low, high=high)
    stepped = neighbour(known, value, direction)
    assert isinstance(stepped, float)
    assert known.parse(stepped) == stepped


@directions
@given(st.floats(1e-9, 1e9))
def test_a_neighbour_lies_in_its_direction(direction: int, value: float) -> None:
    stepped = neighbour(parameter(low=0.0), value, direction)
    assert (stepped - value) * direction > 0


@directions
@given(value=on_scale)
def test_there_and_back_again(direction: int, value: float) -> None:
    known = parameter(low=0.0)
    away = neighbour(known, value, direction)
    assume(away != value)
    assert neighbour(known, away, -direction) == value


@directions
@given(value=on_scale)
def test_the_scale_goes_on_below_zero(direction: int, value: float) -> None:
    away = neighbour(parameter(), -value, direction)
    assert away == -neighbour(parameter(), value, -direction)
    assert away != -value
    assert neighbour(parameter(), away, -direction) == -value


@given(st.floats(0, 1e9))
def test_zero_is_reached_from_everywhere(value: float) -> None:
    known = parameter(low=0.0)
    for _ in range(100):
        value = neighbour(known, value, -1)
    assert value == 0
    assert neighbour(known, value, -1) == 0
    assert neighbour(known, value, 1) == SMALLEST_STEP


def test_the_scale_is_one_two_five() -> None:
    value, seen = 0.0, []
    for _ in range(7):
        value = neighbour(parameter(), value, 1)
        seen.append(value)
    assert seen == [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2]


def test_a_value_off_the_scale_goes_to_the_next_on_it() -> None:
    assert neighbour(parameter(), 0.03, 1) == 0.05
    assert neighbour(parameter(), 0.03, -1) == 0.02


@given(start=st.integers(-100, 100), low=st.integers(-200, -101), high=st.integers(101, 200))
def test_whole_numbers_go_by_one(start: int, low: int, high: int) -> None:
    known = parameter(1, low=low, high=high)
    assert neighbour(known, start, 1) == start + 1
    assert neighbour(known, start, -1) == start - 1
    assert neighbour(known, high, 1) == high
    assert type(neighbour(known, low, -1)) is int


@directions
def test_choices_come_round_again(direction: int) -> None:
    known = parameter("b", choices=("a", "b", "c"))
    value, seen = "b", []
    for _ in range(3):
        value = neighbour(known, value, direction)
        seen.append(value)
    assert seen == ["c", "a", "b"][::1] if direction > 0 else ["a", "c", "b"]
    assert neighbour(known, "something else", direction) == "a"


@directions
def test_other_kinds_of_values(direction: int) -> None:
    assert neighbour(parameter(True), True, direction) is False
    assert neighbour(parameter(True), False, direction) is True
    assert neighbour(parameter("cpu"), "cuda:3", direction) == "cuda:3"


# Names in lines


class Host(App[None]):
    """An app that shows names and nothing else."""

    CSS = ".sample-list--memorised { color: red; } .sample-list--new { color: blue; }"

    def compose(self) -> ComposeResult:
        yield SampleList()


NAMES = [
    ShownSample("mor", False),
    ShownSample("emma", True),
    ShownSample("", False),
    ShownSample("minaymoryles" * 5, False, ended=False),
    ShownSample("minaymoryles" * 5, False),
    ShownSample("anna", None),
    ShownSample("漢字漢字漢字", True),
    ShownSample("e\u0301ve", False),
    ShownSample("\x1b[31mred\t[b]x[/b]", False),
    ShownSample("אבגד", True, ended=False),
    *(ShownSample(f"name{k}", bool(k % 3)) for k in range(40)),
]


@pytest.mark.parametrize("size", [(10, 4), (17, 8), (40, 5), (80, 12)], ids=str)
async def test_names_fill_lines_and_none_is_too_long(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        names = app.query_one(SampleList)
        names.styles.height = size[1]
        await pilot.pause()
        for start in range(len(NAMES)):
            names.samples = NAMES[start:]
            text = names.render().plain
            lines = text.split("\n")
            assert len(lines) <= size[1]
            assert max(map(cell_len, lines)) <= size[0]
            assert not any(unicodedata.category(c) in {"Cc", "Cf"} for c in text if c != "\n")


async def test_names_are_marked_cut_and_parted() -> None:
    app = Host()
    async with app.run_test(size=(30, 5)) as pilot:
        names = app.query_one(SampleList)
        names.styles.height = 5
        names.samples = [*NAMES[:4], ShownSample("x", True)]
        await pilot.pause()
        lines = names.render().plain.split("\n")
        assert lines[0] == (" " * GAP).join(["mor", f"{MARK}emma", "(empty)"])
        assert lines[1] == ("minaymoryles" * 3)[:29] + "…"
        assert lines[2] == f"{MARK}x"


async def test_a_name_is_broken_off_with_an_ellipsis_only_if_it_did_not_end() -> None:
    app = Host()
    async with app.run_test(size=(30, 2)) as pilot:
        names = app.query_one(SampleList)
        names.styles.height = 2
        names.samples = [ShownSample("abc", False, ended=False), ShownSample("abc", False)]
        await pilot.pause()
        assert names.render().plain == "abc…  abc"


async def test_memorised_names_have_a_style_of_their_own() -> None:
    app = Host()
    async with app.run_test(size=(30, 2)) as pilot:
        names = app.query_one(SampleList)
        names.samples = [ShownSample("ann", True), ShownSample("xyz", False)]
        await pilot.pause()
        text = names.render()
        spans = {text.plain[span.start : span.end]: span.style for span in text.spans}
        assert set(spans) == {f"{MARK}ann", "xyz"}
        assert spans[f"{MARK}ann"] != spans["xyz"]
