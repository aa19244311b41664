"""What plugins print does not tear the screen, and their escape codes never reach a terminal."""

import re
import signal
import sys
from pathlib import Path

import pytest

from tests import odd_plugins
from tests.conftest import slow
from tests.odd_plugins import OSC_52, STEP, source, write
from tests.system.conftest import PROGRAM, Start

HARMFUL = re.compile("\x1b\\]52|\x9b")
"""What would set the clipboard, or begins a sequence by a character of C1."""

PRINTS = source(
    """
    k = 0
    while True:
        print(f"print {k}", OSC, flush=True)
        print(f"dunder {k}", OSC, file=sys.__stderr__, flush=True)
        os.write(1, f"descriptor 1, {k} {OSC}\\n".encode())
        os.write(2, f"descriptor 2, {k} {OSC}\\n".encode())
        libc.printf(b"from C %d \\x1b]52;c;ZXZpbA==\\x07\\n", k)
        k += 1
        yield Iteration(uniform(bigrams), weights)
    """,
    fields="""
    rate: float = hyperparameter(1.0, symbol=OSC, help=OSC)
    kind: str = hyperparameter(OSC, choices=(OSC, "b" + OSC), symbol="κ")
    """,
    top="""
    import ctypes
    libc = ctypes.CDLL(None)
    atexit.register(print, "at the end", OSC, file=sys.__stderr__)
    atexit.register(os.write, 1, OSC.encode())
    """,
)


def test_what_is_printed_anywhere_is_shown_and_tears_nothing(start: Start, tmp_path: Path) -> None:
    odd = write(tmp_path, PRINTS)
    options = ("--backend", odd, "--run", f"{odd}:kind={OSC_52}", "--backend", "numpy")
    terminal = start(*options, columns=80, rows=24)
    terminal.wait_for("odd prints: print 0")
    terminal.send("s")
    terminal.wait_for("odd prints: print 1")
    terminal.send("u")
    for text in ("print 1", "dunder 1", "descriptor 1, 1", "descriptor 2, 1"):
        terminal.wait_for(text)
    terminal.send("\x1b")
    terminal.wait_until_gone("printed")
    lines = terminal.lines
    terminal.send("tt")  # draws all anew, twice
    terminal.wait_until(lambda: terminal.lines == lines, "the same screen")
    terminal.send("pl")
    terminal.send("c")
    terminal.wait_for("reference")
    terminal.send("q")
    assert terminal.wait_for_end() == 0
    assert terminal.left_behind() == {}
    assert not HARMFUL.search(terminal.output)


FLOOD = source(f"while True:\n    os.write(2, b'flood ' * 100_000)\n    {STEP}")


@pytest.mark.parametrize("name", ["SIGTERM", *slow("SIGHUP")])
def test_a_flood_on_a_descriptor_holds_up_nobody(start: Start, tmp_path: Path, name: str) -> None:
    terminal = start("--backend", write(tmp_path, FLOOD), "--backend", "numpy")
    terminal.send(" ")
    terminal.wait_for("printed: flood")
    terminal.send("2s")
    terminal.wait_for("numpy step 1 ")
    terminal.signal(signal.Signals[name])
    assert terminal.wait_for_end() == 128 + signal.Signals[name]
    assert terminal.left_behind() == {}
    assert "flood flood flood flood flood flood flood flood flood flood" not in terminal.text


HOLDS = source(
    top="""
    import ctypes
    # PyDLL holds the interpreter: nobody can read meanwhile.
    ctypes.PyDLL(None).write(2, b"x" * 4_000_000, 4_000_000)
    """
)


def test_code_that_holds_the_interpreter_while_it_writes_is_not_stuck(
    start: Start, tmp_path: Path
) -> None:
    terminal = start("--backend", write(tmp_path, HOLDS))
    terminal.wait_for("step 0")
    terminal.send("q")
    assert terminal.wait_for_end() == 0
    assert terminal.left_behind() == {}


@pytest.mark.parametrize("name", ["thread", *slow("chatter", "atexit", "raises at exit")])
def test_what_a_backend_leaves_behind_does_not_hold_up_the_end(
    start: Start, tmp_path: Path, name: str
) -> None:
    from tests.cli.test_odd_plugins import LINGERING

    terminal = start("--backend", write(tmp_path, LINGERING[name]), "--backend", "numpy")
    terminal.send("sq")
    assert terminal.wait_for_end(20) == 0
    assert terminal.left_behind() == {}
    assert "Traceback" not in terminal.output
    assert not HARMFUL.search(terminal.output)


STUCK = source(f"{STEP}while True: time.sleep(0.01)")


def test_a_lesson_about_a_backend_that_hangs_holds_up_neither_screen_nor_end(
    start: Start, tmp_path: Path
) -> None:
    terminal = start("--backend", write(tmp_path, STUCK), "--backend", "numpy")
    terminal.wait_for("odd step 0")
    terminal.send("G")
    terminal.wait_for("see it live")
    terminal.send("\x1b")
    terminal.wait_until_gone("see it live")
    terminal.send("2s")
    terminal.wait_for("numpy step 1 ")
    terminal.send("1\r")  # lets a copy of the backend take a step
    terminal.wait_for("why P(")
    terminal.send("\x1b")
    terminal.wait_until_gone("why P(")
    terminal.send("q")
    assert terminal.wait_for_end(20) == 0
    assert terminal.left_behind() == {}


def test_a_fault_of_the_program_itself_is_seen(start: Start) -> None:
    """Its traceback is the way to mend it."""
    broken = (
        "import sys; from bigram_tui.tui.app import BigramApp; "
        "BigramApp.action_sample = lambda self: 1 / 0; "
        "from bigram_tui.tui.screens.explore import ExploreScreen; "
        "ExploreScreen.action_sample = lambda self: 1 / 0; "
        "from bigram_tui.cli.main import main; main(sys.argv[1:])"
    )
    names = odd_plugins.__file__.replace("tests/odd_plugins.py", "data/names.txt")
    terminal = start(shell=f"exec {sys.executable} -c '{broken}' {names} --no-tour")
    terminal.send("g")
    terminal.wait_for_end()
    assert "ZeroDivisionError" in terminal.text
    assert terminal.left_behind() == {}


def test_keys_of_the_keymap_are_characters_that_can_be_shown(tmp_path: Path) -> None:
    import os
    import subprocess

    folder = tmp_path / "bigram-tui"
    folder.mkdir()
    (folder / "keymap.toml").write_text('step = "\\u009b"\n', "utf-8")
    odd = write(tmp_path, source())
    done = subprocess.run(
        [str(PROGRAM), "serve", "--backend", odd, "--port", "0"],
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "is no key" in done.stderr
    assert not HARMFUL.search(done.stderr)
