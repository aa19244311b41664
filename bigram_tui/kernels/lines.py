"""Keeps the distinct lines of a text: a hash table of where each of them begins."""

from typing import Any

from numba import int64, njit, uint8, uint64

from bigram_tui.kernels.kernel import BYTES, LF, U, kernel

OFFSETS = U((1 << 27) - 1)
"""The bits of a slot that say where its line is kept; the others are the first of its hash."""

GOLDEN = U(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio."""

# Bytes are taken eight at a time, as a word. These have the same byte eight times.
LINE_ENDS = U(0x0A0A0A0A0A0A0A0A)
ONES = U(0x0101010101010101)
HIGH_BITS = U(0x8080808080808080)


@njit(inline="always")
def _word(text: Any, place: Any) -> Any:
    """Return eight bytes as a number, the first one lowest; the compiler makes it one load."""
    word = U(0)
    for i in range(U(8)):
        word |= U(text[U(place) + i]) << U(8) * i
    return word


@njit(inline="always")
def _last_word(text: Any, place: Any) -> Any:
    """Return the last bytes as a number, filled up with line ends."""
    word = LINE_ENDS
    for i in range(text.size - place):
        word ^= U(text[place + i] ^ LF) << U(8 * i)
    return word


@njit(inline="always")
def _mixed(number: Any) -> Any:
    product = number * GOLDEN
    return product ^ product >> U(29)


@njit(inline="always")
def _bits(number: Any) -> Any:
    """Return the binary logarithm of a power of two."""
    bits = 0
    while 1 << bits < number:
        bits += 1
    return bits


@njit(inline="always")
def _is_at(
    text: Any, start: Any, length: Any, last_word: Any, ends: Any, kept: Any, offset: Any
) -> Any:
    """Return whether a line is the one that is kept at an offset.

    last_word, ends: the bytes of the line after the last eight times any, and a mask of them.
    """
    i = 0
    while i + 8 <= length:
        if _word(text, start + i) != _word(kept, offset + i):
            return False
        i += 8
    return (_word(kept, offset + i) ^ last_word) & ends == 0


@kernel((BYTES, int64, uint8[::1], uint64[::1], int64[::1], uint64, int64, int64, int64))
def keep_lines(
    text: Any,
    place: Any,
    kept: Any,
    slots: Any,
    used: Any,
    seed: Any,
    longest: Any,
    budget: Any,
    overhead: Any,
) -> Any:
    r"""Append each line that is not kept yet to the lines that are, from a place in a text on.

    text: lines without blanks at their ends, each ended by \n; empty ones are passed over.
    kept: the distinct lines, each with its end. slots: a hash table with room for twice as many; 0,
    or the place of a line in `kept` plus 1 and the first bits of its hash.
    used: bytes of `kept` and number of lines, changed in place. longest: bytes of a line.
    budget: what the lines may take: their bytes in `kept`, and `overhead` for each.
    Return the place of the first line that is too long, or for which there is no room in the budget
    or in the slots; the size of the text if there is none.
    """
    to_slot = U(64 - _bits(slots.size))
    while place < text.size:
        # Find the end of the line, and mix its bytes into a hash, eight at a time.
        mixed, start = U(seed), place
        while True:
            word = _word(text, place) if place + 8 <= text.size else _last_word(text, place)
            other = word ^ LINE_ENDS
            ends = other - ONES & ~other & HIGH_BITS  # the lowest bit is that of the first end
            if ends:
                break
            mixed = _mixed(mixed ^ word)
            place += 8
        with_end = ends ^ (ends - U(1))  # the bytes up to the end
        place += int64((with_end & ONES) * ONES >> U(56))  # the number of these bytes
        length = place - 1 - start
        if length == 0:
            continue
        mixed = _mixed(mixed ^ word & with_end >> U(8))
        slot, tag = mixed >> to_slot, mixed & ~OFFSETS
        while slots[slot] != 0:
            if slots[slot] & ~OFFSETS == tag:
                offset = int64(slots[slot] & OFFSETS) - 1
                if _is_at(text, start, length, word, with_end, kept, offset):
                    break
            slot = slot + U(1) & U(slots.size - 1)
        if slots[slot] == 0:
            offset, lines = used[0], used[1] + 1
            room = budget - (offset + length + 1 + lines * overhead)
            if length > longest or room < 0 or 2 * lines > slots.size:
                return start
            slots[slot] = tag | U(offset + 1)
            for i in range(length + 1):
                kept[U(offset + i)] = text[U(start + i)]
            used[0], used[1] = offset + length + 1, lines
    return text.size


@kernel((uint64[::1], uint64[::1]))
def move_slots(slots: Any, larger: Any) -> None:
    """Move the slots of a hash table to a larger one."""
    to_slot = U(64 - _bits(larger.size))
    for old in slots:
        if old != 0:
            slot = old >> to_slot
            while larger[slot] != 0:
                slot = slot + U(1) & U(larger.size - 1)
            larger[slot] = old
