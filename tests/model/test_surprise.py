"""What each bigram of a word costs under a table of probabilities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.loss import negative_log_likelihood
from bigram_tui.model.surprise import surprise
from tests.conftest import CountLines

TABLE = np.array([[0.0, 0.5, 0.5], [0.25, 0.25, 0.5], [1.0, 0.0, np.nan]])
"""After the boundary, a and b."""

words = st.text("abc", max_size=12)


def softmax(weights: Matrix) -> Matrix:
    rows = [[math.exp(weight) for weight in row] for row in weights.tolist()]
    return np.array([[value / sum(row) for value in row] for row in rows])


# Their surprise


def test_emma_under_the_start_weights_of_the_lecture(lecture_weights: Matrix) -> None:
    vocabulary = Vocabulary("abcdefghijklmnopqrstuvwxyz")
    found = surprise(softmax(lecture_weights), vocabulary.encode_line("emma"))
    assert found.tokens == [0, 5, 13, 13, 1, 0]
    # What the lecture prints.
    printed = [0.0122863, 0.0180507, 0.0266915, 0.0736769, 0.0149775]
    assert np.exp(-found.nats) == pytest.approx(printed, abs=1e-7)
    assert found.mean == pytest.approx(3.769305, abs=1e-6)
    assert found.total == pytest.approx(5 * 3.769305, abs=5e-6)


@given(words, st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]))
def test_the_mean_is_the_negative_log_likelihood_of_that_one_word(
    count_lines: CountLines, word: str, seed: int, dtype: type[np.floating]
) -> None:
    table = np.random.default_rng(seed).dirichlet(np.ones(4), 4).astype(dtype)
    bigrams = count_lines([word], "abc")
    found = surprise(table, bigrams.vocabulary.encode_line(word))
    assert found.nats.shape == (len(word) + 1,)
    assert found.nats.dtype == np.float64
    assert found.mean == pytest.approx(negative_log_likelihood(table, bigrams), rel=1e-12)
    assert found.total == pytest.approx(found.mean * (len(word) + 1), rel=1e-12)


def test_each_bigram_is_taken_from_the_row_of_its_first_token() -> None:
    found = surprise(TABLE, [0, 1, 1, 2, 0])
    assert found.nats == pytest.approx([math.log(2), math.log(4), math.log(2), 0.0], abs=0)
    assert math.copysign(1, found.nats[-1]) == 1  # a certain bigram costs 0, not -0
    assert found.total == pytest.approx(4 * math.log(2))
    assert found.mean == pytest.approx(math.log(2))


def test_it_is_computed_in_float64_also_from_float32() -> None:
    table = np.array([[0.1]], dtype=np.float32)
    assert surprise(table, [0, 0]).mean == -math.log(float(np.float32(0.1)))


def test_the_empty_word_is_one_bigram(emma: Bigrams) -> None:
    table = np.full((27, 27), 1 / 27)
    found = surprise(table, emma.vocabulary.encode_line(""))
    assert found.tokens == [0, 0]
    assert found.nats == pytest.approx([math.log(27)])
    assert found.mean == found.total == pytest.approx(math.log(27))


def test_what_is_impossible_surprises_without_limit() -> None:
    found = surprise(TABLE, [0, 2, 1, 0])
    assert found.nats.tolist() == [math.log(2), math.inf, math.log(4)]
    assert found.mean == found.total == math.inf


def test_nan_stays_nan_beside_infinity_too(count_lines: CountLines) -> None:
    found = surprise(TABLE, [0, 2, 2, 0])
    assert [math.isnan(value) for value in found.nats] == [False, True, False]
    assert math.isnan(found.mean)
    assert math.isnan(found.total)
    assert math.isnan(surprise(TABLE, [0, 0, 2, 2, 0]).mean)
    assert math.isnan(negative_log_likelihood(TABLE, count_lines(["", "bb"], "ab")))


def test_a_table_that_overflowed_gives_no_warning() -> None:
    assert math.isnan(surprise(np.array([[0.0, np.inf], [1.0, 0.0]]), [0, 1, 0, 0]).mean)
