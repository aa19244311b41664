"""From weights to probabilities, and how well those predict a text: for all backends alike."""

import math

import numpy as np

from bigram_tui.bigrams import Bigrams, Matrix


def softmax(weights: Matrix) -> Matrix:
    """exp(W) / Σ_j exp(W) along the last axis; its maximum is taken off, so exp can't overflow."""
    odds = np.exp(weights - weights.max(axis=-1, keepdims=True))
    result: Matrix = odds / odds.sum(axis=-1, keepdims=True)
    return result


def negative_log_likelihood(probabilities: Matrix, bigrams: Bigrams) -> float:
    """The average −log P of the text's bigrams, in nats: −Σ N·log P / B, the cross-entropy.

    probabilities: [V, V]. Computed in float64; ∞ if a bigram that occurs has probability 0.
    """
    seen = probabilities.ravel()[bigrams.seen]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_likelihood = bigrams.seen_share @ np.log(seen, dtype=np.float64)
    return 0.0 - float(log_likelihood)


def perplexity(nll: float) -> float:
    """exp(NLL): the number of equally likely next tokens that would surprise as much."""
    try:
        return math.exp(nll)
    except OverflowError:
        return math.inf
