"""A screen is laid out for the size that the window has, once, whatever messages come.

That a drag of the window's edge settles is tested in a terminal.
"""

from typing import Any

import pytest
from textual.events import Resize
from textual.geometry import Size

from tests.tui.conftest import MakeApp, Settle

OPENED = {"explore": "", "compare": "c", "theory": "G", "why": "enter", "palette": "ctrl+p"}


@pytest.mark.slow
@pytest.mark.parametrize("keys", OPENED.values(), ids=OPENED)
async def test_messages_of_past_and_known_sizes_lay_nothing_out(
    make_app: MakeApp, settle: Settle, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        if keys:
            await pilot.press(keys)
        await settle(pilot)
        screen, laid_out = app.screen, []
        original = type(screen)._screen_resized

        def note(self: Any, size: Size) -> None:
            if self is screen:
                laid_out.append(tuple(size))
            original(self, size)

        monkeypatch.setattr(type(screen), "_screen_resized", note)
        # What waits in the queue when layouts take longer than the window's edge takes to move.
        for width in (90, 100, 95, 100):
            size = Size(width, 30)
            screen.post_message(Resize(size, size))
            screen.call_later(lambda: None)
        await settle(pilot)
        assert laid_out == []
        await pilot.resize_terminal(110, 33)
        await settle(pilot)
        assert laid_out == [(110, 33)]
        assert tuple(screen._compositor.size) == (110, 33)
