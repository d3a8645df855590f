"""Opening `index.sqlite` with care: an index folder from somebody else is hostile until it was looked at."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anaglyph.errors import DataError, IndexFormatError

DATABASE = "index.sqlite"
BUSY_SECONDS = 30.0
"""How long a transaction waits for another one to end."""
PAGE_BYTES = 16384
"""Seven vectors of 512 numbers in a page; in one of 4,096 bytes half of it would stay empty."""
LARGEST_VALUE = 64 * 2**20
"""Bytes of one blob or text; a file that claims more is not ours."""
_READ_ONLY = ("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN")


def connect(file: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, with foreign keys, and without trust in what the file defines.

    Transactions are begun by hand. A commit is on the disk when it returns (`synchronous=FULL`): what an
    indexer has reported as done survives a power cut.
    """
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        for name, value in (
            ("trusted_schema", "OFF"),
            ("cell_size_check", "ON"),
            ("mmap_size", "0"),
            ("foreign_keys", "ON"),
            ("synchronous", "FULL"),
            ("journal_size_limit", str(LARGEST_VALUE)),
        ):
            connection.execute(f"PRAGMA {name} = {value}")
    except BaseException:
        connection.close()
        raise
    return connection


def require_plain_files(folder: Path) -> Path:
    """The database in an index folder.

    Raises:
        IndexFormatError: there is none, it is a link, or files lie beside it that SQLite would act upon.
    """
    file = folder / DATABASE
    # SQLite deletes a file that the journal of a broken write names. Ours has none: changes go to -wal.
    journal = folder / f"{DATABASE}-journal"
    if journal.exists() or journal.is_symlink():
        raise IndexFormatError(f"'{journal}' lies in the index, where none belongs. Remove it.")
    for path in (folder, file, folder / f"{DATABASE}-wal", folder / f"{DATABASE}-shm"):
        if path != folder and path.is_symlink():
            raise IndexFormatError(f"'{path}' is a link, which no index has. Remove it.")
    if not file.is_file():
        raise IndexFormatError(
            f"no index in '{folder}': make one with `anaglyph index DIR --index {folder}`."
        )
    return file


@contextmanager
def named_errors(folder: Path) -> Iterator[None]:
    """What SQLite says, in words of ours.

    Raises:
        DataError: no room on the disk, or no right to write.
        IndexFormatError: the file is damaged, or another process keeps it locked.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        # SQLite quotes the damaged file in its message, and Python cannot read that.
        raise IndexFormatError(
            f"the index '{folder}' is damaged: it holds text that is not UTF-8. Index again with --rebuild."
        ) from error
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _is_full(folder)):
            raise DataError(
                f"cannot write to the index '{folder}': no room, {_free(folder):,} bytes are free. "
                "It is as it was before this change; make room and start again."
            ) from error
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise IndexFormatError(
                f"the index '{folder}' was locked by another process for {BUSY_SECONDS:.0f} seconds. Wait "
                "for it to end or stop it."
            ) from error
        if name.startswith(_READ_ONLY):
            raise DataError(
                f"cannot use the index '{folder}': {error}. The folder and its files must be writable, for "
                "readers too (SQLite keeps its shared memory there)."
            ) from error
        if name.startswith("SQLITE_MISUSE") or isinstance(error, sqlite3.ProgrammingError):
            raise
        raise IndexFormatError(
            f"the index '{folder}' is damaged: {error}. Index again with --rebuild, or take back a copy."
        ) from error


def one(connection: sqlite3.Connection, sql: str) -> Any:
    """The only value of the only row."""
    return connection.execute(sql).fetchone()[0]


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _is_full(folder: Path) -> bool:
    return _free(folder) < PAGE_BYTES
