"""`python -m benchmarks`: measures, prints the table, and writes RESULTS.md and the README's rows.

Arguments go to pytest: `-k sampling` measures some figures and writes nothing.
"""

import json
import sys
import tempfile
from pathlib import Path

import pytest

from benchmarks.figures import FIGURES
from benchmarks.results import measured, quoting, report

HERE = Path(__file__).parent
RESULTS, README = HERE / "RESULTS.md", HERE.parent / "README.md"


def main() -> int:
    """Measure; the exit status of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "benchmarks.json")
        options = ["-c", str(HERE / "pytest.ini"), f"--benchmark-json={path}", str(HERE)]
        status = pytest.main([*options, *sys.argv[1:]])
        if status:
            return status
        document = json.loads(path.read_text("utf-8"))
    text, found = report(document, FIGURES), measured(document)
    print(f"\n{text}")
    if all({figure.ours, figure.theirs} <= found.keys() for figure in FIGURES):
        RESULTS.write_text(text, "utf-8")
        README.write_text(quoting(README.read_text("utf-8"), FIGURES, found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
