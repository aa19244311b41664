"""Turns arguments into what they ask for: backends with their settings, and a text."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from bigram_tui.cli.arguments import UsageError, settings
from bigram_tui.cli.terminal import is_terminal, progress_bar

if TYPE_CHECKING:
    from bigram_tui.corpus.background import BackgroundRead
    from bigram_tui.corpus.corpus import Corpus
    from bigram_tui.corpus.request import CorpusRequest
    from bigram_tui.training.registry import BackendSource
    from bigram_tui.training.session import Session

SHORT_FIELDS = {"lr": "learning_rate"}
"""What fields are called on the command line, where that is shorter."""


def make_session(options: argparse.Namespace) -> "Session":
    """Find the backends, then read the corpus: what is quick to fail comes first."""
    session_of, request = plan(options), request_of(options)
    return session_of(read(request))


def request_of(options: argparse.Namespace) -> "CorpusRequest":
    """Which text is to be read, and how."""
    from bigram_tui.corpus.bundled import bundled_names
    from bigram_tui.corpus.request import CorpusRequest
    from bigram_tui.corpus.splitter import parse_split

    try:
        split = None if options.split is None else parse_split(options.split)
    except ValueError as error:
        raise UsageError(f"--split: {error}") from None
    files = tuple(options.files) or (str(bundled_names()),)
    return CorpusRequest(files, split, options.seed, options.max_vocab, keep=not options.no_cache)


def read(request: "CorpusRequest") -> "Corpus":
    """The text, with a bar on stderr if that takes its time."""
    corpus = request.kept()
    if corpus is not None:
        return corpus
    with progress_bar() as progress:
        return request.read(progress=progress)


def session_or_reading(
    session_of: "Callable[[Corpus], Session]", request: "CorpusRequest"
) -> "Session | BackgroundRead[Session]":
    """A session; or what is to be watched until it is one, where that takes its time."""
    if request.is_quick() or (request.is_typed() and is_terminal(sys.stdin)):
        return session_of(read(request))
    corpus = request.kept()
    if corpus is not None:
        return session_of(corpus)
    from bigram_tui.corpus.background import BackgroundRead  # small texts need no thread
    from bigram_tui.corpus.errors import CorpusError

    def read_on(reading: "BackgroundRead[Session]") -> "Session":
        watching = {
            "progress": reading.report,
            "cancellation": reading.cancellation,
            "on_chunk": reading.on_chunk,
        }
        try:
            return session_of(request.read(**watching))
        except CorpusError as error:
            if error.part is not None:
                reading.offer(session_of(error.part))
            raise

    return BackgroundRead(request.title, read_on)


def plan(options: argparse.Namespace) -> "Callable[[Corpus], Session]":
    """Find the backends and check their settings; what makes a session of these and a corpus."""
    from bigram_tui.training.registry import choose
    from bigram_tui.training.session import Session

    sources = choose(options.backend) if options.backend or not options.run else []
    individual = settings(options.set)
    for text in options.run:
        source, values = run_of(text)
        taken = {source.name for source in sources}
        source = source.alias(next(n for n in numbered(source.name) if n not in taken))
        sources.append(source)
        individual[source.name] = values
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
    return partial(
        Session,
        sources=tuple(sources),
        seed=options.seed,
        common=common,
        individual=individual,
        start=options.start,
    )


def run_of(text: str) -> "tuple[BackendSource, dict[str, object]]":
    """The backend and the values of `--run BACKEND:FIELD=VALUE,…`, the source named after both."""
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


def numbered(name: str) -> "Iterator[str]":
    """A name, then the same with a number, from 2 on."""
    yield name
    yield from (f"{name} #{number}" for number in count(2))


def check_settings(
    sources: "Sequence[BackendSource]",
    common: Mapping[str, object],
    individual: Mapping[str, Mapping[str, object]],
) -> None:
    """Say now what is wrong with a setting, rather than later in the run that has it.

    Only for backends that a setting may concern: to look, they must be imported.
    """
    from bigram_tui.training.session import configured

    for source in sources:
        concerned = common or {source.name, source.backend} & individual.keys()
        if concerned and not source.obstacle:
            configured(source, common, individual)
