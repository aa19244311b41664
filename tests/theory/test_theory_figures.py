"""What the theory of bigram models claims, and each figure that is given with it, derived anew.

Figures of a text are those of data/names.txt. Several are elsewhere: of the likelihood as a
product, of α and λ, of curvature, of the start and of the optimum; docs/coverage.md has them all.
"""

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.analysis.contexts import OWN_SPLIT, ContextModel, context_models, read_sample
from bigram_tui.analysis.curvature import nll_gradient
from bigram_tui.analysis.optimum import counting_optimum, gradient_optimum
from bigram_tui.analysis.smoothing import counting_table
from bigram_tui.backend import Backend, Iteration, hyperparameter
from bigram_tui.corpus.bundled import bundled_names
from bigram_tui.corpus.items import read_items
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.lessons.derivation import reasons
from bigram_tui.model.bigrams import Bigrams, Counts, Matrix
from bigram_tui.model.loss import negative_log_likelihood
from bigram_tui.model.sampling import draw_samples, uniforms
from bigram_tui.model.surprise import surprise
from bigram_tui.training.run import Run
from tests.conftest import CountLines, not_none

LETTERS = "abcdefghijklmnopqrstuvwxyz"
EMMA_X, EMMA_Y = [0, 5, 13, 13, 1], [5, 13, 13, 1, 0]  # .emma.
EMMA_FLOOR = 2 * math.log(2) / 5
NAMES_FLOOR = 2.4543953286105005
"""The NLL of data/names.txt by counting at α = 0."""


