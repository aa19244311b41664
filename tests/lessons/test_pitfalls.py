"""The classic mistakes: each really goes wrong as it says, on odd texts too, and its mending holds.

What the lessons run is run again here by Python's own prompt, and what they say is derived anew.
"""

import ast
import math
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.analysis.optimum import gradient_optimum
from bigram_tui.cancellation import CancelledError
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.lessons import libraries, pitfall_run
from bigram_tui.lessons.pitfall_run import Trial, run, steady_rate, unseen_bigram
from bigram_tui.lessons.pitfalls import L2, PITFALLS, Pitfall
from bigram_tui.lessons.transcript import Entry, transcript
from bigram_tui.model.bigrams import Bigrams, Counts, Matrix, Vocabulary
from bigram_tui.model.sampling import draw_samples, uniforms
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.descent import critical_rate
from bigram_tui.training.registry import choose
from bigram_tui.training.session import Session
from tests.cancelling import cancelled_at
from tests.conftest import CountLines

BY_NAME = {pitfall.name: pitfall for pitfall in PITFALLS}
EACH = pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda pitfall: pitfall.name)
LOOPS = ("no reset", "a plus sign", "η too large", "no 1/B")

TEXTS = {
    "V = 2": ["a"],
    "one line": ["emma"],
    "all but the empty line": ["a", "ab", "ba", "abbaa", "b"],
    "a line of each character once": ["dbfaec"],
    "a long row": ["aaaaab", "aa"],
}


# Transcripts


def entries_of(source: str, **names: Any) -> list[Entry]:
    return list(transcript(source, names))


def test_statements_are_run_in_order_and_know_what_was_defined_before() -> None:
    names: dict[str, Any] = {"given": 2}
    source = "a = given + 1\na *= a\na\ndef twice(x):\n    return a * x\ntwice(2)"
    assert [(e.code, e.answer) for e in transcript(source, names)] == [
        ("a = given + 1", ""),
        ("a *= a", ""),
        ("a", "9"),
        ("def twice(x):\n    return a * x", ""),
        ("twice(2)", "18"),
    ]
    assert names["a"] == 9


def test_statements_are_run_one_by_one_as_they_are_asked_for() -> None:
    done: list[int] = []
    entries = transcript("done.append(1)\ndone.append(2)", {"done": done})
    assert done == []
    next(entries)
    assert done == [1]
    next(entries)
    assert done == [1, 2]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("None", ""),
        ("''", "''"),
        ("'a\\nb'", r"'a\nb'"),
        ("np.float32(0.1)", "0.1"),
        ("np.float64(1 / 3)", "0.333333"),
        ("1 - 2e-16", "1"),
        ("2.0", "2"),
        ("np.int64(3)", "3"),
        ("12345678901", "12345678901"),
        ("np.log(np.float32(2)) * 0 + np.inf", "inf"),
        ("float('nan')", "nan"),
        ("np.bool_(False), np.float32(0.5)", "(False, 0.5)"),
        ("(np.int64(1),)", "(1,)"),
        ("[np.float64(2.5), (1.0, 'x')]", "[2.5, (1, 'x')]"),
        ("[]", "[]"),
        ("()", "()"),
        ("x = 1", ""),
    ],
)
def test_a_value_is_shown_as_at_a_prompt_but_without_its_numpy_type(
    source: str, answer: str
) -> None:
    (entry,) = entries_of(source, np=np)
    assert (entry.answer, entry.failed) == (answer, False)


def test_statements_of_several_lines_keep_their_text() -> None:
    loop = "for k in range(2):\n    if k:\n        total = k\n\n    last = k"
    sum_of = "sum(\n    [1,\n     2]\n)"
    assert [e.code for e in entries_of(f"{loop}\n{sum_of}")] == [loop, sum_of]


def test_the_first_error_ends_it_and_is_told_by_type_and_message() -> None:
    done: list[int] = []
    entries = entries_of("1\nraise ValueError('two\\n  lines')\ndone.append(1)", done=done)
    assert entries == [
        Entry("1", "1"),
        Entry("raise ValueError('two\\n  lines')", "ValueError: two lines", failed=True),
    ]
    assert done == []


