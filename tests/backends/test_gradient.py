"""The mathematics of the bundled backends, each fact derived anew here.

The one-hot formulation is the lecture's; the worked example is the one word "emma".
"""

import math
import warnings
from collections.abc import Callable
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.backend import Backend, Iteration, as_numpy
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from tests.conftest import CountLines

EMMA_X, EMMA_Y = [0, 5, 13, 13, 1], [5, 13, 13, 1, 0]  # .emma.
EMMA_FLOOR = 2 * math.log(2) / 5
"""m is followed by m once and by a once, so two of the five bigrams have 1/2 at best."""


def iterations(backend: Backend, bigrams: Bigrams, weights: Matrix, count: int) -> list[Iteration]:
    """The untrained model and those after the next updates, `count` in all."""
    return list(islice(backend.train(bigrams, weights), count))


def nll_by_loop(weights: Matrix, counts: np.ndarray) -> float:
    """−log softmax(W) of each bigram, averaged over all, cell by cell."""
    terms = []
    for row, occurrences in zip(weights.tolist(), counts.tolist(), strict=True):
        log_sum = max(row) + math.log(math.fsum(math.exp(w - max(row)) for w in row))
        terms += [n * (log_sum - w) for w, n in zip(row, occurrences, strict=True)]
    return math.fsum(terms) / int(counts.sum())


def total_by_loop(weights: Matrix, counts: np.ndarray, l2: float) -> float:
    return nll_by_loop(weights, counts) + l2 * math.fsum(w * w for w in weights.flat) / weights.size


@st.composite
def problems(draw: st.DrawFn) -> tuple[Bigrams, Matrix]:
    size = draw(st.integers(1, 4))
    counts = draw(hnp.arrays(np.int64, (size, size), elements=st.integers(0, 9)))
    counts.flat[draw(st.integers(0, size**2 - 1))] += 1
    weights = draw(hnp.arrays(np.float64, (size, size), elements=st.floats(-5, 5)))
    return Bigrams(Vocabulary("abc"[: size - 1]), counts), weights


def one_hot_of_the_lecture(
    torch: Any, xs: list[int], ys: list[int], size: int, l2: float
) -> Callable[[Any], Any]:
    """The total loss of W as the lecture writes it."""
    xenc = torch.nn.functional.one_hot(torch.tensor(xs), num_classes=size).double()

    def loss(weights: Any) -> Any:
        logits = xenc @ weights
        counts = logits.exp()
        probs = counts / counts.sum(1, keepdims=True)
        return -probs[torch.arange(len(xs)), ys].log().mean() + l2 * (weights**2).mean()

    return loss


def tokens_of(lines: list[str]) -> tuple[list[int], list[int]]:
    """x and y of every bigram of some lines of a to z."""
    xs, ys = [], []
    for line in lines:
        for first, second in pairwise("." + line + "."):
            xs.append(".abcdefghijklmnopqrstuvwxyz".index(first))
            ys.append(".abcdefghijklmnopqrstuvwxyz".index(second))
    return xs, ys


# The gradient


