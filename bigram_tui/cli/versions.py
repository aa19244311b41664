"""What `--version` says: of the program, and of what makes its results and its speed."""

import sys
from importlib import metadata

from bigram_tui import __version__


def versions() -> str:
    """Return the versions on one line, and what to install for large texts. Imports nothing."""
    python = ".".join(map(str, sys.version_info[:3]))
    numba = _version("numba")
    return ", ".join(
        [
            f"bigram-tui {__version__}",
            f"Python {python}",
            f"NumPy {_version('numpy')}",
            f"numba {numba}"
            if numba
            else "no numba: pip install 'bigram-tui[fast]' speeds up large texts",
        ]
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
