"""Derivations: each number by a plain loop, by its own formula, and by what the run does next."""

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise

import numpy as np
import pytest

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.backend import Backend, Iteration, configure
from bigram_tui.lessons import derivation
from bigram_tui.lessons.derivation import Cell, Quantity, reasons, successor
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot, Status
from tests.conftest import CountLines

GIVEN = ["N", "n"]
SOFTMAX = ["W", "odds", "sum", "P", "surprise"]
DESCENT = ["data", "penalty", "gradient", "step", "then W", "then P"]

LINES = ["abba", "baab", "cab", "abc", "b"]


@pytest.fixture(scope="module")
def text(count_lines: CountLines) -> Bigrams:
    """Of LINES and of a fourth character that never occurs: its row is empty. V = 5, B = 20."""
    return count_lines(LINES, "abcd")


def started(backend: Backend, bigrams: Bigrams, iterations: int = 0) -> Run:
    run = Run(backend, bigrams, start_weights(len(bigrams.counts)), name="mine")
    run.advance(iterations)
    return run


def all_cells(bigrams: Bigrams) -> list[Cell]:
    tokens = range(len(bigrams.counts))
    return [(first, second) for first in tokens for second in tokens]


def by_name(run: Snapshot, bigrams: Bigrams, cell: Cell) -> dict[str, Quantity]:
    """The steps; each that is a formula gives its value when what it says is worked out."""
    steps = reasons(run, bigrams, cell)
    names = [step.name for step in steps]
    assert len(set(names)) == len(names)
    for step in steps:
        if step.formula and "the row has no counts" not in step.numbers:
            assert_worked_out(step)
    return {step.name: step for step in steps}


def assert_worked_out(step: Quantity) -> None:
    """Its numbers have five digits, of which a difference may cancel most."""
    written = step.numbers.replace("−", "-").replace("·", "*").replace("²", "**2")
    written = re.sub(r"e\^(\S+)", r"exp(\1)", written)
    written = re.sub(r"log (\S+)", r"log(\1)", written)
    names = {"exp": math.exp, "log": math.log, "inf": math.inf, "nan": math.nan}
    numbers = re.findall(r"[\d.]+(?:e[-+]?\d+)?", written)
    scale = max((float(number) for number in numbers), default=0.0)
    try:
        found = float(eval(written, names))
    except ArithmeticError as error:
        raise AssertionError(step) from error
    assert found == pytest.approx(step.value, rel=1e-3, abs=1e-4 * scale, nan_ok=True), step


def softmax_cell(row: Matrix, column: int) -> float:
    odds = [math.exp(float(w)) for w in row]
    return odds[column] / math.fsum(odds)


def pair_gradient(lines: list[str], characters: str, table: Matrix, cell: Cell) -> float:
    """∂NLL/∂W of a cell, pair by pair: P − 1 where the pair is the cell, P where it is in its row.

    For each pair −log softmax(W)[second] has the derivative P − onehot.
    """
    slopes = []
    count = 0
    for line in lines:
        for first, second in pairwise([0, *(characters.index(c) + 1 for c in line), 0]):
            count += 1
            if first == cell[0]:
                slopes.append(float(table[cell]) - (second == cell[1]))
    return math.fsum(slopes) / count


# What plain gradient descent does


def plain_backends() -> Iterator[object]:
    yield pytest.param("numpy", {}, 1e-10, id="numpy")
    yield pytest.param("numpy", {"l2": 0.0}, 1e-10, id="numpy without λ")
    yield pytest.param("torch", {}, 1e-10, id="torch")
    yield pytest.param("torch", {"dtype": "float32"}, 1e-4, id="torch in float32")


def plain(kind: str, settings: dict[str, object]) -> Backend:
    if kind == "numpy":
        return NumpyBackend(**{"learning_rate": 5.0, "l2": 0.5, **settings})  # type: ignore[arg-type]
    pytest.importorskip("torch")
    from bigram_backends.torch_autograd import TorchBackend

    return TorchBackend(**{"learning_rate": 5.0, "l2": 0.5, **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "settings", "precision"), plain_backends())
