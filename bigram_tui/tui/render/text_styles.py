"""The styles of a theme in which panes write text."""

from dataclasses import dataclass

from rich.style import Style


@dataclass(frozen=True)
class TextStyles:
    """Styles that make text stand out or recede."""

    title: Style
    strong: Style
    faint: Style
    mark: Style
    error: Style
    chosen: Style