def test_warnings_are_told_once_before_the_answer_and_go_nowhere_else() -> None:
    source = (
        "import warnings\n"
        "for k in range(3):\n    warnings.warn('again')\n"
        "np.log(np.zeros(2)).max()\n"
        "warnings.warn('before'); 1 / 0"
    )
    filters = list(warnings.filters)
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        answers = [e.answer for e in entries_of(source, np=np)]
    assert answers == [
        "",
        "UserWarning: again",
        "RuntimeWarning: divide by zero encountered in log\n-inf",
        "UserWarning: before",
        "ZeroDivisionError: division by zero",
    ]
    assert leaked == []
    assert list(warnings.filters) == filters


def test_what_another_thread_warns_of_meanwhile_is_not_told() -> None:
    def elsewhere() -> None:
        thread = threading.Thread(target=warnings.warn, args=("elsewhere",))
        thread.start()
        thread.join()

    (entry,) = entries_of("elsewhere()", elsewhere=elsewhere)
    assert entry.answer == ""


def test_two_transcripts_at_once_each_tell_their_own_warnings() -> None:
    together = threading.Barrier(2)
    told: dict[str, list[str]] = {}

    def work(name: str) -> None:
        together.wait()
        source = "\n".join(f"warnings.warn('{name} {k}')" for k in range(40))
        told[name] = [e.answer for e in entries_of(source, warnings=warnings)]

    filters, show = list(warnings.filters), warnings.showwarning
    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert leaked == []
    for name in ("one", "two"):
        assert told[name] == [f"UserWarning: {name} {k}" for k in range(40)]
    assert list(warnings.filters) == filters
    assert warnings.showwarning is show


def test_no_statement_begins_while_one_of_another_transcript_runs() -> None:
    """Else each would take over, and then restore, the other's list of warnings."""
    first, second = threading.Event(), threading.Event()
    overlapped: list[bool] = []

    def hold() -> None:
        first.set()
        overlapped.append(second.wait(0.2))

    def follow() -> None:
        first.wait()
        entries_of("set()", set=second.set)

    thread = threading.Thread(target=follow)
    thread.start()
    entries_of("hold()", hold=hold)
    thread.join()
    assert overlapped == [False]
    assert second.is_set()


# What the lessons run, at Python's own prompt


@dataclass
class Prompt:
    """What a source does when it is typed at a prompt."""

    names: dict[str, Any]
    values: list[Any] = field(default_factory=list)
    """Of the expressions, in order."""
    error: Exception | None = None


def _typed(source: str, names: dict[str, Any]) -> Prompt:
    prompt = Prompt(names)
    display, sys.displayhook = sys.displayhook, prompt.values.append
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for statement in ast.parse(source).body:
                exec(compile(ast.Interactive([statement]), "<stdin>", "single"), names)
    except Exception as error:
        prompt.error = error
    finally:
        sys.displayhook = display
    return prompt


@pytest.fixture(scope="session")
def texts(
    count_lines: CountLines, names: Bigrams, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Bigrams]:
    """The bundled names, odd small texts, and the part for training of a text that was split."""
    path = tmp_path_factory.mktemp("split") / "split.txt"
    path.write_text("\n".join(["emma", "anna", "bob", "z", "ava", "y", "x"]), "utf-8")
    part = read_corpus(str(path), split=(60, 20, 20)).train
    assert (part.row_sums == 0).any()  # a character that only other parts have
    made = {name: count_lines(lines) for name, lines in TEXTS.items()}
    return {"names": names, "a part": part, **made}


@pytest.fixture(params=["names", "a part", *TEXTS])
def text(request: pytest.FixtureRequest, texts: dict[str, Bigrams]) -> Bigrams:
    return texts[request.param]


def weights_of(bigrams: Bigrams) -> Matrix:
    return start_weights(len(bigrams.vocabulary))


def needs(pitfall: Pitfall) -> None:
    if pitfall.needs_torch:
        pytest.importorskip("torch")


def _run(pitfall: Pitfall, bigrams: Bigrams) -> Trial:
    def sample(table: Matrix) -> list[str]:
        stream = uniforms(LECTURE_SEED)
        return [name.text for name in draw_samples(table, bigrams.vocabulary, stream, 3)]

    return run(pitfall, bigrams, weights_of(bigrams), sample, LECTURE_SEED)


# One trial of each pitfall on each text is enough for all tests. The bigrams are kept: so no other
# ones get their id.
_trials: dict[tuple[str, int], tuple[Bigrams, Trial]] = {}
_prompts: dict[tuple[str, int], tuple[Bigrams, tuple[Prompt, Prompt]]] = {}


