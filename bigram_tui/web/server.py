"""Serves a web page in which the program runs, in a process of its own for each visitor."""

import asyncio
import contextlib
import errno
import json
import os
import shlex
import signal
import socket
from asyncio import gather
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server as TextualServer
from textual_serve.server import to_int

from bigram_tui.errors import UserError
from bigram_tui.signals import ENDING, unignored
from bigram_tui.web.visit import Visit

PAGE = Path(__file__).parent / "page"

HEADERS = {
    # The page needs nothing from other hosts; xterm.js makes style sheets as it goes.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

HEARTBEAT_SECONDS = 15.0
"""How often to ask a browser whether it is still there."""

EVERYWHERE = ("", "0.0.0.0", "::")
"""Hosts that mean all addresses of this machine."""


class Server:
    """Serves the page, and starts a process of the program for each visitor."""

    def __init__(self, command: Sequence[str], host: str, port: int) -> None:
        """command: run for each visitor. port: 0 for any free one."""
        self._command = shlex.join(command)
        self._host, self._port = host, port
        self._textual = TextualServer(self._command)
        self._visits: set[Visit] = set()

    def serve(self, announce: Callable[[str], object]) -> int | None:
        """Serve until a signal asks for the end, and end the processes of all visitors.

        announce: called with a line that says where the page is, once it is served.
        Returns the number of the signal, None for ctrl+c, the usual end.
        Raises UserError if the address can't be had.
        """
        return asyncio.run(self._serve(announce))

    async def _serve(self, announce: Callable[[str], object]) -> int | None:
        loop = asyncio.get_running_loop()
        ending: asyncio.Future[int] = loop.create_future()

        def end(number: int) -> None:
            if not ending.done():
                ending.set_result(number)

        for number in unignored((signal.SIGINT, *ENDING)):
            with contextlib.suppress(NotImplementedError):  # as on Windows
                loop.add_signal_handler(number, end, number)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await self._listen(runner)
            announce(invitation(self._host, runner.addresses[0][1]))
            number = await ending
        finally:
            await runner.cleanup()
        return None if number == signal.SIGINT else number

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, self._host or None, self._port).start()
        except OSError as error:
            raise UserError(refusal(error, self._host, self._port)) from error

    def _application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self._websocket),
                web.get("/download/{key}", self._textual.handle_download),
                web.static("/page", PAGE),
                web.static("/static", self._textual.statics_path),
            ]
        )
        application.on_shutdown.append(self._end_visits)
        return application

    async def _page(self, request: web.Request) -> web.FileResponse:
        self._check_name(request)
        return web.FileResponse(PAGE / "index.html", headers=HEADERS)

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Start a process for a visitor, and pass on messages of the page until either ends."""
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="another site's page may not open this")
        self._check_name(request)
        page = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS)
        await page.prepare(request)
        visit = Visit(
            self._command,
            write_bytes=page.send_bytes,
            write_str=page.send_str,
            close=page.close,  # type: ignore[arg-type]  # what it returns is of no use
            download_manager=self._textual.download_manager,
        )
        width, height = (
            to_int(request.query.get(name, ""), usual)
            for name, usual in (("width", 80), ("height", 24))
        )
        self._visits.add(visit)
        try:
            await visit.start(width, height)
            async for message in page:
                await self._hear(message.data, visit, page)
        finally:
            await visit.stop()
            self._visits.discard(visit)
        return page

    async def _hear(self, data: object, visit: Visit, page: web.WebSocketResponse) -> None:
        """Do what a message of textual.js says; ignore unknown messages."""
        try:
            message = json.loads(data) if isinstance(data, str) else None
        except (ValueError, RecursionError):
            return
        match message:
            case ["stdin", str(typed)]:
                if keys := typed.encode(errors="ignore"):  # nothing would be the end of the input
                    await visit.send_bytes(keys)
            case ["resize", {"width": int(width), "height": int(height)}]:
                await visit.set_terminal_size(width, height)
            case ["focus"]:
                await visit.focus()
            case ["blur"]:
                await visit.blur()
            case ["ping", sent]:
                await page.send_json(["pong", sent])

    def _check_name(self, request: web.Request) -> None:
        """Refuse requests under another name, if the server is for this machine alone.

        Otherwise any site could let its own name point here (DNS rebinding), and its page, which a
        browser then takes for ours, could open the program.
        """
        name = urlsplit(f"//{request.host}").hostname or ""
        if is_local(self._host) and not is_local(name):
            raise web.HTTPForbidden(text="this server has another name")

    async def _end_visits(self, _: web.Application) -> None:
        await gather(*(visit.stop() for visit in self._visits))


def is_local(host: str) -> bool:
    """Return whether a name or address means this machine, for this machine only."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def invitation(host: str, port: int) -> str:
    """Return a line that says what to open in a browser."""
    if host not in EVERYWHERE:
        return f"Open {url_of(host, port)} in a browser; ctrl+c ends.\n"
    own = own_address()
    others = f", from other machines {url_of(own, port)}" if own else ""
    return f"Open {url_of('127.0.0.1', port)} in a browser{others}; ctrl+c ends.\n"


def url_of(host: str, port: int) -> str:
    """Return the address of the page."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def own_address() -> str | None:
    """Return the address under which other machines reach this one; None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses an interface
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address


def refusal(error: OSError, host: str, port: int) -> str:
    """Return why an address can't be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: give another with --port, or --port 0 for any free one"
    known = None if isinstance(error, socket.gaierror) or not error.errno else error.errno
    reason = error.strerror if known is None else os.strerror(known)
    return f"can't listen on {host}, port {port} ({reason}): give others with --host and --port"
