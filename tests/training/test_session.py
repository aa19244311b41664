"""Settings reach the backends they are meant for; all start alike; each draw has its own stream."""

from pathlib import Path

import numpy as np
import pytest

from bigram_tui.corpus.corpus import Corpus
from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.sampling import Sample, draw_samples, uniforms
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import BackendError, BackendSource, choose
from bigram_tui.training.run import Run
from bigram_tui.training.session import STARTS, Session

DROP_IN = """
from dataclasses import dataclass
import numpy as np
from bigram_tui.backend import Backend, Iteration, hyperparameter

{decorator}
class Mine(Backend):
    depth: int = hyperparameter(2, low=1, high=9)
    l2: float = hyperparameter(0.5, low=0.0, high=1.0)

    def train(self, bigrams, weights):
        yield Iteration(np.full(weights.shape, 1 / len(weights)), weights)
"""


@pytest.fixture(scope="session")
def corpus(names: Bigrams) -> Corpus:
    """The bundled names, in one part."""
    return Corpus("names.txt", 32_257, names, None, None, None)


@pytest.fixture(scope="session")
def table(names: Bigrams) -> Matrix:
    """Their counts as probabilities."""
    counts = names.counts + 1.0
    probabilities: Matrix = counts / counts.sum(axis=1, keepdims=True)
    return probabilities


def drop_in(folder: Path, decorator: str = "@dataclass") -> BackendSource:
    path = folder / "mine.py"
    path.write_text(DROP_IN.format(decorator=decorator), encoding="utf-8")
    return BackendSource("mine", str(path), file=path)


@pytest.fixture
def sources(tmp_path: Path) -> tuple[BackendSource, ...]:
    """Three backends, of which `count` lacks what the others have, and `mine` has a little."""
    return (*choose(["count", "numpy"]), drop_in(tmp_path))


def settings_of(run: Run) -> dict[str, object]:
    return dict(run.snapshot().settings)


# Settings


def test_without_settings_each_backend_has_its_defaults(
    corpus: Corpus, sources: tuple[BackendSource, ...]
) -> None:
    session = Session(corpus, sources)
    assert {source.name: settings_of(session.make_run(source)) for source in sources} == {
        "count": {"smoothing": 1.0},
        "numpy": {"learning_rate": 50.0, "l2": 0.01},
        "mine": {"depth": 2, "l2": 0.5},
    }


def test_a_common_setting_goes_to_the_backends_that_have_it(
    corpus: Corpus, sources: tuple[BackendSource, ...]
) -> None:
    session = Session(corpus, sources, common={"l2": "0.125", "smoothing": "3", "device": "cpu"})
    runs = {source.name: session.make_run(source) for source in sources}
    assert {name: settings_of(run) for name, run in runs.items()} == {
        "count": {"smoothing": 3.0},
        "numpy": {"learning_rate": 50.0, "l2": 0.125},
        "mine": {"depth": 2, "l2": 0.125},
    }
    assert runs["numpy"].backend.l2 == 0.125  # type: ignore[attr-defined]


def test_a_setting_of_one_backend_wins_over_the_common_one(
    corpus: Corpus, sources: tuple[BackendSource, ...]
) -> None:
    session = Session(
        corpus, sources, common={"l2": "0.125"}, individual={"mine": {"l2": "0.25", "depth": "7"}}
    )
    runs = {source.name: settings_of(session.make_run(source)) for source in sources}
    assert runs["numpy"]["l2"] == 0.125
    assert runs["mine"] == {"depth": 7, "l2": 0.25}


def test_an_individual_setting_mends_a_common_one_that_is_out_of_range(
    corpus: Corpus, sources: tuple[BackendSource, ...]
) -> None:
    session = Session(corpus, sources, common={"l2": "5"}, individual={"mine": {"l2": "1"}})
    assert settings_of(session.make_run(sources[1]))["l2"] == 5.0
    assert settings_of(session.make_run(sources[2]))["l2"] == 1.0


@pytest.mark.parametrize(
    ("common", "individual", "reason"),
    [
        ({"l2": "2"}, {}, "l2 is at most 1"),
        ({"l2": "much"}, {}, "l2 is a number"),
        ({}, {"depth": "0"}, "depth is at least 1"),
        ({}, {"depth": "2.5"}, "depth is a whole number"),
        ({}, {"l2": "nan"}, "l2 is a finite number"),
        ({}, {"width": "1"}, "no hyperparameter 'width'; there are: depth, l2"),
    ],
)
def test_a_bad_setting_is_one_line_that_names_the_backend(
    corpus: Corpus,
    tmp_path: Path,
    common: dict[str, object],
    individual: dict[str, object],
    reason: str,
) -> None:
    source = drop_in(tmp_path)
    session = Session(corpus, (source,), common=common, individual={"mine": individual})
    with pytest.raises(BackendError) as caught:
        session.make_run(source)
    message = str(caught.value)
    assert message.startswith("mine: ")
    assert reason in message
    assert "\n" not in message


