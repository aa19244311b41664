"""The derivation of one cell: each formula of the model with the numbers of a run."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from threading import Thread

import numpy as np

from bigram_tui.backend import Iteration, as_numpy, configure
from bigram_tui.corpus.items import read_items
from bigram_tui.formatting.numbers import significant
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary
from bigram_tui.model.loss import softmax
from bigram_tui.training.descent import is_descent_step
from bigram_tui.training.iterations import plain
from bigram_tui.training.snapshot import Snapshot, Status

Cell = tuple[int, int]

PATIENCE_SECONDS = 5.0
"""How long a copy of a backend may take for a step or two: one that hangs holds up nobody."""

CLOSE = 32
"""Units in the last place by which a backend may round a formula differently."""


@dataclass(frozen=True)
class Quantity:
    """One quantity of a derivation, and how it follows from those before it."""

    name: str
    formula: str
    """The formula; empty for what is given."""
    numbers: str
    """The formula with numbers, or what is given in words."""
    value: float


def reasons(
    run: Snapshot, bigrams: Bigrams, cell: Cell, following: Iteration | None = None
) -> list[Quantity]:
    """Derive a cell of a run from its counts, as far as the run follows the formulas.

    A backend may have formulas of its own: a formula that disagrees with its numbers is left out.
    following: the next iteration of the run, if it is known.
    """
    counts = int(bigrams.counts[cell]), int(bigrams.row_sums[cell[0]])
    steps = [
        Quantity("N", "", "how often the bigram occurs", counts[0]),
        Quantity("n", "", "how often its first character occurs", counts[1]),
    ]
    if run.probabilities is None:
        return steps
    derived = _by_counting if run.weights is None else _by_weights
    steps += derived(run, bigrams, cell)
    probability = float(run.probabilities[cell])
    if probability > 0:
        steps.append(
            Quantity(
                "surprise", "−log P", f"−log {significant(probability)}", -math.log(probability)
            )
        )
    if run.gradient is not None and run.weights is not None:
        steps += _update(run, bigrams, cell, following)
    return steps


def successor(run: Snapshot, bigrams: Bigrams) -> Iteration | None:
    """Let a copy of the backend take the next step of a run; None if there is none."""
    return next(iter(_successors(run, bigrams, 1)), None)


def descends(run: Snapshot, bigrams: Bigrams) -> bool:
    """Whether a run takes plain steps of gradient descent.

    If the run has not shown it yet, a copy of its backend takes two steps: one would not show a
    momentum.
    """
    if run.descends is not None or run.model is None:
        return bool(run.descends)
    path = [run.model, *_successors(run, bigrams, 2)]
    plain = [is_descent_step(*pair, bigrams, run.settings) for pair in pairwise(path)]
    return bool(plain) and all(plain)


def _successors(run: Snapshot, bigrams: Bigrams, count: int) -> list[Iteration]:
    """Let a copy of the backend take up to `count` steps; an empty list if it fails, or is late.

    A backend in a process of its own is not asked: who looks at a lesson would wait for it.
    """
    from bigram_tui.isolation.proxy import IsolatedBackend  # most users never isolate anything

    if run.backend is None or run.model is None or run.weights is None:
        return []
    if isinstance(run.backend, IsolatedBackend):
        return []
    taken: list[Iteration] = []

    def take() -> None:
        assert run.model is not None
        with suppress(BaseException), np.errstate(all="ignore"):  # a plugin may raise anything
            backend = configure(type(run.backend), run.settings)  # type: ignore[arg-type]
            train: Callable[..., Iterator[Iteration]] = backend.train
            state = () if run.model.state is None else (run.model.state,)
            following = islice(train(bigrams, run.weights, *state), 1, count + 1)
            taken.extend([plain(model, bigrams.counts.shape) for model in following])

    thread = Thread(target=take, name=f"next step of {run.name}", daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return [] if thread.is_alive() else taken


def is_plain(run: Snapshot, rate: float, following: Iteration) -> bool:
    """Whether the next W is W − η·gradient, within the precision of the backend."""
    assert run.weights is not None
    assert run.gradient is not None
    step = rate * np.asarray(run.gradient, dtype=np.float64)
    apart = abs(as_numpy(following.weights) - (run.weights - step))
    return bool((apart <= CLOSE * run.precision * (abs(run.weights) + abs(step))).all())


def _by_counting(run: Snapshot, bigrams: Bigrams, cell: Cell) -> Iterator[Quantity]:
    assert run.probabilities is not None
    probability = float(run.probabilities[cell])
    n, row_sum = int(bigrams.counts[cell]), int(bigrams.row_sums[cell[0]])
    size = len(bigrams.counts)
    alpha = run.number("smoothing")
    whole = row_sum + (alpha or 0.0) * size
    if alpha is not None and whole and _agree((n + alpha) / whole, probability, run):
        numbers = f"({n} + {alpha:g}) / ({row_sum} + {alpha:g} · {size})"
        yield Quantity("P", "(N + α) / (n + αV)", numbers, probability)
    elif alpha is not None and not whole and _agree(1 / size, probability, run):
        yield Quantity("P", "1 / V", f"1 / {size}: the row has no counts", probability)
    else:
        yield Quantity("P", "", f"as {run.name} has it", probability)


def _by_weights(run: Snapshot, bigrams: Bigrams, cell: Cell) -> Iterator[Quantity]:
    assert run.probabilities is not None
    assert run.weights is not None
    row, probability = run.weights[cell[0]].astype(float), float(run.probabilities[cell])
    yield Quantity("W", "", f"the logit at step {run.iteration:,}", float(row[cell[1]]))
    with np.errstate(over="ignore"):
        odds = np.exp(row)
        total = float(odds.sum())
    sound = 0 < total < math.inf and np.isfinite(row).all()
    if not sound or not _agree(float(softmax(row)[cell[1]]), probability, run):
        yield Quantity("P", "", f"as {run.name} has it", probability)
        return
    own = float(odds[cell[1]])
    yield Quantity("odds", "e^W", f"e^{significant(row[cell[1]])}", own)
    yield Quantity("sum", "", f"Σ e^W over the {len(row)} cells of the row", total)
    yield Quantity("P", "e^W / Σ e^W", f"{significant(own)} / {significant(total)}", probability)


def _update(
    run: Snapshot, bigrams: Bigrams, cell: Cell, following: Iteration | None
) -> Iterator[Quantity]:
    """Derive the gradient, and the step that follows from it."""
    assert run.probabilities is not None
    assert run.gradient is not None
    assert run.weights is not None
    probability, gradient = float(run.probabilities[cell]), float(run.gradient[cell])
    n, row_sum = int(bigrams.counts[cell]), int(bigrams.row_sums[cell[0]])
    size, total, weight = len(bigrams.counts), bigrams.total, float(run.weights[cell])
    l2 = run.number("l2") or 0.0
    data = (row_sum * probability - n) / total
    decay = 2 * l2 * weight / size**2
    is_ours = "l2" not in run.settings or run.number("l2") is not None
    terms = (row_sum * probability + n) / total + abs(decay)
    if not (is_ours and abs(data + decay - gradient) <= CLOSE * run.precision * terms):
        yield Quantity("gradient", "", f"∂total/∂W as {run.name} has it", gradient)
        return
    fractions = f"({row_sum}·{significant(probability)} − {n}) / {total}"
    yield Quantity("data", "(n·P − N) / B", fractions, data)
    yield Quantity("penalty", "2λW / V²", f"2 · {l2:g} · {significant(weight)} / {size}²", decay)
    yield Quantity(
        "gradient", "data + penalty", f"{significant(data)} + {significant(decay)}", gradient
    )
    rate = run.number("learning_rate")
    if rate is None or run.status in (Status.DIVERGED, Status.FAILED):
        return
    if following is not None and not is_plain(run, rate, following):
        why = f"as {run.name} goes on, which is no plain step of gradient descent"
        yield Quantity("then W", "", why, float(as_numpy(following.weights)[cell]))
        yield Quantity(
            "then P", "", "in its next table", float(as_numpy(following.probabilities)[cell])
        )
        return
    yield Quantity(
        "step", "−η · gradient", f"−{rate:g} · {significant(gradient)}", -rate * gradient
    )
    row = run.weights[cell[0]].astype(float) - rate * run.gradient[cell[0]]
    numbers = f"{significant(weight)} + {significant(-rate * gradient)}"
    yield Quantity("then W", "W + step", numbers, float(row[cell[1]]))
    with np.errstate(invalid="ignore", over="ignore"):
        after = float(softmax(row)[cell[1]])
    yield Quantity("then P", "", "after such a step of all W of the row", after)


def lines_with(
    bigram: tuple[int, int],
    vocabulary: Vocabulary,
    paths: Sequence[str],
    count: int = 3,
    stop: Callable[[], bool] = lambda: False,
    until: int | None = None,
) -> list[str]:
    """Return the first lines of a text that contain a bigram.

    paths, until: those of the corpus. stop: says when to give up.
    Raises CorpusError if the text can't be read again.
    """
    first, second = ("" if k == BOUNDARY else vocabulary.labels[k] for k in bigram)
    lines: list[str] = []
    for items, _ in read_items(*paths, until=until):
        for item, line in zip(map(vocabulary.fold, items), items, strict=True):
            # Where a boundary is meant, the character stands at that end of the line.
            at_start = not first and item.startswith(second)
            at_end = not second and item.endswith(first)
            within = bool(first and second) and first + second in item
            if at_start or at_end or within:
                lines.append(line)
                if len(lines) == count:
                    return lines
        if stop():
            break
    return lines


def _agree(derived: float, actual: float, run: Snapshot) -> bool:
    return abs(derived - actual) <= CLOSE * run.precision * max(abs(derived), abs(actual))
