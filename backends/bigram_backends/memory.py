"""Matrices to be filled; large ones in memory that was used before, as fresh memory is slow.

It knows nothing of what they are filled with, or of who holds them.
"""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

LARGE = 32 * 2**20
"""Bytes from which on memory that is let go goes back to the system, and comes back page by page.

That of smaller arrays malloc keeps at hand; the number is the most that glibc knows for it.
"""
SPARE = 3
"""How many unused ones are kept: as many as an iteration makes."""

Doubles = npt.NDArray[np.float64]


def empty_matrices(size: int) -> Callable[[], Doubles]:
    """What makes float64 matrices [size, size] whose numbers may be any."""
    large = 8 * size**2 >= LARGE
    return Recycler(size) if large else partial(np.empty, (size, size))


class Recycler:
    """Makes matrices in the memory of those that it made and that nobody holds any more."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._spare: list[Doubles] = []

    def __call__(self) -> Doubles:
        memory = self._spare.pop() if self._spare else np.empty(self._size**2)
        # Over a memoryview: every view of it, direct or not, has `cells` as its base and not
        # `memory`, so that the memory is free when `cells` is.
        cells: Doubles = np.frombuffer(memory.data)
        given_back = weakref.finalize(cells, _give_back, weakref.ref(self), memory)
        given_back.atexit = False  # when Python ends, whoever holds it may still be at work
        return cells.reshape(self._size, self._size)

    def take_back(self, memory: Doubles) -> None:
        """Use the memory for one of the next matrices, or let it go."""
        if len(self._spare) < SPARE:
            self._spare.append(memory)


def _give_back(reference: Any, memory: Doubles) -> None:
    recycler = reference()  # None where a matrix outlives the training that it was made for
    if recycler is not None:
        recycler.take_back(memory)
