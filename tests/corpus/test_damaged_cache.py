"""An entry of the cache that is damaged, crafted or not ours counts as not there."""

import hashlib
import os
import stat
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bigram_tui.corpus.request import CorpusRequest
from bigram_tui.corpus.sealed_arrays import MAGIC, read_sealed, write_sealed
from tests.corpus.test_cache import seen_of, text


@pytest.fixture
def kept(tmp_path: Path, folder: Path) -> tuple[CorpusRequest, Path, dict[str, Any]]:
    """A request whose corpus is kept, the file that it is in, and how it looks."""
    content = b"ememma\navave\nzozoe\n" * 10 + b"lea\nleo\nmia\nanna\neva\n" * 6
    wanted = CorpusRequest((text(tmp_path, content),), (8, 2))
    seen = seen_of(wanted.read())
    (file,) = folder.iterdir()
    return wanted, file, seen


Kept = tuple[CorpusRequest, Path, dict[str, Any]]


def test_only_the_user_can_read_what_is_kept(kept: Kept) -> None:
    _, file, _ = kept
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def damaged(data: bytes, how: str, start: int, length: int, fill: bytes) -> bytes:
    """Return bytes of which a region was changed."""
    stop = start + length
    changes: dict[str, bytes] = {
        "flipped": data[:start] + bytes(byte ^ 0x55 for byte in data[start:stop]) + data[stop:],
        "zeroed": data[:start] + bytes(len(data[start:stop])) + data[stop:],
        "replaced": data[:start] + (fill * length)[:length] + data[stop:],
        "cut": data[:start],
        "cut out": data[:start] + data[stop:],
        "extended": data + fill * length,
        "doubled": data[:stop] + data[start:],
    }
    return changes[how]


def test_a_file_with_any_byte_damaged_is_not_used(kept: Kept) -> None:
    wanted, file, seen = kept
    data = file.read_bytes()
    assert len(data) < 5000
    for place in range(len(data)):
        for how in ("flipped", "zeroed", "cut", "cut out"):
            changed = damaged(data, how, place, 1, b"")
            if changed != data:
                file.write_bytes(changed)
                assert wanted.kept() is None, (how, place)
    file.write_bytes(b"")
    assert wanted.kept() is None
    assert seen_of(wanted.read()) == seen, "read again"
    assert wanted.kept(), "and kept again"
    assert file.read_bytes() == data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    how=st.sampled_from(["flipped", "zeroed", "replaced", "cut", "cut out", "extended", "doubled"]),
    start=st.integers(0, 3000),
    length=st.integers(0, 3000),
    fill=st.binary(min_size=1, max_size=9),
)
def test_a_file_that_is_damaged_anywhere_gives_the_same_corpus_or_none(
    kept: Kept, how: str, start: int, length: int, fill: bytes
) -> None:
    wanted, file, seen = kept
    data = file.read_bytes()
    changed = damaged(data, how, start, length, fill)
    file.write_bytes(changed)
    try:
        found = wanted.kept()
        assert (found is None) == (changed != data)
        assert found is None or seen_of(found) == seen
    finally:
        file.write_bytes(data)


Change = Callable[[Any], Any]


def contents_of(file: Path) -> dict[str, Any]:
    """The arrays of an entry, and its facts as one of them."""
    about, arrays = read_sealed(file.read_bytes())
    return {"about": about, **arrays}


