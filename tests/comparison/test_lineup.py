"""The list of runs: what comes, goes and moves, names that stay distinct, and one reference.

Nothing here sleeps for a fixed time: it waits until something is so, and fails after 20 seconds.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import pytest

from bigram_tui.comparison.lineup import Lineup
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.training.registry import BackendSource, choose
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Status
from tests.training.test_runner import wait_until

MakeLineup = Callable[..., Lineup]

SETTINGS = {"numpy": {"learning_rate": "7"}, "slow": {"learning_rate": "0.25"}}


@pytest.fixture
def idle() -> threading.Semaphore:
    """Released whenever a run has carried out all its orders."""
    return threading.Semaphore(0)


@pytest.fixture
def make_lineup(tiny: Bigrams, idle: threading.Semaphore) -> Iterator[MakeLineup]:
    """Makes lineups of bundled backends, "numpy:slow" being one by another name."""
    before = set(threading.enumerate())
    lineups: list[Lineup] = []

    def make(*runs: str, reference: str | None = None) -> Lineup:
        sources = []
        for run in runs:
            backend, _, name = run.partition(":")
            (source,) = choose([backend])
            sources.append(source.alias(name) if name else source)
        corpus = Corpus("tiny.txt", 3, tiny, None, None, None)
        session = Session(corpus, tuple(sources), common={"l2": "0.5"}, individual=SETTINGS)
        lineups.append(Lineup(session, idle.release, reference))
        return lineups[-1]

    yield make
    for lineup in lineups:
        for runner in lineup.runners:
            runner.close()
    wait_until(lambda: set(threading.enumerate()) <= before, "for the threads to end")


def names(lineup: Lineup) -> list[str]:
    return [runner.name for runner in lineup.runners]


def loaded(runner: Runner) -> Runner:
    runner.start()
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration >= 0)
    return runner


def settings(runner: Runner) -> dict[str, object]:
    return dict(loaded(runner).snapshot.settings)


def is_zero(weights: Matrix | None) -> bool:
    assert weights is not None
    return not weights.any()


def changed(runner: Runner) -> Runner:
    """At iteration 6, with another η since iteration 4."""
    for iteration in (4, 6):
        loaded(runner).step(iteration - runner.snapshot.iteration)
        wait_until(
            lambda reached=iteration: runner.is_idle and runner.snapshot.iteration == reached  # type: ignore[misc]
        )
        runner.set("learning_rate", 3)
    wait_until(lambda: runner.is_idle and runner.snapshot.changes == (4,))
    return runner


# Who is in it


def test_there_is_one_run_for_each_backend_of_the_session_in_its_order(
    make_lineup: MakeLineup,
) -> None:
    lineup = make_lineup("numpy", "count", "numpy:slow")
    assert names(lineup) == ["numpy", "count", "slow"]
    assert [lineup.source_of(runner).backend for runner in lineup.runners] == [
        "numpy",
        "count",
        "numpy",
    ]
    assert not any(runner.started for runner in lineup.runners)
    values = {runner.name: settings(runner) for runner in lineup.runners}
    assert values == {
        "numpy": {"learning_rate": 7.0, "l2": 0.5},
        "count": {"smoothing": 1.0},
        "slow": {"learning_rate": 0.25, "l2": 0.5},
    }
    assert [runner.snapshot.name for runner in lineup.runners] == names(lineup)


def test_every_run_says_when_it_is_idle(make_lineup: MakeLineup, idle: threading.Semaphore) -> None:
    lineup = make_lineup("numpy", "count")
    added = lineup.add(lineup.source_of(lineup.runners[0]), lineup.runners[0])
    for runner in (*lineup.runners, lineup.copy(added)):
        assert not idle.acquire(blocking=False)
        runner.start()
        assert idle.acquire(timeout=20)


def test_a_tuple_of_runs_that_was_taken_stays_as_it_is(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("numpy", "count")
    taken = lineup.runners
    lineup.move(taken[0], 1)
    lineup.copy(taken[0])
    lineup.remove(taken[1])
    assert [runner.name for runner in taken] == ["numpy", "count"]
    assert names(lineup) == ["numpy", "numpy #2"]


# Adding and copying


def test_names_stay_distinct(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("numpy", "count", "numpy", "numpy:slow", "numpy:numpy #4")
    assert names(lineup) == ["numpy", "count", "numpy #2", "slow", "numpy #4"]
    for _ in range(3):
        lineup.copy(lineup.runners[0])
    lineup.copy(lineup.runners[-2])  # another name is of the backend too
    lineup.add(choose(["count"])[0], lineup.runners[-1])
    assert len(set(names(lineup))) == len(lineup.runners) == 10
    assert set(names(lineup)) == {
        *("numpy", "slow", "count", "count #2"),
        *(f"numpy #{number}" for number in (2, 3, 4, 5, 6, 7)),
    }
    for runner in lineup.runners:
        assert loaded(runner).snapshot.name == runner.name


def test_a_name_that_became_free_is_taken_again(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("numpy", "numpy", "numpy")
    lineup.remove(lineup.runners[1])
    lineup.remove(lineup.runners[0])
    assert names(lineup) == ["numpy #3"]
    source = choose(["numpy"])[0]
    for _ in range(3):
        lineup.add(source, lineup.runners[-1])
    assert names(lineup) == ["numpy #3", "numpy", "numpy #2", "numpy #4"]


def test_what_is_added_comes_after_the_run_that_is_named_with_the_values_of_the_session(
    make_lineup: MakeLineup,
) -> None:
    lineup = make_lineup("numpy", "count")
    first, last = lineup.runners
    loaded(first).set("learning_rate", 3)
    wait_until(lambda: first.snapshot.settings["learning_rate"] == 3.0)
    added = lineup.add(lineup.source_of(first), first)
    assert lineup.runners == (first, added, last)
    assert not added.started
    assert settings(added) == {"learning_rate": 7.0, "l2": 0.5}
    assert lineup.source_of(added).backend == "numpy"
    at_end = lineup.add(lineup.source_of(last), last)
    assert lineup.runners == (first, added, last, at_end)


def test_what_is_added_may_have_a_name_values_and_a_start_of_its_own(
    make_lineup: MakeLineup,
) -> None:
    lineup = make_lineup("numpy", "count")
    numpy, count = lineup.runners
    source = lineup.source_of(numpy)
    added = lineup.add(source, numpy, name="bold", values={"learning_rate": 9.0}, start="zeros")
    assert lineup.runners == (numpy, added, count)
    assert settings(added) == {"learning_rate": 9.0, "l2": 0.5}
    assert lineup.source_of(added).backend == "numpy"
    assert added.snapshot.name == "bold"
    assert is_zero(added.snapshot.weights)
    assert not is_zero(loaded(numpy).snapshot.weights)
    again = lineup.add(source, numpy, name="bold")
    assert names(lineup) == ["numpy", "bold #2", "bold", "count"]
    assert settings(again) == {"learning_rate": 7.0, "l2": 0.5}
    assert not is_zero(again.snapshot.weights)
    assert lineup.add(source, numpy, name="bold").name == "bold #3"


def test_a_copy_has_the_start_of_the_original(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("numpy", "count")
    numpy = lineup.runners[0]
    zero = loaded(lineup.add(lineup.source_of(numpy), numpy, start="zeros"))
    zero.step(3)
    wait_until(lambda: zero.snapshot.iteration == 3)
    copy = lineup.copy(zero)
    for runner in (copy, lineup.copy(copy)):
        assert is_zero(loaded(runner).snapshot.weights)
        assert is_zero(runner.snapshot.start_weights)
    lineup.remove(zero)
    assert not is_zero(loaded(lineup.copy(numpy)).snapshot.weights)


def test_a_copy_has_the_hyperparameters_that_the_original_now_has(
    make_lineup: MakeLineup,
) -> None:
    lineup = make_lineup("numpy", "numpy:slow", "count")
    original = lineup.runners[1]
    changed(original)
    copy = lineup.copy(original)
    assert names(lineup) == ["numpy", "slow", "numpy #2", "count"]
    original.set("l2", 0.125)
    wait_until(lambda: original.snapshot.settings["l2"] == 0.125)
    assert settings(copy) == {"learning_rate": 3.0, "l2": 0.5}
    assert copy.snapshot.iteration == 0
    assert copy.snapshot.changes == ()
    again = lineup.copy(copy)
    assert settings(again) == {"learning_rate": 3.0, "l2": 0.5}
    copy.set("learning_rate", 11)
    wait_until(lambda: copy.snapshot.settings["learning_rate"] == 11.0)
    assert (settings(again)["learning_rate"], settings(original)["learning_rate"]) == (3.0, 3.0)


def test_a_copy_is_of_where_the_original_looks(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("numpy", "count")
    original = changed(lineup.runners[0])
    original.back(4)
    wait_until(lambda: original.is_idle and original.snapshot.iteration == 2)
    assert settings(lineup.copy(original)) == {"learning_rate": 7.0, "l2": 0.5}


def test_a_copy_of_what_was_never_loaded_has_the_values_of_the_session(
    make_lineup: MakeLineup,
) -> None:
    lineup = make_lineup("numpy", "count")
    copy = lineup.copy(lineup.runners[0])
    assert settings(copy) == {"learning_rate": 7.0, "l2": 0.5}
    assert not lineup.runners[0].started


def test_a_copy_and_its_original_learn_on_their_own(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("numpy", "count")
    original = loaded(lineup.runners[0])
    copy = loaded(lineup.copy(original))
    original.step(5)
    wait_until(lambda: original.snapshot.iteration == 5)
    copy.step(5)
    wait_until(lambda: copy.is_idle and copy.snapshot.iteration == 5)
    assert original.snapshot.backend is not copy.snapshot.backend
    assert original.snapshot.probabilities is not None
    assert copy.snapshot.probabilities is not None
    assert original.snapshot.probabilities.tobytes() == copy.snapshot.probabilities.tobytes()


# Removing


def test_what_was_removed_is_gone_and_its_thread_ends(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("count", "numpy", "numpy")
    before = set(threading.enumerate())
    removed = loaded(lineup.runners[1])
    removed.train()
    wait_until(lambda: removed.snapshot.iteration > 10)
    (thread,) = set(threading.enumerate()) - before
    assert thread.name == "numpy"
    lineup.remove(removed)
    assert names(lineup) == ["count", "numpy #2"]
    with pytest.raises(KeyError):
        lineup.source_of(removed)
    wait_until(lambda: not thread.is_alive(), "for the thread of what was removed to end")


def test_where_the_reference_is_removed_the_first_takes_its_place(
    make_lineup: MakeLineup,
) -> None:
    lineup = make_lineup("count", "numpy", "numpy:slow", reference="slow")
    count, numpy, slow = lineup.runners
    assert lineup.reference is slow
    lineup.remove(slow)
    assert lineup.reference is count
    lineup.remove(count)
    assert lineup.reference is numpy


def test_where_another_is_removed_the_reference_stays(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("count", "numpy", "numpy:slow", reference="numpy")
    count, numpy, slow = lineup.runners
    lineup.remove(count)
    assert lineup.reference is numpy
    lineup.move(numpy, 1)
    lineup.remove(slow)
    assert lineup.reference is numpy
    assert lineup.runners == (numpy,)


def test_the_only_run_cannot_be_removed(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("numpy", "count")
    numpy, count = lineup.runners
    lineup.remove(count)
    with pytest.raises(ValueError, match="the only run"):
        lineup.remove(numpy)
    assert lineup.runners == (numpy,)
    assert lineup.reference is numpy
    assert lineup.source_of(numpy).name == "numpy"
    loaded(numpy).step(2)  # nor was its thread ended
    wait_until(lambda: numpy.snapshot.iteration == 2)


def test_what_is_not_in_it_cannot_be_moved_removed_or_copied(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("numpy", "count", "numpy:slow")
    gone = lineup.runners[1]
    lineup.remove(gone)
    for act in (lineup.remove, lineup.copy, lambda runner: lineup.move(runner, 1)):
        with pytest.raises(ValueError, match="not in"):
            act(gone)
        assert names(lineup) == ["numpy", "slow"]


# Moving


@pytest.mark.parametrize(
    ("place", "places", "expected"),
    [(0, 1, "bacd"), (0, 2, "bcad"), (0, 3, "bcda"), (0, 4, "bcda"), (0, 99, "bcda"),
     (2, -1, "acbd"), (2, -2, "cabd"), (2, -3, "cabd"), (2, -99, "cabd"),
     (3, 1, "abcd"), (0, -1, "abcd"), (1, 0, "abcd")],
)  # fmt: skip
def test_a_run_moves_by_some_places_at_most_to_an_end(
    make_lineup: MakeLineup, place: int, places: int, expected: str
) -> None:
    lineup = make_lineup("count:a", "count:b", "count:c", "count:d", reference="b")
    moved, reference = lineup.runners[place], lineup.reference
    lineup.move(moved, places)
    assert "".join(names(lineup)) == expected
    assert lineup.runners[expected.index(moved.name)] is moved
    assert lineup.reference is reference


def test_every_order_can_be_had(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("count:a", "count:b", "count:c")
    by_name = {runner.name: runner for runner in lineup.runners}
    for order in permutations("abc"):
        for place, name in enumerate(order):
            lineup.move(by_name[name], place - names(lineup).index(name))
        assert names(lineup) == list(order)


def test_while_a_run_is_moved_nobody_sees_a_lineup_without_it(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("count:a", "count:b", "count:c")
    seen: list[set[str]] = []
    sys.setprofile(lambda *_: seen.append(set(names(lineup))))  # at every call and return
    try:
        lineup.move(lineup.runners[0], 1)
    finally:
        sys.setprofile(None)
    assert len(seen) > 2
    assert set.intersection(*seen) == {"a", "b", "c"}


# The reference


@pytest.mark.parametrize(
    ("reference", "expected"), [(None, "count"), ("numpy #2", "numpy #2"), ("nobody", "count")]
)
def test_the_reference_is_the_run_of_that_name_and_else_the_first(
    make_lineup: MakeLineup, reference: str | None, expected: str
) -> None:
    assert make_lineup("count", "numpy", "numpy", reference=reference).reference.name == expected


def test_a_run_that_cannot_be_had_is_in_it_and_says_why(tmp_path: Path, tiny: Bigrams) -> None:
    path = tmp_path / "gone.py"
    corpus = Corpus("tiny.txt", 3, tiny, None, None, None)
    sources = (choose(["count"])[0], BackendSource("gone", str(path), file=path))
    lineup = Lineup(Session(corpus, sources), lambda: None, "gone")
    runner = lineup.reference
    runner.start()
    wait_until(lambda: runner.snapshot.status is Status.FAILED)
    assert runner.snapshot.message.startswith("gone can't be read: ")
    copy = lineup.copy(runner)
    copy.start()
    wait_until(lambda: copy.snapshot.status is Status.FAILED)
    assert names(lineup) == ["count", "gone", "gone #2"]
    lineup.remove(runner)
    lineup.remove(copy)
    assert names(lineup) == ["count"]
    wait_until(lambda: not {thread.name for thread in threading.enumerate()} & {"gone", "gone #2"})


def test_runs_never_share_a_mark(make_lineup: MakeLineup) -> None:
    lineup = make_lineup("count", "numpy", "numpy:other")
    first, *_, last = lineup.runners
    kept = {runner: lineup.mark_of(runner) for runner in lineup.runners[1:]}
    lineup.remove(first)
    lineup.copy(loaded(last))
    lineup.copy(loaded(last))
    marks = [lineup.mark_of(runner) for runner in lineup.runners]
    assert len(marks) == len(set(marks)) == 4
    assert {runner: lineup.mark_of(runner) for runner in kept} == kept
