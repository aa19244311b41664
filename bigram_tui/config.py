"""Where the user's own files are."""

from pathlib import Path

from platformdirs import user_config_path


def config_folder() -> Path:
    """Such as ~/.config/bigram-tui on Linux: backends in `backends`, keys in `keymap.toml`."""
    return user_config_path("bigram-tui")
