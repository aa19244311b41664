"""Starts the installed program in a pseudo-terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.pseudo_terminal import PseudoTerminal, running

PROGRAM = Path(sys.executable).parent / "bigram-tui"
NAMES = Path(__file__).parents[2] / "data" / "names.txt"

Start = Callable[..., PseudoTerminal]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the program on data/names.txt, and wait until its first screen shows.

    arguments: more of them. columns, rows: of the terminal. environment: more of it. shell: a
        command line in which {program} stands for the program and its arguments.
    """
    with ExitStack() as terminals:

        def open_terminal(
            *arguments: str,
            wait_for: str = "hyperparameters",
            environment: dict[str, str] | None = None,
            shell: str | None = None,
            columns: int = 120,
            rows: int = 40,
        ) -> PseudoTerminal:
            command = [str(PROGRAM), str(NAMES), "--no-tour", *arguments]
            if shell is not None:
                command = ["sh", "-c", shell.format(program=" ".join(command))]
            variables = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
            terminal = terminals.enter_context(
                running(command, columns=columns, rows=rows, environment=variables)
            )
            if wait_for:
                terminal.wait_for(wait_for)
            return terminal

        yield open_terminal
