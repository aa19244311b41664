"""The most probable next tokens as bars: in columns where there is little height, else in lines."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from bigram_tui.formatting.numbers import percent

EIGHTHS = " ▁▂▃▄▅▆▇█"
EIGHTHS_ACROSS = " ▏▎▍▌▋▊▉█"
COLUMN = 7


@dataclass(frozen=True)
class Bar:
    """A token and its share of the row."""

    label: str
    share: float
    marked: bool


def columns(bars: Sequence[Bar], width: int, height: int, marked: Style) -> list[Text]:
    """Draw upright bars over a line of labels: as many as fit, the marked one among them."""
    column = COLUMN + max((cell_len(bar.label) for bar in bars), default=1) - 1
    shown = _fitting(bars, max(1, width // column))
    tallest = max((bar.share for bar in shown), default=0.0) or 1.0
    lines = []
    for level in reversed(range(height - 1)):
        line = Text(no_wrap=True)
        for bar in shown:
            eighths = round(bar.share / tallest * (height - 1) * 8) - 8 * level
            block = EIGHTHS[min(max(eighths, 0), 8)] * (column - 1) + " "
            line.append(block, marked if bar.marked else None)
        lines.append(line)
    labels = Text(no_wrap=True)
    for bar in shown:
        text = f"{bar.label} {percent(bar.share)}"
        labels.append(text + " " * (column - cell_len(text)), marked if bar.marked else None)
    return [*lines, labels]


def rows(bars: Sequence[Bar], width: int, height: int, marked: Style) -> list[Text]:
    """Draw lying bars, one a line, each after its label and its share."""
    shown = _fitting(bars, height)
    longest = max((bar.share for bar in shown), default=0.0) or 1.0
    room = width - 10
    lines = []
    for bar in shown:
        block = across(bar.share / longest, room)
        label = bar.label + " " * (2 - cell_len(bar.label))
        text = f"{label} {percent(bar.share):>5} {block}"
        lines.append(Text(text, marked if bar.marked else "", no_wrap=True))
    return lines


def across(share: float, room: int) -> str:
    """Draw a lying bar that takes a share of so many columns."""
    eighths = round(share * room * 8)
    return "█" * (eighths // 8) + EIGHTHS_ACROSS[eighths % 8].strip()


def _fitting(bars: Sequence[Bar], room: int) -> list[Bar]:
    """Return the largest bars, and always the marked one: instead of the last, if need be."""
    ordered = sorted(bars, key=lambda bar: -bar.share)
    shown, rest = ordered[: max(room, 1)], ordered[max(room, 1) :]
    hidden = [bar for bar in rest if bar.marked]
    return [*shown[: len(shown) - len(hidden)], *hidden]
