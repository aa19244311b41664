"""Makes the pictures in the README: the real program after 100 iterations."""

import asyncio
import re
from pathlib import Path

from bigram_tui.corpus.reading import read_corpus
from bigram_tui.training.registry import choose
from bigram_tui.training.session import Session
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.render.colors import TRUE_COLOR

HERE = Path(__file__).parent

PICTURES = {
    # What is pressed before each: 100 iterations of numpy and 30 of torch; then all in lock-step.
    "screenshot.svg": (("3", "S", "S", "S"), ("2", "x")),
    "compare.svg": (("x",), ("c",), ("3", "m")),
}


async def screenshot(pressed: tuple[tuple[str, ...], ...]) -> str:
    """A screen at 120×40 after some keys, as SVG."""
    corpus = read_corpus(str(HERE.parent / "data" / "names.txt"))
    app = BigramApp(Session(corpus, tuple(choose([]))), depth=TRUE_COLOR)
    async with app.run_test(size=(120, 40)) as pilot:
        for keys in pressed:
            await pilot.press(*keys)
            await pilot.pause(0.2)
            while not (app.lockstep.is_idle and all(runner.is_idle for runner in app.runners)):
                await pilot.pause(0.05)
        await pilot.pause(0.3)
        return app.export_screenshot(title="bigram-tui data/names.txt")


def without_web_fonts(svg: str) -> str:
    """The same picture, which then loads nothing from elsewhere."""
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    for name, pressed in PICTURES.items():
        path = HERE / name
        path.write_text(without_web_fonts(asyncio.run(screenshot(pressed))), encoding="utf-8")
        print(path)
