"""What else can be measured of a run: how far a step may go, what stays, and what λ is not."""

import math
from collections.abc import Callable, Iterator
from itertools import chain, islice

import numpy as np
from rich.text import Text

from bigram_tui.bigrams import Bigrams, Matrix
from bigram_tui.corpus import Corpus, CorpusError, read_items
from bigram_tui.likelihood import bigram_probabilities, underflow
from bigram_tui.printable import in_cells, printable
from bigram_tui.smoothing import nearest_smoothing
from bigram_tui.snapshot import Snapshot
from bigram_tui.stability import curvature, nll_gradient, row_mean_decay
from bigram_tui.tui.panel import Panel

FACTORS = 20_000
"""Bigrams of the text that are multiplied at most: a product underflows long before."""

Meter = tuple[str, str]
"""What is measured, and what was found."""


class MetersScreen(Panel):
    """The meters of one run."""

    def __init__(self, run: Snapshot, corpus: Corpus, start_weights: Matrix) -> None:
        """start_weights: where all trainings began."""
        at = f"{printable(run.name)} at iteration {run.iteration:,}"
        super().__init__(f"meters  {at}")
        self._run = run
        self._corpus = corpus
        self._start_weights = start_weights

    def on_mount(self) -> None:
        self.tell(Text("measuring …"))
        self.find_out(self._measure)

    def _measure(self, tell: Callable[[Text], None], closed: Callable[[], bool]) -> None:
        text = Text()
        for title, found in meters(self._run, self._corpus, self._start_weights):
            text.append(f"{title}\n", "bold").append(f"{found}\n\n")
            tell(text.copy())
            if closed():
                return


def meters(run: Snapshot, corpus: Corpus, start_weights: Matrix) -> Iterator[Meter]:
    """All that applies to a run, one after the other, as some take their time."""
    if run.probabilities is None or not run.has_loss:
        yield "nothing yet", f"{run.name} has no model"
        return
    if run.weights is not None:
        if "learning_rate" in run.settings:
            yield "how large a step may be", _step_size(run, corpus.train)
            yield "what stays as it is", _invariants(run, corpus.train, start_weights)
        yield "λ is not α", _smoothing(run, corpus.train)
    yield "why logarithms", _likelihood(run, corpus)


def _step_size(run: Snapshot, bigrams: Bigrams) -> str:
    assert run.probabilities is not None
    rate, l2 = float(run.settings["learning_rate"]), float(run.settings.get("l2", 0.0))
    found = curvature(run.probabilities, bigrams, l2)
    standing = found.standing(rate)
    row = _character(bigrams, found.row)
    where = f"steepest in row {row}: λmax = {found.largest:.5f}, so 2/λmax = "
    where += f"{found.critical_learning_rate:.2f}. η = {rate:g} is {standing:.2f} of that: "
    if math.isnan(standing):
        return "P holds what is no number"
    if standing < 0.5:
        return where + "it goes straight down."
    if standing < 1:
        return where + "it swings over the floor of the valley, less each time."
    return where + "a step leads farther up the other side; near the minimum it never settles."


def _invariants(run: Snapshot, bigrams: Bigrams, start_weights: Matrix) -> str:
    assert run.probabilities is not None
    assert run.weights is not None
    sums = float(np.abs(nll_gradient(run.probabilities, bigrams).sum(axis=1)).max())
    size, factor = len(bigrams.counts), 1.0
    ends = [*(start for start, _ in run.spans[1:] if start <= run.iteration), run.iteration]
    for (start, values), end in zip(run.spans, ends, strict=False):
        decay = row_mean_decay(float(values["learning_rate"]), float(values.get("l2", 0.0)), size)
        factor *= decay ** (end - start)
    means = np.asarray(run.weights, dtype=np.float64).mean(axis=1)
    apart = float(np.abs(means - factor * start_weights.mean(axis=1)).max())
    return (
        f"The rows of the NLL's gradient sum to 0: measured, at most {sums:.0e}. So only λ moves "
        f"the mean of a row of W: by (1 − 2ηλ/V²) per iteration, ×{factor:.6f} since the start; "
        f"measured, no mean is farther than {apart:.0e} from that."
    )


def _smoothing(run: Snapshot, bigrams: Bigrams) -> str:
    assert run.probabilities is not None
    nearest = nearest_smoothing(run.probabilities, bigrams)
    if nearest is None:
        return "P holds what is no number"
    first, second = (_character(bigrams, token) for token in nearest.farthest)
    alpha = "∞" if math.isinf(nearest.smoothing) else f"{nearest.smoothing:.4g}"
    return (
        f"Of all counting tables the one with α = {alpha} is nearest to this P (KL "
        f"{nearest.divergence:.1e} nats), yet after {first}, {second} has P "
        f"{nearest.probability:.4f} here and {nearest.counting_probability:.4f} there. Both pull "
        "towards uniform, but α adds the same to each count of a row, and λ takes −2λBW/V²."
    )


def _likelihood(run: Snapshot, corpus: Corpus) -> str:
    assert run.probabilities is not None
    log10 = -run.nll * corpus.train.total / math.log(10)
    whole = f"The likelihood of all {corpus.train.total:,} bigrams is 10^{log10:,.1f}"
    try:
        lines = chain.from_iterable(items for items, _ in read_items(corpus.path, limit=FACTORS))
        factors = bigram_probabilities(lines, corpus.train.vocabulary, run.probabilities)
        found = underflow(islice(factors, FACTORS))
    except (CorpusError, ValueError) as error:
        return f"{whole}: no float holds that, so logs are summed. ({error})"
    places = []
    for name, product in (("float32", found.float32), ("float64", found.float64)):
        after = f"after {product.zero:,} bigrams" if product.zero else "later than was looked"
        places.append(f"in {name} {after}")
    return f"{whole}. As a product it is 0 {', '.join(places)}; the sum of logs stays exact."


def _character(bigrams: Bigrams, token: int) -> str:
    return f"“{in_cells(bigrams.vocabulary.labels[token], 2).rstrip()}”"
