"""What the heatmap can show of a run: which table, and how its numbers are written."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bigram_tui.model.bigrams import Bigrams, Counts, Matrix
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.render.heatmap import VALUE_WIDTH, ColorScale, Picture, compact, paint


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


def probability_text(value: float) -> str:
    """A probability in a cell: '.038', '1', '4e-5', or '<1e-9'."""
    if not 0 <= value <= 1:
        return signed_text(value)
    if value in (0, 1):
        return f"{abs(value):^{VALUE_WIDTH}.0f}"  # 0 may be a negative one
    if value < 1e-9:
        return "<1e-9"
    text = f"{value:.3f}".removeprefix("0") if value >= 0.0005 else compact(value)
    return text.rjust(VALUE_WIDTH)


def count_text(value: float) -> str:
    """A count in a cell: '20423', '1.2M'."""
    text = f"{value:.0f}" if value < 10**VALUE_WIDTH else compact(value)
    return text.rjust(VALUE_WIDTH)


def signed_text(value: float) -> str:
    """A weight or a gradient in a cell: '+1.20', '-2e-5', or '-0' for what is nearer to 0."""
    if value == 0 or not math.isfinite(value):
        return ("0" if value == 0 else f"{value:+}").center(VALUE_WIDTH)
    if 0.01 <= abs(value) < 1000:
        texts = (f"{value:+.{decimals}f}" for decimals in (2, 1, 0))
        return next(text for text in texts if len(text) <= VALUE_WIDTH).rjust(VALUE_WIDTH)
    mantissa, exponent = f"{value:+.0e}".split("e")
    text = f"{mantissa}e{int(exponent)}"
    if len(text) > VALUE_WIDTH:
        text = mantissa[0] + ("0" if abs(value) < 1 else "huge")
    return text.rjust(VALUE_WIDTH)


VIEWS = (
    View(
        "P",
        "P(next | current)",
        ColorScale.ROOT,
        lambda snapshot, _: snapshot.probabilities,
        probability_text,
        most=1.0,
    ),
    View(
        "N",
        "N counts",
        ColorScale.ROOT,
        lambda _, bigrams: bigrams.counts,
        count_text,
        of_run=False,
    ),
    View(
        "W",
        "W weights",
        ColorScale.LINEAR,
        lambda snapshot, _: snapshot.weights,
        signed_text,
        "has no weights",
        diverging=True,
    ),
    View(
        "∂W",
        "gradient ∂L/∂W",
        ColorScale.ROOT,
        lambda snapshot, _: snapshot.gradient,
        signed_text,
        "has no gradient",
        diverging=True,
    ),
)
