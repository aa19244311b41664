"""Finds workers that count texts: those of a Dask scheduler, or processes of this machine."""

import logging
import math
import os
import signal
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import TYPE_CHECKING, Any

from bigram_tui.cli.arguments import UsageError
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counts_file import TextCounts
from bigram_tui.corpus.request import CorpusRequest
from bigram_tui.corpus.spread import AT_ONCE, Engine, spread_corpus
from bigram_tui.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 4.0
"""How long a scheduler may take to answer."""

CLOSE_SECONDS = 2.0
"""How long taking leave of a scheduler may take."""

LONELY_SECONDS = 5.0
"""How often is looked whether a scheduler has workers, which is told once."""

TOGETHER = 3
"""Ranges that are given out at a time for each processor, so that none waits for the next."""

LOGGERS = "distributed", "distributed.client", "tornado.application"
"""What would write to the terminal what is told in one line anyhow."""


@contextmanager
def scheduler(address: str, tell: Callable[[str], None] = lambda line: None) -> Iterator[Engine]:
    """Yield the engine of a Dask scheduler; afterwards nothing that it was given is left there.

    address: such as tcp://host:8786. tell: called with a line if there are no workers.
    Raises UserError if no scheduler answers.
    """
    client = _client(address)
    next_look = time.monotonic() + LONELY_SECONDS

    def check() -> None:
        nonlocal next_look
        if time.monotonic() < next_look:
            return
        next_look = time.monotonic() + LONELY_SECONDS
        with suppress(Exception):  # a scheduler that has ended drops its work, which is told
            if not client.nthreads():
                tell(f"{address} has no workers that stay (they need bigram-tui too); waiting")
                next_look = math.inf

    try:
        threads = sum(client.nthreads().values())
        executor = client.get_executor(pure=False)
        yield Engine(executor, max(AT_ONCE, TOGETHER * threads), check, _has_lost)
    finally:
        with suppress(Exception):
            client.close(timeout=CLOSE_SECONDS)


def _has_lost(error: BaseException | None) -> bool:
    """Whether Dask has a result of a worker that died right afterwards, and takes it for an error.

    Its executor then unpacks the result as the parts of an exception.
    """
    name = TextCounts.__name__
    return isinstance(error, TypeError) and f"unpack non-iterable {name}" in str(error)


def _client(address: str) -> "Client":
    """Return a client that is connected to a scheduler. Raises UserError."""
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ModuleNotFoundError:
        raise UsageError(
            "--scheduler needs the library distributed: pip install 'bigram-tui[cluster]'"
        ) from None
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        host, port = get_address_host_port(address)
        # A client that does not get through takes seconds more to be given up.
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except (ValueError, OverflowError):
        raise UsageError(
            f"--scheduler takes an address such as tcp://host:8786, not {address!r}"
        ) from None
    except OSError as error:
        raise UserError(
            f"no scheduler answers at {address} ({error.strerror or error}): check the address, "
            "and that one runs there"
        ) from None
    made: list[Client] = []
    failures: list[Exception] = []

    def connect() -> None:
        try:
            with warnings.catch_warnings(action="ignore"):  # versions that differ, in a table
                made.append(Client(address, timeout=CONNECT_SECONDS, set_as_default=False))
        except Exception as error:  # whatever answers there
            failures.append(error)

    # A client waits forever for the answer of a program that is no scheduler.
    thread = Thread(target=connect, name="connecting", daemon=True)
    thread.start()
    thread.join(2 * CONNECT_SECONDS)
    if not made:
        reason = type(failures[0]).__name__ if failures else "it says nothing"
        raise UserError(
            f"what answers at {address} is no Dask scheduler that this one can talk to ({reason})"
        )
    return made[0]


@contextmanager
def processes(number: int) -> Iterator[Engine]:
    """Yield the engine of so many processes of this machine, which have ended afterwards."""
    others = active_children()
    pool = ProcessPoolExecutor(number, get_context("spawn"), _begin)
    is_done = False
    try:
        yield Engine(pool, TOGETHER * number)
        is_done = True
    finally:
        if not is_done:  # nobody wants what they are working on
            for process in active_children():
                if process not in others:
                    process.kill()
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Make a process leave with its parent, and only then: ctrl+c reaches both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@dataclass(frozen=True)
class ClusterRequest(CorpusRequest):
    """A text that the workers of a scheduler count."""

    scheduler: str = ""
    """Its address."""

    def is_quick(self) -> bool:
        """Return False: nobody knows what a network takes."""
        return False

    def read(self, **watching: Any) -> Corpus:
        """Count the text. watching: as for any request."""
        with scheduler(self.scheduler) as engine:
            return spread_corpus(self.files, engine, self.max_vocabulary, **watching)
