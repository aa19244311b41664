"""Counts the bigrams of a text that comes in pieces of any size."""

import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bigram_tui.corpus.decoded_lines import Codes, text_of
from bigram_tui.corpus.pair_counter import PairCounter, Tokens
from bigram_tui.corpus.sparse_counts import SparseCounts
from bigram_tui.corpus.splitter import Hashes, LineHash, Splitter, line_hashes
from bigram_tui.kernels.loading import READING
from bigram_tui.model.bigrams import BOUNDARY, Counts

LINE_END = "\n"
BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c != LINE_END)

_BLANK_NUMBERS = np.zeros(0x3001, np.intp)
_BLANK_NUMBERS[[ord(c) for c in BLANKS]] = range(len(BLANKS))

_SHIFT = 32
"""The bits by which the first token of a pair is shifted, to be one number with the second."""


class Alphabet:
    """Numbers characters as tokens in the order in which they turn up; a line end is token 0."""

    def __init__(self) -> None:
        self.tokens = np.full(sys.maxunicode + 1, -1, np.intp)
        """The token of each code point; -1 if it has not turned up."""
        self.codes = np.empty(0, np.int64)
        self.white = np.empty(0, np.bool_)
        self._add(np.array([ord(LINE_END)]))

    def encode(self, text: str) -> Tokens:
        """Return the token of each character. [len(text)]"""
        codes = _code_points(text)
        tokens = self.tokens.take(codes)
        if tokens.size and tokens.min() < 0:
            self._add(np.flatnonzero(np.bincount(codes[tokens < 0])))
            tokens = self.tokens.take(codes)
        return tokens

    def _add(self, codes: npt.NDArray[np.integer]) -> None:
        self.tokens[codes] = np.arange(len(self.codes), len(self.codes) + len(codes))
        self.codes = np.append(self.codes, codes)
        self.white = np.append(self.white, [chr(code).isspace() for code in codes])


def _code_points(text: str) -> npt.NDArray[np.uint8 | np.uint32]:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def _widen_line_ends(tokens: Tokens, white: npt.NDArray[np.bool_]) -> None:
    """Turn each run of white space that holds a line end into line ends, in place.

    white: whether each token of the alphabet is white space, [tokens]
    """
    ends_line = tokens == BOUNDARY
    beside = np.append(tokens[1:][ends_line[:-1]], tokens[:-1][ends_line[1:]])
    if not white[beside[beside != BOUNDARY]].any():
        return
    blank = white.take(tokens) & ~ends_line
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
    starts = np.append(0, edges) if blank[0] else edges
    starts, stops = starts[::2], np.append(edges, tokens.size)[int(not blank[0]) :: 2]
    stops = stops[: starts.size]
    ends_before = ends_line[starts - 1] & (starts > 0)
    ends_after = np.append(ends_line, False)[stops]
    widened = np.repeat(ends_before | ends_after, stops - starts)
    tokens[np.flatnonzero(blank)[widened]] = BOUNDARY


def _blank_pairs(blanks: str) -> dict[tuple[str, str], int]:
    """Return how often each of BLANKS follows each in a text of them alone."""
    numbers = _BLANK_NUMBERS.take(_code_points(blanks))
    pairs = np.bincount(numbers[:-1] * len(BLANKS) + numbers[1:])
    found = [(divmod(pair, len(BLANKS)), pair) for pair in np.flatnonzero(pairs).tolist()]
    return {(BLANKS[i], BLANKS[j]): int(pairs[pair]) for (i, j), pair in found}


_NO_HASHES: Hashes = np.empty(0, np.uint64)


