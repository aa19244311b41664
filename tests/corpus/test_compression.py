"""Compressed files are read exactly as their own tools read them, or refused with one true line.

What is right is told by `gzip -dc`, `bzip2 -dc`, `xz -dc` and `zstd -dc`. These accept a file if
they exit with 0 and have nothing to say on stderr: bzip2 warns of what follows its streams, and
exits with 0. zstd may use windows of 2 GiB, as we do. Where program and tool are meant to differ,
`bigram_tui.corpus.compression` says so; no file made here is of that kind but for DIFFERENT.
"""

import bz2
import gzip
import lzma
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus import streams
from bigram_tui.corpus.builder import CHUNK_SIZE
from bigram_tui.corpus.compression_formats import MAGIC
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import probe
from bigram_tui.corpus.opening import open_text, read_chunks
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.errors import TextError
from tests.cancelling import CancelledWhen
from tests.corpus.test_reading import CHECKOUT, zstd, zstd_library

TEXT, MORE = "emma\nzoë\n".encode(), b"olivia ann\n"

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}

ORACLE = {"zstd": "zstd -dc -q --long=31"}

SKIPPABLE = struct.pack("<II", 0x184D2A5C, 5) + b"12345"

each_kind = pytest.mark.parametrize("kind", PACK)


class Verdict(NamedTuple):
    """What the tool did: its exit status, its output, and what it said."""

    status: int
    content: bytes
    said: bytes

    @property
    def accepts(self) -> bool:
        return self.status == 0 and not self.said


def verdicts(kind: str, files: dict[str, bytes], folder: Path) -> Iterator[tuple[str, Verdict]]:
    """What the tool does with each file; the files are left in the folder by their names."""
    if shutil.which(kind) is None:
        pytest.skip(f"there is no {kind}")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    command = ORACLE.get(kind, f"{kind} -dc")
    loop = f'for f in *; do {command} < "$f" > "$f.out" 2> "$f.err"; echo $? > "$f.rc"; done'
    subprocess.run(["sh", "-c", loop], cwd=folder, check=True)
    for name in files:
        status, content, said = (
            (folder / f"{name}.{part}").read_bytes() for part in ("rc", "out", "err")
        )
        yield name, Verdict(int(status), content, said)


def verdict(kind: str, data: bytes) -> Verdict:
    """What the tool does with a file."""
    if shutil.which(kind) is None:
        pytest.skip(f"there is no {kind}")
    command = ORACLE.get(kind, f"{kind} -dc").split()
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    return Verdict(done.returncode, done.stdout, done.stderr)


def content_of(path: Path, chunk_size: int = CHUNK_SIZE) -> bytes | str:
    """What the program unpacks, or why it does not."""
    try:
        with open_text(probe(str(path))) as stream:
            return b"".join(read_chunks(stream, lambda: chunk_size, None))
    except TextError as error:
        return str(error)


def refusal(path: Path) -> str | None:
    """Why the program does not read a text; None if it does."""
    try:
        read_corpus(str(path))
    except CorpusError as error:
        return str(error)
    return None


def is_told_as_compressed(message: str) -> bool:
    """Whether a message is about the compressed data, and in one line with advice."""
    reasons = (
        r"is (damaged: its \w+ data fails its checks; get it again"
        r"|cut off: its \w+ data has no end; get it again"
        r"|damaged, or its zstd window is larger than 2 GiB: get it again, or unpack .*)"
        r"|goes on with ([\d,]+ bytes? of )?.* after its \w+ data: .* head -c \d+ FILE"
        r"|has an xz checksum of an unknown kind.*"
        r"|needs (options|the dictionary|more than).*: unpack it with .*"
    )
    return re.fullmatch(f"'[^']*' ({reasons})", message) is not None


# Files of every structure


