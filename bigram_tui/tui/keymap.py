"""The user's keymap: a TOML file with other keys for actions, by the ids of their bindings."""

from collections.abc import Collection
from pathlib import Path

from bigram_tui.errors import UserError
from bigram_tui.formatting.printable import printable
from bigram_tui.paths import is_missing, read_regular

MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}

LARGEST_SIZE = 100_000
"""Bytes: many times as much as a line for each action."""

LONGEST_QUOTE = 60

KEYS = "use a character, such as s or S, or a name, such as enter, f5, question_mark or ctrl+s"


def read_keymap(path: Path, known: Collection[str]) -> dict[str, str]:
    """Read the keys by the id of the binding, such as `step = "enter"`; none if there is no file.

    A byte order mark, which some editors write, is skipped. UserError if the file can't be read,
    is not TOML, names an action that is not in `known`, or a key that does not exist.
    """
    if is_missing(path):
        return {}
    import tomllib  # few users have a keymap

    try:
        keymap = tomllib.loads(read_regular(path, LARGEST_SIZE).decode("utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} can't be read: {error}") from error
    except RecursionError:
        raise UserError(f"{path} can't be read: its values are nested too deeply") from None
    for name, keys in keymap.items():
        if name not in known:
            actions = ", ".join(sorted(known))
            raise UserError(f"{path}: no action {_quoted(name)}; there are: {actions}")
        if not isinstance(keys, str):
            raise UserError(f'{path}: {name} takes a text, such as {name} = "enter"')
        for key in keys.split(","):
            if not _is_key(key.strip()):
                raise UserError(f"{path}: {name} = {_quoted(key.strip())} is no key; {KEYS}")
    return keymap


def _quoted(text: str) -> str:
    return repr(text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…")


def _is_key(name: str) -> bool:
    """Whether Textual knows a key of that name."""
    from textual.keys import Keys, format_key, key_to_character

    if printable(name) != name:  # a control character, which Textual would take for a key
        return False
    *modifiers, key = name.split("+") if len(name) > 1 else [name]
    stands_for_a_character = len(format_key(key)) == 1 or key_to_character(key) is not None
    is_known = stands_for_a_character or key in {k.value for k in Keys}
    return is_known and set(modifiers) <= MODIFIERS
