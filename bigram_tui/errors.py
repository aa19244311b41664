"""Errors that the user can do something about, each told in one line."""

NOT_INSTALLED = "not installed here"
"""Part of the message of a run whose backend needs a missing library."""


class UserError(Exception):
    """One line that says what is wrong and what to do; printed as it is, with exit status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class TextError(Exception):
    """What is wrong with a text and what to do; goes on a sentence that begins with its path."""


class BrokenTextError(TextError):
    """The text is sound up to some place and wrong from there on."""


def one_line(text: object) -> str:
    """Return a message on one line, with single spaces."""
    return " ".join(str(text).split())
