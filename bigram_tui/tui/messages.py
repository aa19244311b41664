"""What widgets and runs tell the screen."""

from dataclasses import dataclass
from typing import Any

from textual.message import Message


@dataclass
class CellPointed(Message):
    """The mouse is at a cell of the heatmap."""

    row: int
    column: int


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
    """There is more or less room for the cells of the heatmap."""


class RunSettled(Message):
    """A run has carried out all its orders."""
