"""The theory as text: its links and its numbers are those that there are, and they are right."""

import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.backend import Backend, Iteration, configure
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.lessons import theory
from bigram_tui.lessons.theory import (
    DESTINATIONS,
    NUMBERS,
    Section,
    Subject,
    escape,
    fill,
    sections,
)
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import choose
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot
from tests.conftest import CountLines

RATE, L2, STEPS = 50.0, 0.01, 7

PLACE = re.compile(r"\{(\w+)\}")

TITLES = [section.title for section in sections()]


def corpus_of(bigrams: Bigrams, path: str = "names.txt") -> Corpus:
    return Corpus(path, 4, bigrams, None, None, None)


def run_of(backend: Backend, bigrams: Bigrams, steps: int = 0) -> Snapshot:
    run = Run(backend, bigrams, start_weights(len(bigrams.vocabulary)), name=type(backend).__name__)
    run.advance(steps)
    return run.snapshot()


def tokens_of(markdown: str) -> list[Token]:
    """All that a Markdown document holds, as the screen has it read."""
    blocks = MarkdownIt("commonmark", {"html": False}).parse(markdown)
    return [token for block in blocks for token in (block, *(block.children or ()))]


def text_of(markdown: str) -> str:
    """Return the text of Markdown without its marks."""
    shown = {"text", "code_inline", "fence", "softbreak"}
    return "".join(
        " " if token.type == "softbreak" else token.content
        for token in tokens_of(markdown)
        if token.type in shown
    )


@pytest.fixture(scope="module")
def cell(names: Bigrams) -> tuple[int, int]:
    return names.vocabulary.index["e"], names.vocabulary.index["m"]


@pytest.fixture(scope="module")
def learning(names: Bigrams, cell: tuple[int, int]) -> Subject:
    """Seven steps of gradient descent."""
    run = run_of(NumpyBackend(learning_rate=RATE, l2=L2), names, STEPS)
    return Subject(run, corpus_of(names), cell)


@pytest.fixture(scope="module")
def counting(names: Bigrams, cell: tuple[int, int]) -> Subject:
    return Subject(run_of(CountingBackend(smoothing=1.0), names), corpus_of(names), cell)


@pytest.fixture(scope="module")
def loading(names: Bigrams, cell: tuple[int, int]) -> Subject:
    """A run that has nothing yet."""
    return Subject(Snapshot("late"), corpus_of(names), cell)


# The text itself


def test_there_are_twelve_pages_in_the_order_of_the_theory() -> None:
    assert TITLES == [
        "Definitions", "Set-up", "Loss", "Look-up", "Gradients", "Tensors", "PyTorch", "Traps",
        "Smoothing", "Magic numbers", "Two roads", "Beyond",
    ]  # fmt: skip
    assert all(len(section.text.split("\n")) <= 28 for section in sections())


def test_every_link_is_a_destination_and_each_of_them_is_used() -> None:
    used: set[str] = set()
    for section in sections():
        hrefs = [str(t.attrs["href"]) for t in tokens_of(section.text) if t.type == "link_open"]
        assert hrefs, section.title
        assert all(href.startswith("see:") for href in hrefs)
        assert tuple(dict.fromkeys(href[4:] for href in hrefs)) == section.links
        assert len(section.links) <= 9, "digit keys follow them"
        used.update(section.links)
    assert used == DESTINATIONS.keys()


def test_every_number_in_the_text_is_one_and_each_is_used() -> None:
    used = {name for section in sections() for name in PLACE.findall(section.text)}
    assert used == NUMBERS.keys()


def test_nothing_of_the_corpus_stands_where_escaping_would_show() -> None:
    """Backslashes are seen in code, so no number stands in a code span."""
    for section in sections():
        spans = [t.content for t in tokens_of(section.text) if t.type == "code_inline"]
        assert not [span for span in spans if PLACE.search(span)]


def test_a_number_that_is_none_is_an_error(learning: Subject) -> None:
    with pytest.raises(KeyError, match="no_such_number"):
        fill("{no_such_number}", learning)
    with pytest.raises(KeyError, match="no_such_number"):
        fill("⟦{no_such_number}⟧", learning)


def test_a_number_that_may_be_missing_must_stand_in_brackets(counting: Subject) -> None:
    with pytest.raises(ValueError, match="eta"):
        fill("η = {eta}", counting)