def softmax(weights: Matrix) -> Matrix:
    odds = np.exp(weights - weights.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def one_hot(tokens: Iterable[int], size: int = 27) -> Matrix:
    return np.array([[float(k == token) for k in range(size)] for token in tokens])


def total_loss(weights: Matrix, bigrams: Bigrams, l2: float) -> float:
    """−Σ N·(W − log Σ exp W)/B + λ·ΣW²/V²: by logits, without a table of probabilities."""
    peaks = weights.max(axis=1, keepdims=True)
    log_sums = peaks + np.log(np.exp(weights - peaks).sum(axis=1, keepdims=True))
    nll = (bigrams.counts * (log_sums - weights)).sum() / bigrams.counts.sum()
    return float(nll + l2 * (weights * weights).sum() / weights.size)


def descent(bigrams: Bigrams, start: Matrix, rate: float, l2: float) -> Iterator[Matrix]:
    """W, and W after each step, written out: each row is pushed by n·P − N and pulled by λ."""
    counts, weights = bigrams.counts, start.copy()
    times = counts.sum(axis=1)
    while True:
        yield weights
        table = softmax(weights)
        weights = np.array(
            [
                w - rate * ((n * p - row) / counts.sum() + 2 * l2 / w.size**2 * w)
                for w, p, n, row in zip(weights, table, times, counts, strict=True)
            ]
        )


def losses(backend: Backend, bigrams: Bigrams, start: Matrix, steps: int) -> Matrix:
    """The total loss of a run before each of its steps, and after the last."""
    run = Run(backend, bigrams, start)
    run.advance(steps)
    return run.snapshot().losses[:, :2].sum(axis=1)


def context_counts(lines: Iterable[str], order: int) -> Counter[str]:
    """How often n characters and the next one stand together, the start filled up with dots."""
    found: Counter[str] = Counter()
    for line in lines:
        padded = "." * order + line + "."
        found.update(padded[i : i + order + 1] for i in range(len(line) + 1))
    return found


def lecture_start(torch: Any) -> Any:
    """The lecture's first W, drawn by torch: float32, and a leaf to be differentiated by."""
    generator = torch.Generator().manual_seed(2147483647)
    return torch.randn((27, 27), generator=generator, requires_grad=True)


# Language models


def test_a_model_is_a_distribution_over_the_next_character_and_so_over_words(
    tiny: Bigrams,
) -> None:
    """The words that end within six characters, and what has not ended then, make up 1."""
    table = counting_table(tiny, 1.0)
    ended, unended = [], []
    for length in range(7):
        for word in map("".join, product("ab", repeat=length)):
            costs = surprise(table, tiny.vocabulary.encode_line(word)).nats.tolist()
            ended.append(math.exp(-math.fsum(costs)))
            if length == 6:
                unended.append(math.exp(-math.fsum(costs[:-1])) * (1 - math.exp(-costs[-1])))
    assert min(ended) > 0
    assert math.fsum(ended + unended) == pytest.approx(1, rel=1e-13)


def test_of_a_prefix_only_the_last_character_matters(names: Bigrams, name_lines: list[str]) -> None:
    """After "ma" and "ba" a bigram model expects the same, although the text does not go on so."""
    table = counting_table(names, 1.0)
    for following in LETTERS:
        costs = {
            float(surprise(table, names.vocabulary.encode_line(prefix + following)).nats[-2])
            for prefix in ("ma", "ba", "zzza", "a")
        }
        assert len(costs) == 1
    after = context_counts(name_lines, 2)
    shares = [
        after[prefix + "r"] / sum(after[prefix + c] for c in "." + LETTERS)
        for prefix in ("ma", "ba")
    ]
    assert shares[0] / shares[1] > 1.1


# Likelihood and loss


def test_the_most_likely_table_has_the_least_nll_and_is_that_of_the_counts(tiny: Bigrams) -> None:
    """The logarithm is monotone: likelihoods in fractions and losses put tables in one order."""
    draw = random.Random(5)
    tables = [[[draw.randint(1, 9) for _ in range(3)] for _ in range(3)] for _ in range(40)]
    tables.append(tiny.counts.tolist())
    found = []
    for rows in tables:
        shares = [[Fraction(cell, sum(row)) for cell in row] for row in rows]
        counts = np.ndenumerate(tiny.counts)
        likelihood = math.prod(shares[i][j] ** int(n) for (i, j), n in counts if n)
        nll = negative_log_likelihood(np.array(shares, dtype=float), tiny)
        assert nll == pytest.approx(-math.log(likelihood) / 8, rel=1e-13)
        found.append((likelihood, nll))
    assert sorted(found) == sorted(found, key=lambda pair: -pair[1])
    assert max(found) == found[-1]
    assert found[-1][1] == pytest.approx(counting_optimum(tiny).nll, rel=1e-15)
    np.testing.assert_allclose(counting_table(tiny, 0.0), tables[-1] / tiny.row_sums[:, None])


def test_exp_turns_logits_of_any_size_into_counts(names: Bigrams) -> None:
    """From W = log(N + 1), and a constant in each row, softmax makes the table of N + 1."""
    constants = np.linspace(-500, 500, 27)
    weights = np.log(names.counts + 1) + constants[:, None]
    model = next(NumpyBackend().train(names, weights))
    np.testing.assert_allclose(model.probabilities, counting_table(names, 1.0), rtol=1e-12)
    (counted,) = CountingBackend(1.0).train(names, weights)
    np.testing.assert_allclose(model.probabilities, counted.probabilities, rtol=1e-12)
    assert (model.probabilities > 0).all()
    np.testing.assert_allclose(model.probabilities.sum(axis=1), 1, rtol=1e-15)


# Tensors and formulas


def test_the_names_are_229804_pairs_of_one_hot_rows(name_lines: list[str]) -> None:
    """X_encᵀ Y_enc, of [B, V] each, counts the bigrams: no more is needed of a text."""
    tokens = {c: token for token, c in enumerate("." + LETTERS)}
    text = [tokens[c] for line in name_lines for c in "." + line] + [0]
    x, y = np.array(text[:-1]), np.array(text[1:])
    x_enc, y_enc = np.eye(27, dtype=np.float32)[x], np.eye(27, dtype=np.float32)[y]
    assert (x_enc.shape, y.shape) == ((229_804, 27), (229_804,))
    found = read_corpus(str(bundled_names())).train
    assert (x_enc.T @ y_enc).astype(int).tolist() == found.counts.tolist()
    assert found.total == 229_804
    assert len(found.vocabulary) == 26 + 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_product_with_one_hot_rows_looks_rows_up_bit_for_bit(
    lecture_weights: Matrix, emma: Bigrams, dtype: type[np.floating]
) -> None:
    """Z = X_enc W is a dot product for each of its B·V cells, and no more than W[X]."""
    weights = lecture_weights.astype(dtype)
    z = one_hot(EMMA_X).astype(dtype) @ weights
    assert z.size == 5 * 27
    for (i, k), cell in np.ndenumerate(z):
        row = [float(token == EMMA_X[i]) for token in range(27)]
        assert cell == math.fsum(x * float(w) for x, w in zip(row, weights[:, k], strict=True))
    assert np.array_equal(z, weights[EMMA_X])
    model = next(NumpyBackend().train(emma, lecture_weights))
    np.testing.assert_allclose(softmax(z), model.probabilities[EMMA_X], rtol=1e-5)
    torch = pytest.importorskip("torch")
    w, x = torch.tensor(weights), torch.tensor(EMMA_X)
    assert torch.equal(torch.nn.functional.one_hot(x, 27).to(w.dtype) @ w, w[x])


def test_a_lookup_and_a_product_part_where_a_weight_is_infinite(lecture_weights: Matrix) -> None:
    """0 · ∞ is no number, so after an overflow only the lookup still has the other rows."""
    weights = lecture_weights.copy()
    weights[2, 7] = np.inf
    with np.errstate(invalid="ignore"):
        z = one_hot(EMMA_X) @ weights
    assert np.isnan(z[:, 7]).all()
    assert np.isfinite(weights[EMMA_X]).all()


def test_row_k_of_w_belongs_to_character_k(names: Bigrams, lecture_weights: Matrix) -> None:
    before = next(NumpyBackend().train(names, lecture_weights))
    for k in range(27):
        changed = lecture_weights.copy()
        changed[k] *= 2
        after = next(NumpyBackend().train(names, changed))
        for part in ("probabilities", "gradient"):
            differs = getattr(before, part) != getattr(after, part)
            assert np.flatnonzero(differs.any(axis=1)).tolist() == [k]


@pytest.mark.parametrize("l2", [0.0, 0.01, 2.5])
def test_the_losses_of_a_run_are_the_formulas_by_plain_loops(
    emma: Bigrams, lecture_weights: Matrix, l2: float
) -> None:
    """Z = X W, softmax by rows, the mean of −log P[i, Y_i], λ·mean(W²), and the sum of both."""
    rows = lecture_weights.tolist()
    z = [rows[x] for x in EMMA_X]
    p = [[math.exp(a) / math.fsum(map(math.exp, row)) for a in row] for row in z]
    picked = [row[y] for row, y in zip(p, EMMA_Y, strict=True)]
    nll = -math.fsum(map(math.log, picked)) / 5
    squares = sum(Fraction(w) ** 2 for row in rows for w in row)
    penalty = float(Fraction(l2) / 27**2 * squares)

    found = Run(NumpyBackend(l2=l2), emma, lecture_weights).snapshot()
    assert found.nll == pytest.approx(nll, rel=1e-14)
    assert found.nll == pytest.approx(3.769305, rel=0, abs=5e-7)
    assert found.regularization == pytest.approx(penalty, rel=1e-14)
    assert found.total == found.nll + found.regularization
    costs = surprise(not_none(found.probabilities), emma.vocabulary.encode_line("emma")).nats
    np.testing.assert_allclose(costs, [-math.log(q) for q in picked], rtol=1e-14)


# What W is


def distance_from_log_counts(weights: Matrix, names: Bigrams) -> tuple[float, float]:
    """How far W is from log N plus the best constant of each row, over the text's bigrams.

    The root of the mean square, each bigram as often as it occurs; and the correlation over the
    cells that occur, W and log N both less their means in the row.
    """
    distances, one, other = [], [], []
    for w, row, n in zip(weights, names.counts, names.row_sums, strict=True):
        seen = row > 0
        off = w[seen] - np.log(row[seen])
        distances.append(row[seen] @ (off - row[seen] @ off / n) ** 2)
        one.append(w[seen] - w[seen].mean())
        other.append(np.log(row[seen]) - np.log(row[seen]).mean())
    correlation = np.corrcoef(np.concatenate(one), np.concatenate(other))[0, 1]
    return math.sqrt(sum(distances) / names.total), float(correlation)


@pytest.mark.parametrize(
    ("l2", "steps", "distance", "correlation"),
    [(0.01, 0, 1.272, -0.027), (0.01, 1000, 0.0624, 0.968), (0.0, 10_000, 0.0022, 0.99991)],
)
def test_w_is_random_at_first_and_log_counts_but_for_a_constant_per_row_in_the_end(
    names: Bigrams,
    lecture_weights: Matrix,
    l2: float,
    steps: int,
    distance: float,
    correlation: float,
) -> None:
    run = Run(NumpyBackend(50.0, l2), names, lecture_weights)
    run.advance(steps)
    weights = run.snapshot().weights
    assert weights is not None
    found = distance_from_log_counts(weights, names)
    assert found == pytest.approx((distance, correlation), rel=2e-2)
    if steps == 0:
        spread = float(weights.std())
        assert spread == pytest.approx(1, abs=0.1)  # standard normals, whatever the text


def test_w_is_the_whole_model(names: Bigrams, lecture_weights: Matrix) -> None:
    """A run that is started from W anew goes on bit for bit; log P is W less a constant per row."""
    run = Run(NumpyBackend(), names, lecture_weights)
    run.advance(30)
    weights = not_none(run.snapshot().weights)
    table = not_none(run.snapshot().probabilities)
    assert weights.shape == (27, 27)
    np.testing.assert_allclose(np.ptp(weights - np.log(table), axis=1), 0, atol=1e-14)
    again = Run(NumpyBackend(), names, weights)
    for one in (run, again):
        one.advance(20)
    np.testing.assert_array_equal(run.snapshot().weights, again.snapshot().weights)


# Gradients


def test_the_gradient_by_the_logits_is_p_less_y_over_b(
    emma: Bigrams, lecture_weights: Matrix
) -> None:
    """Without 1/B it is the slope of the sum, not of the mean: off by 0.79 for emma."""
    z, y, h = lecture_weights[EMMA_X], one_hot(EMMA_Y), 1e-5

    def nll(logits: Matrix) -> float:
        return -float(np.log(softmax(logits)[range(5), EMMA_Y]).mean())

    slopes = np.zeros_like(z)
    for cell in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[cell] = h
        slopes[cell] = (nll(z + step) - nll(z - step)) / (2 * h)

    model = next(NumpyBackend(l2=0.0).train(emma, lecture_weights))
    error = model.probabilities[EMMA_X] - y
    np.testing.assert_allclose(slopes, error / 5, rtol=0, atol=1e-10)
    assert abs(slopes - error).max() == pytest.approx(0.79, abs=5e-3)
    np.testing.assert_allclose(one_hot(EMMA_X).T @ (error / 5), model.gradient, atol=1e-16)


def test_autograd_has_one_over_b_too() -> None:
    """In float32, 1.5e-8 off with it and 0.79 without, as largest |Δ| of dL/dZ and of dL/dW."""
    torch = pytest.importorskip("torch")
    w, x, y = lecture_start(torch), torch.tensor(EMMA_X), torch.tensor(EMMA_Y)
    x_enc = torch.nn.functional.one_hot(x, 27).float()
    z = x_enc @ w
    z.retain_grad()
    c = z.exp()
    p = c / c.sum(1, keepdim=True)
    (-p[torch.arange(5), y].log().mean()).backward()
    error = (p - torch.nn.functional.one_hot(y, 27)).detach()
    for found, ours in [(z.grad, error), (w.grad, x_enc.T @ error)]:
        assert (found - ours / 5).abs().max() < 1.6e-8
        assert (found - ours).abs().max().item() == pytest.approx(0.79, abs=5e-3)


def test_the_counts_are_a_sufficient_statistic(
    count_lines: CountLines, name_lines: list[str], lecture_weights: Matrix
) -> None:
    """X_encᵀ(P − Y)/B over all pairs is (rowsum(N)·P − N)/B; how the pairs stand is no matter."""
    lines = name_lines[:1000]
    bigrams = count_lines(lines, LETTERS)
    text = [0, *(token for line in lines for token in bigrams.vocabulary.encode_line(line)[1:])]
    x, y = one_hot(text[:-1]), one_hot(text[1:])
    model = next(NumpyBackend(l2=0.0).train(bigrams, lecture_weights))
    by_pairs = x.T @ ((softmax(x @ lecture_weights) - y) / len(y))
    np.testing.assert_allclose(model.gradient, by_pairs, rtol=0, atol=1e-15)
    table = model.probabilities
    np.testing.assert_allclose(nll_gradient(table, bigrams), by_pairs, rtol=0, atol=1e-15)

    one, other, longer = (
        losses(NumpyBackend(2.0), count_lines(text), np.eye(3), 50)
        for text in (["aba", "b"], ["ab", "ba"], ["ab", "ba"] * 1000)
    )
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(longer, one, rtol=1e-14)


@pytest.mark.parametrize("l2", [0.01, 3.0])
def test_the_penalty_pulls_each_weight_by_its_slope(
    names: Bigrams, lecture_weights: Matrix, l2: float
) -> None:
    """2λW/V²: the difference that λ makes, that of λ·mean(W²), and what `why` calls decay."""
    backend = NumpyBackend(l2=l2)
    with_penalty = next(backend.train(names, lecture_weights)).gradient
    without = next(NumpyBackend(l2=0.0).train(names, lecture_weights)).gradient
    np.testing.assert_allclose(
        with_penalty - without, 2 * l2 * lecture_weights / 729, rtol=0, atol=1e-16
    )
    run = Run(backend, names, lecture_weights).snapshot()
    for cell in [(0, 0), (5, 13), (26, 26)]:
        step = np.zeros((27, 27))
        step[cell] = 0.5  # of a parabola the central difference is exact
        slope = backend.regularization(lecture_weights + step)
        slope -= backend.regularization(lecture_weights - step)
        (decay,) = (r.value for r in reasons(run, names, cell) if r.name == "penalty")
        assert decay == pytest.approx(slope, rel=1e-10)
        assert decay == pytest.approx(2 * l2 * lecture_weights[cell] / 27**2, rel=1e-13)


def test_the_minus_sign_matters(names: Bigrams, lecture_weights: Matrix) -> None:
    """W ← W − η·gradient descends; with a plus the total is 77.2 after 20 iterations."""
    run = Run(NumpyBackend(50.0, 0.01), names, lecture_weights)
    gradient = not_none(run.snapshot().gradient)
    run.advance()
    moved = not_none(run.snapshot().weights)
    np.testing.assert_allclose(moved, lecture_weights - 50 * gradient, rtol=1e-15)
    assert run.snapshot().total == pytest.approx(3.3790, abs=5e-5)

    up = losses(NumpyBackend(-50.0, 0.01), names, lecture_weights, 20)
    assert (np.diff(up) > 0).all()
    assert up[20] == pytest.approx(77.2, abs=0.05)
    *_, last = islice(descent(names, lecture_weights, -50.0, 0.01), 21)
    assert total_loss(last, names, 0.01) == pytest.approx(up[20], rel=1e-9)


# Emma


@pytest.mark.parametrize("rate", [0.1, 5.0])
def test_long_training_on_emma_tends_to_the_floor(
    emma: Bigrams, lecture_weights: Matrix, rate: float
) -> None:
    """m→m and m→a conflict, so 0.277259 = 2 ln 2/5 is the best; the gap shrinks like 1/k.

    If the gap is c/k, twice the loss at 2k less that at k is the floor.
    """
    found = losses(NumpyBackend(rate, l2=0.0), emma, lecture_weights, 10_000)
    assert found[0] == pytest.approx(3.769305, abs=5e-7)
    assert (np.diff(found) < 0).all()
    assert (found > EMMA_FLOOR).all()
    tolerance = {0.1: 5e-4, 5.0: 5e-7}[rate]
    assert 2 * found[10_000] - found[5_000] == pytest.approx(0.277259, rel=0, abs=tolerance)
    optimum = gradient_optimum(emma, 0.0)
    assert (optimum.total, optimum.attained) == (pytest.approx(EMMA_FLOOR, rel=1e-15), False)


def test_the_pipeline_from_a_word_to_its_update(emma: Bigrams, lecture_weights: Matrix) -> None:
    """Context, logits, softmax, P, NLL and backwards, in lists of numbers, is a step of a run."""
    w = lecture_weights.tolist()
    tokens = [0, *(LETTERS.index(c) + 1 for c in "emma"), 0]
    xs, ys = tokens[:-1], tokens[1:]
    assert (xs, ys) == (EMMA_X, EMMA_Y)
    gradient = [[0.0] * 27 for _ in range(27)]
    for x, y in zip(xs, ys, strict=True):
        odds = [math.exp(logit) for logit in w[x]]
        for k in range(27):
            gradient[x][k] += (odds[k] / math.fsum(odds) - (k == y)) / len(xs)
    pairs = zip(w, gradient, strict=True)
    update = [[a - 0.1 * g for a, g in zip(*rows, strict=True)] for rows in pairs]

    run = Run(NumpyBackend(0.1, l2=0.0), emma, lecture_weights)
    found = not_none(run.snapshot().gradient)
    np.testing.assert_allclose(found, np.array(gradient), rtol=0, atol=1e-16)
    assert [k for k, row in enumerate(gradient) if any(row)] == [0, 1, 5, 13]
    run.advance()
    found = not_none(run.snapshot().weights)
    np.testing.assert_allclose(found, np.array(update), rtol=0, atol=1e-15)


# Tensors of PyTorch


def test_a_keyword_that_torch_does_not_know_is_refused() -> None:
    """`requires_grad`, not `req_grad`."""
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="req_grad"):
        torch.randn(27, 27, req_grad=True)
    assert torch.randn(27, 27, requires_grad=True).requires_grad


