"""The program in a browser, as visitors meet it: served to a headless Chromium."""

import csv
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from bigram_tui.model.bigrams import Bigrams
from tests.cli.test_cli import PATIENCE
from tests.web.serving import Server, is_alive, serving, wait_for

pytest.importorskip("textual_serve", reason="textual-serve is not installed")
api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to look at"),
]

SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)

KEEP_TERMINAL = """
Object.defineProperty(Object.prototype, "fitAddon", {
  configurable: true,
  set(value) {
    window.visit = this;
    Object.defineProperty(this, "fitAddon", { value, writable: true });
  },
});
"""
"""textual.js draws on a canvas and keeps its terminal to itself: it is caught in the making."""

READ_SCREEN = """() => {
  const terminal = window.visit?.terminal;
  const lines = Array.from({ length: terminal?.rows ?? 0 }, (_, row) => {
    return terminal.buffer.active.getLine(row)?.translateToString(true, 0, terminal.cols) ?? "";
  });
  return lines.join("\\n");
}"""


class Visitor:
    """A page of the server in a window of its own."""

    def __init__(self, browser: Any, url: str, size: tuple[int, int] = (1200, 760)) -> None:
        width, height = size
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(PATIENCE * 1000)
        self.page = context.new_page()
        self.page.add_init_script(KEEP_TERMINAL)
        self.loaded: list[str] = []
        self.page.on("request", lambda request: self.loaded.append(request.url))
        self.page.on("websocket", lambda socket: self.loaded.append(socket.url))
        self.page.goto(url)

    def text(self) -> str:
        """What stands on the terminal."""
        text: str = self.page.evaluate(READ_SCREEN)
        return text

    def sees(self, pattern: str) -> re.Match[str]:
        """Wait until a pattern stands on the terminal."""
        seen = re.compile(pattern)
        try:
            return wait_for(lambda: seen.search(self.text()), pattern)
        except AssertionError:
            raise AssertionError(f"{pattern} never came:\n{self.text()}") from None

    def size(self) -> tuple[int, int]:
        """The columns and lines of the terminal."""
        columns, rows = self.page.evaluate("[visit.terminal.cols, visit.terminal.rows]")
        return columns, rows

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, row: int, column: int) -> None:
        """Click on the middle of a cell of the terminal."""
        columns, rows = self.size()
        screen = self.page.locator(".xterm-screen").bounding_box()
        self.page.mouse.click(
            screen["x"] + screen["width"] * (column + 0.5) / columns,
            screen["y"] + screen["height"] * (row + 0.5) / rows,
        )

    def has_ended(self) -> None:
        """Wait until the page says that the program has ended."""
        self.page.wait_for_selector("#ended", state="visible")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, name_lines: list[str]) -> Iterator[Server]:
    """On all addresses of this machine, with the names and two quick backends."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "the names.txt").write_text("\n".join(name_lines), "utf-8")
    light = ("--backend", "numpy", "--backend", "count", "--no-tour")
    with serving(folder, "the names.txt", *light, "--host", "0.0.0.0") as served:
        yield served


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Visit]:
    """Opens the page and waits for the explore screen; what a test leaves open is closed."""
    visitors: list[Visitor] = []

    def open_page(**options: Any) -> Visitor:
        visitors.append(Visitor(browser, server.url, **options))
        visitors[-1].sees(r"names\.txt +32,257 lines")
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        visitor.page.context.close()
    wait_for(lambda: not server.children(), "the end of all visits")


def test_the_page_loads_nothing_from_other_hosts(visit: Visit, server: Server) -> None:
    visitor = visit()
    assert {urlsplit(url).netloc for url in visitor.loaded} == {urlsplit(server.url).netloc}
    assert any(url.startswith("ws://") for url in visitor.loaded)
    assert any(url.endswith("RobotoMono-VariableFont_wght.ttf") for url in visitor.loaded)


def test_the_address_that_a_visitor_typed_is_used_throughout(browser: Any, server: Server) -> None:
    """Whatever name the server was given itself."""
    url = server.url.replace("127.0.0.1", "localhost")
    visitor = Visitor(browser, f"{url}/?fontsize=20")
    visitor.sees("numpy")
    assert {urlsplit(each).hostname for each in visitor.loaded} == {"localhost"}
    assert visitor.page.evaluate("Number(visit.terminal.options.fontSize)") == 20
    visitor.page.context.close()


def test_one_steps_and_compares(visit: Visit) -> None:
    visitor = visit()
    visitor.sees(r"numpy step 0  nll 3\.7590")
    visitor.press("s")
    visitor.sees(r"numpy step 1  nll 3\.3\d+")
    visitor.press("c")
    visitor.sees(r"compare +the names\.txt")
    visitor.sees(r"numpy ◎ +1 +the reference")
    visitor.press("S")
    visitor.sees(r"position 11\b")


def test_a_click_moves_the_cursor(visit: Visit) -> None:
    """The half-height cells of the heatmap: two rows of the table in each line."""
    visitor = visit()
    lines = visitor.text().split("\n")
    (row,) = [place for place, line in enumerate(lines) if line.startswith("pq ")]
    head = next(line for line in lines if ".abcdefghijklmnopqrstuvwxyz" in line)
    visitor.click(row, head.index("u"))
    visitor.sees(r"\n[pq]u  N [\d,]+")


@pytest.mark.parametrize("size", [(500, 400), (1900, 1000)])
def test_the_program_fits_the_window(visit: Visit, size: tuple[int, int]) -> None:
    """From the status line at the top right to the footer in the last line."""
    visitor = visit()
    before = visitor.size()
    visitor.page.set_viewport_size({"width": size[0], "height": size[1]})
    wait_for(lambda: visitor.size() != before, "another size of the terminal")
    columns, rows = visitor.size()

    def fits() -> bool:
        lines = visitor.text().split("\n")
        status, footer = lines[0].rstrip(), lines[-1]
        return status.endswith(" paused") and len(status) == columns - 1 and "s step" in footer

    wait_for(fits, f"a screen of {columns} by {rows}")


def test_an_export_is_a_download(
    visit: Visit, server: Server, names: Bigrams, tmp_path: Path
) -> None:
    """Its numbers are those that a plain loop counts; nothing is written where the server is."""
    before = sorted(server.folder.rglob("*"))
    visitor = visit()
    visitor.press("v")
    visitor.sees("N counts")
    visitor.press("E")
    visitor.sees(r"losses of all runs and steps +\.jsonl")
    visitor.press("ArrowDown", "ArrowDown")
    with visitor.page.expect_download() as started:
        visitor.press("Enter")
    download = started.value
    assert download.suggested_filename == "N.csv"
    download.save_as(tmp_path / "N.csv")
    visitor.sees(r"N\.csv goes to your browser's downloads")
    with (tmp_path / "N.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["", *names.vocabulary.labels]
    assert np.array_equal([[int(cell) for cell in row[1:]] for row in rows], names.counts)
    assert len(visitor.page.context.pages) == 1, "no other tab is opened"
    assert sorted(server.folder.rglob("*")) == before


def test_a_large_download_comes_whole_while_frames_are_drawn(visit: Visit, tmp_path: Path) -> None:
    visitor = visit(size=(1500, 900))
    visitor.press("x", "x", "x", "x", "x", "x", "x", "x")
    visitor.sees(r"numpy step 800\b")
    visitor.press("Space")
    visitor.press("E")
    visitor.sees(r"losses of all runs and steps +\.csv")
    with visitor.page.expect_download() as started:
        visitor.press("Enter")
    started.value.save_as(tmp_path / "losses.csv")
    with (tmp_path / "losses.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    iterations = [int(row["iteration"]) for row in rows if row["run"] == "numpy"]
    assert iterations == list(range(len(iterations)))
    assert len(iterations) > 800
    assert os.path.getsize(tmp_path / "losses.csv") > 65536, "it takes more than one packet"


def test_quitting_ends_the_process_and_one_may_start_again(visit: Visit, server: Server) -> None:
    visitor = visit()
    (process,) = server.children()
    visitor.press("q")
    visitor.has_ended()
    wait_for(lambda: not server.children(), f"the end of {process}")
    visitor.page.click("#again")
    visitor.sees("numpy step 0")
    assert server.children() != {process}


def test_closing_the_tab_ends_the_process(visit: Visit, server: Server) -> None:
    """Also while it trains, and writes without end to somebody who is gone."""
    visitor = visit()
    assert len(server.children()) == 1
    visitor.press("Space")
    visitor.sees(r"numpy ▶ step \d\d+")
    visitor.page.close()
    wait_for(lambda: not server.children(), "the end of the process")


def test_a_visitor_cannot_suspend_the_program(visit: Visit) -> None:
    visitor = visit()
    visitor.press("Control+z", "s")
    visitor.sees("numpy step 1")


def test_two_visitors_do_not_see_each_other(visit: Visit, server: Server) -> None:
    one, other = visit(), visit(size=(900, 600))
    assert len(server.children()) == 2
    one.press("S")
    one.sees("numpy step 10")
    other.press("s")
    other.sees(r"numpy step 1\b")
    one.press("q")
    one.has_ended()
    wait_for(lambda: len(server.children()) == 1, "the end of one of two")
    other.press("s")
    other.sees(r"numpy step 2\b")


def test_the_tour_is_offered_to_each_visitor(
    browser: Any, tmp_path: Path, small_text: Path
) -> None:
    """Nobody's first visit is remembered where the server is."""
    with serving(tmp_path, str(small_text)) as server:
        for _ in range(2):
            visitor = Visitor(browser, server.url)
            visitor.sees("tour 1/7|tour +1 of 7|[Tt]our")
            visitor.page.context.close()
        assert not (tmp_path / "state").exists()


