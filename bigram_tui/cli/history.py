"""Checks and writes the file of `--history`."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bigram_tui.training.snapshot import Snapshot


def check_history(options: argparse.Namespace) -> None:
    """Raise UserError, before any work, if the history could not be written after it."""
    from bigram_tui.export.history import check_target

    check_target(options.history, overwrite=options.overwrite)


def write_runs(runs: "Iterable[tuple[str, Snapshot]]", options: argparse.Namespace) -> None:
    """Write the history if `--history` asks for it. runs: each with the name of its backend."""
    if options.history is not None:
        from bigram_tui.export.history import write_history

        write_history(options.history, runs, overwrite=options.overwrite)
