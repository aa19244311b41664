"""`bigram-tui serve`: its arguments, the process of a visitor, and who may open the page."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bigram_tui.cli import exit_status, screen
from bigram_tui.cli import main as cli
from bigram_tui.cli.arguments import parse, parse_serve
from bigram_tui.cli.terminal import WEB_DRIVER
from tests.cli.test_cli import PATIENCE, apart, environment
from tests.web.serving import is_alive, serving, wait_for

pytest.importorskip("textual_serve", reason="textual-serve is not installed")

import aiohttp
from textual_serve.download_manager import DownloadManager

from bigram_tui.web import visit as visits
from bigram_tui.web.server import invitation, own_address, refusal
from bigram_tui.web.visit import LARGEST, Visit, clamped

NAMES = str(Path(__file__).parents[2] / "data" / "names.txt")

# Arguments


@pytest.mark.parametrize(
    ("given", "host", "port", "rest"),
    [
        ([], "127.0.0.1", 8000, []),
        (["a.txt"], "127.0.0.1", 8000, ["a.txt"]),
        (["a.txt", "--port", "1", "b.txt"], "127.0.0.1", 1, ["a.txt", "b.txt"]),
        (["--host=0.0.0.0", "--port=0"], "0.0.0.0", 0, []),
        (
            ["--lr", "10", "a.txt", "--host", "h", "--run", "numpy:lr=-1", "--set=a.b=c"],
            "h",
            8000,
            ["--lr", "10", "a.txt", "--run", "numpy:lr=-1", "--set=a.b=c"],
        ),
        (["--port", "1", "--", "--port", "-a.txt"], "127.0.0.1", 1, ["--", "--port", "-a.txt"]),
        (["a b.txt", "-", "[x]*.txt"], "127.0.0.1", 8000, ["a b.txt", "-", "[x]*.txt"]),
    ],
)
def test_what_is_not_the_servers_is_the_programs(
    given: list[str], host: str, port: int, rest: list[str]
) -> None:
    """As it was given, and in that order."""
    options, others = parse_serve(given)
    assert (options.host, options.port, others) == (host, port, rest)


@pytest.mark.parametrize("option", sorted(vars(parse([])).keys() - {"files"}))
def test_the_server_takes_no_option_from_the_program(option: str) -> None:
    flag = "--" + option.replace("_", "-")
    assert parse_serve([flag])[1] == [flag]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two texts and a pipe."""
    monkeypatch.chdir(tmp_path)
    Path("good.txt").write_text("emma\nava\n")
    Path("bad.txt").write_bytes("Zoë".encode("latin-1"))
    Path("serve").write_text("ava\n")
    os.mkfifo("pipe")
    return tmp_path


WRONG: dict[str, tuple[list[str], str]] = {
    "no port": (["--port"], "argument --port: expected one argument; see bigram-tui serve --help"),
    "word for a port": (["--port", "http"], "'http' is not a whole number"),
    "large port": (["--port", "65536"], "65536 is not between 0 and 65535"),
    "unknown option": (["--frobnicate"], "--frobnicate; see bigram-tui --help"),
    "--headless": (["--headless"], "--headless is not for visitors"),
    "--json": (["--json"], "--json is not for visitors"),
    "--list-backends": (["--list-backends"], "--list-backends is not for visitors"),
    "--history": (["--history", "a.csv"], "--history is not for visitors"),
    "--overwrite": (["--overwrite"], "--overwrite is not for visitors"),
    "standard input": (["-"], "'-' is standard input"),
    "a pipe": (["good.txt", "pipe"], "'pipe' is no ordinary file"),
    "no such file": (["no.txt"], "'no.txt' does not exist: check the name"),
    "no UTF-8": (["bad.txt"], "'bad.txt' is not UTF-8"),
    "no match": (["*.none"], "'*.none' matches no file"),
    "no such theme": (["good.txt", "--theme", "none"], "no theme 'none'"),
    "no such backend": (["good.txt", "--backend", "none"], "no backend named 'none'"),
    "wrong value": (["good.txt", "--lr", "fast"], "learning_rate is a number"),
    "wrong split": (["good.txt", "--split", "9"], "--split: '9' is no split"),
    "wrong reference": (["good.txt", "--reference", "none"], "--reference 'none' is no run"),
    "unknown host": (["good.txt", "--host", "no.invalid"], "can't listen on no.invalid"),
    "host of others": (["good.txt", "--host", "192.0.2.7"], "can't listen on 192.0.2.7"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.usefixtures("folder")
def test_a_mistake_is_told_in_one_line_before_anything_is_served(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, expected = WRONG[name]
    assert cli.run(["serve", *arguments]) == exit_status.WRONG_USE
    out, err = capsys.readouterr()
    assert out == ""
    assert expected in err
    assert err.startswith("bigram-tui: ")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_a_wrong_keymap_is_told_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "bigram-tui").mkdir()
    (tmp_path / "bigram-tui" / "keymap.toml").write_text('fly = "f"\n')
    assert cli.run(["serve", "good.txt"]) == exit_status.WRONG_USE
    assert "no action 'fly'" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_port_in_use_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Path.cwd(), "good.txt") as server:
        port = server.url.rpartition(":")[2]
        assert cli.run(["serve", "good.txt", "--port", port]) == exit_status.WRONG_USE
    expected = f"bigram-tui: port {port} is in use: give another with --port, or --port 0"
    assert capsys.readouterr().err.startswith(expected)


def test_without_textual_serve_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    for module in ("bigram_tui.web.server", "bigram_tui.web.visit", "textual_serve.server"):
        monkeypatch.delitem(sys.modules, module)
    assert cli.run(["serve", NAMES]) == exit_status.WRONG_USE
    assert capsys.readouterr().err.endswith(": pip install textual-serve\n")


def test_the_servers_help_names_its_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["serve", "--help"]) == exit_status.DONE
    out = capsys.readouterr().out
    assert "--port" in out
    assert "--host" in out
    assert cli.run(["--help"]) == exit_status.DONE
    assert "bigram-tui serve names.txt" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_a_file_called_serve_is_opened_by_its_path() -> None:
    done = apart("./serve", "--json", "--backend", "count")
    assert json.loads(done.stdout)["corpus"]["lines"] == 1