@pytest.mark.parametrize("section", sections(), ids=TITLES)
def test_every_page_can_be_filled_for_any_run(
    section: Section, learning: Subject, counting: Subject, loading: Subject
) -> None:
    for present in (learning, counting, loading):
        filled = fill(section.text, present)
        assert not re.search(r"[{}⟦⟧]", filled)
        assert filled.count("None") == section.text.count("None"), "of Python's, as a word of it"
        for fence in (token for token in tokens_of(filled) if token.type == "fence"):
            lines = fence.content.rstrip("\n").split("\n")
            assert lines[0].strip(), "no empty block"
            assert all(line.strip() and line == line.rstrip() for line in lines), lines
            assert max(map(len, lines)) <= 70, "it fits 80 columns"


# What is left out


def test_what_a_run_has_no_number_for_is_left_out(
    learning: Subject, counting: Subject, loading: Subject
) -> None:
    text = "a ⟦b {eta}⟧ c\n⟦d {alpha}⟧\ne\n"
    assert fill(text, learning) == "a b 50 c\ne\n"
    assert fill(text, counting) == "a c\nd 1\ne\n"
    assert fill(text, loading) == "a c\ne\n"


def test_counting_is_not_told_of_its_weights(counting: Subject, learning: Subject) -> None:
    pages = {s.title: text_of(fill(s.text, counting)) for s in sections()}
    assert "CountingBackend has no W, hence no penalty" in pages["Loss"]
    assert "CountingBackend has no W: press b" in pages["Look-up"]
    assert "step        =" not in pages["Gradients"]
    assert "2/λmax =" not in pages["Magic numbers"]
    pages = {s.title: text_of(fill(s.text, learning)) for s in sections()}
    assert "has no W" not in "".join(pages.values())
    assert "(N + α) / (n + αV) =" not in pages["Set-up"]


# The numbers, derived anew


def value(present: Subject, name: str) -> float:
    written = NUMBERS[name](present)
    assert written is not None, name
    return float(written.replace("−", "-").replace(",", ""))


def one_hot_losses(weights: Matrix, bigrams: Bigrams) -> tuple[float, Matrix]:
    """NLL and its gradient by the lecture's own objective, one row per bigram."""
    pairs = np.repeat(np.argwhere(bigrams.counts), bigrams.counts[bigrams.counts > 0], axis=0)
    logits = weights[pairs[:, 0]]
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    picked = logs[np.arange(len(pairs)), pairs[:, 1]]
    slope = np.exp(logs)
    slope[np.arange(len(pairs)), pairs[:, 1]] -= 1
    gradient = np.zeros_like(weights)
    np.add.at(gradient, pairs[:, 0], slope / len(pairs))
    return -float(picked.mean()), gradient


@pytest.fixture(scope="module")
def descended(names: Bigrams) -> Matrix:
    """W after seven steps of the lecture's own loop."""
    weights = start_weights(27).astype(float)
    for _ in range(STEPS):
        _, gradient = one_hot_losses(weights, names)
        weights = weights - RATE * (gradient + 2 * L2 * weights / 729)
    return weights


def test_numbers_of_the_text(learning: Subject, name_lines: list[str], names: Bigrams) -> None:
    pairs = [f".{line}."[k : k + 2] for line in name_lines for k in range(len(line) + 1)]
    rows = [sum(pair[0] == first for pair in pairs) for first in ".abcdefghijklmnopqrstuvwxyz"]
    best = -sum(
        pairs_of * math.log(pairs_of / row)
        for row, counts in zip(rows, names.counts.tolist(), strict=True)
        for pairs_of in counts
        if pairs_of
    ) / len(pairs)
    assert value(learning, "B") == len(pairs)
    assert value(learning, "V") == len(set("".join(pairs)))
    assert value(learning, "cells") == 27 * 27
    assert value(learning, "unseen") == 27 * 27 - len(set(pairs))
    assert value(learning, "N") == pairs.count("em")
    assert value(learning, "n") == rows[5]
    assert value(learning, "best_nll") == pytest.approx(best, abs=5e-5)
    assert value(learning, "log_V") == pytest.approx(math.log(27), abs=5e-5)
    contexts = NUMBERS["contexts"](learning)
    assert contexts == "2.06 · 10^14"
    assert f"{27**10:.2e}" == "2.06e+14"


