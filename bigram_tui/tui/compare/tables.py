"""The maps of several runs on one scale, or of two runs and their difference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.cells import cell_len

from bigram_tui.analysis.ordering import TokenOrder
from bigram_tui.formatting.numbers import difference, signed_cell
from bigram_tui.formatting.printable import printable
from bigram_tui.model.bigrams import Bigrams, Counts, Matrix
from bigram_tui.training.snapshot import Status
from bigram_tui.tui.compare.runs import ComparedRun
from bigram_tui.tui.present import order_text
from bigram_tui.tui.render.picture import ColorScale, paint
from bigram_tui.tui.render.pooling import extremes
from bigram_tui.tui.views import View
from bigram_tui.tui.widgets.maps import Map


def maps_of(
    runs: Sequence[ComparedRun],
    view: View,
    bigrams: Bigrams,
    scale: ColorScale,
    order: TokenOrder | None = None,
    width: int = 0,
) -> list[Map]:
    """Make a map for each run; a colour stands for the same value in all.

    order: of the tokens; None is that of their code points. width: of a title.
    """
    if not view.of_run:
        counts = view.picture(runs[0].snapshot, bigrams, scale)
        title = _title("", view, order, width + LABEL)
        same = "is the same for all runs"
        return [Map(title, None, counts), *(Map("", None, None, same) for _ in runs[1:])]
    pictures = [
        None if run.snapshot.model is None else view.picture(run.snapshot, bigrams, scale)
        for run in runs
    ]
    limit = max((picture.limit for picture in pictures if picture is not None), default=1.0)
    return [
        Map(
            _title(printable(run.name), view, order, width),
            run.color,
            picture and replace(picture, limit=limit),
            f"{printable(run.name)} {_absence(run, view)}",
            run.number,
        )
        for run, picture in zip(runs, pictures, strict=True)
    ]


def _absence(run: ComparedRun, view: View) -> str:
    """Say why a run has no table to show."""
    if run.snapshot.model is not None:
        return view.absent
    if run.snapshot.status is Status.FAILED:
        return "is not installed" if run.snapshot.lacks_library else "has failed"
    return "is not loaded yet"


LABEL = 3
"""Columns of a run's colour before its name."""


def _title(name: str, view: View, order: TokenOrder | None, width: int) -> str:
    """Write the title of a map; the usual order is left out where room is scarce."""
    by = order_text(order)
    least = [name, view.title] if order is None else [name, by] if name else [view.name, by]
    forms = ([name, view.title, by], [name, view.name, by], least)
    titles = ["  ".join(filter(None, form)) for form in forms]
    return next((title for title in titles if cell_len(title) <= width), titles[-1])


def difference_map(
    a: ComparedRun,
    b: ComparedRun,
    view: View,
    bigrams: Bigrams,
    scale: ColorScale,
    order: TokenOrder | None = None,
    width: int = 0,
) -> Map:
    """Make the map of one run's table less another's. order, width: as of `maps_of`."""
    title = f"{printable(a.name)} − {printable(b.name)}"
    if not view.of_run:
        return Map(title, None, None, "is the same for all runs")
    tables = [
        None if run.snapshot.model is None else view.table(run.snapshot, bigrams) for run in (a, b)
    ]
    if tables[0] is None or tables[1] is None:
        return Map(title, None, None, "only one of them has it")
    apart = TableDifference(tables[0], tables[1])
    most = extremes(apart).largest
    picture = paint(apart, scale, signed_cell, diverging=True)
    title = f"{title}  max {difference(most)}"
    whole = f"{title}  {order_text(order)}"
    return Map(title if order is None and cell_len(whole) > width else whole, None, picture)


@dataclass(frozen=True, eq=False)
class TableDifference:
    """The difference of two tables, of which only the rows in sight are computed."""

    a: Matrix | Counts
    b: Matrix | Counts
    dtype = np.dtype(np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.a.shape

    def __len__(self) -> int:
        return len(self.a)

    def __getitem__(self, part: Any) -> Matrix:
        with np.errstate(invalid="ignore"):  # ∞ − ∞ is no number
            apart: Matrix = np.subtract(self.a[part], self.b[part], dtype=np.float64)
        return apart
