"""Odd plugins on screen: each is told in the notice of its run, and the other run goes on."""

import threading
import time
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from bigram_tui.training.output import UNATTRIBUTED
from bigram_tui.training.snapshot import Status
from bigram_tui.tui.render.no_controls import CONTROL
from bigram_tui.tui.screens.run_screen import in_two_lines
from bigram_tui.tui.widgets.hyperparameters import Control
from bigram_tui.tui.widgets.prompt import LONGEST_ANSWER
from tests import odd_plugins
from tests.conftest import slow
from tests.odd_plugins import OSC_52, STEP, source, write
from tests.tui.conftest import MakeApp, Settle, TextOf, WaitUntil
from tests.tui.test_plugins_on_screen import SIZE, assert_the_other_run_steps, screen_text

QUICK = {
    "import: Own('own')",
    "step: KeyboardInterrupt()",
    "regularization: Own('own')",
    "lazy",
    "field: None",
}
"""Those that are not left to the slow tier."""

TOLD_AT_ONCE = [
    pytest.param(*odd, id=name, marks=() if name in QUICK else pytest.mark.slow)
    for name, odd in odd_plugins.FAILING.items()
    if name not in odd_plugins.CLOSING
]


@pytest.fixture(autouse=True)
def _strays_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    odd_plugins.record_strays_anew(monkeypatch)


def squeezed(text: str) -> str:
    """A text without blanks, since the notice breaks its lines."""
    return "".join(text.split())


def assert_no_controls(pilot: Pilot[None]) -> None:
    assert not CONTROL.search(screen_text(pilot).replace("\n", ""))


