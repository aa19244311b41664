"""Runs a few lines of Python, statement by statement, and writes down what they answer."""

import ast
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigram_tui.errors import one_line

_ONE_AT_A_TIME = threading.Lock()  # the list of warnings is the whole process's
_FILE = "<lesson>"


@dataclass(frozen=True)
class Entry:
    """One statement and its answer."""

    code: str
    answer: str = ""
    """The value of an expression, warnings, or the error; empty if there is nothing to tell."""
    failed: bool = False


def transcript(source: str, names: dict[str, Any]) -> Iterator[Entry]:
    """Run a source's statements one by one, as if typed at a prompt, until one raises.

    source: code of our own, never a user's. names: what it knows; what it defines is added.
    """
    for statement in ast.parse(source).body:
        answers: list[str] = []
        failed = False
        with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                answers += _run(statement, names)
            except Exception as error:
                answers.append(one_line(f"{type(error).__name__}: {error}"))
                failed = True
        own = [w for w in caught if w.filename == _FILE]  # not of what else runs meanwhile
        told = [one_line(f"{w.category.__name__}: {w.message}") for w in own]
        code = ast.get_source_segment(source, statement) or ""
        yield Entry(code, "\n".join([*dict.fromkeys(told), *answers]), failed)
        if failed:
            return


def _run(statement: ast.stmt, names: dict[str, Any]) -> list[str]:
    """Run a statement; its value, if it is an expression that has one."""
    if not isinstance(statement, ast.Expr):
        exec(compile(ast.Module([statement], []), _FILE, "exec"), names)
        return []
    value = eval(compile(ast.Expression(statement.value), _FILE, "eval"), names)
    return [] if value is None else [_written(value)]


def _written(value: Any) -> str:
    """As Python writes it, but numbers without their type and with no more digits than needed."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if type(value) is tuple:  # torch.Size is one too, and writes itself
        return f"({', '.join(map(_written, value))}{',' * (len(value) == 1)})"
    return repr(value)
