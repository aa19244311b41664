"""Reading a text, from the file to its counts, against the lecture's loop and against copying.

All are compared by bytes a second, so that the loop needs to read no more than a sample. The
kernels of the extra `fast` are there from the start, unless a name says otherwise.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from benchmarks.conftest import Measure
from benchmarks.rivals import count_by_dict
from benchmarks.texts import words_of_many_scripts, write_text
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.kernels.loading import READING
from bigram_tui.model.bigrams import Bigrams

ASCII_SIZE, SCRIPTS_SIZE, NAMES_SIZE = 1_000_000_000, 100_000_000, 100_000_000
ALIKE_SIZE = 50_000_000
SAMPLE_SIZE = 2_000_000
COPIED = 250_000_000
"""Bytes to copy at once: more than any cache holds."""

FRESH = """
import sys
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.kernels.loading import READING
if sys.argv[2] == "without":
    READING.start = lambda: None
read_corpus(sys.argv[1])
"""
"""What a process does that loads the kernels while it counts, if it loads any."""


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    assert READING.wait() is not None


@contextmanager
def no_kernels() -> Iterator[None]:
    """Count as where the extra is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(READING, "module", None)
        yield


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory, name_lines: list[str]) -> Iterator[Path]:
    """A folder with three large texts and a sample of each, and three texts of one character."""
    folder = tmp_path_factory.mktemp("texts")
    for name, words, size, words_a_line in (
        ("ascii", name_lines, ASCII_SIZE, 12),
        ("scripts", words_of_many_scripts(), SCRIPTS_SIZE, 12),
        ("names", name_lines, NAMES_SIZE, 1),
    ):
        write_text(folder / name, size, words, words_a_line)
        write_text(folder / f"{name}-sample", SAMPLE_SIZE, words, words_a_line)
    for name, character in (("letters", b"a"), ("line-ends", b"\n"), ("spaces", b" ")):
        (folder / name).write_bytes(b"a\n" + character * ALIKE_SIZE)
    yield folder
    for path in folder.iterdir():
        path.unlink()


@pytest.fixture(scope="module")
def copied() -> tuple[np.ndarray, np.ndarray]:
    return np.ones(COPIED, np.uint8), np.zeros(COPIED, np.uint8)


@pytest.mark.parametrize("name", ["ascii", "scripts", "names"])
def check_the_loop_counts_the_same(texts: Path, name: str) -> None:
    path = texts / f"{name}-sample"
    assert pairs(read_corpus(str(path)).train) == count_by_dict(path)
    with no_kernels():
        assert pairs(read_corpus(str(path)).train) == count_by_dict(path)


def pairs(bigrams: Bigrams) -> dict[tuple[str, str], int]:
    """The counts as the lecture's loop names them; its lines have no blanks at their ends."""
    first, last = (list(bigrams.vocabulary.labels) for _ in range(2))
    first[0], last[0] = "<S>", "<E>"
    seen = np.argwhere(bigrams.counts)
    return {(first[i], last[j]): int(bigrams.counts[i, j]) for i, j in seen}


def bench_ascii(measure: Measure, texts: Path) -> None:
    measure(lambda: read_corpus(str(texts / "ascii")), amount=(texts / "ascii").stat().st_size)


def bench_ascii_without(measure: Measure, texts: Path) -> None:
    path = texts / "ascii"
    with no_kernels():
        measure(lambda: read_corpus(str(path)), amount=path.stat().st_size)


def bench_ascii_one_thread(measure: Measure, texts: Path) -> None:
    path = texts / "ascii"
    measure(lambda: read_corpus(str(path), workers=1), amount=path.stat().st_size)


def bench_ascii_two_threads(measure: Measure, texts: Path) -> None:
    path = texts / "ascii"
    measure(lambda: read_corpus(str(path), workers=2), amount=path.stat().st_size)


def bench_ascii_fresh(measure: Measure, texts: Path) -> None:
    path = texts / "ascii"
    command = [sys.executable, "-c", FRESH, str(path), "with"]
    measure(lambda: subprocess.check_call(command), amount=path.stat().st_size)


def bench_ascii_fresh_without(measure: Measure, texts: Path) -> None:
    path = texts / "ascii"
    command = [sys.executable, "-c", FRESH, str(path), "without"]
    measure(lambda: subprocess.check_call(command), amount=path.stat().st_size)


def bench_ascii_dict(measure: Measure, texts: Path) -> None:
    path = texts / "ascii-sample"
    measure(lambda: count_by_dict(path), rounds=2, amount=path.stat().st_size)


def bench_memcpy(measure: Measure, copied: tuple[np.ndarray, np.ndarray]) -> None:
    original, copy = copied
    measure(lambda: np.copyto(copy, original), rounds=5, amount=COPIED)


def bench_pipe(measure: Measure, texts: Path) -> None:
    path = texts / "ascii"
    command = ["sh", "-c", 'cat "$0" | wc -c', str(path)]
    counted = measure(lambda: subprocess.check_output(command), amount=path.stat().st_size)
    assert int(counted) == path.stat().st_size  # type: ignore[call-overload]


def bench_scripts(measure: Measure, texts: Path) -> None:
    path = texts / "scripts"
    measure(lambda: read_corpus(str(path)), rounds=2, amount=path.stat().st_size)


def bench_scripts_without(measure: Measure, texts: Path) -> None:
    path = texts / "scripts"
    with no_kernels():
        measure(lambda: read_corpus(str(path)), amount=path.stat().st_size)


def bench_scripts_dict(measure: Measure, texts: Path) -> None:
    path = texts / "scripts-sample"
    measure(lambda: count_by_dict(path), rounds=2, amount=path.stat().st_size)


def bench_names(measure: Measure, texts: Path) -> None:
    path = texts / "names"
    measure(lambda: read_corpus(str(path)), rounds=2, amount=path.stat().st_size)


def bench_names_without(measure: Measure, texts: Path) -> None:
    path = texts / "names"
    with no_kernels():
        measure(lambda: read_corpus(str(path)), amount=path.stat().st_size)


def bench_names_dict(measure: Measure, texts: Path) -> None:
    path = texts / "names-sample"
    measure(lambda: count_by_dict(path), rounds=2, amount=path.stat().st_size)


def bench_letters(measure: Measure, texts: Path) -> None:
    measure(lambda: read_corpus(str(texts / "letters")), rounds=2, amount=ALIKE_SIZE)


def bench_line_ends(measure: Measure, texts: Path) -> None:
    measure(lambda: read_corpus(str(texts / "line-ends")), rounds=2, amount=ALIKE_SIZE)


def bench_spaces(measure: Measure, texts: Path) -> None:
    measure(lambda: read_corpus(str(texts / "spaces")), rounds=2, amount=ALIKE_SIZE)
