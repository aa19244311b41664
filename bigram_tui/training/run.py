"""One backend in training: every iteration can be taken, gone back to, and taken again."""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from bigram_tui.backend import Backend, Iteration, as_numpy, hyperparameters
from bigram_tui.errors import described
from bigram_tui.model.arrays import detach_or_numpy, on_accelerator, trouble
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.loss import Likelihood
from bigram_tui.training.descent import DescentRecord
from bigram_tui.training.snapshot import Branch, Snapshot, Status
from bigram_tui.training.timeline import LOSS_COLUMNS, Keyframes, Rows, Settings

NOTHING_LEFT = "nothing left to learn"

LAST_ITERATION = 2_000_000
"""Where a run stops, so that its losses take no more than 64 MB (32 bytes each)."""

PLUGIN_ERRORS = (Exception, SystemExit)
"""Whatever a backend raises is the end of its run alone."""


class Checkpoint(NamedTuple):
    """What a training can be started from, and goes on as the one that had reached it."""

    weights: Any
    state: Any = None


class Run:
    """One backend in training on one text from one start, with its timeline.

    Not for several threads at once: others read its snapshots. Whatever a backend raises or
    yields amiss becomes a status and a message, never an exception of the run's own.
    """

    def __init__(
        self,
        backend: Backend,
        bigrams: Bigrams,
        start_weights: Matrix,
        *,
        name: str = "",
        validation: Bigrams | None = None,
    ) -> None:
        self.backend = backend
        self.bigrams = bigrams
        self.name = name or type(backend).__name__
        shared = not start_weights.flags.writeable and start_weights.base is None
        self._start_weights = start_weights if shared else np.array(start_weights)
        self._start_weights.setflags(write=False)
        self._likelihood = Likelihood(bigrams)
        self._validation = None if validation is None else Likelihood(validation)
        self._left: Branch | None = None
        self._readable: set[tuple[str, type, Any]] = set()
        self._descent = DescentRecord(bigrams)
        self._begin({key: getattr(backend, key) for key in hyperparameters(backend)})

    def _begin(self, values: Mapping[str, Any]) -> None:
        self._settings = Settings(values)
        self._losses = Rows(LOSS_COLUMNS)
        self._keyframes = Keyframes()
        self._end: int | None = None
        self._overshoot: float | None = None
        self._model: Iteration | None = None
        self._arrival: Checkpoint | None = (
            None  # what was reached here, before a change took effect
        )
        self.iteration = -1
        self.status, self.message = Status.READY, ""
        self._enter(0, Checkpoint(self._start_weights))

    # What can be asked of it

    @property
    def latest(self) -> int:
        """The last iteration that was reached; −1 if not even the first was."""
        return len(self._losses) - 1

    @property
    def model(self) -> Iteration | None:
        """The model at this iteration; None if not even the first could be had."""
        return self._model

    @property
    def descends(self) -> bool | None:
        """Whether updates from here on are plain steps of gradient descent; None if not known."""
        return self._descent.known(max(0, self.iteration), self._settings)

    def advance(self, iterations: int = 1) -> None:
        """Go forward, along the timeline and then beyond its end, as far as the backend goes."""
        if self.status is Status.FAILED:
            self._start_here()
        for _ in range(iterations):
            if self.status is not Status.READY:
                return
            self._take(self.iteration + 1)

    def seek(self, iteration: int) -> None:
        """Go to an iteration that was reached before; it is what it was, bit for bit.

        That holds where the backend's arithmetic repeats itself, as on every CPU.
        """
        iteration = max(0, min(iteration, self.latest))
        if iteration == self.iteration:
            return
        nearest = self._keyframes.nearest(iteration)
        start = 0 if nearest is None else nearest[0]
        if self._generator is not None and start <= self.iteration < iteration:
            self._walk(iteration)
        else:
            self._replay(iteration)

    def back(self, iterations: int = 1) -> None:
        """Go back by some iterations, at most to the first."""
        self.seek(self.iteration - iterations)

    def set(self, name: str, value: object) -> None:
        """Change a hyperparameter from the present iteration on; ValueError if it can't be that.

        What was reached beyond it by the old value is left: the timeline forks here.
        """
        parsed = hyperparameters(self.backend)[name].parse(value)
        here = max(0, self.iteration)
        values = self._settings.at(here)
        if values[name] == parsed:
            return
        self._leave(here)
        steps_alike = name in ("learning_rate", "l2")
        self._descent.keep(here, self.descends if steps_alike else None)
        self._settings.put(here, {**values, name: parsed})
        self._losses.truncate(here)
        self._keyframes.truncate(here)
        self._end = None
        self._start_here()

    def reset(self) -> None:
        """Begin again from the same start with the present hyperparameters."""
        self._leave(0)
        self._descent.keep(0, self.descends)
        self._begin(self._settings.at(max(0, self.iteration)))

    def snapshot(self, *, training: bool = False, rate: float | None = None) -> Snapshot:
        """The run as it is now."""
        return Snapshot(
            name=self.name,
            status=self.status,
            message=self.message,
            iteration=self.iteration,
            model=self._model,
            losses=self._losses.view(),
            left=self._left,
            settings=self._settings.at(max(0, self.iteration)),
            spans=self._settings.spans,
            backend=self.backend,
            start_weights=self._start_weights,
            end=self._end,
            descends=self.descends,
            overshoot=self._overshoot,
            training=training,
            rate=rate,
        )

    # How it moves

    def _replay(self, iteration: int) -> None:
        """Go to an iteration from the nearest keyframe before it."""
        self._enter(*(self._keyframes.nearest(iteration) or (0, Checkpoint(self._start_weights))))
        self._walk(iteration)

    def _walk(self, iteration: int) -> None:
        while self.iteration < iteration and self.status is Status.READY:
            self._take(self.iteration + 1)

    def _enter(self, iteration: int, start: Checkpoint) -> None:
        """Start the backend at an iteration, with the hyperparameters that hold there."""
        self._generator: Iterator[Iteration] | None = self._train(iteration, start)
        self._take(iteration, entered=start)

    def _train(self, iteration: int, start: Checkpoint) -> Iterator[Iteration]:
        # A generator of our own, so that whatever the backend does, it does in `_take`.
        self._apply(self._settings.at(iteration))
        train: Callable[..., Iterator[Iteration]] = self.backend.train
        state = () if start.state is None else (start.state,)  # most backends take none
        iterations = train(self.bigrams, as_numpy(start.weights), *state)
        if not isinstance(iterations, Iterable):
            raise TypeError(f"train() returned {type(iterations).__name__}, it is to yield")
        yield from iterations

    def _apply(self, values: Mapping[str, Any]) -> None:
        self._in_force = values
        for name, value in values.items():
            setattr(self.backend, name, value)

    def _take(self, iteration: int, entered: Checkpoint | None = None) -> None:
        """Take the backend's next yield, the model at an iteration.

        entered: what the backend was just started from there, if it was.
        """
        assert self._generator is not None
        started = time.perf_counter()
        try:
            with np.errstate(all="ignore"):  # what overflows shows in the numbers
                model = next(self._generator)
            seconds = time.perf_counter() - started
            self._check(model)
            arrival = _reached(model) if entered is None else entered
            values = self._settings.at(iteration)
            if values is self._in_force:
                self._commit(iteration, model, arrival, seconds)
            elif arrival is not None:
                self._enter(iteration, arrival)  # from the same under other hyperparameters
            else:
                self._apply(values)
                self._commit(iteration, model, arrival, seconds)
        except StopIteration:
            self._finish(iteration, entered)
        except PLUGIN_ERRORS as error:
            self._fail(error, iteration)

    def _check(self, model: object) -> None:
        """TypeError or ValueError unless it is an iteration with matrices of the right shape."""
        if not isinstance(model, Iteration):
            raise TypeError(f"train() yielded {type(model).__name__}, not an Iteration")
        for part in ("probabilities", "weights", "gradient"):
            array = getattr(model, part)
            if array is None and part != "probabilities":
                continue
            shape = getattr(array, "shape", None)
            if shape != self.bigrams.counts.shape:
                found = type(array).__name__ if shape is None else f"shape {tuple(shape)}"
                raise ValueError(f"{part} must be {self.bigrams.counts.shape}, not {found}")
            kind = part, type(array), array.dtype
            if kind not in self._readable:  # once for each kind, as reading may take a copy
                if as_numpy(array[:1] if on_accelerator(array) else array).dtype.kind not in "fiu":
                    raise TypeError(f"{part} must be real numbers, not {array.dtype}")
                self._readable.add(kind)

    def _commit(
        self, iteration: int, model: Iteration, arrival: Checkpoint | None, seconds: float
    ) -> None:
        """Stand at an iteration, recording it if it is new."""
        losses = self._evaluate(model) if iteration == len(self._losses) else None
        if losses is not None and self._model is not None and iteration == self.iteration + 1:
            self._descent.watch(self.iteration, self._model, model, self._settings)
        self.iteration, self._model, self._arrival = iteration, model, arrival
        if model.last:
            self._end = iteration
        if losses is not None:
            self._losses.append(*losses, seconds)
            self._keyframes.offer(iteration, arrival)
        else:
            self._keyframes.pass_by(iteration, arrival)
        self._judge(model)

    def _evaluate(self, model: Iteration) -> tuple[float, float, float]:
        """NLL, regularization, and NLL of the validation text."""
        table = detach_or_numpy(model.probabilities)
        nll = self._likelihood.loss(table)
        validation = math.nan if self._validation is None else self._validation.loss(table)
        all_of_it = table.sum()  # not finite also where only cells that never occur are amiss
        penalty = 0.0 if model.weights is None else self._penalty(model.weights)
        # Of a GPU these numbers are all that is copied.
        return (float(nll) if math.isfinite(all_of_it) else math.nan), penalty, float(validation)

    def _penalty(self, weights: Any) -> float:
        inherited = type(self.backend).regularization is Backend.regularization
        return self.backend.regularization(weights if inherited else as_numpy(weights))

    def _judge(self, model: Iteration) -> None:
        """Say whether it can go on from here."""
        self._overshoot = None
        nll, penalty, *_ = self._losses.row(self.iteration)
        if not math.isfinite(nll + penalty):
            what, value = ("penalty", penalty) if math.isfinite(nll) else ("nll", nll)
            self.status = Status.DIVERGED
            self.message = f"diverged at step {self.iteration}: the {what} is {value:g}"
            before = max(0, self.iteration - 1)
            self._overshoot = self._descent.overshoot(before, model, self._settings)
        elif self.iteration == self._end:
            self.status, self.message = Status.FINISHED, NOTHING_LEFT
        elif self.iteration == LAST_ITERATION:
            self.status, self.message = Status.FINISHED, "as many steps as a run remembers"
        else:
            self.status, self.message = Status.READY, ""

    def _finish(self, iteration: int, entered: Checkpoint | None) -> None:
        if entered is not None:
            self._fail(ValueError("train() ended before it yielded an iteration"), iteration)
            return
        self._end = self.iteration
        self.status, self.message = Status.FINISHED, NOTHING_LEFT

    def _fail(self, error: BaseException, iteration: int) -> None:
        self._generator = None
        self.status = Status.FAILED
        module = sys.modules.get(type(self.backend).__module__)
        of_gpu = trouble(error, self._settings.at(iteration))
        reason = of_gpu or described(error, getattr(module, "__file__", None))
        self.message = f"failed at step {iteration}: {reason}"

    def _start_here(self) -> None:
        """Start the backend anew where it stands; without weights the way must be gone again."""
        if self._model is None:
            self._begin(self._settings.at(0))
        elif self._arrival is not None:
            self._enter(self.iteration, self._arrival)
        else:
            self._replay(self.iteration)

    def _leave(self, iteration: int) -> None:
        """Keep the losses after an iteration in sight, as those of the way that is left there."""
        if self.latest > iteration >= 0:
            self._left = Branch(iteration, self._losses.view()[iteration:])


def _reached(model: Iteration) -> Checkpoint | None:
    """What a training can go on from; None for a model without weights."""
    return None if model.weights is None else Checkpoint(model.weights, model.state)
