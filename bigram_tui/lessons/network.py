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
from bigram_tui.errors import UserError
from bigram_tui.formatting.numbers import quantity
from bigram_tui.formatting.printable import in_cells
from bigram_tui.lessons.libraries import Library
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary
from bigram_tui.model.torch_rng import start_weights

Array = npt.NDArray[Any]

LONGEST_WORD = 200

FIRST_RATE = 0.1
"""The learning rate of the lecture's first steps."""

LEAST_KEPT, MOST_KEPT, KEPT_BYTES = 8, 512, 16 * 2**20
"""How many of the past W are kept, so that going back need not begin at the start."""


class WordError(UserError):
    """One line that says why a word can't go through the network."""


@dataclass(frozen=True)
class Stage:
    """One tensor: how each library makes it, and what there is to say of it."""

    name: str
    torch: str
    numpy: str
    meaning: str
    made: str = ""
    """What the code calls it, if not by the name of the stage."""

    @property
    def variable(self) -> str:
        """What the code calls it."""
        return self.made or self.name


STAGES = (
    Stage(
        "X",
        "X = torch.tensor(xs)",
        "X = np.array(xs)",
        "The tokens that stand first in the word's bigrams. Of whole numbers a tensor is int64; "
        "torch.Tensor, with a capital T, would make them float32.",
    ),
    Stage(
        "Y",
        "Y = torch.tensor(ys)",
        "Y = np.array(ys)",
        "The tokens that follow: what the network is to predict.",
    ),
    Stage(
        "onehot",
        "onehot = F.one_hot(X, num_classes=V)",
        "onehot = np.eye(V, dtype=np.int64)[X]",
        "Each token as a row with a single 1. Without the number of classes it would be as wide "
        "as the word's largest token asks for. Still int64.",
    ),
    Stage(
        "Xenc",
        "Xenc = onehot.float()",
        "Xenc = onehot.astype(np.float32)",
        "The same as float32, since a product with W wants numbers of one kind.",
    ),
    Stage(
        "W",
        "W = torch.randn((V, V), generator=g, requires_grad=True)",
        "W = start_weights(V, seed).astype(np.float32)",
        "The parameters, random at the start: row k is for what follows token k. A leaf: made by "
        "us, not by an operation.",
    ),
    Stage(
        "Z",
        "Z = Xenc @ W; Z.retain_grad()",
        "Z = Xenc @ W",
        "The logits. A one-hot row plucks out one row of W: the product is a table lookup, W[X].",
    ),
    Stage("C", "C = Z.exp()", "C = np.exp(Z)", "exp makes them positive: odds, or “counts”."),
    Stage(
        "S",
        "S = C.sum(1, keepdim=True)",
        "S = C.sum(axis=1, keepdims=True)",
        "The sum of each row. Kept as a column, so that dividing broadcasts it across the columns.",
    ),
    Stage(
        "P",
        "P = C / S",
        "P = C / S",
        "Row by row a distribution over what comes next. S, with one column, is broadcast across "
        "the V columns.",
    ),
    Stage(
        "picked",
        "picked = P[torch.arange(B), Y]",
        "picked = P[np.arange(B), Y]",
        "What the network gave to the characters that really follow.",
    ),
    Stage(
        "loss",
        "loss = -picked.log().mean()",
        "loss = -np.log(picked).mean()",
        "The average negative log-likelihood: one number, without any dimension.",
    ),
    Stage(
        "dZ",
        "W.grad = None; loss.backward(); dZ = Z.grad",
        "dZ = (P - np.eye(V, dtype=np.float32)[Y]) / B",
        "∂loss/∂Z = (P − one-hot Y) / B. The 1/B is that of the average; without it the gradient "
        "would be B times too long.",
    ),
    Stage(
        "dW",
        "dW = W.grad",
        "dW = Xenc.T @ dZ",
        "∂loss/∂W = Xencᵀ @ ∂loss/∂Z. Only rows whose token stands in X get a gradient; each row "
        "sums to 0.",
    ),
    Stage(
        "W′",
        "W.data += -eta * W.grad",
        "W = W - eta * dW",
        "The step: against the gradient, hence the minus, and outside of the graph.",
        made="W",
    ),
)

