"""The program in the hands of a random user, and what must hold whatever that user does."""

import asyncio
import gc
import logging
import os
import re
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from textual import events
from textual.app import App
from textual.geometry import Size
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widgets._toast import Toast

from bigram_tui.corpus.background import BackgroundRead
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.training.registry import choose
from bigram_tui.training.session import Session
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.render.colors import TRUE_COLOR
from bigram_tui.tui.screens.explore import ExploreScreen
from bigram_tui.tui.screens.run_screen import CALM_FRAMES
from bigram_tui.tui.widgets.prompt import Prompt
from bigram_tui.tui.widgets.status import RunsBar
from tests.fuzz.events import UserEvent

ANSWER_SECONDS = 30.0
"""How long the program may take to answer on a busy machine."""
FPS = 100
SIZE = 100, 30
CHUNK = 64
"""Bytes of a text that arrives bit by bit."""


class Costs:
    """How long the thread of the screen worked without a pause, at most, after each user event."""

    def __init__(self) -> None:
        self.count = 0
        """The number of keys, mouse events, pastes and sizes so far."""
        self.event = "end, and start"
        """The user event that came last."""
        self._seconds: dict[str, float] = defaultdict(float)

    def note(self, seconds: float) -> None:
        """Take the time that one round of the event loop took."""
        self._seconds[self.event] = max(self._seconds[self.event], seconds)

    def longest(self, count: int = 12) -> list[tuple[float, str]]:
        """Return the events that took longest, in seconds of CPU."""
        return sorted(((s, event) for event, s in self._seconds.items()), reverse=True)[:count]


class TimedLoop(asyncio.SelectorEventLoop):
    """An event loop that notes for how long it did not come back to wait for events."""

    def __init__(self, costs: Costs) -> None:
        super().__init__()
        self._costs = costs

    def _run_once(self) -> None:
        begin = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        self._costs.note(time.thread_time() - begin)


class Faults:
    """Every exception and warning that does not reach the test by itself."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, where: str, what: object) -> None:
        """Note something that must not happen."""
        self.found.append(f"{where}: {what!r}")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Catch what threads, finalizers and logs tell."""
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self.add("log", record.getMessage())  # type: ignore[method-assign]
        logging.getLogger().addHandler(handler)
        hooks = threading.excepthook, sys.unraisablehook
        threading.excepthook = lambda told: self.add(f"thread {told.thread}", told.exc_value)
        sys.unraisablehook = lambda told: self.add(f"finalizer of {told.object}", told.exc_value)
        try:
            yield
        finally:
            threading.excepthook, sys.unraisablehook = hooks
            logging.getLogger().removeHandler(handler)


class SlowPipe:
    """A text that arrives by a named pipe, a chunk at a time."""

    def __init__(self, path: Path, text: bytes) -> None:
        os.mkfifo(path)
        self.path = path
        self._chunks = [text[k : k + CHUNK] for k in range(0, min(len(text), 10 * CHUNK), CHUNK)]
        self._writer: int | None = None
        self._is_closed = False

    def give(self) -> None:
        """Write the next chunk, or end the text; nothing while nobody reads."""
        if self._is_closed:
            return
        try:
            if self._writer is None:
                self._writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            if self._chunks:
                os.write(self._writer, self._chunks.pop(0))
                return
        except OSError:  # nobody reads yet, or no longer
            return
        self.close()

    def close(self) -> None:
        """End the text."""
        self._is_closed = True
        if self._writer is not None:
            os.close(self._writer)
        self._writer = None


