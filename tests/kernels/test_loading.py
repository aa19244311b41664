"""Kernels are loaded for large texts alone, in a thread that neither delays nor breaks anything."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import pytest

from bigram_tui.corpus import kernel_use
from bigram_tui.corpus.kernel_use import KernelUse
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.kernels.loading import READING, Loader

CHECKOUT = Path(kernel_use.__file__).parents[2]


@pytest.mark.parametrize(
    "source", ["import nowhere_to_be_found", "1 / 0", "raise SystemExit", "raise KeyboardInterrupt"]
)
def test_whatever_is_wrong_with_kernels_there_are_none(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_kernels.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert Loader("broken_kernels").wait() is None
    assert Loader("kernels_that_are_missing").wait() is None
    assert capsys.readouterr() == ("", "")


def test_a_module_is_there_once_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some_kernels.py").write_text("name = 'some'")
    monkeypatch.syspath_prepend(tmp_path)
    loader = Loader("some_kernels")
    assert loader.module is None
    loader.start()
    loader.start()
    assert loader.wait() is loader.module is sys.modules["some_kernels"]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "done", "size", "pays"),
    [
        (0.1, 10_000_000, 120_000_000, True),
        (0.1, 10_000_000, 100_000_000, False),
        (2.0, 100_000_000, 120_000_000, False),
        (1.1, 10_000_000, None, True),
        (0.9, 900_000_000, None, False),
        (9.0, 1_000_000, None, False),  # somebody types
        (9.0, 1_000_000, 200_000_000, False),
        (9.0, 50_000_000, 40_000_000, False),  # it grows
    ],
)
def test_they_are_loaded_when_the_rest_of_a_text_takes_longer(
    seconds: float, done: int, size: int | None, pays: bool
) -> None:
    clock, loader = Clock(), Loader("some_kernels")
    use = KernelUse(loader, clock)
    with mock.patch.object(loader, "start") as start:
        clock.now += seconds
        use.note(done, size)
    assert start.called == pays


@pytest.mark.parametrize("split", [None, (8, 2)])
def test_a_split_does_without_them(
    split: tuple[int, ...] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_use, "LOADING_SECONDS", 0)
    monkeypatch.setattr(kernel_use, "KNOWN_SIZE", 1)
    (tmp_path / "text").write_bytes(b"a\nb\nc\n" * 9)
    with mock.patch.object(READING, "start") as start:
        read_corpus(str(tmp_path / "text"), split=split)
    assert start.called == (split is None)


SLOW = """
import sys
sys.path.insert(0, {folder!r})
from bigram_tui.corpus import kernel_use
from bigram_tui.cli.main import main
kernel_use.LOADING_SECONDS, kernel_use.KNOWN_SIZE = 0, 1
kernel_use.READING._name = "slow_kernels"
main([{text!r}, "--headless", "--backend", "count", "--no-cache"])
"""

KERNELS = """
import os, time
with open({begun!r} + "-", "w") as file:
    file.write(os.environ["NUMBA_CACHE_DIR"])
os.rename({begun!r} + "-", {begun!r})
time.sleep(60)
"""


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A file that is there once the slow kernels are being loaded."""
    begun = tmp_path / "begun"
    (tmp_path / "slow_kernels.py").write_text(KERNELS.format(begun=str(begun)))
    return begun


def start_program(text: Path | str, begun: Path) -> "subprocess.Popen[str]":
    """Start the program with those kernels."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(begun.parent)}
    environment.pop("NUMBA_CACHE_DIR", None)
    return subprocess.Popen(
        [sys.executable, "-c", SLOW.format(folder=str(begun.parent), text=str(text))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=CHECKOUT,
        env=environment,
    )


def test_the_program_does_not_wait_for_kernels(tmp_path: Path, begun: Path) -> None:
    (tmp_path / "text").write_bytes(b"emma\n" * 10)
    start = time.monotonic()
    with start_program(tmp_path / "text", begun) as program:
        output, errors = program.communicate(timeout=50)
    assert time.monotonic() - start < 40
    assert begun.read_text() == str(tmp_path / "bigram-tui" / "kernels")
    assert (program.returncode, errors) == (0, "")
    assert "count" in output


def test_an_interrupt_ends_the_program_while_kernels_are_loaded(begun: Path) -> None:
    with start_program("-", begun) as program:
        assert program.stdin is not None
        program.stdin.write("emma\n" * 10)
        program.stdin.flush()
        while not begun.exists():
            time.sleep(0.02)
        start = time.monotonic()
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=50)
    assert time.monotonic() - start < 40
    assert (program.returncode, errors) == (130, "")


def test_without_a_thread_there_are_no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", mock.Mock(side_effect=RuntimeError))
    assert Loader("json").wait() is None


def test_a_small_text_needs_no_numba() -> None:
    program = (
        "import sys; from bigram_tui.corpus.bundled import bundled_names; "
        "from bigram_tui.corpus.reading import read_corpus; "
        "read_corpus(str(bundled_names())); print('numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=CHECKOUT
    )
    assert done.stdout.split() == [b"False"]
