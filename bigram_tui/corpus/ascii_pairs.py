"""Counts the bigrams of lines of ASCII by their bytes, on several threads.

If every character is one byte, the bigrams of a text are the pairs of its bytes, and these are the
bytes read as 16-bit numbers, once from the first byte on and once from the second. The resulting
table tells whether the lines were plain; if not, they must be counted character by character.
"""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from bigram_tui.errors import TextError
from bigram_tui.model.bigrams import Counts

ASCII = 128
NUL, LF, CR = b"\0\n\r"
BLANKS = [code for code in range(ASCII) if chr(code).isspace() and code not in (LF, CR)]

# With more threads, some would wait for the one that reads.
WORKERS = min(os.cpu_count() or 1, 4)

# Pieces that are counted before threads are started; few texts have more.
ALONE = 16


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
) -> Generator[tuple[bytes, Counts | None], None, None]:
    """Yield each piece in order with its plain_pairs, while threads count the next ones.

    alone: pieces to count before threads are started.
    An error of `pieces` is raised after all pieces before it were yielded. Close the generator
    when leaving it early, so that no thread stays.
    """
    pieces = iter(pieces)
    scratch = np.empty(0, np.intp)
    for data, whole in islice(pieces, alone if workers > 1 else None):
        scratch = _room(scratch, data)
        yield data, plain_pairs(data, scratch) if whole else None
    yield from _count_by_threads(pieces, workers)


def _count_by_threads(
    pieces: Iterator[Piece], workers: int
) -> Iterator[tuple[bytes, Counts | None]]:
    following = next(pieces, None)
    if following is None:
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # small texts need no threads

    with ThreadPoolExecutor(workers) as pool:
        under_way: deque[tuple[bytes, Future[Counts | None] | None, Counts]] = deque()
        # One for each piece under way, used again for a later piece.
        spare = [np.empty(0, np.intp) for _ in range(2 * workers)]

        def oldest() -> tuple[bytes, Counts | None]:
            data, result, scratch = under_way.popleft()
            spare.append(scratch)
            return data, None if result is None else result.result()

        error = None
        while following is not None:
            data, whole = following
            scratch = _room(spare.pop(), data)
            result = pool.submit(plain_pairs, data, scratch) if whole else None
            under_way.append((data, result, scratch))
            if not spare:
                yield oldest()
            try:
                following = next(pieces, None)
            except TextError as raised:
                error, following = raised, None
        while under_way:
            yield oldest()
        if error is not None:
            raise error


def _room(scratch: Counts, data: bytes) -> Counts:
    return scratch if scratch.size >= len(data) else np.empty(len(data), np.intp)


def plain_pairs(lines: bytes, scratch: Counts) -> Counts | None:
    r"""Count how often each byte follows each, with \n for a line's start and end. [first, second]

    lines: whole ones, each with its end.
    scratch: room for as many numbers as there are bytes.
    Returns None if the lines are not plain: if they hold other characters than ASCII, NUL, or a \r
    before anything but \n, or if one begins or ends with a blank. The pair (\n, \n) is counted
    once for each empty line.
    """
    if not lines.isascii():
        return None
    codes = np.frombuffer(lines, np.uint8)
    even, odd = (codes[start:][: (codes.size - start) & ~1].view("<u2") for start in (0, 1))
    # Cast by hand into the same room again and again: fresh memory would cost more than counting.
    scratch[: even.size] = even
    scratch[even.size : codes.size - 1] = odd
    table = np.bincount(scratch[: codes.size - 1], minlength=ASCII * 256)
    pairs = table.reshape(ASCII, 256)[:, :ASCII].T  # the second byte is the high one
    pairs[LF, codes[0]] += 1
    if pairs[CR].any():
        if pairs[CR].sum() > pairs[CR, LF]:
            return None
        pairs[:, LF] += pairs[:, CR]
        pairs[:, CR] = pairs[CR] = 0
    if pairs[NUL].any() or pairs[LF, BLANKS].any() or pairs[BLANKS, LF].any():
        return None
    return pairs