@pytest.fixture
def small_text(tmp_path: Path) -> Path:
    path = tmp_path / "few.txt"
    path.write_text("emma\nanna\nava\n", "utf-8")
    return path


def test_a_program_that_does_not_start_is_told_on_both_sides(
    browser: Any, tmp_path: Path, small_text: Path
) -> None:
    with serving(tmp_path, str(small_text)) as server:
        small_text.unlink()
        visitor = Visitor(browser, server.url)
        visitor.has_ended()
        visitor.page.context.close()
        status, errors = server.end(signal.SIGTERM)
    assert status == 128 + signal.SIGTERM
    assert errors == f"bigram-tui: '{small_text}' does not exist: check the name and the folder\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_quietly_with_all_its_visits(
    browser: Any, tmp_path: Path, small_text: Path, number: int
) -> None:
    with serving(tmp_path, str(small_text), "--no-tour") as server:
        visitors = [Visitor(browser, server.url) for _ in range(2)]
        for visitor in visitors:
            visitor.sees("numpy step 0")
        visitors[1].press("Space")
        processes = server.children()
        assert len(processes) == 2
        status = 0 if number == signal.SIGINT else 128 + number
        assert server.end(number) == (status, "")
        assert not any(map(is_alive, processes))
        for visitor in visitors:
            visitor.has_ended()
            visitor.page.context.close()


def test_visits_end_with_a_server_that_is_killed(
    browser: Any, tmp_path: Path, small_text: Path
) -> None:
    with serving(tmp_path, str(small_text), "--no-tour") as server:
        visitor = Visitor(browser, server.url)
        visitor.sees("numpy step 0")
        (process,) = server.children()
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not is_alive(process), "the end of the process")
        visitor.page.context.close()
