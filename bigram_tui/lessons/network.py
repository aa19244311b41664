"""One word through the network: every tensor of a forward and a backward pass, really computed.

The code that is shown is the code that is run, by PyTorch as in the lecture or by NumPy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import CodeType
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui.analysis.optimum import counting_optimum
from bigram_tui.backend import as_numpy
from bigram_tui.formatting.numbers import quantity
from bigram_tui.lessons.libraries import Library
from bigram_tui.lessons.network_stages import STAGES
from bigram_tui.lessons.word import tokens_of
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary
from bigram_tui.model.torch_rng import start_weights

Array = npt.NDArray[Any]

FIRST_RATE = 0.1
"""The learning rate of the lecture's first steps."""

LEAST_KEPT, MOST_KEPT, KEPT_BYTES = 8, 512, 16 * 2**20
"""Limits of how many past W are kept, so that going back need not begin at the start."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of a pass as its library has it, with a copy of its values."""

    code: str
    meaning: str
    dtype: str
    is_leaf: bool | None
    """None in NumPy, which keeps no graph, as requires_grad is."""
    requires_grad: bool | None
    values: Array

    @property
    def table(self) -> Array:
        """The values as rows and columns: a vector is one column, a number one cell."""
        return self.values.reshape(len(self.values) if self.values.ndim else 1, -1)


@dataclass(frozen=True, eq=False)
class Pass:
    """A forward and a backward pass with the weights of one iteration, and the step."""

    vocabulary: Vocabulary
    xs: Sequence[int]
    ys: Sequence[int]
    """The tokens that stand first and second in the word's bigrams."""
    iteration: int
    learning_rate: float
    tensors: Mapping[str, Tensor]
    """By the name of the stage, in the order of the stages."""

    @property
    def loss(self) -> float:
        """The average negative log-likelihood of the word, in nats."""
        return float(self.tensors["loss"].values)

    def number(self, name: str, i: int = 0, j: int = 0) -> float:
        """Return one number of the table of a tensor."""
        return float(self.tensors[name].table[i, j])


class Network:
    """One linear layer and a softmax, trained on the bigrams of one word alone."""

    def __init__(self, word: str, vocabulary: Vocabulary, library: Library, seed: int) -> None:
        """Start on a word. Raises WordError if `tokens_of` does."""
        self.word = word
        self.vocabulary = vocabulary
        self.framework = library
        tokens = [BOUNDARY, *tokens_of(word, vocabulary), BOUNDARY]
        self.xs, self.ys = tokens[:-1], tokens[1:]
        self._seed = seed
        self.losses: list[float] = []
        """The losses of the iterations 0 to the present one."""
        self._rates: list[float] = []
        self._kept: list[Array] = []
        self._spacing = 1
        """Iterations from one kept W to the next."""
        self._go([FIRST_RATE])

    def step(self, iterations: int = 1, stop: Callable[[], bool] = lambda: False) -> None:
        """Take some steps of the present learning rate. stop: says when to end early."""
        for _ in range(iterations):
            if stop():
                return
            self._take(self.now.learning_rate)

    def back(self, iterations: int = 1) -> None:
        """Go back by some steps, at most to the start; W that are not kept are computed again."""
        self._go(self._rates[: max(1, len(self._rates) - iterations)])

    def reset(self) -> None:
        """Go back to the start, with the present learning rate."""
        self._go([self.now.learning_rate])

    def change_rate(self, learning_rate: float) -> None:
        """Give the step of this pass, and those after it, another learning rate."""
        self._go([*self._rates[:-1], learning_rate])

    def _go(self, rates: Sequence[float]) -> None:
        """Replay passes with these learning rates, from the nearest W that is kept."""
        kept = (len(rates) - 1) // self._spacing
        first = kept * self._spacing
        if first == 0:
            self._begin()
        elif self.framework.is_torch:
            self._scope["W"].data = self.framework.names["torch"].tensor(self._kept[kept])
        else:
            self._scope["W"] = self._kept[kept]
        del self.losses[first:], self._rates[first:], self._kept[kept:]
        for learning_rate in rates[first:]:
            self._take(learning_rate)

    def _begin(self) -> None:
        """Define the names that the code knows at the start."""
        self._scope: dict[str, Any] = {
            **self.framework.names,
            "V": len(self.vocabulary),
            "B": len(self.xs),
            "xs": self.xs,
            "ys": self.ys,
            "seed": self._seed,
            "start_weights": start_weights,
        }
        if self.framework.is_torch:
            generator = self.framework.names["torch"].Generator()
            self._scope["g"] = generator.manual_seed(self._seed)

    def _take(self, learning_rate: float) -> None:
        """Take one pass: forward, backward, step."""
        iteration, scope = len(self.losses), self._scope
        scope["eta"] = learning_rate
        tensors: dict[str, Tensor] = {}
        for stage in STAGES:
            code = stage.torch if self.framework.is_torch else stage.numpy
            if stage.name == "W" and iteration:
                code = f"# W after {quantity(iteration, 'step')}"
            else:
                exec(_compiled(code), scope)  # ours: what a user types is data in it, never code
            tensors[stage.name] = _captured(code, stage.meaning, scope[stage.variable])
        where = self.vocabulary, self.xs, self.ys
        self.now = Pass(*where, iteration, learning_rate, tensors)
        """The pass of the present iteration."""
        self.losses.append(self.now.loss)
        self._rates.append(learning_rate)
        if iteration % self._spacing == 0:
            self._kept.append(tensors["W"].values)
        if len(self._kept) > max(LEAST_KEPT, min(MOST_KEPT, KEPT_BYTES // self._kept[0].nbytes)):
            self._kept, self._spacing = self._kept[::2], 2 * self._spacing

    @cached_property
    def least_loss(self) -> float:
        """The least loss of any bigram model on this word: the NLL of its own counts."""
        counts = np.zeros((len(self.vocabulary),) * 2, dtype=np.int64)
        np.add.at(counts, (self.xs, self.ys), 1)
        return counting_optimum(Bigrams(self.vocabulary, counts)).nll

    @cached_property
    def conflicts(self) -> dict[int, list[int]]:
        """The tokens of the word that different tokens follow, with all their followers."""
        followers: dict[int, list[int]] = {}
        for first, second in zip(self.xs, self.ys, strict=True):
            followers.setdefault(first, []).append(second)
        return {first: after for first, after in followers.items() if len(set(after)) > 1}


@cache
def _compiled(code: str) -> CodeType:
    return compile(code, "<lesson>", "exec")


def _captured(code: str, meaning: str, value: Any) -> Tensor:
    return Tensor(
        code,
        meaning,
        str(value.dtype).removeprefix("torch."),
        getattr(value, "is_leaf", None),
        getattr(value, "requires_grad", None),
        np.array(as_numpy(value)),  # a copy: the update changes W where it is
    )
