"""A row as a sorted list: what it says, that it draws only what is seen, how one moves in it."""

import unicodedata
from collections.abc import Callable
from itertools import accumulate

import numpy as np
import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from bigram_tui.backend import Iteration
from bigram_tui.formatting.printable import in_cells
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.screens.row import RowScreen
from bigram_tui.tui.widgets.row_list import Row, RowList
from tests.tui.conftest import MakeApp, Settle, TextOf, sizes

SIZES = [(80, 24), (120, 40), (40, 12), (20, 6)]
CHARACTERS = "".join(sorted("ab \u0301أن中"))


def bigrams_of(characters: str, rare: str = "") -> Bigrams:
    vocabulary = Vocabulary(characters, rare)
    counts = np.random.default_rng(1).integers(0, 9, (len(vocabulary),) * 2)
    counts[0, 1] = 12_345
    return Bigrams(vocabulary, counts)


def run_of(bigrams: Bigrams) -> Snapshot:
    """A run that has counted."""
    smoothed = bigrams.counts[:] + np.float32(1)
    smoothed /= smoothed.sum(axis=1, keepdims=True)
    return Snapshot("count", iteration=3, model=Iteration(smoothed))


async def opened(
    pilot: Pilot[None], settle: Settle, bigrams: Bigrams, cell: tuple[int, int]
) -> tuple[RowList, list[int | None]]:
    """The list, and what will be taken of it."""
    taken: list[int | None] = []
    await settle(pilot)
    pilot.app.push_screen(RowScreen(run_of(bigrams), bigrams, cell), taken.append)
    await settle(pilot)
    return pilot.app.screen.query_one(RowList), taken


def by_hand(table: Matrix, row: int) -> list[int]:
    """The tokens by falling P, those of the same P by their number."""
    return sorted(range(len(table)), key=lambda token: (-float(table[row, token]), token))


@sizes(*SIZES)
async def test_each_line_says_what_follows(
    make_app: MakeApp, settle: Settle, text_of: TextOf, size: tuple[int, int]
) -> None:
    bigrams = bigrams_of(CHARACTERS, rare="xyz")
    labels = bigrams.vocabulary.labels
    table = run_of(bigrams).probabilities
    assert table is not None
    async with make_app(("count",)).run_test(size=size) as pilot:
        for row in (0, 4):
            rows, _ = await opened(pilot, settle, bigrams, (row, 1))
            order = by_hand(table, row)
            sums = list(accumulate(float(table[row, token]) for token in order))
            await pilot.press("home")
            await settle(pilot)
            _, title, *lines, _ = text_of(rows).split("\n")
            assert all(cell_len(line) == rows.outer_size.width for line in lines)
            assert size[0] < 80 or title.split()[:2] == ["│", "character"]
            for place, (token, line) in enumerate(zip(order, lines, strict=False)):
                if size[0] < 40:
                    continue
                rank = 1 + sum(table[row, other] > table[row, token] for other in order)
                assert line.startswith(f"│  {rank}  {in_cells(labels[token], 2)}"), line
                number = f"{bigrams.counts[row, token]:,}"
                assert line.split()[-4:-1] == [number, line.split()[-3], f"{sums[place]:.4f}"]
                assert float(line.split()[-3]) == pytest.approx(float(table[row, token]), abs=1e-4)
            await pilot.press("escape")
            await settle(pilot)


async def test_characters_are_named_where_there_is_room(
    make_app: MakeApp, settle: Settle, text_of: TextOf
) -> None:
    bigrams = bigrams_of(CHARACTERS, rare="xyz")
    async with make_app(("count",)).run_test(size=(120, 40)) as pilot:
        rows, _ = await opened(pilot, settle, bigrams, (0, 0))
        text = text_of(rows)
        for character in CHARACTERS:
            assert f"U+{ord(character):04X} {unicodedata.name(character)[:20]}" in text
        assert "the end" in text
        assert "any of 3 rare characters" in text
        await pilot.resize_terminal(52, 20)
        await settle(pilot)
        text = text_of(rows)
        assert all(f"U+{ord(character):04X}" in text for character in CHARACTERS)
        assert "LATIN" not in text


