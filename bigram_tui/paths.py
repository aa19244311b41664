"""The folders of the user's own files, and how such a file is read without being trusted."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_state_path

NOWHERE = Path(os.devnull) / "bigram-tui"
"""A folder that cannot exist, for users whose home the system does not know, as in a container
without HOME and without an entry in passwd."""

_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def config_folder() -> Path:
    """Return the folder of `backends` and `keymap.toml`; on Linux ~/.config/bigram-tui."""
    return _folder(user_config_path)


def cache_folder() -> Path:
    """Return the folder of what can be made again; on Linux ~/.cache/bigram-tui."""
    return _folder(user_cache_path)


def state_folder() -> Path:
    """Return the folder of what the program remembers; on Linux ~/.local/state/bigram-tui."""
    return _folder(user_state_path)


def is_missing(path: Path) -> bool:
    """Return whether nothing is at a path, not even something that cannot be read."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def read_regular(path: Path, limit: int) -> bytes:
    """Read a file, without waiting for a pipe. limit: bytes that it may have.

    Raises OSError, also if it is larger or no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_WAITING)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no ordinary file")
        content = b""
        while chunk := os.read(descriptor, limit + 1 - len(content)):
            content += chunk
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes")
    return content


def _folder(find: Callable[[str], Path]) -> Path:
    try:
        return find("bigram-tui")
    except RuntimeError:  # platformdirs knows no home
        return NOWHERE
