"""The total loss of a large W as one operation of PyTorch's autograd, for a CPU.

Of −Σ N·log P / B + λ·mean(W²), autograd records each operation, and goes back through them with a
new matrix for each, eight in a step: at V = 4,096 most of the time goes into fresh memory. Here the
backward pass is one operation, (rowsum(N)·P − N)/B + 2λW/V², derived by hand as in
`numpy_gradient.py`, and results go into memory that was used before (`memory.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bigram_backends.memory import empty_matrices
from bigram_tui.backend import Bigrams


class LargeLoss:
    """The total loss of W [V, V] on one text, differentiated in closed form."""

    def __init__(self, bigrams: Bigrams, dtype: torch.dtype) -> None:
        size, kind = len(bigrams.counts), str(dtype).removeprefix("torch.")
        shares = np.asarray(bigrams.counts.sum(axis=1, keepdims=True) / bigrams.total)
        self.row_sums = torch.tensor(shares, dtype=dtype)
        self.seen = torch.tensor(bigrams.seen)
        self.n_seen = torch.tensor(bigrams.seen_share, dtype=dtype)
        self._empty_array = empty_matrices(size, np.dtype(kind))

    def empty_matrix(self) -> torch.Tensor:
        """Return a matrix [V, V] of arbitrary numbers."""
        return torch.from_numpy(self._empty_array())

    def __call__(self, w: torch.Tensor, l2: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the total loss, from which `backward` leads to W, and P.

        The loss is ∞ where a bigram that occurs has a P of 0, too small for the number format.
        """
        loss, p = _TotalLoss.apply(w, l2, self)  # type: ignore[no-untyped-call]
        return loss, p

    def step(self, w: torch.Tensor, gradient: torch.Tensor, learning_rate: float) -> torch.Tensor:
        """Return W − η·∂total/∂W."""
        step = torch.mul(gradient, learning_rate, out=self.empty_matrix())
        return torch.sub(w, step, out=step)


class _TotalLoss(torch.autograd.Function):
    """nll + λ·mean(W²), and P as a by-product."""

    @staticmethod
    def forward(ctx: Any, w: torch.Tensor, l2: float, loss: LargeLoss) -> tuple[torch.Tensor, ...]:
        """Compute the loss by the cells of P that occur."""
        p = torch.softmax(w, dim=1, out=loss.empty_matrix())
        nll = -(loss.n_seen @ p.take(loss.seen).log())
        flat = w.ravel()
        ctx.save_for_backward(w, p)
        ctx.mark_non_differentiable(p)
        ctx.set_materialize_grads(False)  # no matrix of zeros for what has no gradient
        ctx.loss, ctx.decay = loss, 2 * l2 / w.numel()
        return nll + l2 / w.numel() * (flat @ flat), p

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor | None, _: Any) -> tuple[Any, None, None]:
        """Compute the loss's gradient, times the slope of whatever was computed from the loss."""
        if slope is None:  # nothing was
            return None, None, None
        (w, p), loss = ctx.saved_tensors, ctx.loss
        gradient = torch.mul(loss.row_sums, p, out=loss.empty_matrix())
        gradient.view(-1).index_add_(0, loss.seen, loss.n_seen, alpha=-1)
        gradient.add_(w, alpha=ctx.decay)
        return gradient if slope == 1 else gradient * slope, None, None
