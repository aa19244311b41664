"""The tour: its texts fit and are true, it goes on by itself, and it comes uninvited once."""

import os
import stat
from dataclasses import replace
from pathlib import Path
from textwrap import wrap

import numpy as np
import pytest

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.backend import Backend
from bigram_tui.cli import first_run, screen
from bigram_tui.cli.arguments import parse
from bigram_tui.cli.first_run import offer_tour, tour_mark
from bigram_tui.lessons.tour import FAR, NEAR, STEPS, ScreenState, Tour
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.paths import state_folder
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Snapshot
from tests.cli.test_cli import PROGRAM
from tests.system.test_screen import terminal

PICTURE, CELL, UNTRAINED, ONE_STEP, RUNNING, NAMES, COMPARE = range(7)

WIDTH, LINES = 76, 2


def run_of(
    backend: Backend, name: str, bigrams: Bigrams, steps: int = 0, weights: Matrix | None = None
) -> Run:
    start = start_weights(len(bigrams.vocabulary)) if weights is None else weights
    run = Run(backend, bigrams, start, name=name)
    run.advance(steps)
    return run


@pytest.fixture(scope="module")
def trained(names: Bigrams) -> Snapshot:
    """A thousand steps back to 995."""
    run = run_of(NumpyBackend(), "numpy", names, 1000)
    run.seek(995)
    return run.snapshot()


@pytest.fixture(scope="module")
def fresh(names: Bigrams) -> Snapshot:
    return run_of(NumpyBackend(), "numpy", names).snapshot()


@pytest.fixture(scope="module")
def counted(names: Bigrams) -> Snapshot:
    return run_of(CountingBackend(), "count", names).snapshot()


def seen(run: Snapshot, *others: Snapshot, **more: object) -> ScreenState:
    usual: dict[str, object] = {"boundary": ".", "size": 27, "cursor": (0, 1), "compares": False}
    return ScreenState(run, (run, *others), **{**usual, **more})  # type: ignore[arg-type]


def at(place: int) -> Tour:
    """A tour at one of its steps."""
    tour = Tour()
    tour.begin()
    for _ in range(place):
        tour.next()
    assert tour.place == place
    return tour


# What it says


def test_there_are_seven_steps() -> None:
    assert len(STEPS) == 7


def test_every_text_is_one_or_two_lines(
    fresh: Snapshot, trained: Snapshot, counted: Snapshot
) -> None:
    """However a run stands, with the numbers of the bundled names."""
    late = Snapshot("numpy")
    for place, step in enumerate(STEPS):
        for run in (fresh, trained, counted, late):
            for others in ((), (counted,), (trained,), (counted, fresh)):
                for compares in (False, True):
                    text = step.text(seen(run, *others, compares=compares))
                    assert text.strip() == text
                    assert len(wrap(text, WIDTH)) <= LINES, (place, text)


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        (CELL, ["arrow keys"]), (ONE_STEP, ["s takes"]), (RUNNING, ["space", "z goes"]),
        (NAMES, ["g draws", "enter shows"]), (COMPARE, ["c puts"]),
    ],
)  # fmt: skip
def test_the_keys_are_named(fresh: Snapshot, place: int, keys: list[str]) -> None:
    text = STEPS[place].text(seen(fresh))
    assert all(key in text for key in keys), text


def test_the_boundary_is_that_of_the_text(fresh: Snapshot) -> None:
    assert "“■” is where lines start and end" in STEPS[PICTURE].text(seen(fresh, boundary="■"))


def test_an_untrained_run_is_told_by_its_loss(
    names: Bigrams, fresh: Snapshot, trained: Snapshot, counted: Snapshot
) -> None:
    tell = STEPS[UNTRAINED].text
    weights = start_weights(27).astype(float)
    logs = weights - np.log(np.exp(weights).sum(axis=1, keepdims=True))
    nll = -(names.counts * logs).sum() / names.counts.sum()
    text = tell(seen(fresh))
    assert "W is random" in text
    assert f"nll {nll:.4f}" in text
    assert f"log V = {np.log(27):.4f}" in text
    assert f"at nll {nll:.4f}" in tell(seen(trained))
    assert "has taken 995 steps" in tell(seen(trained))
    assert "W is random" not in tell(seen(trained))
    assert "count does not learn" in tell(seen(counted))
    assert "numpy is not loaded yet" in tell(seen(Snapshot("numpy")))


def test_a_start_at_0_is_not_called_random(names: Bigrams) -> None:
    run = run_of(NumpyBackend(), "numpy", names, 0, np.zeros((27, 27)))
    text = STEPS[UNTRAINED].text(seen(run.snapshot()))
    assert "random" not in text
    assert "all of P is 1/V" in text
    assert f"nll {np.log(27):.4f}; equal guesses give log V = {np.log(27):.4f}" in text


