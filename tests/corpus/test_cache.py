"""What the cache gives back is what was counted; anything else in it counts as not there."""

import io
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.corpus import cache, distinct_items, request
from bigram_tui.corpus.cache import UNSETTLED_NS
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.corpus.request import CorpusRequest
from bigram_tui.model.bigrams import Bigrams
from tests.cancelling import cancelled
from tests.cli.test_cli import imported_by
from tests.corpus.building import count_stream

pytestmark = pytest.mark.usefixtures("folder")

LONG_AGO = (1_000_000_000, 1_000_000_000)


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


# Trouble


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