def test_the_invitation_names_an_address_that_can_be_typed() -> None:
    assert "http://127.0.0.1:8000 " in invitation("127.0.0.1", 8000)
    assert "http://[::1]:80 " in invitation("::1", 80)
    for everywhere in ("0.0.0.0", "::", ""):
        line = invitation(everywhere, 8000)
        assert "http://127.0.0.1:8000 " in line
        assert "0.0.0.0" not in line
        own = own_address()
        assert own is None or f"from other machines http://{own}:8000" in line


def test_a_refusal_has_the_reason() -> None:
    assert "(Permission denied)" in refusal(PermissionError(13, "long"), "127.0.0.1", 80)


# What a server starts


@pytest.mark.parametrize("arguments", [["-"], ["good.txt", "--history", "a.csv"]])
@pytest.mark.usefixtures("folder")
def test_another_server_is_refused_what_ours_refuses(arguments: list[str]) -> None:
    """Before the program reads its input, in which the keys of the visitor come."""
    done = apart(*arguments, text="emma\n", TEXTUAL_DRIVER=WEB_DRIVER)
    assert done.returncode == exit_status.WRONG_USE
    assert done.stdout == ""
    assert "not for visitors" in done.stderr or "standard input" in done.stderr


@pytest.mark.usefixtures("folder")
def test_the_screen_opens_where_a_server_asks_for_it() -> None:
    """Without a terminal; and where the server is gone, which closes its end, it ends."""
    command = [sys.executable, "-m", "bigram_tui", "good.txt", "--backend", "count"]
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=environment(TEXTUAL_DRIVER=WEB_DRIVER, COLUMNS="80", ROWS="24"),
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == visits.PRELUDE
    output = b""
    while b"good.txt" not in output:
        drawn = os.read(child.stdout.fileno(), 1 << 16)
        assert drawn, child.communicate()
        output += drawn
    rest, errors = child.communicate(timeout=PATIENCE)
    output += rest
    assert errors == b""
    assert child.returncode == exit_status.DONE
    assert unpacked(output)[-1] == (b"M", b'{"type": "exit"}')


@pytest.mark.usefixtures("folder")
def test_no_terminal_takes_the_place_of_what_the_server_sends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where there is one: it is that of whoever started the server."""

    def taken() -> bool:
        raise AssertionError("the server's terminal")

    monkeypatch.setenv("TEXTUAL_DRIVER", WEB_DRIVER)
    monkeypatch.setattr(cli, "read_keys_from_terminal", taken)
    monkeypatch.setattr(screen, "open_screen", lambda *_: 42)
    assert cli.run(["good.txt"]) == 42


@pytest.mark.usefixtures("folder")
def test_a_program_that_prints_does_so_for_visitors_too() -> None:
    """As where a plugin runs it from within a served process."""
    done = apart("good.txt", "--json", "--backend", "count", TEXTUAL_DRIVER=WEB_DRIVER)
    assert json.loads(done.stdout)["corpus"]["lines"] == 2


def unpacked(output: bytes) -> list[tuple[bytes, bytes]]:
    """The kinds and contents of packets. ValueError if they are not whole."""
    packets = []
    while output:
        kind, size = output[:1], int.from_bytes(output[1:5], "big")
        if kind not in (b"D", b"M", b"P") or len(output) < 5 + size:
            raise ValueError("a torn packet")
        packets.append((kind, output[5 : 5 + size]))
        output = output[5 + size :]
    return packets


TWO_WRITERS = """
import asyncio
from bigram_tui.tui.browser_driver import BrowserDriver

