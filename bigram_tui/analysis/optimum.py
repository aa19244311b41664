"""The lowest total that a model can reach on a text, computed directly: the limit of training.

The nll and the penalty are sums over the rows w of W, so each row has its own minimum. In units
of the penalty's curvature c = 2λ/V², with a = n/(cB) for the row's counts n and m = Σa, that is
the minimum of

    f(w) = −a·log p + ½|w|²,        p = softmax(w),
    g    = ∇f  = m·p − a + w,
    H    = ∇²f = diag(d) − m·ppᵀ,   d = m·p + 1,

which is strictly convex. As Σp = 1, Σg = Σw: at the minimum w sums to 0.
"""

import math
from dataclasses import dataclass

import numpy as np

from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.loss import negative_log_likelihood, softmax

LEAST_L2 = 1e-300
"""A smaller λ counts as 0: it adds nothing to any loss, and its inverse may overflow."""

_MOST_STEPS = 100
_LAST_STEP = 1e-8
"""Newton's method squares the error, so after a step this small only rounding is left."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """The lowest total of a model on a text. Losses are in nats per bigram."""

    nll: float
    """The nll at the minimum."""
    regularization: float
    """The penalty λ·mean(W²) at the minimum."""
    attained: bool
    """False if finite weights only tend to the total, which is an infimum then."""
    weights: Matrix | None
    """W [V, V] of the minimum; None if it is not attained, or the model has no weights."""

    @property
    def total(self) -> float:
        """nll + penalty."""
        return self.nll + self.regularization


def counting_optimum(bigrams: Bigrams) -> Optimum:
    """Return the optimum of counting: P = N / Σ_j N, the maximum likelihood, at α = 0."""
    row_sums = np.maximum(bigrams.row_sums, 1)  # a row of zeros stays 0: no bigram is in it
    nll = negative_log_likelihood(bigrams.counts / row_sums[:, None], bigrams)
    return Optimum(nll, 0.0, attained=True, weights=None)


def gradient_optimum(bigrams: Bigrams, l2: float) -> Optimum:
    """Return the minimum of nll + λ·mean(W²) over all W, where λ is `l2`.

    Precise to 1e-12. O(V²) per step of Newton's method, which seldom takes ten. Each row of W sums
    to 0; a row without counts is 0. At λ = 0 finite weights may only tend to the total.
    Raises ValueError if `l2` is negative or not finite, ArithmeticError if Newton's method fails.
    """
    if not 0 <= l2 < math.inf:
        raise ValueError(f"l2 is finite and not negative, not {l2}")
    if l2 < LEAST_L2:
        return _unregularized_optimum(bigrams)
    scale = _scale(bigrams, l2)
    weights = np.array([_row_optimum(scale * row) for row in bigrams.counts])
    nll = negative_log_likelihood(softmax(weights), bigrams)
    return Optimum(nll, l2 * float(np.square(weights).mean()), attained=True, weights=weights)


def optimal_row(bigrams: Bigrams, token: int, l2: float) -> Matrix:
    """Return P(next | token) at the minimum of `gradient_optimum`, for λ > 0. float64 [V], in O(V).

    Raises ArithmeticError if Newton's method fails.
    """
    return softmax(_row_optimum(_scale(bigrams, l2) * bigrams.counts[token]))


def _scale(bigrams: Bigrams, l2: float) -> float:
    """1/(cB), computed so that it can't overflow."""
    size: int = len(bigrams.counts)
    return size**2 / 2 / l2 / max(bigrams.total, 1)


def _unregularized_optimum(bigrams: Bigrams) -> Optimum:
    """The infimum of the nll: that of counting, as softmax(log N) = N / Σ_j N.

    Finite weights give no probability of 0, so they attain it only if in each row all counts are
    positive or all are 0. Each row of W then sums to 0, as in the minimiser of least norm.
    """
    nll = counting_optimum(bigrams).nll
    empty = bigrams.row_sums == 0
    if not (bigrams.counts.all(axis=1) | empty).all():
        return Optimum(nll, 0.0, attained=False, weights=None)
    weights = _centred(np.log(np.where(empty[:, None], 1, bigrams.counts)))
    return Optimum(nll, 0.0, attained=True, weights=weights)


def _row_optimum(a: Matrix) -> Matrix:
    """Minimise f for the counts a [V]: w [V]. Raises ArithmeticError if Newton's method fails.

    Newton's step h is −H⁻¹g. By Sherman and Morrison, with u = g/d and v = p/d,

        H⁻¹g = u + v·m(p·u) / (1 − m(p·v)) = u − v·Σu/Σv,

    as m·p = d − 1 and Σg = Σw = 0: the step sums to 0, and no close numbers cancel.

    Along h, |f‴| ≤ r·f″ with r = max h − min h, since the third cumulant of h under p is at most r
    times its variance. By that bound f falls most at the fraction log(1 + r)/r of the step. So no
    line search is needed, which rounding would upset near the minimum. Source: Sun and Tran-Dinh,
    Generalized self-concordant functions, Mathematical Programming 178, 2019, the case ν = 2.
    """
    m = a.sum()
    w = _centred(np.log1p(a))  # near the minimum for large a, nearer for small
    for _ in range(_MOST_STEPS):
        p = softmax(w)
        d = m * p + 1
        u, v = (m * p - a + w) / d, p / d
        h = v / v.sum() * u.sum() - u
        r = float(np.ptp(h))
        if r <= _LAST_STEP:
            return _centred(w + h)
        w = w + math.log1p(r) / r * h
    raise ArithmeticError(f"Newton's method did not converge in {_MOST_STEPS} steps")


def _centred(weights: Matrix) -> Matrix:
    """w minus its mean along the last axis; probabilities stay the same."""
    result: Matrix = weights - weights.mean(axis=-1, keepdims=True)
    return result
