"""Exports: what can be written from a screen, and the dialogue that asks for it.

In a terminal the user says which file to write. In a browser the export is a download: a visitor
names no paths, and nothing is written on the machine that the program runs on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TextIO

from textual.app import App
from textual.screen import Screen

from bigram_tui.errors import UserError
from bigram_tui.export.files import ExistsError, check_path, write_whole
from bigram_tui.export.history import SUFFIXES, write_losses
from bigram_tui.export.tables import write_matrix
from bigram_tui.formatting.printable import printable
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.screens.chooser import Chooser
from bigram_tui.tui.views import View
from bigram_tui.tui.widgets.key_footer import KeyFooter
from bigram_tui.tui.widgets.prompt import Prompt

Write = Callable[[TextIO, str], object]
"""Writes to a file whose name has the given ending. UserError if it can't be done."""

Finish = Callable[[Write], str]
"""Writes an export to its place, in a thread; returns the words that say so."""

LOOK_SECONDS = 0.05
PATIENCE = 20
"""How often to check whether the footer is back."""


@dataclass(frozen=True)
class Export:
    """Something that can be written to a file."""

    title: str
    name: str
    """The suggested name of its file, without an ending."""
    endings: tuple[str, ...]
    """The endings that the name of its file may have."""
    prepare: Callable[[], Write]
    """Called when the dialogue has gone from the screen; what it returns may take long."""
    is_picture: bool = False


def choose_export(screen: Screen[None], exports: Sequence[Export]) -> None:
    """Ask what to export, and in a terminal where to, then do it in a thread."""
    choices = [(export, export.endings) for export in exports]
    if screen.app.is_web:  # where no name is asked for, the ending is chosen here
        choices = [(export, (ending,)) for export, endings in choices for ending in endings]

    def chosen(place: int | None) -> None:
        if place is None:
            return
        export, (ending, *_) = choices[place]
        if screen.app.is_web:
            finish = partial(_download, screen.app, export.name + ending)
            screen.call_after_refresh(_begin, screen, export, finish)
        else:
            _ask_path(screen, export)

    titles = [f"{export.title}  {' '.join(endings)}" for export, endings in choices]
    screen.app.push_screen(Chooser("export", titles), chosen)


def _ask_path(screen: Screen[None], export: Export) -> None:
    confirmed: Path | None = None

    def answer(text: str) -> str | None:
        nonlocal confirmed
        try:
            path = Path(text.strip()).expanduser()
        except RuntimeError as error:  # there is no such user
            return str(error)
        if path.suffix not in export.endings:
            return f"a name that ends in {' or '.join(export.endings)}"
        try:
            check_path(path, overwrite=path == confirmed)
        except ExistsError:
            confirmed = path
            return "it exists; enter replaces it"
        except UserError as error:
            return str(error)
        finish = partial(_save, path, path == confirmed)
        screen.call_after_refresh(_begin, screen, export, finish)
        return None

    screen.query_one(Prompt).ask("write to", export.name + export.endings[0], answer)


def _begin(screen: Screen[None], export: Export, finish: Finish, patience: int = PATIENCE) -> None:
    """Export in a thread; a picture only when the footer is back where the prompt was."""
    bindings = [bound.binding for bound in screen.active_bindings.values()]
    wanted = {binding.action for binding in bindings if binding.show}
    shown = {key.action for footer in screen.query(KeyFooter) for key in footer.keys}
    is_back = wanted == shown
    if not export.is_picture:
        _work(screen, export, finish)
    elif is_back or not patience:
        screen.call_after_refresh(_work, screen, export, finish)
    else:
        again = partial(_begin, screen, export, finish, patience - 1)
        screen.set_timer(LOOK_SECONDS, again)


def _work(screen: Screen[None], export: Export, finish: Finish) -> None:
    write = export.prepare()

    def work() -> None:
        try:
            tell(finish(write))
        except (UserError, OSError, ValueError) as error:
            tell(printable(str(error)), severity="error")

    def tell(text: str, severity: str = "information") -> None:
        screen.app.call_from_thread(screen.notify, text, severity=severity, timeout=6, markup=False)

    screen.run_worker(work, thread=True, exit_on_error=False)


def _save(path: Path, overwrite: bool, write: Write) -> str:
    """Write a file on this machine."""
    write_whole(path, lambda file: write(file, path.suffix), overwrite=overwrite)
    return f"written to {printable(str(path))}"


def _download(app: App[object], name: str, write: Write) -> str:
    """Send a file to the visitor's browser, out of memory."""
    file = StringIO(newline="")
    write(file, Path(name).suffix)
    # The folder only makes Textual's path complete: nothing is written there.
    app.call_from_thread(app.deliver_text, file, save_directory=".", save_filename=name)
    return f"{name} goes to your browser's downloads"


def export_of_losses(runs: Sequence[tuple[str, Snapshot]]) -> Export:
    """Offer the losses of all iterations. runs: each with the name of its backend."""

    def write(file: TextIO, ending: str) -> None:
        write_losses(file, runs, ending)

    return Export("losses of all runs and steps", "losses", SUFFIXES, lambda: write)


def export_of_table(run: Snapshot, view: View, bigrams: Bigrams) -> Export:
    """Offer the table of a run that is shown."""

    def write(file: TextIO, _: str) -> None:
        table = view.table(run, bigrams)
        if table is None:
            raise UserError(f"{run.name} {view.absent or 'has no table yet'}")
        write_matrix(file, bigrams.vocabulary, table)

    title = f"table {view.name} of {printable(run.name)}"
    return Export(title, view.name.replace("∂", "d"), (".csv",), lambda: write)


def export_of_screen(app: App[None]) -> Export:
    """Offer a picture of the screen, as it is when it is written."""

    def prepare() -> Write:
        picture = app.export_screenshot()
        return lambda file, _: file.write(picture)

    return Export("this screen as a picture", "bigram-tui", (".svg",), prepare, is_picture=True)
