"""The program from its arguments to its exit status: opens the screen, or prints."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, NoReturn

from bigram_tui.cli.arguments import UsageError, parse, parse_serve, settings
from bigram_tui.cli.terminal import (
    OutputError,
    SavedTerminal,
    check_color_system,
    complain,
    drop_output,
    emit,
    forget_exported_size,
    has_screen,
    have_streams,
    is_in_browser,
    is_terminal,
    leave_at_once,
    progress_bar,
    read_keys_from_terminal,
    why_no_screen,
)
from bigram_tui.errors import TextError, UserError
from bigram_tui.signals import (
    ENDING,
    Stopped,
    on_signals,
    raise_stopped,
    status_of,
    unignored,
)

if TYPE_CHECKING:
    from bigram_tui.corpus.background import BackgroundRead
    from bigram_tui.corpus.corpus import Corpus
    from bigram_tui.corpus.request import CorpusRequest
    from bigram_tui.training.registry import BackendSource
    from bigram_tui.training.session import Session
    from bigram_tui.training.snapshot import Snapshot
    from bigram_tui.tui.app import BigramApp

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130

LOOKS = {"files", "no_cache", "fps", "theme", "no_mouse"}
"""Options that say nothing of what is to be done."""

SHORT_FIELDS = {"lr": "learning_rate"}
"""What fields are called on the command line, where that is shorter."""

NOT_SERVED = ("headless", "json", "list_backends", "history", "overwrite")
"""Options of no use to visitors: they print, or write files."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    gc.disable()  # until `settle`
    have_streams()
    try:
        with on_signals(unignored(ENDING), raise_stopped):
            status = run(arguments)
            emit("")
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Stopped as stop:
        os._exit(stop.status)  # what is not yet written, or not yet done, is not waited for
    except BrokenPipeError:  # whoever read our output has had enough
        drop_output()
        status = DONE
    except OutputError as error:
        drop_output()
        complain(f"can't write the output: {error}")
        status = FAILED
    finally:
        gc.enable()
    sys.exit(status)


def settle() -> None:
    """Collect garbage from now on, but none of what is there: that has come to stay.

    To look through all that is imported, while it is, took a tenth of the start, and later on now
    and then a frame.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["serve"]:
            return serve(arguments[1:])
        options = parse(arguments)
        if options.list_backends:
            print_backends()
            return DONE
        on_screen = not (options.headless or options.json) and (is_in_browser() or has_screen())
        if on_screen and is_in_browser():
            check_served(options)
        if options.history is not None:
            check_history(options)
        session_of, request = plan(options), request_of(options)
        if not (on_screen or options.headless or options.json) and (reason := why_no_screen()):
            emit(f"{reason}\n\n")
        if on_screen and (is_in_browser() or is_terminal(sys.stdin) or read_keys_from_terminal()):
            return open_screen(session_or_reading(session_of, request), options)
        return print_headless(session_of(read(request)), options)
    except UserError as error:
        complain(error)
        return WRONG_USE
    except SystemExit as request:  # of argparse, after --help or --version
        return int(request.code or DONE)


def make_session(options: argparse.Namespace) -> "Session":
    """Find the backends, then read the corpus: what is quick to fail comes first."""
    session_of, request = plan(options), request_of(options)
    return session_of(read(request))


def request_of(options: argparse.Namespace) -> "CorpusRequest":
    """Which text is to be read, and how."""
    from bigram_tui.corpus.corpus import bundled_names, parse_split
    from bigram_tui.corpus.request import CorpusRequest

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
    from bigram_tui.corpus.corpus import CorpusError

    def read_on(reading: "BackgroundRead[Session]") -> "Session":
        watching = {"progress": reading.report, "stop": reading.wants_stop, "look": reading.look}
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


def print_backends() -> None:
    """One line per backend: name, source, availability. Imports none of them."""
    from bigram_tui.paths import NOWHERE
    from bigram_tui.training.registry import backends_folder, discover, pitfalls

    parts = {
        "": list(discover().values()),
        "\nEach with a classic mistake, to compare with:\n": list(pitfalls().values()),
    }
    everything = [source for sources in parts.values() for source in sources]
    name_width = max((len(source.name) for source in everything), default=0)
    origin_width = max((len(source.origin) for source in everything), default=0)
    for heading, sources in parts.items():
        emit(heading if sources else "")
        for source in sources:
            obstacle = source.obstacle
            state = "available" if obstacle is None else f"unavailable: {obstacle}"
            emit(f"{source.name:<{name_width}}  {source.origin:<{origin_width}}  {state}\n")
    folder = backends_folder()
    if NOWHERE in folder.parents:
        emit("\nDrop-in files: --backend FILE.py; set HOME to have a folder of them\n")
    else:
        emit(f"\nDrop-in files: {folder}{os.sep}*.py, or --backend FILE.py\n")


def check_history(options: argparse.Namespace) -> None:
    """UserError, before any work, if the history can't be written in the end."""
    from bigram_tui.export.history import check_target

    check_target(options.history, overwrite=options.overwrite)


