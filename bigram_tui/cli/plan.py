"""Turns arguments into a plan: backends with their settings, and the text to train them on."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

from bigram_tui.cancellation import CancelToken
from bigram_tui.cli.arguments import UsageError, settings
from bigram_tui.cli.progress import progress_bar
from bigram_tui.cli.streams import prints_apart
from bigram_tui.cli.terminal import is_terminal
from bigram_tui.errors import UserError

if TYPE_CHECKING:
    from bigram_tui.corpus.background import BackgroundRead
    from bigram_tui.corpus.corpus import Corpus
    from bigram_tui.corpus.request import CorpusRequest
    from bigram_tui.training.registry import BackendSource
    from bigram_tui.training.session import Session

PATIENCE_SECONDS = 30.0
"""How long a backend may take to be imported before its settings are checked no further."""

SHORT_FIELDS = {"lr": "learning_rate"}
"""Short names of fields on the command line."""


@dataclass(frozen=True)
class Plan:
    """What the arguments ask for: runs of backends, and a text to train them on.

    sources: the backends, each with a name of its own.
    common: values of hyperparameters for all of them. individual: values for some, by name.
    seed, start: those of the session. request: the text.
    """

    sources: "tuple[BackendSource, ...]"
    common: Mapping[str, object]
    individual: Mapping[str, Mapping[str, object]]
    seed: int
    start: str
    request: "CorpusRequest"

    def session(self, corpus: "Corpus") -> "Session":
        """Return the session of these backends on the corpus that was read."""
        from bigram_tui.training.session import Session

        return Session(
            corpus,
            sources=self.sources,
            seed=self.seed,
            common=self.common,
            individual=self.individual,
            start=self.start,
        )


def make_plan(options: argparse.Namespace) -> Plan:
    """Find the backends, check their settings, and find the files. UserError if any is wrong."""
    from bigram_tui.training.registry import choose, unique_name

    sources = choose(options.backend) if options.backend or not options.run else []
    individual = settings(options.set)
    for text in options.run:
        source, values = run_of(text)
        taken = {source.name for source in sources}
        source = source.alias(unique_name(source.name, taken))
        sources.append(source)
        individual[source.name] = values
    if options.isolate:
        check_isolation()
        sources = [replace(source, isolated=True) for source in sources]
    unknown = individual.keys() - {name for s in sources for name in (s.name, s.backend)}
    names = [source.name for source in sources]
    if options.reference is not None and options.reference not in names:
        known = ", ".join(names)
        raise UsageError(f"--reference {options.reference!r} is no run; there are: {known}")
    if unknown:
        known = ", ".join(names)
        raise UsageError(f"--set names {min(unknown)!r}, but the backends are: {known}")
    flags = {
        "learning_rate": options.lr,
        "l2": options.l2,
        "smoothing": options.smoothing,
        "device": options.device,
    }
    common = {name: value for name, value in flags.items() if value is not None}
    check_settings(sources, common, individual)
    request = make_request(options)
    return Plan(tuple(sources), common, individual, options.seed, options.start, request)


def check_isolation() -> None:
    """Raise UsageError if backends can't have processes of their own on this system."""
    if os.name != "posix":
        raise UsageError("--isolate needs Linux or macOS")


def make_request(options: argparse.Namespace) -> "CorpusRequest":
    """Find the files of the text. UserError if the split is wrong or a pattern matches nothing."""
    from bigram_tui.corpus.bundled import bundled_names
    from bigram_tui.corpus.counts_file import is_counts
    from bigram_tui.corpus.request import CorpusRequest
    from bigram_tui.corpus.splitter import parse_split

    try:
        split = None if options.split is None else parse_split(options.split)
    except ValueError as error:
        raise UsageError(f"--split: {error}") from None
    files = tuple(options.files) or (str(bundled_names()),)
    how = (files, split, options.seed, options.max_vocab, not options.no_cache)
    request = CorpusRequest(*how)
    if options.scheduler is None or any(is_counts(file.path) for file in request.files):
        return request
    if split is not None:
        raise UsageError(
            "--split deals out lines in their order, which the workers of --scheduler don't know: "
            "leave out one of the two"
        )
    from bigram_tui.cli.cluster import ClusterRequest

    return ClusterRequest(*how, options.scheduler)


