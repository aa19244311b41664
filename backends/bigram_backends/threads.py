"""How many threads torch computes with: one for a small table, unless someone has chosen.

Threads that wait for each other lose whole time slices where another program has a core: an
iteration at V = 27 then takes many times as long with two threads as with one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MANY_CELLS = 256**2
"""The cells of a table from which on more threads pay: `make bench` measures it."""

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""By which a user says how many there are to be."""


@contextmanager
def fitting_threads(torch: Any, cells: int) -> Iterator[None]:
    """Use one thread inside this block if there are few cells, then restore torch's number.

    With OpenMP the number belongs to the calling thread, otherwise to the process; in both cases
    nobody else should be left with ours. cells: how many an operation goes through.
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
    """Whether somebody chose the number of threads: by the environment, or by set_num_threads.

    torch's own choice is one thread for each core, or for each two logical cores.
    """
    cores = {os.cpu_count() or 1, _usable_cores()}
    own = cores | {count // 2 for count in cores}
    return threads not in own or any(name in os.environ for name in VARIABLES)


def _usable_cores() -> int:
    """The cores that this process may use, where the system says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
