"""Runs that move together: one way for all, whoever lags, ends, fails or hangs; and its trails.

Nothing here sleeps for a fixed time: it waits until something is so, and fails after 20 seconds.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from bigram_backends.counting import CountingBackend
from bigram_backends.numpy_gradient import NumpyBackend
from bigram_tui.backend import Backend, Iteration, Matrix, hyperparameter
from bigram_tui.comparison import chunk, lockstep
from bigram_tui.comparison.chunk import lead
from bigram_tui.comparison.distances import distances
from bigram_tui.comparison.frame import Frame, can_go_on
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.comparison.lockstep import Lockstep
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.registry import BackendSource, choose
from bigram_tui.training.run import Run
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot, Status
from tests.conftest import not_none
from tests.training.test_runner import wait_until

START = np.zeros((3, 3))
PROMPT = 5.0
"""Seconds within which an order is answered, on a machine that is busy with other tests too."""

Between = Callable[[Matrix], Matrix]
Make = Callable[[], Backend]
Row = tuple[float, float, float]


@dataclass
class Swing(Backend):
    """Turns an angle, W[0, 0], by `speed` at each update, and counts the updates in W[1, 1].

    P follows the sines of W, so that two of them part and come near each other again and again.
    """

    speed: float = hyperparameter(1.0)
    between: Between = field(default_factory=lambda: lambda weights: weights, kw_only=True)

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        while True:
            odds = np.exp(np.sin(weights))
            yield Iteration(odds / odds.sum(axis=1, keepdims=True), weights)
            weights = self.between(weights + np.diag([self.speed, 1.0, 0.0]))


@dataclass
class Quick(Backend):
    """Yields one model of the same weights again and again."""

    height: float = hyperparameter(0.0)

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        odds = np.exp(weights + self.height * np.eye(len(weights)))
        model = Iteration(odds / odds.sum(axis=1, keepdims=True), weights)
        while True:
            yield model


def diverges(at: int) -> Between:
    return lambda weights: weights * np.nan if weights[1, 1] == at else weights


def raises(at: int) -> Between:
    def between(weights: Matrix) -> Matrix:
        if weights[1, 1] == at:
            raise RuntimeError("the cable is loose")
        return weights

    return between


class Gate:
    """Holds up a backend on its way to an iteration until it is opened."""

    def __init__(self, at: int = 1) -> None:
        self.at = at
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, weights: Matrix) -> Matrix:
        if weights[1, 1] == self.at:
            self.reached.set()
            self.open.wait(60)
        return weights


@dataclass(frozen=True)
class Workshop(Session):
    """A session whose backends are made here; they start from zeros, V = 3."""

    makes: Mapping[str, Make] = field(default_factory=dict)

    def make_run(
        self,
        source: BackendSource,
        values: Mapping[str, object] | None = None,
        start: str | None = None,
    ) -> Run:
        backend = self.makes[source.backend]()
        for name, value in (values or {}).items():
            setattr(backend, name, value)
        return Run(backend, self.corpus.train, START, name=source.name)


class Company:
    """A lineup and its lockstep."""

    def __init__(self, session: Session, reference: str | None, names: tuple[str, ...]) -> None:
        self.idle = threading.Semaphore(0)
        self.lineup = Lineup(session, lambda: None, reference)
        self.lockstep = Lockstep(self.lineup, self.idle.release)
        self.load(*names)

    def load(self, *names: str) -> None:
        """Start runs, and wait until it is clear whether they can be."""
        for name in names:
            self[name].start()
        for name in names:
            wait_until(lambda runner=self[name]: runner.snapshot.status is not Status.LOADING)  # type: ignore[misc]

    def __getitem__(self, name: str) -> Runner:
        (found,) = (runner for runner in self.lineup.runners if runner.name == name)
        return found

    @property
    def frame(self) -> Frame:
        return self.lockstep.frame

    def settle(self) -> Frame:
        """The frame when all is where it is to be."""
        wait_until(lambda: self.lockstep.is_idle, "for the runs to be where they are to be")
        return self.frame

    def step(self, iterations: int) -> Frame:
        self.lockstep.step(iterations)
        return self.settle()

    def seek(self, iteration: int) -> Frame:
        self.lockstep.seek(iteration)
        return self.settle()

    def wait_for(self, iteration: int) -> None:
        wait_until(lambda: self.frame.position >= iteration, f"for iteration {iteration}")

    def iterations(self) -> dict[str, int]:
        """Where the runs stand, in the newest frame."""
        return {runner.name: run.iteration for runner, run in self.frame.snapshots.items()}

    def snapshot(self, name: str) -> Snapshot:
        return self.frame.snapshots[self[name]]

    def maxima(self, name: str) -> np.ndarray:
        """Return the largest differences up to the present position."""
        drift = self.frame.drifts[self[name]]
        return drift.maxima[: self.frame.position - drift.start + 1]

    def beyond(self, name: str) -> np.ndarray:
        """Return the largest differences of all positions that were compared, even later ones."""
        return self.frame.drifts[self[name]].maxima

    def remove(self, name: str) -> None:
        self.lineup.remove(self[name])
        self.lockstep.look()

    def set(self, name: str, hyperparameter: str, value: float) -> None:
        """Set a hyperparameter as a screen does."""
        self[name].set(hyperparameter, value)
        wait_until(lambda: self[name].snapshot.settings[hyperparameter] == value)
        self.lockstep.look()
        self.settle()


Gather = Callable[..., Company]


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What ended a thread that was not to end."""
    found: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: found.append(repr(args.exc_value)))
    return found


@pytest.fixture
def gates() -> list[Gate]:
    """Those that are opened when the test is over."""
    return []


@pytest.fixture
def gather(tiny: Bigrams, names: Bigrams, gates: list[Gate], faults: list[str]) -> Iterator[Gather]:
    """Makes companies, and sees to it that their threads end, and that none did so too early."""
    before = set(threading.enumerate())
    companies: list[Company] = []

    def make(
        makes: Mapping[str, Make] | None = None,
        *,
        reference: str | None = None,
        later: tuple[str, ...] = (),
        **individual: Mapping[str, object],
    ) -> Company:
        """makes: the backends of one run each; without, the bundled ones, as `individual` says.

        later: those that are not loaded at once.
        """
        if makes is None:
            sources = [
                choose([name.split("_")[0]])[0].alias(name.replace("_", " ")) for name in individual
            ]
            values = {name.replace("_", " "): value for name, value in individual.items()}
            corpus = Corpus("names.txt", 32_033, names, None, None, None)
            session = Session(corpus, tuple(sources), individual=values)
        else:
            corpus = Corpus("tiny.txt", 3, tiny, None, None, None)
            fake = tuple(BackendSource(name, "this file") for name in makes)
            session = Workshop(corpus, fake, makes=makes)
        loaded = tuple(source.name for source in session.sources if source.name not in later)
        companies.append(Company(session, reference, loaded))
        return companies[-1]

    yield make
    for gate in gates:
        gate.open.set()
    for company in companies:
        company.lockstep.close()
        for runner in company.lineup.runners:
            runner.close()
    wait_until(lambda: set(threading.enumerate()) <= before, "for the threads to end")
    assert faults == []


def swings(*speeds: float) -> dict[str, Make]:
    """Backends a, b, c, … of such speeds."""
    return {
        name: lambda speed=speed: Swing(speed)  # type: ignore[misc]
        for name, speed in zip("abcdefgh", speeds, strict=False)
    }


