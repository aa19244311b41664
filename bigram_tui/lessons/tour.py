"""A tour of seven steps for a first visit; it knows no screen, only the state of one."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bigram_tui.formatting.numbers import decimal, quantity
from bigram_tui.training.snapshot import Snapshot

FAR = 3
"""Cells that the cursor has to move; fewer may be an accident."""

NEAR = 0.02
"""A difference of two losses, in nats, that the default α and λ may make."""


@dataclass(frozen=True, eq=False)
class ScreenState:
    """The state of a screen, as far as the tour speaks of it."""

    run: Snapshot
    """The active run."""
    runs: tuple[Snapshot, ...]
    boundary: str
    size: int
    """V, the number of tokens."""
    cursor: tuple[int, int]
    compares: bool
    """Whether the runs are side by side."""
    dark: bool = True
    """Whether the theme is dark: the more probable, the brighter; in a light one, the darker."""


Done = Callable[[ScreenState, ScreenState], bool]
"""Takes the state when a step began and the present one; returns whether the step was done."""


@dataclass(frozen=True)
class TourStep:
    """A step of the tour: something to read, and usually something to do."""

    text: Callable[[ScreenState], str]
    done: Done = lambda before, now: False
    opens: str = ""
    """The action that `enter` also carries out; empty for none."""


class Tour:
    """The position in the tour, shared by all screens."""

    def __init__(self) -> None:
        self._index: int | None = None
        self._before: ScreenState | None = None  # when the step began

    @property
    def place(self) -> int | None:
        """The index of the present step; None while there is no tour."""
        return self._index

    @property
    def step(self) -> TourStep | None:
        """The present step; None while there is no tour."""
        return None if self._index is None else STEPS[self._index]

    def begin(self) -> None:
        """Start the tour at its first step."""
        self._go(0)

    def next(self) -> None:
        """Go to the next step; after the last one, end the tour."""
        if self._index is not None:
            self._go(self._index + 1 if self._index + 1 < len(STEPS) else None)

    def back(self) -> None:
        """Go to the previous step."""
        if self._index is not None:
            self._go(max(0, self._index - 1))

    def leave(self) -> None:
        """End the tour."""
        self._go(None)

    def look(self, now: ScreenState) -> None:
        """Go to the next step if the present one was done."""
        if self.step is None:
            return
        if self._before is None or self._before.run.name != now.run.name:
            self._before = now  # what another run has done does not count
        elif self.step.done(self._before, now):
            self.next()

    def _go(self, index: int | None) -> None:
        self._index = index
        self._before = None


# Whether a step was done


def _moved(before: ScreenState, now: ScreenState) -> bool:
    return math.dist(before.cursor, now.cursor) >= FAR


def _stepped(before: ScreenState, now: ScreenState) -> bool:
    return now.run.iteration > max(0, before.run.iteration) and not now.run.training


def _ran_and_went_back(before: ScreenState, now: ScreenState) -> bool:
    run = now.run
    return run.latest > before.run.latest and 0 <= run.iteration < run.latest and not run.training


# The texts of the steps


def _picture(seen: ScreenState) -> str:
    likelier = "brighter" if seen.dark else "darker"
    return (
        "This is P(next | current): a row for each character, a column for what follows it. "
        f"The {likelier}, the likelier. “{seen.boundary}” is where lines start and end."
    )


def _cell(_: ScreenState) -> str:
    return (
        "One cell is marked. Move the mark some cells away with the arrow keys. “Under the cursor” "
        "shows how often the pair occurs, N, and its P."
    )


def _untrained(seen: ScreenState) -> str:
    run = seen.run
    if run.model is None:
        return f"{run.name} is not loaded yet. Keys 1, 2, 3 and b choose another run."
    if run.weights is None:
        return (
            f"{run.name} does not learn step by step: it has the whole table at once. b goes to "
            "the next run; one that learns starts with a random table."
        )
    if run.iteration > 0 and run.has_loss:
        return (
            f"{run.name} has taken {_steps(run)}. It began with a table that knew nothing of the "
            f"text, at nll {run.losses[0, 0]:.4f}: r goes back there."
        )
    start = "random, and so are its samples" if run.weights.any() else "0, and so all of P is 1/V"
    return (
        f"{run.name} has learned nothing: its W is {start}. Its loss is nll {decimal(run.nll)}; "
        f"equal guesses give log V = {math.log(seen.size):.4f}."
    )


def _one_step(seen: ScreenState) -> str:
    if seen.run.model is not None and seen.run.weights is None:
        return f"{seen.run.name} takes no steps: b goes to a run that does, if there is one."
    return (
        "s takes one step: every weight moves a little against its gradient, downhill. "
        "Watch the loss, the picture and the samples."
    )


def _running(seen: ScreenState) -> str:
    run = seen.run
    so_far = ""
    if run.has_loss and run.iteration > 0:
        so_far = f"After {_steps(run)}, nll {run.losses[0, 0]:.4f} is now {decimal(run.nll)}. "
    return so_far + "space runs on, space again stops. z goes back one step, as often as you like."


def _names(_: ScreenState) -> str:
    return (
        "The samples are drawn from the rows of P, one character after the other; g draws others. "
        "Why is the marked cell what it is? enter shows it."
    )


def _compare(seen: ScreenState) -> str:
    if not seen.compares:
        return (
            "Last: c puts all runs side by side, and they move together. Do counting and gradient "
            "descent arrive at the same table?"
        )
    loaded = [run for run in seen.runs if run.has_loss]
    counting = next((run for run in loaded if run.weights is None), None)
    learning = next((run for run in loaded if run.weights is not None), None)
    if counting is None or learning is None:
        return (
            "There is only one kind of run here. B adds another: one that counts or one that "
            "learns."
        )
    gap = abs(counting.nll - learning.nll)
    losses = (
        f"{counting.name}: nll {decimal(counting.nll)}. {learning.name} after {_steps(learning)}: "
        f"{decimal(learning.nll)}. "
    )
    if gap <= NEAR:
        return (
            f"{losses}They are {gap:.4f} apart, each by its own way; "
            "α, λ and steps to come make up the rest."
        )
    return losses + "Not the same yet: x takes 100 more steps. Do they meet?"


def _steps(run: Snapshot) -> str:
    return quantity(run.iteration, "step")


STEPS = (
    TourStep(_picture),
    TourStep(_cell, _moved),
    TourStep(_untrained),
    TourStep(_one_step, _stepped),
    TourStep(_running, _ran_and_went_back),
    TourStep(_names, opens="why"),
    TourStep(_compare),
)
"""The steps, from “what is this picture” to “the two models agree”."""
