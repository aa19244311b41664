"""An iteration while the screen shows the training at full speed, and without a screen."""

import asyncio
import time
from collections.abc import Callable

import pytest

from benchmarks.conftest import Note
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.comparison.lockstep import Lockstep
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.training.registry import choose
from bigram_tui.training.session import Session
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.render.colors import TRUE_COLOR
from bigram_tui.tui.screens.table_screen import TableScreen

SIZE = 120, 40
SECONDS = 1.0
"""How long a training is watched, after half of that to get under way."""

ITERATIONS = 20_000
FULL_SPEED = 99
"""More changes of the pace than there are paces."""

pytestmark = pytest.mark.turns(5)


@pytest.fixture(scope="module")
def session(names: Corpus) -> Session:
    return Session(names, tuple(choose(["numpy", "count", "torch"])))


async def seconds_each(position: Callable[[], int]) -> float:
    """For one iteration of what is training."""
    await asyncio.sleep(SECONDS / 2)
    began, start = time.perf_counter(), position()
    await asyncio.sleep(SECONDS)
    return (time.perf_counter() - began) / (position() - start)


async def watched(session: Session, *keys: str) -> float:
    """Seconds for an iteration on the screen to which some keys lead."""
    app = BigramApp(session, wanted=("all",), depth=TRUE_COLOR)
    async with app.run_test(size=SIZE) as pilot:
        while not all(runner.snapshot.iteration >= 0 for runner in app.runners):
            await pilot.pause(0.05)
        await pilot.press(*keys)
        screen = app.screen
        assert isinstance(screen, TableScreen)
        screen.action_pace(FULL_SPEED)
        await pilot.press("space")
        if keys:
            return await seconds_each(lambda: app.lockstep.frame.position)
        return await seconds_each(lambda: app.runners[0].snapshot.iteration)


def bench_alone(note: Note, session: Session) -> None:
    run = session.make_run(session.sources[0])
    run.advance(ITERATIONS // 10)
    began = time.perf_counter()
    run.advance(ITERATIONS)
    note((time.perf_counter() - began) / ITERATIONS)


def bench_explore(note: Note, session: Session) -> None:
    note(asyncio.run(watched(session)))


def bench_lockstep(note: Note, session: Session) -> None:
    lineup = Lineup(session, lambda: None)
    for runner in lineup.runners:
        runner.start()
    lockstep = Lockstep(lineup)
    while not all(runner.snapshot.iteration >= 0 for runner in lineup.runners):
        time.sleep(0.01)
    lockstep.train()
    note(asyncio.run(seconds_each(lambda: lockstep.frame.position)))
    lockstep.close()
    for runner in lineup.runners:
        runner.close()


def bench_compare(note: Note, session: Session) -> None:
    note(asyncio.run(watched(session, "c")))
