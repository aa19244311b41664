"""Counts by characters: they add up, and become the tables that a model is trained on."""

import io
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.corpus import pair_counter, sparse_counts
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.sparse_counts import SHIFT, SparseCounter, SparseCounts, tables
from bigram_tui.model.bigrams import Bigrams
from tests.corpus.building import count_stream

Pairs = Counter[tuple[str, str]]

characters = st.sampled_from("abcé中\U0001f600\U0010ffff")
lines = st.lists(st.text(characters, min_size=1, max_size=6), max_size=8)


def pairs_of_lines(lines: Sequence[str]) -> Pairs:
    """Count as the lecture does, with a line end at both ends of each line."""
    return Counter(pair for line in lines for pair in pairwise(f"\n{line}\n"))


def sparse(pairs: Pairs) -> SparseCounts:
    keys = [ord(first) << SHIFT | ord(second) for first, second in pairs]
    return SparseCounts.from_pairs(np.array(keys, np.int64), np.array([*pairs.values()], np.int64))


def pairs_of(counts: SparseCounts) -> Pairs:
    assert (np.diff(counts.keys) > 0).all()
    names = zip(map(chr, counts.first), map(chr, counts.second), strict=True)
    return Counter(dict(zip(names, counts.times.tolist(), strict=True)))


def pairs_of_table(bigrams: Bigrams) -> Pairs:
    names = "\n" + bigrams.vocabulary.characters + "▢" * bool(bigrams.vocabulary.rare)
    cells = np.argwhere(bigrams.counts)
    return Counter({(names[i], names[j]): int(bigrams.counts[i, j]) for i, j in cells})


@given(st.lists(lines, max_size=4))
def test_sums_are_those_of_the_texts_together_in_any_order(texts: list[list[str]]) -> None:
    parts = [sparse(pairs_of_lines(text)) for text in texts]
    whole = pairs_of_lines([line for text in texts for line in text])
    for order in (parts, parts[::-1]):
        together = SparseCounts.from_sum(order)
        assert pairs_of(together) == whole
        assert together.lines == sum(map(len, texts))
        assert together.total == sum(whole.values())


@given(st.lists(lines, max_size=6), st.integers(0, 20))
def test_pieces_are_counted_wherever_they_are_put_in_order(
    texts: list[list[str]], pending: int
) -> None:
    counter = SparseCounter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_counts, "_PENDING", pending)
        for text in texts:
            keys = [ord(i) << SHIFT | ord(j) for line in text for i, j in pairwise(f"\n{line}\n")]
            counter.add(np.array(keys, np.int64), np.ones(len(keys), np.int64))
    assert pairs_of(counter.counts()) == pairs_of_lines([line for text in texts for line in text])


@given(st.lists(lines.filter(bool), min_size=1, max_size=3), st.integers(2, 9))
def test_the_rarest_characters_of_all_parts_share_a_token(
    texts: list[list[str]], most: int
) -> None:
    times = Counter(c for text in texts for line in text for c in line)
    by_frequency = sorted(times, key=lambda c: (-times[c], c))
    kept = by_frequency if len(times) < most else by_frequency[: most - 2]
    parts = tables([sparse(pairs_of_lines(text)) for text in texts], most)
    for text, part in zip(texts, parts, strict=True):
        assert part.vocabulary.characters == "".join(sorted(kept))
        assert part.vocabulary.rare == "".join(sorted(set(times) - set(kept)))
        folded = ["".join(c if c in kept else "▢" for c in line) for line in text]
        assert pairs_of_table(part) == pairs_of_lines(folded)


def read(text: str, **options: object) -> Corpus:
    return count_stream(io.BytesIO(text.encode()), "text", **options)  # type: ignore[arg-type]


@given(
    st.lists(st.text(st.sampled_from("abcé中\U0001f600\t \r\n"), max_size=8), min_size=1),
    st.sampled_from([1, 3, 1000]),
    st.sampled_from([None, (1, 1), (2, 1, 1)]),
    st.integers(2, 6),
)
def test_a_text_of_too_many_characters_for_a_table_is_counted_the_same(
    texts: list[str], chunk_size: int, split: tuple[int, ...] | None, most: int
) -> None:
    text = "a\nb\nc\n" + "\n".join(texts)
    options = {"chunk_size": chunk_size, "split": split, "max_vocabulary": most}
    expected = read(text, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_counter, "FIRST_TABLE", 1)
        patch.setattr(pair_counter, "LARGEST_TABLE", 3)
        found = read(text, **options)
    assert found.lines == expected.lines
    for ours, theirs in zip(
        (found.train, found.validation, found.test),
        (expected.train, expected.validation, expected.test),
        strict=True,
    ):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.vocabulary == theirs.vocabulary
            assert np.array_equal(ours.counts, theirs.counts)


def test_a_text_may_have_more_characters_than_a_model_may_have_tokens() -> None:
    codes = range(0x20000, 0x2A6E0)
    line = "".join(map(chr, codes))
    corpus = read(f"{line}\n{line[:50]}\n", max_vocabulary=52)
    assert corpus.train.vocabulary.characters == line[:50]
    assert len(corpus.train.vocabulary.rare) == len(codes) - 50
    assert corpus.train.total == len(codes) + 1 + 51
