"""Texts of blanks are counted as a plain loop counts them, however many come in a row."""

from collections import Counter
from itertools import groupby, pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.corpus import counter
from bigram_tui.corpus.counter import BLANKS
from bigram_tui.model.bigrams import BOUNDARY
from tests.corpus.test_corpus import (
    count,
    pairs_of,
    parts_of,
    reference_items,
    reference_pairs,
)

runs = st.tuples(
    st.sampled_from(["\n", "\r", "\r\n", " ", "\t", " \n", "\n ", "\x85", "\u3000", "\u2028"]),
    st.one_of(st.integers(1, 3), st.integers(1, 200)),
)
words = st.tuples(st.sampled_from(["a", "b", "é", "日", ".", "ab c"]), st.integers(1, 3))
texts = st.lists(st.one_of(runs, runs, words), max_size=12).map(
    lambda parts: "".join(unit * times for unit, times in parts) + "z"
)


@given(text=texts, chunk_size=st.one_of(st.integers(1, 9), st.integers(10, 500)))
@example("a" + "\n" * 127 + "b" + "\n" * 128 + "c" + "\n" * 129 + "z", 250_000)
@example("a" + " " * 300 + "b" + " " * 300 + "\nz", 64)
@example("\n" * 700 + " " * 700 + "z", 64)
def test_runs_of_blanks_are_counted_as_by_a_plain_loop(text: str, chunk_size: int) -> None:
    result = count(text, chunk_size=chunk_size)
    items = reference_items(text)
    assert pairs_of(result.train) == reference_pairs(items)
    assert (result.lines, result.items) == (len(items), frozenset(items))


@given(text=texts, chunk_size=st.integers(1, 300))
def test_with_a_split_too(text: str, chunk_size: int) -> None:
    text = "first\n" * 3 + text
    result = count(text, split=(5, 5), seed=1, chunk_size=chunk_size)
    items = reference_items(text)
    assert sum(parts_of(result), start=Counter()) == reference_pairs(items)
    assert parts_of(result) == parts_of(count("\n".join(items), split=(5, 5), seed=1))
    assert (result.lines, result.items) == (len(items), frozenset(items))


@given(st.text(BLANKS, min_size=1, max_size=300))
def test_pairs_of_blanks_are_those_of_a_plain_loop(blanks: str) -> None:
    assert counter._blank_pairs(blanks) == Counter(pairwise(blanks))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_blanks_beside_a_line_end_become_line_ends(tokens: list[int]) -> None:
    """Tokens 2 and 3 are blanks, 1 and 4 are letters."""
    white = np.array([True, False, True, True, False])
    expected: list[int] = []
    for is_white, group in groupby(tokens, lambda token: bool(white[token])):
        run = list(group)
        expected += [BOUNDARY] * len(run) if is_white and BOUNDARY in run else run
    found = np.array(tokens)
    counter._widen_line_ends(found, white)
    assert found.tolist() == expected