def test_a_counting_run_is_not_asked_to_step(counted: Snapshot, fresh: Snapshot) -> None:
    assert "takes no steps" in STEPS[ONE_STEP].text(seen(counted))
    assert "s takes one step" in STEPS[ONE_STEP].text(seen(fresh))


def test_what_steps_have_done_is_told(trained: Snapshot, fresh: Snapshot, names: Bigrams) -> None:
    text = STEPS[RUNNING].text(seen(trained))
    assert text.startswith(f"After 995 steps, nll {fresh.nll:.4f} is now {trained.nll:.4f}. ")
    one = run_of(NumpyBackend(), "numpy", names, 1).snapshot()
    assert STEPS[RUNNING].text(seen(one)).startswith("After 1 step, nll")
    assert STEPS[RUNNING].text(seen(fresh)).startswith("space runs on")


def test_the_models_agree_only_where_the_numbers_say_so(
    trained: Snapshot, fresh: Snapshot, counted: Snapshot
) -> None:
    tell = STEPS[COMPARE].text
    gap = abs(trained.nll - counted.nll)
    assert gap < NEAR < abs(fresh.nll - counted.nll)
    text = tell(seen(trained, counted, compares=True))
    assert f"count: nll {counted.nll:.4f}. numpy after 995 steps: {trained.nll:.4f}" in text
    assert f"{gap:.4f} apart, each by its own way" in text
    text = tell(seen(fresh, counted, compares=True))
    assert "Not the same yet" in text
    assert "its own way" not in text
    assert "B adds another" in tell(seen(trained, compares=True))
    assert "B adds another" in tell(seen(counted, Snapshot("numpy"), compares=True))


def test_an_infinite_loss_agrees_with_nothing(trained: Snapshot, counted: Snapshot) -> None:
    losses = np.full_like(counted.losses, np.inf)
    text = STEPS[COMPARE].text(seen(trained, replace(counted, losses=losses), compares=True))
    assert "nll ∞" in text
    assert "Not the same yet" in text


# Where it is


def test_it_goes_from_the_first_step_to_the_last_and_ends() -> None:
    tour = Tour()
    assert tour.place is None
    assert tour.step is None
    tour.begin()
    places: list[int] = []
    while tour.place is not None:
        places.append(tour.place)
        assert tour.step is STEPS[tour.place]
        tour.next()
    assert places == list(range(7))


def test_it_goes_back_to_the_first_step_and_no_farther() -> None:
    tour = at(2)
    tour.back()
    assert tour.place == 1
    tour.back()
    tour.back()
    assert tour.place == 0


def test_once_left_it_is_nowhere_until_it_begins_again() -> None:
    tour = at(3)
    tour.leave()
    for move in (tour.next, tour.back):
        move()
        assert tour.place is None
    tour.begin()
    assert tour.place == 0


# How it goes on by itself


def test_it_goes_on_once_the_cursor_was_moved_far_enough(fresh: Snapshot) -> None:
    tour = at(CELL)
    for cursor in ((5, 5), (5, 6), (6, 6), (5, 5 - FAR + 1)):
        tour.look(seen(fresh, cursor=cursor))
        assert tour.place == CELL
    tour.look(seen(fresh, cursor=(5, 5 + FAR)))
    assert tour.place == CELL + 1


def test_it_goes_on_after_a_step(names: Bigrams) -> None:
    run = run_of(NumpyBackend(), "numpy", names, 2)
    tour = at(ONE_STEP)
    tour.look(seen(run.snapshot()))
    run.back(1)
    tour.look(seen(run.snapshot()))
    assert tour.place == ONE_STEP, "back is no step"
    run.advance(2)
    tour.look(seen(replace(run.snapshot(), training=True)))
    assert tour.place == ONE_STEP, "nobody reads while all moves"
    tour.look(seen(run.snapshot()))
    assert tour.place == RUNNING


def test_a_run_that_loads_has_not_stepped(fresh: Snapshot) -> None:
    tour = at(ONE_STEP)
    tour.look(seen(Snapshot("numpy")))
    tour.look(seen(fresh))
    assert tour.place == ONE_STEP


def test_it_goes_on_after_running_and_going_back(names: Bigrams) -> None:
    run = run_of(NumpyBackend(), "numpy", names, 1)
    tour = at(RUNNING)
    tour.look(seen(run.snapshot()))
    run.back(1)
    tour.look(seen(run.snapshot()))
    assert tour.place == RUNNING, "it did not run yet"
    run.advance(20)
    tour.look(seen(run.snapshot()))
    assert tour.place == RUNNING, "it did not go back yet"
    run.back(1)
    tour.look(seen(replace(run.snapshot(), training=True)))
    assert tour.place == RUNNING
    tour.look(seen(run.snapshot()))
    assert tour.place == NAMES


