"""Runs `bigram-tui count` and `bigram-tui merge`, which write files of counts."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bigram_tui.cli.arguments import Parser, UsageError
from bigram_tui.cli.arguments import workers as number_of_workers
from bigram_tui.cli.exit_status import DONE
from bigram_tui.cli.progress import Report, progress_bar
from bigram_tui.cli.streams import complain, emit

if TYPE_CHECKING:
    from bigram_tui.corpus.counts_file import TextCounts

SUFFIX = ".counts.safetensors"
"""That of `corpus.counts_file`, which a wrong use need not import."""


def count(arguments: Sequence[str]) -> int:
    """Count texts, write the counts, and return the exit status."""
    options = _parse(
        "count",
        "Count the bigrams of texts, and write the counts to a file that bigram-tui opens.",
        "text files, as bigram-tui reads them; - is stdin",
        arguments,
    )
    from bigram_tui.corpus.reading import read_counts

    with progress_bar() as progress:
        if options.scheduler is None and options.workers is None:
            text = read_counts(*options.files, progress=progress)
        else:
            text = _spread(options, progress)
    return _write(options, text)


def _spread(options: Namespace, progress: Report | None) -> "TextCounts":
    """Count texts by the workers that were asked for, and add files of counts."""
    from bigram_tui.cli.cluster import processes, scheduler
    from bigram_tui.corpus.counts_file import is_counts, merged
    from bigram_tui.corpus.errors import naming_text
    from bigram_tui.corpus.files import find_files, title_of
    from bigram_tui.corpus.reading import read_counts
    from bigram_tui.corpus.spread import spread_counts

    files = find_files(options.files)
    texts = [file for file in files if not is_counts(file.path)]
    counted = [file for file in files if is_counts(file.path)]
    parts = [read_counts(*counted)] if counted else []
    if texts:
        workers = (
            processes(options.workers)
            if options.scheduler is None
            else scheduler(options.scheduler, complain)
        )
        with workers as engine:
            parts.append(spread_counts(texts, engine, progress))
    with naming_text(title_of([file.path for file in files])):
        return merged(parts)


def merge(arguments: Sequence[str]) -> int:
    """Add up files of counts, write the sum, and return the exit status."""
    options = _parse(
        "merge",
        "Add up files of counts. The order does not matter.",
        f"files that end in {SUFFIX}",
        arguments,
    )
    from bigram_tui.corpus.counts_file import is_counts
    from bigram_tui.corpus.files import find_files
    from bigram_tui.corpus.reading import read_counts

    files = find_files(options.files)
    for file in files:
        if not is_counts(file.path):
            raise UsageError(f"merge takes files of counts, not {file.path!r}: count that first")
    return _write(options, read_counts(*files))


def _parse(command: str, description: str, files: str, arguments: Sequence[str]) -> Namespace:
    parser = Parser(
        prog=f"bigram-tui {command}",
        usage=f"bigram-tui {command} FILE ... -o NAME{SUFFIX} [options]",
        description=description,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help=files)
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="where to write")
    add("--overwrite", action="store_true", help="replace the file if it exists")
    if command == "count":
        how = parser.add_mutually_exclusive_group()
        add = how.add_argument
        add("--scheduler", metavar="ADDRESS", help="count on the Dask cluster at tcp://HOST:PORT")
        add("--workers", type=number_of_workers, metavar="N", help="count by N processes")
    options = parser.parse_intermixed_args(list(arguments))
    _check_output(options.output, overwrite=options.overwrite)
    return options


@contextmanager
def _naming_overwrite(path: Path) -> Iterator[None]:
    """Name the option that replaces a file, in the error that there is one."""
    from bigram_tui.export.files import ExistsError

    try:
        yield
    except ExistsError:
        raise UsageError(f"{str(path)!r} exists; --overwrite replaces it") from None


def _check_output(path: Path, *, overwrite: bool) -> None:
    """Raise UserError if the file can't be written there; called before the work."""
    from bigram_tui.export.files import check_path

    if not path.name.endswith(SUFFIX):
        raise UsageError(f"-o takes a file that ends in {SUFFIX}, not {str(path)!r}")
    with _naming_overwrite(path):
        check_path(path, overwrite=overwrite)


def _write(options: Namespace, text: "TextCounts") -> int:
    from bigram_tui.corpus.counts_file import encoded
    from bigram_tui.export.files import write_bytes
    from bigram_tui.formatting.numbers import quantity

    path: Path = options.output
    content = encoded(text)
    with _naming_overwrite(path):
        write_bytes(path, lambda file: file.write(content), overwrite=options.overwrite)
    counts = text.counts
    facts = (
        quantity(counts.lines, "line"),
        quantity(counts.total, "bigram"),
        quantity(counts.characters.size, "character"),
    )
    emit(f"{path}: {', '.join(facts)}\n")
    return DONE
