"""Shares work among threads: NumPy lets other threads work while it goes through many numbers."""

import os
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread

from bigram_backends.threads import usable_cores

MOST_THREADS = 4
"""The most threads that share the rows of a matrix: more wait for the same memory."""


def usable_threads() -> int:
    """Return how many threads to use: one a core, but no more than a user's OMP_NUM_THREADS."""
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(usable_cores(), MOST_THREADS, int(chosen) if chosen.isdecimal() else 64))


def share(work: Callable[[], None], threads: int) -> None:
    """Do some work in several threads at once, this one among them, and wait until all are done.

    work: takes its next piece wherever the others have left off. Raises what it raises in any
    thread. They are threads of this step alone, which nobody has to end, and which hold up nobody
    when the program ends.
    """
    errors: list[BaseException] = []

    def help_out() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    # Each has what is set for this thread, such as what NumPy does about an overflow.
    helpers = [
        Thread(target=copy_context().run, args=(help_out,), daemon=True) for _ in range(threads - 1)
    ]
    started = []
    try:
        for helper in helpers:
            helper.start()
            started.append(helper)
    except RuntimeError:  # no more threads can be had: those that there are do it all
        pass
    try:
        work()
    finally:
        for helper in started:
            helper.join()
    if errors:
        raise errors[0]
