"""Backends are found without importing them, and whatever is wrong with one is one line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from bigram_tui.backend import Backend
from bigram_tui.training import entry_points, registry
from bigram_tui.training.entry_points import EntryPoint
from bigram_tui.training.registry import (
    BackendError,
    BackendSource,
    backends_folder,
    choose,
    discover,
    pitfalls,
    unique_name,
)

GOOD = """
from dataclasses import dataclass
import numpy as np
from bigram_tui.backend import Backend, Iteration, hyperparameter

@dataclass
class Mine(Backend):
    speed: float = hyperparameter(2.0)

    def train(self, bigrams, weights):
        yield Iteration(np.full(weights.shape, 1 / len(weights)))
"""
PLAIN = """
from bigram_tui.backend import Backend

class {name}(Backend):
    def train(self, bigrams, weights):
        yield
"""
MISSING = "a_module_that_nobody_has"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration folder for backends, empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    found = backends_folder()
    assert found.is_relative_to(tmp_path)
    found.mkdir(parents=True)
    return found


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def source_of(path: Path) -> BackendSource:
    (source,) = choose([str(path)])
    return source


def refusal(path: Path) -> str:
    """Why a file's backend can't be had: one line."""
    with pytest.raises(BackendError) as caught:
        source_of(path).load()
    message = str(caught.value)
    assert "\n" not in message
    return message


# What comes with the program


def test_the_bundled_backends_are_found_by_name_and_load() -> None:
    found = discover()
    assert list(found) == ["count", "numpy", "torch"]
    version = metadata.version("bigram-tui")
    assert {source.origin for source in found.values()} == {f"bigram-tui {version}"}
    loaded = {name: found[name].load() for name in ("count", "numpy")}
    assert all(issubclass(backend, Backend) for backend in loaded.values())
    assert {name: b.__name__ for name, b in loaded.items()} == {
        "count": "CountingBackend",
        "numpy": "NumpyBackend",
    }
    assert loaded["numpy"].__module__ == "bigram_backends.numpy_gradient"


def in_a_fresh_python(code: str) -> Any:
    """What a program prints as JSON."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_to_look_at_all_there_is_to_know_of_backends_imports_none() -> None:
    code = """
import json, sys
from bigram_tui.training.registry import choose, discover, pitfalls
found = discover()
for source in [*found.values(), *pitfalls().values()]:
    source.imports, source.obstacle, source.is_light
choose(["torch", "count", "plus-sign"])
heavy = [m for m in sys.modules if m.split(".")[0] in ("bigram_backends", "torch", "textual")]
print(json.dumps([list(found), heavy, {name: source.is_light for name, source in found.items()}]))
"""
    names, heavy, light = in_a_fresh_python(code)
    assert names == ["count", "numpy", "torch"]
    assert heavy == []
    # NumPy is in memory already; torch is not, whether it is installed or not.
    assert light == {"count": True, "numpy": True, "torch": False}


def test_a_backend_is_light_once_its_library_is_in_memory() -> None:
    pytest.importorskip("torch")
    assert discover()["torch"].is_light


def test_the_imports_inside_functions_are_seen() -> None:
    assert "torch" in discover()["torch"].imports
    assert "torch" not in discover()["numpy"].imports
    assert {"numpy", "bigram_tui"} <= discover()["numpy"].imports


def test_imports_are_seen_in_every_statement_but_try_if_and_with(tmp_path: Path) -> None:
    seen = """
import a.b, c as d
class A:
    import e
    async def f(self):
        for _ in ():
            import g
        else:
            from h.i import j
        while True:
            import k
        async with x:
            import l
        match x:
            case 1 if (lambda: 0)():
                import m
"""
    hidden = """
try:
    import n
except ImportError:
    import o
if x:
    import p
else:
    import q
with x:
    import r
from . import s
"""
    source = source_of(write(tmp_path / "all.py", seen + hidden))
    assert source.imports == set("aceghklm")


