"""A text may be watched while it is read, and left before its end: what was read is then a text.

What is right is told by a plain loop over the lines of the bytes that were read.
"""

import gzip
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus import ascii_pairs, builder, opening, streams
from bigram_tui.corpus.background import PARTIAL_SHARE, BackgroundRead
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.files import probe
from bigram_tui.corpus.items import read_items
from bigram_tui.corpus.partial_counts import PartialCounts
from bigram_tui.corpus.progress import MEANINGFUL_SECONDS, Progress, RateMeter
from bigram_tui.corpus.reading import read_corpus
from tests.cancelling import cancelled, cancelled_at
from tests.corpus.test_corpus import pairs_of, reference_items, reference_pairs
from tests.corpus.test_reading import RANDOM, texts

PATIENCE = 20.0


# Stopping


def read_by_hand(data: bytes, chunk_size: int, chunks: int) -> bytes:
    """The bytes that are read of a text, by what is promised of a stop at one of its chunks."""
    # The first four bytes come together.
    cuts = [0, *range(max(4, chunk_size), len(data), chunk_size), len(data)]
    if chunks >= len(cuts):
        return data
    start, end = cuts[chunks - 1], cuts[chunks]
    line_end = max(data.rfind(b"\n", start, end), data.rfind(b"\r", start, end)) + 1
    return data[: line_end or end]


@given(
    lines=st.lists(st.text("ab é日\t", max_size=9), min_size=1, max_size=30),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    chunk_size=st.integers(1, 40),
    chunks=st.integers(1, 12),
    workers=st.integers(1, 2),
    split=st.sampled_from([None, None, (2, 1)]),
)
@example(lines=["日" * 5], ending="\n", chunk_size=4, chunks=1, workers=1, split=None)
@example(lines=["ab", "cd"], ending="\r\n", chunk_size=5, chunks=1, workers=1, split=None)
def test_what_was_read_until_a_stop_is_a_text_of_whole_lines(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[str],
    ending: str,
    chunk_size: int,
    chunks: int,
    workers: int,
    split: tuple[int, ...] | None,
) -> None:
    path = tmp_path_factory.getbasetemp() / "stopped"
    data = ending.join(["xx", "yy", "zz", *lines]).encode()
    path.write_bytes(data)
    options: dict[str, Any] = {"split": split, "chunk_size": chunk_size}
    with mock.patch.object(builder, "count_pieces", _threads_at_once):
        result = read_corpus(
            str(path), cancellation=cancelled_at(chunks), workers=workers, **options
        )
    read = read_by_hand(data, chunk_size, chunks)
    expected = reference_items(read.decode(errors="ignore"))
    parts = [part for part in (result.train, result.validation) if part is not None]
    assert sum(map(pairs_of, parts), start=type(pairs_of(None))()) == reference_pairs(expected)
    assert result.lines == len(expected)
    assert result.items == frozenset(expected)
    if result.extent is not None:
        assert (result.until, result.extent.size) == (len(read), len(data))
    else:
        assert read == data
    again = list(read_items(str(path), until=result.until, **options))
    assert [item for items, _ in again for item in items] == expected
    if split:
        dealt = np.concatenate([parts for _, parts in again])
        assert int(result.train.row_sums[0]) == int((dealt == 0).sum())


_count_pieces = ascii_pairs.count_pieces


def _threads_at_once(pieces: object, workers: int) -> object:
    return _count_pieces(pieces, workers, alone=2)  # type: ignore[arg-type]


def test_a_text_that_is_not_stopped_has_no_extent(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"emma\n" * 100)
    result = read_corpus(str(path), cancellation=CancelToken(), chunk_size=10)
    assert (result.extent, result.until, result.lines) == (None, None, 100)


