"""How figures are measured: contestants take turns, after it was checked that they do the same.

pytest-benchmark measures one function after the other. Here each file is gone through several
times, so that a slow moment of the machine hits all contestants of a figure alike; the table has
the medians of all turns together. Functions named check_… come before the first turn.
"""

import os
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import pytest

from bigram_tui.cli.first_run import offer_tour
from bigram_tui.corpus.bundled import bundled_names
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.reading import read_corpus

TURNS = 3

Measure = Callable[..., object]
Note = Callable[[float], object]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--huge", action="store_true", help="memory: a text of 10 GB, not of 1 GB")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Measure everything once in each turn."""
    if "benchmark" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("turns")
        turns = marker.args[0] if marker else TURNS
        metafunc.fixturenames.append("turn")
        metafunc.parametrize("turn", range(turns))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let all contestants of a file have their turn before the next turn begins."""

    def place(item: pytest.Item) -> tuple[str, int]:
        call = getattr(item, "callspec", None)
        return item.path.name, call.params.get("turn", -1) if call else -1

    items.sort(key=place)


def pytest_benchmark_update_machine_info(machine_info: dict[str, object]) -> None:
    """What else there is to know about a measurement."""
    machine_info["cores"] = os.cpu_count()
    machine_info["memory"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machine_info["load"] = os.getloadavg()[0]
    machine_info["versions"] = {name: version(name) for name in ("numpy", "torch", "textual")}


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    """Time some work: for how many rounds, how much of it a round does, what to do after each."""

    def measure(
        work: Callable[[], object],
        rounds: int = 1,
        amount: float = 1,
        afterwards: Callable[[], object] | None = None,
    ) -> object:
        benchmark.extra_info["amount"] = amount
        return benchmark.pedantic(work, rounds=rounds, teardown=afterwards)

    return measure


@pytest.fixture
def note(benchmark: Any) -> Note:
    """Take down a number that was measured in another way."""

    def note(value: float) -> None:
        benchmark.extra_info["value"] = value
        benchmark.pedantic(lambda: None)

    return note


@pytest.fixture(scope="session", autouse=True)
def _quiet_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the user's counts: no settings, nothing remembered; the tour was seen."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "STATE", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(tmp_path_factory.mktemp(name)))
        assert offer_tour()
        yield


@pytest.fixture(scope="session")
def names() -> Corpus:
    """The names that come with the program: V = 27."""
    return read_corpus(str(bundled_names()))


@pytest.fixture(scope="session")
def name_lines() -> list[str]:
    """The same as lines."""
    return bundled_names().read_text("utf-8").split()
