"""Opens texts by their paths, compressed ones and standard input too, and reads them in chunks.

Knows bytes only: what they mean is for others to say. What goes wrong is a TextError.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.compression import (
    LONGEST_MAGIC,
    Decompressed,
    begins_magic,
    compression_of,
    cut_off_error,
    cut_off_kind,
)
from bigram_tui.corpus.progress import OnProgress
from bigram_tui.corpus.streams import (
    Pipe,
    Readable,
    is_pipe,
    open_file,
    peek,
    read,
    stream_size,
)
from bigram_tui.errors import TextError

STANDARD_INPUT = "-"

ENCODING_SIZE = 4
"""Bytes of a text that tell its encoding."""


@contextmanager
def open_text(path: str, cancellation: CancelToken | None = None) -> Iterator[Readable]:
    """Open the text at a path, and close it afterwards; standard input is left open.

    cancellation: checked while nothing comes out of a pipe; once cancelled, the text ends.
    Raises TextError if there is no such text, or it is cut off before its compression is clear.
    """
    cancellation = cancellation or CancelToken()
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise TextError("is standard input, which is closed: name a file")
        yield _unpacked(sys.stdin.buffer, cancellation)
        return
    with open_file(path) as file:
        yield _unpacked(file, cancellation)


def _unpacked(file: BinaryIO, cancellation: CancelToken) -> Readable:
    """The content of a file if its first bytes say that it is compressed, or else its bytes."""
    stream = Pipe(file, cancellation) if is_pipe(file) else file
    head = _head(stream)
    kind = compression_of(head)
    if kind is not None:
        return Decompressed(stream, kind, cancellation)
    kind = cut_off_kind(head)
    if kind is not None and not cancellation.is_cancelled:
        raise cut_off_error(kind)
    return stream


def _head(stream: BinaryIO | Pipe) -> bytes:
    """The first bytes, which are still to be read: as many as tell whether it is compressed."""
    head = peek(stream, LONGEST_MAGIC)
    while isinstance(stream, Pipe) and begins_magic(head) and stream.wait_for_more():
        head = peek(stream, LONGEST_MAGIC)
    return head


def read_chunks(stream: Readable, chunk_size: int, progress: OnProgress | None) -> Iterator[bytes]:
    """The bytes of a stream, the first four of them together: they tell a text's encoding.

    progress: called for each chunk with the bytes read and the size of the file, None if that is
    not known; of a compressed file, both as it is on the disk.
    """
    chunk = read(stream, max(ENCODING_SIZE, chunk_size))
    if 0 < len(chunk) < ENCODING_SIZE:
        chunk += read(stream, ENCODING_SIZE)
    size, done = stream_size(stream), 0
    while chunk:
        done = stream.taken if isinstance(stream, Decompressed) else done + len(chunk)
        if progress is not None:
            progress(done, size)
        yield chunk
        chunk = read(stream, chunk_size)


def takes_time(path: str) -> bool:
    """Whether a text takes other time than its size tells: it is compressed, or no plain file."""
    if path == STANDARD_INPUT:
        return True
    if not os.path.isfile(path):
        return os.path.exists(path) and not os.path.isdir(path)
    try:
        with open(path, "rb") as file:
            return compression_of(file.read(LONGEST_MAGIC)) is not None
    except OSError:
        return False
