"""The theory of the bigram model as Markdown with the numbers of a run; knows no screen."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from bigram_tui.analysis.curvature import Curvature, curvature, row_mean_decay
from bigram_tui.analysis.optimum import counting_optimum
from bigram_tui.backend import Iteration
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.formatting.numbers import decimal, grouped, power_of_ten, significant
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.lessons.derivation import Cell, Quantity, descends, reasons, successor
from bigram_tui.model.bigrams import Matrix
from bigram_tui.training.snapshot import Snapshot

DESTINATIONS = {
    "view/P": "the table of P",
    "view/N": "the counts",
    "view/W": "the weights",
    "view/gradient": "the gradient",
    "cell/jq": "the cell jq",
    "why": "why this cell is so",
    "step": "one step, and its loss",
    "network": "one word through the network",
    "meters": "the meters",
    "families": "λ against α",
    "presets": "η, λ and starts to try",
    "contexts": "longer contexts",
    "compare": "all runs side by side",
    "pitfalls": "bugs that run",
}
"""The destinations of `see:` links, and what the user sees there."""

CONTEXT = 10
"""Characters of a context that is too long for a table."""

_LARGE = 1024
"""The V above which the curvature is not computed: it would take too long."""


@dataclass(frozen=True)
class Section:
    """A page of the theory."""

    title: str
    text: str
    """Markdown. `{name}` stands for one of NUMBERS; a part within ⟦⟧ is left out if a number of it
    is missing."""
    links: tuple[str, ...]
    """The destinations of its links, in order, each once."""


@dataclass(frozen=True, eq=False)
class Subject:
    """The run, the corpus and the cell that the numbers in the text belong to."""

    run: Snapshot
    corpus: Corpus
    cell: Cell
    """The cell under the cursor: current and next token."""

    @cached_property
    def following(self) -> Iteration | None:
        """The next iteration of the run, if there is one."""
        return successor(self.run, self.corpus.train)

    @cached_property
    def descends(self) -> bool:
        """Whether the run takes plain steps of gradient descent, whose limit is 2/λmax."""
        return descends(self.run, self.corpus.train)


Number = Callable[[Subject], str | None]
"""Writes one number; None if the run does not have it, as counting has no W."""


@cache
def sections() -> tuple[Section, ...]:
    """Return all pages, in order."""
    text = Path(__file__).with_suffix(".md").read_text("utf-8")
    pages = (page.split("\n", 1) for page in re.split(r"^## ", text, flags=re.MULTILINE)[1:])
    return tuple(Section(title, body.strip() + "\n", _links(body)) for title, body in pages)


def _links(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"\]\(see:([^)]+)\)", text)))


def fill(text: str, subject: Subject) -> str:
    """Put the numbers into the Markdown of a section.

    Raises KeyError for a name that is not in NUMBERS, and ValueError for a missing number that does
    not stand within ⟦⟧.
    """
    # In a code block nothing is Markdown, and a backslash would be seen.
    blocks = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    filled = [
        _filled(block, subject, str if place % 2 else escape) for place, block in enumerate(blocks)
    ]
    return "".join(filled)


def _filled(text: str, subject: Subject, write: Callable[[str], str]) -> str:
    def required(match: re.Match[str]) -> str:
        value = NUMBERS[match[1]](subject)
        if value is None:
            raise ValueError(f"there is no {match[1]} of this run")
        return write(value)

    def optional(match: re.Match[str]) -> str:
        try:
            return match[1] + _PLACE.sub(required, match[2]) + match[3]
        except ValueError:
            is_line = match.start() == 0 or text[match.start() - 1] == "\n"
            return "" if is_line else match[3]

    return _PLACE.sub(required, _OPTIONAL.sub(optional, text))


_PLACE = re.compile(r"\{(\w+)\}")
_OPTIONAL = re.compile(r"( *)⟦([^⟧]*)⟧(\n?)")


def escape(text: str) -> str:
    """Escape a text, so that Markdown shows it as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


# The numbers


NO_NUMBER = "no number"
"""What stands for NaN in a sentence."""


