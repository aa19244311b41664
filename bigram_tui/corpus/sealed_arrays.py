"""Arrays, and facts about them, as bytes with a checksum over all of them.

The bytes are MAGIC, the checksum of everything after it, the length of the header, the header as
JSON, and the arrays one after the other. So nothing can be changed, cut off or appended unseen, and
nothing is unpacked: the arrays are views of the bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MAGIC = b"bigram-tui arrays\n"

CHECKSUM_SIZE = 32

LENGTH_SIZE = 8

LONGEST_HEADER = 1 << 16
"""Bytes: JSON takes many times as much memory as it is long."""

DTYPES = "|u1", "<i8"


def write_sealed(file: BinaryIO, about: object, arrays: Mapping[str, Array]) -> None:
    """Write arrays of one dimension, each of one of DTYPES, and facts about them.

    about: anything that JSON can express.
    """
    contents = [np.ascontiguousarray(array, _stored_dtype(array)) for array in arrays.values()]
    fields = zip(arrays, contents, strict=True)
    columns = [[name, array.dtype.str, array.size] for name, array in fields]
    header = json.dumps({"about": about, "arrays": columns}).encode()
    head = len(header).to_bytes(LENGTH_SIZE, "little") + header
    checksum = _checksum(head, *contents)
    file.write(MAGIC + checksum + head)
    for array in contents:
        file.write(array.data)


def read_sealed(data: bytes) -> tuple[Any, dict[str, Array]]:
    """Return the facts and the arrays, which are read-only.

    Raises ValueError if these are not the bytes that were written.
    """
    start = len(MAGIC) + CHECKSUM_SIZE
    content = memoryview(data)[start:]
    if data[:start] != MAGIC + _checksum(content):
        raise ValueError("the checksum is wrong")
    place = LENGTH_SIZE + int.from_bytes(content[:LENGTH_SIZE], "little")
    if place > LONGEST_HEADER:
        raise ValueError("the header is too long")
    header = json.loads(bytes(content[LENGTH_SIZE:place]))
    arrays: dict[str, Array] = {}
    for name, dtype, size in header["arrays"]:
        if dtype not in DTYPES:
            raise ValueError("an array of another kind")
        arrays[name] = np.frombuffer(content, dtype, size, place)
        place += arrays[name].nbytes
    if place != len(content):
        raise ValueError("more or less than the arrays")
    return header["about"], arrays


def _stored_dtype(array: Array) -> str:
    return "|u1" if array.dtype == np.uint8 else "<i8"


def _checksum(*parts: Any) -> bytes:
    checksum = hashlib.blake2b(digest_size=CHECKSUM_SIZE)
    for part in parts:
        checksum.update(part)
    return checksum.digest()
