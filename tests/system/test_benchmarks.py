"""What the benchmarks rest on: the rivals compute what they should, and the table is true."""

import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.figures import FIGURES, Figure, Ratio, Unit
from benchmarks.results import HEADER, measured, quoting, report, row, without_targets
from benchmarks.texts import pieces, words_of_many_scripts
from bigram_tui.model.bigrams import Bigrams, Matrix

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RESULTS, README = BENCHMARKS / "RESULTS.md", BENCHMARKS.parent / "README.md"


# The table


def entry(name: str, data: list[float], **extra: float) -> dict[str, Any]:
    """One measurement as pytest-benchmark writes it down."""
    return {"fullname": name, "extra_info": extra, "stats": {"data": data}}


def test_turns_of_one_measurement_are_pooled_and_divided_by_the_amount_of_work() -> None:
    document = {
        "benchmarks": [
            entry("benchmarks/bench_race.py::bench_hare[0]", [2.0, 4.0], amount=4),
            entry("bench_race.py::bench_tortoise[0]", [8.0], amount=1),
            entry("benchmarks/bench_race.py::bench_hare[1]", [6.0], amount=4),
            entry("bench_size.py::bench_whole_hare[0]", [1e-9], value=3e6),
        ]
    }
    assert measured(document) == {
        "race.hare": [0.5, 1.0, 1.5],
        "race.tortoise": [8.0],
        "size.whole_hare": [3e6],
    }


@pytest.mark.parametrize(
    ("ours", "how", "expected"),
    [
        ([9.0, 1e-3, 2e-3, 3e-3, 0.0], {}, "2 ms | 3 s | 1,500× as fast | – | –"),
        ([2e-3], {"reach": 1500}, "2 ms | 3 s | 1,500× as fast | ≥ 1,500× | yes"),
        ([2e-3], {"reach": 1501}, "2 ms | 3 s | 1,500× as fast | ≥ 1,501× | no"),
        ([4.2], {"reach": 0.8}, "4.2 s | 3 s | 0.714× as fast | ≥ 0.8× | no"),
        ([4.2], {"ratio": Ratio.LONG, "reach": 1.5}, "4.2 s | 3 s | 1.4× as long | ≤ 1.5× | yes"),
        ([4.2], {"ratio": Ratio.LONG, "reach": 1.3}, "4.2 s | 3 s | 1.4× as long | ≤ 1.3× | no"),
        (
            [0.09],
            {"ratio": Ratio.LONG, "limit": 0.1},
            "90 ms | 3 s | 0.03× as long | < 100 ms | yes",
        ),
        (
            [0.1],
            {"ratio": Ratio.LONG, "limit": 0.1},
            "100 ms | 3 s | 0.0333× as long | < 100 ms | no",
        ),
    ],
)
def test_a_row_has_medians_their_ratio_and_whether_it_reaches(
    ours: list[float], how: dict[str, Any], expected: str
) -> None:
    figure = Figure("a walk", "race.hare", "tortoise", "race.tortoise", **how)
    assert row(figure, {"race.hare": ours, "race.tortoise": [1.0, 3.0, 99.0]}) == (
        f"| a walk | tortoise | {expected} |"
    )


@pytest.mark.parametrize(
    ("unit", "cost", "expected"),
    [
        (Unit.SECONDS, 2.5e-8, "25 ns"),
        (Unit.SECONDS, 9.999e-4, "1 ms"),
        (Unit.SECONDS, 1.234e-5, "12.3 µs"),
        (Unit.SECONDS, 175.4, "175 s"),
        (Unit.SECONDS_PER_BYTE, 1 / 12_345e6, "12,345 MB/s"),
        (Unit.SECONDS_PER_BYTE, 1 / 5.678e6, "5.68 MB/s"),
        (Unit.BYTES, 1e9, "1,000 MB"),
        (Unit.BYTES, 85.28e6, "85.3 MB"),
    ],
)
def test_quantities_have_units_that_fit_and_three_digits(
    unit: Unit, cost: float, expected: str
) -> None:
    cells = row(Figure("", "a.b", "", "a.b", unit=unit), {"a.b": [cost]}).split(" | ")
    assert cells[2:5] == [expected, expected, "1× as fast"]


DOCUMENT = {
    "benchmarks": [
        entry("bench_race.py::bench_hare[0]", [1.0], amount=1),
        entry("bench_race.py::bench_tortoise[0]", [5.0], amount=1),
    ],
    "datetime": "2026-11-23T14:55:07.1+00:00",
    "machine_info": {
        "cpu": {"brand_raw": "A processor"},
        "cores": 2,
        "memory": 24e9,
        "load": 0.25,
        "machine": "x86_64",
        "system": "Linux",
        "python_version": "3.11.7",
        "versions": {"numpy": "2.4.6", "torch": "2.13.0", "textual": "8.2.8"},
    },
}
RACE = Figure("a walk", "race.hare", "tortoise", "race.tortoise", quoted=True)
UNQUOTED = Figure("a run", "race.hare", "tortoise", "race.tortoise")
UNMEASURED = Figure("a swim", "race.fish", "tortoise", "race.tortoise", quoted=True)


def test_the_report_has_the_machine_and_what_was_measured() -> None:
    text = report(json.loads(json.dumps(DOCUMENT)), [RACE, UNQUOTED, UNMEASURED])
    for fact in (
        "A processor, 2 cores, 24 GB",
        "Python 3.11.7",
        "NumPy 2.4.6",
        "2026-11-23",
        "0.2",
    ):
        assert fact in text
    assert re.findall(r"^\| a (\w+) ", text, re.MULTILINE) == ["walk", "run"]
    assert HEADER in text