@given(problems(), st.sampled_from([0.0, 0.01, 3.0]))
def test_the_gradient_agrees_with_finite_differences(
    problem: tuple[Bigrams, Matrix], l2: float
) -> None:
    bigrams, weights = problem
    (model,) = iterations(NumpyBackend(l2=l2), bigrams, weights, 1)
    step = 1e-4
    for cell in np.ndindex(weights.shape):
        above, below = weights.copy(), weights.copy()
        above[cell] += step
        below[cell] -= step
        slope = total_by_loop(above, bigrams.counts, l2) - total_by_loop(below, bigrams.counts, l2)
        assert model.gradient[cell] == pytest.approx(slope / (2 * step), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("l2", [0.0, 0.01, 10.0])
def test_the_gradient_is_that_of_autograd_through_one_hot_rows(
    count_lines: CountLines, name_lines: list[str], lecture_weights: Matrix, l2: float
) -> None:
    torch = pytest.importorskip("torch")
    lines = name_lines[:40]
    loss = one_hot_of_the_lecture(torch, *tokens_of(lines), 27, l2)
    bigrams = count_lines(lines, "abcdefghijklmnopqrstuvwxyz")
    w = torch.tensor(lecture_weights, requires_grad=True)
    for model in iterations(NumpyBackend(learning_rate=10.0, l2=l2), bigrams, lecture_weights, 5):
        total = loss(w)
        w.grad = None
        total.backward()
        np.testing.assert_allclose(model.weights, w.detach(), rtol=0, atol=1e-13)
        np.testing.assert_allclose(model.gradient, w.grad, rtol=0, atol=1e-14)
        assert total_by_loop(model.weights, bigrams.counts, l2) == pytest.approx(
            total.item(), rel=1e-13
        )
        w.data += -10.0 * w.grad


def assert_same_path(
    ours: list[Iteration], theirs: list[Iteration], tolerance: float = 1e-12
) -> None:
    """The same P, W and gradient at every iteration."""
    for k, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        for part in ("probabilities", "weights", "gradient"):
            a, b = as_numpy(getattr(our, part)), as_numpy(getattr(their, part))
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance, err_msg=f"{part} at {k}")