def test_another_run_that_is_farther_has_not_done_it(fresh: Snapshot, trained: Snapshot) -> None:
    tour = at(ONE_STEP)
    tour.look(seen(fresh))
    tour.look(seen(replace(trained, name="torch")))
    assert tour.place == ONE_STEP


def test_what_was_done_before_does_not_count(fresh: Snapshot, trained: Snapshot) -> None:
    """A step begins with what is seen first, also when one comes back to it."""
    tour = at(RUNNING)
    tour.look(seen(trained))
    tour.look(seen(trained))
    assert tour.place == RUNNING
    tour = at(CELL)
    tour.look(seen(fresh, cursor=(0, 0)))
    tour.look(seen(fresh, cursor=(9, 9)))
    tour.back()
    tour.look(seen(fresh, cursor=(20, 20)))
    assert tour.place == CELL


@pytest.mark.parametrize("place", [PICTURE, UNTRAINED, NAMES, COMPARE])
def test_other_steps_wait_for_the_reader(
    fresh: Snapshot, trained: Snapshot, counted: Snapshot, place: int
) -> None:
    tour = at(place)
    for run in (fresh, trained, counted):
        for compares in (False, True):
            tour.look(seen(run, cursor=(run.iteration % 27, 3), compares=compares))
    assert tour.place == place


def test_without_a_tour_nothing_is_looked_at(trained: Snapshot) -> None:
    tour = Tour()
    tour.look(seen(trained))
    assert tour.place is None


# Uninvited, once


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nobody was yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_no_test_remembers_anything_where_the_user_does(home: Path) -> None:
    assert state_folder() == home / "state" / "bigram-tui"
    assert tour_mark().parent == state_folder()


def test_it_is_offered_once(home: Path) -> None:
    assert not (home / "state").exists()
    assert offer_tour()
    assert [path.name for path in state_folder().iterdir()] == ["tour-offered"]
    assert not offer_tour()
    assert not offer_tour()


@pytest.mark.usefixtures("home")
def test_whatever_is_there_means_that_it_was_offered() -> None:
    state_folder().mkdir(parents=True)
    tour_mark().write_bytes(b"\xff\x00")
    assert not offer_tour()
    assert tour_mark().read_bytes() == b"\xff\x00"
    tour_mark().unlink()
    tour_mark().mkdir()
    assert not offer_tour()


def test_it_is_not_offered_if_that_cannot_be_remembered(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "state").write_text("a file where the folder is to be")
    assert not offer_tour()
    (home / "state").unlink()
    state_folder().mkdir(parents=True)
    state_folder().chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.geteuid() != 0:  # who may write everywhere
        assert not offer_tour()
    state_folder().chmod(stat.S_IRWXU)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.open", full)
    assert not offer_tour()
    monkeypatch.undo()
    assert not list(home.rglob("tour*"))


# What the command line makes of it


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], True),
        (["names.txt"], True),
        (["names.txt", "--theme", "textual-light", "--no-mouse", "--fps", "5"], True),
        (["--steps", "0"], False),
        (["--steps", "10"], False),
        (["--backend", "numpy"], False),
        (["--run", "numpy:lr=10"], False),
        (["--lr", "1"], False),
        (["--split", "80/20"], False),
        (["--history", "losses.csv"], False),
        (["--no-tour"], False),
    ],
    ids=str,
)
@pytest.mark.usefixtures("home")
def test_only_a_plain_first_start_begins_with_it(arguments: list[str], wanted: bool) -> None:
    assert screen.wants_tour(parse(arguments)) == wanted
    assert tour_mark().exists() == wanted, "only what was shown is remembered"
    assert not (wanted and screen.wants_tour(parse(arguments)))


@pytest.mark.usefixtures("home")
def test_who_asks_for_it_always_gets_it() -> None:
    for _ in range(2):
        assert screen.wants_tour(parse(["--tour"]))
        assert screen.wants_tour(parse(["--tour", "--steps", "10"]))
    assert first_run.offer_tour(), "that was no offer"
    assert screen.wants_tour(parse(["--tour"]))


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_on_a_terminal_the_first_visit_begins_with_it_and_the_second_does_not() -> None:
    for visit, toured in ((1, True), (2, False)):
        with terminal(*PROGRAM) as opened:
            opened.wait_for("tour 1/7" if toured else "under the cursor")
            assert tour_mark().exists(), "as soon as it is shown"
            opened.send("v")
            opened.wait_for("N counts")
            opened.send("q")
            assert opened.wait_for_end() == 0
            assert ("tour 1/7" in opened.shown) == toured, visit