def test_the_readme_gets_the_rows_that_it_quotes_in_the_place_of_the_old_ones() -> None:
    found = measured(DOCUMENT)
    before = "# A\n<!-- make bench -->\nold\nrows\n<!-- end -->\nafter\n"
    rows = without_targets(f"{HEADER}\n{row(RACE, found)}\n")
    assert rows.splitlines()[0] == "| what | rival | ours, median | rival's, median | ratio |"
    assert {line.count("|") for line in rows.splitlines()} == {6}
    expected = f"# A\n<!-- make bench -->\n{rows}<!-- end -->\nafter\n"
    once = quoting(before, [RACE, UNQUOTED, UNMEASURED], found)
    assert once == expected
    assert quoting(once, [RACE, UNQUOTED, UNMEASURED], found) == expected
    with pytest.raises(ValueError, match="no place"):
        quoting("# A\n", [RACE], found)


# What is published


def test_every_row_that_the_readme_quotes_is_in_the_results_word_for_word() -> None:
    place = re.search(
        r"<!-- make bench -->\n(.*?)<!-- end -->", README.read_text("utf-8"), re.DOTALL
    )
    assert place is not None
    lines = place[1].splitlines()
    assert len(lines) == 2 + sum(figure.quoted for figure in FIGURES)
    assert set(lines) <= set(without_targets(RESULTS.read_text("utf-8")).splitlines())


def test_the_results_have_a_row_for_every_figure_in_order() -> None:
    rows = [
        line.split(" | ")
        for line in RESULTS.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ][1:]
    assert [(cells[0][2:], cells[1]) for cells in rows] == [(f.what, f.rival) for f in FIGURES]


def test_every_figure_names_measurements_that_there_are() -> None:
    there = {
        f"{path.stem.removeprefix('bench_')}.{name}"
        for path in BENCHMARKS.glob("bench_*.py")
        for name in re.findall(r"^def bench_(\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert {name for figure in FIGURES for name in (figure.ours, figure.theirs)} == there


# The rivals


def test_the_dict_loop_counts_pairs(tmp_path: Path) -> None:
    from benchmarks.rivals import count_by_dict  # imports torch

    path = tmp_path / "text"
    path.write_text("ab\na\nbb\n", "utf-8")
    assert count_by_dict(path) == {
        ("<S>", "a"): 2,
        ("a", "b"): 1,
        ("b", "<E>"): 2,
        ("a", "<E>"): 1,
        ("<S>", "b"): 1,
        ("b", "b"): 1,
    }


def test_the_one_hot_iteration_descends_the_gradient_of_its_loss(
    tiny: Bigrams, lecture_weights: Matrix
) -> None:
    from benchmarks.rivals import OneHotTraining  # imports torch

    training = OneHotTraining(["ab", "a", "bb"])
    weights = training.w.detach().double().numpy().copy()

    def loss(weights: Matrix) -> float:
        nll = 0.0
        for (i, j), count in np.ndenumerate(tiny.counts):
            nll -= count * math.log(math.exp(weights[i, j]) / np.exp(weights[i]).sum())
        return nll / 8 + 0.01 * float((weights**2).mean())

    gradient = np.zeros((3, 3))
    for place in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[place] = 1e-5
        gradient[place] = (loss(weights + step) - loss(weights - step)) / 2e-5
    assert training.step() == pytest.approx(loss(weights), rel=1e-5)
    assert training.w.detach().numpy() == pytest.approx(weights - 50 * gradient, abs=1e-4)
    whole = OneHotTraining(["abcdefghijklmnopqrstuvwxyz"])
    assert whole.w.detach().numpy() == pytest.approx(lecture_weights, abs=1e-6)


def test_sampling_by_multinomial_follows_the_table() -> None:
    import torch

    from benchmarks.rivals import sample_by_multinomial  # imports torch

    certain = torch.tensor([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    assert sample_by_multinomial(certain, (".", "a", "b"), 3) == ["ab."] * 3
    even = torch.tensor([[0.0, 0.5, 0.5], [0.5, 0.25, 0.25], [1, 0, 0]])
    drawn = sample_by_multinomial(even, (".", "a", "b"), 400)
    assert len(drawn) == 400
    assert 150 < sum(name[0] == "a" for name in drawn) < 250
    followers = {second for name in drawn for first, second in pairwise(name) if first == "b"}
    assert followers == {"."}


# The texts


def test_a_made_up_text_has_its_size_and_whole_lines_of_its_words() -> None:
    words = ["ab", "grüße", "क", "ab c"]
    text = b"".join(pieces(10_000, words, words_a_line=3))
    longest = max(len(line) for line in text.splitlines(keepends=True))
    assert 10_000 <= len(text) < 10_000 + longest
    assert text.endswith(b"\n")
    lines = text.decode().splitlines()
    assert set(" ".join(lines).replace("ab c", "ab_c").split(" ")) == {"ab", "grüße", "क", "ab_c"}
    assert 2.5 < len(" ".join(lines).replace("ab c", "ab_c").split(" ")) / len(lines) < 3.5


def test_large_texts_come_in_pieces_that_differ() -> None:
    first, second, *_ = pieces(10_000_000, ["a", "b", "c"])
    assert first != second
    assert first.endswith(b"\n")
    assert second.endswith(b"\n")


def test_the_words_of_many_scripts_are_of_several_lengths_in_utf8() -> None:
    words = words_of_many_scripts()
    assert {2, 3, 9} <= set(map(len, words)) <= set(range(2, 10))
    assert {len(character.encode()) for word in words for character in word} == {1, 2, 3}
    assert len({character for word in words for character in word}) > 300
    assert not any(character.isspace() for word in words for character in word)
