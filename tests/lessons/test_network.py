"""One word through the network: its tensors by plain loops, by autograd, and by their own code."""

import math
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.lessons import network
from bigram_tui.lessons.libraries import NUMPY, Library, best_library, torch_library
from bigram_tui.lessons.network import FIRST_RATE, Network, Pass, Tensor
from bigram_tui.lessons.network_origins import Origin, number, origin
from bigram_tui.lessons.network_stages import NAMES, STAGES
from bigram_tui.lessons.word import LONGEST_WORD, WordError, first_word, tokens_of
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.torch_rng import start_weights
from tests.conftest import CountLines

LETTERS = "abcdefghijklmnopqrstuvwxyz"
EMMA_X, EMMA_Y = [0, 5, 13, 13, 1], [5, 13, 13, 1, 0]
EMMA_PICKED = [0.0122863, 0.0180507, 0.0266915, 0.0736769, 0.0149775]
EMMA_NLL = 3.769305
EMMA_FLOOR = 0.277259

EPSILON = float(np.finfo(np.float32).eps)

Step = tuple[str, float]


# --- How else the numbers can be had ---------------------------------------------------------


def loss_of(weights: Matrix, xs: Sequence[int], ys: Sequence[int]) -> float:
    """The average of log Σ exp W[x] − W[x, y] over the bigrams, in float64."""
    terms = []
    for x, y in zip(xs, ys, strict=True):
        row = weights[x].astype(np.float64).tolist()
        top = max(row)
        terms.append(top + math.log(math.fsum(math.exp(w - top) for w in row)) - row[y])
    return math.fsum(terms) / len(terms)


def by_loops(now: Pass) -> dict[str, Matrix]:
    """All tensors of a pass from its W, in float64, cell by cell."""
    weights = now.tensors["W"].values.astype(np.float64)
    xs, ys, tokens = now.xs, now.ys, range(len(weights))
    onehot = [[float(x == k) for k in tokens] for x in xs]
    odds = [[math.exp(weights[x, j]) for j in tokens] for x in xs]
    sums = [math.fsum(row) for row in odds]
    p = [[odd / total for odd in row] for row, total in zip(odds, sums, strict=True)]
    picked = [row[y] for row, y in zip(p, ys, strict=True)]
    dz = [[(row[j] - (y == j)) / len(xs) for j in tokens] for row, y in zip(p, ys, strict=True)]
    dw = [[math.fsum(dz[i][j] for i, x in enumerate(xs) if x == k) for j in tokens] for k in tokens]
    found = {
        "X": xs,
        "Y": ys,
        "onehot": onehot,
        "Xenc": onehot,
        "W": weights,
        "Z": [weights[x] for x in xs],
        "C": odds,
        "S": [[total] for total in sums],
        "P": p,
        "picked": picked,
        "loss": -math.fsum(map(math.log, picked)) / len(xs),
        "dZ": dz,
        "dW": dw,
        "W′": weights - now.learning_rate * np.array(dw),
    }
    return {name: np.array(values) for name, values in found.items()}


def assert_close(found: Tensor, expected: Matrix, scale: float = 1.0) -> None:
    """As close as float32 lets a few operations come; scale: of the numbers that cancel."""
    assert found.values.shape == expected.shape
    np.testing.assert_allclose(found.values, expected, rtol=50 * EPSILON, atol=10 * EPSILON * scale)


def assert_same(one: Pass, other: Pass) -> None:
    """To the bit."""
    assert (one.iteration, one.learning_rate) == (other.iteration, other.learning_rate)
    for name in NAMES:
        np.testing.assert_array_equal(one.tensors[name].values, other.tensors[name].values)


def descended(word: str, vocabulary: Vocabulary, seed: int, rates: Sequence[float]) -> Matrix:
    """W after updates with some learning rates, from the counts of the word, in float64."""
    size = len(vocabulary)
    counts = np.zeros((size, size))
    for first, second in pairwise([0, *(vocabulary.characters.index(c) + 1 for c in word), 0]):
        counts[first, second] += 1
    weights = start_weights(size, seed)
    for rate in rates:
        p = np.exp(weights) / np.exp(weights).sum(axis=1, keepdims=True)
        weights = weights - rate * (counts.sum(axis=1, keepdims=True) * p - counts) / counts.sum()
    return weights


# --- What is put through ---------------------------------------------------------------------


@pytest.fixture(scope="module", params=["numpy", "torch"])
def library(request: pytest.FixtureRequest) -> Library:
    if request.param == "torch":
        pytest.importorskip("torch")
        return torch_library()
    return NUMPY


def emma_net(library: Library) -> Network:
    return Network("emma", Vocabulary(LETTERS), library, LECTURE_SEED)


words = st.text(st.sampled_from("abcde"), min_size=1, max_size=9)
seeds = st.integers(0, 2**32 - 1)
rates = st.sampled_from([0.01, 0.1, 0.5, 1.0, 5.0, 10.0])
"""Among them 0.1, which float32 can't hold."""


