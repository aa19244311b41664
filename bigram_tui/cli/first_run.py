"""Remembers that the tour was offered, so that it is offered only once."""

from pathlib import Path

from bigram_tui.errors import UserError
from bigram_tui.export.files import write_whole
from bigram_tui.paths import state_folder


def tour_mark() -> Path:
    """Return the path of the file that exists once the tour was offered."""
    return state_folder() / "tour-offered"


def offer_tour() -> bool:
    """Return whether to show the tour uninvited: True once for each user.

    It is remembered before it is shown. If that fails, it is not shown: better than each time.
    """
    mark = tour_mark()
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_whole(mark, lambda file: file.write("The tour was shown.\n"), overwrite=False)
    except (OSError, UserError):
        return False
    return True