def _significant(value: float | None, digits: int = 5) -> str | None:
    if value is None:
        return None
    return NO_NUMBER if math.isnan(value) else significant(value, digits)


def _loss(value: float, run: Snapshot) -> str | None:
    return decimal(value, nan=NO_NUMBER) if run.has_loss else None


def _regularization(subject: Subject) -> str | None:
    run = subject.run
    return None if run.weights is None else _loss(run.regularization, run)


def _log_likelihood(subject: Subject) -> float | None:
    log = -subject.run.nll * subject.corpus.train.total
    return log if math.isfinite(log) else None


def _grouped_log_likelihood(subject: Subject) -> str | None:
    log = _log_likelihood(subject)
    return None if log is None else grouped(log)


def _likelihood(subject: Subject) -> str | None:
    log = _log_likelihood(subject)
    return None if log is None else power_of_ten(log / math.log(10))


def _label(subject: Subject, place: int) -> str:
    token = subject.cell[place]
    return in_cells(subject.corpus.train.vocabulary.labels[token], 2).rstrip()


def _file(subject: Subject) -> str:
    path = subject.corpus.path
    name = "the text" if path == "-" else printable(path.rstrip("/").rpartition("/")[2])
    return name if subject.corpus.split is None else f"the training part of {name}"


def _step(subject: Subject, name: str) -> Quantity | None:
    """Return a quantity of the derivation of the cell; None if the run does not follow it."""
    steps = reasons(subject.run, subject.corpus.train, subject.cell, subject.following)
    return next((step for step in steps if step.name == name), None)


def _of_cell(name: str) -> Number:
    def value(subject: Subject) -> str | None:
        step = _step(subject, name)
        return None if step is None else _significant(step.value)

    return value


def _smoothed(subject: Subject) -> str | None:
    """Write the formula of counting with numbers, if the P of the run comes from it."""
    step = _step(subject, "P")
    by_counting = step is not None and subject.run.weights is None and "α" in step.formula
    return step.numbers if step is not None and by_counting else None


def _l2(run: Snapshot) -> float | None:
    """Return λ, if the penalty is λ·mean(W²)."""
    l2 = run.number("l2")
    if run.weights is None or l2 is None or not run.has_loss:
        return None
    with np.errstate(over="ignore"):
        penalty = l2 * float(np.square(run.weights, dtype=np.float64).mean())
    return l2 if math.isclose(penalty, run.regularization, rel_tol=1e-5) else None


def _rate(run: Snapshot) -> float | None:
    return None if run.weights is None else run.number("learning_rate")


def _penalty_scale(subject: Subject) -> str | None:
    l2, train = _l2(subject.run), subject.corpus.train
    return None if l2 is None else _significant(2 * l2 * train.total / train.counts.size)


def _mean_decay(subject: Subject) -> str | None:
    rate, l2 = _rate(subject.run), _l2(subject.run)
    if rate is None or l2 is None or not subject.descends:
        return None
    return _significant(row_mean_decay(rate, l2, len(subject.corpus.train.counts)), 8)


def _curvature(subject: Subject) -> Curvature | None:
    run, bigrams = subject.run, subject.corpus.train
    if run.probabilities is None or len(bigrams.counts) > _LARGE or not subject.descends:
        return None
    here = curvature(run.probabilities, bigrams, _l2(run) or 0.0)
    return here if math.isfinite(here.largest) else None


def _critical_eta(subject: Subject) -> str | None:
    here = _curvature(subject)
    return None if here is None else _significant(here.critical_learning_rate, 4)


def _standing(subject: Subject) -> str | None:
    here, rate = _curvature(subject), _rate(subject.run)
    return None if here is None or rate is None else _significant(here.standing(rate), 2)


def _log_count_spread(subject: Subject) -> str | None:
    """Return the spread of W − log N in the row of the cursor, weighted by N."""
    row, weights = subject.cell[0], subject.run.weights
    counts = subject.corpus.train.counts[row]
    seen = counts > 0
    if weights is None or not seen.any() or not np.isfinite(weights[row]).all():
        return None
    apart = weights[row][seen].astype(float) - np.log(counts[seen])
    mean = np.average(apart, weights=counts[seen])
    return decimal(math.sqrt(np.average((apart - mean) ** 2, weights=counts[seen])), 3)


