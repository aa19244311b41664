"""One backend in training: every step can be taken, gone back to, and taken again."""

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import copy_context
from typing import Any, NamedTuple

import numpy as np

from bigram_tui.backend import Backend, Iteration, as_numpy, hyperparameters, plain_value
from bigram_tui.faults import PluginError, describe_error, file_of
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.training.descent import DescentRecord
from bigram_tui.training.evaluation import Evaluation
from bigram_tui.training.gpu_errors import gpu_error
from bigram_tui.training.iterations import Kind, plain
from bigram_tui.training.snapshot import Branch, Snapshot, Status
from bigram_tui.training.strays import STRAYS
from bigram_tui.training.timeline import LOSS_COLUMNS, Keyframes, Rows, Settings

NOTHING_LEFT = "nothing left to learn"

LAST_ITERATION = 2_000_000
"""The step at which a run stops, so that its losses take at most 64 MB (32 bytes a step)."""


_ENDED: Any = object()

_QUIET = np.errstate(all="ignore")
"""An overflow shows in the numbers."""


class Checkpoint(NamedTuple):
    """Weights and optimizer state, from which a training goes on as the one that reached them."""

    weights: Any
    """W [V, V]."""
    state: Any = None
    """As in Iteration; None for a backend without a state."""


class Run:
    """One backend in training on one text from one start, with its timeline.

    A run belongs to one thread; others read its snapshots. Errors of the backend, and iterations
    that are not valid, become a status and a message, never an exception.
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
        """Compute the model at step 0.

        start_weights: W [V, V]; copied unless they are read-only and own their memory. name: the
        name of the backend's class if empty. validation: bigrams whose nll is recorded as well.
        Raises TypeError or ValueError if a hyperparameter can't be used.
        """
        self.backend = backend
        self.bigrams = bigrams
        self.name = name or type(backend).__name__
        shared = not start_weights.flags.writeable and start_weights.base is None
        self._start_weights = start_weights if shared else np.array(start_weights)
        self._start_weights.setflags(write=False)
        self._evaluation = Evaluation(backend, bigrams, validation)
        self._left: Branch | None = None
        self._readable: set[Kind] = set()
        self._descent = DescentRecord(bigrams)
        self._file = file_of(type(backend))
        self._strays = STRAYS.watch(self._file)
        self._generator: Generator[Iteration, None, None] | None = None
        self._context = copy_context()
        self._parameters = hyperparameters(backend)
        values = {name: plain_value(name, getattr(backend, name)) for name in self._parameters}
        self._begin(values)

    def _begin(self, values: Mapping[str, Any]) -> None:
        self._settings = Settings(values)
        self._losses = Rows(LOSS_COLUMNS)
        self._keyframes = Keyframes()
        self._end: int | None = None
        self._overshoot: float | None = None
        self._model: Iteration | None = None
        self._entered: Checkpoint | None = None  # from which the backend was started at this step
        self.iteration = -1
        self.status, self.message = Status.READY, ""
        self._enter(0, Checkpoint(self._start_weights))

    # The interface

    @property
    def latest(self) -> int:
        """The last step that was reached; −1 if there is no model yet."""
        return len(self._losses) - 1

    @property
    def model(self) -> Iteration | None:
        """The model after the present step; None if the backend never yielded one."""
        return self._model

    @property
    def descends(self) -> bool | None:
        """Whether the steps from here on are plain gradient descent; None while unknown."""
        return self._descent.known(max(0, self.iteration), self._settings)

    def advance(self, iterations: int = 1) -> None:
        """Take steps, along the timeline and then beyond its end, as far as the backend goes.

        A run that has failed first starts its backend again.
        """
        if self.status is Status.FAILED:
            self._start_here()
        self._walk(self.iteration + iterations)

    def seek(self, iteration: int) -> None:
        """Go to a step that was reached before, or to the nearest such step.

        The model is the same as before, bit for bit, if the backend's arithmetic is
        deterministic, as it is on every CPU.
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
        """Go back by some steps, at most to step 0."""
        self.seek(self.iteration - iterations)

    def set(self, name: str, value: object) -> None:
        """Change a hyperparameter from the present step on.

        Later steps, taken with the old value, are dropped; their losses become the branch that is
        left. Raises KeyError if there is no such hyperparameter, ValueError if the value is not
        valid.
        """
        parsed = self._parameters[name].parse(value)
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
        """Start again from the same weights, with the present hyperparameters."""
        self._leave(0)
        self._descent.keep(0, self.descends)
        self._begin(self._settings.at(max(0, self.iteration)))

    def close(self) -> None:
        """End the backend's training; the run fails if that raises, or if its threads have."""
        try:
            self._close_generator()
            self._look_for_strays()
        except BaseException as error:
            self._fail(error, self.iteration)

    def snapshot(self, *, training: bool = False, rate: float | None = None) -> Snapshot:
        """Return the run as it is now. rate: steps per second."""
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
            parameters=self._parameters,
            own_penalty=self._evaluation.own_penalty,
            start_weights=self._start_weights,
            end=self._end,
            descends=self.descends,
            overshoot=self._overshoot,
            training=training,
            rate=rate,
        )

    # How it moves along the timeline

    def _replay(self, iteration: int) -> None:
        """Go to a step from the nearest keyframe before it."""
        self._enter(*(self._keyframes.nearest(iteration) or (0, Checkpoint(self._start_weights))))
        self._walk(iteration)

    @_QUIET
    def _walk(self, iteration: int) -> None:
        """Take steps up to one, as long as there is a next one."""
        while self.iteration < iteration and self.status is Status.READY:
            self._take(self.iteration + 1)

    @_QUIET
    def _enter(self, iteration: int, start: Checkpoint) -> None:
        """Start the backend at a step, with the hyperparameters that hold there."""
        try:
            self._close_generator()
        except BaseException as error:
            self._fail(error, iteration)
            return
        self._strays = STRAYS.count(self._file)  # those before are of another training
        # What a backend sets for its thread, such as np.seterr, is for itself alone.
        self._context = copy_context()
        self._generator = self._train(iteration, start)
        self._take(iteration, entered=start)

    def _close_generator(self) -> None:
        """End the present training, rather than leave that to whoever frees its memory."""
        generator, self._generator = self._generator, None
        if generator is not None:
            self._context.run(generator.close)

    def _look_for_strays(self) -> None:
        """Raise PluginError if a thread of the backend has raised since the last look."""
        count = STRAYS.count(self._file)
        if count != self._strays:
            self._strays = count
            raise PluginError(STRAYS.last(self._file))

    def _train(self, iteration: int, start: Checkpoint) -> Generator[Iteration, None, None]:
        # A generator of our own, so that all errors of the backend are raised in `_take`.
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

    @property
    def _arrival(self) -> Checkpoint | None:
        """The checkpoint at this step as the step left it, before hyperparameters changed here."""
        if self._entered is not None or self._model is None:
            return self._entered
        return _reached(self._model)

    def _take(self, iteration: int, entered: Checkpoint | None = None) -> None:
        """Take the backend's next yield, the model at a step.

        entered: the checkpoint from which the backend was just started there, if it was.
        """
        assert self._generator is not None
        started = time.perf_counter()
        try:
            yielded = self._context.run(next, self._generator, _ENDED)
            seconds = time.perf_counter() - started
            self._look_for_strays()
            if yielded is _ENDED:
                self._finish(iteration, entered)
                return
            model = plain(yielded, self.bigrams.counts.shape, self._readable)
            values = self._settings.at(iteration)
            if values is not self._in_force:
                arrival = _reached(model) if entered is None else entered
                if arrival is not None:
                    self._enter(iteration, arrival)  # the same weights, other hyperparameters
                    return
                self._apply(values)
            self._commit(iteration, model, entered, seconds)
        except BaseException as error:  # a plugin may raise anything
            self._fail(error, iteration)

    def _commit(
        self, iteration: int, model: Iteration, entered: Checkpoint | None, seconds: float
    ) -> None:
        """Make a step the present one, and record it if it is new."""
        is_new = iteration == len(self._losses)
        if is_new:
            nll, penalty, validation = self._evaluation.losses(model)
            if self._model is not None and iteration == self.iteration + 1:
                self._descent.watch(self.iteration, self._model, model, self._settings)
        else:
            nll, penalty, *_ = self._losses.row(iteration)
        self.iteration, self._model, self._entered = iteration, model, entered
        if model.last:
            self._end = iteration
        if is_new:
            self._losses.append(nll, penalty, validation, seconds)
            if self._keyframes.is_due(iteration):
                self._keyframes.offer(iteration, self._arrival)
        else:
            self._keyframes.pass_by(iteration, self._arrival)
        self._judge(model, nll, penalty)

    def _judge(self, model: Iteration, nll: float, penalty: float) -> None:
        """Set the status and the message: whether another step can be taken."""
        self._overshoot = None
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
        with suppress(BaseException):  # it has failed already
            self._close_generator()
        self.status = Status.FAILED
        STRAYS.has_failed(self._file)
        if type(error) is PluginError:  # of a thread: one line already
            reason = str(error)
        else:
            reason = gpu_error(error, self._settings.at(iteration)) or describe_error(
                error, self._file
            )
        self.message = f"failed at step {iteration}: {reason}"

    def _start_here(self) -> None:
        """Restart the backend at the present step; without weights, replay up to it."""
        if self._model is None:
            self._begin(self._settings.at(0))
        elif self._arrival is not None:
            self._enter(self.iteration, self._arrival)
        else:
            self._replay(self.iteration)

    def _leave(self, iteration: int) -> None:
        """Keep the losses from a step on as those of the branch that is left there."""
        if self.latest > iteration >= 0:
            self._left = Branch(iteration, self._losses.view()[iteration:])


def _reached(model: Iteration) -> Checkpoint | None:
    """The checkpoint of a model; None for a model without weights."""
    return None if model.weights is None else Checkpoint(model.weights, model.state)
