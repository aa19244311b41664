"""What the cache gives back is what was counted; anything else in it counts as not there."""

import hashlib
import io
import os
import stat
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bigram_tui.corpus import cache, distinct_items, request
from bigram_tui.corpus.cache import UNSETTLED_NS
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.corpus.request import CorpusRequest
from bigram_tui.corpus.sealed_arrays import MAGIC, read_sealed, write_sealed
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.paths import cache_folder
from tests.cancelling import cancelled
from tests.cli.test_cli import imported_by
from tests.corpus.building import count_stream

LONG_AGO = (1_000_000_000, 1_000_000_000)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, and texts that are large enough for it at once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(request, "KEPT_SIZE", 10)
    # The times of a file that was just written say nothing yet; ctime can't be set.
    monkeypatch.setattr(cache, "UNSETTLED_NS", -(10**12))
    return cache_folder()


def text(folder: Path, content: bytes = b"emma\nava\nzoe\n", name: str = "text") -> str:
    path = folder / name
    path.write_bytes(content)
    os.utime(path, LONG_AGO)
    return str(path)


def fields_of(bigrams: Bigrams | None) -> object:
    if bigrams is None:
        return None
    return bigrams.vocabulary, bigrams.counts.tolist(), bigrams.counts.dtype, bigrams.total


def seen_of(corpus: Corpus) -> dict[str, Any]:
    """All fields of a corpus, to be compared."""
    fields = dict(vars(corpus))
    return {k: fields_of(v) if isinstance(v, Bigrams) else v for k, v in fields.items()}


characters = st.one_of(st.sampled_from("ab. \n\n"), st.characters(exclude_categories=["Cs"]))


@given(
    content=st.text(characters, max_size=80),
    split=st.sampled_from([None, (2, 1), (8, 1, 1)]),
    seed=st.integers(0, 9),
    max_vocabulary=st.sampled_from([2, 4, 2048]),
    budget=st.sampled_from([300, 1 << 20]),
    several=st.booleans(),
)
@example("a" * 9, (1, 1), 3, 2048, 1 << 20, False)
@example("日本\nzoë\n\x85x\u2028y", None, 0, 2, 1 << 20, True)
def test_a_corpus_from_the_cache_is_the_one_that_was_read(
    tmp_path_factory: pytest.TempPathFactory,
    content: str,
    split: tuple[int, ...] | None,
    seed: int,
    max_vocabulary: int,
    budget: int,
    several: bool,
) -> None:
    tmp_path = tmp_path_factory.mktemp("texts")
    paths = [text(tmp_path, ("\nand more\n" * 2 + content.replace("\0", "") + "\nz").encode())]
    paths += [text(tmp_path, b"emma\nava\n", "other")] if several else []
    with mock.patch.object(distinct_items, "ITEM_BUDGET", budget):
        wanted = CorpusRequest(tuple(paths), split, seed, max_vocabulary)
        assert wanted.kept() is None
        read = wanted.read()
        found = wanted.kept()
    assert found is not None
    assert seen_of(found) == seen_of(read)
    assert not found.train.counts.flags.writeable


def rewrite_in_the_past(path: Path) -> None:
    path.write_bytes(b"emma\nava\nleo\n")
    os.utime(path, LONG_AGO)


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (lambda path: None, True),
        (lambda path: path.write_bytes(b"emma\nava\nzoe\nlea\n"), False),
        (rewrite_in_the_past, False),
        (lambda path: os.utime(path, (2e9, 2e9)), False),
        (lambda path: path.unlink(), False),
    ],
    ids=["no change", "another size", "the same size and time", "another time", "gone"],
)
def test_a_file_that_changes_is_read_again(
    tmp_path: Path, change: Callable[[Path], object], kept: bool
) -> None:
    path = text(tmp_path)
    CorpusRequest((path,)).read()
    change(Path(path))
    assert (CorpusRequest((path,)).kept() is not None) == kept


