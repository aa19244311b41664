"""P by gradient descent, with the gradient left to PyTorch's autograd, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bigram_backends.devices import choose_device, choose_dtype, use_large_pages
from bigram_backends.threads import fitting_threads
from bigram_backends.torch_libraries import load_libraries
from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter

if TYPE_CHECKING:
    import torch

LARGE = 2048
"""The V from which on each new matrix on a CPU takes memory from the system, and time."""

ONE_HOT_BYTES = 2 * 2**30
"""The most that the one-hot matrix X may take; the loss needs several arrays of its size."""


@dataclass
class TorchBackend(Backend):
    """One linear layer and a softmax, differentiated by autograd.

    From V = 2,048 on, on a CPU and from the counts, autograd is told the gradient of the loss in
    closed form rather than left to find it operation by operation: `closed_form.py` says why.
    """

    learning_rate: float = hyperparameter(
        50.0, low=0.0, high=1e5, symbol="η", help="step size of gradient descent"
    )
    l2: float = hyperparameter(
        0.01, low=0.0, high=1e3, symbol="λ", help="weight of mean(W²) in the loss"
    )
    objective: str = hyperparameter(
        "counts",
        choices=("counts", "one-hot"),
        help="NLL from the counts (from V = 2,048 on, on a CPU, with its gradient by hand), or by "
        "one-hot rows as in the lecture: the same, far slower",
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
        """Take steps W ← W − η·W.grad, with W.grad from `loss.backward()`.

        Raises RuntimeError if the device is not there, MemoryError if X would be too large.
        """
        use_large_pages()
        load_libraries()
        import torch  # takes 2 to 3 s, so only training pays for it

        device = choose_device(self.device, len(weights))
        dtype = choose_dtype(self.dtype, device)
        from_counts = self.objective == "counts"
        if from_counts and device.type == "cpu" and len(weights) >= LARGE:
            yield from self._train_large(bigrams, weights, dtype)
            return
        nll = (_nll_from_counts if from_counts else _nll_from_one_hot)(bigrams, device, dtype)
        rows = len(weights) if from_counts else bigrams.total
        w = torch.tensor(weights, device=device, dtype=dtype, requires_grad=True)
        while True:
            with fitting_threads(torch, rows * len(weights)):
                flat = w.ravel()
                penalty = self.l2 / w.numel() * (flat @ flat)  # λ·mean(W²); no matrix of squares
                loss = nll(w) + penalty
                loss.backward()  # type: ignore[no-untyped-call]
                values, gradient = w.detach(), w.grad
                assert gradient is not None
                p = values.softmax(dim=1)
            yield Iteration(p, values, gradient, loss.detach())
            # A new leaf each time: the update stays out of the graph, the yielded W as it was.
            w = (values - self.learning_rate * gradient).requires_grad_()

    def _train_large(
        self, bigrams: Bigrams, weights: Matrix, dtype: torch.dtype
    ) -> Iterator[Iteration]:
        """Take the same steps, equal to rounding, with the loss as one operation of autograd."""
        import torch

        from bigram_backends.closed_form import LargeLoss

        total_loss = LargeLoss(bigrams, dtype)
        w = torch.tensor(weights, dtype=dtype, requires_grad=True)
        while True:
            loss, p = total_loss(w, self.l2)
            loss.backward()  # type: ignore[no-untyped-call]
            values, gradient = w.detach(), w.grad
            assert gradient is not None
            yield Iteration(p, values, gradient, loss.detach())
            del loss, p  # whose memory the next step may use
            w = total_loss.step(values, gradient, self.learning_rate).requires_grad_()


def _nll_from_counts(
    bigrams: Bigrams, device: torch.device, dtype: torch.dtype
) -> Callable[[torch.Tensor], torch.Tensor]:
    """−Σ N·log P / B: each bigram once, weighted by how often it occurs."""
    import torch

    n = torch.tensor(bigrams.counts / bigrams.total, device=device, dtype=dtype).ravel()
    return lambda w: -(n @ w.log_softmax(dim=1).ravel())


def _nll_from_one_hot(
    bigrams: Bigrams, device: torch.device, dtype: torch.dtype
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The forward pass of the makemore lecture, one row for each bigram of the text."""
    import torch
    from torch.nn import functional

    size = len(bigrams.counts)
    _check_one_hot_memory(bigrams.total, size, dtype)
    counts = torch.tensor(bigrams.counts, device=device).ravel()
    pairs = torch.arange(size * size, device=device).repeat_interleave(counts)
    xs, ys = pairs // size, pairs % size
    xenc = functional.one_hot(xs, num_classes=size).to(dtype)
    rows = torch.arange(len(ys), device=device)

    def nll(w: torch.Tensor) -> torch.Tensor:
        logits = xenc @ w
        odds = logits.exp()
        probs: torch.Tensor = odds / odds.sum(dim=1, keepdim=True)
        return -probs[rows, ys].log().mean()

    return nll


def _check_one_hot_memory(rows: int, size: int, dtype: torch.dtype) -> None:
    """Raise MemoryError if X [rows, size] would take more than ONE_HOT_BYTES."""
    needed = rows * size * dtype.itemsize
    if needed > ONE_HOT_BYTES:
        raise MemoryError(
            f"one-hot rows of {rows:,} bigrams take {needed / 2**30:.0f} GiB; "
            "choose the objective counts"
        )
