"""Counts the bigrams of lines of ASCII by their bytes, on several threads.

If every character is one byte, the bigrams of a text are the pairs of its bytes, and these are the
bytes read as 16-bit numbers, once from the first byte on and once from the second. The resulting
table tells whether the lines were plain; if not, they must be counted character by character.
"""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bigram_tui.corpus.decoded_lines import CODE_SIZE, DecodedLines, decode_lines
from bigram_tui.errors import TextError
from bigram_tui.kernels.loading import READING
from bigram_tui.model.bigrams import Counts

ASCII = 128
NUL, LF, CR = b"\0\n\r"
BLANKS = [code for code in range(ASCII) if chr(code).isspace() and code not in (LF, CR)]

# Cells of a table [second, first]: pairs that begin with \r, and pairs of lines that are not plain.
AFTER_CR = CR + ASCII * np.arange(ASCII)
ODD = np.array(
    [NUL + ASCII * second for second in range(ASCII)]
    + [LF + ASCII * blank for blank in BLANKS]
    + [blank + ASCII * LF for blank in BLANKS]
)

# With more threads, some would wait for the one that reads.
WORKERS = min(os.cpu_count() or 1, 4)

# Pieces that are counted before threads are started; few texts have more.
ALONE = 16


Room = npt.NDArray[np.uint8]
"""Memory that a piece is counted in."""

NO_ROOM: Room = np.empty(0, np.uint8)

ROOM_SIZE = np.dtype(np.intp).itemsize
"""Bytes for each byte of text."""

Counted = Counts | DecodedLines | None
"""Pairs of plain lines, characters of others, or nothing for those that need a closer look."""


class Piece(NamedTuple):
    """Some bytes of a text. whole: whether they are whole lines, each with its end."""

    data: bytes
    whole: bool


def whole_lines(chunks: Iterable[bytes]) -> Iterator[Piece]:
    """Yield the same bytes, cut after line ends; a line longer than a chunk comes in parts."""
    begun, at_start = b"", True
    for chunk in chunks:
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield Piece(b"".join([begun, memoryview(chunk)[:cut]]), at_start)
            begun, at_start = chunk[cut:], True
        else:
            cut = chunk.rfind(b"\r", 0, -1) + 1 or len(chunk)  # a last \r may be half of a \r\n
            yield Piece(begun + chunk[:cut], False)
            begun, at_start = chunk[cut:], False
    if begun:
        yield Piece(begun, False)


def count_pieces(
    pieces: Iterable[Piece], workers: int = WORKERS, alone: int = ALONE
) -> Generator[tuple[bytes, Counted], None, None]:
    """Yield each piece in order with what was counted of it, while threads count the next ones.

    That is to be used before the next piece is taken.
    alone: pieces to count before threads are started.
    An error of `pieces` is raised after all pieces before it were yielded. Close the generator
    when leaving it early, so that no thread stays.
    """
    pieces = iter(pieces)
    room = NO_ROOM
    for data, whole in islice(pieces, alone if workers > 1 else None):
        kernels = READING.module
        room = _enough(room, data, kernels)
        yield data, _counted(data, room, kernels) if whole else None
    yield from _count_by_threads(pieces, workers)


def _count_by_threads(pieces: Iterator[Piece], workers: int) -> Iterator[tuple[bytes, Counted]]:
    following = next(pieces, None)
    if following is None:
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # small texts need no threads

    with ThreadPoolExecutor(workers) as pool:
        under_way: deque[tuple[bytes, Future[Counted] | None, Room]] = deque()
        # One for each piece under way, used again for a later piece.
        spare = [NO_ROOM] * (2 * workers)

        def oldest() -> Iterator[tuple[bytes, Counted]]:
            data, result, room = under_way.popleft()
            yield data, None if result is None else result.result()
            spare.append(room)

        error = None
        while following is not None:
            data, whole = following
            kernels = READING.module
            room = _enough(spare.pop(), data, kernels)
            result = pool.submit(_counted, data, room, kernels) if whole else None
            under_way.append((data, result, room))
            if not spare:
                yield from oldest()
            try:
                following = next(pieces, None)
            except TextError as raised:
                error, following = raised, None
        while under_way:
            yield from oldest()
        if error is not None:
            raise error


def _enough(room: Room, data: bytes, kernels: ModuleType | None) -> Room:
    """Return at least as much room as is needed to count some bytes."""
    size = ROOM_SIZE * len(data)
    if kernels is not None:
        size = max(CODE_SIZE * len(data), kernels.ASCII_ROOM)
    if room.size >= size:
        return room
    slack = len(data) // 32  # the next piece, which is about as long, shall fit too
    return np.empty(size + ROOM_SIZE * slack, np.uint8)


def _counted(lines: bytes, room: Room, kernels: ModuleType | None) -> Counted:
    """Count whole lines as far as can be told from them alone."""
    pairs = plain_pairs(lines, room, kernels)
    if pairs is None and kernels is not None:
        return decode_lines(kernels, lines, room[: CODE_SIZE * len(lines)])
    return pairs


def plain_pairs(lines: bytes, room: Room, kernels: ModuleType | None = None) -> Counts | None:
    r"""Count how often each byte follows each, with \n for a line's start and end. [first, second]

    lines: whole ones, each with its end.
    room: enough for a number of ROOM_SIZE for each byte; what is in it is lost. For kernels,
        ASCII_ROOM is enough.
    Returns None if the lines are not plain: if they hold other characters than ASCII, NUL, or a \r
    before anything but \n, or if one begins or ends with a blank. The pair (\n, \n) is counted
    once for each empty line.
    """
    pairs: Counts | None
    if kernels is not None:
        tables = room[: kernels.ASCII_ROOM].view(np.uint32).reshape(4, -1)
        words = np.frombuffer(lines, np.uint64, len(lines) // 8)
        pairs = kernels.ascii_pairs(words, np.frombuffer(lines, np.uint8)[8 * words.size :], tables)
    else:
        pairs = _ascii_pairs(lines, room)
    if pairs is None:
        return None
    cells = pairs.T.reshape(-1)  # the same memory
    if cells.take(AFTER_CR).any():
        if pairs[CR].sum() > pairs[CR, LF]:
            return None
        pairs[:, LF] += pairs[:, CR]
        pairs[:, CR] = pairs[CR] = 0
    return None if cells.take(ODD).any() else pairs


def _ascii_pairs(lines: bytes, room: Room) -> Counts | None:
    """Do by NumPy what the kernel of that name does."""
    if not lines.isascii():
        return None
    codes = np.frombuffer(lines, np.uint8)
    numbers = room.view(np.intp)
    even, odd = (codes[start:][: (codes.size - start) & ~1].view("<u2") for start in (0, 1))
    # Cast by hand into the same room again and again: fresh memory would cost more than counting.
    numbers[: even.size] = even
    numbers[even.size : codes.size - 1] = odd
    table = np.bincount(numbers[: codes.size - 1], minlength=ASCII * 256)
    pairs = np.ascontiguousarray(table.reshape(ASCII, 256)[:, :ASCII])  # [second, first]
    pairs[codes[0], LF] += 1
    return pairs.T
