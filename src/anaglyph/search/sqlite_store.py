"""The embedded store: a `SqlStore` whose vectors lie in memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.search.exact import Matrix
from anaglyph.search.filter_sql import condition
from anaglyph.search.items import Filters
from anaglyph.search.sql_store import SqlStore
from anaglyph.search.sqlite_engine import SqliteEngine
from anaglyph.search.store import Header


class SqliteStore(SqlStore):
    """An open index in a folder; a `Store`, `InMemory` and `Replaceable`.

    Args:
        folder: of the index.
        header: what its file says.
        connection: to its file, checked; closed with the store.
    """

    def __init__(self, folder: Path, header: Header, connection: sqlite3.Connection) -> None:
        self._sqlite = SqliteEngine(folder, connection, dim=header.dim)
        super().__init__(self._sqlite, header)

    def searchable(self, filters: Filters) -> tuple[Matrix, NDArray[np.int64]]:
        """All vectors, in memory, and the ids among them that pass."""
        where = condition(filters, self._sqlite.dialect)
        with self._sqlite.reading() as run:
            return self._sqlite.current(run).matrix, self.passing(run, where)

    def changed(self, since: int) -> NDArray[np.int64]:
        """Ids, ascending, whose vectors came or were replaced after a generation."""
        with self._sqlite.reading() as run:
            rows = run("SELECT item FROM embeddings WHERE generation > ? ORDER BY item", (since,))
            return np.fromiter((id for (id,) in rows), np.int64, count=len(rows))

    def replaced(self) -> bool:
        """Whether another index, or none, lies in the folder by now; this one is read as it was."""
        return self._sqlite.replaced()
