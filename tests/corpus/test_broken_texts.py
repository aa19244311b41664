"""A text that goes wrong names the line, and what was read before that line can be explored.

What is right is told by a plain loop over the lines before the wrong one.
"""

import bz2
import gzip
import io
import lzma
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bigram_tui.cli.arguments import parse
from bigram_tui.cli.plan import make_plan, session_or_reading
from bigram_tui.corpus import ascii_pairs, builder, cache, reading
from bigram_tui.corpus.background import BackgroundRead
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.items import read_items
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.corpus.request import CorpusRequest
from tests.corpus.test_corpus import pairs_of, reference_items, reference_pairs

BAD = [b"\xff", b"zo\xeb", b"ab\0cd", b"\xc3(", b"\xed\xa0\x80", b"\xe2\x98x"]

_count_pieces = ascii_pairs.count_pieces


@pytest.fixture(autouse=True, scope="module")
def threads_at_once() -> object:
    """Start threads after two pieces, as a large text does after more."""
    early = mock.patch.object(
        builder, "count_pieces", lambda pieces, n: _count_pieces(pieces, n, alone=2)
    )
    with early:
        yield


def error_of(*paths: Path, **options: object) -> CorpusError:
    with pytest.raises(CorpusError) as caught:
        read_corpus(*map(str, paths), **options)  # type: ignore[arg-type]
    return caught.value


def check_part(part: Corpus | None, items: Sequence[str], before: bytes) -> None:
    """It is made of these items, which are those of the bytes, and read again it is the same."""
    if not items:
        assert part is None
        return
    assert part is not None
    parts = [one for one in (part.train, part.validation) if one is not None]
    assert sum(map(pairs_of, parts), start=Counter()) == reference_pairs(items)
    assert (part.lines, part.items) == (len(items), frozenset(items))
    assert part.until == len(before)
    assert part.partial_counts().lines == len(items)
    assert pairs_of(part.partial_counts().bigrams) == reference_pairs(items)
    again = read_items(*part.paths, split=part.split, until=part.until, chunk_size=7)
    assert [item for found, _ in again for item in found] == list(items)


