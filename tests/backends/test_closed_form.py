"""The torch backend for large V on a CPU: autograd with a gradient in closed form."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigram_backends import memory, torch_autograd
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.backend import Backend, Iteration
from bigram_tui.testing import BackendTests
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status
from tests.backends.test_row_blocks import problem
from tests.conftest import not_none

torch = pytest.importorskip("torch")

from bigram_backends.closed_form import LargeLoss  # noqa: E402


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices are treated as large ones are."""
    monkeypatch.setattr(torch_autograd, "LARGE", 0)
    monkeypatch.setattr(memory, "LARGE", 0)


@pytest.mark.usefixtures("small")
class TestTorchOfLargeMatrices(BackendTests):
    def make(self) -> Backend:
        return TorchBackend(device="cpu")


@settings(max_examples=20)
@given(
    st.integers(1, 40),
    st.floats(0.0, 20.0),
    st.floats(0.0, 0.05),  # within the stable limit, beyond which errors grow
    st.sampled_from(["float64", "float32"]),
)
def test_its_path_is_that_of_autograd_to_rounding(
    size: int, rate: float, l2: float, dtype: str
) -> None:
    bigrams, weights = problem(size)
    backend = TorchBackend(rate, l2, dtype=dtype, device="cpu")
    expected = list(islice(backend.train(bigrams, weights), 6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_autograd, "LARGE", 0)
        patch.setattr(memory, "LARGE", 0)
        found = list(islice(backend.train(bigrams, weights), 6))
    tolerance = 1e-12 if dtype == "float64" else 2e-4
    for model, other in zip(found, expected, strict=True):
        underflows = (model.probabilities.take(torch.tensor(bigrams.seen)) == 0).any()
        assert torch.isinf(model.loss) == underflows  # where log_softmax still has a number
        for part in ("probabilities", "weights", "gradient", *(() if underflows else ("loss",))):
            one, two = getattr(model, part), getattr(other, part)
            assert one.dtype == two.dtype == getattr(torch, dtype)
            np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance)


def test_its_gradient_is_that_of_finite_differences() -> None:
    bigrams, weights = problem(5)
    loss = LargeLoss(bigrams, torch.float64)
    w = torch.tensor(weights, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: loss(w, 0.3)[0], w)


def test_what_is_computed_from_the_loss_leads_to_w_too() -> None:
    bigrams, weights = problem(6)
    gradients = []
    for factor in (1.0, -2.5):
        w = torch.tensor(weights, requires_grad=True)
        loss, p = LargeLoss(bigrams, torch.float64)(w, 0.3)
        (factor * loss).backward()  # type: ignore[no-untyped-call]
        assert not p.requires_grad
        gradients.append(not_none(w.grad))
    torch.testing.assert_close(gradients[1], -2.5 * gradients[0], rtol=1e-14, atol=0)


@pytest.mark.usefixtures("small")
def test_a_run_goes_back_bit_for_bit_in_recycled_memory() -> None:
    bigrams, weights = problem(9)
    run = Run(TorchBackend(1.0, device="cpu"), bigrams, weights)
    seen = []
    for _ in range(12):
        snapshot = run.snapshot()
        seen.append(tuple(not_none(m).copy() for m in (snapshot.probabilities, snapshot.weights)))
        run.advance()
        if run.iteration == 6:
            run.set("learning_rate", 0.5)
    for k in (11, 3, 7, 6, 0, 11):
        run.seek(k)
        np.testing.assert_array_equal(run.snapshot().probabilities, seen[k][0])
        np.testing.assert_array_equal(run.snapshot().weights, seen[k][1])


@pytest.mark.usefixtures("small")
def test_no_matrix_of_a_step_takes_new_memory() -> None:
    bigrams, weights = problem(40)
    training = TorchBackend(1.0, device="cpu").train(bigrams, weights)
    places = set[int]()
    held: list[Iteration] = []
    for _ in range(30):
        model = next(training)
        held = [*held[-1:], model]  # as a run holds two of them for a moment
        places |= {m.data_ptr() for m in (model.probabilities, model.weights, model.gradient)}
    assert len(places) <= 1 + 3 * 3  # the W that it started from, and those of three models


def test_it_is_for_counts_and_large_tables_on_a_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_autograd, "LARGE", 8)
    large: list[None] = []

    def train_large(*_: object) -> Iterator[Iteration]:
        large.append(None)
        yield Iteration(np.eye(2))

    monkeypatch.setattr(TorchBackend, "_train_large", train_large)
    for size, objective in ((7, "counts"), (8, "one-hot"), (8, "counts")):
        next(TorchBackend(device="cpu", objective=objective).train(*problem(size)))
    assert len(large) == 1


@pytest.mark.usefixtures("small")
def test_a_step_that_is_too_large_diverges_as_elsewhere() -> None:
    bigrams, weights = problem(9)
    run = Run(TorchBackend(1e5, 1e3, device="cpu"), bigrams, weights)
    run.advance(50)
    assert run.status is Status.DIVERGED