@pytest.mark.parametrize("iterations", [0, 3])
def test_every_step_is_what_a_plain_loop_finds_and_the_next_is_what_the_run_takes(
    text: Bigrams, kind: str, settings: dict[str, object], precision: float, iterations: int
) -> None:
    run = started(plain(kind, settings), text, iterations)
    now = run.snapshot()
    run.advance()
    later = run.snapshot()
    assert now.weights is not None
    assert now.probabilities is not None
    assert later.weights is not None
    assert later.probabilities is not None
    rate, l2 = now.settings["learning_rate"], now.settings["l2"]
    size = len(text.counts)
    for cell in all_cells(text):
        steps = by_name(now, text, cell)
        assert list(steps) == GIVEN + SOFTMAX + DESCENT
        row, w = now.weights[cell[0]], float(now.weights[cell])
        data = pair_gradient(LINES, "abcd", now.probabilities, cell)
        # mean(W²) is a parabola in each w, so that the central difference is exact.
        decay = l2 * ((w + 1) ** 2 - (w - 1) ** 2) / 2 / size**2
        p = softmax_cell(row, cell[1])
        pairs = [pair for line in LINES for pair in pairwise(f".{line}.")]
        first, second = (".abcd"[k] for k in cell)
        expected = {
            "N": pairs.count((first, second)),
            "n": sum(pair[0] == first for pair in pairs),
            "W": w,
            "odds": math.exp(w),
            "sum": math.fsum(math.exp(float(x)) for x in row),
            "P": p,
            "surprise": -math.log(p),
            "data": data,
            "penalty": decay,
            "gradient": data + decay,
            "step": -rate * (data + decay),
            "then W": float(later.weights[cell]),
            "then P": float(later.probabilities[cell]),
        }
        for name, step in steps.items():
            found = pytest.approx(expected[name], rel=precision, abs=precision / 10)
            assert step.value == found, (cell, name)


def test_the_next_step_is_by_the_values_that_hold_from_there_on(text: Bigrams) -> None:
    """Also when one looks back to where they were changed, and to before that."""
    run = started(NumpyBackend(learning_rate=5.0, l2=0.5), text, 2)
    run.set("learning_rate", 1.0)
    run.set("l2", 3.0)
    run.advance(2)
    for iteration in (1, 2, 3, 0):
        run.seek(iteration)
        now = run.snapshot()
        run.advance()
        weights = run.snapshot().weights
        assert weights is not None
        for cell in all_cells(text):
            step = by_name(now, text, cell)["then W"]
            assert step.value == pytest.approx(float(weights[cell]), rel=1e-12)


# Counting


@pytest.mark.parametrize("smoothing", [1.0, 0.25, 0.0])
def test_counting_is_a_fraction_of_counts(text: Bigrams, smoothing: float) -> None:
    run = started(CountingBackend(smoothing=smoothing), text).snapshot()
    for cell in all_cells(text):
        steps = by_name(run, text, cell)
        n, row_sum, alpha = int(text.counts[cell]), int(text.row_sums[cell[0]]), Fraction(smoothing)
        whole = row_sum + 5 * alpha
        p = float((n + alpha) / whole) if whole else 1 / 5
        assert steps["P"].value == pytest.approx(p, rel=1e-14)
        assert list(steps) == GIVEN + ["P"] + ["surprise"] * (p > 0)
        assert steps["P"].formula == ("(N + α) / (n + αV)" if whole else "1 / V")
        if p:
            assert steps["surprise"].value == pytest.approx(-math.log(p), abs=1e-14)


def test_a_row_without_counts_is_neither_pushed_by_data_nor_divided_by_0(text: Bigrams) -> None:
    cell = (4, 1)
    assert text.row_sums[4] == 0
    trained = by_name(started(NumpyBackend(), text, 2).snapshot(), text, cell)
    assert trained["data"].value == 0
    assert trained["gradient"].value == trained["penalty"].value != 0
    counted = by_name(started(CountingBackend(smoothing=0.0), text).snapshot(), text, cell)
    assert counted["P"].numbers.startswith("1 / 5")


# What a backend does in its own way


def softmax(weights: Matrix) -> Matrix:
    odds = np.exp(weights - weights.max(axis=1, keepdims=True))
    table: Matrix = odds / odds.sum(axis=1, keepdims=True)
    return table


def data_gradient(table: Matrix, bigrams: Bigrams) -> Matrix:
    rows = bigrams.row_sums[:, None] / bigrams.total
    result: Matrix = (rows * table - bigrams.counts / bigrams.total).astype(table.dtype)
    return result


