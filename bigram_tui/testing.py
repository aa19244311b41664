"""The tests that every backend passes, as a class to inherit. It imports no test framework."""

import inspect
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from itertools import islice, zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui.backend import (
    Backend,
    Hyperparameter,
    Iteration,
    as_numpy,
    configure,
    hyperparameters,
)
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.loss import negative_log_likelihood

ITERATIONS = 5
"""How many iterations of each training are tested, including the untrained model."""

MATRICES = ("probabilities", "weights", "gradient")


class BackendTests:
    """The rules that every backend keeps. Inherit them in a class named Test…:

        class TestMine(BackendTests):
            def make(self):
                return MyBackend()

    Tests of weights, a gradient, a loss or a second iteration pass if the backend has none.
    Values may differ by √ε, where ε is the precision of the array's dtype. The texts are tiny:
    if a backend diverges on them, make it with a smaller step size.
    """

    def make(self) -> Backend:
        """Return a new backend with the hyperparameters to test."""
        raise NotImplementedError(f"{type(self).__name__} needs a method make")

    # What it yields

    def test_arrays_are_of_floats_and_as_large_as_the_counts(self) -> None:
        """P, W and the gradient are float [V, V] arrays."""
        for case, k, model in self._models():
            for name, array in _matrices(model):
                expected, where = case.bigrams.counts.shape, f"{case}, iteration {k}"
                assert array.shape == expected, (
                    f"{where}: {name} is {array.shape}; it must be [V, V], which is {expected} here"
                )
                assert np.issubdtype(array.dtype, np.floating), (
                    f"{where}: {name} is of {array.dtype}; it must be of floats"
                )

    def test_rows_are_distributions(self) -> None:
        """Each row of P is finite, non-negative and sums to 1, even if its token never occurs."""
        for case, k, model in self._models():
            table = model.probabilities
            where = f"{case}, iteration {k}"
            assert np.isfinite(table).all(), (
                f"{where}: P is not finite in row {_first(~np.isfinite(table))}"
            )
            assert (table >= 0).all(), f"{where}: P is negative in row {_first(table < 0)}"
            sums = table.sum(axis=1, dtype=np.float64)
            # Each probability is rounded, and so is the sum that the row was divided by.
            wrong = np.abs(sums - 1) > 4 * len(table) * np.finfo(table.dtype).eps
            assert not wrong.any(), (
                f"{where}: row {_first(wrong)} of P sums to {sums[wrong][:1].item()!r}, not to 1"
            )

    def test_first_iteration_is_the_untrained_model(self) -> None:
        """The first iteration yields the weights that `train` was given, before any step."""
        for case in cases():
            weights = _path(self.make(), case)[0].weights
            assert weights is None or _close(weights, case.weights), (
                f"{case}: the first weights are not those that train() was given; "
                "yield the untrained model before the first update"
            )

    def test_gradient_agrees_with_finite_differences(self) -> None:
        """The gradient is that of nll + penalty, at the weights of the same iteration."""
        for case in cases():
            path = _path(self.make(), case)
            for k in {0, len(path) - 1}:
                weights, gradient = path[k].weights, path[k].gradient
                if weights is None or gradient is None:
                    continue
                slopes, tolerance = _finite_differences(self.make(), case.bigrams, path[k])
                wrong = ~(np.abs(gradient - slopes) <= tolerance)
                assert not wrong.any(), (
                    f"{case}, iteration {k}: the gradient at {tuple(np.argwhere(wrong)[0])} is "
                    f"{gradient[wrong][0]!r}, but NLL + regularization() changes by "
                    f"{slopes[wrong][0]!r} per unit of that weight of this iteration"
                )

    def test_reported_loss_is_the_total(self) -> None:
        """The reported loss, if any, is nll + penalty of the same iteration."""
        for case in cases():
            backend = self.make()
            for k, model in enumerate(_path(backend, case)):
                if model.loss is None:
                    continue
                total = negative_log_likelihood(model.probabilities, case.bigrams)
                if model.weights is not None:
                    total += backend.regularization(model.weights)
                tolerance = _precision(model.probabilities) * max(1.0, abs(total))
                assert abs(model.loss - total) <= tolerance, (
                    f"{case}, iteration {k}: the reported loss is {model.loss!r}, but NLL + "
                    f"regularization() is {total!r}"
                )

    # Where it may be continued and repeated

    def test_same_start_repeats_the_same_path(self) -> None:
        """Training depends only on the bigrams, the weights and the hyperparameters."""
        for case in cases():
            backend = self.make()
            expected = _path(backend, case)
            _assert_same(_path(backend, case), expected, f"{case}, trained twice")

    def test_equal_hyperparameters_give_the_same_path(self) -> None:
        """Two instances with equal hyperparameters train alike."""
        for case in cases():
            backend = self.make()
            twin = configure(type(backend), _values(backend))
            _assert_same(
                _path(twin, case), _path(backend, case), f"{case}, by another equal instance"
            )

    def test_training_from_any_weights_goes_on_as_it_did(self) -> None:
        """Training continued from the weights, and the state if any, of an iteration repeats what
        followed it. This is how the program goes back."""
        for case in cases():
            backend = self.make()
            path = _path(backend, case)
            for k, model in enumerate(path):
                if model.weights is None:
                    continue
                again = _follow(
                    backend, case.bigrams, model.weights, ITERATIONS - k, state=model.state
                )
                besides = "" if model.state is None else " and the state"
                _assert_same(
                    list(again),
                    path[k:],
                    f"{case}, continued from the weights{besides} of iteration {k}, which must be "
                    "all that an update depends on",
                )

    def test_trainings_share_nothing(self) -> None:
        """Two trainings of one instance, run in turns on two texts, do not affect each other."""
        for case in cases():
            backend, pair = self.make(), (case, case.backwards())
            rounds = zip_longest(*(_follow(backend, each.bigrams, each.weights) for each in pair))
            for each, column in zip(pair, zip(*rounds, strict=True), strict=True):
                together = [model for model in column if model is not None]
                _assert_same(
                    together,
                    _path(self.make(), each),
                    f"{each}, in turns with another training; keep its state in the generator",
                )

    # What it leaves alone

    def test_yielded_arrays_stay_as_they_were(self) -> None:
        """A step makes new arrays, because the program keeps the old ones."""
        for case in cases():
            training = islice(self.make().train(case.bigrams, case.weights), ITERATIONS)
            kept = [(model, _copy(model)) for model in training]
            for k, (now, then) in enumerate(kept):
                for (name, array), (_, kept_array) in zip(_arrays(now), _arrays(then), strict=True):
                    assert np.array_equal(array, kept_array, equal_nan=True), (
                        f"{case}: the {name} of iteration {k} changed after they were yielded; "
                        "make new arrays instead of updating in place"
                    )

    def test_bigrams_and_start_weights_stay_as_they_were(self) -> None:
        """`train` does not change its arguments, which other backends share."""
        for case, untouched in zip(cases(), cases(), strict=True):
            weights = case.weights.copy()  # unlike those of the app, not protected
            list(_follow(self.make(), case.bigrams, weights))
            assert np.array_equal(weights, untouched.weights), (
                f"{case}: train() changed the weights that it was given; make new ones"
            )
            for name in ("counts", "row_sums", "seen", "seen_share"):
                now, then = getattr(case.bigrams, name), getattr(untouched.bigrams, name)
                assert np.array_equal(now, then), f"{case}: train() changed bigrams.{name}"

    def test_the_state_to_go_on_from_stays_as_it_was(self) -> None:
        """`train` does not change the state that it was given, which may be used again."""
        for case in cases():
            backend = self.make()
            for k, model in enumerate(_path(backend, case)):
                if model.weights is None or model.state is None:
                    continue
                untouched = _copy(model)
                training = _start(backend, case.bigrams, model.weights, model.state)
                list(islice(training, ITERATIONS))
                for (name, now), (_, then) in zip(_states(model), _states(untouched), strict=True):
                    assert np.array_equal(now, then, equal_nan=True), (
                        f"{case}: train() changed the {name} of iteration {k}, which it was given; "
                        "make new arrays"
                    )

    # What the user may set

    def test_hyperparameters_are_described(self) -> None:
        """Each hyperparameter is a dataclass field with a default of its own type and range."""
        backend = self.make()
        name = type(backend).__name__
        advice = f"put @dataclass above class {name}: its fields are the hyperparameters"
        assert is_dataclass(backend), advice
        # What hyperparameter() returns stays in the class only where no @dataclass took it.
        assert not any(isinstance(value, Field) for value in vars(type(backend)).values()), advice
        assert not getattr(type(backend), "__dataclass_params__").frozen, (  # noqa: B009
            f"{name} must not be frozen: the app sets its hyperparameters"
        )
        for each in fields(backend):
            has_default = each.default is not MISSING or each.default_factory is not MISSING
            assert has_default or not each.init, (
                f"{name}.{each.name} needs a default: the app makes a backend without arguments"
            )
        for described in hyperparameters(backend).values():
            _assert_described(described, f"{name}.{described.name}")

    def test_changed_hyperparameters_take_effect(self) -> None:
        """A hyperparameter that is set on the instance counts from the next call of `train` on.

        Tests another number in the range, the other bool, and every text of a closed choice.
        """
        for name, described in hyperparameters(self.make()).items():
            for value in _others(described, getattr(self.make(), name)):
                for case in cases():
                    self._assert_takes_effect(case, name, value)

    def _assert_takes_effect(self, case: "Case", name: str, value: Any) -> None:
        backend = self.make()
        reached = _path(backend, case)[-1]
        weights = case.weights if reached.weights is None else reached.weights
        expected = configure(type(backend), {**_values(backend), name: value})
        setattr(backend, name, value)
        _assert_same(
            list(_follow(backend, case.bigrams, weights, state=reached.state)),
            list(_follow(expected, case.bigrams, weights, state=reached.state)),
            f"{case}, after {name} = {value!r} was set; read hyperparameters in train()",
        )

    def _models(self) -> Iterator[tuple["Case", int, Iteration]]:
        for case in cases():
            for k, model in enumerate(_path(self.make(), case)):
                yield case, k, model


