"""A backend in a process of its own keeps to the contract, and computes the same, to the bit."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from bigram_tui.backend import Backend, Bigrams, as_numpy, hyperparameters
from bigram_tui.isolation.proxy import IsolatedBackend, isolate
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.testing import BackendTests
from bigram_tui.testing.arrays import arrays_of
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status
from tests.backends import test_backends
from tests.backends.test_backends import EXAMPLE
from tests.isolation.conftest import SourceOf

LINES = ["emma", "olivia", "ava", "isabella", "sophia"]


def class_of_tests(name: str) -> type[Backend]:
    """One of the backends of tests/backends/test_backends.py."""
    found: type[Backend] = getattr(test_backends, name)
    return found


@cache
def isolated(name: str) -> type[Backend]:
    """A class in a process of its own, by the name of a backend or of a class of those tests."""
    if name in vars(test_backends):
        return isolate(partial(class_of_tests, name))
    (source,) = choose([name])
    return replace(source, isolated=True).load()


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    """Ends the processes after all tests of this file, which share them."""
    yield
    isolated.cache_clear()


class TestNumpy(BackendTests):
    def make(self) -> Backend:
        return isolated("numpy")()


class TestCount(BackendTests):
    def make(self) -> Backend:
        return isolated("count")()


class TestExample(BackendTests):
    def make(self) -> Backend:
        return isolated(str(EXAMPLE))()


class TestHeavyBall(BackendTests):
    def make(self) -> Backend:
        return isolated("HeavyBall")()


class TestAdam(BackendTests):
    def make(self) -> Backend:
        return isolated("Adam")()


@pytest.mark.slow
class TestTorch(BackendTests):
    def make(self) -> Backend:
        pytest.importorskip("torch")
        return isolated("torch")(device="cpu")  # type: ignore[call-arg]


@pytest.mark.slow
class TestTorchHeavyBall(BackendTests):
    def make(self) -> Backend:
        pytest.importorskip("torch")
        return isolated("TorchHeavyBall")(device="cpu")  # type: ignore[call-arg]


# The same numbers


def assert_alike(one: Run, other: Run) -> None:
    """Both runs are in the same state, to the bit."""
    a, b = one.snapshot(), other.snapshot()
    facts = "status", "message", "iteration", "settings", "end", "descends", "own_loss"
    assert [getattr(a, fact) for fact in facts] == [getattr(b, fact) for fact in facts]
    assert a.losses[:, :3].tobytes() == b.losses[:, :3].tobytes()
    assert a.model is not None
    assert b.model is not None
    pairs = zip(arrays_of(a.model), arrays_of(b.model), strict=True)
    for (name, array), (other_name, other_array) in pairs:
        assert name == other_name
        assert array.dtype == other_array.dtype
        assert array.tobytes() == other_array.tobytes()


def set_some(run: Run) -> None:
    """Change what a backend has of these hyperparameters, from the present step on."""
    for name in {"learning_rate", "smoothing", "momentum", "step"} & run.snapshot().settings.keys():
        run.set(name, 0.25)


MOVES: list[Callable[[Run], object]] = [
    lambda run: run.advance(20),
    lambda run: run.back(7),
    lambda run: run.advance(2),
    lambda run: run.seek(3),
    set_some,
    lambda run: run.advance(9),
    lambda run: run.seek(5),
    lambda run: run.reset(),
    lambda run: run.advance(4),
]


@pytest.mark.parametrize(
    "name",
    [
        *("numpy", "count", str(EXAMPLE), "HeavyBall", "Adam", "no-keepdim"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("torch", "TorchHeavyBall")),
    ],
)
def test_the_numbers_are_the_same_wherever_one_goes(
    name: str, count_lines: Callable[..., Bigrams]
) -> None:
    """Forwards, back, with other hyperparameters from some step on, and from the start again."""
    if "orch" in name:
        pytest.importorskip("torch")
    bigrams = count_lines(LINES)
    start = start_weights(len(bigrams.counts))
    plain = class_of_tests(name) if name in vars(test_backends) else choose([name])[0].load()
    runs = [Run(made(), bigrams, start) for made in (plain, isolated(name))]
    assert_alike(*runs)
    for move in MOVES:
        for run in runs:
            move(run)
        assert_alike(*runs)


def test_hyperparameters_are_described_as_the_class_describes_them() -> None:
    for name in ("numpy", "count", "torch", str(EXAMPLE), "HeavyBall"):
        plain = class_of_tests(name) if name in vars(test_backends) else choose([name])[0].load()
        assert hyperparameters(isolated(name)) == hyperparameters(plain)
        assert isolated(name).__name__ == plain.__name__
        assert issubclass(isolated(name), IsolatedBackend)


def test_arrays_keep_their_order_and_dtype(source_of: SourceOf, tiny: Bigrams) -> None:
    """As sums depend on the order, and so do the last digits of a loss."""
    source = source_of(
        """
        table = np.asfortranarray(uniform(bigrams) + np.arange(9).reshape(3, 3) * 1e-9)
        state = (3, 0.1, True, None, np.arange(6.0)[::2], (np.float32(7), weights[:, :0]))
        yield Iteration(table, weights.astype(">f4"), table.T, np.float32(1.5), state=state)
        """
    )
    (model, *_) = source.load()().train(tiny, start_weights(3))
    assert as_numpy(model.probabilities).flags.f_contiguous
    assert not model.probabilities.flags.c_contiguous
    assert model.weights.dtype == np.dtype(">f4")
    assert model.gradient.flags.c_contiguous
    assert model.loss == 1.5
    whole, number, truth, nothing, spaced, (scalar, empty) = model.state
    assert (whole, number, truth, nothing) == (3, 0.1, True, None)
    assert [type(part) for part in (whole, number, truth)] == [int, float, bool]
    assert spaced.tolist() == [0.0, 2.0, 4.0]
    assert scalar == 7
    assert scalar.dtype == np.float32
    assert empty.shape == (3, 0)


def test_a_hyperparameter_that_is_set_counts_from_the_next_step_on(
    source_of: SourceOf, tiny: Bigrams
) -> None:
    """As it does for a backend without weights, whose generator goes on."""
    source = source_of(
        "while True:\n    yield Iteration(uniform(bigrams), loss=self.pace * 1.0)",
        fields="pace: int = hyperparameter(3, low=1, high=9)",
    )
    backend: Any = source.load()()
    training = backend.train(tiny, start_weights(3))
    assert next(training).loss == 3
    backend.pace = 5
    assert next(training).loss == 5


def test_a_penalty_of_its_own_is_asked_for(source_of: SourceOf, tiny: Bigrams) -> None:
    source = source_of(
        """
        @dataclass
        class Plugin(Backend):
            strength: float = hyperparameter(2.0)

            def regularization(self, weights):
                return self.strength * abs(weights).sum()

            def train(self, bigrams, weights):
                while True:
                    yield Iteration(uniform(bigrams), weights)
        """,
        module=True,
    )
    start = start_weights(3)
    run = Run(source.load()(), tiny, start)
    assert run.snapshot().regularization == pytest.approx(2 * abs(start).sum(), rel=1e-14)
    run.set("strength", 0.5)
    assert run.snapshot().regularization == pytest.approx(0.5 * abs(start).sum(), rel=1e-14)


def test_a_class_without_a_field_l2_may_have_a_constant_of_that_name(
    source_of: SourceOf, tiny: Bigrams
) -> None:
    source = source_of("yield Iteration(uniform(bigrams), weights)", fields="l2 = 3.0")
    start = start_weights(3)
    run = Run(source.load()(), tiny, start)
    assert run.snapshot().regularization == pytest.approx(3 * (start**2).mean(), rel=1e-14)


def test_protected_weights_are_protected_there_too(source_of: SourceOf, tiny: Bigrams) -> None:
    source = source_of("weights += 1\nyield Iteration(uniform(bigrams), weights)")
    run = Run(source.load()(), tiny, start_weights(3))
    assert run.status is Status.FAILED
    assert "read-only" in run.message
