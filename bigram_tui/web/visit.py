"""One visitor of the server: a process of the program, and the messages between them."""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable

from textual_serve.app_service import AppService

from bigram_tui.formatting.printable import printable

PRELUDE = b"__GANGLION__\n"
"""What Textual's web driver writes before its first packet."""

GOODBYE_SECONDS = 3.0
"""How long a process may take to end by itself once its visitor is gone."""

LARGEST = 500
"""Most columns or lines of a screen, as a visitor may ask for any number."""


class Visit(AppService):
    """A process that lives as long as its visitor stays.

    textual-serve's own service waits forever for a process that does not answer, leaves the page on
    its splash if the program could not start, and starts it by a shell.
    """

    _running: Process

    async def start(self, width: int, height: int) -> None:
        """Start the process with a screen of some columns and lines."""
        self._running = await asyncio.create_subprocess_exec(
            *shlex.split(self.command),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(clamped(width), clamped(height)),
            start_new_session=True,  # so that ctrl+c in our terminal does not reach it
        )
        self._stdin = self._running.stdin
        self._task = asyncio.create_task(self.run())

    async def run(self) -> None:
        """Pass on what the process writes until it ends; then tell the page."""
        try:
            await asyncio.gather(self._relay(), self._report())
        finally:
            await self.remote_close()

    async def stop(self) -> None:
        """End the process, by force if need be."""
        if self._task is None:
            return
        await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.send_meta({"type": "quit"})
                self.stdin.close()
                await self._running.wait()
        kill(self._running)
        await self._running.wait()
        await self._task

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the process how large its screen is now."""
        await super().set_terminal_size(clamped(width), clamped(height))

    async def _relay(self) -> None:
        """Pass on what the process draws and delivers."""
        output = self._running.stdout
        assert output is not None
        handlers: dict[bytes, Callable[[bytes], Awaitable[None]]] = {
            b"D": self.on_data,
            b"M": self.on_meta,
            b"P": self.on_packed,
        }
        try:
            await output.readuntil(PRELUDE)
            while True:
                head = await output.readexactly(5)
                packet = await output.readexactly(int.from_bytes(head[1:], "big"))
                # Even if the visitor is gone, its packets must be read, or the process could not
                # end: it waits until they are.
                with contextlib.suppress(ConnectionError):
                    await handlers[head[:1]](packet)
        except asyncio.IncompleteReadError:  # the process has ended
            pass
        except (asyncio.LimitOverrunError, KeyError):  # it does not write packets
            kill(self._running)

    async def _report(self) -> None:
        """Print what the process writes to stderr, where the server was started."""
        errors = self._running.stderr
        assert errors is not None
        while True:
            with contextlib.suppress(ValueError):  # a line that is too long
                line = await errors.readline()
                if not line:
                    return
                text = printable(line.decode(errors="replace").rstrip("\r\n"))
                print(text, file=sys.stderr, flush=True)


def clamped(size: int) -> int:
    """Return a possible number of columns or lines."""
    return min(max(size, 1), LARGEST)


def kill(process: Process) -> None:
    """Kill a process and its children; do nothing if it has ended."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
