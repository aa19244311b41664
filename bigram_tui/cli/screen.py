"""Opens the explorer and, when it closes, puts the terminal and the history in order."""

import argparse
import signal
from typing import TYPE_CHECKING

from bigram_tui.cli.arguments import UsageError, parse
from bigram_tui.cli.exit_status import DONE
from bigram_tui.cli.garbage import collect_from_now_on
from bigram_tui.cli.history import write_runs
from bigram_tui.cli.terminal import (
    SavedTerminal,
    check_color_system,
    forget_exported_size,
    is_in_browser,
    leave_at_once,
)
from bigram_tui.signals import ENDING, on_signals, status_of

if TYPE_CHECKING:
    from bigram_tui.corpus.background import BackgroundRead
    from bigram_tui.training.session import Session
    from bigram_tui.tui.app import BigramApp

LOOKS = {"files", "no_cache", "fps", "theme", "no_mouse"}
"""Options that say nothing of what is to be done."""


def wants_tour(options: argparse.Namespace) -> bool:
    """Whether to begin with the tour: as asked for, or at the first visit.

    Whoever asks for more than a file has been here before, or is not here to be shown around.
    """
    from bigram_tui.cli.first_run import offer_tour

    if options.tour is not None:
        return bool(options.tour)
    given, usual = vars(options), vars(parse([]))
    if any(given[name] != usual[name] for name in given.keys() - LOOKS):
        return False
    return is_in_browser() or offer_tour()  # nothing tells one visitor of a server from another


def make_app(
    session: "Session | BackgroundRead[Session]", options: argparse.Namespace
) -> "BigramApp":
    """Make the explorer of a session. UserError if an option or the user's keymap is wrong."""
    check_color_system()
    from bigram_tui.tui.app import BigramApp

    app = BigramApp(
        session,
        steps=options.steps or 0,
        wanted=(*options.backend, *options.run),
        reference=options.reference,
        frames_per_second=options.fps,
        samples=options.samples,
        in_browser=is_in_browser(),
    )
    if options.theme is not None:
        if options.theme not in app.available_themes:
            names = ", ".join(sorted(app.available_themes))
            raise UsageError(f"no theme {options.theme!r}; there are: {names}")
        app.theme = options.theme
    return app


def open_screen(session: "Session | BackgroundRead[Session]", options: argparse.Namespace) -> int:
    """Open the explorer, until the user quits. What goes wrong with the reading is raised."""
    if not is_in_browser():  # where the server says by these how large the page is
        forget_exported_size()
    app = make_app(session, options)
    app.tour = wants_tour(options)
    collect_from_now_on()
    terminal = SavedTerminal()

    def write_history() -> None:
        if runs := app.history():  # not where the text was not read
            write_runs(runs, options)

    def restore_and_write() -> None:
        terminal.restore()
        write_history()

    # Not even nohup keeps the screen open: without its terminal it is of no use.
    with on_signals((signal.SIGINT, *ENDING), app.leave, restore_and_write) as received:
        app.run(mouse=not options.no_mouse)
    if app.trouble is not None and not received:
        raise app.trouble
    write_history()
    if received:
        leave_at_once(status_of(received[0]))
    status = app.return_code or DONE
    if app.is_held_up:
        leave_at_once(status)
    return status