@pytest.fixture
def few_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As little is kept of the past as if W were large."""
    monkeypatch.setattr(network, "KEPT_BYTES", 0)


def small_net(word: str, library: Library = NUMPY, seed: int = LECTURE_SEED) -> Network:
    """Of six tokens."""
    return Network(word, Vocabulary("abcde"), library, seed)


# --- emma ------------------------------------------------------------------------------------


def test_the_tokens_of_emma(library: Library) -> None:
    now = emma_net(library).now
    assert now.tensors["X"].values.tolist() == EMMA_X == list(now.xs)
    assert now.tensors["Y"].values.tolist() == EMMA_Y == list(now.ys)


TABLE: dict[str, tuple[tuple[int, ...], str, bool, bool]] = {
    # shape, dtype, leaf, requires grad
    "X": ((5,), "int64", True, False),
    "Y": ((5,), "int64", True, False),
    "onehot": ((5, 27), "int64", True, False),
    "Xenc": ((5, 27), "float32", True, False),
    "W": ((27, 27), "float32", True, True),
    "Z": ((5, 27), "float32", False, True),
    "C": ((5, 27), "float32", False, True),
    "S": ((5, 1), "float32", False, True),
    "P": ((5, 27), "float32", False, True),
    "picked": ((5,), "float32", False, True),
    "loss": ((), "float32", False, True),
    "dZ": ((5, 27), "float32", True, False),
    "dW": ((27, 27), "float32", True, False),
    "W′": ((27, 27), "float32", True, True),
}


@pytest.mark.parametrize("steps", [0, 2])
def test_the_table_of_tensors(library: Library, steps: int) -> None:
    net = emma_net(library)
    net.step(steps)
    assert list(net.now.tensors) == list(TABLE)
    for name, (shape, dtype, leaf, grad) in TABLE.items():
        tensor = net.now.tensors[name]
        assert (tensor.values.shape, tensor.dtype) == (shape, dtype), name
        assert tensor.values.dtype == dtype
        expected = (leaf, grad) if library.is_torch else (None, None)
        assert (tensor.is_leaf, tensor.requires_grad) == expected, name


def test_a_table_has_rows_and_columns_whatever_the_tensor_has(library: Library) -> None:
    for name, (shape, *_) in TABLE.items():
        tensor = emma_net(library).now.tensors[name]
        rows, columns = {0: (1, 1), 1: (*shape, 1)}.get(len(shape), shape)
        assert tensor.table.shape == (rows, columns)
        assert tensor.table.ravel().tolist() == tensor.values.ravel().tolist()


def test_emmas_figures(library: Library) -> None:
    net = emma_net(library)
    assert net.now.tensors["picked"].values == pytest.approx(EMMA_PICKED, abs=1e-7)
    assert round(net.now.loss, 6) == pytest.approx(EMMA_NLL, abs=1e-9 if library.is_torch else 2e-6)
    assert net.losses == [net.now.loss]
    w = start_weights(27, LECTURE_SEED)
    np.testing.assert_allclose(net.now.tensors["W"].values, w, rtol=0, atol=1e-6)
    assert net.now.loss == pytest.approx(loss_of(w, EMMA_X, EMMA_Y), abs=1e-6)


def test_emmas_floor_and_its_cause(library: Library) -> None:
    net = emma_net(library)
    assert net.least_loss == pytest.approx(2 * math.log(2) / 5, rel=1e-15)
    assert round(net.least_loss, 6) == EMMA_FLOOR
    assert net.conflicts == {13: [13, 1]}, "m is followed by m, and by a"


def test_emmas_gradient_has_four_rows_that_sum_to_zero(library: Library) -> None:
    net = emma_net(library)
    for _ in range(3):
        gradient = net.now.tensors["dW"].values
        assert set(np.flatnonzero(gradient.any(axis=1)).tolist()) == {0, 1, 5, 13}
        assert gradient[[0, 1, 5, 13]].all()
        np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=2 * EPSILON)
        net.step()


def test_emmas_gradients_are_those_of_autograd_in_float64(library: Library) -> None:
    torch = pytest.importorskip("torch")
    net = emma_net(library)
    for rate in (0.1, 5.0, 5.0):
        now = net.now
        w = torch.tensor(now.tensors["W"].values, dtype=torch.float64, requires_grad=True)
        logits = w[torch.tensor(EMMA_X)]
        logits.retain_grad()
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(EMMA_Y))
        loss.backward()
        assert now.loss == pytest.approx(loss.item(), rel=4 * EPSILON)
        for name, expected in (("dZ", logits.grad), ("dW", w.grad)):
            np.testing.assert_allclose(
                now.tensors[name].values, expected.numpy(), rtol=1e-5, atol=EPSILON / 4
            )
        net.change_rate(rate)
        net.step()


def test_emmas_gradient_is_the_slope_of_the_loss(library: Library) -> None:
    now, step = emma_net(library).now, 1e-5
    weights = now.tensors["W"].values.astype(np.float64)
    for k in (0, 1, 2, 5, 13):
        for j in range(27):
            low, high = weights.copy(), weights.copy()
            low[k, j] -= step
            high[k, j] += step
            slope = (loss_of(high, EMMA_X, EMMA_Y) - loss_of(low, EMMA_X, EMMA_Y)) / 2 / step
            assert now.number("dW", k, j) == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_the_gradient_holds_one_over_b(library: Library) -> None:
    """Repeated, a word has as many times the bigrams and, but for the seams, the same gradient."""
    now = small_net("aaaa", library).now
    p = now.tensors["P"].values
    assert now.number("dZ", 1, 1) * 5 == pytest.approx(float(p[1, 1]) - 1, rel=1e-6)
    assert now.number("dZ", 1, 2) * 5 == pytest.approx(float(p[1, 2]), rel=1e-6)


def test_numpy_and_torch_agree_stage_by_stage() -> None:
    pytest.importorskip("torch")
    one, other = emma_net(NUMPY), emma_net(torch_library())
    for rate in (0.1, 5.0):
        one.change_rate(rate)
        other.change_rate(rate)
        for _ in range(50):
            for name in NAMES:
                a, b = (net.now.tensors[name].values for net in (one, other))
                # Their normals part by 8.4e-7; exp makes it relative.
                np.testing.assert_allclose(a, b, rtol=4e-6, atol=2e-6, err_msg=name)
            one.step()
            other.step()


@pytest.mark.parametrize("rate", [0.1, pytest.param(5.0, marks=pytest.mark.slow)])
def test_the_loss_comes_down_to_the_floor_and_never_below(library: Library, rate: float) -> None:
    """At 0.1 by little; with steps of 5 what is left above it is about one over their number."""
    net = emma_net(library)
    net.change_rate(rate)
    steps = 100 if rate == 0.1 else 500 if library.is_torch else 3000
    net.step(steps)
    assert len(net.losses) == steps + 1
    assert (np.diff(net.losses) <= 4 * EPSILON).all(), "downwards, but for rounding"
    assert min(net.losses) > net.least_loss
    if rate == 5.0:
        assert 0.5 / steps < net.now.loss - net.least_loss < 2 / steps
        p = net.now.tensors["P"].values
        assert p[2, 13] == pytest.approx(0.5, abs=3 / steps), "m is torn between m"
        assert p[2, 1] == pytest.approx(0.5, abs=3 / steps), "and a"


# --- Any word --------------------------------------------------------------------------------


@settings(max_examples=60)
@given(words, seeds, rates, st.integers(0, 3))
@example("a", 0, 0.1, 0)
@example("aaaa", 1, 10.0, 3)
def test_each_tensor_is_that_of_plain_loops(
    library: Library, word: str, seed: int, rate: float, steps: int
) -> None:
    net = small_net(word, library, seed)
    net.change_rate(rate)
    net.step(steps)
    now = net.now
    tokens = [0, *("abcde".index(character) + 1 for character in word), 0]
    assert list(zip(now.xs, now.ys, strict=True)) == list(pairwise(tokens))
    expected = by_loops(now)
    for name in NAMES:
        scale = 1 + abs(expected["W"]).max() if name in ("loss", "W′") else 1.0
        assert_close(now.tensors[name], expected[name], scale)


@settings(max_examples=40)
@given(words, seeds, st.integers(0, 3))
def test_a_one_hot_product_is_a_table_lookup_to_the_bit(
    library: Library, word: str, seed: int, steps: int
) -> None:
    net = small_net(word, library, seed)
    net.step(steps)
    weights = net.now.tensors["W"].values
    np.testing.assert_array_equal(net.now.tensors["Z"].values, weights[net.now.xs])


@pytest.mark.parametrize("word", ["e", "zz", "aaaa", "emma" * 50, LETTERS * 7], ids=len)
def test_words_of_every_length(library: Library, word: str) -> None:
    net = Network(word, Vocabulary(LETTERS), library, LECTURE_SEED)
    assert len(net.xs) == len(net.ys) == len(word) + 1
    assert net.now.tensors["P"].values.shape == (len(word) + 1, 27)
    start = net.now.loss
    net.step(10)
    assert net.least_loss < net.now.loss < start


@given(words)
@example("aaaa")
@example("abcde")
def test_the_floor_is_the_entropy_of_what_follows(word: str) -> None:
    net = small_net(word)
    followers: dict[str, Counter[str]] = defaultdict(Counter)
    for first, second in pairwise(f".{word}."):
        followers[first][second] += 1
    nats = [
        -count * math.log(count / sum(seconds.values()))
        for seconds in followers.values()
        for count in seconds.values()
    ]
    assert net.least_loss == pytest.approx(math.fsum(nats) / (len(word) + 1), rel=1e-12, abs=0)
    assert net.least_loss < net.now.loss
    labels = net.vocabulary.labels
    found = {labels[first]: [labels[k] for k in seen] for first, seen in net.conflicts.items()}
    assert found == {
        first: [b for a, b in pairwise(f".{word}.") if a == first]
        for first, seconds in followers.items()
        if len(seconds) > 1
    }
    assert bool(found) == (net.least_loss > 0)


def test_a_character_that_follows_itself_is_torn(library: Library) -> None:
    net = small_net("aaaa", library)
    assert net.conflicts == {1: [1, 1, 1, 0]}
    assert net.least_loss == pytest.approx((-3 * math.log(3 / 4) - math.log(1 / 4)) / 5)


def test_the_largest_learning_rate_overflows_nowhere() -> None:
    """Warnings are errors here."""
    for word in ("a", "aaaa", "abacadae", "a" * 199 + "b"):
        net = small_net(word)
        net.change_rate(50.0)
        net.step(300)
        assert all(map(math.isfinite, net.losses))


# --- Forwards and back -----------------------------------------------------------------------


def test_an_update_is_against_the_gradient(library: Library) -> None:
    net = emma_net(library)
    for rate in (FIRST_RATE, 0.5, 50.0):
        net.change_rate(rate)
        w, gradient, then = (net.now.tensors[name].values for name in ("W", "dW", "W′"))
        moved = w.astype(np.float64) - rate * gradient.astype(np.float64)
        np.testing.assert_allclose(then, moved, rtol=EPSILON, atol=EPSILON * rate / 10)
        unmoved = np.setdiff1d(np.arange(27), EMMA_X)
        np.testing.assert_array_equal(then[unmoved], w[unmoved])
        net.step()


def test_what_an_update_makes_is_the_next_w(library: Library) -> None:
    net = emma_net(library)
    for iteration in range(1, 5):
        then = net.now.tensors["W′"].values
        net.step()
        assert net.now.iteration == iteration
        np.testing.assert_array_equal(net.now.tensors["W"].values, then)
        assert net.now.tensors["W"].code.startswith("#")
        assert str(iteration) in net.now.tensors["W"].code


def test_a_pass_stays_as_it_was(library: Library) -> None:
    """Although the update changes W where it is."""
    net = emma_net(library)
    passes, copies = [], []
    for _ in range(4):
        passes.append(net.now)
        copies.append({name: tensor.values.copy() for name, tensor in net.now.tensors.items()})
        net.step()
    net.back(2)
    net.step()
    for now, copy in zip(passes, copies, strict=True):
        for name in NAMES:
            np.testing.assert_array_equal(now.tensors[name].values, copy[name])
    assert not np.array_equal(copies[0]["W"], copies[0]["W′"])


def test_the_start_is_the_same_each_time(library: Library) -> None:
    assert_same(emma_net(library).now, emma_net(library).now)
    other = Network("emma", Vocabulary(LETTERS), library, 1)
    assert not np.array_equal(other.now.tensors["W"].values, start_weights(27))


@pytest.mark.parametrize("steps", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_back_finds_each_pass_as_it_was(library: Library, few_kept: None, steps: int) -> None:
    """To the bit; 100 are more than are kept, so that those are thinned out."""
    net = emma_net(library)
    passes = [net.now]
    for iteration in range(steps):
        net.change_rate(5.0 if iteration > steps // 2 else 0.1)
        passes[-1] = net.now
        net.step()
        passes.append(net.now)
    losses = list(net.losses)
    place = steps
    for jump in (1, 1, 10, 3, 1, 20, 1000):
        place = max(0, place - jump)
        net.back(jump)
        assert_same(net.now, passes[place])
        assert net.losses == losses[: place + 1]
    net.step(3)
    assert net.now.learning_rate == passes[0].learning_rate
    assert net.now.iteration == 3


def test_back_and_on_again_is_the_same_way(library: Library, few_kept: None) -> None:
    net = emma_net(library)
    net.step(40)
    there, losses = net.now, list(net.losses)
    net.back(17)
    net.step(17)
    assert_same(net.now, there)
    assert net.losses == losses


def test_another_rate_changes_the_present_update_and_nothing_before(library: Library) -> None:
    net = emma_net(library)
    net.step(20)
    before, losses = net.now, list(net.losses)
    net.change_rate(5.0)
    after = net.now
    assert (after.iteration, after.learning_rate) == (20, 5.0)
    assert net.losses == losses
    for name in NAMES[:-1]:
        np.testing.assert_array_equal(after.tensors[name].values, before.tensors[name].values)
    w, gradient, then = (after.tensors[name].values for name in ("W", "dW", "W′"))
    moved = w.astype(np.float64) - 5.0 * gradient
    np.testing.assert_allclose(then, moved, rtol=EPSILON, atol=EPSILON)
    net.step()
    assert net.now.learning_rate == 5.0
    np.testing.assert_array_equal(net.now.tensors["W"].values, then)
    net.back(2)
    assert net.now.learning_rate == FIRST_RATE, "that of its own time"


def test_reset_begins_again_with_the_present_rate(library: Library) -> None:
    net = emma_net(library)
    start = net.now
    net.change_rate(0.5)
    net.step(30)
    net.reset()
    assert (net.now.iteration, net.now.learning_rate) == (0, 0.5)
    assert net.losses == [start.loss]
    np.testing.assert_array_equal(net.now.tensors["W"].values, start.tensors["W"].values)
    net.step(2)
    assert len(net.losses) == 3


orders = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.sampled_from([1, 2, 7, 40])),
        st.tuples(st.just("back"), st.sampled_from([1, 2, 7, 40])),
        st.tuples(st.just("reset"), st.just(0)),
        st.tuples(st.just("change_rate"), st.sampled_from([0.1, 0.5, 2.0])),
    ),
    max_size=8,
)


@settings(max_examples=40)
@given(words, orders)
def test_any_way_there_is_that_of_its_learning_rates(
    library: Library, word: str, orders: list[Step]
) -> None:
    """W is that of a descent on the counts, in float64, by a list of rates kept by hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "KEPT_BYTES", 0)  # as little is kept as if W were large
        net, taken = small_net(word, library), [FIRST_RATE]
        for order, value in orders:
            if order == "reset":
                net.reset()
                taken = taken[-1:]
            elif order == "change_rate":
                net.change_rate(value)
                taken[-1] = value
            elif order == "step":
                net.step(int(value))
                taken += taken[-1:] * int(value)
            else:
                net.back(int(value))
                del taken[max(1, len(taken) - int(value)) :]
            now = net.now
            assert (now.iteration, now.learning_rate) == (len(taken) - 1, taken[-1])
            expected = descended(word, net.vocabulary, LECTURE_SEED, taken)
            np.testing.assert_allclose(now.tensors["W′"].values, expected, rtol=1e-4, atol=1e-4)
            assert len(net.losses) == len(taken)
            assert net.losses[-1] == now.loss


