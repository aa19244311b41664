"""One frame of the heatmap: from a new table to what is written to the terminal.

What counts is the time of the thread that draws: a frame waits for its turn, 60 times a second.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from itertools import chain

import numpy as np
import pytest
from rich.segment import Segment
from textual.strip import Strip

from benchmarks.conftest import Measure
from benchmarks.stage import Floor, Stage
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.formatting.numbers import compact
from bigram_tui.model.bigrams import Matrix
from bigram_tui.tui.render.cell_form import SMALL
from bigram_tui.tui.render.colors import LEVELS, TRUE_COLOR
from bigram_tui.tui.render.picture import ColorScale, paint
from bigram_tui.tui.widgets.heatmap import Heatmap

SIZE = 120, 40
FRAMES = 24
"""Frames that are timed together: an even number, so that two tables can take turns."""
ROW = 13

pytestmark = pytest.mark.benchmark(timer=time.thread_time)

MeasureFrames = Callable[[Stage, Callable[[int], None]], None]


def tables(names: Corpus) -> tuple[Matrix, Matrix, Matrix]:
    """One; one that differs from it in all cells; and one that differs in all cells of a row."""
    size = len(names.train.vocabulary)
    levels = np.arange(size * size).reshape(size, size) % LEVELS
    moved = (levels + LEVELS // 2) % LEVELS
    one_row = levels.copy()
    one_row[ROW] = moved[ROW]
    first, second, third = (table / (LEVELS - 1) for table in (levels, moved, one_row))
    return first, second, third


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def on_stage(loop: asyncio.Runner, stage: Stage) -> Iterator[Stage]:
    stack = AsyncExitStack()
    pilot = loop.run(stack.enter_async_context(stage.run_test(size=SIZE)))
    loop.run(pilot.pause(0.2))
    yield stage
    loop.run(stack.aclose())


@pytest.fixture(scope="module")
def ours(loop: asyncio.Runner, names: Corpus) -> Iterator[Stage]:
    heatmap = Heatmap(names.train.vocabulary.labels, TRUE_COLOR)
    heatmap.form = SMALL
    yield from on_stage(loop, Stage(heatmap))


def show(stage: Stage, table: Matrix) -> None:
    assert isinstance(stage.widget, Heatmap)
    stage.widget.picture = paint(table, ColorScale.LINEAR, compact)


@pytest.fixture(scope="module")
def drawn(loop: asyncio.Runner, ours: Stage, names: Corpus) -> list[list[Strip]]:
    """What our heatmap draws of each table."""

    def lines(table: Matrix) -> list[Strip]:
        loop.run(ours.draw(lambda _: show(ours, table), 1))
        return [ours.widget.render_line(y) for y in range(SIZE[1])]

    return [lines(table) for table in tables(names)]


@pytest.fixture(scope="module")
def floor(loop: asyncio.Runner, drawn: list[list[Strip]]) -> Iterator[Stage]:
    pictures = [[list(strip) for strip in lines] for lines in drawn]
    yield from on_stage(loop, Stage(Floor(pictures)))


def check_what_changes(drawn: list[list[Strip]], names: Corpus) -> None:
    size = len(names.train.vocabulary)

    def cells(strip: Strip) -> list[Segment]:
        *_, padding = strip
        assert len(strip.text) - len(padding.text) == SMALL.width_of(size)
        return list(strip)[-size - 1 : -1]

    first, second, third = ([cells(strip) for strip in lines[1 : size + 1]] for lines in drawn)
    pairs = zip(chain(*first), chain(*second), strict=True)
    assert sum(one == other for one, other in pairs) == 1  # the cursor's, in a colour of its own
    assert [y for y in range(size) if first[y] != third[y]] == [ROW]


@pytest.fixture
def measure_frames(measure: Measure, loop: asyncio.Runner) -> MeasureFrames:
    def measure_frames(stage: Stage, change: Callable[[int], None]) -> None:
        measure(lambda: loop.run(stage.draw(change, FRAMES)), rounds=2, amount=FRAMES)

    return measure_frames


def bench_all(measure_frames: MeasureFrames, ours: Stage, names: Corpus) -> None:
    first, second, _ = tables(names)
    measure_frames(ours, lambda frame: show(ours, (second, first)[frame % 2]))


def bench_floor_all(measure_frames: MeasureFrames, floor: Stage, names: Corpus) -> None:
    widget = floor.widget
    assert isinstance(widget, Floor)
    rows = range(1, len(names.train.vocabulary) + 1)
    measure_frames(floor, lambda frame: widget.show((1, 0)[frame % 2], rows))


def bench_row(measure_frames: MeasureFrames, ours: Stage, names: Corpus) -> None:
    first, _, third = tables(names)
    measure_frames(ours, lambda frame: show(ours, (third, first)[frame % 2]))


def bench_floor_row(measure_frames: MeasureFrames, floor: Stage) -> None:
    widget = floor.widget
    assert isinstance(widget, Floor)
    row = range(ROW + 1, ROW + 2)
    measure_frames(floor, lambda frame: widget.show((2, 0)[frame % 2], row))
