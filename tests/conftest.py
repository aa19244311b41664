"""What several test files need: texts counted by a plain loop, start weights, a quiet home."""

import gc
import signal
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import settings

from bigram_tui.cli.first_run import offer_tour
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.torch_rng import start_weights

# The same examples in every run; how long one takes says nothing where torch is imported.
settings.register_profile("fast", deadline=None, derandomize=True, max_examples=20)
settings.register_profile("thorough", settings.get_profile("fast"), max_examples=100)
settings.load_profile("fast")  # `make test-all` asks for --hypothesis-profile=thorough

CountLines = Callable[..., Bigrams]


def slow(*values: object) -> list[Any]:
    """Mark some values of a parameter as slow."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


T = TypeVar("T")


def not_none(value: T | None) -> T:
    """Return a value that must be there."""
    assert value is not None
    return value


def _count_lines(lines: Iterable[str], characters: str | None = None) -> Bigrams:
    """The bigrams of some lines, pair by pair; of the characters in them if none are given."""
    lines = list(lines)
    characters = "".join(sorted(set("".join(lines)))) if characters is None else characters
    occurrences: dict[tuple[int, int], int] = {}
    for line in lines:
        tokens = [0, *(characters.index(character) + 1 for character in line), 0]
        for pair in pairwise(tokens):
            occurrences[pair] = occurrences.get(pair, 0) + 1
    counts = np.zeros((len(characters) + 1, len(characters) + 1), dtype=np.int64)
    for (first, second), count in occurrences.items():
        counts[first, second] = count
    return Bigrams(Vocabulary(characters), counts)


def pytest_collection_finish() -> None:
    """Collect garbage seldom, and never what the test files consist of.

    Each app is a large heap of cycles: a third of the time of the suite went into looking for it.
    """
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let child processes be ended by signals, though whoever runs the tests ignores them.

    `make test &` ignores SIGINT and SIGQUIT, `nohup make test` SIGHUP, and a process inherits that.
    What is handled here is the default in a process that is started from here.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def _no_backends_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The folders of the user are empty ones and the tour was seen, in subprocesses too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        assert offer_tour()  # none is a first visit
        yield


@pytest.fixture(scope="session")
def count_lines() -> CountLines:
    """Counts the bigrams of lines, by a dict and a loop."""
    return _count_lines


@pytest.fixture(scope="session")
def name_lines() -> list[str]:
    """The lines of data/names.txt."""
    return (Path(__file__).parents[1] / "data" / "names.txt").read_text("utf-8").split()


@pytest.fixture(scope="session")
def names(name_lines: list[str]) -> Bigrams:
    """The bigrams of data/names.txt: V = 27."""
    return _count_lines(name_lines)


@pytest.fixture(scope="session")
def emma() -> Bigrams:
    """The one word of the lecture's worked example, in its vocabulary: V = 27, B = 5."""
    return _count_lines(["emma"], "abcdefghijklmnopqrstuvwxyz")


@pytest.fixture(scope="session")
def tiny() -> Bigrams:
    """Three tokens, eight bigrams; '..', 'aa' and 'ba' never occur."""
    return _count_lines(["ab", "a", "bb"])


@pytest.fixture(scope="session")
def lecture_weights() -> Matrix:
    """The lecture's first W for 27 tokens. Read-only."""
    weights = start_weights(27)
    weights.setflags(write=False)
    return weights
