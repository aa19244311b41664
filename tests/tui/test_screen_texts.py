"""All texts of all screens, to be read from beginning to end.

SCREEN_TEXTS=texts.txt pytest tests/tui/test_screen_texts.py writes them to a file.
"""

import os
import re
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from bigram_tui.lessons.network_stages import STAGES
from bigram_tui.lessons.pitfalls import PITFALLS
from bigram_tui.tui.views import VIEWS
from tests.tui.conftest import MakeApp, Settle, WaitUntil
from tests.tui.test_explore_screen import screen_text

SIZE = (120, 40)

RETIRED = (
    "unseen", "regularization", "iteration", "weight decay", "hopeless", "amiss", "of which",
)  # fmt: skip
"""Words for which the screens have another one, or that nobody says."""

EXPLORE: dict[str, tuple[str, ...]] = {
    "explore, before the first step": (),
    "explore, after 100 steps": ("x",),
    **{f"explore, view {view.name}": ("v",) for view in VIEWS[1:]},
    "explore, back in the timeline": ("v", "Z"),
    "explore, order by frequency": ("O",),
    "hyperparameters": ("p",),
    "type a hyperparameter": ("enter",),
    "jump": ("escape", "escape", "slash"),
    "palette": ("escape", "ctrl+p"),
    "help": ("escape", "question_mark"),
    "lessons": ("escape", "L"),
    "export": ("escape", "E"),
    "row": ("escape", "d"),
    "why": ("escape", "enter"),
    "meters": ("escape", "M"),
    "families": ("escape", "F"),
    "contexts": ("escape", "N"),
    "presets": ("escape", "H"),
    "the word, first stage": ("escape", "T"),
    **{f"the word, stage {n}": ("tab",) for n in range(2, len(STAGES) + 1)},
    "the word, help": ("question_mark",),
    "pitfalls": ("escape", "escape", "P"),
    **{f"pitfall {n}": ("down",) for n in range(2, len(PITFALLS) + 1)},
    "theory": ("escape", "G"),
    **{f"theory, section {n}": ("n",) for n in range(2, 9)},
}
"""Keys from one screen to the next."""

COMPARE: dict[str, tuple[str, ...]] = {
    "compare": ("c",),
    "compare, after 10 steps": ("S",),
    **{f"compare, plot {n}": ("o",) for n in range(2, 5)},
    "compare, more columns": ("i",),
    "compare, A, B, A − B": ("m",),
    "compare, a word": ("w",),
    "compare, add a run": ("escape", "B"),
    "compare, help": ("escape", "question_mark"),
}


async def pages(pilot: Pilot[None], settle: Settle) -> list[str]:
    """The lines of the screen; those of a long text to its end."""
    await settle(pilot)
    lines = screen_text(pilot).split("\n")
    scrolled = [
        widget
        for widget in pilot.app.screen.walk_children(Widget)
        if widget.max_scroll_y > 0 and widget.region.height > 5 and widget.id != "heatmap"
    ]
    for widget in scrolled:
        for start in range(0, widget.max_scroll_y + 1, widget.region.height - 2):
            widget.scroll_to(y=start, animate=False)
            await pilot.pause()
            lines += screen_text(pilot).split("\n")
        widget.scroll_home(animate=False)
    return lines


def differs(pilot: Pilot[None], before: str) -> bool:
    return screen_text(pilot) != before


async def walk(
    pilot: Pilot[None],
    settle: Settle,
    wait_until: WaitUntil,
    screens: dict[str, tuple[str, ...]],
) -> dict[str, list[str]]:
    """The lines of each screen, without those that came before."""
    texts: dict[str, list[str]] = {}
    seen: set[str] = set()
    for name, keys in screens.items():
        before = screen_text(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        if keys:
            await wait_until(pilot, partial(differs, pilot, before), name)
            await settle(pilot)
        lines = [line.rstrip() for line in await pages(pilot, settle)]
        texts[name] = [line for line in dict.fromkeys(lines) if line.strip() and line not in seen]
        seen.update(lines)
    return texts


@pytest.mark.slow
async def test_no_screen_uses_a_word_that_was_retired(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    texts: dict[str, list[str]] = {}
    async with make_app(("count", "numpy")).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("2")
        texts |= await walk(pilot, settle, wait_until, EXPLORE)
    async with make_app(("count", "numpy")).run_test(size=SIZE) as pilot:
        await settle(pilot)
        texts |= await walk(pilot, settle, wait_until, COMPARE)
    async with make_app(("numpy",), tour=True).run_test(size=SIZE) as pilot:
        tour = {f"tour, step {n}": ("enter",) for n in range(2, 8)}
        texts |= await walk(pilot, settle, wait_until, {"tour, step 1": (), **tour})
    file = Path(os.environ.get("SCREEN_TEXTS", tmp_path / "texts.txt"))
    file.write_text(
        "\n\n".join("\n".join((f"## {name}", *lines)) for name, lines in texts.items()), "utf-8"
    )
    assert [name for name, lines in texts.items() if not lines] == [], "each shows something new"
    for name, lines in texts.items():
        text = re.sub(r"\W*\n\W*", " ", "\n".join(lines))
        for word in RETIRED:
            assert word not in text, (name, word)
