"""The files of a text: the patterns and paths that the user gave, and what to call them."""

import glob
import os
import re
from collections.abc import Sequence

from bigram_tui.corpus.errors import CorpusError, naming_text
from bigram_tui.corpus.opening import STANDARD_INPUT
from bigram_tui.errors import TextError

PATTERN = re.compile(r"[*?]|\[.+\]")


def expand(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths, with each pattern replaced by the files that it matches, sorted.

    Raises CorpusError if a pattern matches no file, or standard input is not alone.
    """
    expanded: list[str] = []
    for path in paths:
        with naming_text(path):
            expanded += _matches(path)
    if STANDARD_INPUT in expanded and len(expanded) > 1:
        raise CorpusError("'-' is standard input, which can only be read alone: leave it out")
    return tuple(expanded)


def _matches(path: str) -> list[str]:
    """Return the files that match a pattern; the path itself if it is no pattern."""
    if os.path.lexists(path) or not PATTERN.search(path):
        return [path]
    matches = sorted(glob.glob(path, recursive=True))
    if files := [match for match in matches if not os.path.isdir(match)]:
        return files
    if matches:
        raise TextError(
            f"matches only folders: for the files in them give {os.path.join(path, '*')!r}"
        )
    raise TextError("matches no file: check the pattern and the folder")


def title_of(paths: Sequence[str]) -> str:
    """Return what to call a text: its path, or the first one and how many more there are."""
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
