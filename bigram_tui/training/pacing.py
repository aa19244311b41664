"""Chooses how much work to do at a time, so that orders are looked at often enough."""


class SliceSize:
    """The number of units of work, such as steps, in a slice of about a given length.

    It starts at 1, doubles after a whole slice that took less than half that length, and halves
    after one that took more than twice as long.
    """

    def __init__(self, seconds: float, largest: int = 1 << 16) -> None:
        """seconds: the length that slices should have. largest: the most units in a slice."""
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