def trial_of(pitfall: Pitfall, bigrams: Bigrams) -> Trial:
    """Run a pitfall on a text, or return the trial that was run before."""
    needs(pitfall)
    key = pitfall.name, id(bigrams)
    if key not in _trials:
        _trials[key] = bigrams, _run(pitfall, bigrams)
    return _trials[key][1]


Typed = Callable[[Pitfall, Bigrams], tuple[Prompt, Prompt]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Types both sides of a pitfall at Python's own prompt: the wrong one, then the right one."""

    def type_both(pitfall: Pitfall, bigrams: Bigrams) -> tuple[Prompt, Prompt]:
        needs(pitfall)
        key = pitfall.name, id(bigrams)
        if key in _prompts:
            return _prompts[key][1]
        prompts: list[Prompt] = []

        def plainly(source: str, names: dict[str, Any]) -> Iterator[Entry]:
            prompts.append(_typed(source, names))
            return iter(())

        with monkeypatch.context() as patch:
            patch.setattr(pitfall_run, "transcript", plainly)
            _run(pitfall, bigrams)
        wrong, right = prompts
        _prompts[key] = bigrams, (wrong, right)
        return wrong, right

    return type_both


def plain(value: Any) -> Any:
    """A value as Python's own numbers, lists and tuples; torch's as text."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value if isinstance(value, int | float | str) else repr(value)


def read(answer: str) -> Any:
    """Return the value that an answer writes as a Python literal, or else its text."""
    try:
        return eval(answer, {"inf": math.inf, "nan": math.nan, "__builtins__": {}})
    except (NameError, SyntaxError):
        return answer


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, float):
        return bool(a == pytest.approx(b, rel=1e-5, nan_ok=True))
    return bool(a == b)


@EACH
def test_what_is_shown_is_what_was_run(pitfall: Pitfall, text: Bigrams, typed: Typed) -> None:
    trial, prompts = trial_of(pitfall, text), typed(pitfall, text)
    sides = zip((pitfall.wrong, pitfall.right), (trial.wrong, trial.right), prompts, strict=True)
    for source, entries, prompt in sides:
        assert source.startswith("\n".join(entry.code for entry in entries))
        failed = [entry for entry in entries if entry.failed]
        assert failed == ([] if prompt.error is None else [entries[-1]])
        if prompt.error is None:
            assert source == "\n".join(entry.code for entry in entries)
        else:
            error = f"{type(prompt.error).__name__}: {prompt.error}"
            assert entries[-1].answer.split("\n")[-1] == " ".join(error.split())
        told = [
            read(entry.answer.partition("\n")[2] if "Warning: " in entry.answer else entry.answer)
            for entry in entries
            if entry.answer and not entry.failed
        ]
        values = [plain(value) for value in prompt.values if value is not None]
        shown = [value for value in told if value != ""]
        assert [alike(a, b) for a, b in zip(values, shown, strict=True)] == [True] * len(values)


@EACH
def test_the_right_way_has_nothing_amiss_on_any_text(pitfall: Pitfall, text: Bigrams) -> None:
    for entry in trial_of(pitfall, text).right:
        assert not entry.failed
        assert "Warning" not in entry.answer
        assert "nan" not in entry.answer
        assert "inf" not in entry.answer


@EACH
def test_a_trial_leaves_what_it_was_given_as_it_was(pitfall: Pitfall, emma: Bigrams) -> None:
    needs(pitfall)
    weights, counts = weights_of(emma), emma.counts.copy()
    before = weights.copy()
    first = run(pitfall, emma, weights, lambda table: [], LECTURE_SEED)
    assert np.array_equal(weights, before)
    assert np.array_equal(emma.counts, counts)
    assert run(pitfall, emma, weights, lambda table: [], LECTURE_SEED) == first


@EACH
def test_each_pitfall_says_what_it_is(pitfall: Pitfall) -> None:
    said = (pitfall.name, pitfall.title, pitfall.breaks, pitfall.holds, pitfall.fix)
    assert all(said)
    assert len({p.name for p in PITFALLS}) == len(PITFALLS)
    assert pitfall.wrong != pitfall.right
    assert all(len(part.replace("{unseen}", "“jq”")) <= 320 for part in said)
    for source in (pitfall.wrong, pitfall.right):
        assert max(map(len, source.split("\n"))) <= 100


@pytest.mark.parametrize(
    "pitfall", [p for p in PITFALLS if p.variant is not None], ids=lambda pitfall: pitfall.name
)
def test_a_variant_can_be_made_and_differs_from_the_right_one(
    pitfall: Pitfall, tmp_path: Path
) -> None:
    assert pitfall.variant is not None
    path = tmp_path / "a.txt"
    path.write_text("emma\nava\n", "utf-8")
    wrong, right = choose([pitfall.variant.backend]), choose([pitfall.variant.beside])
    session = Session(read_corpus(str(path)), (*right,))
    values = pitfall.variant.settings(session.corpus.train)
    backend = session.configured(wrong[0], values)
    for name, value in values.items():
        assert getattr(backend, name) == value
        assert getattr(session.configured(right[0]), name) != value
    assert values or wrong[0].backend != right[0].backend


def test_without_torch_the_others_work(monkeypatch: pytest.MonkeyPatch, names: Bigrams) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    libraries.torch_library.cache_clear()
    try:
        for pitfall in PITFALLS:
            if pitfall.needs_torch:
                with pytest.raises(ImportError):
                    run(pitfall, names, weights_of(names), lambda table: [], LECTURE_SEED)
            else:
                assert run(pitfall, names, weights_of(names), lambda table: [], LECTURE_SEED)
    finally:
        libraries.torch_library.cache_clear()
    assert {p.name for p in PITFALLS if not p.needs_torch} == {
        "no keepdim", "a zero count", "a plus sign", "η too large", "softmax, no max", "no 1/B",
    }  # fmt: skip


# Without keepdim


def divided(table: Matrix, *, by_column: bool) -> list[list[float]]:
    """Each cell divided by the sum of its row, or by the sum of the row of its column's number."""
    sums = [sum(row) for row in table.tolist()]
    return [
        [value / sums[j if by_column else i] for j, value in enumerate(row)]
        for i, row in enumerate(table.tolist())
    ]


def nll_by_loop(table: list[list[float]], counts: Counts) -> float:
    cells = [
        count * math.log(table[i][j])
        for i, row in enumerate(counts.tolist())
        for j, count in enumerate(row)
        if count
    ]
    return -math.fsum(cells) / float(counts.sum())


def test_without_keepdim_the_loss_is_the_right_one(text: Bigrams, typed: Typed) -> None:
    wrong, right = typed(BY_NAME["no keepdim"], text)
    expected = nll_by_loop(divided(text.counts + 1.0, by_column=False), text.counts)
    assert wrong.values[-1] == pytest.approx(expected, abs=1e-12)
    assert right.values[-1] == pytest.approx(expected, abs=1e-12)
    assert wrong.names["P"] == pytest.approx(np.array(divided(text.counts + 1.0, by_column=True)))


def test_without_keepdim_rows_and_names_of_the_bundled_names_give_it_away(
    names: Bigrams, typed: Typed
) -> None:
    wrong, right = typed(BY_NAME["no keepdim"], names)
    (least, most), sampled, _ = wrong.values
    assert least < 0.1
    assert most > 6
    assert right.values[0] == pytest.approx((1, 1), abs=1e-12)
    assert sampled != right.values[1]
    assert right.values[1] == ["mor", "axx", "minaymoryles"]


lines = st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=6)


