"""The curvature of the total, which limits the learning rate, and what steps leave unchanged.

The total is nll + λ·mean(W²); B is the number of bigrams and n_i that of row i. Its Hessian has no
entries between two rows of W. The block of row i, with p = softmax(W_i), is

    H_i = n_i/B · (diag(p) − ppᵀ) + 2λ/V² · I.

Near a minimum a step of size η multiplies the error along an eigenvector of eigenvalue h by
1 − ηh. So descent converges if η < 2/h for the largest h, and diverges for a larger η (Nesterov,
Lectures on Convex Optimization, 2018, section 1.2.3). Elsewhere 2/h is a guide, not a bound: h
changes from step to step.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bigram_tui.model.bigrams import Bigrams, Matrix

_LAST_STEP = 1e-8
"""Newton's method squares the error, so after a step this small only rounding is left."""


@dataclass(frozen=True, eq=False)
class Curvature:
    """The largest eigenvalues of the total's Hessian, in nats per unit of W²; NaN where P is."""

    rows: npt.NDArray[np.float64]
    """The largest eigenvalue of each row's block. [V]"""

    @property
    def row(self) -> int:
        """The token whose row has the largest eigenvalue; the first row of NaN, if there is one."""
        return int(self.rows.argmax())

    @property
    def largest(self) -> float:
        """λmax, the largest eigenvalue of the whole Hessian."""
        return float(self.rows[self.row])

    @property
    def critical_learning_rate(self) -> float:
        """2/λmax: with a larger learning rate, steps diverge from a minimum. ∞ if λmax is 0."""
        return 2 / self.largest if self.largest else math.inf

    def standing(self, learning_rate: float) -> float:
        """Return a learning rate as a multiple of the critical one; above 1 it is too large."""
        return learning_rate * self.largest / 2


def curvature(probabilities: Matrix, bigrams: Bigrams, l2: float) -> Curvature:
    """Return the curvature of the total at the weights whose P is `probabilities`; λ is `l2`.

    probabilities: [V, V], rows sum to 1. A row without counts has the penalty's curvature alone.
    """
    share = bigrams.row_sums / max(bigrams.total, 1)
    return Curvature(share * largest_eigenvalues(probabilities) + 2 * l2 / probabilities.size)


def largest_eigenvalues(probabilities: Matrix) -> npt.NDArray[np.float64]:
    """Return the largest eigenvalue μ of diag(p) − ppᵀ for each row p: float64 [V], to 1e-14.

    probabilities: [V, V], rows sum to 1; a row that holds NaN or ∞ gets NaN. O(V²) per step of
    Newton's method, which seldom takes more than four.

    Let a ≥ b be the two largest p_j, a that of index 1. As Σp = 1, μ solves (Golub, Some modified
    matrix eigenvalue problems, SIAM Review 15, 1973, section 5)

        Σ_j p_j/(p_j − μ) = 0,    that is    1/S(μ) = 1 − μ/a,    S(μ) = Σ_{j>1} p_j/(μ − p_j),

    and b ≤ μ ≤ a: equal if a = b, 0 if b = 0. 1/S rises, and is concave since S′² ≤ S·S″/2 by
    Cauchy and Schwarz; so from any point below the root Newton's method rises to it, never beyond.
    It starts at 2ab/(a + b), to which a step from b leads if no p_j but one is b. The unknown is
    y = μ − b, whose denominators y + b − p_j add two numbers of one sign.
    """
    p = np.array(probabilities, dtype=np.float64)
    every, peak = np.arange(len(p)), p.argmax(axis=1)
    a = p[every, peak]
    p[every, peak] = 0
    b = p.max(axis=1)
    with np.errstate(invalid="ignore"):
        y = b * (a - b) / (a + b)
    rows = np.flatnonzero(y > 0)
    while rows.size:
        y_rows, gap, rest = y[rows], (a - b)[rows], p[rows]
        nearness = y_rows[:, None] / (b[rows, None] - rest + y_rows[:, None])
        rest *= nearness
        s = rest.sum(axis=1)  # y·S, and below y·S′ is taken relative to S: neither can overflow
        slope = y_rows / s * np.einsum("ij,ij->i", rest, nearness) / s + y_rows / a[rows]
        step = ((gap - y_rows) / a[rows] - y_rows / s) / slope  # as a multiple of y
        y[rows] += step * y_rows
        rows = rows[step > _LAST_STEP]
    largest: npt.NDArray[np.float64] = b + y
    return largest


def nll_gradient(probabilities: Matrix, bigrams: Bigrams) -> Matrix:
    """Return ∂nll/∂W = (rowsum(N)·P − N)/B. float64 [V, V].

    Its rows sum to 0, because those of P sum to 1: the nll moves no row mean of W.
    """
    expected = bigrams.row_sums[:, None] * np.asarray(probabilities, dtype=np.float64)
    gradient: Matrix = (expected - bigrams.counts) / max(bigrams.total, 1)
    return gradient


def row_mean_decay(learning_rate: float, l2: float, size: int) -> float:
    """Return 1 − 2ηλ/V², the factor by which each step multiplies the row means of W. size: V.

    Only the penalty's gradient 2λW/V² moves them.
    """
    return 1 - 2 * learning_rate * l2 / size**2
