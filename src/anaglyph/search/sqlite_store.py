"""An index in one SQLite file in WAL mode: one writer, any number of readers, nothing to install.

Readers take a connection out of a pool, so that threads do not wait for one another, and read a group of
statements in one transaction: they see one committed state. WAL needs a local disk, not a network drive.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.search import exact, sql_reading
from anaglyph.search.filter_sql import SQLITE, condition
from anaglyph.search.items import Entry, Filters, Item, Problem
from anaglyph.search.pages import checked_page, checked_query
from anaglyph.search.sql_reading import Run
from anaglyph.search.sqlite_file import DATABASE, connect, named_errors
from anaglyph.search.sqlite_writer import SqliteWriter
from anaglyph.search.store import Header, Known
from anaglyph.search.vector_matrix import VectorMatrix
from anaglyph.search.writer_lock import writer_lock

T = TypeVar("T")
_REMEMBERED = 64
"""Answers about filters that are kept while nothing changes."""
_IDLE = 8
"""Connections kept open for the next reader."""


class SqliteStore:
    """An open index; a `Store`. Made by `open_sqlite_store`; may be used by several threads.

    A forked process opens the index anew (ValueError).

    Args:
        folder: of the index.
        header: what its file says.
        connection: to its file, checked; closed with the store.
    """

    def __init__(self, folder: Path, header: Header, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._header = header
        self._idle = [connection]
        self._lock = threading.Lock()
        self._refresh = threading.Lock()
        self._matrix = VectorMatrix.empty(header.dim)
        self._answers: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._closed = False
        self._process = os.getpid()

    @property
    def header(self) -> Header:
        """What it is made of."""
        return self._header

    def generation(self) -> int:
        """Grows with each commit that changes what can be found."""
        with self._reading() as run:
            return _generation(run)

    @contextmanager
    def writer(self, *, owner: str) -> Iterator[SqliteWriter]:
        """The right to write; IndexFormatError while another one has it."""
        with writer_lock(self.folder, owner=owner), self._connection() as connection:
            yield SqliteWriter(connection, self.folder, dim=self._header.dim)

    def notes(self) -> dict[str, str]:
        """Facts about the whole index."""
        with self._reading() as run:
            return sql_reading.read_notes(run)

    def known(self, root: str) -> dict[str, Known]:
        """Path -> what is known of it, for every file of a root that is not deleted."""
        with self._reading() as run:
            return sql_reading.read_known(run, root)

    def item(self, id: int) -> Item:
        """One item; DataError if there is none."""
        with self._reading() as run:
            return sql_reading.read_item(run, id)

    def items(self, ids: Iterable[int]) -> list[Item]:
        """Those that exist, in this order."""
        with self._reading() as run:
            return sql_reading.read_items(run, ids)

    def select(self, filters: Filters, *, limit: int, offset: int = 0) -> list[Item]:
        """Items that pass, by path."""
        checked_page(limit, offset)
        with self._reading() as run:
            ids = sql_reading.select_ids(run, filters, SQLITE, limit=limit, offset=offset)
            return sql_reading.read_items(run, ids)

    def count(self, filters: Filters) -> int:
        """How many pass."""
        where = condition(filters, SQLITE)
        with self._reading() as run:
            return self._remembered(run, ("count", where), lambda: sql_reading.count_items(run, where))

    def facet_counts(self, filters: Filters) -> dict[str, dict[str, int]]:
        """Facet -> value -> items, each under all filters but its own."""
        where = condition(filters, SQLITE)
        with self._reading() as run:
            counts = self._remembered(
                run, ("facets", where), lambda: sql_reading.count_facets(run, filters, SQLITE)
            )
        return {facet: dict(values) for facet, values in counts.items()}

    def ids(self, filters: Filters) -> NDArray[np.int64]:
        """Ids that pass and have vectors, ascending."""
        with self._reading() as run:
            return self._passing(run, filters)

    def vectors(self, ids: NDArray[np.int64] | None = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids, ascending, and their (N, D) vectors, read-only; of all that can be found by default."""
        with self._reading() as run:
            matrix = self._current_matrix(run)
            wanted = self._passing(run, Filters()) if ids is None else self._stored(run, np.unique(ids))
        return matrix.of(wanted)

    def views(self, ids: Sequence[int]) -> dict[int, NDArray[np.float16]]:
        """(V, D) of each that has pictures."""
        with self._reading() as run:
            return sql_reading.read_views(run, ids, dim=self._header.dim)

    def nearest(
        self, vector: NDArray[np.float32], *, filters: Filters, limit: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Ids and dot products, the largest first, ties by id: exact, filters first."""
        query = checked_query(vector, dim=self._header.dim, limit=limit, offset=offset)
        with self._reading() as run:
            vectors, ids = self._current_matrix(run), self._passing(run, filters)
        return exact.nearest(vectors.matrix, query, limit=limit, offset=offset, allowed=ids)

    def searchable(self, filters: Filters) -> tuple[exact.Matrix, NDArray[np.int64]]:
        """All vectors, in memory, and the ids among them that pass."""
        with self._reading() as run:
            return self._current_matrix(run).matrix, self._passing(run, filters)

    def thumbnail(self, id: int) -> bytes | None:
        """PNG."""
        with self._reading() as run:
            return sql_reading.read_thumbnails(run, [id]).get(id)

    def problems(self, *, limit: int, offset: int = 0) -> list[tuple[Item, Problem]]:
        """Findings about files that are there, the most serious first, then by path."""
        checked_page(limit, offset)
        with self._reading() as run:
            return sql_reading.read_problems(run, SQLITE, limit=limit, offset=offset)

    def every(self) -> Iterator[Entry]:
        """All that is stored, by root and path."""
        with self._reading() as run:
            ids = [id for (id,) in run("SELECT id FROM items ORDER BY root, path", ())]
            for begin in range(0, len(ids), sql_reading.CHUNK):
                chunk = ids[begin : begin + sql_reading.CHUNK]
                some = VectorMatrix.empty(self._header.dim).updated(0, *_vectors_of(run, chunk)).matrix
                vectors = dict(zip(some.ids.tolist(), some.vectors, strict=True))
                views = sql_reading.read_views(run, chunk, dim=self._header.dim)
                thumbnails = sql_reading.read_thumbnails(run, chunk)
                for item in sql_reading.read_items(run, chunk):
                    yield Entry(
                        item=item,
                        vector=vectors.get(item.id),
                        views=views.get(item.id),
                        thumbnail=thumbnails.get(item.id),
                    )

    def close(self) -> None:
        """Give back the file."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise ValueError(f"the index '{self.folder}' is closed")
            if self._process != os.getpid():
                raise ValueError("an open index does not survive a fork; open it again in the new process")
            connection = self._idle.pop() if self._idle else None
        with named_errors(self.folder):
            connection = connection or connect(self.folder / DATABASE)
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                with self._lock:
                    keep = not self._closed and len(self._idle) < _IDLE
                    if keep:
                        self._idle.append(connection)
                if not keep:
                    connection.close()

    @contextmanager
    def _reading(self) -> Iterator[Run]:
        """One read transaction."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield lambda sql, values: connection.execute(sql, values).fetchall()

    def _current_matrix(self, run: Run) -> VectorMatrix:
        """All vectors as of this transaction, or a little newer: its ids say which of them count."""
        with self._refresh:
            now = _generation(run)
            if self._matrix.generation < now:
                since = self._matrix.generation
                ((count,),) = run("SELECT COUNT(*) FROM embeddings WHERE generation > ?", (since,))
                changed = run(
                    "SELECT item, vector FROM embeddings WHERE generation > ? ORDER BY item", (since,)
                )
                self._matrix = self._matrix.updated(now, changed, count)
            return self._matrix

    def _passing(self, run: Run, filters: Filters) -> NDArray[np.int64]:
        where = condition(filters, SQLITE)
        return self._remembered(run, ("ids", where), lambda: sql_reading.searchable_ids(run, where))

    def _stored(self, run: Run, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the ids that have vectors, whatever their state."""
        return np.asarray(sorted(sql_reading.with_vectors(run, ids.tolist())), dtype=np.int64)

    def _remembered(self, run: Run, key: tuple[object, ...], answer: Callable[[], T]) -> T:
        """An answer that holds for this generation, computed once."""
        key = (*key, _generation(run))
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]  # type: ignore[no-any-return]
        value = answer()
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        with self._lock:
            self._answers[key] = value
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return value


def _generation(run: Run) -> int:
    ((generation,),) = run("SELECT generation FROM header", ())
    return int(generation)


def _vectors_of(run: Run, ids: Sequence[int]) -> tuple[list[tuple[int, bytes]], int]:
    some = ", ".join("?" * len(ids))
    rows = run(f"SELECT item, vector FROM embeddings WHERE item IN ({some}) ORDER BY item", ids)
    return rows, len(rows)
