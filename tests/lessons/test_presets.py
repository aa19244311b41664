"""Presets: what each reason claims is seen in training, on the names and on odd texts."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings

from bigram_tui.lessons.presets import Preset, presets
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.session import STARTS
from tests.analysis.test_optimum import bisected, tables
from tests.conftest import CountLines

CHAIN = "".join(map(chr, range(ord("0"), ord("0") + 60)))
"""Each character once: what follows is certain, and near the minimum hardly anything curves."""


@dataclass(frozen=True, eq=False)
class Training:
    """What a descent went through, at each iteration."""

    totals: Matrix
    distances: Matrix
    """Distance to the minimum at each step. [n]"""
    weights: Matrix
    """Weights of the last step. [V, V]"""
    row_means: Matrix
    """[n, V]"""


def gradient(bigrams: Bigrams, weights: Matrix, l2: float) -> tuple[float, Matrix]:
    """The total loss and its gradient, cell by cell of the text's bigrams."""
    logs = weights - np.log(np.exp(weights - weights.max(1)[:, None]).sum(1))[:, None]
    logs -= weights.max(1)[:, None]
    share = bigrams.counts / bigrams.total
    total = -(share * logs).sum() + l2 * (weights**2).mean()
    slope = share.sum(1)[:, None] * np.exp(logs) - share + 2 * l2 * weights / weights.size
    return float(total), slope


@lru_cache(maxsize=8)
def minimum(bigrams: Bigrams, l2: float) -> Matrix:
    """The W of the least total, by bisection."""
    return bisected(bigrams, l2)


def descend(
    bigrams: Bigrams, preset: Preset, steps: int, weights: Matrix | None = None
) -> Training:
    """Gradient descent by the book."""
    goal = minimum(bigrams, preset.l2)
    if weights is None:
        size = len(bigrams.counts)
        weights = np.zeros((size, size)) if preset.start == "zeros" else start_weights(size)
    totals, distances, means = [], [], []
    for step in range(steps + 1):
        total, slope = gradient(bigrams, weights, preset.l2)
        totals.append(total)
        distances.append(float(np.linalg.norm(weights - goal)))
        means.append(weights.mean(axis=1))
        if step < steps:
            weights = weights - preset.learning_rate * slope
    return Training(np.array(totals), np.array(distances), weights, np.array(means))


def least_total(bigrams: Bigrams, preset: Preset) -> float:
    return gradient(bigrams, minimum(bigrams, preset.l2), preset.l2)[0]


@lru_cache(maxsize=8)
def steepest(bigrams: Bigrams, l2: float) -> tuple[float, Matrix]:
    """The largest eigenvalue of the Hessian at the minimum and its direction, by LAPACK."""
    weights = minimum(bigrams, l2)
    odds = np.exp(weights - weights.max(axis=1, keepdims=True))
    size, found = len(weights), []
    for row, p in enumerate(odds / odds.sum(axis=1, keepdims=True)):
        share = bigrams.counts[row].sum() / bigrams.total
        values, vectors = np.linalg.eigh(share * (np.diag(p) - np.outer(p, p)))
        direction = np.zeros((size, size))
        direction[row] = vectors[:, -1]
        found.append((values[-1] + 2 * l2 / size**2, direction))
    return max(found, key=lambda pair: pair[0])


def after_a_step(bigrams: Bigrams, preset: Preset) -> float:
    """What becomes of a small distance from the minimum along the steepest direction."""
    goal, direction = minimum(bigrams, preset.l2), steepest(bigrams, preset.l2)[1]
    weights = descend(bigrams, preset, 1, goal + 1e-4 * direction).weights
    return float(((weights - goal) * direction).sum() / 1e-4)


def by_name(bigrams: Bigrams) -> dict[str, Preset]:
    return {preset.name: preset for preset in presets(bigrams)}


@pytest.fixture(scope="session")
def of_names(names: Bigrams) -> dict[str, Preset]:
    return by_name(names)


def number(pattern: str, preset: Preset) -> float:
    found = re.search(pattern, preset.reason)
    assert found is not None, preset.reason
    return float(found[1].replace(",", ""))


# The list


