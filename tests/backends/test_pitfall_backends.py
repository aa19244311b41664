"""Each pitfall makes its mistake and no other: against autograd, plain loops and closed forms."""

import math
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.pitfalls import (
    CountNoKeepdim,
    NoKeepdim,
    NoMax,
    NoMean,
    NoReset,
    PlusSign,
)
from bigram_tui.backend import Backend, Iteration, Matrix
from bigram_tui.comparison import lockstep
from bigram_tui.comparison.chunk import lead
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.comparison.lockstep import Lockstep
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.testing import BackendTests
from bigram_tui.training import timeline
from bigram_tui.training.registry import choose, pitfalls
from bigram_tui.training.run import Run
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Status
from tests.conftest import CountLines
from tests.training.test_runner import wait_until

NAMES = Path(__file__).parents[2] / "data" / "names.txt"
LECTURE_RATE, LECTURE_L2 = 50.0, 0.01

lines = st.lists(st.text("abc", max_size=6), min_size=1, max_size=8)


def path(backend: Backend, bigrams: Bigrams, weights: Matrix, count: int) -> list[Iteration]:
    """The first iterations of a training, the untrained model included."""
    return list(islice(backend.train(bigrams, weights), count))


def right_counts(bigrams: Bigrams, smoothing: float) -> list[list[float]]:
    """(N + α) / Σ_j (N + α), cell by cell; uniform where there is nothing to divide by."""
    table = []
    for row in bigrams.counts.tolist():
        whole = sum(count + smoothing for count in row)
        table.append([(n + smoothing) / whole if whole else 1 / len(row) for n in row])
    return table


def right_softmax(weights: Matrix) -> list[list[float]]:
    """exp(W) / Σ_j exp(W), cell by cell."""
    table = []
    for row in weights.tolist():
        whole = math.fsum(map(math.exp, row))
        table.append([math.exp(weight) / whole for weight in row])
    return table


def surprise(word: str, table: list[list[float]], characters: str) -> float:
    """−Σ log P over the bigrams of a word."""
    tokens = [0, *(characters.index(character) + 1 for character in word), 0]
    return -math.fsum(math.log(table[i][j]) for i, j in pairwise(tokens))


def right_gradient(weights: Matrix, bigrams: Bigrams, l2: float) -> Matrix:
    """∂(NLL + λ·mean(W²))/∂W, row by row."""
    gradient = 2 * l2 * weights / weights.size
    for i, row in enumerate(right_softmax(weights)):
        seen = bigrams.counts[i].sum()
        gradient[i] += (seen * np.array(row) - bigrams.counts[i]) / bigrams.total
    return gradient


def total(weights: Matrix, bigrams: Bigrams, l2: float) -> float:
    """NLL + λ·mean(W²) of the softmax of W."""
    logs = np.log(right_softmax(weights))
    return float(l2 * (weights**2).mean() - (bigrams.counts * logs).sum() / bigrams.total)


# Counting without keepdim


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3),
    st.sampled_from([0.0, 0.5, 1.0, 10.0]),
)
def test_counts_are_divided_by_the_row_sum_of_their_column(
    tiny: Bigrams, counts: list[list[int]], smoothing: float
) -> None:
    """Of any pairs: those of lines would not tell the sums of rows from those of columns."""
    bigrams = Bigrams(tiny.vocabulary, np.array(counts))
    (model,) = CountNoKeepdim(smoothing).train(bigrams, np.zeros((3, 3)))
    assert model.last
    for i, row in enumerate(model.probabilities.tolist()):
        for j, probability in enumerate(row):
            divisor = sum(counts[j][k] + smoothing for k in range(3))
            expected = (counts[i][j] + smoothing) / divisor if divisor else 1 / 3
            assert probability == pytest.approx(expected, rel=1e-12)


def test_the_row_sums_of_the_names_are_far_from_1(names: Bigrams) -> None:
    counts = names.counts.tolist()
    divisors = [sum(row) + 27 for row in counts]
    sums = [sum((n + 1) / divisors[j] for j, n in enumerate(row)) for row in counts]
    snapshot = Run(CountNoKeepdim(), names, np.zeros((27, 27))).snapshot()
    assert snapshot.row_sums == pytest.approx((min(sums), max(sums)), rel=1e-12)
    # Of the lecture's file they are 0.079 and 6.92.
    assert (min(sums), max(sums)) == pytest.approx((0.07809, 6.91462), abs=5e-6)
    assert "P sum to 0.0781 up to 6.91, not to 1" in snapshot.doubt


