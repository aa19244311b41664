"""How far a text was read, if reading ended before the text did."""

from dataclasses import dataclass

from bigram_tui.formatting.numbers import byte_text


@dataclass(frozen=True)
class Extent:
    """The part of a text that was read, from its start.

    content: bytes of the text itself, all files together, unpacked.
    done, size: bytes of the files on the disk, which may be compressed; size is None if unknown.
    """

    content: int
    done: int
    size: int | None

    def __str__(self) -> str:
        if self.size is None:
            return f"first {byte_text(self.content)}"
        share = min(99, 100 * self.done // self.size)
        return f"first {share} %" if share else "first <1 %"