def test_every_option_has_a_corpus_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"".join(b"%d\n" % k for k in range(50))
    paths = text(tmp_path, content), text(tmp_path, content, "other")
    CorpusRequest(paths[:1]).read()
    assert CorpusRequest(paths[:1], seed=3).kept(), "without a split, no seed matters"
    for other in (
        CorpusRequest(paths),
        CorpusRequest(paths[1:]),
        CorpusRequest(paths[:1], (8, 2)),
        CorpusRequest(paths[:1], max_vocabulary=3),
        CorpusRequest(paths[:1], keep=False),
    ):
        assert other.kept() is None
    CorpusRequest(paths[:1], (8, 2), seed=1).read()
    assert CorpusRequest(paths[:1], (8, 2), seed=1).kept()
    assert CorpusRequest(paths[:1], (8, 2), seed=2).kept() is None
    assert CorpusRequest(paths[:1], (2, 8), seed=1).kept() is None
    for name, value in {"FORMAT": 9, "__version__": "9", "ITEM_BUDGET": 5}.items():
        with monkeypatch.context() as patch:
            patch.setattr(cache, name, value)
            assert CorpusRequest(paths[:1]).kept() is None


def test_a_path_is_the_same_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = text(tmp_path)
    CorpusRequest((path,)).read()
    monkeypatch.chdir(tmp_path)
    found = CorpusRequest(("text",)).kept()
    assert found is not None
    assert found.path == "text"
    assert CorpusRequest(("te?t",)).kept()


# What is not kept


def test_small_texts_and_pipes_do_not_touch_the_cache(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "KEPT_SIZE", 14)
    CorpusRequest((text(tmp_path),)).read()
    os.mkfifo(tmp_path / "pipe")
    assert CorpusRequest((text(tmp_path, b"x" * 20), str(tmp_path / "pipe")))._entry is None
    assert CorpusRequest(("-",))._entry is None
    assert not folder.exists()


@pytest.mark.parametrize("seconds", [0.0, 1.9, -5.0])
def test_a_file_that_is_too_new_is_not_kept(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """A change so soon after might leave its times as they are."""
    monkeypatch.setattr(cache, "UNSETTLED_NS", UNSETTLED_NS)
    path = text(tmp_path)
    times = os.stat(path)
    newest = max(times.st_mtime_ns, times.st_ctime_ns)
    monkeypatch.setattr("time.time_ns", lambda: newest + int(seconds * 1e9))
    CorpusRequest((path,)).read()
    assert not folder.exists()
    monkeypatch.setattr("time.time_ns", lambda: newest + int(2.1e9))
    CorpusRequest((path,)).read()
    assert CorpusRequest((path,)).kept()


def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path: Path, folder: Path) -> None:
    path = text(tmp_path)

    def grow(_done: int, _size: int | None) -> None:
        Path(path).write_bytes(b"emma\nava\nzoe\nlea\n")

    CorpusRequest((path,)).read(progress=grow)
    assert not folder.exists()


def test_what_was_stopped_is_not_kept(tmp_path: Path, folder: Path) -> None:
    corpus = CorpusRequest((text(tmp_path),)).read(cancellation=cancelled())
    assert isinstance(corpus.extent, Extent)
    assert not folder.exists()


def test_without_the_cache_nothing_is_kept(tmp_path: Path, folder: Path) -> None:
    CorpusRequest((text(tmp_path),), keep=False).read()
    assert not folder.exists()


# Safety


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


@pytest.mark.parametrize("trouble", ["no folder", "full disk", "interrupt"])
def test_what_can_not_be_written_leaves_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    wanted = CorpusRequest((text(tmp_path),))
    if trouble == "no folder":
        folder.parent.write_bytes(b"a file")
        assert wanted.read().lines == 3
        assert wanted.kept() is None
        return
    error = OSError(28, "No space left") if trouble == "full disk" else KeyboardInterrupt()

    def write_half(file: BinaryIO, *_: object) -> None:
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(cache, "write_sealed", write_half)
    if trouble == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            wanted.read()
    else:
        assert wanted.read().lines == 3
    assert list(folder.iterdir()) == []


