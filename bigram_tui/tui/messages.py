"""The messages of widgets and runs to the screen and the app."""

from dataclasses import dataclass
from typing import Any

from textual.message import Message
from textual.widget import Widget


@dataclass
class CellPointed(Message):
    """The mouse points at a cell of the heatmap."""

    row: int
    column: int


@dataclass
class IterationPointed(Message):
    """The mouse is pressed at an iteration of the plot."""

    iteration: int


@dataclass
class LineClicked(Message):
    """The mouse chose a line of a pane."""

    pane: Widget
    line: int

    @property
    def control(self) -> Widget:
        """The pane, for handlers of one pane alone."""
        return self.pane


@dataclass
class RunPicked(Message):
    """The mouse chose a run."""

    number: int


@dataclass
class HyperparameterChanged(Message):
    """The user gave a hyperparameter of the active run another value."""

    name: str
    value: Any


@dataclass
class ValueWanted(Message):
    """The user wants to type the value of a hyperparameter."""

    name: str


class HeatmapResized(Message):
    """The heatmap has more or less room for its cells."""


class FirstDrawn(Message):
    """The first frame of a screen is there: work that would have delayed it may begin."""


class RunSettled(Message):
    """A run has executed all its commands, or an optimum is known."""


class ReadingEnded(Message):
    """Reading has ended: with the whole text, an error, or a part that the user accepts."""


class Printed(Message):
    """A plugin has printed something since somebody looked last."""