async def main():
    driver = BrowserDriver(None, debug=False, mouse=True, size=(80, 24))

    def write(what):
        for _ in range(20):
            driver.write(what * 100_000)

    await asyncio.gather(*(asyncio.to_thread(write, what) for what in "ab"))

asyncio.run(main())
"""


def test_packets_of_two_threads_stay_whole() -> None:
    """Frames and downloads share one pipe, which is full again and again."""
    done = subprocess.run(
        [sys.executable, "-c", TWO_WRITERS], input=b"", capture_output=True,
        env=environment(), check=True, timeout=PATIENCE,
    )  # fmt: skip
    packets = unpacked(done.stdout)
    assert len(packets) == 40
    assert {payload for _, payload in packets} == {b"a" * 100_000, b"b" * 100_000}


# The process of a visitor

READY = "import os, sys, time; os.write(1, b'__GANGLION__\\n'); "


class Page:
    """What a visit writes to, in the place of a browser."""

    def __init__(self) -> None:
        self.drawn = b""
        self.told: list[Any] = []
        self.closed = False
        self.is_gone = False

    async def write_bytes(self, data: bytes) -> None:
        if self.is_gone:
            raise ConnectionResetError("Cannot write to closing transport")
        self.drawn += data

    async def write_str(self, text: str) -> None:
        self.told.append(json.loads(text))

    async def close(self) -> None:
        self.closed = True


VisitOf = Callable[[str, Page], Visit]


@pytest.fixture
async def visit_of() -> AsyncIterator[VisitOf]:
    """Makes visits in which some Python takes the place of the program."""
    made: list[Visit] = []

    def make(code: str, page: Page) -> Visit:
        visit = Visit(
            shlex.join([sys.executable, "-c", code]),
            write_bytes=page.write_bytes,
            write_str=page.write_str,
            close=page.close,
            download_manager=DownloadManager(),
        )
        made.append(visit)
        return visit

    yield make
    for visit in made:
        visits.kill(visit._running)
        visit._running._transport.close()  # type: ignore[attr-defined]  # before the loop is


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "GOODBYE_SECONDS", 0.2)


async def test_a_visit_hands_on_what_is_drawn_and_told(visit_of: VisitOf) -> None:
    draw = "os.write(1, b'D\\0\\0\\0\\3abcM\\0\\0\\0\\x37' + b'%-55s' % open_url); sys.stdin.read()"
    url = 'open_url = b\'{"type": "open_url", "url": "u", "new_tab": true}\'; '
    page = Page()
    visit = visit_of(READY + url + draw, page)
    await visit.start(80, 24)
    await until(lambda: page.told)
    assert page.drawn == b"abc"
    assert page.told == [["open_url", {"url": "u", "new_tab": True}]]
    assert not page.closed
    await visit.stop()
    assert page.closed


async def test_a_process_that_ends_closes_the_page(
    visit_of: VisitOf, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also one that never began to draw; what it says is shown, but not obeyed."""
    page = Page()
    visit = visit_of("import sys; sys.exit('no \\x1b[2J text')", page)
    await visit.start(80, 24)
    await until(lambda: page.closed)
    await visit.stop()
    assert capfd.readouterr().err == "no ␛[2J text\n"


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["b'x' * 999_999", "b'__GANGLION__\\n' + b'no packet' * 9"])
async def test_a_process_that_writes_no_packets_is_ended(visit_of: VisitOf, noise: str) -> None:
    page = Page()
    visit = visit_of(f"import os, time; os.write(1, {noise}); time.sleep(999)", page)
    await visit.start(80, 24)
    if "GANGLION" in noise:  # "o pa", taken for a size, is never reached
        await visit.stop()
    await until(lambda: page.closed)
    await visit.stop()
    assert visit._running.returncode == -signal.SIGKILL


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "code",
    [
        READY + "time.sleep(999)",
        "import time; time.sleep(999)",
        READY + "os.fork() or time.sleep(999); time.sleep(999)",
        READY + "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(999)",
    ],
    ids=["hung", "not begun", "with a child", "deaf"],
)
async def test_a_process_that_does_not_answer_is_ended(visit_of: VisitOf, code: str) -> None:
    page = Page()
    visit = visit_of(code, page)
    await visit.start(80, 24)
    started = time.monotonic()
    await visit.stop()
    assert time.monotonic() - started < PATIENCE / 2
    assert visit._running.returncode == -signal.SIGKILL
    assert page.closed
    await visit.stop()  # as a server does that ends meanwhile


