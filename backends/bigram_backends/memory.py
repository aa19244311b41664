"""Makes uninitialised matrices, large ones in memory that was used before: fresh memory is slow."""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

LARGE = 32 * 2**20
"""The bytes from which on free memory returns to the system, and comes back page by page.

For smaller arrays malloc keeps it. This is the largest threshold that glibc allows itself.
"""
SPARE = 5
"""The most unused matrices that are kept: as many as a step makes, and two more.

Two keyframes are dropped at a time, and the next ones take their place.
"""

Floats = npt.NDArray[np.floating[Any]]
DOUBLE = np.dtype(np.float64)


def empty_matrices(size: int, dtype: np.dtype[Any] = DOUBLE) -> Callable[[], Floats]:
    """Return a function that makes matrices [size, size] of arbitrary numbers."""
    large = dtype.itemsize * size**2 >= LARGE
    return Recycler(size, dtype) if large else partial(np.empty, (size, size), dtype)


class Recycler:
    """Makes matrices in the memory of those that it made before and nobody refers to any more."""

    def __init__(self, size: int, dtype: np.dtype[Any] = DOUBLE) -> None:
        self._size, self._dtype = size, dtype
        self._spare: list[Floats] = []

    def __call__(self) -> Floats:
        memory = self._spare.pop() if self._spare else np.empty(self._size**2, self._dtype)
        # Because of the memoryview every view of it, direct or not, has `cells` as its base and
        # not `memory`. So when `cells` is freed, nobody uses the memory any more.
        cells: Floats = np.frombuffer(memory.data, self._dtype)
        finalizer = weakref.finalize(cells, _give_back, weakref.ref(self), memory)
        finalizer.atexit = False  # when Python ends, a thread may still be computing in it
        return cells.reshape(self._size, self._size)

    def take_back(self, memory: Floats) -> None:
        """Keep the memory for one of the next matrices, or free it if enough is kept."""
        if len(self._spare) < SPARE:
            self._spare.append(memory)


def _give_back(reference: Any, memory: Floats) -> None:
    recycler = reference()  # None if the matrix outlived its recycler
    if recycler is not None:
        recycler.take_back(memory)