@given(lines=lines, alpha=st.sampled_from([0.0, 0.5, 1.0]))
def test_without_keepdim_rows_sum_to_1_only_if_all_tokens_are_equally_frequent(
    count_lines: CountLines, lines: list[str], alpha: float
) -> None:
    """The table is that of the lines read backwards, turned over: so its columns sum to 1."""
    bigrams = count_lines(lines)
    table = np.array(divided(bigrams.counts + alpha, by_column=True))
    assert np.allclose(table.sum(axis=0), 1, rtol=0, atol=1e-12)
    equal = len(set(bigrams.row_sums.tolist())) == 1
    assert np.allclose(table.sum(axis=1), 1, rtol=0, atol=1e-9) == equal
    backwards = count_lines(line[::-1] for line in lines)
    assert np.allclose(table.T, divided(backwards.counts + alpha, by_column=False), rtol=1e-12)


def test_without_keepdim_neither_rows_nor_columns_of_exp_w_sum_to_1(text: Bigrams) -> None:
    """Nor can the loss see it: it is the same function of W, and so has the same slopes."""
    weights = np.random.default_rng(5).standard_normal(text.counts.shape)
    table = np.array(divided(np.exp(weights), by_column=True))
    assert abs(table.sum(axis=0) - 1).max() > 0.01
    assert abs(table.sum(axis=1) - 1).max() > 0.01
    right = divided(np.exp(weights), by_column=False)
    loss = nll_by_loop(right, text.counts)
    assert nll_by_loop(table.tolist(), text.counts) == pytest.approx(loss, abs=1e-12)