@pytest.mark.parametrize("steps", [300, 1000])
def test_what_is_kept_to_go_back_from_is_bounded(
    monkeypatch: pytest.MonkeyPatch, few_kept: None, steps: int
) -> None:
    """And so is the way from there: at most about a quarter of all, with eight kept."""
    net = emma_net(NUMPY)
    net.step(steps)
    assert 1 < len(net._kept) <= network.LEAST_KEPT == 8
    computed: list[float] = []
    take = Network._take

    def count(self: Network, learning_rate: float) -> None:
        computed.append(learning_rate)
        take(self, learning_rate)

    monkeypatch.setattr(Network, "_take", count)
    net.change_rate(0.5)
    assert 1 <= len(computed) <= steps / 4 + 1


def test_where_there_is_room_each_w_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    net = emma_net(NUMPY)
    net.step(500)
    monkeypatch.setattr(Network, "_begin", None)  # nothing begins anew
    net.back()
    assert net.now.iteration == 499


def test_many_steps_can_be_stopped(library: Library) -> None:
    net = emma_net(library)
    net.step(100, lambda: net.now.iteration == 3)
    assert net.now.iteration == 3
    net.step(2, lambda: False)
    assert net.now.iteration == 5


# --- Which words -----------------------------------------------------------------------------


def complaint(word: str, characters: str = LETTERS) -> str:
    with pytest.raises(WordError) as raised:
        tokens_of(word, Vocabulary(characters))
    message = str(raised.value)
    assert message == " ".join(message.split()), "one line"
    return message


