"""Runs a few lines of Python, statement by statement, and records their output."""

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
    """A statement and its output."""

    code: str
    answer: str = ""
    """Warnings, and the value of an expression or the error; empty if there is none of these."""
    failed: bool = False


def transcript(source: str, names: dict[str, Any]) -> Iterator[Entry]:
    """Run the statements of a source one by one, as if typed at a prompt, until one raises.

    source: our own code, never a user's. names: its globals, to which it adds its own.
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
        warned = [one_line(f"{w.category.__name__}: {w.message}") for w in own]
        code = ast.get_source_segment(source, statement) or ""
        yield Entry(code, "\n".join([*dict.fromkeys(warned), *answers]), failed)
        if failed:
            return


def _run(statement: ast.stmt, names: dict[str, Any]) -> list[str]:
    """Run a statement; return what Python would print."""
    if not isinstance(statement, ast.Expr):
        exec(compile(ast.Module([statement], []), _FILE, "exec"), names)
        return []
    value = eval(compile(ast.Expression(statement.value), _FILE, "eval"), names)
    return [] if value is None else [_written(value)]


def _written(value: Any) -> str:
    """Write a value as Python does, but numbers without their type, in six digits at most."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if type(value) is tuple:  # torch.Size is one too, and writes itself
        return f"({', '.join(map(_written, value))}{',' * (len(value) == 1)})"
    return repr(value)
