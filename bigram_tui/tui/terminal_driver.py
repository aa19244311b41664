"""Textual's driver for terminals, on a stream of its own."""

import os
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Draws on the stream that its app names, as others may write to the standard ones."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file = app.terminal  # type: ignore[attr-defined]
        self._terminal = self._file.fileno()

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            columns, lines = os.get_terminal_size(self._terminal)
        except OSError:  # the terminal is gone
            return super()._get_terminal_size()
        # A terminal that does not know its size, as on a serial line, has it in COLUMNS and LINES.
        return (columns, lines) if columns and lines else super()._get_terminal_size()
