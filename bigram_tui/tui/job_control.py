"""Suspends the program and brings it back, as ctrl+z, bg and fg do to every program."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from textual.app import App

BACKGROUND_SECONDS = 0.05
"""How long to wait before the next try where nobody can stop the program, as its shell is gone."""


class JobControl:
    """Handles the signals that stop and continue the program, in place of Textual.

    Textual's stop this process alone, though a shell waits for the whole job, such as `make` and
    what it runs. And when another program stopped this one by SIGSTOP, they open the screen a
    second time within the first, and later restore the state of that first one.
    """

    def __init__(self, app: App[None], soon: Callable[[Callable[[], None]], object]) -> None:
        """Answer the signals from now on; called when the screen is open.

        soon: has the app call something, though it is called in a signal handler.
        """
        self._app = app
        self._is_away = False
        signal.signal(signal.SIGTSTP, lambda *_: soon(self.suspend))
        signal.signal(signal.SIGCONT, lambda *_: self._is_away or soon(self._reopen))

    def suspend(self) -> None:
        """Leave the screen and stop the job, until it is continued in the foreground."""
        with self._away():
            ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(0, signal.SIGTSTP)  # ignored by the kernel where no shell could continue us
            signal.signal(signal.SIGTSTP, ours)
            while not _is_in_foreground():  # bg, but there is nothing to do without a terminal
                os.kill(0, signal.SIGTTOU)
                time.sleep(BACKGROUND_SECONDS)

    def _reopen(self) -> None:
        """Open the screen anew: since we were stopped, others may have used the terminal."""
        with self._away():
            pass

    @contextmanager
    def _away(self) -> Iterator[None]:
        self._is_away = True
        with self._app.suspend():
            yield
        self._is_away = False


def _is_in_foreground() -> bool:
    assert sys.__stdin__ is not None
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()
    except OSError:  # the terminal is gone
        return True