@settings(max_examples=60)
@given(
    before=st.lists(st.text("ab é日\t", max_size=9), max_size=20),
    bad=st.sampled_from(BAD),
    start=st.sampled_from([b"", b"xyz"]),
    after=st.sampled_from([b".", b"\n", b"\nmore\n" * 30]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.sampled_from(["", "\ufeff"]),
    chunk_size=st.integers(50, 300),
    workers=st.integers(1, 2),
)
@example(["a"] * 30, b"\xff", b"", b".", "\r\n", "\ufeff", 50, 2)
@example(["a"] * 49, b"\xff", b"", b".", "\r", "", 50, 2)
def test_the_wrong_line_is_named_and_the_lines_before_are_a_corpus(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[str],
    bad: bytes,
    start: bytes,
    after: bytes,
    ending: str,
    mark: str,
    chunk_size: int,
    workers: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "broken"
    good = (mark + "".join(line + ending for line in before)).encode()
    path.write_bytes(good + start + bad + after.replace(b"\n", ending.encode()))
    error = error_of(path, chunk_size=chunk_size, workers=workers)
    found = re.search(r"(0x([0-9A-F]{2})|NUL byte) in line (\d+)", str(error))
    assert found
    assert int(found[3]) == len(before) + 1
    assert (found[2] is None) == (bad == b"ab\0cd")
    check_part(error.part, reference_items(good.decode()), good)


@pytest.mark.parametrize("split", [(8, 1, 1), (1, 1)])
def test_a_part_is_split_as_any_text(tmp_path: Path, split: tuple[int, ...]) -> None:
    lines = [f"{n:b}\n" for n in range(200)]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.write_text("".join(lines))
    broken.write_bytes("".join(lines).encode() + b"zo\xeb\n" + b"more\n" * 100)
    part = error_of(broken, split=split, chunk_size=100).part
    expected = read_corpus(str(whole), split=split)
    assert part is not None
    for one, other in zip(
        (part.train, part.validation, part.test),
        (expected.train, expected.validation, expected.test),
        strict=True,
    ):
        assert pairs_of(one) == pairs_of(other)


def test_of_several_files_all_before_the_wrong_line_is_read(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    one.write_bytes(b"emma\n" * 50 + b"no end")
    two.write_bytes(b"ava\r\nlea\r\nzo\xeb\r\n" + b"mia\r\n" * 100)
    three.write_bytes(b"never\n")
    error = error_of(one, two, three, chunk_size=20)
    assert str(error).startswith(f"{str(two)!r} is not UTF-8: byte 0xEB in line 3;")
    part = error.part
    assert part is not None
    assert (part.lines, part.items) == (53, {"emma", "no end", "ava", "lea"})
    assert part.until == one.stat().st_size + 10
    assert part.extent is not None
    assert part.extent.size == sum(path.stat().st_size for path in (one, two, three))
    again = [item for found, _ in read_items(*part.paths, until=part.until) for item in found]
    assert again == ["emma"] * 50 + ["no end", "ava", "lea"]


def test_a_file_that_ends_within_its_magic_leaves_the_files_before(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"emma\nava")
    two.write_bytes(b"\xfd7zX")
    error = error_of(one, two)
    assert str(error).startswith(f"{str(two)!r} is cut off: its xz data has no end")
    check_part(error.part, ["emma", "ava"], one.read_bytes())


def test_a_line_that_is_longer_than_a_chunk_is_cut_where_the_chunk_begins(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b"emma\n" + b"x" * 195 + b"y" * 50 + b"\xff\n")
    part = error_of(path, chunk_size=100).part
    assert part is not None
    assert (part.items, part.until) == ({"emma", "x" * 195}, 200)


@pytest.mark.parametrize("chunk_size", [4, 6, 7, 1000])
@pytest.mark.parametrize("split", [None, (1, 1)])
def test_where_a_text_ends_within_a_character_its_last_line_is_left_out(
    tmp_path: Path, chunk_size: int, split: tuple[int, ...] | None
) -> None:
    path = tmp_path / "broken"
    path.write_bytes("emma\nava\nzoë".encode()[:-1])
    error = error_of(path, chunk_size=chunk_size, split=split)
    assert "is not UTF-8: byte 0xC3 in line 3;" in str(error)
    check_part(error.part, ["emma", "ava"], b"emma\nava\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\nemma\n", "is not UTF-8"),
        (b"\n \n\xff\nemma\n", "is not UTF-8"),
        ("emma\n".encode("utf-16"), "looks like UTF-16"),
        (b"", "is empty"),
        (b" \n", "holds only blank lines"),
    ],
)
def test_where_nothing_comes_before_there_is_no_part(
    tmp_path: Path, data: bytes, message: str
) -> None:
    path = tmp_path / "broken"
    path.write_bytes(data)
    error = error_of(path)
    assert message in str(error)
    assert error.part is None


def test_without_a_line_to_train_on_there_is_no_part(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b"emma\n\xff\n")
    assert error_of(path, split=(1, 2), seed=3).part is None, "the third line is the first to train"


# Compressed files

TEXT = b"".join(b"%d\n" % number for number in range(20_000))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_comes_before_the_cut_can_be_explored(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "broken"
    packed = pack(TEXT) + pack(TEXT)
    path.write_bytes(packed[: len(packed) * 3 // 4])
    error = error_of(path, chunk_size=1000)
    assert "is cut off" in str(error)
    part = error.part
    assert part is not None
    read = (TEXT + TEXT)[: part.until]
    assert len(read) >= len(TEXT)
    assert read.endswith(b"\n")
    check_part(part, reference_items(read.decode()), read)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_comes_before_other_data_can_be_explored(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "broken"
    path.write_bytes(pack(TEXT) + b"garbage")
    error = error_of(path)
    assert "goes on with" in str(error)
    check_part(error.part, reference_items(TEXT.decode()), TEXT)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_nothing_of_a_damaged_file_can_be_explored(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """Nobody knows which of its lines are the right ones."""
    path = tmp_path / "broken"
    packed = bytearray(pack(TEXT))
    packed[len(packed) * 3 // 4] ^= 1
    path.write_bytes(packed)
    error = error_of(path, chunk_size=1000)
    assert "is damaged" in str(error)
    assert error.part is None


def test_how_far_a_part_goes_is_that_of_the_error_not_of_the_search_for_damage(
    tmp_path: Path,
) -> None:
    path = tmp_path / "broken"
    lines = TEXT.splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join([*lines[:5000], b"zo\xeb\n", *lines[5000:] * 10])))
    part = error_of(path, chunk_size=1000).part
    assert part is not None
    assert part.lines == 5000
    assert part.extent is not None
    assert part.extent.done < part.extent.size / 2  # type: ignore[operator]


def test_a_stream_that_fails_leaves_what_came_before() -> None:
    stream = mock.Mock(
        read=mock.Mock(side_effect=[b"emma\nava\nle", OSError(5, "lost")]), size=None
    )
    stream.fileno.side_effect = io.UnsupportedOperation
    opened = mock.MagicMock()
    opened.return_value.__enter__.return_value = stream
    opened.return_value.__exit__.return_value = False
    with mock.patch.object(reading, "open_text", opened):
        error = error_of(Path("some.txt"))
    assert "cannot be read (lost)" in str(error)
    assert error.part is not None
    assert error.part.items == {"emma", "ava"}
    assert error.part.extent == Extent(9, 11, None)


# What becomes of it


def test_a_part_is_offered_and_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bigram_tui.corpus.request.KEPT_SIZE", 1)
    monkeypatch.setattr("bigram_tui.corpus.request.QUICK_SIZE", 1)
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(cache, "UNSETTLED_NS", -(1 << 62))
    path = tmp_path / "broken"
    path.write_bytes(b"emma\nava\nzo\xeb\nlea\n")

    reading = session_or_reading(make_plan(parse(["--backend", "count", str(path)])))
    assert isinstance(reading, BackgroundRead)
    reading.start()
    reading._thread.join(20)
    assert isinstance(reading.error, CorpusError)
    assert reading.result is None
    assert reading.part is not None
    assert reading.part.corpus.items == {"emma", "ava"}
    reading.accept_part()
    assert (reading.result, reading.error) == (reading.part, None)
    assert not (tmp_path / "cache").exists()
    path.write_bytes(b"emma\nava\nzoe\nlea\n")  # what is sound is kept
    CorpusRequest((str(path),)).read()
    assert len(list((tmp_path / "cache").iterdir())) == 1
