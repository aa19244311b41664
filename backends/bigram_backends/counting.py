"""P by counting: the maximum likelihood estimate, smoothed by adding α to every count."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter


@dataclass
class CountingBackend(Backend):
    """Normalised counts: nothing is trained, so the first iteration is the last."""

    smoothing: float = hyperparameter(
        1.0, low=0.0, high=1e9, symbol="α", help="added to every count; 0 leaves them as they are"
    )

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """P = (N + α) / Σ_j (N + α); a row without any count is uniform."""
        counts = bigrams.counts + float(self.smoothing)
        row_sums = counts.sum(axis=1, keepdims=True)
        uniform = np.full_like(counts, 1 / len(counts))
        yield Iteration(np.divide(counts, row_sums, out=uniform, where=row_sums > 0), last=True)
