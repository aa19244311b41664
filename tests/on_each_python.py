"""Tests the program on each supported Python that this machine has: `make test-pythons`.

Each gets an environment of its own under `.pythons`, with the program installed from a wheel, so
that the tests in `tests/system` run what a user would have. PyTorch, a download of gigabytes for
most Pythons, is left out: what needs it is skipped, and `make test-all` has tested it.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")

REPOSITORY = Path(__file__).parents[1]
ENVIRONMENTS = REPOSITORY / ".pythons"

LEFT_OUT = ("tests/tui", "tests/system/test_packaging.py", "tests/system/test_benchmarks.py")
"""Pilot tests, which `make test` runs, and tests that make environments of their own."""


def interpreters(version: str) -> Iterator[str]:
    """Where a Python of that version may be: on the path, or where pyenv and uv put it."""
    yield f"python{version}"
    for folder in sorted(Path.home().glob(f".pyenv/versions/{version}.*"), reverse=True):
        yield str(folder / "bin" / "python")
    if shutil.which("uv"):
        command = ["uv", "python", "find", version]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        yield found.stdout.strip()


def full_version(interpreter: str) -> str:
    """Ask an interpreter for its version; empty if it does not run, as a shim of pyenv may not."""
    command = [interpreter, "-c", "import platform; print(platform.python_version())"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def find(version: str) -> tuple[str, str] | None:
    """Return an interpreter of a version, and its full version; None if there is none."""
    for interpreter in interpreters(version):
        found = full_version(interpreter)
        if found.startswith(f"{version}."):
            return interpreter, found
    return None


def test(interpreter: str, version: str) -> bool:
    """Install the program for an interpreter and run the tests; whether they pass."""
    environment = ENVIRONMENTS / version
    python = str(environment / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [interpreter, "-m", "venv", str(environment)],
        [*pip, "-c", "constraints.txt", ".[test]"],
        [*pip, "--force-reinstall", "--no-deps", "."],  # the wheel of the present code
    ):
        if subprocess.run(command, cwd=REPOSITORY, check=False).returncode:
            return False
    ignored = [f"--ignore={path}" for path in LEFT_OUT]
    fast = ["-m", "not slow"]  # what depends on the Python is not what takes long
    command = [python, "-m", "pytest", "-q", "-n", "auto", *fast, *ignored, *sys.argv[1:]]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0


def main() -> None:
    """Test each and print a line for each; the exit status is 1 if one fails."""
    results: dict[str, str] = {}
    for version in SUPPORTED:
        found = find(version)
        if found is None:
            results[version] = "not found on this machine"
            continue
        interpreter, full = found
        print(f"\nPython {full}: {interpreter}", flush=True)
        results[full] = "passed" if test(interpreter, full) else "FAILED"
    print()
    for version, result in results.items():
        print(f"Python {version:<8} {result}")
    sys.exit("FAILED" in results.values() or "passed" not in results.values())


if __name__ == "__main__":
    main()
