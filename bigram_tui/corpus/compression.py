"""Unpacks gzip, bzip2, xz and zstd strictly: to the last byte of the file, or with an error.

A file is one stream (a gzip member, a zstd frame) after the other. After a stream there must be
another one of the same format, padding that the format allows, or the end of the file: anything
dropped without a word would be missing in every count. So the content is what `gzip -dc`,
`bzip2 -dc`, `xz -dc` and `zstd -dc --long=31` write when they report no error. But these are
refused here, though the tools accept them:

- content that is compressed itself;
- for gzip, .Z and .zip files; for xz, .lzma and .lz files; for zstd, other formats after a frame,
  and frames from before version 1;
- xz streams that need more than LARGEST_WINDOW of memory.

A file of three bytes or less of ASCII is taken for a text, though it might be a stream cut off.

Checksums stand at the end of what they protect. So after an error in the content, read on to the
end of the file (see damage_first): if the file is damaged, that is the reason, and is raised.

Memory: a step unpacks no more bytes than were asked for, whatever the file holds. zstd and xz look
back into a window of what they unpacked before, of up to LARGEST_WINDOW bytes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.compression_formats import (
    FORMATS,
    LONGEST_MAGIC,
    begins_magic,
    compression_of,
)
from bigram_tui.corpus.streams import Readable, read, stream_size
from bigram_tui.errors import BrokenTextError, TextError
from bigram_tui.formatting.numbers import quantity

PACKED_SIZE = 1 << 16
"""Compressed bytes that are read at a time."""


class Decompressed:
    """The content of a compressed file, all streams together, as a stream."""

    def __init__(self, packed: Readable, kind: str, cancellation: CancelToken) -> None:
        """packed: the compressed file, at its start. kind: as compression_of found it.

        cancellation: checked if the file ends too early, as a pipe does that was cancelled.
        """
        self.fileno = packed.fileno
        self.size: int | None = getattr(packed, "size", None)
        self.taken = 0
        """How many compressed bytes were read."""
        self.packed = packed
        self._kind = kind
        self._cancellation = cancellation
        self._format = FORMATS[kind]()
        self._stream = self._format.decompressor()
        self._input = b""
        self._content = bytearray()
        self._at_end = False
        self._error: TextError | None = None
        self._is_checked = False

    def read(self, size: int, /) -> bytes:
        """Return the next bytes of content, fewer only at the end. Raises TextError.

        What was unpacked before an error is returned first.
        """
        self._fill(size if self._is_checked else max(size, LONGEST_MAGIC))
        if not self._is_checked:
            self._is_checked = True
            self._refuse_twice_compressed()
        if not self._content and self._error is not None:
            raise self._error
        content = bytes(self._content[:size])
        del self._content[:size]
        return content

    def _refuse_twice_compressed(self) -> None:
        inner = compression_of(bytes(self._content[:LONGEST_MAGIC]))
        if inner is not None:
            raise TextError(
                f"is compressed twice, first with {inner} and then with {self._kind}: "
                f"unpack it once, as in {self._kind} -dc FILE | bigram-tui -"
            )

    def _fill(self, size: int) -> None:
        """Unpack until there are so many bytes, or to the end or an error."""
        while len(self._content) < size and not self._at_end:
            try:
                self._content += self._step(size - len(self._content))
            except TextError as error:
                self._error, self._at_end = error, True

    def _step(self, limit: int) -> bytes:
        """Unpack some more, perhaps nothing yet."""
        if self._stream.eof:
            self._begin_next_stream()
            return b""
        is_over = False
        if self._stream.needs_input and not self._input:
            self._input = self._take()
            is_over = not self._input
        content = self._decompress(limit)
        if is_over and not content and not self._stream.eof:
            self._end_early()
        return content

    def _decompress(self, limit: int) -> bytes:
        data, self._input = self._input, b""
        try:
            content = self._stream.decompress(data, limit)
        except self._format.errors as error:
            raise TextError(self._format.reason(error)) from None
        except MemoryError:
            raise TextError(self._format.lack_of_memory()) from None
        if self._stream.eof:
            self._format.check(self._stream)
            self._input = self._stream.unused_data
        return content

    def _begin_next_stream(self) -> None:
        """Go on after the end of a stream. Raises TextError if something else follows."""
        end = self.taken - len(self._input)
        zeros = self._skip_zeros()
        self._look_ahead()
        if zeros and not self._format.allows_padding(zeros, at_end=not self._input):
            self._refuse_what_follows(end, "zeros and something else" if self._input else "zeros")
        elif not self._input:
            self._at_end = True
        elif (kind := compression_of(self._input)) == self._kind:
            self._stream = self._format.decompressor()
        elif len(self._input) < LONGEST_MAGIC and begins_magic(self._input) == self._kind:
            self._end_early()
        else:
            self._refuse_what_follows(end, f"{kind} data" if kind else "something else")

    def _skip_zeros(self) -> int:
        """Skip the zero bytes that come next and return how many there were."""
        zeros = 0
        while True:
            self._input = self._input or self._take()
            rest = self._input.lstrip(b"\0")
            zeros += len(self._input) - len(rest)
            if rest or not self._input:
                self._input = rest
                return zeros
            self._input = b""

    def _look_ahead(self) -> None:
        """Read enough compressed bytes to tell the format of what follows."""
        while len(self._input) < LONGEST_MAGIC and (more := self._take()):
            self._input += more

    def _take(self) -> bytes:
        data = read(self.packed, PACKED_SIZE)
        self.taken += len(data)
        return data

    def _end_early(self) -> None:
        """Raise the error for a file that ends within a stream, unless it was cancelled."""
        if not self._cancellation.is_cancelled:
            raise cut_off_error(self._kind)
        self._at_end = True

    def _refuse_what_follows(self, end: int, what: str) -> NoReturn:
        """Raise an error that says what follows the last stream. end: its end in the file."""
        size = stream_size(self.packed)
        amount = "" if size is None else f"{quantity(size - end, 'byte')} of "
        raise BrokenTextError(
            f"goes on with {amount}{what} after its {self._kind} data: "
            f"get it again, or take the part before with head -c {end} FILE"
        )


def cut_off_error(kind: str) -> TextError:
    """Return the error for a file that ends within a stream."""
    return BrokenTextError(f"is cut off: its {kind} data has no end; get it again")


@contextmanager
def damage_first(
    stream: Readable, rest: Iterator[bytes], cancellation: CancelToken | None = None
) -> Iterator[None]:
    """Report the damage of a compressed file rather than errors in the text that it unpacks to.

    A damaged file unpacks to bytes that may be no text long before its checksum is reached. So
    after an error in the text the rest of the file is unpacked too; an error there replaces it.

    rest: unpacks the stream to its end. cancellation: once cancelled, the rest stays unchecked.
    """
    try:
        yield
    except TextError:
        if isinstance(stream, Decompressed):
            for _ in rest:
                if cancellation is not None and cancellation.is_cancelled:
                    break
        raise
