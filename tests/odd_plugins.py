"""Backends that nobody should write, and what is told of each: for tests with and without a screen.

A word of the expectation is enough; the line that tells it holds it.
"""

import gc
import sys
import threading
from pathlib import Path
from textwrap import dedent, indent

import pytest

from bigram_tui.training.strays import STRAYS, record_strays

OSC_52 = "\x1b]52;c;ZXZpbA==\x07\x9b31m"
"""Sets the clipboard of a terminal, and colours what follows by a control character of C1."""

HEAD = """\
import asyncio, atexit, os, sys, threading, time
from dataclasses import dataclass, field
import numpy as np
from bigram_tui.backend import Backend, Iteration, hyperparameter

OSC = "\\x1b]52;c;ZXZpbA==\\x07\\x9b31m"

class Own(BaseException):
    pass

class Mute(Exception):
    def __str__(self):
        raise Own("no text")
    __repr__ = __str__

class Wrong(Exception):
    def __str__(self):
        return 3

class Long(Exception):
    def __str__(self):
        return "long " * 20_000_000

class Sub(str):
    def split(self, *_):
        raise Own("split")
    __getitem__ = split

class Subtle(Exception):
    def __str__(self):
        return Sub("subtle")

class Disguised(Exception):
    @property
    def __class__(self):
        raise Own("class")
    __traceback__ = 3

Named = type("Na\\x1b]52;c;ZXZpbA==\\x07me", (Exception,), {})

def uniform(bigrams):
    return np.full(bigrams.counts.shape, 1 / len(bigrams.counts))
"""

RAISED = {
    "Own('own')": "Own: own",
    "GeneratorExit()": "GeneratorExit",
    "asyncio.CancelledError()": "CancelledError",
    "KeyboardInterrupt()": "KeyboardInterrupt",
    "SystemExit(0)": "SystemExit: 0",
    "StopIteration()": "StopIteration",
    "MemoryError()": "MemoryError",
    "RecursionError()": "RecursionError",
    "ExceptionGroup('many', [ValueError('one')])": "ExceptionGroup: many",
    "Mute()": "Mute: its text can't be had",
    "Wrong()": "Wrong: its text can't be had",
    "Long()": "Long: long long",
    "Subtle()": "Subtle: subtle",
    "Disguised('thing')": "Disguised: thing",
    "Named(OSC)": "Na␛]52;c;ZXZpbA==␇me: ␛]52;c;ZXZpbA==␇�31m",
}
"""Exceptions, and how each is told."""


def source(train: str = "", *, fields: str = "", methods: str = "", top: str = "") -> str:
    """Write a backend. train: what its train does; fields, methods, top: more of the module."""
    train = train or "while True: yield Iteration(uniform(bigrams), weights)"
    body = f"{dedent(fields)}\n{dedent(methods)}\ndef train(self, bigrams, weights):\n"
    body += indent(dedent(train).strip(), "    ")
    return f"{HEAD}\n{dedent(top)}\n@dataclass\nclass Odd(Backend):\n{indent(body, '    ')}\n"


def _yields(what: str) -> str:
    return source(f"while True: yield {what}")


def _field(described: str, annotation: str = "float") -> str:
    return source(fields=f"rate: {annotation} = hyperparameter({described})")


STEP = "yield Iteration(uniform(bigrams), weights)\n"

IMPORT = {
    f"import: {raised}": (f"{HEAD}\nraise {raised}", f"odd can't be imported: {told}")
    for raised, told in RAISED.items()
}
STEPS = {
    f"step: {raised}": (source(f"{STEP}raise {raised}"), f"odd failed at step 1: {told}")
    for raised, told in RAISED.items()
    if raised != "StopIteration()"
} | {
    "step: StopIteration": (source(f"{STEP}raise StopIteration"), "odd failed at step 1: Runtime"),
}

METHODS = {
    f"{method}: {raised}": (
        source(methods=f"def {method}(self{more}):\n    raise {raised}"),
        told,
    )
    for method, more in {"__post_init__": "", "regularization": ", weights"}.items()
    for raised, told in {"Own('own')": "Own: own", "Mute()": "Mute", "SystemExit(0)": "Sys"}.items()
}