class BigramCounter:
    """Counts the bigrams of a text that comes in pieces of any size.

    Whether the blanks at the end of a piece stand within a line or at its end, only the next piece
    tells. Until then their bigrams are held apart as counts, so that any number takes no room.
    """

    def __init__(self, split: Sequence[int] | None, seed: int) -> None:
        self._alphabet = Alphabet()
        self._splitter = Splitter(split, seed) if split else None
        # With a split, the bigrams of the line that has no end yet, and its hash so far, without
        # the blanks that are held and with them.
        self._open: Counter[int] = Counter()
        self._line_hash = self._held_hash = LineHash()
        self._pairs = PairCounter(len(split) if split else 1)
        self._last = LINE_END
        self._held: Counter[tuple[str, str]] = Counter()
        self._last_held = ""

    def feed(self, text: str) -> None:
        """Count the next characters."""
        end = len(text.rstrip())  # of any white space, which takes a tenth of the time of BLANKS
        settled = text[: max(end, text.rfind(LINE_END) + 1)]
        if settled:
            self._settle(settled.lstrip(BLANKS)[0])
            self._count(self._last + settled)
            self._last = settled[-1]
        if blanks := text[len(settled) :]:
            if not self._held:
                self._held_hash = self._line_hash
            self._held[self._last_held or self._last, blanks[0]] += 1
            self._held.update(_blank_pairs(blanks))
            if self._splitter is not None:
                self._held_hash = self._held_hash.extended(_code_points(blanks))
            self._last_held = blanks[-1]

    def _settle(self, following: str) -> None:
        """Count the blanks that were held, unless they begin or end a line."""
        if self._held and LINE_END not in (self._last, following):
            for pair, times in self._held.items():
                first, second = self._alphabet.encode("".join(pair))
                if self._splitter is None:
                    codes = self._alphabet.codes
                    self._pairs.add(first[None], second[None], codes, times=np.array([times]))
                else:
                    self._open[int(first) << _SHIFT | int(second)] += times
            self._line_hash = self._held_hash
            self._last = self._last_held
        self._held.clear()
        self._last_held = ""

    def _count(self, text: str) -> None:
        """Count the bigrams of a text that begins with the last character that was counted."""
        tokens = self._alphabet.encode(text)
        _widen_line_ends(tokens, self._alphabet.white)
        first, second = tokens[:-1], tokens[1:]
        if self._splitter is None:
            self._pairs.add(first, second, self._alphabet.codes)
        else:
            self._count_by_part(self._splitter, first, second)

    def _count_by_part(self, splitter: Splitter, first: Tokens, second: Tokens) -> None:
        """Count bigrams line by line, as the part of a line is known at its end."""
        starts = np.flatnonzero((first == BOUNDARY) & (second != BOUNDARY))
        ends = np.flatnonzero((first != BOUNDARY) & (second == BOUNDARY))
        if not ends.size:
            self._begin_line(first, second)
            return
        is_open = int(first[0] != BOUNDARY)
        done = ends[-1] + 1
        inside = second[is_open * (ends[0] + 1) : done]
        lengths = ends[is_open:] - starts[: ends.size - is_open]
        codes = self._alphabet.codes[inside[inside != BOUNDARY]]
        hashes = line_hashes(codes, np.cumsum(lengths) - lengths) if codes.size else _NO_HASHES
        if is_open:
            whole = self._line_hash.extended(self._alphabet.codes[second[: ends[0]]])
            hashes = np.append(np.uint64(whole.sum), hashes)
        parts = splitter.deal(hashes)
        lines = np.repeat(parts, np.diff(ends, prepend=-1))
        self._pairs.add(first[:done], second[:done], self._alphabet.codes, lines)
        if is_open and self._open:
            pairs = np.array(list(self._open), np.int64)
            times = np.array(list(self._open.values()), np.int64)
            tokens = pairs >> _SHIFT, pairs & ((1 << _SHIFT) - 1)
            self._pairs.add(*tokens, self._alphabet.codes, parts[0], times)
        self._open.clear()
        self._line_hash = LineHash()
        self._begin_line(first[done:], second[done:])

    def _begin_line(self, first: Tokens, second: Tokens) -> None:
        """Count the bigrams of a line without its end apart."""
        pairs, times = np.unique(first << _SHIFT | second, return_counts=True)
        self._open.update(dict(zip(pairs.tolist(), times.tolist(), strict=True)))
        codes = self._alphabet.codes[second[second != BOUNDARY]]
        self._line_hash = self._line_hash.extended(codes)

    def add_codes(self, codes: Codes) -> None:
        r"""Count other, whole lines by kernels; only without a split.

        codes: the characters, each line with \n at its end and no blanks beside it.
        """
        kernels = READING.module
        assert kernels is not None
        place = 0
        while place < codes.size:
            table = self._pairs.table(self._alphabet.codes.size)
            if table is None:
                before = LINE_END if place == 0 else chr(codes[place - 1])
                self._count(before + text_of(codes[place:]))
                return
            place = kernels.count_codes(codes, place, self._alphabet.tokens, table)
            if place < codes.size:  # a character that is not in the alphabet yet
                self._alphabet.encode(text_of(codes[place:]))

    def add(self, pairs: Counts) -> None:
        """Add the counts of other, whole lines; only without a split, which deals line by line.

        pairs: how often each code point follows each, [first, second].
        """
        codes = np.flatnonzero(pairs.any(axis=0))
        tokens = self._alphabet.encode("".join(map(chr, codes)))
        self._pairs.add_square(pairs[np.ix_(codes, codes)], tokens, self._alphabet.codes)

    def counts(self) -> list[SparseCounts]:
        """Return the counts of each part."""
        return self._pairs.counts(self._alphabet.codes)
