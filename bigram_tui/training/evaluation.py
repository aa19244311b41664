"""Computes the losses that are recorded of each step, from the model alone."""

import math

from bigram_tui.backend import Backend, Iteration, as_numpy, l2_penalty
from bigram_tui.model.arrays import detach_or_numpy
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.model.loss import Likelihood


class Evaluation:
    """The losses of one backend's models on one text, and on the validation text if there is one.

    NumPy's floating-point errors are for the caller to ignore, once for many models.
    """

    def __init__(self, backend: Backend, bigrams: Bigrams, validation: Bigrams | None) -> None:
        self._backend = backend
        self._likelihood = Likelihood(bigrams)
        self._validation = None if validation is None else Likelihood(validation)
        self.own_penalty = type(backend).regularization is not Backend.regularization
        """Whether the backend has a penalty of its own, other than λ·mean(W²)."""

    def losses(self, model: Iteration) -> tuple[float, float, float]:
        """Return the nll, the penalty, and the nll of the validation text (NaN without one).

        The nll is NaN if any number of P is not finite. From a GPU only numbers are copied.
        """
        table = detach_or_numpy(model.probabilities)
        nll = float(self._likelihood.loss(table, strict=True))
        validation = math.nan if self._validation is None else float(self._validation.loss(table))
        if model.weights is None:
            penalty = 0.0
        elif self.own_penalty:
            penalty = float(self._backend.regularization(as_numpy(model.weights)))
        else:
            penalty = l2_penalty(self._backend, model.weights)
        return nll, penalty, validation
