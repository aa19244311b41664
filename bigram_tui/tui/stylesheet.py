"""Where the styles are, and a stylesheet that parses them no more often than it has to."""

from pathlib import Path, PurePath

from textual.css.stylesheet import Stylesheet

STYLES = Path(__file__).with_name("styles")


def style_files(*names: str) -> list[str | PurePath]:
    """Return the files of some styles, for the CSS_PATH of a screen: it is read when one opens."""
    return [STYLES / f"{name}.tcss" for name in names]


class OnceParsed(Stylesheet):
    """Parsed again only where variables have changed, as they do for another theme.

    Textual has all CSS parsed anew whenever a theme is set or a screen comes up, even the first:
    at the start of the program that took a tenth of the time.
    """

    def set_variables(self, variables: dict[str, str]) -> None:
        """Forget what was parsed if these are others."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what is not known for the present variables."""
        self.parse()