def read(request: "CorpusRequest") -> "Corpus":
    """Read the text, with a bar on stderr if that takes its time."""
    corpus = request.kept()
    if corpus is not None:
        return corpus
    with progress_bar() as progress:
        return request.read(progress=progress)


def session_or_reading(plan: Plan) -> "Session | BackgroundRead[Session]":
    """Return the session; if reading its text takes time, a background read that makes it."""
    request = plan.request
    if request.is_quick() or (request.is_typed() and is_terminal(sys.stdin)):
        return plan.session(read(request))
    corpus = request.kept()
    if corpus is not None:
        return plan.session(corpus)
    from bigram_tui.corpus.background import BackgroundRead  # small texts need no thread
    from bigram_tui.corpus.errors import CorpusError

    def read_watched(reading: "BackgroundRead[Session]") -> "Session":
        watching = {
            "progress": reading.report,
            "cancellation": reading.cancellation,
            "on_chunk": reading.on_chunk,
        }
        try:
            return plan.session(request.read(**watching))
        except CorpusError as error:
            if error.part is not None:
                reading.offer(plan.session(error.part))
            raise

    return BackgroundRead(request.title, read_watched)


def run_of(text: str) -> "tuple[BackendSource, dict[str, object]]":
    """Parse `--run BACKEND:FIELD=VALUE,…` into a source, named after both, and the values."""
    from bigram_tui.training.registry import choose

    name, colon, assignments = text.rpartition(":") if "=" in text else (text, "", "")
    values: dict[str, object] = {}
    for assignment in assignments.split(",") if colon else ():
        field, equals, value = assignment.partition("=")
        if not (field and equals and value):
            raise UsageError(f"--run takes BACKEND:FIELD=VALUE,…, not {text!r}")
        values[SHORT_FIELDS.get(field, field)] = value
    if not name:
        raise UsageError(f"--run takes BACKEND:FIELD=VALUE,…, not {text!r}")
    (source,) = choose([name])
    label = " ".join([source.name, *assignments.split(",")]).strip()
    return source.alias(label), values


def check_settings(
    sources: "Sequence[BackendSource]",
    common: Mapping[str, object],
    individual: Mapping[str, Mapping[str, object]],
) -> None:
    """Raise UserError now if a setting is wrong, rather than later in its run.

    Only backends that a setting concerns are checked, as they must be imported for it.
    """
    for source in sources:
        concerned = common or {source.name, source.backend} & individual.keys()
        if concerned and not source.obstacle:
            _within(PATIENCE_SECONDS, partial(_check_values, source, common, individual))


def _check_values(
    source: "BackendSource",
    common: Mapping[str, object],
    individual: Mapping[str, Mapping[str, object]],
) -> None:
    """Raise UsageError if a value is wrong. What is wrong with the backend, its run will tell."""
    from bigram_tui.backend import hyperparameters, parsed
    from bigram_tui.faults import PluginError, plugin_code
    from bigram_tui.training.registry import BackendError
    from bigram_tui.training.session import given_values

    try:
        backend_class = source.load()
        with plugin_code():
            known = hyperparameters(backend_class)
    except (BackendError, PluginError):
        return
    try:
        parsed(known, given_values(source, known, common, individual))
    except ValueError as error:
        raise UsageError(f"{source.name}: {error}") from None


def _within(seconds: float, check: Callable[[], None]) -> None:
    """Let a thread check something. Raises UserError if it does so in time."""
    wrong: list[UserError] = []

    def work() -> None:
        try:
            with CancelToken().governing():  # a process that was started here ends here
                check()
        except UserError as error:
            wrong.append(error)

    thread = Thread(target=work, name="check of settings", daemon=True)
    with prints_apart():
        thread.start()
        thread.join(seconds)
    if wrong:
        raise wrong[0]
