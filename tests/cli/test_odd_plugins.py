"""Odd plugins without a screen: each is told in one line, and the other run has its results."""

import json
import time
from pathlib import Path

import pytest

from bigram_tui.cli import exit_status
from bigram_tui.cli import main as cli
from tests import odd_plugins
from tests.cli.test_cli import REPOSITORY, apart
from tests.odd_plugins import OSC_52, source, write

NAMES = str(REPOSITORY / "data" / "names.txt")
HEADLESS = (NAMES, "--headless", "--steps", "3", "--samples", "1", "--timeout", "20")


@pytest.fixture(autouse=True)
def _strays_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    odd_plugins.record_strays_anew(monkeypatch)


def printed(capfd: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Standard output and error, without the bar of progress; no escape code is in them."""
    out, err = capfd.readouterr()
    assert not any(c < " " or "\x7f" <= c < "\xa0" for c in (out + err).replace("\n", ""))
    return out, err


def assert_count_is_sound(out: str) -> None:
    assert [line for line in out.splitlines() if line.startswith(" count ")]
    assert "2.454951" in out


@pytest.mark.parametrize(
    ("text", "reason"), odd_plugins.FAILING.values(), ids=odd_plugins.FAILING.keys()
)
def test_an_odd_backend_is_told_in_one_line_and_the_other_has_its_results(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    odd = write(tmp_path, text)
    status = cli.run([*HEADLESS, "--backend", odd, "--backend", "count"])
    out, err = printed(capfd)
    (line,) = (line for line in out.splitlines() if line.startswith("odd"))
    assert reason.split(maxsplit=1)[0] in line
    assert "".join(reason.split()) in "".join(out.split()), "a table breaks its lines"
    assert err == ""
    assert "Traceback" not in out
    assert_count_is_sound(out)
    assert status == (exit_status.DONE if " reports a loss" in reason else exit_status.FAILED)


@pytest.mark.parametrize("text", odd_plugins.SOUND.values(), ids=odd_plugins.SOUND.keys())
def test_what_is_odd_but_allowed_is_trained(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str
) -> None:
    odd = write(tmp_path, text)
    assert cli.run([*HEADLESS, "--backend", odd, "--backend", "count"]) == exit_status.DONE
    out, err = printed(capfd)
    assert err == ""
    assert " odd " in out
    assert_count_is_sound(out)


@pytest.mark.parametrize("name", ["None", "low > high", "symbol", "1,000 fields"])
def test_a_setting_for_another_run_does_not_end_the_program(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    text, reason = odd_plugins.FIELDS[name]
    options = ("--smoothing", "0", "--backend", write(tmp_path, text), "--backend", "count")
    assert cli.run([*HEADLESS, *options]) == exit_status.FAILED
    out, _ = printed(capfd)
    assert "".join(reason.split()) in "".join(out.split())
    assert "2.454395" in out


HANGING = {
    "import": (f"{odd_plugins.HEAD}\nwhile True: time.sleep(0.01)", "did not get to its first"),
    "init": (source(methods="def __post_init__(self):\n    while True: pass"), "did not get to"),
    "step": (source(f"{odd_plugins.STEP}while True: pass"), "failed at step 1: it was not done"),
    "finally": (
        source(f"try:\n    while True: {odd_plugins.STEP}finally:\n    time.sleep(60)"),
        "failed: its end was not done within 2 s",
    ),
}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(*hanging, id=name, marks=() if name == "step" else pytest.mark.slow)
        for name, hanging in HANGING.items()
    ],
)
def test_a_backend_that_hangs_is_given_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    odd = write(tmp_path, text)
    options = ("--timeout", "2", "--backend", odd, "--backend", "count")
    assert cli.run([*HEADLESS, *options]) == exit_status.FAILED
    out, _ = printed(capfd)
    assert reason in out
    assert_count_is_sound(out)


LINGERING = {
    "thread": source(top="threading.Thread(target=time.sleep, args=(1000,)).start()"),
    "chatter": source(
        top="""
        def chatter():
            while True: print("x", end="", flush=True)
        threading.Thread(target=chatter, daemon=True).start()
        """
    ),
    "atexit": source(top="atexit.register(time.sleep, 1000)"),
    "raises at exit": source(
        top="""
        class Gone:
            def __del__(self): raise Own(OSC)
        kept = Gone()
        def last(): raise Own(OSC)
        atexit.register(last)
        """
    ),
}


@pytest.mark.parametrize("text", LINGERING.values(), ids=LINGERING.keys())
def test_what_a_backend_leaves_behind_does_not_hold_up_the_end(tmp_path: Path, text: str) -> None:
    odd = write(tmp_path, text)
    before = time.monotonic()
    done = apart(*HEADLESS, "--backend", odd, "--backend", "count")
    assert time.monotonic() - before < 20
    assert done.returncode == exit_status.DONE
    assert "Traceback" not in done.stderr
    assert done.stderr.strip("x") == ""
    assert_count_is_sound(done.stdout)


def test_what_a_backend_writes_to_descriptor_1_does_not_spoil_the_document(tmp_path: Path) -> None:
    odd = write(tmp_path, source(top="os.write(1, b'descriptor\\n')\nprint('printed')"))
    done = apart(*HEADLESS, "--json", "--backend", odd)
    assert done.returncode == exit_status.DONE
    assert done.stdout.startswith('{"version"')
    assert done.stderr.split() == ["descriptor", "printed"]


@pytest.mark.parametrize(
    "what",
    [
        "sys.stdout.close(); sys.stderr.close()",
        "sys.stdout = sys.stderr = None",
        "os.close(1)",
        "os.close(2)",
        "os.closerange(1, 3)",
    ],
)
def test_streams_that_a_backend_closes_are_closed_for_itself_alone(
    tmp_path: Path, what: str
) -> None:
    odd = write(tmp_path, source(top=what))
    done = apart(*HEADLESS, "--json", "--backend", odd, "--backend", "count", "--lr", "3")
    assert done.returncode == exit_status.DONE
    assert [run["backend"] for run in json.loads(done.stdout)["runs"]] == ["odd", "count"]
    assert done.stderr == ""


ARGUMENTS = (
    (OSC_52,),
    ("--backend", OSC_52),
    ("--backend", f"{OSC_52}.py"),
    ("--run", f"{OSC_52}:lr=1"),
    ("--run", f"torch:device={OSC_52}"),
    ("--run", f"numpy:{OSC_52}=1"),
    ("--run", f"numpy:lr={OSC_52}"),
    ("--set", f"{OSC_52}.lr=1"),
    ("--set", OSC_52),
    ("--reference", OSC_52),
    ("--max-vocab", OSC_52),
    ("--steps", OSC_52),
    ("--timeout", OSC_52),
    ("--seed", OSC_52),
    ("--start", OSC_52),
    ("--split", OSC_52),
    ("--lr", OSC_52),
    ("--history", f"{OSC_52}/{OSC_52}"),
    (f"--{OSC_52}",),
)


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda given: given[0][:12].strip("\x1b"))
def test_no_argument_reaches_the_terminal_as_an_escape_code(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    status = cli.run([*HEADLESS, *arguments])
    out, err = printed(capfd)
    assert status != exit_status.DONE
    assert "]52;c;ZXZpbA==" in out + err


def test_no_device_reaches_the_terminal_as_an_escape_code(
    capfd: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("torch")
    status = cli.run([*HEADLESS, "--device", OSC_52])
    out, err = printed(capfd)
    assert status != exit_status.DONE
    assert "]52;c;ZXZpbA==" in out + err


def test_no_folder_reaches_the_terminal_as_an_escape_code(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / OSC_52.replace("\x9b", "\u009b")))
    assert cli.run(["--list-backends"]) == exit_status.DONE
    assert "]52;c;ZXZpbA==" in printed(capfd)[0]
