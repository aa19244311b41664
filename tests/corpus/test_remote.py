"""Texts at an address, read from servers on this machine."""

import gzip
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bigram_tui.cancellation import CancelToken
from bigram_tui.cli import exit_status
from bigram_tui.cli.main import run
from bigram_tui.corpus import remote
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counts_file import read_counts
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import Kind, probe
from bigram_tui.corpus.items import read_items
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.errors import BrokenTextError
from tests.corpus.s3 import s3_server

pytest.importorskip("aiohttp")
fsspec = pytest.importorskip("fsspec")

TEXT = "".join(f"emma{'é' * (k % 7)}\nava {k}\n" for k in range(20_000)).encode()


@dataclass
class Site:
    """A server of HTTP, and what it does wrong."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    breaks: int = 0
    """How many answers break off in the middle."""
    status: int = 200
    etag: str = '"1"'
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    """A server on a free port."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            site.requests.append(f"{self.command} {self.headers.get('Range', '')}".strip())
            content = site.files.get(self.path)
            if site.status != 200 or content is None:
                self.send_response(site.status if site.status != 200 else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if wanted and site.ranges:
                start, stop = int(wanted[1]), min(int(wanted[2]) + 1, len(content))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
                content = content[start:stop]
            else:
                self.send_response(200)
            if site.ranges:
                self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", site.etag)
            self.end_headers()
            if not with_body:
                return
            if site.breaks:
                site.breaks -= 1
                content = content[: len(content) // 2]
                self.close_connection = True
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(remote, "BLOCK_SIZE", 100_000)


def local(tmp_path: Path, content: bytes) -> Corpus:
    path = tmp_path / "text"
    path.write_bytes(content)
    return read_corpus(str(path))


def check_same(ours: Corpus, theirs: Corpus) -> None:
    assert ours.lines == theirs.lines
    assert ours.items == theirs.items
    assert ours.train.vocabulary == theirs.train.vocabulary
    assert (ours.train.counts == theirs.train.counts).all()


def refusal(address: str) -> str:
    with pytest.raises(CorpusError) as caught:
        read_corpus(address)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("packed", [False, True])
def test_a_text_is_read_as_a_file_is(
    site: Site, tmp_path: Path, ranges: bool, packed: bool
) -> None:
    site.files["/text?a=1"] = gzip.compress(TEXT) if packed else TEXT
    site.ranges = ranges
    seen: list[tuple[int, int | None]] = []
    corpus = read_corpus(f"{site.address}/text?a=1", progress=lambda *each: seen.append(each))
    check_same(corpus, local(tmp_path, TEXT))
    size = len(site.files["/text?a=1"])
    assert seen[-1][0] == size
    assert seen[-1][1] == size


def test_a_broken_connection_is_taken_up_again(site: Site, tmp_path: Path) -> None:
    site.files["/text"] = TEXT
    site.breaks = 3
    check_same(read_corpus(f"{site.address}/text"), local(tmp_path, TEXT))


def test_a_connection_that_keeps_breaking_is_told_with_the_part_before(site: Site) -> None:
    site.files["/text"] = TEXT
    site.breaks = 10**6
    assert "try again" in refusal(f"{site.address}/text")


class BrokenFile:
    """A connection that has broken."""

    def read(self, size: int) -> bytes:
        raise OSError("broken")

    def close(self) -> None:
        pass


@pytest.mark.parametrize("breaks", [False, True])
def test_a_file_that_changes_while_it_is_read_is_refused(site: Site, breaks: bool) -> None:
    site.files["/text"] = TEXT
    with closing(remote.RemoteFile(f"{site.address}/text", CancelToken())) as stream:
        assert stream.read(10) == TEXT[:10]
        site.etag = '"2"'
        if breaks:
            stream._file.close()
            stream._file = BrokenFile()
        with pytest.raises(BrokenTextError, match="changed while it was read"):
            deque(iter(partial(stream.read, 100_000), b""))


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "does not exist"), (403, "may not be read"), (401, "may not be read"), (500, "500")],
)
def test_what_a_server_refuses_is_told(site: Site, status: int, words: str) -> None:
    site.files["/text"] = TEXT
    site.status = status
    assert words in refusal(f"{site.address}/text")


def test_no_server_no_such_host_and_no_such_protocol_are_told() -> None:
    assert "can't be reached" in refusal("http://127.0.0.1:9/text")
    assert "can't be reached" in refusal("http://no-such-host.invalid/text")
    assert "nosuch" in refusal("nosuch://bucket/text")


def test_an_address_is_not_looked_at_before_it_is_read() -> None:
    file = probe("https://127.0.0.1:9/text")
    assert (file.kind, file.size, file.takes_time) == (Kind.REMOTE, None, True)


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    assert "pip install 'bigram-tui[remote]'" in refusal("https://127.0.0.1:9/text")


@pytest.fixture
def memory() -> Iterator[Any]:
    """A file system in memory, as fsspec has one."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()


def test_patterns_match_files_at_an_address(memory: Any, tmp_path: Path) -> None:
    for name, content in {"a.txt": b"emma\n", "b.txt": b"ava\n", "c.md": b"x\n"}.items():
        memory.pipe_file(f"/texts/{name}", content)
    corpus = read_corpus("memory://texts/*.txt")
    check_same(corpus, local(tmp_path, b"emma\nava\n"))
    assert len(corpus.several) == 2
    with pytest.raises(CorpusError, match="matches no file"):
        read_corpus("memory://texts/*.nothing")


def test_lines_are_read_again_for_lessons(memory: Any) -> None:
    memory.pipe_file("/text", b"emma\nava\n")
    assert [item for items, _ in read_items("memory://text") for item in items] == ["emma", "ava"]


def test_counts_know_their_address(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files["/text"] = TEXT
    monkeypatch.chdir(tmp_path)
    output = "x.counts.safetensors"
    assert run(["count", f"{site.address}/text", "-o", output]) == exit_status.DONE
    (source,) = read_counts(Path(output)).sources
    assert (source.path, source.size, source.mark) == (f"{site.address}/text", len(TEXT), '"1"')


@pytest.mark.slow
def test_a_text_on_s3_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server(monkeypatch) as client:
        client.create_bucket(Bucket="texts")
        client.put_object(Bucket="texts", Key="a.txt", Body=TEXT)
        client.put_object(Bucket="texts", Key="b.txt.gz", Body=gzip.compress(b"zoe\n"))
        corpus = read_corpus("s3://texts/*")
        check_same(corpus, local(tmp_path, TEXT + b"zoe\n"))
        assert "does not exist" in refusal("s3://texts/none.txt")
        assert "s3://" in refusal("s3://nowhere/none.txt")