def test_what_was_not_used_for_longest_makes_room(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [CorpusRequest((text(tmp_path, b"emma\n" * 10, f"text{k}"),)) for k in range(4)]
    files: dict[CorpusRequest, Path] = {}
    for age, wanted in zip((10, 30, 20), requests, strict=False):
        wanted.read()
        (files[wanted],) = set(folder.iterdir()) - set(files.values())
        os.utime(files[wanted], (10**9 - age, 10**9 - age))
    remains = folder / "of an earlier version.npz"
    remains.write_bytes(b"x" * 100)
    os.utime(remains, (10**8, 10**8))
    foreign = folder / "not ours"
    foreign.write_bytes(b"x")
    size = max(file.stat().st_size for file in files.values())
    assert requests[1].kept(), "and so used last"
    monkeypatch.setattr(cache, "ROOM", 3 * size)
    requests[3].read()
    assert [wanted.kept() is not None for wanted in requests] == [True, True, False, True]
    assert foreign.exists()
    assert not remains.exists()


def test_what_would_take_half_of_the_room_is_not_kept(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "ROOM", 300)
    CorpusRequest((text(tmp_path),)).read()
    assert not folder.exists()


def test_files_that_are_not_there_have_no_entry(tmp_path: Path) -> None:
    missing = CorpusRequest((text(tmp_path), str(tmp_path / "none")))
    assert missing._entry is None


def test_a_small_text_needs_no_cache(tmp_path: Path) -> None:
    program = (
        "from bigram_tui.corpus.request import CorpusRequest; "
        f"CorpusRequest(({text(tmp_path)!r},)).read(); "
        "assert 'bigram_tui.corpus.cache' not in sys.modules"
    )
    assert "numpy" in imported_by(program)
    assert cache.__name__ == "bigram_tui.corpus.cache"


def test_a_request_is_quick_if_its_files_are_small_and_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "QUICK_SIZE", 30)
    one, two = text(tmp_path, b"x" * 16, "one"), text(tmp_path, b"y" * 16, "two")
    assert CorpusRequest((one,)).is_quick()
    assert not CorpusRequest((one, two)).is_quick()
    assert not CorpusRequest(("-",)).is_quick()
    assert CorpusRequest(("-",)).is_typed()
    assert CorpusRequest((str(tmp_path / "missing"),)).is_quick(), "it fails at once"


def test_a_request_reads_what_read_corpus_reads(tmp_path: Path) -> None:
    path = text(tmp_path, b"emma\nava\nzoe\n" * 9)
    found = CorpusRequest((path,), (2, 1), 7, 4).read()
    assert seen_of(found) == seen_of(read_corpus(path, split=(2, 1), seed=7, max_vocabulary=4))
    stream = count_stream(
        io.BytesIO(Path(path).read_bytes()), path, split=(2, 1), seed=7, max_vocabulary=4
    )
    assert fields_of(stream.train) == fields_of(found.train)


@pytest.mark.parametrize("cached", [True, False])
def test_each_path_is_looked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    """And opened twice: when it is looked at, and to read it."""
    paths = text(tmp_path, name="one"), text(tmp_path, name="two")
    stat_path, open_path = os.stat, open
    looked_at: Counter[object] = Counter()
    opened: Counter[object] = Counter()

    def counted_stat(path: Any, **options: Any) -> os.stat_result:
        looked_at[path] += 1
        return stat_path(path, **options)

    def counted_open(path: Any, *options: Any, **more: Any) -> Any:
        opened[path] += 1
        return open_path(path, *options, **more)

    monkeypatch.setattr(os, "stat", counted_stat)
    monkeypatch.setattr("builtins.open", counted_open)
    wanted = CorpusRequest(paths, keep=cached)
    assert wanted.is_quick()
    assert wanted.kept() is None
    wanted.read()
    # The cache looks once more afterwards: nothing may have changed meanwhile.
    assert [looked_at[path] for path in paths] == [1 + cached, 1 + cached]
    assert [opened[path] for path in paths] == [2, 2]
    assert (wanted.kept() is not None) == cached
    assert [looked_at[path] for path in paths] == [1 + cached, 1 + cached]