def test_a_backend_that_is_no_dataclass_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    source = drop_in(tmp_path, decorator="")
    with pytest.raises(BackendError, match=r"^mine: .*@dataclass"):
        Session(corpus, (source,)).make_run(source)


# Start weights


@pytest.mark.parametrize("seed", [LECTURE_SEED, 0, 2**32 - 1])
def test_all_runs_start_from_the_weights_of_the_seed(
    corpus: Corpus, sources: tuple[BackendSource, ...], seed: int
) -> None:
    session = Session(corpus, sources, seed)
    expected = start_weights(27, seed)
    for source in sources[1:]:
        weights = session.make_run(source).snapshot().weights
        assert weights is not None
        np.testing.assert_array_equal(weights, expected)


def test_another_seed_starts_elsewhere(corpus: Corpus) -> None:
    assert not np.array_equal(
        Session(corpus, (), 1).start_weights, Session(corpus, (), 2).start_weights
    )


@pytest.mark.parametrize("seed", [LECTURE_SEED, 3])
def test_a_start_is_the_seeds_weights_or_zeros(corpus: Corpus, seed: int) -> None:
    for start in STARTS:
        session = Session(corpus, (), seed, start=start)
        np.testing.assert_array_equal(session.weights_of("random"), start_weights(27, seed))
        np.testing.assert_array_equal(session.weights_of("zeros"), np.zeros((27, 27)))
        np.testing.assert_array_equal(session.start_weights, session.weights_of(start))


def test_no_other_start_is_known(corpus: Corpus, sources: tuple[BackendSource, ...]) -> None:
    with pytest.raises(ValueError, match="one of random, zeros, not 'ones'"):
        Session(corpus, ()).weights_of("ones")
    with pytest.raises(ValueError, match="not 'ones'"):
        Session(corpus, ()).make_run(sources[1], start="ones")


def test_a_run_may_have_a_start_of_its_own(
    corpus: Corpus, sources: tuple[BackendSource, ...]
) -> None:
    for start in STARTS:
        session = Session(corpus, sources, start=start)
        for source in sources[1:]:
            for wanted in (None, *STARTS):
                run = session.make_run(source, start=wanted).snapshot()
                expected = session.weights_of(wanted or start)
                np.testing.assert_array_equal(run.weights, expected)
                np.testing.assert_array_equal(run.start_weights, expected)


def test_a_run_knows_its_start_wherever_it_is(corpus: Corpus) -> None:
    """Also a backend that makes nothing of it; and each moment has the same array."""
    for name in ("numpy", "count"):
        run = Session(corpus, ()).make_run(choose([name])[0], start="zeros")
        first = run.snapshot().start_weights
        run.advance(5)
        run.back(2)
        run.reset()
        assert run.snapshot().start_weights is first
        assert first is not None
        assert not first.any()


def test_the_seed_is_the_lectures_by_default(corpus: Corpus, table: Matrix) -> None:
    session = Session(corpus, ())
    assert session.seed == 2147483647
    assert [name.text for name in session.sample(table, 3)] == ["mor", "axx", "minaymoryles"]


# Draws


def test_the_first_draw_is_the_stream_of_the_seed(corpus: Corpus, table: Matrix) -> None:
    expected = draw_samples(table, corpus.train.vocabulary, uniforms(7), 10)
    assert Session(corpus, (), 7).sample(table, 10) == expected


@pytest.mark.parametrize(
    ("seed", "draw", "same_as"),
    [
        (7, 1, 8),
        (7, 100, 107),
        (2**31, 1, 2**31 + 1),
        (2**32 - 1, 1, 0),
        (2**32 - 5, 12, 7),
        (0, 2**32 + 3, 3),
    ],
)
def test_a_later_draw_is_the_first_of_a_later_seed(
    corpus: Corpus, table: Matrix, seed: int, draw: int, same_as: int
) -> None:
    later = Session(corpus, (), seed).sample(table, 10, draw)
    assert later == Session(corpus, (), same_as).sample(table, 10)
    assert later == draw_samples(table, corpus.train.vocabulary, uniforms(same_as), 10)


def test_no_two_of_many_draws_are_alike(corpus: Corpus, table: Matrix) -> None:
    session = Session(corpus, (), 7)
    draws = {tuple(name.text for name in session.sample(table, 5, draw)) for draw in range(50)}
    assert len(draws) == 50


def test_the_names_of_one_draw_come_from_one_stream(corpus: Corpus, table: Matrix) -> None:
    session = Session(corpus, (), 7)
    names = session.sample(table, 20)
    assert session.sample(table, 5) == names[:5]
    assert session.sample(table, 0) == []
    used = sum(len(name.text) + 1 for name in names[:5])
    rest = uniforms(7)
    assert rest.peek(used).size == used
    rest.skip(used)
    assert draw_samples(table, corpus.train.vocabulary, rest, 15) == names[5:]


def test_sampling_again_is_the_same_again(corpus: Corpus, table: Matrix) -> None:
    session = Session(corpus, (), 7)
    first: list[Sample] = session.sample(table, 5, 3)
    session.sample(table, 5, 4)
    assert session.sample(table, 5, 3) == first
