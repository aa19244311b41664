"""Tensors of this machine that stand in for those of a GPU, and tell what was copied."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bigram_tui.backend import Iteration, as_numpy

torch = pytest.importorskip("torch")

COPIED: list[int] = []
"""The sizes of all tensors that were copied from the device."""

SENT: list[int] = []
"""The sizes of all arrays that were copied to the device by one that is there."""


class Far(torch.Tensor):  # type: ignore[misc, name-defined]
    """A tensor that NumPy can't read until it was copied."""

    index = 0

    @property
    def device(self) -> Any:
        return SimpleNamespace(type="cuda", index=self.index)

    def cpu(self) -> Any:
        COPIED.append(self.numel())
        return self.as_subclass(torch.Tensor)

    def new_tensor(self, data: Any, **options: Any) -> Any:
        made = super().new_tensor(data, **options)
        SENT.append(made.numel())
        return made.as_subclass(type(self))

    def __array__(self, *_: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def tolist(self) -> Any:
        raise AssertionError("only single numbers are fetched")


class OnAnother(Far):
    """A tensor of a second GPU."""

    index = 1


def far(array: Any, kind: type[Far] = Far) -> Any:
    return torch.tensor(as_numpy(array)).as_subclass(kind)


def moved(model: Iteration, kind: type[Far] = Far) -> Iteration:
    """Copy an iteration to the device."""
    return replace(
        model,
        probabilities=far(model.probabilities, kind),
        weights=None if model.weights is None else far(model.weights, kind),
        gradient=None if model.gradient is None else far(model.gradient, kind),
    )
