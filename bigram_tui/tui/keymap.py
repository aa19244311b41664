"""The user's own keys: a TOML file that gives actions, by the ids of their bindings, other keys."""

from collections.abc import Collection
from pathlib import Path

from bigram_tui.errors import UserError


def read_keymap(path: Path, known: Collection[str]) -> dict[str, str]:
    """Keys by the id of the binding, such as `step = "enter"`; empty if there is no such file.

    UserError if the file can't be read, is no TOML, or names what is not in `known`.
    """
    import tomllib  # noqa: PLC0415 (few users have keys of their own)

    try:
        keymap = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: {error}") from error
    for name, keys in keymap.items():
        if name not in known:
            raise UserError(f"{path}: no action {name!r}; there are: {', '.join(sorted(known))}")
        if not isinstance(keys, str):
            raise UserError(f'{path}: {name} takes a text, such as {name} = "enter"')
    return keymap
