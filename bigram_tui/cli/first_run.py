"""Remembers that the tour was offered, so that it is offered only once."""

from pathlib import Path

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
        if mark.exists():  # as at each start but the first
            return False
        from bigram_tui.whole_files import open_whole

        mark.parent.mkdir(parents=True, exist_ok=True)
        with open_whole(mark, overwrite=False, durable=False) as file:
            file.write(b"The tour was shown.\n")
    except OSError:
        return False
    return True
