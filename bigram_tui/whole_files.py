"""Writes a file whole or not at all, whatever happens meanwhile.

The content goes into a temporary file in the same folder, which gets the file's name only when it
is complete. A process that is killed leaves its temporary file there, and the next one that writes
into that folder removes it. It can tell by a lock, which the system takes back from a process that
has ended: the temporary file of a writer that lives is locked.
"""

import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, which refuses to remove a file that is open
    fcntl = None  # type: ignore[assignment]

TEMPORARY_NAME = re.compile(r"\.bigram-tui-[0-9a-f]{16}")

ABANDONED_SECONDS = 3600
"""How long a temporary file that cannot be locked must have been left alone to be removed."""

NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""How systems say that a drive has no links."""


@contextmanager
def open_whole(
    target: Path, *, overwrite: bool, durable: bool, mode: int | None = None
) -> Iterator[BinaryIO]:
    """Yield a new file to write to, which becomes the target when the block ends without an error.

    After an error all is as it was. Others never see an empty file or a part under the name.

    target: no link, as that would be replaced. overwrite: whether it may replace a file.
    durable: whether the content must be on the disk at the end, file and folder, so that a loss of
        power afterwards leaves the new file, and one before leaves the old file or the new one.
        Otherwise the file may be empty after that, on some file systems.
    mode: its permissions; None for those of any new file.
    Raises FileExistsError if there is a target that may not be replaced, and OSError.
    """
    if not overwrite and os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    remove_left_overs(target.parent)
    temporary, file, lock = _create(target.parent, mode)
    try:
        try:
            try:
                yield file
                file.flush()
                if durable:
                    _sync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    file.close()
                raise
            file.close()  # before it gets its name: some drives tell only now that they are full
            _put(temporary, target, overwrite)
            if durable:
                _sync_folder(target.parent)
        finally:
            with suppress(OSError):  # the next one removes it
                temporary.unlink(missing_ok=True)
    finally:
        _unlock(lock)


def _create(folder: Path, mode: int | None) -> tuple[Path, BinaryIO, int | None]:
    """Return the path of a new temporary file, the file, and a descriptor that keeps it locked."""
    while True:
        temporary = folder / f".bigram-tui-{token_hex(8)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        # Nobody may read what others may not read later.
        descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
        file = open(descriptor, "wb")  # noqa: SIM115
        lock = None
        try:
            if mode is not None and mode != stat.S_IMODE(os.fstat(descriptor).st_mode):
                os.chmod(temporary, mode)
            if fcntl is None:
                return temporary, file, None
            lock = os.dup(descriptor)  # keeps the lock when the file is closed
            # Another process may have taken it for one that was left, in the moment before.
            if _lock(lock) is not False and os.fstat(lock).st_nlink:
                return temporary, file, lock
        except BaseException:
            _give_up(temporary, file, lock)
            raise
        _give_up(temporary, file, lock)


def _give_up(temporary: Path, file: BinaryIO, lock: int | None) -> None:
    file.close()
    _unlock(lock)
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def _unlock(lock: int | None) -> None:
    if lock is not None:
        with suppress(OSError):  # everything that matters was written before
            os.close(lock)


def _put(temporary: Path, target: Path, overwrite: bool) -> None:
    """Give the temporary file the name of the target."""
    if overwrite:
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)  # unlike a rename, it never replaces
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _put_without_links(temporary, target)


def _put_without_links(temporary: Path, target: Path) -> None:
    """Do the same where there are no links, as on FAT and on some network drives.

    The name is taken by an empty file first, which is there for a moment, and stays if the process
    is killed in it. A rename alone would replace what another program wrote there in that moment,
    which is worse.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    try:
        os.replace(temporary, target)
    except BaseException:
        os.unlink(target)
        raise


def _sync(descriptor: int) -> None:
    """Have a file written to the disk, where the file system can do that."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk, where the system can do that."""
    with suppress(OSError):  # the file itself is there
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_left_overs(folder: Path) -> None:
    """Remove the temporary files of processes that were killed; leave those of all that live."""
    with suppress(OSError), os.scandir(folder) as entries:
        names = [entry.name for entry in entries if TEMPORARY_NAME.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove_if_left(folder / name)


def _remove_if_left(path: Path) -> None:
    status = path.lstat()
    own = status.st_uid == getattr(os, "geteuid", lambda: status.st_uid)()
    if not (own and stat.S_ISREG(status.st_mode)):
        return
    if fcntl is None:
        path.unlink()
        return
    is_locked = None
    with suppress(OSError):  # some files may not even be opened by their owner
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            is_locked = _lock(descriptor)
            if is_locked:
                path.unlink()  # while it is locked: a writer that is about to lock it sees that
                return
        finally:
            os.close(descriptor)
    if is_locked is None and time.time() - status.st_mtime > ABANDONED_SECONDS:
        path.unlink()


def _lock(descriptor: int) -> bool | None:
    """Lock a file and return True; False if another process has locked it.

    Returns None where files cannot be locked, as on some network drives.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno == errno.EWOULDBLOCK else None
    return True
