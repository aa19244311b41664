"""The orders of the tokens, by their properties and by what is known of names."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.analysis.ordering import (
    ORDERS,
    TokenOrder,
    by_code_point,
    by_frequency,
    by_similarity,
)
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary

all_orders = pytest.mark.parametrize("name", ORDERS)


def bigrams_of(counts: Iterable[Iterable[int]], rare: str = "") -> Bigrams:
    """Of characters from 'A' on."""
    table = np.array(counts, dtype=np.int64)
    size = len(table) - 1 - bool(rare)
    return Bigrams(Vocabulary("".join(chr(65 + k) for k in range(size)), rare), table)


tables = st.integers(1, 12).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 20) | st.just(0), min_size=size, max_size=size),
        min_size=size,
        max_size=size,
    )
)


@all_orders
@given(table=tables)
def test_an_order_is_a_permutation_with_the_boundary_first(
    name: str, table: list[list[int]]
) -> None:
    order = ORDERS[name](bigrams_of(table))
    assert sorted(order.tolist()) == list(range(len(table)))
    assert order[0] == BOUNDARY


@all_orders
def test_rare_characters_come_last(name: str, names: Bigrams) -> None:
    characters = names.vocabulary.characters
    last = Bigrams(Vocabulary(characters[:-1], rare="zß"), names.counts)
    assert ORDERS[name](last)[-1] == len(names.vocabulary) - 1


@given(table=tables)
def test_by_frequency_no_character_is_rarer_than_the_next(table: list[list[int]]) -> None:
    bigrams = bigrams_of(table)
    order = by_frequency(bigrams)[1:].tolist()
    sums = [sum(row) for row in table]
    assert order == sorted(range(1, len(table)), key=lambda token: (-sums[token], token))


def test_by_code_point_nothing_moves(names: Bigrams) -> None:
    assert by_code_point(names).tolist() == list(range(27))


def test_similarity_sets_the_vowels_of_names_apart(names: Bigrams) -> None:
    """As the second singular vector of the digraphs does (Moler and Morrison, 1983).

    y, which is both, and q, which stands before u alone, may be on either side.
    """
    order = "".join(names.vocabulary.labels[token] for token in by_similarity(names)[1:])
    clear = [character for character in order if character not in "yq"]
    assert set(clear[:5]) == set("aeiou")
    assert order[0] == "a", "the most frequent one's side stands first"


def blocks(sizes: list[int], strength: float, seed: int) -> Bigrams:
    """Characters of several groups, shuffled; each mostly stands beside those of its own."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    mean = np.where(groups[:, None] == groups, strength, 0.3)
    counts = np.ones((1 + groups.size, 1 + groups.size), dtype=np.int64)
    counts[1:, 1:] = rng.poisson(mean)
    return bigrams_of(counts)


@pytest.mark.parametrize(
    "sizes", [[10, 10], [12, 20, 7], [9, 9, 9, 9], [40, 5, 15, 8, 20]], ids=str
)
@pytest.mark.parametrize("seed", range(3))
def test_groups_of_neighbours_stand_together(sizes: list[int], seed: int) -> None:
    bigrams = blocks(sizes, 12.0, seed)
    inner = by_similarity(bigrams)[1:] - 1
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))[inner]
    assert 1 + int((np.diff(groups) != 0).sum()) == len(sizes), groups


def test_characters_that_take_turns_are_two_groups() -> None:
    """Where each stands beside those of the other group, as vowels and consonants do."""
    rng = np.random.default_rng(5)
    kind = rng.permutation(np.repeat([0, 1], [6, 18]))
    counts = np.ones((25, 25), dtype=np.int64)
    counts[1:, 1:] = rng.poisson(np.where(kind[:, None] == kind, 0.5, 9.0))
    order = kind[by_similarity(bigrams_of(counts))[1:] - 1]
    assert int((np.diff(order) != 0).sum()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_other_numbers_of_the_characters_lead_to_the_same_order(names: Bigrams, seed: int) -> None:
    """The code points of characters say nothing of their neighbours."""
    shuffled = np.concatenate([[0], 1 + np.random.default_rng(seed).permutation(26)])
    renamed = Bigrams(names.vocabulary, names.counts[np.ix_(shuffled, shuffled)].copy())
    assert shuffled[by_similarity(renamed)].tolist() == by_similarity(names).tolist()


def test_what_has_the_same_neighbours_stands_by_code_point() -> None:
    counts = np.ones((6, 6), dtype=np.int64)
    assert by_similarity(bigrams_of(counts)).tolist() == [0, 1, 2, 3, 4, 5]
    assert by_similarity(bigrams_of(0 * counts)).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(5))
def test_twins_stand_together_by_code_point(seed: int) -> None:
    """Whatever rounding makes of their scores."""
    rng = np.random.default_rng(seed)
    twin = rng.permutation(np.repeat(np.arange(12), 2))
    counts = np.ones((25, 25), dtype=np.int64)
    counts[1:, 1:] = rng.integers(0, 90, (12, 12))[np.ix_(twin, twin)]
    order = by_similarity(bigrams_of(counts))[1:].tolist()
    for one, other in zip(order[::2], order[1::2], strict=True):
        assert twin[one - 1] == twin[other - 1]
        assert one < other


def test_the_axis_is_the_singular_vector_of_the_smoothed_table(names: Bigrams) -> None:
    """The split of the names is that of a correspondence analysis by NumPy's own SVD."""
    table = (names.counts + names.counts.T)[1:].astype(float)
    smoothed = table + table.mean()
    rows, columns = smoothed.sum(axis=1), smoothed.sum(axis=0)
    centred = smoothed - np.outer(rows, columns) / smoothed.sum()
    _, _, right = np.linalg.svd(centred / np.sqrt(np.outer(rows, columns)))
    score = table @ (right[0] / np.sqrt(columns)) / table.sum(axis=1)
    vowels = {names.vocabulary.index[character] - 1 for character in "aeiou"}
    assert set(np.argsort(score * -np.sign(score[0]))[:5].tolist()) == vowels
    first = by_similarity(names)[1:6] - 1
    assert set(first.tolist()) - vowels <= {names.vocabulary.index["y"] - 1}


@all_orders
def test_a_place_is_where_its_token_stands(name: str, names: Bigrams) -> None:
    order = TokenOrder.named(name, names)
    assert order.name == name
    assert order.tokens[order.places].tolist() == list(range(27))


@pytest.mark.parametrize("seed", range(2))
def test_it_is_the_same_every_time(seed: int) -> None:
    one, other = (by_similarity(blocks([30, 30], 2.0, seed)) for _ in range(2))
    assert one.tolist() == other.tolist()
