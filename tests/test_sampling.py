"""Names drawn by inverse CDF."""

import math
from collections.abc import Iterator
from itertools import chain, islice, pairwise, repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram_tui.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.lecture_rng import LECTURE_SEED
from bigram_tui.sampling import LONGEST, Name, sample_names, uniforms

JUST_BELOW_1 = math.nextafter(1.0, 0.0)

any_uniforms = st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, JUST_BELOW_1])
seeds = st.integers(0, 2**32 - 1)


@st.composite
def tables(draw: st.DrawFn) -> Matrix:
    """Rows that sum to 1, many of whose cells are 0."""
    size = draw(st.integers(1, 5))
    cells = st.just(0.0) | st.floats(1e-9, 1)
    table = draw(hnp.arrays(np.float64, (size, size), elements=cells))
    table[:, draw(st.integers(0, size - 1))] += table.sum(axis=1) == 0
    return table / table.sum(axis=1, keepdims=True)


def vocabulary_of(table: Matrix) -> Vocabulary:
    return Vocabulary("abcd"[: len(table) - 1])


def follow(row: list[float], uniform: float) -> int:
    """The first token at which the running sum, as a share of the whole sum, exceeds u."""
    whole = 0.0
    for probability in row:
        whole += probability
    running = 0.0
    for token, probability in enumerate(row):
        running += probability
        if running / whole > uniform:
            return token
    raise AssertionError("the running sum ends at 1, and u is below 1")


@given(tables(), st.lists(any_uniforms, max_size=60), st.integers(1, 8))
def test_each_token_is_where_the_running_sum_first_exceeds_the_uniform(
    table: Matrix, numbers: list[float], longest: int
) -> None:
    vocabulary = vocabulary_of(table)
    stream = chain(numbers, repeat(0.5))
    expected = []
    for _ in range(5):
        text, token = "", 0
        while len(text) < longest:
            token = follow(table[token].tolist(), next(stream))
            if token == 0:
                break
            text += vocabulary.labels[token]
        expected.append(Name(text, ended=token == 0))
    drawn = sample_names(table, vocabulary, chain(numbers, repeat(0.5)), 5, longest)
    assert drawn == expected


@given(tables(), st.lists(any_uniforms, min_size=1))
def test_what_has_probability_0_is_never_drawn(table: Matrix, numbers: list[float]) -> None:
    vocabulary = vocabulary_of(table)
    stream = chain(numbers, repeat(0.5))
    for name in sample_names(table, vocabulary, stream, 5, longest=20):
        tokens = [0, *(vocabulary.index[character] for character in name.text)]
        tokens += [0] * name.ended
        assert all(table[i, j] > 0 for i, j in pairwise(tokens))


@pytest.mark.parametrize(("uniform", "expected"), [(0.0, "b"), (JUST_BELOW_1, "c")])
def test_the_ends_of_the_interval_belong_to_the_first_and_the_last_possible_token(
    uniform: float, expected: str
) -> None:
    # Tenths do not sum to 1 exactly, and there are impossible tokens at both ends.
    table = np.array([[0, 0, 0.7, 0.3 - 1e-16, 0]] + [[1.0, 0, 0, 0, 0]] * 4)
    stream = iter([uniform, 0.5])
    assert sample_names(table, Vocabulary("abcd"), stream, 1) == [Name(expected)]


@given(tables(), seeds, st.integers(0, 10), st.integers(0, 10))
def test_the_first_names_do_not_depend_on_how_many_are_asked_for(
    table: Matrix, seed: int, few: int, more: int
) -> None:
    vocabulary = vocabulary_of(table)
    all_names = sample_names(table, vocabulary, uniforms(seed), few + more)
    assert len(all_names) == few + more
    assert sample_names(table, vocabulary, uniforms(seed), few) == all_names[:few]
    stream = uniforms(seed)
    parts = [sample_names(table, vocabulary, stream, count) for count in (few, more)]
    assert parts[0] + parts[1] == all_names


def test_another_seed_gives_other_names(names: Bigrams) -> None:
    table = names.counts / names.row_sums[:, None]
    first, again, other = (
        sample_names(table, names.vocabulary, uniforms(seed), 20) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@given(st.data(), seeds)
def test_two_tables_part_only_where_they_differ(data: st.DataObject, seed: int) -> None:
    table = data.draw(tables())
    row = data.draw(st.integers(0, len(table) - 1))
    changed = table.copy()
    changed[row] = np.eye(len(table))[data.draw(st.integers(0, len(table) - 1))]
    label = vocabulary_of(table).labels[row]

    def walk(table: Matrix) -> str:
        drawn = sample_names(table, vocabulary_of(table), uniforms(seed), 10, longest=30)
        return "." + "".join(name.text + "." * name.ended + "/" for name in drawn)

    ours, theirs = walk(table), walk(changed)
    # Up to and with the first character whose row is not the same, nothing differs.
    same = ours.find(label) + 1 or len(ours)
    assert ours[:same] == theirs[:same]


def test_a_name_is_broken_off_at_the_longest_and_takes_no_uniform_more() -> None:
    endless = np.array([[0.0, 1.0], [0.0, 1.0]])
    stream = iter([0.5] * 8)
    drawn = sample_names(endless, Vocabulary("a"), stream, 2, longest=3)
    assert drawn == [Name("aaa", ended=False)] * 2
    assert len(list(stream)) == 2
    (name,) = sample_names(endless, Vocabulary("a"), uniforms(1), 1)
    assert name == Name("a" * LONGEST, ended=False)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_row_that_holds_nan_ends_the_name(position: int) -> None:
    table = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.25, 0.25]])
    table[2, position] = np.nan
    stream = iter([0.9, 0.9, 0.9])
    assert sample_names(table, Vocabulary("ab"), stream, 1) == [Name("ab")]


def test_a_float32_table_whose_rows_miss_1_by_a_little_still_draws(names: Bigrams) -> None:
    table = (names.counts / names.row_sums[:, None]).astype(np.float32)
    nearly_one: Iterator[float] = repeat(JUST_BELOW_1)
    (name,) = sample_names(table, names.vocabulary, nearly_one, 1, longest=5)
    last = {i: max(np.flatnonzero(row)) for i, row in enumerate(table)}
    token, expected = 0, []
    for _ in range(5):
        token = last[token]
        expected.append(token)
    assert name.text == names.vocabulary.decode(expected)


@pytest.mark.parametrize("seed", [0, 42, LECTURE_SEED, 2**32 - 1])
def test_the_uniforms_are_those_of_a_fresh_generator_of_torch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    expected = torch.rand(
        1500, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    ).tolist()
    assert list(islice(uniforms(seed), 1500)) == expected
