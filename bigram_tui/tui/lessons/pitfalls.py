"""The screen of the classic mistakes: wrong and right code, run side by side."""

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from bigram_tui.cancellation import CancelledError, CancelToken
from bigram_tui.errors import one_line
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.lessons.pitfall_run import Trial, run, unseen_bigram
from bigram_tui.lessons.pitfalls import PITFALLS, Pitfall
from bigram_tui.lessons.transcript import Entry
from bigram_tui.model.bigrams import Matrix
from bigram_tui.training.session import Session
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.widgets.key_footer import KeyFooter

LONGEST_ANSWER = 240
NAMES = 3


class PitfallsScreen(LiveScreen, ModalScreen[Pitfall | None]):
    """A list of pitfalls, and the chosen one; dismissed with a pitfall to compare, or None."""

    CSS_PATH = style_files("dialogue", "pitfalls")

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1)", "choose", key_display="↑↓", id="pitfall-before"),
        Binding("down,j", "choose(1)", "next", show=False, id="next-pitfall"),
        Binding("pageup,left", "turn(-1)", "scroll", key_display="←→", id="pitfall-up"),
        Binding("pagedown,right", "turn(1)", "scroll down", show=False, id="pitfall-down"),
        Binding("enter,c", "compare", "compare with the right one", id="compare-pitfall"),
        Binding("escape,q,P", "dismiss(None)", "close", key_display="esc", id="close-pitfalls"),
    ]

    def __init__(self, session: Session, chosen: int = 0) -> None:
        """Run pitfalls on the text of a session. chosen: the index of the first one to show."""
        super().__init__()
        self._session = session
        self._chosen = chosen
        self._trials: dict[str, Trial | str] = {}
        """The trials so far by name, or why one could not be run."""
        self._cancellation = CancelToken()
        vocabulary = session.corpus.train.vocabulary
        pair = (vocabulary.labels[token] for token in unseen_bigram(session.corpus.train))
        self._unseen = "".join(in_cells(label, 2).rstrip() for label in pair)

    def compose(self) -> ComposeResult:
        """Compose the list of names, and the text and both sides of one pitfall."""
        with Horizontal(id="pitfalls") as frame:
            frame.border_title = "pitfalls: executed now, on this text or on one word"
            titles = OptionList(*(Content(p.name) for p in PITFALLS), id="titles", compact=True)
            titles.can_focus = False  # its keys are the screen's
            yield titles
            with VerticalScroll(id="pitfall", can_focus=False):
                yield Static(id="lesson")
                with Horizontal(id="sides-of-it"):
                    yield Static(id="wrong")
                    yield Static(id="right")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._show()

    def on_unmount(self) -> None:
        self._cancellation.cancel()

    @property
    def pitfall(self) -> Pitfall:
        """The chosen pitfall."""
        return PITFALLS[self._chosen]

    @property
    def chosen(self) -> int:
        """The index of the chosen pitfall."""
        return self._chosen

    def _show(self) -> None:
        titles = self.query_one("#titles", OptionList)
        if titles.highlighted != self._chosen:
            titles.highlighted = self._chosen
        trial = self._trials.get(self.pitfall.name)
        ran = trial if isinstance(trial, Trial) else None
        self.query_one("#wrong", Static).update(
            _side("✗ wrong", self.pitfall.wrong, ran.wrong if ran else None)
        )
        self.query_one("#right", Static).update(
            _side("✓ right", self.pitfall.right, ran.right if ran else None)
        )
        if trial is None:
            self._run(self.pitfall)
        state = "running …" if trial is None else "" if ran else str(trial)
        self.query_one("#lesson", Static).update(self._lesson(state))
        self.refresh_bindings()

    def _lesson(self, state: str) -> Text:
        """Write what to know of the pitfall. state: why it has no output, or nothing."""
        text = Text().append(self.pitfall.title, "bold underline")
        for title, sentence in (
            ("what breaks  ", self.pitfall.breaks.replace("{unseen}", f"“{self._unseen}”")),
            ("what works  ", self.pitfall.holds),
            ("the fix  ", self.pitfall.fix),
        ):
            text.append(f"\n{title}", "bold").append(sentence)
        if self.pitfall.variant:
            beside = self.pitfall.variant.beside
            text.append("\nenter", "bold").append(f" compares it with {beside}")
        return text.append(f"\n{state}" if state else "", "bold")

    def _run(self, pitfall: Pitfall) -> None:
        session = self._session
        self._cancellation.cancel()  # of the pitfall that was run before
        cancellation = self._cancellation = CancelToken()

        def sample(table: Matrix) -> list[str]:
            return [printable(name.text) for name in session.sample(table, NAMES)]

        def work() -> None:
            try:
                trial: Trial | str = run(
                    pitfall,
                    session.corpus.train,
                    session.start_weights,
                    sample,
                    session.seed,
                    cancellation=cancellation,
                )
            except CancelledError:
                return
            except ImportError:
                trial = "It needs torch, which can't be imported here: pip install torch"
            except Exception as error:  # such as memory that is not there
                trial = one_line(f"{type(error).__name__}: {error}")
            if not cancellation.is_cancelled:
                self.call_while_live(self._take, pitfall, trial)

        self.run_worker(work, thread=True, exclusive=True, exit_on_error=False)

    def _take(self, pitfall: Pitfall, trial: Trial | str) -> None:
        self._trials[pitfall.name] = trial
        if pitfall is self.pitfall:
            self._show()

    # Keys

    def action_choose(self, change: int) -> None:
        """Choose the next pitfall, or the one before."""
        self._go_to((self._chosen + change) % len(PITFALLS))

    def _go_to(self, index: int) -> None:
        self._chosen = index
        self.query_one("#pitfall").scroll_home(animate=False)
        self._show()

    @on(OptionList.OptionSelected, "#titles")
    def _click(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._go_to(event.option_index)

    def action_turn(self, pages: int) -> None:
        """Scroll by pages."""
        page = self.query_one("#pitfall")
        page.scroll_relative(y=pages * max(1, page.size.height - 2), animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to compare only a pitfall that changes numbers and raises no error."""
        return action != "compare" or self.pitfall.variant is not None

    def action_compare(self) -> None:
        """Leave with the pitfall, to compare it with the right run."""
        self.dismiss(self.pitfall)


def _side(title: str, source: str, entries: Sequence[Entry] | None) -> Text:
    """Write the statements of one side, with their output once they have run."""
    text = Text().append(f"{title}\n", "bold")
    for entry in entries if entries is not None else [Entry(source)]:
        for line in entry.code.splitlines():
            prompt = "... " if line.startswith(" ") else ">>> "
            text.append(prompt, Style(dim=True)).append(f"{line}\n")
        if entry.answer:
            *warned, last = entry.answer.splitlines()
            for line in (*warned, last):  # warnings come before the value or the error
                shown = line if len(line) <= LONGEST_ANSWER else f"{line[:LONGEST_ANSWER]}…"
                red = entry.failed and line is last
                text.append(f"{shown}\n", Style(bold=True, color="red" if red else None))
    return text
