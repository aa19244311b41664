"""What the compare screen says of several runs, number by number, from real runs of small texts."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise, takewhile
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.analysis.optimum import Optimum
from bigram_tui.backend import Backend, Iteration, Matrix
from bigram_tui.comparison.difference import Objective, optimum
from bigram_tui.comparison.drift import MaxDifference
from bigram_tui.export.files import write_rows
from bigram_tui.formatting.numbers import difference
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.model.sampling import PairedSample, draw_paired_samples, uniforms
from bigram_tui.model.surprise import surprise
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui.compare.cell import cell_lines
from bigram_tui.tui.compare.plots import (
    PLOTS,
    PlotKind,
    plot_of,
    plot_values,
    why_never_attained,
)
from bigram_tui.tui.compare.run_table import (
    EXACT_TITLES,
    data_columns,
    exact_rows,
    head_columns,
    verdict,
)
from bigram_tui.tui.compare.runs import (
    ComparedRun,
    OptimumOf,
    in_room,
    label_of,
)
from bigram_tui.tui.compare.samples import END, NUMBER, name_lines
from bigram_tui.tui.compare.tables import difference_map, maps_of
from bigram_tui.tui.compare.word import word_lines
from bigram_tui.tui.render.picture import ColorScale
from bigram_tui.tui.render.text_styles import TextStyles
from bigram_tui.tui.views import VIEWS
from bigram_tui.tui.widgets.loss_curve import Plot
from bigram_tui.tui.widgets.sample_list import MARK
from tests.conftest import CountLines

Floats = npt.NDArray[np.float64]

INKS = TextStyles(*(Style(color=f"rgb({n},0,0)") for n in range(6)))
COLORS = [Style(color=f"rgb(0,{n},0)") for n in range(9)]
FAINT = [Style(color=f"rgb(0,0,{n})") for n in range(9)]
PROBABILITIES, COUNTS, WEIGHTS, GRADIENT = VIEWS
NLL, TOTAL, ABOVE, APART = PLOTS
LN2 = math.log(2)


# Runs to compare


@dataclass
class Brief(Backend):
    """Ends after three iterations."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        for k in range(3):
            table = np.full(bigrams.counts.shape, 1.0)
            table[:, 1] += k
            yield Iteration(table / table.sum(axis=1, keepdims=True))


@dataclass
class OwnPenalty(Backend):
    """Has weights, and a penalty of its own on them."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        while True:
            yield Iteration(np.full(weights.shape, 1 / len(weights)), weights)

    def regularization(self, weights: Matrix) -> float:
        return 0.125


@dataclass
class Coarse(Backend):
    """Calculates in float32."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        while True:
            yield Iteration(np.full(weights.shape, 1 / len(weights), dtype=np.float32))


def run_of(
    backend: Backend,
    bigrams: Bigrams,
    iterations: int = 0,
    validation: Bigrams | None = None,
    **changes: tuple[int, object],
) -> Run:
    """A run from plain weights. changes: of hyperparameters, each at an iteration, in order."""
    size = len(bigrams.vocabulary)
    weights = np.sin(np.arange(size * size, dtype=np.float64)).reshape(size, size)
    run = Run(backend, bigrams, weights, name=type(backend).__name__, validation=validation)
    for name, (iteration, value) in changes.items():
        run.advance(iteration - run.iteration)
        run.set(name, value)
    run.advance(iterations - run.iteration)
    return run


def side(
    number: int,
    run: Run | Snapshot,
    *,
    name: str = "",
    reference: bool = False,
    started: bool = True,
    now: MaxDifference | None = None,
    worst: MaxDifference | None = None,
) -> ComparedRun:
    snapshot = run.snapshot() if isinstance(run, Run) else run
    name = name or snapshot.name
    return ComparedRun(
        number, name, snapshot, COLORS[number], FAINT[number], started, reference, now, worst
    )


def table_of(side: ComparedRun) -> Matrix:
    """P of a run that has one."""
    assert side.snapshot.probabilities is not None
    return side.snapshot.probabilities


def optima(bigrams: Bigrams) -> OptimumOf:
    """All optima at once, where the screen has them one after the other."""

    def of(objective: Objective | None) -> Optimum | None:
        return None if objective is None else optimum(bigrams, objective)

    return of


def unknown(_: Objective | None) -> None:
    """Nothing is solved yet."""


def cells_of(sides: Sequence[ComparedRun], title: str, optimum: OptimumOf = unknown) -> list[str]:
    """The column of the table of runs with a title."""
    columns = [*head_columns(sides), *data_columns(sides, optimum)]
    found = [column.cells for column in columns if column.title == title]
    assert len(found) <= 1
    return [cell.plain for cells in found for cell in cells]


def plain(lines: Sequence[Text]) -> list[str]:
    return [line.plain.rstrip() for line in lines]


def inked(line: Text, ink: Style) -> list[str]:
    """What is written in a style."""
    return [line.plain[span.start : span.end] for span in line.spans if span.style == ink]


def least_total(bigrams: Bigrams, l2: float) -> float:
    """min NLL + λ·mean(W²): each row by Newton's method with its whole Hessian, from 0."""
    size, total = len(bigrams.vocabulary), bigrams.counts.sum()
    curvature = 2 * l2 / size**2
    loss = 0.0
    for counts in bigrams.counts / total:
        w = np.zeros(size)
        for _ in range(100):
            p = np.exp(w) / np.exp(w).sum()
            slope = counts.sum() * p - counts + curvature * w
            hessian = counts.sum() * (np.diag(p) - np.outer(p, p)) + curvature * np.eye(size)
            step = np.linalg.solve(hessian, slope)
            w = w - step / max(1.0, np.abs(step).max())
        p = np.exp(w) / np.exp(w).sum()
        loss += -(counts * np.log(p)).sum() + l2 * (w**2).sum() / size**2
    return float(loss)


def likeliest(bigrams: Bigrams) -> float:
    """The NLL of P = N / Σ_j N, bigram by bigram."""
    loss = 0.0
    for row in bigrams.counts.tolist():
        loss -= sum(n * math.log(n / sum(row)) for n in row if n)
    return loss / int(bigrams.counts.sum())


# The table of runs


@pytest.fixture(scope="module")
def trained(tiny: Bigrams) -> Run:
    """A run that has taken 9 steps and gone back to 6."""
    run = run_of(NumpyBackend(learning_rate=1.0), tiny, 9)
    run.seek(6)
    return run


def apart(
    probability: float, weight: float = 0.0, nll: float = 0.0, *, since: int = 0
) -> MaxDifference:
    return MaxDifference(since, probability, weight, nll)


