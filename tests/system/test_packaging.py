"""What is shipped works where nothing of this checkout is: wheel, sdist and a stranger's plugin."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import textwrap
import zipfile
from configparser import ConfigParser
from importlib import metadata
from pathlib import Path

import pytest

import bigram_tui
from tests.no_torch import NO_TORCH

ROOT = Path(__file__).parents[2]
NAMES = ROOT / "data" / "names.txt"

pytestmark = pytest.mark.slow

STRANGER = {
    "pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"

        [project]
        name = "bigram-interpolated"
        version = "1.2.3"
        dependencies = ["bigram-tui"]

        [project.entry-points."bigram_tui.backends"]
        interpolated = "bigram_interpolated.model:InterpolatedBackend"
        """,
    "bigram_interpolated/__init__.py": "",
    "bigram_interpolated/model.py": '''
        """Jelinek-Mercer smoothing: each row is mixed with how frequent tokens are overall."""

        from dataclasses import dataclass

        from bigram_tui.backend import Backend, Iteration, hyperparameter


        @dataclass
        class InterpolatedBackend(Backend):
            weight: float = hyperparameter(0.1, low=0.0, high=1.0, symbol="w")

            def train(self, bigrams, weights):
                unigram = bigrams.counts.sum(axis=0) / bigrams.total
                rows = bigrams.row_sums[:, None]
                bigram = (bigrams.counts + (rows == 0)) / (rows + (rows == 0) * len(rows))
                yield Iteration((1 - self.weight) * bigram + self.weight * unigram, last=True)
        ''',
}

LIST_BACKENDS = """
import json
from bigram_tui.training.registry import discover
found = discover()
print(json.dumps({name: [source.origin, source.obstacle] for name, source in found.items()}))
"""

TRAIN = """
import json, sys
from bigram_tui.corpus.bundled import bundled_names
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.registry import discover
from bigram_tui.training.run import Run
bigrams = read_corpus(str(bundled_names())).train
run = Run(discover()[sys.argv[1]].load()(), bigrams, start_weights(len(bigrams.vocabulary)))
run.advance(3)
final = run.snapshot()
print(json.dumps([final.status.value, final.iteration, final.nll, final.message]))
"""

NEEDS_TORCH = "needs torch, not installed here: pip install torch"


def call(*command: str | Path, cwd: Path, **environment: str) -> str:
    """The standard output of a command that has to succeed, with nothing of ours on its path."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(project: Path, folder: Path, *options: str) -> Path:
    """Build a project's wheel, or with the option -t its sdist, into an empty folder."""
    call(sys.executable, "-m", "hatchling", "build", "-d", folder, *options, cwd=project)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "-t", "wheel")


@pytest.fixture(scope="module")
def unpacked_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    archive = build(ROOT, tmp_path_factory.mktemp("sdist"), "-t", "sdist")
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as sdist:
        sdist.extractall(folder, filter="data")
    (project,) = folder.iterdir()
    return project


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of somebody who has a backend in a package of their own."""
    project = tmp_path_factory.mktemp("stranger")
    for name, text in STRANGER.items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
    return project


@pytest.fixture(scope="module")
def scripts(wheel: Path, stranger: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a fresh environment with our wheel and the stranger's package."""
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")

    def install(what: Path) -> None:
        pip = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check")
        options = ("--no-deps", "--no-build-isolation", "--no-index", "--no-cache-dir", "--quiet")
        call(*pip, "--python", scripts / "python", "install", *options, what, cwd=folder)

    install(wheel)
    lend_dependencies(folder)
    install(stranger)
    return scripts


def lend_dependencies(folder: Path) -> None:
    """Let an environment import what is installed here, after what it has itself.

    A folder that a .pth file names has its own .pth files ignored: so this project's editable
    install, which is one, stays out.
    """
    base = {"base": str(folder), "platbase": str(folder)}
    site_packages = Path(sysconfig.get_path("purelib", "venv", base))
    ours = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site_packages / "lent.pth").write_text("\n".join(ours), "utf-8")


def is_installed(distribution: str) -> bool:
    """Whether it is lent; looked up without importing it."""
    return any(metadata.distributions(name=distribution))


def contents(wheel: Path) -> dict[str, int]:
    """The files of a wheel with a checksum of each."""
    with zipfile.ZipFile(wheel) as archive:
        return {file.filename: file.CRC for file in archive.infolist()}


def test_the_wheel_holds_both_packages_and_the_names(wheel: Path) -> None:
    shipped = contents(wheel).keys()
    modules = {
        path.relative_to(source_root).as_posix()
        for source_root in (ROOT, ROOT / "backends")
        for package in ("bigram_tui", "bigram_backends")
        for suffix in ("*.py", "*.tcss", "py.typed", "page/*")
        for path in (source_root / package).rglob(suffix)
    }
    named = {
        "py.typed",
        "tui/styles/app.tcss",
        "web/page/index.html",
        "web/page/page.css",
        "web/page/page.js",
    }
    assert {f"bigram_tui/{name}" for name in named} | {"bigram_backends/counting.py"} <= modules
    assert modules | {"bigram_tui/names.txt"} <= shipped


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    folders = {name.partition("/")[0] for name in contents(wheel)}
    version = bigram_tui.__version__
    assert folders == {"bigram_tui", "bigram_backends", f"bigram_tui-{version}.dist-info"}