def arrangements(kind: str) -> dict[str, bytes]:
    """Files of several streams, empty ones, padding and other data, by their names."""
    pack = PACK[kind]
    one, two, none = pack(TEXT), pack(MORE), pack(b"")
    files = {
        "one stream": one,
        "two streams": one + two,
        "three streams": one + two + one,
        "an empty stream": none,
        "an empty stream, then a text": none + one,
        "a text, then an empty stream": one + none,
        "empty streams around": none + none + one + none + none,
        "a line over two streams": pack(b"em") + pack(b"ma\n"),
        "a text, then a line end": one + b"\n",
        "a text, then garbage": one + b"garbage",
        "a text, then much garbage": one + b"\xff" * 100_000,
        "a text, zeros, then garbage": one + bytes(8) + b"garbage",
        "a text, then a damaged stream": one + two[:-3] + bytes([two[-3] ^ 1]) + two[-2:],
        "a text, then a damaged head": one + bytes([two[0] ^ 1]) + two[1:],
    }
    for zeros in (1, 2, 3, 4, 5, 8, 11, 12, 512, 65_536, 100_001):
        files[f"a text, then {zeros} zeros"] = one + bytes(zeros)
        files[f"a text, {zeros} zeros, a text"] = one + bytes(zeros) + two
        files[f"{zeros} zeros, a text"] = bytes(zeros) + two
    for other in PACK.keys() - {kind, "zstd"}:
        files[f"a text, then one in {other}"] = one + PACK[other](MORE)
    if kind == "zstd":
        del files["a text, then one in gzip"], files["a text, then one in xz"]  # DIFFERENT
        files["a skippable frame, then a text"] = SKIPPABLE + one
        files["a text, then a skippable frame"] = one + SKIPPABLE
        files["skippable frames everywhere"] = SKIPPABLE * 2 + one + SKIPPABLE + two + SKIPPABLE
        files["a skippable frame that is cut off"] = one + SKIPPABLE[:-2]
        files["nothing but a skippable frame"] = SKIPPABLE
        files["a window of 2 GiB"] = zstd_frame(TEXT, window_log=31)
        files["a window of 4 GiB"] = zstd_frame(TEXT, window_log=32)
    if kind == "xz":
        for check in (lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_SHA256):
            files[f"check {check}"] = lzma.compress(TEXT, check=check)
        files["an unknown check"] = xz_of_unknown_check(TEXT)
        files["an executable filter"] = lzma.compress(
            TEXT, filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2}]
        )
    return files


def zstd_frame(content: bytes, window_log: int) -> bytes:
    """A frame of one raw block that asks for a window."""
    block = len(content) << 3 | 1
    window = (window_log - 10) << 3
    return b"\x28\xb5\x2f\xfd\x00" + bytes([window]) + block.to_bytes(3, "little") + content


def xz_of_unknown_check(content: bytes) -> bytes:
    """A stream whose flags name a checksum of four bytes that nobody has defined."""
    data = bytearray(lzma.compress(content, check=lzma.CHECK_CRC32))
    data[7] = data[-3] = 2
    data[8:12] = struct.pack("<I", zlib.crc32(data[6:8]))
    data[-12:-8] = struct.pack("<I", zlib.crc32(data[-8:-2]))
    return bytes(data)


def is_damaged(path: Path) -> bool:
    """Whether the program says that a file is damaged."""
    return "is damaged: " in (refusal(path) or "")


def compare(
    kind: str, files: dict[str, bytes], folder: Path, unchanged: bytes | None = None
) -> tuple[int, int]:
    """Hold the program against the tool; how many files both accepted, and both refused.

    unchanged: the content of the one file, if all others differ from it by a byte.
    """
    accepted = refused = 0
    for name, oracle in verdicts(kind, files, folder):
        path = folder / name
        if not files[name].startswith(MAGIC[kind]):
            assert not oracle.accepts
            assert refusal(path) is not None, name
        elif kind == "zstd" and oracle.content == unchanged and is_damaged(path):
            pass  # 1.5.4 overlooks some bits that mean nothing, which later versions check
        elif oracle.accepts:
            accepted += 1
            assert content_of(path) == oracle.content, name
            assert content_of(path, chunk_size=1) == oracle.content, name
            assert (refusal(path) is None) == bool(oracle.content.strip()), name
        else:
            refused += 1
            message = refusal(path)
            assert message is not None, name
            assert is_told_as_compressed(message), (name, message)
    return accepted, refused


