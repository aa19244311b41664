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
    COMPONENT_CLASSES = {"name-list--memorised", "name-list--new"}

    names: reactive[Sequence[ShownSample]] = reactive(())

    def fitting(self, names: Sequence[ShownSample]) -> int:
        """Return how many samples, from the first on, fit."""
        width, height = self.size
        lines, used = 1, 0
        for place, name in enumerate(names):
            needed = cell_len(_written(name, width))
            if used and used + GAP + needed > width:
                lines, used = lines + 1, 0
            if lines > height:
                return place
            used += needed + (GAP if used else 0)
        return len(names)

    def render(self) -> Text:
        """Write the samples in lines; only one that is longer than a line is cut."""
        memorised = self.get_component_rich_style("name-list--memorised", partial=True)
        new = self.get_component_rich_style("name-list--new", partial=True)
        lines = [Text(no_wrap=True)]
        for name in self.names:
            written = _written(name, self.size.width)
            used = lines[-1].cell_len
            if used and used + GAP + cell_len(written) > self.size.width:
                if len(lines) == self.size.height:
                    break
                lines.append(Text(no_wrap=True))
                used = 0
            lines[-1].append(" " * GAP if used else "")
            lines[-1].append(written, memorised if name.memorised else new)
        return Text("\n", no_wrap=True).join(lines)


def _written(name: ShownSample, width: int) -> str:
    text = (MARK if name.memorised else "") + (printable(name.text) or EMPTY)
    if name.ended and cell_len(text) <= width:
        return text
    return set_cell_size(text, min(width - 1, cell_len(text))).rstrip() + "…"
