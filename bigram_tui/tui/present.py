"""Turns snapshots of runs into the words and curves that widgets show."""

import time
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from rich.style import Style
from rich.text import Text

from bigram_tui.analysis.curvature import curvature
from bigram_tui.analysis.ordering import TokenOrder
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.formatting.numbers import decimal, quantity, rounded
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.output import UNATTRIBUTED
from bigram_tui.training.runner import Runner
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.training.timeline import NLL
from bigram_tui.tui.render.colors import run_color
from bigram_tui.tui.render.curve import Curve, sparkline
from bigram_tui.tui.render.series import Series
from bigram_tui.tui.widgets.loss_curve import Plot
from bigram_tui.tui.widgets.status import RunState

if TYPE_CHECKING:
    from bigram_tui.comparison.frame import Frame

PATIENCE_SECONDS = 2.0
"""How long a backend may be at work on a step before the screen says so."""

MOST_PRINTED = 60
"""The characters of a printed line that the notice shows, with the name of the run."""

SPARKLINE_WIDTH = 12

STEADY_SIZE = 256
"""The largest V for which the curvature is computed unasked, as that takes O(V²)."""

FIRST_HINT = "s takes a gradient step, space runs"


def text_name(path: str) -> str:
    """Name a text by the last part of its path."""
    return "stdin" if path == "-" else printable(path.rstrip("/").rpartition("/")[2])


def corpus_facts(corpus: Corpus) -> list[str]:
    """List the facts about a text, the most important first."""
    vocabulary = corpus.train.vocabulary
    size = f"V {len(vocabulary):,}"
    if vocabulary.rare:
        size += f", {len(vocabulary.rare):,} rare as {vocabulary.labels[-1]}"
    return [
        text_name(corpus.path),
        *([] if corpus.extent is None else [str(corpus.extent)]),
        *(["changed while it was read"] if corpus.doubt else []),
        quantity(corpus.lines, "line"),
        quantity(corpus.train.total, "training bigram" if corpus.validation else "bigram"),
        size,
        f"{corpus.train.unseen:,} of {len(vocabulary) ** 2:,} pairs never occur",
    ]


def marking(corpus: Corpus) -> str:
    """Explain the mark of samples, or say that there is none."""
    return f"• off: {corpus.why_forgotten}" if corpus.why_forgotten else "• = in the text"


def run_line(snapshot: Snapshot, pace: float | None, strong: Style) -> Text:
    """Draw the sparkline of a run, and say whether it trains."""
    line = Text(no_wrap=True)
    if snapshot.latest > 0:  # a single value would look like something else
        line.append(sparkline(Series.column(snapshot.losses, NLL), SPARKLINE_WIDTH))
    if snapshot.training:
        line.append(f" ▶ {_speed(snapshot.rate, pace)}".rstrip(), strong)
    elif 0 <= snapshot.iteration < snapshot.latest:
        line.append(f" {snapshot.latest - snapshot.iteration:,} back", strong)
    elif snapshot.status is Status.READY:
        line.append(" paused")
    else:
        line.append(f" {snapshot.status.value}")
    return line


def lockstep_line(frame: "Frame", latest: int, pace: float | None, strong: Style) -> Text:
    """Say at which step all runs are, and whether they train."""
    line = Text("position ", no_wrap=True)
    line.append(f"{frame.position:,}", strong)
    if frame.training:
        line.append(f" ▶ {_speed(frame.rate, pace)}".rstrip(), strong)
    elif frame.position < latest:
        line.append(f" of {latest:,}")
    return line


def _speed(rate: float | None, pace: float | None) -> str:
    """Write the pace that was asked for, unless the backend falls short of it."""
    if pace is not None and (rate is None or rate > 0.7 * pace):
        return f"{pace:,.0f}/s"
    return "" if rate is None else f"{rounded(rate)}/s"


def run_states(lineup: Lineup, dark: bool) -> list[RunState]:
    """Make the entry of each run for the bar of runs."""
    return [
        _run_state(runner, Style(color=run_color(lineup.mark_of(runner), dark)))
        for runner in lineup.runners
    ]


