"""One line at the bottom that asks for a text."""

from collections.abc import Callable

from textual import events, on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label

from bigram_tui.tui.render.no_controls import CONTROL

Check = Callable[[str], str | None]
"""Takes what was typed; returns what is wrong with it, or None."""


LONGEST_ANSWER = 1000
"""How many characters can be typed: Textual takes longer for each one the more there are."""

EDITING = {binding.key: binding.action for binding in Binding.make_bindings(Input.BINDINGS)}


class Answer(Input):
    """An input whose keys act in the order in which they were typed, however fast they come.

    Textual lets a binding take its way through the app, and later letters overtake it.
    """

    def replace(self, text: str, start: int, end: int) -> None:
        """Insert typed or pasted text without control characters, which a terminal would obey.

        Of a longer text than there is room for, the first part is inserted.
        """
        room = LONGEST_ANSWER - len(self.value) + abs(end - start)
        super().replace(CONTROL.sub("", text)[: max(0, room)], start, end)

    async def _on_key(self, event: events.Key) -> None:
        action = EDITING.get(event.key)
        if action is not None:
            event.stop().prevent_default()
            await self.run_action(action)


class Prompt(Horizontal):
    """A line that is hidden until it asks; enter answers, escape changes nothing.

    The focus goes back to where it was. There is nothing in it until it first asks, so that the
    first frame does not wait for the styles of an input.
    """

    def on_mount(self) -> None:
        self.display = False
        self._answer: Check = lambda _: None
        self._focused: Widget | None = None

    def ask(self, question: str, value: str, answer: Check) -> None:
        """Show the question and wait for an answer."""
        self._answer = answer
        if not self.children:
            self.mount(
                Label(id="question", markup=False),  # or what was wrong with the answer
                Answer(id="answer", compact=True, select_on_focus=True, max_length=LONGEST_ANSWER),
            )
        if not self.display:
            self._focused = self.screen.focused
        self._write(f"{question}:", error=False)
        box = self.query_one(Input)
        box.value = CONTROL.sub("", value)
        self._show(True)
        box.focus()

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        complaint = self._answer(event.value)
        if complaint is None:
            self._leave()
        else:
            self._write(complaint, error=True)

    def _write(self, text: str, *, error: bool) -> None:
        label = self.query_one("#question", Label)
        label.update(Content(text))
        label.set_class(error, "-error")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self._leave()

    @on(events.DescendantBlur)
    def _give_way(self) -> None:
        """Close when another widget takes the focus, but not when the terminal loses it."""
        if self.app.app_focus:
            self._show(False)

    def _leave(self) -> None:
        self._show(False)
        self.screen.set_focus(self._focused)

    def _show(self, shown: bool) -> None:
        self.display = shown
        self.screen.set_class(shown, "-asking")  # the footer gives its line to the prompt
