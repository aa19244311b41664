"""Moves training forwards and back along its timeline: one run, or several runs together."""

from dataclasses import dataclass
from typing import Protocol


class Transport(Protocol):
    """What Runner does to one run and Lockstep to all of them; every order returns at once."""

    @property
    def is_training(self) -> bool:
        """Whether it goes on by itself."""

    @property
    def is_idle(self) -> bool:
        """Whether every order is carried out and nothing is training."""

    @property
    def latest(self) -> int:
        """The last iteration that was reached."""

    @property
    def obstacle_ahead(self) -> str:
        """Say why there is no next step; empty if there is one."""

    @property
    def obstacle_behind(self) -> str:
        """Say why there is no step to go back to; empty if there is one."""

    def step(self, iterations: int) -> None:
        """Take some steps, beyond those that are still to be taken."""

    def back(self, iterations: int) -> None:
        """Stop training and go back by some steps, at most to the start."""

    def train(self, pace: float | None = None) -> None:
        """Train until paused. pace: steps per second; as fast as possible if None."""

    def pause(self) -> None:
        """Stop training."""

    def seek(self, iteration: int) -> None:
        """Stop training and go to an iteration."""

    def reset(self) -> None:
        """Stop training and begin again from the same start."""


MOST_STEPS = 1_000_000
"""How many steps training takes that nobody pauses: every step is kept, which takes memory."""

ENOUGH = f"paused after {MOST_STEPS:,} steps, since all are kept in memory: space goes on"


@dataclass
class Goal:
    """The iteration at which training is to stop, and its pace until then."""

    iteration: int = 0
    pace: float | None = None
    """Steps per second; as fast as possible if None."""
    is_open: bool = False
    """Whether it trains until it is paused, or has taken MOST_STEPS."""

    def extend(self, position: int, iterations: int) -> None:
        """Take some steps more than are still to be taken, as fast as possible."""
        pending = position if self.is_open else max(self.iteration, position)
        self.iteration, self.pace, self.is_open = pending + iterations, None, False

    def train(self, position: int, pace: float | None) -> None:
        """Go on until paused."""
        self.iteration, self.pace, self.is_open = position + MOST_STEPS, pace, True

    def stop(self, position: int) -> None:
        """Go no further than where training is."""
        self.iteration, self.is_open = position, False

    def complaint(self, position: int) -> str:
        """Say that training has taken all the steps that it may without being asked again."""
        return ENOUGH if self.is_open and position >= self.iteration else ""


def step(transport: Transport, iterations: int) -> str:
    """Take some steps; or say why there is none to take."""
    obstacle = transport.obstacle_ahead
    if not obstacle:
        transport.step(iterations)
    return obstacle


def back(transport: Transport, iterations: int) -> str:
    """Go back by some steps; say so where there is none to go back to."""
    obstacle = transport.obstacle_behind
    transport.back(iterations)
    return obstacle


def toggle(transport: Transport, pace: float | None) -> str:
    """Pause what is training; or let it train; or say why there is no next step."""
    if transport.is_training:
        transport.pause()
        return ""
    obstacle = transport.obstacle_ahead
    if not obstacle:
        transport.train(pace)
    return obstacle


def change_pace(transport: Transport, pace: float | None) -> None:
    """Let what is training go on at another pace."""
    if transport.is_training:
        transport.train(pace)
