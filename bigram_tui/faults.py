"""Code of plugins, which may raise anything: each fault becomes one line of text."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from bigram_tui.errors import UserError, one_line
from bigram_tui.formatting.printable import printable

MOST_CHARACTERS = 500
"""The length of a line about a fault; a longer text is cut."""

_name_of = type.__dict__["__name__"].__get__
_traceback_of = BaseException.__dict__["__traceback__"].__get__


class PluginError(Exception):
    """One line that says what code of a plugin raised."""


@contextmanager
def plugin_code(file: str | None = None) -> Iterator[None]:
    """Run code of a plugin. Raises PluginError whatever it raises; a UserError is ours.

    KeyboardInterrupt and SystemExit count too: a plugin's code runs in threads, where nobody but
    the plugin raises them, except when a run without a screen is given up.
    file: as of `describe_error`.
    """
    try:
        yield
    except (PluginError, UserError):
        raise
    except BaseException as error:
        raise PluginError(describe_error(error, file)) from None


def describe_error(error: BaseException, file: str | None = None) -> str:
    """Return kind and message of an exception in one line that is safe to show.

    A UserError, which is of this program, is told by its message alone.
    file: a source file; the last of its lines that led to the exception is named.
    """
    if issubclass(type(error), UserError):
        return safe_text(error)
    kind = safe_text(_name_of(type(error))) or "an exception without a name"
    text = safe_text(error, "its text can't be had")
    line = f"{kind}: {text}" if text else kind
    number = _line_in(file, _traceback_of(error))
    return line if number is None else f"{line} ({printable(Path(str(file)).name)}:{number})"


def message_of(error: BaseException) -> str:
    """Return the message of an exception, with its kind unless that only says: a wrong value."""
    says_enough = issubclass(type(error), ValueError | TypeError) and safe_text(error)
    return says_enough or describe_error(error)


def safe_text(value: object, otherwise: str = "") -> str:
    """Return str(value) in one line, safe to show and not longer than MOST_CHARACTERS.

    otherwise: as of `text_of`.
    """
    shown = printable(one_line(text_of(value, otherwise)))
    return shown if len(shown) <= MOST_CHARACTERS else shown[: MOST_CHARACTERS - 1] + "…"


def text_of(value: object, otherwise: str = "") -> str:
    """Return the start of str(value), which may have any length and raise anything.

    otherwise: what to return if str() fails.
    """
    try:
        # str() may return an instance of a subclass, whose methods are a plugin's too.
        return str.__str__(str(value))[: 4 * MOST_CHARACTERS]
    except BaseException:
        return otherwise


def file_of(plugin: object) -> str | None:
    """Return the source file of a backend's class; None if that can't be had."""
    try:
        return inspect.getfile(plugin)  # type: ignore[arg-type]
    except BaseException:  # a module can say anything of itself
        return None


def files_of(traceback: TracebackType | None) -> Iterator[str]:
    """Yield the source files that led to an exception, the innermost first."""
    yield from (file for file, _ in reversed(list(_lines(traceback))))


def _line_in(file: str | None, traceback: TracebackType | None) -> int | None:
    numbers = [number for name, number in _lines(traceback) if name == file]
    return numbers[-1] if numbers else None


def _lines(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    # Not by the module traceback, which asks the plugin's loader for the source.
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
