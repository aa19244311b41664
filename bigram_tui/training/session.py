"""A corpus, backends and their settings, as the user asked for them, and the runs made of them."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bigram_tui.backend import Backend, check_values, configure, hyperparameters
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.faults import message_of
from bigram_tui.model.bigrams import Matrix
from bigram_tui.model.sampling import (
    PairedSample,
    Sample,
    draw_paired_samples,
    draw_samples,
    uniforms,
)
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import BackendError, BackendSource
from bigram_tui.training.run import Run

STEPPABLE = "numpy"
"""The backend that is shown first, since it has steps to take and needs no other library."""

RANDOM, ZEROS = STARTS = ("random", "zeros")
"""The names of start weights: the lecture's for a seed, or W = 0."""


def configured(
    source: BackendSource,
    common: Mapping[str, object],
    individual: Mapping[str, Mapping[str, object]],
    values: Mapping[str, object] | None = None,
) -> Backend:
    """Import a backend and set its hyperparameters.

    common, individual: as in a Session. values: override both.
    Raises BackendError if it can't be imported or a value is not valid.
    """
    backend_class = source.load()
    try:
        given = given_values(source, hyperparameters(backend_class), common, individual)
        backend = configure(backend_class, {**given, **(values or {})})
        check_values(backend)  # it may have changed them itself
        return backend
    except BaseException as error:  # a plugin may raise anything
        raise BackendError(f"{source.name}: {message_of(error)}") from None


def given_values(
    source: BackendSource,
    known: Container[str],
    common: Mapping[str, object],
    individual: Mapping[str, Mapping[str, object]],
) -> dict[str, object]:
    """Return the values that are given for a run. known: the names of its hyperparameters."""
    for_all = {name: value for name, value in common.items() if name in known}
    return {**for_all, **individual.get(source.backend, {}), **individual.get(source.name, {})}


@dataclass(frozen=True)
class Session:
    """A corpus, the backends to train on it, and where their training starts."""

    corpus: Corpus
    sources: tuple[BackendSource, ...]
    seed: int = LECTURE_SEED
    common: Mapping[str, object] = field(default_factory=dict)
    """Values by the name of a hyperparameter, for every backend that has it."""
    individual: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Values by the name of a backend or a run. Each backend must have the hyperparameters."""
    start: str = RANDOM
    """One of STARTS, for runs without a start of their own."""

    @cached_property
    def start_weights(self) -> Matrix:
        """W [V, V] of `start`, read-only."""
        return self.weights_of(self.start)

    def weights_of(self, start: str) -> Matrix:
        """Return W [V, V] of one of STARTS, read-only so that runs can share it.

        Raises ValueError if there is no such start.
        """
        size = len(self.corpus.train.vocabulary)
        if start not in STARTS:
            raise ValueError(f"a start is one of {', '.join(STARTS)}, not {start!r}")
        weights = start_weights(size, self.seed) if start == RANDOM else np.zeros((size, size))
        weights.setflags(write=False)
        return weights

    def first(self, *, named: bool) -> str:
        """Return the name of the run that is shown first, and is the reference for the others.

        named: whether the user named the runs. If not, a run that takes steps comes first.
        """
        names = [source.name for source in self.sources]
        return STEPPABLE if not named and STEPPABLE in names else names[0]

    def configured(
        self, source: BackendSource, values: Mapping[str, object] | None = None
    ) -> Backend:
        """Import a backend and set its hyperparameters.

        values: override those of the session.
        Raises BackendError if it can't be imported or a value is not valid.
        """
        return configured(source, self.common, self.individual, values)

    def make_run(
        self,
        source: BackendSource,
        values: Mapping[str, object] | None = None,
        start: str | None = None,
    ) -> Run:
        """Make a run of a backend, at step 0.

        values: hyperparameters that override those of the session. start: one of STARTS; the
        session's if None.
        Raises BackendError if the backend can't be imported or a value is not valid.
        """
        if source.obstacle is not None:
            raise BackendError(f"{source.name} {source.obstacle}")
        return Run(
            self.configured(source, values),
            self.corpus.train,
            self.start_weights if start is None else self.weights_of(start),
            name=source.name,
            validation=self.corpus.validation,
        )

    def sample(self, probabilities: Matrix, count: int, draw: int = 0) -> list[Sample]:
        """Draw samples from P [V, V], with a fresh generator seeded with seed + draw."""
        stream = uniforms((self.seed + draw) % 2**32)
        return draw_samples(probabilities, self.corpus.train.vocabulary, stream, count)

    def sample_paired(
        self, reference: Matrix, others: Sequence[Matrix], count: int, draw: int = 0
    ) -> list[list[PairedSample]]:
        """Draw the samples that `sample` draws from the reference, and beside each the others'.

        Returns lists as `draw_paired_samples` does.
        """
        stream = uniforms((self.seed + draw) % 2**32)
        return draw_paired_samples(reference, others, self.corpus.train.vocabulary, stream, count)
