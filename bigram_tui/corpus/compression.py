"""Unpacks gzip, bzip2, xz and zstd strictly: to the last byte of the file, or with an error.

A file is one stream (a gzip member, a zstd frame) after the other. After a stream there must be
another one of the same format, padding that the format allows, or the end of the file: anything
dropped without a word would be missing in every count. So the content is what `gzip -dc`,
`bzip2 -dc`, `xz -dc` and `zstd -dc --long=31` write when they report nothing, with these
exceptions. They accept what is refused here:

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

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn, Protocol

from bigram_tui.cancellation import CancelToken
from bigram_tui.corpus.streams import Readable, read, stream_size
from bigram_tui.errors import BrokenTextError, TextError
from bigram_tui.formatting.numbers import quantity

MAGIC: Mapping[str, tuple[bytes, ...]] = {
    "gzip": (b"\x1f\x8b",),
    # A text could begin with BZh, but hardly with the mark of a block, or of the end, after it.
    "bzip2": tuple(
        b"BZh%d" % level + mark for level in range(1, 10) for mark in (b"1AY&SY", b"\x17rE8P\x90")
    ),
    "xz": (b"\xfd7zXZ\0",),
    # The last sixteen begin a skippable frame, such as pzstd writes before each other frame.
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([n]) + b"\x2a\x4d\x18" for n in range(0x50, 0x60))),
}
"""How the streams of each format begin."""

LONGEST_MAGIC = max(len(magic) for magics in MAGIC.values() for magic in magics)

AMBIGUOUS = 4
"""A file of fewer bytes than these is taken for a text, even if they are the start of a magic."""

PACKED_SIZE = 1 << 16
"""Compressed bytes that are read at a time."""

LARGEST_WINDOW = 1 << 31
"""Bytes: 2 GiB, what `zstd --long=31` needs at most, and more than any preset of xz."""


def compression_of(head: bytes) -> str | None:
    """Return the format of a file that begins with these bytes; None if it is not compressed."""
    return next((kind for kind, magics in MAGIC.items() if head.startswith(magics)), None)


def begins_magic(head: bytes) -> str | None:
    """Return the format whose magic begins with these bytes but goes on; None if there is none."""
    for kind, magics in MAGIC.items():
        if any(magic != head and magic.startswith(head) for magic in magics):
            return kind
    return None


def cut_off_kind(head: bytes) -> str | None:
    """Return the format of a file that is cut off within its magic; None if it may be a text."""
    is_text = head.isascii() and len(head) < AMBIGUOUS
    return None if is_text else begins_magic(head)


class Decompressor(Protocol):
    """Unpacks one stream; the interface that bz2, lzma and zstd share."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Decompressed:
    """The content of a compressed file, all streams together, as a stream."""

    def __init__(self, packed: Readable, kind: str, cancellation: CancelToken) -> None:
        """packed: the compressed file, at its start. kind: as compression_of found it.

        cancellation: checked if the file ends too early, as a pipe does that was cancelled.
        """
        self.fileno = packed.fileno
        self.taken = 0
        """How many compressed bytes were read."""
        self._packed = packed
        self._kind = kind
        self._cancellation = cancellation
        self._format = _FORMATS[kind]()
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
        data = read(self._packed, PACKED_SIZE)
        self.taken += len(data)
        return data

    def _end_early(self) -> None:
        """Raise the error for a file that ends within a stream, unless it was cancelled."""
        if not self._cancellation.is_cancelled:
            raise cut_off_error(self._kind)
        self._at_end = True

    def _refuse_what_follows(self, end: int, what: str) -> NoReturn:
        """Raise an error that says what follows the last stream. end: its end in the file."""
        size = stream_size(self._packed)
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


# Formats


class _Format:
    """Unpacks a format with its library, which is imported when it is first needed."""

    kind: ClassVar[str]
    errors: tuple[type[Exception], ...]
    """What the library raises for data that is damaged or not supported."""

    def decompressor(self) -> Decompressor:
        """Return the decompressor of a new stream."""
        raise NotImplementedError

    def allows_padding(self, zeros: int, *, at_end: bool) -> bool:
        """Return whether so many zero bytes may follow a stream. at_end: nothing follows them."""
        return False

    def check(self, decompressor: Any) -> None:
        """Raise TextError if a stream was unpacked to its end but could not be verified."""

    def reason(self, error: Exception) -> str:
        """Return what an error of the library means and what to do."""
        return f"is damaged: its {self.kind} data fails its checks; get it again"

    def lack_of_memory(self) -> str:
        """Return what to do if there is not enough memory."""
        return f"needs more memory than there is: unpack it elsewhere with {self.kind} -d FILE"