@given(words)
def test_the_tokens_of_a_word_are_read_off_the_labels(word: str) -> None:
    vocabulary = Vocabulary("abcde")
    assert vocabulary.decode(tokens_of(word, vocabulary)) == word


def test_no_word_is_asked_for_one() -> None:
    assert "type a word" in complaint("")


def test_a_word_that_is_too_long_is_told_by_how_much() -> None:
    assert len(tokens_of("a" * LONGEST_WORD, Vocabulary(LETTERS))) == LONGEST_WORD == 200
    assert "201" in complaint("a" * 201)
    assert "200" in complaint("a" * 201)


def test_unknown_characters_are_named_each_once() -> None:
    message = complaint("naïve naïve Zoë, naïve")
    assert message == "'ï', ' ', 'Z', 'ë', ',' are not in the text"


def test_the_sign_of_the_boundary_is_no_character() -> None:
    assert "'.' is" in complaint("em.ma")
    assert tokens_of("em.ma", Vocabulary(".aem"))[2] == 1


@pytest.mark.parametrize("character", ["\x1b", "\n", "\u0301", "\u202e", "[", "漢"])
def test_hostile_characters_are_named_harmlessly(character: str) -> None:
    message = complaint(f"a{character}b")
    assert not [c for c in message if ord(c) < 32 or c == "\u202e"]
    assert re.fullmatch(r"'.{1,2}' is not in the text", message)