def test_numpy_and_torch_take_the_same_path_over_the_bundled_names(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    pytest.importorskip("torch")
    by_hand = iterations(NumpyBackend(), names, lecture_weights, 201)
    by_autograd = iterations(TorchBackend(device="cpu"), names, lecture_weights, 201)
    assert_same_path(by_hand, by_autograd)
    for hand, autograd in zip(by_hand[::10], by_autograd[::10], strict=True):
        total = total_by_loop(hand.weights, names.counts, 0.01)
        assert float(autograd.loss) == pytest.approx(total, rel=0, abs=1e-12)
    assert float(by_autograd[200].loss) < 2.5
    assert float(by_autograd[0].loss) > 3.7


def test_counts_and_one_hot_rows_are_the_same_objective(
    count_lines: CountLines, name_lines: list[str], lecture_weights: Matrix
) -> None:
    pytest.importorskip("torch")
    bigrams = count_lines(name_lines[:300], "abcdefghijklmnopqrstuvwxyz")
    counts, one_hot = (
        iterations(TorchBackend(objective=name, device="cpu"), bigrams, lecture_weights, 30)
        for name in ("counts", "one-hot")
    )
    assert_same_path(counts, one_hot)
    assert_same_path(counts, iterations(NumpyBackend(), bigrams, lecture_weights, 30))
    for a, b in zip(counts, one_hot, strict=True):
        assert float(a.loss) == pytest.approx(float(b.loss), rel=0, abs=1e-12)


@pytest.mark.slow
def test_one_hot_rows_of_all_the_bundled_names_give_the_same_first_updates(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    pytest.importorskip("torch")
    one_hot = TorchBackend(objective="one-hot", device="cpu")
    # A sum of 229,804 terms, times the step size of 50, rounds by a little more than 1e-12.
    assert_same_path(
        iterations(one_hot, names, lecture_weights, 3),
        iterations(NumpyBackend(), names, lecture_weights, 3),
        tolerance=1e-10,
    )


def test_one_hot_rows_that_would_not_fit_are_refused(lecture_weights: Matrix) -> None:
    pytest.importorskip("torch")
    many = Bigrams(Vocabulary("abcdefghijklmnopqrstuvwxyz"), np.full((27, 27), 10**9))
    with pytest.raises(MemoryError, match="choose the objective counts"):
        iterations(TorchBackend(objective="one-hot", device="cpu"), many, lecture_weights, 1)


def test_the_hand_derived_path_does_not_change_the_weights_it_was_given(tiny: Bigrams) -> None:
    weights = np.arange(9.0).reshape(3, 3)
    path = iterations(NumpyBackend(), tiny, weights, 4)
    np.testing.assert_array_equal(weights, np.arange(9.0).reshape(3, 3))
    np.testing.assert_array_equal(path[0].weights, weights)
    assert not np.array_equal(path[1].weights, weights)


# Softmax


@given(problems(), hnp.arrays(np.float64, 4, elements=st.floats(-700, 700)))
def test_a_constant_added_to_a_row_of_logits_changes_no_probability(
    problem: tuple[Bigrams, Matrix], constants: Matrix
) -> None:
    bigrams, weights = problem
    shifted = weights + constants[: len(weights), None]
    (model,), (moved,) = (iterations(NumpyBackend(), bigrams, w, 1) for w in (weights, shifted))
    np.testing.assert_allclose(moved.probabilities, model.probabilities, rtol=1e-12, atol=0)
    expected = [[math.exp(w) / sum(map(math.exp, row)) for w in row] for row in weights.tolist()]
    np.testing.assert_allclose(model.probabilities, expected, rtol=1e-14, atol=0)


def test_large_logits_do_not_overflow(tiny: Bigrams) -> None:
    weights = np.array([[1e4, 0, 0], [1e308, 1e308, 0], [-1e308, -1e308, -1e308]])
    (model,) = iterations(NumpyBackend(l2=0.0), tiny, weights, 1)
    expected = np.array([[1, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(model.probabilities, expected, rtol=1e-15)


@settings(max_examples=30)
@given(problems(), st.floats(0, 5), st.floats(0, 2))
def test_the_nll_moves_no_row_mean_and_the_penalty_shrinks_them_all_alike(
    problem: tuple[Bigrams, Matrix], learning_rate: float, l2: float
) -> None:
    bigrams, weights = problem
    unpenalised = iterations(NumpyBackend(learning_rate, l2=0.0), bigrams, weights, 5)
    for model in unpenalised:
        np.testing.assert_allclose(model.gradient.sum(axis=1), 0, atol=1e-15)
    shrinking = 1 - 2 * learning_rate * l2 / weights.size
    means = weights.mean(axis=1)
    for k, model in enumerate(iterations(NumpyBackend(learning_rate, l2), bigrams, weights, 5)):
        expected = means * shrinking**k
        scale = 1e-13 * max(1.0, abs(shrinking)) ** k * 10
        np.testing.assert_allclose(model.weights.mean(axis=1), expected, rtol=1e-12, atol=scale)


# Gradient descent and counting


def test_without_penalty_the_loss_sinks_towards_that_of_the_counts_and_stays_above(
    names: Bigrams, lecture_weights: Matrix
) -> None:
    (counted,) = CountingBackend(smoothing=0.0).train(names, lecture_weights)
    seen = names.counts > 0
    floor = -(names.counts[seen] * np.log(counted.probabilities[seen])).sum() / names.total
    assert floor == pytest.approx(2.4543953286105005, rel=0, abs=1e-12)
    losses = [
        -(names.counts * np.log(model.probabilities)).sum() / names.total
        for model in iterations(NumpyBackend(l2=0.0), names, lecture_weights, 3000)
    ]
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert losses[0] - floor > 1.2
    assert 0 < losses[-1] - floor < 1e-3


@given(problems(), st.floats(0, 100))
def test_counting_adds_the_smoothing_to_every_count(
    problem: tuple[Bigrams, Matrix], smoothing: float
) -> None:
    bigrams, weights = problem
    (model,) = CountingBackend(smoothing).train(bigrams, weights)
    for row, probabilities in zip(bigrams.counts.tolist(), model.probabilities, strict=True):
        whole = sum(row) + smoothing * len(row)
        expected = [(n + smoothing) / whole if whole else 1 / len(row) for n in row]
        np.testing.assert_allclose(probabilities, expected, rtol=1e-12)
    assert model.last


# Emma


def test_emma_starts_with_the_probabilities_and_the_loss_of_the_lecture(
    emma: Bigrams, lecture_weights: Matrix
) -> None:
    (model,) = iterations(NumpyBackend(l2=0.0), emma, lecture_weights, 1)
    probabilities = model.probabilities[EMMA_X, EMMA_Y]
    printed = [0.0122863, 0.0180507, 0.0266915, 0.0736769, 0.0149775]
    np.testing.assert_allclose(probabilities, printed, rtol=0, atol=5.1e-8)
    assert -np.log(probabilities).mean() == pytest.approx(3.769305, rel=0, abs=5.1e-7)
    assert nll_by_loop(lecture_weights, emma.counts) == pytest.approx(3.769305, rel=0, abs=5.1e-7)


def test_emma_moves_only_the_rows_of_its_own_characters(
    emma: Bigrams, lecture_weights: Matrix
) -> None:
    model = iterations(NumpyBackend(l2=0.0), emma, lecture_weights, 20)[-1]
    assert np.flatnonzero(model.gradient.any(axis=1)).tolist() == [0, 1, 5, 13]
    assert (model.gradient[[0, 1, 5, 13]] != 0).all()
    untouched = [i for i in range(27) if i not in (0, 1, 5, 13)]
    np.testing.assert_array_equal(model.weights[untouched], lecture_weights[untouched])


def test_no_model_of_emma_is_better_than_its_counts(emma: Bigrams) -> None:
    (model,) = CountingBackend(smoothing=0.0).train(emma, np.zeros((27, 27)))
    nll = -np.log(model.probabilities[EMMA_X, EMMA_Y]).mean()
    assert nll == pytest.approx(EMMA_FLOOR, rel=1e-15)
    assert pytest.approx(0.277259, rel=0, abs=5e-7) == EMMA_FLOOR


def test_small_steps_on_emma_head_for_the_floor_and_never_below(
    emma: Bigrams, lecture_weights: Matrix
) -> None:
    backend = NumpyBackend(learning_rate=0.1, l2=0.0)
    losses = [
        -np.log(model.probabilities[EMMA_X, EMMA_Y]).mean()
        for model in iterations(backend, emma, lecture_weights, 20_000)
    ]
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert losses[0] - EMMA_FLOOR > 3
    assert 0 < losses[-1] - EMMA_FLOOR < 0.02


# The tensors of the worked example, in torch itself


def test_the_tensors_of_emma_have_the_shapes_and_types_of_the_table(
    lecture_weights: Matrix,
) -> None:
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(EMMA_X), torch.tensor(EMMA_Y)
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((5,), torch.int64, (5,), torch.int64)
    assert tokens_of(["emma"]) == (EMMA_X, EMMA_Y)
    one_hot = torch.nn.functional.one_hot(x, num_classes=27)
    assert (one_hot.shape, one_hot.dtype) == ((5, 27), torch.int64)
    assert torch.nn.functional.one_hot(x).shape == (5, 14)  # up to the largest token, m

    generator = torch.Generator().manual_seed(2147483647)
    w = torch.randn((27, 27), generator=generator, requires_grad=True)
    assert (w.shape, w.dtype, w.is_leaf) == ((27, 27), torch.float32, True)
    np.testing.assert_allclose(w.detach(), lecture_weights, rtol=0, atol=1e-6)
    with pytest.raises(RuntimeError, match="dtype"):
        one_hot @ w

    xenc = one_hot.float()
    assert (xenc.shape, xenc.dtype) == ((5, 27), torch.float32)
    z = xenc @ w
    assert (z.shape, z.dtype, z.is_leaf) == ((5, 27), torch.float32, False)
    assert torch.equal(z, w[x])  # a one-hot row looks a row of W up
    c = z.exp()
    s = c.sum(1, keepdim=True)
    p = c / s
    assert (c.shape, s.shape, p.shape) == ((5, 27), (5, 1), (5, 27))
    assert c.sum(1).shape == (5,)
    picked = p[torch.arange(5), y]
    loss = -picked.log().mean()
    assert (picked.shape, loss.shape) == ((5,), ())
    expected = [0.0122863, 0.0180507, 0.0266915, 0.0736769, 0.0149775]
    np.testing.assert_allclose(picked.detach(), expected, rtol=0, atol=1e-7)
    assert loss.item() == pytest.approx(3.769305, rel=0, abs=1e-6)

    loss.backward()
    assert w.grad.shape == (27, 27)
    assert w.grad.any(dim=1).nonzero().flatten().tolist() == [0, 1, 5, 13]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of the grad of a tensor that is no leaf
        assert z.grad is None