def write_runs(runs: "Iterable[tuple[str, Snapshot]]", options: argparse.Namespace) -> None:
    """Write the history, if one is wanted. runs: each with the name of its backend."""
    from bigram_tui.export.history import write_history

    if options.history is not None:
        write_history(options.history, runs, overwrite=options.overwrite)


def print_headless(session: "Session", options: argparse.Namespace) -> int:
    """Train without a screen and print."""
    from bigram_tui.cli.headless import document, table, train

    steps = 100 if options.steps is None else options.steps
    samples = 5 if options.samples is None else options.samples
    explicit = bool(options.backend or options.run)
    settle()
    # A plugin may print what it likes to stderr.
    with redirect_stdout(sys.stderr), progress_bar(of_bytes=False) as progress:
        results = list(train(session, steps, samples, explicit=explicit, progress=progress))
    backends = {source.name: source.backend for source in session.sources}
    finals = [result.final for result in results if result.final]
    write_runs([(backends[final.name], final) for final in finals], options)
    reference = options.reference or session.first(named=explicit)
    if options.json:
        emit(document(session, results, reference) + "\n")
    else:
        emit(table(session, results, reference))
    return DONE if all(result.error is None for result in results) else FAILED


def wants_tour(options: argparse.Namespace) -> bool:
    """Whether to begin with the tour: as asked for, or at the first visit.

    Whoever asks for more than a file has been here before, or is not here to be shown around.
    """
    from bigram_tui.cli.first_run import offer_tour

    if options.tour is not None:
        return bool(options.tour)
    given, usual = vars(options), vars(parse([]))
    if any(given[name] != usual[name] for name in given.keys() - LOOKS):
        return False
    return is_in_browser() or offer_tour()  # nothing tells one visitor of a server from another


def make_app(
    session: "Session | BackgroundRead[Session]", options: argparse.Namespace
) -> "BigramApp":
    """Make the explorer of a session. UserError if an option or the user's keymap is wrong."""
    check_color_system()
    from bigram_tui.tui.app import BigramApp

    app = BigramApp(
        session,
        steps=options.steps or 0,
        wanted=(*options.backend, *options.run),
        reference=options.reference,
        frames_per_second=options.fps,
        samples=options.samples,
        in_browser=is_in_browser(),
    )
    if options.theme is not None:
        if options.theme not in app.available_themes:
            names = ", ".join(sorted(app.available_themes))
            raise UsageError(f"no theme {options.theme!r}; there are: {names}")
        app.theme = options.theme
    return app


def open_screen(session: "Session | BackgroundRead[Session]", options: argparse.Namespace) -> int:
    """Open the explorer, until the user quits. What goes wrong with the reading is raised."""
    if not is_in_browser():  # where the server says by these how large the page is
        forget_exported_size()
    app = make_app(session, options)
    app.tour = wants_tour(options)
    settle()
    terminal = SavedTerminal()

    def write_history() -> None:
        if runs := app.history():  # not where the text was not read
            write_runs(runs, options)

    def leave_behind_all_well() -> None:
        terminal.restore()
        write_history()

    # Whoever ignores these signals, as nohup does, does not keep a screen open by it.
    with on_signals((signal.SIGINT, *ENDING), app.leave, leave_behind_all_well) as received:
        app.run(mouse=not options.no_mouse)
    if app.trouble is not None and not received:
        raise app.trouble
    write_history()
    if received:
        leave_at_once(status_of(received[0]))
    status = app.return_code or DONE
    if app.is_held_up:
        leave_at_once(status)
    return status


def serve(arguments: Sequence[str]) -> int:
    """Let visitors explore the texts in their browsers, until ctrl+c."""
    server, rest = parse_serve(arguments)
    options = parse(rest)
    check_served(options)
    try:
        from bigram_tui.web.server import Server
    except ModuleNotFoundError as error:
        raise UserError(f"serve needs {error.name}: pip install textual-serve") from error
    # What a visitor's program would refuse is refused now; what it would have to read for longer
    # than anybody waits, it reads while the visitor watches.
    session_of, request = plan(options), request_of(options)
    for path in request.paths:
        check_readable(path)
    make_app(session_or_reading(session_of, request), options)
    settle()
    # -P: nothing that lies in the current folder is imported in place of a library.
    command = [sys.executable, "-P", "-m", "bigram_tui", *rest]
    number = Server(command, server.host, server.port).serve(emit)
    return DONE if number is None else status_of(number)


def check_served(options: argparse.Namespace) -> None:
    """UsageError if an option is not for visitors, who may write no files here."""
    for name in NOT_SERVED:
        if getattr(options, name):
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} is not for visitors of a server: leave it out")
    if "-" in options.files:
        raise UsageError("'-' is standard input, which visitors can't all read: name a file")


def check_readable(path: str) -> None:
    """UsageError unless any number of visitors can read a text, each from its beginning."""
    from bigram_tui.corpus.streams import open_file

    try:
        if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
            raise UsageError(f"{path!r} is no ordinary file, which each visitor could read")
        with open_file(path):
            pass
    except TextError as error:
        raise UsageError(f"{path!r} {error}") from error
