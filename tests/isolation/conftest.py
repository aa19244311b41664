"""Backends that are written to a file and run in a process of their own."""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bigram_tui.cancellation import CancelToken
from bigram_tui.training.registry import BackendSource

HEAD = """
import ctypes, os, signal, sys, threading, time
from dataclasses import dataclass, field

import numpy as np

from bigram_tui.backend import Backend, Iteration, hyperparameter


def uniform(bigrams):
    return np.full(bigrams.counts.shape, 1 / len(bigrams.counts))

"""

SourceOf = Callable[..., BackendSource]


@pytest.fixture
def source_of(tmp_path: Path) -> SourceOf:
    """Writes a backend to a file: what its `train` does, or the whole module after HEAD."""

    def write(body: str, *, fields: str = "", module: bool = False) -> BackendSource:
        path = tmp_path / "plugin.py"
        text = textwrap.dedent(body).strip("\n")
        if not module:
            inner = textwrap.indent(text, " " * 8)
            text = "@dataclass\nclass Plugin(Backend):\n"
            text += textwrap.indent(textwrap.dedent(fields), " " * 4)
            text += f"\n    def train(self, bigrams, weights, state=None):\n{inner}\n"
        path.write_text(f"{HEAD}\n{text}\n", "utf-8")
        return BackendSource("plugin", str(path), file=path, isolated=True)

    return write


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """Ends the processes that a test has started."""
    with CancelToken().governing():
        yield