@pytest.mark.parametrize(
    ("now", "worst", "words"),
    [
        (apart(0), apart(0), "agree exactly"),
        (apart(0), None, "agree exactly"),
        (apart(1e-16), apart(1.3e-15), "agree to 2e-15"),
        (apart(1.3e-15), None, "agree to 2e-15"),
        (apart(0, nll=3e-14), apart(0, nll=3.1e-14), "agree to 4e-14"),
        (apart(1e-16, 0.5), apart(2e-15, 0.5), "agree to 2e-15"),
        (apart(1e-16), apart(1.3e-15, since=1200), "agree to 2e-15 (compared from 1,200 on)"),
        (apart(0), apart(0, since=7), "agree exactly (compared from 7 on)"),
        (apart(2e-15), apart(1e-11), "agree again"),
        (apart(2e-15), apart(1e-11, since=9), "agree again (compared from 9 on)"),
        (apart(2e-15), apart(0, nll=1e-11), "agree again"),
        (apart(0.02), apart(0.02), "differ by 0.020"),
        (apart(1e-11), apart(0.5), "differ by 1.0e-11"),
        (apart(1e-15, nll=0.3), apart(1e-15, nll=0.3), "differ by 0.30"),
    ],
)
def test_the_verdict_follows_from_the_largest_difference_on_the_way(
    tiny: Bigrams, trained: Run, now: MaxDifference, worst: MaxDifference | None, words: str
) -> None:
    """Of P and of the NLL; weights may differ where P does not."""
    reference = side(1, run_of(NumpyBackend(), tiny), reference=True)
    assert verdict(side(2, trained, now=now, worst=worst), reference) == words


@given(st.floats(1e-300, 1.8e-12))
@example(1e-15)
@example(9e-16)
@example(9.000000001e-16)
@example(1.0000000000000002e-14)
def test_what_two_runs_agree_to_is_rounded_up_to_one_digit(trained: Run, value: float) -> None:
    """It is no less than the difference, and no other number of one digit lies between."""
    other = side(1, trained, reference=True)
    words = verdict(side(2, trained, now=apart(value)), other)
    found = re.fullmatch(r"agree to ([1-9]e-\d+)", words)
    assert found is not None, words
    digit, exponent = map(int, found[1].split("e"))
    below = Decimal(digit - 1) if digit > 1 else Decimal("0.9")
    nearly = Decimal(1) + Decimal("1e-9")
    assert below.scaleb(exponent) < Decimal(value) <= Decimal(found[1]) * nearly


def test_the_verdict_of_a_coarser_format_names_it_and_allows_its_rounding(
    tiny: Bigrams, trained: Run
) -> None:
    fine, coarse = side(1, trained, reference=True), side(2, run_of(Coarse(), tiny, 6))
    near, far = apart(5.1e-6), apart(7.1e-6)
    for one, other in ((coarse, fine), (replace(fine, is_reference=False), coarse)):
        assert verdict(replace(one, now=near, worst=near), other) == "agree to 6e-6 (float32)"
        assert verdict(replace(one, now=near, worst=far), other) == "agree again (float32)"
        assert verdict(replace(one, now=far, worst=far), other) == "differ by 7.1e-6 (float32)"
        since = apart(1e-6, since=3)
        words = verdict(replace(one, now=since, worst=since), other)
        assert words == "agree to 1e-6 (float32, compared from 3 on)"


def test_the_verdict_says_why_there_is_none(tiny: Bigrams, trained: Run) -> None:
    reference = side(1, trained, reference=True)
    here = trained.snapshot()
    waiting = Snapshot("late")
    assert verdict(reference, reference) == "the reference"
    assert verdict(side(2, waiting), reference) == "loading…"
    assert verdict(side(2, waiting, started=False), reference) == "not loaded"
    assert verdict(side(2, trained), reference) == "not in step"
    diverged = run_of(NumpyBackend(learning_rate=1e5, l2=1000.0), tiny, 5000)
    assert diverged.status is Status.DIVERGED
    assert verdict(side(2, diverged), reference) == f"diverged at {diverged.iteration:,}"
    for status, word in ((Status.FAILED, "failed"), (Status.DIVERGED, "diverged")):
        ended = replace(here, status=status, iteration=1234)
        assert verdict(side(2, ended, now=apart(0)), reference) == f"{word} at 1,234"
    assert verdict(side(2, replace(waiting, status=Status.FAILED)), reference) == "failed"


def test_nothing_is_said_where_either_run_cannot_go_on(tiny: Bigrams, trained: Run) -> None:
    """It will never be in step, and its own row tells why."""
    gone = side(1, replace(trained.snapshot(), status=Status.FAILED), reference=True)
    assert verdict(side(2, trained), gone) == ""
    reference = side(1, trained, reference=True)
    assert verdict(side(2, run_of(Brief(), tiny, 3)), reference) == ""


def test_the_table_says_of_each_run_how_it_stands(tiny: Bigrams, trained: Run) -> None:
    sides = [
        side(1, trained, name="[b]", reference=True),
        side(2, run_of(CountingBackend(), tiny), name="漢\x1b[31m"),
        side(3, Snapshot("late"), started=False),
        side(4, replace(trained.snapshot(), status=Status.DIVERGED, iteration=9)),
        side(5, replace(Snapshot("no"), status=Status.FAILED)),
    ]
    assert cells_of(sides, "run") == [
        "1 ━━ [b] ◎", "2 ━━ 漢␛[31m", "3 ── late", "4 ━━ NumpyBackend", "5 ━━ no",
    ]  # fmt: skip
    assert cells_of(sides, "step") == ["6/9", "0", "", "9", ""]
    head = head_columns(sides)[1]
    assert [cell.plain for cell in head.cells] == ["", "✓", "…", "✗", "✗"]


def test_the_colour_of_a_run_stands_beside_its_name(trained: Run) -> None:
    assert inked(label_of(side(3, trained)), COLORS[3]) == ["━━ "]


def test_differences_stand_in_their_columns(tiny: Bigrams, trained: Run) -> None:
    now, worst = apart(0.25, math.nan, 1e-9), apart(0.5, math.nan, 0.0)
    sides = [side(1, trained, reference=True), side(2, trained, now=now, worst=worst)]
    columns = data_columns(sides, unknown)
    assert columns[0].title == "P and nll"
    texts = [(column.title, column.cells[1].plain) for column in columns[1:]]
    assert texts[:4] == [
        ("|ΔP| now", "0.25"), ("worst", "0.50"), ("|Δnll| now", "1.0e-9"), ("worst", "0"),
    ]  # fmt: skip
    assert [column.cells[0].plain for column in columns[1:5]] == [""] * 4
    both = [replace(each, now=apart(0.25, 0.0625, 0.0)) for each in sides]
    assert cells_of(both, "|ΔW| now") == ["0.062"] * 2


def test_losses_stand_in_their_columns(tiny: Bigrams, count_lines: CountLines) -> None:
    held_out = count_lines(["ba"], "ab")
    sides = [
        side(1, run_of(NumpyBackend(learning_rate=1.0), tiny, 9, held_out), reference=True),
        side(2, run_of(CountingBackend(smoothing=0.0), tiny, 0, held_out)),
        side(3, Snapshot("late")),
    ]
    run = sides[0].snapshot
    table, weights, gradient = run.probabilities, run.weights, run.gradient
    assert table is not None
    assert weights is not None
    assert gradient is not None
    nll = -sum(tiny.counts[i, j] * math.log(table[i, j]) for i, j in np.ndindex(3, 3)) / 8
    penalty = 0.01 * sum(w * w for w in weights.flat) / 9
    validation = -(math.log(table[0, 2]) + math.log(table[2, 1]) + math.log(table[1, 0])) / 3
    least = likeliest(tiny)
    assert cells_of(sides, "nll") == [f"{nll:.6f}", f"{least:.6f}", ""]
    assert cells_of(sides, "penalty") == [f"{penalty:.6f}", "", ""]
    assert cells_of(sides, "total") == [f"{nll + penalty:.6f}", f"{least:.6f}", ""]
    assert cells_of(sides, "held out") == [f"{validation:.6f}", "∞", ""], "“ba” never occurs"
    assert cells_of(sides, "perplexity") == [f"{math.exp(nll):.4f}", f"{math.exp(least):.4f}", ""]
    norm = math.sqrt(sum(g * g for g in gradient.flat))
    assert cells_of(sides, "|gradient|") == [difference(norm), "", ""]