def _run_state(runner: Runner, color: Style) -> RunState:
    run = runner.snapshot
    signs = {
        Status.LOADING: "loading…" if runner.started else "not loaded",
        Status.READY: "▶" if run.training else "",
        Status.FINISHED: "✓",
        Status.DIVERGED: "diverged",
        Status.FAILED: "not installed" if run.lacks_library else "failed",
    }
    iteration = f"{run.iteration:,}"
    if 0 <= run.iteration < run.latest:
        iteration += f"/{run.latest:,}"
    loss = decimal(run.nll)
    return RunState(
        name=runner.name,
        color=color,
        state=signs[run.status],
        words=f"step {iteration}  nll {loss}" if run.has_loss else "",
        numbers=f"{iteration} {loss}" if run.has_loss else "",
        started=runner.started,
        failed=run.status in (Status.DIVERGED, Status.FAILED) and not run.lacks_library,
    )


def loss_title(run: Snapshot, width: int, axes: str = "") -> str:
    """Write the parts of the loss, as many as fit, and which axes are logarithmic."""
    if not run.has_loss:
        return "loss"
    nll, penalty = decimal(run.nll), decimal(run.regularization)
    parts = [f"nll {nll}"]
    if run.regularization:
        parts = [f"nll {nll} + penalty {penalty} = {decimal(run.total)}"]
    if not np.isnan(run.validation):
        parts.append(f"held out {decimal(run.validation)}")
    if run.own_loss is not None:
        parts.append(f"by {run.name} {decimal(run.own_loss)}")
    parts.append(f"perplexity {decimal(run.perplexity, 2)}")
    while len(parts) > 1 and len("  ".join((*parts, axes))) > width:
        parts.pop()
    if run.regularization and len("  ".join((*parts, axes)).rstrip()) > width:
        parts = [f"nll {nll} + penalty {penalty}"]
    return "  ".join((*parts, axes)).rstrip()


def order_text(order: TokenOrder | None) -> str:
    """Name the order of the tokens; None is that of their code points."""
    return f"order: {'code point' if order is None else order.name}"


def axes_text(log: bool, log_x: bool) -> str:
    """Say which axes of the plot are logarithmic."""
    return "  ".join(text for text, on in (("log y", log), ("log x", log_x)) if on)


def plot(lineup: Lineup, active: Runner, *, dark: bool, log: bool, log_x: bool) -> Plot:
    """Plot the losses of all runs, the active one in front; behind them the branch it left."""
    run = active.snapshot
    curves = []
    if run.left is not None:
        faint = Style(color=run_color(lineup.mark_of(active), dark, faint=True))
        left = Series.column(run.left.losses, NLL)
        curves.append(Curve(left, faint, start=run.left.start, background=True))
    for runner in [*(runner for runner in lineup.runners if runner is not active), active]:
        snapshot = runner.snapshot
        constant = snapshot.status is Status.FINISHED and snapshot.latest == 0
        if snapshot.latest >= 0:
            style = Style(color=run_color(lineup.mark_of(runner), dark))
            curves.append(Curve(Series.column(snapshot.losses, NLL), style, constant=constant))
    marker = run.iteration if run.iteration < run.latest else None
    hint = FIRST_HINT if run.status is Status.READY and run.latest == 0 else ""
    return Plot(curves, marker, log, log_x, hint)


def hyperparameters_title(run: Snapshot, bigrams: Bigrams, width: int) -> str:
    """Write the title of the controls, with what η or α means if that fits."""
    head, size = "hyperparameters", step_size(run, bigrams)
    sizes = [size] if size else smoothing_sizes(run, bigrams)
    titles = [*(f"{head}  {size}" for size in sizes), *sizes]
    return next((title for title in titles if len(title) <= width), head)


