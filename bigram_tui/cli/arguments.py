"""Parses and checks the arguments of the command line. It imports nothing heavy."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from bigram_tui.cli.streams import emit
from bigram_tui.defaults import LARGEST_VOCABULARY, LECTURE_SEED, MAX_VOCABULARY, STEP_TIMEOUT
from bigram_tui.errors import UserError

EPILOG = """\
exit status: 0 done, 1 failed, 2 wrong use, 128+n ended by signal n
examples:
  bigram-tui names.txt 'more/*.txt.gz'        explore texts on screen, as one
  cat words.txt | bigram-tui -                any text, one item a line
  bigram-tui names.txt --json --steps 1000 --split 80/10/10 | jq .comparison
  bigram-tui --backend my_model.py --set my_model.depth=3
  bigram-tui serve names.txt                  serve visitors in their browsers
"""


MOST_WORKERS = 61
"""Processes of one machine, as many as Windows can wait for."""


class UsageError(UserError):
    """One line that says what is wrong with the command and what to do."""


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line without the usage."""

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print the help or the version. Raises OutputError, where argparse would say nothing."""
        if file is sys.stdout:
            emit(message)
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        *_, name = message.split()
        if message.startswith("unrecognized arguments") and os.path.exists(name):
            raise UsageError(f"{name} is taken for an option: to open that file, write -- {name}")
        raise UsageError(f"{message}; see {self.prog} --help")


class ShowVersions(argparse.Action):
    """Prints the version of the program and of what it is built on, and ends the program."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from bigram_tui.cli.versions import versions

        emit(f"{versions()}\n")
        parser.exit()


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of the program. Raises UsageError."""
    parser = Parser(
        prog="bigram-tui",
        usage="bigram-tui [serve|count|merge] [FILE ...|-] [options]",
        description="Explore character-level bigram models of a text, one gradient step at a time.",
        epilog=EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=31),
        allow_abbrev=False,
        add_help=False,
    )
    text = parser.add_argument_group("text")
    add = text.add_argument
    add(
        "files",
        nargs="*",
        metavar="FILE",
        help="text files, one item a line; - is stdin",
    )
    add(
        "--split",
        metavar="80/10/10",
        help="hold out lines: train/validation[/test]",
    )
    add(
        "--max-vocab",
        type=vocabulary_size,
        default=MAX_VOCABULARY,
        metavar="N",
        help=f"at most N tokens, 2 to {LARGEST_VOCABULARY} (default: {MAX_VOCABULARY})",
    )
    add("--no-cache", action="store_true", help="count again, and keep no counts of large files")
    add("--scheduler", metavar="ADDRESS", help="count on the Dask cluster at tcp://HOST:PORT")
    models = parser.add_argument_group("models")
    add = models.add_argument
    add(
        "--run",
        action="append",
        default=[],
        metavar="NAME:lr=10,l2=0",
        help="run a backend with these values (repeatable)",
    )
    add(
        "--backend",
        action="append",
        default=[],
        metavar="NAME|FILE.py",
        help="a backend to run (repeatable; default: all)",
    )
    add("--isolate", action="store_true", help="run each backend in a process of its own")
    add("--list-backends", action="store_true", help="list backends, their source and availability")
    add("--lr", metavar="η", help="learning rate, for backends that have one")
    add("--l2", metavar="λ", help="weight of the penalty mean(W²)")
    add("--smoothing", metavar="α", help="added to every count")
    add("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps")
    add(
        "--set",
        action="append",
        default=[],
        metavar="BACKEND.FIELD=VALUE",
        help="set one backend's hyperparameter (repeatable)",
    )
    add(
        "--seed",
        type=seed,
        default=LECTURE_SEED,
        metavar="N",
        help="for weights and samples (default: the lecture's)",
    )
    add(
        "--start",
        choices=("random", "zeros"),
        default="random",
        help="start from the seed's weights, or from W = 0",
    )
    training = parser.add_argument_group("training and output")
    add = training.add_argument
    add("--steps", type=natural, metavar="N", help="steps to take first (headless: 100, else 0)")
    add(
        "--samples", type=natural, metavar="N", help="samples to draw (headless: 5, else what fits)"
    )
    add("--headless", action="store_true", help="print a table instead of the screen")
    add("--json", action="store_true", help="print one JSON document instead of the screen")
    add(
        "--timeout",
        type=seconds,
        default=STEP_TIMEOUT,
        metavar="SECONDS",
        help=f"headless: for a step, or none (default: {STEP_TIMEOUT})",
    )
    add("--reference", metavar="RUN", help="the run that others are compared with")
    add(
        "--history", type=Path, metavar="FILE", help="write the losses of all steps: .csv or .jsonl"
    )
    add("--overwrite", action="store_true", help="replace the file of --history if it exists")
    screen = parser.add_argument_group("screen and help")
    add = screen.add_argument
    add("--fps", type=frames, default=15, metavar="N", help="frames per second (default: 15)")
    add("--theme", metavar="NAME", help="a Textual theme, such as textual-light")
    add(
        "--tour",
        action=argparse.BooleanOptionalAction,
        help="begin with the tour (default: the first time)",
    )
    add("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    add("-h", "--help", action="help", help=argparse.SUPPRESS)  # this shows it
    add(
        "--version",
        action=ShowVersions,
        nargs=0,
        default=argparse.SUPPRESS,
        help="show the versions and exit",
    )
    words = sys.argv[1:] if arguments is None else list(arguments)
    # argparse cannot do both by itself: options between files, and only files after --.
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_intermixed_args(words[:end])
    options.files += words[end + 1 :]
    return options


def parse_serve(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Parse the server's own arguments of `bigram-tui serve`; return also the program's.

    Raises UsageError if one of the server's is wrong.
    """
    parser = Parser(
        prog="bigram-tui serve",
        usage="bigram-tui serve [FILE ...] [--port N] [--host H] [other options]",
        description="Serve a web page in which each visitor explores the texts, apart from others.",
        epilog="Other options are those of bigram-tui that concern its screen. ctrl+c ends.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--port", type=port, default=8000, metavar="N", help="0 for any free port (default: 8000)")
    add(
        "--host",
        default="127.0.0.1",
        metavar="H",
        help="0.0.0.0 for all machines (default: this one)",
    )
    own: list[str] = []
    for argument in arguments:
        if argument == "--":  # files follow
            break
        own.append(argument)
    options, rest = parser.parse_known_args(own)
    return options, [*rest, *arguments[len(own) :]]