def test_a_stop_in_the_first_of_two_files_leaves_the_second(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(gzip.compress(b"emma\n" * 1000))
    two.write_bytes(b"ava\n" * 1000)
    # 50 chunks of the first file, its end, and a chunk of the second one.
    places = {2: (200, {"emma"}), 51: (5000, {"emma"}), 52: (5100, {"emma", "ava"})}
    for chunks, (content, items) in places.items():
        result = read_corpus(str(one), str(two), cancellation=cancelled_at(chunks), chunk_size=100)
        assert result.items == items
        assert result.extent is not None
        size = one.stat().st_size + two.stat().st_size
        assert (result.until, result.extent.size) == (content, size)
        again = read_items(str(one), str(two), until=result.until, chunk_size=70)
        assert {item for found, _ in again for item in found} == items
    assert result.extent is not None
    assert result.extent.done == one.stat().st_size + 100


@pytest.mark.parametrize(
    ("extent", "text"),
    [
        (Extent(37, 37, 100), "first 37 %"),
        (Extent(10**6, 999, 1000), "first 99 %"),
        (Extent(9, 1000, 1000), "first 99 %"),
        (Extent(1, 1, 1000), "first <1 %"),
        (Extent(2_140_000_000, 5, None), "first 2.1 GB"),
        (Extent(9, 9, None), "first 9 bytes"),
    ],
)
def test_an_extent_is_told_as_a_share_or_in_bytes(extent: Extent, text: str) -> None:
    assert str(extent) == text


# Partial counts


@given(data=texts(), chunk_size=st.integers(1, 60), split=st.sampled_from([None, (2, 1)]))
@example(data=b"no line end at all", chunk_size=3, split=None)
def test_partial_counts_are_what_a_plain_loop_counts_so_far(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    chunk_size: int,
    split: tuple[int, ...] | None,
) -> None:
    """And making them changes nothing."""
    path = tmp_path_factory.getbasetemp() / "partial"
    path.write_bytes(data)
    taken: list[PartialCounts] = []

    def outcome(**watching: object) -> object:
        try:
            result = read_corpus(str(path), split=split, chunk_size=chunk_size, **watching)  # type: ignore[arg-type]
        except CorpusError as error:
            return str(error)
        parts = (result.train, result.validation, result.test)
        return [pairs_of(part) for part in parts], result.lines, result.items

    assert outcome(on_chunk=lambda partial_counts: taken.append(partial_counts())) == outcome()
    for one, next_one in pairwise(taken):
        assert one.lines <= next_one.lines
        assert not pairs_of(one.bigrams) - pairs_of(next_one.bigrams)
    if taken:
        last = taken[-1]
        text = data.decode(errors="ignore").split("\0")[0]
        whole = reference_pairs(reference_items(text))
        seen = pairs_of(last.bigrams)
        assert not seen - whole
        if text.endswith(("a\n", "b\n", "z\n")) and text.encode() == data:
            assert seen == whole


def test_partial_counts_within_the_first_line_have_its_characters(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"zoe and emma")
    taken: list[PartialCounts] = []
    read_corpus(
        str(path), chunk_size=6, on_chunk=lambda partial_counts: taken.append(partial_counts())
    )
    assert [partial_counts.bigrams.vocabulary.characters for partial_counts in taken] == [
        " aenoz",
        " ademnoz",
    ]
    assert [partial_counts.bigrams.total for partial_counts in taken] == [6, 12]
    assert [partial_counts.lines for partial_counts in taken] == [1, 1]


def test_partial_counts_have_no_more_tokens_than_the_model(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("".join(map(chr, range(0x4E00, 0x4E80))) + "\n", "utf-8")
    taken: list[PartialCounts] = []
    read_corpus(
        str(path), max_vocabulary=10, on_chunk=lambda partial_counts: taken.append(partial_counts())
    )
    assert len(taken[-1].bigrams.vocabulary) == 10


# Pipes


@contextmanager
def pipe() -> Iterator[tuple[Path, int]]:
    """A path that what is written to a file descriptor comes out of."""
    reader, writer = os.pipe()
    try:
        yield Path(f"/dev/fd/{reader}"), writer
    finally:
        os.close(reader)


needs_pipes = pytest.mark.skipif(not os.path.exists("/dev/fd/0"), reason="there is no /dev/fd")


@needs_pipes
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("step", [1, 7, 5000])
def test_what_comes_in_its_own_time_is_read_as_it_comes(
    pack: Callable[[bytes], bytes], step: int
) -> None:
    data = pack("emma\nzoë\n".encode() * 50)
    with pipe() as (path, writer):
        os.write(writer, data[:10])  # by which it is told whether it is compressed

        def feed() -> None:
            for start in range(10, len(data), step):
                os.write(writer, data[start : start + step])
            os.close(writer)

        feeder = threading.Thread(target=feed)
        feeder.start()
        result = read_corpus(str(path), cancellation=CancelToken(), chunk_size=64)
        feeder.join()
    assert (result.lines, result.items, result.extent) == (100, {"emma", "zoë"}, None)


@needs_pipes
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_pipe_that_gives_nothing_more_can_be_stopped(pack: Callable[[bytes], bytes]) -> None:
    # Random enough, so that some of it can be unpacked before all is there.
    data = pack(b"".join(RANDOM[k : k + 9] + b"\n" for k in range(0, len(RANDOM), 9)))
    with pipe() as (path, writer):
        os.write(writer, data[: len(data) * 3 // 4])
        token = CancelToken()
        result = read_corpus(
            str(path),
            cancellation=token,
            on_chunk=lambda _: token.cancel(),  # something was read
            chunk_size=1000,
        )
        os.close(writer)
    assert result.extent is not None
    assert result.extent.size is None
    assert result.lines == result.until / 10  # type: ignore[operator]
    assert all(len(item) == 9 for item in result.items or ())


@needs_pipes
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_where_nothing_more_comes_a_stop_is_the_end(pack: Callable[[bytes], bytes]) -> None:
    data = pack(RANDOM)
    with pipe() as (path, writer):
        os.write(writer, data[: len(data) * 3 // 4])
        read = b""
        with opening.open_text(probe(str(path)), cancellation=cancelled()) as stream:
            while chunk := stream.read(100):
                read += chunk
        os.close(writer)
    assert len(RANDOM) // 2 < len(read) < len(RANDOM)
    assert RANDOM.startswith(read)


@needs_pipes
def test_a_text_comes_out_of_a_pipe_before_its_next_part_is_written() -> None:
    """Though far less than a chunk."""
    looks: list[int] = []
    with pipe() as (path, writer):

        def look(partial_counts: Callable[[], PartialCounts]) -> None:
            looks.append(partial_counts().lines)
            if len(looks) < 4:
                os.write(writer, b"ava\n")
            elif len(looks) == 4:
                os.close(writer)

        os.write(writer, b"emma\n")
        result = read_corpus(str(path), cancellation=CancelToken(), on_chunk=look)
    assert looks == [1, 2, 3, 4]
    assert result.lines == 4


@needs_pipes
def test_what_takes_time_is_packed_or_no_plain_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, packed = tmp_path / "plain.gz", tmp_path / "packed"
    plain.write_bytes(b"emma\n")
    packed.write_bytes(gzip.compress(b"emma\n"))
    assert not probe(str(plain)).takes_time
    assert probe(str(packed)).takes_time
    assert probe("-").takes_time
    with pipe() as (path, writer):
        assert probe(str(path)).takes_time
        os.close(writer)
    for refused_at_once in (tmp_path / "missing", tmp_path):
        assert not probe(str(refused_at_once)).takes_time
    monkeypatch.setattr("builtins.open", mock.Mock(side_effect=PermissionError))
    assert not probe(str(packed)).takes_time


# A reading


class Clock:
    """Tells the time that it is set to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_that_of_the_last_seconds() -> None:
    meter = RateMeter(seconds=10)
    assert meter.rate() is None
    meter.note(0.0, 0)
    assert meter.rate() is None
    meter.note(MEANINGFUL_SECONDS / 2, 500)
    assert meter.rate() is None
    meter.note(2.0, 2000)
    assert meter.rate() == 1000
    for second in range(3, 40):
        meter.note(second, 2000 + 50 * (second - 2))
    assert meter.rate() == 50


def test_progress_tells_the_rate_and_what_remains_once_it_can() -> None:
    clock = Clock()
    reading: BackgroundRead[None] = BackgroundRead("text", lambda _: None, clock)
    reading.start()
    reading.leave(PATIENCE)
    clock.now += 0.5
    reading.report(1000, 11_000)
    assert reading.progress == Progress(1000, 11_000, None, None)
    clock.now += 1.5
    reading.report(3000, 11_000)
    assert reading.progress == Progress(3000, 11_000, 1500.0, 8000 / 1500)
    reading.report(3000, None)
    assert reading.progress == Progress(3000, None, 1500.0, None)
    reading.report(12_000, 11_000)
    assert reading.progress.remaining == 0, "the file has grown"


def test_partial_counts_take_no_more_than_their_share_of_the_time(tmp_path: Path) -> None:
    clock = Clock()
    reading: BackgroundRead[None] = BackgroundRead("text", lambda _: None, clock)
    taken = 0.0

    def partial_counts(seconds: float) -> PartialCounts:
        nonlocal taken
        clock.now += seconds
        taken += seconds
        return mock.Mock(spec=PartialCounts)

    for seconds in (0.001, 0.5):
        start, taken, count = clock.now, 0.0, 0
        while clock.now < start + 100:
            clock.now += 0.01
            before = reading.partial_counts
            reading.on_chunk(lambda seconds=seconds: partial_counts(seconds))  # type: ignore[misc]
            count += reading.partial_counts is not before
        assert taken / (clock.now - start) < PARTIAL_SHARE + 0.01
        wanted = 390 if seconds == 0.001 else 100 * PARTIAL_SHARE / seconds
        assert count == pytest.approx(wanted, rel=0.05)


def test_a_reading_ends_with_what_was_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"emma\n" * 1000)

    def read(reading: BackgroundRead[Corpus]) -> Corpus:
        return read_corpus(
            *(str(path),),
            progress=reading.report,
            cancellation=reading.cancellation,
            on_chunk=reading.on_chunk,
        )

    reading = BackgroundRead("text", read)
    assert not reading.stop(), "nothing is read yet"
    reading.start()
    reading._thread.join(PATIENCE)
    assert reading.has_ended
    assert reading.error is None
    assert reading.result is not None
    assert reading.result.lines == 1000
    assert reading.partial_counts is not None
    assert reading.progress.done == reading.progress.size == 5000


def test_a_reading_is_stopped_once_there_is_something() -> None:
    more = threading.Semaphore(0)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert more.acquire(timeout=PATIENCE)
            return b"emma\n"

    def read(reading: BackgroundRead[Corpus]) -> Corpus:
        watched = mock.patch("bigram_tui.corpus.reading.open_text", _opening(Slow()))
        with watched:
            return read_corpus("x", cancellation=reading.cancellation, on_chunk=reading.on_chunk)

    reading = BackgroundRead("text", read)
    reading.start()
    assert not reading.stop()
    more.release(2)  # the first four bytes, and the rest of the first chunk
    while reading.partial_counts is None:
        assert not reading.has_ended, reading.error
    assert reading.stop()
    more.release(50)
    reading._thread.join(PATIENCE)
    assert reading.result is not None
    assert reading.result.extent is not None
    assert reading.result.lines == reading.result.until / 5 <= 4  # type: ignore[operator]


def test_a_reading_goes_on_while_none_of_its_lines_is_for_training() -> None:
    """With these shares and this seed it is the third line that is."""
    chunks = [b"emma", b"\nanna\n", b"bob\n"]
    answers: list[bool] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if not size:
                return b""
            answers.append(reading.stop())
            reading._next_partial = -float("inf")  # none are too early
            return chunks.pop(0) if chunks else b""

    def read(reading: BackgroundRead[Corpus]) -> Corpus:
        with mock.patch("bigram_tui.corpus.reading.open_text", _opening(Watched())):
            return read_corpus(
                "x",
                split=(1, 2),
                seed=3,
                cancellation=reading.cancellation,
                on_chunk=reading.on_chunk,
                chunk_size=4,
            )

    reading = BackgroundRead("text", read)
    reading.start()
    reading._thread.join(PATIENCE)
    assert reading.error is None
    assert answers == [False, False, False, True]
    assert reading.result is not None
    assert reading.result.train.total == 4, "of bob"


def _opening(stream: io.BytesIO) -> object:
    @contextmanager
    def opened(_path: str, _stop: object = None) -> Iterator[io.BytesIO]:
        yield stream

    return opened


def test_an_error_is_kept_for_whoever_waits() -> None:
    def read(_: BackgroundRead[None]) -> None:
        raise ValueError("no")

    reading = BackgroundRead("text", read)
    reading.start()
    reading._thread.join(PATIENCE)
    assert reading.has_ended
    assert isinstance(reading.error, ValueError)
    assert reading.result is None


@needs_pipes
def test_nobody_waits_for_a_pipe_out_of_which_nothing_comes() -> None:
    with pipe() as (path, writer):
        reading = BackgroundRead(
            "text", lambda r: read_corpus(str(path), cancellation=r.cancellation)
        )
        reading.start()
        reading.leave(PATIENCE)
        assert reading.has_ended
        os.close(writer)
    assert streams.PAUSE_SECONDS < 0.5