def _without_keepdim(subject: Subject) -> Matrix | None:
    """Return the row sums of a table whose column j was divided by the sum of row j. [V]"""
    run, alpha = subject.run, subject.run.number("smoothing")
    if run.weights is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            odds = np.exp(run.weights.astype(float))
    elif run.probabilities is not None and alpha is not None:
        odds = subject.corpus.train.counts + alpha
    else:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        sums: Matrix = (odds / odds.sum(axis=1)).sum(axis=1)
    return sums if np.isfinite(sums).all() else None


def _extreme(of: Callable[[Matrix], float]) -> Number:
    def value(subject: Subject) -> str | None:
        sums = _without_keepdim(subject)
        return None if sums is None else _significant(float(of(sums)), 3)

    return value


def _gap(subject: Subject) -> str | None:
    gap = subject.run.nll - counting_optimum(subject.corpus.train).nll
    return _significant(gap, 2) if subject.run.has_loss else None


def _has_weights(subject: Subject, *, with_weights: bool) -> str | None:
    """Return the name of a run that has weights, or of one that has none."""
    run = subject.run
    known = run.model is not None and (run.weights is not None) == with_weights
    return printable(run.name) if known else None


NUMBERS: dict[str, Number] = {
    # of the text
    "file": _file,
    "boundary": lambda p: p.corpus.train.vocabulary.boundary_label,
    "V": lambda p: f"{len(p.corpus.train.vocabulary):,}",
    "B": lambda p: f"{p.corpus.train.total:,}",
    "cells": lambda p: f"{p.corpus.train.counts.size:,}",
    "unseen": lambda p: f"{p.corpus.train.unseen:,}",
    "log_V": lambda p: decimal(math.log(len(p.corpus.train.vocabulary))),
    "contexts": lambda p: power_of_ten(CONTEXT * math.log10(len(p.corpus.train.vocabulary))),
    "best_nll": lambda p: decimal(counting_optimum(p.corpus.train).nll),
    # of the run
    "learning": lambda p: _has_weights(p, with_weights=True),
    "counting": lambda p: _has_weights(p, with_weights=False),
    "iteration": lambda p: f"{p.run.iteration:,}" if p.run.has_loss else None,
    "nll": lambda p: _loss(p.run.nll, p.run),
    "regularization": _regularization,
    "total": lambda p: _loss(p.run.total, p.run),
    "perplexity": lambda p: decimal(p.run.perplexity, nan=NO_NUMBER) if p.run.has_loss else None,
    "likelihood": _likelihood,
    "log_likelihood": _grouped_log_likelihood,
    "gap": _gap,
    "eta": lambda p: _significant(_rate(p.run)),
    "l2": lambda p: _significant(_l2(p.run)),
    "alpha": lambda p: _significant(p.run.number("smoothing")),
    "penalty_scale": _penalty_scale,
    "mean_decay": _mean_decay,
    "critical_eta": _critical_eta,
    "standing": _standing,
    "least_sum": _extreme(np.min),
    "most_sum": _extreme(np.max),
    "log_count_spread": _log_count_spread,
    # of the cell under the cursor
    "row": lambda p: _label(p, 0),
    "column": lambda p: _label(p, 1),
    "N": lambda p: f"{p.corpus.train.counts[p.cell]:,}",
    "n": lambda p: f"{p.corpus.train.row_sums[p.cell[0]]:,}",
    "P": _of_cell("P"),
    "surprise": _of_cell("surprise"),
    "odds": _of_cell("odds"),
    "row_odds": _of_cell("sum"),
    "smoothed": _smoothed,
    "data": _of_cell("data"),
    "decay": _of_cell("penalty"),
    "gradient": _of_cell("gradient"),
    "step": _of_cell("step"),
}
"""The numbers that the text may name."""