@dataclass
class OwnPenalty(Backend):
    """|W| in place of W², in a number format of choice."""

    learning_rate: float = 5.0
    l2: float = 0.01
    dtype: str = "float64"

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        weights = weights.astype(self.dtype)
        while True:
            table = softmax(weights)
            pull = (self.l2 / weights.size * np.sign(weights)).astype(self.dtype)
            gradient = data_gradient(table, bigrams) + pull
            yield Iteration(table, weights, gradient)
            weights = weights - np.array(self.learning_rate, self.dtype) * gradient

    def regularization(self, weights: Matrix) -> float:
        return float(self.l2 * abs(weights).mean())


@dataclass
class Momentum(Backend):
    """The gradient is the usual one; the step is not."""

    learning_rate: float = 5.0
    l2: float = 0.0

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        velocity = np.zeros_like(weights)
        while True:
            table = softmax(weights)
            gradient = data_gradient(table, bigrams)
            yield Iteration(table, weights, gradient)
            velocity = 0.9 * velocity - self.learning_rate * gradient
            weights = weights + velocity


@dataclass
class Sharper(Backend):
    """P = softmax(2W), in a number format of choice; no gradient is told."""

    learning_rate: float = 5.0
    sharpness: float = 2.0
    dtype: str = "float64"

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        weights = weights.astype(self.dtype)
        while True:
            table = softmax(weights * np.array(self.sharpness, self.dtype))
            yield Iteration(table, weights)
            weights = weights - data_gradient(table, bigrams)


