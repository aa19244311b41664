"""Remembers what was shown uninvited, so that it never is again."""

from pathlib import Path

from bigram_tui.errors import UserError
from bigram_tui.export.files import write_whole
from bigram_tui.paths import state_folder


def tour_mark() -> Path:
    """The file that is there once the tour was offered."""
    return state_folder() / "tour-offered"


def offer_tour() -> bool:
    """Whether to show the tour uninvited, which is true once for a user.

    It is remembered before it is shown. If it can't be, there is none: better than one each time.
    """
    mark = tour_mark()
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_whole(mark, lambda file: file.write("The tour was shown.\n"), overwrite=False)
    except (OSError, UserError):
        return False
    return True