@pytest.mark.parametrize(
    ("row", "title"),
    [(0, "at the start, 7 characters and the end"), (2, "after “◌\u0301”"), (5, "after “أ”")],
)
async def test_the_title_is_in_words(
    make_app: MakeApp, settle: Settle, row: int, title: str
) -> None:
    bigrams = bigrams_of(CHARACTERS)
    row = row if row == 0 else bigrams.vocabulary.index[title[-2]]
    async with make_app(("count",)).run_test(size=(80, 24)) as pilot:
        rows, _ = await opened(pilot, settle, bigrams, (row, 1))
        assert str(rows.border_title).startswith(title)
        assert "count at step 3" in str(rows.border_title)


async def test_only_what_is_seen_is_drawn(
    make_app: MakeApp, settle: Settle, monkeypatch: pytest.MonkeyPatch, text_of: TextOf
) -> None:
    """Of 10,001 lines; it opens at the cursor's."""
    drawn: set[int] = set()
    original: Callable[[RowList, int], str] = RowList._line

    def line(self: RowList, line: int) -> str:
        drawn.add(line)
        return original(self, line)

    monkeypatch.setattr(RowList, "_line", line)
    counts = np.zeros((2, 2), dtype=np.int64)
    row = Row(
        Bigrams(Vocabulary("a"), counts),
        0,
        np.zeros(10_001, int),
        np.ones(10_001),
        np.arange(1, 10_002),
        np.ones(10_001),
    )
    monkeypatch.setattr(Row, "from_table", lambda *_: row)
    async with make_app(("count",)).run_test(size=(80, 24)) as pilot:
        rows, _ = await opened(pilot, settle, bigrams_of("ab"), (0, 1))
        for key, last in (("end", 10_001), ("pageup", 9_980), ("home", 20)):
            drawn.clear()
            await pilot.press(key)
            await settle(pilot)
            assert 1 <= len(drawn) <= 3 * rows.size.height
            assert f" {last} " in text_of(rows)


async def test_keys_and_the_mouse_choose_a_line(make_app: MakeApp, settle: Settle) -> None:
    bigrams = bigrams_of("".join(chr(65 + k) for k in range(60)))
    table = run_of(bigrams).probabilities
    assert table is not None
    order = by_hand(table, 7)
    async with make_app(("count",)).run_test(size=(80, 24)) as pilot:
        rows, taken = await opened(pilot, settle, bigrams, (7, order[5]))
        assert rows.chosen == 5, "the cursor's cell"
        page = rows.scrollable_content_region.height - 1
        for key, line in {
            "down": 6, "j": 7, "up": 6, "k": 5, "pagedown": 5 + page, "pageup": 5, "end": 60,
            "pagedown ": 60, "home": 0, "pageup ": 0, "up ": 0,
        }.items():  # fmt: skip
            await pilot.press(key.strip())
            await settle(pilot)
            assert rows.chosen == line, key
            top = rows.scroll_offset.y
            assert top <= line < top + page
        await pilot.press("down", "enter")
        await settle(pilot)
        assert taken == [order[1]]
        rows, taken = await opened(pilot, settle, bigrams, (7, order[0]))
        await pilot.click(rows, offset=(10, 5))
        await settle(pilot)
        assert taken == [order[3]]
        for key in ("escape", "q", "d"):
            _, taken = await opened(pilot, settle, bigrams, (7, 1))
            await pilot.press(key)
            await settle(pilot)
            assert taken == [None]


def test_what_is_no_number_comes_last() -> None:
    bigrams = bigrams_of("abc")
    table = np.array([[0.1, np.nan, 0.6, 0.3]] * 4)
    row = Row.from_table(table, bigrams, 2)
    assert row.order.tolist() == [2, 3, 0, 1]
    assert np.allclose(row.sums[:3], [0.6, 0.9, 1.0])
