"""Runs a program on a terminal of its own: presses keys, and waits for what it writes."""

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence

DEADLINE = 60.0
"""Seconds without a sign of life after which a program has failed."""


class Terminal:
    """A program on a true-colour terminal of 80×24, until it is closed."""

    def __init__(self, command: Sequence[str]) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        look = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment = os.environ | look
        # Without bytecode, as no program that is installed is, each start would compile it anew.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self._written = b""
        self._waited = 0

    def close(self) -> None:
        """End the program at once."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    @property
    def process(self) -> int:
        """The number of the process."""
        return self._process.pid

    def look(self, seconds: float) -> None:
        """Read, and forget, what is written meanwhile. RuntimeError if the program ends."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._ours], [], [], left)[0]:
                os.read(self._ours, 1 << 16)
            if self._process.poll() is not None:
                raise RuntimeError(f"the program has ended with {self._process.returncode}")

    def press(self, key: str) -> None:
        """Type a key."""
        os.write(self._ours, key.encode())

    def wait_for(self, mark: str) -> None:
        """Read until a text is written after the one that was last waited for."""
        wanted = mark.encode()
        while (place := self._written.find(wanted, self._waited)) < 0:
            self._written += self._read()
        self._waited = place + len(wanted)

    def _read(self) -> bytes:
        """What is written next. RuntimeError if the program has ended, or says nothing more."""
        if select.select([self._ours], [], [], DEADLINE)[0]:
            try:
                return os.read(self._ours, 1 << 16)
            except OSError:  # on Linux, the end of a terminal
                pass
        raise RuntimeError(f"nothing came after {self._written[-2000:].decode(errors='replace')}")

    def has_written(self, mark: str) -> bool:
        """Whether a text has been read, at any time."""
        return mark.encode() in self._written
