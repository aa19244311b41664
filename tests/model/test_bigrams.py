"""The vocabulary and the counts of a text."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary
from tests.conftest import CountLines

any_vocabularies = st.sets(st.characters()).map(lambda found: Vocabulary("".join(sorted(found))))


def test_the_boundary_is_token_0_and_the_characters_follow_by_code_point() -> None:
    vocabulary = Vocabulary(" Zaz\u00e9\u4e2d\U0001f600")
    assert BOUNDARY == 0
    assert vocabulary.labels == (".", " ", "Z", "a", "z", "\u00e9", "\u4e2d", "\U0001f600")
    assert len(vocabulary) == 8


@pytest.mark.parametrize("characters", ["ba", "aa", "aZ"])
def test_characters_out_of_order_or_twice_are_refused(characters: str) -> None:
    with pytest.raises(ValueError, match="distinct and in order"):
        Vocabulary(characters)


def test_the_boundary_is_another_sign_where_the_text_holds_a_dot() -> None:
    vocabulary = Vocabulary(".ab")
    assert vocabulary.boundary_label != "."
    assert vocabulary.labels[1] == "."
    assert vocabulary.index["."] == 1
    assert vocabulary.index[vocabulary.boundary_label] == 0


@given(any_vocabularies)
@example(Vocabulary(""))
@example(Vocabulary("."))
@example(Vocabulary("".join(sorted(".■◆●▲▼"))))
@example(Vocabulary("".join(sorted(".■◆●▲▼" + "".join(map(chr, range(0x2500, 0x2530)))))))
@example(Vocabulary("." + "".join(map(chr, range(0x2500, 0x2700)))))
def test_labels_are_distinct_single_characters_whatever_the_text_holds(
    vocabulary: Vocabulary,
) -> None:
    assert len(set(vocabulary.labels)) == len(vocabulary.labels) == len(vocabulary)
    assert all(len(label) == 1 for label in vocabulary.labels)
    assert (vocabulary.boundary_label == ".") == ("." not in vocabulary.characters)


@given(any_vocabularies, st.data())
def test_tokens_become_labels_and_labels_the_same_tokens_again(
    vocabulary: Vocabulary, data: st.DataObject
) -> None:
    tokens = data.draw(st.lists(st.integers(0, len(vocabulary) - 1)))
    text = vocabulary.decode(tokens)
    assert [vocabulary.index[label] for label in text] == tokens
    assert text == "".join(vocabulary.labels[token] for token in tokens)
    assert len(vocabulary.index) == len(vocabulary)


# Tokens of a text


@given(any_vocabularies, st.data())
def test_encoding_is_undone_by_decoding(vocabulary: Vocabulary, data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from(vocabulary.characters or "a"), max_size=9))
    text = text if vocabulary.characters else ""
    tokens = vocabulary.encode(text)
    assert tokens == [1 + vocabulary.characters.index(character) for character in text]
    assert vocabulary.decode(tokens) == text
    assert vocabulary.encode_line(text) == [BOUNDARY, *tokens, BOUNDARY]


def test_rare_characters_share_the_last_token() -> None:
    assert Vocabulary("ab", rare="cd").encode("dabc") == [3, 1, 2, 3]


@pytest.mark.parametrize(
    ("characters", "text", "shown"),
    [
        ("ab", "abxay", "'x', 'y' are"),
        ("ab", "xaxbx", "'x' is"),
        ("ab", "A", "'A' is"),
        ("ab", "a b", "' ' is"),
        ("ab", "a\tb", "'␉' is"),
        ("2Jab", "\x1b[2J", "'␛', '[' are"),
        ("ab", "\u202ea", "'\N{REPLACEMENT CHARACTER}' is"),
        ("ab", "a\u0301", "'\N{DOTTED CIRCLE}\u0301' is"),
        ("ab", "a.b", "'.' is"),
        (".a", "a■", "'■' is"),
        ("", "a", "'a' is"),
        ("", "01234", "'0', '1', '2', '3', '4' are"),
        ("", "0123456789", "'0', '1', '2', '3', '4', … are"),
    ],
)
def test_characters_that_the_text_lacks_are_named(characters: str, text: str, shown: str) -> None:
    for encode in (Vocabulary(characters).encode, Vocabulary(characters).encode_line):
        with pytest.raises(ValueError, match="not in the text") as caught:
            encode(text)
        assert str(caught.value) == f"{shown} not in the text"


def test_a_full_stop_that_the_text_has_is_a_character_like_others() -> None:
    assert Vocabulary(".a").encode_line("a.") == [0, 2, 1, 0]


# Counts


@given(st.lists(st.text("ab.", max_size=6), min_size=1, max_size=8))
def test_what_counts_say_is_what_a_loop_over_the_pairs_says(
    count_lines: CountLines, lines: list[str]
) -> None:
    bigrams = count_lines(lines, ".ab")
    mark = "|"
    pairs = [pair for line in lines for pair in zip(mark + line, line + mark, strict=True)]
    labels = [mark, ".", "a", "b"]
    assert bigrams.total == len(pairs)
    assert bigrams.unseen == 16 - len(set(pairs))
    for token, label in enumerate(labels):
        assert bigrams.row_sums[token] == sum(first == label for first, _ in pairs)
    shares = dict(zip(bigrams.seen.tolist(), bigrams.seen_share.tolist(), strict=True))
    assert shares == {
        labels.index(first) * 4 + labels.index(second): pairs.count((first, second)) / len(pairs)
        for first, second in pairs
    }


def test_the_bundled_names_have_27_tokens_and_a_bigram_more_than_characters(
    names: Bigrams, name_lines: list[str]
) -> None:
    assert names.vocabulary.labels == tuple(".abcdefghijklmnopqrstuvwxyz")
    assert names.total == sum(len(line) + 1 for line in name_lines) == 229_804
    assert names.row_sums[BOUNDARY] == names.counts[:, BOUNDARY].sum() == len(name_lines) == 32_257
    assert names.seen_share.sum() == pytest.approx(1, abs=1e-12)
    index = names.vocabulary.index
    assert names.counts[index["j"], index["q"]] == 0


def test_counts_are_read_only() -> None:
    counts = np.ones((2, 2), dtype=np.int64)
    bigrams = Bigrams(Vocabulary("a"), counts)
    with pytest.raises(ValueError, match="read-only"):
        bigrams.counts[0, 0] = 5


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (9,)])
def test_counts_of_another_size_than_the_vocabulary_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="3 tokens"):
        Bigrams(Vocabulary("ab"), np.ones(shape, dtype=np.int64))
