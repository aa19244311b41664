"""Turns the bytes of a UTF-8 text, in chunks of any size, into characters; knows its encodings.

Every line then ends in the same way, and what is no UTF-8 text is refused with the line it is in.
"""

import codecs
from collections.abc import Iterable, Iterator

from bigram_tui.errors import TextError


class Decoder:
    """Decodes one text from its start to its end."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._held = b""  # a \r that ends a chunk may be half of a \r\n
        self._line = 1

    def texts(self, chunk: bytes) -> Iterator[str]:
        r"""The characters of the next bytes, less a byte order mark; \n for each \r\n and \r."""
        data = self._held + chunk
        self._held = b"\r" if data.endswith(b"\r") else b""
        data = data.removesuffix(self._held)
        if b"\r" in data:  # quicker to tell than to replace nothing
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return self._decoded(data)

    def rest(self) -> Iterator[str]:
        """The characters that were held until now: the text is at its end."""
        yield from self._decoded(self._held.replace(b"\r", b"\n"))
        try:
            self._decoder.getstate()[0].decode()
        except UnicodeDecodeError as error:
            raise self._refusal(error) from None

    def pass_over(self, lines: int) -> None:
        """Go on after so many lines that were read elsewhere."""
        self._decoder.decode(b"\n")  # from here on, a byte order mark is a character
        self._line += lines

    def _decoded(self, data: bytes) -> Iterator[str]:
        valid, nul, _ = data.partition(b"\0")
        try:
            yield self._decoder.decode(valid)
        except UnicodeDecodeError as error:
            raise self._refusal(error) from None
        self._line += valid.count(b"\n")
        if nul:
            raise TextError(
                f"holds a NUL byte in line {self._line}: give a text, not a binary file"
            )

    def _refusal(self, error: UnicodeDecodeError) -> TextError:
        line = self._line + error.object.count(b"\n", 0, error.start)
        return TextError(
            f"is not UTF-8: byte 0x{error.object[error.start]:02X} in line {line}; "
            "convert it with iconv -f ENCODING -t UTF-8 FILE"
        )


def checked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks; TextError if the first shows that no UTF-8 follows."""
    for place, chunk in enumerate(chunks):
        if place == 0 and (encoding := _wide_encoding(chunk[:4])):
            raise TextError(
                f"looks like {encoding}, not UTF-8: "
                f"convert it with iconv -f {encoding} -t UTF-8 FILE"
            )
        yield chunk


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, if a byte order mark or the NULs among four bytes show it."""
    if head in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    nuls = "".join("x" if byte else "0" for byte in head)
    by_nuls = {"x0x0": "UTF-16LE", "0x0x": "UTF-16BE", "x000": "UTF-32LE", "000x": "UTF-32BE"}
    return by_nuls.get(nuls)
