"""Chooses how much work to do at a time, so that orders are looked at often enough."""


class SliceSize:
    """How many units of work, such as steps, make a slice of about the wanted length.

    It starts at 1, doubles after a whole slice that took less than half the wanted seconds, and
    halves after one that took more than twice as long; in between it stays.
    """

    def __init__(self, seconds: float, largest: int = 1 << 16) -> None:
        """seconds: the wanted length of a slice. largest: the most units in one."""
        self._seconds = seconds
        self._largest = largest
        self.size = 1
        """The units to do in the next slice."""

    def after(self, seconds: float, units: int) -> None:
        """Adapt to the last slice: the seconds that it took, and the units that it did.

        A slice that was cut short (units < size) says nothing about a whole one unless it was
        too slow, and so never makes the next one larger.
        """
        if units >= self.size and seconds < self._seconds / 2:
            self.size = min(2 * self.size, self._largest)
        elif seconds > 2 * self._seconds:
            self.size = max(1, min(self.size // 2, units))

    def reset(self) -> None:
        """Start with a slice of one unit again."""
        self.size = 1