@dataclass(frozen=True, eq=False)
class Case:
    """A text to learn from and the weights to start from."""

    name: str
    bigrams: Bigrams
    weights: Matrix

    def __str__(self) -> str:
        return f"text “{self.name}”"

    def backwards(self) -> "Case":
        """Return the reversed text with other start weights and the same V."""
        counts = np.ascontiguousarray(self.bigrams.counts.T)
        bigrams = Bigrams(self.bigrams.vocabulary, counts)
        return Case(f"{self.name}, backwards", bigrams, _read_only(-self.weights))


def cases() -> list[Case]:
    """Make the test texts anew, so that no backend can spoil them for the next."""
    return [
        _case("four names", "aeimv", ["emma", "mia", "ava", "eve"], seed=1),
        # As a split may leave it: z stands in other lines only.
        _case("a token that is never seen", "abz", ["ab", "ba", "aab"], seed=2),
        _case("V = 2", "a", ["a", "aaa"], seed=3),
    ]


def _case(name: str, characters: str, lines: list[str], seed: int) -> Case:
    vocabulary = Vocabulary(characters)
    size = len(vocabulary)
    counts = np.zeros((size, size), np.int64)
    for line in lines:
        tokens = vocabulary.encode_line(line)
        np.add.at(counts, (tokens[:-1], tokens[1:]), 1)
    weights = np.random.default_rng(seed).standard_normal((size, size))
    return Case(name, Bigrams(vocabulary, counts), _read_only(weights))


