"""What the heatmap can show of a run: which table, and how its numbers are written."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bigram_tui.formatting.numbers import count_cell, probability_cell, signed_cell
from bigram_tui.model.bigrams import Bigrams, Counts, Matrix
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.render.picture import ColorScale, Picture, paint


@dataclass(frozen=True)
class View:
    """One table of a model."""

    name: str
    title: str
    default_scale: ColorScale
    table: Callable[[Snapshot, Bigrams], Matrix | Counts | None]
    text: Callable[[float], str]
    absent: str = ""
    """What to say of a model that has no such table."""
    of_run: bool = True
    """False for what is of the text."""
    diverging: bool = False
    most: float = math.inf

    def picture(self, snapshot: Snapshot, bigrams: Bigrams, scale: ColorScale) -> Picture | None:
        """The table of a run, ready to be drawn; None if the model has none."""
        table = self.table(snapshot, bigrams)
        if table is None:
            return None
        return paint(table, scale, self.text, diverging=self.diverging, most=self.most)


VIEWS = (
    View(
        "P",
        "P(next | current)",
        ColorScale.ROOT,
        lambda snapshot, _: snapshot.probabilities,
        probability_cell,
        most=1.0,
    ),
    View(
        "N",
        "N counts",
        ColorScale.ROOT,
        lambda _, bigrams: bigrams.counts,
        count_cell,
        of_run=False,
    ),
    View(
        "W",
        "W weights",
        ColorScale.LINEAR,
        lambda snapshot, _: snapshot.weights,
        signed_cell,
        "has no weights",
        diverging=True,
    ),
    View(
        "∂W",
        "gradient ∂total/∂W",
        ColorScale.ROOT,
        lambda snapshot, _: snapshot.gradient,
        signed_cell,
        "has no gradient",
        diverging=True,
    ),
)
