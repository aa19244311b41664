"""A Dask scheduler and its workers on loopback, each a process that can be killed."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

WAIT_SECONDS = 60


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process of this Python, which is killed afterwards."""
    child = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGCONT)
        child.kill()
        child.wait()


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "nothing has happened"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Cluster:
    """A scheduler and its workers on loopback."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        port = free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        here = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        self.scheduler = stack.enter_context(process("-m", "distributed.cli.dask_scheduler", *here))
        wait_until(lambda: self._answers(port))

    @staticmethod
    def _answers(port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            return False
        return True

    def start(self, number: int = 1) -> list[subprocess.Popen[bytes]]:
        """Start workers of one thread each, and wait for them."""
        before = len(self.threads())
        how = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        command = ("-m", "distributed.cli.dask_worker", self.address, *how)
        workers = [self._stack.enter_context(process(*command)) for _ in range(number)]
        wait_until(lambda: len(self.threads()) == before + number)
        return workers

    def threads(self) -> dict[str, int]:
        """Return the number of threads of each worker."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return dict(client.nthreads())

    def tasks(self) -> int:
        """Return how many tasks the scheduler knows."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return int(client.run_on_scheduler(_tasks))


def _tasks(dask_scheduler: Any) -> int:
    return len(dask_scheduler.tasks)
