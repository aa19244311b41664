"""What the program owes when its screen closes: the terminal as it was, and the history, once."""

import argparse
from threading import Lock
from typing import TYPE_CHECKING

from bigram_tui.cli.exit_status import WRONG_USE
from bigram_tui.cli.history import write_runs
from bigram_tui.cli.streams import complain
from bigram_tui.cli.terminal import SavedTerminal
from bigram_tui.errors import UserError

if TYPE_CHECKING:
    from bigram_tui.tui.app import BigramApp


class Farewell:
    """Writes the history of an app once, whether its end is tidy or not."""

    def __init__(
        self, app: "BigramApp", terminal: SavedTerminal, options: argparse.Namespace
    ) -> None:
        self._app = app
        self._terminal = terminal
        self._options = options
        self._writing = Lock()
        self._is_written = False

    def write_history(self) -> None:
        """Write what `--history` asks for, unless it was written. Raises UserError."""
        with self._writing:
            if not self._is_written and (runs := self._app.history()):  # none without a text
                write_runs(runs, self._options)
            self._is_written = True

    def leave_in_haste(self) -> int | None:
        """Restore the terminal and write the history; return a status if that goes wrong.

        Called in a thread of its own when the screen does not close in time.
        """
        self._terminal.restore()
        try:
            self.write_history()
        except UserError as error:
            complain(error, self._terminal.stream)
            return WRONG_USE
        return None
