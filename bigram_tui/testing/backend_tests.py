"""The class of the tests that every backend passes."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from bigram_tui.backend import Backend, Iteration, configure, hyperparameters
from bigram_tui.model.loss import negative_log_likelihood
from bigram_tui.testing.arrays import (
    are_close,
    arrays_of,
    first_index,
    matrices_of,
    precision_of,
    states_of,
)
from bigram_tui.testing.cases import Case, cases
from bigram_tui.testing.settings import other_values, values_of
from bigram_tui.testing.training import (
    ITERATIONS,
    assert_same_path,
    copy_of,
    finite_differences,
    path_of,
    start_training,
    train_lazily,
)


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
            for name, array in matrices_of(model):
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
                f"{where}: P is not finite in row {first_index(~np.isfinite(table))}"
            )
            assert (table >= 0).all(), f"{where}: P is negative in row {first_index(table < 0)}"
            sums = table.sum(axis=1, dtype=np.float64)
            # Each probability is rounded, and so is the sum that the row was divided by.
            wrong = np.abs(sums - 1) > 4 * len(table) * np.finfo(table.dtype).eps
            row = first_index(wrong) if wrong.any() else None
            assert row is None, f"{where}: row {row} of P sums to {float(sums[row])!r}, not to 1"

    def test_first_iteration_is_the_untrained_model(self) -> None:
        """The first iteration yields the weights that `train` was given, before any step."""
        for case in cases():
            weights = path_of(self.make(), case)[0].weights
            assert weights is None or are_close(weights, case.weights), (
                f"{case}: the first weights are not those that train() was given; "
                "yield the untrained model before the first update"
            )

    def test_gradient_agrees_with_finite_differences(self) -> None:
        """The gradient is that of nll + penalty, at the weights of the same iteration."""
        for case in cases():
            path = path_of(self.make(), case)
            for k in {0, len(path) - 1}:
                weights, gradient = path[k].weights, path[k].gradient
                if weights is None or gradient is None:
                    continue
                slopes, tolerance = finite_differences(self.make(), case.bigrams, path[k])
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
            for k, model in enumerate(path_of(backend, case)):
                if model.loss is None:
                    continue
                total = negative_log_likelihood(model.probabilities, case.bigrams)
                if model.weights is not None:
                    total += backend.regularization(model.weights)
                tolerance = precision_of(model.probabilities) * max(1.0, abs(total))
                assert abs(model.loss - total) <= tolerance, (
                    f"{case}, iteration {k}: the reported loss is {model.loss!r}, but NLL + "
                    f"regularization() is {total!r}"
                )

    # Where it may be continued and repeated

    def test_same_start_repeats_the_same_path(self) -> None:
        """Training depends only on the bigrams, the weights and the hyperparameters."""
        for case in cases():
            backend = self.make()
            expected = path_of(backend, case)
            assert_same_path(path_of(backend, case), expected, f"{case}, trained twice")

    def test_equal_hyperparameters_give_the_same_path(self) -> None:
        """Two instances with equal hyperparameters train alike."""
        for case in cases():
            backend = self.make()
            twin = configure(type(backend), values_of(backend))
            assert_same_path(
                path_of(twin, case), path_of(backend, case), f"{case}, by another equal instance"
            )

    def test_training_from_any_weights_goes_on_as_it_did(self) -> None:
        """Training continued from the weights, and the state if any, of an iteration repeats what
        followed it. This is how the program goes back."""
        for case in cases():
            backend = self.make()
            path = path_of(backend, case)
            for k, model in enumerate(path):
                if model.weights is None:
                    continue
                again = train_lazily(
                    backend, case.bigrams, model.weights, ITERATIONS - k, state=model.state
                )
                besides = "" if model.state is None else " and the state"
                assert_same_path(
                    list(again),
                    path[k:],
                    f"{case}, continued from the weights{besides} of iteration {k}, which must be "
                    "all that an update depends on",
                )

    def test_trainings_share_nothing(self) -> None:
        """Two trainings of one instance, run in turns on two texts, do not affect each other."""
        for case in cases():
            backend, pair = self.make(), (case, case.backwards())
            rounds = zip_longest(
                *(train_lazily(backend, each.bigrams, each.weights) for each in pair)
            )
            for each, column in zip(pair, zip(*rounds, strict=True), strict=True):
                together = [model for model in column if model is not None]
                assert_same_path(
                    together,
                    path_of(self.make(), each),
                    f"{each}, in turns with another training; keep its state in the generator",
                )

    # What it leaves alone

    def test_yielded_arrays_stay_as_they_were(self) -> None:
        """A step makes new arrays, because the program keeps the old ones."""
        for case in cases():
            training = islice(self.make().train(case.bigrams, case.weights), ITERATIONS)
            kept = [(model, copy_of(model)) for model in training]
            for k, (now, then) in enumerate(kept):
                for (name, array), (_, kept_array) in zip(
                    arrays_of(now), arrays_of(then), strict=True
                ):
                    assert np.array_equal(array, kept_array, equal_nan=True), (
                        f"{case}: the {name} of iteration {k} changed after they were yielded; "
                        "make new arrays instead of updating in place"
                    )

    def test_bigrams_and_start_weights_stay_as_they_were(self) -> None:
        """`train` does not change its arguments, which other backends share."""
        for case, untouched in zip(cases(), cases(), strict=True):
            weights = case.weights.copy()  # unlike those of the app, not protected
            list(train_lazily(self.make(), case.bigrams, weights))
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
            for k, model in enumerate(path_of(backend, case)):
                if model.weights is None or model.state is None:
                    continue
                untouched = copy_of(model)
                training = start_training(backend, case.bigrams, model.weights, model.state)
                list(islice(training, ITERATIONS))
                for (name, now), (_, then) in zip(
                    states_of(model), states_of(untouched), strict=True
                ):
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
        try:
            hyperparameters(backend)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"{name}.{error}") from None

    def test_changed_hyperparameters_take_effect(self) -> None:
        """A hyperparameter that is set on the instance counts from the next call of `train` on.

        Tests another number in the range, the other bool, and every text of a closed choice.
        """
        for name, described in hyperparameters(self.make()).items():
            for value in other_values(described, getattr(self.make(), name)):
                for case in cases():
                    self._assert_takes_effect(case, name, value)

    def _assert_takes_effect(self, case: Case, name: str, value: Any) -> None:
        backend = self.make()
        reached = path_of(backend, case)[-1]
        weights = case.weights if reached.weights is None else reached.weights
        expected = configure(type(backend), {**values_of(backend), name: value})
        setattr(backend, name, value)
        assert_same_path(
            list(train_lazily(backend, case.bigrams, weights, state=reached.state)),
            list(train_lazily(expected, case.bigrams, weights, state=reached.state)),
            f"{case}, after {name} = {value!r} was set; read hyperparameters in train()",
        )

    def _models(self) -> Iterator[tuple[Case, int, Iteration]]:
        for case in cases():
            for k, model in enumerate(path_of(self.make(), case)):
                yield case, k, model
