"""Why the loss is a sum of logs: the likelihood, a product, soon underflows to 0."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bigram_tui.model.bigrams import Matrix, Vocabulary


@dataclass(frozen=True)
class Product:
    """How a running product fares in one floating point format. Places count factors, from 1."""

    subnormal: int | None
    """The first place at which it is subnormal, which costs digits; None if it never is."""
    zero: int | None
    """The first place at which it is 0, as it is from there on; None if it never is."""


@dataclass(frozen=True)
class Underflow:
    """The likelihood of a text as a product, and what it really is."""

    float32: Product
    float64: Product
    log10: float
    """log₁₀ of the likelihood, by the sum of logs; −∞ if a factor is 0."""
    factors: int
    """How many there are."""


def bigram_probabilities(
    lines: Iterable[str], vocabulary: Vocabulary, table: Matrix
) -> Iterator[float]:
    """P of each bigram of some lines, in order, read as the corpus is: stripped, if not blank.

    table: [V, V]. ValueError names a character that the vocabulary lacks.
    """
    for line in lines:
        if item := line.strip():
            tokens = vocabulary.encode_line(item)
            yield from table[tokens[:-1], tokens[1:]].tolist()


def underflow(probabilities: Iterable[float]) -> Underflow:
    """Multiply probabilities in their order, rounding after each, as float32 and as float64 do.

    What is not above half the least subnormal number rounds to 0: 2⁻¹⁵⁰ in float32, 2⁻¹⁰⁷⁵ in
    float64 (IEEE 754). The product of n factors is about exp(−n·NLL), so n is about 104/NLL and
    745/NLL then. Were all later factors above ½, the least number would round to itself for ever.
    """
    factors = np.fromiter(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore"):
        log_likelihood = math.fsum(np.log(factors))
    return Underflow(
        _product(factors.astype(np.float32)),
        _product(factors),
        log_likelihood / math.log(10),
        len(factors),
    )


def _product(factors: npt.NDArray[np.floating]) -> Product:
    """What becomes of the product, in the factors' own format."""
    running = np.multiply.accumulate(factors)  # one after the other, unlike np.prod
    small = running < np.finfo(factors.dtype).smallest_normal
    return Product(_first(small & (running > 0)), _first(running == 0))


def _first(places: npt.NDArray[np.bool_]) -> int | None:
    """The first place, from 1, that is marked."""
    return int(places.argmax()) + 1 if places.any() else None
