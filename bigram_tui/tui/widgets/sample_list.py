"""Samples of a model, with marks at those that the text has too."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from bigram_tui.formatting.printable import EMPTY, printable

MARK = "•"
GAP = 2


@dataclass(frozen=True)
class ShownSample:
    """A sample as it is shown."""

    text: str
    memorised: bool | None
    """Whether the text has it as a line; None if that is not known."""
    ended: bool = True


class SampleList(Widget):
    """As many samples as fit, one after the other; those that the text has are marked."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"sample-list--memorised", "sample-list--new"}

    samples: reactive[Sequence[ShownSample]] = reactive(())

    def fitting(self, samples: Sequence[ShownSample]) -> int:
        """Return how many samples, from the first on, fit."""
        width, height = self.size
        lines, used = 1, 0
        for index, sample in enumerate(samples):
            needed = cell_len(_written(sample, width))
            if used and used + GAP + needed > width:
                lines, used = lines + 1, 0
            if lines > height:
                return index
            used += needed + (GAP if used else 0)
        return len(samples)

    def render(self) -> Text:
        """Write the samples in lines; only one that is longer than a line is cut."""
        memorised = self.get_component_rich_style("sample-list--memorised", partial=True)
        new = self.get_component_rich_style("sample-list--new", partial=True)
        lines = [Text(no_wrap=True)]
        for sample in self.samples:
            written = _written(sample, self.size.width)
            used = lines[-1].cell_len
            if used and used + GAP + cell_len(written) > self.size.width:
                if len(lines) == self.size.height:
                    break
                lines.append(Text(no_wrap=True))
                used = 0
            lines[-1].append(" " * GAP if used else "")
            lines[-1].append(written, memorised if sample.memorised else new)
        return Text("\n", no_wrap=True).join(lines)


def _written(sample: ShownSample, width: int) -> str:
    text = (MARK if sample.memorised else "") + (printable(sample.text) or EMPTY)
    if sample.ended and cell_len(text) <= width:
        return text
    return set_cell_size(text, min(width - 1, cell_len(text))).rstrip() + "…"