def test_numbers_of_descent(
    learning: Subject, names: Bigrams, descended: Matrix, cell: tuple[int, int]
) -> None:
    nll, gradient = one_hot_losses(descended, names)
    penalty = L2 * float(np.mean(descended**2))
    odds = np.exp(descended[cell[0]])
    decay = 2 * L2 * descended[cell] / 729
    expected = {
        "iteration": STEPS,
        "nll": nll,
        "regularization": penalty,
        "total": nll + penalty,
        "perplexity": math.exp(nll),
        "log_likelihood": -nll * names.total,
        "eta": RATE,
        "l2": L2,
        "penalty_scale": 2 * L2 * names.total / 729,
        "mean_decay": 1 - 2 * RATE * L2 / 729,
        "odds": odds[cell[1]],
        "row_odds": odds.sum(),
        "P": odds[cell[1]] / odds.sum(),
        "surprise": -math.log(odds[cell[1]] / odds.sum()),
        "data": gradient[cell],
        "decay": decay,
        "gradient": gradient[cell] + decay,
        "step": -RATE * (gradient[cell] + decay),
    }
    for name, wanted in expected.items():
        assert value(learning, name) == pytest.approx(wanted, rel=1e-4, abs=5e-5), name
    for name in ("data", "decay", "gradient"):
        assert value(learning, name) == pytest.approx(expected[name], rel=1e-4), name
    assert NUMBERS["alpha"](learning) is None
    assert NUMBERS["smoothed"](learning) is None


def test_the_likelihood_is_a_power_of_ten(learning: Subject) -> None:
    written = NUMBERS["likelihood"](learning)
    found = re.fullmatch(r"(\d\.\d\d) · 10\^−(\d+),(\d{3})", str(written))
    assert found is not None, written
    log10 = math.log10(float(found[1])) - int(found[2] + found[3])
    assert log10 == pytest.approx(-learning.run.nll * 229_804 / math.log(10), abs=0.005)


def test_the_likelihood_of_a_short_text_is_a_plain_number(tiny: Bigrams) -> None:
    """.ab. .a. .bb. by counting: six bigrams of which P are multiplied."""
    run = run_of(CountingBackend(smoothing=0.0), tiny)
    product = 1.0
    for first, second in ((0, 1), (1, 2), (2, 0), (0, 1), (1, 0), (0, 2), (2, 2), (2, 0)):
        product *= tiny.counts[first, second] / tiny.row_sums[first]
    written = NUMBERS["likelihood"](Subject(run, corpus_of(tiny), (0, 0)))
    assert float(str(written)) == pytest.approx(product, rel=1e-4)


def test_the_critical_step_size_is_that_of_the_whole_hessian(tiny: Bigrams) -> None:
    """By finite differences of a gradient, in all nine weights together."""
    run = run_of(NumpyBackend(learning_rate=2.0, l2=L2), tiny, 5)
    present = Subject(run, corpus_of(tiny), (0, 0))
    assert run.weights is not None
    hessian = np.empty((9, 9))
    for k in range(9):
        slopes = []
        for sign in (1, -1):
            moved = run.weights.astype(float).ravel()
            moved[k] += sign * 1e-5
            slopes.append(one_hot_losses(moved.reshape(3, 3), tiny)[1].ravel())
        hessian[k] = (slopes[0] - slopes[1]) / 2e-5
    steepest = np.linalg.eigvalsh(hessian + 2 * L2 / 9 * np.eye(9)).max()
    assert value(present, "critical_eta") == pytest.approx(2 / steepest, rel=1e-3)
    assert value(present, "standing") == pytest.approx(2.0 * steepest / 2, abs=0.006)