class _Gzip(_Format):
    kind = "gzip"

    def __init__(self) -> None:
        self._zlib = importlib.import_module("zlib")
        self.errors = (self._zlib.error,)

    def decompressor(self) -> Decompressor:
        return _GzipMember(self._zlib)

    def allows_padding(self, zeros: int, *, at_end: bool) -> bool:
        return at_end  # as gzip itself does, for the sake of tapes


class _GzipMember:
    """Gives zlib the interface of the other decompressors."""

    def __init__(self, zlib: Any) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)  # header and checksum of gzip
        self._is_full = False

    @property
    def eof(self) -> bool:
        return bool(self._member.eof)

    @property
    def needs_input(self) -> bool:
        return not (self._is_full or self._member.unconsumed_tail)

    @property
    def unused_data(self) -> bytes:
        data: bytes = self._member.unused_data
        return data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        content: bytes = self._member.decompress(self._member.unconsumed_tail + data, max_length)
        self._is_full = len(content) == max_length  # zlib may hold more of what it has taken
        return content


class _Bzip2(_Format):
    kind = "bzip2"

    def __init__(self) -> None:
        self._bz2 = importlib.import_module("bz2")
        self.errors = (OSError, ValueError)

    def decompressor(self) -> Decompressor:
        decompressor: Decompressor = self._bz2.BZ2Decompressor()
        return decompressor


class _Xz(_Format):
    kind = "xz"

    def __init__(self) -> None:
        self._lzma = importlib.import_module("lzma")
        self.errors = (self._lzma.LZMAError,)

    def decompressor(self) -> Decompressor:
        decompressor: Decompressor = self._lzma.LZMADecompressor(
            self._lzma.FORMAT_XZ, memlimit=LARGEST_WINDOW
        )
        return decompressor

    def allows_padding(self, zeros: int, *, at_end: bool) -> bool:
        return zeros % 4 == 0

    def check(self, decompressor: Any) -> None:
        if not self._lzma.is_check_supported(decompressor.check):
            raise TextError(
                "has an xz checksum of an unknown kind, so that damage would not be seen: "
                "unpack it with a newer xz -d FILE"
            )

    def reason(self, error: Exception) -> str:
        if "limit" in str(error):
            return f"needs more than {LARGEST_WINDOW >> 30} GiB: unpack it with xz -d FILE"
        if "nsupported" in str(error):
            return "needs options of xz that are unknown here: unpack it with xz -d FILE"
        return super().reason(error)


class _Zstd(_Format):
    kind = "zstd"

    def __init__(self) -> None:
        self._zstd = _zstd_module()
        self.errors = (self._zstd.ZstdError,)
        window = self._zstd.DecompressionParameter.window_log_max
        most = min(LARGEST_WINDOW.bit_length() - 1, window.bounds()[1])  # less on 32 bits
        self._options = {window: most}

    def decompressor(self) -> Decompressor:
        decompressor: Decompressor = self._zstd.ZstdDecompressor(options=self._options)
        return decompressor

    def reason(self, error: Exception) -> str:
        if "too much memory" in str(error):
            (most,) = self._options.values()
            return (
                f"is damaged, or its zstd window is larger than {1 << most - 30} GiB: "
                "get it again, or unpack it with zstd -d --long=31 FILE"
            )
        if "not enough memory" in str(error):
            return self.lack_of_memory()
        if "ictionary" in str(error):
            return (
                "needs the dictionary that it was compressed with: "
                "unpack it with zstd -d -D DICTIONARY FILE"
            )
        return super().reason(error)

    def lack_of_memory(self) -> str:
        return "needs more memory than there is: unpack it with zstd -d --long=31 FILE elsewhere"


def _zstd_module() -> Any:
    for name in ("compression.zstd", "backports.zstd"):  # the first from Python 3.14 on
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise TextError(
        "is compressed with zstd: pip install backports.zstd, or unpack it with zstd -d FILE"
    )


_FORMATS = {each.kind: each for each in (_Gzip, _Bzip2, _Xz, _Zstd)}
