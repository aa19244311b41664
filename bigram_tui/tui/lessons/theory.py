"""The screen of the theory: a page at a time, with the numbers of a run and links to screens."""

from asyncio import to_thread
from functools import partial
from typing import Any, ClassVar

from markdown_it import MarkdownIt
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.style import Style
from textual.widgets import Markdown, Static

from bigram_tui.lessons.theory import DESTINATIONS, Section, Subject, fill, sections
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.stylesheet import style_files

SCHEME = "see:"


class TheoryScreen(LiveScreen, ModalScreen[str | None]):
    """A page of the theory; dismissed with the destination of a link, such as "view/W", or None."""

    CSS_PATH = style_files("dialogue", "theory")

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,G", "dismiss(None)", "close", id="close-theory"),
        Binding("n,right,l", "turn(1)", "next section", id="theory-next"),
        Binding("p,left,h", "turn(-1)", "section before", id="theory-before"),
        Binding("down,j", "scroll(1)", "down", id="theory-down"),
        Binding("up,k", "scroll(-1)", "up", id="theory-up"),
        Binding("pagedown,space", "page(1)", "on", id="theory-page-down"),
        Binding("pageup,b", "page(-1)", "back", id="theory-page-up"),
        Binding("home", "open(0)", "first section", id="theory-first"),
        Binding("end", "open(-1)", "last section", id="theory-last"),
        *(Binding(str(n), f"follow({n - 1})", f"link {n}", id=f"link-{n}") for n in range(1, 10)),
    ]

    def __init__(self, subject: Subject, section: int = 0) -> None:
        """Take the numbers from a subject. section: the index of the one to open."""
        super().__init__()
        self._subject = subject
        self.section = section
        """The index of the open section."""

    def compose(self) -> ComposeResult:
        """Compose the list of sections, the text of one, and its links."""
        with Vertical(id="theory") as panel:
            panel.border_title = "theory"
            panel.border_subtitle = "↑↓ scroll  ←→ section  1-9 see it live  esc close"
            with Horizontal():
                yield Static(id="theory-sections")
                with VerticalScroll(id="theory-text", can_focus=False):
                    # No HTML and no guessed links: only what the text itself has.
                    yield Markdown(
                        parser_factory=lambda: MarkdownIt("commonmark", {"html": False}),
                        open_links=False,
                    )
            yield Static(id="theory-links")

    async def on_mount(self) -> None:
        await self._show()

    async def _show(self) -> None:
        section = sections()[self.section]
        self._list_sections()
        links = enumerate(section.links)
        entries = [
            _clickable(f"{number + 1} {DESTINATIONS[link]}", f"screen.follow({number})")
            for number, link in links
        ]
        self.query_one("#theory-links", Static).update(
            Content("  ").join([Content("see it live:"), *entries])
        )
        self.query_one("#theory-text").scroll_home(animate=False)
        # Not a coroutine: it would never be awaited if the next key came before it began.
        filling: Any = partial(self._fill, section)
        self.run_worker(filling, group="text", exclusive=True)

    async def _fill(self, section: Section) -> None:
        # In a thread, as a copy of the backend takes a step for some of the numbers.
        text = await to_thread(fill, section.text, self._subject)
        if not self.is_gone:
            await self.query_one(Markdown).update(text)

    def _list_sections(self) -> None:
        """List the sections: at the side below each other, on top after each other."""
        narrow = "-narrow" in self.classes
        titles = []
        for index, section in enumerate(sections()):
            title = _clickable(section.title, f"screen.open({index})")
            titles.append(title.stylize("reverse") if index == self.section else title)
        between = Content("  " if narrow else "\n")
        self.query_one("#theory-sections", Static).update(between.join(titles))

    def on_window_resized(self) -> None:
        self.call_after_refresh(self._list_sections)

    async def action_open(self, section: int) -> None:
        """Open a section by its index; −1 is the last one."""
        self.section = section % len(sections())
        await self._show()

    async def action_turn(self, sections_on: int) -> None:
        """Open the next section, or the one before."""
        section = min(max(self.section + sections_on, 0), len(sections()) - 1)
        if section != self.section:
            await self.action_open(section)

    def action_scroll(self, lines: int) -> None:
        """Scroll by some lines."""
        self.query_one("#theory-text").scroll_relative(y=lines, animate=False, immediate=True)

    async def action_page(self, direction: int) -> None:
        """Scroll by a page; at the end of a section, go on to the next."""
        text = self.query_one("#theory-text")
        end = text.max_scroll_y if direction > 0 else 0
        if round(text.scroll_y) == end:
            await self.action_turn(direction)
        else:
            page = direction * max(1, text.size.height - 1)
            text.scroll_relative(y=page, animate=False, immediate=True)

    def action_follow(self, number: int) -> None:
        """Follow a link of the section, by its index."""
        links = sections()[self.section].links
        if number < len(links):
            self.dismiss(links[number])

    @on(Markdown.LinkClicked)
    def _click(self, event: Markdown.LinkClicked) -> None:
        event.stop()
        destination = event.href.removeprefix(SCHEME)
        if destination in DESTINATIONS:
            self.dismiss(destination)


def _clickable(text: str, action: str) -> Content:
    """Return a text that carries out an action when it is clicked."""
    return Content(text).stylize(Style.from_meta({"@click": action}))