def test_a_large_vocabulary_has_no_curvature_by_the_way(
    learning: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NUMBERS["critical_eta"](learning) is not None
    monkeypatch.setattr(theory, "_LARGE", 26)
    assert NUMBERS["critical_eta"](learning) is None
    assert NUMBERS["standing"](learning) is None


def test_numbers_of_counting(counting: Subject, names: Bigrams, cell: tuple[int, int]) -> None:
    n, row = int(names.counts[cell]), int(names.row_sums[cell[0]])
    assert NUMBERS["smoothed"](counting) == f"({n} + 1) / ({row} + 1 · 27)"
    assert value(counting, "P") == pytest.approx((n + 1) / (row + 27), rel=1e-4)
    assert value(counting, "alpha") == 1
    assert value(counting, "total") == value(counting, "nll")
    without = [name for name in NUMBERS if NUMBERS[name](counting) is None]
    assert without == [
        "learning", "regularization", "eta", "l2", "penalty_scale", "mean_decay", "critical_eta",
        "standing", "log_count_spread", "odds", "row_odds", "data", "decay", "gradient", "step",
    ]  # fmt: skip


def test_how_far_a_run_is_above_the_least(learning: Subject, counting: Subject) -> None:
    for present in (learning, counting):
        apart = present.run.nll - value(present, "best_nll")
        assert value(present, "gap") == pytest.approx(apart, rel=0.06, abs=6e-5)


def test_without_keepdim_the_rows_sum_to_something_else(
    learning: Subject, counting: Subject, names: Bigrams, descended: Matrix
) -> None:
    for present, table in ((learning, np.exp(descended)), (counting, names.counts + 1.0)):
        sums = [
            sum(table[i, j] / sum(table[j]) for j in range(27))  # by the sum of row j, not of i
            for i in range(27)
        ]
        assert value(present, "least_sum") == pytest.approx(min(sums), rel=0.005)
        assert value(present, "most_sum") == pytest.approx(max(sums), rel=0.005)


def test_the_spread_of_log_counts_is_0_for_log_counts(
    learning: Subject, names: Bigrams, cell: tuple[int, int]
) -> None:
    with np.errstate(divide="ignore"):
        weights = np.where(names.counts > 0, np.log(names.counts), -9.0)
    weights[cell[0]] += 3  # a constant of the row
    iteration = Iteration(np.full((27, 27), 1 / 27), weights)
    present = replace(learning, run=replace(learning.run, model=iteration))
    assert NUMBERS["log_count_spread"](present) == "0.000"
    weights[cell[0]] += np.where(np.arange(27) % 2, 0.25, -0.25)
    counts = names.counts[cell[0]]
    odd = counts[1::2].sum() / counts.sum()
    spread = 0.5 * math.sqrt(odd * (1 - odd))  # of two values, half apart
    present = replace(learning, run=replace(learning.run, model=replace(iteration)))
    assert value(present, "log_count_spread") == pytest.approx(spread, abs=6e-4)


def test_training_makes_log_counts(learning: Subject, names: Bigrams) -> None:
    first = replace(learning, run=run_of(NumpyBackend(), names))
    assert value(first, "log_count_spread") > 3 * value(learning, "log_count_spread")


# What the text says of a text, or of a run, that is no ordinary one


@pytest.mark.parametrize("section", sections(), ids=TITLES)
def test_a_run_whose_numbers_are_none_can_be_told_of(section: Section, tiny: Bigrams) -> None:
    for bad in (np.nan, np.inf, 0.0):
        table, weights = np.full((3, 3), bad), np.full((3, 3), bad)
        run = run_of(NumpyBackend(), tiny)
        losses = np.full_like(run.losses, np.nan)
        run = replace(run, model=Iteration(table, weights, weights), losses=losses)
        assert fill(section.text, Subject(run, corpus_of(tiny), (1, 1)))


HOSTILE = "\t !\"#$%&'()*+,-/0123456789:;<=>?@ABC[\\]^_`{|}~\u202e\u0301漢"


@pytest.mark.parametrize("character", sorted(set(HOSTILE)))
def test_characters_of_the_text_are_shown_as_themselves(
    character: str, count_lines: CountLines
) -> None:
    bigrams = count_lines([f"a{character}b", character * 2])
    token = bigrams.vocabulary.index[character]
    for backend in (CountingBackend(), NumpyBackend()):
        present = Subject(run_of(backend, bigrams), corpus_of(bigrams), (token, token))
        for section in sections():
            plain = Subject(present.run, present.corpus, (bigrams.vocabulary.index["a"],) * 2)
            kinds = [token.type for token in tokens_of(fill(section.text, present))]
            usual = [token.type for token in tokens_of(fill(section.text, plain))]
            assert [k for k in kinds if k != "text"] == [k for k in usual if k != "text"]
            assert "\n" not in str(NUMBERS["row"](present))
        shown = str(NUMBERS["row"](present))
        assert f"“{shown}” after “{shown}” costs" in text_of(fill(sections()[2].text, present))
        assert f"“{shown}” after “{shown}”: N = " in text_of(fill(sections()[1].text, present))


@given(st.text(min_size=1, max_size=30))
def test_a_file_name_is_shown_as_itself(name: str) -> None:
    """Whatever a file is called: no Markdown, no HTML, no line of its own."""
    escaped = escape(name.replace("\n", " ").replace("\r", " "))
    tokens = tokens_of(f"x{escaped}x")
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "text", "paragraph_close"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/tmp/[a](see:view/P) *b* `c` <b>d</b>.txt", "b>.txt"),
        ("-", "the text"),
        ("a_b_c", "a_b_c"),
        ("www.example.org", "www.example.org"),
        ("1. x\n# y", "1. x␊# y"),
        ("&amp;", "&amp;"),
    ],
)
def test_the_file_is_named_as_it_is(
    learning: Subject, names: Bigrams, path: str, shown: str
) -> None:
    present = replace(learning, corpus=corpus_of(names, path))
    section = sections()[1]
    filled = fill(section.text, present)
    assert f"{shown} there are B = 229,804 bigrams" in text_of(filled)
    hrefs = [t.attrs["href"] for t in tokens_of(filled) if t.type == "link_open"]
    assert [str(href)[4:] for href in hrefs] == list(section.links)


