"""A vocabulary of a limited size: the rarest characters of a text share one token."""

import io
import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.analysis.contexts import context_models, read_sample
from bigram_tui.analysis.underflow import bigram_probabilities
from bigram_tui.cli.arguments import UsageError, parse
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.defaults import LARGEST_VOCABULARY, MAX_VOCABULARY
from bigram_tui.lessons.derivation import lines_with
from bigram_tui.lessons.libraries import NUMPY
from bigram_tui.lessons.network import Network
from bigram_tui.lessons.word import first_word
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary
from bigram_tui.model.surprise import surprise
from tests.corpus.building import count_stream

LINES = ["aab", "abba", "aca", "bad", "ae", "ba"]
"""a stands in it 10 times, b 5 times, c, d and e once each."""

texts = st.lists(st.text("abcdé中", min_size=1, max_size=6), min_size=1, max_size=8)


def count(lines: list[str], most: int, **options: object) -> Corpus:
    data = "\n".join(lines).encode()
    return count_stream(io.BytesIO(data), "text", max_vocabulary=most, **options)  # type: ignore[arg-type]


def pairs_of(bigrams: Bigrams) -> Counter[tuple[int, int]]:
    return Counter(
        {(int(i), int(j)): int(bigrams.counts[i, j]) for i, j in np.argwhere(bigrams.counts)}
    )


def written(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES), "utf-8")
    return str(path)


# Vocabulary


def test_rare_characters_share_the_last_token() -> None:
    vocabulary = Vocabulary("ab", "cde")
    assert len(vocabulary) == 4
    assert vocabulary.labels == (".", "a", "b", "▢")
    assert [vocabulary.index[c] for c in ".abcde▢"] == [0, 1, 2, 3, 3, 3, 3]
    assert vocabulary.decode([1, 3, 2]) == "a▢b"
    assert vocabulary.fold("abcde, dab") == "ab▢▢▢, ▢ab"
    assert Vocabulary("ab").fold("abc") == "abc"


def test_the_sign_of_rare_characters_is_none_that_the_text_holds() -> None:
    assert Vocabulary("▢", "▣").rare_label not in "▢▣"
    signs = ".■◆●▲▼▢▣▤▥▦▧"
    vocabulary = Vocabulary("".join(sorted(signs)), "a")
    assert len(set(vocabulary.labels)) == len(vocabulary) == len(signs) + 2
    assert Vocabulary("a", ".").boundary_label != "."


@pytest.mark.parametrize(("own", "rare"), [("ab", "bc"), ("ab", "dc"), ("ab", "cc")])
def test_a_character_is_rare_or_has_a_token_of_its_own(own: str, rare: str) -> None:
    with pytest.raises(ValueError, match=r"distinct and in order|no token of its own"):
        Vocabulary(own, rare)


# Counting


@given(texts, st.integers(2, 9), st.sampled_from([1, 3, 1 << 18]))
def test_a_limited_vocabulary_is_that_of_a_plain_loop(
    lines: list[str], most: int, chunk_size: int
) -> None:
    times = Counter("".join(lines))
    ranked = sorted(times, key=lambda c: (-times[c], c))
    kept = ranked if len(ranked) < most else ranked[: most - 2]
    rare = set(ranked) - set(kept)
    found = count(lines, most, chunk_size=chunk_size).train
    assert found.vocabulary == Vocabulary("".join(sorted(kept)), "".join(sorted(rare)))
    assert len(found.vocabulary) <= most
    index = {c: 1 + k for k, c in enumerate(sorted(kept))} | dict.fromkeys(rare, 1 + len(kept))
    tokens = [[0, *(index[c] for c in line), 0] for line in lines]
    assert pairs_of(found) == Counter(pair for line in tokens for pair in pairwise(line))


def test_no_character_is_rare_where_all_have_room() -> None:
    assert count(LINES, 6).train.vocabulary == Vocabulary("abcde")
    assert count(LINES, 5).train.vocabulary == Vocabulary("abc", "de")


