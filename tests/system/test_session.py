"""The installed program in a terminal, as a user has it: pilots do not see what a terminal shows.

From Python 3.12 on, for one, App.run installs an eager task factory that a pilot does without.
"""

import pytest

from tests.system.conftest import Start

DIALOGUES = {
    "?": "╭─ help",
    "/": "go to character",
    "L": "╭─ lessons",
    "E": "╭─ export",
    "d": "26 characters and the end",
    "\r": "╭─ why P(a | .)?",
    "G": "╭─ theory",
    "T": "best 0.277259",
    "P": "╭─ pitfalls",
    "H": "╭─ presets",
    "M": "╭─ meters",
    "F": "╭─ λ is not α",
    "N": "╭─ beyond the bigram",
    "\x10": "Search for commands",
}
"""The keys of the explore screen that open something, and a text that is on screen only then."""


def test_a_session_from_the_first_screen_to_the_last_key(start: Start) -> None:
    terminal = start()
    terminal.wait_for("numpy step 0", "nll 3.7590")
    terminal.send("s")
    terminal.wait_for("numpy step 1", "nll 3.3703")
    terminal.send("c")
    terminal.wait_for("compare", "the reference")
    terminal.send("s")
    terminal.wait_for("position 2")
    terminal.send("c")
    terminal.wait_for("hyperparameters", "numpy step 2")
    terminal.send("G")
    terminal.wait_for("╭─ theory")
    terminal.send("\x1b")
    terminal.wait_until(lambda: "╭─ theory" not in terminal.text, "end of the theory")
    terminal.send("q")
    assert terminal.wait_for_end() == 0
    assert terminal.left_behind() == {}
    assert b"Traceback" not in terminal.written


@pytest.mark.slow
def test_every_lesson_and_dialogue_opens_and_closes(start: Start) -> None:
    terminal = start()
    for key, text in DIALOGUES.items():
        terminal.send(key)
        terminal.wait_for(text)
        terminal.send("\x1b")
        terminal.wait_until_gone(text)
    terminal.send("q")
    assert terminal.wait_for_end() == 0
    assert terminal.left_behind() == {}


def test_without_a_screen_a_table_is_printed(start: Start) -> None:
    terminal = start("--headless", "--steps", "3", "--backend", "numpy", wait_for="")
    assert terminal.wait_for_end() == 0
    assert "perplexity" in terminal.text
    assert terminal.left_behind() == {}