@dataclass
class Interpolated(Backend):
    """Counts mixed with the uniform table: another smoothing than adding α."""

    smoothing: float = 0.1
    dtype: str = "float64"

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        size = len(bigrams.counts)
        shares = bigrams.counts / np.maximum(bigrams.row_sums, 1)[:, None]
        shares[bigrams.row_sums == 0] = 1 / size
        mixed = (1 - self.smoothing) * shares + self.smoothing / size
        yield Iteration(mixed.astype(self.dtype), last=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_penalty_of_its_own_is_not_said_to_be_ours(names: Bigrams, dtype: str) -> None:
    run = started(OwnPenalty(dtype=dtype), names, 2).snapshot()
    assert run.gradient is not None
    for cell in [(0, 1), (1, 14), (5, 13), (17, 17)]:
        steps = by_name(run, names, cell)
        assert list(steps) == [*GIVEN, *SOFTMAX, "gradient"]
        assert steps["gradient"].formula == ""
        assert "as mine has it" in steps["gradient"].numbers
        assert steps["gradient"].value == float(run.gradient[cell])


@pytest.mark.parametrize("sharpness", [1.0, 2.0])
def test_without_a_gradient_nothing_is_said_of_steps(text: Bigrams, sharpness: float) -> None:
    run = started(Sharper(sharpness=sharpness), text, 2).snapshot()
    assert run.probabilities is not None
    for cell in all_cells(text):
        steps = by_name(run, text, cell)
        theirs = sharpness != 1
        assert list(steps) == GIVEN + (["W", "P", "surprise"] if theirs else SOFTMAX)
        assert (steps["P"].formula == "") == theirs
        assert ("as mine has it" in steps["P"].numbers) == theirs
        assert steps["P"].value == run.probabilities[cell]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_table_that_is_not_the_softmax_is_not_said_to_be(text: Bigrams, dtype: str) -> None:
    run = started(Sharper(dtype=dtype), text, 2).snapshot()
    for cell in all_cells(text):
        assert by_name(run, text, cell)["P"].formula == ""


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_the_softmax_is_known_in_every_number_format(text: Bigrams, dtype: str) -> None:
    run = started(Sharper(dtype=dtype, sharpness=1.0), text).snapshot()
    for cell in all_cells(text):
        assert by_name(run, text, cell)["P"].formula == "e^W / Σ e^W"


def test_a_smoothing_of_its_own_is_not_said_to_be_ours(text: Bigrams) -> None:
    run = started(Interpolated(), text).snapshot()
    assert run.probabilities is not None
    for cell in all_cells(text):
        steps = by_name(run, text, cell)
        n, row_sum = int(text.counts[cell]), int(text.row_sums[cell[0]])
        ours = (n + 0.1) / (row_sum + 0.1 * 5)
        alike = math.isclose(ours, run.probabilities[cell], rel_tol=1e-9)
        assert (steps["P"].formula == "") != alike
        assert steps["P"].value == run.probabilities[cell]


def snapshot_of(
    table: object, weights: object = None, gradient: object = None, **settings: object
) -> Snapshot:
    arrays = [None if x is None else np.array(x) for x in (table, weights, gradient)]
    made = Iteration(arrays[0], arrays[1], arrays[2])
    values = {"learning_rate": 1.0, "l2": 0.0, **settings}
    losses = np.ones((1, 4))
    return Snapshot("mine", Status.READY, iteration=0, model=made, settings=values, losses=losses)


HALF = [[0.5, 0.5], [0.5, 0.5]]
FLAT = [[0.0, 0.0], [0.0, 0.0]]


@pytest.fixture(scope="module")
def pair(count_lines: CountLines) -> Bigrams:
    """Of 'a': '.a' and 'a.' occur once. V = 2."""
    return count_lines(["a"])


def test_a_gradient_without_weights_is_shown_as_it_is(pair: Bigrams) -> None:
    run = snapshot_of(HALF, None, [[0.25, -0.25], [-0.25, 0.25]])
    steps = by_name(run, pair, (0, 1))
    assert "then W" not in steps


@pytest.mark.parametrize(
    ("settings", "weights", "gradient"),
    [
        pytest.param({"l2": "weak"}, FLAT, [[0.25, -0.25], [-0.25, 0.25]], id="l2"),
        pytest.param({"smoothing": "witten-bell"}, None, None, id="smoothing"),
        pytest.param({"learning_rate": "auto"}, FLAT, [[0.5, -0.5], [-0.5, 0.5]], id="rate"),
    ],
)
def test_a_word_for_a_hyperparameter_is_no_number(
    pair: Bigrams, settings: dict[str, object], weights: object, gradient: object
) -> None:
    steps = by_name(snapshot_of(HALF, weights, gradient, **settings), pair, (0, 1))
    assert steps["P"].value == 0.5
    assert "then W" not in steps


# What is no number, or too large


inf, nan = math.inf, math.nan
ONE = [[1.0, 0.0], [0.0, 1.0]]
AMISS = {
    "P nan": (np.full((2, 2), nan), FLAT, FLAT),
    "P nan without weights": (np.full((2, 2), nan), None, None),
    "P inf": (np.full((2, 2), inf), FLAT, FLAT),
    "W nan": (np.full((2, 2), nan), np.full((2, 2), nan), np.full((2, 2), nan)),
    "W inf": (ONE, [[inf, 0.0], [0.0, inf]], FLAT),
    "W −inf": (ONE, [[0.0, -inf], [-inf, 0.0]], FLAT),
    "e^W overflows": (ONE, [[1e4, -1e4], [-1e4, 1e4]], FLAT),
    "Σ e^W overflows": (HALF, np.full((2, 2), 709.5), FLAT),
    "e^W underflows": (HALF, np.full((2, 2), -1e4), [[0.25, -0.25], [-0.25, 0.25]]),
    "gradient nan": (HALF, FLAT, np.full((2, 2), nan)),
    "gradient inf": (HALF, FLAT, np.full((2, 2), inf)),
}


@pytest.mark.parametrize("name", ["numpy", "plus-sign"])
def test_what_comes_then_is_what_the_backend_does(names: Bigrams, name: str) -> None:
    """Also where that is no plain step of gradient descent."""
    (source,) = choose([name])
    backend = configure(source.load(), {})
    run = Run(backend, names, start_weights(len(names.vocabulary)), name=name)
    run.advance(5)
    now = run.snapshot()
    steps = {step.name: step for step in reasons(now, names, (1, 14), successor(now, names))}
    run.advance()
    then = run.snapshot()
    assert then.weights is not None
    assert then.probabilities is not None
    assert steps["then W"].value == pytest.approx(float(then.weights[1, 14]), rel=1e-12)
    assert steps["then P"].value == pytest.approx(float(then.probabilities[1, 14]), rel=1e-12)
    assert ("step" in steps) == (name != "plus-sign")


@dataclass
class Stuck(NumpyBackend):
    """Takes no step that ends soon; raises what is no Exception if it is told to."""

    wait: float = 20.0

    def train(self, bigrams: Bigrams, weights: Matrix, state: None = None) -> Iterator[Iteration]:
        yield from islice(super().train(bigrams, weights), 1)
        time.sleep(self.wait)
        raise KeyboardInterrupt


@pytest.mark.parametrize("wait", [0.0, 20.0])
def test_a_copy_that_hangs_or_raises_anything_takes_no_step_and_holds_up_nobody(
    text: Bigrams, wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derivation, "PATIENCE_SECONDS", 0.1)
    run = Run(Stuck(wait=wait), text, start_weights(len(text.counts)))
    before = time.monotonic()
    assert successor(run.snapshot(), text) is None
    assert time.monotonic() - before < 10
