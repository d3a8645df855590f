"""The right to write to an embedded index: a lock on the file `lock`, which says who holds it.

The system's lock ends with its holder, however that one ends, so a killed writer blocks nobody. The
file's own time says since when. Windows has no such locks: there SQLite lets in one transaction after the
other.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from anaglyph.errors import DataError, IndexFormatError
from anaglyph.io.atomic import NO_ROOM

if sys.platform != "win32":
    import fcntl

NAME = "lock"
_MOST = 1024
"""Bytes read of the file, which others may have written."""


class _Held:
    """The open lock file; a forked child gives its copy back, or it would hold the lock after its parent."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@contextmanager
def writer_lock(folder: Path, *, owner: str) -> Iterator[None]:
    """Be the only writer of the index in `folder`, for as long as the block lasts.

    Raises:
        IndexFormatError: another one is; says who, which process and since when.
        DataError: the lock cannot be written.
    """
    path = folder / NAME
    try:
        # No link is followed: a folder from somebody else must not make us write anywhere else.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise IndexFormatError(f"'{path}' is a link, which no index has. Remove it.") from error
        raise DataError(
            f"cannot write to the index '{folder}': {error.strerror}. Reading it needs no lock."
        ) from error
    held = _Held(descriptor)
    if sys.platform != "win32":
        os.register_at_fork(after_in_child=_CloseIfThere(held))
    try:
        _take(descriptor, path)
        _sign(descriptor, owner, path)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        held.close()


class _CloseIfThere:
    def __init__(self, held: _Held) -> None:
        self.held = weakref.ref(held)

    def __call__(self) -> None:
        held = self.held()
        if held is not None:
            held.close()


def _take(descriptor: int, path: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise IndexFormatError(
            f"the index '{path.parent}' is being written by {_holder(descriptor)}. Wait for it to end or "
            "stop it; searching works meanwhile."
        ) from error


def _sign(descriptor: int, owner: str, path: Path) -> None:
    text = json.dumps({"owner": owner, "pid": os.getpid()})
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise DataError(f"cannot write '{path}': {error.strerror}. Make room and start again.") from error


def _holder(descriptor: int) -> str:
    """Who holds the lock, as far as its file says; the file may be empty for a moment."""
    since = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    try:
        said = json.loads(os.pread(descriptor, _MOST, 0))
        owner, pid = str(said["owner"])[:200], int(said["pid"])
    except (ValueError, KeyError, TypeError):
        return f"another process, since {since:%Y-%m-%d %H:%M:%S} UTC"
    return f"{ascii(owner)[1:-1]} (process {pid}), since {since:%Y-%m-%d %H:%M:%S} UTC"
