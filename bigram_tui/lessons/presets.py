"""Learning rates, penalties and starts worth trying on a text, each with its reason in numbers.

Near the minimum a step of size η multiplies the error along an eigenvector of the Hessian, whose
eigenvalue is h, by 1 − ηh (see `curvature`). With η a multiple m of the critical 2/λmax that is
1 − 2m along the steepest one, and nearer to 1 along all others.
"""

import math
from dataclasses import dataclass

import numpy as np

from bigram_tui.analysis.curvature import Curvature, curvature
from bigram_tui.analysis.optimum import counting_optimum, gradient_optimum
from bigram_tui.analysis.smoothing import nearest_smoothing
from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.formatting.numbers import significant
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.loss import negative_log_likelihood, softmax
from bigram_tui.model.torch_rng import start_weights

LECTURE_RATE, FIRST_RATE, FAR_TOO_LARGE_RATE = 50.0, 0.1, 500.0
LECTURE_L2, STRONG_L2 = 0.01, 1.0
JUST_STABLE, JUST_UNSTABLE, FAR_TOO_LARGE = 0.97, 1.03, 5.0
"""Learning rates as multiples of the critical one."""
STEADY = 0.5
"""Up to this multiple no step overshoots in any direction."""


@dataclass(frozen=True)
class Preset:
    """A learning rate, a penalty and a start for gradient descent, and why they are worth a try."""

    name: str
    learning_rate: float
    """η."""
    l2: float
    """λ."""
    start: str
    """One of session.STARTS."""
    reason: str
    """One sentence."""


def presets(bigrams: Bigrams, seed: int = LECTURE_SEED) -> list[Preset]:
    """Return the presets for a text. seed: of the random start.

    Critical learning rates are those of the exact minimum for the λ of the preset. O(V²) per step
    of Newton's method in gradient_optimum, whose ArithmeticError this may raise.
    """
    _, valley = _minimum(bigrams, LECTURE_L2)
    critical = valley.critical_learning_rate
    far_too_large = max(FAR_TOO_LARGE_RATE, FAR_TOO_LARGE * critical)
    first_try = (
        "the lecture's η for a single word: so small that every step lowers the loss of any text, "
        f"but slow: it is 1/{critical / FIRST_RATE:,.0f} of the stable limit at the minimum"
    )
    chosen = [
        ("lecture", LECTURE_RATE, f"the lecture's values; {_outlook(LECTURE_RATE, valley)}"),
        ("first try", FIRST_RATE, first_try),
        ("just stable", JUST_STABLE * critical, _outlook(JUST_STABLE * critical, valley)),
        ("just unstable", JUST_UNSTABLE * critical, _outlook(JUST_UNSTABLE * critical, valley)),
        ("far too large", far_too_large, _outlook(far_too_large, valley)),
    ]
    return [
        *(Preset(name, rate, LECTURE_L2, "random", reason) for name, rate, reason in chosen),
        Preset("zero start", LECTURE_RATE, LECTURE_L2, "zeros", _zero_start(bigrams, seed)),
        _strong(bigrams),
    ]


def _minimum(bigrams: Bigrams, l2: float) -> tuple[Matrix, Curvature]:
    """Return P [V, V] at the least loss for λ, and the curvature there."""
    weights = gradient_optimum(bigrams, l2).weights
    assert weights is not None  # λ is not 0
    table = softmax(weights)
    return table, curvature(table, bigrams, l2)


def _outlook(rate: float, valley: Curvature) -> str:
    """Say how a training goes on near the minimum."""
    multiple = valley.standing(rate)
    share = f"{multiple:.2f}" if multiple >= 0.1 else f"{multiple:.1g}"
    text = (
        f"η is {share} times the stable limit {valley.critical_learning_rate:,.2f} at the minimum"
    )
    if multiple <= STEADY:
        return f"{text}: near it every step goes straight down"
    ratio = abs(1 - 2 * multiple)
    text += ": along the steepest direction each step overshoots to"
    if multiple < 1:
        return f"{text} {ratio:.2f} of the old distance, so it converges"
    return f"{text} {ratio:.2f} times the old distance, so it never settles"


def _zero_start(bigrams: Bigrams, seed: int) -> str:
    size = len(bigrams.counts)
    weights = start_weights(size, seed)
    nll = negative_log_likelihood(softmax(weights), bigrams)
    total = nll + LECTURE_L2 * float(np.square(weights).mean())
    return (
        f"with W = 0 every row starts uniform, so the total is log V = {math.log(size):.4f}, not "
        f"{total:.4f}; each row of W has the mean 0, to which otherwise only λ would pull it"
    )


def _strong(bigrams: Bigrams) -> Preset:
    """Return λ = 1 with the lecture's η, or with half the critical one if that is too large."""
    table, valley = _minimum(bigrams, STRONG_L2)
    rate = LECTURE_RATE
    if valley.standing(rate) >= 1:
        rate = STEADY * valley.critical_learning_rate
    nearest = nearest_smoothing(table, bigrams)
    assert nearest is not None  # the table is of finite numbers
    alpha = significant(nearest.smoothing, 4)
    reason = (
        f"λ = {STRONG_L2:g} smooths: its minimum has NLL "
        f"{negative_log_likelihood(table, bigrams):.4f} instead of "
        f"{counting_optimum(bigrams).nll:.4f}, that of counting with α = 0, "
        f"and the nearest table of counting has α = {alpha}"
    )
    return Preset("strong λ", rate, STRONG_L2, "random", reason)