def test_shapes_are_aligned_from_the_right_and_1_is_stretched(lecture_weights: Matrix) -> None:
    """[5, 27] / [5, 1] divides by S as if copied 27 times, without a copy; / [5] is refused."""
    c = np.exp(lecture_weights[EMMA_X])
    s = c.sum(axis=1, keepdims=True)
    assert (s.shape, c.sum(axis=1).shape) == ((5, 1), (5,))
    stretched = np.broadcast_to(s, c.shape)
    assert stretched.strides[1] == 0
    np.testing.assert_array_equal(c / s, c / np.hstack([s] * 27))
    with pytest.raises(ValueError, match="could not be broadcast"):
        c / c.sum(axis=1)

    torch = pytest.importorskip("torch")
    t = torch.tensor(c)
    s = t.sum(1, keepdim=True)
    assert (s.expand(5, 27).stride(), s.shape) == ((1, 0), (5, 1))
    assert torch.equal(t / s, t / s.repeat(1, 27))
    with pytest.raises(RuntimeError, match="must match the size of tensor"):
        t / t.sum(1)


def test_without_requires_grad_there_is_nothing_to_go_back_to() -> None:
    torch = pytest.importorskip("torch")
    w = lecture_start(torch).detach()
    loss = -w.log_softmax(1)[EMMA_X, EMMA_Y].mean()
    with pytest.raises(RuntimeError, match="does not require grad"):
        loss.backward()


