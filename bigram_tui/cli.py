"""The command line: reads arguments and the corpus, then opens the screen or prints."""

import argparse
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from bigram_tui import __version__
from bigram_tui.errors import UserError

if TYPE_CHECKING:
    from bigram_tui.registry import BackendSource
    from bigram_tui.session import Session
    from bigram_tui.snapshot import Snapshot

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130

SHORT_FIELDS = {"lr": "learning_rate"}
"""What fields are called on the command line, where that is shorter."""

PROGRESS_AFTER_SECONDS = 0.5

EPILOG = """\
examples:
  bigram-tui names.txt                        explore it on screen
  cat words.txt | bigram-tui -                any text, one item a line
  bigram-tui names.txt --split 80/10/10 --smoothing 0
  bigram-tui names.txt --headless --steps 1000
  bigram-tui names.txt --json --backend numpy --backend torch | jq .comparison
  bigram-tui --backend my_model.py --set my_model.depth=3

On screen: s steps, space runs, z steps back, 1 2 3 switch backends, ? helps.
Exit status: 0 done, 1 the work failed, 2 wrong use, 130 interrupted.
"""


class UsageError(UserError):
    """One line that says what was wrong with the command and what to do."""


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is answered by one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see bigram-tui --help")


class OutputError(Exception):
    """What was to be printed could not be written."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    _have_streams()
    try:
        status = run(arguments)
        emit("")
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:  # whoever read our output has had enough
        _drop_output()
        status = DONE
    except OutputError as error:
        _drop_output()
        print(f"bigram-tui: can't write the output: {error}", file=sys.stderr)
        status = FAILED
    sys.exit(status)


def emit(text: str) -> None:
    """Write to standard output, at once. OutputError if that fails."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror or error) from error


def _have_streams() -> None:
    """Make sure that output can be written: a caller may have closed it, or chosen ASCII."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    # What is still buffered would be written at exit, and fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit status."""
    try:
        options = parse(arguments)
        if options.list_backends:
            print_backends()
            return DONE
        on_screen = not (options.headless or options.json) and has_screen()
        if options.history is not None:
            check_history(options)
        session = make_session(options)
        check_settings(session)
        if on_screen and (is_terminal(sys.stdin) or read_keys_from_terminal()):
            return open_screen(session, options)
        return print_headless(session, options)
    except UserError as error:
        print(f"bigram-tui: {error}", file=sys.stderr)
        return WRONG_USE
    except SystemExit as request:  # of argparse, after --help or --version
        return int(request.code or DONE)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments. UsageError if they are wrong."""
    parser = Parser(
        prog="bigram-tui",
        usage="bigram-tui [FILE|-] [options]",
        description="Explore character-level bigram models of a text, one gradient step at a time.",
        epilog=EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=31),
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "file",
        nargs="?",
        metavar="FILE",
        help="text, one item a line; - is stdin",
    )
    add("--version", action="version", version=f"bigram-tui {__version__}")
    models = parser.add_argument_group("models")
    add = models.add_argument
    add(
        "--run",
        action="append",
        default=[],
        metavar="NAME:lr=10,l2=0",
        help="a backend with its values (repeatable)",
    )
    add(
        "--backend",
        action="append",
        default=[],
        metavar="NAME|FILE.py",
        help="one to run (repeatable; default: all)",
    )
    add("--list-backends", action="store_true", help="list them, with source and availability")
    add("--lr", metavar="η", help="learning rate, for backends that have one")
    add("--l2", metavar="λ", help="weight of mean(W²) in the loss")
    add("--smoothing", metavar="α", help="added to every count")
    add("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps")
    add(
        "--set",
        action="append",
        default=[],
        metavar="BACKEND.FIELD=VALUE",
        help="one backend's hyperparameter (repeatable)",
    )
    add(
        "--seed",
        type=seed,
        default=2147483647,
        metavar="N",
        help="of start weights and names (default: lecture's)",
    )
    add(
        "--split",
        metavar="80/10/10",
        help="hold lines out: train/validation[/test]",
    )
    training = parser.add_argument_group("training and output")
    add = training.add_argument
    add("--steps", type=natural, metavar="N", help="iterations at first (100 headless, else 0)")
    add("--samples", type=natural, default=5, metavar="N", help="names to print (default: 5)")
    add("--headless", action="store_true", help="print a table, no screen")
    add("--json", action="store_true", help="print one JSON document, no screen")
    add("--reference", metavar="RUN", help="what others are compared with")
    add("--history", type=Path, metavar="FILE", help="write all losses as .csv or .jsonl")
    add("--overwrite", action="store_true", help="replace a history that exists")
    screen = parser.add_argument_group("screen")
    add = screen.add_argument
    add("--fps", type=frames, default=15, metavar="N", help="frames per second (default: 15)")
    add("--theme", metavar="NAME", help="a Textual theme, such as textual-light")
    add("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    return parser.parse_args(arguments)


def natural(text: str) -> int:
    """argparse type: a whole number, at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def frames(text: str) -> int:
    """argparse type: frames per second."""
    if not 1 <= natural(text) <= 60:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 60")
    return int(text)