def nll_of(table: Matrix, counts: np.ndarray) -> float:
    """−Σ N·log P / B, cell by cell."""
    pairs = zip(counts.flat, table.flat, strict=True)
    return -math.fsum(count * math.log(p) for count, p in pairs if count) / int(counts.sum())


def largest(a: Matrix | None, b: Matrix | None) -> float:
    if a is None or b is None:
        return math.nan
    return max(abs(float(x) - float(y)) for x, y in zip(a.flat, b.flat, strict=True))


def apart(a: Run, b: Run) -> Row:
    """|ΔP|, |ΔW| and |Δnll| of two runs where they stand."""
    one, other = a.snapshot(), b.snapshot()
    nlls = [nll_of(not_none(run.probabilities), run_counts) for run, run_counts in
            ((one, a.bigrams.counts), (other, b.bigrams.counts))]  # fmt: skip
    return (
        largest(one.probabilities, other.probabilities),
        largest(one.weights, other.weights),
        abs(nlls[0] - nlls[1]),
    )


def greatest(a: Row, b: Row) -> Row:
    """Return the larger one of each number of two rows."""
    return max(a[0], b[0]), max(a[1], b[1]), max(a[2], b[2])


def maxima(a: Run, b: Run, iterations: int) -> list[Row]:
    """The running maxima of what two runs have between them, from where they stand on."""
    rows = [apart(a, b)]
    for _ in range(iterations):
        a.advance()
        b.advance()
        now = apart(a, b)
        rows.append(greatest(rows[-1], now))
    return rows


def assert_trail(found: np.ndarray, expected: list[Row]) -> None:
    """P and W to the last bit, and the losses but for the order of their sums."""
    wanted = np.array(expected)
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found[:, :2], wanted[:, :2])
    np.testing.assert_allclose(found[:, 2], wanted[:, 2], rtol=0, atol=1e-13)


def run_of(backend: Backend, bigrams: Bigrams, start: Matrix = START) -> Run:
    return Run(backend, bigrams, start)


# Moving together


