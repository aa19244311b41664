"""Keeps the counts of large files in the user's cache folder, until the files change.

Nothing in the folder is trusted: if an entry is damaged in any way, the text is read again.
"""

import contextlib
import hashlib
import json
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui import __version__
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counter import LINE_END
from bigram_tui.corpus.distinct_items import ITEM_BUDGET, ITEM_OVERHEAD, LONGEST_ITEM
from bigram_tui.corpus.files import TextFile, is_unchanged, title_of
from bigram_tui.defaults import LARGEST_VOCABULARY
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Vocabulary
from bigram_tui.paths import cache_folder

FORMAT = 2

ROOM = 512 << 20
"""Bytes of the whole cache; the least recently used entries go first."""

UNSETTLED_NS = 2_000_000_000
"""How coarse the times of files may be: a change of a file that new may not show in them."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class CacheEntry:
    """The place in the cache for the counts of some files in one state, with some options."""

    files: tuple[TextFile, ...]
    split: tuple[int, ...] | None
    key: str
    """Differs for any other state of the files, any other option and any other version."""
    settled: bool
    """Whether every change of the files from now on will show in their identities."""

    @property
    def file(self) -> Path:
        """The path of the file that holds the counts, once they are stored."""
        return cache_folder() / f"{self.key}.npz"

    def load(self) -> Corpus | None:
        """Return the stored corpus; None if there is none, or it is damaged."""
        try:
            _require(_is_own_file(self.file))
            with self.file.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                corpus = _corpus({name: arrays[name] for name in arrays}, self)
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
            arrays = _arrays(corpus, self)
            if sum(array.nbytes for array in arrays.values()) > ROOM // 2:
                return
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self.file, arrays)
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
    return CacheEntry(files, split, key, newest < now - UNSETTLED_NS)


# The contents of an entry


def _arrays(corpus: Corpus, entry: CacheEntry) -> dict[str, npt.NDArray[Any]]:
    parts = corpus.train, corpus.validation, corpus.test
    vocabulary = corpus.train.vocabulary
    about = {
        "key": entry.key,
        "lines": corpus.lines,
        "totals": [part and part.total for part in parts],
        "items": None if corpus.items is None else [len(corpus.items), sum(map(len, corpus.items))],
    }
    arrays: dict[str, npt.NDArray[Any]] = {
        "about": _bytes(json.dumps(about)),
        "characters": _bytes(vocabulary.characters),
        "rare": _bytes(vocabulary.rare),
        "items": _bytes(LINE_END.join(corpus.items or ())),
    }
    for number, part in enumerate(parts):
        if part is not None:
            arrays[f"cells{number}"] = part.seen
            arrays[f"times{number}"] = part.counts.ravel()[part.seen]
    return arrays


def _corpus(arrays: dict[str, npt.NDArray[Any]], entry: CacheEntry) -> Corpus:
    """Return the corpus that arrays were made from. Raises any exception if they were not."""
    about = json.loads(_text(arrays["about"]))
    _require(about["key"] == entry.key)
    vocabulary = Vocabulary(_text(arrays["characters"]), _text(arrays["rare"]))
    train, validation, test = (
        None
        if total is None
        else _part(arrays[f"cells{number}"], arrays[f"times{number}"], vocabulary, total)
        for number, total in enumerate(about["totals"])
    )
    assert train is not None
    lines = sum(int(part.row_sums[BOUNDARY]) for part in (train, validation, test) if part)
    _require(lines == about["lines"])
    items = None
    if about["items"] is not None:
        items = frozenset(_text(arrays["items"]).split(LINE_END))
        _require([len(items), sum(map(len, items))] == about["items"])
    paths = tuple(file.path for file in entry.files)
    several = paths if len(paths) > 1 else ()
    return Corpus(title_of(paths), lines, train, validation, test, items, entry.split, several)


def _part(
    cells: npt.NDArray[Any], times: npt.NDArray[Any], vocabulary: Vocabulary, total: int
) -> Bigrams:
    size = len(vocabulary)
    _require(cells.dtype == np.intp and times.dtype == np.int64)
    _require(cells.shape == times.shape == (cells.size,) and cells.size > 0)
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


def _text(array: npt.NDArray[Any]) -> str:
    return array.tobytes().decode()


def _require(sound: bool) -> None:
    if not sound:
        raise ValueError("no corpus has such counts")


# Files


def _is_own_file(path: Path) -> bool:
    """Return whether a path is a file of this user: no pipe to wait for, nothing planted."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_uid == getattr(os, "geteuid", lambda: 0)()


def _write(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    temporary = path.with_name(f".{token_hex(8)}.npz")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(temporary, flags, 0o600), "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _make_room(folder: Path) -> None:
    """Remove the least recently used entries; what was never finished ages like them."""
    entries = [(path, path.stat()) for path in folder.iterdir() if path.suffix == ".npz"]
    room = ROOM
    for path, status in sorted(entries, key=lambda entry: entry[1].st_mtime_ns, reverse=True):
        room -= status.st_size
        if room < 0:
            path.unlink(missing_ok=True)