def seed(text: str) -> int:
    """argparse type: what the lecture's generator takes as a seed."""
    if natural(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not below 2**32")
    return int(text)


def settings(assignments: Sequence[str]) -> dict[str, dict[str, object]]:
    """The values of `--set BACKEND.FIELD=VALUE` by backend and field. UsageError if malformed."""
    result: dict[str, dict[str, object]] = {}
    for assignment in assignments:
        target, equals, value = assignment.partition("=")
        backend, dot, name = target.rpartition(".")
        if not (equals and dot and backend and name):
            raise UsageError(f"--set takes BACKEND.FIELD=VALUE, not {assignment!r}")
        result.setdefault(backend, {})[name] = value
    return result


def make_session(options: argparse.Namespace) -> "Session":
    """Find the backends, then read the corpus: what is quick to fail comes first."""
    from bigram_tui.corpus import bundled_names, parse_split, read_corpus  # noqa: PLC0415
    from bigram_tui.registry import choose  # noqa: PLC0415
    from bigram_tui.session import Session  # noqa: PLC0415

    sources = choose(options.backend) if options.backend or not options.run else []
    individual = settings(options.set)
    for text in options.run:
        source, values = run_of(text)
        taken = {source.name for source in sources}
        source = source.alias(next(n for n in numbered(source.name) if n not in taken))
        sources.append(source)
        individual[source.name] = {**individual.get(source.backend, {}), **values}
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
    try:
        split = None if options.split is None else parse_split(options.split)
    except ValueError as error:
        raise UsageError(f"--split: {error}") from None
    with progress_bar() as progress:
        corpus = read_corpus(
            options.file or str(bundled_names()),
            split=split,
            seed=options.seed,
            progress=progress,
        )
    common = {name: value for name, value in flags.items() if value is not None}
    return Session(corpus, tuple(sources), options.seed, common, individual)


def run_of(text: str) -> "tuple[BackendSource, dict[str, object]]":
    """The backend and the values of `--run BACKEND:FIELD=VALUE,…`, the source named after both."""
    from bigram_tui.registry import choose  # noqa: PLC0415

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


def check_settings(session: "Session") -> None:
    """Say now what is wrong with a setting, rather than later in the run that has it.

    Only for backends that a setting may concern: to look, they must be imported.
    """
    for source in session.sources:
        if session.has_settings_for(source) and not source.obstacle:
            session.configured(source)


@contextmanager
def progress_bar() -> "Iterator[Callable[[int, int | None], None] | None]":
    """A callback for (bytes read, size); it draws a bar on stderr for what takes its time."""
    if not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    bar: Any = None
    task: Any = None

    def report(done: int, size: int | None) -> None:
        nonlocal bar, task
        if bar is None and time.monotonic() - started > PROGRESS_AFTER_SECONDS:
            bar = _make_bar()
            task = bar.add_task("reading", total=size)
            bar.start()
        if bar is not None:
            bar.update(task, completed=done, total=size)

    try:
        yield report
    finally:
        if bar is not None:
            bar.stop()


def _make_bar() -> Any:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def has_screen() -> bool:
    """Whether there is a terminal to draw on, and nobody waits for our output as text."""
    return is_terminal(sys.stdout) and is_terminal(sys.stderr)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream, which its caller may have closed, is a terminal."""
    return stream is not None and stream.isatty()


def read_keys_from_terminal() -> bool:
    """Make the terminal our standard input again after a pipe was read from it."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return False
    os.dup2(terminal, 0)
    os.close(terminal)
    return True


def print_backends() -> None:
    """One line per backend: name, source, availability. Imports none of them."""
    from bigram_tui.registry import backends_folder, choose  # noqa: PLC0415

    sources: list[BackendSource] = choose([])
    name_width = max((len(source.name) for source in sources), default=0)
    origin_width = max((len(source.origin) for source in sources), default=0)
    for source in sources:
        obstacle = source.obstacle
        state = "available" if obstacle is None else f"unavailable: {obstacle}"
        emit(f"{source.name:<{name_width}}  {source.origin:<{origin_width}}  {state}\n")
    emit(f"\nDrop-in files: {backends_folder()}{os.sep}*.py, or --backend FILE.py\n")


def check_history(options: argparse.Namespace) -> None:
    """UserError, before any work, if the history can't be written in the end."""
    from bigram_tui.history import check_target  # noqa: PLC0415

    check_target(options.history, overwrite=options.overwrite)


def write_runs(session: "Session", runs: "Sequence[Snapshot]", options: argparse.Namespace) -> None:
    """Write the history, if one is wanted."""
    from bigram_tui.history import write_history  # noqa: PLC0415

    if options.history is not None:
        backends = {source.name: source.backend for source in session.sources}
        named = [(backends[run.name], run) for run in runs]
        write_history(options.history, named, overwrite=options.overwrite)


def print_headless(session: "Session", options: argparse.Namespace) -> int:
    """Train without a screen and print."""
    from bigram_tui.headless import document, table, train  # noqa: PLC0415

    steps = 100 if options.steps is None else options.steps
    explicit = bool(options.backend or options.run)
    with redirect_stdout(sys.stderr):  # where a plugin may print what it likes
        results = list(train(session, steps, options.samples, explicit=explicit))
    write_runs(session, [result.final for result in results if result.final], options)
    if options.json:
        emit(document(session, results, options.reference) + "\n")
    else:
        emit(table(session, results, options.reference))
    return DONE if all(result.error is None for result in results) else FAILED


def open_screen(session: "Session", options: argparse.Namespace) -> int:
    """Open the explorer, until the user quits."""
    from bigram_tui.tui.app import BigramApp  # noqa: PLC0415

    app = BigramApp(
        session,
        steps=options.steps or 0,
        wanted=(*options.backend, *options.run),
        frames_per_second=options.fps,
    )
    if options.theme is not None:
        if options.theme not in app.available_themes:
            names = ", ".join(sorted(app.available_themes))
            raise UsageError(f"no theme {options.theme!r}; there are: {names}")
        app.theme = options.theme
    app.run(mouse=not options.no_mouse)
    write_runs(session, [runner.snapshot for runner in app.runners], options)
    return app.return_code or DONE
