"""Counts the bigrams of lines, compiled by numba: loops over bytes and characters.

Each function does what NumPy does elsewhere in several passes. All hold no lock of Python's, so
that threads run them side by side. They are compiled when this module is imported, or their
machine code is loaded from the folder NUMBA_CACHE_DIR, so import it through `loading`.
"""

import sys
from typing import Any

import numpy as np
from numba import int64, njit, types, uint8, uint32, uint64

BYTES = types.Array(uint8, 1, "C", readonly=True)
WORDS = types.Array(uint64, 1, "C", readonly=True)

if sys.byteorder != "little":
    raise ImportError("the first of several bytes is taken for the lowest")

LF, CR = 10, 13

ASCII = 128

ASCII_ROOM = 4 * 4 * ASCII * ASCII
"""Bytes of the tables in which pairs of ASCII are counted."""

BLOCK = 1024
"""Words of eight bytes after which they are looked at for others than ASCII."""

BLANK = np.array([chr(code).isspace() for code in range(0x3001)])
"""Whether each character is white space, for all up to the last one that is."""

U = np.uint64

OFFSETS = U((1 << 27) - 1)
"""The bits of a slot that say where its line is kept; the others are the first of its hash."""

# Bytes are taken eight at a time. These numbers hold the same byte, or pair of bytes, repeated.
LINE_ENDS = U(0x0A0A0A0A0A0A0A0A)
ONES = U(0x0101010101010101)
HIGH_BITS = U(0x8080808080808080)
FIRST_BYTES = U(0x007F007F007F007F)
SECOND_BYTES = U(0x3F803F803F803F80)
PAIR = U(0xFFFF)
GOLDEN = U(0x9E3779B97F4A7C15)


def kernel(*signatures: Any) -> Any:
    """Return a decorator that compiles a function for these signatures."""
    return njit(list(signatures), nogil=True, cache=True)


@njit(inline="always")
def _byte(text: Any, place: Any) -> Any:
    return uint32(text[U(place)])  # a place that cannot be below 0 is not looked at twice


@njit(inline="always")
def _word(text: Any, place: Any) -> Any:
    """Return eight bytes as a number, the first one lowest; the compiler makes it one load."""
    word = U(0)
    for i in range(U(8)):
        word |= U(text[U(place) + i]) << U(8) * i
    return word


@kernel((WORDS, BYTES, uint32[:, ::1]))
def ascii_pairs(words: Any, rest: Any, tables: Any) -> Any:
    """Count how often each byte follows each, the first one a line end. int64 [first, second]

    words, rest: the bytes, eight at a time, and the last ones, fewer than eight.
    tables: room, [4, 128 * 128]. Return None if there are other characters than ASCII.

    Four tables take turns: to add to a cell that was just added to would wait for it. The eight
    pairs of eight bytes come from four at the even places and four at the odd ones; a pair is the
    number first + 128 * second, in 16 bits.
    """
    tables[:] = 0
    table_0, table_1, table_2, table_3 = tables[0], tables[1], tables[2], tables[3]
    before = U(LF)
    for start in range(0, words.size, BLOCK):
        seen = U(0)
        for word in words[start : start + BLOCK]:
            seen |= word
            shifted = word << U(8) | before
            even = word & FIRST_BYTES | word >> U(1) & SECOND_BYTES
            odd = shifted & FIRST_BYTES | shifted >> U(1) & SECOND_BYTES
            table_0[odd & PAIR] += 1
            table_1[even & PAIR] += 1
            table_2[odd >> U(16) & PAIR] += 1
            table_3[even >> U(16) & PAIR] += 1
            table_0[odd >> U(32) & PAIR] += 1
            table_1[even >> U(32) & PAIR] += 1
            table_2[odd >> U(48)] += 1
            table_3[even >> U(48)] += 1
            before = word >> U(56)
        if seen & HIGH_BITS:
            return None
    for byte in rest:
        if byte >= ASCII:
            return None
        table_0[before | U(byte) << U(7)] += 1
        before = U(byte)
    pairs = np.empty(ASCII * ASCII, np.int64)
    for cell in range(pairs.size):
        pairs[cell] = table_0[cell] + table_1[cell] + table_2[cell] + table_3[cell]
    return pairs.reshape(ASCII, ASCII).T


@njit(inline="always")
def _is_blank(code: Any) -> Any:
    return code < BLANK.size and BLANK[code]


@njit(inline="always")
def _goes_on(byte: Any) -> Any:
    """Return whether a byte goes on with a character of UTF-8."""
    return byte & 0xC0 == 0x80


@njit(inline="always")
def _character(text: Any, place: Any) -> Any:
    """Return the code point of a character of several bytes and their number, 0 if it is wrong.

    text: ends with ASCII, so that no character is cut off.
    """
    first, second = _byte(text, place), _byte(text, place + 1)
    if first < 0xC2 or first > 0xF4 or not _goes_on(second):
        return uint32(0), 0
    code = second & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | code, 2
    third = _byte(text, place + 2)
    if not _goes_on(third):
        return uint32(0), 0
    code = code << 6 | third & 0x3F
    if first < 0xF0:
        code |= (first & 0x0F) << 12
        is_right = code >= 0x800 and not 0xD800 <= code <= 0xDFFF
        return code, 3 if is_right else 0
    fourth = _byte(text, place + 3)
    code = (first & 0x07) << 18 | code << 6 | fourth & 0x3F
    is_right = _goes_on(fourth) and 0x10000 <= code <= 0x10FFFF
    return code, 4 if is_right else 0


@kernel((BYTES, uint32[::1]))
def decode_lines(text: Any, codes: Any) -> Any:
    r"""Decode whole lines of UTF-8 without the blanks at their ends, and without blank lines.

    text: ends with \n. codes: gets the code points, each line with \n; room for one a byte.
    Return how many code points there are, how many lines the text has, how many bytes the longest
    of them, and whether anything was left out or replaced. Return -1 for the first if the text is
    no UTF-8 or holds NUL.
    """
    place = count = lines = longest = 0
    line_place = line_count = 0  # where the line begins
    is_changed = False
    while place < text.size:
        code, size = _byte(text, place), 1
        if code >= ASCII:
            code, size = _character(text, place)
        elif code == LF or code == CR:  # noqa: PLR1714, SIM109
            end = count
            while end > line_count and _is_blank(codes[end - 1]):
                end -= 1
            is_changed |= end < count or code == CR
            longest = max(longest, place - line_place)
            count = end
            if end > line_count:
                codes[end] = LF
                count += 1
            place += 2 if code == CR and _byte(text, place + 1) == LF else 1
            lines += 1
            line_place, line_count = place, count
            continue
        if size == 0 or code == 0:
            break
        place += size
        if count == line_count and _is_blank(code):
            is_changed = True
        else:
            codes[U(count)] = code
            count += 1
    return count if place == text.size else -1, lines, longest, is_changed


@kernel((types.Array(uint32, 1, "C", readonly=True), int64, int64[::1], int64[:, ::1]))
def count_codes(codes: Any, place: Any, tokens: Any, table: Any) -> Any:
    """Count how often each character follows each, from a place on.

    codes: those of whole lines, each with its end; the first is counted as after a line end.
    tokens: that of each code point, below 0 if it has none yet. table: [first, second], added to.
    Return the place of the first character without a token; the number of codes if all have one.
    """
    before = 0 if place == 0 else tokens[U(codes[place - 1])]
    while place < codes.size:
        token = tokens[U(codes[U(place)])]
        if token < 0:
            break
        table[U(before), U(token)] += 1
        before = token
        place += 1
    return place


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
