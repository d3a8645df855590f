"""An index in PostgreSQL with pgvector: many writers and readers at once, on one machine or on many.

Exact answers are those of the embedded store: the database's float32 products choose candidates, with a
margin for their error, and `exact.dots` decides among them. An HNSW index, where there is one, answers
`nearest_by_graph` alone (`postgres_store`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.search import exact
from anaglyph.search.connections import Connections
from anaglyph.search.filter_sql import POSTGRESQL, Condition, marks
from anaglyph.search.postgres_address import Address
from anaglyph.search.postgres_connection import (
    Vector,
    connect,
    many_on,
    named_errors,
    run_on,
    teach_vectors,
    vector_from_bytes,
)
from anaglyph.search.sql_reading import CHUNK, Run
from anaglyph.search.sql_writer import Change

if TYPE_CHECKING:
    from anaglyph.search.postgres_connection import Connection

T = TypeVar("T")
_MORE = 16
"""Candidates beyond the page in the first try."""
_TRIES = 5
"""Times a change is done that met another writer's."""
_ALIVE = "SELECT 1"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresEngine:
    """An `Engine`; made by `postgres_open`.

    Args:
        address: of the index.
        connection: to it, which knows vectors.
        dim: D.
    """

    dialect = POSTGRESQL

    def __init__(self, address: Address, connection: Connection, *, dim: int) -> None:
        self.address = address
        self._dim = dim
        self.connections: Connections[Connection] = Connections(
            connection, connect=lambda: _open(address), usable=_is_at_rest, place=address.shown
        )

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """A read transaction."""
        with named_errors(self.address), self._lent(_READ) as connection:
            yield lambda sql, values: run_on(connection, sql, values)

    @contextmanager
    def writing(self, *, owner: str) -> Iterator[PostgresSession]:
        """The right to write, which any number may have; `owner` is what the server's own lists show."""
        with self._lent(_ALIVE) as connection:
            yield PostgresSession(connection, self.address, owner=owner)

    def vectors(self, run: Run, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Of ascending ids those that have a vector, and their (N, D) vectors."""
        found: list[int] = []
        rows: list[NDArray[np.float32]] = []
        for begin in range(0, len(ids), CHUNK):
            chunk = ids[begin : begin + CHUNK].tolist()
            sql = f"SELECT item, vector FROM embeddings WHERE item IN ({marks(len(chunk))}) ORDER BY item"
            for id, value in run(sql, chunk):
                found.append(id)
                rows.append(vector_from_bytes(id, value, dim=self._dim))
        return np.array(found, dtype=np.int64), np.array(rows, dtype=np.float32).reshape(-1, self._dim)

    def nearest(
        self,
        run: Run,
        query: NDArray[np.float32],
        *,
        where: Condition,
        passing: Callable[[], NDArray[np.int64]],
        limit: int,
        offset: int,
    ) -> list[tuple[int, float]]:
        """Ids and dot products with (D,) `query`, the largest first, ties by id."""
        del passing
        if not limit:
            return []
        # The sum keeps an HNSW index out of it: its order is only nearly right.
        sql = (
            "SELECT e.item, e.vector, (e.vector <#> ?) + 0 AS distance FROM embeddings AS e "
            f"JOIN items AS i ON i.id = e.item WHERE {where.sql} ORDER BY distance, e.item LIMIT ?"
        )
        wanted = limit + offset
        asked = wanted + _MORE
        while True:
            rows = run(sql, (Vector(query), *where.values, asked))
            distances = np.array([row[2] for row in rows])
            vectors = self._decoded(rows)
            if len(rows) < asked or distances[-1] > distances[wanted - 1] + _slack(query, vectors):
                return _in_order(rows, vectors, query, limit=wanted)[offset:]
            asked *= 4

    def nearest_by_graph(
        self, run: Run, query: NDArray[np.float32], *, where: Condition, limit: int, breadth: int
    ) -> list[tuple[int, float]]:
        """`nearest` through the HNSW index, not surely all of them; scores are exact.

        Args:
            run: of a read transaction.
            query: (D,).
            where: filters; applied after the graph's `breadth` candidates, so narrow ones find less.
            limit: results at most.
            breadth: candidates, 1 to 1000 (`hnsw.ef_search`).
        """
        # The planner knows little of graphs; a scan of all would answer too, and slowly.
        run("SELECT set_config('enable_seqscan', 'off', true)", ())
        run("SELECT set_config('hnsw.ef_search', ?, true)", (str(breadth),))
        rows = run(
            "SELECT e.item, e.vector, e.vector <#> ? FROM embeddings AS e JOIN items AS i ON i.id = e.item "
            f"WHERE {where.sql} ORDER BY e.vector <#> ? LIMIT ?",
            (Vector(query), *where.values, Vector(query), limit),
        )
        return _in_order(rows, self._decoded(rows), query, limit=limit)

    def build_graph(self, *, connections: int = 16, breadth: int = 64) -> None:
        """Build the HNSW index, or build it anew; readers and writers go on meanwhile.

        Args:
            connections: of a vector in the graph (`m`).
            breadth: candidates while building (`ef_construction`).
        """
        with named_errors(self.address), self.connections.lent() as connection:
            run_on(connection, "DROP INDEX CONCURRENTLY IF EXISTS embeddings_by_graph", ())
            run_on(
                connection,
                "CREATE INDEX CONCURRENTLY embeddings_by_graph ON embeddings USING hnsw "
                f"(vector vector_ip_ops) WITH (m = {int(connections)}, ef_construction = {int(breadth)})",
                (),
            )

    def close(self) -> None:
        """Give back connections."""
        self.connections.close()

    def _decoded(self, rows: Sequence[Sequence[Any]]) -> NDArray[np.float32]:
        vectors = [vector_from_bytes(id, value, dim=self._dim) for id, value, _ in rows]
        return np.array(vectors, dtype=np.float32).reshape(-1, self._dim)

    @contextmanager
    def _lent(self, first: str) -> Iterator[Connection]:
        """A connection after its `first` statement; one that the server has ended meanwhile is replaced."""
        import psycopg

        with self.connections.lent() as connection:
            try:
                connection.execute(first)
            except psycopg.OperationalError:
                connection.close()
                fresh = _open(self.address)
                try:
                    fresh.execute(first)
                    yield fresh
                finally:
                    fresh.close()
                return
            yield connection


class PostgresSession:
    """A `Session`."""

    def __init__(self, connection: Connection, address: Address, *, owner: str) -> None:
        self._connection = connection
        self._address = address
        self._shown = f"anaglyph: {owner}"[:60]

    def change(self, work: Callable[[Change], T]) -> T:
        """Do `work` in one transaction; again where two writers stood in each other's way."""
        from psycopg import errors

        with named_errors(self._address):
            for _ in range(_TRIES - 1):
                try:
                    return self._changed(work)
                except (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation):
                    continue
            return self._changed(work)

    def _changed(self, work: Callable[[Change], T]) -> T:
        with self._connection.transaction():
            change = PostgresChange(self._connection)
            change.run("SELECT set_config('application_name', ?, true)", (self._shown,))
            result = work(change)
            # Last, for it makes all other writers wait for the end of this transaction.
            change.run("UPDATE header SET generation = generation + 1 RETURNING generation", ())
            return result


class PostgresChange:
    """A `Change`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """One statement, and its rows."""
        return run_on(self._connection, sql, values)

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for many rows of values."""
        many_on(self._connection, sql, rows)

    def put_vectors(self, rows: Sequence[tuple[int, NDArray[np.float32]]]) -> None:
        """(id, (D,) vector) of items that have none."""
        # Two writers of the same new file: the later one replaces.
        self.many(
            "INSERT INTO embeddings (item, vector) VALUES (?, ?) "
            "ON CONFLICT (item) DO UPDATE SET vector = excluded.vector",
            [(id, Vector(vector)) for id, vector in rows],
        )


def _open(address: Address) -> Connection:
    connection = connect(address)
    try:
        teach_vectors(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_at_rest(connection: Connection) -> bool:
    """Whether it may be lent again; what its borrower left open is rolled back."""
    from psycopg import Error

    try:
        connection.rollback()
    except Error:
        return False
    return not connection.closed


def _slack(query: NDArray[np.float32], vectors: NDArray[np.float32]) -> float:
    """How far two float32 products may lie apart though their order is the other one.

    Holds for rows up to twice as long as the longest of `vectors`, and 2 at least; a space's are at most 1.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    return 4.0 * exact.rounding(query) * float(lengths.max(initial=1.0))


def _in_order(
    rows: Sequence[Sequence[Any]], vectors: NDArray[np.float32], query: NDArray[np.float32], *, limit: int
) -> list[tuple[int, float]]:
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    return exact.decided(ids, vectors, query, limit=limit)
