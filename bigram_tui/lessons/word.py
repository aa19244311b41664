"""The word of a lesson: the first one, and those that a user types."""

from bigram_tui.defaults import WORD
from bigram_tui.errors import UserError
from bigram_tui.formatting.printable import in_cells
from bigram_tui.model.bigrams import Bigrams, Vocabulary

LONGEST_WORD = 200


class WordError(UserError):
    """Why a word can't go through the network, in one line."""


def tokens_of(word: str, vocabulary: Vocabulary) -> list[int]:
    """Return the tokens of a word.

    Raises WordError if it is empty or too long, or has a character that the vocabulary lacks.
    """
    if not word:
        raise WordError("type a word of one character or more")
    if len(word) > LONGEST_WORD:
        raise WordError(f"that word has {len(word)} characters; {LONGEST_WORD} are the most")
    try:
        return vocabulary.encode(word)
    except ValueError as error:
        raise WordError(str(error)) from error


def quoted(character: str) -> str:
    """Write a character in quotation marks, safe to show."""
    return f"“{in_cells(character, 2).rstrip()}”"


def first_word(bigrams: Bigrams) -> str:
    """Return the lecture's word, or the most frequent characters if the text lacks those."""
    known = bigrams.vocabulary.characters
    if set(WORD) <= set(known):
        return WORD
    frequent = bigrams.row_sums[1 : len(known) + 1].argsort(kind="stable")[::-1][:4]
    return "".join(known[k] for k in frequent) or bigrams.vocabulary.rare[:4]