# A zero count


def test_a_zero_count_is_infinitely_surprising_unless_it_is_smoothed(
    text: Bigrams, typed: Typed
) -> None:
    wrong, right = typed(BY_NAME["a zero count"], text)
    first, _ = unseen_bigram(text)
    assert wrong.values == [0, math.inf]
    smoothed = 1 / (sum(text.counts[first].tolist()) + len(text.vocabulary))
    assert right.values == pytest.approx([smoothed, -math.log(smoothed)])
    trial = trial_of(BY_NAME["a zero count"], text)
    assert trial.wrong[-1].answer.startswith("RuntimeWarning: divide by zero encountered in log\n")
    # What holds: the loss of the counted text itself.
    seen = [i for i, row in enumerate(text.counts.tolist()) if sum(row)]
    assert math.isfinite(nll_by_loop(wrong.names["P"].tolist(), text.counts))
    assert wrong.names["P"][seen].sum(axis=1) == pytest.approx(np.ones(len(seen)))


def test_finite_logits_give_no_zero_even_without_a_penalty(names: Bigrams) -> None:
    weights, share = weights_of(names), names.counts / names.total
    for _ in range(200):
        table = np.array(divided(np.exp(weights), by_column=False))
        assert table.min() > 0
        weights = weights - 50 * (share.sum(axis=1, keepdims=True) * table - share)


def test_the_unseen_bigram_of_the_bundled_names_is_the_lectures(names: Bigrams) -> None:
    assert names.vocabulary.decode(unseen_bigram(names)) == "jq"


@pytest.mark.parametrize(
    ("lines", "unseen"),
    [(["jq"], "jj"), (["jjq"], "qj"), (["ab", "bb", "a"], "aa"), (["aa"], ".."), (["a"], "aa")],
)
def test_the_unseen_bigram_is_in_a_word_if_one_can_be(
    count_lines: CountLines, lines: list[str], unseen: str
) -> None:
    bigrams = count_lines(lines)
    assert bigrams.vocabulary.decode(unseen_bigram(bigrams)) == unseen


@given(lines=lines)
def test_the_unseen_bigram_never_occurs(count_lines: CountLines, lines: list[str]) -> None:
    bigrams = count_lines(lines)
    first, second = unseen_bigram(bigrams)
    assert bigrams.counts[first, second] == 0
    if 0 in (first, second):
        assert bigrams.counts[1:, 1:].all()


# What torch complains of


def errors_of(torch: Any, size: int, width: int, length: int) -> dict[str, Callable[[], Any]]:
    """The same mistakes without the lessons' names. width: that of the narrow one-hot."""
    leaf = torch.zeros(size, size, requires_grad=True)
    return {
        "torch.Tensor": lambda: torch.nn.functional.one_hot(torch.zeros(length), size),
        "integer one-hot": lambda: (
            torch.zeros(length, size, dtype=torch.int64) @ torch.zeros(size, size)
        ),
        "no num_classes": lambda: torch.zeros(length, width) @ torch.zeros(size, size),
        "no requires_grad": lambda: torch.zeros(()).backward(),
        "req_grad": lambda: torch.randn((2, 2), generator=torch.Generator(), req_grad=True),
        "update in the graph": lambda: leaf.add_(1),
        "W reassigned": lambda: 0.1 * None,  # type: ignore[operator]
    }


SAID = {
    "torch.Tensor": "one_hot is only applicable to index tensor",
    "integer one-hot": "same dtype",
    "no num_classes": "shapes cannot be multiplied",
    "no requires_grad": "does not require grad",
    "req_grad": "req_grad",
    "update in the graph": "leaf Variable",
    "W reassigned": "NoneType",
}


