"""An index in one SQLite file in WAL mode: one writer, any number of readers, nothing to install.

All vectors are kept in one matrix in memory, brought up to date by what changed since the last query. WAL
needs a local disk, not a network drive.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import IndexFormatError
from anaglyph.search import exact
from anaglyph.search.connections import Connections
from anaglyph.search.filter_sql import SQLITE, Condition, marks
from anaglyph.search.sql_reading import CHUNK, Run, read_generation
from anaglyph.search.sql_writer import Change
from anaglyph.search.sqlite_file import DATABASE, connect, named_errors
from anaglyph.search.vector_matrix import VectorMatrix
from anaglyph.search.writer_lock import writer_lock

T = TypeVar("T")


class SqliteEngine:
    """An `Engine`; made by `sqlite_open`.

    Args:
        folder: of the index.
        connection: to its file, checked.
        dim: D.
    """

    dialect = SQLITE

    def __init__(self, folder: Path, connection: sqlite3.Connection, *, dim: int) -> None:
        self.folder = folder
        self._identity = _identity(folder)
        self.connections = Connections(
            connection, connect=self._connect, usable=_is_at_rest, place=str(folder)
        )
        self._refresh = threading.Lock()
        self._vectors = VectorMatrix.empty(dim)

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """A read transaction."""
        with named_errors(self.folder), self.connections.lent() as connection:
            connection.execute("BEGIN")
            yield lambda sql, values: connection.execute(sql, values).fetchall()

    @contextmanager
    def writing(self, *, owner: str) -> Iterator[SqliteSession]:
        """The right to write; IndexFormatError while another one has it."""
        with writer_lock(self.folder, owner=owner), self.connections.lent() as connection:
            self._require_same()
            yield SqliteSession(connection, self.folder)

    def vectors(self, run: Run, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Of ascending ids those that have a vector, and their (N, D) vectors, read-only."""
        if len(ids) <= CHUNK:
            rows = run(
                f"SELECT item, vector FROM embeddings WHERE item IN ({marks(len(ids))}) ORDER BY item",
                ids.tolist(),
            )
            dim = self._vectors.matrix.vectors.shape[1]
            few = VectorMatrix.empty(dim).updated(0, rows, len(rows)).matrix
            return few.ids, few.vectors
        current = self.current(run)
        there = run("SELECT item FROM embeddings ORDER BY item", ())
        stored = np.fromiter((id for (id,) in there), np.int64, count=len(there))
        return current.of(np.intersect1d(ids, stored, assume_unique=True))

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
        matrix = self.current(run).matrix
        return exact.nearest(matrix, query, limit=limit, offset=offset, allowed=passing())

    def close(self) -> None:
        """Give back the file."""
        self.connections.close()

    def replaced(self) -> bool:
        """Whether another index, or none, lies in the folder by now, as after a rebuild."""
        return _identity(self.folder) != self._identity

    def _connect(self) -> sqlite3.Connection:
        with named_errors(self.folder):
            connection = connect(self.folder / DATABASE)
        try:
            self._require_same()
        except BaseException:
            connection.close()
            raise
        return connection

    def _require_same(self) -> None:
        """A second connection must see what the first one does; what is written must not be lost."""
        if self.replaced():
            raise IndexFormatError(
                f"the index '{self.folder}' was replaced by another one since it was opened; open it again."
            )

    def current(self, run: Run) -> VectorMatrix:
        """All vectors as of this transaction, or a little newer: the ids that pass say which count."""
        with self._refresh:
            now, since = read_generation(run), self._vectors.generation
            if since < now:
                ((count,),) = run("SELECT COUNT(*) FROM embeddings WHERE generation > ?", (since,))
                self._vectors = self._vectors.updated(now, _changed(run, since), count)
            return self._vectors


class SqliteSession:
    """A `Session`, under the lock of its engine."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder

    def change(self, work: Callable[[Change], T]) -> T:
        """Do `work` in one transaction."""
        connection = self._connection
        with named_errors(self._folder):
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(SqliteChange(connection))
                connection.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled back already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result


class SqliteChange:
    """A `Change`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        ((self._generation,),) = self.run(
            "UPDATE header SET generation = generation + 1 RETURNING generation", ()
        )

    def run(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """One statement, and its rows."""
        return self._connection.execute(sql, values).fetchall()

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for many rows of values."""
        self._connection.executemany(sql, rows)

    def put_vectors(self, rows: Sequence[tuple[int, NDArray[np.float32]]]) -> None:
        """(id, (D,) vector) of items that have none."""
        self.many(
            "INSERT INTO embeddings (item, generation, vector) VALUES (?, ?, ?)",
            [(id, self._generation, vector.tobytes()) for id, vector in rows],
        )


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells one file from another that has its name; None without a file."""
    try:
        facts = (folder / DATABASE).stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _changed(run: Run, since: int) -> Iterator[tuple[int, bytes]]:
    """(id, vector) of all that are newer than a generation; by and by where that is everything."""
    if since >= 0:
        yield from run("SELECT item, vector FROM embeddings WHERE generation > ? ORDER BY item", (since,))
        return
    last, some = -1, [(0, b"")]
    while some:
        some = run("SELECT item, vector FROM embeddings WHERE item > ? ORDER BY item LIMIT 4096", (last,))
        yield from some
        last = some[-1][0] if some else last


def _is_at_rest(connection: sqlite3.Connection) -> bool:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    return True
