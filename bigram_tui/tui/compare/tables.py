"""The tables of several runs on one scale, or two of them and their difference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bigram_tui.formatting.printable import printable
from bigram_tui.model.bigrams import Bigrams, Counts, Matrix
from bigram_tui.training.snapshot import Status
from bigram_tui.tui.compare.sides import Side, difference
from bigram_tui.tui.render.heatmap import Scale, paint
from bigram_tui.tui.render.pooling import extremes
from bigram_tui.tui.views import View, signed_text
from bigram_tui.tui.widgets.maps import Map


def maps_of(
    sides: Sequence[Side], view: View, bigrams: Bigrams, scale: Scale, by: str = ""
) -> list[Map]:
    """A map for each run; a colour stands for the same value in all.

    by: what the titles say of the order of the tokens; nothing if it is the usual one.
    """
    title = f"{view.name}  {by}" if by else view.title
    if not view.of_run:
        counts = view.picture(sides[0].run, bigrams, scale)
        same = "is the same for all runs"
        return [Map(title, None, counts), *(Map("", None, None, same) for _ in sides[1:])]
    pictures = [
        None if side.run.model is None else view.picture(side.run, bigrams, scale) for side in sides
    ]
    limit = max((picture.limit for picture in pictures if picture is not None), default=1.0)
    return [
        Map(
            f"{printable(side.name)}  {title}",
            side.color,
            picture and replace(picture, limit=limit),
            f"{printable(side.name)} {_absence(side, view)}",
            side.number,
        )
        for side, picture in zip(sides, pictures, strict=True)
    ]


def _absence(side: Side, view: View) -> str:
    """Why there is no table of a run to show."""
    if side.run.model is not None:
        return view.absent
    if side.run.status is Status.FAILED:
        return "is not installed" if side.run.lacks_library else "has failed"
    return "is not loaded yet"


def difference_map(
    a: Side, b: Side, view: View, bigrams: Bigrams, scale: Scale, by: str = ""
) -> Map:
    """The table of one run less that of another. by: as of `maps_of`."""
    title = f"{printable(a.name)} − {printable(b.name)}"
    if not view.of_run:
        return Map(title, None, None, "is the same for all runs")
    tables = [None if side.run.model is None else view.table(side.run, bigrams) for side in (a, b)]
    if tables[0] is None or tables[1] is None:
        return Map(title, None, None, "only one of them has it")
    apart = Apart(tables[0], tables[1])
    most = extremes(apart).largest
    picture = paint(apart, scale, signed_text, diverging=True)
    return Map(f"{title}  max {difference(most)}  {by}".rstrip(), None, picture)


@dataclass(frozen=True, eq=False)
class Apart:
    """One table less another, computed where it is looked at."""

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
