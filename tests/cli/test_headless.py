"""The JSON document and the table: what they hold, and that each number can be trusted."""

import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from bigram_tui.cli import exit_status
from bigram_tui.cli import main as cli
from bigram_tui.cli.arguments import parse
from bigram_tui.cli.headless import document, train
from bigram_tui.cli.plan import make_plan, read
from bigram_tui.model.bigrams import Bigrams
from tests.no_torch import NO_TORCH

NAMES = Path(__file__).parents[2] / "data" / "names.txt"
LECTURE_SEED = 2147483647
ESCAPE = "\x1b"

TRAIN_KEYS = {"nll", "perplexity", "regularization", "total"}
RUN_KEYS = {
    "backend",
    "iteration",
    "finished",
    "device",
    "dtype",
    "hyperparameters",
    "train",
    "validation",
    "test",
    "loss_history",
    "samples",
    "seconds",
}

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")

UNLUCKY = """
from dataclasses import dataclass
import numpy as np
from bigram_tui.backend import Backend, Iteration, hyperparameter

@dataclass
class Unlucky(Backend):
    lasts: int = hyperparameter(2)

    def train(self, bigrams, weights):
        for _ in range(self.lasts):
            yield Iteration(np.full(weights.shape, 1 / len(weights)), weights)
        raise ValueError("out of [red]luck\\x1b[2J\\nentirely")
"""


