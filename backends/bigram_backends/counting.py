"""P by counting: the maximum likelihood estimate, smoothed by adding α to every count."""

from collections.abc import Iterator
from dataclasses import dataclass

from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter


@dataclass
class CountingBackend(Backend):
    """Normalised counts. Nothing is trained, so the first iteration is the last."""

    smoothing: float = hyperparameter(
        1.0, low=0.0, high=1e9, symbol="α", help="added to every count; 0 leaves them as they are"
    )

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Yield P = (N + α) / Σ_j (N + α), where N are the counts; a row of zeros is uniform.

        At α = 0 this is the maximum likelihood estimate. α > 0 is additive smoothing: the makemore
        lecture adds 1 to every count.
        """
        p = bigrams.counts + float(self.smoothing)
        p[p.sum(axis=1) == 0] = 1
        p /= p.sum(axis=1, keepdims=True)  # in place: V² numbers may be many
        yield Iteration(p, last=True)
