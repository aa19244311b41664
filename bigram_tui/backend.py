"""The interface of a backend: the only module of bigram-tui that a plugin imports."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from bigram_tui.errors import one_line
from bigram_tui.formatting.printable import printable
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

MOST_HYPERPARAMETERS = 100
"""The hyperparameters that a backend may have: each is a control on screen."""

MOST_CHARACTERS = {"name": 64, "default": 1000, "symbol": 16, "help": 500}
"""The characters of a description. A longer name or default is refused, the others are cut."""


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
        with np.errstate(over="ignore"):  # the penalty is ∞ then
            return l2_penalty(self, weights)


def l2_penalty(backend: Backend, weights: Any) -> float:
    """Return λ·mean(W²), where λ is the field `l2` of a backend, if it has one; else 0.

    weights: [V, V], of any library. Floating-point errors are for the caller to ignore.
    """
    l2 = getattr(backend, "l2", 0.0)
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

    def __post_init__(self) -> None:
        """Check the description, and make its texts safe to show.

        Raises TypeError or ValueError if anything of it can't be used.
        """
        self._put(name=_text("the name of a hyperparameter", self.name))
        if not self.name.isidentifier() or len(self.name) > MOST_CHARACTERS["name"]:
            name = printable(self.name)[: MOST_CHARACTERS["name"]]
            raise ValueError(f"a hyperparameter can't have the name {name!r}")
        self._put(default=plain_value(self.name, self.default))
        self._put(low=_bound(self.name, "low", self.low), high=_bound(self.name, "high", self.high))
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.name}: low {self.low:g} is above high {self.high:g}")
        if not isinstance(self.choices, tuple | list):
            raise TypeError(f"{self.name}: choices are a tuple of texts")
        self._put(choices=tuple(_text(f"{self.name}: each choice", c) for c in self.choices))
        self._put(closed=bool(self.closed))
        for part in ("symbol", "help"):
            text = printable(one_line(_text(f"{self.name}: {part}", getattr(self, part))))
            self._put(**{part: text[: MOST_CHARACTERS[part]]})
        if len(str(self.default)) > MOST_CHARACTERS["default"]:
            most = MOST_CHARACTERS["default"]
            raise ValueError(f"{self.name}: a default has at most {most:,} characters")

    def _put(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen

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
            choices = printable(", ".join(self.choices))
            raise ValueError(f"{self.name} is one of {choices}, not {value!r}")
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

    default: a bool, int, float or str, or such a scalar of NumPy; its type is the type of the
    field, and it is within its own range. low, high: the range of a number, ends included.
    choices: the allowed texts, or mere examples with closed=False. symbol: how formulas write the
    field, such as η. help: one line for the user.
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

    A field that is not declared by `hyperparameter` is one too if its default is a bool, an int, a
    float or a str. Raises TypeError if the backend is not a dataclass, TypeError or ValueError if
    the description of one can't be used.
    """
    if not is_dataclass(backend):
        raise TypeError("a backend is a dataclass: put @dataclass before its class")
    described = [f for f in fields(backend) if f.init and _is_described(f)]
    if len(described) > MOST_HYPERPARAMETERS:
        raise ValueError(
            f"a backend has at most {MOST_HYPERPARAMETERS} hyperparameters, not {len(described):,}"
        )
    found = [
        Hyperparameter(f.name, _default(f), **f.metadata.get(_METADATA_KEY, {})) for f in described
    ]
    for parameter in found:
        _assert_in_range(parameter)
    return {parameter.name: parameter for parameter in found}


def _assert_in_range(parameter: Hyperparameter) -> None:
    try:
        parameter.parse(parameter.default)
    except ValueError as error:
        raise ValueError(
            f"{parameter.name}: the default is not within its own range or choices: {error}"
        ) from None


def _is_described(f: Field[Any]) -> bool:
    """Whether a field is a hyperparameter, or declared to be one."""
    return _METADATA_KEY in f.metadata or isinstance(f.default, bool | int | float | str)


def check_values(backend: Backend) -> None:
    """Raise ValueError unless each hyperparameter has a value of its default's type, and finite.

    A value may be out of range, as nobody checks those that a class is given.
    """
    for name, known in hyperparameters(backend).items():
        value = getattr(backend, name)
        is_infinite = isinstance(value, float) and not math.isfinite(value)
        if is_infinite or not isinstance(value, type(known.default)):
            known.parse(value)


def plain_value(name: str, value: Any) -> Any:
    """Return a default, or another value, as an instance of bool, int, float or str itself.

    name: of the hyperparameter. Raises TypeError if it is of another type.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    for kind in (bool, int, float, str):
        if isinstance(plain, kind):
            return _exactly(kind, plain)
    raise TypeError(
        f"{name}: a default is a bool, an int, a float or a str, not of type "
        f"{printable(type(value).__name__)}"
    )


def _bound(name: str, part: str, value: Any) -> float | None:
    """Return an end of a range as an int or a float itself."""
    if value is None:
        return None
    bound = plain_value(name, value)
    if not isinstance(bound, int | float) or math.isnan(bound):
        raise TypeError(f"{name}: {part} is a number, not {printable(str(bound))!r}")
    return bound


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} is a text, not of type {printable(type(value).__name__)}")
    return str(_exactly(str, value))


def _exactly(kind: type, value: Any) -> Any:
    """Convert an instance of a subclass, whose methods may do anything, by the class's own."""
    if kind is bool:
        return value
    method = {int: int.__int__, float: float.__float__, str: str.__str__}[kind]
    return method(value)


def _default(f: Field[Any]) -> Any:
    """Return the default of a field, with 1 as 1.0 if the field is annotated as a float."""
    default: Any = f.default
    meant_as_float = f.type in (float, "float") and isinstance(default, int)
    return float(default) if meant_as_float else default


def configure(backend_class: type[Backend], values: Mapping[str, object]) -> Backend:
    """Make a backend with some hyperparameters set, each given as text or as a number.

    Raises ValueError if a name is unknown or a value is out of range.
    """
    return backend_class(**parsed(hyperparameters(backend_class), values))


def parsed(
    known: Mapping[str, Hyperparameter], values: Mapping[str, object]
) -> dict[str, bool | int | float | str]:
    """Parse some values of hyperparameters, each given as text or as a number.

    Raises ValueError if a name is unknown or a value is out of range.
    """
    for name in values:
        if name not in known:
            raise ValueError(f"no hyperparameter {name!r}; there are: {', '.join(known) or 'none'}")
    return {name: known[name].parse(value) for name, value in values.items()}
