"""Memory that two processes share, and how arrays lie in it."""

import math
import mmap
import os
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

Layout = tuple[str, tuple[int, ...], str]
"""The dtype, the shape and the order ("C" or "F") of an array."""

KINDS = "biufc"
"""The kinds of dtype whose arrays are nothing but numbers."""

ALIGNMENT = 64
"""Each array begins at a multiple of so many bytes, those of a cache line."""


class SharedMemory:
    """Memory behind a file descriptor: it has no name, and is gone with the last process.

    One process writes, another reads when it was told to. The writer enlarges it as needed.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        """descriptor: that of the other process, inherited from it; a new memory if None."""
        self.descriptor = _new() if descriptor is None else descriptor
        self._map: mmap.mmap | None = None
        # Most arrays lie as those before them did.
        self._places: list[Array] = []
        self._layouts: Any = []
        self._signature: list[Any] = []
        self._close = weakref.finalize(self, os.close, self.descriptor)

    def close(self) -> None:
        """Let go of it; arrays that were read stay."""
        self._places, self._map = [], None
        self._close()

    def write(self, arrays: Sequence[Array]) -> Any:
        """Copy arrays into it, one after the other. Returns their layouts, for JSON.

        Raises TypeError if one is not of numbers.
        """
        signature = [(array.dtype, array.shape, array.strides) for array in arrays]
        if signature != self._signature:
            layouts = [_layout_of(array) for array in arrays]
            self._places = list(self._lay_out(layouts, enlarge=True))
            self._signature, self._layouts = signature, layouts
        for place, array in zip(self._places, arrays, strict=True):
            place[...] = array
        return self._layouts

    def read(self, layouts: object) -> list[Array]:
        """Copy the arrays that lie in it.

        layouts: from JSON, so perhaps anything. Raises ValueError unless they describe arrays of
        numbers within the memory.
        """
        if layouts != self._layouts:
            checked = [_checked(layout) for layout in _as_list(layouts)]
            self._places = list(self._lay_out(checked, enlarge=False))
            self._layouts = layouts
        return [place.copy(order="K") for place in self._places]

    def _lay_out(self, layouts: Sequence[Layout], *, enlarge: bool) -> Iterator[Array]:
        """Yield each array's place in the memory, as an array."""
        dtypes = [np.dtype(code) for code, _, _ in layouts]
        starts = [0]
        for dtype, (_, shape, _) in zip(dtypes, layouts, strict=True):
            size = dtype.itemsize * math.prod(shape)
            starts.append(-(-(starts[-1] + size) // ALIGNMENT) * ALIGNMENT)
        memory = self._mapped(starts[-1], enlarge)
        for dtype, (_, shape, order), start in zip(dtypes, layouts, starts, strict=False):
            yield np.ndarray(shape, dtype, memory, start, order="F" if order == "F" else "C")

    def _mapped(self, size: int, enlarge: bool) -> mmap.mmap:
        if self._map is None or len(self._map) < size:
            if size > machine_memory():
                raise ValueError(f"arrays of {size / 2**30:.0f} GiB, more than there is memory")
            present = os.fstat(self.descriptor).st_size
            if enlarge and present < size:
                os.ftruncate(self.descriptor, present := size)
            if present < size:
                raise ValueError(f"arrays of {size} bytes in {present}")
            self._map = mmap.mmap(self.descriptor, present)
        return self._map


def machine_memory() -> int:
    """Return the bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _new() -> int:
    """Make a descriptor of empty memory."""
    if sys.platform == "linux":
        import fcntl

        descriptor = os.memfd_create("bigram-tui", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, mmap.PAGESIZE)
        # If the other process made it smaller, reading beyond its end would end this one.
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
        return descriptor
    with tempfile.TemporaryFile() as file:
        os.ftruncate(file.fileno(), mmap.PAGESIZE)
        return os.dup(file.fileno())


def _layout_of(array: Array) -> Layout:
    if array.dtype.kind not in KINDS:
        raise TypeError(f"an array of {array.dtype} can't leave its process, only one of numbers")
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    return array.dtype.str, array.shape, "F" if is_fortran else "C"


def _as_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{type(value).__name__} instead of a list")
    return value


def _checked(layout: object) -> Layout:
    """Return a layout that came as JSON. Raises ValueError if it is none."""
    code, shape, order = _as_list(layout)
    lengths = tuple(_as_list(shape))
    if not all(type(length) is int and length >= 0 for length in lengths):
        raise ValueError("a shape has whole numbers")
    try:
        dtype = np.dtype(code)
    except TypeError as error:
        raise ValueError(f"no dtype {code!r}") from error
    if not isinstance(code, str) or dtype.kind not in KINDS:
        raise ValueError(f"{code!r} is no dtype of numbers")
    return code, lengths, "F" if order == "F" else "C"