@given(lines, st.sampled_from([0.0, 0.5, 1.0]))
def test_no_word_is_more_or_less_surprising_for_wrong_counts(
    count_lines: CountLines, lines: list[str], smoothing: float
) -> None:
    bigrams = count_lines(lines)
    (model,) = CountNoKeepdim(smoothing).train(bigrams, np.zeros(bigrams.counts.shape))
    right, characters = right_counts(bigrams, smoothing), bigrams.vocabulary.characters
    for word in lines:
        expected = surprise(word, right, characters)
        found = surprise(word, model.probabilities.tolist(), characters)
        assert found == pytest.approx(expected, rel=1e-11, abs=1e-11)


@given(lines)
def test_without_smoothing_it_is_the_chain_that_reads_backwards(
    count_lines: CountLines, lines: list[str]
) -> None:
    bigrams = count_lines(lines)
    (model,) = CountNoKeepdim(0.0).train(bigrams, np.zeros(bigrams.counts.shape))
    backwards = right_counts(count_lines([word[::-1] for word in lines]), 0.0)
    np.testing.assert_allclose(model.probabilities.T, backwards, rtol=1e-12)


def test_a_column_of_a_token_never_seen_is_uniform_as_its_row_should_be(
    count_lines: CountLines,
) -> None:
    bigrams = count_lines(["ab"], "abz")
    (model,) = CountNoKeepdim(0.0).train(bigrams, np.zeros((4, 4)))
    assert model.probabilities[:, 3].tolist() == [0.25] * 4


# Gradient descent without keepdim


