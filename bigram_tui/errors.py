"""What can go wrong by the user's hand rather than by ours."""

import traceback
from pathlib import Path

NOT_INSTALLED = "not installed here"
"""Part of the message of a run whose backend needs a library that is missing."""


class UserError(Exception):
    """One line that says what is wrong and what to do; shown as it is, with exit status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class TextError(Exception):
    """What is wrong with a text and what to do, to be said of its path."""


class BrokenTextError(TextError):
    """The same, of a text that is wrong from some place on: what comes before it is sound."""


def described(error: BaseException, file: str | None) -> str:
    """Kind and message of an exception, and the line of a file, if any, that led to it."""
    text = one_line(f"{type(error).__name__}: {error}")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file:
            return f"{text} ({Path(frame.filename).name}:{frame.lineno})"
    return text


def one_line(text: object) -> str:
    """The text of a message, whose writer may have used several lines, in one."""
    return " ".join(str(text).split())
