"""What a backend is: the only module of bigram-tui that a plugin needs to import."""

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
    """The model after some number of updates.

    Arrays are NumPy's or of any library whose arrays NumPy can read (a torch tensor, on a GPU too);
    the backend does not change them after it has yielded them.
    """

    probabilities: Any
    """P [V, V]: P[i, j] is the probability of token j after token i; rows sum to 1."""
    weights: Any = None
    """W [V, V], if the model has any: `train` started from them goes on as this training does."""
    gradient: Any = None
    """∂total/∂W [V, V] at these weights, regularization included."""
    loss: Any = None
    """The total loss as the backend computed it itself: a number or an array of one."""
    last: bool = False
    """True where the backend knows that nothing is left to learn."""
    state: Any = None
    """What else `train` needs, besides these weights, to go on as this training does, such as a
    momentum: an array or a tuple of arrays that is not changed afterwards."""


class Backend(ABC):
    """One way to learn P(next | current); subclasses are dataclasses of their hyperparameters."""

    @abstractmethod
    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Yield the untrained model, then the model after each further update.

        bigrams: what to learn from. weights: float [V, V], where to start; not to be changed.
        A generator that ends has nothing left to learn. When a hyperparameter changes, the
        caller starts a new one from the weights that the last one had reached. A backend that
        yields a state is given it back: `def train(self, bigrams, weights, state=None)`, where
        None is the very start.
        """

    def regularization(self, weights: Matrix) -> float:
        """The penalty that is part of the total loss: λ·mean(W²), λ being the field `l2`.

        weights: [V, V] of any library here; a method in its place is given NumPy's.
        """
        l2 = getattr(self, "l2", 0.0)
        return float(l2 * mean_square(weights)) if l2 else 0.0


@dataclass(frozen=True)
class Hyperparameter:
    """One field of a backend that the user may set."""

    name: str
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    closed: bool = True
    """False where `choices` are examples and other text is allowed."""
    symbol: str = ""
    """How formulas write it, such as η."""
    help: str = ""

    def parse(self, value: object) -> Any:
        """The value in the type of the default, from text or a number; ValueError if it isn't."""
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
    """A dataclass field that the app shows as a control and the command line can set.

    low, high: the allowed range of a number, both included. choices: the allowed texts.
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
    """The hyperparameters of a backend by name, in the order of their definition.

    TypeError if the backend is not a dataclass.
    """
    if not is_dataclass(backend):
        raise TypeError("a backend is a dataclass: put @dataclass before its class")
    return {
        f.name: Hyperparameter(f.name, _default(f), **f.metadata.get(_METADATA_KEY, {}))
        for f in fields(backend)
        if f.init and f.default is not MISSING
    }


def _default(f: Field[Any]) -> Any:
    """The default of a field; 1 is 1.0 where a float is meant."""
    default: Any = f.default
    meant_as_float = f.type in (float, "float") and isinstance(default, int)
    return float(default) if meant_as_float else default


def configure(backend_class: type[Backend], values: Mapping[str, object]) -> Backend:
    """A backend with some hyperparameters set. ValueError if one is unknown or out of range."""
    known = hyperparameters(backend_class)
    for name in values:
        if name not in known:
            raise ValueError(f"no hyperparameter {name!r}; there are: {', '.join(known) or 'none'}")
    return backend_class(**{name: known[name].parse(value) for name, value in values.items()})
