"""torch computes small tables with one thread, unless somebody has chosen otherwise."""

import os
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from bigram_backends import threads
from bigram_backends.threads import MANY_CELLS, fitting_threads, was_chosen
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.model.bigrams import Bigrams, Matrix

torch = pytest.importorskip("torch")

CORES = 6
"""A machine's, so that its torch takes six threads."""


@pytest.fixture(autouse=True)
def _six_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: CORES)
    monkeypatch.setattr(threads, "usable_cores", lambda: CORES)
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    yield
    torch.set_num_threads(before)


def test_few_cells_are_computed_by_one_thread_and_many_by_all() -> None:
    for cells, expected in ((27**2, 1), (MANY_CELLS - 1, 1), (MANY_CELLS, CORES)):
        with fitting_threads(torch, cells):
            assert torch.get_num_threads() == expected
        assert torch.get_num_threads() == CORES


def test_the_number_is_put_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="amiss"), fitting_threads(torch, 1):
        raise ValueError("amiss")
    assert torch.get_num_threads() == CORES


@pytest.mark.parametrize("name", threads.VARIABLES)
def test_what_the_environment_says_is_kept(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, str(CORES))
    with fitting_threads(torch, 1):
        assert torch.get_num_threads() == CORES


@pytest.mark.parametrize("number", [1, 2, 4, 5, 7])
def test_what_was_set_is_kept(number: int) -> None:
    torch.set_num_threads(number)
    with fitting_threads(torch, 1):
        assert torch.get_num_threads() == number


def test_torchs_own_number_is_that_of_the_cores_or_half_of_it() -> None:
    """Half of them where a system counts each core twice."""
    assert [number for number in range(1, 9) if not was_chosen(number)] == [CORES // 2, CORES]


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many threads there were in each forward pass."""
    found: list[int] = []
    original = torch.Tensor.backward

    def backward(self: object) -> None:
        found.append(torch.get_num_threads())
        original(self)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    return found


@pytest.mark.parametrize(
    ("objective", "expected"), [("counts", 1), ("one-hot", CORES)], ids=["counts", "one-hot"]
)
def test_the_backend_computes_what_is_small_with_one_thread(
    names: Bigrams, lecture_weights: Matrix, used: list[int], objective: str, expected: int
) -> None:
    """A one-hot row for each of 229,804 bigrams is not small. Between steps all is as it was."""
    backend = TorchBackend(device="cpu", objective=objective)
    for _ in islice(backend.train(names, lecture_weights), 2):
        assert torch.get_num_threads() == CORES
    assert used == [expected] * 2


def test_one_thread_or_more_give_the_same_path(
    names: Bigrams, lecture_weights: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    def path() -> Matrix:
        *_, last = islice(TorchBackend(device="cpu").train(names, lecture_weights), 100)
        return np.asarray(last.weights)

    alone = path()
    monkeypatch.setenv("OMP_NUM_THREADS", str(CORES))
    np.testing.assert_allclose(path(), alone, rtol=0, atol=1e-12)
