"""Texts in ranges: each line is in one of them, wherever the cuts are."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.corpus import ranges
from bigram_tui.corpus.counts_file import TextCounts
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import find_files
from bigram_tui.corpus.ranges import count_range, cut, line_start
from bigram_tui.corpus.reading import read_counts
from bigram_tui.corpus.spread import Engine, spread_counts
from tests.corpus.executors import Here

BLANK = ["\ufeff", "\r", "\n", "\r\n", "\n\n\n", " ", "\t \u3000", "\x85", "\u2028", "\x0c"]
PIECES = st.sampled_from([*BLANK, "a", "emma", "é", "中文", "😀", "long line " * 9])
NASTY = st.lists(PIECES, max_size=40).map("".join)

WORST = (
    "\ufeffemma\r\n\ufeffava\r\r\n\n  中文 \u3000\n\t\n"
    + "😀é \x85 b \u2028\r"
    + "a long line " * 20
    + "\n\ufeff\ufeff\n\x0c end"
)


def spread(*paths: Path | str, size: int) -> TextCounts:
    return spread_counts(find_files(map(str, paths)), Engine(Here()), range_size=size)


def assert_equal(ours: TextCounts, theirs: TextCounts) -> None:
    assert ours.counts.keys.tolist() == theirs.counts.keys.tolist()
    assert ours.counts.times.tolist() == theirs.counts.times.tolist()
    assert ours.counts.lines == theirs.counts.lines
    assert ours.sources == theirs.sources
    assert ours.is_whole


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranges") / "text.txt"


@given(text=NASTY, size=st.integers(1, 80), block=st.sampled_from([1, 2, 5, 1 << 16]))
@example(text=WORST, size=7, block=1 << 16)
@example(text="a\r\n\r\rb\n", size=2, block=1)
def test_a_text_in_ranges_has_the_counts_of_the_whole(
    text: str, size: int, block: int, path: Path
) -> None:
    path.write_bytes(f"{text}\nz".encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "BLOCK_SIZE", block)
        assert_equal(spread(path, size=size), read_counts(str(path)))


@pytest.mark.parametrize("size", range(1, len(WORST.encode()) + 1))
def test_every_cut_of_a_nasty_text(size: int, path: Path) -> None:
    path.write_bytes(WORST.encode())
    assert_equal(spread(path, size=size), read_counts(str(path)))


@pytest.mark.parametrize("size", [100_000, 1 << 20, 3 << 20, 64 << 20])
def test_a_line_goes_over_many_ranges(size: int, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    lines = ["emma\n", "中😀 é" * 350_000, "\r", "b" * 100_000 + "\r\n", "zoe"]
    path.write_bytes("".join(lines).encode())
    assert path.stat().st_size > 3 << 20
    assert_equal(spread(path, size=size), read_counts(str(path)))


@given(text=st.lists(st.sampled_from("ab\r\n")).map("".join), block=st.sampled_from([1, 2, 3, 99]))
def test_lines_begin_after_line_ends(text: str, block: int, path: Path) -> None:
    path.write_text(text, newline="")
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
        patch.setattr(ranges, "BLOCK_SIZE", block)
        for place in range(len(text) + 1):
            assert line_start(file, place) == min(n for n in starts if n >= place)


def test_compressed_and_empty_files_are_counted_with_others(tmp_path: Path) -> None:
    texts = [tmp_path / name for name in ("a.txt", "b.txt.gz", "blank.txt", "empty.txt")]
    texts[0].write_text("emma\nolivia\nava\n")
    texts[1].write_bytes(gzip.compress("\ufeffzoe\n中\n".encode()))
    texts[2].write_text("\n \n\n" * 20)
    texts[3].write_text("")
    paths = [*texts, texts[0]]  # a text may be given twice
    ours, theirs = spread(*paths, size=7), read_counts(*map(str, paths))
    assert_equal(ours, theirs)
    assert len(list(cut(find_files([str(texts[1])])[0], 7))) == 1


def refusal(*paths: Path | str, size: int = 7) -> str:
    with pytest.raises(CorpusError) as caught:
        spread(*paths, size=size)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "offset"),
    [
        (b"\xff", 0),
        (b"a\0", 1),
        (b"\xe4\xb8", 0),  # cut off
        (b"\xc3\xa9\xe4\xb8a", 2),
        (b"\xe4\0", 1),
        (b"\xed\xa0\x80", 0),  # half of a pair of UTF-16
    ],
)
@pytest.mark.parametrize("end", [b"", b"\nend"])
@pytest.mark.parametrize("before", [b"\n", b"emma\n" * 100, "中\r\n".encode() * 100])
def test_a_wrong_byte_is_told_with_its_offset(
    before: bytes, wrong: bytes, end: bytes, offset: int, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.txt"
    path.write_bytes(before + wrong + end)
    for block in (3, 1 << 16):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranges, "BLOCK_SIZE", block)
            size = 1 if before == b"\n" else 50
            told = refusal(path, size=size)
    assert str(path) in told
    assert f"at offset {len(before) + offset:,}" in told


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    wide = tmp_path / "wide.txt"
    wide.write_text("emma\nolivia\n", "utf-16")
    assert "looks like UTF-16" in refusal(wide)
    assert "does not exist" in refusal(tmp_path / "none.txt")
    assert "is a folder" in refusal(tmp_path)
    assert "count it here" in refusal("-")
    blank = tmp_path / "blank.txt"
    blank.write_text(" \n" * 20)
    assert "blank lines" in refusal(blank)
    packed = tmp_path / "packed.txt.gz"
    packed.write_bytes(gzip.compress(b"emma\n")[:-2])
    assert "is cut off" in refusal(packed)


@pytest.mark.parametrize("change", ["append", "touch", "remove", "replace"])
@pytest.mark.parametrize("size", [7, 1000])
def test_a_file_that_changes_meanwhile_is_refused(size: int, change: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("emma\nolivia\nava\n")
    before = path.stat()

    def meddle(number: int) -> None:
        if number == (1 if size < 16 else 0):
            match change:
                case "append":
                    with path.open("a") as file:
                        file.write("x")
                    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
                case "touch":
                    os.utime(path, ns=(0, 0))
                case "remove":
                    path.unlink()
                case "replace":
                    (tmp_path / "new").write_text("emma\nOLIVIA\nava\n")
                    os.utime(tmp_path / "new", ns=(0, 0))
                    (tmp_path / "new").replace(path)

    with pytest.raises(CorpusError, match="can't be seen" if change == "remove" else "has changed"):
        spread_counts(find_files([str(path)]), Engine(Here(meddle)), range_size=size)


def test_a_change_during_a_range_is_noticed_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("emma\nolivia\nava\n")
    (part, *_) = cut(find_files([str(path)])[0], size=7)
    read = ranges.Lines.read

    def read_and_change(lines: ranges.Lines, size: int) -> bytes:
        os.truncate(path, 3)
        return read(lines, size)

    monkeypatch.setattr(ranges.Lines, "read", read_and_change)
    with pytest.raises(CorpusError, match="has changed"):
        count_range(part)


def test_a_worker_of_another_version_counts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("emma\n")
    (file,) = find_files([str(path)])
    with pytest.raises(CorpusError, match=r"not 0\.0 as here: install the same version"):
        count_range(ranges.TextRange(file, version="0.0"))


def test_a_worker_needs_numpy_and_rich_alone() -> None:
    """As docs/cluster.md says what to install there."""
    ours = {"numpy", "rich", "textual", "torch", "platformdirs", "safetensors", "fsspec", "numba"}
    script = "import sys, bigram_tui.corpus.ranges\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ours & set(done.stdout.split()) == {"numpy", "rich"}
