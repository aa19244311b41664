"""What the user looks at, on every screen."""

from asyncio import Future
from dataclasses import dataclass, field

from bigram_tui.analysis.ordering import ORDERS, TokenOrder
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.formatting.numbers import quantity
from bigram_tui.lessons.tour import Tour
from bigram_tui.model.bigrams import BOUNDARY
from bigram_tui.training.runner import Runner
from bigram_tui.tui.render.picture import ColorScale
from bigram_tui.tui.views import VIEWS, View
from bigram_tui.tui.widgets.heatmap import Cell

PACES: tuple[int | None, ...] = (1, 5, 20, 100, 1000, None)
"""Steps per second to choose from; None is as fast as possible."""

FIRST_PACE = 2
"""The index of the pace at the start."""


@dataclass
class ViewState:
    """The active run, the cursor, and how they are shown; the same on all screens."""

    runner: Runner
    """The thread of the active run."""
    cursor: Cell
    """The token of the row and of the column, in all tables."""
    view_index: int = 0
    """The index of the view in VIEWS."""
    scales: list[ColorScale] = field(default_factory=lambda: [view.default_scale for view in VIEWS])
    """The scale of each view."""
    order: TokenOrder | None = None
    """The order of the tokens; None for that of their code points."""
    wanted_order: str = next(iter(ORDERS))
    """The name of the order that is shown, or will be when it is computed."""
    orders: dict[str, "Future[TokenOrder]"] = field(default_factory=dict)
    """The orders that were wanted so far, by name."""
    draw: int = 0
    """How often other samples were wanted."""
    pace_index: int = FIRST_PACE
    """The index of the pace in PACES."""
    pitfall: int = 0
    """The index of the pitfall that was last shown."""
    log: bool = False
    """Whether the axis of the losses is logarithmic."""
    log_x: bool = False
    """Whether the axis of the steps is logarithmic."""
    section: int = 0
    """The section at which the theory was left."""
    tour: Tour = field(default_factory=Tour)

    @classmethod
    def initial(cls, runner: Runner, corpus: Corpus) -> "ViewState":
        """Look at the most frequent first character of a line."""
        characters = corpus.train.vocabulary.characters  # rather than the rare ones together
        first = corpus.train.counts[BOUNDARY, : len(characters) + 1]
        return cls(runner, (BOUNDARY, int(first.argmax())))

    @property
    def view(self) -> View:
        """The table of the model that is shown."""
        return VIEWS[self.view_index]

    @property
    def scale(self) -> ColorScale:
        """The scale of the view's colours."""
        return self.scales[self.view_index]

    def next_view(self) -> None:
        """Show the next table."""
        self.view_index = (self.view_index + 1) % len(VIEWS)

    def next_scale(self) -> None:
        """Colour the view on the next scale."""
        scales = list(ColorScale)
        self.scales[self.view_index] = scales[(scales.index(self.scale) + 1) % len(scales)]

    def next_order(self) -> str:
        """Ask for the next order. Returns its name."""
        names = list(ORDERS)
        self.wanted_order = names[(names.index(self.wanted_order) + 1) % len(names)]
        return self.wanted_order

    @property
    def pace(self) -> int | None:
        """Steps per second at which runs are to go on; None for as fast as possible."""
        return PACES[self.pace_index]

    def change_pace(self, change: int) -> bool:
        """Choose a faster or a slower pace. Returns whether it is another one."""
        before = self.pace_index
        self.pace_index = min(max(before + change, 0), len(PACES) - 1)
        return self.pace_index != before

    @property
    def pace_text(self) -> str:
        """The pace in words."""
        return "full speed" if self.pace is None else f"{quantity(self.pace, 'step')} a second"
