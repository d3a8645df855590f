"""Making and opening an index in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from anaglyph.errors import IndexFormatError
from anaglyph.search.postgres_address import Address, parse_address
from anaglyph.search.postgres_connection import connect, many_on, named_errors, run_on, teach_vectors
from anaglyph.search.postgres_engine import PostgresEngine
from anaglyph.search.postgres_schema import tables
from anaglyph.search.postgres_store import PostgresStore
from anaglyph.search.store import FORMAT, Header

if TYPE_CHECKING:
    from anaglyph.search.postgres_connection import Connection

_MOST_DIM = 16_000
"""Of pgvector."""
_MAKING = 0x616E6167
"""Advisory lock that those who make an index take, so that of many who start at once one makes it."""


def create_postgres_store(
    place: str, header: Header, *, notes: Mapping[str, str] = MappingProxyType({})
) -> PostgresStore:
    """Make an index of nothing but notes in a database that exists, and open it.

    Raises:
        IndexFormatError: there is one already, or the database has no pgvector.
        DataError: the server cannot be reached, or does not allow it.
    """
    if header.format != FORMAT:
        raise ValueError(f"format must be {FORMAT}, got {header.format}")
    if not 1 <= header.dim <= _MOST_DIM:
        raise ValueError(f"dim must be 1 to {_MOST_DIM} in PostgreSQL, got {header.dim}")
    address = parse_address(place)
    connection = connect(address)
    try:
        with named_errors(address), connection.transaction():
            run_on(connection, "SELECT pg_advisory_xact_lock(?)", (_MAKING,))
            _make(connection, address, header, notes)
    finally:
        connection.close()
    return open_postgres_store(place)


def open_postgres_store(place: str) -> PostgresStore:
    """Open an index.

    Raises:
        IndexFormatError: there is none, or one of a newer version.
        DataError: the server cannot be reached.
    """
    address = parse_address(place)
    connection = connect(address)
    try:
        with named_errors(address):
            if not _exists(connection, address):
                raise IndexFormatError(
                    f"no index at '{address}': make one with `anaglyph index DIR --store ...`."
                )
            header = _header(connection, address)
            teach_vectors(connection)
    except BaseException:
        connection.close()
        raise
    return PostgresStore(PostgresEngine(address, connection, dim=header.dim), header)


def _exists(connection: Connection, address: Address) -> bool:
    return bool(
        run_on(
            connection,
            "SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = 'header'",
            (address.name,),
        )
    )


def _make(connection: Connection, address: Address, header: Header, notes: Mapping[str, str]) -> None:
    if _exists(connection, address):
        raise IndexFormatError(
            f"'{address}' holds an index already; open it, or choose another name behind #."
        )
    if not run_on(connection, "SELECT 1 FROM pg_extension WHERE extname = 'vector'", ()):
        if not run_on(connection, "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'", ()):
            raise IndexFormatError(
                f"the server of '{address}' has no pgvector; install it there (apt: postgresql-16-pgvector)."
            )
        run_on(connection, "CREATE EXTENSION vector SCHEMA public", ())
    run_on(connection, f'CREATE SCHEMA IF NOT EXISTS "{address.name}"', ())
    for statement in tables(header.dim):
        run_on(connection, statement, ())
    run_on(
        connection,
        "INSERT INTO header (one, format, model, fingerprint, dim, cameras, pixels, generation) "
        "VALUES (1, ?, ?, ?, ?, ?, ?, 0)",
        (header.format, header.model, header.fingerprint, header.dim, *header.views),
    )
    many_on(connection, "INSERT INTO notes (name, value) VALUES (?, ?)", list(notes.items()))


def _header(connection: Connection, address: Address) -> Header:
    rows = run_on(connection, "SELECT format, model, fingerprint, dim, cameras, pixels FROM header", ())
    if len(rows) != 1:
        raise IndexFormatError(f"the index at '{address}' is damaged: its header has {len(rows)} rows.")
    format, model, fingerprint, dim, cameras, pixels = rows[0]
    if format != FORMAT:
        raise IndexFormatError(
            f"the index at '{address}' has version {format}, this release reads {FORMAT}. Install the newer "
            "release that made it: pip install --upgrade anaglyph"
        )
    return Header(format=format, model=model, fingerprint=fingerprint, dim=dim, views=(cameras, pixels))
