"""The error of a text that cannot become a corpus, or only a part of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bigram_tui.errors import BrokenTextError, TextError, UserError

if TYPE_CHECKING:
    from bigram_tui.corpus.corpus import Corpus


TOO_MANY_CHARACTERS = (
    "holds too many different characters for a table of their bigrams: give a smaller --max-vocab"
)


class CorpusError(UserError):
    """One line that says what is wrong with a corpus and what to do."""

    part: "Corpus | None" = None
    """The corpus of what comes before the error; None if no model can be trained on that."""


@contextmanager
def naming_text(path: str, part: "Callable[[], Corpus] | None" = None) -> Iterator[None]:
    """Turn an error of a text, which does not know its path, into a CorpusError that names it.

    part: makes the corpus of what was read before a text broke.
    """
    try:
        yield
    except TextError as error:
        named = CorpusError(f"{path!r} {error}")
        if part is not None and isinstance(error, BrokenTextError):
            with suppress(CorpusError):  # nothing before the error can be trained on
                named.part = part()
        raise named from None
    except MemoryError:
        raise CorpusError(f"{path!r} {TOO_MANY_CHARACTERS}") from None