@pytest.mark.parametrize("name", SAID)
def test_the_error_is_that_of_the_installed_torch(name: str, text: Bigrams, typed: Typed) -> None:
    torch = pytest.importorskip("torch")
    wrong, _ = typed(BY_NAME[name], text)
    xs = wrong.names["xs"]
    with pytest.raises((RuntimeError, TypeError), match=SAID[name]) as caught:
        errors_of(torch, len(text.vocabulary), max(xs) + 1, len(xs))[name]()
    failed = trial_of(BY_NAME[name], text).wrong[-1]
    assert failed.failed
    error = " ".join(f"{type(caught.value).__name__}: {caught.value}".split())
    assert failed.answer.split("\n")[-1] == error


def answer(entries: tuple[Entry, ...], code: str) -> str:
    return next(entry.answer for entry in entries if entry.code == code)


def test_capital_t_makes_floats_and_counts_instead_of_values(text: Bigrams, typed: Typed) -> None:
    trial = trial_of(BY_NAME["torch.Tensor"], text)
    assert answer(trial.wrong, "torch.Tensor(5).shape") == "torch.Size([5])"
    assert answer(trial.right, "torch.tensor(5).shape") == "torch.Size([])"
    assert answer(trial.wrong, "X.dtype") == "torch.float32"
    assert answer(trial.right, "X.dtype") == "torch.int64"
    wrong, _ = typed(BY_NAME["torch.Tensor"], text)
    xs = wrong.names["xs"]
    assert (wrong.names["X"] * 2 + 1).tolist() == [2 * x + 1 for x in xs]  # arithmetic holds


def test_the_batch_lacks_the_last_token_and_so_a_one_hot_is_too_narrow(
    text: Bigrams, names: Bigrams, typed: Typed
) -> None:
    size = len(text.vocabulary)
    wrong, right = typed(BY_NAME["no num_classes"], text)
    shape = tuple(wrong.names["Xenc"].shape)
    assert shape == (len(wrong.names["xs"]), max(wrong.names["xs"]) + 1)
    assert shape[1] < size
    assert tuple(right.names["Xenc"].shape) == (shape[0], size)
    # What holds: a batch that happens to have the last token is as wide as it has to be.
    lucky = wrong.names["torch"].tensor([*wrong.names["xs"], size - 1])
    assert wrong.names["F"].one_hot(lucky).shape == (shape[0] + 1, size)
    emma = trial_of(BY_NAME["no num_classes"], names)
    assert answer(emma.wrong, "Xenc.shape") == "torch.Size([5, 14])"
    assert answer(emma.right, "Xenc.shape") == "torch.Size([5, 27])"


def test_the_forward_pass_is_right_without_requires_grad(names: Bigrams) -> None:
    """The lecture's loss of "emma" with its first weights."""
    trial = trial_of(BY_NAME["no requires_grad"], names)
    assert answer(trial.wrong, "loss") == "tensor(3.7693)"
    assert answer(trial.right, "loss").startswith("tensor(3.7693, grad_fn=")


def test_a_rebound_w_is_no_leaf_and_says_so_in_a_warning(text: Bigrams) -> None:
    trial = trial_of(BY_NAME["W reassigned"], text)
    assert answer(trial.wrong, "W.is_leaf") == "False"
    assert answer(trial.right, "W.is_leaf") == "True"
    warning, error = trial.wrong[-1].answer.split("\n")
    assert "not a leaf Tensor" in warning
    assert error.startswith("TypeError: ")
    assert [entry.code for entry in trial.wrong][-1] == "W = W - 0.1 * W.grad"


@pytest.mark.parametrize(("name", "updates"), [("update in the graph", 1), ("W reassigned", 2)])
def test_the_right_updates_lower_the_loss_of_the_word(
    name: str, updates: int, text: Bigrams, typed: Typed
) -> None:
    _, right = typed(BY_NAME[name], text)
    xs, ys, weights = right.names["xs"], right.names["ys"], weights_of(text)
    for _ in range(updates):
        slope = np.zeros_like(weights)
        for x, y in zip(xs, ys, strict=True):
            odds = np.exp(weights[x])
            slope[x] += odds / odds.sum() / len(xs)
            slope[x, y] -= 1 / len(xs)
        weights = weights - 0.1 * slope
    expected = np.mean(
        [math.log(np.exp(weights[x]).sum()) - weights[x, y] for x, y in zip(xs, ys, strict=True)]
    )
    assert right.values[-1].item() == pytest.approx(expected, abs=1e-5)
    assert right.names["W"].detach().numpy() == pytest.approx(weights, abs=1e-5)


