"""What passes between the processes: JSON, which cannot do anything, with arrays beside it."""

import json
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from bigram_tui.backend import as_numpy
from bigram_tui.isolation.memory import Array

Json = Any
"""What JSON can express: None, bools, numbers, texts, lists and dicts of them."""

LONGEST = 1 << 20
"""The most bytes of a message."""


class UnreadableError(ValueError):
    """A message is not what it should be."""


class Tensor(np.ndarray[Any, np.dtype[Any]]):
    """An array that was a torch tensor, to which it is turned back where torch is imported."""

    device_name: str = "cpu"

    def __array_finalize__(self, source: Any) -> None:
        self.device_name = getattr(source, "device_name", "cpu")


class Lines:
    """Turns messages into lines and back; a line that is the same as the last is not read again."""

    def __init__(self) -> None:
        self._read: tuple[bytes, Json] = b"", None

    def write(self, message: dict[str, Json]) -> bytes:
        """Return a message as one line. Raises TypeError or ValueError if JSON can't express it."""
        return json.dumps(message).encode() + b"\n"

    def read(self, line: bytes) -> dict[str, Json]:
        """Return the message of one line. Raises UnreadableError, whatever the line is."""
        if line != self._read[0]:
            self._read = line, _parsed(line)
        message: dict[str, Json] = self._read[1]
        return message


def _parsed(line: bytes) -> dict[str, Json]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("no JSON") from error
    if not isinstance(message, dict):
        raise UnreadableError("no message")
    return message


def pack(value: object, arrays: list[Array], what: str) -> Json:
    """Describe a value, and append its arrays to a list.

    value: None, a number, an array of any library, or a tuple of such values. what: its name.
    Raises TypeError if it is something else.
    """
    packed: Json
    if value is None:
        packed = None
    elif isinstance(value, bool):
        packed = {"bool": value}
    elif isinstance(value, int):
        packed = {"int": str(value)}
    elif isinstance(value, tuple):
        packed = {"tuple": [pack(part, arrays, what) for part in value]}
    elif type(value) is float:  # in binary, to the bit
        arrays.append(np.array(value))
        packed = {"float": len(arrays) - 1}
    elif hasattr(value, "shape"):
        arrays.append(as_numpy(value))
        packed = {"array": len(arrays) - 1}
        if type(value) is not np.ndarray and (device := _device_of(value)):
            packed["tensor"] = device
    else:
        raise TypeError(
            f"{what} is or holds a {type(value).__name__}, which can't leave the backend's own "
            "process; arrays, numbers and tuples of them can"
        )
    return packed


def unpack(packed: Json, arrays: Sequence[Array]) -> Any:
    """Return what `pack` described, with NumPy's arrays. Raises UnreadableError."""
    value: Any = None
    try:
        match packed:
            case None:
                pass
            case {"array": int(index), "tensor": str(device)}:
                value = arrays[index].view(Tensor)
                value.device_name = device
            case {"array": int(index)}:
                value = arrays[index]
            case {"tuple": list(parts)}:
                value = tuple(unpack(part, arrays) for part in parts)
            case {"bool": bool(truth)}:
                value = truth
            case {"int": str(digits)}:
                value = int(digits)
            case {"float": int(index)}:
                value = float(arrays[index].item())
            case _:
                raise UnreadableError("no value")
    except (IndexError, ValueError, TypeError, RecursionError) as error:
        raise UnreadableError("no value") from error
    return value


def _device_of(array: object) -> str:
    """Return the device of a torch tensor, or of an array that was one; empty for others."""
    if isinstance(array, Tensor):
        return array.device_name
    return str(getattr(array, "device", "")) if hasattr(array, "new_tensor") else ""


def with_tensors(value: Any) -> Any:
    """Return an unpacked value with torch's tensors where there were such; it imports torch."""
    if isinstance(value, tuple):
        return tuple(map(with_tensors, value))
    if isinstance(value, Tensor):
        return import_module("torch").from_numpy(value.view(np.ndarray)).to(value.device_name)
    return value