def test_its_gradient_is_that_of_its_own_loss_by_autograd(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    torch = pytest.importorskip("torch")
    counts = torch.tensor(names.counts)
    pairs = torch.arange(27 * 27).repeat_interleave(counts.ravel())
    xs, ys = pairs // 27, pairs % 27
    for model in path(NoKeepdim(), names, lecture_weights, 4):
        w = torch.tensor(model.weights, requires_grad=True)
        odds = w.exp()
        probabilities = odds / odds.sum(1)
        loss = -probabilities[xs, ys].log().mean() + 0.01 * (w**2).mean()
        loss.backward()
        np.testing.assert_allclose(model.probabilities, probabilities.detach(), rtol=1e-13)
        assert model.loss == pytest.approx(loss.item(), rel=1e-12)
        np.testing.assert_allclose(model.gradient, w.grad, rtol=0, atol=1e-14)


def test_its_gradient_is_right_also_where_the_loss_would_be_another(tiny: Bigrams) -> None:
    """Of pairs that form no cycles, as 'a' begins five and ends two."""
    bigrams = Bigrams(tiny.vocabulary, np.array([[0, 1, 3], [4, 0, 1], [0, 1, 2]]))
    weights = np.random.default_rng(4).normal(size=(3, 3))

    def own_total(changed: Matrix) -> float:
        nll = 0.0
        for (i, j), count in np.ndenumerate(bigrams.counts):
            divisor = math.fsum(math.exp(changed[j, k]) for k in range(3))
            nll -= count * math.log(math.exp(changed[i, j]) / divisor)
        return float(nll / 12 + 0.5 * (changed**2).mean())

    model = next(NoKeepdim(l2=0.5).train(bigrams, weights))
    assert model.loss == pytest.approx(own_total(weights), rel=1e-13)
    assert abs(own_total(weights) - total(weights, bigrams, 0.5)) > 0.01
    for cell in np.ndindex(3, 3):
        nudge = np.zeros((3, 3))
        nudge[cell] = 1e-5
        slope = (own_total(weights + nudge) - own_total(weights - nudge)) / 2e-5
        assert model.gradient[cell] == pytest.approx(slope, abs=1e-9)


def test_the_whole_training_is_the_right_one_and_the_table_is_not(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    wrong = path(NoKeepdim(), names, lecture_weights, 201)
    right = path(NumpyBackend(), names, lecture_weights, 201)
    for ours, theirs in zip(wrong, right, strict=True):
        assert np.abs(ours.weights - theirs.weights).max() <= 1e-12
        assert np.abs(ours.gradient - theirs.gradient).max() <= 1e-12
        assert np.abs(ours.probabilities - theirs.probabilities).max() > 0.1
    runs = [Run(make(), names, lecture_weights) for make in (NoKeepdim, NumpyBackend)]
    for run in runs:
        run.advance(200)
    one, other = (run.snapshot() for run in runs)
    np.testing.assert_allclose(one.losses[:, :2], other.losses[:, :2], rtol=0, atol=1e-12)
    assert not one.disagrees
    assert "the rows of NoKeepdim's P sum to" in one.doubt
    assert other.doubt == ""


@given(lines, st.integers(0, 1000))
def test_no_word_is_more_or_less_surprising_at_any_weights(
    count_lines: CountLines, lines: list[str], seed: int
) -> None:
    bigrams = count_lines(lines)
    weights = 3 * np.random.default_rng(seed).normal(size=bigrams.counts.shape)
    model = next(NoKeepdim().train(bigrams, weights))
    right, characters = right_softmax(weights), bigrams.vocabulary.characters
    for word in [*lines, characters, characters[::-1] * 2]:
        expected = surprise(word, right, characters)
        found = surprise(word, model.probabilities.tolist(), characters)
        assert found == pytest.approx(expected, rel=1e-11)


# The other mistakes in gradient descent


def test_with_a_plus_sign_the_loss_rises_at_every_step(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    models = path(PlusSign(), names, lecture_weights, 61)
    totals = [total(model.weights, names, LECTURE_L2) for model in models]
    assert all(later > earlier for earlier, later in pairwise(totals))
    for before, after in pairwise(models):
        step = after.weights - before.weights
        expected = LECTURE_RATE * right_gradient(before.weights, names, LECTURE_L2)
        np.testing.assert_allclose(step, expected, rtol=0, atol=1e-12)
    run = Run(PlusSign(), names, lecture_weights)
    run.advance(2000)
    assert run.status is Status.DIVERGED


def test_without_a_reset_each_step_is_along_all_gradients_so_far(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    weights, gradients, totals = lecture_weights.copy(), [], []
    for model in path(NoReset(), names, lecture_weights, 101):
        np.testing.assert_allclose(model.weights, weights, rtol=0, atol=1e-9)
        totals.append(total(weights, names, LECTURE_L2))
        gradients.append(right_gradient(weights, names, LECTURE_L2))
        weights = weights - LECTURE_RATE * np.sum(gradients, axis=0)
    run = Run(NoReset(), names, lecture_weights)
    run.advance(100)
    losses = run.snapshot().losses
    np.testing.assert_allclose(losses[:, 0] + losses[:, 1], totals, rtol=0, atol=1e-9)
    # Of the lecture's file they are 3.379, 3.019, 2.912 and 3.315.
    expected = [3.3790, 3.0195, 2.9124, 3.3201]
    assert [totals[k] for k in (1, 2, 5, 50)] == pytest.approx(expected, abs=5e-5)
    assert sum(later > earlier for earlier, later in pairwise(totals)) == 49


def test_without_a_reset_it_is_a_torch_loop_that_never_zeroes(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    torch = pytest.importorskip("torch")
    joint = torch.tensor(names.counts / names.total)
    w = torch.tensor(lecture_weights, requires_grad=True)
    for model in path(NoReset(), names, lecture_weights, 60):
        np.testing.assert_allclose(model.weights, w.detach(), rtol=0, atol=1e-10)
        loss = -(joint * w.log_softmax(dim=1)).sum() + 0.01 * (w**2).mean()
        loss.backward()
        np.testing.assert_allclose(model.gradient, w.grad, rtol=0, atol=1e-11)
        with torch.no_grad():
            w -= 50.0 * w.grad


def test_without_a_reset_the_way_back_has_what_had_piled_up(
    names: Bigrams, lecture_weights: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "KEYFRAMES", 5)
    models = path(NoReset(), names, lecture_weights, 61)
    run = Run(NoReset(), names, lecture_weights)
    run.advance(60)
    for iteration in (59, 7, 33, 34, 2, 60, 0, 18):
        run.seek(iteration)
        snapshot = run.snapshot()
        for found, wanted in (
            (snapshot.weights, models[iteration].weights),
            (snapshot.gradient, models[iteration].gradient),
            (snapshot.probabilities, models[iteration].probabilities),
        ):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_the_maximum_the_table_is_right_until_exp_overflows(
    names: Bigrams, lecture_weights: Matrix, dtype: str
) -> None:
    right = path(NumpyBackend(), names, lecture_weights, 101)
    tolerance = {"float32": 2e-6, "float64": 1e-12}[dtype]
    # A row's sum is the first to overflow.
    largest = [np.logaddexp.reduce(m.weights, axis=1).max() for m in right]
    limit = math.log(float(np.finfo(dtype).max))
    run = Run(NoMax(dtype=dtype), names, lecture_weights)
    for iteration, model in enumerate(right):
        if largest[iteration] + 84.0 > limit:
            break
        assert (run.iteration, run.status) == (iteration, Status.READY)
        table = run.snapshot().probabilities
        assert table is not None
        assert table.dtype == dtype
        np.testing.assert_allclose(table, model.probabilities, rtol=0, atol=tolerance)
        run.advance()
    if dtype == "float64":
        assert run.iteration == 101
        return
    assert 10 < iteration < 100
    assert (run.iteration, run.status) == (iteration, Status.DIVERGED)
    assert run.message == f"diverged at step {iteration}: the nll is inf"
    row = int(np.logaddexp.reduce(right[iteration].weights, axis=1).argmax())
    table = run.snapshot().probabilities
    assert table is not None
    assert np.flatnonzero(~table.any(axis=1)).tolist() == [row]


@pytest.mark.parametrize(
    ("dtype", "shift", "diverges"),
    [
        ("float32", 0.0, False), ("float32", 80.0, False), ("float32", 90.0, True),
        ("float32", -90.0, False), ("float32", -120.0, True),
        ("float64", 90.0, False), ("float64", 700.0, False), ("float64", 715.0, True),
    ],
)  # fmt: skip
def test_how_far_a_shift_may_go_is_a_matter_of_the_number_format(
    names: Bigrams, lecture_weights: Matrix, dtype: str, shift: float, diverges: bool
) -> None:
    run = Run(NoMax(dtype=dtype, shift=shift), names, lecture_weights)
    assert (run.status is Status.DIVERGED) is diverges
    assert ("nll is nan" in run.message) is diverges


def test_without_the_mean_the_step_is_as_many_times_too_large_as_there_are_bigrams(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    size = int(names.counts.sum())
    ours = path(NoMean(LECTURE_RATE / size, l2=0.0), names, lecture_weights, 101)
    theirs = path(NumpyBackend(LECTURE_RATE, l2=0.0), names, lecture_weights, 101)
    for summed, averaged in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(summed.weights, averaged.weights, rtol=0, atol=1e-10)
        np.testing.assert_allclose(summed.gradient, averaged.gradient * size, rtol=0, atol=1e-5)
    (huge, wrong), (start, _) = path(NoMean(), names, lecture_weights, 2), theirs[:2]
    np.testing.assert_array_equal(huge.weights, start.weights)
    expected = right_gradient(lecture_weights, names, 0.0) * size
    expected += 2 * LECTURE_L2 * lecture_weights / 27**2
    np.testing.assert_allclose(huge.gradient, expected, rtol=0, atol=1e-7)
    np.testing.assert_allclose(wrong.weights, lecture_weights - 50 * expected, rtol=1e-9)
    run = Run(NoMean(), names, lecture_weights)
    run.advance(10)
    assert (run.status, run.iteration) == (Status.DIVERGED, 1)


# What the contract says of them

CLAUSES = [name for name in vars(BackendTests) if name.startswith("test_")]
ROWS, SLOPES = "test_rows_are_distributions", "test_gradient_agrees_with_finite_differences"

VERDICTS: dict[str, tuple[Callable[[], Backend], set[str]]] = {
    "count-no-keepdim": (CountNoKeepdim, {ROWS}),
    "no-keepdim": (lambda: NoKeepdim(learning_rate=1.0), {ROWS}),
    "plus-sign": (lambda: PlusSign(learning_rate=1.0), set()),
    "no-reset": (lambda: NoReset(learning_rate=0.1), {SLOPES}),
    "no-max": (lambda: NoMax(learning_rate=1.0, shift=0.0), set()),
    "no-mean": (lambda: NoMean(learning_rate=0.1), {SLOPES}),
}
"""Which clauses of the contract find a mistake out; steps are small, as the texts are tiny."""


@pytest.mark.parametrize("name", VERDICTS)
def test_the_contract_finds_out_what_it_can(name: str) -> None:
    make, expected = VERDICTS[name]

    class Mistaken(BackendTests):
        def make(self) -> Backend:
            return make()

    failed = set()
    for clause in CLAUSES:
        try:
            getattr(Mistaken(), clause)()
        except AssertionError:
            failed.add(clause)
    assert failed == expected


# Where they are found, and beside whom they stand


def test_they_are_found_by_their_names_and_say_in_a_line_what_is_wrong() -> None:
    found = pitfalls()
    assert set(found) == set(VERDICTS)
    classes = {name: source.load() for name, source in found.items()}
    assert len({backend.__doc__ for backend in classes.values()}) == len(VERDICTS)
    for name, backend in classes.items():
        assert isinstance(VERDICTS[name][0](), backend)
        assert backend.__doc__ is not None
        assert len(backend.__doc__.strip().splitlines()) == 1
        assert found[name].imports == {"bigram_tui", "collections", "dataclasses", "numpy"}


@pytest.fixture
def together() -> Iterator[tuple[Lineup, Lockstep]]:
    """The right one and all of the mistaken ones, on the bundled names."""
    session = Session(read_corpus(str(NAMES)), tuple(choose(["numpy", *VERDICTS])))
    lineup = Lineup(session, lambda: None)
    for runner in lineup.runners:
        runner.start()
    wait_until(lambda: all(runner.snapshot.iteration == 0 for runner in lineup.runners))
    steps = Lockstep(lineup)
    yield lineup, steps
    steps.close()
    for runner in lineup.runners:
        runner.close()


def test_all_of_them_can_be_compared_in_lock_step(together: tuple[Lineup, Lockstep]) -> None:
    lineup, steps = together
    steps.step(60)
    wait_until(lambda: steps.is_idle and steps.frame.position == 60)
    assert steps.complaint == ""
    runs = {runner.name: steps.frame.snapshots[runner] for runner in lineup.runners}
    assert {name: run.status for name, run in runs.items()} == {
        "numpy": Status.READY,
        "count-no-keepdim": Status.FINISHED,
        "no-keepdim": Status.READY,
        "plus-sign": Status.READY,
        "no-reset": Status.READY,
        "no-max": Status.DIVERGED,
        "no-mean": Status.DIVERGED,
    }
    doubted = {name for name, run in runs.items() if "P sum to" in run.doubt}
    assert doubted == {"count-no-keepdim", "no-keepdim"}
    drifts = {runner.name: drift for runner, drift in steps.frame.drifts.items()}
    farthest = drifts["no-keepdim"].up_to(60)
    assert farthest is not None
    assert farthest.probability > 0.1
    assert farthest.weight <= 1e-12
    assert farthest.nll <= 1e-12
    for name in ("plus-sign", "no-reset"):
        other = drifts[name].up_to(60)
        assert other is not None
        assert min(other.differences) > 0.1


def test_the_models_of_a_chunk_take_bounded_memory_with_their_gradients_and_states(
    together: tuple[Lineup, Lockstep], monkeypatch: pytest.MonkeyPatch
) -> None:
    lineup, steps = together
    lineup.reference = next(runner for runner in lineup.runners if runner.name == "no-reset")
    chunks: list[int] = []

    def counted(run: Run, start: int, count: int) -> object:
        chunks.append(count)
        return lead(run, start, count)

    monkeypatch.setattr(lockstep, "lead", counted)
    monkeypatch.setattr(lockstep, "CHUNK_BYTES", 5 * 4 * 27 * 27 * 8)  # P, W, W.grad and the last
    steps.step(60)
    wait_until(lambda: steps.is_idle and steps.frame.position == 60)
    assert max(chunks) == 5
