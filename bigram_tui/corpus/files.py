"""Finds the files of a text. Each is looked at once, and what was found is passed on."""

import glob
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from bigram_tui.corpus.compression_formats import LONGEST_MAGIC, compression_of
from bigram_tui.corpus.errors import CorpusError, naming_text
from bigram_tui.corpus.remote import is_remote, matches
from bigram_tui.errors import TextError

STANDARD_INPUT = "-"

PATTERN = re.compile(r"[*?]|\[.+\]")

Identity = tuple[str, int, tuple[int, int]]
"""Absolute path, size, and the times of the last changes of content and status, in ns."""


class Kind(Enum):
    """What is at a path."""

    FILE = auto()
    FOLDER = auto()
    STREAM = auto()
    """Standard input, a pipe or a device: bytes come in their own time, and only once."""
    REMOTE = auto()
    """A file at an address, which is not looked at before it is read."""
    MISSING = auto()
    """Nothing, or nothing that can be looked at; opening it tells why."""


@dataclass(frozen=True)
class TextFile:
    """A path of a text, and what was there when it was looked at."""

    path: str
    kind: Kind
    size: int | None = None
    """Bytes on the disk; None if unknown, as for a pipe."""
    head: bytes = b""
    """The first bytes of a file, enough to tell how it is compressed."""
    identity: Identity | None = None
    """Differs from that of the same file after a change; None if it is no file."""

    @property
    def compression(self) -> str | None:
        """The format of a compressed file; None of any other and of what is no file."""
        return compression_of(self.head)

    @property
    def takes_time(self) -> bool:
        """Whether its size does not tell how long reading takes."""
        return self.kind in (Kind.STREAM, Kind.REMOTE) or self.compression is not None


def probe(path: str) -> TextFile:
    """Look at a path, without waiting for a pipe."""
    if path == STANDARD_INPUT:
        return TextFile(path, Kind.STREAM)
    if is_remote(path):
        return TextFile(path, Kind.REMOTE)
    try:
        status = os.stat(path)
    except OSError:
        return TextFile(path, Kind.MISSING)
    if stat.S_ISDIR(status.st_mode):
        return TextFile(path, Kind.FOLDER)
    if not stat.S_ISREG(status.st_mode):
        return TextFile(path, Kind.STREAM)
    # Files that the system makes up, as in /proc, say that they are empty.
    return TextFile(path, Kind.FILE, status.st_size or None, _head(path), _identity(path, status))


def _head(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(LONGEST_MAGIC)
            # On macOS, /dev/fd/N shares its position with a descriptor that is read later.
            file.seek(-len(head), os.SEEK_CUR)
            return head
    except OSError:  # the same error comes when the text is opened
        return b""


def _identity(path: str, status: os.stat_result) -> Identity:
    # A file that takes the place of another may bring its mtime with it, but not its ctime.
    times = status.st_mtime_ns, status.st_ctime_ns
    return os.path.abspath(path), status.st_size, times


def is_unchanged(file: TextFile) -> bool:
    """Look at a file once more; return whether it is as it was."""
    try:
        return _identity(file.path, os.stat(file.path)) == file.identity
    except OSError:
        return False


def find_files(paths: Iterable[str | TextFile]) -> tuple[TextFile, ...]:
    """Look at each path, and at the files that each pattern such as "*.txt" matches, sorted.

    paths: a TextFile among them stays as it is.
    Raises CorpusError if a pattern matches no file, or standard input is not alone.
    """
    files: list[TextFile] = []
    for path in paths:
        if isinstance(path, TextFile):
            files.append(path)
            continue
        with naming_text(path):
            files += _matches(path)
    if len(files) > 1 and any(file.path == STANDARD_INPUT for file in files):
        raise CorpusError("'-' is standard input, which can only be read alone: leave it out")
    return tuple(files)


def _matches(path: str) -> list[TextFile]:
    """Return the files that match a pattern; the path itself if it is no pattern."""
    if is_remote(path):
        return _remote_matches(path)
    if not PATTERN.search(path) or os.path.lexists(path):
        return [probe(path)]
    found = [probe(match) for match in sorted(glob.glob(path, recursive=True))]
    if files := [file for file in found if file.kind is not Kind.FOLDER]:
        return files
    if found:
        raise TextError(
            f"matches only folders: for the files in them give {os.path.join(path, '*')!r}"
        )
    raise TextError("matches no file: check the pattern and the folder")


def _remote_matches(address: str) -> list[TextFile]:
    """Return the files that match an address; over http, a pattern is a part of it."""
    if address.lower().startswith("http") or not PATTERN.search(address):
        return [probe(address)]
    if found := matches(address):
        return [probe(match) for match in found]
    raise TextError("matches no file: check the pattern and the folder")


def title_of(paths: Sequence[str]) -> str:
    """Return what to call a text: its path, or the first one and how many more there are."""
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