# Training


def total_of(weights: Matrix, bigrams: Bigrams) -> tuple[float, Matrix]:
    """NLL + λ·mean(W²) and its slopes, by log-sum-exp."""
    with np.errstate(over="ignore", invalid="ignore"):
        top = weights.max(axis=1, keepdims=True)
        log_p = weights - top - np.log(np.exp(weights - top).sum(axis=1, keepdims=True))
        share = bigrams.counts / bigrams.total
        loss = -np.where(share > 0, share * log_p, 0).sum() + L2 * (weights**2).mean()
        slope = share.sum(axis=1, keepdims=True) * np.exp(log_p) - share
        return float(loss), slope + 2 * L2 * weights / weights.size


def descent(bigrams: Bigrams, eta: float, *, reset: bool = True, sign: int = -1) -> list[float]:
    weights, slope, losses = weights_of(bigrams), np.zeros_like(bigrams.counts, float), []
    for _ in range(51):
        loss, own = total_of(weights, bigrams)
        slope = own if reset else slope + own
        losses.append(loss)
        weights = weights + sign * eta * slope
    return losses


def test_the_steady_rate_is_the_lectures_for_the_bundled_names(names: Bigrams) -> None:
    assert steady_rate(names, weights_of(names)) == 50


@pytest.mark.parametrize("name", LOOPS)
def test_the_right_loss_falls_at_every_step(name: str, text: Bigrams, typed: Typed) -> None:
    _, right = typed(BY_NAME[name], text)
    losses = right.names["losses"]
    assert len(losses) == 51
    assert np.diff(losses).max() < 1e-6 if name == "no reset" else np.diff(losses).max() < 0
    assert right.values[-1] == losses[::10]


@given(lines=lines, seed=st.integers(0, 99))
def test_at_the_steady_rate_the_loss_falls_at_every_step(
    count_lines: CountLines, lines: list[str], seed: int
) -> None:
    bigrams = count_lines(lines)
    weights = start_weights(len(bigrams.vocabulary), seed)
    eta = steady_rate(bigrams, weights)
    losses = []
    for _ in range(40):
        loss, slope = total_of(weights, bigrams)
        losses.append(loss)
        weights = weights - eta * slope
    assert np.diff(losses).max() < 1e-12


@pytest.mark.parametrize("name", [name for name in LOOPS if name != "no 1/B"])
def test_the_right_losses_are_those_of_another_loop(name: str, text: Bigrams, typed: Typed) -> None:
    _, right = typed(BY_NAME[name], text)
    expected = descent(text, right.names["eta"])
    exact = 1e-4 if BY_NAME[name].needs_torch else 1e-9
    assert right.names["losses"] == pytest.approx(expected, rel=exact)


def test_without_a_reset_steps_go_by_the_sum_of_all_gradients(text: Bigrams, typed: Typed) -> None:
    wrong, right = typed(BY_NAME["no reset"], text)
    losses, eta = wrong.names["losses"], right.names["eta"]
    expected = descent(text, eta, reset=False)
    assert losses[:12] == pytest.approx(expected[:12], rel=1e-3)  # float32, and it swings
    assert losses[:2] == pytest.approx(right.names["losses"][:2], rel=1e-6)
    assert np.diff(losses).max() > 0.01
    assert losses[-1] > right.names["losses"][-1] + 0.1


def test_without_a_reset_the_bundled_names_swing(names: Bigrams, typed: Typed) -> None:
    """The lecture's figures are for its own file; these are near: 3.379, 3.019, 2.912, 3.315."""
    wrong, _ = typed(BY_NAME["no reset"], names)
    expected = descent(names, 50, reset=False)
    assert wrong.names["losses"] == pytest.approx(expected, rel=1e-3)
    near = [wrong.names["losses"][k] for k in (1, 2, 5, 50)]
    assert near == pytest.approx([3.379, 3.019, 2.912, 3.315], abs=0.02)


def test_a_plus_sign_raises_the_loss_at_every_step(text: Bigrams, typed: Typed) -> None:
    wrong, right = typed(BY_NAME["a plus sign"], text)
    losses = wrong.names["losses"]
    assert losses == pytest.approx(descent(text, right.names["eta"], sign=1), rel=1e-6)
    assert np.diff(losses).min() > 0


