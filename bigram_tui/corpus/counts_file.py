"""Files of counts: what was counted of a text, for other programs and other days.

The format is safetensors, described in docs/counts_format.md. Nothing in a file is trusted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bigram_tui import __version__
from bigram_tui.corpus.files import TextFile
from bigram_tui.corpus.opening import remote_of
from bigram_tui.corpus.sparse_counts import BLANK_LINE, LINE_END, SparseCounts
from bigram_tui.corpus.streams import Readable
from bigram_tui.errors import TextError
from bigram_tui.formatting.printable import printable

SUFFIX = ".counts.safetensors"

FORMAT = "bigram-tui counts"
VERSION = 1

LARGEST_FILE = 4 << 30
"""Bytes: 268 million bigrams, more than any text of this world has different ones."""

SURROGATES = range(0xD800, 0xE000)
LAST_CHARACTER = 0x10FFFF


@dataclass(frozen=True)
class Source:
    """A file whose bytes were counted, or a part of it."""

    path: str
    """Absolute, an address, or "-" for standard input."""
    size: int | None = None
    """Bytes of the whole file; None if unknown, as for a pipe."""
    modified: int | None = None
    """The time of its last change, in ns since 1970."""
    mark: str | None = None
    """What the server tells of a file at an address, which is another after a change: an ETag."""
    start: int = 0
    """The first byte that was counted."""
    end: int | None = None
    """The byte after the last one that was counted; None for the end of the file."""

    def overlaps(self, other: "Source") -> bool:
        """Return whether both hold the same bytes of one file."""
        if self.size is None or self.path != other.path:
            return False
        ends = [source.end or source.size or 0 for source in (self, other)]
        return self.start < ends[1] and other.start < ends[0]


@dataclass(frozen=True, eq=False)
class TextCounts:
    """The counts of a text, and where they come from."""

    counts: SparseCounts
    sources: tuple[Source, ...]
    is_whole: bool = True
    """Whether each source was counted to its end."""


def is_counts(path: str) -> bool:
    """Return whether a path is that of a file of counts, by its name."""
    return path.endswith(".safetensors")


def merged(parts: Sequence[TextCounts]) -> TextCounts:
    """Return the counts of several texts together.

    Raises TextError if a part of a file is in more than one of them.
    """
    sources: list[Source] = []
    for part in parts:
        for source in part.sources:
            if any(map(source.overlaps, sources)):
                raise TextError(
                    f"counts {printable(source.path)!r}, which other counts hold already: leave "
                    "one of them out"
                )
        sources += part.sources
    counts = SparseCounts.from_sum(part.counts for part in parts)
    return TextCounts(counts, tuple(sources), all(part.is_whole for part in parts))


def encoded(text: TextCounts) -> bytes:
    """Return the content of a file of counts."""
    from safetensors.numpy import save

    arrays = {
        "keys": np.ascontiguousarray(text.counts.keys, "<i8"),
        "times": np.ascontiguousarray(text.counts.times, "<i8"),
    }
    return save(arrays, _metadata(text))


def _metadata(text: TextCounts) -> dict[str, str]:
    return {
        "format": FORMAT,
        "version": str(VERSION),
        "program": f"bigram-tui {__version__}",
        "boundary": "U+000A",
        "lines": str(text.counts.lines),
        "total": str(text.counts.total),
        "whole": json.dumps(text.is_whole),
        "sources": json.dumps([asdict(source) for source in text.sources], ensure_ascii=False),
    }


def read_counts(path: Path) -> TextCounts:
    """Read a file of counts. Raises TextError if it is none, or damaged."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise TextError(f"is larger than {LARGEST_FILE >> 30} GiB, more than counts can be")
        metadata, arrays = _load(path)
    except FileNotFoundError:
        raise TextError("does not exist: check the name and the folder") from None
    except OSError as error:
        raise TextError(f"cannot be read ({error.strerror or error}): check the path") from None
    _check_format(metadata)
    try:
        return _text_counts(metadata, arrays)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise TextError("is damaged: count the text again") from None


def _load(path: Path) -> tuple[Mapping[str, str], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            names = [name for name in ("keys", "times") if name in file.keys()]  # noqa: SIM118
            return metadata, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, ValueError, TypeError, MemoryError):
        raise TextError(
            f"is no file of counts, or a damaged one: bigram-tui count makes files{SUFFIX}"
        ) from None


def _check_format(metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise TextError("holds no counts of bigrams: bigram-tui count makes such files")
    version = metadata.get("version", "")
    if version.isdecimal() and int(version) > VERSION:
        raise TextError(f"was written by a newer bigram-tui (format {version}): update this one")


def _text_counts(metadata: Mapping[str, str], arrays: Mapping[str, Any]) -> TextCounts:
    """Return the counts. Raises KeyError, TypeError or ValueError if no text has such."""
    keys, times = arrays["keys"], arrays["times"]
    _require(keys.dtype == times.dtype == np.int64 and keys.ndim == 1)
    _require(keys.shape == times.shape)
    _require(bool((np.diff(keys, prepend=-1) > 0).all()) and bool((times > 0).all()))
    counts = SparseCounts(keys, times)
    for codes in (counts.first, counts.second):
        _require(bool((codes <= LAST_CHARACTER).all()))
        _require(not ((codes >= SURROGATES.start) & (codes < SURROGATES.stop)).any())
    _require(BLANK_LINE not in keys)
    _require(_lines_end_as_they_begin(counts))
    _require((counts.lines, counts.total) == (int(metadata["lines"]), int(metadata["total"])))
    sources = tuple(_source(**each) for each in json.loads(metadata["sources"]))
    return TextCounts(counts, sources, json.loads(metadata["whole"]) is True)


def _lines_end_as_they_begin(counts: SparseCounts) -> bool:
    """Return whether each character is left as often as it is come to."""
    if float(counts.times.astype(np.float64).sum()) >= 2**62:
        return False
    codes = np.append(counts.characters, LINE_END)
    codes.sort()
    flow = np.zeros(codes.size, np.int64)
    if not np.isin(counts.first, codes).all():
        return False
    np.add.at(flow, codes.searchsorted(counts.first), counts.times)
    np.subtract.at(flow, codes.searchsorted(counts.second), counts.times)
    return not flow.any()


def _source(path: str, mark: str | None = None, **numbers: int | None) -> Source:
    _require(isinstance(path, str) and (mark is None or isinstance(mark, str)))
    _require(all(n is None or (type(n) is int and n >= 0) for n in numbers.values()))
    return Source(path, mark=mark, **numbers)  # type: ignore[arg-type]


def _require(sound: bool) -> None:
    if not sound:
        raise ValueError("no text has such counts")


def source_of(file: TextFile, stream: Readable) -> Source:
    """Return the source that a file is if it is counted to its end. stream: reads it."""
    if remote := remote_of(stream):
        return Source(file.path, remote.size, mark=remote.mark)
    if file.identity is None:
        return Source(file.path)
    path, size, (modified, _) = file.identity
    return Source(path, size, modified)
