"""The list of runs: it adds, copies, removes and moves them, and knows the reference."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

from bigram_tui.training.registry import BackendSource, unique_name
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Snapshot


class Lineup:
    """A list of runs that is never empty; each has a thread and a name of its own."""

    def __init__(
        self, session: Session, on_idle: Callable[[], object], reference: str | None = None
    ) -> None:
        """Make one run for each backend of the session. on_idle: as of a Runner.

        reference: the name of a run; the first one's if None.
        """
        self._session = session
        self._on_idle = on_idle
        self._sources: dict[Runner, BackendSource] = {}
        self._starts: dict[Runner, str | None] = {}
        self._marks: dict[Runner, int] = {}
        self._runners: list[Runner] = []
        for source in session.sources:
            self._insert(len(self._runners), source)
        named = [runner for runner in self._runners if runner.name == reference]
        self.reference = named[0] if named else self._runners[0]
        """The run that the others are compared with."""

    @property
    def runners(self) -> tuple[Runner, ...]:
        """The runs as they are now."""
        return tuple(self._runners)

    def source_of(self, runner: Runner) -> BackendSource:
        """Get the backend of a run."""
        return self._sources[runner]

    def history(self) -> list[tuple[str, Snapshot]]:
        """List the snapshot of each run, with the name of its backend."""
        return [(self._sources[runner].backend, runner.snapshot) for runner in self._runners]

    def mark_of(self, runner: Runner) -> int:
        """Get the number of a run's colour; it keeps it for as long as it is in the list."""
        return self._marks[runner]

    def add(
        self,
        source: BackendSource,
        after: Runner,
        *,
        name: str | None = None,
        values: Mapping[str, object] | None = None,
        start: str | None = None,
    ) -> Runner:
        """Add another run of a backend after one.

        name: the backend's if None; it gets a number if it is taken. values: of hyperparameters,
        before those of the session. start: as of Session.make_run.
        """
        place = self._runners.index(after) + 1
        return self._insert(place, source, name=name, values=values, start=start)

    def start_of(self, runner: Runner) -> str | None:
        """Get the start that a run was given; None for that of the session."""
        return self._starts[runner]

    def copy(self, runner: Runner) -> Runner:
        """Add a run with the backend, the start and the present hyperparameters of another."""
        place, source = self._runners.index(runner) + 1, self._sources[runner]
        values, start = runner.snapshot.settings, self._starts[runner]
        return self._insert(place, source, values=values, start=start)

    def remove(self, runner: Runner) -> None:
        """End a run. ValueError if it is the only one; the first then becomes the reference."""
        if len(self._runners) == 1:
            raise ValueError("it is the only run")
        self._runners.remove(runner)
        del self._sources[runner], self._starts[runner], self._marks[runner]
        runner.close()
        if runner is self.reference:
            self.reference = self._runners[0]

    def move(self, runner: Runner, places: int) -> None:
        """Move a run down the list by some places, or up; at most to its end."""
        runners = [other for other in self._runners if other is not runner]
        runners.insert(max(0, self._runners.index(runner) + places), runner)
        self._runners = runners  # at once, as others look at the list meanwhile

    def _insert(
        self,
        place: int,
        source: BackendSource,
        *,
        name: str | None = None,
        values: Mapping[str, object] | None = None,
        start: str | None = None,
    ) -> Runner:
        taken = {runner.name for runner in self._runners}
        named = source if name is None else source.alias(name)
        if named.name in taken:
            base = name or source.backend
            named = source.alias(unique_name(base, taken | {base}))
        load = partial(self._session.make_run, named, values, start)
        runner = Runner(named.name, load, self._on_idle)
        self._sources[runner], self._starts[runner] = named, start
        self._marks[runner] = next(n for n in count() if n not in self._marks.values())
        self._runners.insert(place, runner)
        return runner
