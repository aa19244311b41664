"""Writes a file whole or not at all, and tables as CSV."""

import csv
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from bigram_tui.errors import UserError
from bigram_tui.whole_files import open_whole

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""What a spreadsheet may take for the start of a formula, which could run programs."""

MARK = "'"
"""Begins each text that would otherwise begin with one of FORMULA_STARTS or with the mark itself,
so that a reader gets every text back by taking off one mark."""


class ExistsError(UserError):
    """There is a file already, which the user may want to replace."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{str(path)!r} exists: give another name or have it replaced")


def check_path(path: Path, *, overwrite: bool) -> None:
    """Raise UserError if a file can't be written there, ExistsError if it would be replaced."""
    _look(path, overwrite)


def write_whole(path: Path, write: Callable[[TextIO], object], *, overwrite: bool) -> None:
    r"""Write a file of UTF-8 as `write_bytes` does.

    write: writes to the file that it is given, in which \n stays \n on all systems.
    """

    def write_text(file: BinaryIO) -> None:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        write(text)
        text.detach()  # or the file would be closed with it

    write_bytes(path, write_text, overwrite=overwrite)


def write_bytes(path: Path, write: Callable[[BinaryIO], object], *, overwrite: bool) -> None:
    """Write a file, whole or not at all: nobody ever finds half of it.

    Once it is written, neither a crash nor a loss of power undoes that. A file that is replaced
    keeps its permissions; a link stays, and leads to the new file.
    write: writes to the file that it is given.
    Raises UserError as check_path does, or if writing fails, as on a full disk.
    """
    target, mode = _look(path, overwrite)
    try:
        with open_whole(target, overwrite=overwrite, durable=True, mode=mode) as file:
            write(file)
    except FileExistsError:  # another has taken the name meanwhile
        raise ExistsError(path) from None
    except (OSError, UnicodeError) as error:
        raise _failed(path, error) from error


def _look(path: Path, overwrite: bool) -> tuple[Path, int | None]:
    """Return where a path leads, and the permissions of the file there; None if there is none."""
    name = repr(str(path))
    try:
        if not path.parent.is_dir():
            raise UserError(f"there is no folder {str(path.parent)!r}: make it or give another")
        target = Path(os.path.realpath(path))
        mode = target.stat().st_mode if target.exists() else None
    except (OSError, ValueError) as error:  # such as a name that no file can have
        raise _failed(path, error) from error
    if mode is None:
        return target, None
    if stat.S_ISDIR(mode):
        raise UserError(f"{name} is a folder: give the name of a file")
    if not stat.S_ISREG(mode):  # a device would become a file
        raise UserError(f"{name} is no ordinary file: give another name")
    if not overwrite:
        raise ExistsError(path)
    return target, stat.S_IMODE(mode)


def _failed(path: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or error
    return UserError(f"can't write {str(path)!r}: {reason}")


class _LineFeeds:
    r"""Ends rows in \n that csv ended in \r\n, as only then csv quotes a \r in a field."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> None:
        self._file.write(row.removesuffix("\r\n") + "\n")


def write_rows(file: TextIO, rows: Iterable[Sequence[object]]) -> None:
    """Write rows as CSV: numbers in full, None as an empty field, texts as they are or marked."""
    writer = csv.writer(_LineFeeds(file), lineterminator="\r\n")
    writer.writerows(map(_marked, row) for row in rows)


def _marked(field: object) -> object:
    """Mark a text that a spreadsheet would take for a formula. Numbers may begin with a minus."""
    if isinstance(field, str) and field.startswith((*FORMULA_STARTS, MARK)):
        return MARK + field
    return field
