"""Keeps the counts of large files in the user's cache folder, until the files change.

Nothing in the folder is trusted: if an entry is damaged in any way, the text is read again. That is
also why entries need not survive a loss of power. To load one takes no more memory than to make it:
what it says about its sizes is checked against the limits of a corpus first.
"""

import contextlib
import hashlib
import json
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui import __version__
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counter import LINE_END
from bigram_tui.corpus.distinct_items import ITEM_BUDGET, ITEM_OVERHEAD, LONGEST_ITEM
from bigram_tui.corpus.files import TextFile, is_unchanged, title_of
from bigram_tui.corpus.sealed_arrays import LONGEST_HEADER, MAGIC, Array, read_sealed, write_sealed
from bigram_tui.defaults import LARGEST_VOCABULARY
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary
from bigram_tui.paths import cache_folder
from bigram_tui.whole_files import open_whole

FORMAT = 3

SUFFIX = ".counts"

OLD_SUFFIX = ".npz"
"""That of earlier versions, whose entries take room until they are the least recently used."""

ROOM = 512 << 20
"""Bytes of the whole cache; the least recently used entries go first."""

LARGEST_ENTRY = ROOM // 2 + 2 * LONGEST_HEADER
"""Bytes of one entry: its arrays take half of the room at most."""

UNSETTLED_NS = 2_000_000_000
"""How coarse the times of files may be: a change of a file that new may not show in them."""

LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class CacheEntry:
    """The place in the cache for the counts of some files in one state, with some options."""

    files: tuple[TextFile, ...]
    split: tuple[int, ...] | None
    max_vocabulary: int
    key: str
    """Differs for any other state of the files, any other option and any other version."""
    settled: bool
    """Whether every change of the files from now on will show in their identities."""

    @property
    def file(self) -> Path:
        """The path of the file that holds the counts, once they are stored."""
        return cache_folder() / f"{self.key}{SUFFIX}"

    def load(self) -> Corpus | None:
        """Return the stored corpus; None if there is none, or it is damaged."""
        try:
            corpus = _corpus(*read_sealed(_read_own_file(self.file)), self)
        except Exception:  # it may be damaged in any way
            return None
        with contextlib.suppress(OSError):
            os.utime(self.file)
        return corpus

    def store(self, corpus: Corpus) -> None:
        """Store a corpus that was read from these files, if all was read and none has changed.

        If that fails, as on a full disk, nothing is stored.
        """
        if corpus.extent is not None or not self.settled or not all(map(is_unchanged, self.files)):
            return
        with contextlib.suppress(OSError, MemoryError):
            about, arrays = _contents(corpus, self)
            if sum(array.nbytes for array in arrays.values()) > ROOM // 2:
                return
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open_whole(self.file, overwrite=True, durable=False, mode=0o600) as file:
                write_sealed(file, about, arrays)
            _make_room(self.file.parent)


def find_entry(
    files: tuple[TextFile, ...], split: tuple[int, ...] | None, seed: int, max_vocabulary: int
) -> CacheEntry:
    """Return the entry of files as they were found, before they are read."""
    now = time.time_ns()
    identities = [file.identity for file in files]
    newest = max(max(identity[2]) for identity in identities if identity is not None)
    budgets = ITEM_BUDGET, ITEM_OVERHEAD, LONGEST_ITEM, LARGEST_VOCABULARY
    options = [FORMAT, __version__, split, seed if split else None, max_vocabulary, *budgets]
    key = hashlib.sha256(f"{json.dumps(identities)} {json.dumps(options)}".encode()).hexdigest()
    return CacheEntry(files, split, max_vocabulary, key, newest < now - UNSETTLED_NS)


# The contents of an entry


