"""Odd surroundings: each is answered by one line that says what to do, or put up with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import NAMES, PROGRAM, Start

HEADLESS = ["--headless", "--steps", "2", "--backend", "numpy"]

needs_another_user = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can become a user whom the system does not know",
)
HOMELESS = ["env", "-u", "HOME", "setpriv", "--reuid", "64242", "--clear-groups"]


def run(*command: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command and keep what it prints."""
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, text=True, timeout=60, check=False, **given)


@pytest.fixture
def homeless(tmp_path: Path) -> list[str]:
    """The start of a command that runs the program as a user without a home.

    Python itself must be readable for that user.
    """
    probe = run(*HOMELESS, sys.executable, "-c", "import bigram_tui, numpy, platformdirs")
    if probe.returncode:
        pytest.skip("a user without a home cannot read this Python's folders")
    unset = [f"-u{name}" for name in os.environ if name.startswith("XDG_")]
    return ["env", *unset, *HOMELESS, str(PROGRAM)]


@needs_another_user
def test_without_a_home_there_are_no_folders_of_the_user(homeless: list[str]) -> None:
    listed = run(*homeless, "--list-backends", cwd="/")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "set HOME to have a folder of them" in listed.stdout
    trained = run(*homeless, str(NAMES), *HEADLESS, cwd="/")
    assert (trained.returncode, trained.stderr) == (0, "")


@needs_another_user
def test_without_a_home_the_screen_opens(homeless: list[str], start: Start) -> None:
    terminal = start(shell=f"cd /; exec {' '.join(homeless)} {NAMES}")
    terminal.send("q")
    assert terminal.wait_for_end() == 0


def test_without_a_home_the_folders_are_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    from bigram_tui import paths

    def unknown(_: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(paths, "user_config_path", unknown)
    assert paths.config_folder() == paths.NOWHERE
    assert not paths.NOWHERE.exists()
    with pytest.raises(OSError):  # noqa: PT011 (which one differs between systems)
        paths.NOWHERE.mkdir(parents=True)


def test_all_after_two_dashes_are_files(tmp_path: Path) -> None:
    (tmp_path / "-names.txt").write_text("emma\nava\n", "utf-8")
    (tmp_path / "--json").write_text("lea\n", "utf-8")
    done = run(str(PROGRAM), *HEADLESS, "--", "-names.txt", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 lines" in done.stdout


@pytest.mark.slow
def test_standard_error_that_is_no_terminal_is_said_to_be_the_reason(start: Start) -> None:
    """On the terminal: the user does not see the other."""
    terminal = start("--steps", "2", shell="{program} 2> /dev/null", wait_for="")
    assert terminal.wait_for_end() == 0
    assert "perplexity" in terminal.text
    assert "Here is a table, as the screen would be drawn on standard error" in terminal.text
    assert "leave out 2>" in terminal.text


def test_a_terminal_without_escape_codes_gets_a_table(start: Start) -> None:
    terminal = start("--steps", "2", environment={"TERM": "dumb"}, wait_for="")
    assert terminal.wait_for_end() == 0
    assert "TERM=dumb can't show the screen" in terminal.text
    assert "perplexity" in terminal.text
    assert "\x1b" not in terminal.output


def test_a_file_that_looks_like_an_option_is_told_how_to_be_named(tmp_path: Path) -> None:
    (tmp_path / "-names.txt").write_text("emma\n", "utf-8")
    done = run(str(PROGRAM), *HEADLESS, "-names.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("to open that file, write -- -names.txt\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments",
    [HEADLESS, [*HEADLESS, "--json"], ["--help"], ["--version"], ["--list-backends"]],
    ids=str,
)
def test_a_full_disk_is_told_in_one_line(unbuffered: str, arguments: list[str]) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = run(str(PROGRAM), str(NAMES), *arguments, stdout=full, env=environment)
    assert done.returncode == 1
    assert done.stderr == "bigram-tui: can't write the output: No space left on device\n"


def test_an_unknown_color_system_is_told_in_one_line(start: Start) -> None:
    terminal = start(environment={"TEXTUAL_COLOR_SYSTEM": "bogus"}, wait_for="")
    assert terminal.wait_for_end() == 2
    assert "TEXTUAL_COLOR_SYSTEM is 'bogus'; unset it" in terminal.text
    assert terminal.left_behind() == {}
    assert b"Traceback" not in terminal.written


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("arguments", "full_output", "status"),
    [
        (["missing", "--headless"], False, 2),
        (["--bogus"], False, 2),
        (["--bogus"], True, 2),
        (["--version"], True, 1),
    ],
)
def test_a_complaint_that_cannot_be_written_leaves_the_status(
    tmp_path: Path, arguments: list[str], full_output: bool, status: int, unbuffered: str
) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [str(PROGRAM), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=full if full_output else subprocess.DEVNULL,
            stderr=full,
            cwd=tmp_path,
            env=environment,
            check=False,
            timeout=60,
        )
    assert done.returncode == status


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_wrong_use_is_told_whatever_becomes_of_the_output(unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = run(str(PROGRAM), "--bogus", stdout=full, env=environment)
    assert done.returncode == 2
    assert done.stderr == "bigram-tui: unrecognized arguments: --bogus; see bigram-tui --help\n"
