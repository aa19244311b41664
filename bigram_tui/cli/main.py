"""Runs the program, from its arguments to its exit status."""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from bigram_tui.cli.arguments import parse
from bigram_tui.cli.exit_status import DONE, FAILED, INTERRUPTED, WRONG_USE
from bigram_tui.cli.history import check_history, write_runs
from bigram_tui.cli.plan import make_plan, read, session_or_reading
from bigram_tui.cli.progress import progress_bar
from bigram_tui.cli.streams import (
    OutputError,
    complain,
    drop,
    emit,
    flush_errors,
    have_streams,
    keep_output_apart,
    leave,
    prints_apart,
)
from bigram_tui.cli.terminal import (
    has_screen,
    is_in_browser,
    is_terminal,
    read_keys_from_terminal,
    why_no_screen,
)
from bigram_tui.errors import UserError
from bigram_tui.garbage import collect_from_now_on
from bigram_tui.paths import cache_folder
from bigram_tui.signals import ENDING, Stopped, on_signals, raise_stopped, unignored

if TYPE_CHECKING:
    from bigram_tui.training.session import Session


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    gc.disable()  # until collect_from_now_on
    have_streams()
    if not is_in_browser():  # where descriptor 1 is the way to the server
        keep_output_apart()
    from bigram_tui.training.strays import record_strays  # it imports Rich

    record_strays()
    # Where numba keeps compiled code, of our kernels and of any backend in any process.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "kernels"))
    try:
        with on_signals(unignored(ENDING), raise_stopped):
            status = run(arguments)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Stopped as stop:
        os._exit(stop.status)  # at once: nothing is written or finished any more
    except BrokenPipeError:  # the reader of our output has closed it
        drop(sys.stdout)
        status = DONE
    except OutputError as error:
        drop(sys.stdout)
        complain(f"can't write the output: {error}")
        status = FAILED
    finally:
        gc.enable()
    flush_errors()
    leave(status)


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if command := _command(arguments):
            return command(arguments[1:])
        options = parse(arguments)
        if options.list_backends:
            print_backends()
            return DONE
        on_screen = not (options.headless or options.json) and (is_in_browser() or has_screen())
        if on_screen and is_in_browser():
            from bigram_tui.cli.serve import check_served

            check_served(options)
        if options.history is not None:
            check_history(options)
        plan = make_plan(options)
        if not (on_screen or options.headless or options.json) and (reason := why_no_screen()):
            emit(f"{reason}\n\n")
        if on_screen and (is_in_browser() or is_terminal(sys.stdin) or read_keys_from_terminal()):
            from bigram_tui.cli.screen import open_screen

            return open_screen(session_or_reading(plan), options)
        session = plan.session(read(plan.request))
        if session.corpus.doubt:
            complain(session.corpus.doubt)
        return print_headless(session, options)
    except UserError as error:
        complain(error)
        return WRONG_USE
    except SystemExit as end:  # of argparse, after --help or --version
        return int(end.code or DONE)


def _command(arguments: Sequence[str]) -> Callable[[Sequence[str]], int] | None:
    """Return what runs the command that arguments begin with; None if they begin with none."""
    match arguments[:1]:
        case ["serve"]:
            from bigram_tui.cli.serve import serve

            return serve
        case ["count"]:
            from bigram_tui.cli.count import count

            return count
        case ["merge"]:
            from bigram_tui.cli.count import merge

            return merge
    return None


def print_backends() -> None:
    """Print one line per backend: name, source, availability. None is imported."""
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


def print_headless(session: "Session", options: argparse.Namespace) -> int:
    """Train without a screen, print the results, and return the exit status."""
    from bigram_tui.cli.headless import document, table, train
    from bigram_tui.training.strays import STRAYS

    steps = 100 if options.steps is None else options.steps
    samples = 5 if options.samples is None else options.samples
    explicit = bool(options.backend or options.run)
    collect_from_now_on()
    with prints_apart(), progress_bar(of_bytes=False) as progress:
        how = {"explicit": explicit, "timeout": options.timeout, "report": progress}
        results = list(train(session, steps, samples, **how))
    for line in STRAYS.untold():
        complain(line)
    backends = {source.name: source.backend for source in session.sources}
    finals = [result.final for result in results if result.final]
    reference = options.reference or session.first(named=explicit)
    try:
        write_runs([(backends[final.name], final) for final in finals], options)
    finally:  # a full disk must not cost the results too
        if options.json:
            emit(document(session, results, reference) + "\n")
        else:
            emit(table(session, results, reference), styled=True)
    return DONE if all(result.error is None for result in results) else FAILED
