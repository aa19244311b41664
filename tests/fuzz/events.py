"""What a user can do, as values that hypothesis draws and shrinks."""

from dataclasses import dataclass, field
from typing import Protocol

from hypothesis import strategies as st
from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.binding import Binding
from textual.keys import Keys, _character_to_key
from textual.message import Message

from bigram_tui.tui.app import BigramApp

NAMED_KEYS = sorted(
    {
        str(getattr(key, "value", key))
        for keys in ANSI_SEQUENCES_KEYS.values()
        if isinstance(keys, tuple)
        for key in keys
    }
    - {str(Keys.Ignore.value), str(Keys.ControlZ.value)}  # ctrl+z needs a shell
)
"""All keys that a terminal sends as sequences."""

SHORT = "aé.[]\\/@~%= \t\n0123456789-+eE∂η·️👩‍👩‍👧אب\x1b\x9b\u202e"
TYPED = [*SHORT, "names.csv", "losses.json", "/tmp", "[red]", "U+65", "1e999", "nan", "a" * 4000]


class Fuzzed(Protocol):
    """The program under test, as events see it."""

    app: BigramApp

    def send(self, message: Message) -> None:
        """Give the app an event, as its driver does."""

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window."""

    async def drained(self) -> None:
        """Wait until everything sent so far has been handled."""

    async def rest(self) -> None:
        """Wait until nothing is under way, and check what must hold then."""

    def read_on(self) -> None:
        """Give the reading in progress, if there is one, its next chunk."""


class UserEvent(Protocol):
    """Something that a user does."""

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Do it."""


@dataclass(frozen=True)
class Key:
    """A key by its name, or a character."""

    key: str

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Press it."""
        character = self.key if len(self.key) == 1 else None
        if self.key == "space":
            character = " "
        name = self.key if character is None else _character_to_key(self.key)
        fuzzed.send(events.Key(name, character))


@dataclass(frozen=True)
class Bound:
    """A key that means something now: the one of an active binding."""

    place: int

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Press it."""
        await fuzzed.drained()
        if not fuzzed.app._screen_stack:
            return
        keys = sorted(set(fuzzed.app.screen.active_bindings) - {"ctrl+z"})
        key = keys[self.place % len(keys)]
        character = chr(0x20) if key == "space" else key if len(key) == 1 else None
        fuzzed.send(events.Key(key, character))


@dataclass(frozen=True)
class Held:
    """A key that is held, so that it repeats."""

    key: str
    times: int

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Press it again and again."""
        for _ in range(self.times):
            await Key(self.key).apply(fuzzed)


@dataclass(frozen=True)
class Typed:
    """A text that is typed, such as into a prompt."""

    text: str

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Type it."""
        for character in self.text:
            await Key(character).apply(fuzzed)


@dataclass(frozen=True)
class Pasted:
    """A text that is pasted."""

    text: str

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Paste it."""
        fuzzed.send(events.Paste(self.text))


@dataclass(frozen=True)
class Mouse:
    """The mouse at a place, given as shares of the window in percent."""

    kind: type[events.MouseEvent]
    x: int
    y: int
    button: int = field(default=1)

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Move, press, release or scroll it."""
        width, height = fuzzed.app.size
        x, y = self.x * (width - 1) // 100, self.y * (height - 1) // 100
        button = self.button if self.kind in (events.MouseDown, events.MouseUp) else 0
        fuzzed.send(self.kind(None, x, y, 0, 0, button, False, False, False, x, y))


@dataclass(frozen=True)
class Clicked:
    """A click at a place."""

    x: int
    y: int

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Press and release."""
        for kind in (events.MouseMove, events.MouseDown, events.MouseUp):
            await Mouse(kind, self.x, self.y).apply(fuzzed)


@dataclass(frozen=True)
class Resized:
    """The window gets another size."""

    width: int
    height: int

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Change it."""
        fuzzed.resize(self.width, self.height)


@dataclass(frozen=True)
class Focused:
    """The window gets the focus, or loses it."""

    focused: bool

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Tell it."""
        fuzzed.send(events.AppFocus() if self.focused else events.AppBlur())


@dataclass(frozen=True)
class Themed:
    """Another theme."""

    place: int

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Choose it, as the palette does."""
        themes = sorted(fuzzed.app.available_themes)
        fuzzed.app.theme = themes[self.place % len(themes)]


@dataclass(frozen=True)
class Drained:
    """The user waits for the program to answer."""

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Wait."""
        await fuzzed.drained()


@dataclass(frozen=True)
class Rested:
    """The user looks at the screen until nothing moves any more."""

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Wait, and check what must hold at rest."""
        await fuzzed.rest()


@dataclass(frozen=True)
class ReadOn:
    """More of the text arrives."""

    async def apply(self, fuzzed: Fuzzed) -> None:
        """Let it come."""
        fuzzed.read_on()


def all_keys() -> list[str]:
    """List every key that any screen of the program binds, and those that terminals send."""
    from textual.dom import DOMNode

    import bigram_tui.tui.screens.compare
    import bigram_tui.tui.screens.explore  # noqa: F401

    bound: set[str] = set()
    classes: list[type] = [DOMNode]
    while classes:
        owner = classes.pop()
        classes += owner.__subclasses__()
        for binding in Binding.make_bindings(vars(owner).get("BINDINGS", ())):
            bound.update(binding.key.split(","))
    return sorted((bound | set(NAMED_KEYS)) - {"ctrl+z"})


_percent = st.integers(0, 100)
_place = st.integers(0, 99)


def user_events() -> st.SearchStrategy[UserEvent]:
    """Draw something that a user does; what leads on is drawn most often."""
    keys = all_keys()
    quitting = {"q", "ctrl+q", "ctrl+c"}
    calm_keys = [key for key in keys if key not in quitting]
    mouse_kinds = (
        *(events.MouseMove, events.MouseDown, events.MouseUp),
        *(events.MouseScrollDown, events.MouseScrollUp),
        *(events.MouseScrollLeft, events.MouseScrollRight),
    )
    often: list[st.SearchStrategy[UserEvent]] = [
        st.builds(Bound, _place),
        st.builds(Bound, _place),
        st.builds(Bound, _place),
        st.builds(Key, st.sampled_from(calm_keys)),
        st.builds(Key, st.sampled_from(SHORT)),
        st.builds(Clicked, _percent, _percent),
        st.builds(Drained),
    ]
    seldom: list[st.SearchStrategy[UserEvent]] = [
        st.builds(Held, st.sampled_from(keys), st.integers(2, 30)),
        st.builds(Typed, st.sampled_from(TYPED)),
        st.builds(Pasted, st.sampled_from(TYPED)),
        st.builds(Mouse, st.sampled_from(mouse_kinds), _percent, _percent, st.integers(1, 3)),
        st.builds(Resized, st.integers(1, 300), st.integers(1, 100)),
        st.builds(Resized, st.integers(1, 90), st.integers(1, 30)),
        st.builds(Focused, st.booleans()),
        st.builds(Themed, _place),
        st.builds(Rested),
        st.builds(ReadOn),
    ]
    return st.one_of(*often, *often, *seldom)