def step_size(run: Snapshot, bigrams: Bigrams) -> str:
    """Write η as a share of the stable limit, 2/λmax, by the curvature here.

    Empty unless the run is known to take plain steps of gradient descent, the only ones with
    that limit.
    """
    if not run.descends:
        return ""
    rate, table = run.number("learning_rate"), run.probabilities
    if rate is None or table is None or run.weights is None or len(table) > STEADY_SIZE:
        return ""
    standing = curvature(table, bigrams, run.number("l2") or 0.0).standing(rate)
    if np.isnan(standing):
        return ""
    return f"η is {rounded(100 * standing)} % of the stable limit"


def smoothing_sizes(run: Snapshot, bigrams: Bigrams) -> list[str]:
    """Write what α adds to each row of counts, α·V, beside what a row holds on average, B/V.

    At full length, then shorter; an empty list if the run does not smooth.
    """
    smoothing = run.number("smoothing")
    if not smoothing:
        return []
    size = len(bigrams.vocabulary)
    added, held = f"α adds {smoothing * size:,.4g}", f"{bigrams.total / size:,.0f} on average"
    return [f"{added} to each row, which holds {held}", f"{added} to rows of {held}"]


def notice(runner: Runner, validation: Bigrams | None) -> str:
    """Say what is wrong with a run and what to do; empty if all is well."""
    run = runner.snapshot
    if run.status is Status.FAILED:
        # A backend that could not be loaded says its name itself.
        name = "" if run.backend is None else f"{runner.name} "
        return f"{name}{printable(run.message)}; r tries again"
    if run.status is Status.DIVERGED:
        told = "; ".join(filter(None, (f"{runner.name} {run.message}", run.cause)))
        return ". ".join(filter(None, (told, _remedy(run))))
    wrong = runner.complaint or _delay(runner) or run.doubt or _impossible(run, validation)
    return wrong or _printed(runner)


def _printed(runner: Runner) -> str:
    """Say what was printed last, and the key that shows all; empty without news."""
    for output, who in ((runner.output, f"{runner.name} prints"), (UNATTRIBUTED, "printed")):
        if output.is_news and (line := output.last):
            most = MOST_PRINTED - len(who)
            return f"{who}: {line if len(line) <= most else line[: most - 1] + '…'}  (u shows all)"
    return ""


def _remedy(run: Snapshot) -> str:
    """Name the keys that help against divergence."""
    keys = ["z goes back"] if run.iteration else []
    keys += ["p changes hyperparameters"] if run.settings else []
    return ", ".join(keys)


def _delay(runner: Runner) -> str:
    """Say that a backend takes long for a step; empty if it does not."""
    run, since = runner.snapshot, runner.busy_since
    waited = 0.0 if since is None or run.status is Status.LOADING else time.monotonic() - since
    if waited < PATIENCE_SECONDS:
        return ""
    remedy = "; r ends that and begins again" if runner.can_unstick else ""
    return f"{runner.name} has been busy with step {run.iteration + 1} for {waited:.0f} s{remedy}"


@lru_cache(maxsize=4)
def _impossible(run: Snapshot, validation: Bigrams | None) -> str:
    """Say why the held-out loss is infinite; empty if it is not."""
    table = run.probabilities
    if table is None or validation is None or not np.isposinf(run.validation):
        return ""
    remedy = ". Smoothing above 0 mends it" if "smoothing" in run.settings else ""
    places = validation.seen[table.ravel()[validation.seen] == 0]
    labels = validation.vocabulary.labels
    first = "".join(in_cells(labels[k], 2).rstrip() for k in divmod(int(places[0]), len(table)))
    return (
        f"held-out NLL is ∞: {len(places):,} bigrams that occur there have P = 0, such as "
        f"“{first}”: never seen in training{remedy}"
    )


def absence(runner: Runner, why: str) -> str:
    """Say why the heatmap has nothing to show."""
    run = runner.snapshot
    if run.status is Status.LOADING:
        return f"loading {runner.name} …" if runner.started else f"{runner.name} is not loaded yet"
    if run.status is Status.FAILED and run.model is None:
        return f"{runner.name} has nothing to show"
    return f"{runner.name} {why}"