def _contents(corpus: Corpus, entry: CacheEntry) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return facts about a corpus, and its arrays."""
    parts = corpus.train, corpus.validation, corpus.test
    vocabulary = corpus.train.vocabulary
    about = {
        "key": entry.key,
        "lines": corpus.lines,
        "totals": [part and part.total for part in parts],
        "items": None if corpus.items is None else [len(corpus.items), sum(map(len, corpus.items))],
    }
    arrays: dict[str, Array] = {}
    for number, part in enumerate(parts):
        if part is not None:
            arrays[f"cells{number}"] = part.seen
            arrays[f"times{number}"] = part.counts.ravel()[part.seen]
    arrays["characters"] = _bytes(vocabulary.characters)
    arrays["rare"] = _bytes(vocabulary.rare)
    arrays["items"] = _bytes(LINE_END.join(corpus.items or ()))
    return about, arrays


def _corpus(about: dict[str, Any], arrays: dict[str, Array], entry: CacheEntry) -> Corpus:
    """Return the corpus that the contents were made from. Raises any exception if they were not."""
    _require(about["key"] == entry.key)
    vocabulary = _vocabulary(arrays["characters"], arrays["rare"], entry)
    train, validation, test = (
        None
        if total is None
        else _part(arrays[f"cells{number}"], arrays[f"times{number}"], vocabulary, total)
        for number, total in enumerate(about["totals"])
    )
    assert train is not None
    lines = sum(int(part.row_sums[BOUNDARY]) for part in (train, validation, test) if part)
    _require(lines == about["lines"])
    items = None if about["items"] is None else _items(arrays["items"], *about["items"])
    paths = tuple(file.path for file in entry.files)
    several = paths if len(paths) > 1 else ()
    return Corpus(title_of(paths), lines, train, validation, test, items, entry.split, several)


def _vocabulary(characters: Array, rare: Array, entry: CacheEntry) -> Vocabulary:
    _require(max(characters.size, rare.size) <= LONGEST_CHARACTER * LARGEST_VOCABULARY)
    vocabulary = Vocabulary(_text(characters), _text(rare))
    _require(len(vocabulary) <= entry.max_vocabulary)  # before a table is made for it
    return vocabulary


def _items(array: Array, count: int, characters: int) -> frozenset[str]:
    _require(count * ITEM_OVERHEAD <= ITEM_BUDGET and array.size <= ITEM_BUDGET)  # of the reader
    line_ends = int(np.count_nonzero(array == ord(LINE_END)))
    _require(line_ends + 1 == count)  # before it is split
    items = frozenset(_text(array).split(LINE_END))
    _require((len(items), sum(map(len, items))) == (count, characters))
    return items


def _part(cells: Array, times: Array, vocabulary: Vocabulary, total: int) -> Bigrams:
    size = len(vocabulary)
    _require(cells.dtype == times.dtype == np.int64)
    _require(cells.size == times.size > 0)
    _require(cells[0] >= 0 and cells[-1] < size * size and bool((np.diff(cells) > 0).all()))
    _require(bool((times > 0).all()))
    counts = np.zeros(size * size, np.int64)
    counts[cells] = times
    part = Bigrams(vocabulary, counts.reshape(size, size))
    _require(part.total == total)
    _require(np.array_equal(part.row_sums, part.counts.sum(axis=0)))  # lines end as they begin
    return part


def _bytes(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8)


def _text(array: Array) -> str:
    return array.tobytes().decode()


def _require(sound: bool) -> None:
    if not sound:
        raise ValueError("no corpus has such counts")


# Files


def _read_own_file(path: Path) -> bytes:
    """Read a file of this user: no pipe to wait for, nothing planted, no more than was stored."""
    status = path.lstat()
    _require(stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST_ENTRY)
    _require(status.st_uid == getattr(os, "geteuid", lambda: 0)())
    with path.open("rb") as file:
        _require(file.read(len(MAGIC)) == MAGIC)
        file.seek(0)
        return file.read(status.st_size + 1)  # more than that was appended meanwhile


def _make_room(folder: Path) -> None:
    """Remove the least recently used entries."""
    entries: list[tuple[Path, os.stat_result]] = []
    for path in folder.iterdir():
        if path.suffix in (SUFFIX, OLD_SUFFIX):
            with contextlib.suppress(FileNotFoundError):  # another program makes room too
                entries.append((path, path.stat()))
    room = ROOM
    for path, status in sorted(entries, key=lambda entry: entry[1].st_mtime_ns, reverse=True):
        room -= status.st_size
        if room < 0:
            path.unlink(missing_ok=True)
