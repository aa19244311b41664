"""The command line: what it takes, what it refuses, and how it behaves in pipes and terminals."""

import contextlib
import json
import os
import platform
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np
import pytest

from bigram_tui.cli import exit_status, versions
from bigram_tui.cli import main as cli
from bigram_tui.cli.arguments import parse, parse_serve, settings

REPOSITORY = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "bigram_tui")
LIGHT = ("--backend", "count", "--backend", "numpy")
PATIENCE = 30.0
"""Seconds after which something that has not happened counts as never to happen."""

MINE = """
from dataclasses import dataclass
import numpy as np
from bigram_tui.backend import Backend, Iteration, hyperparameter

@dataclass
class Mine(Backend):
    depth: int = hyperparameter(2, low=1, high=9)

    def train(self, bigrams, weights):
        yield Iteration(np.full(weights.shape, 1 / len(weights)))
"""

ENDLESS = """
import sys
from dataclasses import dataclass
import numpy as np
from bigram_tui.backend import Backend, Iteration

@dataclass
class Endless(Backend):
    def train(self, bigrams, weights):
        for iteration in range(10**9):
            if iteration == 3:
                print("under way", file=sys.stderr, flush=True)
            yield Iteration(np.full(weights.shape, 1 / len(weights)), weights)
"""


def environment(**more: str) -> dict[str, str]:
    """That of a process of its own, which one thread is enough for, less what changes output."""
    unwanted = ("FORCE_COLOR", "NO_COLOR", "COLORTERM", "COLUMNS", "LINES", "PYTHON", "TEXTUAL")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", **more}


