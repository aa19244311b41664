"""The meters of a run: the stable limit of a step, what training keeps, how λ differs from α."""

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from bigram_tui.analysis.curvature import curvature, nll_gradient, row_mean_decay
from bigram_tui.analysis.smoothing import nearest_smoothing
from bigram_tui.analysis.underflow import bigram_probabilities, underflow
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.items import read_items
from bigram_tui.formatting.numbers import grouped, significant
from bigram_tui.formatting.printable import in_cells
from bigram_tui.lessons.derivation import descends
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.training.snapshot import Snapshot, Status

FACTORS = 20_000
"""How many P of the text are multiplied at most: the product underflows long before."""

Meter = tuple[str, str]
"""A title, and what was measured, in sentences."""


def meters(run: Snapshot, corpus: Corpus, seed: int) -> Iterator[Meter]:
    """Measure all that applies to a run, one meter after the other, as some take their time."""
    if run.probabilities is None or not run.has_loss:
        yield "nothing yet", f"{run.name} has no model"
        return
    if run.weights is not None and run.status is not Status.DIVERGED:
        if descends(run, corpus.train):
            yield "how large a step may be", _step_size(run, corpus.train)
            if len({_other_settings(values) for _, values in run.spans}) <= 1:
                yield "what stays as it is", _invariants(run, corpus.train)
        if run.number("l2"):
            yield "λ is not α", _smoothing(run, corpus.train)
    yield "why logarithms", _likelihood(run, corpus, seed)


def _other_settings(values: Mapping[str, Any]) -> str:
    """Return all settings but η and λ: if they have changed, so may the kind of the steps."""
    return repr(sorted((k, v) for k, v in values.items() if k not in ("learning_rate", "l2")))


def _step_size(run: Snapshot, bigrams: Bigrams) -> str:
    assert run.probabilities is not None
    rate, l2 = run.number("learning_rate") or 0.0, run.number("l2") or 0.0
    here = curvature(run.probabilities, bigrams, l2)
    standing = here.standing(rate)
    if math.isnan(standing):
        return "P contains NaN."
    row = _character(bigrams, here.row)
    limit = f"the stable limit here and now is 2/λmax = {here.critical_learning_rate:.4g}"
    text = f"The loss curves most in row {row}: λmax = {here.largest:.4g}, so {limit}. "
    text += f"η = {rate:g} is {standing:.2g} of it. Near a minimum with this curvature, "
    if standing <= 0.5:
        return text + "each step would go straight down."
    if standing < 1:
        return text + "each step would overshoot, but less each time, so the run converges."
    return text + "each step would overshoot, and more each time, so the run never settles."


def _invariants(run: Snapshot, bigrams: Bigrams) -> str:
    assert run.probabilities is not None
    assert run.weights is not None
    assert run.start_weights is not None
    sums = float(np.abs(nll_gradient(run.probabilities, bigrams).sum(axis=1)).max())
    size, factor = len(bigrams.counts), 1.0
    ends = [*(start for start, _ in run.spans[1:] if start <= run.iteration), run.iteration]
    for (start, values), end in zip(run.spans, ends, strict=False):
        decay = row_mean_decay(float(values["learning_rate"]), float(values.get("l2", 0.0)), size)
        factor *= decay ** (end - start)
    means = np.asarray(run.weights, dtype=np.float64).mean(axis=1)
    apart = float(np.abs(means - factor * run.start_weights.mean(axis=1)).max())
    return (
        f"Each row of the gradient of the NLL sums to 0; the largest sum measured is {sums:.0e}. "
        "So only λ moves the mean of a row of W: each step multiplies it by 1 − 2ηλ/V², which "
        f"makes {factor:.6f} since the start. The measured means agree with that to {apart:.0e}."
    )


def _smoothing(run: Snapshot, bigrams: Bigrams) -> str:
    assert run.probabilities is not None
    nearest = nearest_smoothing(run.probabilities, bigrams)
    if nearest is None:
        return "P contains NaN."
    first, second = (_character(bigrams, token) for token in nearest.farthest)
    alpha = significant(nearest.smoothing, 4)
    return (
        f"Of all tables that counting can give, the one with α = {alpha} is nearest to this P (KL "
        f"{nearest.divergence:.1e} nats). Yet after {first}, {second} has P "
        f"{nearest.probability:.4f} here and {nearest.counting_probability:.4f} there. Both pull "
        "towards uniform, but α adds the same to each count of a row, and λ adds −2λBW/V²."
    )


def _likelihood(run: Snapshot, corpus: Corpus, seed: int) -> str:
    assert run.probabilities is not None
    log10 = -run.nll * corpus.train.total / math.log(10)
    if not math.isfinite(log10):
        return "The text has a bigram whose P is 0 or NaN, and so the likelihood is too."
    whole = f"The likelihood of all {corpus.train.total:,} training bigrams is 10^{grouped(log10)}"
    try:
        products = underflow(islice(_factors(run.probabilities, corpus, seed), FACTORS))
    except (CorpusError, ValueError) as error:
        return f"{whole}; logs are summed, since a long product underflows. ({error})"
    ends = []
    for name, product in (("float32", products.float32), ("float64", products.float64)):
        zero = f"is 0 after {product.zero:,} bigrams" if product.zero else "does not underflow"
        ends.append(f"in {name} it {zero}")
    return f"{whole}. As a product {', '.join(ends)}; the sum of logs stays exact."


def _factors(table: Matrix, corpus: Corpus, seed: int) -> Iterator[float]:
    """Return P of the bigrams of the training lines, in the order of the text."""
    parts = read_items(
        *corpus.paths, split=corpus.split, seed=seed, limit=20 * FACTORS, until=corpus.until
    )
    lines = (
        item
        for items, dealt in parts
        for item, part in zip(items, dealt.tolist(), strict=True)
        if part == 0
    )
    return bigram_probabilities(lines, corpus.train.vocabulary, table)


def _character(bigrams: Bigrams, token: int) -> str:
    return f"“{in_cells(bigrams.vocabulary.labels[token], 2).rstrip()}”"