def _read_only(weights: Matrix) -> Matrix:
    weights.setflags(write=False)
    return weights


def _follow(
    backend: Backend,
    bigrams: Bigrams,
    weights: Matrix,
    iterations: int = ITERATIONS,
    state: Any = None,
) -> Iterator[Iteration]:
    """Train lazily and yield copies of the first iterations."""
    yielded = False
    for model in islice(_start(backend, bigrams, weights, deepcopy(state)), iterations):
        assert isinstance(model, Iteration), (
            f"train() yielded {type(model).__name__}, not an Iteration"
        )
        yielded = True
        yield _copy(model)
    assert yielded, "train() ended before it yielded the untrained model"


def _start(backend: Backend, bigrams: Bigrams, weights: Matrix, state: Any) -> Iterator[Iteration]:
    """Call `train` as the program does: with a state only if there is one."""
    train: Callable[..., Iterator[Iteration]] = backend.train
    start = (bigrams, weights) if state is None else (bigrams, weights, state)
    assert state is None or _takes(train, start), (
        "it yields a state, so train() must take it back: "
        "def train(self, bigrams, weights, state=None)"
    )
    return train(*start)


def _takes(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True


def _path(backend: Backend, case: Case) -> list[Iteration]:
    return list(_follow(backend, case.bigrams, case.weights))


def _copy(model: Iteration) -> Iteration:
    """Copy an iteration: matrices as NumPy arrays, the state in its own type."""
    loss = None if model.loss is None else as_numpy(model.loss).item()
    matrices = {name: matrix.copy() for name, matrix in _matrices(model)}
    return Iteration(**matrices, loss=loss, last=model.last, state=deepcopy(model.state))


def _arrays(model: Iteration) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield all matrices and states of an iteration with their names."""
    yield from _matrices(model)
    yield from _states(model)


def _matrices(model: Iteration) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for name in MATRICES:
        matrix = getattr(model, name)
        if matrix is not None:
            assert hasattr(matrix, "shape"), f"{name} is a {type(matrix).__name__}, not an array"
            yield name, as_numpy(matrix)


def _states(model: Iteration) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    parts = model.state if isinstance(model.state, tuple) else (model.state,)
    for number, part in enumerate(parts):
        if part is not None:
            array = as_numpy(part)
            assert array.dtype.kind in "biuf", (
                f"state is or holds a {type(part).__name__}; it must be an array or a tuple of them"
            )
            yield f"numbers of state array {number}", array


def _precision(array: npt.NDArray[Any]) -> float:
    """Return √ε of the dtype, half of its digits; integers count as float64."""
    is_float = np.issubdtype(array.dtype, np.floating)
    return float(np.sqrt(np.finfo(array.dtype if is_float else np.float64).eps))


def _close(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    tolerance = _precision(one)
    return one.shape == other.shape and np.allclose(
        one, other, rtol=tolerance, atol=tolerance, equal_nan=True
    )


def _first(rows: npt.NDArray[np.bool_]) -> int:
    """Return the index of the first True."""
    return int(np.nonzero(rows)[0][0])


def _assert_same(path: list[Iteration], expected: list[Iteration], what: str) -> None:
    assert len(path) == len(expected), (
        f"{what}: it went on for {len(path)} iterations instead of {len(expected)}"
    )
    for k, (model, expected_model) in enumerate(zip(path, expected, strict=True)):
        arrays, expected_arrays = dict(_arrays(model)), dict(_arrays(expected_model))
        assert arrays.keys() == expected_arrays.keys(), (
            f"{what}: it yielded other arrays than before"
        )
        for name, array in expected_arrays.items():
            assert _close(arrays[name], array), f"{what}: the {name} differ at its iteration {k}"


def _finite_differences(
    backend: Backend, bigrams: Bigrams, model: Iteration
) -> tuple[Matrix, float]:
    """Return ∂(nll + penalty)/∂W by central differences, and the tolerance of a gradient."""

    def total(changed: Matrix) -> float:
        untrained = next(_follow(backend, bigrams, changed, state=model.state))
        nll = negative_log_likelihood(untrained.probabilities, bigrams)
        return nll + backend.regularization(changed)

    # ∛ε balances the error of the formula, which grows as h², with that of rounding, as ε/h.
    epsilon = max(float(np.finfo(matrix.dtype).eps) for _, matrix in _matrices(model))
    weights, step = model.weights, np.cbrt(epsilon)
    slopes = np.empty(weights.shape)
    for cell in np.ndindex(weights.shape):
        up, down = weights.copy(), weights.copy()
        up[cell] += step
        down[cell] -= step
        slopes[cell] = (total(up) - total(down)) / float(up[cell] - down[cell])
    return slopes, np.sqrt(epsilon) * max(1.0, abs(total(weights)))


def _values(backend: Backend) -> dict[str, Any]:
    return {name: getattr(backend, name) for name in hyperparameters(backend)}


def _assert_described(described: Hyperparameter, name: str) -> None:
    default, low, high = described.default, described.low, described.high
    assert isinstance(default, bool | int | float | str), (
        f"{name} is {default!r}; a default is a bool, an int, a float or a str"
    )
    assert low is None or high is None or low <= high, f"{name}: low {low} is above high {high}"
    accepted = _accepts(described.parse, default)
    assert accepted, f"{name}: the default {default!r} is not within its own range or choices"


def _accepts(parse: Callable[[object], Any], value: object) -> bool:
    try:
        return bool(parse(value) == value)
    except ValueError:
        return False


def _others(described: Hyperparameter, value: Any) -> list[Any]:
    """Return values to change a hyperparameter to; none for free text, such as a device."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        return [choice for choice in described.choices if choice != value and described.closed]
    half = value // 2 if isinstance(value, int) else value / 2
    tried = (half, value + 1, described.low, described.high)
    legal = [number for number in tried if number != value and _accepts(described.parse, number)]
    return legal[:1]
