"""Deals the lines of a text out to the parts of a split: equal lines to the same part.

A held-out line that training has seen too would hide overfitting; one in seven held-out names would
be such a line. Lines are compared by a hash of 64 bits, the polynomial Σ (c_i + 1)·K^i mod 2^64 of
their code points c, which can be computed of many lines at once and of a line that comes in pieces.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Parts = npt.NDArray[np.intp]
Hashes = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.integer]

REMEMBERED = 1 << 16
"""Distinct lines that are dealt out in blocks, so that short texts too get the shares exactly.

Later lines are not remembered: their hash alone decides, which gives the shares on average.
"""

_K = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio; odd, so that all its powers are odd."""

_MASK = (1 << 64) - 1


def parse_split(text: str) -> tuple[int, ...]:
    """Parse the shares of training, validation and perhaps test: "90/10" or "80/10/10".

    Raises ValueError for any other text, and if training or all other parts get nothing.
    """
    if re.fullmatch(r"[0-9]{1,6}(/[0-9]{1,6}){1,2}", text):
        train, *others = map(int, text.split("/"))
        if train > 0 and sum(others) > 0:
            return (train, *others)
    raise ValueError(
        f"{text!r} is no split: give training/validation or training/validation/test as whole "
        "numbers of up to six digits, the first and another above 0, such as 80/10/10"
    )


class LineHash(NamedTuple):
    """The hash of a line, of the characters that have come so far."""

    sum: int = 0
    power: int = 1
    """K to the power of the number of those characters."""

    def extended(self, codes: Codes) -> "LineHash":
        """Return the hash with more characters. codes: their code points."""
        if not codes.size:
            return self
        more = int(line_hashes(codes, np.zeros(1, np.intp))[0])
        power = self.power * pow(_K, codes.size, 1 << 64)
        return LineHash((self.sum + self.power * more) & _MASK, power & _MASK)


def line_hashes(codes: Codes, starts: Parts) -> Hashes:
    """Return the hash of each line. [lines]

    codes: the code points of all lines, one after the other. starts: where each line begins; none
    may be empty.
    """
    lengths = np.diff(starts, append=codes.size)
    positions = np.arange(codes.size) - np.repeat(starts, lengths)
    powers = np.full(int(lengths.max(initial=0)), _K, np.uint64)
    powers[:1] = 1
    np.multiply.accumulate(powers, out=powers)
    result: Hashes = np.add.reduceat((codes.astype(np.uint64) + 1) * powers[positions], starts)
    return result


class Splitter:
    """Deals lines out to parts, in the order of the text."""

    def __init__(self, split: Sequence[int], seed: int) -> None:
        """split: the share of each part."""
        self._block = np.repeat(np.arange(len(split)), np.array(split) // math.gcd(*split))
        self._limits = np.cumsum(split).astype(np.uint64)
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._key = np.uint64(_mixed(np.array([seed & _MASK], np.uint64))[0])
        self._ahead = np.empty(0, np.intp)  # parts of the next distinct lines
        self._known = np.empty(0, np.uint64)  # hashes, in order
        self._parts = np.empty(0, np.intp)  # of those

    def deal(self, hashes: Hashes) -> Parts:
        """Return the parts of the next lines, given by their hashes. [lines]"""
        parts = self._by_hash(hashes)
        nearest = np.searchsorted(self._known, hashes)
        known = np.zeros(hashes.size, np.bool_)
        if self._known.size:
            known = self._known.take(nearest, mode="clip") == hashes
            parts[known] = self._parts[nearest[known]]
        room = REMEMBERED - self._known.size
        if room and not known.all():
            unknown = np.flatnonzero(~known)
            _, first, inverse = np.unique(hashes[unknown], return_index=True, return_inverse=True)
            dealt = parts[unknown[first]]
            new = np.argsort(first)[:room]  # in the order of the text
            dealt[new] = self._next(new.size)
            parts[unknown] = dealt[inverse]
            self._remember(hashes[unknown[first[new]]], dealt[new])
        return parts

    def deal_lines(self, lines: Sequence[str]) -> Parts:
        """Return the parts of the next lines, none of them empty. [lines]"""
        if not lines:
            return np.empty(0, np.intp)
        lengths = np.array(list(map(len, lines)))
        codes = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), "<u4")
        return self.deal(line_hashes(codes, np.cumsum(lengths) - lengths))

    def _by_hash(self, hashes: Hashes) -> Parts:
        draw = (_mixed(hashes ^ self._key) >> np.uint64(32)) * self._limits[-1] >> np.uint64(32)
        parts: Parts = np.searchsorted(self._limits, draw, side="right")
        return parts

    def _next(self, count: int) -> Parts:
        """Return the parts of the next distinct lines, each block of them permuted anew."""
        blocks = np.tile(self._block, (-(-max(0, count - self._ahead.size) // self._block.size), 1))
        drawn = self._random.permuted(blocks, axis=1).ravel()
        parts, self._ahead = np.split(np.append(self._ahead, drawn), [count])
        return parts

    def _remember(self, hashes: Hashes, parts: Parts) -> None:
        known, known_parts = np.append(self._known, hashes), np.append(self._parts, parts)
        order = np.argsort(known)
        self._known, self._parts = known[order], known_parts[order]


def _mixed(numbers: Hashes) -> Hashes:
    """Spread every bit of each number over all of its bits: the finalizer of SplitMix64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
