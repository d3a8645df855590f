"""Making, opening and migrating an embedded index."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from anaglyph.errors import DataError, IndexFormatError
from anaglyph.search.sqlite_file import DATABASE, PAGE_BYTES, connect, named_errors, one, require_plain_files
from anaglyph.search.sqlite_schema import APPLICATION_ID, MIGRATIONS, expected_layout, layout, statements
from anaglyph.search.sqlite_store import SqliteStore
from anaglyph.search.store import FORMAT, Header
from anaglyph.search.writer_lock import writer_lock

_MOST_DIM = 65_536


def create_sqlite_store(
    folder: Path, header: Header, *, notes: Mapping[str, str] = MappingProxyType({})
) -> SqliteStore:
    """Make an index of nothing but notes in a folder, which may exist, and open it.

    Raises:
        IndexFormatError: there is one already, or somebody else is making one.
        DataError: the folder cannot be written.
    """
    if header.format != FORMAT:
        raise ValueError(f"format must be {FORMAT}, got {header.format}")
    if not 1 <= header.dim <= _MOST_DIM:
        raise ValueError(f"dim must be 1 to {_MOST_DIM}, got {header.dim}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot make the folder '{folder}': {error.strerror}. Choose another one."
        ) from error
    with writer_lock(folder, owner="making the index"):
        file = folder / DATABASE
        if file.exists() or file.is_symlink():
            raise IndexFormatError(f"'{folder}' holds an index already; open it, or choose another folder.")
        partial = folder / f".{DATABASE}.partial"
        with named_errors(folder):
            partial.unlink(missing_ok=True)
            _write_empty(partial, header, notes)
            partial.replace(file)
            _sync_folder(folder)
    return open_sqlite_store(folder)


def open_sqlite_store(folder: Path) -> SqliteStore:
    """Open an index; one of an earlier version is brought to this one first, with a copy kept beside it.

    Raises:
        IndexFormatError: there is none, it is damaged, of a newer version, or not made by Anaglyph.
    """
    file = require_plain_files(folder)
    with named_errors(folder):
        connection = connect(file)
        try:
            version = _version(connection, folder)
            if version < FORMAT:
                migrate(connection, folder, version)
            header = _header(connection, folder)
        except BaseException:
            connection.close()
            raise
        return SqliteStore(folder, header, connection)


def migrate(
    connection: sqlite3.Connection,
    folder: Path,
    version: int,
    *,
    target: int = FORMAT,
    migrations: Mapping[int, Sequence[str]] = MIGRATIONS,
) -> Path:
    """Bring an index to a newer layout, all of it or nothing; the copy of what it was.

    Raises:
        IndexFormatError: the index is damaged, or somebody writes to it.
        DataError: no room for the copy.
    """
    copy = folder / f"index.version-{version}.sqlite"
    with writer_lock(folder, owner=f"migration to version {target}"):
        if one(connection, "PRAGMA user_version") == target:
            return copy  # another process was first
        _require_layout(connection, folder, version, migrations)
        found = one(connection, "PRAGMA quick_check(1)")
        if found != "ok":
            raise IndexFormatError(f"the index '{folder}' is damaged: {found}. Index again with --rebuild.")
        _copy(connection, copy)
        connection.execute("BEGIN IMMEDIATE")
        try:
            for step in range(version + 1, target + 1):
                for statement in migrations[step]:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {target}")
            _require_layout(connection, folder, target, migrations)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk may have rolled back already
                connection.execute("ROLLBACK")
            raise
    return copy


def _write_empty(file: Path, header: Header, notes: Mapping[str, str]) -> None:
    file.touch()
    connection = connect(file)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA encoding = 'UTF-8'")
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements(FORMAT):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO header (one, model, fingerprint, dim, cameras, pixels, generation) "
            "VALUES (1, ?, ?, ?, ?, ?, 0)",
            (header.model, header.fingerprint, header.dim, *header.views),
        )
        connection.executemany("INSERT INTO notes (name, value) VALUES (?, ?)", list(notes.items()))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    # The last connection that closes writes everything back into the one file.
    with file.open("rb+") as written:
        os.fsync(written.fileno())


def _version(connection: sqlite3.Connection, folder: Path) -> int:
    """The layout's version, 1 to FORMAT, when the file's layout is that one."""
    if one(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise IndexFormatError(
            f"'{folder / DATABASE}' is a SQLite file, but not an index of Anaglyph. Choose another --index."
        )
    version = int(one(connection, "PRAGMA user_version"))
    if version > FORMAT:
        raise IndexFormatError(
            f"the index '{folder}' has version {version}, this release reads 1 to {FORMAT}. Install the "
            "newer release that made it: pip install --upgrade anaglyph"
        )
    if version < 1:
        raise IndexFormatError(
            f"the index '{folder}' is damaged: version {version}, allowed are 1 to {FORMAT}."
        )
    if version == FORMAT:
        _require_layout(connection, folder, version, MIGRATIONS)
    return version


def _require_layout(
    connection: sqlite3.Connection, folder: Path, version: int, migrations: Mapping[int, Sequence[str]]
) -> None:
    found, expected = layout(connection), expected_layout(version, migrations)
    if found != expected:
        odd = sorted({str(row[1]) for row in set(found) ^ set(expected)})
        raise IndexFormatError(
            f"the index '{folder}' is damaged or hostile: {ascii(odd[0])[:60]} is not what version {version} "
            "defines. Index the folder again with --rebuild."
        )


def _header(connection: sqlite3.Connection, folder: Path) -> Header:
    rows = connection.execute(
        "SELECT model, fingerprint, dim, cameras, pixels, generation FROM header"
    ).fetchall()
    if len(rows) == 1:
        model, fingerprint, dim, cameras, pixels, generation = rows[0]
        texts = all(type(value) is str for value in (model, fingerprint, cameras))
        numbers = all(type(value) is int and value >= 0 for value in (dim, pixels, generation))
        if texts and numbers and 1 <= dim <= _MOST_DIM:
            return Header(
                format=FORMAT, model=model, fingerprint=fingerprint, dim=dim, views=(cameras, pixels)
            )
    raise IndexFormatError(
        f"the index '{folder}' is damaged: its header is {ascii(rows)[:100]}. Index again with --rebuild."
    )


def _copy(connection: sqlite3.Connection, copy: Path) -> None:
    partial = copy.with_name(f".{copy.name}.partial")
    partial.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(partial)) as target:
        connection.backup(target)
    with partial.open("rb+") as written:
        os.fsync(written.fileno())
    partial.replace(copy)
    _sync_folder(copy.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