CLOSING = {
    "finally raises": (
        source(f"try:\n    while True: {STEP}finally:\n    raise Own('closed')"),
        "odd failed at step 3: Own: closed",
    ),
    "never closed": (
        source(f"while True:\n    try: {STEP}    except GeneratorExit: pass"),
        "odd failed at step 3: RuntimeError: generator ignored GeneratorExit",
    ),
    "close raises": (
        source(
            "return Endless()",
            top="""
            class Endless:
                def __iter__(self): return self
                def __next__(self): return Iteration(np.full((27, 27), 1 / 27), np.zeros((27, 27)))
                def close(self): raise Mute()
            """,
        ),
        "odd failed at step 3: Mute: its text can't be had",
    ),
    "a thread raises": (
        source(
            f"""
            {STEP}
            def work(): raise Own(OSC)
            thread = threading.Thread(target=work)
            thread.start(); thread.join()
            while True: {STEP}
            """
        ),
        "odd failed at step 1: a thread raised Own: ␛]52;",
    ),
    "__del__ raises": (
        source(
            f"""
            {STEP}
            class Gone:
                def __del__(self): raise Own("gone")
            Gone()
            while True: {STEP}
            """
        ),
        "odd failed at step 1: code that ran by itself raised Own: gone",
    ),
}
"""What comes of these shows when the training ends: after three steps, in the tests."""

ARRAYS = {
    "None": (_yields("None"), "train() yielded NoneType, not an Iteration"),
    "a pair": (_yields("(1, 2)"), "train() yielded tuple"),
    "no P": (_yields("Iteration(None)"), "probabilities must be (27, 27), not NoneType"),
    "a list": (_yields("Iteration([[1]])"), "probabilities must be (27, 27), not list"),
    "a row": (_yields("Iteration(uniform(bigrams)[0])"), "not shape (27,)"),
    "texts": (_yields("Iteration(np.full((27, 27), 'a'))"), "must be real numbers, not <U1"),
    "objects": (_yields("Iteration(np.full((27, 27), Own))"), "must be real numbers, not object"),
    "complex": (_yields("Iteration(uniform(bigrams) * 1j)"), "real numbers, not complex128"),
    "NaN": (_yields("Iteration(uniform(bigrams) * np.nan)"), "odd diverged at step 0"),
    "negative": (_yields("Iteration(-uniform(bigrams))"), "odd diverged at step 0"),
    "lazy": (
        source(
            "while True: yield Iteration(Lazy())",
            top="""
            class Lazy:
                shape, dtype = (27, 27), np.dtype(float)
                def __array__(self, *_, **__): raise Own("lazy")
            """,
        ),
        "odd failed at step 0: Own: lazy",
    ),
    "another shape at last": (
        source(
            "while True: yield Iteration(Lazy())",
            top="""
            class Lazy:
                shape, dtype = (27, 27), np.dtype(float)
                def __array__(self, *_, **__): return np.zeros((3, 3))
            """,
        ),
        "probabilities must be (27, 27), not shape (3, 3)",
    ),
    "loss": (_yields("Iteration(uniform(bigrams), loss=Mute())"), "odd reports a loss of nan"),
    "losses": (_yields("Iteration(uniform(bigrams), loss=[1, 2])"), "odd reports a loss of nan"),
    "last": (
        _yields("Iteration(uniform(bigrams), last=np.zeros(3))"),
        "odd failed at step 0: ValueError: The truth value of an array",
    ),
    "penalty": (
        source(methods="def regularization(self, weights): return 'much'"),
        "odd failed at step 0: ValueError: could not convert string to float",
    ),
    "empty": (source("return\nyield"), "train() ended before it yielded"),
    "no generator": (source("return 3"), "train() returned int, it is to yield"),
    "weights": (_yields("Iteration(uniform(bigrams), 3)"), "weights must be (27, 27), not int"),
    "gradient": (
        _yields("Iteration(uniform(bigrams), weights, 'g')"),
        "gradient must be (27, 27), not str",
    ),
}

