"""How runs are compared with each other and with the best that they can reach."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.backend import Backend
from bigram_tui.cli import exit_status
from bigram_tui.cli import main as cli
from bigram_tui.comparison.difference import compare, optimum_of
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot
from tests.conftest import not_none

Finish = Callable[..., Snapshot]


@pytest.fixture
def finish(names: Bigrams, lecture_weights: Matrix) -> Finish:
    """The snapshot of a backend after some iterations on the names."""

    def run(backend: Backend, iterations: int = 0) -> Snapshot:
        made = Run(backend, names, lecture_weights)
        made.advance(iterations)
        return made.snapshot()

    return run


def test_the_largest_differences_are_found(finish: Finish) -> None:
    near, far = finish(NumpyBackend(), 30), finish(NumpyBackend(), 31)
    found = compare(near, far)
    assert found.max_abs_probability == max(
        abs(a - b)
        for a, b in zip(
            not_none(near.probabilities).flat, not_none(far.probabilities).flat, strict=True
        )
    )
    assert found.max_abs_weight == max(
        abs(a - b)
        for a, b in zip(not_none(near.weights).flat, not_none(far.weights).flat, strict=True)
    )
    assert found.max_abs_nll == abs(near.nll - far.nll)
    assert not found.agree
    assert found.text.startswith("differ: ")


def test_without_weights_on_both_sides_they_are_not_compared(finish: Finish) -> None:
    assert compare(finish(CountingBackend()), finish(NumpyBackend())).max_abs_weight is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_torch_and_numpy_agree_as_far_as_their_formats_allow(finish: Finish, dtype: str) -> None:
    pytest.importorskip("torch")
    from bigram_backends.torch_autograd import TorchBackend

    found = compare(
        finish(NumpyBackend(), 200), finish(TorchBackend(device="cpu", dtype=dtype), 200)
    )
    assert found.agree
    assert found.max_abs_probability < (1e-12 if dtype == "float64" else 1e-5)
    assert (found.max_abs_probability > 1e-10) == (dtype == "float32")


def test_steps_that_are_off_by_a_billionth_show(finish: Finish) -> None:
    off = NumpyBackend(learning_rate=50.0 * (1 + 1e-9))
    found = compare(finish(NumpyBackend(), 200), finish(off, 200))
    assert found.max_abs_probability > 1e-12
    assert not found.agree


def test_counting_without_smoothing_is_its_own_optimum(finish: Finish, names: Bigrams) -> None:
    bare, smoothed = finish(CountingBackend(smoothing=0.0)), finish(CountingBackend())
    for run, gap in ((bare, 0.0), (smoothed, 2.4549509940276324 - 2.4543953286105005)):
        best = optimum_of(run, names)
        assert best is not None
        assert run.total - best.total == pytest.approx(gap, abs=1e-13)


def test_gradient_descent_nears_its_optimum_from_above(finish: Finish, names: Bigrams) -> None:
    gaps = []
    for iterations in (10, 100, 1000, 10_000):
        run = finish(NumpyBackend(), iterations)
        best = optimum_of(run, names)
        assert best is not None
        gaps.append(run.total - best.total)
    assert all(later < earlier for earlier, later in pairwise(gaps))
    assert 0 <= gaps[-1] < 1e-6


def test_a_penalty_of_another_kind_has_no_known_optimum(finish: Finish, names: Bigrams) -> None:
    @dataclass
    class Lasso(NumpyBackend):
        def regularization(self, weights: Matrix) -> float:
            return self.l2 * float(np.abs(weights).mean())

    assert optimum_of(finish(Lasso()), names) is None


def test_the_reference_comes_first_in_every_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "few.txt"
    text.write_text("emma\nanna\n")
    runs = ["--run", "count", "--run", "numpy:lr=1", "--run", "numpy:lr=1"]
    assert cli.run([str(text), "--json", *runs, "--reference", "numpy lr=1"]) == exit_status.DONE
    pairs = json.loads(capsys.readouterr().out)["comparison"]
    assert [(pair["a"], pair["b"]) for pair in pairs] == [
        ("numpy lr=1", "count"),
        ("numpy lr=1", "numpy lr=1 #2"),
        ("count", "numpy lr=1 #2"),
    ]
    assert pairs[1]["max_abs_probability"] == pairs[1]["max_abs_weight"] == 0
    assert pairs[1]["agree"]


@pytest.mark.parametrize(
    "wrong",
    [
        ["--reference", "torch"],
        ["--run", "numpy:lr"],
        ["--run", "nmpy:lr=1"],
        ["--run", ":lr=1"],
        ["--run", "numpy:lr="],
        ["--run", "numpy:depth=1"],
        ["--run", "numpy:lr=fast"],
    ],
    ids=" ".join,
)
def test_a_wrong_run_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    text = tmp_path / "few.txt"
    text.write_text("emma\n")
    assert cli.run([str(text), "--json", "--backend", "count", *wrong]) == exit_status.WRONG_USE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
