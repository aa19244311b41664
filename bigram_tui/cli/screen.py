"""Opens the screen; afterwards restores the terminal and writes the history."""

import argparse
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any

from bigram_tui.cli.arguments import UsageError, parse
from bigram_tui.cli.descriptors import capture_descriptors
from bigram_tui.cli.exit_status import DONE
from bigram_tui.cli.farewell import Farewell
from bigram_tui.cli.streams import OfMainThread, leave_at_once
from bigram_tui.cli.terminal import (
    SavedTerminal,
    check_color_system,
    forget_exported_size,
    is_in_browser,
    on_hang_up,
)
from bigram_tui.garbage import collect_from_now_on
from bigram_tui.signals import ENDING, TimelyEnd, on_signals, status_of
from bigram_tui.training.output import UNATTRIBUTED, stream

if TYPE_CHECKING:
    from bigram_tui.corpus.background import BackgroundRead
    from bigram_tui.training.session import Session
    from bigram_tui.tui.app import BigramApp

LOOKS = {"files", "no_cache", "fps", "theme", "no_mouse"}
"""Options that a newcomer may give: they change the looks, not what is done."""


def wants_tour(options: argparse.Namespace) -> bool:
    """Return whether to begin with the tour: as asked for, or the first time.

    Who gives more options than LOOKS knows the program, or has no need to be shown around.
    """
    from bigram_tui.cli.first_run import offer_tour

    if options.tour is not None:
        return bool(options.tour)
    given, usual = vars(options), vars(parse([]))
    if any(given[name] != usual[name] for name in given.keys() - LOOKS):
        return False
    return is_in_browser() or offer_tour()  # visitors of a server all look alike


def make_app(
    session: "Session | BackgroundRead[Session]", options: argparse.Namespace
) -> "BigramApp":
    """Make the app of a session. Raises UserError if an option or the user's keymap is wrong."""
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
    """Run the app until the user quits; return the exit status. Raises errors of reading."""
    if not is_in_browser():  # a server tells the size of the page by these variables
        forget_exported_size()
    app = make_app(session, options)
    app.tour = wants_tour(options)
    collect_from_now_on()
    captured = None if is_in_browser() else capture_descriptors(UNATTRIBUTED.write)
    if captured is not None:
        app.draw_on(captured.terminal)
    farewell = Farewell(app, SavedTerminal(sys.stderr), options)
    # For the time after the screen, when backends may still be at work, and print.
    after: tuple[Any, Any] = OfMainThread(sys.stdout), OfMainThread(sys.stderr)
    sys.stdout, sys.stderr = after

    # Without a limit of time: what a user made is not dropped.
    end = TimelyEnd(farewell.leave_in_haste, None)
    app.on_exit = lambda status: end.begin(status_after(app, status))
    # SIGHUP closes the screen even under nohup: without its terminal it is of no use.
    with on_signals((signal.SIGINT, *ENDING), app.leave, end):
        if not is_in_browser():
            on_hang_up(partial(app.leave, signal.SIGHUP))
        # As in the app, also before it has the terminal; but its own errors are seen.
        app.error_console.file = sys.stderr
        with redirect_stdout(stream(1)), redirect_stderr(stream(2)):
            app.run(mouse=not options.no_mouse)
    if captured is not None:
        captured.stop()
    if app.trouble is not None and app.ended_by is None:
        raise app.trouble
    farewell.write_history()
    status = status_after(app, app.return_code or DONE)
    if app.ended_by is not None:
        leave_at_once(status)
    return status


def status_after(app: "BigramApp", status: int) -> int:
    """Return the status that says which signal ended the app; or else that one."""
    return status if app.ended_by is None else status_of(app.ended_by)
