"""Runs `bigram-tui serve`, which lets visitors explore texts in their browsers."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bigram_tui.cli.arguments import UsageError, parse, parse_serve
from bigram_tui.cli.exit_status import DONE
from bigram_tui.cli.plan import make_plan, session_or_reading
from bigram_tui.cli.screen import make_app
from bigram_tui.cli.streams import emit
from bigram_tui.errors import TextError, UserError
from bigram_tui.garbage import collect_from_now_on
from bigram_tui.signals import status_of

if TYPE_CHECKING:
    from bigram_tui.corpus.files import TextFile

NOT_SERVED = ("headless", "json", "list_backends", "history", "overwrite", "scheduler")
"""Options that visitors cannot use: they print, write files, or occupy other machines."""


def serve(arguments: Sequence[str]) -> int:
    """Let visitors explore the texts in their browsers, until ctrl+c."""
    server, rest = parse_serve(arguments)
    options = parse(rest)
    check_served(options)
    try:
        from bigram_tui.web.server import Server
    except ModuleNotFoundError as error:
        raise UserError(f"serve needs {error.name}: pip install textual-serve") from error
    # What each visitor's program would refuse is refused now. A large text is not read here: each
    # visitor watches it being read.
    plan = make_plan(options)
    for file in plan.request.files:
        check_readable(file)
    make_app(session_or_reading(plan), options)
    collect_from_now_on()
    # -P keeps files in the current folder from being imported in place of a library.
    command = [sys.executable, "-P", "-m", "bigram_tui", *rest]
    number = Server(command, server.host, server.port).serve(emit)
    return DONE if number is None else status_of(number)


def check_served(options: argparse.Namespace) -> None:
    """Raise UsageError if an option is not for visitors, who may write no files here."""
    for name in NOT_SERVED:
        if getattr(options, name):
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} is not for visitors of a server: leave it out")
    if "-" in options.files:
        raise UsageError("'-' is standard input, which visitors can't all read: name a file")


def check_readable(file: "TextFile") -> None:
    """Raise UsageError unless any number of visitors can read a file from its start."""
    from bigram_tui.corpus.files import Kind
    from bigram_tui.corpus.streams import open_file

    if file.kind is Kind.REMOTE:
        return  # each visitor's program reads it
    if file.kind is Kind.STREAM:
        raise UsageError(f"{file.path!r} is no ordinary file, which each visitor could read")
    try:
        with open_file(file.path):
            pass
    except TextError as error:
        raise UsageError(f"{file.path!r} {error}") from error
