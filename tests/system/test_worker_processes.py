"""Counting by processes of this machine, which end with the work or with their parent."""

import lzma
import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from bigram_tui.cli import exit_status
from bigram_tui.cli.cluster import processes
from bigram_tui.cli.main import run
from bigram_tui.corpus.counts_file import read_counts as open_counts
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import TextFile, find_files
from bigram_tui.corpus.reading import read_counts
from bigram_tui.corpus.spread import spread_counts
from tests.corpus.test_ranges import WORST, assert_equal
from tests.system.dask_cluster import WAIT_SECONDS, wait_until

SUFFIX = ".counts.safetensors"

pytestmark = pytest.mark.slow

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def files(tmp_path: Path) -> tuple[TextFile, ...]:
    """Two texts, a large one and a nasty one."""
    (tmp_path / "a.txt").write_text("".join(f"{n} emma 中{n % 97}\r\n" for n in range(300_000)))
    (tmp_path / "b.txt").write_bytes(WORST.encode() * 10)
    return find_files([str(tmp_path / "*.txt")])


def test_they_count_what_one_counts(files: tuple[TextFile, ...], tmp_path: Path) -> None:
    output = tmp_path / f"x{SUFFIX}"
    paths = [file.path for file in files]
    assert run(["count", *paths, "-o", str(output), "--workers", "2"]) == exit_status.DONE
    assert_equal(open_counts(output), read_counts(*files))


def test_one_that_is_killed_ends_the_work_and_none_stays(files: tuple[TextFile, ...]) -> None:
    def kill(done: int, size: int | None) -> None:
        active_children()[0].kill()

    with pytest.raises(CorpusError, match="BrokenProcessPool"), processes(2) as engine:
        spread_counts(files, engine, kill, range_size=10_000)
    assert not active_children()


@ON_LINUX
def test_ctrl_c_ends_them(tmp_path: Path) -> None:
    output = tmp_path / f"x{SUFFIX}"
    with lzma.open(packed := tmp_path / "packed.xz", "wb", preset=0) as content:
        for _ in range(400):  # a task of some seconds
            content.write(b"emma \xc3\xa9\n" * 100_000)
    command = ["count", str(packed), str(packed), "-o", str(output), "--workers", "2"]
    child = subprocess.Popen(
        [sys.executable, "-m", "bigram_tui", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    wait_until(lambda: len(_children(child.pid)) >= 3)  # one of them tracks resources
    numbers = _children(child.pid)
    time.sleep(1)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=WAIT_SECONDS)
    assert (child.returncode, out, err) == (exit_status.INTERRUPTED, b"", b"")
    wait_until(lambda: not any(map(_lives, numbers)))
    assert not output.exists()


def test_they_leave_with_their_parent(files: tuple[TextFile, ...]) -> None:
    script = (
        "import os, sys\n"
        "from bigram_tui.cli.cluster import processes\n"
        "from multiprocessing import active_children\n"
        "if __name__ == '__main__':\n"
        "    with processes(2) as engine:\n"
        "        work = [engine.executor.submit(os.getpid) for _ in range(2)]\n"
        "        [future.result() for future in work]\n"
        "        print(*[child.pid for child in active_children()], flush=True)\n"
        "        sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    numbers = [int(word) for word in child.stdout.readline().split()]
    assert len(numbers) == 2
    child.kill()
    child.communicate()
    wait_until(lambda: not any(map(_lives, numbers)))


def _children(number: int) -> list[int]:
    return [
        int(child)
        for tasks in Path(f"/proc/{number}/task").glob("*/children")
        for child in tasks.read_text().split()
    ]


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{number}/stat")
    return not (status.exists() and ") Z" in status.read_text())
