"""Nothing is collected while anything is imported, and all is as before afterwards."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigram_tui.garbage import uncollected_imports


@pytest.fixture(autouse=True)
def _collector_as_before() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.enable()
    yield
    gc.unfreeze()
    if not was_enabled:
        gc.disable()


def test_nothing_is_collected_until_the_last_import_ends() -> None:
    with uncollected_imports():
        assert not gc.isenabled()
        with uncollected_imports():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    with uncollected_imports():
        pass
    assert not gc.isenabled()


def test_an_error_ends_the_pause() -> None:
    with pytest.raises(RuntimeError), uncollected_imports():
        raise RuntimeError
    assert gc.isenabled()


def test_what_was_imported_is_exempt_and_nothing_is_frozen_without_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gc.unfreeze()
    with uncollected_imports():
        pass
    assert gc.get_freeze_count() == 0
    (tmp_path / "imported_once.py").write_text("things = [[] for _ in range(1000)]")
    monkeypatch.syspath_prepend(str(tmp_path))
    with uncollected_imports():
        import imported_once  # type: ignore[import-not-found]
    try:
        assert gc.get_freeze_count() > 1000
        assert len(imported_once.things) == 1000
    finally:
        del sys.modules["imported_once"]
