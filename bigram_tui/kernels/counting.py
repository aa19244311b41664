"""Counts pairs of characters: plain ones by their bytes, others once they are decoded."""

from typing import Any

import numpy as np
from numba import int64, njit, types, uint32, uint64

from bigram_tui.kernels.kernel import BYTES, CR, LF, U, kernel

WORDS = types.Array(uint64, 1, "C", readonly=True)

ASCII = 128

ASCII_ROOM = 4 * 4 * ASCII * ASCII
"""Bytes of the tables in which pairs of ASCII are counted."""

BLOCK = 1024
"""Words of eight bytes after which they are looked at for others than ASCII."""

# Parts of a word: the high bit of each byte, and seven bits of the first or second byte of a pair,
# which then are the low or the high ones of the 14 bits that number the pair.
HIGH_BITS = U(0x8080808080808080)
FIRST_BYTES = U(0x007F007F007F007F)
SECOND_BYTES = U(0x3F803F803F803F80)
PAIR = U(0xFFFF)

BLANK = np.array([chr(code).isspace() for code in range(0x3001)])
"""Whether each character is white space, for all up to the last one that is."""


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
def _byte(text: Any, place: Any) -> Any:
    return uint32(text[U(place)])  # a place that cannot be below 0 is not looked at twice


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