def test_the_forward_pass_builds_the_graph() -> None:
    """W is a leaf, which no operation made; Z remembers the product that did, unless told not."""
    torch = pytest.importorskip("torch")
    w = lecture_start(torch)
    x_enc = torch.nn.functional.one_hot(torch.tensor(EMMA_X), 27).float()
    z = x_enc @ w
    assert (w.is_leaf, w.grad_fn) == (True, None)
    assert (z.is_leaf, type(z.grad_fn).__name__) == (False, "MmBackward0")
    assert w in [edge.variable for edge, _ in z.grad_fn.next_functions if edge is not None]
    with torch.no_grad():
        assert (x_enc @ w).grad_fn is None


def emma_loss(w: Any) -> Any:
    return -w.log_softmax(1)[EMMA_X, EMMA_Y].mean()


def test_the_update_stays_outside_the_graph(emma: Bigrams, lecture_weights: Matrix) -> None:
    """In place on a leaf it is refused; by `.data` or under `no_grad` it is a step of a run."""
    torch = pytest.importorskip("torch")
    run = Run(NumpyBackend(0.1, l2=0.0), emma, lecture_weights)
    run.advance()
    by_data, by_no_grad = (torch.tensor(lecture_weights, requires_grad=True) for _ in range(2))
    for w in (by_data, by_no_grad):
        emma_loss(w).backward()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        by_data -= 0.1 * by_data.grad
    by_data.data += -0.1 * by_data.grad
    with torch.no_grad():
        by_no_grad -= 0.1 * by_no_grad.grad
    for w in (by_data, by_no_grad):
        expected = not_none(run.snapshot().weights)
        np.testing.assert_allclose(w.detach(), expected, rtol=0, atol=1e-15)
        assert (w.is_leaf, w.grad_fn) == (True, None)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_a_new_w_made_within_the_graph_gets_no_gradient() -> None:
    torch = pytest.importorskip("torch")
    leaf = lecture_start(torch)
    emma_loss(leaf).backward()
    w = leaf - 0.1 * leaf.grad
    emma_loss(w).backward()
    assert (w.is_leaf, w.grad) == (False, None)
    assert leaf.grad is not None  # where it went instead


