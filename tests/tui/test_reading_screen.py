"""The screen while a text is read: what it shows, and how it is left."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot

from bigram_tui.corpus.background import BackgroundRead
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.extent import Extent
from bigram_tui.corpus.partial_counts import PartialCounts
from bigram_tui.corpus.progress import Progress
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.formatting.printable import printable
from bigram_tui.training.registry import choose
from bigram_tui.training.session import Session
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.present import corpus_facts, marking
from bigram_tui.tui.render.colors import TRUE_COLOR
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.reading import ReadingScreen, pace_facts
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.key_footer import KeyFooter
from bigram_tui.tui.widgets.status import StatusLine
from tests.conftest import slow
from tests.tui.conftest import DEADLINE, Settle, TextOf, WaitUntil, notifications, sizes

CHUNKS = [b"emma\nava\n", "zoë\n".encode(), b"[red]\x1b[31m\n"]


class Source:
    """A text of 100 bytes whose chunks come when the test says so."""

    def __init__(self) -> None:
        self._more = threading.Semaphore(0)
        self._chunks: list[bytes | Exception] = [*CHUNKS]
        self.size: int | None = 100

    def give(self, *chunks: bytes | Exception) -> None:
        """Let the next chunk come, or else these and then the end."""
        if chunks:
            self._chunks = [*chunks]
        self._more.release(len(chunks) + 1 if chunks else 1)

    def read(self, size: int, /) -> bytes:
        if not size:
            return b""
        assert self._more.acquire(timeout=DEADLINE)
        chunk = self._chunks.pop(0) if self._chunks else b""
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    """What is read in the place of any file."""
    source = Source()

    @contextmanager
    def opened(_path: str, _cancellation: object = None) -> Iterator[Source]:
        yield source

    monkeypatch.setattr("bigram_tui.corpus.reading.open_text", opened)
    monkeypatch.setattr("bigram_tui.corpus.opening.stream_size", lambda _: source.size)
    return source


MakeReader = Callable[..., BigramApp]


@pytest.fixture
def make_reader(source: Source) -> Iterator[MakeReader]:
    """Makes an app that is to read the source first."""
    made: list[BigramApp] = []

    def make(title: str = "folder/some.txt", **options: Any) -> BigramApp:
        def read(reading: BackgroundRead[Session]) -> Session:
            watching: dict[str, Any] = {
                "progress": reading.report,
                "cancellation": reading.cancellation,
                "on_chunk": reading.on_chunk,
            }
            # No partial counts are too early, and whole chunks come at once.
            reading._next_partial = -float("inf")
            sources = tuple(choose(["count", "numpy"]))
            try:
                return Session(read_corpus(title, chunk_size=4, **watching), sources)
            except CorpusError as error:
                if error.part is not None:
                    reading.offer(Session(error.part, sources))
                raise

        reading = BackgroundRead(title, read)
        app = BigramApp(reading, depth=TRUE_COLOR, wanted=("count",), **options)
        app.animation_level = "none"
        made.append(app)
        return app

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("bigram_tui.corpus.background.PARTIAL_SECONDS", 0.0)
    monkeypatch.setattr("bigram_tui.corpus.background.PARTIAL_SHARE", 1.0)
    yield make
    monkeypatch.undo()


def screen_text(pilot: Pilot[None]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def test_it_shows_how_far_it_is_and_fills(
    make_reader: MakeReader, source: Source, wait_until: WaitUntil, settle: Settle
) -> None:
    app = make_reader()
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: "waiting for text" in screen_text(pilot))
        assert isinstance(app.screen, ReadingScreen)
        assert "some.txt" in screen_text(pilot)
        assert "folder" not in screen_text(pilot)
        source.give()
        await wait_until(pilot, lambda: "2 lines   9 bigrams   V 5" in screen_text(pilot))
        assert "reading … 9 %" in screen_text(pilot)
        assert "9 bytes of 100 bytes" in screen_text(pilot)
        heatmap = app.screen.query_one(Heatmap)
        assert heatmap.labels[0] == (".", "a", "e", "m", "v")
        assert heatmap.picture is not None
        assert heatmap.picture.table[1].tolist() == [2, 0, 0, 0, 1], "after a: emma, ava twice"
        source.give()
        await wait_until(pilot, lambda: "3 lines" in screen_text(pilot))
        assert heatmap.labels[0] == (".", "a", "e", "m", "o", "v", "z", "ë")
        assert np.asarray(heatmap.picture.table).sum() == 13
        source.give()
        await wait_until(pilot, lambda: "4 lines" in screen_text(pilot))
        assert printable("\x1b") in heatmap.labels[0] or "\x1b" in heatmap.labels[0]
        assert "\x1b" not in screen_text(pilot)
        source.give()
        await wait_until(pilot, lambda: isinstance(app.screen, ExploreScreen))
        await settle(pilot)
        assert app.session.corpus.lines == 4
        assert app.session.corpus.extent is None
        facts = [str(fact) for fact in app.screen.query_one(StatusLine).facts]
        assert facts[:2] == ["some.txt", "4 lines"]
        assert "reading" not in app._modes


async def test_enter_goes_on_with_what_was_read(
    make_reader: MakeReader, source: Source, wait_until: WaitUntil, settle: Settle
) -> None:
    app = make_reader(steps=3)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: "waiting for text" in screen_text(pilot))
        await pilot.press("enter")
        assert notifications(pilot) == ["nothing is read yet"]
        source.give()
        await wait_until(pilot, lambda: "2 lines" in screen_text(pilot))
        await pilot.press("enter")
        assert app.reading is not None
        assert app.reading.cancellation.is_cancelled
        await wait_until(pilot, lambda: "stopping …" in screen_text(pilot))
        source.give()
        await wait_until(pilot, lambda: isinstance(app.screen, ExploreScreen))
        await settle(pilot)
        corpus = app.session.corpus
        assert corpus.extent == Extent(14, 14, 100)
        assert corpus.lines == 3
        assert screen_text(pilot).lstrip().startswith("some.txt  first 14 %  3 lines  ")
        assert app.runners[0].snapshot.iteration == 0
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert app.runners[1].snapshot.iteration in (1, 4)
        await pilot.press("c")
        await settle(pilot)
        assert "first 14 %" in screen_text(pilot)


async def test_where_the_size_is_not_known_it_tells_the_bytes(
    make_reader: MakeReader, source: Source, wait_until: WaitUntil, settle: Settle
) -> None:
    source.size = None
    app = make_reader("-")
    async with app.run_test(size=(80, 24)) as pilot:
        source.give()
        await wait_until(pilot, lambda: "2 lines" in screen_text(pilot))
        text = screen_text(pilot)
        assert "stdin" in text
        assert "9 bytes read" in text
        assert "%" not in text
        await pilot.press("enter")
        source.give()
        await wait_until(pilot, lambda: isinstance(app.screen, ExploreScreen))
        await settle(pilot)
        assert "stdin  first 14 bytes  3 lines" in screen_text(pilot)


@pytest.mark.parametrize("key", ["q", *slow("ctrl+q")])
async def test_quitting_leaves_the_text_unread(
    make_reader: MakeReader, source: Source, wait_until: WaitUntil, key: str
) -> None:
    app = make_reader()
    async with app.run_test() as pilot:
        source.give()
        await wait_until(pilot, lambda: "2 lines" in screen_text(pilot))
        assert app.reading is not None
        source.give(b"lea\n")  # what it would have to wait for
        await pilot.press(key)
    assert app.reading.cancellation.is_cancelled
    assert app.reading.has_ended
    assert app.trouble is None
    assert app.return_code in (None, 0)
    assert app.history() == []


async def test_to_quit_before_anything_came_is_no_error(
    make_reader: MakeReader, source: Source, wait_until: WaitUntil
) -> None:
    app = make_reader()
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: "waiting for text" in screen_text(pilot))
        assert app.reading is not None
        app.reading.cancellation.cancel()
        source.give(b"")
        await pilot.press("q")
    assert app.trouble is None


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (b"\xff\n", "is not UTF-8: byte 0xFF in line 1"),
        (OSError(5, "Input/output error"), "cannot be read"),
        (CorpusError("no"), "no"),
    ],
)
async def test_an_error_with_nothing_before_it_ends_the_app_and_is_handed_on(
    make_reader: MakeReader,
    source: Source,
    wait_until: WaitUntil,
    chunk: bytes | Exception,
    message: str,
) -> None:
    app = make_reader()
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: "waiting for text" in screen_text(pilot))
        source.give(chunk)
        await wait_until(pilot, lambda: app._exit, "the end")
    assert isinstance(app.trouble, CorpusError)
    assert message in str(app.trouble)
    assert app.history() == []


ERRORS = pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (b"lea\n[b]zo\xeb\nmia\n", "is not UTF-8: byte 0xEB in line 4"),
        (OSError(5, "Input/output error"), "cannot be read (Input/output error)"),
    ],
)


@ERRORS
async def test_what_was_read_before_an_error_is_offered_and_explored(
    make_reader: MakeReader,
    source: Source,
    wait_until: WaitUntil,
    settle: Settle,
    text_of: TextOf,
    chunk: bytes | Exception,
    message: str,
) -> None:
    lines = 3 if isinstance(chunk, bytes) else 2
    app = make_reader(steps=3)
    async with app.run_test(size=(120, 30)) as pilot:
        source.give()
        await wait_until(pilot, lambda: "2 lines" in screen_text(pilot))
        source.give(chunk)
        offer = f"enter explores the part before it, {lines} lines; q quits"
        await wait_until(pilot, lambda: offer in screen_text(pilot))
        text = screen_text(pilot)
        assert message in text
        assert "some.txt" in text
        assert "stopped" in text
        assert f"{lines} lines   {9 + 4 * (lines == 3)} bigrams" in text
        footer = "enter explore the part before the error"
        await wait_until(pilot, lambda: footer in text_of(app.screen.query_one(KeyFooter)))
        assert "stop" not in text_of(app.screen.query_one(KeyFooter))
        assert isinstance(app.trouble, CorpusError)
        assert app.is_running
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ExploreScreen))
        await settle(pilot)
        assert app.trouble is None
        corpus = app.session.corpus
        assert (corpus.lines, corpus.until) == (lines, 9 + 4 * (lines == 3))
        assert f"some.txt  {corpus.extent}  {lines} lines" in screen_text(pilot)


@pytest.mark.parametrize("key", ["q", *slow("ctrl+q")])
async def test_to_quit_after_an_error_hands_it_on(
    make_reader: MakeReader, source: Source, wait_until: WaitUntil, key: str
) -> None:
    app = make_reader()
    async with app.run_test(size=(30, 8)) as pilot:
        source.give()
        await wait_until(pilot, lambda: "2 lines" in screen_text(pilot))
        source.give(b"zo\xeb\n")
        await wait_until(pilot, lambda: "stopped" in screen_text(pilot))
        await pilot.resize_terminal(100, 8)
        await wait_until(pilot, lambda: "is not UTF-8" in screen_text(pilot))
        await pilot.press(key)
    assert isinstance(app.trouble, CorpusError)
    assert "byte 0xEB in line 3" in str(app.trouble)
    assert app.history() == []


async def test_the_keys_are_in_the_footer_and_ctrl_c_tells_how_to_quit(
    make_reader: MakeReader,
    source: Source,
    wait_until: WaitUntil,
    settle: Settle,
    text_of: TextOf,
) -> None:
    app = make_reader()
    async with app.run_test(size=(80, 24)) as pilot:
        source.give()
        await wait_until(pilot, lambda: "2 lines" in screen_text(pilot))
        footer = text_of(app.screen.query_one(KeyFooter))
        assert "enter stop and explore what was read" in footer
        assert "q quit" in footer
        await pilot.press("ctrl+c")
        assert notifications(pilot) == ["q quits"]
        assert isinstance(app.screen, ReadingScreen)
        dark = app.current_theme.dark
        await pilot.press("t")
        assert app.current_theme.dark is not dark
        await pilot.pause()
        source.give(b"")
        await wait_until(pilot, lambda: isinstance(app.screen, ExploreScreen))
        await settle(pilot)


@sizes((20, 6), (60, 16), (200, 60))
async def test_any_size_will_do(
    make_reader: MakeReader,
    source: Source,
    wait_until: WaitUntil,
    settle: Settle,
    size: tuple[int, int],
) -> None:
    app = make_reader("x" * 300)
    async with app.run_test(size=size) as pilot:
        source.give()
        await wait_until(pilot, lambda: "2 lines" in screen_text(pilot))
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: "9 bytes of 100 bytes" in screen_text(pilot))
        source.give(b"")
        await wait_until(pilot, lambda: isinstance(app.screen, ExploreScreen))
        await settle(pilot)


async def test_the_tour_begins_after_the_reading(
    make_reader: MakeReader, source: Source, wait_until: WaitUntil, settle: Settle
) -> None:
    app = make_reader(tour=True)
    async with app.run_test() as pilot:
        source.give(b"emma\n", b"")
        await wait_until(pilot, lambda: isinstance(app.screen, ExploreScreen))
        await settle(pilot)
        assert app.screen.has_class("-touring")


# What is said


@pytest.mark.parametrize(
    ("progress", "facts"),
    [
        (Progress(0, None), ["0 bytes read"]),
        (Progress(5_000_000, None, 2e6), ["5.0 MB read", "2.0 MB/s"]),
        (Progress(10, 2 * 10**9, 1e8, 20.0), ["10 bytes of 2.0 GB", "100 MB/s", "20 s left"]),
    ],
)
def test_what_is_not_known_is_not_told(progress: Progress, facts: list[str]) -> None:
    assert pace_facts(progress) == facts


def test_where_marking_is_off_the_screen_says_so(small_corpus: Any) -> None:
    corpus = read_corpus(str(small_corpus))
    assert marking(corpus) == "• = in the text"
    without = Corpus(corpus.path, corpus.lines, corpus.train, None, None, None)
    assert marking(without) == "• off: lines not kept"
    part = Corpus("a/b", 1, corpus.train, None, None, None, extent=Extent(5, 1, 2))
    assert corpus_facts(part)[:2] == ["b", "first 50 %"]
    assert PartialCounts(1, corpus.train).lines == 1
