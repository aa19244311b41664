"""Texts at an address: over http, on S3, and whatever else the library fsspec opens.

A text is read from its start to its end, once. Where the server sends parts of a file, reading goes
on after a broken connection, as long as the file is the same.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from bigram_tui.cancellation import CancelToken
from bigram_tui.errors import BrokenTextError, TextError, one_line
from bigram_tui.formatting.printable import printable

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

RETRIES = 4
PAUSE_SECONDS = 0.5
"""Before the first retry; twice as long before each further one."""

BLOCK_SIZE = 1 << 22
"""Bytes that are asked for at a time."""

SILENCE_SECONDS = 30
"""How long a server may say nothing."""

CHANGED = "changed while it was read: read it again"

MARKS = ("ETag", "etag", "versionId", "generation", "Last-Modified", "LastModified", "mtime")
"""What file systems tell of a file that is another after a change."""

Result = TypeVar("Result")


def is_remote(path: str) -> bool:
    """Return whether a path is an address such as https://host/text.txt."""
    return ADDRESS.match(path) is not None


def matches(address: str) -> list[str]:
    """Return the addresses that match a pattern, sorted. Raises TextError."""
    return _told(lambda: _matches(address))


def _matches(address: str) -> list[str]:
    system, path = _file_system(address)
    return sorted(system.unstrip_protocol(name) for name in system.glob(path))


def sends_parts(address: str) -> bool:
    """Return whether any part of a file at an address can be had: some servers of HTTP can't."""
    return not _is_http(address)


class RemoteFile:
    """The bytes of a file at an address, as a stream."""

    size: int | None
    """Bytes; None if the server does not tell."""
    mark: str | None
    """Differs after a change, such as an ETag; None if nothing of that kind is told."""

    def __init__(self, address: str, cancellation: CancelToken) -> None:
        """Open it. cancellation: ends reading instead of retrying. Raises TextError."""
        self._address, self._cancellation = address, cancellation
        self._place = 0
        self._ahead = b""
        self._file, self.size, self.mark = _told(self._open)

    def fileno(self) -> int:
        """Raise OSError: there is no descriptor."""
        raise OSError("a file at an address has no descriptor")

    def peek(self, size: int) -> bytes:
        """Return the next bytes without reading past them."""
        while len(self._ahead) < size and (more := self._read(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none only at the end. Raises BrokenTextError."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._read(size)

    def seek(self, place: int) -> None:
        """Go on from any place, where `sends_parts`. Raises TextError."""
        self._place, self._ahead = place, b""
        _told(self._reopen)

    def close(self) -> None:
        """End the connection."""
        self._file.close()

    def _read(self, size: int) -> bytes:
        pause = PAUSE_SECONDS
        for attempt in range(RETRIES + 1):
            try:
                if attempt:
                    self._reopen()
                data: bytes = self._file.read(size)
            except BrokenTextError:
                raise
            except Exception as error:  # each library has its own
                if attempt == RETRIES or self._cancellation.is_cancelled or not self.size:
                    raise BrokenTextError(
                        f"broke off after {self._place:,} bytes ({_reason(error)}): try again"
                    ) from None
                time.sleep(pause)
                pause *= 2
            else:
                self._place += len(data)
                if not data:
                    self._check_end()
                return data
        raise AssertionError("the last attempt returns or raises")

    def _check_end(self) -> None:
        """Raise BrokenTextError if this is not the end of the file that was opened."""
        if self.size is not None and self._place < self.size:
            raise BrokenTextError(
                f"broke off after {self._place:,} of {self.size:,} bytes: try again"
            )
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Raise BrokenTextError if the file is another than when it was opened."""
        mark = self.mark
        with suppress(Exception):  # it was there a moment ago
            _, _, details = self._look()
            mark = _mark(details)
        if mark != self.mark:
            raise BrokenTextError(CHANGED)

    def _reopen(self) -> None:
        """Go on where the connection broke."""
        with suppress(Exception):
            self._file.close()
        file, size, mark = self._open(from_start=False)
        if (size, mark) != (self.size, self.mark):
            raise BrokenTextError(CHANGED)
        file.seek(self._place)
        self._file = file

    def _open(self, *, from_start: bool = True) -> tuple[Any, int | None, str | None]:
        """Return a file of fsspec, its size and its mark. from_start: whether to read it whole."""
        system, path, details = self._look()
        # Over http, a whole file comes in one answer, also of servers that send no parts.
        block_size = 0 if from_start and _is_http(self._address) else BLOCK_SIZE
        file = system.open(path, "rb", block_size=block_size, cache_type="readahead")
        return file, details.get("size"), _mark(details)

    def _look(self) -> tuple[Any, str, dict[str, Any]]:
        """Return the file system, the path in it, and what it tells of the file now."""
        system, path = _file_system(self._address)
        system.invalidate_cache()  # it may have changed since it was listed
        return system, path, system.info(path)


def _mark(details: dict[str, Any]) -> str | None:
    return next((str(details[name]) for name in MARKS if details.get(name)), None)


def _is_http(address: str) -> bool:
    return address.lower().startswith("http")


def _file_system(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError:
        raise TextError("is at an address: pip install 'bigram-tui[remote]' to read it") from None
    options: dict[str, Any] = {}
    if _is_http(address):
        from aiohttp import ClientTimeout

        options["client_kwargs"] = {"timeout": ClientTimeout(None, sock_read=SILENCE_SECONDS)}
    system, path = url_to_fs(address, **options)
    return system, path


def _told(work: Callable[[], Result]) -> Result:
    """Do some work at an address. Raises TextError that says what to do."""
    try:
        return work()
    except TextError:
        raise
    except Exception as error:  # each library has its own
        # Whatever goes wrong over http is a FileNotFoundError to fsspec.
        cause = error.__cause__ if isinstance(error, FileNotFoundError) else error
        raise TextError(_advice(cause if isinstance(cause, Exception) else error)) from None


def _advice(error: Exception) -> str:
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError | KeyError) or status in (404, 410):
        return "does not exist: check the address"
    if isinstance(error, PermissionError) or status in (401, 403):
        return "may not be read: check the address and your credentials for it"
    if isinstance(error, ImportError):  # of the library for this kind of address
        return f"needs another library: {_reason(error)}"
    if isinstance(error, ValueError):  # such as an unknown protocol
        return f"can't be opened ({_reason(error)}): check the address"
    return f"can't be reached ({_reason(error)}): check the address and the network"


def _reason(error: Exception) -> str:
    text = printable(one_line(error))[:200]
    return text or type(error).__name__
