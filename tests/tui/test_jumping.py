"""Which row or cell a typed text means."""

import pytest

from bigram_tui.model.bigrams import Vocabulary
from bigram_tui.tui.jumping import characters_of, tokens_of_jump

VOCABULARY = Vocabulary(" +Ua\u0301中国", rare="文")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("a", "a"), ("aU", "aU"), ("U+", "U+"), ("U+61", "a"), ("u+4e2d", "中"),
        ("U+4E2D U+56FD", "中国"), (" U+0301 ", "\u0301"), (" ", " "), ("a ", "a "),
    ],
)  # fmt: skip
def test_codes_and_characters(typed: str, meant: str) -> None:
    assert characters_of(typed) == meant
    labels = VOCABULARY.labels
    assert "".join(labels[token] for token in tokens_of_jump(typed, VOCABULARY)) == meant


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("", "one character"), ("abc", "one character"), ("U+4E2D U+56FD U+61", "one character"),
        ("z", "'z' is not in the text"), ("U+4E2D z", "one character"), ("U+xy", "no code point"),
        ("U+4E2D U+110000", "U\\+110000 is no code point"), ("U+7A", "'z' is not in the text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(typed: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        tokens_of_jump(typed, VOCABULARY)


def test_a_rare_character_is_where_all_rare_ones_are() -> None:
    last = len(VOCABULARY) - 1
    assert tokens_of_jump("文", VOCABULARY) == [last]
    assert tokens_of_jump("U+4E2D U+6587", VOCABULARY) == [VOCABULARY.index["中"], last]
