"""Reading a text, from the file to its counts, against the lecture's loop and copying."""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rivals import count_by_dict

from bigram_tui.byte_pairs import WORKERS
from bigram_tui.corpus import bundled_names, read_corpus

ROUNDS = 5

SCRIPTS = "a-z а-я α-ω א-ת ا-ي अ-ह ぁ-ん ァ-ン ก-ฮ 가-걐 一-丿"


def words_of_many_scripts() -> list[str]:
    """Made-up words of 2 to 9 letters, each in one script."""
    random = np.random.default_rng(1)
    words = []
    for script in SCRIPTS.split():
        letters = np.arange(ord(script[0]), ord(script[2]) + 1)
        lengths = random.integers(2, 10, 800)
        words += ["".join(map(chr, random.choice(letters, length))) for length in lengths]
    return words


def write_text(path: Path, size: int, words: list[str], words_a_line: int) -> None:
    """Write so many bytes or a few more: words in lines, frequent and rare ones (Zipf's law)."""
    random = np.random.default_rng(2)
    encoded = [(word + ending).encode() for ending in (" ", "\n") for word in words]
    letters = np.frombuffer(b"".join(encoded), np.uint8)
    lengths = np.array(list(map(len, encoded)))
    starts = np.cumsum(lengths) - lengths
    shares = 1 / np.arange(1, len(words) + 1)
    sums = np.cumsum(random.permutation(shares / shares.sum()))
    with path.open("wb") as file:
        while file.tell() < size:
            chosen = np.minimum(np.searchsorted(sums, random.random(1 << 19)), len(words) - 1)
            chosen += len(words) * (random.random(chosen.size) < 1 / words_a_line)
            chosen[-1] = chosen[-1] % len(words) + len(words)
            of_word = lengths[chosen]
            before = np.cumsum(of_word) - of_word
            places = np.arange(of_word.sum()) + np.repeat(starts[chosen] - before, of_word)
            file.write(letters[places].tobytes())


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(name: str, path: Path, sample: Path) -> None:
    """Print the rows of one text. All take turns, so that a slow moment hits all alike."""
    size = path.stat().st_size
    original = np.fromfile(path, np.uint8)
    copy = np.ones_like(original)
    contestants: dict[str, tuple[Callable[[], object], int]] = {
        "the lecture's loop with a dict": (lambda: count_by_dict(sample), sample.stat().st_size),
        "bigram-tui, 1 thread": (lambda: read_corpus(str(path), workers=1), size),
        f"bigram-tui, {WORKERS} threads": (lambda: read_corpus(str(path), workers=WORKERS), size),
        "cat FILE \\| wc -c": (
            lambda: subprocess.check_output(["sh", "-c", 'cat "$0" | wc -c', str(path)]),
            size,
        ),
        "memcpy": (lambda: np.copyto(copy, original), size),
    }
    rates: dict[str, list[float]] = {contestant: [] for contestant in contestants}
    for _ in range(ROUNDS):
        for contestant, (work, read) in contestants.items():
            rates[contestant].append(read / seconds(work) / 1e6)
    medians = {contestant: statistics.median(measured) for contestant, measured in rates.items()}
    slow, limit = medians["the lecture's loop with a dict"], medians["memcpy"]
    for contestant, rate in medians.items():
        ratios = f"{rate / slow:,.0f}× | {rate / limit:.3f}"
        print(f"| {name} | {contestant} | {rate:,.0f} MB/s | {ratios} |")


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=50, help="of each text (default: 50)")
    size = 1_000_000 * parser.parse_args().megabytes
    names = bundled_names().read_text("utf-8").split()
    texts = {
        "running text, ASCII": (names, 12),
        "many scripts, UTF-8": (words_of_many_scripts(), 12),
        "names, one a line": (names, 1),
    }
    print("| text | read by | rate (median) | to the loop | to memcpy |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path, sample = Path(folder, "text"), Path(folder, "sample")
        for name, (words, words_a_line) in texts.items():
            write_text(path, size, words, words_a_line)
            write_text(sample, 1_000_000, words, words_a_line)
            measure(f"{name}, {path.stat().st_size / 1e6:,.0f} MB", path, sample)


if __name__ == "__main__":
    main()