async def test_a_visitor_who_is_gone_does_not_hold_up_the_end(visit_of: VisitOf) -> None:
    """The process, which fills its pipe, could otherwise not read that it is to end."""
    draw = "d = b'D\\0\\0\\xff\\xff' + bytes(65535); [os.write(1, d) for _ in range(100)]; "
    page = Page()
    page.is_gone = True
    visit = visit_of(READY + draw + "sys.exit(7)", page)
    await visit.start(80, 24)
    await until(lambda: page.closed)
    await visit.stop()
    assert visit._running.returncode == 7


async def test_no_visitor_has_a_screen_without_bounds(visit_of: VisitOf) -> None:
    code = READY + (
        "os.write(1, b'D\\0\\0\\0\\x0a' + (os.environ['COLUMNS'] + ' ' + os.environ['ROWS'])"
        ".encode().ljust(10)); p = sys.stdin.buffer.read1(); "
        "os.write(1, b'D' + (len(p) - 5).to_bytes(4, 'big') + p[5:]); sys.stdin.read()"
    )
    page = Page()
    visit = visit_of(code, page)
    await visit.start(10**9, -1)
    await until(lambda: len(page.drawn) >= 10)
    assert page.drawn.split() == [str(LARGEST).encode(), b"1"]
    page.drawn = b""
    await visit.set_terminal_size(0, 10**9)
    await until(lambda: page.drawn)
    assert json.loads(page.drawn) == {"type": "resize", "width": 1, "height": LARGEST}
    await visit.stop()
    assert [clamped(size) for size in (-5, 1, 80, LARGEST + 1)] == [1, 1, 80, LARGEST]


# The server


@pytest.fixture
def few(tmp_path: Path) -> str:
    path = tmp_path / "few.txt"
    path.write_text("emma\nava\n")
    return str(path)


async def drawn_by(socket: aiohttp.ClientWebSocketResponse, what: bytes) -> None:
    """Read what a visitor's program draws until something is among it."""
    drawn = b""
    async with asyncio.timeout(PATIENCE):
        while what not in drawn:
            message = await socket.receive()
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
            drawn += message.data if isinstance(message.data, bytes) else b""


@pytest.mark.slow
@pytest.mark.parametrize(
    "origin", [None, "http://evil.example", "null", "https://127.0.0.1", "http://localhost"]
)
async def test_no_other_sites_page_opens_the_program(
    tmp_path: Path, few: str, origin: str | None
) -> None:
    """A program that is no browser says nothing of where it comes from, and may."""
    with serving(tmp_path, few) as server:
        headers = {} if origin is None else {"Origin": origin}
        async with aiohttp.ClientSession() as session:
            if origin is None:
                async with session.ws_connect(f"{server.url}/ws") as socket:
                    await drawn_by(socket, b"few.txt")
                return
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{server.url}/ws", headers=headers)
            assert refused.value.status == 403
        assert server.children() == set()


STRAY = """
import os
import numpy as np
from dataclasses import dataclass
from bigram_tui.backend import Backend, Iteration

print("imported")

@dataclass
class Stray(Backend):
    def train(self, bigrams, weights):
        while True:
            os.write(1, b"stray bytes\\n")
            open("trained", "w").close()
            yield Iteration(np.full(weights.shape, 1 / len(weights)), weights)
"""


async def test_what_a_plugin_prints_does_not_come_between_the_packets(
    tmp_path: Path, few: str
) -> None:
    (tmp_path / "stray.py").write_text(STRAY)
    with serving(tmp_path, few, "--backend", "stray.py", "--no-tour") as server:
        address = f"{server.url}/ws"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            await drawn_by(socket, b"few.txt")
            await socket.send_str('["stdin", "Sc"]')
            await drawn_by(socket, b"compare")
            trained = (tmp_path / "trained").exists
            await asyncio.to_thread(wait_for, trained, "a step")
            await socket.send_str('["stdin", "c"]')
            await drawn_by(socket, b"samples")  # so the server has read what came before
        wait_for(lambda: not server.children(), "the end of the visit")
        status, errors = await asyncio.to_thread(server.end, signal.SIGTERM)
    assert status == 128 + signal.SIGTERM
    assert "stray bytes\n" in errors