def test_beyond_the_critical_rate_a_minimum_repels(text: Bigrams) -> None:
    weights = gradient_optimum(text, L2).weights
    assert weights is not None
    assert abs(total_of(weights, text)[1]).max() < 1e-9  # a minimum it is
    near = weights + 1e-6 * np.random.default_rng(1).standard_normal(weights.shape)
    for multiple, repels in ((0.95, False), (1.05, True)):
        moved = near
        for _ in range(150):
            moved = moved - multiple * critical_rate(text, L2) * total_of(moved, text)[1]
        assert (abs(moved - weights).max() > abs(near - weights).max()) == repels


def test_five_times_the_critical_rate_never_settles(text: Bigrams, typed: Typed) -> None:
    wrong, right = typed(BY_NAME["η too large"], text)
    losses = wrong.names["losses"]
    assert wrong.names["eta"] == pytest.approx(5 * critical_rate(text, L2))
    expected = descent(text, wrong.names["eta"])[:9]
    finite = np.isfinite(losses[:9])  # ∞ where a P is too small for a number
    assert np.array(losses[:9])[finite] == pytest.approx(np.array(expected)[finite], rel=1e-6)
    assert max(np.diff(losses)) > 0
    assert losses[-1] > right.names["losses"][-1] + 0.5


def test_without_1_over_b_a_step_is_b_times_too_long(text: Bigrams, typed: Typed) -> None:
    """And with an η that is B times smaller it is the right one."""
    wrong, right = typed(BY_NAME["no 1/B"], text)
    assert wrong.values[0] == pytest.approx(text.total * right.values[0], rel=1e-12)
    weights = weights_of(text)
    longer, step = wrong.names["slope"](weights), right.names["slope"](weights)
    eta = right.names["eta"]
    assert eta / text.total * longer == pytest.approx(eta * step, rel=1e-12)
    expected = total_of(weights, text)[1] - 2 * L2 * weights / weights.size
    assert step == pytest.approx(expected, abs=1e-12)


def test_without_1_over_b_the_bundled_names_diverge_at_once(names: Bigrams, typed: Typed) -> None:
    wrong, _ = typed(BY_NAME["no 1/B"], names)
    assert math.isfinite(wrong.names["losses"][0])
    assert not np.isfinite(wrong.names["losses"][1:]).any()


# Softmax


def test_a_softmax_needs_the_maximum_taken_off(text: Bigrams, typed: Typed) -> None:
    wrong, right = typed(BY_NAME["softmax, no max"], text)
    assert np.isposinf(wrong.names["odds"]).all()
    assert np.isnan(wrong.names["P"]).all()
    expected = divided(np.exp(weights_of(text)), by_column=False)  # a constant changes no P
    assert right.names["P"] == pytest.approx(np.array(expected), rel=1e-4)
    assert right.names["P"].dtype == np.float32
    trial = trial_of(BY_NAME["softmax, no max"], text)
    warned = [entry.answer for entry in trial.wrong if "Warning" in entry.answer]
    assert warned == [
        "RuntimeWarning: overflow encountered in exp",
        "RuntimeWarning: invalid value encountered in divide",
    ]


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, "88.72"), (np.float64, "709.78")])
def test_where_exp_overflows(dtype: type[np.floating[Any]], most: str) -> None:
    assert most in BY_NAME["softmax, no max"].breaks
    with np.errstate(over="ignore"):
        assert np.isfinite(np.exp(dtype(float(most))))
        assert np.isposinf(np.exp(dtype(float(most) + 0.01)))


def test_a_text_of_two_tokens_that_are_equally_frequent_hides_the_missing_keepdim() -> None:
    """As the lesson says: where all tokens are equally frequent, rows sum to 1 all the same."""
    bigrams = Bigrams(Vocabulary("a"), np.array([[0, 1], [1, 0]]))
    trial = trial_of(BY_NAME["no keepdim"], bigrams)
    assert answer(trial.wrong, "sums.min(), sums.max()") == "(1, 1)"


def test_a_trial_that_nobody_waits_for_ends(names: Bigrams) -> None:
    pitfall = next(p for p in PITFALLS if p.name == "a plus sign")
    with pytest.raises(CancelledError):
        run(pitfall, names, start_weights(27), lambda _: [], 0, cancelled_at(8))