def not_json(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is not JSON")


def strictly(text: str) -> Any:
    """The value of a JSON text, which no NaN or Infinity may stand in."""
    return json.loads(text, parse_constant=not_json)


def here(*arguments: object) -> tuple[int, str]:
    """Exit status and standard output of the program, run in this process."""
    output = io.StringIO()
    with redirect_stdout(output):
        status = cli.run([str(argument) for argument in arguments])
    return status, output.getvalue()


def document_of(*arguments: object, status: int = exit_status.DONE) -> dict[str, Any]:
    found, output = here(*arguments, "--json")
    assert found == status
    result: dict[str, Any] = strictly(output)
    return result


def apart(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program, run as a process of its own."""
    unwanted = ("FORCE_COLOR", "COLUMNS", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
    return subprocess.run(
        [sys.executable, "-m", "bigram_tui", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        env={**kept, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
        timeout=60,
    )


def backends(*names: object) -> list[str]:
    """The options that choose some backends."""
    return [word for name in names for word in ("--backend", str(name))]


def run_of(found: dict[str, Any], backend: str) -> dict[str, Any]:
    (run,) = (run for run in found["runs"] if run["backend"] == backend)
    result: dict[str, Any] = run
    return result


def without_seconds(found: dict[str, Any]) -> dict[str, Any]:
    runs = [{key: run[key] for key in run if key != "seconds"} for run in found["runs"]]
    return {**found, "runs": runs}


def text_file(folder: Path, *lines: str, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def unlucky(tmp_path: Path) -> Path:
    """A backend that raises where its iteration 2 should be."""
    path = tmp_path / "unlucky.py"
    path.write_text(UNLUCKY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def full() -> dict[str, Any]:
    """What the program prints about the bundled names with every default."""
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    done = apart(NAMES, "--headless", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result: dict[str, Any] = strictly(done.stdout)
    return result


@pytest.fixture(scope="module")
def light() -> dict[str, Any]:
    """The same of the backends that need no torch, with other options at their defaults."""
    return document_of(NAMES, *backends("count", "numpy"))


# The document


def test_the_document_has_the_documented_keys(full: dict[str, Any]) -> None:
    assert full.keys() == {"version", "corpus", "seed", "start", "runs", "comparison"}
    assert full["corpus"].keys() == {
        "path",
        "lines",
        "bigrams",
        "vocabulary",
        "rare",
        "unseen",
    }
    assert [run["backend"] for run in full["runs"]] == ["count", "numpy", "torch"]
    for run in full["runs"]:
        assert run.keys() >= RUN_KEYS
        assert run.keys() <= RUN_KEYS | {"memorised", "error", "doubt", "optimum"}
        assert run["train"].keys() == TRAIN_KEYS
        assert run["loss_history"].keys() == {"nll", "total"}
    for pair in full["comparison"]:
        assert pair.keys() >= {"a", "b", "max_abs_probability", "max_abs_nll"}
        assert pair.keys() <= {"a", "b", "max_abs_probability", "max_abs_nll"} | {
            "max_abs_weight",
            "agree",
        }


def test_the_document_has_the_documented_types(full: dict[str, Any]) -> None:
    assert full["version"] == 1
    assert full["seed"] == LECTURE_SEED
    for run in full["runs"]:
        assert type(run["iteration"]) is int
        assert type(run["finished"]) is bool
        assert (run["device"], run["dtype"]) == ("cpu", "float64")
        numbers = [
            *run["train"].values(),
            *run["loss_history"]["nll"],
            *run["loss_history"]["total"],
            run["seconds"],
        ]
        assert {type(number) for number in numbers} == {float}
        assert (run["validation"], run["test"]) == (None, None)
        assert {type(name) for name in run["samples"]} == {str}
        assert run["seconds"] > 0
        assert run["error"] is None


def test_the_document_says_what_was_read(full: dict[str, Any]) -> None:
    assert full["corpus"] == {
        "path": str(NAMES),
        "lines": 32_257,
        "bigrams": 229_804,
        "vocabulary": list(".abcdefghijklmnopqrstuvwxyz"),
        "rare": [],
        "unseen": 102,
    }


def test_the_document_says_how_each_backend_was_set(full: dict[str, Any]) -> None:
    settings = {run["backend"]: run["hyperparameters"] for run in full["runs"]}
    trained = {"learning_rate": 50.0, "l2": 0.01}
    assert settings == {
        "count": {"smoothing": 1.0},
        "numpy": trained,
        "torch": {**trained, "objective": "counts", "dtype": "float64", "device": "auto"},
    }


def test_the_losses_are_those_of_every_iteration_from_0(full: dict[str, Any]) -> None:
    ends = {run["backend"]: (run["iteration"], run["finished"]) for run in full["runs"]}
    assert ends == {"count": (0, True), "numpy": (100, False), "torch": (100, False)}
    for run in full["runs"]:
        history, final = run["loss_history"], run["train"]
        assert len(history["nll"]) == len(history["total"]) == run["iteration"] + 1
        assert (history["nll"][-1], history["total"][-1]) == (final["nll"], final["total"])
        assert final["perplexity"] == math.exp(final["nll"])
        assert final["total"] == final["nll"] + final["regularization"]
        assert history["total"] == sorted(history["total"], reverse=True)


def test_each_pair_of_backends_is_compared(full: dict[str, Any]) -> None:
    pairs = {(pair["a"], pair["b"]): pair for pair in full["comparison"]}
    assert list(pairs) == [("numpy", "count"), ("numpy", "torch"), ("count", "torch")]
    nll = {run["backend"]: run["train"]["nll"] for run in full["runs"]}
    for (a, b), pair in pairs.items():
        assert pair["max_abs_nll"] == abs(nll[a] - nll[b])
    assert 0.01 < pairs["numpy", "count"]["max_abs_probability"] < 1
    assert pairs["numpy", "torch"]["max_abs_probability"] < 1e-12
    assert pairs["numpy", "torch"]["max_abs_nll"] < 1e-12


def test_a_comparison_is_of_the_two_final_tables(unlucky: Path, names: Bigrams) -> None:
    unlucky.write_text(UNLUCKY.replace("raise", "return"), encoding="utf-8")  # 1/27 throughout
    (pair,) = document_of(NAMES, *backends("count", unlucky))["comparison"]
    table = (names.counts + 1) / (names.counts + 1).sum(axis=1, keepdims=True)
    assert pair["max_abs_probability"] == pytest.approx(abs(table - 1 / 27).max(), abs=1e-15)
    assert pair["max_abs_nll"] == pytest.approx(math.log(27) - 2.4549509940276324, abs=1e-13)


def test_numbers_are_printed_with_every_digit() -> None:
    options = parse([str(NAMES), *backends("count", "numpy"), "--split", "80/10/10"])
    plan = make_plan(options)
    session = plan.session(read(plan.request))
    results = list(train(session, 20, 5, explicit=True))
    runs = strictly(document(session, results, "numpy"))["runs"]
    for run, result in zip(runs, results, strict=True):
        final = result.final
        assert final is not None
        shown = [run["train"][key] for key in ("nll", "regularization", "total")]
        assert shown == [final.nll, final.regularization, final.total]
        assert run["loss_history"]["nll"] == final.losses[:, 0].tolist()
        assert run["seconds"] == final.seconds


def test_the_bundled_names_are_read_if_no_file_is_named(light: dict[str, Any]) -> None:
    bundled = document_of(*backends("count", "numpy"))
    path = bundled["corpus"].pop("path")
    assert Path(path).read_bytes() == NAMES.read_bytes()
    bundled["corpus"]["path"] = light["corpus"]["path"]
    assert without_seconds(bundled) == without_seconds(light)


def test_steps_and_samples_are_as_many_as_asked_for() -> None:
    found = document_of(NAMES, "--backend", "numpy", "--steps", 0, "--samples", 0)
    run = run_of(found, "numpy")
    assert (run["iteration"], run["samples"], run["memorised"]) == (0, [], [])
    assert len(run["loss_history"]["nll"]) == 1
    assert found["comparison"] == []
    more = document_of(NAMES, "--backend", "numpy", "--steps", 7, "--samples", 11)
    run = run_of(more, "numpy")
    assert (run["iteration"], len(run["samples"]), len(run["memorised"])) == (7, 11, 11)


def test_settings_reach_the_runs() -> None:
    common = ("--lr", "10", "--l2", "0", "--smoothing", "2", "--set", "numpy.learning_rate=20")
    found = document_of(NAMES, *backends("count", "numpy"), "--steps", 1, *common)
    assert run_of(found, "count")["hyperparameters"] == {"smoothing": 2.0}
    assert run_of(found, "numpy")["hyperparameters"] == {"learning_rate": 20.0, "l2": 0.0}
    assert run_of(found, "numpy")["train"]["regularization"] == 0


# Known values


def test_the_nll_of_counting_is_the_known_one(light: dict[str, Any]) -> None:
    assert run_of(light, "count")["train"]["nll"] == pytest.approx(2.4549509940276324, abs=1e-13)
    bare = document_of(NAMES, "--backend", "count", "--smoothing", "0")
    assert run_of(bare, "count")["train"]["nll"] == pytest.approx(2.4543953286105005, abs=1e-13)


def drawn_by(uniform: Callable[[], float], rows: list[list[float]]) -> str:
    """One name by inverse CDF, character by character, from a table over '.' and a to z."""
    name, token = "", 0
    while True:
        u, running = uniform(), 0.0
        for following, probability in enumerate(rows[token]):
            running += probability
            if running > u:
                token = following
                break
        if token == 0:
            return name
        name += ".abcdefghijklmnopqrstuvwxyz"[token]


def names_by_torch(rows: list[list[float]], count: int) -> list[str]:
    """Names by torch's own generator with the lecture's seed, one uniform at a time."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(LECTURE_SEED)

    def uniform() -> float:
        return float(torch.rand((), generator=generator, dtype=torch.float64))

    return [drawn_by(uniform, rows) for _ in range(count)]


@needs_torch
def test_the_names_of_counting_are_those_of_torchs_own_uniforms(
    light: dict[str, Any], names: Bigrams
) -> None:
    rows = [[(count + 1) / (sum(row) + 27) for count in row] for row in names.counts.tolist()]
    expected = names_by_torch(rows, 5)
    assert run_of(light, "count")["samples"] == expected
    assert expected == ["mor", "axx", "minaymoryles", "kondlaisah", "anchshizarie"]


@needs_torch
def test_training_is_that_of_torchs_own_start_and_gradient(
    full: dict[str, Any], names: Bigrams
) -> None:
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(LECTURE_SEED)
    weights = torch.randn((27, 27), generator=generator).double()
    share = torch.tensor(names.counts / names.counts.sum())
    losses = []
    for _ in range(101):
        weights.requires_grad_()
        nll = -(share * weights.log_softmax(1)).sum()
        losses.append(nll.item())
        (gradient,) = torch.autograd.grad(nll + 0.01 * (weights**2).mean(), weights)
        last, weights = weights.detach(), weights.detach() - 50 * gradient
    expected = names_by_torch(last.softmax(1).tolist(), 5)
    assert expected == ["mor", "axx", "minaymoryles", "kondn", "isah"]
    for backend in ("numpy", "torch"):
        run = run_of(full, backend)
        assert run["samples"] == expected
        np.testing.assert_allclose(run["loss_history"]["nll"], losses, rtol=0, atol=1e-6)
        assert run["train"]["nll"] == pytest.approx(losses[-1], abs=1e-7)


# Seeds


def test_the_same_seed_gives_the_same_document(light: dict[str, Any]) -> None:
    again = document_of(NAMES, *backends("count", "numpy"), "--seed", LECTURE_SEED)
    assert without_seconds(again) == without_seconds(light)


def test_another_seed_gives_another_start_and_other_names(light: dict[str, Any]) -> None:
    other = document_of(NAMES, *backends("count", "numpy"), "--seed", 1)
    assert other["seed"] == 1
    assert run_of(other, "count")["train"] == run_of(light, "count")["train"]
    assert run_of(other, "count")["samples"] != run_of(light, "count")["samples"]
    starts = [run_of(found, "numpy")["loss_history"]["nll"][0] for found in (other, light)]
    assert starts[0] != starts[1]


def test_from_zero_weights_every_row_begins_uniform(light: dict[str, Any]) -> None:
    other = document_of(NAMES, *backends("count", "numpy"), "--start", "zeros")
    assert (light["start"], other["start"]) == ("random", "zeros")
    assert run_of(other, "numpy")["loss_history"]["nll"][0] == pytest.approx(math.log(27))
    assert run_of(light, "numpy")["loss_history"]["nll"][0] > math.log(27)
    assert run_of(other, "count")["train"] == run_of(light, "count")["train"]
    _, printed = here(NAMES, "--headless", *backends("count"), "--start", "zeros")
    assert "seed 2147483647, zeros start" in printed


# Held-out lines


def test_held_out_lines_have_their_own_losses() -> None:
    found = document_of(NAMES, *backends("count", "numpy"), "--split", "80/10/10")
    assert found["corpus"]["lines"] == 32_257
    assert found["corpus"]["bigrams"] == 229_804
    assert found["corpus"]["unseen"] > 102
    for run in found["runs"]:
        for part in ("validation", "test"):
            assert run[part].keys() == {"nll", "perplexity"}
            assert run[part]["perplexity"] == math.exp(run[part]["nll"])
            assert run[part]["nll"] == pytest.approx(run["train"]["nll"], abs=0.05)
        assert len({run[part]["nll"] for part in ("train", "validation", "test")}) == 3


def test_two_shares_leave_no_test_lines() -> None:
    found = document_of(NAMES, "--backend", "count", "--split", "9/1")
    run = run_of(found, "count")
    assert run["validation"].keys() == {"nll", "perplexity"}
    assert run["test"] is None


def test_a_model_is_trained_without_the_lines_held_out(tmp_path: Path) -> None:
    # Equal lines stay together: one character x is trained on twice, so that with α = 1 '.x' and
    # 'x.' have P = 3/5; of the other, y, '.y' has 1/5, and the row of y is uniform.
    path = text_file(tmp_path, "a", "b", "a", "b")
    run = run_of(document_of(path, "--backend", "count", "--split", "1/1"), "count")
    assert run["train"]["nll"] == pytest.approx(-math.log(3 / 5), abs=1e-15)
    assert run["validation"]["nll"] == pytest.approx(-math.log(1 / 5 * 1 / 3) / 2, abs=1e-15)


def test_infinity_is_a_string(tmp_path: Path) -> None:
    # No bigram of one line stands in another: bare counts give every held-out one probability 0.
    path = text_file(tmp_path, "ab", "cd", "ef", "gh")
    found = document_of(path, "--backend", "count", "--smoothing", "0", "--split", "2/1/1")
    run = run_of(found, "count")
    for part in ("validation", "test"):
        assert run[part] == {"nll": "inf", "perplexity": "inf"}
    assert isinstance(run["train"]["nll"], float)
    assert run["error"] is None


# Names


def test_a_name_is_marked_if_it_stands_in_the_text(name_lines: list[str]) -> None:
    found = document_of(NAMES, *backends("count", "numpy"), "--samples", 200)
    known = set(name_lines)
    for run in found["runs"]:
        assert run["memorised"] == [name in known for name in run["samples"]]
        assert {True, False} == set(run["memorised"])


def test_a_full_stop_in_the_text_is_a_character_like_any_other(tmp_path: Path) -> None:
    path = text_file(tmp_path, ".a")
    found = document_of(path, "--backend", "count", "--smoothing", "0")
    vocabulary = found["corpus"]["vocabulary"]
    assert vocabulary[1:] == [".", "a"]
    assert vocabulary[0] not in vocabulary[1:]
    assert len(vocabulary[0]) == 1
    assert run_of(found, "count")["samples"] == [".a"] * 5


def test_text_of_any_script_and_any_escape_comes_through_the_document(tmp_path: Path) -> None:
    line = 'é字😀\u202e\x1b["\\b]'
    path = text_file(tmp_path, line)
    found = document_of(path, "--backend", "count", "--smoothing", "0")
    assert found["corpus"]["vocabulary"][1:] == sorted(line)
    assert run_of(found, "count")["samples"] == [line] * 5
    assert run_of(found, "count")["memorised"] == [True] * 5


# What goes wrong


def test_a_backend_that_fails_leaves_the_others_alone(unlucky: Path, light: dict[str, Any]) -> None:
    found = document_of(NAMES, *backends("count", unlucky, "numpy"), status=exit_status.FAILED)
    assert [run["backend"] for run in found["runs"]] == ["count", "unlucky", "numpy"]
    for name in ("count", "numpy"):
        theirs, alone = ({**run_of(d, name), "seconds": 0} for d in (found, light))
        assert theirs == alone
    failed = run_of(found, "unlucky")
    assert failed["error"].startswith("unlucky failed at step 2: ValueError: out of [red]luck")
    assert (failed["iteration"], failed["finished"]) == (1, False)
    assert failed["loss_history"]["nll"] == pytest.approx([math.log(27)] * 2)
    assert len(failed["samples"]) == 5
    pairs = [(pair["a"], pair["b"]) for pair in found["comparison"]]
    assert pairs == [("count", "numpy")], "what stopped on the way is at another iteration"


def test_a_backend_that_cannot_even_start_leaves_the_others_alone(
    tmp_path: Path, unlucky: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise OSError('no such thing')\n", encoding="utf-8")
    stillborn = ("--set", "unlucky.lasts=0")
    chosen = backends(broken, unlucky, "count")
    found = document_of(NAMES, *chosen, *stillborn, status=exit_status.FAILED)
    assert [run["backend"] for run in found["runs"]] == ["broken", "unlucky", "count"]
    for name, reason in (("broken", "OSError: no such thing"), ("unlucky", "ValueError: out of")):
        run = run_of(found, name)
        assert reason in run["error"]
        assert run.keys() >= RUN_KEYS
        assert run["train"] == dict.fromkeys(TRAIN_KEYS, "nan")
        assert run["loss_history"] == {"nll": [], "total": []}
        assert run["samples"] == []
        assert not run["finished"]
    assert run_of(found, "count")["error"] is None
    assert found["comparison"] == []


def test_a_run_that_diverges_leaves_the_others_alone(light: dict[str, Any]) -> None:
    found = document_of(
        NAMES,
        *backends("numpy", "count"),
        "--lr",
        "100000",
        "--split",
        "9/1",
        status=exit_status.FAILED,
    )
    diverged, fine = found["runs"]
    assert "diverged at step" in diverged["error"]
    assert diverged["train"]["nll"] in ("inf", "nan")
    assert diverged["train"]["total"] in ("inf", "nan")
    assert 0 < diverged["iteration"] < 100
    history = diverged["loss_history"]
    assert len(history["nll"]) == len(history["total"]) == diverged["iteration"] + 1
    assert history["nll"][-1] == diverged["train"]["nll"]
    assert all(isinstance(nll, float) for nll in history["nll"][:-1])
    assert fine["error"] is None
    assert fine["train"]["nll"] == pytest.approx(run_of(light, "count")["train"]["nll"], abs=0.01)


def test_a_device_that_is_not_there_is_one_failed_run() -> None:
    pytest.importorskip("torch")
    options = (*backends("torch", "count"), "--device", "xpu:99", "--steps", 1)
    found = document_of(NAMES, *options, status=exit_status.FAILED)
    assert run_of(found, "torch")["error"].startswith("torch failed at step 0: ")
    assert run_of(found, "count")["error"] is None


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that has no torch."""
    folder = tmp_path_factory.mktemp("without-torch")
    (folder / "sitecustomize.py").write_text(NO_TORCH, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def test_without_torch_the_other_backends_run_and_a_note_says_so(
    without_torch: dict[str, str], light: dict[str, Any]
) -> None:
    done = apart(NAMES, "--json", **without_torch)
    assert done.returncode == exit_status.DONE
    found, named = without_seconds(strictly(done.stdout)), without_seconds(light)
    # Unless they are named, numpy is the reference; and so the first of the pair.
    assert found.pop("comparison")[0]["a"] == "numpy" != named.pop("comparison")[0]["a"]
    assert found == named
    (note,) = done.stderr.splitlines()
    assert note.startswith("bigram-tui: without torch: ")
    assert "pip install torch" in note


def test_without_torch_to_ask_for_it_is_answered_by_one_line(
    without_torch: dict[str, str], tmp_path: Path
) -> None:
    path = text_file(tmp_path, "ab")
    done = apart(path, "--headless", "--backend", "torch", **without_torch)
    assert done.returncode in (exit_status.FAILED, exit_status.WRONG_USE)
    printed = (done.stdout + done.stderr).splitlines()
    assert [line for line in printed if "Traceback" in line] == []
    (line,) = (line for line in printed if line.startswith(("bigram-tui: ", "torch ")))
    assert "pip install torch" in line


# The table


def rows(table: str, backends: Iterable[str]) -> list[list[str]]:
    """The words of the lines that begin with a backend's name."""
    split = [line.split() for line in table.splitlines()]
    return [words for words in split if words and words[0] in backends and words[1] != "and"]


def test_the_table_has_one_row_for_each_backend(light: dict[str, Any]) -> None:
    status, table = here(NAMES, "--headless", *backends("count", "numpy"))
    assert status == exit_status.DONE
    head = table.splitlines()[0]
    for fact in (
        "names.txt",
        "32,257 lines",
        "229,804 bigrams",
        "V = 27",
        "102",
        str(LECTURE_SEED),
    ):
        assert fact in head
    count, numpy = rows(table, ("count", "numpy"))
    for words, name in ((count, "count"), (numpy, "numpy")):
        run = run_of(light, name)
        numbers = [run["train"][key] for key in ("nll", "perplexity", "total")]
        assert words[:2] == [name, str(run["iteration"])]
        assert [float(word) for word in words[2:5]] == pytest.approx(numbers, abs=1e-4)
        assert words[-5:] == run["samples"]


def test_the_table_shows_held_out_losses_if_there_are_any() -> None:
    options = (NAMES, *backends("count"), "--split", "8/1/1")
    status, table = here(*options, "--headless")
    assert status == exit_status.DONE
    assert "lines split 25,816 / 3,224 / 3,217, equal ones together)" in " ".join(table.split())
    run = run_of(document_of(*options), "count")
    (words,) = rows(table, ["count"])
    shown = [f"{run[part]['nll']:.6f}" for part in ("train", "validation", "test")]
    assert [words[2], *words[6:8]] == shown
    titles = next(line.split() for line in table.splitlines() if "backend" in line.split())
    losses = ["nll", "perplexity", "total", "gap", "validation", "test"]
    assert titles[:8] == ["backend", "step", *losses]


@pytest.mark.parametrize("option", ["--headless", "--json"])
def test_what_goes_into_a_pipe_has_no_escape_codes(option: str, unlucky: Path) -> None:
    chosen = backends("count", "numpy", unlucky)
    done = apart(NAMES, option, *chosen, TERM="xterm-256color", COLORTERM="truecolor")
    assert (done.returncode, done.stderr) == (exit_status.FAILED, "")
    assert "unlucky failed at step 2" in done.stdout
    assert re.findall(r"[^\n\x20-\x7e\u00a0-\U0010ffff]", done.stdout) == []


def test_the_table_names_what_failed_below_it(unlucky: Path) -> None:
    status, table = here(NAMES, "--headless", *backends(unlucky, "count"))
    assert status == exit_status.FAILED
    assert [words[:2] for words in rows(table, ["count"])] == [["count", "0"]]
    (line,) = (line for line in table.splitlines() if "failed at step" in line)
    message, where = line.rsplit(" ", 1)
    assert message == "unlucky failed at step 2: ValueError: out of [red]luck␛[2J entirely"
    assert re.fullmatch(r"\(unlucky\.py:\d+\)", where)


def test_the_table_shows_a_run_that_diverged() -> None:
    status, table = here(NAMES, "--headless", "--backend", "numpy", "--lr", "100000")
    assert status == exit_status.FAILED
    words, message = rows(table, ["numpy"])
    assert words[2] in ("inf", "nan")
    assert message[1] == "diverged"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("[red]\x1b[31mab", None),
        ("[re]\x1bab", "[re]␛ab"),
        ("[/b]\x9b2J", "[/b]\ufffd2J"),
        ("a\u202eb\x07", "a\ufffdb␇"),
        (":x\u200b", ":x\ufffd"),
        ("\u0301a", "◌\u0301a"),
    ],
    ids=ascii,
)
def test_no_text_of_the_corpus_is_taken_for_a_command(
    tmp_path: Path, line: str, shown: str | None
) -> None:
    path = text_file(tmp_path, line, name=f"[b]{ESCAPE}[2J.txt")
    status, table = here(path, "--headless", "--backend", "count", "--smoothing", "0")
    assert status == exit_status.DONE
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", table) == []
    assert "[b]␛[2J.txt" in table
    if shown is not None:  # no character stands twice, so that each name is the line
        assert f"• {shown}  • {shown}" in table


def test_no_name_of_a_backend_is_taken_for_a_command(tmp_path: Path) -> None:
    path = tmp_path / f"[b]{ESCAPE}[2J.py"
    path.write_text(UNLUCKY.replace("raise", "return"), encoding="utf-8")
    status, table = here(NAMES, "--headless", "--backend", path)
    assert status == exit_status.DONE
    assert ESCAPE not in table
    assert len(rows(table, ["[b]␛[2J"])) == 1


def test_a_name_that_the_model_does_not_end_is_broken_off_visibly(tmp_path: Path) -> None:
    path = text_file(tmp_path, "a" * 1_000_000)
    options = (path, "--backend", "count", "--smoothing", "0", "--samples", 1)
    status, table = here(*options, "--headless")
    assert status == exit_status.DONE
    assert "a…" in table
    assert run_of(document_of(*options), "count")["samples"] == ["a" * 100]