def test_the_wheel_names_the_program_and_the_bundled_backends(wheel: Path) -> None:
    parser = ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        parser.read_string(archive.read(name).decode())
    assert dict(parser["console_scripts"]) == {"bigram-tui": "bigram_tui.cli.main:main"}
    assert set(parser["bigram_tui.backends"]) == {"count", "numpy", "torch"}


def test_the_sdist_holds_what_work_on_it_needs(unpacked_sdist: Path) -> None:
    wanted = ("pyproject.toml", "README.md", "LICENSE", "data/names.txt", "docs", "tests")
    assert [name for name in wanted if not (unpacked_sdist / name).exists()] == []
    assert not [path for path in unpacked_sdist.rglob("*") if path.name in (".venv", "__pycache__")]


def test_the_sdist_builds_the_same_wheel(wheel: Path, unpacked_sdist: Path, tmp_path: Path) -> None:
    again = build(unpacked_sdist, tmp_path, "-t", "wheel")
    assert again.name == wheel.name
    assert contents(again) == contents(wheel)


def test_the_installed_program_is_the_wheels(scripts: Path, tmp_path: Path) -> None:
    script = "import bigram_tui, bigram_backends as b; print(bigram_tui.__file__, b.__file__)"
    for file in call(scripts / "python", "-c", script, cwd=tmp_path).split():
        assert Path(file).is_relative_to(scripts.parent)


def test_the_installed_program_has_the_names(scripts: Path, tmp_path: Path) -> None:
    script = "from bigram_tui.corpus.bundled import bundled_names; print(bundled_names())"
    names = Path(call(scripts / "python", "-c", script, cwd=tmp_path).strip())
    assert names.is_relative_to(scripts.parent)
    assert names.read_bytes() == NAMES.read_bytes()


def test_a_strangers_backend_is_found_with_its_package(scripts: Path, tmp_path: Path) -> None:
    found = json.loads(call(scripts / "python", "-c", LIST_BACKENDS, cwd=tmp_path))
    ours = f"bigram-tui {bigram_tui.__version__}"
    assert found == {
        "count": [ours, None],
        "interpolated": ["bigram-interpolated 1.2.3", None],
        "numpy": [ours, None],
        "torch": [ours, None if is_installed("torch") else NEEDS_TORCH],
    }


def test_a_strangers_backend_trains(scripts: Path, tmp_path: Path) -> None:
    output = call(scripts / "python", "-c", TRAIN, "interpolated", cwd=tmp_path)
    status, iteration, nll, message = json.loads(output)
    assert (status, iteration) == ("finished", 0), message
    assert 2.45 < nll < 2.5  # somewhat above the least that there is, that of bare counts


def test_the_command_lists_a_strangers_backend(scripts: Path, tmp_path: Path) -> None:
    output = call(scripts / "bigram-tui", "--list-backends", cwd=tmp_path)
    (line,) = (line for line in output.splitlines() if line.startswith("interpolated"))
    assert line.split() == ["interpolated", "bigram-interpolated", "1.2.3", "available"]


def test_the_command_trains_a_strangers_backend(scripts: Path, tmp_path: Path) -> None:
    chosen = ("--backend", "interpolated", "--backend", "numpy")
    options = ("--headless", "--json", "--steps", "3", "--set", "interpolated.weight=0.25")
    document = json.loads(call(scripts / "bigram-tui", *options, *chosen, cwd=tmp_path))
    assert document["version"] == 1
    assert document["corpus"]["lines"] == len(NAMES.read_text("utf-8").split())
    interpolated, numpy = document["runs"]
    assert interpolated["backend"] == "interpolated"
    assert interpolated["hyperparameters"] == {"weight": 0.25}
    assert (interpolated["iteration"], interpolated["finished"]) == (0, True)
    assert interpolated["loss_history"]["nll"] == [interpolated["train"]["nll"]]
    assert (numpy["iteration"], len(numpy["loss_history"]["nll"])) == (3, 4)


def test_without_torch_all_else_works(scripts: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_TORCH, "utf-8")
    without = {"PYTHONPATH": str(tmp_path)}
    found = json.loads(call(scripts / "python", "-c", LIST_BACKENDS, cwd=tmp_path, **without))
    obstacles = {name: obstacle for name, (_, obstacle) in found.items()}
    assert obstacles == {"count": None, "interpolated": None, "numpy": None, "torch": NEEDS_TORCH}

    options = ("--headless", "--json", "--steps", "1")
    document = json.loads(call(scripts / "bigram-tui", *options, cwd=tmp_path, **without))
    assert [run["backend"] for run in document["runs"]] == ["count", "interpolated", "numpy"]
