"""What the user asked for: a corpus, backends and their settings; and the runs made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bigram_tui.backend import Backend, configure, hyperparameters
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.model.bigrams import Matrix
from bigram_tui.model.sampling import (
    PairedSample,
    Sample,
    draw_paired_samples,
    draw_samples,
    uniforms,
)
from bigram_tui.model.torch_rng import LECTURE_SEED, start_weights
from bigram_tui.training.registry import BackendError, BackendSource
from bigram_tui.training.run import Run

STEPPABLE = "numpy"

RANDOM, ZEROS = STARTS = ("random", "zeros")
"""Where a training may begin: the lecture's weights for a seed, or W = 0."""


def configured(
    source: BackendSource,
    common: Mapping[str, object],
    individual: Mapping[str, Mapping[str, object]],
    values: Mapping[str, object] | None = None,
) -> Backend:
    """Import a backend and set its hyperparameters. BackendError if anything is amiss.

    common, individual: as in a session. values: go before those.
    """
    backend_class = source.load()
    try:
        known = hyperparameters(backend_class)
        for_all = {name: value for name, value in common.items() if name in known}
        own = {**individual.get(source.backend, {}), **individual.get(source.name, {})}
        return configure(backend_class, {**for_all, **own, **(values or {})})
    except Exception as error:  # a plugin may raise anything
        raise BackendError(f"{source.name}: {error}") from error


@dataclass(frozen=True)
class Session:
    """One corpus, the backends to train on it, and where their trainings begin."""

    corpus: Corpus
    sources: tuple[BackendSource, ...]
    seed: int = LECTURE_SEED
    common: Mapping[str, object] = field(default_factory=dict)
    """Values for every backend that has such a hyperparameter."""
    individual: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Values by the name of a backend or of one of its runs, which must have such a field."""
    start: str = RANDOM
    """One of STARTS, for every run that is not given another."""

    @cached_property
    def start_weights(self) -> Matrix:
        """Where a run begins that is given no start of its own, [V, V]."""
        return self.weights_of(self.start)

    def weights_of(self, start: str) -> Matrix:
        """W [V, V] of one of STARTS, ValueError if it is none: "random" is the lecture's.

        Read-only, so that all runs from this start can have it without a copy.
        """
        size = len(self.corpus.train.vocabulary)
        if start not in STARTS:
            raise ValueError(f"a start is one of {', '.join(STARTS)}, not {start!r}")
        weights = start_weights(size, self.seed) if start == RANDOM else np.zeros((size, size))
        weights.setflags(write=False)
        return weights

    def first(self, *, named: bool) -> str:
        """The run that is looked at first, and that the others are compared with.

        named: whether the user named the runs; if not, it is one that can be stepped.
        """
        names = [source.name for source in self.sources]
        return STEPPABLE if not named and STEPPABLE in names else names[0]

    def configured(
        self, source: BackendSource, values: Mapping[str, object] | None = None
    ) -> Backend:
        """Import a backend and set its hyperparameters. BackendError if anything is amiss.

        values: go before those of the session.
        """
        return configured(source, self.common, self.individual, values)

    def make_run(
        self,
        source: BackendSource,
        values: Mapping[str, object] | None = None,
        start: str | None = None,
    ) -> Run:
        """Start a run of a backend. BackendError if it or its settings are no good.

        values: of its hyperparameters, before those of the session. start: one of STARTS, the
        session's if None.
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
        """The first names of a draw: each draw is one fresh generator, the first with our seed."""
        stream = uniforms((self.seed + draw) % 2**32)
        return draw_samples(probabilities, self.corpus.train.vocabulary, stream, count)

    def sample_paired(
        self, reference: Matrix, others: Sequence[Matrix], count: int, draw: int = 0
    ) -> list[list[PairedSample]]:
        """The names that `sample` draws from the reference; beside them, those of other models."""
        stream = uniforms((self.seed + draw) % 2**32)
        return draw_paired_samples(reference, others, self.corpus.train.vocabulary, stream, count)
