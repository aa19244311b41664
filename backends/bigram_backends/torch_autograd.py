"""P by gradient descent, with the gradient left to PyTorch's autograd, on a CPU or a GPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigram_backends.threads import fitting_threads
from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter

if TYPE_CHECKING:
    import torch

ONE_HOT_BYTES = 2 * 2**30
"""The most that the one-hot matrix X may take; the loss needs several arrays of its size."""

GPU_SIZE = 512
"""The V from which on `auto` takes a GPU: below, launching kernels takes longer than their work.

Not measured on any GPU. The launches of an iteration may take 0.3 ms; one core takes 0.1 ms for its
work at V = 27 and 2 ms at V = 512.
"""


@dataclass
class TorchBackend(Backend):
    """One linear layer and a softmax, differentiated by autograd."""

    learning_rate: float = hyperparameter(
        50.0, low=0.0, high=1e5, symbol="η", help="step size of gradient descent"
    )
    l2: float = hyperparameter(
        0.01, low=0.0, high=1e3, symbol="λ", help="weight of mean(W²) in the loss"
    )
    objective: str = hyperparameter(
        "counts",
        choices=("counts", "one-hot"),
        help="NLL from the counts, or by one-hot rows as in the lecture: the same, far slower",
    )
    dtype: str = hyperparameter(
        "float64", choices=("float64", "float32"), help="float32 where the device has no float64"
    )
    device: str = hyperparameter(
        "auto",
        choices=("auto", "cpu", "cuda", "mps"),
        closed=False,
        help="where the tensors are; cuda:N for one GPU of several",
    )

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """W ← W − η·W.grad, with W.grad from `loss.backward()`."""
        # Large pages for large tensors: on Linux an iteration at V = 4,096 takes a quarter of the
        # time. torch reads it when it first allocates memory, and the user's own wish goes first.
        os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
        import torch  # takes 2 to 3 s, so only training pays for it

        device = _device(self.device, len(weights))
        dtype = getattr(torch, "float32" if device.type == "mps" else self.dtype)
        objective = _from_counts if self.objective == "counts" else _from_one_hot
        nll = objective(bigrams, device, dtype)
        w = torch.tensor(weights, device=device, dtype=dtype, requires_grad=True)
        rows = len(weights) if objective is _from_counts else bigrams.total
        while True:
            with fitting_threads(torch, rows * len(weights)):
                flat = w.ravel()
                # λ·mean(W²); the square as a dot product, which makes no matrix of squares.
                loss = nll(w) + self.l2 / w.numel() * (flat @ flat)
                loss.backward()  # type: ignore[no-untyped-call]
                table, gradient = w.detach(), w.grad
                assert gradient is not None
                probabilities = table.softmax(dim=1)
            yield Iteration(probabilities, table, gradient, loss.detach())
            # A new leaf each time: the update stays out of the graph, the yielded W as it was.
            w = (table - self.learning_rate * gradient).requires_grad_()


def _device(name: str, size: int) -> torch.device:
    """The device of a name, for V = size. RuntimeError if it is not there."""
    import torch

    if name == "auto":
        worth_it = size >= GPU_SIZE and torch.cuda.is_available()
        return torch.device("cuda" if worth_it else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("torch sees no CUDA device here; choose the device cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise RuntimeError("torch sees no Apple GPU here; choose the device cpu")
    return device


def _from_counts(
    bigrams: Bigrams, device: torch.device, dtype: torch.dtype
) -> Callable[[torch.Tensor], torch.Tensor]:
    """−Σ N·log P / B: each bigram once, weighted by how often it occurs."""
    import torch

    joint = torch.tensor(bigrams.counts / bigrams.total, device=device, dtype=dtype).ravel()
    return lambda w: -(joint @ w.log_softmax(dim=1).ravel())


def _from_one_hot(
    bigrams: Bigrams, device: torch.device, dtype: torch.dtype
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The lecture's forward pass, one row per bigram of the text. MemoryError if X is too large."""
    import torch
    from torch.nn import functional

    size = len(bigrams.counts)
    needed = bigrams.total * size * dtype.itemsize
    if needed > ONE_HOT_BYTES:
        raise MemoryError(
            f"one-hot rows of {bigrams.total:,} bigrams take {needed / 2**30:.0f} GiB; "
            "choose the objective counts"
        )
    counts = torch.tensor(bigrams.counts, device=device).ravel()
    pairs = torch.arange(size * size, device=device).repeat_interleave(counts)
    xs, ys = pairs // size, pairs % size
    xenc = functional.one_hot(xs, size).to(dtype)
    rows = torch.arange(len(ys), device=device)

    def nll(w: torch.Tensor) -> torch.Tensor:
        logits = xenc @ w
        odds = logits.exp()
        probabilities: Any = odds / odds.sum(dim=1, keepdim=True)
        result: torch.Tensor = -probabilities[rows, ys].log().mean()
        return result

    return nll