@pytest.mark.slow
@each_kind
def test_files_of_every_structure_are_read_as_their_tool_reads_them(
    kind: str, tmp_path: Path
) -> None:
    accepted, refused = compare(kind, arrangements(kind), tmp_path)
    assert accepted >= 8
    assert refused >= 14


@pytest.mark.slow
@each_kind
def test_a_file_that_was_cut_off_anywhere_is_told_as_such(kind: str, tmp_path: Path) -> None:
    first, data = PACK[kind](TEXT), PACK[kind](TEXT) + PACK[kind](MORE)
    files = {f"{size:04}": data[:size] for size in range(len(data) + 1)}
    for name, oracle in verdicts(kind, files, tmp_path):
        size, message = int(name), refusal(tmp_path / name)
        if size in (len(first), len(data)):
            assert oracle.accepts
            assert message is None
        elif size < 4 and files[name].isascii():
            assert message is None or "is cut off" not in message  # DIFFERENT
        else:
            assert not oracle.accepts
            assert message is not None
            assert f"is cut off: its {kind} data has no end; get it again" in message, size


@each_kind
@pytest.mark.parametrize("bits", ["one", pytest.param("all", marks=pytest.mark.slow)])
def test_a_byte_that_was_changed_anywhere_is_told_as_damage(
    kind: str, bits: str, tmp_path: Path
) -> None:
    data = PACK[kind](TEXT * 2) + PACK[kind](MORE)
    files = {}
    for place, byte in enumerate(data):
        flip = 0xFF if bits == "all" else 1 << place % 8
        files[f"{place:04}"] = data[:place] + bytes([byte ^ flip]) + data[place + 1 :]
    accepted, refused = compare(kind, files, tmp_path, TEXT * 2 + MORE)
    # The header of gzip has a time and the like, and no checksum.
    assert accepted <= (20 if kind == "gzip" else 8)
    assert refused >= 0.7 * len(data)