def test_an_installed_backend_whose_library_is_missing_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "strange_package"
    write(package / "__init__.py", "raise SystemExit('imported by the look at it')")
    write(package / "deep.py", f"import numpy, {MISSING}.part\nraise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("strange", "strange_package.deep:Strange", "strange 1.0")
    gone = EntryPoint("gone", "strange_package.nowhere:Gone", "strange 1.0")
    monkeypatch.setattr(entry_points, "installed", lambda group: [gone, point])
    found = discover()
    assert list(found) == ["gone", "strange"]
    obstacle = found["strange"].obstacle
    assert obstacle is not None
    assert f"needs {MISSING}, not installed here" in obstacle
    assert f"pip install {MISSING}" in obstacle
    obstacle = found["gone"].obstacle
    assert obstacle is not None
    assert "strange_package.nowhere is not there" in obstacle
    assert "strange_package" not in sys.modules


# Pitfalls

MISTAKES = ["count-no-keepdim", "no-keepdim", "no-max", "no-mean", "no-reset", "plus-sign"]


def test_pitfalls_are_found_by_name_and_are_never_among_the_others() -> None:
    found = pitfalls()
    assert list(found) == MISTAKES
    assert {source.name for source in found.values()} == set(MISTAKES)
    assert not discover().keys() & found.keys()
    assert [source.name for source in choose([])] == ["count", "numpy", "torch"]
    chosen = choose(["plus-sign", "numpy", "no-max", "plus-sign"])
    assert [source.name for source in chosen] == ["plus-sign", "numpy", "no-max"]
    assert [source.load().__name__ for source in chosen] == ["PlusSign", "NumpyBackend", "NoMax"]
    assert all(source.obstacle is None and source.is_light for source in found.values())


def test_an_unknown_name_is_not_answered_with_pitfalls() -> None:
    with pytest.raises(BackendError) as caught:
        choose(["no-keepdims"])
    assert str(caught.value) == (
        "no backend named 'no-keepdims'; there are: count, numpy, torch, "
        "or give the path of a .py file"
    )


def test_a_backend_goes_before_a_pitfall_of_its_name(folder: Path, tmp_path: Path) -> None:
    drop_in = write(folder / "plus-sign.py", GOOD)
    other = write(tmp_path / "no-max.py", GOOD)
    chosen = choose(["plus-sign", str(other), "no-max"])
    assert [source.name for source in chosen] == ["plus-sign", "no-max-2", "no-max"]
    assert [source.file for source in chosen] == [drop_in, other, None]
    assert list(pitfalls()) == MISTAKES


def test_pitfalls_of_other_packages_are_found_too_and_two_of_a_name_get_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = {
        registry.GROUP: ["good"],
        registry.PITFALLS: ["bad", "twice", "twice"],
    }

    def installed(group: str) -> list[EntryPoint]:
        return [EntryPoint(name, "package:Class", "package 1.0") for name in points[group]]

    monkeypatch.setattr(entry_points, "installed", installed)
    assert list(discover()) == ["good"]
    assert list(pitfalls()) == ["bad", "twice", "twice-2"]
    assert [source.name for source in choose(["twice-2", "good"])] == ["twice-2", "good"]
    assert [source.name for source in choose([])] == ["good"]


# Files


def test_a_file_is_a_backend_by_its_path(tmp_path: Path, folder: Path) -> None:
    path = write(tmp_path / "mine.py", GOOD)
    source = source_of(path)
    assert (source.name, source.origin, source.obstacle) == ("mine", str(path), None)
    backend = source.load()
    assert backend.__name__ == "Mine"
    assert vars(backend())["speed"] == 2.0
    assert "mine" not in discover()  # only what was asked for, and only this once


def test_a_file_in_the_configuration_folder_is_found_by_name(folder: Path) -> None:
    path = write(folder / "mine.py", GOOD)
    write(folder / "notes.txt", "no backend")
    found = discover()
    assert list(found) == ["count", "numpy", "torch", "mine"]
    assert found["mine"].origin == str(path)
    assert found["mine"].load().__name__ == "Mine"
    assert [source.name for source in choose(["mine"])] == ["mine"]


def test_without_a_configuration_folder_there_are_the_installed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing here"))
    assert list(discover()) == ["count", "numpy", "torch"]


def test_no_file_runs_before_its_backend_is_loaded(folder: Path, tmp_path: Path) -> None:
    """Such as one that would hang for ever."""
    trace = tmp_path / "trace"
    text = f"open({str(trace)!r}, 'w').close()\nwhile True: pass\n"
    write(folder / "hanging.py", text)
    path = write(tmp_path / "also.py", text)
    found = [source for source in discover().values() if source.file is not None]
    assert found
    for source in (*found, *choose(["hanging", str(path)])):
        assert source.obstacle is None
        assert isinstance(source.is_light, bool)
    assert not trace.exists()


def test_a_unique_name_has_the_first_number_that_is_free() -> None:
    assert unique_name("numpy", ()) == "numpy"
    assert unique_name("numpy", {"numpy"}) == "numpy #2"
    assert unique_name("numpy", {"numpy", "numpy #3"}) == "numpy #2"
    assert unique_name("numpy", {"numpy", "numpy #2"}) == "numpy #3"
    assert unique_name("numpy", {"numpy", "numpy #2"}, mark="-") == "numpy-2"


def test_a_name_that_is_taken_gets_a_number(folder: Path, tmp_path: Path) -> None:
    write(folder / "numpy.py", GOOD)
    first, second = (write(tmp_path / part / "numpy.py", GOOD) for part in ("a", "b"))
    found = choose(["count", "numpy", "numpy-2", str(first), str(second)])
    assert [source.name for source in found] == ["count", "numpy", "numpy-2", "numpy-3", "numpy-4"]
    assert [source.file for source in found[1:]] == [None, folder / "numpy.py", first, second]
    assert found[1].load().__name__ == "NumpyBackend"
    assert found[3].load().__name__ == "Mine"


def test_backends_are_chosen_in_the_order_they_are_asked_for_and_once(
    folder: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "count.py", GOOD)
    chosen = choose(["torch", str(path), "count", "torch", str(path)])
    assert [source.name for source in chosen] == ["torch", "count-2", "count"]
    assert chosen[1].file == path
    assert [source.name for source in choose([])] == ["count", "numpy", "torch"]


def test_two_files_of_one_name_are_two_backends(tmp_path: Path, folder: Path) -> None:
    one = write(tmp_path / "a" / "mine.py", PLAIN.format(name="One"))
    two = write(tmp_path / "b" / "mine.py", PLAIN.format(name="Two"))
    chosen = choose([str(one), str(two)])
    assert [source.name for source in chosen] == ["mine", "mine-2"]
    assert [source.load().__name__ for source in chosen] == ["One", "Two"]


def test_an_unknown_name_is_answered_with_those_there_are(folder: Path) -> None:
    write(folder / "mine.py", GOOD)
    with pytest.raises(BackendError) as caught:
        choose(["numpi"])
    message = str(caught.value)
    assert "'numpi'" in message
    for name in ("count", "numpy", "torch", "mine"):
        assert name in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"nowhere\.py"):
        choose([str(tmp_path / "nowhere.py")])
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(BackendError, match=r"folder\.py"):
        choose([str(tmp_path / "folder.py")])