@pytest.mark.slow
async def test_nonsense_from_a_visitor_is_passed_over(tmp_path: Path, few: str) -> None:
    """And sizes that are no numbers; what comes after it counts."""
    nonsense = (
        "", "{", "[]", "null", "[1]", '["resize"]', '["resize", {"width": "a", "height": 1}]',
        '["stdin"]', '["stdin", 3]', '["stdin", "\\ud800"]', '["stdin", ""]',
        '["frobnicate", 1]', "9" * 5000,
    )  # fmt: skip
    with serving(tmp_path, few, "--no-tour") as server:
        async with aiohttp.ClientSession() as session:
            url = f"{server.url}/ws?width=a&height=99999999999"
            async with session.ws_connect(url) as socket:
                await drawn_by(socket, b"few.txt")
                for text in nonsense:
                    await socket.send_str(text)
                await socket.send_bytes(b"\xff")
                await socket.send_str('["stdin", "a"]')
                await socket.send_str('["stdin", "M"]')
                await drawn_by(socket, b"numpy at step 1")
                await socket.send_str('["ping", "12"]')
                async with asyncio.timeout(PATIENCE):
                    while (await socket.receive()).data != '["pong", "12"]':
                        pass
        wait_for(lambda: not server.children(), "the end of the visit")
        assert server.end(signal.SIGHUP) == (128 + signal.SIGHUP, "")


async def test_only_the_page_and_its_parts_are_served(tmp_path: Path, few: str) -> None:
    with serving(tmp_path, few) as server:
        async with aiohttp.ClientSession() as session:

            async def status(path: str) -> int:
                async with session.get(server.url + path) as response:
                    return response.status

            async with session.get(server.url) as response:
                assert "default-src 'self'" in response.headers["Content-Security-Policy"]
                assert response.content_type == "text/html"
            for part in ("/page/page.js", "/page/page.css", "/static/js/textual.js"):
                assert await status(part) == 200
            for path in ("/few.txt", "/page", "/page/", "/page/..%2fserver.py", "/download/1"):
                assert await status(path) in (403, 404), path


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to look at")
async def test_a_server_ends_at_once_though_a_program_hangs(tmp_path: Path, few: str) -> None:
    """Here one that is stopped."""
    with serving(tmp_path, few) as server:
        address = f"{server.url}/ws"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            await drawn_by(socket, b"few.txt")
            (process,) = server.children()
            os.kill(process, signal.SIGSTOP)
            assert await asyncio.to_thread(server.end, signal.SIGTERM) == (143, "")
            assert not is_alive(process)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("host", "name", "status"),
    [
        ("127.0.0.1", "localhost", 101),
        ("127.0.0.1", "127.0.0.1", 101),
        ("127.0.0.1", "evil.example", 403),
        ("0.0.0.0", "class.example", 101),
    ],
)
async def test_a_server_for_this_machine_alone_answers_to_no_other_name(
    tmp_path: Path, few: str, host: str, name: str, status: int
) -> None:
    """Though the page's origin is of that name too, as where a site has its name lead here."""
    with serving(tmp_path, few, "--host", host, "--no-tour") as server:
        port = server.url.rpartition(":")[2].strip("/")
        headers = {"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}"}
        async with aiohttp.ClientSession() as session:
            address = f"http://127.0.0.1:{port}/ws"
            if status == 101:
                async with session.ws_connect(address, headers=headers) as socket:
                    await drawn_by(socket, b"few.txt")
            else:
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(address, headers=headers)
                assert refused.value.status == status


@pytest.mark.slow
def test_a_server_that_nohup_started_outlives_its_terminal(tmp_path: Path, few: str) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which the server inherits
    try:
        with serving(tmp_path, few) as server:
            server.process.send_signal(signal.SIGHUP)
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(1)
            assert server.end(signal.SIGINT) == (0, "")
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
async def test_a_message_of_any_depth_ends_nothing(tmp_path: Path, few: str) -> None:
    with serving(tmp_path, few, "--no-tour") as server:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{server.url}/ws") as socket,
        ):
            await drawn_by(socket, b"few.txt")
            await socket.send_str("[" * 200_000)
            await socket.send_str('["stdin", "c"]')
            await drawn_by(socket, b"compare")
        _, errors = await asyncio.to_thread(server.end, signal.SIGINT)
    assert errors == ""