NAMES = tuple(stage.name for stage in STAGES)


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of a pass as the library has it, and its values at that moment."""

    code: str
    meaning: str
    dtype: str
    is_leaf: bool | None
    """None in NumPy, which keeps no graph; so is requires_grad."""
    requires_grad: bool | None
    values: Array

    @property
    def table(self) -> Array:
        """The values in rows and columns: a vector is one column, a number one cell."""
        return self.values.reshape(len(self.values) if self.values.ndim else 1, -1)


@dataclass(frozen=True, eq=False)
class Pass:
    """A forward and a backward pass with the weights of one iteration, and the update."""

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
        """One number of a tensor's table."""
        return float(self.tensors[name].table[i, j])


class Network:
    """One linear layer and a softmax, trained on the bigrams of one word alone."""

    def __init__(self, word: str, vocabulary: Vocabulary, library: Library, seed: int) -> None:
        """WordError if a character is not in the vocabulary, or there are none or too many."""
        self.word = word
        self.vocabulary = vocabulary
        self.framework = library
        tokens = [BOUNDARY, *tokens_of(word, vocabulary), BOUNDARY]
        self.xs, self.ys = tokens[:-1], tokens[1:]
        self._seed = seed
        self.losses: list[float] = []
        """Of the iterations 0 to the present one."""
        self._rates: list[float] = []
        self._kept: list[Array] = []
        self._spacing = 1
        """Iterations from one kept W to the next."""
        self._go([FIRST_RATE])

    def step(self, iterations: int = 1, stop: Callable[[], bool] = lambda: False) -> None:
        """Go on by some updates of the present learning rate, until `stop` says so."""
        for _ in range(iterations):
            if stop():
                return
            self._take(self.now.learning_rate)

    def back(self, iterations: int = 1) -> None:
        """Go back by some updates, at most to the start; what is not kept is computed again."""
        self._go(self._rates[: max(1, len(self._rates) - iterations)])

    def reset(self) -> None:
        """Go back to the start, with the present learning rate."""
        self._go([self.now.learning_rate])

    def change_rate(self, learning_rate: float) -> None:
        """Let the update of this pass, and those after it, have another learning rate."""
        self._go([*self._rates[:-1], learning_rate])

    def _go(self, rates: Sequence[float]) -> None:
        """Be after passes with those learning rates, all but the last as they were taken before."""
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
        """All that the code finds at the start."""
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
        """One pass: forward, backward, update."""
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
        """What no bigram model can beat on this word: the NLL of its own counts."""
        counts = np.zeros((len(self.vocabulary),) * 2, dtype=np.int64)
        np.add.at(counts, (self.xs, self.ys), 1)
        return counting_optimum(Bigrams(self.vocabulary, counts)).nll

    @cached_property
    def conflicts(self) -> dict[int, list[int]]:
        """The tokens of the word that are not always followed by the same one, and by which."""
        followers: dict[int, list[int]] = {}
        for first, second in zip(self.xs, self.ys, strict=True):
            followers.setdefault(first, []).append(second)
        return {first: found for first, found in followers.items() if len(set(found)) > 1}


def tokens_of(word: str, vocabulary: Vocabulary) -> list[int]:
    """The tokens of a word. WordError if it has none, too many, or one is not known."""
    if not word:
        raise WordError("type a word of one character or more")
    if len(word) > LONGEST_WORD:
        raise WordError(f"that word has {len(word)} characters; {LONGEST_WORD} are the most")
    known = vocabulary.index
    # A name for the boundary is no character of the text either.
    missing = [c for c in dict.fromkeys(word) if known.get(c, BOUNDARY) == BOUNDARY]
    if missing:
        named = ", ".join(map(quoted, missing[:5])) + (", …" if len(missing) > 5 else "")
        raise WordError(f"not in the text's vocabulary: {named}")
    return [known[character] for character in word]


def quoted(character: str) -> str:
    """A character in quotation marks, safe to be shown."""
    return f"“{in_cells(character, 2).rstrip()}”"


def first_word(bigrams: Bigrams) -> str:
    """The lecture's "emma", or where the text lacks its characters the most frequent ones."""
    known = bigrams.vocabulary.characters
    if set("emma") <= set(known):
        return "emma"
    frequent = bigrams.row_sums[1 : len(known) + 1].argsort(kind="stable")[::-1][:4]
    return "".join(known[k] for k in frequent) or bigrams.vocabulary.rare[:4]


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