def test_the_presets_and_their_values(of_names: dict[str, Preset]) -> None:
    assert list(of_names) == [
        *("lecture", "first try", "just stable", "just unstable", "far too large"),
        *("zero start", "strong λ"),
    ]
    values = {
        preset.name: (round(preset.learning_rate, 2), preset.l2, preset.start)
        for preset in of_names.values()
    }
    assert values == {
        "lecture": (50, 0.01, "random"),
        "first try": (0.1, 0.01, "random"),
        "just stable": (72.35, 0.01, "random"),
        "just unstable": (76.82, 0.01, "random"),
        "far too large": (500, 0.01, "random"),
        "zero start": (50, 0.01, "zeros"),
        "strong λ": (50, 1, "random"),
    }
    assert {preset.start for preset in of_names.values()} == set(STARTS)


def test_the_critical_learning_rate_is_that_of_the_hessian(
    names: Bigrams, of_names: dict[str, Preset]
) -> None:
    critical = 2 / steepest(names, 0.01)[0]
    assert critical == pytest.approx(74.583, abs=5e-4)
    assert of_names["just stable"].learning_rate == pytest.approx(0.97 * critical, rel=1e-9)
    assert of_names["just unstable"].learning_rate == pytest.approx(1.03 * critical, rel=1e-9)
    for name in ("lecture", "just stable", "just unstable", "far too large"):
        preset = of_names[name]
        limit = number(r"stable limit (\S+) at the minimum", preset)
        assert limit == pytest.approx(critical, abs=0.005)
        multiple = preset.learning_rate / critical
        assert number(r"η is (\S+) times", preset) == pytest.approx(multiple, abs=0.005)
    assert number(r"1/(\S+) of", of_names["first try"]) == round(critical / 0.1)


def test_each_reason_is_one_sentence(of_names: dict[str, Preset]) -> None:
    for preset in of_names.values():
        assert not preset.reason.endswith(".")
        assert ". " not in preset.reason
        assert "\n" not in preset.reason
        assert len(preset.reason) < 180


# What the reasons claim, on the names


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("lecture", -0.34),
        ("just stable", -0.94),
        ("just unstable", -1.06),
        ("far too large", -12.41),
    ],
)
def test_near_the_minimum_a_step_swings_across_as_far_as_it_says(
    names: Bigrams, of_names: dict[str, Preset], name: str, factor: float
) -> None:
    preset = of_names[name]
    assert after_a_step(names, preset) == pytest.approx(factor, abs=0.006)
    assert number(r"overshoots to (\S+) ", preset) == -factor
    assert ("never settles" in preset.reason) == (factor < -1)
    assert ("converges" in preset.reason) == (factor > -1)


@pytest.mark.parametrize(
    ("name", "gap"), [("lecture", 2e-7), ("just stable", 1e-8), ("zero start", 1e-9)]
)
def test_what_settles_falls_and_comes_closer_at_each_step(
    names: Bigrams, of_names: dict[str, Preset], name: str, gap: float
) -> None:
    preset = of_names[name]
    training = descend(names, preset, 3000)
    assert (np.diff(training.distances) < 0).all()
    assert (np.diff(training.totals) < 1e-14).all()
    assert training.totals[-1] - least_total(names, preset) < gap


def test_the_first_try_falls_at_each_step_but_slowly(
    names: Bigrams, of_names: dict[str, Preset]
) -> None:
    training = descend(names, of_names["first try"], 1000)
    assert (np.diff(training.totals) < 0).all()
    assert training.totals[100] == pytest.approx(3.6818, abs=5e-5)
    lecture = descend(names, of_names["lecture"], 2)
    assert training.totals[1000] == pytest.approx(lecture.totals[2], abs=0.1), "500 for one"


def test_what_is_just_unstable_falls_at_first_and_never_settles(
    names: Bigrams, of_names: dict[str, Preset]
) -> None:
    training = descend(names, of_names["just unstable"], 4000)
    rises = np.flatnonzero(np.diff(training.totals) > 0)
    assert rises[0] == 54
    assert (np.diff(rises) == 2).all(), "every other step"
    above = training.totals[-2:] - least_total(names, of_names["just unstable"])
    assert above == pytest.approx([0.00255147, 0.00210511], abs=1e-6)
    assert training.distances[-100:].min() > 0.39


def test_a_rate_far_too_large_is_worse_than_its_start_ever_after(
    names: Bigrams, of_names: dict[str, Preset]
) -> None:
    training = descend(names, of_names["far too large"], 3000)
    assert training.totals[1:].min() > 4.5 > training.totals[0]


