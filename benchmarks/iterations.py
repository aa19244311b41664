"""Iterations a second of each backend against the lecture's one-hot iteration, in one run."""

import statistics
import time
from collections.abc import Callable

from rivals import OneHotTraining

from bigram_tui.corpus import bundled_names, read_corpus
from bigram_tui.registry import choose
from bigram_tui.session import Session

ROUNDS = 7


def seconds_each(work: Callable[[int], object], count: int) -> float:
    """Seconds for one of `count` iterations."""
    started = time.perf_counter()
    work(count)
    return (time.perf_counter() - started) / count


def main() -> None:
    """Print a Markdown table. All are measured in turn, so that a slow moment hits all alike."""
    session = Session(read_corpus(str(bundled_names())), tuple(choose(["numpy", "torch"])))
    rival = OneHotTraining(bundled_names().read_text("utf-8").split())

    def lecture(count: int) -> None:
        for _ in range(count):
            rival.step()

    contestants: dict[str, tuple[Callable[[int], object], int]] = {"lecture": (lecture, 2)}
    for source in session.sources:
        run = session.make_run(source)
        run.advance(100)
        contestants[source.name] = (run.advance, 2000)
    lecture(1)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, (work, count) in contestants.items():
            times[name].append(seconds_each(work, count))
    slow = statistics.median(times["lecture"])
    print(f"| one iteration, {session.corpus.bigrams:,} bigrams | median | ratio |\n|---|---|---|")
    for name, measured in times.items():
        median = statistics.median(measured)
        label = "lecture: one-hot, torch float32" if name == "lecture" else f"{name}, loss recorded"
        print(f"| {label} | {1e6 * median:,.0f} µs | {slow / median:,.0f}× |")


if __name__ == "__main__":
    main()
