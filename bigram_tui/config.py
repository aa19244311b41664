"""Where the user's own files are."""

from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_state_path


def config_folder() -> Path:
    """Such as ~/.config/bigram-tui on Linux: backends in `backends`, keys in `keymap.toml`."""
    return user_config_path("bigram-tui")


def cache_folder() -> Path:
    """Such as ~/.cache/bigram-tui on Linux: what can be made again, but takes its time."""
    return user_cache_path("bigram-tui")


def state_folder() -> Path:
    """Such as ~/.local/state/bigram-tui on Linux: what the program remembers by itself."""
    return user_state_path("bigram-tui")
