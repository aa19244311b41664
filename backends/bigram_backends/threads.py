"""Chooses the number of torch's threads: one for a small table, unless the user has chosen.

Threads wait for each other, and so lose whole time slices when another program has a core: a step
at V = 27 then takes many times as long with two threads as with one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MANY_CELLS = 256**2
"""The cells of a table from which on several threads pay: `make bench` measures it."""

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""The environment variables by which users set the number of threads."""


@contextmanager
def fitting_threads(torch: Any, cells: int) -> Iterator[None]:
    """Use one thread inside this block if there are few cells, then restore torch's number.

    With OpenMP the number belongs to the calling thread, otherwise to the process; neither should
    keep ours. cells: the number of cells that one operation goes through.
    """
    threads = torch.get_num_threads()
    if cells >= MANY_CELLS or threads == 1 or was_chosen(threads):
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def was_chosen(threads: int) -> bool:
    """Return whether somebody chose the number of threads, by a variable or set_num_threads.

    torch's own choice is one thread for each core, or one for two logical cores.
    """
    cores = {os.cpu_count() or 1, usable_cores()}
    defaults = cores | {count // 2 for count in cores}
    return threads not in defaults or any(name in os.environ for name in VARIABLES)


def usable_cores() -> int:
    """Return how many cores this process may use: all that there are if that is unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
