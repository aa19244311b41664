"""How the screens look: pictures of the real app, compared to the last character and colour."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from bigram_tui.corpus.background import BackgroundRead
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.partial_counts import PartialCounts
from bigram_tui.corpus.progress import Progress
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.training.registry import BackendSource, choose
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.render.colors import GLYPHS_ONLY, INDEXED, TRUE_COLOR, Depth
from bigram_tui.tui.screens.compare import CompareScreen
from bigram_tui.tui.screens.reading import ReadingLines
from tests.conftest import slow


@pytest.fixture(autouse=True)
def _torch_is_not_imported_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the program starts, whatever other tests have imported in this process."""
    light = property(lambda source: source.name != "torch")
    monkeypatch.setattr(BackendSource, "is_light", light)


NAMES = Path(__file__).parents[2] / "data" / "names.txt"
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}

Compare = Callable[..., bool]
Compared = Callable[..., Callable[[Pilot[None]], Awaitable[None]]]
Settle = Callable[[Pilot[None]], Awaitable[None]]
WaitUntil = Callable[..., Awaitable[None]]
TextOf = Callable[[Widget], str]


def explorer(theme: str = "textual-dark", depth: Depth = TRUE_COLOR) -> BigramApp:
    """The app as `bigram-tui data/names.txt` opens it."""
    app = BigramApp(Session(read_corpus(str(NAMES)), tuple(choose([]))), depth=depth)
    app.theme = theme
    return app


def comparer(theme: str = "textual-dark") -> BigramApp:
    """Three runs without torch, two of which are of numpy: with η = 50 and η = 10."""
    count, numpy = choose(["count", "numpy"])
    session = Session(
        read_corpus(str(NAMES)),
        (count, numpy, numpy.alias("slow")),
        individual={"slow": {"learning_rate": 10.0}},
    )
    app = BigramApp(session, depth=TRUE_COLOR)
    app.theme = theme
    return app


