"""Errors that the user can do something about, and how errors are told in one line."""

import traceback
from pathlib import Path

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


def described(error: BaseException, file: str | None) -> str:
    """Return kind and message of an exception, and the line of a file, if any, that led to it.

    A UserError is told by its message alone.
    """
    if isinstance(error, UserError):
        return str(error)
    text = one_line(f"{type(error).__name__}: {error}")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file:
            return f"{text} ({Path(frame.filename).name}:{frame.lineno})"
    return text


def one_line(text: object) -> str:
    """Return a message on one line, with single spaces."""
    return " ".join(str(text).split())