def apart(*arguments: str, text: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """The program, run as a process of its own, with a text in its pipe and without a terminal."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env=environment(**more),
        start_new_session=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with good and bad texts and a backend."""
    monkeypatch.chdir(tmp_path)
    for name, content in {
        "good.txt": b"emma\nava\n",
        "empty.txt": b"",
        "blank.txt": b"\n \n\t\n",
        "nul.txt": b"emma\nav\0a\n",
        "utf-16.txt": "emma\n".encode("utf-16"),
        "latin-1.txt": "emma\nZoë\n".encode("latin-1"),
        "mine.py": MINE.encode(),
        "two.py": MINE.encode() + MINE.replace("Mine", "Other").encode(),
    }.items():
        Path(name).write_bytes(content)
    Path("folder").mkdir()
    return tmp_path


# Wrong use

WRONG_USE: dict[str, tuple[list[str], list[str]]] = {
    "unknown option": (["--frobnicate"], ["--frobnicate", "--help"]),
    "unknown option of two lines": (["--frob\nnicate"], ["--frob", "--help"]),
    "abbreviated option": (["--head"], ["--head", "--help"]),
    "one of two files is missing": (["good.txt", "missing.txt"], ["'missing.txt' does not exist"]),
    "stdin beside a file": (["good.txt", "-"], ["'-' is standard input", "alone"]),
    "pattern without a match": (["good.txt", "*.none"], ["'*.none' matches no file"]),
    "option without value": (["--lr"], ["--lr", "--help"]),
    "no such file": (["missing.txt"], ["'missing.txt' does not exist"]),
    "no such folder": (["missing/missing.txt"], ["'missing/missing.txt' does not exist"]),
    "name of two lines": (["miss\ning"], ["does not exist"]),
    "folder": (["folder"], ["'folder' is a folder"]),
    "empty file": (["empty.txt"], ["'empty.txt' is empty"]),
    "blank lines": (["blank.txt"], ["'blank.txt' holds only blank lines"]),
    "NUL bytes": (["nul.txt"], ["'nul.txt' holds a NUL byte in line 2"]),
    "UTF-16": (["utf-16.txt"], ["'utf-16.txt' looks like UTF-16", "iconv"]),
    "undecodable": (["latin-1.txt"], ["'latin-1.txt' is not UTF-8", "0xEB", "line 2", "iconv"]),
    "unknown backend": (["--backend", "nope"], ["'nope'", "count, numpy, torch", ".py"]),
    "missing backend file": (["--backend", "no.py"], ["'no.py'", "--list-backends"]),
    "--set without value": (["--set", "numpy.l2"], ["BACKEND.FIELD=VALUE", "'numpy.l2'"]),
    "--set without backend": (["--set", "l2=1"], ["BACKEND.FIELD=VALUE", "'l2=1'"]),
    "--set without name of backend": (["--set", ".l2=1"], ["BACKEND.FIELD=VALUE", "'.l2=1'"]),
    "--set without name of field": (["--set", "numpy.=1"], ["BACKEND.FIELD=VALUE"]),
    "--set of an empty text": (["--set", ""], ["BACKEND.FIELD=VALUE", "''"]),
    "--set of no such backend": (["--set", "nope.l2=1"], ["'nope'", "count, numpy, torch"]),
    "--set of a backend not chosen": (
        ["--backend", "count", "--set", "numpy.l2=1"],
        ["'numpy'", "count"],
    ),
    "--set of no such field": (
        ["--set", "numpy.depth=1"],
        ["numpy: no hyperparameter 'depth'", "learning_rate, l2"],
    ),
    "--set of no such field in a file": (
        ["--backend", "mine.py", "--set", "mine.width=1"],
        ["mine: no hyperparameter 'width'", "depth"],
    ),
    "--set to no number": (["--set", "numpy.l2=much"], ["numpy: l2 is a number, not 'much'"]),
    "--set to nothing": (["--set", "numpy.l2="], ["numpy: l2 is a number, not ''"]),
    "--set to no whole number": (
        ["--backend", "mine.py", "--set", "mine.depth=2.5"],
        ["mine: depth is a whole number, not '2.5'"],
    ),
    "--set too low": (["--set", "numpy.l2=-1"], ["numpy: l2 is at least 0, not -1"]),
    "--set too high": (["--set", "count.smoothing=1e10"], ["count: smoothing is at most 1e+09"]),
    "--set to NaN": (["--set", "numpy.l2=nan"], ["numpy: l2 is a finite number"]),
    "--set to no choice": (
        ["--backend", "torch", "--set", "torch.objective=x"],
        ["torch: objective is one of counts, one-hot, not 'x'"],
    ),
    "--lr": (["--lr", "abc"], ["learning_rate is a number, not 'abc'"]),
    "--lr too low": (["--lr=-1"], ["learning_rate is at least 0, not -1"]),
    "--l2": (["--l2", "inf"], ["l2 is a finite number"]),
    "--smoothing": (["--smoothing", "one"], ["smoothing is a number, not 'one'"]),
    "--split": (["--split", "nonsense"], ["--split", "'nonsense'", "80/10/10"]),
    "--split of one part": (["--split", "100"], ["--split", "80/10/10"]),
    "--split of four parts": (["--split", "1/1/1/1"], ["--split", "80/10/10"]),
    "--split without training": (["--split", "0/10/10"], ["--split", "80/10/10"]),
    "--seed too large": (["--seed", "4294967296"], ["--seed", "4294967296", "2**32"]),
    "--seed too large for int()": (["--seed", "9" * 5000], ["--seed"]),
    "--seed negative": (["--seed", "-1"], ["--seed", "-1"]),
    "--seed no number": (["--seed", "abc"], ["--seed", "'abc'"]),
    "--start": (["--start", "ones"], ["--start", "'ones'", "random", "zeros"]),
    "--steps negative": (["--steps", "-1"], ["--steps", "-1"]),
    "--steps fractional": (["--steps", "1.5"], ["--steps", "'1.5'"]),
    "--steps empty": (["--steps", ""], ["--steps", "''"]),
    "--samples negative": (["--samples", "-1"], ["--samples", "-1"]),
    "--fps 0": (["--fps", "0"], ["--fps", "0", "between 1 and 60"]),
    "--fps 61": (["--fps", "61"], ["--fps", "61", "between 1 and 60"]),
    "--fps no number": (["--fps", "fast"], ["--fps", "'fast'"]),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("arguments", "words"), WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use_is_answered_by_one_line(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if "torch" in arguments:
        pytest.importorskip("torch")
    assert cli.run(arguments) == exit_status.WRONG_USE == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("bigram-tui: ")
    assert [word for word in words if word not in line] == []


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("output", ["--headless", "--json"])
def test_wrong_use_exits_with_status_2(output: str) -> None:
    done = apart("missing.txt", output)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "'missing.txt' does not exist" in line


@pytest.mark.usefixtures("folder")
def test_what_is_quick_to_fail_comes_before_the_reading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["missing.txt", "--backend", "nope"]) == exit_status.WRONG_USE
    assert "nope" in capsys.readouterr().err
    assert cli.run(["missing.txt", "--set", "nope.l2=1"]) == exit_status.WRONG_USE
    assert "nope" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_no_one_backend_fails_alone(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ("--backend", "two.py", "--backend", "count")
    assert cli.run(["good.txt", "--headless", *chosen]) == exit_status.FAILED == 1
    printed = capsys.readouterr()
    assert "two.py must define one subclass of Backend, not Mine, Other" in printed.out
    (count,) = (line for line in printed.out.splitlines() if line.split()[:1] == ["count"])
    assert count.split()[1] == "0"


# Right use


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--steps", "0"],
        ["--samples", "0"],
        ["--seed", "0"],
        ["--seed", "4294967295"],
        ["--start", "random"],
        ["--start", "zeros"],
        ["--fps", "1"],
        ["--fps", "60"],
        ["--split", "1/1"],
        ["--lr", "0", "--l2", "0.5", "--smoothing", "1e9", "--device", "cpu"],
        ["--set", "numpy.learning_rate=1", "--set", "numpy.l2=0.25", "--set", "count.smoothing=0"],
        ["--backend", "mine.py", "--set", "mine.depth=9"],
        ["--no-mouse", "--theme", "of no concern here"],
    ],
    ids=" ".join,
)
def test_values_at_the_edge_are_taken(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["good.txt", "--headless", *LIGHT, *arguments]) == exit_status.DONE == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith("good.txt: 2 lines, 9 bigrams")


def test_what_is_not_said_has_its_default() -> None:
    assert vars(parse([])) == {
        "files": [],
        "no_cache": False,
        "backend": [],
        "isolate": False,
        "list_backends": False,
        "lr": None,
        "l2": None,
        "smoothing": None,
        "device": None,
        "set": [],
        "seed": 2147483647,
        "start": "random",
        "split": None,
        "max_vocab": 2048,
        "scheduler": None,
        "steps": None,
        "timeout": 120,
        "samples": None,
        "headless": False,
        "json": False,
        "run": [],
        "reference": None,
        "history": None,
        "overwrite": False,
        "fps": 15,
        "theme": None,
        "tour": None,
        "no_mouse": False,
    }


@pytest.mark.usefixtures("folder")
def test_the_last_of_two_settings_of_one_field_holds(capsys: pytest.CaptureFixture[str]) -> None:
    twice = ("--set", "count.smoothing=1", "--set", "count.smoothing=2", "--smoothing", "3")
    assert cli.run(["good.txt", "--json", "--backend", "count", *twice]) == exit_status.DONE
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["hyperparameters"] == {"smoothing": 2.0}


# --help, --version, --list-backends


@pytest.fixture
def help_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What --help prints in a terminal of 24×80."""
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(["--help"]) == exit_status.DONE
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def test_the_help_fits_two_screens(help_text: str) -> None:
    lines = help_text.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert len(lines) <= 48


def test_the_help_names_every_option(help_text: str) -> None:
    options = [f"--{name.replace('_', '-')}" for name in vars(parse([])) if name != "files"]
    assert [option for option in (*options, "--version", "FILE") if option not in help_text] == []


def test_the_examples_of_the_help_are_right(help_text: str) -> None:
    lines = help_text.partition("examples:\n")[2].partition("\n\n")[0].splitlines()
    examples = [re.split(r"\s{2,}", line.strip())[0] for line in lines]
    assert len(examples) >= 5
    for example in examples:
        commands = [shlex.split(command) for command in example.split("|")]
        (arguments,) = (words[1:] for words in commands if words[0] == "bigram-tui")
        if arguments[0] == "serve":
            _, arguments = parse_serve(arguments[1:])
        options = parse(arguments)
        assert settings(options.set).keys() <= {Path(b).stem for b in options.backend}


@pytest.mark.parametrize(
    ("installed", "said"),
    [
        ({"numba": "1.2"}, "numba 1.2"),
        ({}, "no numba: pip install 'bigram-tui[fast]' speeds up large texts"),
    ],
)
def test_the_versions_are_those_of_the_packages(
    installed: dict[str, str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(package: str) -> str:
        if package == "numba" and not installed:
            raise metadata.PackageNotFoundError(package)
        return installed.get(package) or metadata.version(package)

    patched = SimpleNamespace(**vars(metadata) | {"version": version})
    monkeypatch.setattr(versions, "metadata", patched)
    assert cli.run(["--version"]) == exit_status.DONE
    printed = capsys.readouterr()
    ours, python = metadata.version("bigram-tui"), platform.python_version()
    assert printed.out == f"bigram-tui {ours}, Python {python}, NumPy {np.__version__}, {said}\n"
    assert printed.err == ""


def test_the_backends_are_listed_with_source_and_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    drop_ins = tmp_path / "bigram-tui" / "backends"
    drop_ins.mkdir(parents=True)
    (drop_ins / "mine.py").write_text(MINE, encoding="utf-8")
    (drop_ins / "poor.py").write_text("import a_module_that_nobody_has\n", encoding="utf-8")
    assert cli.run(["--list-backends"]) == exit_status.DONE
    printed = capsys.readouterr()
    assert printed.err == ""
    usual, mistaken, files = printed.out.split("\n\n")
    heading, *mistakes = mistaken.splitlines()
    lines = {line.split()[0]: line for line in (*usual.splitlines(), files)}
    assert list(lines) == ["count", "numpy", "torch", "mine", "poor", "Drop-in"]
    assert heading == "Each with a classic mistake, to compare with:"
    names = [line.split()[0] for line in mistakes]
    assert names == ["count-no-keepdim", "no-keepdim", "no-max", "no-mean", "no-reset", "plus-sign"]
    assert all(line.endswith("  available") for line in mistakes)
    column = lines["numpy"].index("bigram-tui")
    assert {line.index("bigram-tui ") for line in mistakes} == {column}
    version = metadata.version("bigram-tui")
    assert lines["numpy"].split() == ["numpy", "bigram-tui", version, "available"]
    assert lines["mine"].split() == ["mine", str(drop_ins / "mine.py"), "available"]
    assert "unavailable: needs a_module_that_nobody_has" in lines["poor"]
    assert "pip install a_module_that_nobody_has" in lines["poor"]
    assert str(drop_ins) in lines["Drop-in"]


@pytest.mark.usefixtures("folder")
def test_pitfalls_run_only_where_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["good.txt", "--json", "--run", "numpy", "--steps", "1"]) == exit_status.DONE
    assert [run["backend"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["numpy"]
    asked = ["--backend", "no-keepdim", "--backend", "numpy", "--run", "plus-sign:lr=1,l2=0"]
    assert cli.run(["good.txt", "--json", "--lr", "1", "--steps", "9", *asked]) == exit_status.DONE
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [run["backend"] for run in runs] == ["no-keepdim", "numpy", "plus-sign lr=1 l2=0"]
    wrong, right, rising = (run["loss_history"]["total"] for run in runs)
    assert wrong == pytest.approx(right, rel=1e-12)
    assert right[9] < right[0]
    assert rising[9] > rising[0]
    assert runs[2]["hyperparameters"] == {"learning_rate": 1.0, "l2": 0.0}


# What is imported


def imported_by(*statements: str) -> set[str]:
    """The top-level modules in memory after some statements in a fresh Python."""
    code = "\n".join(
        [
            "import contextlib, io, json, sys",
            "from bigram_tui.cli import main as cli",
            "with contextlib.redirect_stdout(io.StringIO()):",
            *(f"    {statement}" for statement in statements),
            "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "arguments",
    [
        ["good.txt", "--lr", "1", "--seed", "1", "--steps", "3", "--set", "numpy.l2=1"],
        ["good.txt", "--split", "80/10/10"],
    ],
    ids=" ".join,
)
def test_to_parse_arguments_imports_nothing_heavy(arguments: list[str]) -> None:
    modules = imported_by(f"cli.parse({arguments!r})")
    assert modules & {"numpy", "torch", "textual", "rich", "bigram_backends"} == set()


def test_the_versions_are_told_without_an_import() -> None:
    modules = imported_by("cli.run(['--version'])")
    assert modules & {"numpy", "numba", "torch", "textual"} == set()


def test_to_list_backends_imports_none_of_them() -> None:
    modules = imported_by("cli.run(['--list-backends'])")
    assert "bigram_tui" in modules
    assert modules & {"bigram_backends", "torch", "textual"} == set()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("output", ["--headless", "--json"])
def test_without_a_screen_textual_is_not_imported(output: str) -> None:
    modules = imported_by(f"assert cli.run(['good.txt', {output!r}, *{LIGHT!r}]) == 0")
    assert "bigram_backends" in modules
    assert modules & {"textual", "torch"} == set()


# Pipes


@pytest.mark.usefixtures("folder")
def test_without_a_terminal_it_is_headless_by_itself() -> None:
    done = apart("good.txt", *LIGHT, TERM="xterm-256color")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("good.txt: 2 lines, 9 bigrams, V = 5, ")
    numpy = next(line.split() for line in done.stdout.splitlines() if "numpy" in line)
    assert numpy[:2] == ["numpy", "100"]


def test_standard_input_is_read_from_a_pipe() -> None:
    done = apart("-", "--json", *LIGHT, text="emma\r\nЗоя\n\n")
    assert (done.returncode, done.stderr) == (0, "")
    corpus = json.loads(done.stdout)["corpus"]
    assert (corpus["path"], corpus["lines"], corpus["bigrams"]) == ("-", 2, 9)


@pytest.mark.parametrize(("text", "reason"), [("", "is empty"), ("a\0", "NUL byte")])
def test_standard_input_may_be_wrong_too(text: str, reason: str) -> None:
    done = apart("-", "--json", *LIGHT, text=text)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("bigram-tui: '-' ")
    assert reason in line


def through_a_shell(command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A shell's command line, in which "$@" is the program."""
    return subprocess.run(
        ["sh", "-c", command, "sh", *PROGRAM],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        env=environment(**more),
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.usefixtures("folder")
def test_standard_input_may_be_closed() -> None:
    done = through_a_shell('"$@" - --headless --backend count <&-')
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "standard input, which is closed" in line


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [
        ["good.txt", "--headless", *LIGHT],
        ["good.txt", "--json", *LIGHT, "--steps", "1"],
        ["good.txt", "--json", *LIGHT, "--steps", "5000"],
        ["--list-backends"],
        ["--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_nobody_who_reads_on_is_no_error(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(),
            check=False,
            timeout=PATIENCE,
        )
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.usefixtures("folder")
def test_a_reader_may_stop_after_the_first_bytes() -> None:
    many = "--json --backend count --samples 50000"
    done = through_a_shell(f'{{ "$@" good.txt {many}; echo "status $?" >&2; }} | head -c 12')
    assert (done.stdout, done.stderr) == ('{"version": ', "status 0\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_an_output_may_be_closed(closed: str) -> None:
    done = through_a_shell(f'"$@" good.txt --headless --backend count {closed}')
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)
    if closed == "2>&-":
        assert (done.returncode, done.stdout[:9]) == (0, "good.txt:")


@pytest.mark.parametrize("output", ["--headless", "--json"])
def test_an_encoding_that_lacks_characters_is_no_error(tmp_path: Path, output: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text("Ελένη\n", encoding="utf-8")
    done = apart(str(path), output, *LIGHT, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    if output == "--json":
        document = json.loads(done.stdout)
        assert document["corpus"]["vocabulary"] == [".", *sorted("Ελένη")]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("output", ["--headless", "--json"])
def test_a_file_name_that_is_not_utf_8_is_no_error(output: str) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    try:
        Path("good.txt").rename(name)
    except OSError:
        pytest.skip("the file system takes no such name")
    done = apart(name, output, *LIGHT, PYTHONIOENCODING="utf-8:strict")
    assert (done.returncode, done.stderr) == (0, "")
    assert "caf" in done.stdout


# Interruption


@contextlib.contextmanager
def started(*command: str, **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone afterwards, whatever happens."""
    with subprocess.Popen([*command], **pipes) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def read_until(stream: IO[bytes], wanted: bytes) -> bytes:
    """What comes out of a pipe up to some words. Fails if it ends, or time runs out, before."""
    deadline = time.monotonic() + PATIENCE
    found = b""
    while wanted not in found:
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(stream.fileno(), 65536) if ready else b""
        assert chunk, f"{wanted!r} never came, only {found!r}"
        found += chunk
    return found


@pytest.mark.parametrize("output", ["--headless", "--json"])
def test_an_interrupt_ends_training_at_once(folder: Path, output: str) -> None:
    (folder / "endless.py").write_text(ENDLESS, encoding="utf-8")
    with started(
        *PROGRAM,
        "good.txt",
        output,
        *("--backend", "endless.py", "--steps", "100000000"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        seen = read_until(process.stderr, b"under way\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == exit_status.INTERRUPTED == 130
    assert (seen + err, out) == (b"under way\n", b"")