def test_the_zero_start_begins_uniform_and_lower(
    names: Bigrams, of_names: dict[str, Preset]
) -> None:
    zeros, preset = descend(names, of_names["zero start"], 100), of_names["zero start"]
    lecture = descend(names, of_names["lecture"], 100)
    assert zeros.totals[0] == pytest.approx(math.log(27), abs=1e-12)
    assert number(r"log V = (\S+),", preset) == pytest.approx(zeros.totals[0], abs=5e-5)
    assert number(r", not (\S+);", preset) == pytest.approx(lecture.totals[0], abs=5e-5)
    assert abs(zeros.row_means).max() < 1e-14
    decay = (1 - 2 * 50 * 0.01 / 27**2) ** np.arange(101)
    expected = decay[:, None] * lecture.row_means[0]
    np.testing.assert_allclose(lecture.row_means, expected, atol=1e-13)


def test_the_random_start_is_that_of_the_seed(names: Bigrams) -> None:
    other = next(preset for preset in presets(names, 7) if preset.name == "zero start")
    total, _ = gradient(names, start_weights(27, 7), 0.01)
    assert number(r", not (\S+);", other) == pytest.approx(total, abs=5e-5)


def test_the_strong_penalty_smooths_as_it_says(names: Bigrams, of_names: dict[str, Preset]) -> None:
    preset = of_names["strong λ"]
    training = descend(names, preset, 1000)
    assert (np.diff(training.totals) < 1e-14).all()
    nll = training.totals[-1] - (training.weights**2).mean()
    assert number(r"has NLL (\S+)", preset) == pytest.approx(nll, abs=5e-5)
    counts = names.counts
    seen = counts > 0
    table = np.broadcast_to(counts.sum(1)[:, None], counts.shape)
    least = -(counts[seen] * np.log(counts[seen] / table[seen])).sum() / names.total
    assert number(r"instead of (\S+),", preset) == pytest.approx(least, abs=5e-5)

    odds = np.exp(training.weights)
    p = odds / odds.sum(1)[:, None]

    def divergence(alpha: float) -> float:
        counting = (counts + alpha) / (counts + alpha).sum(1)[:, None]
        return float((counts.sum(1)[:, None] * p * np.log(p / counting)).sum())

    told = number(r"has α = (\S+)", preset)
    grid = told + np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    assert int(np.argmin([divergence(alpha) for alpha in grid])) == 2


# Any text


def check_outlook(bigrams: Bigrams, preset: Preset) -> None:
    """One step near the minimum, against what the reason says of it."""
    factor = after_a_step(bigrams, preset)
    if "straight down" in preset.reason:
        assert -0.01 < factor < 1
    else:
        assert factor < 0
        told = number(r"overshoots to (\S+) ", preset)
        assert told == pytest.approx(-factor, rel=0.02, abs=0.01)
        if told != 1:  # to two digits
            assert ("converges" in preset.reason) == (told < 1)


@given(tables())
def test_presets_of_any_text(bigrams: Bigrams) -> None:
    found = by_name(bigrams)
    assert len(found) == 7
    for preset in found.values():
        assert 0 < preset.learning_rate < math.inf
        assert "nan" not in preset.reason
    for name in ("lecture", "just stable", "just unstable", "far too large"):
        check_outlook(bigrams, found[name])
    totals = descend(bigrams, found["first try"], 20).totals
    assert (np.diff(totals) <= 1e-15).all()


@settings(max_examples=25)
@given(tables())
def test_the_strong_penalty_is_within_reach_on_any_text(bigrams: Bigrams) -> None:
    preset = by_name(bigrams)["strong λ"]
    assert preset.learning_rate <= 50
    assert -1 < after_a_step(bigrams, preset) < 1


@pytest.mark.parametrize("lines", [["a"], ["ab", "ba"], ["a" * 50], [CHAIN]])
def test_small_and_certain_texts(count_lines: CountLines, lines: list[str]) -> None:
    bigrams = count_lines(lines)
    found = by_name(bigrams)
    for name in ("lecture", "just stable", "just unstable", "far too large"):
        check_outlook(bigrams, found[name])


def test_a_rate_far_too_large_is_beyond_the_limit_of_a_text_that_bears_more(
    count_lines: CountLines,
) -> None:
    bigrams = count_lines([CHAIN])
    preset = by_name(bigrams)["far too large"]
    assert preset.learning_rate > 500
    assert preset.reason.endswith("so it never settles")
    assert abs(after_a_step(bigrams, preset)) > 1


def test_a_row_without_counts(count_lines: CountLines) -> None:
    """As a part of a split text may have."""
    bigrams = count_lines(["ab", "ba", "bb"], "abc")
    assert not bigrams.row_sums[3]
    for name in ("lecture", "just stable", "just unstable", "far too large"):
        check_outlook(bigrams, by_name(bigrams)[name])
