"""Where the user's own files are."""

import os
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_state_path

NOWHERE = Path(os.devnull) / "bigram-tui"
"""A folder that cannot exist. It stands for those of a user whose home the system does not know,
as in a container without HOME and without an entry in passwd."""


def config_folder() -> Path:
    """Such as ~/.config/bigram-tui on Linux: backends in `backends`, keys in `keymap.toml`."""
    return _folder(user_config_path)


def cache_folder() -> Path:
    """Such as ~/.cache/bigram-tui on Linux: what can be made again, but takes its time."""
    return _folder(user_cache_path)


def state_folder() -> Path:
    """Such as ~/.local/state/bigram-tui on Linux: what the program remembers by itself."""
    return _folder(user_state_path)


def _folder(find: Callable[[str], Path]) -> Path:
    try:
        return find("bigram-tui")
    except RuntimeError:  # of platformdirs: it knows no home
        return NOWHERE
