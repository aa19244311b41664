"""The word that a lesson is about: which one comes first, and what a user may type."""

from bigram_tui.errors import UserError
from bigram_tui.formatting.printable import in_cells
from bigram_tui.model.bigrams import Bigrams, Vocabulary

LONGEST_WORD = 200


class WordError(UserError):
    """One line that says why a word can't go through the network."""


def tokens_of(word: str, vocabulary: Vocabulary) -> list[int]:
    """The tokens of a word. WordError if it has none, too many, or one is not known."""
    if not word:
        raise WordError("type a word of one character or more")
    if len(word) > LONGEST_WORD:
        raise WordError(f"that word has {len(word)} characters; {LONGEST_WORD} are the most")
    try:
        return vocabulary.encode(word)
    except ValueError as error:
        raise WordError(str(error)) from error


def quoted(character: str) -> str:
    """A character in quotation marks, safe to be shown."""
    return f"“{in_cells(character, 2).rstrip()}”"


def first_word(bigrams: Bigrams) -> str:
    """The lecture's "emma", or where the text lacks its characters the most frequent ones."""
    known = bigrams.vocabulary.characters
    if set("emma") <= set(known):
        return "emma"
    frequent = bigrams.row_sums[1 : len(known) + 1].argsort(kind="stable")[::-1][:4]
    return "".join(known[k] for k in frequent) or bigrams.vocabulary.rare[:4]