@st.composite
def composed(draw: st.DrawFn, kind: str) -> tuple[bytes, bool]:
    """Some streams and what may be between them, perhaps cut off; and whether a byte is changed."""
    stream = st.text("ab é\n", max_size=300).map(lambda text: PACK[kind](text.encode()))
    between = [
        st.integers(1, 9).map(bytes),
        st.binary(min_size=1, max_size=12),
        stream.map(lambda data: data[: len(data) // 2]),
    ]
    if kind == "zstd":
        between.append(st.just(SKIPPABLE))
    data = PACK[kind](b"emma\n") + b"".join(
        draw(st.lists(st.one_of(stream, stream, *between), max_size=4))
    )
    what = draw(st.sampled_from(["leave", "leave", "cut", "change"]))
    if what == "cut":
        data = data[: draw(st.integers(10, len(data)))]
    if what == "change":
        place = draw(st.integers(len(MAGIC[kind][0]), len(data) - 1))
        data = data[:place] + draw(st.binary(min_size=1, max_size=1)) + data[place + 1 :]
    return data, what == "change"


@each_kind
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_the_tool_accepts_is_read_equally_and_nothing_else(
    kind: str, data: st.DataObject, tmp_path: Path
) -> None:
    packed, is_changed = data.draw(composed(kind))
    path = tmp_path / "packed"
    path.write_bytes(packed)
    oracle = verdict(kind, packed)
    if kind == "zstd" and is_changed and is_damaged(path):
        pass  # where compare() does not look either
    elif oracle.accepts:
        assert content_of(path) == oracle.content
    else:
        message = refusal(path)
        assert message is not None
        assert is_told_as_compressed(message), message


# Where we differ from the tool


@each_kind
@pytest.mark.parametrize("inner", PACK)
def test_a_text_that_is_compressed_twice_is_told(kind: str, inner: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(PACK[kind](PACK[inner](TEXT)))
    assert refusal(path) == (
        f"{str(path)!r} is compressed twice, first with {inner} and then with {kind}: "
        f"unpack it once, as in {kind} -dc FILE | bigram-tui -"
    )


@pytest.mark.parametrize("other", ["gzip", "xz"])
def test_zstd_is_followed_by_nothing_but_zstd(other: str, tmp_path: Path) -> None:
    path, packed = tmp_path / "text", PACK[other](MORE)
    path.write_bytes(zstd(TEXT) + packed)
    message = refusal(path)
    assert message is not None
    assert f"goes on with {len(packed)} bytes of {other} data after its zstd data: " in message


DIFFERENT = [
    (b"B", None),
    (b"BZh", None),
    (b"(", None),
    (b"BZh9", "is cut off: its bzip2"),
    (b"BZh91AY&S", "is cut off: its bzip2"),
    (b"BZh91AY&S\nis a riddle\n", None),
    (b"\xfd7z", "is cut off: its xz"),
    (b"\x28\xb5", "is cut off: its zstd"),
    (b"P*M", None),
    (b"P*M\x18", "is cut off: its zstd"),
]


@pytest.mark.parametrize(("data", "expected"), DIFFERENT)
def test_the_shortest_files_are_texts_if_they_could_be(
    data: bytes, expected: str | None, tmp_path: Path
) -> None:
    if b"M" in data:
        zstd_library()
    path = tmp_path / "text"
    path.write_bytes(data)
    message = refusal(path)
    assert message is None if expected is None else expected in (message or "")


# What is said


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (
            PACK["gzip"](TEXT) + b"garbage",
            "goes on with 7 bytes of something else after its gzip data: "
            f"get it again, or take the part before with head -c {len(PACK['gzip'](TEXT))} FILE",
        ),
        (PACK["gzip"](TEXT) + b"x", "goes on with 1 byte of something else after its gzip"),
        (bz2.compress(TEXT) + bytes(9), "goes on with 9 bytes of zeros after its bzip2 data"),
        (lzma.compress(TEXT) + bytes(3), "goes on with 3 bytes of zeros after its xz data"),
        (
            PACK["gzip"](TEXT) + bytes(2) + b"x",
            "goes on with 3 bytes of zeros and something else after its gzip data",
        ),
        (xz_of_unknown_check(TEXT), "has an xz checksum of an unknown kind, so that damage would"),
    ],
)
def test_what_follows_is_told(packed: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(packed)
    assert message in (refusal(path) or "")


def test_the_part_before_can_be_taken_as_told(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(lzma.compress(TEXT) + lzma.compress(MORE) + b"garbage")
    found = re.search(r"head -c (\d+) FILE", refusal(path) or "")
    assert found
    path.write_bytes(path.read_bytes()[: int(found[1])])
    assert content_of(path) == TEXT + MORE


def test_a_frame_with_a_dictionary_says_that_it_needs_it(tmp_path: Path) -> None:
    library = zstd_library()
    dictionary = library.train_dict([b"hello hello %d" % n for n in range(1000)], 300)
    path = tmp_path / "text"
    path.write_bytes(library.compress(b"hello world hello", zstd_dict=dictionary))
    assert "needs the dictionary that it was compressed with: unpack" in (refusal(path) or "")


@each_kind
def test_a_lack_of_memory_is_not_blamed_on_the_text(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text"
    path.write_bytes(PACK[kind](TEXT))

    class Greedy:
        eof, needs_input, unused_data = False, True, b""

        def decompress(self, data: bytes, max_length: int) -> bytes:
            raise MemoryError

    monkeypatch.setattr(
        f"bigram_tui.corpus.compression_formats.{kind.title()}.decompressor", lambda _: Greedy()
    )
    assert "needs more memory than there is: unpack it" in (refusal(path) or "")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as on Linux")
def test_a_window_that_memory_cannot_hold_is_not_called_damage(tmp_path: Path) -> None:
    zstd_library()
    path = tmp_path / "text"
    path.write_bytes(zstd_frame(TEXT, window_log=31))
    program = f"""
import resource
from bigram_tui.errors import TextError
from bigram_tui.corpus.files import probe
from bigram_tui.corpus.opening import open_text
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
try:
    with open_text(probe({str(path)!r})) as stream:
        stream.read(100)
except TextError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=CHECKOUT
    )
    message = b"needs more memory than there is: unpack it with zstd -d --long=31 FILE elsewhere"
    assert done.stdout.strip() == message


def test_an_xz_dictionary_has_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bigram_tui.corpus.compression_formats.LARGEST_WINDOW", 1 << 16)
    path = tmp_path / "text"
    path.write_bytes(lzma.compress(TEXT))
    assert "needs more than" in (refusal(path) or "")


# Memory, pipes, damage that shows late


@pytest.mark.slow
@each_kind
def test_a_bomb_does_not_fill_the_memory(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACK[kind](b"a\n" * (4 << 20)))
    assert path.stat().st_size < 10_000
    tracemalloc.start()
    try:
        with open_text(probe(str(path))) as stream:
            size = sum(map(len, read_chunks(stream, lambda: CHUNK_SIZE, None)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 8 << 20
    window = 8 << 20 if kind == "xz" else 0  # others are small, or not traced
    assert peak < window + 8 * CHUNK_SIZE


@pytest.mark.skipif(not os.path.exists("/dev/fd/0"), reason="there is no /dev/fd")
@each_kind
@pytest.mark.parametrize("watched", [True, False])
def test_a_magic_that_comes_byte_by_byte_is_recognised(
    kind: str, watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PAUSE_SECONDS", 0.001)
    data = PACK[kind](TEXT) + PACK[kind](MORE)
    reader, writer = os.pipe()
    written = 0
    waiting = select.select

    def write_when_silent(*arguments: Any) -> Any:
        """Give one byte more after each pause."""
        nonlocal written
        ready = waiting(*arguments)
        if not ready[0] and written < len(data):
            os.write(writer, data[written : written + 1])
            written += 1
            if written == len(data):
                os.close(writer)
        return ready

    monkeypatch.setattr(select, "select", write_when_silent)
    cancellation = CancelToken() if watched else None
    try:
        with open_text(probe(f"/dev/fd/{reader}"), cancellation) as stream:
            assert b"".join(read_chunks(stream, lambda: CHUNK_SIZE, None)) == TEXT + MORE
    finally:
        os.close(reader)


@each_kind
def test_damage_is_told_though_the_text_is_wrong_long_before_it_shows(
    kind: str, tmp_path: Path
) -> None:
    """And a text that is wrong in a sound file is what is wrong."""
    wrong = b"emma\n" * 1000 + b"zo\xeb\n" + b"olivia\n" * 200_000
    path = tmp_path / "text"
    packed = PACK[kind](wrong)
    path.write_bytes(packed)
    assert "is not UTF-8: byte 0xEB in line 1001;" in (refusal(path) or "")
    path.write_bytes(packed[:-2] + bytes([packed[-2] ^ 1, packed[-1]]))
    assert "is damaged: its" in (refusal(path) or "")
    path.write_bytes(packed[:-2])
    assert "is cut off: its" in (refusal(path) or "")


def test_the_search_for_damage_can_be_stopped_and_is_watched(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(gzip.compress(b"emma\nzo\xeb\n" + os.urandom(1000).hex().encode() * 1000))
    done: list[int] = []
    with pytest.raises(CorpusError, match="is not UTF-8: byte 0xEB in line 2"):
        read_corpus(str(path), progress=lambda *now: done.append(now[0]), chunk_size=1 << 16)
    assert len(done) > 20
    done.clear()
    with pytest.raises(CorpusError, match="is not UTF-8: byte 0xEB in line 2"):
        read_corpus(
            str(path),
            progress=lambda *now: done.append(now[0]),
            cancellation=CancelledWhen(lambda: len(done) > 5),
            chunk_size=1 << 16,
        )
    assert len(done) < 10
