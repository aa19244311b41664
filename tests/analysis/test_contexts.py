"""Contexts of every length are counted as a dict of strings counts them, and no text is held."""

import math
import os
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bigram_tui.analysis.contexts import (
    LONGEST,
    OWN_SPLIT,
    SMOOTHING,
    ContextModel,
    HeldOut,
    Sample,
    context_models,
    read_sample,
)
from bigram_tui.corpus.bundled import bundled_names
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.items import read_items
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.model.loss import negative_log_likelihood
from tests.corpus.test_corpus import chunk_sizes, pairs_of, reference_items, reference_pairs, texts

EDGE = "\n"  # stands for the boundary, as no character of an item can

words = st.text(st.sampled_from("abcé☃😀 ") | st.characters(exclude_categories=["Cs"]), max_size=5)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each example writes its text."""
    return tmp_path_factory.mktemp("texts") / "text"


def written(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def sample_of(
    lines: Sequence[str], path: Path, limit: int = 10**9, seed: int = 2147483647
) -> Sample:
    return read_sample(read_corpus(written(path, "\n".join(lines))), limit=limit, seed=seed)


# The reference


class Model(NamedTuple):
    """Counts of strings: n characters, and these with the next one."""

    contexts: Counter[str]
    pairs: Counter[str]


def count(lines: Sequence[str], order: int) -> Model:
    pairs: Counter[str] = Counter()
    for line in lines:
        padded = EDGE * order + line + EDGE
        pairs.update(padded[i : i + order + 1] for i in range(len(line) + 1))
    contexts: Counter[str] = Counter()
    for pair, times in pairs.items():
        contexts[pair[:-1]] += times
    return Model(contexts, pairs)


Outcomes = Counter[tuple[int, int]]


def outcomes(model: Model, text: Model) -> Outcomes:
    """How often a pair of the text occurs so many times in the model, and its context so many."""
    found: Outcomes = Counter()
    for pair, times in text.pairs.items():
        found[model.pairs[pair], model.contexts[pair[:-1]]] += times
    return found


def reference_nll(found: Outcomes, alpha: float, size: int) -> float:
    if alpha == 0 and any(pair == 0 for pair, _ in found):
        return math.inf
    terms = [
        -times * math.log((pair + alpha) / (context + alpha * size))
        for (pair, context), times in found.items()
    ]
    return math.fsum(terms) / found.total()


def check(model: ContextModel, train: Sequence[str], others: Sequence[str], size: int) -> None:
    """Compare a model with one that is counted in strings."""
    known, text = count(train, model.order), count(others, model.order)
    own, new = outcomes(known, known), outcomes(known, text)
    found = (model.possible, model.cells, model.contexts, model.pairs, model.predictions)
    table = (size**model.order, size**model.order * size)
    assert found == (*table, len(known.contexts), len(known.pairs), known.pairs.total())
    assert model.train_nll == pytest.approx(reference_nll(own, 0, size), abs=1e-12)
    if not others:
        assert model.held_out is None
        return
    held_out = model.held_out
    assert held_out is not None
    assert held_out.predictions == text.pairs.total()
    unseen = sum(times for pair, times in text.pairs.items() if pair not in known.pairs)
    assert held_out.unseen_pairs == unseen
    unseen = sum(times for context, times in text.contexts.items() if context not in known.contexts)
    assert held_out.unseen_contexts == unseen
    alpha = held_out.smoothing
    assert alpha in SMOOTHING
    results = [
        (held_out.unsmoothed_nll, reference_nll(new, 0, size)),
        (held_out.nll, reference_nll(new, alpha, size)),
        (held_out.nll, min(reference_nll(new, other, size) for other in SMOOTHING)),
        (held_out.train_nll, reference_nll(own, alpha, size)),
    ]
    for result, expected in results:
        assert result == pytest.approx(expected, abs=1e-12)


def dealt(path: str, split: Sequence[int] | None = None, seed: int = 2147483647) -> list[list[str]]:
    """The items of each part."""
    parts: list[list[str]] = [[] for _ in split or (1,)]
    for items, of in read_items(path, split=split, seed=seed):
        for item, part in zip(items, of.tolist(), strict=True):
            parts[part].append(item)
    return parts


# Items


@given(
    text=texts | st.lists(words, max_size=60).map("\n".join),
    split=st.sampled_from([None, (80, 10, 10), (2, 1), (3, 0, 2)]),
    seed=st.integers(0, 2**64),
    chunk_size=chunk_sizes,
)
@example(text="a\n\n\nbc\n\r\nd \r\ref\n\n \ng", split=(2, 1), seed=1, chunk_size=4)
def test_items_are_read_again_as_they_were_counted(
    path: Path, text: str, split: tuple[int, ...] | None, seed: int, chunk_size: int
) -> None:
    text = text.replace("\0", "") + "".join(f"\n{chr(0x4E00 + k)}" for k in range(10))
    name = written(path, text)
    corpus = read_corpus(name, split=split, seed=seed)
    parts: list[list[str]] = [[], [], []]
    every = []
    for items, of in read_items(name, split=split, seed=seed, chunk_size=chunk_size):
        every += items
        for item, part in zip(items, of.tolist(), strict=True):
            parts[part].append(item)
    assert every == reference_items(text)
    for items, part in zip(parts, (corpus.train, corpus.validation, corpus.test), strict=True):
        assert reference_pairs(items) == pairs_of(part)


@given(text=texts, limit=st.integers(1, 80), chunk_size=chunk_sizes)
def test_items_are_those_of_so_many_characters(
    path: Path, text: str, limit: int, chunk_size: int
) -> None:
    found = read_items(written(path, text), limit=limit, chunk_size=chunk_size)
    whole = text.removeprefix("\ufeff").replace("\r\n", "\n")
    assert [item for items, _ in found for item in items] == reference_items(whole[:limit])


def test_no_more_is_read_than_is_wanted(path: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    name = written(path, "ab\n" * 1000)
    items = read_items(name, limit=31, chunk_size=10, progress=lambda *call: calls.append(call))
    assert [item for some, _ in items for item in some] == ["ab"] * 10 + ["a"]
    assert calls == [(10, 3000), (20, 3000), (30, 3000), (40, 3000)]


def test_what_can_be_read_but_once_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in ("-", str(pipe), str(tmp_path), str(tmp_path / "gone")):
        with pytest.raises(CorpusError, match="cannot be read again: save its text as a file"):
            next(read_items(name))


def test_what_is_no_text_any_more_is_refused(path: Path) -> None:
    path.write_bytes(b"abc\n\xff")
    with pytest.raises(CorpusError, match=r"^'.*text' is not UTF-8: byte 0xFF in line 2"):
        list(read_items(str(path)))


# Models


@given(lines=st.lists(words, max_size=30), chunk_size=st.integers(1, 40))
@example(lines=[f"{i:b}" for i in range(40)], chunk_size=7)
@example(lines=["a"], chunk_size=1)
def test_every_text_is_counted_as_by_a_dict_of_strings(
    path: Path, lines: list[str], chunk_size: int
) -> None:
    text = "\n".join(lines).replace("\0", "")
    assume(text.strip())
    name = written(path, text)
    corpus = read_corpus(name)
    sample = read_sample(corpus)
    items = reference_items(text)
    train, others = dealt(name, (90, 10)) if len({*items}) >= 10 else (items, [])
    assert (sample.whole, sample.own_split) == (True, len({*items}) >= 10)
    assert (sample.lines, sample.predictions) == (len(items), corpus.bigrams)
    models = list(context_models(sample, chunk_size=chunk_size))
    assert [model.order for model in models] == list(range(1, LONGEST + 1))
    for model in models[:4]:
        check(model, train, others, len(corpus.train.vocabulary))


@given(lines=st.lists(st.text("ab", min_size=1, max_size=9), min_size=10, max_size=40))
def test_more_context_never_predicts_the_training_text_worse(path: Path, lines: list[str]) -> None:
    models = list(context_models(sample_of(lines, path)))
    losses = [model.train_nll for model in models]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(losses))
    assert len({model.predictions for model in models}) == 1


def smoothed_nll(counted: Bigrams, text: Bigrams, alpha: float) -> float:
    smoothed = counted.counts + alpha
    return negative_log_likelihood(smoothed / smoothed.sum(axis=1, keepdims=True), text)


def test_one_character_of_context_is_the_bigram_model() -> None:
    corpus = read_corpus(str(bundled_names()), split=(80, 10, 10), seed=3)
    assert corpus.validation is not None
    sample = read_sample(corpus, split=(80, 10, 10), seed=3)
    assert not sample.own_split
    model = next(context_models(sample))
    held_out = model.held_out
    assert held_out is not None
    assert (model.pairs, model.predictions) == (corpus.train.seen.size, corpus.train.total)
    assert held_out.predictions == corpus.validation.total
    alpha = held_out.smoothing
    train, validation = corpus.train, corpus.validation
    assert model.train_nll == pytest.approx(smoothed_nll(train, train, 0), abs=1e-12)
    assert held_out.train_nll == pytest.approx(smoothed_nll(train, train, alpha), abs=1e-12)
    assert held_out.nll == pytest.approx(smoothed_nll(train, validation, alpha), abs=1e-12)
    assert held_out.unsmoothed_nll == smoothed_nll(train, validation, 0) == math.inf


def test_the_names_are_counted_as_by_a_dict_of_strings() -> None:
    corpus = read_corpus(str(bundled_names()))
    train, others = dealt(corpus.path, (90, 10))
    losses = []
    for model in context_models(read_sample(corpus)):
        assert model.held_out is not None
        losses.append(model.held_out.nll)
        check(model, train, others, 27)
    assert np.argmin(losses) + 1 == 3  # with more context, counting begins to lose


def test_one_character_and_the_boundary_are_a_vocabulary(path: Path) -> None:
    """By hand: after a, an end at 3 of 6 places; after two tokens at 1 of 3, 2 of 3, and so on."""
    first, second, third, *_ = context_models(sample_of(["a", "aa", "aaa"], path))
    assert [(m.possible, m.cells) for m in (first, second, third)] == [(2, 4), (4, 8), (8, 16)]
    assert [(m.contexts, m.pairs) for m in (first, second, third)] == [(2, 3), (3, 5), (4, 6)]
    assert first.train_nll * 9 == pytest.approx(6 * math.log(2))
    assert second.train_nll * 9 == pytest.approx(6 * math.log(3) - 4 * math.log(2))
    assert third.train_nll * 9 == pytest.approx(3 * math.log(3))


def test_after_an_unseen_context_all_tokens_are_equally_likely() -> None:
    train = np.array([0] * LONGEST + [1, 1, 0], np.uint16)
    other = np.array([0] * LONGEST + [2, 3, 3, 0], np.uint16)
    model = list(context_models(Sample(4, train, other, 2, 7, whole=True, own_split=False)))[1]
    assert model.held_out is not None
    assert (model.held_out.unseen_contexts, model.held_out.unseen_pairs) == (3, 4)
    alpha = model.held_out.smoothing
    first = -math.log(alpha / (1 + 4 * alpha))
    assert model.held_out.nll == pytest.approx((first + 3 * math.log(4)) / 4)
    assert model.held_out.unsmoothed_nll == math.inf


@pytest.mark.parametrize(
    ("size", "longest"),
    [(2, 6), (27, 6), (565, 6), (566, 5), (1625, 5), (1626, 4), (7131, 4), (7132, 3), (32768, 3)],
)
def test_a_context_is_as_long_as_its_keys_allow(size: int, longest: int) -> None:
    text = np.array([0] * LONGEST + [size - 1] * 9 + [0], np.uint16)
    sample = Sample(size, text, text, 1, 10, whole=True, own_split=False)
    assert sample.longest == longest
    models = list(context_models(sample))
    assert len(models) == longest
    for model in models:
        check(model, ["x" * 9], ["x" * 9], size)
    assert models[-1].cells <= 2**64
    assert longest == LONGEST or size ** (longest + 2) > 2**64


def test_keys_just_below_the_limit_are_told_apart(path: Path) -> None:
    characters = list(map(chr, range(0x4E00, 0x4E00 + 564)))
    random = np.random.default_rng(0)
    lines = ["".join(characters), *("".join(random.choice(characters[-3:], 8)) for _ in range(60))]
    sample = sample_of(lines, path)
    assert sample.vocabulary_size == 565
    train, others = dealt(str(path), (9, 1))
    for model in context_models(sample):
        check(model, train, others, 565)


# What is read


def test_without_a_split_one_line_of_ten_is_held_out(path: Path) -> None:
    name = written(path, "\n".join(f"{i:b}" for i in range(95)))
    own = read_sample(read_corpus(name, seed=5), seed=5)
    split = read_sample(read_corpus(name, split=(90, 10), seed=5), split=(90, 10), seed=5)
    assert (own.own_split, split.own_split) == (True, False)
    assert list(context_models(own)) == list(context_models(split))


def test_of_less_than_ten_lines_none_is_held_out(path: Path) -> None:
    for lines in range(1, 10):
        for seed in range(9):
            corpus = read_corpus(
                written(path, "".join(f"{'a' * k}\n" for k in range(1, lines + 1)))
            )
            sample = read_sample(corpus, seed=seed)
            assert (sample.held_out, sample.own_split) == (None, False)
            assert {model.held_out for model in context_models(sample)} == {None}
    assert sample_of(["a" * k for k in range(1, 11)], path).held_out is not None


def test_of_few_distinct_lines_none_is_held_out(path: Path) -> None:
    """Equal lines stay together, so that one in ten could be none or all of them."""
    for seed in range(9):
        sample = sample_of([*"abcdefghi"] * 9, path, seed=seed)
        assert (sample.held_out, sample.own_split) == (None, False)


def test_no_line_is_both_counted_and_held_out(path: Path) -> None:
    lines = [f"{k % 40:b}" for k in range(200)]
    corpus = read_corpus(written(path, "\n".join(lines)))
    parts = dealt(written(path, "\n".join(lines)), OWN_SPLIT)
    assert len({*parts[0]}) == 36
    assert len({*parts[1]}) == 4
    assert not {*parts[0]} & {*parts[1]}
    assert read_sample(corpus).held_out is not None


def test_test_lines_are_not_held_out(path: Path) -> None:
    lines = "".join(f"{chr(0x4E00 + k)}b\n" for k in range(50))
    corpus = read_corpus(written(path, lines), split=(3, 0, 2))
    sample = read_sample(corpus, split=(3, 0, 2))
    assert (sample.held_out, sample.lines, sample.whole) == (None, 50, True)
    assert next(context_models(sample)).predictions == corpus.train.total == 90


def test_the_start_of_a_long_text_is_a_sample(path: Path) -> None:
    lines = ["ab"] * 10 + ["abcd"] * 10
    sample = sample_of(lines, path, limit=37)
    assert (sample.whole, sample.lines, sample.predictions) == (False, 12, 30 + 5 + 3)
    assert sample.vocabulary_size == 5  # of the whole text
    assert not sample_of(lines, path, limit=78).whole
    assert sample_of(lines, path, limit=79).whole


def test_a_text_that_has_changed_is_refused(path: Path) -> None:
    corpus = read_corpus(written(path, "ab\n" * 20))
    for changed in ("ab\n" * 19 + "ac\n", "ab\n" * 21):
        written(path, changed)
        with pytest.raises(CorpusError, match=r"has changed since it was counted: start again$"):
            read_sample(corpus)


def test_a_sample_without_a_training_line_is_refused(path: Path) -> None:
    corpus = read_corpus(written(path, "abcd\n" * 20))
    outcomes = set()
    for seed in range(40):
        try:
            outcomes.add(read_sample(corpus, seed=seed, limit=3).held_out is None)
        except CorpusError as error:
            outcomes.add(str(error).endswith("no line for training in its first 3 characters"))
    assert outcomes == {True}


# Progress


def test_progress_counts_predictions_and_models_come_as_they_are_done() -> None:
    calls: list[tuple[int, int]] = []
    corpus = read_corpus(str(bundled_names()))
    models = context_models(
        read_sample(corpus), progress=lambda *call: calls.append(call), chunk_size=50_000
    )
    total = 6 * corpus.bigrams
    for order, _ in enumerate(models, start=1):
        assert calls[-1] == (order * corpus.bigrams, total)
    assert len(calls) == 6 * 9
    assert calls == sorted(set(calls))


def test_counting_ends_when_progress_raises_or_the_models_are_closed(path: Path) -> None:
    sample = sample_of(["abc"] * 50, path)
    calls: list[int] = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(context_models(sample, progress=stop, chunk_size=10))
    assert len(calls) == 3
    closed: Iterator[ContextModel] = context_models(sample, progress=lambda *call: None)
    assert next(closed).order == 1
    del closed  # is no warning


# Memory


def peak(sample: Sample, chunk_size: int) -> int:
    tracemalloc.start()
    try:
        list(context_models(sample, chunk_size=chunk_size))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_grows_with_what_is_distinct() -> None:
    """A million predictions of a few pairs, whose keys alone would take 8 MB."""
    line = [0] * LONGEST + [1, 2, 3, 4, 3, 2, 1, 1, 2]
    text = np.array(line * 100_000 + [0], np.uint16)
    sample = Sample(5, text, None, 100_000, 1_000_000, whole=True, own_split=False)
    assert peak(sample, 1 << 14) < 5 << 20


def test_memory_is_a_few_numbers_for_each_prediction_at_most() -> None:
    text = np.random.default_rng(0).integers(1, 500, 300_000).astype(np.uint16)
    text[:LONGEST] = text[-1] = 0
    sample = Sample(500, text, None, 1, text.size, whole=True, own_split=False)
    assert peak(sample, 1 << 14) < 100 * text.size


def test_the_results_are_plain_numbers(path: Path) -> None:
    for model in context_models(sample_of(["ab" * k for k in range(1, 21)], path)):
        assert isinstance(model.held_out, HeldOut)
        for result in (model, model.held_out):
            kinds = {type(value) for value in vars(result).values()}
            assert kinds <= {int, float, HeldOut}
