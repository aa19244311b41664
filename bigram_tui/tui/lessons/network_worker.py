"""Trains the network of one word in a thread: torch is slow to load, a long word slow to learn."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import numpy as np
import numpy.typing as npt

from bigram_tui.errors import one_line
from bigram_tui.lessons.libraries import NUMPY, best_library
from bigram_tui.lessons.network import Network, Pass
from bigram_tui.model.bigrams import Vocabulary

RATES = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0)
"""The learning rates to choose from; the lecture's first steps have 0.1."""


@dataclass(frozen=True, eq=False)
class NetworkState:
    """A network at one moment, while the worker may be training it on."""

    net: Network
    """For what does not change: its word, its library, its least loss."""
    now: Pass
    losses: npt.NDArray[np.float64]

    @classmethod
    def from_network(cls, net: Network) -> "NetworkState":
        """The network as it is now."""
        return cls(net, net.now, np.array(net.losses))


Report = Callable[[NetworkState, str], object]
"""Takes the state after a job, and why the job failed, or nothing."""


class NetworkWorker:
    """Does jobs on a network, one after the other."""

    def __init__(self, word: str, vocabulary: Vocabulary, seed: int, report: Report) -> None:
        """Begin with NumPy, which is there at once. report: called in the thread after each job."""
        self._vocabulary = vocabulary
        self._seed = seed
        self._report = report
        self._executor = ThreadPoolExecutor(1, "network")
        self._last: Future[None] | None = None
        self._is_closed = Event()
        self._network = Network(word, vocabulary, NUMPY, seed)
        """Belongs to the thread, once that has begun."""

    @property
    def state(self) -> NetworkState:
        """The network as it is; only while no job is under way."""
        return NetworkState.from_network(self._network)

    @property
    def is_idle(self) -> bool:
        """Whether all jobs are done."""
        return self._last is None or self._last.done()

    def close(self) -> None:
        """End the job under way as soon as it can be, and begin no other."""
        self._is_closed.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def begin(self, word: str) -> None:
        """Take up a word, with torch if it can be loaded."""

        def begin() -> None:
            self._network = Network(word, self._vocabulary, best_library(), self._seed)

        self._submit(begin)

    def step(self, iterations: int) -> None:
        """Take some steps."""
        self._change(lambda net: net.step(iterations, self._is_closed.is_set))

    def back(self, iterations: int) -> None:
        """Take some steps back."""
        self._change(lambda net: net.back(iterations))

    def reset(self) -> None:
        """Go back to the start."""
        self._change(Network.reset)

    def change_rate(self, places: int) -> None:
        """Go to a learning rate that is so many places further in RATES."""

        def change(net: Network) -> None:
            index = RATES.index(net.now.learning_rate) + places
            net.change_rate(RATES[min(max(index, 0), len(RATES) - 1)])

        self._change(change)

    def _change(self, change: Callable[[Network], object]) -> None:
        self._submit(lambda: change(self._network))

    def _submit(self, job: Callable[[], object]) -> None:
        def work() -> None:
            complaint = ""
            try:
                job()
            except Exception as error:  # such as memory that is not there
                complaint = one_line(f"{type(error).__name__}: {error}")
            self._report(self.state, complaint)

        self._last = self._executor.submit(work)