def test_nothing_is_moved_before_the_first_order(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company["b"].step(4)
    wait_until(lambda: company["b"].snapshot.iteration == 4)
    company.lockstep.look()
    frame = company.settle()
    assert (frame.position, frame.training, frame.rate) == (0, False, None)
    assert company.iterations() == {"a": 0, "b": 4}


def test_a_step_brings_all_to_the_same_iteration(gather: Gather) -> None:
    company = gather({**swings(1, 2), "numpy": NumpyBackend})
    for k, reached in ((1, 1), (4, 5), (100, 105)):
        frame = company.step(k)
        assert (frame.position, frame.training, frame.rate) == (reached, False, None)
        assert company.iterations() == {"a": reached, "b": reached, "numpy": reached}
    assert not_none(company.snapshot("b").weights)[0, 0] == 210.0


def test_runs_that_were_ahead_or_behind_are_brought_along(gather: Gather) -> None:
    company = gather(swings(1, 2, 3))
    company["b"].step(9)
    company["c"].step(2)
    wait_until(lambda: company["b"].snapshot.iteration == 9)
    wait_until(lambda: company["c"].snapshot.iteration == 2)
    assert company.step(3).position == 3
    assert company.iterations() == {"a": 3, "b": 3, "c": 3}
    company["a"].back(2)
    wait_until(lambda: company["a"].snapshot.iteration == 1)
    company["c"].train()
    wait_until(lambda: company["c"].snapshot.iteration > 50)
    assert company.step(2).position == 5
    assert company.iterations() == {"a": 5, "b": 5, "c": 5}
    for name, speed in zip("abc", (1, 2, 3), strict=True):
        weights = company.snapshot(name).weights
        assert weights is not None
        assert (weights[0, 0], weights[1, 1]) == (5 * speed, 5)


def test_steps_ordered_in_the_middle_of_a_step_add_up(gather: Gather, gates: list[Gate]) -> None:
    gates.append(gate := Gate())
    company = gather({**swings(1), "slow": lambda: Swing(between=gate)})
    company.lockstep.step(2)
    wait_until(gate.reached.is_set)
    company.lockstep.step(3)
    company.lockstep.step(4)
    assert not company.lockstep.is_idle
    gate.open.set()
    assert company.settle().position == 9
    assert company.iterations() == {"a": 9, "slow": 9}


def test_it_trains_until_it_is_paused(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.lockstep.train()
    company.wait_for(500)
    frame = company.frame
    assert frame.training
    assert frame.rate is not None
    assert frame.rate > 0
    assert not company.lockstep.is_idle
    company.lockstep.pause()
    frame = company.settle()
    assert (frame.training, frame.rate) == (False, None)
    assert set(company.iterations().values()) == {frame.position}
    # Had it gone on in between, one step more would lead further.
    assert company.step(1).position == frame.position + 1
    assert set(company.iterations().values()) == {frame.position + 1}


def test_a_step_in_the_middle_of_training_goes_on_from_there_and_ends_it(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.lockstep.train()
    company.wait_for(20)
    seen = company.frame.position
    frame = company.step(3)
    assert not frame.training
    assert frame.position >= seen + 3
    assert set(company.iterations().values()) == {frame.position}


def test_a_step_at_a_slow_pace_is_exact_and_does_not_wait(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.lockstep.train(pace=0.001)
    company.wait_for(1)
    assert company.frame.training
    seen = company.frame.position
    assert company.step(300).position == seen + 300


def test_a_pace_is_a_limit_for_all(gather: Gather) -> None:
    moments: list[float] = []

    def between(weights: Matrix) -> Matrix:
        moments.append(time.monotonic())
        return weights

    company = gather({"timed": lambda: Swing(between=between), **swings(1, 2)})
    company.lockstep.train(pace=100.0)
    wait_until(lambda: len(moments) >= 12)
    company.lockstep.pause()
    company.settle()
    assert moments[11] - moments[0] >= 0.9 * 11 / 100
    assert len(set(company.iterations().values())) == 1


def test_a_look_in_between_does_not_quicken_the_pace(gather: Gather) -> None:
    moments: list[float] = []

    def between(weights: Matrix) -> Matrix:
        moments.append(time.monotonic())
        return weights

    company = gather({"timed": lambda: Swing(between=between)})
    company.lockstep.train(pace=10.0)

    def six() -> bool:
        company.lockstep.look()
        return len(moments) >= 6

    wait_until(six)
    assert moments[5] - moments[0] >= 0.9 * 5 / 10


def test_orders_do_not_wait_for_the_pace(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.lockstep.train(pace=0.001)
    company.wait_for(1)
    company.lockstep.pause()
    assert company.settle().position <= 2
    company.lockstep.train(pace=0.001)
    wait_until(lambda: company.frame.training)
    company.lockstep.seek(40)
    assert company.settle().position == 40


def test_to_pause_twice_stops_also_the_runs_that_are_brought_along(
    gather: Gather, gates: list[Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "REACH_SECONDS", 1e-6)
    for pauses in (1, 2):
        gates.append(gate := Gate(at=30))
        company = gather({**swings(1), "slow": lambda between=gate: Swing(between=between)})
        company.step(1)
        company["a"].step(59)
        wait_until(lambda runner=company["a"]: runner.snapshot.iteration == 60)  # type: ignore[misc]
        company.lockstep.seek(60)
        company.lockstep.train()
        wait_until(gate.reached.is_set)
        for _ in range(pauses):
            company.lockstep.pause()
        gate.open.set()
        frame = company.settle()
        assert (frame.position, frame.training) == (60, False)
        assert company.iterations()["a"] == 60
        assert (company.iterations()["slow"] < 60) == (pauses == 2)
        assert (company["slow"] in frame.now) == (pauses == 1)
        company.step(2)
        assert company.iterations() == {"a": 62, "slow": 62}


def test_it_says_when_all_is_where_it_is_to_be(gather: Gather) -> None:
    company = gather(swings(1, 2))
    assert company.lockstep.is_idle
    assert not company.idle.acquire(blocking=False)
    for position in (5, 10):
        company.lockstep.step(5)
        assert company.idle.acquire(timeout=20)
        wait_until(lambda wanted=position: company.frame.position == wanted)  # type: ignore[misc]
    company.lockstep.look()
    assert company.idle.acquire(timeout=20)


# Going back and forth


def test_every_run_is_bit_for_bit_what_it_was(
    gather: Gather, names: Bigrams, lecture_weights: Matrix
) -> None:
    company = gather(numpy={}, numpy_slow={"learning_rate": 10}, count={})
    runs = {
        "numpy": run_of(NumpyBackend(), names, lecture_weights),
        "numpy slow": run_of(NumpyBackend(10.0), names, lecture_weights),
        "count": run_of(CountingBackend(), names, lecture_weights),
    }
    company.step(400)
    for iteration in (399, 0, 17, 300, 16, 450, 449, 450, 1):
        assert company.seek(iteration).position == iteration
        for name, run in runs.items():
            run.seek(0)
            run.advance(iteration)
            here, expected = company.snapshot(name), run.snapshot()
            assert here.iteration == (0 if name == "count" else iteration)
            assert (
                not_none(here.probabilities).tobytes() == not_none(expected.probabilities).tobytes()
            )
            assert here.nll == expected.nll


def test_to_seek_stops_the_training(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.lockstep.train()
    company.wait_for(100)
    frame = company.seek(30)
    assert (frame.position, frame.training) == (30, False)
    assert company.iterations() == {"a": 30, "b": 30}
    assert all(run.latest >= 100 for run in frame.snapshots.values())


def test_beyond_the_end_of_a_run_it_goes_on_to_it(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company["b"].step(70)
    wait_until(lambda: company["b"].snapshot.iteration == 70)
    assert company.seek(50).position == 50
    assert company.iterations() == {"a": 50, "b": 50}
    assert [company.snapshot(name).latest for name in "ab"] == [50, 70]
    assert company.seek(2000).position == 2000
    assert company.iterations() == {"a": 2000, "b": 2000}


def test_orders_do_not_wait_until_a_far_iteration_is_reached(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.lockstep.seek(1_900_000)
    wait_until(lambda: company.frame.position == 1_900_000 and company.iterations()["b"] > 0)
    given = time.monotonic()
    assert company.seek(7).position == 7
    assert time.monotonic() - given < PROMPT
    assert company.iterations() == {"a": 7, "b": 7}
    assert max(run.latest for run in company.frame.snapshots.values()) < 1_900_000


def test_before_the_first_iteration_there_is_nothing_to_seek(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.step(5)
    assert company.seek(-3).position == 0
    assert company.iterations() == {"a": 0, "b": 0}


def test_to_reset_begins_again_with_the_present_hyperparameters(gather: Gather) -> None:
    company = gather(swings(1, 2, 3))
    company.step(10)
    company.set("b", "speed", 5.0)
    company.step(10)
    company.lockstep.reset()
    frame = company.settle()
    assert frame.position == 0
    for name in "abc":
        run = company.snapshot(name)
        assert (run.iteration, run.latest, run.changes) == (0, 0, ())
        np.testing.assert_array_equal(run.weights, START)
    assert [frame.drifts[company[name]].start for name in "bc"] == [0, 0]
    assert [len(company.maxima(name)) for name in "bc"] == [1, 1]
    company.step(4)
    speeds = [not_none(company.snapshot(name).weights)[0, 0] / 4 for name in "abc"]
    assert speeds == [1, 5, 3]


def test_to_reset_stops_the_training(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.lockstep.train()
    company.wait_for(50)
    company.lockstep.reset()
    frame = company.settle()
    assert (frame.position, frame.training) == (0, False)
    assert [run.latest for run in frame.snapshots.values()] == [0, 0]


# Frames


def test_in_every_frame_of_a_training_all_stand_at_its_iteration(gather: Gather) -> None:
    company = gather(
        {**swings(1, 2), "count": CountingBackend, "short": lambda: Swing(between=raises(700))}
    )
    company.step(1)
    company.lockstep.train()
    frames: list[Frame] = []
    limit = time.monotonic() + 20
    while company.frame.position < 5000:
        assert time.monotonic() < limit
        if not frames or company.frame is not frames[-1]:
            frames.append(company.frame)
        time.sleep(0)
    company.lockstep.pause()
    company.settle()
    assert len(frames) > 10
    for frame in frames:
        by_name = {runner.name: run for runner, run in frame.snapshots.items()}
        assert {run.iteration for run in by_name.values() if can_go_on(run)} == {frame.position}
        assert by_name["count"].iteration == 0
        assert by_name["short"].iteration == min(699, frame.position)
        for name, speed in (("a", 1), ("b", 2)):
            assert not_none(by_name[name].weights)[0, 0] == speed * frame.position
        assert {runner.name for runner in frame.now} >= {"b", "count"}
        for runner, now in frame.now.items():
            assert now.since == frame.position
            assert now.probability <= frame.drifts[runner].maxima[frame.position, 0]
        for runner, drift in frame.drifts.items():
            behind = runner.name == "short" and frame.position > 699
            assert len(drift.maxima) == (700 if behind else frame.position + 1)


def test_while_runs_are_brought_along_the_frames_tell_where_to(
    gather: Gather, gates: list[Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "REACH_SECONDS", 1e-6)  # one iteration and then another frame
    gates.append(gate := Gate(at=30))
    company = gather({**swings(1), "slow": lambda: Swing(between=gate)})
    company.step(20)
    company.lockstep.seek(40)
    wait_until(gate.reached.is_set)
    frame = company.frame
    assert (frame.position, frame.training) == (40, False)
    assert 20 < company.iterations()["slow"] < 30
    gate.open.set()
    assert company.settle().position == 40
    assert company.iterations() == {"a": 40, "slow": 40}


def test_frames_that_were_taken_do_not_change(gather: Gather) -> None:
    company = gather(swings(1, 2))
    early = company.step(30)
    drift = early.drifts[company["b"]]
    rows, iterations = drift.maxima.copy(), company.iterations()
    company.step(500)
    company.seek(10)
    company.set("b", "speed", 7.0)
    company.step(100)
    np.testing.assert_array_equal(drift.maxima, rows)
    assert {runner.name: run.iteration for runner, run in early.snapshots.items()} == iterations
    with pytest.raises(ValueError, match="read-only"):
        drift.maxima[0, 0] = 1


# Trails


def test_a_trail_is_that_of_a_plain_loop_over_two_runs(
    gather: Gather, names: Bigrams, lecture_weights: Matrix
) -> None:
    company = gather(numpy={}, numpy_slow={"learning_rate": 1}, numpy_twin={}, count={})
    company.step(3)
    company.lockstep.step(40)
    company.settle()
    company.step(17)
    others = {
        "numpy slow": NumpyBackend(1.0),
        "numpy twin": NumpyBackend(),
        "count": CountingBackend(),
    }
    assert {runner.name for runner in company.frame.drifts} == others.keys()
    for name, backend in others.items():
        expected = maxima(
            run_of(NumpyBackend(), names, lecture_weights),
            run_of(backend, names, lecture_weights),
            60,
        )
        assert company.frame.drifts[company[name]].start == 0
        assert_trail(company.maxima(name), expected)
    assert not company.maxima("numpy twin").any()
    assert np.isnan(company.maxima("count")[:, 1]).all()


def test_a_trail_is_of_the_maxima_where_runs_come_near_again(gather: Gather, tiny: Bigrams) -> None:
    company = gather(swings(1, 1.3))
    company.lockstep.train()
    company.wait_for(300)
    company.lockstep.pause()
    position = company.settle().position
    a, b = run_of(Swing(1), tiny), run_of(Swing(1.3), tiny)
    expected = maxima(a, b, position)
    assert_trail(company.maxima("b"), expected)
    last = apart(a, b)
    a.seek(21)
    b.seek(21)  # 21 · 0.3 is nearly a full turn
    assert min(last[0], apart(a, b)[0]) < expected[-1][0]


def test_what_is_between_runs_now_is_that_of_where_they_stand(
    gather: Gather, tiny: Bigrams
) -> None:
    company = gather(
        {**swings(1, 1.3), "count": CountingBackend, "bad": lambda: Swing(between=diverges(7))}
    )
    for move, position in ((company.step, 5), (company.seek, 21), (company.seek, 20),
                           (company.seek, 0), (company.step, 3), (company.step, 30)):  # fmt: skip
        frame = move(position)
        a, b, count = (run_of(x, tiny) for x in (Swing(1), Swing(1.3), CountingBackend()))
        a.advance(frame.position)
        b.advance(frame.position)
        for name, other in (("b", b), ("count", count)):
            now = frame.now[company[name]]
            expected = apart(a, other)
            assert now.since == frame.position
            np.testing.assert_array_equal(now.differences[:2], expected[:2])
            assert now.nll == pytest.approx(expected[2], abs=1e-13)
        assert (company["bad"] in frame.now) == (frame.position < 7)
        assert company["a"] not in frame.now


def test_a_finished_run_is_compared_with_its_last_model(
    gather: Gather, names: Bigrams, lecture_weights: Matrix
) -> None:
    expected = maxima(
        run_of(NumpyBackend(), names, lecture_weights),
        run_of(CountingBackend(), names, lecture_weights),
        50,
    )
    for reference, follower in (("numpy", "count"), ("count", "numpy")):
        company = gather(numpy={}, count={}, reference=reference)
        for _ in range(2):
            company.step(25)
        assert_trail(company.maxima(follower), expected)
        assert company.iterations() == {"numpy": 50, "count": 0}
        assert company.snapshot("count").status is Status.FINISHED


@pytest.mark.parametrize("reference", ["short", "a"])
def test_a_run_that_ends_on_the_way_is_compared_with_its_last_model_from_there(
    gather: Gather, tiny: Bigrams, reference: str
) -> None:
    @dataclass
    class Short(Swing):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            for model in super().train(bigrams, weights):
                yield model
                if model.weights[1, 1] == 13:
                    return

    company = gather({**swings(1), "short": lambda: Short(2.0)}, reference=reference)
    for _ in range(4):
        company.step(10)
    follower = "a" if reference == "short" else "short"
    expected = maxima(run_of(Short(2.0), tiny), run_of(Swing(1.0), tiny), 40)
    assert_trail(company.maxima(follower), expected)
    assert company.iterations() == {"a": 40, "short": 13}


def test_where_one_has_no_weights_for_a_while_the_maximum_is_of_where_both_have_some(
    gather: Gather, tiny: Bigrams
) -> None:
    @dataclass
    class Seldom(Swing):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            for model in super().train(bigrams, weights):
                shows = model.weights[1, 1] in (3, 4, 5, 9)
                yield Iteration(model.probabilities, model.weights if shows else None)

    company = gather({**swings(1), "seldom": lambda: Seldom(1.5)})
    for _ in range(3):
        company.step(4)
    expected = maxima(run_of(Swing(1), tiny), run_of(Swing(1.5), tiny), 12)
    found = company.maxima("seldom")
    np.testing.assert_array_equal(found[:, 0], np.array(expected)[:, 0])
    assert np.isnan(found[:3, 1]).all()
    assert found[3:, 1].tolist() == [1.5, 2, 2.5, 2.5, 2.5, 2.5, 4.5, 4.5, 4.5, 4.5]


def test_the_worst_at_an_earlier_iteration_is_that_of_then(gather: Gather, tiny: Bigrams) -> None:
    company = gather(swings(1, 1.3))
    company.step(40)
    expected = maxima(run_of(Swing(1), tiny), run_of(Swing(1.3), tiny), 40)
    for iteration in (40, 5, 0, 33, 12):
        frame = company.seek(iteration)
        worst = frame.drifts[company["b"]].up_to(frame.position)
        assert worst is not None
        assert (worst.since, worst.probability, worst.weight) == (0, *expected[iteration][:2])
        assert worst.nll == pytest.approx(expected[iteration][2], abs=1e-13)
    assert_trail(company.beyond("b"), expected)
    company.step(3)  # the same way again
    assert_trail(company.beyond("b"), expected)
    assert_trail(company.maxima("b"), expected[:16])
    company.step(30)
    assert_trail(company.maxima("b"), maxima(run_of(Swing(1), tiny), run_of(Swing(1.3), tiny), 45))


@pytest.mark.parametrize("changed", ["a", "b"])
def test_the_way_that_was_left_is_forgotten_with_its_maxima(
    gather: Gather, tiny: Bigrams, changed: str
) -> None:
    company = gather(swings(1, 1.9, 1.3))
    company.step(40)
    company.seek(8)
    company.set(changed, "speed", 1.1)
    a, b, c = (run_of(Swing(speed), tiny) for speed in (1, 1.9, 1.3))
    expected = maxima(a, b, 8)
    assert_trail(company.maxima("b"), expected)  # where it was changed it is what it was
    assert len(company.beyond("c")) == (9 if changed == "a" else 41)
    (a if changed == "a" else b).set("speed", 1.1)
    for more in (1, 4):
        company.step(more)
        rest = maxima(a, b, more)[1:]
        expected += [greatest(expected[-1], row) for row in rest]
        assert_trail(company.maxima("b"), expected)
    if changed == "b":
        a = run_of(Swing(1), tiny)
        assert_trail(company.maxima("c"), maxima(a, c, 13))
    company.seek(5)  # and once more, at an earlier iteration
    company.set(changed, "speed", 1.2)
    assert_trail(company.maxima("b"), expected[:6])
    company.step(4)
    a, b = run_of(Swing(1), tiny), run_of(Swing(1.9), tiny)
    expected = maxima(a, b, 5)
    (a if changed == "a" else b).set("speed", 1.2)
    for row in maxima(a, b, 4)[1:]:
        expected.append(greatest(expected[-1], row))
    assert_trail(company.maxima("b"), expected)


@pytest.mark.parametrize("reference", ["count", "a"])
def test_of_a_finished_run_that_is_changed_nothing_is_kept(
    gather: Gather, tiny: Bigrams, reference: str
) -> None:
    company = gather({**swings(1), "count": CountingBackend}, reference=reference)
    company.step(10)
    company.set("count", "smoothing", 5.0)
    (drift,) = company.frame.drifts.values()
    assert (drift.start, drift.end) == (10, 10)
    company.step(6)
    a, count = run_of(Swing(1), tiny), run_of(CountingBackend(5.0), tiny)
    a.advance(10)
    (drift,) = company.frame.drifts.values()
    assert drift.start == 10
    assert_trail(drift.maxima, maxima(a, count, 6))


def test_who_only_looks_at_what_was_before_a_trail_keeps_it_and_who_goes_on_begins_it_there(
    gather: Gather, tiny: Bigrams
) -> None:
    company = gather(swings(1, 1.9))
    company.step(1)
    company.seek(8)
    company.step(4)
    a, b = run_of(Swing(1), tiny), run_of(Swing(1.9), tiny)
    a.advance(8)
    b.advance(8)
    expected = maxima(a, b, 4)
    for position in (12, 3, 9):
        frame = company.seek(position)
        drift = frame.drifts[company["b"]]
        assert (drift.start, drift.end) == (8, 12)
        assert_trail(drift.maxima, expected)
        assert (drift.up_to(position) is None) == (position == 3)
        assert frame.now[company["b"]].since == position
    assert [drift.up_to(position) for position in (-1, 0, 7, 13)] == [None] * 4
    assert [drift.up_to(position) is None for position in (8, 12)] == [False, False]
    company.seek(3)
    a.seek(3)
    b.seek(3)
    company.step(6)
    assert company.frame.drifts[company["b"]].start == 3
    assert_trail(company.maxima("b"), maxima(a, b, 6))


def test_after_a_leap_beyond_the_end_a_trail_begins_where_it_led(
    gather: Gather, tiny: Bigrams
) -> None:
    company = gather(swings(1, 1.3))
    company.step(5)
    drift = company.seek(50).drifts[company["b"]]
    assert (drift.start, drift.end, drift.up_to(50)) == (0, 5, None)
    company.step(4)
    a, b = run_of(Swing(1), tiny), run_of(Swing(1.3), tiny)
    a.advance(50)
    b.advance(50)
    assert company.frame.drifts[company["b"]].start == 50
    assert_trail(company.maxima("b"), maxima(a, b, 4))


def test_from_the_start_a_leap_is_a_way_on_which_all_are_compared(
    gather: Gather, tiny: Bigrams
) -> None:
    company = gather(swings(1, 1.3))
    frame = company.seek(50)
    assert (frame.position, frame.training) == (50, False)
    expected = maxima(run_of(Swing(1), tiny), run_of(Swing(1.3), tiny), 50)
    assert_trail(company.maxima("b"), expected)


def test_with_another_reference_all_trails_begin_anew(gather: Gather, tiny: Bigrams) -> None:
    @dataclass
    class Backwards(Swing):
        """Has the hyperparameters of the first reference, and goes another way."""

        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            yield from Swing(-self.speed).train(bigrams, weights)

    company = gather({**swings(1, 1.3), "c": lambda: Backwards(1)})
    company.step(20)
    company.lineup.reference = company["c"]
    company.lockstep.look()
    frame = company.settle()
    assert {runner.name: drift.start for runner, drift in frame.drifts.items()} == {
        "a": 20,
        "b": 20,
    }
    assert frame.now.keys() == frame.drifts.keys()
    company.step(10)
    for name, speed in (("a", 1), ("b", 1.3)):
        other, reference = run_of(Swing(speed), tiny), run_of(Swing(-1), tiny)
        other.advance(20)
        reference.advance(20)
        assert_trail(company.maxima(name), maxima(other, reference, 10))


def test_trails_do_not_depend_on_how_the_way_is_cut_into_legs(
    gather: Gather, tiny: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = maxima(run_of(Swing(1), tiny), run_of(Swing(1.3), tiny), 100)
    for longest, size in ((1, 2**25), (7, 2**25), (4096, 16 * 9 * 3), (4096, 1)):
        monkeypatch.setattr(lockstep, "LONGEST_CHUNK", longest)
        monkeypatch.setattr(lockstep, "CHUNK_BYTES", size)
        company = gather(swings(1, 1.3))
        company.step(100)
        assert_trail(company.maxima("b"), expected)


def test_the_models_of_a_leg_take_bounded_memory(
    gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks: list[int] = []

    def counted(run: Run, start: int, count: int) -> object:
        chunks.append(count)
        return lead(run, start, count)

    monkeypatch.setattr(lockstep, "lead", counted)
    monkeypatch.setattr(lockstep, "CHUNK_BYTES", 5 * 2 * 9 * 8)  # P and W five times
    company = gather(swings(1, 2))
    company.step(200)
    assert sum(chunks) == 200
    assert max(chunks) == 5


@pytest.mark.slow
def test_trails_of_a_hundred_thousand_iterations_take_at_most_twice_their_numbers(
    gather: Gather,
) -> None:
    company = gather({"low": Quick, "high": lambda: Quick(1.0)})
    frame = company.step(100_000)
    drift = frame.drifts[company["high"]].maxima
    assert drift.shape == (100_001, 3)
    assert drift.dtype == np.float64
    assert drift.base is not None
    assert drift.base.nbytes <= 2 * 100_001 * 3 * 8
    company.seek(60_000)
    drift = company.step(1).drifts[company["high"]].maxima
    assert drift.shape == (100_001, 3)
    assert drift.base is not None
    assert drift.base.nbytes <= 2 * 100_001 * 3 * 8


# What can go wrong


@pytest.mark.parametrize("reference", ["a", "diverges", "raises"])
def test_of_eight_runs_one_diverges_and_one_raises_and_the_others_reach_the_goal(
    gather: Gather, tiny: Bigrams, reference: str
) -> None:
    made = swings(1, 2, 3, 4, 5, 6)
    made["diverges"] = lambda: Swing(between=diverges(7))
    made["raises"] = lambda: Swing(between=counted)
    attempts: list[None] = []

    def counted(weights: Matrix) -> Matrix:
        if weights[1, 1] == 11:
            attempts.append(None)
        return raises(11)(weights)

    company = gather(made, reference=reference)
    company.step(20)
    frame = company.step(20)
    assert len(attempts) == 1
    ends = {"diverges": 7, "raises": 10}
    assert frame.position == 40
    assert company.iterations() == {**dict.fromkeys("abcdef", 40), **ends}
    for name, iteration, status, message in (
        ("diverges", 7, Status.DIVERGED, "diverged at step 7: the nll is nan"),
        ("raises", 10, Status.FAILED, "failed at step 11: RuntimeError: the cable is loose"),
    ):
        run = company.snapshot(name)
        assert (run.iteration, run.status) == (iteration, status)
        assert run.message.startswith(message)

    # They are held against each other as far as both were sound, and not beyond.
    compared = {"a": 40, "diverges": 6, "raises": 10}
    for runner, drift in frame.drifts.items():
        assert drift.end == min(compared[reference], compared.get(runner.name, 40))
        assert drift.up_to(drift.end) is not None
        assert drift.up_to(drift.end + 1) is None
    speed = 3.0 if reference == "a" else 1.0
    expected = maxima(run_of(Swing(speed), tiny), run_of(Swing(3), tiny), compared[reference])
    if reference != "a":
        assert_trail(company.maxima("c"), expected)

    # Orders are still answered, and soon.
    company.lockstep.train()
    company.wait_for(100)
    given = time.monotonic()
    company.lockstep.pause()
    assert company.settle().position >= 100
    company.seek(60)
    assert company.iterations() == {**dict.fromkeys("abcdef", 60), **ends}
    company.lockstep.reset()
    company.settle()
    assert set(company.iterations().values()) == {0}
    assert time.monotonic() - given < PROMPT
    assert all(run.status is Status.READY for run in company.frame.snapshots.values())
    company.step(12)
    assert company.iterations() == {**dict.fromkeys("abcdef", 12), **ends}


def test_before_where_it_ended_a_run_goes_back_with_the_others_and_on_again(
    gather: Gather, tiny: Bigrams
) -> None:
    company = gather(
        {**swings(1), "bad": lambda: Swing(1.5, between=diverges(7)),
         "worse": lambda: Swing(1.5, between=raises(11))}
    )  # fmt: skip
    company.step(30)
    company.seek(4)
    assert company.iterations() == {"a": 4, "bad": 4, "worse": 4}
    assert {run.status for run in company.frame.snapshots.values()} == {Status.READY}
    company.step(5)
    assert company.iterations() == {"a": 9, "bad": 7, "worse": 9}
    expected = maxima(run_of(Swing(1), tiny), run_of(Swing(1.5), tiny), 9)
    assert_trail(company.maxima("bad"), expected[:7])
    assert_trail(company.maxima("worse"), expected)


def test_a_run_that_fails_by_a_change_where_it_stands_is_compared_no_longer(
    gather: Gather,
) -> None:
    @dataclass
    class Limited(Swing):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            if self.speed > 5:
                raise RuntimeError("too fast")
            yield from super().train(bigrams, weights)

    company = gather({**swings(1), "limited": Limited})
    assert company["limited"] in company.step(5).now
    company["limited"].set("speed", 6.0)
    wait_until(lambda: company["limited"].snapshot.status is Status.FAILED)
    company.lockstep.look()
    frame = company.settle()
    assert company["limited"] not in frame.now
    company.step(10)
    assert company.iterations() == {"a": 15, "limited": 5}
    assert company.frame.drifts[company["limited"]].end in (4, 5)


def test_a_run_that_was_mended_is_brought_along_and_compared_from_there(gather: Gather) -> None:
    trouble = threading.Event()
    trouble.set()

    def between(weights: Matrix) -> Matrix:
        if trouble.is_set() and weights[1, 1] == 11:
            raise RuntimeError("the cable is loose")
        return weights

    company = gather({**swings(1), "mended": lambda: Swing(between=between)})
    company.step(30)
    assert company.snapshot("mended").iteration == 10
    trouble.clear()
    company.set("mended", "speed", 2.0)
    company.lockstep.look()
    company.step(4)
    assert company.iterations() == {"a": 34, "mended": 34}
    assert company.frame.drifts[company["mended"]].start == 30


@pytest.mark.parametrize("reference", ["a", "stuck"])
def test_when_a_run_that_hangs_is_removed_the_others_go_on(
    gather: Gather, gates: list[Gate], reference: str
) -> None:
    gates.append(gate := Gate(at=5))
    company = gather({**swings(1, 2), "stuck": lambda: Swing(between=gate)}, reference=reference)
    company.lockstep.step(20)
    wait_until(gate.reached.is_set)
    given = time.monotonic()
    company.remove("stuck")
    frame = company.settle()
    assert time.monotonic() - given < PROMPT
    assert frame.position == 20
    assert company.iterations() == {"a": 20, "b": 20}
    assert frame.now.keys() == frame.snapshots.keys() - {company.lineup.reference}
    assert not gate.open.is_set()
    company.lockstep.train()
    company.wait_for(200)


@pytest.mark.parametrize("reference", ["a", "slow"])
def test_the_others_go_on_without_a_run_that_hangs_and_it_follows_when_it_can(
    gather: Gather, gates: list[Gate], monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.setattr(lockstep, "STALL_SECONDS", 0.3)
    gates.append(gate := Gate(at=5))
    runs = {**swings(1, 2), "slow": lambda: Swing(between=gate)}
    company = gather(runs, reference=reference)
    company.lockstep.step(20)
    wait_until(lambda: company.frame.position == 20)
    stuck = company.iterations().pop("slow")
    assert stuck < 20
    assert company.iterations() == {"a": 20, "b": 20, "slow": stuck}
    gate.open.set()
    wait_until(lambda: company["slow"].is_idle)
    company.lockstep.look()  # as the app does when a run has settled
    wait_until(lambda: company.iterations() == {"a": 20, "b": 20, "slow": 20})


def test_to_close_ends_the_thread_while_a_run_hangs(gather: Gather, gates: list[Gate]) -> None:
    gates.append(gate := Gate(at=5))
    before = set(threading.enumerate())
    company = gather({**swings(1), "stuck": lambda: Swing(between=gate)})
    company.lockstep.train()
    wait_until(gate.reached.is_set)
    of_runs = {thread for thread in threading.enumerate() if thread.name in ("a", "stuck")}
    company.lockstep.close()
    wait_until(lambda: set(threading.enumerate()) <= before | of_runs, "for its thread to end")
    company.lockstep.step(1)  # nobody is there to do it, and nobody fails
    assert not gate.open.is_set()


def test_to_close_ends_the_thread_in_every_state(gather: Gather) -> None:
    for act in ("look", "train", "pace"):
        before = set(threading.enumerate())
        company = gather(swings(1, 2))
        of_runs = set(threading.enumerate())
        if act == "look":
            company.lockstep.look()
            company.settle()
        else:
            company.lockstep.train(pace=0.001 if act == "pace" else None)
            company.wait_for(1)
        assert len(set(threading.enumerate()) - of_runs) == 1
        company.lockstep.close()
        wait_until(lambda keep=before | of_runs: set(threading.enumerate()) <= keep)  # type: ignore[misc]


def test_a_run_that_cannot_be_loaded_holds_up_nobody(gather: Gather) -> None:
    attempts: list[None] = []

    def load() -> Backend:
        attempts.append(None)
        raise RuntimeError("no module of that name")

    company = gather({**swings(1, 2), "gone": load})
    frame = company.step(10)
    assert (frame.position, company.iterations()) == (10, {"a": 10, "b": 10, "gone": -1})
    gone = company.snapshot("gone")
    assert (gone.status, gone.message) == (Status.FAILED, "no module of that name")
    assert len(attempts) == 1
    company.lockstep.reset()  # which tries again
    company.settle()
    wait_until(lambda: len(attempts) == 2 and not company["gone"].started)
    company.step(5)
    assert company.iterations() == {"a": 5, "b": 5, "gone": -1}
    assert len(attempts) == 2


def test_a_run_whose_thread_ends_and_that_cannot_be_loaded_again_holds_up_nobody(
    gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[None] = []

    def load() -> Backend:
        loads.append(None)
        if len(loads) > 1:
            raise RuntimeError("no module of that name")
        return Swing()

    company = gather({**swings(1), "gone": load})
    company.step(5)

    def fault(*_: object) -> tuple[float, float]:
        raise RuntimeError("a surprise")

    monkeypatch.setattr(chunk, "distances", fault)
    company.step(10)
    assert company.iterations()["a"] == 15
    assert company.snapshot("gone").status is Status.FAILED


def test_nobody_is_compared_with_a_reference_that_cannot_be_loaded(gather: Gather) -> None:
    def load() -> Backend:
        raise RuntimeError("no module of that name")

    company = gather({"gone": load, **swings(1, 2)})
    assert company.step(10).drifts == {}
    assert company.iterations() == {"gone": -1, "a": 10, "b": 10}


def test_a_run_that_is_loaded_later_is_compared_from_its_first_iteration_on(
    gather: Gather, tiny: Bigrams
) -> None:
    company = gather(swings(1, 2, 1.3), later=("b", "c"))
    company.step(10)
    assert company.iterations() == {"a": 10, "b": -1, "c": -1}
    assert not company["b"].started
    company.load("b")
    company.lockstep.look()
    company.settle()
    assert company.iterations() == {"a": 10, "b": 10, "c": -1}
    company.lockstep.train()
    company.wait_for(100)
    company.load("c")
    company.lockstep.look()
    wait_until(lambda: company.iterations()["c"] > 100)
    company.lockstep.pause()
    frame = company.settle()
    assert set(company.iterations().values()) == {frame.position}
    for name, speed in (("b", 2), ("c", 1.3)):
        assert frame.drifts[company[name]].start == 0
        a, other = run_of(Swing(1), tiny), run_of(Swing(speed), tiny)
        assert_trail(company.maxima(name), maxima(a, other, frame.position))


def test_far_from_the_start_a_run_that_is_loaded_later_is_brought_along_alone(
    gather: Gather, tiny: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockstep, "RETRACE", 99)
    company = gather(swings(1, 2, 1.3), later=("c",))
    company.step(100)
    company.load("c")
    company.lockstep.look()
    company.settle()
    company.step(20)
    assert company.iterations() == {"a": 120, "b": 120, "c": 120}
    assert company.frame.drifts[company["b"]].start == 0
    assert company.frame.drifts[company["c"]].start == 100
    a, c = run_of(Swing(1), tiny), run_of(Swing(1.3), tiny)
    a.advance(100)
    c.advance(100)
    assert_trail(company.maxima("c"), maxima(a, c, 20))


def test_a_copy_in_the_middle_of_a_training_is_brought_along(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.lockstep.train()
    company.wait_for(50)
    copy = company.lineup.copy(company["b"])
    company.load(copy.name)
    company.lockstep.look()
    wait_until(lambda: company.iterations().get("b #2", 0) > 50)
    company.lockstep.pause()
    position = company.settle().position
    assert company.iterations() == {"a": position, "b": position, "b #2": position}
    assert not_none(company.snapshot("b #2").weights)[0, 0] == 2 * position


# Orders and changes at awkward moments


def test_an_order_that_comes_just_before_it_rests_is_carried_out(
    gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = gather(swings(1, 2))
    rest = Lockstep._rest
    given: list[None] = []

    def late(self: Lockstep, *plan: Any) -> None:
        if not given:
            given.append(None)
            self.step(3)
        rest(self, *plan)

    monkeypatch.setattr(Lockstep, "_rest", late)
    assert company.step(2).position == 5


def test_orders_that_come_just_before_a_leg_leave_the_trails_as_they_are(
    gather: Gather, tiny: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = gather(swings(1, 1.3))
    company.step(20)
    go = Lockstep._go
    given: list[None] = []

    def late(self: Lockstep, *plan: Any) -> None:
        if not given:
            given.append(None)
            self.seek(2)
            self.step(3)
        go(self, *plan)

    monkeypatch.setattr(Lockstep, "_go", late)
    company.step(1)
    position = company.frame.position
    expected = maxima(run_of(Swing(1), tiny), run_of(Swing(1.3), tiny), position)
    np.testing.assert_array_equal(company.maxima("b")[: position + 1, 1], np.array(expected)[:, 1])


def test_another_reference_in_the_middle_of_a_leg_ends_no_thread(
    gather: Gather, gates: list[Gate], faults: list[str]
) -> None:
    gates.append(gate := Gate(at=3))
    company = gather({**swings(1), "slow": lambda: Swing(between=gate), "new": Swing},
                     later=("new",))  # fmt: skip
    company.lockstep.step(10)
    wait_until(gate.reached.is_set)
    company.lineup.reference = company["new"]
    gate.open.set()
    wait_until(lambda: company.lockstep.is_idle or faults)
    found = faults.copy()
    faults.clear()
    assert found == []
    company.lockstep.look()
    assert company.settle().position == 10


def test_a_run_that_fails_on_its_way_back_stays_and_the_others_go_on(gather: Gather) -> None:
    broken = threading.Event()

    @dataclass
    class Fragile(Swing):
        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            if broken.is_set():
                raise RuntimeError("the cable is loose")
            yield from super().train(bigrams, weights)

    company = gather({**swings(1), "fragile": Fragile})
    company.step(20)
    while company.idle.acquire(blocking=False):
        pass
    broken.set()
    company.lockstep.seek(5)
    assert company.idle.acquire(timeout=2)
    assert company.snapshot("fragile").status is Status.FAILED
    company.step(10)
    assert company.iterations()["a"] == 15


def test_a_run_that_waits_elsewhere_is_not_compared_before_it_is_there(
    gather: Gather, tiny: Bigrams
) -> None:
    company = gather({"count": CountingBackend, **swings(1)})
    company.step(5)
    company.lockstep.pause()
    company.settle()
    copy = company.lineup.copy(company["a"])
    company.load(copy.name)
    company.lockstep.look()
    frame = company.settle()
    assert copy not in frame.now
    assert copy not in frame.drifts
    company.step(4)
    drift = company.frame.drifts[copy]
    a, count = run_of(Swing(1), tiny), run_of(CountingBackend(), tiny)
    assert drift.start == 0
    assert_trail(drift.maxima, maxima(a, count, 9))


def test_where_no_run_can_go_on_the_position_is_where_the_last_one_stopped(gather: Gather) -> None:
    company = gather(
        {"a": lambda: Swing(between=diverges(5000)), "b": lambda: Swing(between=raises(300))}
    )
    company.lockstep.train()
    frame = company.settle()
    assert company.iterations() == {"a": 5000, "b": 299}
    assert frame.position == 5000


@pytest.mark.parametrize("reference", ["slow", "a"])
def test_an_order_is_answered_soon_where_iterations_become_slow(
    gather: Gather, reference: str
) -> None:
    slow, noticed = threading.Event(), threading.Event()

    def between(weights: Matrix) -> Matrix:
        if slow.is_set():
            noticed.set()
            time.sleep(0.01)
        return weights

    company = gather({**swings(1, 2), "slow": lambda: Swing(between=between)}, reference=reference)
    company.lockstep.train()
    company.wait_for(4000)
    slow.set()
    wait_until(noticed.is_set)
    given = time.monotonic()
    company.lockstep.pause()
    company.settle()
    assert time.monotonic() - given < 1
    assert len(set(company.iterations().values())) == 1


@pytest.mark.parametrize("change", ["remove", "add"])
def test_the_frames_of_a_training_have_the_runs_of_the_lineup(gather: Gather, change: str) -> None:
    company = gather(swings(1, 2, 3))
    company.lockstep.train()
    company.wait_for(50)
    if change == "remove":
        company.remove("b")
    else:
        company.lineup.copy(company["b"])  # which nobody starts yet
        company.lockstep.look()
    company.wait_for(company.frame.position + 1_000)
    assert company.frame.snapshots.keys() == set(company.lineup.runners)
    assert company.frame.drifts.keys() <= set(company.lineup.runners)


def test_weights_of_minus_infinity_can_be_compared(gather: Gather, faults: list[str]) -> None:
    @dataclass
    class Logarithms(Backend):
        height: float = hyperparameter(1.0)

        def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
            table = np.array([[0.0, 0.5, 0.5], [0.3, 0.3, 0.4], [0.3, 0.3, 0.4]])
            with np.errstate(divide="ignore"):
                weights = np.log(table)
            while True:
                yield Iteration(table, weights)

    company = gather({"a": Logarithms, "b": Logarithms})
    company.lockstep.step(3)
    wait_until(lambda: company.lockstep.is_idle or faults)
    found = faults.copy()
    faults.clear()
    assert found == []
    assert company.maxima("b")[:, 0].tolist() == [0, 0, 0, 0]


def test_a_run_that_is_loaded_anew_is_compared_only_where_the_others_are(
    gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = gather({"a": Swing, "twin": Swing})
    company.step(10)
    attempts: list[None] = []

    def once(a: Iteration, b: Iteration) -> tuple[float, float]:
        attempts.append(None)
        if len(attempts) == 1:
            raise RuntimeError("a surprise")
        return distances(a, b)

    monkeypatch.setattr(chunk, "distances", once)
    company.step(10)
    company.step(10)
    assert not company.maxima("twin").any()


def test_in_a_training_with_another_reference_it_is_not_held_against_itself(
    gather: Gather,
) -> None:
    company = gather(swings(1, 2, 3))
    company.lockstep.train(pace=0.001)
    company.wait_for(1)
    company.lineup.reference = company["c"]
    company.lockstep.train(pace=0.001)  # an order, for which it does not wait any longer
    company.wait_for(2)
    assert company.frame.training
    assert company.frame.now.keys() == {company["a"], company["b"]}


def test_a_run_that_failed_on_its_way_and_was_mended_is_brought_along(gather: Gather) -> None:
    trouble = threading.Event()
    trouble.set()

    def between(weights: Matrix) -> Matrix:
        if trouble.is_set() and weights[1, 1] == 11:
            raise RuntimeError("the cable is loose")
        return weights

    company = gather({**swings(1), "mended": lambda: Swing(between=between)})
    company.step(5)
    company.seek(30)
    assert company.iterations() == {"a": 30, "mended": 10}
    trouble.clear()
    company.set("mended", "speed", 2.0)
    while company.idle.acquire(blocking=False):
        pass
    company.lockstep.step(4)
    assert company.idle.acquire(timeout=3)
    assert company.iterations() == {"a": 34, "mended": 34}


def test_a_run_that_joins_after_a_slow_training_is_brought_along_fast(gather: Gather) -> None:
    company = gather(swings(1, 2))
    company.step(20)
    company.lockstep.train(pace=0.001)
    company.wait_for(21)
    company.lockstep.pause()
    company.settle()
    copy = company.lineup.copy(company["b"])
    company.load(copy.name)
    while company.idle.acquire(blocking=False):
        pass
    company.lockstep.look()
    assert company.idle.acquire(timeout=3)
    assert set(company.iterations().values()) == {21}


def test_a_run_that_is_loaded_in_the_middle_of_a_leg_ends_no_thread(
    gather: Gather, gates: list[Gate], faults: list[str]
) -> None:
    gates.append(gate := Gate(at=5))
    company = gather({**swings(1), "slow": lambda: Swing(between=gate)})
    company.step(1)
    copy = company.lineup.copy(company["a"])  # nobody looks, and so it was in no frame yet
    company.lineup.move(copy, 1)
    company.lockstep.step(19)
    wait_until(gate.reached.is_set)
    company.load(copy.name)
    gate.open.set()
    wait_until(lambda: company.lockstep.is_idle or faults)
    found = faults.copy()
    faults.clear()
    assert found == []
    assert company.iterations() == {"a": 20, "slow": 20, "a #2": 20}


def test_a_run_that_is_loaded_just_before_it_rests_is_brought_along(
    gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = gather(swings(1, 2), later=("b",))
    rest = Lockstep._rest
    given: list[None] = []

    def late(self: Lockstep, *plan: Any) -> None:
        if not given:
            given.append(None)
            company.load("b")
            self.look()
        rest(self, *plan)

    monkeypatch.setattr(Lockstep, "_rest", late)
    company.step(20)
    assert company.iterations() == {"a": 20, "b": 20}


def test_also_where_one_becomes_slow_all_stand_at_the_iteration_of_a_frame(gather: Gather) -> None:
    slow = threading.Event()

    def between(weights: Matrix) -> Matrix:
        if slow.is_set():
            time.sleep(0.01)
        return weights

    company = gather({**swings(1, 2), "slow": lambda: Swing(between=between)})
    company.lockstep.train()
    company.wait_for(2000)
    slow.set()
    frames: list[Frame] = [company.frame]
    while len(frames) < 6:
        wait_until(lambda: company.frame is not frames[-1])
        frames.append(company.frame)
    company.lockstep.pause()
    company.settle()
    for frame in frames:
        assert {run.iteration for run in frame.snapshots.values()} == {frame.position}
        assert {now.since for now in frame.now.values()} <= {frame.position}


def test_after_a_change_in_the_past_and_a_leap_nothing_of_the_way_that_was_left_is_kept(
    gather: Gather,
) -> None:
    company = gather(swings(1, 1.5))
    company.step(40)
    company.seek(8)
    company["b"].set("speed", 1.0)  # from here on the angles stay 8 · 0.5 apart
    company.seek(30)
    company.step(2)
    assert company.frame.now[company["b"]].weight == 4.0
    worst = company.frame.drifts[company["b"]].up_to(32)
    assert worst is not None
    assert worst.weight == 4.0


def test_after_a_run_has_joined_the_pace_holds_again_where_it_went_fast(gather: Gather) -> None:
    moments: list[float] = []

    def between(weights: Matrix) -> Matrix:
        moments.append(time.monotonic())
        return weights

    company = gather({**swings(1), "timed": lambda: Swing(between=between)})
    company.step(20)
    company.load(company.lineup.copy(company["a"]).name)
    company.lockstep.look()
    company.settle()
    assert set(company.iterations().values()) == {20}
    ways: list[Callable[[], object]] = [
        lambda: company.lockstep.seek(4),
        company.lockstep.reset,
    ]
    for go_back in ways:
        go_back()
        company.settle()
        moments.clear()
        company.lockstep.train(pace=20.0)
        wait_until(lambda: len(moments) >= 6)
        assert moments[5] - moments[0] >= 0.9 * 5 / 20
        company.lockstep.pause()
        company.settle()


@pytest.mark.parametrize("changed", ["gated", "b"])
def test_a_change_in_the_middle_of_a_leg_leaves_every_maximum_at_its_iteration(
    gather: Gather, gates: list[Gate], tiny: Bigrams, changed: str
) -> None:
    gates.append(gate := Gate(at=5))
    company = gather({"gated": lambda: Swing(between=gate), "b": lambda: Swing(1.5)})
    company.lockstep.step(40)
    wait_until(gate.reached.is_set)
    company[changed].set("speed", 2.0)
    gate.open.set()
    company.settle()
    company.step(3)
    (at,) = company.snapshot(changed).changes
    a, b = run_of(Swing(1), tiny), run_of(Swing(1.5), tiny)
    expected = maxima(a, b, at)
    (a if changed == "gated" else b).set("speed", 2.0)
    rest = maxima(a, b, 43 - at)[1:]
    for row in rest:
        expected.append(greatest(expected[-1], row))
    assert company.frame.drifts[company["b"]].start == 0
    assert_trail(company.maxima("b"), expected)
