"""Executors of tests, which run what they are given in this process."""

import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class Here(Executor):
    """Runs each function at once, as if it came from another process and went back there."""

    def __init__(self, before: Callable[[int], None] = lambda number: None) -> None:
        """before: called before each function, with its number."""
        self.submitted = 0
        self._before = before

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            self._before(self.submitted)
            work, args = pickle.loads(pickle.dumps((work, args)))
            future.set_result(pickle.loads(pickle.dumps(work(*args, **kwargs))))
        except Exception as error:
            future.set_exception(pickle.loads(pickle.dumps(error)))
        self.submitted += 1
        return future


class Never(Executor):
    """Runs nothing, and keeps what it was given."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.futures.append(Future())
        return self.futures[-1]