def natural(text: str) -> int:
    """Parse a whole number, 0 or more; an argparse type like those below."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def workers(text: str) -> int:
    """Parse a number of processes."""
    if not 1 <= natural(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {MOST_WORKERS}")
    return int(text)


def vocabulary_size(text: str) -> int:
    """Parse the number of tokens that a model may have."""
    if not (text.isdecimal() and 2 <= int(text) <= LARGEST_VOCABULARY):
        raise argparse.ArgumentTypeError(f"{text} is not between 2 and {LARGEST_VOCABULARY:,}")
    return int(text)


def seconds(text: str) -> float | None:
    """Parse a limit in seconds; None for no limit."""
    try:
        limit = 0.0 if text == "none" else float(text)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, 0 or more, nor none")
    return limit or None


def frames(text: str) -> int:
    """Parse a number of frames per second."""
    if not 1 <= natural(text) <= 60:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 60")
    return int(text)


def port(text: str) -> int:
    """Parse the number of a TCP port."""
    if natural(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return int(text)


def seed(text: str) -> int:
    """Parse a seed of the lecture's generator."""
    if natural(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not below 2**32")
    return int(text)


def settings(assignments: Sequence[str]) -> dict[str, dict[str, object]]:
    """Parse `--set BACKEND.FIELD=VALUE` into values by backend and field. Raises UsageError."""
    result: dict[str, dict[str, object]] = {}
    for assignment in assignments:
        target, equals, value = assignment.partition("=")
        backend, dot, name = target.rpartition(".")
        if not (equals and dot and backend and name):
            raise UsageError(f"--set takes BACKEND.FIELD=VALUE, not {assignment!r}")
        result.setdefault(backend, {})[name] = value
    return result
