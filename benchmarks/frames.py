"""What a frame costs while all train at full speed, and what the screen leaves of that speed."""

import asyncio
import statistics
import time

from bigram_tui.corpus import bundled_names, read_corpus
from bigram_tui.lineup import Lineup
from bigram_tui.lockstep import Lockstep
from bigram_tui.registry import choose
from bigram_tui.session import Session
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.compare_screen import CompareScreen
from bigram_tui.tui.explore_screen import ExploreScreen
from bigram_tui.tui.renderables.colors import TRUE_COLOR

SIZES = ((80, 24), (120, 40), (200, 60))
SECONDS = 2.0
ROUNDS = 3

FULL_SPEED = 99
"""More changes of the pace than there are paces."""


def session(runs: int) -> Session:
    """Count, torch, and numpy as often as it takes."""
    count, numpy, torch = choose(["count", "numpy", "torch"])
    more = (numpy.alias(f"numpy #{k}") for k in range(2, runs - 1))
    return Session(read_corpus(str(bundled_names())), (numpy, count, torch, *more))


async def frames(made: Session, size: tuple[int, int], key: str) -> tuple[float, float]:
    """Milliseconds of the screen's thread for a frame, and iterations a second."""
    app = BigramApp(made, wanted=("all",), depth=TRUE_COLOR)
    async with app.run_test(size=size) as pilot:
        while not all(runner.snapshot.iteration >= 0 for runner in app.runners):
            await pilot.pause(0.05)
        screen_class = ExploreScreen
        if key:
            await pilot.press(key)
            screen_class = CompareScreen
        screen = app.screen
        assert isinstance(screen, screen_class)
        screen.action_pace(FULL_SPEED)
        pulls: list[None] = []
        bring = screen._bring  # the timer holds the method that calls it
        screen._bring = lambda **how: (pulls.append(None), bring(**how))  # type: ignore[func-returns-value,method-assign]
        await asyncio.sleep(0.5)
        screen.action_toggle_training()
        await asyncio.sleep(1.0)
        at, used, began, drawn = position(app), time.thread_time(), time.monotonic(), len(pulls)
        await asyncio.sleep(SECONDS)
        count, seconds = position(app) - at, time.monotonic() - began
        cost = (time.thread_time() - used) / max(1, len(pulls) - drawn)
    return 1e3 * cost, count / seconds


def position(app: BigramApp) -> int:
    """How far the active run has come."""
    return app.runners[0].snapshot.iteration


def without_screen(made: Session, one: bool) -> float:
    """Iterations a second of one run alone, or of all in lock-step."""
    if one:
        run = made.make_run(made.sources[0])
        run.advance(1000)
        began = time.monotonic()
        run.advance(20_000)
        return 20_000 / (time.monotonic() - began)
    lineup = Lineup(made, lambda: None)
    for runner in lineup.runners:
        runner.start()
    while not all(runner.snapshot.iteration >= 0 for runner in lineup.runners):
        time.sleep(0.01)
    lockstep = Lockstep(lineup)
    lockstep.train()
    time.sleep(1.0)
    at, began = lockstep.frame.position, time.monotonic()
    time.sleep(SECONDS)
    speed = (lockstep.frame.position - at) / (time.monotonic() - began)
    lockstep.close()
    for runner in lineup.runners:
        runner.close()
    return speed


def main() -> None:
    """Print a Markdown table; with and without the screen take turns."""
    print("| screen | size | runs | a frame | of the speed without a screen |")
    print("|---|---|---|---|---|")
    for name, key, runs in (("explore", "", 3), ("compare", "c", 3), ("compare", "c", 8)):
        made = session(runs)
        for size in SIZES:
            costs, shares = [], []
            for _ in range(ROUNDS):
                alone = without_screen(made, one=not key)
                cost, speed = asyncio.run(frames(made, size, key))
                costs.append(cost)
                shares.append(speed / alone)
            cost, share = statistics.median(costs), statistics.median(shares)
            columns, lines = size
            print(f"| {name} | {columns}×{lines} | {runs} | {cost:.1f} ms | {100 * share:.0f} % |")


if __name__ == "__main__":
    main()
