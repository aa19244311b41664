"""Runs both sides of a pitfall on a text, as at a Python prompt."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isfunction
from typing import Any

import numpy as np

from bigram_tui.analysis.curvature import curvature, nll_gradient
from bigram_tui.cancellation import CancelToken
from bigram_tui.lessons.libraries import NUMPY, Library, torch_library
from bigram_tui.lessons.pitfalls import L2, Pitfall
from bigram_tui.lessons.transcript import Entry, transcript
from bigram_tui.lessons.word import first_word, tokens_of
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Matrix
from bigram_tui.model.loss import negative_log_likelihood, softmax
from bigram_tui.training.descent import critical_rate


@dataclass(frozen=True)
class Trial:
    """The transcripts of both sides of a pitfall."""

    wrong: tuple[Entry, ...]
    right: tuple[Entry, ...]


def run(
    pitfall: Pitfall,
    bigrams: Bigrams,
    start_weights: Matrix,
    sample: Callable[[Matrix], list[str]],
    seed: int,
    cancellation: CancelToken | None = None,
) -> Trial:
    """Run both sides of a pitfall on a text.

    sample: draws a few names from a table.
    cancellation: checked at each call of what the code of the pitfall knows.
    Raises ImportError if it needs torch, which is not there, and CancelledError.
    """
    cancellation = cancellation or CancelToken()
    library = torch_library() if pitfall.needs_torch else NUMPY

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            cancellation.raise_if_cancelled()
            return function(*arguments)

        return call

    def names() -> dict[str, Any]:
        known = _names(library, bigrams, start_weights, sample, seed)
        return {k: watched(v) if isfunction(v) else v for k, v in known.items()}

    return Trial(
        tuple(transcript(pitfall.wrong, names())), tuple(transcript(pitfall.right, names()))
    )


def unseen_bigram(bigrams: Bigrams) -> tuple[int, int]:
    """Return a bigram that the text lacks: the lecture's "jq", or else the first."""
    index = bigrams.vocabulary.index
    if "j" in index and "q" in index and not bigrams.counts[index["j"], index["q"]]:
        return index["j"], index["q"]
    unseen = bigrams.counts == 0
    inner = unseen[1:, 1:]  # rather than one at the end of a line
    if inner.any():
        first, second = divmod(int(inner.argmax()), len(inner))
        return first + 1, second + 1
    return divmod(int(unseen.argmax()), len(unseen))  # the boundary never follows itself


def steady_rate(bigrams: Bigrams, start_weights: Matrix) -> float:
    """Return ⅔ of 2/λmax at the start or at the minimum, whichever is less, to one digit.

    For the names of the lecture it is the lecture's 50.
    """
    at_start = curvature(softmax(start_weights), bigrams, L2).critical_learning_rate
    return float(f"{min(at_start, critical_rate(bigrams, L2)) * 2 / 3:.0e}")


def _names(
    library: Library,
    bigrams: Bigrams,
    start_weights: Matrix,
    sample: Callable[[Matrix], list[str]],
    seed: int,
) -> dict[str, Any]:
    """Return the names that the code of a pitfall knows."""
    made = _of_torch if library.is_torch else _of_numpy
    common = {
        **library.names,
        "V": len(bigrams.vocabulary),
        "critical_rate": lambda: critical_rate(bigrams, L2),
        "steady_rate": lambda: steady_rate(bigrams, start_weights),
    }
    return {**common, **made(library, bigrams, start_weights, sample, seed)}


def _of_numpy(
    _: Library,
    bigrams: Bigrams,
    start_weights: Matrix,
    sample: Callable[[Matrix], list[str]],
    __: int,
) -> dict[str, Any]:
    first, second = unseen_bigram(bigrams)

    def loss_of(weights: Matrix) -> float:
        """Return NLL + λ·mean(W²) of the text."""
        with np.errstate(all="ignore"):
            nll = negative_log_likelihood(softmax(weights), bigrams)
            return nll + L2 * float(np.square(weights).mean())

    def gradient_of(weights: Matrix) -> Matrix:
        with np.errstate(all="ignore"):
            return nll_gradient(softmax(weights), bigrams) + 2 * L2 / weights.size * weights

    return {
        "N": bigrams.counts,
        "W": np.array(start_weights),
        "first": first,
        "second": second,
        "softmax": softmax,
        "nll": lambda table: negative_log_likelihood(table, bigrams),
        "names": sample,
        "loss_of": loss_of,
        "gradient_of": gradient_of,
    }


def _of_torch(
    library: Library,
    bigrams: Bigrams,
    _: Matrix,
    __: Callable[[Matrix], list[str]],
    seed: int,
) -> dict[str, Any]:
    torch = library.names["torch"]
    inner = tokens_of(first_word(bigrams), bigrams.vocabulary)
    last = len(bigrams.vocabulary) - 1  # left out: it would tell one_hot how many there are
    tokens = [BOUNDARY, *(token for token in inner if token != last), BOUNDARY]
    xs, ys = tokens[:-1], tokens[1:]
    joint = torch.tensor(bigrams.counts / bigrams.total, dtype=torch.float32)
    return {
        "xs": xs,
        "ys": ys,
        "g": torch.Generator().manual_seed(seed),
        "word_loss": lambda w: -w[xs].log_softmax(1)[range(len(xs)), ys].mean(),
        "loss_of": lambda w: -(joint * w.log_softmax(1)).sum() + L2 * (w**2).mean(),
    }
