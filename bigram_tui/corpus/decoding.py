"""Decodes a UTF-8 text in chunks of any size, with all line ends as newlines.

Anything else is refused with the line that it is in.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from bigram_tui.errors import BrokenTextError, TextError

LINE_ENDS = re.compile(rb"\r\n|\r|\n")

CR_TO_LF = bytes.maketrans(b"\r", b"\n")


class Decoder:
    """Decodes one text from its start to its end."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._held = b""  # a \r that ends a chunk may be half of a \r\n
        self._line = 1
        self.size = 0
        """Bytes that were decoded; after an error, those before the wrong line.

        If that line began in an earlier chunk, its start has been yielded already, and counts.
        """

    def decode(self, chunk: bytes, *, is_last: bool = False) -> Iterator[str]:
        r"""Decode the next bytes, without a byte order mark, and with \n for each \r\n and \r.

        is_last: whether the text ends with them; then they must not end within a character.
        Raises BrokenTextError after yielding the lines before the wrong one.
        """
        data = self._held + chunk
        self.size += len(chunk)
        self._held = b"\r" if data.endswith(b"\r") else b""
        text = data.removesuffix(self._held)
        if b"\r" in text:  # quicker to tell than to replace nothing
            text = text.replace(b"\r\n", b"\n").translate(CR_TO_LF)
        before = self._decoder.getstate()
        valid, nul, _ = text.partition(b"\0")
        try:
            decoded = self._decoder.decode(valid, is_last)
        except UnicodeDecodeError as wrong:
            lines, error = wrong.object.count(b"\n", 0, wrong.start), self._refusal(wrong)
        else:
            lines = valid.count(b"\n")
            if not nul:
                self._line += lines
                yield decoded
                return
            error = BrokenTextError(
                f"holds a NUL byte in line {self._line + lines}: give a text, not a binary file"
            )
        self._decoder.setstate(before)
        ends = [match.end() for match in islice(LINE_ENDS.finditer(data), lines)]
        good = ends[-1] if ends else 0
        self.size -= len(data) - good
        yield self._decoder.decode(LINE_ENDS.sub(b"\n", data[:good]))
        raise error

    def finish(self) -> Iterator[str]:
        """Decode what was held back, at the end of the text. Raises BrokenTextError."""
        try:
            yield self._decoder.decode(self._held.replace(b"\r", b"\n"))
            self._decoder.getstate()[0].decode()
        except UnicodeDecodeError as error:
            raise self._refusal(error) from None

    def skip(self, lines: int, size: int) -> None:
        """Go on after lines that were decoded elsewhere. size: their bytes."""
        self._decoder.decode(b"\n")  # from here on, a byte order mark is a character
        self._line += lines
        self.size += size

    def _refusal(self, error: UnicodeDecodeError) -> BrokenTextError:
        line = self._line + error.object.count(b"\n", 0, error.start)
        return BrokenTextError(
            f"is not UTF-8: byte 0x{error.object[error.start]:02X} in line {line}; "
            "convert it with iconv -f ENCODING -t UTF-8"
        )


def check_encoding(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same chunks. Raises TextError if the first shows another encoding than UTF-8."""
    for number, chunk in enumerate(chunks):
        if number == 0 and (encoding := _wide_encoding(chunk[:4])):
            raise TextError(
                f"looks like {encoding}, not UTF-8: convert it with iconv -f {encoding} -t UTF-8"
            )
        yield chunk


def _wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32, if a byte order mark or NULs among four bytes show it."""
    if head in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    nuls = "".join("x" if byte else "0" for byte in head)
    by_nuls = {"x0x0": "UTF-16LE", "0x0x": "UTF-16BE", "x000": "UTF-32LE", "000x": "UTF-32BE"}
    return by_nuls.get(nuls)