@pytest.fixture
def compared(settle: Settle, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch) -> Compared:
    """Presses keys on the screen of runs side by side, after a hundred iterations of all.

    No iteration takes another time than 50 µs.
    """
    monkeypatch.setattr(Snapshot, "seconds_per_iteration", 5e-5)

    def press_keys(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
        async def press(pilot: Pilot[None]) -> None:
            await after(settle, "c", "x")(pilot)
            screen = pilot.app.screen
            assert isinstance(screen, CompareScreen)
            await wait_until(pilot, lambda: screen._optima.solved == 2)
            await after(settle, *keys)(pilot)
            pilot.app.clear_notifications()  # which would expire at some time
            await settle(pilot)

        return press

    return press_keys


def reader(theme: str) -> BigramApp:
    """The app after two of five seconds in which a text is read."""

    def read(reading: BackgroundRead[Session]) -> Session:
        while not reading.cancellation.is_cancelled:
            time.sleep(0.01)
        raise CorpusError("is left")

    corpus = read_corpus(str(NAMES))
    reading = BackgroundRead(str(NAMES), read)
    reading.progress = Progress(824_000_000, 2_060_000_000, 412e6, 3.0)
    reading.partial_counts = PartialCounts(corpus.lines, corpus.train)
    app = BigramApp(reading, depth=TRUE_COLOR)
    app.theme = theme
    return app


@pytest.mark.parametrize("theme", ["textual-light", *slow("textual-dark")])
def test_while_a_text_is_read(
    snap_compare: Compare, wait_until: WaitUntil, text_of: TextOf, theme: str
) -> None:
    async def drawn(pilot: Pilot[None]) -> None:
        def is_drawn() -> bool:
            lines = pilot.app.screen.query(ReadingLines)
            return bool(lines) and "reading … 40 %" in text_of(lines.first())

        await wait_until(pilot, is_drawn)
        await pilot.pause()

    assert snap_compare(reader(theme), terminal_size=(80, 24), run_before=drawn)


def after(settle: Settle, *keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys, each when the one before has had its effect."""

    async def press(pilot: Pilot[None]) -> None:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)

    return press


@pytest.mark.parametrize("theme", ["textual-dark", *slow("textual-light")])
@pytest.mark.parametrize("size", ["80x24", *slow("120x40", "200x60")])
def test_after_a_hundred_iterations(
    snap_compare: Compare, settle: Settle, size: str, theme: str
) -> None:
    assert snap_compare(explorer(theme), terminal_size=SIZES[size], run_before=after(settle, "x"))


def test_before_the_first_step(snap_compare: Compare, settle: Settle) -> None:
    assert snap_compare(explorer(), terminal_size=(80, 24), run_before=after(settle))


def test_counts_of_the_counting_backend(snap_compare: Compare, settle: Settle) -> None:
    before = after(settle, "1", "v")
    assert snap_compare(explorer(), terminal_size=(80, 24), run_before=before)


def test_gradient_in_the_light_theme(snap_compare: Compare, settle: Settle) -> None:
    before = after(settle, "S", "v", "v", "v")
    assert snap_compare(explorer("textual-light"), terminal_size=(80, 24), run_before=before)


def test_a_fork_beside_the_way_that_was_left(snap_compare: Compare, settle: Settle) -> None:
    keys = ["x", *["Z"] * 6, "p", "left", "left", "escape", "S", "S"]
    assert snap_compare(explorer(), terminal_size=(80, 24), run_before=after(settle, *keys))


def test_help(snap_compare: Compare, settle: Settle) -> None:
    before = after(settle, "question_mark")
    assert snap_compare(explorer(), terminal_size=(80, 24), run_before=before)


def test_sparkline_instead_of_the_curve(snap_compare: Compare, settle: Settle) -> None:
    assert snap_compare(explorer(), terminal_size=(60, 16), run_before=after(settle, "x"))


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of 400 Chinese characters, in which those of every other one follow each other."""
    path = tmp_path_factory.mktemp("many") / "many.txt"
    places = [[k * k % 400 // 2 * 2 + k % 2 for k in range(n, n + 40)] for n in range(0, 2000, 7)]
    lines = ["".join(chr(0x4E00 + place) for place in line) for line in places]
    path.write_text("\n".join([*lines, "".join(chr(0x4E00 + k) for k in range(400))]), "utf-8")
    return path


@pytest.mark.parametrize("keys", [(), *slow(("l", "j", "j"), ("O",)), ("d",)], ids="-".join)
def test_many_characters(
    snap_compare: Compare, settle: Settle, many: Path, keys: tuple[str, ...]
) -> None:
    session = Session(read_corpus(str(many)), tuple(choose(["count"])))
    app = BigramApp(session, depth=TRUE_COLOR)
    assert snap_compare(app, terminal_size=(80, 24), run_before=after(settle, *keys))


@pytest.mark.parametrize("depth", [GLYPHS_ONLY, *slow(INDEXED)], ids=lambda depth: depth.name)
def test_fewer_colours(snap_compare: Compare, settle: Settle, depth: Depth) -> None:
    app = explorer(depth=depth)
    assert snap_compare(app, terminal_size=(80, 24), run_before=after(settle, "x"))


@pytest.mark.parametrize("theme", ["textual-dark", *slow("textual-light")])
@pytest.mark.parametrize("size", ["80x24", *slow("120x40", "200x60")])
def test_compare_three_runs(
    snap_compare: Compare, compared: Compared, size: str, theme: str
) -> None:
    assert snap_compare(comparer(theme), terminal_size=SIZES[size], run_before=compared())


@pytest.mark.parametrize("size", ["80x24", *slow("120x40", "200x60")])
def test_compare_two_runs_and_their_difference(
    snap_compare: Compare, compared: Compared, size: str
) -> None:
    before = compared("m", "v", "v", "o", "o", "3", "Z", "Z")
    assert snap_compare(comparer(), terminal_size=SIZES[size], run_before=before)


@pytest.mark.parametrize("pane", ["word", *slow("names", "cell")])
def test_compare_one_pane_after_the_other(
    snap_compare: Compare, compared: Compared, pane: str
) -> None:
    keys = ["tab"] * (1 + ["names", "word", "cell"].index(pane))
    before = compared(*keys)
    assert snap_compare(comparer(), terminal_size=(80, 24), run_before=before)


def test_compare_hyperparameters(snap_compare: Compare, compared: Compared) -> None:
    before = compared("i", "p", "right")
    assert snap_compare(comparer(), terminal_size=(80, 24), run_before=before)


def test_compare_help(snap_compare: Compare, compared: Compared) -> None:
    before = compared("question_mark")
    assert snap_compare(comparer(), terminal_size=(80, 24), run_before=before)


def test_compare_a_backend_to_add(snap_compare: Compare, compared: Compared) -> None:
    assert snap_compare(comparer(), terminal_size=(80, 24), run_before=compared("B"))