def reseal(file: Path, contents: dict[str, Any]) -> None:
    """Write an entry whose checksum is right, whatever its contents are."""
    about = contents.pop("about")
    with file.open("wb") as stream:
        write_sealed(stream, about, contents)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cells0", lambda a: a[::-1]),
        ("cells0", lambda a: a[:-1]),
        ("cells0", lambda a: a + 1000),
        ("cells0", lambda a: a - 1),
        ("cells0", lambda a: a.astype(np.uint8)),
        ("times0", lambda a: a + 1),
        ("times0", lambda a: a * 0),
        ("times0", lambda a: np.append(a[:-2], [a[-1], a[-2]])),
        ("times1", lambda a: -a),
        ("times1", lambda a: a.astype(np.uint8)),
        ("times1", lambda a: a[::-1]),
        ("characters", lambda a: a[::-1]),
        ("characters", lambda a: a[:-1]),
        ("characters", lambda a: np.append(a, np.uint8(255))),
        ("rare", lambda a: np.append(a, np.uint8(ord("a")))),
        ("items", lambda a: a[:-4]),
        ("items", lambda a: a * 0 + 255),
        ("items", lambda a: np.append(a, np.frombuffer(b"\nemma", np.uint8))),
        ("about", lambda a: {"key": 1}),
        ("about", lambda a: [1]),
        ("about", lambda a: {**a, "lines": a["lines"] + 1}),
        ("about", lambda a: {**a, "key": "0" + a["key"]}),
        ("about", lambda a: {**a, "totals": a["totals"] * 2}),
        ("about", lambda a: {**a, "items": [10**9, 10**9]}),
    ],
)
def test_numbers_that_no_corpus_has_are_not_used(kept: Kept, name: str, change: Change) -> None:
    wanted, file, _ = kept
    contents = contents_of(file)
    reseal(file, dict(contents))
    assert wanted.kept()
    reseal(file, contents | {name: change(contents[name])})
    assert wanted.kept() is None


@pytest.mark.parametrize("name", ["cells0", "items", "characters"])
def test_an_array_that_is_missing_is_no_error(kept: Kept, name: str) -> None:
    wanted, file, _ = kept
    contents = contents_of(file)
    del contents[name]
    reseal(file, contents)
    assert wanted.kept() is None


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[" * 60_000,
        b'{"about": 1, "arrays": [["x", "|O", 1]]}',
        b'{"about": 1, "arrays": [["x", "<i8", 1e9]]}',
        b'{"about": 1, "arrays": [["x", "<i8", 1000000000000]]}',
        b'{"about": 1, "arrays": [["x", "<i8", -1]]}',
        b'{"about": 1, "arrays": []}' + b" " * (1 << 16),
        b'{"arrays": []}',
        b"\xff",
    ],
    ids=lambda header: header[:50].decode(errors="replace"),
)
def test_a_header_that_was_never_written_is_refused(kept: Kept, header: bytes) -> None:
    wanted, file, _ = kept
    content = len(header).to_bytes(8, "little") + header
    file.write_bytes(MAGIC + hashlib.blake2b(content, digest_size=32).digest() + content)
    assert wanted.kept() is None


CRAFTED: dict[str, Callable[[], dict[str, Any]]] = {
    "a table of many characters": lambda: {
        "characters": np.frombuffer("".join(map(chr, range(0x4E00, 0x9F00))).encode(), np.uint8)
    },
    "a text of characters": lambda: {"characters": np.full(1 << 20, 97, np.uint8)},
    "rare characters": lambda: {"rare": np.full(1 << 20, 97, np.uint8)},
    "items": lambda: {
        "items": np.frombuffer(b"\n" * (1 << 20), np.uint8),
        "items about": [(1 << 20) + 1, 1],
    },
    "the header": lambda: {"about": [[]] * (1 << 18)},
}


@pytest.mark.parametrize("crafted", CRAFTED)
def test_a_crafted_entry_takes_little_memory(kept: Kept, crafted: str) -> None:
    wanted, file, _ = kept
    contents = contents_of(file) | CRAFTED[crafted]()
    if "items about" in contents:
        contents["about"]["items"] = contents.pop("items about")
    reseal(file, contents)
    assert file.stat().st_size < 2 << 20
    tracemalloc.start()
    try:
        assert wanted.kept() is None
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on Unix alone")
def test_a_pipe_in_the_place_of_an_entry_is_not_waited_for(kept: Kept) -> None:
    request, file, _ = kept
    file.unlink()
    os.mkfifo(file)
    assert request.kept() is None


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners have numbers on Unix alone")
def test_what_another_user_made_is_not_used(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    request, _, _ = kept
    assert request.kept() is not None
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert request.kept() is None


def test_a_time_that_can_not_be_noted_is_no_damage(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    assert kept[0].kept() is not None


def test_the_entry_of_another_text_is_not_used(kept: Kept, tmp_path: Path) -> None:
    _, file, _ = kept
    other = CorpusRequest((text(tmp_path, b"lea\n" * 20, "other"),))
    entry = other._entry
    assert entry is not None
    file.rename(entry.file)
    assert other.kept() is None
