"""What is said of a run, in words."""

import numpy as np
import pytest

from bigram_tui.backend import Iteration
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.snapshot import Snapshot, Status
from bigram_tui.tui import present
from bigram_tui.tui.present import axes_text, loss_title


def standing(
    loss: float | None = None, validation: float = np.nan, nll: float = np.log(2)
) -> Snapshot:
    """A run at its first iteration, with an NLL of ln 2 unless told, and a penalty of a quarter."""
    table = np.full((2, 2), 0.5)
    losses = np.array([[nll, 0.25, validation, 0.0]])
    model = Iteration(table, loss=loss)
    return Snapshot("mine", Status.READY, iteration=0, model=model, losses=losses)


@pytest.mark.parametrize(
    ("run", "width", "expected"),
    [
        (standing(), 99, "nll 0.6931 + penalty 0.2500 = 0.9431  perplexity 2.00"),
        (standing(), 40, "nll 0.6931 + penalty 0.2500 = 0.9431"),
        (standing(), 36, "nll 0.6931 + penalty 0.2500 = 0.9431"),
        (standing(), 35, "nll 0.6931 + penalty 0.2500"),
        (standing(), 1, "nll 0.6931 + penalty 0.2500"),
        (
            standing(loss=0.9431),
            99,
            "nll 0.6931 + penalty 0.2500 = 0.9431  by mine 0.9431  perplexity 2.00",
        ),
        (
            standing(validation=np.inf),
            99,
            "nll 0.6931 + penalty 0.2500 = 0.9431  held out ∞  perplexity 2.00",
        ),
        (standing(nll=np.inf), 99, "nll ∞ + penalty 0.2500 = ∞  perplexity ∞"),
        (Snapshot("mine"), 99, "loss"),
    ],
)
def test_the_parts_of_the_loss_are_told_as_far_as_they_fit(
    run: Snapshot, width: int, expected: str
) -> None:
    assert loss_title(run, width) == expected


def test_logarithmic_axes_are_named() -> None:
    assert [axes_text(*axes) for axes in ((False, False), (True, False), (True, True))] == [
        "",
        "log y",
        "log y  log x",
    ]


def test_smoothing_is_told_beside_what_it_smooths(names: Bigrams) -> None:
    """8,511 = 229,804 / 27."""

    def run(smoothing: float) -> Snapshot:
        return Snapshot("count", settings={"smoothing": smoothing})

    def title(snapshot: Snapshot, width: int = 99) -> str:
        return present.hyperparameters_title(snapshot, names, width)

    told = "to each row, which holds 8,511 on average"
    assert title(run(1.0)) == f"hyperparameters  α adds 27 {told}"
    assert title(run(0.5)) == f"hyperparameters  α adds 13.5 {told}"
    assert title(run(316.0), 56) == f"α adds 8,532 {told}"
    assert title(run(1.0), 40) == "α adds 27 to rows of 8,511 on average"
    assert title(run(1.0), 20) == "hyperparameters"
    assert title(run(0.0)) == "hyperparameters"
    assert title(Snapshot("numpy", settings={"learning_rate": 1.0})) == "hyperparameters"
