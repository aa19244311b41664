"""The text that comes with the program: the names of the lecture."""

from pathlib import Path


def bundled_names() -> Path:
    """Return the path of names.txt: in the package if it was installed, or else in the checkout."""
    package = Path(__file__).parents[1]
    packaged = package / "names.txt"
    return packaged if packaged.is_file() else package.parent / "data" / "names.txt"
