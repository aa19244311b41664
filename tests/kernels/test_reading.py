"""The kernels that count a text give what NumPy and Python give, piece by piece and as a whole."""

import codecs
import io
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.corpus import ascii_pairs, builder, kept_lines, pair_counter, request
from bigram_tui.corpus.ascii_pairs import ROOM_SIZE, plain_pairs
from bigram_tui.corpus.builder import CorpusBuilder
from bigram_tui.corpus.cache import CacheEntry
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counter import BLANKS
from bigram_tui.corpus.decoded_lines import CODE_SIZE, decode_lines
from bigram_tui.corpus.errors import CorpusError, naming_text
from bigram_tui.corpus.kept_lines import KeptLines
from bigram_tui.corpus.request import CorpusRequest
from bigram_tui.corpus.sealed_arrays import read_sealed
from bigram_tui.kernels.loading import READING
from tests.conftest import not_none
from tests.corpus.test_corpus import ALL_WHITE_SPACE, parts_of

kernels: ModuleType = pytest.importorskip("bigram_tui.kernels.reading", exc_type=ImportError)
counting: ModuleType = import_module("bigram_tui.kernels.counting")
line_kernels: ModuleType = import_module("bigram_tui.kernels.lines")

characters = st.one_of(
    st.sampled_from("ab\n\r "),
    st.sampled_from(ALL_WHITE_SPACE),
    st.sampled_from("\x01\x7f\x80\u07ff\u0800\ud7ff\ue000\ufeff\uffff\U00010000\U0010ffff日é😀"),
    st.characters(exclude_categories=["Cs"]),
)
ends = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"])
NO_TEXT = [
    *[b"\0", b"\x80", b"\xc3", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xe0\x9f\xbf"],
    *[b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"],
    *[b"\xf0\x9f\x98", b"\xc1\xbf", b"\xf8\x88\x80\x80\x80", b"\xf7\xbf\xbf\xbf"],
    *[b"\xed\xbf\xbf", b"\xf0\x90\x80a", b"\xf0\x90a\x80", b"\xf0a\x90\x80", b"\xe0\xa0a"],
]
damage = st.sampled_from([*NO_TEXT, codecs.BOM_UTF8])


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Some lines of UTF-8, of ASCII or not, and now and then what is no text."""
    some = st.text(draw(st.sampled_from([characters, st.sampled_from("ab c\t")])), max_size=30)
    end = draw(ends)
    data = end.join(line.encode() for line in draw(st.lists(some, max_size=12)))
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(damage) + data[place:]
    return data + draw(st.sampled_from([end, b""]))


def room(data: bytes) -> np.ndarray[Any, Any]:
    return np.empty(max(ROOM_SIZE * len(data), kernels.ASCII_ROOM), np.uint8)


# The kernels one by one


@given(data=texts().map(lambda data: data + b"\n"))
@example(data=b"a \n")
@example(data=b"\n\n")
def test_pairs_of_bytes_are_those_that_numpy_counts(data: bytes) -> None:
    expected = plain_pairs(data, room(data))
    np.testing.assert_equal(plain_pairs(data, room(data), kernels), expected)


@pytest.mark.parametrize(
    "size", [8 * counting.BLOCK + n for n in (-9, -1, 0, 1, 7, 8, 9)] + [100_000]
)
def test_every_byte_of_a_long_text_is_counted(size: int) -> None:
    codes = np.random.default_rng(1).integers(32, 127, size, np.uint8)
    codes[::70] = codes[-1] = ord("\n")
    data = re.sub(rb" *\n *", b"\n", codes.tobytes())
    pairs = not_none(plain_pairs(data, room(data), kernels))
    np.testing.assert_equal(pairs, plain_pairs(data, room(data)))
    assert pairs.sum() == len(data)
    for place in (0, len(data) // 2, len(data) - 2):
        odd = data[:place] + b"\xc3" + data[place + 1 :]
        assert plain_pairs(odd, room(odd), kernels) is None


@given(data=texts().map(lambda data: data + b"\n"))
@example(data=" é \u3000\n\x85\n\r\ré\r\n \n\n日本 \n".encode())
@example(data="é\n ".encode() * 3 + b"\xe2\x82\n")
def test_lines_are_decoded_as_by_python(data: bytes) -> None:
    decoded = decode_lines(kernels, data, np.empty(CODE_SIZE * len(data), np.uint8))
    raw = re.split(b"\r\n|\r|\n", data)[:-1]
    try:
        lines = [line.decode().strip() for line in raw]
    except UnicodeDecodeError:
        assert decoded is None
        return
    if b"\0" in data or data.startswith(codecs.BOM_UTF8):
        assert decoded is None
        return
    text = "".join(line + "\n" for line in lines if line)
    decoded = not_none(decoded)
    assert decoded.codes.tobytes().decode("utf-32-le") == text
    assert (decoded.lines, decoded.longest) == (len(raw), max(map(len, raw)))
    assert re.sub(b"\n+", b"\n", decoded.text(data)).lstrip(b"\n") == text.encode()
    assert decoded.is_changed or b"\r" not in data


@pytest.mark.parametrize("wrong", NO_TEXT)
def test_what_is_no_text_is_left_to_others(wrong: bytes) -> None:
    for data in (wrong + b"\n", b"a\n" + wrong + b"\n", "é".encode() + wrong + b"\na\n"):
        assert decode_lines(kernels, data, np.empty(CODE_SIZE * len(data), np.uint8)) is None


def test_all_white_space_and_nothing_else_is_left_out_at_the_ends_of_lines() -> None:
    for code in range(0x110000):
        if code in range(0xD800, 0xE000) or code == 0:
            continue
        blank = chr(code).isspace()
        if code > 0x3100 and code % 1009:  # all that might be white, and some of the others
            continue
        data = f"a\n{chr(code)}b{chr(code)}\n".encode()
        decoded = decode_lines(kernels, data, np.empty(CODE_SIZE * len(data), np.uint8))
        expected = "a\nb\n" if blank else f"a\n{chr(code)}b{chr(code)}\n"
        assert not_none(decoded).codes.tobytes().decode("utf-32-le") == expected
    assert set(BLANKS) == {chr(code) for code in np.flatnonzero(counting.BLANK)} - {"\n"}


@given(
    texts=st.lists(st.lists(st.text("abé", max_size=25), max_size=30), max_size=8),
    longest=st.sampled_from([5, 8, 1000]),
    budget=st.sampled_from([40, 300, 10_000]),
)
@example(texts=[["abcdefgh", "abcdefg", "abcdefghi", "abcdefgh"]], longest=8, budget=300)
@example(texts=[["a" * n for n in range(26)] * 2], longest=1000, budget=10_000)
def test_lines_are_kept_once_until_they_are_too_many_or_too_long(
    texts: list[list[str]], longest: int, budget: int
) -> None:
    with mock.patch.object(kept_lines, "FEWEST_SLOTS", 2):
        kept = KeptLines(kernels, longest, budget, 10)
    seen: set[str] = set()
    for lines in texts:
        seen |= set(lines) - {""}
        sizes = [len(line.encode()) for line in seen]
        fits = max(sizes, default=0) <= longest and sum(sizes) + 10 * len(sizes) <= budget
        assert kept.add("".join(line + "\n" for line in lines).encode()) == fits
        if not fits:
            return
        assert kept.frozen() == seen


@pytest.mark.parametrize("lines", [["a"], ["a" * 9, "b"], ["é" * 40, "a", "bc"]])
def test_the_budget_is_kept_to_the_byte(lines: list[str]) -> None:
    text = "".join(line + "\n" for line in lines).encode()
    budget = sum(len(line.encode()) + 10 for line in lines)
    longest = max(len(line.encode()) for line in lines)
    assert KeptLines(kernels, longest, budget, 10).add(text)
    assert not KeptLines(kernels, longest, budget - 1, 10).add(text)
    assert not KeptLines(kernels, longest - 1, budget, 10).add(text)


def test_lines_of_equal_hash_are_told_apart() -> None:
    """In the 37 bits that a slot holds of it, as some pair of a million lines has them."""
    words = np.random.default_rng(1).integers(97, 123, (1_000_000, 8), np.uint8)
    words[:, 7] = 0
    numbers = words.view("<u8").ravel()
    with mock.patch("os.urandom", return_value=bytes(8)):
        kept = KeptLines(kernels, 1000, 10_000, 10)
    products = numbers * line_kernels.GOLDEN
    tags = (products ^ products >> np.uint64(29)) & ~line_kernels.OFFSETS
    order = np.argsort(tags)
    same = np.flatnonzero(np.diff(tags[order]) == 0)
    pairs = [words[order[place : place + 2], :7] for place in same]
    first, second = next((a.tobytes(), b.tobytes()) for a, b in pairs if (a != b).any())
    assert kept.add(first + b"\n" + second + b"\n" + first + b"\n")
    assert kept.frozen() == {first.decode(), second.decode()}
    slots = kept._slots[kept._slots != 0]
    assert len(set((slots & ~line_kernels.OFFSETS).tolist())) == 1


def test_many_lines_are_kept() -> None:
    lines = [f"{number:x}" * (1 + number % 5) for number in range(30_000)]
    kept = KeptLines(kernels, 1000, 10_000_000, 10)
    for start in range(0, len(lines), 7_000):
        assert kept.add("\n".join([*lines[start : start + 7_000], *lines[:50], ""]).encode())
    assert kept.frozen() == frozenset(lines)


# All of a text


class Arriving:
    """A loader whose module is there from the n-th time on that somebody asks for it."""

    def __init__(self, after: float) -> None:
        self._left = after

    @property
    def module(self) -> ModuleType | None:
        self._left -= 1
        return kernels if self._left < 0 else None

    def start(self) -> None:
        pass


def outcome(texts: list[bytes], after: float, **reading: Any) -> tuple[Any, ...] | str:
    """All that can be seen of a corpus, or of its refusal. after: that of Arriving."""
    loader = Arriving(after)
    modules = ("ascii_pairs", "builder", "counter", "distinct_items")
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            patch.setattr(f"bigram_tui.corpus.{module}.READING", loader)
        result = CorpusBuilder()
        try:
            with naming_text("the text"):
                for data in texts:
                    result.read(io.BytesIO(data), **reading)
                return facts(result.corpus("the text"))
        except CorpusError as error:
            return str(error), parts(result)


def facts(corpus: Corpus) -> tuple[Any, ...]:
    return parts_of(corpus), corpus.train.vocabulary, corpus.lines, corpus.items


def parts(result: CorpusBuilder) -> Any:
    """What comes before an error."""
    try:
        with naming_text("the text"):
            return result.content, facts(result.corpus("the text"))
    except CorpusError as error:
        return str(error)


@pytest.fixture(autouse=True, scope="module")
def threads_at_once() -> Iterator[None]:
    """Start threads after two pieces, as a large text does after more."""
    count: Callable[..., Any] = ascii_pairs.count_pieces
    with mock.patch.object(
        builder, "count_pieces", lambda pieces, workers: count(pieces, workers, alone=2)
    ):
        yield


@given(
    some=st.lists(texts(), min_size=1, max_size=3),
    chunk_size=st.integers(1, 60),
    workers=st.integers(1, 3),
    after=st.integers(0, 20),
    largest_table=st.sampled_from([3, 4096]),
)
@example(
    some=[b"a\n", "\ufeffé\n".encode() * 2], chunk_size=20, workers=1, after=0, largest_table=4096
)
@example(
    some=["é\n".encode() * 9 + b"\xff\n" + b"a\n" * 20],
    chunk_size=4,
    workers=2,
    after=5,
    largest_table=4096,
)
@example(
    some=[b"a\n" + b" " * 300 + "é\n".encode()],
    chunk_size=50,
    workers=1,
    after=0,
    largest_table=4096,
)
@example(
    some=[b"a\n" + b" " * 300 + "é\n".encode()],
    chunk_size=500,
    workers=1,
    after=0,
    largest_table=4096,
)
def test_a_text_is_counted_the_same_with_kernels_and_without(
    some: list[bytes], chunk_size: int, workers: int, after: int, largest_table: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bigram_tui.corpus.distinct_items.LONGEST_ITEM", 100)
        patch.setattr("bigram_tui.corpus.distinct_items.ITEM_BUDGET", 2000)
        patch.setattr("bigram_tui.corpus.distinct_items.MOVABLE", 1000)
        patch.setattr(builder, "KERNEL_CHUNKS", 1)  # which tell how much of a broken line counts
        without = outcome(some, float("inf"), chunk_size=chunk_size, workers=1)
        patch.setattr(pair_counter, "FIRST_TABLE", 1)
        patch.setattr(pair_counter, "LARGEST_TABLE", largest_table)
        assert outcome(some, after, chunk_size=chunk_size, workers=workers) == without


def test_plain_and_other_lines_take_the_way_through_the_kernels() -> None:
    """And nothing else does: the exact way would count them again."""
    data = ("emma\nava\r\n\n" * 200 + " zoë\n日本\n" * 200).encode()
    with (
        mock.patch("bigram_tui.corpus.counter.BigramCounter._count") as exactly,
        mock.patch.object(KeptLines, "add", autospec=True, side_effect=KeptLines.add) as add,
    ):
        result = outcome([data], 0, chunk_size=100, workers=2)
    assert "".join(call.args[0] for call in exactly.call_args_list).isspace()
    assert add.call_count > 10
    assert result[2:] == (800, {"emma", "ava", "zoë", "日本"})
    assert isinstance(result[0], list)


def test_the_cache_gets_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(request, "KEPT_SIZE", 1)
    monkeypatch.setattr("bigram_tui.corpus.cache.UNSETTLED_NS", 0)
    path = tmp_path / "text"
    path.write_text("emma\nava\n" * 100 + "zoë\n 日本\n" * 100, "utf-8")
    entries = []
    for module in (None, kernels):
        monkeypatch.setattr(READING, "module", module)
        wanted = CorpusRequest((str(path),))
        wanted.read()
        entry = not_none(wanted._entry)
        assert isinstance(entry, CacheEntry)
        about, arrays = read_sealed(entry.file.read_bytes())
        items = arrays.pop("items").tobytes().decode().split("\n")
        entries.append((about, sorted(items), {name: a.tolist() for name, a in arrays.items()}))
        entry.file.unlink()
    assert entries[0] == entries[1]
    assert entries[0][1] == ["ava", "emma", "zoë", "日本"]
