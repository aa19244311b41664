"""Finds the entry points of installed packages without waiting for importlib.metadata.

That reads the same files, but imports parsers of mail and archives first and goes through the
whole description of a package for its version: a twentieth of the time until there is a picture.
"""

import os
import re
import sys
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from importlib.machinery import PathFinder
from typing import NamedTuple

ENTRY = re.compile(r"(?P<module>[\w.]+)\s*(:\s*(?P<attribute>[\w.]+)\s*)?(\[.*\]\s*)?$")


class EntryPoint(NamedTuple):
    """A name in a group, and the object of a module that it stands for."""

    name: str
    value: str
    """As in the file: `package.module:attribute`."""
    origin: str
    """The package that names it and its version."""

    @property
    def module(self) -> str:
        """The module, dotted; the value itself if that makes no sense."""
        match = ENTRY.match(self.value)
        return match["module"] if match else self.value

    def load(self) -> object:
        """Import the module and return the object. Raises whatever that raises."""
        match = ENTRY.match(self.value)
        if match is None:
            raise ImportError(f"{self.value!r} names no object of a module")
        names = filter(None, (match["attribute"] or "").split("."))
        return reduce(getattr, names, import_module(match["module"]))


def installed(group: str) -> list[EntryPoint]:
    """Return the entry points of a group in all installed packages, sorted by their names."""
    found = _in_folders(group) if _has_folders_alone() else _by_metadata(group)
    return sorted(found, key=lambda point: point.name)


def _has_folders_alone() -> bool:
    """Whether packages lie in folders, as pip puts them: not in archives, or behind a hook."""
    finders = (finder for finder in sys.meta_path if finder is not PathFinder)
    archived = any(path.lower().endswith(".egg") or os.path.isfile(path) for path in sys.path)
    return not archived and not any(hasattr(finder, "find_distributions") for finder in finders)


def _by_metadata(group: str) -> Iterator[EntryPoint]:
    from importlib import metadata

    for point in metadata.entry_points(group=group):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.module
        yield EntryPoint(point.name, point.value, origin)


def _in_folders(group: str) -> Iterator[EntryPoint]:
    """Of a package that is there twice, the first on the path counts."""
    seen: set[str] = set()
    for path in sys.path:
        try:
            names = os.listdir(path or ".")
        except OSError:
            continue
        for name in names:
            stem, _, kind = name.rpartition(".")
            if kind.lower() not in ("dist-info", "egg-info"):
                continue
            package = re.sub(r"[-_.]+", "_", stem.partition("-")[0]).lower()
            if package not in seen:
                seen.add(package)
                yield from _of_package(os.path.join(path, name), group)


def _of_package(folder: str, group: str) -> Iterator[EntryPoint]:
    """Return the entry points of a package. folder: its .dist-info or .egg-info."""
    lines = _lines(os.path.join(folder, "entry_points.txt"))
    points = list(_in_section(lines, group))
    origin = _origin(folder) if points else ""
    for name, value in points:
        yield EntryPoint(name, value, origin or value.partition(":")[0])


def _in_section(lines: Iterator[str], wanted: str) -> Iterator[tuple[str, str]]:
    """Return the pairs `name = value` below the heading `[wanted]`."""
    section = None
    for line in map(str.strip, lines):
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]")
        elif section == wanted:
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _origin(folder: str) -> str:
    """Return the name and the version of a package, or "" if it does not tell both."""
    told: dict[str, str] = {}
    for file in ("METADATA", "PKG-INFO"):
        for line in _lines(os.path.join(folder, file)):
            if not line.strip():  # the description follows
                break
            field, _, value = line.partition(":")
            told.setdefault(field.lower(), value.strip())
    return " ".join(filter(None, (told.get("name"), told.get("version"))))


def _lines(path: str) -> Iterator[str]:
    """Read the lines of a file; of none, if it can't be read."""
    try:
        with open(path, encoding="utf-8") as file:
            yield from file
    except (OSError, UnicodeDecodeError):
        return
