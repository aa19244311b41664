"""The compressed formats: how each begins, and how its library unpacks it."""

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from bigram_tui.errors import TextError

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
"""A file of fewer bytes, all ASCII, is taken for a text, even if they are the start of a magic."""

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


class Format:
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


class Gzip(Format):
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


class Bzip2(Format):
    kind = "bzip2"

    def __init__(self) -> None:
        self._bz2 = importlib.import_module("bz2")
        self.errors = (OSError, ValueError)

    def decompressor(self) -> Decompressor:
        decompressor: Decompressor = self._bz2.BZ2Decompressor()
        return decompressor


class Xz(Format):
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


class Zstd(Format):
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


FORMATS = {each.kind: each for each in (Gzip, Bzip2, Xz, Zstd)}
