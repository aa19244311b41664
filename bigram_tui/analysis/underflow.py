"""Shows why the loss is a sum of logs: the likelihood is a product, which soon underflows to 0."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bigram_tui.model.bigrams import Matrix, Vocabulary


@dataclass(frozen=True)
class Product:
    """The underflow of a running product in one floating point format."""

    subnormal: int | None
    """The number of factors after which it is subnormal: less precise. None if it never is."""
    zero: int | None
    """The number of factors after which it is 0; None if it never is."""


@dataclass(frozen=True)
class Underflow:
    """The likelihood of a text: as a running product in two formats, and by the sum of logs."""

    float32: Product
    float64: Product
    log10: float
    """log₁₀ of the likelihood, by the sum of logs; −∞ if a factor is 0."""
    factors: int
    """The number of factors, one for each bigram."""


def bigram_probabilities(
    lines: Iterable[str], vocabulary: Vocabulary, table: Matrix
) -> Iterator[float]:
    """Yield P of each bigram of some lines in order; lines are stripped, and blank ones skipped.

    table: P [V, V]. Raises ValueError with the characters that the vocabulary lacks.
    """
    for line in lines:
        if item := line.strip():
            tokens = vocabulary.encode_line(item)
            yield from table[tokens[:-1], tokens[1:]].tolist()


def underflow(probabilities: Iterable[float]) -> Underflow:
    """Multiply probabilities in their order, rounding after each, in float32 and in float64.

    A product up to half the least subnormal number rounds to 0: 2⁻¹⁵⁰ in float32, 2⁻¹⁰⁷⁵ in float64
    (IEEE 754). The product of n factors is about exp(−n·nll), so n is then about 104/nll and
    745/nll. (If all later factors were above ½, the least number would round to itself for ever.)
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
    """Find where the running product underflows, in the format of the factors."""
    running = np.multiply.accumulate(factors)  # one after the other, unlike np.prod
    small = running < np.finfo(factors.dtype).smallest_normal
    return Product(_first(small & (running > 0)), _first(running == 0))


def _first(places: npt.NDArray[np.bool_]) -> int | None:
    """The position, from 1, of the first True; None without any."""
    return int(places.argmax()) + 1 if places.any() else None