# Figures of the lecture that stand in the text


def test_figures_of_emma(emma: Bigrams) -> None:
    page = dict(zip(TITLES, sections(), strict=True))["Tensors"].text
    assert f"{2 * math.log(2) / 5:.6f}" in page
    word = [0, *(ord(letter) - 96 for letter in "emma"), 0]
    assert f"X = {word[:-1]}" in page
    assert f"Y = {word[1:]}" in page
    weights = start_weights(27)
    nll = np.mean(
        [
            math.log(math.fsum(np.exp(weights[first]))) - weights[first, second]
            for first, second in pairwise(word)
        ]
    )
    assert f"{nll:.4f} at first" in page
    assert f"Only rows {', '.join(map(str, sorted(set(word))[:3]))}" in page.replace("\n", " ")


def test_shapes_of_emma() -> None:
    """As torch itself has them."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    lines = dict(zip(TITLES, sections(), strict=True))["Tensors"].text.split("\n")
    told = {line.split("  ")[0]: line for line in lines}
    x, y = torch.tensor([0, 5, 13, 13, 1]), torch.tensor([5, 13, 13, 1, 0])
    hot = functional.one_hot(x, 27)
    weights = torch.zeros(27, 27, requires_grad=True)
    logits = hot.float() @ weights
    odds = logits.exp()
    sums = odds.sum(1, keepdim=True)
    picked = (odds / sums)[torch.arange(5), y]
    loss = -picked.log().mean()
    loss.backward()
    tensors = {
        "X = [0, 5, 13, 13, 1]": x,
        "Y = [5, 13, 13, 1, 0]": y,
        "one_hot(X, 27)": hot,
        ".float()": hot.float(),
        "W": weights,
        "Z = Xenc @ W": logits,
        "C = Z.exp()": odds,
        "S = C.sum(1, keepdim=True)": sums,
        "P = C / S": odds / sums,
        "p = P[arange(5), Y]": picked,
        "loss = -p.log().mean()": loss,
        "W.grad": weights.grad,
    }
    for name, tensor in tensors.items():
        dtype = str(tensor.dtype).removeprefix("torch.")
        assert re.search(rf"  {re.escape(str(list(tensor.shape)))} +{dtype}\b", told[name]), name
        assert ("leaf" in told[name]) == (tensor is weights)


def test_the_text_is_shipped_beside_the_module() -> None:
    assert Path(theory.__file__).with_name("theory.md").is_file()


def test_a_run_that_goes_another_way_is_told_no_step(names: Bigrams) -> None:
    """Although its hyperparameters are called as those of descent are."""
    values = {}
    for name in ("numpy", "plus-sign"):
        (source,) = choose([name])
        training = Run(configure(source.load(), {}), names, start_weights(27), name=name)
        training.advance(3)
        present = Subject(training.snapshot(), corpus_of(names, "names.txt"), (1, 14))
        values[name] = [NUMBERS[key](present) for key in ("step", "mean_decay")]
    assert None not in values["numpy"]
    assert values["plus-sign"] == [None, None]
