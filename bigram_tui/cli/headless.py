"""Trains the runs without a screen, and prints a table or one JSON document."""

import io
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bigram_tui.cli.progress import Report
from bigram_tui.cli.streams import complain
from bigram_tui.cli.watched import WatchedRun
from bigram_tui.comparison.difference import compare, optimum_of
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.export.history import finite
from bigram_tui.formatting.numbers import measured_time, quantity
from bigram_tui.formatting.printable import EMPTY, printable
from bigram_tui.model.bigrams import BOUNDARY, Bigrams
from bigram_tui.model.loss import negative_log_likelihood, perplexity
from bigram_tui.model.sampling import Sample
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.training.timeline import NLL, REGULARIZATION

FORMAT_VERSION = 1

PIPE_WIDTH = 160
"""Columns of the table if there is no terminal to ask."""


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of one run: its last snapshot, samples, and what went wrong if anything did."""

    name: str
    final: Snapshot | None
    names: list[Sample]
    error: str | None


def train(
    session: Session,
    steps: int,
    samples: int,
    *,
    explicit: bool,
    timeout: float | None = None,
    report: Report | None = None,
) -> Iterable[Result]:
    """Train one run after the other, and yield the result of each.

    explicit: whether the user named the runs; a backend that is unavailable is then an error.
    timeout: as of WatchedRun.wait. report: shows how many of the steps a run has taken.
    """
    for source in session.sources:
        if source.obstacle is not None and not explicit:
            complain(f"without {source.name}: {source.obstacle}")
            continue
        run = WatchedRun(source.name, partial(session.make_run, source), steps)
        run.wait(timeout, None if report is None else partial(_report, report, steps, source.name))
        final = run.snapshot
        if final is None:
            yield Result(source.name, None, [], run.error)
            continue
        failed = final.status in (Status.FAILED, Status.DIVERGED)
        names = []
        if final.probabilities is not None:
            names = session.sample(final.probabilities, samples)
        reasons = filter(None, (f"{source.name} {final.message}", final.cause))
        failure = "; ".join(reasons) if failed else run.error or None
        yield Result(source.name, final, names, failure)


def _report(report: Report, steps: int, name: str, taken: int) -> None:
    report(taken, steps, name)


def document(session: Session, results: list[Result], reference: str) -> str:
    """Return the JSON document; its layout changes only together with FORMAT_VERSION."""
    corpus = session.corpus
    pairs = combinations(_in_order(results, reference), 2)
    content = {
        "version": FORMAT_VERSION,
        "corpus": {
            "path": corpus.path,
            "lines": corpus.lines,
            "bigrams": corpus.bigrams,
            "vocabulary": list(corpus.train.vocabulary.labels),
            "rare": list(corpus.train.vocabulary.rare),
            "unseen": corpus.train.unseen,
        },
        "seed": session.seed,
        "start": session.start,
        "runs": [_run(corpus, result) for result in results],
        "comparison": [asdict(compare(a, b)) for a, b in pairs],
    }
    return json.dumps(finite(content), allow_nan=False, default=str)


def _in_order(results: list[Result], reference: str) -> list[Snapshot]:
    """Return the runs that can be compared, which failed ones cannot, with the reference first."""
    runs = [result.final for result in results if result.final and result.final.model]
    sound = [run for run in runs if run.status not in (Status.DIVERGED, Status.FAILED)]
    return sorted(sound, key=lambda run: run.name != reference)


def _run(corpus: Corpus, result: Result) -> dict[str, Any]:
    final = result.final or Snapshot(result.name, Status.FAILED)
    best = optimum_of(final, corpus.train)
    return {
        "backend": result.name,
        "iteration": final.iteration,
        "finished": final.status is Status.FINISHED,
        "device": final.device,
        "dtype": final.dtype,
        "hyperparameters": dict(final.settings),
        "train": {
            "nll": final.nll,
            "perplexity": final.perplexity,
            "regularization": final.regularization,
            "total": final.total,
        },
        "validation": _held_out(final, corpus.validation),
        "test": _held_out(final, corpus.test),
        "loss_history": {
            "nll": final.losses[:, NLL].tolist(),
            "total": (final.losses[:, NLL] + final.losses[:, REGULARIZATION]).tolist(),
        },
        "samples": [name.text for name in result.names],
        "memorised": [corpus.holds(name.text) for name in result.names],
        "optimum": best and {"total": best.total, "attained": best.attained},
        "seconds": final.seconds,
        "error": result.error,
        "doubt": final.doubt or None,
    }


def _held_out(final: Snapshot, part: Bigrams | None) -> dict[str, float] | None:
    if part is None or final.probabilities is None:
        return None
    nll = negative_log_likelihood(final.probabilities, part)
    return {"nll": nll, "perplexity": perplexity(nll)}


def table(session: Session, results: list[Result], reference: str) -> str:
    """Return a table with one row per run, for people; in colour only on a terminal."""
    # Rich does not write it, as it would exit with 1 on a closed pipe.
    text = io.StringIO()
    on_terminal = sys.stdout.isatty()
    width = None if on_terminal else PIPE_WIDTH
    console = Console(file=text, highlight=False, width=width, force_terminal=on_terminal)
    corpus = session.corpus
    held_out = [name for name in ("validation", "test") if getattr(corpus, name) is not None]
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    rows.add_column("backend")
    for title in ("step", "nll", "perplexity", "total", "gap", *held_out, "time/step"):
        rows.add_column(title, justify="right", no_wrap=True)
    why = corpus.why_forgotten
    marking = f"• off: {why}" if why else "• stands in the corpus"
    rows.add_column(f"samples ({marking})", overflow="fold")
    for result in results:
        if result.final is not None and result.final.has_loss:
            rows.add_row(*_row(corpus, result, result.final, held_out))
    console.print(Text(_headline(session)))
    if rows.row_count:
        console.print(rows)
    for result in results:
        if result.error is not None:
            console.print(Text(printable(result.error), style="red"))
        elif result.final is not None and result.final.doubt:
            console.print(Text(printable(result.final.doubt), style="yellow"))
    runs = _in_order(results, reference)
    for other in runs[1:]:
        console.print(Text(f"{other.name} and {runs[0].name} {compare(runs[0], other).text}"))
    return text.getvalue()


def _headline(session: Session) -> str:
    corpus, seed = session.corpus, session.seed
    vocabulary = corpus.train.vocabulary
    size = len(vocabulary)
    rare = f" ({len(vocabulary.rare):,} rare characters as one)" if vocabulary.rare else ""
    split = _shares(corpus)
    training = f" ({corpus.train.total:,} for training; {split})" if split else ""
    in_training = " in training" if split else ""
    facts = [
        quantity(corpus.lines, "line"),
        quantity(corpus.bigrams, "bigram") + training,
        f"V = {size:,}{rare}",
        f"{corpus.train.unseen:,} of {size * size:,} pairs never occur{in_training}; seed {seed}, "
        f"{session.start} start",
    ]
    return f"{printable(corpus.path)}: {', '.join(facts)}"


def _shares(corpus: Corpus) -> str:
    """Return how many lines each part has: not exactly the shares, as equal ones stay together."""
    if corpus.split is None:
        return ""
    parts = (corpus.train, corpus.validation, corpus.test)[: len(corpus.split)]
    lines = [0 if part is None else int(part.row_sums[BOUNDARY]) for part in parts]
    return f"lines split {' / '.join(f'{count:,}' for count in lines)}, equal ones together"


def _row(corpus: Corpus, result: Result, final: Snapshot, held_out: list[str]) -> list[Text]:
    parts = [_held_out(final, getattr(corpus, name)) for name in held_out]
    best = optimum_of(final, corpus.train)
    names = Text("  ").join(
        Text(
            ("• " if corpus.holds(name.text) else "")
            + (printable(name.text) or EMPTY)
            + ("" if name.ended else "…")
        )
        for name in result.names
    )
    cells = [
        result.name,
        f"{final.iteration:,}",
        f"{final.nll:.6f}",
        f"{final.perplexity:.4f}",
        f"{final.total:.6f}",
        "" if best is None else f"{final.total - best.total:.1e}",
        *(f"{part['nll']:.6f}" if part else "" for part in parts),
        measured_time(final.seconds_per_iteration) if final.latest >= 0 else "",
    ]
    return [*map(Text, cells), names]
