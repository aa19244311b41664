"""The rows of the table: what is measured, against which rival, and how far it is to reach."""

from dataclasses import dataclass
from enum import Enum


class Unit(Enum):
    """What was measured: the cost of one piece of work, so that less is better."""

    SECONDS = "s"
    SECONDS_PER_BYTE = "s/B"
    """Shown as a rate."""
    BYTES = "B"


class Ratio(Enum):
    """How ours is put beside the rival's."""

    FAST = "× as fast"
    """The rival's cost by ours, which is to reach a number at least."""
    LONG = "× as long"
    """Ours by the rival's, which is to be a number at most."""
    LARGE = "× as large"


@dataclass(frozen=True)
class Figure:
    """One row. Measurements have the names of a file and a function: bench_FILE.py, bench_NAME."""

    what: str
    ours: str
    """FILE.NAME of the measurement."""
    rival: str
    theirs: str
    """FILE.NAME of the rival's."""
    ratio: Ratio = Ratio.FAST
    reach: float | None = None
    """What the ratio is to reach; None where that is not a question of a target."""
    limit: float | None = None
    """Below which ours is to stay, in its unit, whatever the rival does."""
    unit: Unit = Unit.SECONDS
    quoted: bool = False
    """Whether the README quotes it."""


ONE_HOT = "the lecture's one-hot iteration, torch"
DICT = "the lecture's loop with a dict"
WITHOUT = "without the extra fast"
LETTER = "the same of one letter"
BARE = "a bare Textual app that imports NumPy"
FLOOR = "ready-made strips by Textual's Line API"
COPYING = "copying what must be read and written"
CORES = "the same by a thread for each core"

FIGURES = (
    Figure(
        "numpy iteration, V = 27, loss recorded",
        "iterations.numpy",
        ONE_HOT,
        "iterations.one_hot",
        reach=4000,
        quoted=True,
    ),
    Figure(
        "torch iteration from counts, V = 27",
        "iterations.torch",
        ONE_HOT,
        "iterations.one_hot",
        reach=250,
    ),
    Figure(
        "counting ASCII, file to N, 1 GB",
        "reading.ascii",
        DICT,
        "reading.ascii_dict",
        reach=300,
        unit=Unit.SECONDS_PER_BYTE,
        quoted=True,
    ),
    Figure(
        "counting ASCII, file to N, 1 GB",
        "reading.ascii",
        "memcpy",
        "reading.memcpy",
        reach=1 / 4,
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting ASCII, file to N, 1 GB",
        "reading.ascii",
        "cat FILE \\| wc -c",
        "reading.pipe",
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting ASCII, file to N, 1 GB",
        "reading.ascii",
        WITHOUT,
        "reading.ascii_without",
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting ASCII by two threads, 1 GB",
        "reading.ascii_two_threads",
        "by one",
        "reading.ascii_one_thread",
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting ASCII in a fresh process, 1 GB",
        "reading.ascii_fresh",
        WITHOUT,
        "reading.ascii_fresh_without",
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting UTF-8, many scripts, 100 MB",
        "reading.scripts",
        DICT,
        "reading.scripts_dict",
        reach=60,
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting UTF-8, many scripts, 100 MB",
        "reading.scripts",
        WITHOUT,
        "reading.scripts_without",
        reach=4,
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting names, one a line, 100 MB",
        "reading.names",
        DICT,
        "reading.names_dict",
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting names, one a line, 100 MB",
        "reading.names",
        WITHOUT,
        "reading.names_without",
        reach=8,
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting line ends, 50 MB of nothing else",
        "reading.line_ends",
        LETTER,
        "reading.letters",
        reach=0.8,
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "counting spaces, 50 MB on one line",
        "reading.spaces",
        LETTER,
        "reading.letters",
        reach=0.8,
        unit=Unit.SECONDS_PER_BYTE,
    ),
    Figure(
        "names: reading, counting, perplexity, MLE",
        "nltk.ours_mle",
        "nltk.lm, order 2",
        "nltk.mle",
        quoted=True,
    ),
    Figure(
        "names: reading, counting, perplexity, Laplace",
        "nltk.ours_laplace",
        "nltk.lm, order 2",
        "nltk.laplace",
    ),
    Figure(
        "sampling 1,000 names",
        "sampling.ours",
        "the lecture's loop, torch.multinomial",
        "sampling.multinomial",
        reach=75,
    ),
    Figure(
        "start to the first heatmap",
        "startup.heatmap",
        BARE,
        "startup.bare",
        Ratio.LONG,
        reach=1.35,
        quoted=True,
    ),
    Figure(
        "start to count, numpy and torch compared",
        "startup.compared",
        "the bare app, and import torch",
        "startup.bare_torch",
        Ratio.LONG,
        reach=1.3,
    ),
    Figure(
        "a key's effect while torch is loaded, the slowest",
        "startup.key_while_loading",
        "the same key afterwards",
        "startup.key",
        Ratio.LONG,
        limit=0.1,
    ),
    Figure(
        "a key until its frame is written: a step, 80×24",
        "keys.step",
        "a bare Textual app that counts keys",
        "keys.echo",
        Ratio.LONG,
        reach=1.5,
    ),
    Figure(
        "peak memory, a text through a pipe, torch not loaded",
        "memory.peak",
        "the text",
        "memory.text",
        Ratio.LARGE,
        limit=300e6,
        unit=Unit.BYTES,
        quoted=True,
    ),
    Figure(
        "a frame, 27×27 at 120×40, all cells changed",
        "frames.all",
        FLOOR,
        "frames.floor_all",
        Ratio.LONG,
        reach=1.5,
    ),
    Figure(
        "a frame, 27×27 at 120×40, one row changed",
        "frames.row",
        FLOOR,
        "frames.floor_row",
        Ratio.LONG,
        reach=1.5,
    ),
    Figure(
        "numpy iteration, explore screen open, 120×40",
        "training.explore",
        "without a screen",
        "training.alone",
        reach=0.8,
    ),
    Figure(
        "iteration of all three, compare screen open, 120×40",
        "training.compare",
        "without a screen",
        "training.lockstep",
        reach=0.8,
    ),
    Figure(
        "numpy iteration, V = 4,096, loss recorded",
        "large.numpy",
        COPYING,
        "large.copying",
        Ratio.LONG,
        reach=2.5,
    ),
    Figure(
        "numpy iteration, V = 4,096, loss recorded",
        "large.numpy",
        "np.exp alone",
        "large.exp",
        Ratio.LONG,
    ),
    Figure(
        "torch iteration, V = 4,096, loss recorded",
        "large.torch",
        COPYING,
        "large.copying",
        Ratio.LONG,
        reach=7,
    ),
    Figure(
        "torch iteration, V = 4,096, loss recorded",
        "large.torch",
        "np.exp alone",
        "large.exp",
        Ratio.LONG,
    ),
    *(
        Figure(
            f"numpy iteration in a process of its own, V = {size:,}",
            f"isolation.apart_{size}",
            "in the program's",
            f"isolation.within_{size}",
            Ratio.LONG,
        )
        for size in (27, 700, 4096)
    ),
    *(
        Figure(
            f"torch iteration by one thread, V = {size}",
            f"threads.one_{name}",
            CORES,
            f"threads.all_{name}",
        )
        for size, name in (
            ("27", "27"),
            ("27, every core busy", "27_busy"),
            ("128", "128"),
            ("256", "256"),
            ("512", "512"),
            ("1,024", "1024"),
        )
    ),
)
