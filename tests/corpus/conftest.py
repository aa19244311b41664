"""A cache for the tests of it."""

from pathlib import Path

import pytest

from bigram_tui.corpus import cache, request
from bigram_tui.paths import cache_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, and texts that are large enough for it at once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(request, "KEPT_SIZE", 10)
    # The times of a file that was just written say nothing yet; ctime can't be set.
    monkeypatch.setattr(cache, "UNSETTLED_NS", -(10**12))
    return cache_folder()
