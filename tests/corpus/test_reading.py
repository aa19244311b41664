"""The short way through plain lines, compressed files and several files give what was there before.

What is right is told by a plain loop over the lines, and by the exact way alone.
"""

import bz2
import gzip
import io
import lzma
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, cast
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.corpus import ascii_pairs, builder, corpus
from bigram_tui.corpus.ascii_pairs import LF, Piece, count_pieces, plain_pairs, whole_lines
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import probe
from bigram_tui.corpus.items import read_items
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.errors import TextError
from tests.corpus.building import count_stream
from tests.corpus.test_corpus import pairs_of, parts_of, reference_items, reference_pairs

CHECKOUT = Path(corpus.__file__).parents[2]

# Lines that are plain, and what makes a piece of them something else.
words = st.text("abz \t", max_size=6).map(str.strip)
oddities = st.sampled_from(
    [
        " a",
        "a ",
        "\ta",
        "a\x0c",
        "\x1c",
        " ",
        "é",
        "日本",
        "\ufeff",
        "a\rb",
        "\r",
        "a\x85",
        "x" * 40,
    ]
)
lines = st.lists(st.one_of(words, words, words, oddities), min_size=1, max_size=30)
endings = st.sampled_from(["\n", "\n", "\r\n", "\r"])


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Some UTF-8, most of it plain, and now and then what is no text."""
    ending = draw(endings)
    text = draw(st.sampled_from(["", "", "\ufeff"])) + ending.join(draw(lines))
    data = (text + draw(st.sampled_from(["", ending]))).encode()
    if draw(st.integers(0, 5)) == 0:
        place = draw(st.integers(0, len(data)))
        data = (
            data[:place] + draw(st.sampled_from([b"\0", b"\xff", b"\xc3", b"\n\0"])) + data[place:]
        )
    return data


def outcome(data: bytes, **options: Any) -> tuple[Any, ...] | str:
    """All that can be seen of a corpus, or of its refusal."""
    try:
        result = count_stream(io.BytesIO(data), "the text", **options)
    except CorpusError as error:
        return str(error)
    vocabulary = result.train.vocabulary
    return pairs_of(result.train), vocabulary, result.lines, result.items, result.bigrams


def exact_outcome(data: bytes, **options: Any) -> tuple[Any, ...] | str:
    """The same where no piece is plain."""
    with mock.patch.object(ascii_pairs, "plain_pairs", return_value=None):
        return outcome(data, **options)


@pytest.fixture(autouse=True, scope="module")
def threads_at_once() -> Iterator[None]:
    """Start threads after two pieces, as a large text does after more."""
    count = ascii_pairs.count_pieces
    with mock.patch.object(
        builder, "count_pieces", lambda pieces, workers: count(pieces, workers, alone=2)
    ):
        yield


@given(data=texts(), chunk_size=st.integers(1, 60), workers=st.integers(1, 3))
@example(data=b"a\n\n\nb\n", chunk_size=7, workers=1)
@example(data=b"a\r\n\r\nb c\r\n", chunk_size=50, workers=1)
@example(data=b"ab\n" * 9 + b"\xef\xbb\xbfab\n" * 2, chunk_size=8, workers=2)
@example(data=b"ab\n" * 9 + b"c\0" + b"\xff\n", chunk_size=6, workers=2)
def test_any_way_through_a_text_gives_what_a_plain_loop_gives(
    data: bytes, chunk_size: int, workers: int
) -> None:
    result = outcome(data, chunk_size=chunk_size, workers=workers)
    assert result == exact_outcome(data, chunk_size=1000, workers=1)
    try:
        items = [] if b"\0" in data else reference_items(data.decode())
    except UnicodeDecodeError:
        items = []
    if not items:
        assert isinstance(result, str)
    else:
        assert result[0] == reference_pairs(items)
        assert result[2:] == (len(items), frozenset(items), sum(len(i) + 1 for i in items))


@given(data=texts(), chunk_size=st.integers(1, 60))
def test_pieces_are_the_bytes_cut_after_line_ends(data: bytes, chunk_size: int) -> None:
    chunks = [data[i : i + chunk_size] for i in range(0, len(data), chunk_size)]
    pieces = list(whole_lines(chunks))
    assert b"".join(piece.data for piece in pieces) == data
    at_start = True
    for piece in pieces:
        assert piece.whole == (at_start and piece.data.endswith(b"\n"))
        assert len(piece.data) < 2 * chunk_size
        at_start = piece.data.endswith(b"\n")


@pytest.mark.parametrize(
    "data",
    [
        b"a\n",
        b"\n",
        b"\n\n",
        b"ab cd\n\nx\ty\n",
        b"a\r\nb\r\n",
        b"\r\n",
        b"\x01\x7f\n",
        b"a\nb\r\n",
    ],
)
def test_plain_lines_are_counted_by_their_bytes(data: bytes) -> None:
    pairs = plain_pairs(data, np.empty(8 * len(data), np.uint8))
    assert pairs is not None
    text = data.replace(b"\r", b"")
    expected = np.zeros((128, 128), np.int64)
    np.add.at(expected, (list(b"\n" + text[:-1]), list(text)), 1)
    np.testing.assert_array_equal(pairs, expected)
    assert pairs[:, LF].sum() == data.count(b"\n")


@pytest.mark.parametrize(
    "data",
    [
        *[f"x\n{blank}a\n".encode() for blank in " \t\x0b\x0c\x1c\x1d\x1e\x1f"],
        *[f"a{blank}\nx\n".encode() for blank in " \t\x0b\x0c\x1c\x1d\x1e\x1f"],
        *[b" a\n", b"a\n \n", b"a \r\n", b"\r\n a\n", b"a\rb\n", b"a\r\r\n", b"\0\n", b"a\0b\n"],
        *["é\n".encode(), "aé\n".encode(), b"\xff\n", b"ab\x80\n"],
    ],
)
def test_lines_that_need_a_closer_look_are_not_plain(data: bytes) -> None:
    assert plain_pairs(data, np.empty(8 * len(data), np.uint8)) is None


def test_a_large_plain_text_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    counted_exactly: list[str] = []
    monkeypatch.setattr(
        "bigram_tui.corpus.counter.BigramCounter._count", lambda _, t: counted_exactly.append(t)
    )
    data = b"emma\nmary ann\n\nx\r\n" * 5000
    result = count_stream(io.BytesIO(data), "the text", chunk_size=1000, workers=2)
    items = reference_items(data.decode())
    assert pairs_of(result.train) == reference_pairs(items)
    assert result.items == {"emma", "mary ann", "x"}
    assert "".join(counted_exactly).isspace()


def test_a_line_is_as_long_as_its_characters_whatever_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bigram_tui.corpus.distinct_items.LONGEST_ITEM", 50)
    for ending in ("\n", "\r\n"):
        for length, remembered in ((50, True), (51, None)):
            text = f"a{ending}{'x' * length}{ending}b{ending}".encode()
            result = count_stream(io.BytesIO(text), "the text")
            assert result.holds("x" * length) is remembered


# Threads


def test_pieces_come_in_order_and_few_are_under_way() -> None:
    given_out = 0

    def pieces() -> Iterator[Piece]:
        nonlocal given_out
        for number in range(200):
            given_out += 1
            yield Piece(b"%d\n" % number, number % 7 != 0)

    before = threading.active_count()
    for number, (data, pairs) in enumerate(count_pieces(pieces(), workers=3, alone=5)):
        assert data == b"%d\n" % number
        assert (pairs is None) == (number % 7 == 0)
        assert given_out - number <= 8
    assert number == 199
    assert threading.active_count() == before


def test_trouble_with_reading_comes_after_what_was_read_before() -> None:
    def pieces() -> Iterator[Piece]:
        for _ in range(20):
            yield Piece(b"a\n", True)
        raise TextError("is gone")

    results = count_pieces(pieces(), workers=2, alone=3)
    assert [data for data, _ in islice(results, 20)] == [b"a\n"] * 20
    with pytest.raises(TextError, match="is gone"):
        next(results)


def test_an_error_before_one_of_reading_is_the_one_that_is_told() -> None:
    pieces = [b"abcd\n" * 9] * 5 + [b"ab\xff\n" * 9] + [b"abcd\n" * 9]
    stream = SimpleNamespace(
        read=mock.Mock(side_effect=[b"abcd", *pieces, OSError(5, "lost")]),
        fileno=mock.Mock(side_effect=io.UnsupportedOperation),
    )
    with pytest.raises(CorpusError, match="byte 0xFF in line 46;"):
        count_stream(cast(BinaryIO, stream), "the text", workers=3)


def test_an_error_in_a_thread_is_that_of_the_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    monkeypatch.setattr(ascii_pairs, "plain_pairs", mock.Mock(side_effect=MemoryError))
    with pytest.raises(CorpusError, match="too many different characters"):
        count_stream(io.BytesIO(b"ab\n" * 900), "the text", chunk_size=50, workers=2)
    assert threading.active_count() == before


def test_an_interrupt_leaves_no_thread() -> None:
    before = threading.active_count()
    calls = 0

    def progress(_done: int, _size: int | None) -> None:
        nonlocal calls
        calls += 1
        if calls == 20:
            assert threading.active_count() > before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_stream(io.BytesIO(b"ab\n" * 9000), "x", chunk_size=50, workers=2, progress=progress)
    assert threading.active_count() == before


def test_an_error_in_the_text_leaves_no_thread() -> None:
    before = threading.active_count()
    with pytest.raises(CorpusError, match="in line 451;") as caught:
        count_stream(
            io.BytesIO(b"ab\n" * 450 + b"\xff\n" + b"ab\n" * 450),
            "the text",
            chunk_size=30,
            workers=2,
        )
    assert caught.value  # and with it the frames that it went through
    assert threading.active_count() == before


def test_no_thread_is_started_for_a_small_text() -> None:
    program = (
        "import sys; from bigram_tui.corpus.bundled import bundled_names; "
        "from bigram_tui.corpus.reading import read_corpus; "
        "read_corpus(str(bundled_names())); print('concurrent.futures' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=CHECKOUT
    )
    assert done.stdout.split() == [b"False"]


# Compressed files

TEXT = "emma\nzoë\n  a b \r\n".encode() * 3000

# What compresses badly, so that most of the compressed bytes tell of the text.
RANDOM = np.random.default_rng(1).bytes(5000).hex().encode()

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def zstd_library() -> Any:
    """What packs and unpacks zstd. Skips the test where there is nothing."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return pytest.importorskip(name)


