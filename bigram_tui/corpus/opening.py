"""Opens texts, compressed ones and standard input too, and reads their bytes in chunks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.compression import Decompressed, cut_off_error
from bigram_tui.corpus.compression_formats import (
    LONGEST_MAGIC,
    begins_magic,
    compression_of,
    cut_off_kind,
)
from bigram_tui.corpus.files import STANDARD_INPUT, Kind, TextFile
from bigram_tui.corpus.progress import OnProgress
from bigram_tui.corpus.remote import RemoteFile
from bigram_tui.corpus.streams import (
    FileAsOpened,
    Pipe,
    Readable,
    is_pipe,
    open_file,
    peek,
    read,
    stream_size,
)
from bigram_tui.errors import TextError

Peekable = BinaryIO | Pipe | FileAsOpened | RemoteFile

ENCODING_SIZE = 4
"""Bytes of a text that tell its encoding."""


@contextmanager
def open_text(text: TextFile, cancellation: CancelToken | None = None) -> Iterator[Readable]:
    """Open a text, unpacked if it is compressed, and close it afterwards, unless it is stdin.

    cancellation: checked while nothing comes out of a pipe; once cancelled, the text ends.
    Raises TextError if there is no such text, or it is cut off before its compression is clear.
    """
    cancellation = cancellation or CancelToken()
    if text.path == STANDARD_INPUT:
        if sys.stdin is None:
            raise TextError("is standard input, which is closed: name a file")
        yield _unpacked(_watched(sys.stdin.buffer, cancellation), text.head, cancellation)
        return
    if text.kind is Kind.REMOTE:
        with closing(RemoteFile(text.path, cancellation)) as remote:
            yield _unpacked(remote, text.head, cancellation)
        return
    with open_file(text.path) as file:
        yield _unpacked(_watched(file, cancellation), text.head, cancellation)


def _watched(file: BinaryIO, cancellation: CancelToken) -> Peekable:
    """Return what reads a pipe without waiting for all of it, or a file as far as it goes now."""
    if is_pipe(file):
        return Pipe(file, cancellation)
    return file if stream_size(file) is None else FileAsOpened(file)


def _unpacked(stream: Peekable, head: bytes, cancellation: CancelToken) -> Readable:
    """Return the content of a file if its first bytes say that it is compressed, else the file.

    head: the first bytes, if they are known; they are still to be read.
    """
    head = head or _head(stream)
    kind = compression_of(head)
    if kind is not None:
        return Decompressed(stream, kind, cancellation)
    kind = cut_off_kind(head)
    if kind is not None and not cancellation.is_cancelled:
        raise cut_off_error(kind)
    return stream


def remote_of(stream: Readable) -> RemoteFile | None:
    """Return the file at an address that a stream reads; None if it reads another."""
    file = stream.packed if isinstance(stream, Decompressed) else stream
    return file if isinstance(file, RemoteFile) else None


def change_of(stream: Readable) -> str:
    """Return what has happened to a file since it was opened; empty if nothing has."""
    file = stream.packed if isinstance(stream, Decompressed) else stream
    return file.change() if isinstance(file, FileAsOpened) else ""


def _head(stream: Peekable) -> bytes:
    """Return the first bytes, which are still to be read: enough to tell the compression."""
    head = peek(stream, LONGEST_MAGIC)
    while isinstance(stream, Pipe) and begins_magic(head) and stream.wait_for_more():
        head = peek(stream, LONGEST_MAGIC)
    return head


def read_chunks(
    stream: Readable, chunk_size: Callable[[], int], progress: OnProgress | None
) -> Iterator[bytes]:
    """Yield the bytes of a stream, the first four together, as they tell a text's encoding.

    chunk_size: called for each chunk; the bytes that it has at most.
    progress: called for each chunk with the bytes read and the size of the file, None if it is
        unknown; of a compressed file, both as it is on the disk.
    """
    chunk = read(stream, max(ENCODING_SIZE, chunk_size()))
    if 0 < len(chunk) < ENCODING_SIZE:
        chunk += read(stream, ENCODING_SIZE)
    size, done = stream_size(stream), 0
    while chunk:
        done = stream.taken if isinstance(stream, Decompressed) else done + len(chunk)
        if progress is not None:
            progress(done, size)
        yield chunk
        chunk = read(stream, chunk_size())