@pytest.mark.parametrize(("text", "reason"), TOLD_AT_ONCE)
async def test_an_odd_backend_is_told_and_the_other_run_goes_on(
    make_app: MakeApp, settle: Settle, tmp_path: Path, text: str, reason: str
) -> None:
    app = make_app((write(tmp_path, text), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("s", "p", "l", "escape")
        await settle(pilot)
        assert squeezed(reason) in squeezed(screen_text(pilot))
        assert app.runners[0].snapshot.status is not Status.LOADING
        await assert_the_other_run_steps(pilot, settle)
        await pilot.press("c")
        await settle(pilot)
        assert_no_controls(pilot)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) for n in odd_plugins.CLOSING]
)
async def test_what_goes_wrong_aside_is_told_and_a_reset_tries_again(
    make_app: MakeApp, settle: Settle, tmp_path: Path, name: str
) -> None:
    text, reason = odd_plugins.CLOSING[name]
    app = make_app((write(tmp_path, text), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        if "raised" in reason:  # by a thread, or by what runs by itself, in the step
            await pilot.press("s")
        else:
            await pilot.press("s", "s", "s")
            await settle(pilot)
            await pilot.press("r")
        await settle(pilot)
        what = squeezed(reason.partition(": ")[2])[:40]
        assert what in squeezed(app.runners[0].snapshot.message)
        assert what in squeezed(screen_text(pilot))
        await pilot.press("r")  # tries again
        await settle(pilot)
        assert app.runners[0].snapshot.status is Status.READY
        assert_no_controls(pilot)


@pytest.mark.parametrize("name", ["a number with methods of its own", *slow("numpy scalars")])
async def test_what_is_odd_but_allowed_can_be_changed(
    make_app: MakeApp, settle: Settle, tmp_path: Path, name: str
) -> None:
    app = make_app((write(tmp_path, odd_plugins.SOUND[name]), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        before = app.runners[0].snapshot.settings["rate"]
        assert type(before) is float
        await pilot.press("s", "p", "l", "escape", "c", "i")
        await settle(pilot)
        assert app.runners[0].snapshot.settings["rate"] > before
        assert app.runners[0].snapshot.status is Status.READY


async def test_hyperparameters_with_escape_codes_are_shown_without(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    app = make_app((write(tmp_path, odd_plugins.SOUND["escape codes"]), "numpy"))
    async with app.run_test(size=SIZE, tooltips=True) as pilot:
        await settle(pilot)
        for key in (*"splpl", "enter", "escape", "c", "B", "escape", "question_mark"):
            await pilot.press(key)
            await settle(pilot)
            assert_no_controls(pilot)
        await pilot.press("escape", "c")
        await settle(pilot)
        assert "␛]52;c;ZXZpbA==␇�31m" in screen_text(pilot)
        await pilot.hover(Control)
        await pilot.pause(0.6)
        assert_no_controls(pilot)


async def test_a_paste_leaves_out_control_characters(make_app: MakeApp, settle: Settle) -> None:
    app = make_app(("numpy",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        await settle(pilot)
        box = app.screen.query_one(Input)
        box.post_message(events.Paste(f"e{OSC_52}m"))
        await settle(pilot)
        assert box.value.endswith("e]52;c;ZXZpbA==31mm")
        await pilot.press("enter")  # the complaint about it
        await settle(pilot)
        assert_no_controls(pilot)


# What plugins print

PRINTS = source(
    f"""
    {STEP}
    print("to standard output", OSC)
    print("to standard error", file=sys.stderr)
    sys.stdout.buffer.write(b"bytes\\n")
    sys.stdout.close()
    {STEP}
    while True: {STEP}
    """
)


async def test_what_a_run_prints_is_shown_with_it(
    make_app: MakeApp, settle: Settle, text_of: TextOf, tmp_path: Path
) -> None:
    app = make_app((write(tmp_path, PRINTS), "numpy"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert "odd prints: bytes  (u shows all)" in screen_text(pilot)
        await pilot.press("2")
        await settle(pilot)
        assert "prints" not in screen_text(pilot), "another run"
        await pilot.press("1", "u")
        await settle(pilot)
        lines = [line.strip("│ ") for line in text_of(app.screen.query_one("#panel")).split("\n")]
        start = lines.index("odd")
        assert lines[start + 1 : start + 4] == [
            "to standard output ␛]52;c;ZXZpbA==␇�31m",
            "to standard error",
            "bytes",
        ]
        await pilot.press("escape")
        await settle(pilot)
        assert "prints" not in screen_text(pilot), "it was looked at"


async def test_what_another_thread_prints_is_shown_although_nothing_trains(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil
) -> None:
    app = make_app(("numpy",))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        thread = threading.Thread(target=lambda: print("from a thread"))
        thread.start()
        thread.join()
        await wait_until(pilot, lambda: "printed: from a thread" in screen_text(pilot))
        await pilot.press("u")
        await wait_until(pilot, lambda: "other threads" in screen_text(pilot))
        UNATTRIBUTED.write("while it is open\n")
        await wait_until(pilot, lambda: "while it is open" in screen_text(pilot))
        app.runners[0].output.write("".join(f"line {k}\n" for k in range(500)))
        await wait_until(pilot, lambda: "line 499" in screen_text(pilot))  # scrolled to its end


async def test_a_flood_holds_up_neither_the_screen_nor_memory(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    flood = source(f"while True:\n    print('flood ' * 10_000)\n    {STEP}")
    app = make_app((write(tmp_path, flood), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await wait_until(pilot, lambda: app.runners[0].snapshot.iteration > 100)
        before = time.monotonic()
        await pilot.press("2", "s")
        await wait_until(pilot, lambda: app.runners[1].snapshot.iteration == 1)
        assert time.monotonic() - before < 10
        assert sum(map(len, app.runners[0].output.lines)) < 100_000
        await pilot.press("1", "space")
        await settle(pilot)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 10, "short"),
        ("one two three four", 10, "one two three four"),
        ("one two three four five six", 12, "one two\nth… (u: all)"),
    ],
)
def test_a_notice_says_where_more_of_it_is(text: str, width: int, expected: str) -> None:
    assert in_two_lines(text, width) == expected


async def test_a_long_fault_is_marked_as_cut_and_whole_in_the_panel(
    make_app: MakeApp, settle: Settle, text_of: TextOf, tmp_path: Path
) -> None:
    app = make_app((write(tmp_path, source("raise RuntimeError('word ' * 60 + 'end')")), "numpy"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "… (u: all)" in text_of(app.screen.query_one("#notice"))
        await pilot.press("u")
        await settle(pilot)
        panel = " ".join(text_of(app.screen.query_one("#panel")).replace("│", " ").split())
        assert "word end (odd.py:" in panel


async def test_of_a_paste_that_is_too_long_the_first_part_is_taken(
    make_app: MakeApp, settle: Settle
) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        app.post_message(events.Paste("ab" * LONGEST_ANSWER))
        await settle(pilot)
        typed = app.screen.query_one(Input).value
        assert typed == ("ab" * LONGEST_ANSWER)[:LONGEST_ANSWER]