def test_a_network_refuses_what_is_no_word() -> None:
    with pytest.raises(WordError):
        small_net("abcf")


def test_the_first_word_is_the_lectures(names: Bigrams) -> None:
    assert first_word(names) == "emma"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["otto", "anna", "hannah"], "nahto"),  # a and n four times, the others twice
        (["xyz"], "xyz"),
        (["b"], "b"),
        (["漢字漢", "字漢"], "漢字"),
    ],
)
def test_without_its_characters_it_is_made_of_the_most_frequent(
    count_lines: CountLines, lines: list[str], expected: str
) -> None:
    bigrams = count_lines(lines)
    found = first_word(bigrams)
    times = Counter("".join(lines))
    assert len(found) == min(4, len(times))
    assert set(found) <= set(expected)
    assert [times[c] for c in found] == sorted(times.values(), reverse=True)[: len(found)]
    assert Network(found, bigrams.vocabulary, NUMPY, 0).now.iteration == 0


# --- Libraries -------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError])
def test_without_torch_it_is_numpy(error: type[Exception]) -> None:
    def torch() -> Library:
        raise error("no such thing")

    assert best_library(torch) is NUMPY
    assert (NUMPY.is_torch, NUMPY.version) == (False, np.__version__)


def test_torch_is_missing_where_it_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    torch_library.cache_clear()
    assert best_library() is NUMPY


def test_torch_is_taken_where_it_can() -> None:
    torch = pytest.importorskip("torch")
    found = best_library()
    assert (found.name, found.version, found.is_torch) == ("torch", torch.__version__, True)
    assert best_library() is found


def test_nothing_is_loaded_before_it_is_wanted() -> None:
    imports = "import sys, bigram_tui.lessons.network_origins"
    code = f"{imports}; print({{'torch', 'textual'}} & {{*sys.modules}})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "set()"