def zstd(data: bytes) -> bytes:
    """A frame with a checksum."""
    library = zstd_library()
    options = {library.CompressionParameter.checksum_flag: 1}
    return cast(bytes, library.compress(data, options=options))


packed = pytest.mark.parametrize("pack", [*PACK.values(), zstd], ids=[*PACK, "zstd"])


def seen_of(result: Corpus) -> tuple[Any, ...]:
    return parts_of(result), result.lines, result.items, result.train.vocabulary


@packed
@pytest.mark.parametrize("name", ["text.txt", "text.gz"])
@pytest.mark.parametrize("split", [None, (8, 1, 1)])
def test_a_compressed_file_is_read_as_what_it_holds(
    pack: Callable[[bytes], bytes], name: str, split: tuple[int, ...] | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(pack(TEXT[:30_000]) + pack(TEXT[30_000:]))
    expected = count_stream(io.BytesIO(TEXT), "the text", split=split)
    assert seen_of(read_corpus(str(path), split=split, chunk_size=1000)) == seen_of(expected)
    items = [item for items, _ in read_items(str(path)) for item in items]
    assert items == reference_items(TEXT.decode())


@packed
def test_progress_counts_the_compressed_bytes(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "text"
    # What compresses badly, so that it is read in several steps.
    random = np.random.default_rng(1).integers(97, 123, 2_500_000, np.uint8)
    path.write_bytes(pack(random.tobytes() + b"\n"))
    calls: list[tuple[int, int | None]] = []
    read_corpus(str(path), progress=lambda *call: calls.append(call), chunk_size=100_000)
    done = [call[0] for call in calls]
    size = path.stat().st_size
    assert {call[1] for call in calls} == {size}
    assert done == sorted(done)
    assert done[0] < size / 2
    assert done[-1] == size


@packed
@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_compressed_file_that_was_cut_off_is_told(
    pack: Callable[[bytes], bytes], kept: float, tmp_path: Path
) -> None:
    data = pack(RANDOM)
    path = tmp_path / "text"
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(CorpusError, match=r"is cut off: its \w+ data has no end; get it again$"):
        read_corpus(str(path))


@packed
def test_a_damaged_compressed_file_is_told(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    data = bytearray(pack(RANDOM))
    half = len(data) // 2
    data[half : half + 50] = bytes(50)
    path = tmp_path / "text"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=r"is (damaged|cut off): .*; get it again$"):
        read_corpus(str(path))


def test_a_text_that_begins_like_a_compressed_one_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "text.bz2"
    path.write_bytes(b"BZh9 is a word\nand so on\n")
    assert read_corpus(str(path)).items == {"BZh9 is a word", "and so on"}


def test_an_empty_compressed_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(CorpusError, match="is empty: give a text"):
        read_corpus(str(path))


def test_without_a_library_zstd_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"\x28\xb5\x2f\xfd and more")
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    message = r"is compressed with zstd: pip install backports.zstd, or unpack it with zstd -d"
    with pytest.raises(CorpusError, match=message):
        read_corpus(str(path))


def test_the_standard_library_reads_zstd_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text"
    path.write_bytes(zstd(TEXT))
    library = zstd_library()
    monkeypatch.setitem(sys.modules, "compression", SimpleNamespace(zstd=library))
    monkeypatch.setitem(sys.modules, "compression.zstd", library)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    assert read_corpus(str(path)).items == {"emma", "zoë", "a b"}


def test_compressed_standard_input_is_read() -> None:
    program = "from bigram_tui.corpus.reading import read_corpus; print(read_corpus('-').lines)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=gzip.compress(TEXT),
        capture_output=True,
        check=True,
        cwd=CHECKOUT,
    )
    assert done.stdout.split() == [b"9000"]


