"""What can be written to a file from the screen, and the dialogue that leads to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.app import App
from textual.screen import Screen

from bigram_tui.bigrams import Bigrams
from bigram_tui.errors import UserError
from bigram_tui.export import write_matrix
from bigram_tui.files import ExistsError, check_path, write_whole
from bigram_tui.history import write_losses
from bigram_tui.printable import printable
from bigram_tui.snapshot import Snapshot
from bigram_tui.tui.chooser import Chooser
from bigram_tui.tui.views import View
from bigram_tui.tui.widgets.prompt import Prompt

Write = Callable[[Path, bool], None]
"""Takes a path, and whether what is there may be replaced. UserError if it can't be done."""


LOOK_SECONDS = 0.05
PATIENCE = 20
"""How often it is looked whether the footer is back."""


@dataclass(frozen=True)
class Export:
    """One thing to write."""

    title: str
    name: str
    """What its file is called unless the user says otherwise."""
    endings: tuple[str, ...]
    """What the name of its file may end in."""
    prepare: Callable[[], Write]
    """Called when the screen is as it was before the dialogue; what it returns may take long."""
    is_picture: bool = False


def choose_export(screen: Screen[None], exports: Sequence[Export]) -> None:
    """Ask what to write and where to, then write it in a thread."""

    def chosen(place: int | None) -> None:
        if place is not None:
            _ask_path(screen, exports[place])

    screen.app.push_screen(Chooser("export", [export.title for export in exports]), chosen)


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
        start = _write_later if export.is_picture else _write
        screen.call_after_refresh(start, screen, export, path, path == confirmed)
        return None

    screen.query_one(Prompt).ask("write to", export.name, answer)


def _write_later(
    screen: Screen[None], export: Export, path: Path, overwrite: bool, patience: int = PATIENCE
) -> None:
    """Write when the footer is back in the place of the line that asked: it may be in a picture."""
    bindings = [bound.binding for bound in screen.active_bindings.values()]
    wanted = {binding.action for binding in bindings if binding.show}
    is_back = wanted == {getattr(key, "action", "") for key in screen.query("FooterKey")}
    if is_back or not patience:
        screen.call_after_refresh(_write, screen, export, path, overwrite)
    else:
        again = partial(_write_later, screen, export, path, overwrite, patience - 1)
        screen.set_timer(LOOK_SECONDS, again)


def _write(screen: Screen[None], export: Export, path: Path, overwrite: bool) -> None:
    write = export.prepare()

    def work() -> None:
        try:
            write(path, overwrite)
        except (UserError, OSError, ValueError) as error:
            tell(printable(str(error)), severity="error")
        else:
            tell(f"written to {printable(str(path))}")

    def tell(text: str, severity: str = "information") -> None:
        screen.app.call_from_thread(screen.notify, text, severity=severity, timeout=6, markup=False)

    screen.run_worker(work, thread=True, exit_on_error=False)


def export_of_losses(runs: Sequence[tuple[str, Snapshot]]) -> Export:
    """The losses of all iterations. runs: each with the name of its backend."""

    def prepare() -> Write:
        return lambda path, overwrite: write_losses(path, runs, overwrite=overwrite)

    title = "losses of all runs and iterations  .csv .jsonl"
    return Export(title, "losses.csv", (".csv", ".jsonl"), prepare)


def export_of_table(run: Snapshot, view: View, bigrams: Bigrams) -> Export:
    """The table of a run that is looked at."""

    def write(path: Path, overwrite: bool) -> None:
        table = view.table(run, bigrams)
        if table is None:
            raise UserError(f"{run.name} {view.absent or 'has no table yet'}")
        write_matrix(path, bigrams.vocabulary, table, overwrite=overwrite)

    title = f"table {view.name} of {printable(run.name)}  .csv"
    return Export(title, f"{view.name.replace('∂', 'd')}.csv", (".csv",), lambda: write)


def export_of_screen(app: App[None]) -> Export:
    """A picture of what is on the screen when it is written."""

    def prepare() -> Write:
        picture = app.export_screenshot()
        return lambda path, overwrite: write_whole(
            path, lambda file: file.write(picture), overwrite=overwrite
        )

    title = "this screen as a picture  .svg"
    return Export(title, "bigram-tui.svg", (".svg",), prepare, is_picture=True)
