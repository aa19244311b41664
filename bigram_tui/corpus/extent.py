"""How far a text was read, if reading ended before the text did."""

from dataclasses import dataclass

from bigram_tui.formatting.numbers import byte_text


@dataclass(frozen=True)
class Extent:
    """The part of a text that was read, from its start, or here and there.

    content: bytes of the text itself, all files together, unpacked.
    done, size: bytes of the files on the disk, which may be compressed; size is None if unknown.
    """

    content: int
    done: int
    size: int | None
    is_start: bool = True
    """Whether it is the start of the text; by several workers, any part of it is read first."""

    def __str__(self) -> str:
        if self.size is None:
            amount = byte_text(self.content)
            return f"first {amount}" if self.is_start else f"{amount} of it"
        share = min(99, 100 * self.done // self.size) or "<1"
        return f"first {share} %" if self.is_start else f"{share} % of it"