def test_all_parts_of_a_split_share_the_vocabulary() -> None:
    corpus = count(LINES * 5, 4, split=(1, 1, 1))
    parts = [corpus.train, corpus.validation, corpus.test]
    assert all(part and part.vocabulary == Vocabulary("ab", "cde") for part in parts)
    whole = sum(part.counts for part in parts if part)
    np.testing.assert_array_equal(whole, count(LINES * 5, 4).train.counts)


def test_more_characters_than_a_model_has_tokens_by_default() -> None:
    characters = [chr(0x4E00 + k) for k in range(MAX_VOCABULARY + 50)]
    corpus = count([*characters, *characters[::-1][:2046]], MAX_VOCABULARY)
    vocabulary = corpus.train.vocabulary
    assert len(vocabulary) == MAX_VOCABULARY == parse([]).max_vocab
    assert vocabulary.rare == "".join(characters[:52])  # those that stand there once
    assert corpus.train.counts[BOUNDARY, -1] == 52


# What else knows the vocabulary


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return read_corpus(written(tmp_path), max_vocabulary=4)


def test_a_word_with_rare_characters_costs_what_their_token_does(corpus: Corpus) -> None:
    vocabulary, table = corpus.train.vocabulary, np.arange(1.0, 17).reshape(4, 4) / 100
    assert vocabulary.encode_line("dab") == [0, 3, 1, 2, 0]
    found = surprise(table, vocabulary.encode_line("ce")).nats
    np.testing.assert_allclose(found, -np.log([0.04, 0.16, 0.13]))
    assert list(bigram_probabilities(["e"], vocabulary, table)) == pytest.approx([0.04, 0.13])
    with pytest.raises(ValueError, match="'f' is not in the text"):
        vocabulary.encode_line("f")


def test_a_word_with_rare_characters_goes_through_the_network(corpus: Corpus) -> None:
    network = Network("ace", corpus.train.vocabulary, NUMPY, 1)
    assert network.xs == [0, 1, 3, 3]
    assert network.ys == [1, 3, 3, 0]
    often = count(["ccdd" * 9, "ab", "ba"], 3).train
    assert often.vocabulary.rare == "abd"
    assert first_word(often) == "c", "the rare token is no character of a word"


def test_where_all_characters_are_rare_the_first_word_is_of_those() -> None:
    bigrams = count(LINES, 2).train
    assert first_word(bigrams) == "abcd"
    assert Network(first_word(bigrams), bigrams.vocabulary, NUMPY, 1).xs == [0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("cell", "lines"),
    [((1, 3), ["aca", "bad", "ae"]), ((3, 1), ["aca"]), ((3, 0), ["bad", "ae"]), ((0, 3), [])],
)
def test_the_lines_of_a_bigram_are_found_by_its_rare_characters(
    corpus: Corpus, cell: tuple[int, int], lines: list[str]
) -> None:
    assert lines_with(cell, corpus.train.vocabulary, corpus.paths) == lines
    assert bool(corpus.train.counts[cell]) == bool(lines)


def test_contexts_are_of_the_same_tokens(corpus: Corpus, tmp_path: Path) -> None:
    folded = tmp_path / "folded.txt"
    folded.write_text("\n".join(LINES).translate(str.maketrans("de", "cc")), "utf-8")
    same = read_corpus(str(folded))
    assert list(context_models(read_sample(corpus))) == list(context_models(read_sample(same)))


# The command line


def test_the_most_tokens_are_those_that_can_be_counted() -> None:
    assert parse(["--max-vocab", "2"]).max_vocab == 2
    for wrong in ("1", "0", "-1", "x", str(LARGEST_VOCABULARY + 1)):
        with pytest.raises(UsageError, match="--max-vocab"):
            parse(["--max-vocab", wrong])


def test_what_is_printed_tells_how_many_characters_are_rare(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bigram_tui", written(tmp_path), "--max-vocab", "4"]
    command += ["--backend", "count", "--steps", "0"]
    printed = subprocess.run([*command, "--headless"], capture_output=True, check=True).stdout
    assert "V = 4 (3 rare characters as one)" in printed.decode()
    document = json.loads(subprocess.check_output([*command, "--json"]))
    assert document["corpus"]["vocabulary"] == [".", "a", "b", "▢"]
    assert document["corpus"]["rare"] == ["c", "d", "e"]
