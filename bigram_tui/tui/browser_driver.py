"""Textual's driver for browsers, in a process that a server has started."""

import os
from threading import Lock
from typing import Any

from textual import messages
from textual.app import App
from textual.drivers.web_driver import WebDriver


class BrowserDriver(WebDriver):
    """A web driver whose packets stay whole, and whose app ends when its server does."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        # Whatever a plugin writes to standard output must not come between the packets.
        self.fileno = os.dup(self.fileno)
        os.dup2(2, 1)
        # Frames come from the app's thread, downloads from the input's. Textual's one os.write
        # can be torn apart by another as soon as the pipe is full.
        lock = Lock()

        def write(packet: bytes) -> int:
            with lock:
                rest = memoryview(packet)
                while rest:
                    rest = rest[os.write(self.fileno, rest) :]
            return len(packet)

        self._write = write  # type: ignore[assignment]

    def start_application_mode(self) -> None:
        """Start, and leave the mouse to the browser where that is wanted."""
        super().start_application_mode()
        if not self._mouse:
            self._disable_mouse_support()

    def run_input_thread(self) -> None:
        """Read input to its end. The server closes it when it ends, however it ends."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(messages.ExitApp())