def test_gradients_that_are_not_reset_pile_up(names: Bigrams, lecture_weights: Matrix) -> None:
    """The total is 3.379, 3.020, 2.912 (k = 5), 3.320 (k = 50), instead of a steady fall."""
    printed = {1: 3.379, 2: 3.020, 5: 2.912, 50: 3.320}
    weights, piled = lecture_weights, np.zeros((27, 27))
    totals = []
    for _ in range(51):
        run = Run(NumpyBackend(50.0, 0.01), names, weights)
        totals.append(run.snapshot().total)
        piled = piled + not_none(run.snapshot().gradient)
        weights = weights - 50 * piled
    for k, total in printed.items():
        assert totals[k] == pytest.approx(total, rel=0, abs=5.1e-4)
    assert np.flatnonzero(np.diff(totals) > 0)[0] == 4
    assert (np.diff(losses(NumpyBackend(50.0, 0.01), names, lecture_weights, 50)) < 0).all()

    torch = pytest.importorskip("torch")
    w = torch.tensor(lecture_weights, requires_grad=True)
    joint = torch.tensor(names.counts / names.total)
    for total in totals[:11]:
        loss = -(joint * w.log_softmax(1)).sum() + 0.01 * (w**2).mean()
        assert loss.item() == pytest.approx(total, rel=1e-12)
        loss.backward()
        w.data += -50 * w.grad


def test_a_capital_letter_makes_floats_that_can_index_nothing() -> None:
    torch = pytest.importorskip("torch")
    assert torch.tensor(EMMA_X).dtype == torch.int64
    floats = torch.Tensor(EMMA_X)
    assert floats.dtype == torch.float32
    with pytest.raises(RuntimeError, match="only applicable to index tensor of type LongTensor"):
        torch.nn.functional.one_hot(floats, 27)
    with pytest.raises(IndexError, match="tensors used as indices must be long"):
        torch.zeros(27, 27)[floats]
    # One number is taken for a size: five values that nobody set, not the value 5.
    assert (torch.Tensor(5).shape, torch.tensor(5).shape) == ((5,), ())


# A sum without keepdim


def without_keepdim(odds: Matrix | Counts) -> Matrix:
    return odds / odds.sum(axis=1)


def test_without_keepdim_columns_are_divided(names: Bigrams) -> None:
    """S of shape [V] is read as [1, V]: cell (i, j) is divided by the sum of row j."""
    odds = names.counts + 1.0
    sums = odds.sum(axis=1)
    assert (sums.shape, sums[None].shape, odds.sum(axis=1, keepdims=True).shape) == (
        (27,),
        (1, 27),
        (27, 1),
    )
    rows = odds.tolist()
    by_columns = [[cell / sum(rows[j]) for j, cell in enumerate(row)] for row in rows]
    np.testing.assert_allclose(without_keepdim(odds), by_columns, rtol=1e-14)
    assert abs(without_keepdim(odds) - counting_table(names, 1.0)).max() > 0.3


@given(st.lists(st.text("abc", max_size=5), min_size=1), st.floats(0.01, 50))
def test_every_word_is_a_cycle_so_columns_of_counts_do_sum_to_1(
    count_lines: CountLines, lines: list[str], smoothing: float
) -> None:
    bigrams = count_lines(lines, "abc")
    np.testing.assert_array_equal(bigrams.counts.sum(axis=0), bigrams.row_sums)
    columns = without_keepdim(bigrams.counts + smoothing).sum(axis=0)
    np.testing.assert_allclose(columns, 1, rtol=1e-13)


def test_columns_of_exp_w_do_not_sum_to_1(lecture_weights: Matrix) -> None:
    """At the start the boundary's row sums to 79.0, its column to 67.8."""
    odds = np.exp(lecture_weights)
    assert (odds[0].sum(), odds[:, 0].sum()) == pytest.approx((79.0, 67.8), abs=0.05)
    assert without_keepdim(odds).sum(axis=0)[0] == pytest.approx(67.767 / 79.014, abs=1e-4)


@pytest.mark.parametrize("of", ["counts", "weights"])
def test_the_loss_cannot_see_it(
    names: Bigrams, name_lines: list[str], lecture_weights: Matrix, of: str
) -> None:
    """On the way round a word each S_i that should divide is met as an S_j that does."""
    odds = names.counts + 1.0 if of == "counts" else np.exp(lecture_weights)
    right, wrong = odds / odds.sum(axis=1, keepdims=True), without_keepdim(odds)
    assert abs(right - wrong).max() > 0.1
    nll = negative_log_likelihood(right, names)
    assert negative_log_likelihood(wrong, names) == pytest.approx(nll, rel=0, abs=1e-14)
    for word in [*name_lines[:500], "zzz", "q", ""]:
        tokens = names.vocabulary.encode_line(word)
        assert surprise(wrong, tokens).total == pytest.approx(
            surprise(right, tokens).total, rel=0, abs=1e-12
        )


def test_nor_can_its_gradient(tiny: Bigrams) -> None:
    """By differences of the loss of exp(W) that is divided wrongly."""
    weights = np.random.default_rng(4).standard_normal((3, 3))
    gradient = next(NumpyBackend(l2=0.0).train(tiny, weights)).gradient
    for cell in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[cell] = 1e-5
        above, below = (
            negative_log_likelihood(without_keepdim(np.exp(weights + sign * step)), tiny)
            for sign in (1, -1)
        )
        assert gradient[cell] == pytest.approx((above - below) / 2e-5, rel=0, abs=1e-9)


def test_training_with_it_takes_the_same_path(names: Bigrams, lecture_weights: Matrix) -> None:
    """Over 200 iterations by autograd the losses differ by rounding alone."""
    torch = pytest.importorskip("torch")
    right = Run(NumpyBackend(50.0, 0.01), names, lecture_weights)
    w = torch.tensor(lecture_weights, requires_grad=True)
    joint = torch.tensor(names.counts / names.total)
    for _ in range(200):
        odds = w.exp()
        loss = -(joint * (odds / odds.sum(1)).log()).sum() + 0.01 * (w**2).mean()
        assert loss.item() == pytest.approx(right.snapshot().total, rel=0, abs=1e-14)
        w.grad = None
        loss.backward()
        w.data += -50 * w.grad
        right.advance()
    expected = not_none(right.snapshot().weights)
    np.testing.assert_allclose(w.detach(), expected, rtol=0, atol=1e-12)


