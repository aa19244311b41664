"""The folders of the user's own files."""

import os
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_state_path

NOWHERE = Path(os.devnull) / "bigram-tui"
"""A folder that cannot exist, for users whose home the system does not know, as in a container
without HOME and without an entry in passwd."""


def config_folder() -> Path:
    """Return the folder of `backends` and `keymap.toml`; on Linux ~/.config/bigram-tui."""
    return _folder(user_config_path)


def cache_folder() -> Path:
    """Return the folder of what can be made again; on Linux ~/.cache/bigram-tui."""
    return _folder(user_cache_path)


def state_folder() -> Path:
    """Return the folder of what the program remembers; on Linux ~/.local/state/bigram-tui."""
    return _folder(user_state_path)


def _folder(find: Callable[[str], Path]) -> Path:
    try:
        return find("bigram-tui")
    except RuntimeError:  # platformdirs knows no home
        return NOWHERE
