"""Entry points of installed packages, against what importlib.metadata finds."""

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest

from bigram_tui.training import entry_points
from bigram_tui.training.entry_points import EntryPoint, installed

GROUP = "some.group"


def in_folders(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Find entry points in folders, whatever hooks other tests have left, as importlib_metadata."""
    with monkeypatch.context() as patch:
        patch.setattr(entry_points, "_has_folders_alone", lambda: True)
        return installed(GROUP)


def by_metadata(group: str) -> list[tuple[str, str, str]]:
    """Name, value and origin of each entry point; the description may lack a version."""
    points = []
    for point in metadata.entry_points(group=group):
        told: Mapping[str, str] = point.dist.metadata if point.dist else {}  # type: ignore[assignment]
        origin = " ".join(str(told[key]) for key in ("Name", "Version") if key in told)
        points.append((point.name, point.value, origin or point.value.partition(":")[0]))
    return sorted(points, key=lambda point: point[0])


def package(folder: Path, name: str, points: str, description: str | None = None) -> None:
    info = folder / name
    info.mkdir(parents=True)
    stem, _, kind = name.rpartition(".")
    package, _, version = stem.partition("-")
    text = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n\nVersion: of no use\n"
    file = "METADATA" if kind == "dist-info" else "PKG-INFO"
    (info / file).write_text(text if description is None else description, "utf-8")
    if points:
        (info / "entry_points.txt").write_text(points, "utf-8")


def test_they_are_those_of_importlib_metadata() -> None:
    groups = metadata.entry_points().groups
    assert {"bigram_tui.backends", "console_scripts"} <= groups
    for group in groups:
        assert [tuple(point) for point in installed(group)] == by_metadata(group)
    assert installed("of nobody") == []


def test_odd_files_are_read_as_importlib_metadata_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    package(
        first,
        "one-1.0.dist-info",
        f"# nothing\nlost = a:B\n[other]\nx = y:Z\n\n [{GROUP}] \n  b=c.d : E.f\n# no = n:o\n"
        f"g = h\nextra = i:j [k, l]\nodd = = m\n[another]\np = q:r\n[{GROUP}]\nlast = s:t\n",
    )
    package(first, "Two.Words-2.0.dist-info", f"[{GROUP}]\r\nb = u:v\r\n")
    package(second, "two_words-1.0.dist-info", f"[{GROUP}]\nhidden = w:x\n")
    package(second, "three-3.0-py3.11.egg-info", f"[{GROUP}]\nthree = é:ö\n")
    package(second, "four-4.0.dist-info", f"[{GROUP}]\nfour = a:b\n", "Name: Four\nVersion: 4.0.1")
    package(second, "five-5.0.dist-info", "")
    package(second, "six-6.0.something", f"[{GROUP}]\nsix = a:b\n")
    monkeypatch.setattr(sys, "path", [str(first), str(tmp_path / "gone"), str(second)])
    found = [tuple(point) for point in in_folders(monkeypatch)]
    assert found == by_metadata(GROUP)
    names = ["b", "b", "extra", "four", "g", "last", "odd", "three"]
    assert [name for name, *_ in found] == names


def test_a_file_that_cannot_be_read_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, "good-1.0.dist-info", f"[{GROUP}]\ngood = a:b\n")
    package(tmp_path, "bad-1.0.dist-info", f"[{GROUP}]\nbad = c:d\n")
    (tmp_path / "bad-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff[")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert in_folders(monkeypatch) == [EntryPoint("good", "a:b", "good 1.0")]


def test_a_package_in_an_archive_is_found_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("packed-1.0.dist-info/METADATA", "Name: packed\nVersion: 1.0\n")
        file.writestr("packed-1.0.dist-info/entry_points.txt", f"[{GROUP}]\nname = a:b\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(archive)])
    assert installed(GROUP) == [EntryPoint("name", "a:b", "packed 1.0")]


def test_a_package_behind_a_hook_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hook:
        def find_distributions(self, context: object) -> list[metadata.Distribution]:
            return []

        def find_spec(self, *_: object) -> None: ...

    def by_metadata(group: str) -> list[EntryPoint]:
        return [EntryPoint("b", "c:d", group), EntryPoint("a", "c:d", group)]

    monkeypatch.setattr(entry_points, "_by_metadata", by_metadata)
    finders = [finder for finder in sys.meta_path if not hasattr(finder, "find_distributions")]
    monkeypatch.setattr(sys, "meta_path", finders)
    assert GROUP not in {point.origin for point in installed(GROUP)}
    monkeypatch.setattr(sys, "meta_path", [*finders, Hook()])
    assert [point.name for point in installed(GROUP)] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "loaded"),
    [
        ("collections:OrderedDict", "OrderedDict"),
        ("collections : OrderedDict.fromkeys [extra]", "fromkeys"),
        ("collections.abc", "collections.abc"),
    ],
)
def test_what_a_point_names_is_loaded(value: str, loaded: str) -> None:
    point = EntryPoint("name", value, "origin")
    theirs = metadata.EntryPoint("name", value, GROUP)
    assert point.load() == theirs.load()
    assert point.module == theirs.module
    assert point.load().__name__ == loaded  # type: ignore[attr-defined]


def test_a_value_that_makes_no_sense_is_an_error_of_its_import() -> None:
    for value in ("", "no module!", "collections:Nothing"):
        with pytest.raises((ImportError, AttributeError)):
            EntryPoint("name", value, "origin").load()


def test_importlib_metadata_is_not_imported() -> None:
    code = (
        "import sys; from bigram_tui.training.registry import choose; choose([]);"
        "print('importlib.metadata' in sys.modules, 'email' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]
