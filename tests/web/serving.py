"""`bigram-tui serve` in a process of its own, for the tests of it."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.test_cli import PATIENCE, environment


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """What a condition gives as soon as that is true."""
    limit = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < limit, f"never came: {what}"
        time.sleep(0.02)
    return found


@dataclass
class Server:
    """`bigram-tui serve` in a process of its own, and what it prints."""

    process: subprocess.Popen[str]
    url: str
    folder: Path
    """The current folder of the server, and its home."""

    def children(self) -> set[int]:
        """The processes of its visitors that are alive."""
        found = set()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == self.process.pid and fields[0] != "Z":
                    found.add(int(entry.name))
        return found

    def end(self, number: int) -> tuple[int, str]:
        """End it by a signal; its exit status, and what it said on stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


@contextlib.contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Server]:
    """Serve on any free port, with an empty home."""
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    process = subprocess.Popen(
        [sys.executable, "-m", "bigram_tui", "serve", *arguments, "--port", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=folder,
        env=environment(**home),
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.search(r"http://[^\s,;]+", line)
        assert address, line or process.communicate()[1]
        yield Server(process, address[0], folder)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def is_alive(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