# Several files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where three texts lie: one without a line end, one compressed, one with its own mark."""
    (tmp_path / "b.txt").write_bytes(b"emma\nlast line")
    (tmp_path / "a.txt").write_bytes(gzip.compress(b"first line\r"))
    (tmp_path / "c.txt").write_bytes("\ufeffzoë\n".encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


ITEMS = ["first line", "emma", "last line", "zoë"]


@pytest.mark.parametrize("paths", [["a.txt", "b.txt", "c.txt"], ["[ab].txt", "c.txt"], ["*.txt"]])
@pytest.mark.parametrize("chunk_size", [1, 1000])
def test_several_files_are_one_text(folder: Path, paths: list[str], chunk_size: int) -> None:
    result = read_corpus(*paths, chunk_size=chunk_size)
    assert pairs_of(result.train) == reference_pairs(ITEMS)
    assert result.items == frozenset(ITEMS)
    assert result.path == "a.txt and 2 more"
    assert result.paths == ("a.txt", "b.txt", "c.txt")
    read = [item for items, _ in read_items(*result.paths, chunk_size=chunk_size) for item in items]
    assert read == ITEMS


def test_files_come_in_the_order_in_which_they_are_named(folder: Path) -> None:
    assert read_corpus("c.txt", "?.txt").paths == ("c.txt", "a.txt", "b.txt", "c.txt")


def test_a_split_goes_on_from_file_to_file(folder: Path) -> None:
    lines = [f"{number:b}" for number in range(100)]
    (folder / "one").write_text("\n".join(lines))
    (folder / "two").write_text("\n".join(lines[:37]))
    (folder / "three").write_text("\n".join(lines[37:]))
    whole = read_corpus("one", split=(8, 1, 1), seed=4)
    parts = read_corpus("two", "three", split=(8, 1, 1), seed=4)
    assert parts_of(parts) == parts_of(whole)
    dealt = [p for _, of in read_items(*parts.paths, split=(8, 1, 1), seed=4) for p in of.tolist()]
    assert dealt == [p for _, of in read_items("one", split=(8, 1, 1), seed=4) for p in of.tolist()]


def test_one_file_keeps_its_path(folder: Path) -> None:
    for path in ("c.txt", "c*"):
        result = read_corpus(path)
        assert (result.path, result.paths) == ("c.txt", ("c.txt",))


def test_a_pattern_leaves_folders_out(folder: Path) -> None:
    (folder / "more.txt").mkdir()
    (folder / "more.txt" / "d.txt").write_bytes(b"lea")
    assert read_corpus("*.txt").paths == ("a.txt", "b.txt", "c.txt")
    assert read_corpus("**/*.txt").paths == ("a.txt", "b.txt", "c.txt", "more.txt/d.txt")
    with pytest.raises(CorpusError) as caught:
        read_corpus("m*")
    assert str(caught.value) == "'m*' matches only folders: for the files in them give 'm*/*'"
    assert read_corpus("m*/*").items == {"lea"}


def test_a_file_may_be_named_like_a_pattern(folder: Path) -> None:
    (folder / "[a].txt").write_bytes(b"itself")
    assert read_corpus("[a].txt").items == {"itself"}


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a.txt", "*.none"], r"^'\*\.none' matches no file: check"),
        (["a.txt", "none"], "^'none' does not exist: check"),
        (["a.txt", "."], r"^'\.' is a folder: name"),
        (["-", "a.txt"], "^'-' is standard input, which can only be read alone"),
        (["a.txt", "bad"], "^'bad' is not UTF-8: byte 0xFF in line 2;"),
        (["blank", "blank"], "^'blank and 1 more' holds only blank lines: give"),
        (["empty", "empty"], "^'empty and 1 more' is empty: give"),
    ],
)
def test_trouble_is_told_of_the_file_that_it_is_with(
    folder: Path, paths: list[str], message: str
) -> None:
    (folder / "bad").write_bytes(b"a\n\xff\n")
    (folder / "blank").write_bytes(b" \n")
    (folder / "empty").touch()
    with pytest.raises(CorpusError, match=message):
        read_corpus(*paths)