FIELDS = {
    "None": (_field("None"), "odd: rate: a default is a bool, an int, a float or a str, not of"),
    "a list": (_field("[1]"), "odd can't be imported: ValueError: mutable default"),
    "a tuple": (_field("(1,)"), "not of type tuple"),
    "NaN": (_field("np.nan"), "odd: rate: the default is not within its own range"),
    "infinite": (_field("np.inf"), "range or choices: rate is a finite number, not inf"),
    "huge": (_field("10**400", "int"), "range or choices: rate is a whole number"),
    "longest": (_field("'a' * 10_000_000", "str"), "odd: rate: a default has at most 1,000 char"),
    "low > high": (_field("1.0, low=2, high=1"), "odd: rate: low 2 is above high 1"),
    "out of range": (_field("1.0, low=2"), "range or choices: rate is at least 2, not 1"),
    "no choice": (
        _field("'c', choices=('a', 'b')", "str"),
        "choices: rate is one of a, b, not",
    ),
    "choices": (_field("'a', choices=(1, None)", "str"), "odd: rate: each choice is a text, not"),
    "one text": (_field("'a', choices='abc'", "str"), "odd: rate: choices are a tuple of texts"),
    "low": (_field("1.0, low='a'"), "odd: rate: low is a number, not 'a'"),
    "low NaN": (_field("1.0, low=np.nan"), "odd: rate: low is a number, not 'nan'"),
    "symbol": (_field("1.0, symbol=3"), "odd: rate: symbol is a text, not of type int"),
    "help": (_field("1.0, help=None"), "odd: rate: help is a text, not of type NoneType"),
    "text for λ": (source(fields="l2: str = hyperparameter('much')"), "odd failed at step 0: "),
    "1,000 fields": (
        source().replace(
            "@dataclass\nclass Odd(Backend):\n",
            "class Odd(Backend):\n"
            "    __annotations__ = {f'field{k}': float for k in range(1_000)}\n"
            "    locals().update({f'field{k}': 1.0 for k in range(1_000)})\n",
        )
        + "\ndataclass(Odd)\n",
        "odd: a backend has at most 100 hyperparameters, not 1,000",
    ),
    "changed": (
        source(
            fields="rate: float = 1.0",
            methods="def __post_init__(self): self.rate = float('nan')",
        ),
        "odd: rate is a finite number, not nan",
    ),
    "no dataclass": (source().replace("@dataclass\n", ""), "odd: a backend is a dataclass"),
    "needed": (source(fields="rate: float"), "odd: Odd.__init__() missing 1 required"),
}

SOUND = {
    "numpy scalars": _field("np.float32(0.5), low=np.int64(0), high=np.float64(9)"),
    "a field of another kind": source(fields="kept: object = None\nmore: list = field(init=False)"),
    "a float of a subclass": _field("np.float64(1.0)"),
    "a number with methods of its own": source(
        fields="rate: float = 1.0",
        methods="def __post_init__(self): self.rate = Number(2.0)",
        top="""
        class Number(float):
            def __format__(self, _): raise Own("format")
            __str__ = __repr__ = __lt__ = __eq__ = __add__ = __format__
            __hash__ = None
        """,
    ),
    "escape codes": source(
        fields="""
        rate: float = hyperparameter(1.0, symbol=OSC, help=OSC)
        kind: str = hyperparameter(OSC, choices=(OSC, "b" + OSC), symbol="κ")
        """
    ),
}
"""Odd, and allowed."""

FAILING = {**IMPORT, **STEPS, **METHODS, **CLOSING, **ARRAYS}
FAILING |= {f"field: {name}": odd for name, odd in FIELDS.items()}


def write(folder: Path, text: str) -> str:
    """Write a backend called odd; its path."""
    path = folder / "odd.py"
    path.write_text(text, "utf-8")
    return str(path)


def record_strays_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record stray faults as the program does, in place of pytest, and forget those of others."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    record_strays()
    gc.collect()
    STRAYS.untold()
