"""Kernels are loaded for large texts alone, in a thread that neither delays nor breaks anything."""

import subprocess
import sys
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
import sys, time
sys.path.insert(0, {folder!r})
from bigram_tui.corpus import kernel_use
from bigram_tui.cli.main import main
kernel_use.LOADING_SECONDS, kernel_use.KNOWN_SIZE = 0, 1
kernel_use.READING._name = "slow_kernels"
main([{text!r}, "--headless", "--backend", "count", "--no-cache"])
"""


def test_the_program_does_not_wait_for_kernels(tmp_path: Path) -> None:
    (tmp_path / "slow_kernels.py").write_text(
        f"import time; open({str(tmp_path / 'begun')!r}, 'w').close(); time.sleep(60)"
    )
    text = tmp_path / "text"
    text.write_bytes(b"emma\n" * 10)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SLOW.format(folder=str(tmp_path), text=str(text))],
        capture_output=True,
        encoding="utf-8",
        cwd=CHECKOUT,
        check=False,
        timeout=50,
    )
    assert (tmp_path / "begun").exists()
    assert (done.returncode, done.stderr) == (0, "")
    assert "count" in done.stdout
    assert time.monotonic() - start < 40


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