def test_an_empty_file_among_others_does_no_harm(folder: Path) -> None:
    (folder / "empty").touch()
    assert read_corpus("empty", "b.txt").items == {"emma", "last line"}


def test_progress_goes_on_over_all_files(folder: Path) -> None:
    sizes = [(folder / name).stat().st_size for name in ("a.txt", "b.txt", "c.txt")]
    calls: list[tuple[int, int | None]] = []
    read_corpus("*.txt", progress=lambda *call: calls.append(call), chunk_size=5)
    assert {size for _, size in calls} == {sum(sizes)}
    done = [done for done, _ in calls]
    assert done == sorted(done)
    assert {sizes[0], sizes[0] + sizes[1], sum(sizes)} <= set(done)


def test_an_interrupt_from_outside_ends_reading(tmp_path: Path) -> None:
    path = tmp_path / "endless"
    os.mkfifo(path)
    assert probe(str(path)).size is None
    command = [sys.executable, "-m", "bigram_tui", str(path), "--headless"]
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE) as reader:
        with open(path, "wb", buffering=0) as pipe, pytest.raises(BrokenPipeError):
            write_and_interrupt(pipe, reader)
        assert reader.wait() == 130


def write_and_interrupt(pipe: io.FileIO, reader: "subprocess.Popen[bytes]") -> None:
    """Write a text that is far longer than what is read before the interrupt has come."""
    for number in range(5000):
        pipe.write(b"emma\n" * 100_000)
        if number == 100:
            reader.send_signal(signal.SIGINT)
