"""Connections to PostgreSQL, and its vectors as bytes (pgvector's binary form, exact to the bit)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError, IndexFormatError, MissingExtraError
from anaglyph.search.item_rows import damaged
from anaglyph.search.postgres_address import Address
from anaglyph.search.store import UnreachableError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]
_FULL = ("53100", "53200")
"""SQLSTATE of a full disk and of memory that ran out."""
_MISSING = ("3F000", "42P01")
_FORBIDDEN = ("42501", "25006")
CONNECT_SECONDS = 10


@dataclass(frozen=True, eq=False)
class Vector:
    """(D,) numbers on their way to the database."""

    numbers: NDArray[np.float32]


def connect(address: Address) -> Connection:
    """An open connection in autocommit mode that looks in the index's schema.

    Raises:
        MissingExtraError: psycopg is not installed.
        UnreachableError: the server cannot be reached; without the password.
    """
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtraError(what="an index in PostgreSQL", extra="postgres") from error
    try:
        return psycopg.connect(
            address.database,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="anaglyph",
            options=f"-c search_path={address.name},public -c client_encoding=UTF8",
        )
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        said = address.cleaned(" ".join(str(error).split()))
    # Outside of the handler: the driver's error may hold the password and must not be chained.
    raise UnreachableError(f"cannot reach '{address}': {said}. Start the server or correct the address.")


def teach_vectors(connection: Connection) -> None:
    """Let a connection send `Vector`; pgvector must be installed in its database."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format
    from psycopg.types import TypeInfo

    info = TypeInfo.fetch(connection, "vector")
    if info is None:
        raise IndexFormatError("the database has no pgvector; its owner runs: CREATE EXTENSION vector")
    known_as = info.oid

    class VectorDumper(Dumper):
        format = Format.BINARY
        oid = known_as

        def dump(self, obj: Vector) -> bytes:
            return struct.pack(">HH", len(obj.numbers), 0) + obj.numbers.astype(">f4").tobytes()

    connection.adapters.register_dumper(Vector, VectorDumper)


def vector_from_bytes(id: int, value: object, *, dim: int) -> NDArray[np.float32]:
    """(D,) of what a binary cursor gives.

    Raises:
        IndexFormatError: another length, or numbers that are not finite.
    """
    if not isinstance(value, bytes) or value[:2] != struct.pack(">H", dim) or len(value) != 4 + 4 * dim:
        raise damaged(id, "the vector", value)
    numbers = np.frombuffer(value, ">f4", offset=4).astype(np.float32)
    if not np.isfinite(numbers).all():
        raise damaged(id, "the vector", "not finite")
    return numbers


def run_on(connection: Connection, sql: str, values: Sequence[Any]) -> list[Any]:
    """One statement with `?` for its values, and its rows; types that psycopg does not know come as bytes."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(sql.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []


def many_on(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """One statement for many rows of values, sent together."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s").encode(), rows)


@contextmanager
def named_errors(address: Address) -> Iterator[None]:
    """What PostgreSQL says, in words of ours and without the password.

    Raises:
        DataError: no room or no right.
        UnreachableError: the server is gone.
        IndexFormatError: there is no index, or it is not what it should be.
    """
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        # Not chained: what the driver says may hold the password.
        raise _translated(error, address) from None


def _translated(error: psycopg.Error, address: Address) -> DataError | IndexFormatError:
    said, state = address.cleaned(" ".join(str(error).split())), error.sqlstate or ""
    if state in _FULL:
        return DataError(
            f"cannot write to '{address}': {said}. It is as it was before this change; make room there."
        )
    if state in _MISSING:
        return IndexFormatError(f"no index at '{address}': make one with `anaglyph index DIR --store ...`.")
    if state in _FORBIDDEN:
        return DataError(f"'{address}' does not allow it: {said}. Ask its owner for the right to do so.")
    if not state or state.startswith(("08", "57P")):
        return UnreachableError(
            f"the connection to '{address}' ended: {said}. What was not committed is undone."
        )
    return IndexFormatError(f"'{address}' cannot be used: {said}.")
