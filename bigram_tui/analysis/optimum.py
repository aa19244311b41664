"""The best total loss that a model can reach on a text: what training tends to, computed at once.

The NLL and the penalty are sums over the rows w of W, so each row has its own minimum. In units
of the penalty's curvature c = 2λ/V², with a = n/(cB) for the row's counts n and m = Σa, that is of

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
"""A smaller λ is taken for 0: it adds nothing to any loss, and its inverse may overflow."""

_MOST_STEPS = 100
_LAST_STEP = 1e-8
"""Newton's method squares the error, so after a step this small only rounding is left."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """The least total loss of a model on a text. Losses are in nats per bigram."""

    nll: float
    """The negative log-likelihood there."""
    regularization: float
    """The penalty λ·mean(W²) there."""
    attained: bool
    """False where no finite weights reach the loss: they come as close as one likes."""
    weights: Matrix | None
    """W [V, V], the minimiser; None if there is none, or the model has no weights."""

    @property
    def total(self) -> float:
        """The NLL plus the penalty."""
        return self.nll + self.regularization


def counting_optimum(bigrams: Bigrams) -> Optimum:
    """The maximum likelihood, by P = N / Σ_j N: what counting reaches at α = 0."""
    row_sums = np.maximum(bigrams.row_sums, 1)  # an empty row stays 0: no bigram asks for it
    nll = negative_log_likelihood(bigrams.counts / row_sums[:, None], bigrams)
    return Optimum(nll, 0.0, attained=True, weights=None)


def gradient_optimum(bigrams: Bigrams, l2: float) -> Optimum:
    """The minimum of NLL + λ·mean(W²) over all W, λ being `l2`.

    Right to 1e-12. O(V²) per step of Newton's method, which seldom takes ten. Rows of W sum to 0;
    a row without counts is 0. At λ = 0 it is the infimum, which finite weights may only tend to.
    ValueError if `l2` is negative or not finite; ArithmeticError if Newton's method fails.
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
    """P(next | token) at the minimum of gradient_optimum for a λ > 0. float64 [V], in O(V)."""
    return softmax(_row_optimum(_scale(bigrams, l2) * bigrams.counts[token]))


def _scale(bigrams: Bigrams, l2: float) -> float:
    """1/(cB), where cB might overflow."""
    size: int = len(bigrams.counts)
    return size**2 / 2 / l2 / max(bigrams.total, 1)


def _unregularized_optimum(bigrams: Bigrams) -> Optimum:
    """The infimum of the NLL: that of counting, as softmax(log N) = N / Σ_j N.

    Finite weights give no probability 0, so they attain it if in each row all counts are positive
    or none is. The rows of W are then made to sum to 0, as the minimiser of least norm has them.
    """
    nll = counting_optimum(bigrams).nll
    empty = bigrams.row_sums == 0
    if not (bigrams.counts.all(axis=1) | empty).all():
        return Optimum(nll, 0.0, attained=False, weights=None)
    weights = _centred(np.log(np.where(empty[:, None], 1, bigrams.counts)))
    return Optimum(nll, 0.0, attained=True, weights=weights)


def _row_optimum(a: Matrix) -> Matrix:
    """The w [V] that minimises f, for the counts a [V]. ArithmeticError if it is not found.

    Newton's step h is −H⁻¹g. By Sherman and Morrison, with u = g/d and v = p/d,

        H⁻¹g = u + v·m(p·u) / (1 − m(p·v)) = u − v·Σu/Σv,

    as m·p = d − 1 and Σg = Σw = 0: the step sums to 0, and no close numbers cancel.

    Along it |f‴| ≤ r·f″ with r = max h − min h, as the third cumulant of h under p is at most r
    times its variance. By that bound f falls, and most at the part log(1 + r)/r of the step: it
    needs no line search, which rounding would upset near the minimum. (Sun and Tran-Dinh,
    Generalized self-concordant functions, Mathematical Programming 178, 2019: the case ν = 2.)
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
    """w less its mean along the last axis, which changes no probability."""
    result: Matrix = weights - weights.mean(axis=-1, keepdims=True)
    return result
