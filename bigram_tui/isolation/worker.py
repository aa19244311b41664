"""The other side: what the process of a backend does, one answer after the other."""

import base64
import os
import pickle
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np

from bigram_tui.backend import Backend, Bigrams, Iteration, as_numpy, hyperparameters
from bigram_tui.faults import describe_error
from bigram_tui.isolation.memory import Array, SharedMemory
from bigram_tui.isolation.process import LOST
from bigram_tui.isolation.wire import Json, Lines, pack, unpack, with_tensors
from bigram_tui.model.bigrams import Vocabulary

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>: which signal this process gets when the thread that started it ends."""

Answer = dict[str, Json]


def main() -> None:
    """Answer questions until the program closes the connection, or ends."""
    outbound, inbound, parent, memory_limit = map(int, sys.argv[1:5])
    del sys.argv[1:]
    _end_with(parent)
    _limit(memory_limit)
    for descriptor in (outbound, inbound):
        os.set_inheritable(descriptor, False)
    questions, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    # From here on the backend finds no standard input, and all its output goes where errors go.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    worker = _Worker(SharedMemory(outbound), SharedMemory(inbound))
    try:
        worker.serve(questions, answers)
    except OSError:
        os._exit(LOST)
    os._exit(0)  # without waiting for the backend's threads


def _end_with(parent: int) -> None:
    """Have the system kill this process when the program ends, even while it is inside C."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")  # if memory runs out, it is this process's fault
    if os.getppid() != parent:
        os._exit(0)


def _limit(memory: int) -> None:
    """Let no more memory be allocated, so that a leak ends in an error and not in a standstill."""
    import resource

    with suppress(OSError, ValueError):  # there is a lower limit already
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


class _Worker:
    """A backend's class, its instances and their trainings, by the numbers that they were given."""

    def __init__(self, inbound: SharedMemory, outbound: SharedMemory) -> None:
        self._inbound, self._outbound = inbound, outbound
        self._class: type[Backend] | None = None
        self._instances: dict[int, Backend] = {}
        self._trainings: dict[int, Iterator[Iteration]] = {}
        self._bigrams: Bigrams | None = None
        self._lines = Lines()

    def serve(self, questions: BinaryIO, answers: int) -> None:
        """Answer all questions, each of which is a line."""
        process = os.getpid()
        for line in questions:
            rest = memoryview(self._answer(line))
            if os.getpid() != process:  # a fork of the backend's that came back from there
                os._exit(0)
            while rest:
                rest = rest[os.write(answers, rest) :]

    def _answer(self, line: bytes) -> bytes:
        try:
            question = self._lines.read(line)
            arrays = self._inbound.read(question["arrays"])
            answer, results = getattr(self, f"_{question['ask']}")(question, arrays)
            return self._lines.write({**answer, "arrays": self._outbound.write(results)})
        except BaseException as error:
            kind = isinstance(error, RuntimeError)
            return self._lines.write(
                {"fault": self._described(error), "runtime": kind, "arrays": []}
            )

    def _described(self, error: BaseException) -> str:
        module = sys.modules.get(getattr(self._class, "__module__", ""))
        return describe_error(error, getattr(module, "__file__", None))

    def _load(self, question: Answer, _: list[Array]) -> tuple[Answer, list[Array]]:
        """Import the backend and describe it."""
        loaded: type[Backend] = pickle.loads(base64.b64decode(question["loader"]))()
        self._class = loaded
        described = {name: asdict(each) for name, each in hyperparameters(loaded).items()}
        inherited = loaded.regularization is Backend.regularization
        has_constant = hasattr(loaded, "l2") and "l2" not in described
        return {
            "name": loaded.__name__,
            "hyperparameters": list(described.values()),
            "own penalty": not inherited or has_constant,
        }, []

    def _train(self, question: Answer, arrays: list[Array]) -> tuple[Answer, list[Array]]:
        """Begin a training; it is for `_next` to take its first step."""
        if (text := question["bigrams"]) is not None:
            vocabulary = Vocabulary(text["characters"], text["rare"])
            self._bigrams = Bigrams(vocabulary, unpack(text["counts"], arrays))
        weights = unpack(question["weights"], arrays)
        weights.setflags(write=question["writeable"])
        state = map(with_tensors, unpack(question["state"], arrays))
        trained = self._instance(question).train(self._bigrams, weights, *state)  # type: ignore[arg-type]
        if not isinstance(trained, Iterable):
            raise TypeError(f"train() returned {type(trained).__name__}, it is to yield")
        self._trainings[question["training"]] = iter(trained)
        return {}, []

    def _next(self, question: Answer, _: list[Array]) -> tuple[Answer, list[Array]]:
        """Yield the next model of a training."""
        self._instance(question)
        try:
            with np.errstate(all="ignore"):  # an overflow shows in the numbers
                model = next(self._trainings[question["training"]])
        except StopIteration:
            return {"model": None}, []
        if not isinstance(model, Iteration):
            raise TypeError(f"train() yielded {type(model).__name__}, not an Iteration")
        arrays: list[Array] = []
        packed = {
            name: pack(getattr(model, name), arrays, name)
            for name in ("probabilities", "weights", "gradient", "state")
        }
        packed["loss"] = pack(_number(model.loss), arrays, "loss")
        packed["last"] = pack(bool(model.last), arrays, "last")
        return {"model": packed}, arrays

    def _penalty(self, question: Answer, arrays: list[Array]) -> tuple[Answer, list[Array]]:
        """Compute the penalty of weights."""
        return {"penalty": float(self._instance(question).regularization(arrays[0]))}, []

    def _instance(self, question: Answer) -> Backend:
        """Return an instance, with the hyperparameters that it has by now; forget others."""
        for number in question["forgotten"]:
            self._instances.pop(number, None)
            self._trainings.pop(number, None)
        number, values = question["instance"], question["values"]
        if number not in self._instances:
            assert self._class is not None
            self._instances[number] = self._class(**values)
        instance = self._instances[number]
        for name, value in values.items():
            setattr(instance, name, value)
        return instance


def _number(loss: Any) -> float | None:
    """Return the loss that a backend reports as a number; NaN if it is none."""
    if loss is None:
        return None
    try:
        return float(as_numpy(loss).item())
    except Exception:  # whatever a plugin gave
        return float("nan")