# Files that are no good


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "none"),
        ("from bigram_tui.backend import Backend", "none"),
        ("from bigram_backends.numpy_gradient import NumpyBackend", "none"),
        ("from bigram_tui.backend import Backend\nclass Half(Backend): pass", "none"),
        (PLAIN.format(name="One") + PLAIN.format(name="Two"), "One, Two"),
    ],
    ids=["empty", "the base class", "another's class", "without train", "two"],
)
def test_a_file_must_define_one_backend(tmp_path: Path, text: str, found: str) -> None:
    message = refusal(write(tmp_path / "mine.py", text))
    assert message.endswith(f"must define one subclass of Backend, not {found}")


def test_a_helper_class_without_train_does_not_count_as_a_backend(tmp_path: Path) -> None:
    text = (
        "from bigram_tui.backend import Backend\n"
        "class Base(Backend): pass\n"
        "class Mine(Base):\n    def train(self, bigrams, weights):\n        yield\n"
    )
    assert source_of(write(tmp_path / "mine.py", text)).load().__name__ == "Mine"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def train(:\n", "SyntaxError"),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("from bigram_tui.backend import Nonsense", "ImportError"),
        ("x = 1 / 0", "ZeroDivisionError"),
        ("raise RuntimeError('first line\\nsecond line')", "RuntimeError: first line"),
        ("x = '\\0'".replace("\\0", "\0"), "null bytes"),
    ],
    ids=["syntax", "raises", "exits", "import", "division", "two lines", "null byte"],
)
def test_a_file_that_cannot_be_imported_says_why(tmp_path: Path, text: str, reason: str) -> None:
    path = write(tmp_path / "mine.py", text)
    assert source_of(path).obstacle is None
    message = refusal(path)
    assert message.startswith("mine can't be imported: ")
    assert reason in message


