"""P by counting: the maximum likelihood estimate, smoothed by adding α to every count."""

from collections.abc import Iterator
from dataclasses import dataclass

from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter


@dataclass
class CountingBackend(Backend):
    """Normalised counts: nothing is trained, so the first iteration is the last."""

    smoothing: float = hyperparameter(
        1.0, low=0.0, high=1e9, symbol="α", help="added to every count; 0 leaves them as they are"
    )

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """P = (N + α) / Σ_j (N + α); a row without any count is uniform."""
        table = bigrams.counts + float(self.smoothing)
        table[table.sum(axis=1) == 0] = 1
        table /= table.sum(axis=1, keepdims=True)  # in place: V² numbers may be many
        yield Iteration(table, last=True)
