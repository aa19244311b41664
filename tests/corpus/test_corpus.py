"""Every text, in chunks of every size, gives what a plain loop gives, or a clear error."""

import codecs
import io
import math
import re
import subprocess
import sys
import tracemalloc
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.corpus import bundled, corpus, counter, distinct_items
from bigram_tui.corpus.bundled import bundled_names
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.items import read_items
from bigram_tui.corpus.pair_counter import PairCounter
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.corpus.splitter import parse_split
from bigram_tui.model.bigrams import Bigrams
from tests.corpus.building import count_stream

Pairs = Counter[tuple[str, str]]
EDGE = ""  # stands for the boundary, as no character can

ALL_WHITE_SPACE = [c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace()]


def count(data: bytes | str, **options: Any) -> Corpus:
    data = data.encode() if isinstance(data, str) else data
    return count_stream(io.BytesIO(data), "the text", **options)


def reference_items(text: str) -> list[str]:
    lines = re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
    return [line.strip() for line in lines if line.strip()]


def reference_pairs(items: Sequence[str]) -> Pairs:
    pairs: Pairs = Counter()
    for item in items:
        previous = EDGE
        for character in [*item, EDGE]:
            pairs[previous, character] += 1
            previous = character
    return pairs


def pairs_of(bigrams: Bigrams | None) -> Pairs:
    if bigrams is None:
        return Counter()
    tokens = [EDGE, *bigrams.vocabulary.characters]
    return Counter(
        {
            (tokens[i], tokens[j]): int(bigrams.counts[i, j])
            for i, j in np.argwhere(bigrams.counts).tolist()
        }
    )


def parts_of(result: Corpus) -> list[Pairs]:
    return [pairs_of(part) for part in (result.train, result.validation, result.test)]