class FuzzedApp:
    """The program, started anew whenever the user has left it."""

    def __init__(self, corpus: Path, *, pipe: SlowPipe | None, costs: Costs) -> None:
        self._corpus = corpus
        self._pipe = pipe
        self._costs = costs
        self.faults = Faults()
        self.app = self._make_app()
        self._drawn = 0

    def _make_app(self) -> BigramApp:
        sources = tuple(choose([]))
        session: Session | BackgroundRead[Session]
        if self._pipe is None:
            session = Session(read_corpus(str(self._corpus)), sources)
        else:
            session = BackgroundRead(str(self._pipe.path), self._read)
        app = BigramApp(session, depth=TRUE_COLOR, wanted=(), frames_per_second=FPS)
        app.animation_level = "none"
        return app

    def _read(self, reading: BackgroundRead[Session]) -> Session:
        watching: dict[str, Any] = {
            "progress": reading.report,
            "cancellation": reading.cancellation,
            "on_chunk": reading.on_chunk,
        }
        sources = tuple(choose([]))
        try:
            return Session(read_corpus(reading.title, **watching), sources)
        except CorpusError as error:
            if error.part is not None:
                reading.offer(Session(error.part, sources))
            raise

    # What a user does

    async def use(self, actions: Sequence[UserEvent]) -> None:
        """Do what a user does, one thing after the other, and leave."""
        remaining = list(actions)
        with self.faults.watched():
            while True:
                async with self._running():
                    while remaining and self.app.is_running and not self.app._exit:
                        await self._do(remaining.pop(0))
                    if not remaining:
                        await self.rest()
                        await self._leave()
                    self._costs.event = "end, and start"
                if not remaining:
                    break
                self._pipe = None  # it can be read once
                self.app = self._make_app()
        assert not self.faults.found, self.faults.found

    async def _do(self, action: UserEvent) -> None:
        self._costs.event = str(action)[:70]
        await action.apply(self)
        await asyncio.sleep(0)

    async def _leave(self) -> None:
        """Quit as a user who is in a hurry does."""
        if self.app._exit:
            return
        self.send(events.Key("ctrl+q", None))
        limit = time.monotonic() + ANSWER_SECONDS
        while not self.app._exit:
            assert time.monotonic() < limit, "ctrl+q does not leave"
            await asyncio.sleep(0.001)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, about: self.faults.add("event loop", about)
        )
        original = App._display

        def display(app: App[None], screen: Any, renderable: Any) -> None:
            self._drawn += 1
            original(app, screen, renderable)

        App._display = display  # type: ignore[method-assign,assignment]
        try:
            async with self.app.run_test(size=SIZE):
                yield
        finally:
            App._display = original  # type: ignore[method-assign]
            if self._pipe is not None:
                self._pipe.close()

    def send(self, message: Message) -> None:
        """Give the app an event, as its driver does."""
        driver = self.app._driver
        if driver is not None and not self.app._exit:
            driver.process_message(message)
            self._costs.count += 1

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window."""
        if self.app._driver is not None:
            self.app._driver._size = (width, height)
            size = Size(width, height)
            self.send(events.Resize(size, size))

    def read_on(self) -> None:
        """Give the reading in progress, if there is one, its next chunk."""
        if self._pipe is not None:
            self._pipe.give()

    async def drained(self) -> None:
        """Wait until everything sent so far has been handled."""
        limit = time.monotonic() + ANSWER_SECONDS
        quiet = 0
        while quiet < 3 and not self.app._exit:
            await asyncio.sleep(0)
            pumps: list[MessagePump] = [self.app, *self.app._registry]
            busy = [pump for pump in pumps if pump._running and pump.message_queue_size]
            quiet = 0 if busy else quiet + 1
            assert time.monotonic() < limit, f"no answer: {busy[:3]} {self.app.screen_stack}"

    # What must hold

    async def rest(self) -> None:
        """Wait until nothing is under way, and check what must hold then."""
        limit = time.monotonic() + ANSWER_SECONDS
        await self.drained()  # first: a key that waits may begin a training
        self._pause()
        while not self._is_at_rest():
            assert time.monotonic() < limit, f"no rest: {self._state()}"
            await self.drained()
            await asyncio.sleep(0.02)  # longer than it takes: a thread may be loading torch
        while await self._draws():
            assert time.monotonic() < limit, f"drawn again and again at rest: {self._state()}"
        if self.app._exit or not isinstance(self.app.screen, ExploreScreen):
            return
        self._check_numbers()

    async def _draws(self) -> bool:
        """Return whether anything is drawn for a while, other than what moves by itself."""
        drawn = self._drawn
        await asyncio.sleep((CALM_FRAMES + 4) / FPS)
        if self.app._exit or not isinstance(self.app.screen, ExploreScreen):
            return False
        if self.app.screen.query(Toast) or self.app.screen.query_one(Prompt).display:
            return False  # a toast goes by itself, a cursor blinks
        return self._drawn != drawn

    def _state(self) -> str:
        runs = [(r.name, r.is_idle, r.snapshot.status) for r in self.app.runners]
        return f"{self.app.screen_stack} {self.app.size} {self.app.lockstep.is_idle} {runs}"

    def _pause(self) -> None:
        if self.app._has_session:
            self.app.lockstep.pause()
            for runner in self.app.runners:
                runner.pause()

    def _is_at_rest(self) -> bool:
        app = self.app
        if app._exit or not app._has_session:
            return True
        return app.lockstep.is_idle and all(r.is_idle for r in app.runners if r.started)

    def _check_numbers(self) -> None:
        """Check that step and loss of the active run stand on the screen as they are."""
        screen = self.app.screen
        assert isinstance(screen, ExploreScreen)
        region = screen.query_one(RunsBar).region
        snapshot = screen.snapshot
        if not snapshot.has_loss or region.width < 90 or self.app.size.height < 20:
            return  # there is no room for the numbers
        line = screen._compositor.render_strips()[region.y].text
        entry = line.split(f" {screen.active + 1} ━", 1)[-1]
        found = re.search(r" (?:step )?([\d,]+)(?:/[\d,]+)?(?:  nll)? (\d+\.\d+|∞)", entry)
        assert found, f"no numbers in {line!r}"
        step, loss = found.groups()
        assert step.replace(",", "") == str(snapshot.iteration), f"{line!r} is not {snapshot}"
        if loss != "∞":
            digits = len(loss.partition(".")[2])
            assert loss == f"{snapshot.nll:.{digits}f}", f"{line!r} is not {snapshot}"


def use(
    actions: Sequence[UserEvent], corpus: Path, folder: Path, *, reading: bool, costs: Costs
) -> None:
    """Start the program with a text, do what a user does, and check what must hold.

    reading: whether the text arrives bit by bit. folder: an empty one.
    """
    pipe = SlowPipe(folder / "pipe.txt", corpus.read_bytes()) if reading else None
    gc.collect()  # what the program before has left: not in the midst of this one
    try:
        with asyncio.Runner(loop_factory=lambda: TimedLoop(costs)) as runner:
            runner.run(FuzzedApp(corpus, pipe=pipe, costs=costs).use(actions))
    finally:
        if pipe is not None:
            with suppress(OSError):
                pipe.path.unlink()
