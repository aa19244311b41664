"""Files of counts: another program can write and read them, and none of them is trusted."""

import json
import struct
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.corpus import counts_file
from bigram_tui.corpus.counts_file import (
    Source,
    TextCounts,
    encoded,
    merged,
    read_counts,
)
from bigram_tui.corpus.sparse_counts import SHIFT, SparseCounts
from bigram_tui.errors import TextError

LINES = ["emma", "ava", "中😀"]


def keys_and_times(lines: list[str]) -> tuple[list[int], list[int]]:
    """Count as the format says, in plain Python."""
    times: dict[int, int] = {}
    for line in lines:
        for first, second in pairwise(f"\n{line}\n"):
            key = ord(first) * 2**21 + ord(second)
            times[key] = times.get(key, 0) + 1
    keys = sorted(times)
    return keys, [times[key] for key in keys]


def by_hand(keys: list[int], times: list[int], **changes: Any) -> bytes:
    """Write the format without its library."""
    lines = sum(n for key, n in zip(keys, times, strict=False) if key >> 21 == 10)
    metadata = {
        "format": "bigram-tui counts",
        "version": "1",
        "program": "another",
        "boundary": "U+000A",
        "lines": str(lines),
        "total": str(sum(times)),
        "whole": "true",
        "sources": "[]",
    } | changes
    data = struct.pack(f"<{len(keys)}q", *keys) + struct.pack(f"<{len(times)}q", *times)
    middle = 8 * len(keys)
    header = {
        "__metadata__": {name: text for name, text in metadata.items() if text is not None},
        "keys": {"dtype": "I64", "shape": [len(keys)], "data_offsets": [0, middle]},
        "times": {"dtype": "I64", "shape": [len(times)], "data_offsets": [middle, len(data)]},
    }
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def read_back(content: bytes, tmp_path: Path) -> TextCounts:
    path = tmp_path / "x.counts.safetensors"
    path.write_bytes(content)
    return read_counts(path)