def test_a_file_that_is_no_text_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"x = '\xff\xfe'\n")
    assert source_of(path).obstacle is None
    assert "SyntaxError" in refusal(path)


@pytest.mark.parametrize(
    "text",
    [
        f"import {MISSING}",
        f"from {MISSING}.part import thing",
        f"import sys, {MISSING} as short",
        f"def train():\n    import {MISSING}\nimport {MISSING}",
        f"class A:\n    for _ in (1,):\n        from {MISSING} import x",
    ],
)
def test_a_file_that_needs_what_is_missing_says_what_to_install(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "mine.py", text)
    expected = f"needs {MISSING}, not installed here: pip install {MISSING}"
    assert source_of(path).obstacle == expected
    assert expected in refusal(path)
    assert not source_of(path).is_light


@pytest.mark.parametrize(
    "text",
    [
        f"try:\n    import {MISSING}\nexcept ImportError:\n    pass\n",
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {MISSING}\n",
        f"import typing\nif typing.TYPE_CHECKING:\n    import {MISSING}\n",
        "import numpy\n",
    ],
)
def test_what_a_file_can_do_without_is_no_obstacle(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "mine.py", text + GOOD)
    assert source_of(path).obstacle is None
    assert source_of(path).load().__name__ == "Mine"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("bigram_tui.backend:Backend", "no train method"),
        ("bigram_tui.backend:Iteration", "is no backend"),
        ("bigram_tui.backend:as_numpy", "is no backend"),
        ("bigram_tui.backend:Nothing", "can't be imported"),
    ],
)
def test_an_entry_point_that_names_no_backend_is_refused(target: str, reason: str) -> None:
    source = BackendSource("odd", "odd 1.0", EntryPoint("odd", target, "odd 1.0"))
    with pytest.raises(BackendError, match=f"^odd .*{reason}"):
        source.load()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: os.mkfifo(path, 0o600), "can't be read: it is no ordinary file"),
        (lambda path: path.mkdir(), "can't be read: it is a folder"),
        (lambda path: path.symlink_to("missing"), "can't be read: No such file"),
        (lambda path: path.symlink_to(path), "can't be read: Too many levels"),
        (lambda path: path.symlink_to(os.devnull), "can't be read: it is no ordinary"),
    ],
    ids=["pipe", "folder", "broken link", "circle of links", "device"],
)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices of Unix")
def test_what_is_no_file_is_unavailable_and_never_waited_for(
    folder: Path, make: Callable[[Path], object], reason: str
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    make(folder / "odd.py")
    source = discover()["odd"]
    assert source.obstacle is not None
    assert source.obstacle.startswith(reason)
    assert isinstance(source.is_light, bool)
    with pytest.raises(BackendError, match=f"odd {reason}"):
        source.load()
    with pytest.raises(BackendError, match="no backend file"):
        choose([str(folder / "odd.py")])


@pytest.mark.parametrize(
    "text",
    ["(" * 5000, "x = " + "-" * 100_000 + "1", "x = " + "1+" * 5000 + "1", "x = a" + ".b" * 50_000],
    ids=lambda text: text[:8],
)
def test_a_file_of_nested_expressions_fails_alone(folder: Path, text: str) -> None:
    write(folder / "deep.py", text)
    source = discover()["deep"]
    assert source.obstacle is None
    with pytest.raises(BackendError, match=r"deep can't be imported|must define one subclass"):
        source.load()


def test_one_bad_file_in_the_configuration_folder_hides_no_other(folder: Path) -> None:
    write(folder / "a_bad.py", "def (:")
    write(folder / "b_good.py", GOOD)
    found = discover()
    assert list(found) == ["count", "numpy", "torch", "a_bad", "b_good"]
    with pytest.raises(BackendError, match="a_bad can't be imported"):
        found["a_bad"].load()
    assert found["b_good"].load().__name__ == "Mine"