@pytest.mark.parametrize("smoothing", [0.5, 1.0, 30.0])
def test_the_gap_of_counting_is_what_smoothing_costs(tiny: Bigrams, smoothing: float) -> None:
    run = run_of(CountingBackend(smoothing=smoothing), tiny)
    smoothed = 0.0
    for row in tiny.counts.tolist():
        whole = sum(row) + 3 * smoothing
        smoothed -= sum(n * math.log((n + smoothing) / whole) for n in row)
    gap = smoothed / int(tiny.counts.sum()) - likeliest(tiny)
    assert cells_of([side(1, run, reference=True)], "gap", optima(tiny)) == [difference(gap)]


@pytest.mark.parametrize("l2", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("iterations", [0, 3, 9])
def test_the_gap_of_a_descent_is_to_the_minimum(
    count_lines: CountLines, l2: float, iterations: int
) -> None:
    """Of a text in which each bigram occurs, so that it has one at λ = 0 too."""
    full = count_lines(["aabba", "ab", "b", "", "ba"])
    assert full.counts.all()
    run = run_of(NumpyBackend(learning_rate=2.0, l2=l2), full, iterations)
    gap = run.snapshot().total - (least_total(full, l2) if l2 else likeliest(full))
    assert gap > 1e-9
    assert cells_of([side(1, run, reference=True)], "gap", optima(full)) == [difference(gap)]


def test_a_gap_of_rounding_alone_is_written_as_its_bound(tiny: Bigrams) -> None:
    exact = run_of(CountingBackend(smoothing=0.0), tiny)
    descended = run_of(NumpyBackend(learning_rate=10.0, l2=0.1), tiny, 4000)
    assert descended.snapshot().total - least_total(tiny, 0.1) == pytest.approx(0, abs=1e-12)
    sides = [side(1, exact, reference=True), side(2, descended)]
    assert cells_of(sides, "gap", optima(tiny)) == ["<1e-12", "<1e-12"]


def test_a_loss_that_is_no_number_has_no_gap(tiny: Bigrams) -> None:
    run = run_of(CountingBackend(), tiny).snapshot()
    lost = replace(run, losses=np.full_like(run.losses, math.nan))
    assert lost.has_loss
    assert cells_of([side(1, lost, reference=True), side(2, run)], "gap", optima(tiny))[0] == ""


def test_there_is_no_gap_where_the_least_is_not_known(tiny: Bigrams) -> None:
    """Not yet, of a run that is not there, or with a penalty that only its backend knows."""
    sides = [side(1, run_of(OwnPenalty(), tiny), reference=True), side(2, Snapshot("late"))]
    assert cells_of(sides, "gap", optima(tiny)) == []
    assert cells_of([side(1, run_of(CountingBackend(), tiny), reference=True)], "gap") == []
    sides.append(side(3, run_of(CountingBackend(), tiny)))
    assert cells_of(sides, "gap", optima(tiny))[:2] == ["", ""]


def test_hyperparameters_stand_in_a_column_each(tiny: Bigrams) -> None:
    sides = [
        side(1, run_of(NumpyBackend(learning_rate=1e4, l2=0.01), tiny), reference=True),
        side(2, run_of(CountingBackend(smoothing=0.5), tiny)),
        side(3, Snapshot("late")),
        side(4, run_of(Coarse(), tiny)),
    ]
    assert {title: cells_of(sides, title) for title in ("η", "λ", "α", "format", "device")} == {
        "η": ["10000", "", "", ""],
        "λ": ["0.01", "", "", ""],
        "α": ["", "0.5", "", ""],
        "format": ["float64", "float64", "", "float32"],
        "device": ["cpu", "cpu", "", "cpu"],
    }


def test_the_speed_is_that_of_updates_alone(tiny: Bigrams) -> None:
    run = run_of(NumpyBackend(), tiny, 3).snapshot()
    losses = run.losses.copy()
    losses[:, 3] = [1.0, 0.002, 0.001, 0.5]  # seconds; the first one sets up
    fast = replace(run, losses=losses)
    losses = losses[:2].copy()
    losses[:, 3] = [1.0, 4.0]
    slow = replace(run, losses=losses, iteration=1)
    sides = [
        side(1, fast, reference=True), side(2, slow),
        side(3, run_of(CountingBackend(), tiny)), side(4, Snapshot("late")),
    ]  # fmt: skip
    assert cells_of(sides, "µs/step") == ["2,000", "4,000,000", "", ""]
    assert cells_of(sides, "steps/s") == ["500", "0.25", "", ""]


def test_a_column_that_says_nothing_is_left_out(tiny: Bigrams, trained: Run) -> None:
    """Whichever it is, of one run or of all."""
    alone = [side(1, trained, reference=True)]
    counted = [side(1, run_of(CountingBackend(), tiny), reference=True)]
    for sides in (alone, counted, [*alone, replace(counted[0], number=2, is_reference=False)]):
        columns = data_columns(sides, unknown)
        assert all(any(cell.plain for cell in column.cells) for column in columns)
        titles = {column.title for column in columns}
        assert {"nll", "total", "perplexity", "format"} <= titles
        assert not titles & {"held out", "|ΔW| now", "gap"}
        assert ("penalty" in titles) == ("η" in titles) == (sides is not counted)


def rows_by_title(sides: Sequence[ComparedRun], optimum: OptimumOf) -> list[dict[str, object]]:
    rows = exact_rows(sides, optimum)
    return [dict(zip(EXACT_TITLES, row, strict=True)) for row in rows]


def test_the_table_for_a_file_has_all_digits(tiny: Bigrams, count_lines: CountLines) -> None:
    held_out = count_lines(["ab", "b"], "ab")
    run = run_of(NumpyBackend(learning_rate=1.0), tiny, 9, held_out, l2=(4, 0.3))
    run.seek(6)
    now, worst = apart(1 / 3, 2 / 3, 1 / 7), apart(0.5, 0.75, 0.25, since=2)
    reference = side(1, run_of(CountingBackend(), tiny), name="rëf", reference=True)
    sides = [reference, side(2, run, now=now, worst=worst)]
    counted, row = rows_by_title(sides, optima(tiny))
    snapshot = run.snapshot()
    losses = snapshot.losses[6].tolist()
    assert snapshot.gradient is not None
    norm = math.sqrt(math.fsum(g * g for g in snapshot.gradient.flat))
    assert row.pop("optimum") == pytest.approx(least_total(tiny, 0.3), abs=1e-11)
    assert row.pop("gradient_norm") == pytest.approx(norm, rel=1e-14)
    assert row.pop("seconds_per_iteration") == float(np.median(snapshot.losses[1:, 3]))
    assert row == {
        "run": "NumpyBackend",
        "reference": "rëf",
        "status": "ready",
        "iteration": 6,
        "nll": losses[0],
        "validation_nll": losses[2],
        "regularization": losses[1],
        "total": losses[0] + losses[1],
        "hyperparameters": "learning_rate=1.0 l2=0.3",
        "dtype": "float64",
        "device": "cpu",
        "max_abs_probability": 1 / 3,
        "max_abs_weight": 2 / 3,
        "max_abs_nll": 1 / 7,
        "compared_since": 2,
        "worst_abs_probability": 0.5,
        "worst_abs_weight": 0.75,
        "worst_abs_nll": 0.25,
    }
    assert counted["optimum"] == pytest.approx(likeliest(tiny), abs=1e-12)
    missing = {"validation_nll", "gradient_norm", "compared_since"}
    missing |= {title for title in EXACT_TITLES if "_abs_" in title}
    unweighted = replace(sides[1], now=apart(0.5, math.nan, 0.25))
    assert rows_by_title([reference, unweighted], unknown)[1]["max_abs_weight"] is None
    assert {title for title, value in counted.items() if value is None} == missing
    file = io.StringIO()
    write_rows(file, exact_rows(sides, optima(tiny)))
    read = dict(zip(EXACT_TITLES, list(csv.reader(io.StringIO(file.getvalue())))[1], strict=True))
    assert [float(read[title]) for title in ("nll", "max_abs_probability")] == [losses[0], 1 / 3]


def test_the_table_for_a_file_has_nothing_of_a_run_that_was_never_there(
    tiny: Bigrams, trained: Run
) -> None:
    late = Snapshot("late")
    sides = [side(1, trained, reference=True), side(2, late, started=False)]
    row = rows_by_title(sides, optima(tiny))[1]
    assert {title: value for title, value in row.items() if value not in (None, "")} == {
        "run": "late",
        "reference": "NumpyBackend",
        "status": "loading",
    }


# The plot


def curves(
    sides: Sequence[ComparedRun], kind: PlotKind, position: int = 0, optimum: OptimumOf = unknown
) -> dict[int, list[float]]:
    """The values of each run's curve, by the number of its side."""
    plot = plot_of(sides, sides[0], kind, position, optimum, log=False, log_x=False)
    return {COLORS.index(curve.style): curve.series.all().tolist() for curve in plot.curves}


@pytest.fixture(scope="module")
def four(tiny: Bigrams) -> list[ComparedRun]:
    """The reference, one with another step, one that has ended after three, and counting."""
    return [
        side(1, run_of(NumpyBackend(learning_rate=1.0), tiny, 9), reference=True),
        side(2, run_of(NumpyBackend(learning_rate=3.0, l2=0.5), tiny, 6)),
        side(3, run_of(Brief(), tiny, 9)),
        side(4, run_of(CountingBackend(), tiny)),
    ]


def test_the_plots_of_losses_show_them_as_they_were(four: list[ComparedRun]) -> None:
    found = curves(four, NLL), curves(four, TOTAL)
    assert [len(values) for values in found[0].values()] == [7, 3, 1, 10], "the active in front"
    for each in four:
        losses = each.snapshot.losses.tolist()
        assert found[0][each.number] == [nll for nll, *_ in losses]
        assert found[1][each.number] == [nll + penalty for nll, penalty, *_ in losses]


def test_the_plot_above_the_optimum_takes_off_the_least_total(
    tiny: Bigrams, four: list[ComparedRun]
) -> None:
    found = curves(four, ABOVE, 0, optima(tiny))
    # At λ = 0.01 and 0.5; without weights, that of counting.
    least = {
        1: least_total(tiny, 0.01), 2: least_total(tiny, 0.5),
        3: likeliest(tiny), 4: likeliest(tiny),
    }  # fmt: skip
    for each in four:
        expected = [nll + penalty - least[each.number] for nll, penalty, *_ in each.snapshot.losses]
        assert found[each.number] == pytest.approx(expected, abs=1e-12)


def test_a_change_of_the_penalty_changes_what_is_taken_off_from_there_on(tiny: Bigrams) -> None:
    """Another step size does not: it is another way to the same place."""
    backend = NumpyBackend(learning_rate=1.0, l2=0.01)
    run = run_of(backend, tiny, 11, learning_rate=(2, 3.0), l2=(7, 0.5))
    assert run.snapshot().changes == (2, 7)
    (found,) = curves([side(1, run, reference=True)], ABOVE, 0, optima(tiny)).values()
    totals = [nll + penalty for nll, penalty, *_ in run.snapshot().losses.tolist()]
    expected = [t - least_total(tiny, 0.01 if k < 7 else 0.5) for k, t in enumerate(totals)]
    assert found == pytest.approx(expected, abs=1e-12)
    assert len(found) == 12


def test_a_run_whose_least_is_not_known_has_no_curve_above_it(
    tiny: Bigrams, four: list[ComparedRun]
) -> None:
    own = side(5, run_of(OwnPenalty(), tiny, 3))
    assert set(curves([*four, own], ABOVE, 0, optima(tiny))) == {1, 2, 3, 4}
    assert curves(four, ABOVE) == {}, "nothing is solved yet"


def test_to_look_above_the_optimum_leaves_the_losses_as_they_are(
    tiny: Bigrams, four: list[ComparedRun]
) -> None:
    before = [each.snapshot.losses.tobytes() for each in four]
    curves(four, ABOVE, 0, optima(tiny))
    assert [each.snapshot.losses.tobytes() for each in four] == before


def test_the_plot_of_differences_holds_each_nll_against_the_references(
    four: list[ComparedRun],
) -> None:
    """What has finished stays what it is; the reference has no curve."""
    found = curves(four, APART)
    nll = {each.number: each.snapshot.losses[:, 0].tolist() for each in four}
    assert set(found) == {2, 3, 4}
    assert found[2] == [abs(a - b) for a, b in zip(nll[2], nll[1][:7], strict=True)]
    held = nll[3] + [nll[3][2]] * 7
    assert found[3] == [abs(a - b) for a, b in zip(held, nll[1], strict=True)]
    assert found[4] == [abs(nll[4][0] - b) for b in nll[1]]


def test_a_reference_that_has_finished_is_held_against_all_iterations(
    four: list[ComparedRun],
) -> None:
    numpy, _, brief, count = four
    numpy, count = replace(numpy, is_reference=False), replace(count, is_reference=True)
    nll = {each.number: each.snapshot.losses[:, 0].tolist() for each in four}
    found = curves([numpy, brief, count], APART)
    assert found[1] == [abs(a - nll[4][0]) for a in nll[1]]
    assert found[3] == [abs(a - nll[4][0]) for a in nll[3]]
    assert set(found) == {1, 3}


def test_to_go_back_does_not_shorten_the_differences(
    tiny: Bigrams, four: list[ComparedRun]
) -> None:
    reference = four[0]
    brief = run_of(Brief(), tiny, 9)
    whole = curves([reference, side(3, brief)], APART)[3]
    assert len(whole) == 10
    brief.seek(1)
    assert curves([reference, side(3, brief)], APART)[3] == whole


def test_differences_reach_as_far_as_both_runs_that_can_go_on(tiny: Bigrams) -> None:
    """Also from a run that was gone back in."""
    ahead = run_of(NumpyBackend(learning_rate=1.0), tiny, 9)
    ahead.seek(2)
    behind = run_of(NumpyBackend(learning_rate=2.0), tiny, 4)
    found = curves([side(1, ahead, reference=True), side(2, behind)], APART)[2]
    own, its = behind.snapshot().losses[:, 0], ahead.snapshot().losses[:, 0]
    assert found == [abs(own[k] - its[k]) for k in range(5)]


def test_a_run_that_diverged_is_plotted_up_to_there(tiny: Bigrams) -> None:
    reference = side(1, run_of(NumpyBackend(learning_rate=1.0), tiny, 400), reference=True)
    run = run_of(NumpyBackend(learning_rate=1e5, l2=1000.0), tiny, 400)
    assert run.status is Status.DIVERGED
    last = run.iteration
    diverged = side(2, run)
    totals = [nll + penalty for nll, penalty, *_ in run.snapshot().losses.tolist()]
    assert not math.isfinite(totals[-1])
    assert len(totals) == last + 1
    np.testing.assert_array_equal(curves([reference, diverged], TOTAL)[2], totals)
    found = curves([reference, diverged], ABOVE, 0, optima(tiny))[2]
    np.testing.assert_allclose(found, np.array(totals) - least_total(tiny, 1000.0), rtol=1e-9)
    apart = np.abs(run.snapshot().losses[:, 0] - reference.snapshot.losses[: last + 1, 0])
    np.testing.assert_array_equal(curves([reference, diverged], APART)[2], apart)


def test_what_is_not_loaded_is_not_plotted(four: list[ComparedRun]) -> None:
    sides = [four[0], side(2, Snapshot("late"))]
    for kind in PLOTS:
        assert set(curves(sides, kind)) == ({1} if kind in (NLL, TOTAL) else set())
    absent = [replace(four[1]), side(1, Snapshot("late"), reference=True)]
    assert curves(absent, APART) == {}


def plotted(
    sides: Sequence[ComparedRun], kind: PlotKind, chosen: int = 0, position: int = 0
) -> Plot:
    """The plot with linear axes."""
    return plot_of(sides, sides[chosen], kind, position, unknown, log=False, log_x=False)


def test_the_marker_stands_where_all_are_unless_that_is_the_end(four: list[ComparedRun]) -> None:
    for position, marker in ((0, 0), (8, 8), (9, None), (12, None)):
        assert plotted(four, NLL, 0, position).marker == marker
    plot = plotted([replace(four[3], is_reference=True)], NLL)
    assert (plot.marker, plot.curves[0].constant) == (None, True)


@pytest.mark.parametrize("chosen", range(4))
def test_the_chosen_run_is_in_front(four: list[ComparedRun], chosen: int) -> None:
    for kind in (NLL, TOTAL):
        assert COLORS.index(plotted(four, kind, chosen).curves[-1].style) == chosen + 1


def test_the_axes_are_as_they_are_wanted(four: list[ComparedRun]) -> None:
    """What spans many powers of ten wants a logarithmic one."""
    for log, log_x in ((False, True), (True, False)):
        plot = plot_of(four, four[0], NLL, 0, unknown, log=log, log_x=log_x)
        assert (plot.log, plot.log_x) == (log, log_x)
    assert [kind.log for kind in PLOTS] == [False, False, True, True]


def test_the_way_that_the_chosen_run_left_is_behind_all(
    tiny: Bigrams, four: list[ComparedRun]
) -> None:
    run = run_of(NumpyBackend(learning_rate=1.0), tiny, 9)
    old = run.snapshot().losses.tolist()
    run.seek(4)
    run.set("learning_rate", 0.5)
    run.advance(2)
    sides = [four[1], side(1, run, reference=True)]
    for kind, values in ((NLL, [n for n, *_ in old]), (TOTAL, [n + p for n, p, *_ in old])):
        first, *others = plotted(sides, kind, 1).curves
        assert first.background
        assert first.style == FAINT[1]
        assert (first.start, first.series.all().tolist()) == (4, values[4:])
        assert not any(curve.background for curve in others)
        assert not any(curve.background for curve in plotted(sides, kind, 0).curves)
    assert not any(curve.background for curve in plotted(sides, APART, 1).curves)
    assert plotted([sides[1]], NLL, 0, 6).marker is None, "it ends at 6, whatever was left"


def entries(lines: Sequence[Text]) -> dict[str, str]:
    """The numbers in the line of values, by name."""
    text = "  ".join(line.plain for line in lines)
    return dict(re.findall(r"━ (.+?) (\S+)(?:  |$)", text))


@pytest.mark.parametrize("position", [0, 3, 6, 8, 9])
def test_the_line_of_values_tells_what_is_plotted_where_all_are(
    tiny: Bigrams, four: list[ComparedRun], position: int
) -> None:
    """Of a run that did not come so far, its last."""
    sides = [replace(each, name=f"r{each.number}") for each in four]
    for kind in PLOTS:
        drawn = curves(sides, kind, position, optima(tiny))
        told = entries(plot_values(sides, kind, position, optima(tiny), 200))
        write = difference if kind.log else "{:.6f}".format
        assert told == {
            f"r{number}": write(values[min(position, len(values) - 1)])
            for number, values in sorted(drawn.items())
        }


def test_the_line_of_values_gives_up_digits_before_it_becomes_two(four: list[ComparedRun]) -> None:
    two = [replace(each, name=f"run {each.number}") for each in four[:2]]
    values = [each.snapshot.losses[6, 0] for each in two]
    long = "  ".join(f"━ run {k} {v:.6f}" for k, v in enumerate(values, 1))
    short = "  ".join(f"━ run {k} {v:.4f}" for k, v in enumerate(values, 1))
    for width, lines in (
        (99, [long]),
        (len(long), [long]),
        (len(long) - 1, [short]),
        (len(short), [short]),
        (len(short) - 1, short.split("  ")),
        (1, short.split("  ")),
    ):
        assert plain(plot_values(two, NLL, 6, unknown, width)) == lines
    assert inked(plot_values(two, NLL, 6, unknown, 99)[0], COLORS[2]) == ["━ "]


def test_without_values_the_line_is_blank() -> None:
    sides = [side(1, Snapshot("late"), reference=True)]
    assert plain(plot_values(sides, NLL, 0, unknown, 40)) == [""]


def test_a_loss_that_is_never_attained_is_explained(tiny: Bigrams, count_lines: CountLines) -> None:
    never = side(2, run_of(NumpyBackend(l2=0.0), tiny, 2), name="[b]")
    sides = [side(1, run_of(NumpyBackend(l2=0.01), tiny, 2), reference=True), never]
    words = why_never_attained(sides, optima(tiny))
    assert words.startswith(f"[b] never reaches its {likeliest(tiny):.6f}: with λ = 0 ")
    assert "W → −∞" in words
    assert why_never_attained(sides[:1], optima(tiny)) == ""
    assert why_never_attained(sides, unknown) == ""
    full = count_lines(["aabba", "ab", "b", "", "ba"])
    attained = side(1, run_of(NumpyBackend(l2=0.0), full), reference=True)
    assert why_never_attained([attained], optima(full)) == ""
    counted = side(1, run_of(CountingBackend(smoothing=0.0), tiny), reference=True)
    assert why_never_attained([counted], optima(tiny)) == ""


# Names


def sampled(
    sides: Sequence[ComparedRun], bigrams: Bigrams, count: int
) -> dict[int, list[PairedSample]]:
    """Names of all from the same uniforms, by number."""
    order = sorted(sides, key=lambda each: not each.is_reference)
    found = draw_paired_samples(
        table_of(order[0]),
        [table_of(each) for each in order[1:]],
        bigrams.vocabulary,
        uniforms(7),
        count,
    )
    return {each.number: names for each, names in zip(order, found, strict=True)}


@pytest.fixture(scope="module")
def three(names: Bigrams) -> list[ComparedRun]:
    """Three models of names, the second of which is the reference."""
    return [
        side(1, run_of(CountingBackend(), names), name="count"),
        side(2, run_of(NumpyBackend(), names, 30), name="near", reference=True),
        side(3, run_of(NumpyBackend(learning_rate=5.0), names, 30), name="far"),
    ]


def lines_of_names(
    sides: Sequence[ComparedRun],
    bigrams: Bigrams,
    chosen: int,
    width: int = 90,
    height: int = 40,
    holds: Callable[[str], bool | None] = lambda _: None,
    count: int = 12,
) -> list[Text]:
    found = sampled(sides, bigrams, count)
    return name_lines(sides, found, holds, bigrams.vocabulary, sides[chosen], width, height, INKS)


def shared_start(texts: Sequence[str]) -> str:
    """The characters that two texts have in common before the first that differs."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False))
    return "".join(first for first, _ in same)


def cut(line: Text, room: int, place: int) -> Text:
    """One column of a line, after the number of the name."""
    return line[NUMBER + place * room : NUMBER + (place + 1) * room]


def test_names_stand_in_a_column_for_each_run(names: Bigrams, three: list[ComparedRun]) -> None:
    lines = lines_of_names(three, names, 0, width=93)
    assert [cut(lines[0], 30, k).plain.strip() for k in range(3)] == [
        "1 ━━ count", "2 ━━ near ◎", "3 ━━ far",
    ]  # fmt: skip
    found = sampled(three, names, 12)
    for k, line in enumerate(lines[1:13]):
        assert line.plain[:NUMBER].strip() == str(k + 1)
        for place in range(3):
            name = found[place + 1][k].sample
            written = cut(line, 30, place).plain.strip()
            if written.endswith("…") and name.ended:
                assert name.text.startswith(written[:-1])
            else:
                assert written.rstrip(END) == name.text


def test_the_marked_character_is_the_first_that_differs_from_the_references(
    names: Bigrams, three: list[ComparedRun]
) -> None:
    lines = lines_of_names(three, names, 0, width=363)
    parted = 0
    for line in lines[1:13]:
        reference = cut(line, 120, 1).plain.strip()
        for place in (0, 2):
            cell = cut(line, 120, place)
            own = cell.plain.strip()
            shared = shared_start([own.rstrip(END), reference])
            if own == reference:
                assert inked(cell, INKS.strong) == []
                continue
            parted += 1
            assert inked(cell, INKS.strong) == [own[len(shared)]]
            (mark,) = [span.start for span in cell.spans if span.style == INKS.strong]
            assert mark == 1 + len(shared), "after the sign for what is in the text"
            assert ("".join(inked(cell, INKS.faint)) == shared) or not shared
            if len(own.rstrip(END)) == len(shared):
                assert own.endswith(END), "it ends where the other one goes on"
    assert parted >= 12


@pytest.mark.parametrize("width", [90, 47])
def test_why_names_part_is_told_with_intervals_of_the_tables(
    names: Bigrams, three: list[ComparedRun], width: int
) -> None:
    """The draw falls into both: of the reference's row, and of the chosen run's."""
    index, found = names.vocabulary.index, sampled(three, names, 12)
    pattern = re.compile(r"(\d+) (.) (0\.\d{4})  (\w+) (.) (\S+)–(\S+)  (\w+) (.) (\S+)–(\S+)")
    for chosen, explained in ((0, 0), (1, 0), (2, 2)):
        lines = plain(lines_of_names(three, names, chosen, width))
        told = [match for line in lines if (match := pattern.fullmatch(line.strip()))]
        assert (
            len(told) == sum(beside.divergence is not None for beside in found[explained + 1]) >= 4
        )
        for match in told:
            k, after, draw, *drawn = match.groups()
            texts = [found[number][int(k) - 1].sample.text + "." for number in (2, explained + 1)]
            shared = shared_start(texts)
            assert after == ("." + shared)[-1]
            for run, text, (name, token, low, high) in zip(
                (three[1], three[explained]), texts, (drawn[:4], drawn[4:]), strict=True
            ):
                assert name == (run.name if width == 90 else str(run.number))
                assert token == text[len(shared)]
                row, place = table_of(run)[index[after]].tolist(), index[token]
                assert float(low) == pytest.approx(math.fsum(row[:place]), abs=5.1e-5)
                assert float(high) == pytest.approx(math.fsum(row[: place + 1]), abs=5.1e-5)
                assert float(low) - 1e-4 <= float(draw) <= float(high) + 1e-4


def test_runs_that_draw_the_same_names_are_said_to(
    names: Bigrams, three: list[ComparedRun]
) -> None:
    twin = side(3, three[1].snapshot, name="twin [b]")
    lines = plain(lines_of_names([three[0], three[1], twin], names, 2))
    assert lines[13:] == ["twin [b] draws the same as near"]


def test_alone_a_run_explains_nothing(names: Bigrams, three: list[ComparedRun]) -> None:
    assert len(lines_of_names([three[1]], names, 0)) == 13


def test_without_names_nothing_is_shown(names: Bigrams, three: list[ComparedRun]) -> None:
    """As long as the reference has no table to draw them from."""
    others = [three[0], three[2]]
    vocabulary = names.vocabulary
    assert name_lines(others, {}, lambda _: None, vocabulary, three[0], 90, 20, INKS) == []


def test_a_row_that_nothing_can_be_drawn_from_ends_the_name(
    names: Bigrams, three: list[ComparedRun]
) -> None:
    """And that is told, without a warning, which would spoil the screen."""
    empty = replace(three[0].snapshot, model=Iteration(np.zeros((27, 27))))
    lines = plain(lines_of_names([replace(three[0], snapshot=empty), three[1]], names, 0))
    assert lines[1].split()[1] == END
    assert "no table" in lines[14]


def test_names_that_the_text_holds_are_marked(names: Bigrams, three: list[ComparedRun]) -> None:
    found = sampled(three, names, 12)
    known = {found[2][0].sample.text, found[3][4].sample.text}
    lines = lines_of_names(three, names, 1, width=363, holds=lambda text: text in known)
    for line in lines[1:13]:
        for place in range(3):
            written = cut(line, 120, place).plain.strip()
            assert written.startswith(MARK) == (written.strip(MARK + END) in known)


@pytest.mark.parametrize(
    ("width", "height"), [(90, 6), (45, 3), (43, 20), (10, 1), (90, 1), (43, 9)]
)
def test_names_keep_to_their_room(
    names: Bigrams, three: list[ComparedRun], width: int, height: int
) -> None:
    for chosen in range(3):
        lines = lines_of_names(three, names, chosen, width, height)
        assert len(lines) <= height
        assert all(cell_len(line.plain) <= width for line in lines)
        assert f"{chosen + 1} ━" in lines[0].plain, "the chosen one is among them"


def test_odd_characters_in_names_are_shown_as_themselves(count_lines: CountLines) -> None:
    odd = count_lines(["[b]", "漢字漢", "\x1b[31m", "[/b]漢"])
    sides = [
        side(1, run_of(CountingBackend(smoothing=0.0), odd), reference=True),
        side(2, run_of(CountingBackend(smoothing=5.0), odd)),
    ]
    lines = lines_of_names(sides, odd, 1, width=63, count=20)
    text = "\n".join(line.plain for line in lines)
    assert "\x1b" not in text
    assert {"[", "␛", "漢"} <= set(text)
    for line in lines[1:21]:
        assert cell_len(line.plain) == 63
    marks = [mark for line in lines[1:21] for mark in inked(line, INKS.strong)]
    assert len(marks) > 10
    assert all(len(mark) == 1 for mark in marks)


# A word


def word_text(
    sides: Sequence[ComparedRun], bigrams: Bigrams, word: str, width: int = 70, height: int = 20
) -> list[Text]:
    tokens = bigrams.vocabulary.encode_line(word)
    surprises = {
        each.number: surprise(each.snapshot.probabilities, tokens)
        for each in sides
        if each.snapshot.probabilities is not None
    }
    return word_lines(sides, surprises, bigrams, sides[0], width, height, INKS)


def test_the_surprise_of_a_word_is_told_bigram_by_bigram(
    names: Bigrams, three: list[ComparedRun]
) -> None:
    lines = plain(word_text(three, names, "emma"))
    assert lines[0].split() == ["1", "━━", "count", "2", "━━", "near", "◎", "3", "━━", "far"]
    tables = [table_of(each) for each in three]
    pairs = [".e", "em", "mm", "ma", "a."]
    index = names.vocabulary.index
    cells = [(index[pair[0]], index[pair[1]]) for pair in pairs]
    costs = [[-math.log(table[cell]) for cell in cells] for table in tables]
    for k, pair in enumerate(pairs):
        label, *numbers = re.findall(r"^\S+|\d+\.\d\d", lines[1 + k])
        assert label == pair
        assert numbers == [f"{cost[k]:.2f}" for cost in costs]
    assert lines[6].split() == ["mean", *(f"{math.fsum(cost) / 5:.4f}" for cost in costs)]
    assert len(lines) == 7


def test_the_bars_of_surprises_are_as_long_as_they_are_large(
    names: Bigrams, three: list[ComparedRun]
) -> None:
    lines = word_text(three[:1], names, "emma", width=86)
    table, index = table_of(three[0]), names.vocabulary.index
    cells = [(index[pair[0]], index[pair[1]]) for pair in (".e", "em", "mm", "ma", "a.")]
    costs = [-math.log(table[cell]) for cell in cells]
    for cost, line in zip(costs, lines[1:6], strict=True):
        bar = "".join(inked(line, COLORS[1]))
        length = sum(" ▏▎▍▌▋▊▉█".index(c) / 8 for c in bar.rstrip())
        assert length == pytest.approx(cost / max(costs) * (86 - 5 - 6 - 2), abs=0.2)


def test_an_impossible_word_is_infinite_and_says_why(names: Bigrams, tiny: Bigrams) -> None:
    """“jq” never occurs, and only smoothing would give it a share."""
    index = names.vocabulary.index
    assert names.counts[index["j"], index["q"]] == 0
    strict = side(1, run_of(CountingBackend(smoothing=0.0), names), name="count", reference=True)
    smooth = side(2, run_of(CountingBackend(), names), name="soft")
    lines = plain(word_text([strict, smooth], names, "jq"))
    assert lines[2].split()[:2] == ["jq", "∞"]
    assert lines[4].split()[:2] == ["mean", "∞"]
    assert lines[5:] == ["count: “jq” never occurs and α is 0, so P = 0"]
    number = -math.log(1 / (names.counts[index["j"]].sum() + 27))
    assert f"{number:.2f}" in lines[2]
    narrow = plain(word_text([strict, smooth], names, "jq", width=30))
    assert " ".join(narrow[5:]) == "count: “jq” never occurs and α is 0, so P = 0"
    assert plain(word_text([smooth], names, "jq"))[5:] == []
    (mark,) = inked(word_text([strict], names, "jq")[2], INKS.error)
    assert mark.split()[0] == "∞"


def test_an_impossible_word_that_occurs_is_no_matter_of_smoothing(tiny: Bigrams) -> None:
    table = np.full((3, 3), 1 / 3)
    table[1, 2] = 0.0
    run = replace(run_of(Coarse(), tiny).snapshot(), model=Iteration(table))
    lines = plain(word_text([side(1, run, name="[b]", reference=True)], tiny, "ab"))
    assert lines[-1] == "[b]: “ab” occurs 1 times, so P = 0"


def test_a_long_word_tells_the_mean_of_all_its_bigrams(
    names: Bigrams, three: list[ComparedRun]
) -> None:
    """Also of those for which there is no line."""
    word = "maximilian" * 3
    table, index = table_of(three[0]), names.vocabulary.index
    tokens = [index[character] for character in f".{word}."]
    mean = -math.fsum(math.log(table[pair]) for pair in pairwise(tokens)) / 31
    lines = plain(word_text(three[:1], names, word, height=8))
    assert len(lines) == 8
    assert [line[:2] for line in lines[1:6]] == [".m", "ma", "ax", "xi", "im"]
    assert "31 bigrams" in lines[6]
    assert lines[7] == f"mean {mean:.4f}"
    whole = plain(word_text(three[:1], names, word, height=33))
    assert [line[:2] for line in whole[1:32]] == [f"{a}{b}" for a, b in pairwise(f".{word}.")]


def test_the_empty_word_is_the_start_and_the_end(names: Bigrams, three: list[ComparedRun]) -> None:
    lines = plain(word_text(three[:1], names, ""))
    table = table_of(three[0])
    assert lines[2] == f"mean {-math.log(table[0, 0]):.4f}"
    assert lines[1].split()[:2] == ["..", f"{-math.log(table[0, 0]):.2f}"]


def test_a_word_without_any_table_says_nothing(names: Bigrams) -> None:
    assert word_text([side(1, Snapshot("late"), reference=True)], names, "emma") == []


@pytest.mark.parametrize(
    ("width", "height"), [(70, 3), (30, 9), (18, 4), (70, 20), (30, 14), (8, 2), (70, 1)]
)
def test_a_word_keeps_to_its_room(
    names: Bigrams, three: list[ComparedRun], width: int, height: int
) -> None:
    lines = word_text(three, names, "maximilian", width, height)
    assert len(lines) <= height
    assert all(cell_len(line.plain) <= width for line in lines)


# A cell


def table_entries(run: Snapshot, cell: tuple[int, int]) -> dict[str, str]:
    """What is to be told of a cell, by what it is."""
    assert run.probabilities is not None
    p = float(run.probabilities[cell])
    told = {"P": f"{p:.4f}" if p >= 0.001 or p == 0 else f"{p:.2e}"}
    if run.weights is not None:
        told["W"] = f"{run.weights[cell]:+.4f}"
    if run.gradient is not None:
        told["gradient"] = f"{run.gradient[cell]:+.2e}"
    return {**told, "surprise": f"{-math.log(p):.4f}" if p else "∞"}


CELLS = [(0, 13), (17, 21), (10, 17), (0, 0)]


@pytest.mark.parametrize("cell", CELLS)
def test_the_cell_under_the_cursor_is_told_of_all_runs_in_columns(
    names: Bigrams, three: list[ComparedRun], cell: tuple[int, int]
) -> None:
    first, titles, *rows = plain(cell_lines(three, cell, names, 70, INKS))
    label = "".join(names.vocabulary.labels[k] for k in cell)
    times, whole = int(names.counts[cell]), int(names.counts[cell[0]].sum())
    assert first == f"{label}  N {times:,} of {whole:,}"
    assert titles.split("  ")[-1].strip() == "surprise"
    for each, row in zip(three, rows, strict=True):
        assert row.split("  ")[0].startswith(f"{each.number} ━━ {each.name}")
        told = table_entries(each.snapshot, cell)
        assert re.findall(r"[-+]?\d+\.\d+(?:e[-+]\d+)?", row) == list(told.values())


@pytest.mark.parametrize("cell", CELLS)
def test_in_little_room_the_numbers_stand_one_after_the_other(
    names: Bigrams, three: list[ComparedRun], cell: tuple[int, int]
) -> None:
    lines = plain(cell_lines(three, cell, names, 23, INKS))[1:]
    told: dict[str, list[str]] = {}
    title = ""
    for line in lines:
        if re.match(r"\d ━━ ", line):
            told[title].append(line)
            assert cell_len(line) == 23
        else:
            title = line
            told[title] = []
    assert list(told) == ["P", "W", "gradient", "surprise"]
    for title, rows in told.items():
        expected = [
            (each.number, table_entries(each.snapshot, cell)[title])
            for each in three
            if title in table_entries(each.snapshot, cell)
        ]
        assert [(int(row[0]), row.split()[-1]) for row in rows] == expected


@pytest.mark.parametrize("width", [60, 20])
def test_a_cell_without_a_share_costs_infinitely_much(tiny: Bigrams, width: int) -> None:
    sides = [
        side(1, run_of(CountingBackend(smoothing=0.0), tiny), reference=True),
        side(2, Snapshot("late")),
    ]
    text = "\n".join(plain(cell_lines(sides, (1, 1), tiny, width, INKS)))
    assert text.startswith("aa  N 0 of 2\n")
    assert "0.0000" in text
    assert "∞" in text
    assert "W" not in text, "none of them has weights"


# Maps


def test_maps_that_stand_together_have_one_limit(names: Bigrams, three: list[ComparedRun]) -> None:
    """That of the one with the largest value, so that colours can be compared."""
    for view in (PROBABILITIES, WEIGHTS, GRADIENT):
        maps = maps_of(three, view, names, view.default_scale)
        alone = [view.picture(each.snapshot, names, view.default_scale) for each in three]
        limits = {shown.picture.limit for shown in maps if shown.picture is not None}
        assert limits == {max(picture.limit for picture in alone if picture is not None)}
        for shown, each in zip(maps, three, strict=True):
            table = view.table(each.snapshot, names)
            if shown.picture is None:
                assert table is None
            else:
                np.testing.assert_array_equal(shown.picture.table, table)
            assert shown.color == each.color
            assert shown.title == f"{each.name}  {view.title}"


def test_the_same_value_has_the_same_colour_in_all_maps(tiny: Bigrams) -> None:
    tables = [np.array([[0.2, 0.3, 0.5]] * 3), np.array([[0.2, 0.0, 0.8]] * 3)]
    base = run_of(Coarse(), tiny).snapshot()
    sides = [
        side(k, replace(base, model=Iteration(t)), reference=k == 1)
        for k, t in enumerate(tables, 1)
    ]
    first, second = (
        shown.picture for shown in maps_of(sides, PROBABILITIES, tiny, ColorScale.LINEAR)
    )
    assert first is not None
    assert second is not None
    assert first.row(0)[0] == second.row(0)[0]
    assert first.row(0)[2] < second.row(0)[2]


def test_a_run_without_a_table_says_so_in_its_place(
    names: Bigrams, three: list[ComparedRun]
) -> None:
    sides = [*three, side(4, Snapshot("[late]"))]
    for view, word in ((WEIGHTS, "weights"), (GRADIENT, "gradient")):
        maps = maps_of(sides, view, names, ColorScale.LINEAR)
        assert [shown.picture is None for shown in maps] == [True, False, False, True]
        assert maps[0].message == f"count has no {word}"
        assert maps[3].message == "[late] is not loaded yet"


@pytest.mark.parametrize("view", [PROBABILITIES, WEIGHTS, GRADIENT], ids=lambda v: v.name)
def test_the_map_of_differences_is_one_table_less_the_other(
    names: Bigrams, three: list[ComparedRun], view: Any
) -> None:
    """Cell by cell and with its sign; the largest stands in the title."""
    near, far = three[1:]
    shown = difference_map(near, far, view, names, ColorScale.LINEAR)
    a, b = view.table(near.snapshot, names), view.table(far.snapshot, names)
    assert shown.picture is not None
    assert shown.picture.diverging
    for cell in np.ndindex(27, 27):
        assert shown.picture.table[cell] == a[cell] - b[cell]
    most = max(abs(a[cell] - b[cell]) for cell in np.ndindex(27, 27))
    assert shown.title == f"near − far  max {difference(most)}"
    assert shown.picture.limit >= most
    assert shown.color is None
    back = difference_map(far, near, view, names, ColorScale.LINEAR)
    assert back.title == f"far − near  max {difference(most)}"
    assert back.picture is not None
    np.testing.assert_array_equal(back.picture.table[:], -shown.picture.table[:])


def test_counts_are_shown_once_as_they_are_those_of_all(
    names: Bigrams, three: list[ComparedRun]
) -> None:
    first, *others = maps_of(three, COUNTS, names, ColorScale.ROOT)
    assert first.picture is not None
    np.testing.assert_array_equal(first.picture.table, names.counts)
    assert (first.title, first.color) == (COUNTS.title, None)
    assert len(others) == 2
    for shown in (*others, difference_map(three[0], three[1], COUNTS, names, ColorScale.ROOT)):
        assert shown.picture is None
        assert "the same for all" in shown.message


def test_a_table_of_float32_is_subtracted_in_float64(tiny: Bigrams) -> None:
    sides = [
        side(1, run_of(Coarse(), tiny), reference=True),
        side(2, run_of(CountingBackend(), tiny)),
    ]
    shown = difference_map(sides[0], sides[1], PROBABILITIES, tiny, ColorScale.LINEAR)
    table = table_of(sides[1])
    assert shown.picture is not None
    assert shown.picture.table[1, 1] == float(np.float32(1 / 3)) - table[1, 1]
    assert shown.picture.table.dtype == np.float64


def test_what_only_one_has_has_no_difference(names: Bigrams, three: list[ComparedRun]) -> None:
    late = side(4, Snapshot("late"))
    for a, b, view in (
        (three[0], three[1], WEIGHTS),
        (three[1], three[0], GRADIENT),
        (three[1], late, PROBABILITIES),
        (late, three[1], PROBABILITIES),
    ):
        shown = difference_map(a, b, view, names, ColorScale.LINEAR)
        assert shown.picture is None
        assert shown.message
        assert shown.title == f"{a.name} − {b.name}"


# What there is room for


@given(st.integers(1, 9), st.data(), st.integers(0, 120))
def test_the_chosen_run_and_the_reference_are_the_last_to_give_way(
    count: int, data: st.DataObject, width: int
) -> None:
    chosen = data.draw(st.integers(0, count - 1))
    reference = data.draw(st.integers(0, count - 1))
    run = Snapshot("any")
    sides = [side(k % 9, replace(run), reference=k == reference) for k in range(count)]
    numbered = [replace(each, number=k + 1) for k, each in enumerate(sides)]
    shown = in_room(numbered, numbered[chosen], width, 12)
    places = [each.number - 1 for each in shown]
    assert len(shown) == min(count, max(1, width // 12))
    assert places == sorted(places)
    assert chosen in places
    assert reference in places or len(shown) == 1