def test_the_code_that_is_shown_is_the_code_that_is_run(library: Library) -> None:
    """Run as it stands, line after line, it makes the same tensors."""
    net = emma_net(library)
    scope = {**library.names, "V": 27, "B": 5, "xs": EMMA_X, "ys": EMMA_Y, "eta": FIRST_RATE}
    scope |= {"seed": LECTURE_SEED, "start_weights": start_weights}
    if library.is_torch:
        scope["g"] = library.names["torch"].Generator().manual_seed(LECTURE_SEED)
    for stage in STAGES:
        tensor = net.now.tensors[stage.name]
        exec(tensor.code, scope)
        value = scope["W" if stage.name == "W′" else stage.name]
        found = value.detach().numpy() if library.is_torch else value
        np.testing.assert_array_equal(found, tensor.values)
        assert tensor.meaning == stage.meaning


# --- Where a number comes from ---------------------------------------------------------------

PRINTED = r"(−?\d+(?:\.\d+)?(?:e[−+]\d+)?)"
TOKEN = r"“(.+?)”"


@dataclass(frozen=True)
class Interval:
    """What a number may be that is printed in so many digits."""

    low: float
    high: float

    @classmethod
    def printed(cls, text: str) -> "Interval":
        value = float(text.replace("−", "-"))
        half = 0.5000001 * 10 ** (math.floor(math.log10(abs(value))) - 6) if value else 0.0
        return cls(value - half, value + half)

    def meets(self, low: float, high: float, slack: float) -> bool:
        """Whether a result between those bounds, that far rounded, may be printed so."""
        return self.low <= high + slack and low - slack <= self.high


@st.composite
def passes(draw: st.DrawFn) -> Pass:
    net = small_net(draw(words), seed=draw(seeds))
    net.change_rate(draw(rates))
    net.step(draw(st.integers(0, 2)))
    return net.now


def told(now: Pass, name: str, cell: tuple[int, int]) -> Origin:
    found = origin(now, name, cell)
    i, j = cell
    index = f"[{i}]" if now.tensors[name].values.ndim == 1 else f"[{i}, {j}]"
    assert found.formula.startswith(f"{name}{'' if name == 'loss' else index} = ")
    return found


def cells_of(now: Pass, name: str) -> Iterator[tuple[int, int]]:
    yield from np.ndindex(*now.tensors[name].table.shape)


def numbers(pattern: str, formula: str) -> list[str]:
    """What a formula, all of which the pattern describes, has in its places."""
    escaped = re.escape(pattern).replace("@", PRINTED).replace('"', TOKEN)
    found = re.fullmatch(escaped, formula)
    assert found is not None, (pattern, formula)
    return list(found.groups())


def test_numbers_are_written_in_seven_digits() -> None:
    written = [number(value) for value in (0.0, -0.0, -1.5, 1 / 3, 12345678.0, -3.25e-9)]
    assert written == ["0", "0", "−1.5", "0.3333333", "1.234568e+07", "−3.25e−09"]


@given(passes())
def test_tokens_are_told_by_their_characters(now: Pass) -> None:
    labels = now.vocabulary.labels
    for i, (x, y) in enumerate(zip(now.xs, now.ys, strict=True)):
        found = numbers(f'X[{i}] = @, the token of "', told(now, "X", (i, 0)).formula)
        assert found == [str(x), labels[x]]
        found = numbers(f'Y[{i}] = @, the token of ", after "', told(now, "Y", (i, 0)).formula)
        assert found == [str(y), labels[y], labels[x]]


@given(passes())
def test_a_one_hot_cell_is_told_by_its_token(now: Pass) -> None:
    for i, j in cells_of(now, "onehot"):
        sign, value = ("=", 1) if now.xs[i] == j else ("≠", 0)
        reason = f"{value}, as X[{i}] = {now.xs[i]} {sign} {j}"
        assert told(now, "onehot", (i, j)).formula == f"onehot[{i}, {j}] = {reason}"
        cast = f"Xenc[{i}, {j}] = float(onehot[{i}, {j}]) = {value}"
        assert told(now, "Xenc", (i, j)).formula == cast


@given(passes())
def test_a_weight_is_told_by_its_bigram(now: Pass) -> None:
    labels = now.vocabulary.labels
    made = "what the steps have made of it"
    made = made if now.iteration else "drawn from a normal distribution"
    for k, j in cells_of(now, "W"):
        formula = told(now, "W", (k, j)).formula
        found = numbers(f'W[{k}, {j}] = @, {made}: the logit of " after "', formula)
        assert found == [number(now.number("W", k, j)), labels[j], labels[k]]


@given(passes())
def test_a_logit_is_told_by_its_row_of_w(now: Pass) -> None:
    for i, j in cells_of(now, "Z"):
        k = now.xs[i]
        formula = told(now, "Z", (i, j)).formula
        (value,) = numbers(
            f"Z[{i}, {j}] = Σ_k Xenc[{i}, k]·W[k, {j}] = 1·W[{k}, {j}] = @: row {k} of W", formula
        )
        assert value == number(float(now.tensors["W"].values[k, j]))