@dataclass
class WithoutKeepdim(Backend):
    """Counting, with the sum that lacks keepdim."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        yield Iteration(without_keepdim(bigrams.counts + 1.0), last=True)


def test_row_sums_and_names_do_see_it(names: Bigrams, lecture_weights: Matrix) -> None:
    """Rows sum to 0.0781 up to 6.915; a run says so, and draws other names."""
    found = Run(WithoutKeepdim(), names, lecture_weights, name="wrong").snapshot()
    counts = (names.counts + 1).tolist()
    sums = [sum(Fraction(n, sum(counts[j])) for j, n in enumerate(row)) for row in counts]
    assert float(min(sums)) == pytest.approx(0.0781, abs=5e-5)
    assert float(max(sums)) == pytest.approx(6.915, abs=5e-4)
    assert found.row_sums == pytest.approx((float(min(sums)), float(max(sums))), rel=1e-13)
    assert found.doubt == "the rows of wrong's P sum to 0.0781 up to 6.91, not to 1"
    right = Run(CountingBackend(1.0), names, lecture_weights).snapshot()
    assert (right.row_sums, right.doubt) == (None, "")
    assert right.nll == pytest.approx(found.nll, rel=0, abs=1e-14)
    drawn = [
        draw_samples(not_none(run.probabilities), names.vocabulary, uniforms(LECTURE_SEED), 20)
        for run in (right, found)
    ]
    assert drawn[0] != drawn[1]


def test_without_smoothing_the_wrong_table_is_the_chain_read_backwards(
    names: Bigrams, name_lines: list[str], count_lines: CountLines
) -> None:
    """P(previous | next), which is the counting table of the names spelt backwards."""
    backwards = counting_table(count_lines(line[::-1] for line in name_lines), 0.0)
    np.testing.assert_allclose(without_keepdim(names.counts).T, backwards, rtol=1e-14)


def test_of_one_row_per_bigram_the_sum_is_refused_or_the_loss_does_see_it(
    names: Bigrams, name_lines: list[str], lecture_weights: Matrix
) -> None:
    """[B, V] / [B] fits only if B = V, and then the rows divided by are those of other bigrams."""
    text = [t for line in name_lines[:10] for t in names.vocabulary.encode_line(line)[1:]]
    for size in (26, 27, 28):
        xs, ys = [0, *text[: size - 1]], text[:size]
        odds = np.exp(lecture_weights[xs])
        if size != 27:
            with pytest.raises(ValueError, match="could not be broadcast"):
                without_keepdim(odds)
            continue
        right = -np.log(softmax(lecture_weights)[xs, ys]).mean()
        wrong = -np.log(without_keepdim(odds)[range(size), ys]).mean()
        assert abs(right - wrong) > 0.01


# A count of zero


def test_an_unseen_bigram_costs_infinitely_much_until_counts_are_smoothed(
    names: Bigrams, name_lines: list[str], count_lines: CountLines
) -> None:
    """No name has "jq": log 0. With α = 1 it costs −log(1/(n + V))."""
    assert not any("jq" in line for line in name_lines)
    j = sum(line.count("j") for line in name_lines)
    word = names.vocabulary.encode_line("jq")
    held_out = count_lines(["jq"], LETTERS)
    unsmoothed, smoothed = (counting_table(names, alpha) for alpha in (0.0, 1.0))
    assert surprise(unsmoothed, word).nats[1] == math.inf
    assert negative_log_likelihood(unsmoothed, held_out) == math.inf
    assert surprise(smoothed, word).nats[1] == pytest.approx(math.log(j + 27), rel=1e-13)
    assert negative_log_likelihood(smoothed, held_out) < 10


def test_finite_logits_give_no_zero(names: Bigrams, lecture_weights: Matrix) -> None:
    """Without a penalty "jq" costs 0.6 more each time that k doubles; with one it has a limit."""
    word = names.vocabulary.encode_line("jq")
    for l2 in (0.0, 0.01):
        run = Run(NumpyBackend(50.0, l2), names, lecture_weights)
        costs = []
        for iterations in (500, 500, 1000, 2000, 4000):
            run.advance(iterations)
            table = run.snapshot().probabilities
            assert table is not None
            assert table.min() > 0
            costs.append(surprise(table, word).nats[1])
        if l2 == 0:
            assert np.diff(costs) == pytest.approx(0.6, abs=0.05)
        else:
            best = softmax(not_none(gradient_optimum(names, l2).weights))
            assert costs[-1] == pytest.approx(-math.log(best[word[1], word[2]]), rel=0, abs=1e-9)


def test_a_logit_746_below_the_largest_is_a_zero_after_all(tiny: Bigrams) -> None:
    """There float64 ends: half its least number is exp(−745.13), and what is below rounds to 0."""
    for depth, is_zero in [(700.0, False), (744.0, False), (746.0, True)]:
        weights = np.zeros((3, 3))
        weights[0, 1] = -depth
        table = next(NumpyBackend().train(tiny, weights)).probabilities
        assert (table[0, 1] == 0) == is_zero
        assert math.isinf(negative_log_likelihood(table, tiny)) == is_zero


# Step size and smoothing


@pytest.mark.parametrize(("rate", "text"), [(0.1, "emma"), (0.5, "names"), (50.0, "names")])
def test_the_step_sizes_of_the_lecture_descend(
    emma: Bigrams, names: Bigrams, lecture_weights: Matrix, rate: float, text: str
) -> None:
    bigrams = emma if text == "emma" else names
    found = losses(NumpyBackend(rate, 0.01), bigrams, lecture_weights, 200)
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize(
    ("rate", "steps", "total", "first_rise"),
    [
        (0.1, 100, 3.6818, None),  # still nearly where it began
        (50.0, 100, 2.4903, None),
        (74.5, 1000, 2.4807, None),
        (75.0, 1000, 2.4811, 139),  # not monotone
        (100.0, 100, 2.5118, 10),
        (100.0, 1000, 2.5093, 10),  # stalls: the optimum is 2.4807
        (500.0, 20, 8.3918, 1),  # bounces
    ],
)
def test_how_the_step_size_decides_over_the_training(
    names: Bigrams,
    lecture_weights: Matrix,
    rate: float,
    steps: int,
    total: float,
    first_rise: int | None,
) -> None:
    found = losses(NumpyBackend(rate, 0.01), names, lecture_weights, steps)
    rises = np.flatnonzero(np.diff(found) > 0) + 1
    assert (int(rises[0]) if rises.size else None) == first_rise
    assert found[-1] == pytest.approx(total, rel=0, abs=5.1e-5)
    ours = [
        total_loss(w, names, 0.01) for w in islice(descent(names, lecture_weights, rate, 0.01), 101)
    ]
    np.testing.assert_allclose(found[:101], ours[: steps + 1], rtol=1e-9)


def entropies(table: Matrix) -> Matrix:
    """The entropy of each row, in nats."""
    return np.array([-math.fsum(p * math.log(p) for p in row if p) for row in table.tolist()])


def test_a_sweep_of_either_runs_from_the_counts_to_uniform(names: Bigrams) -> None:
    """The higher λ or α, the flatter each row, the farther from the counts and the worse the NLL.

    At each optimum of λ the mean entropy is NLL + 2·penalty, since W·gradient is 0.
    """
    penalties = [1e-6, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0, 1e3, 1e6]
    optima = [gradient_optimum(names, l2) for l2 in penalties]
    by_penalty = [softmax(o.weights) for o in optima if o.weights is not None]
    smoothing = [0.0, 1e-6, 1e-3, 0.1, 1.0, 7.9, 100.0, 1e5, 1e9]
    by_smoothing = [counting_table(names, alpha) for alpha in smoothing]
    counts = names.counts / names.row_sums[:, None]
    for tables in (by_penalty, by_smoothing):
        rows = [entropies(table) for table in tables]
        assert all((later > earlier).all() for earlier, later in pairwise(rows))
        nlls = [negative_log_likelihood(table, names) for table in tables]
        from_counts = [abs(table - counts).max() for table in tables]
        from_uniform = [abs(table - 1 / 27).max() for table in tables]
        for growing in (nlls, from_counts, [-d for d in from_uniform]):
            assert all(later > earlier for earlier, later in pairwise(growing))
        assert (from_counts[0], from_uniform[-1]) == pytest.approx((0, 0), abs=3e-5)
    share = names.row_sums / names.total
    for optimum, table in zip(optima, by_penalty, strict=True):
        expected = optimum.nll + 2 * optimum.regularization
        assert share @ entropies(table) == pytest.approx(expected, rel=1e-12)


# Counting and descending


@pytest.mark.parametrize(("smoothing", "nll"), [(0.0, 2.4543953), (1.0, 2.4549510)])
def test_counting_is_the_direct_estimate_of_a_markov_chain(
    names: Bigrams, name_lines: list[str], smoothing: float, nll: float
) -> None:
    """By a dictionary of strings, name by name."""
    pairs = context_counts(name_lines, 1)
    firsts: Counter[str] = Counter()
    for pair, times in pairs.items():
        firsts[pair[0]] += times
    costs = [
        -times * math.log((times + smoothing) / (firsts[pair[0]] + smoothing * 27))
        for pair, times in pairs.items()
    ]
    expected = math.fsum(costs) / pairs.total()
    assert expected == pytest.approx(nll, rel=0, abs=5e-8)
    run = Run(CountingBackend(smoothing), names, np.zeros((27, 27)))
    assert run.snapshot().nll == pytest.approx(expected, rel=1e-13)


def test_descent_without_a_penalty_nears_the_counts_and_never_arrives(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    """The gap is 1.3e-4 after 10,000 iterations, about 1.3/k: unseen cells sink without end."""
    run = Run(NumpyBackend(50.0, 0.0), names, lecture_weights)
    unseen = names.counts == 0
    depths = []
    for _ in range(10):
        run.advance(1000)
        weights = run.snapshot().weights
        assert weights is not None
        depths.append((weights.max(axis=1, keepdims=True) - weights)[unseen].mean())
    gaps = run.snapshot().losses[:, 0] - NAMES_FLOOR
    assert (gaps > 0).all()
    assert (np.diff(gaps) < 0).all()
    assert gaps[10_000] == pytest.approx(1.32e-4, rel=0, abs=5e-7)
    assert gaps[[1000, 10_000]] * [1000, 10_000] == pytest.approx(1.33, abs=0.02)
    assert depths == sorted(depths)
    optimum = gradient_optimum(names, 0.0)
    assert (optimum.total, optimum.attained) == (pytest.approx(NAMES_FLOOR, rel=1e-14), False)


def test_descent_with_the_lectures_penalty_arrives(names: Bigrams, lecture_weights: Matrix) -> None:
    """At a total of 2.480717 = 2.460713 + 0.020004."""
    run = Run(NumpyBackend(50.0, 0.01), names, lecture_weights)
    run.advance(10_000)
    found, optimum = run.snapshot(), gradient_optimum(names, 0.01)
    for one in (found, optimum):
        parts = (one.total, one.nll, one.regularization)
        assert parts == pytest.approx((2.480717, 2.460713, 0.020004), rel=0, abs=5e-7)
    assert optimum.attained
    assert 0 <= found.total - optimum.total < 1e-9


# Beyond the bigram


@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_a_linear_layer_and_cross_entropy_are_this_model(
    names: Bigrams, lecture_weights: Matrix, l2: float
) -> None:
    """The head of larger models: its weight is W transposed, and there is no bias."""
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(27, 27, bias=False).double()
    layer.weight.data = torch.tensor(lecture_weights.T.copy())
    every = np.argwhere(names.counts)
    times = torch.tensor(names.counts[tuple(every.T)]).double()
    x, y = torch.tensor(every).T
    logits = layer(torch.nn.functional.one_hot(x, 27).double())
    terms = torch.nn.functional.cross_entropy(logits, y, reduction="none")
    loss = (times * terms).sum() / times.sum() + l2 * (layer.weight**2).mean()
    loss.backward()
    found = Run(NumpyBackend(l2=l2), names, lecture_weights).snapshot()
    assert found.total == pytest.approx(loss.item(), rel=1e-13)
    gradient = not_none(found.gradient)
    np.testing.assert_allclose(gradient, layer.weight.grad.T, rtol=0, atol=1e-15)
    assert sum(p.numel() for p in layer.parameters()) == lecture_weights.size == 729


def test_contexts_grow_by_a_factor_of_27_and_the_text_does_not(name_lines: list[str]) -> None:
    """10 characters of context are 27¹⁰ ≈ 2.06e14 rows of 27 cells."""
    models = list(context_models(read_sample(read_corpus(str(bundled_names())))))
    for model in models:
        assert (model.possible, model.cells) == (27**model.order, 27 ** (model.order + 1))
        assert model.contexts <= model.pairs <= model.predictions == models[0].predictions
    contexts = models[-1].possible * (models[1].possible // models[0].possible) ** 4
    assert contexts == 205_891_132_094_649
    assert f"{contexts:.2e}" == "2.06e+14"
    assert contexts / sum(len(line) + 1 for line in name_lines) > 8e8


def own_model(order: int) -> tuple[ContextModel, list[str], list[str]]:
    """What is counted of the names, and the lines that were counted and held out."""
    corpus = read_corpus(str(bundled_names()))
    model = next(islice(context_models(read_sample(corpus)), order - 1, None))
    parts: tuple[list[str], list[str]] = ([], [])
    for items, dealt in read_items(corpus.path, split=OWN_SPLIT):
        for item, part in zip(items, dealt.tolist(), strict=True):
            parts[part].append(item)
    return model, *parts


@pytest.mark.parametrize(("order", "train_nll"), [(1, 2.4544), (5, 1.4646)])
def test_with_longer_contexts_counting_overfits(order: int, train_nll: float) -> None:
    """Of 5 characters 1.4646 on the nine tenths counted, and ∞ on the rest; best with α 2.3679."""
    model, train, others = own_model(order)
    known, contexts = context_counts(train, order), Counter[str]()
    for pair, times in known.items():
        contexts[pair[:-1]] += times
    costs = [-n * math.log(n / contexts[pair[:-1]]) for pair, n in known.items()]
    assert math.fsum(costs) / known.total() == pytest.approx(train_nll, rel=0, abs=5e-5)
    assert model.train_nll == pytest.approx(train_nll, rel=0, abs=5e-5)
    assert model.contexts == len(contexts)
    new = context_counts(others, order)
    assert model.held_out is not None
    assert model.held_out.unseen_pairs == sum(n for pair, n in new.items() if pair not in known) > 0
    assert model.held_out.unsmoothed_nll == math.inf
    # With the best α the longer context fits what it knows better, and the rest hardly.
    gain = model.held_out.nll - model.train_nll
    assert (gain > 0.8) == (order == 5)
    if order == 5:
        assert model.held_out.nll == pytest.approx(2.3679, rel=0, abs=5e-5)


@dataclass
class Embedded(Backend):
    """Logits by way of two numbers for each character: Z = X_enc E U, E [V, d] and U [d, V]."""

    learning_rate: float = hyperparameter(5.0, low=0.0)
    width: int = hyperparameter(2, low=1)

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        e, u = weights[:, : self.width], weights[: self.width]
        while True:
            table = softmax(e @ u)
            yield Iteration(table)
            error = nll_gradient(table, bigrams)
            e, u = e - self.learning_rate * error @ u.T, u - self.learning_rate * e.T @ error


def test_an_embedding_changes_the_way_to_the_logits_and_nothing_after_them(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    """A run takes it as it takes any model: 108 numbers in place of 729, and softmax and NLL stay.

    (rowsum·P − N)/B is the gradient by E U whatever makes it: chained on to E it has the slope of
    the loss.
    """
    run = Run(Embedded(), names, lecture_weights, name="embedded")
    first = run.snapshot()
    e, u = lecture_weights[:, :2], lecture_weights[:2]
    assert e.size + u.size == 108
    assert first.nll == pytest.approx(total_loss(e @ u, names, 0.0), rel=1e-13)
    slopes = nll_gradient(not_none(first.probabilities), names) @ u.T
    for cell in np.ndindex(e.shape):
        step = np.zeros_like(e)
        step[cell] = 1e-5
        above, below = (total_loss((e + sign * step) @ u, names, 0.0) for sign in (1, -1))
        assert slopes[cell] == pytest.approx((above - below) / 2e-5, rel=0, abs=1e-9)

    run.advance(300)
    found = run.snapshot()
    assert (found.doubt, found.message) == ("", "")
    assert found.nll == pytest.approx(2.618, abs=1e-3)  # so few numbers can't come to the floor
    logits = np.log(not_none(found.probabilities))
    assert np.linalg.matrix_rank(logits - logits.mean(axis=1, keepdims=True), tol=1e-9) == 2
    run.back(300)
    np.testing.assert_array_equal(run.snapshot().probabilities, first.probabilities)


def test_with_an_embedding_ten_characters_of_context_are_few_numbers(
    name_lines: list[str], names: Bigrams
) -> None:
    """Two for each character and a linear layer on all twenty: 594 in place of 27¹¹.

    (P − Y)/B still is the gradient by the logits, from which that of all 594 follows.
    """
    draw = np.random.default_rng(1)
    e, u = draw.standard_normal((27, 2)), draw.standard_normal((20, 27))
    assert e.size + u.size == 594
    contexts, y = [], []
    for line in name_lines[:20]:
        tokens = names.vocabulary.encode_line(line)
        for place in range(1, len(tokens)):
            contexts.append(([0] * 10 + tokens[:place])[-10:])
            y.append(tokens[place])
    x = np.array(contexts)

    def nll(e: Matrix, u: Matrix) -> float:
        table = softmax(e[x].reshape(-1, 20) @ u)
        return -float(np.log(table[range(len(y)), y]).mean())

    hidden = e[x].reshape(-1, 20)
    error = (softmax(hidden @ u) - one_hot(y)) / len(y)
    by_e = np.zeros_like(e)
    np.add.at(by_e, x, (error @ u.T).reshape(-1, 10, 2))
    draws = [(tuple(draw.integers(0, (27, 2))), tuple(draw.integers(0, (20, 27)))) for _ in "0123"]
    for of_e, of_u in draws:
        step_e, step_u = np.zeros_like(e), np.zeros_like(u)
        step_e[of_e] = step_u[of_u] = 1e-5
        slope = (nll(e + step_e, u) - nll(e - step_e, u)) / 2e-5
        assert by_e[of_e] == pytest.approx(slope, rel=0, abs=1e-9)
        slope = (nll(e, u + step_u) - nll(e, u - step_u)) / 2e-5
        assert (hidden.T @ error)[of_u] == pytest.approx(slope, rel=0, abs=1e-9)
