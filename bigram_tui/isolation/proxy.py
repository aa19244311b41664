"""A backend that stands for one in another process."""

import base64
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, make_dataclass
from itertools import count
from typing import Any, ClassVar
from weakref import finalize

from bigram_tui.backend import (
    Backend,
    Bigrams,
    Hyperparameter,
    Iteration,
    Matrix,
    hyperparameter,
)
from bigram_tui.isolation.memory import Array
from bigram_tui.isolation.process import BackendProcess, ProcessError
from bigram_tui.isolation.wire import Json, UnreadableError, pack, unpack
from bigram_tui.model.arrays import as_numpy

Answer = tuple[dict[str, Json], list[Array]]

DESCRIBED = [field.name for field in fields(Hyperparameter)]
"""What there is to know about a hyperparameter."""


class Host:
    """The process of a backend's class; after it has ended, another one, once that is needed."""

    def __init__(self, load: Callable[[], type[Backend]]) -> None:
        """Import a class in a new process. Raises IsolationError.

        load: imports the class when it is called there; it can be pickled.
        """
        self._loader = base64.b64encode(pickle.dumps(load)).decode()
        self._numbers = count()
        self._forgotten: deque[int] = deque()
        self._start()

    def _start(self) -> None:
        self._process = BackendProcess()
        self._bigrams: Bigrams | None = None  # those that the process has
        self.description, _ = self._process.ask({"ask": "load", "loader": self._loader})

    def process(self) -> BackendProcess:
        """Return a process in which the class is imported. Raises IsolationError."""
        if not self._process.is_alive:
            self._process.end()
            self._start()
        return self._process

    def number(self) -> int:
        """Return a new number for an instance or a training."""
        return next(self._numbers)

    def forget(self, number: int) -> None:
        """Let the process forget an instance or a training, when it is next asked."""
        self._forgotten.append(number)

    def ask(
        self, process: BackendProcess, what: str, arrays: Sequence[Array], **details: Json
    ) -> Answer:
        """Ask a process of this class. Raises IsolationError."""
        forgotten = [self._forgotten.popleft() for _ in range(len(self._forgotten))]
        return process.ask({"ask": what, "forgotten": forgotten, **details}, arrays)

    def text(self, bigrams: Bigrams, arrays: list[Array]) -> Json:
        """Describe a text for the process; None if that has it already."""
        if bigrams is self._bigrams:
            return None
        self._bigrams = bigrams
        counts = pack(bigrams.counts, arrays, "counts")
        vocabulary = bigrams.vocabulary
        return {"characters": vocabulary.characters, "rare": vocabulary.rare, "counts": counts}


class IsolatedBackend(Backend):
    """A backend whose class is imported, and whose instances train, in another process.

    A subclass has the hyperparameters of that class.
    """

    _host: ClassVar[Host]
    _names: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        self._number = self._host.number()
        finalize(self, self._host.forget, self._number).atexit = False

    def train(self, bigrams: Bigrams, weights: Matrix, *state: Any) -> Iterator[Iteration]:
        """Yield copies of what the other process yields.

        Raises BackendRaisedError for what is raised there, and ProcessError if the process ends.
        """
        host, training = self._host, self._host.number()
        process, values, arrays = host.process(), self._values(), list[Array]()
        start = {
            "training": training,
            "bigrams": host.text(bigrams, arrays),
            "weights": pack(weights, arrays, "weights"),
            "writeable": weights.flags.writeable,
            "state": pack(state, arrays, "state"),
        }
        host.ask(process, "train", arrays, instance=self._number, values=values, **start)
        try:
            while True:
                present = self._values()
                changed = {} if present == values else present
                values = present
                details = {"instance": self._number, "values": changed, "training": training}
                model = _model(process, host.ask(process, "next", [], **details))
                if model is None:
                    return
                yield model
        finally:
            host.forget(training)

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}


class IsolatedPenalty(IsolatedBackend):
    """One whose class computes the penalty in a way of its own."""

    def regularization(self, weights: Matrix) -> float:
        """Have the other process compute the penalty."""
        process, arrays = self._host.process(), [as_numpy(weights)]
        details = {"instance": self._number, "values": self._values()}
        answer, _ = self._host.ask(process, "penalty", arrays, **details)
        penalty = answer.get("penalty")
        if not isinstance(penalty, float):
            raise _garbled(process, "no penalty")
        return penalty


def isolate(load: Callable[[], type[Backend]]) -> type[Backend]:
    """Import a backend's class in a process of its own, and return a class that stands for it.

    load: imports the class when it is called there; it can be pickled.
    Raises BackendRaisedError for what is raised there, and ProcessError if the process ends.
    """
    host = Host(load)
    try:
        return _class_of(host)
    except (KeyError, TypeError, ValueError) as error:
        raise _garbled(host.process(), "no description of hyperparameters") from error


def _class_of(host: Host) -> type[Backend]:
    description = host.description
    base = IsolatedPenalty if description["own penalty"] else IsolatedBackend
    declared = []
    for described in description["hyperparameters"]:
        name, default, *limits = (described[key] for key in DESCRIBED)
        _check(default, *limits)
        details = {key: described[key] for key in DESCRIBED[1:]}
        details["choices"] = tuple(details["choices"])
        declared.append((name, type(default), hyperparameter(**details)))
    known = {"_host": host, "_names": tuple(name for name, *_ in declared), "__module__": __name__}
    return make_dataclass(description["name"], declared, bases=(base,), namespace=known)


def _check(
    default: Json, low: Json, high: Json, choices: Json, closed: Json, symbol: Json, help: Json
) -> None:
    """Raise TypeError if a hyperparameter is not described as it should be."""
    well_described = (
        isinstance(default, bool | int | float | str | None)
        and all(isinstance(limit, int | float | None) for limit in (low, high))
        and all(isinstance(text, str) for text in (*choices, symbol, help))
        and isinstance(closed, bool)
    )
    if not well_described:
        raise TypeError("no hyperparameter")


def _model(process: BackendProcess, answer: Answer) -> Iteration | None:
    """Return the model that a process has answered with; None if its training has ended."""
    described, arrays = answer
    packed = described.get("model")
    if packed is None:
        return None
    try:
        return Iteration(**{name: unpack(part, arrays) for name, part in packed.items()})
    except (UnreadableError, AttributeError, TypeError) as error:
        raise _garbled(process, "no model") from error


def _garbled(process: BackendProcess, what: str) -> ProcessError:
    """End a process that has answered with something else than it should."""
    process.kill()
    return ProcessError(f"its process answered with garbage: {what}")