@given(passes())
def test_odds_are_the_exponentials_that_are_told(now: Pass) -> None:
    for i, j in cells_of(now, "C"):
        formula = told(now, "C", (i, j)).formula
        z, c = map(
            Interval.printed, numbers(f"C[{i}, {j}] = exp(Z[{i}, {j}]) = exp(@) = @", formula)
        )
        assert c.meets(math.exp(z.low), math.exp(z.high), 2 * EPSILON * c.high)


@given(passes())
def test_a_sum_is_that_of_the_terms_that_are_told(now: Pass) -> None:
    assert len(now.vocabulary) > 3
    for i, _ in cells_of(now, "S"):
        formula = told(now, "S", (i, 0)).formula
        *terms, value = numbers(f"S[{i}, 0] = Σ_j C[{i}, j] = @ + @ + @ + … = @", formula)
        row = now.tensors["C"].values[i].tolist()
        assert terms == [number(odd) for odd in row[:3]]
        total = math.fsum(row)
        assert Interval.printed(value).meets(total, total, 4 * EPSILON * total)


def test_a_sum_of_few_terms_is_told_in_full() -> None:
    now = Network("ab", Vocabulary("ab"), NUMPY, 0).now
    *terms, value = numbers("S[1, 0] = Σ_j C[1, j] = @ + @ + @ = @", told(now, "S", (1, 0)).formula)
    total = sum(float(term) for term in terms)
    assert float(value) == pytest.approx(total, rel=3 * EPSILON)


@given(passes())
def test_a_probability_is_the_quotient_that_is_told(now: Pass) -> None:
    for i, j in cells_of(now, "P"):
        formula = told(now, "P", (i, j)).formula
        found = numbers(f"P[{i}, {j}] = C[{i}, {j}] / S[{i}, 0] = @ / @ = @", formula)
        assert found[:2] == [number(now.number("C", i, j)), number(now.number("S", i))]
        c, s, p = map(Interval.printed, found)
        assert p.meets(c.low / s.high, c.high / s.low, EPSILON * p.high)


@given(passes())
def test_what_is_picked_is_told_by_its_place(now: Pass) -> None:
    for i, y in enumerate(now.ys):
        formula = told(now, "picked", (i, 0)).formula
        (value,) = numbers(f"picked[{i}] = P[{i}, Y[{i}]] = P[{i}, {y}] = @", formula)
        assert value == number(now.number("P", i, y))


@given(passes())
def test_the_loss_is_the_average_that_is_told(now: Pass) -> None:
    count, picked = len(now.xs), now.tensors["picked"].values.tolist()
    terms = " + ".join(["log @"] * min(3, count)) + (" + …" if count > 3 else "")
    found = numbers(f"loss = −({terms}) / @ = @", told(now, "loss", (0, 0)).formula)
    assert found[:-2] == [number(p) for p in picked[:3]]
    assert found[-2] == str(count)
    shown = [Interval.printed(text) for text in found[:-2]]
    rest = math.fsum(map(math.log, picked[3:]))
    low = -(math.fsum(math.log(p.high) for p in shown) + rest) / count
    high = -(math.fsum(math.log(p.low) for p in shown) + rest) / count
    loss = Interval.printed(found[-1])
    assert loss.meets(low, high, 4 * EPSILON * (1 + high))


@given(passes())
def test_a_slope_by_a_logit_is_the_difference_that_is_told(now: Pass) -> None:
    for i, j in cells_of(now, "dZ"):
        formula = told(now, "dZ", (i, j)).formula
        pattern = f"dZ[{i}, {j}] = (P[{i}, {j}] − [Y[{i}] = {j}]) / B = (@ − @) / @ = @"
        found = numbers(pattern, formula)
        assert found[:3] == [
            number(now.number("P", i, j)),
            str(int(now.ys[i] == j)),
            str(len(now.xs)),
        ]
        p, dz = Interval.printed(found[0]), Interval.printed(found[3])
        low, high = ((bound - int(found[1])) / int(found[2]) for bound in (p.low, p.high))
        assert dz.meets(low, high, EPSILON * max(abs(low), abs(high)))


@given(passes())
def test_a_slope_by_a_weight_is_the_sum_that_is_told(now: Pass) -> None:
    for k, j in cells_of(now, "dW"):
        formula = told(now, "dW", (k, j)).formula
        rows = [i for i, x in enumerate(now.xs) if x == k]
        if not rows:
            reason = f'0: " is not in X, so no bigram looked row {k} up'
            assert numbers(f"dW[{k}, {j}] = {reason}", formula) == [now.vocabulary.labels[k]]
            assert now.number("dW", k, j) == 0
            continue
        named = [f"dZ[{i}, {j}]" for i in rows]
        terms = " + ".join(named[:3]) + (" + …" if len(named) > 3 else "")
        pattern = f"dW[{k}, {j}] = Σ_i Xenc[i, {k}]·dZ[i, {j}] = {terms} = @"
        value = Interval.printed(*numbers(pattern, formula))
        slopes = [now.number("dZ", i, j) for i in rows]
        size = math.fsum(map(abs, slopes))
        assert value.meets(math.fsum(slopes), math.fsum(slopes), 2 * EPSILON * size)


