"""The interface of a backend: the only module of bigram-tui that a plugin imports."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any

from bigram_tui.model.arrays import as_numpy, mean_square
from bigram_tui.model.bigrams import Bigrams, Matrix

__all__ = [
    "Backend",
    "Bigrams",
    "Hyperparameter",
    "Iteration",
    "Matrix",
    "as_numpy",
    "configure",
    "hyperparameter",
    "hyperparameters",
]

_METADATA_KEY = "bigram_tui.hyperparameter"


@dataclass(frozen=True, eq=False)
class Iteration:
    """The model after some number of steps; step 0 is the untrained model.

    Arrays may belong to NumPy or to any library whose arrays NumPy can read, such as a torch
    tensor, on a GPU too. A backend never changes an array that it has yielded.
    """

    probabilities: Any
    """P [V, V]: P[i, j] is the probability of token j after token i. Each row sums to 1."""
    weights: Any = None
    """W [V, V], if the model has weights. `train`, called with them, continues this training."""
    gradient: Any = None
    """∂total/∂W [V, V] at these weights, penalty included."""
    loss: Any = None
    """The total loss, if the backend computes it: a number, or an array that holds one."""
    last: bool = False
    """True if nothing is left to learn after this step."""
    state: Any = None
    """What `train` needs besides the weights to continue this training, such as a momentum: an
    array or a tuple of arrays, never changed after it was yielded."""


class Backend(ABC):
    """One way to learn P(next | current). A subclass is a dataclass of its hyperparameters."""

    @abstractmethod
    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Yield the untrained model, then the model after each step.

        bigrams: the counts to learn from. weights: float [V, V], the W to start from; read them,
        but do not change them. End the generator when nothing is left to learn.

        When the user changes a hyperparameter or goes back, the program calls `train` again with
        the weights of that step. A backend that yields a state receives it as a third argument:
        `def train(self, bigrams, weights, state=None)`, where None means a new training.
        """

    def regularization(self, weights: Matrix) -> float:
        """Return the penalty in the total loss: λ·mean(W²), where λ is the field `l2`, if any.

        weights: [V, V], of any library. A method that overrides this one receives a NumPy array.
        """
        l2 = getattr(self, "l2", 0.0)
        return float(l2 * mean_square(weights)) if l2 else 0.0


@dataclass(frozen=True)
class Hyperparameter:
    """The description of a field that the user can set."""

    name: str
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    closed: bool = True
    """False if `choices` are examples, and any other text is allowed."""
    symbol: str = ""
    """The symbol in formulas, such as η."""
    help: str = ""

    def parse(self, value: object) -> Any:
        """Convert text or a number to the type of the default.

        Raises ValueError if the value has another type or is out of range.
        """
        if isinstance(self.default, bool):
            return self._parse_bool(value)
        if isinstance(self.default, str):
            return self._parse_choice(str(value))
        return self._parse_number(value)

    def _parse_bool(self, value: object) -> bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        try:
            return words[str(value).lower()]
        except KeyError:
            raise ValueError(f"{self.name} is true or false, not {value!r}") from None

    def _parse_choice(self, value: str) -> str:
        if self.choices and self.closed and value not in self.choices:
            raise ValueError(f"{self.name} is one of {', '.join(self.choices)}, not {value!r}")
        return value

    def _parse_number(self, value: object) -> float | int:
        whole = isinstance(self.default, int)
        try:
            number = (int if whole else float)(str(value))
            finite = math.isfinite(number)
        except (TypeError, ValueError, OverflowError):
            kind = "whole number" if whole else "number"
            raise ValueError(f"{self.name} is a {kind}, not {value!r}") from None
        if not finite:
            raise ValueError(f"{self.name} is a finite number, not {value}")
        if self.low is not None and number < self.low:
            raise ValueError(f"{self.name} is at least {self.low:g}, not {number:g}")
        if self.high is not None and number > self.high:
            raise ValueError(f"{self.name} is at most {self.high:g}, not {number:g}")
        return number


def hyperparameter(
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    closed: bool = True,
    symbol: str = "",
    help: str = "",
) -> Any:
    """Declare a field of a backend that the screen shows as a control and `--set` can set.

    default: a bool, int, float or str; its type is the type of the field. low, high: the range of
    a number, ends included. choices: the allowed texts, or mere examples with closed=False.
    symbol: how formulas write the field, such as η. help: one line for the user.
    """
    described = {
        "low": low,
        "high": high,
        "choices": choices,
        "closed": closed,
        "symbol": symbol,
        "help": help,
    }
    return field(default=default, metadata={_METADATA_KEY: described})


def hyperparameters(backend: Backend | type[Backend]) -> dict[str, Hyperparameter]:
    """Return the hyperparameters of a backend by name, in the order of their definition.

    Raises TypeError if the backend is not a dataclass.
    """
    if not is_dataclass(backend):
        raise TypeError("a backend is a dataclass: put @dataclass before its class")
    return {
        f.name: Hyperparameter(f.name, _default(f), **f.metadata.get(_METADATA_KEY, {}))
        for f in fields(backend)
        if f.init and f.default is not MISSING
    }


def _default(f: Field[Any]) -> Any:
    """Return the default of a field, with 1 as 1.0 if the field is annotated as a float."""
    default: Any = f.default
    meant_as_float = f.type in (float, "float") and isinstance(default, int)
    return float(default) if meant_as_float else default


def configure(backend_class: type[Backend], values: Mapping[str, object]) -> Backend:
    """Make a backend with some hyperparameters set, each given as text or as a number.

    Raises ValueError if a name is unknown or a value is out of range.
    """
    known = hyperparameters(backend_class)
    for name in values:
        if name not in known:
            raise ValueError(f"no hyperparameter {name!r}; there are: {', '.join(known) or 'none'}")
    return backend_class(**{name: known[name].parse(value) for name, value in values.items()})