characters = st.one_of(
    st.sampled_from("ab.\n\n\r \t"),
    st.sampled_from(ALL_WHITE_SPACE),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
# A letter at the end, so that no text is without an item.
texts = st.text(characters, max_size=60).map(lambda text: text + "z")
chunk_sizes = st.one_of(st.integers(1, 9), st.integers(10, 300))
short_words = st.text("abcé☃ ", max_size=4)


@given(text=texts, mark=st.sampled_from(["", "\ufeff"]), chunk_size=chunk_sizes)
@example(text="a \t \u3000\n \n b\r\n\r\rc d  \r \ne\x85\u2028f\x1c\n\x1c\n", mark="", chunk_size=1)
@example(text="\ufeff\ufeffa\ufeff", mark="\ufeff", chunk_size=2)
def test_counts_are_those_of_a_plain_loop(text: str, mark: str, chunk_size: int) -> None:
    result = count(mark + text, chunk_size=chunk_size)
    items = reference_items(mark + text)
    assert pairs_of(result.train) == reference_pairs(items)
    assert result.train.vocabulary.characters == "".join(sorted(set("".join(items))))
    assert result.train.counts.dtype == np.int64
    assert result.lines == len(items)
    assert result.items == frozenset(items)
    assert result.bigrams == sum(len(item) + 1 for item in items)
    assert result.validation is None
    assert result.test is None


class Dribble(io.BytesIO):
    """A stream that gives less than it is asked for, as a pipe may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 3))


@given(text=texts)
def test_short_reads_change_nothing(text: str) -> None:
    result = count_stream(cast(BinaryIO, Dribble(text.encode())), "the text")
    assert pairs_of(result.train) == reference_pairs(reference_items(text))


@given(data=st.binary(max_size=30), chunk_size=st.integers(1, 8))
def test_any_bytes_are_counted_or_refused_in_one_line(data: bytes, chunk_size: int) -> None:
    def outcome(size: int) -> str | Pairs:
        try:
            return pairs_of(count(data, chunk_size=size).train)
        except CorpusError as error:
            return str(error)

    result = outcome(chunk_size)
    assert result == outcome(1000)
    try:
        items = [] if b"\0" in data else reference_items(data.decode())
    except UnicodeDecodeError:
        items = []
    assert result == reference_pairs(items) if items else isinstance(result, str)
    assert "\n" not in result


# The split


@given(
    words=st.lists(short_words, max_size=80),
    split=st.sampled_from([(80, 10, 10), (90, 10), (1, 1, 1), (3, 0, 2), (2, 1), (5, 5, 0)]),
    seed=st.integers(0, 2**64),
    chunk_size=chunk_sizes,
)
def test_a_split_shares_out_each_block_of_distinct_lines_exactly(
    words: list[str], split: tuple[int, ...], seed: int, chunk_size: int
) -> None:
    shares = np.array(split) // math.gcd(*split)
    """Equal lines go to one part: a dictionary of what each line was dealt to says the same."""
    text = "\n".join([*words, *(chr(0x4E00 + k) for k in range(shares.sum()))])
    whole = count(text)
    result = count(text, split=split, seed=seed, chunk_size=chunk_size)
    parts = parts_of(result)
    assert sum(parts, Counter()) == pairs_of(whole.train)
    assert parts == parts_of(count(text, split=split, seed=seed))
    assert (result.lines, result.items) == (whole.lines, whole.items)
    assert result.bigrams == whole.bigrams
    for part in (result.train, result.validation, result.test):
        assert part is None or part.vocabulary == whole.train.vocabulary
    random = np.random.Generator(np.random.PCG64(seed))
    block = [part for part, share in enumerate(shares) for _ in range(share)]
    ahead: list[int] = []
    dealt: dict[str, int] = {}
    expected: list[list[str]] = [[] for _ in split]
    for item in reference_items(text):
        if item not in dealt:
            ahead = ahead or random.permuted(block).tolist()
            dealt[item] = ahead.pop(0)
        expected[dealt[item]].append(item)
    assert parts[: len(split)] == [reference_pairs(part) for part in expected]


def test_a_split_is_the_documented_permutation_of_each_block() -> None:
    items = [chr(0x4E00 + i) for i in range(25)]
    random = np.random.Generator(np.random.PCG64(7))
    expected: list[list[str]] = [[], [], []]
    block = [0] * 8 + [1] + [2]
    parts = np.concatenate([random.permuted(block) for _ in range(3)])
    for item, part in zip(items, parts.tolist(), strict=False):
        expected[part].append(item)
    result = count("\n\n".join(items), split=(80, 10, 10), seed=7, chunk_size=5)
    assert parts_of(result) == [reference_pairs(part) for part in expected]


def test_seeds_split_differently() -> None:
    text = "\n".join(f"{i:b}" for i in range(100))
    assert parts_of(count(text, split=(1, 1), seed=1)) != parts_of(
        count(text, split=(1, 1), seed=2)
    )


def test_a_part_without_lines_is_none() -> None:
    seeds = [seed for seed in range(50) if _trains_on_one_line(seed)]
    result = count("one", split=(8, 1, 1), seed=seeds[0])
    assert (result.validation, result.test) == (None, None)
    assert result.train.total == 4


def _trains_on_one_line(seed: int) -> bool:
    try:
        return count("one", split=(8, 1, 1), seed=seed).lines == 1
    except CorpusError:
        return False


def test_a_split_that_leaves_nothing_to_train_on_is_an_error() -> None:
    seeds = [seed for seed in range(50) if not _trains_on_one_line(seed)]
    with pytest.raises(CorpusError, match=r"^'the text' has no line left for training"):
        count("one", split=(8, 1, 1), seed=seeds[0])


@pytest.mark.parametrize(
    ("text", "split"),
    [("80/10/10", (80, 10, 10)), ("90/10", (90, 10)), ("1/0/1", (1, 0, 1)), ("08/02", (8, 2))],
)
def test_a_split_is_two_or_three_numbers(text: str, split: tuple[int, ...]) -> None:
    assert parse_split(text) == split


@pytest.mark.parametrize(
    "text",
    [
        *["", "100", "/1", "8/1/", "1//1", "1/1/1/1", "a/b", "8:2", "\x1b[31m"],
        *["0/1", "1/0", "1/0/0", "-1/2", "8/-1/2"],
        *["1.5/2", " 8/2", "8/2\n", "+8/2", "1_0/2", "８/２", "9999999/1"],
    ],
)
def test_anything_else_is_no_split(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no split: give .* such as 80/10/10") as caught:
        parse_split(text)
    assert str(caught.value).isprintable()


# Texts of every kind


@pytest.mark.parametrize(
    "items",
    [
        ["a"],
        ["one line"],
        ["."],
        ["a.b", "..", "■"],
        ["\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x7f\x9b"],
        ["[bold]markup[/bold]", "[", "\\["],
        ["e\u0301", "é", "\u0301"],
        ["日本語", "カナ", "ﾊﾝｶｸ"],
        ["👩\u200d👩\u200d👧", "🇳🇱", "\U0010ffff"],
        ["שלום", "مرحبا", "\u202eabc\u202c"],
        ["tab\tinside", "two  spaces", "no-break\u00a0space", "line\u2028separator", "a\x0bb\x0cc"],
        ["UPPER", "upper", "İ", "ß"],
        ["\ufeffnot at the start\ufeff"],
    ],
)
@pytest.mark.parametrize("chunk_size", [1, 2, 3, 5, 1000])
def test_text_of_every_kind_is_counted_as_it_is(items: list[str], chunk_size: int) -> None:
    result = count("\r\n" + " \t\r\n\u3000".join(items), chunk_size=chunk_size)
    assert pairs_of(result.train) == reference_pairs(items)
    assert result.items == frozenset(items)
    assert all(map(result.holds, items))
    assert result.holds(items[0] + "!") is False


def test_composed_and_decomposed_letters_stay_apart() -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    assert pairs_of(count(f"{composed}\n{decomposed}").train) == reference_pairs(
        ["\xe9", "e\u0301"]
    )


def test_white_space_that_only_surrounds_lines_is_no_part_of_the_vocabulary() -> None:
    assert count("\ta \n b\t\nc\u3000d\n").train.vocabulary.characters == "abcd\u3000"


def test_white_space_constant_holds_all_there_is() -> None:
    assert sorted(counter.BLANKS + "\n") == ALL_WHITE_SPACE


def test_a_vocabulary_of_thousands_grows_without_loss() -> None:
    items = ["".join(map(chr, range(start, start + 50))) for start in range(0x4E00, 0x5400, 37)]
    result = count("\n".join(items), chunk_size=100)
    assert pairs_of(result.train) == reference_pairs(items)


def test_a_table_that_memory_cannot_hold_is_refused() -> None:
    with (
        mock.patch.object(PairCounter, "add", side_effect=MemoryError),
        pytest.raises(CorpusError, match="too many different characters"),
    ):
        count("".join(map(chr, range(0x4E00, 0x4E00 + 100))))


# Large texts


class Repeated(io.RawIOBase):
    """A stream of a text again and again, made as it is read."""

    def __init__(self, text: bytes, times: int, end: bytes = b"") -> None:
        self._pieces = self._cut(text, times, end)

    @staticmethod
    def _cut(text: bytes, times: int, end: bytes) -> Iterator[bytes]:
        for _ in range(times):
            yield text
        yield end

    def read(self, size: int = -1, /) -> bytes:
        return next(self._pieces, b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "end", "total"),
    [
        (b"ab" * 50_000, b"", 50_000 * 2 * 300 + 1),  # one line of 30 MB
        ("é☃".encode() * 20_000, b"", 20_000 * 2 * 100 + 1),
        (b"x" + b" " * 9_999, b"x", 10_000 * 100 + 2),
        (b"a\n \n" * 25_000, b"", 25_000 * 2 * 100),
    ],
    ids=["one line", "one line of two scripts", "long blanks", "many lines"],
)
def test_memory_is_bounded_by_the_chunk(text: bytes, end: bytes, total: int) -> None:
    times = 300 if text.startswith(b"ab") else 100
    tracemalloc.start()
    try:
        result = count_stream(cast(BinaryIO, Repeated(text, times, end)), "the text")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.bigrams == total
    assert peak < 25 << 20


def test_a_line_without_end_is_not_read_again_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "line"
    path.write_text("x\n" + "a" * 1000 + "\nz", "utf-8")
    whole = [item for some, _ in read_items(str(path), chunk_size=100) for item in some]
    assert whole == ["x", "a" * 1000, "z"]
    monkeypatch.setattr("bigram_tui.corpus.items.LONGEST_LINE", 500)
    with pytest.raises(CorpusError, match="has a line of more than 500 characters"):
        list(read_items(str(path), chunk_size=100))
    cut = [item for some, _ in read_items(str(path), chunk_size=100, limit=400) for item in some]
    assert cut == ["x", "a" * 398]


def test_blanks_without_end_are_held_as_counts() -> None:
    blanks = b"\t " * 40_000
    within = count(b"a" + blanks + b"b\n", chunk_size=1000)
    assert pairs_of(within.train)["\t", " "] == 40_000
    assert pairs_of(within.train) == reference_pairs(["a" + blanks.decode() + "b"])
    for outside in (b"a" + blanks, b"a" + blanks + b"\n" + blanks, blanks + b"a"):
        assert pairs_of(count(outside, chunk_size=1000).train) == reference_pairs(["a"])


def test_items_beyond_the_budget_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct_items, "ITEM_BUDGET", 1000)
    for chunk_size in (1, 7, 1000):
        few = count("name\n" * 500, chunk_size=chunk_size)
        assert few.items == frozenset(["name"])
        many = count("\n".join(map(str, range(20))), chunk_size=chunk_size)
        assert many.items is None
        assert many.holds("1") is None
        assert many.lines == 20


@pytest.mark.parametrize("text", ["{}", "a\n{}\nb", "{}\nb", "a\n{}"])
def test_a_line_too_long_for_a_name_is_not_remembered(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distinct_items, "LONGEST_ITEM", 50)
    for chunk_size in (1, 7, 1000):
        assert count(text.format("x" * 50), chunk_size=chunk_size).holds("x" * 50)
        assert count(text.format("x" * 51), chunk_size=chunk_size).items is None


@pytest.mark.parametrize(("character", "size"), [("a", 1), ("日", 3), ("😀", 4)])
def test_a_character_takes_its_bytes_of_the_budget(
    character: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside what is the same for each item: less than 200 bytes."""
    items = [character * 10_000 + str(k) for k in range(5)]
    monkeypatch.setattr(distinct_items, "ITEM_BUDGET", 5 * (10_000 * size + 200))
    assert count("\n".join(items)).items == frozenset(items)
    monkeypatch.setattr(distinct_items, "ITEM_BUDGET", 5 * 10_000 * size)
    assert count("\n".join(items)).items is None


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
@pytest.mark.parametrize(
    ("line", "lines"), [("'%d'", 1_000_000), ("'%d' + chr(0x1F600) * 200", 300_000)]
)
def test_many_distinct_lines_take_little_memory(line: str, lines: int) -> None:
    """Of the whole process, at its peak, which is where no more lines are remembered."""
    program = f"""
import io, sys
from bigram_tui.corpus.builder import CorpusBuilder

class Lines(io.RawIOBase):
    start = 0
    def read(self, size=-1):
        start, self.start = self.start, min(self.start + 1000, {lines})
        return "".join(({line}) % k + chr(10) for k in range(start, self.start)).encode()

builder = CorpusBuilder()
builder.read(Lines())
found = builder.corpus("text")
(peak,) = (line.split() for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(found.lines, found.items is None, 1024 * int(peak[1]), "torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        cwd=Path(corpus.__file__).parents[2],
    )
    found_lines, off, peak, torch = done.stdout.split()
    assert (int(found_lines), off, torch) == (lines, b"True", b"False")
    assert int(peak) < 300_000_000


# Errors


def refusal(data: bytes, chunk_size: int = 1000) -> str:
    with pytest.raises(CorpusError) as caught:
        count(data, chunk_size=chunk_size)
    return str(caught.value)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty: give"),
        (b"\n \r\n\t\r\xe3\x80\x80", "holds only blank lines: give"),
        (b"\xef\xbb\xbf", "holds only blank lines: give"),
        (b"ab\r\nc\rd\0e", "holds a NUL byte in line 3: give"),
        (b"\0", "holds a NUL byte in line 1: give"),
        (b"abc\0\xff", "holds a NUL byte in line 1: give"),
        (b"abc\n\xff\0", "is not UTF-8: byte 0xFF in line 2; convert"),
        (b"ab\r\n\r\nc\r\xe9a\n", "is not UTF-8: byte 0xE9 in line 4; convert"),
        (b"ab\r\xff", "is not UTF-8: byte 0xFF in line 2; convert"),
        (b"ab\n\xed\xa0\x80", "is not UTF-8: byte 0xED in line 2; convert"),
        (b"ab\n\xc0\x80", "is not UTF-8: byte 0xC0 in line 2; convert"),
        (b"ab\ncut off\n\xe2\x98", "is not UTF-8: byte 0xE2 in line 3; convert"),
        (b"\xef\xbb", "is not UTF-8: byte 0xEF in line 1; convert"),
        (b"\xef\xbb\xbf\xff", "is not UTF-8: byte 0xFF in line 1; convert"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, message: str, chunk_size: int) -> None:
    said = refusal(data, chunk_size)
    assert said.startswith(f"'the text' {message}")
    assert said.isprintable()


@pytest.mark.parametrize("chunk_size", [1, 1000])
@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (codecs.BOM_UTF16_LE + "hé".encode("utf-16-le"), "UTF-16"),
        (codecs.BOM_UTF16_BE + "hé".encode("utf-16-be"), "UTF-16"),
        (codecs.BOM_UTF16_LE, "UTF-16"),
        ("ab".encode("utf-16-le"), "UTF-16LE"),
        ("ab".encode("utf-16-be"), "UTF-16BE"),
        ("ab".encode("utf-32"), "UTF-32"),
        (codecs.BOM_UTF32_BE + "ab".encode("utf-32-be"), "UTF-32"),
        ("ab".encode("utf-32-le"), "UTF-32LE"),
        ("ab".encode("utf-32-be"), "UTF-32BE"),
    ],
)
def test_wide_encodings_are_recognised(data: bytes, encoding: str, chunk_size: int) -> None:
    assert refusal(data, chunk_size) == (
        f"'the text' looks like {encoding}, not UTF-8: convert it with iconv -f {encoding} -t UTF-8"
    )


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing\x1b[31m\n.txt")
    with pytest.raises(CorpusError, match="does not exist: check the name") as caught:
        read_corpus(missing)
    assert str(caught.value).startswith(repr(missing))
    assert str(caught.value).isprintable()
    with pytest.raises(CorpusError, match=r"is a folder: name a text file in it$"):
        read_corpus(str(tmp_path))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), "may not be read: change its permissions"),
        (OSError(5, "Input/output error"), r"cannot be read \(Input/output error\): check"),
        (OSError(), r"cannot be read \(OSError\): check"),
    ],
)
def test_trouble_with_a_file_is_told(error: OSError, message: str) -> None:
    expected = f"^'some.txt' {message}"
    with mock.patch("builtins.open", side_effect=error), pytest.raises(CorpusError, match=expected):
        read_corpus("some.txt")
    stream = mock.Mock(read=mock.Mock(side_effect=[b"abcd", b"efgh", error]))
    stream.fileno.side_effect = io.UnsupportedOperation
    with pytest.raises(CorpusError, match=expected):
        count_stream(stream, "some.txt")


def test_an_interrupt_is_passed_on() -> None:
    with pytest.raises(KeyboardInterrupt):
        count("abc", progress=mock.Mock(side_effect=KeyboardInterrupt))


def test_an_error_of_the_caller_is_not_blamed_on_the_text() -> None:
    with pytest.raises(BrokenPipeError):
        count("abc", progress=mock.Mock(side_effect=BrokenPipeError))


# Files, standard input, progress


def test_progress_counts_bytes_to_the_size_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("\ufeffé\r\n☃\r".encode() * 3)
    size = path.stat().st_size
    calls: list[tuple[int, int | None]] = []
    read_corpus(str(path), progress=lambda *call: calls.append(call), chunk_size=10)
    assert calls == [(10, size), (20, size), (30, size), (size, size)]


def test_the_size_of_a_stream_is_not_known() -> None:
    calls: list[tuple[int, int | None]] = []
    count("abcdefgh", progress=lambda *call: calls.append(call), chunk_size=5)
    assert calls == [(5, None), (8, None)]


def test_a_dash_is_standard_input() -> None:
    program = (
        "from bigram_tui.corpus.reading import read_corpus; import sys; result = read_corpus('-'); "
        "print(result.path, result.lines, result.bigrams, sys.stdin.closed)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input="é\r\nb".encode(),
        capture_output=True,
        check=True,
        cwd=Path(corpus.__file__).parents[2],
    )
    assert done.stdout.split() == [b"-", b"2", b"4", b"False"]


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CorpusError, match=r"^'-' is standard input, which is closed: name a file$"):
        read_corpus("-")


def test_a_packaged_copy_of_the_names_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "bigram_tui"
    package.mkdir()
    monkeypatch.setattr(bundled, "__file__", str(package / "corpus" / "bundled.py"))
    assert bundled_names() == tmp_path / "data" / "names.txt"
    (package / "names.txt").touch()
    assert bundled_names() == package / "names.txt"


def test_the_names_of_the_lecture_give_its_numbers() -> None:
    path = str(bundled_names())
    result = read_corpus(path)
    bigrams = result.train
    assert result.path == path
    assert result.lines == 32_257
    assert bigrams.vocabulary.labels == tuple(".abcdefghijklmnopqrstuvwxyz")
    assert result.bigrams == bigrams.total == 229_804
    assert bigrams.seen.size == 627
    assert counting_loss(bigrams, 0) == pytest.approx(2.4543953286105005, rel=1e-13)
    assert counting_loss(bigrams, 1) == pytest.approx(2.4549509940276324, rel=1e-13)
    assert result.holds("emma")
    assert result.holds("xyzzy") is False
    assert result.items is not None
    assert reference_pairs(Path(path).read_text().split()) == pairs_of(bigrams)


def counting_loss(bigrams: Bigrams, smoothing: float) -> float:
    smoothed = bigrams.counts + smoothing
    probabilities = smoothed / smoothed.sum(axis=1, keepdims=True)
    seen = bigrams.counts > 0
    return float(-(bigrams.counts[seen] * np.log(probabilities[seen])).sum() / bigrams.total)


def test_the_names_split_by_the_lecture_shares() -> None:
    """Exactly so of the distinct names; those that are there twice move the shares by little."""
    split = parse_split("80/10/10")
    result = read_corpus(str(bundled_names()), split=split)
    parts = (result.train, result.validation, result.test)
    lines = [int(part.row_sums[0]) for part in parts if part is not None]
    assert sum(lines) == 32_257
    for share, wanted in zip(np.array(lines) / 32_257, (0.8, 0.1, 0.1), strict=True):
        assert share == pytest.approx(wanted, rel=0, abs=0.003)
    names: list[set[str]] = [set(), set(), set()]
    for items, dealt in read_items(str(bundled_names()), split=split):
        for item, part in zip(items, dealt.tolist(), strict=True):
            names[part].add(item)
    distinct = len(set.union(*names))
    assert sum(map(len, names)) == distinct, "no name is in two parts"
    blocks, rest = divmod(distinct, 10)
    for found, share in zip(names, (8, 1, 1), strict=True):
        assert blocks * share <= len(found) <= blocks * share + min(rest, share)