@given(passes())
def test_an_update_is_the_difference_that_is_told(now: Pass) -> None:
    for k, j in cells_of(now, "W′"):
        formula = told(now, "W′", (k, j)).formula
        pattern = f"W′[{k}, {j}] = W[{k}, {j}] − η·dW[{k}, {j}] = @ − @·"
        pattern += "(@) = @" if now.number("dW", k, j) < 0 else "@ = @"
        found = numbers(pattern, formula)
        assert found[::2] == [number(now.number("W", k, j)), number(now.number("dW", k, j))]
        assert float(found[1]) == now.learning_rate
        w, gradient, then = (Interval.printed(text) for text in (found[0], found[2], found[3]))
        rate = now.learning_rate
        low, high = w.low - rate * gradient.high, w.high - rate * gradient.low
        slack = EPSILON * (abs(w.high) + rate * abs(gradient.high))
        assert then.meets(low, high, slack)


def test_the_origins_hold_for_torch_too() -> None:
    """The formulas of a derivative that autograd found, to what float32 leaves of it."""
    pytest.importorskip("torch")
    net = emma_net(torch_library())
    net.step(3)
    for i, j in cells_of(net.now, "dZ"):
        p, y, b, dz = re.findall(PRINTED, told(net.now, "dZ", (i, j)).formula)[-4:]
        assert int(b) == 5
        shown = [float(text.replace("−", "-")) for text in (p, y, dz)]
        assert shown[2] == pytest.approx((shown[0] - shown[1]) / 5, rel=1e-6, abs=EPSILON)
    for k in (0, 2, 13):
        assert_same_cells(net.now, "dW", (k, 1))


def one_hot(tokens: Matrix, size: int) -> Matrix:
    return np.equal.outer(tokens.ravel(), np.arange(size)).astype(np.float64)


Remake = Callable[[Pass, Matrix], Matrix]

REMADE: dict[str, tuple[str, Remake]] = {
    "onehot": ("X", lambda now, x: one_hot(x, len(now.vocabulary))),
    "Xenc": ("onehot", lambda _, onehot: onehot.astype(np.float64)),
    "Z": ("W", lambda now, w: w[now.xs]),
    "C": ("Z", lambda _, z: np.exp(z)),
    "S": ("C", lambda _, c: c.sum(axis=1, keepdims=True)),
    "P": ("C", lambda now, c: c / by_loops(now)["S"]),
    "picked": ("P", lambda now, p: np.array([[p[i, y]] for i, y in enumerate(now.ys)])),
    "loss": ("picked", lambda now, picked: np.array([[-np.log(picked).sum() / len(now.xs)]])),
    "dZ": ("P", lambda now, p: (p - one_hot(np.array(now.ys), p.shape[1])) / len(p)),
    "dW": (
        "dZ",
        lambda now, dz: np.array(
            [
                sum((dz[i] for i, x in enumerate(now.xs) if x == k), 0 * dz[0])
                for k in range(dz.shape[1])
            ]
        ),
    ),
    "W′": ("dW", lambda now, dw: by_loops(now)["W"] - now.learning_rate * dw),
}
"""The source of each stage, and how its table is made from that of the source, all else given."""


def assert_same_cells(now: Pass, name: str, cell: tuple[int, int]) -> None:
    """The cells that are told are those of the source that, if changed, change this one."""
    source, remake = REMADE[name]
    found = origin(now, name, cell)
    assert found.source == source
    assert len(set(found.cells)) == len(found.cells)
    given_ = now.tensors[source].table.astype(np.float64)
    before = remake(now, given_)[cell]
    assert before == pytest.approx(now.number(name, *cell), rel=1e-5, abs=1e-6)
    matter = set()
    for place in np.ndindex(*given_.shape):
        # A token may be any other; a number may be a little larger.
        others = [k for k in range(6) if k != given_[place]] if source == "X" else [0.5]
        for other in others:
            changed = given_.copy()
            changed[place] = other if source == "X" else changed[place] + other
            if remake(now, changed)[cell] != before:
                matter.add(place)
    assert set(found.cells) == matter


@settings(max_examples=10)
@given(passes(), st.data())
@pytest.mark.parametrize("name", REMADE)
def test_the_cells_of_the_source_are_those_that_matter(
    name: str, now: Pass, data: st.DataObject
) -> None:
    rows, columns = now.tensors[name].table.shape
    for _ in range(5):
        cell = data.draw(st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1)))
        assert_same_cells(now, name, cell)


def test_what_is_given_has_no_source() -> None:
    now = small_net("ab").now
    for name in set(NAMES) - set(REMADE):
        assert name in ("X", "Y", "W")
        assert (origin(now, name, (0, 0)).source, origin(now, name, (0, 0)).cells) == ("", ())


@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_origin_of_what_is_not_there(name: str) -> None:
    now = small_net("ab").now
    rows, columns = now.tensors[name].table.shape
    for cell in ((rows, 0), (0, columns)):
        with pytest.raises(IndexError):
            origin(now, name, cell)
    with pytest.raises(KeyError):
        origin(now, "X″", (0, 0))


@pytest.mark.parametrize("character", ["\x1b", "\t", " ", "\u0301", "\u202e", "漢"])
def test_the_character_of_a_token_is_told_harmlessly(character: str) -> None:
    now = Network(character, Vocabulary(character), NUMPY, 0).now
    for name in NAMES:
        for cell in cells_of(now, name):
            formula = origin(now, name, cell).formula
            assert formula.isprintable()
            assert "“”" not in formula
            assert "“ " not in formula