def refusal(content: bytes, tmp_path: Path) -> str:
    with pytest.raises(TextError) as caught:
        read_back(content, tmp_path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_another_program_can_write_a_file(tmp_path: Path) -> None:
    text = read_back(by_hand(*keys_and_times(LINES)), tmp_path)
    assert (text.counts.keys.tolist(), text.counts.times.tolist()) == keys_and_times(LINES)
    assert (text.counts.lines, text.is_whole, text.sources) == (3, True, ())


def test_another_program_can_read_a_file() -> None:
    keys, times = keys_and_times(LINES)
    source = Source("/a/text.txt", 20, 5, "x", 0, 20)
    counts = SparseCounts(np.array(keys), np.array(times))
    content = encoded(TextCounts(counts, (source,), is_whole=False))
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    for name, numbers in (("keys", keys), ("times", times)):
        assert header[name]["dtype"] == "I64"
        start, stop = (8 + length + offset for offset in header[name]["data_offsets"])
        assert list(struct.unpack(f"<{len(numbers)}q", content[start:stop])) == numbers
    metadata = header["__metadata__"]
    assert (metadata["lines"], metadata["total"]) == ("3", str(sum(times)))
    assert (metadata["version"], metadata["whole"]) == ("1", "false")
    assert json.loads(metadata["sources"]) == [
        {"path": "/a/text.txt", "size": 20, "modified": 5, "mark": "x", "start": 0, "end": 20}
    ]


@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"), min_size=1)))
def test_what_was_written_is_read(tmp_path_factory: Any, lines: list[str]) -> None:
    keys, times = keys_and_times(lines)
    counts = SparseCounts(np.array(keys, np.int64), np.array(times, np.int64))
    written = TextCounts(counts, (Source("-"), Source("/x", 3, 4)), is_whole=True)
    text = read_back(encoded(written), tmp_path_factory.mktemp("counts"))
    assert (text.counts.keys.tolist(), text.counts.times.tolist()) == (keys, times)
    assert (text.sources, text.is_whole) == (written.sources, True)


KEYS, TIMES = keys_and_times(LINES)


@pytest.mark.parametrize(
    ("keys", "times", "changes"),
    [
        (KEYS[::-1], TIMES, {}),
        (KEYS, [0, *TIMES[1:]], {}),
        (KEYS, [-1, *TIMES[1:]], {}),
        (KEYS[1:], TIMES, {}),
        (KEYS[1:], TIMES[1:], {}),
        ([-1, *KEYS], [1, *TIMES], {}),
        ([10 << SHIFT | 10, *KEYS], [1, *TIMES], {}),
        ([*KEYS, 0x110000 << SHIFT | 0x110000], [*TIMES, 1], {}),
        ([*KEYS, 0xD800 << SHIFT | 0xD800], [*TIMES, 1], {}),
        ([*KEYS, 2**62], [*TIMES, 1], {}),
        (KEYS, TIMES, {"lines": "4"}),
        (KEYS, TIMES, {"total": "1"}),
        (KEYS, TIMES, {"total": "x"}),
        (KEYS, TIMES, {"lines": None}),
        (KEYS, TIMES, {"sources": "{"}),
        (KEYS, TIMES, {"sources": '[{"path": 1}]'}),
        (KEYS, TIMES, {"sources": '[{"path": "x", "size": "y"}]'}),
        (KEYS, TIMES, {"sources": '[{"path": "x", "other": 1}]'}),
        (KEYS, TIMES, {"sources": "[" * 100_000}),
        ([1 << SHIFT | 1], [2**63 - 1], {}),
        ([1 << SHIFT | 1, 2 << SHIFT | 2], [2**62, 2**62], {}),
    ],
    ids=range(21),
)
def test_counts_that_no_text_has_are_refused(
    tmp_path: Path, keys: list[int], times: list[int], changes: dict[str, Any]
) -> None:
    assert "damaged" in refusal(by_hand(keys, times, **changes), tmp_path)


def test_a_foreign_or_newer_file_says_so(tmp_path: Path) -> None:
    assert "holds no counts" in refusal(by_hand(KEYS, TIMES, format="a model"), tmp_path)
    assert "holds no counts" in refusal(by_hand(KEYS, TIMES, format=None), tmp_path)
    assert "newer bigram-tui (format 2)" in refusal(by_hand(KEYS, TIMES, version="2"), tmp_path)


@given(st.data())
def test_damage_is_refused_or_does_not_matter(tmp_path_factory: Any, data: st.DataObject) -> None:
    content = bytearray(by_hand(KEYS, TIMES))
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:place]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    with suppress(TextError):
        counts = read_back(bytes(content), tmp_path_factory.mktemp("damaged")).counts
        assert (counts.lines, counts.total) == (len(LINES), sum(TIMES))


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts_file, "LARGEST_FILE", 1)
    assert "is larger than" in refusal(by_hand(KEYS, TIMES), tmp_path)


def test_a_missing_file_and_a_folder_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="does not exist"):
        read_counts(tmp_path / "none.counts.safetensors")
    with pytest.raises(TextError):
        read_counts(tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (Source("/a", 9), Source("/a", 9), True),
        (Source("/a", 9), Source("/b", 9), False),
        (Source("/a", 9, 1, None, 0, 4), Source("/a", 9, 1, None, 4, 9), False),
        (Source("/a", 9, 1, None, 0, 5), Source("/a", 9, 1, None, 4, 9), True),
        (Source("/a", 9, 1, None, 0, 5), Source("/a", 9), True),
        (Source("/a", 9, 1, None, 5), Source("/a", 9, 1, None, 0, 5), False),
        (Source("-"), Source("-"), False),  # of one pipe nobody can read twice
    ],
)
def test_a_range_that_is_in_both_is_refused(one: Source, other: Source, overlap: bool) -> None:
    counts = SparseCounts(np.array(KEYS), np.array(TIMES))
    parts = [TextCounts(counts, (one,)), TextCounts(counts, (other,), is_whole=False)]
    for order in (parts, parts[::-1]):
        if overlap:
            with pytest.raises(TextError, match="which other counts hold already"):
                merged(order)
        else:
            text = merged(order)
            assert text.counts.times.tolist() == [2 * n for n in TIMES]
            assert (set(text.sources), text.is_whole) == ({one, other}, False)
