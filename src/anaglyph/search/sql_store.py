"""A store over a database that speaks SQL; what differs between databases is its `Engine`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anaglyph.search import sql_reading
from anaglyph.search.answers import Answers
from anaglyph.search.filter_sql import Condition, Dialect, condition
from anaglyph.search.items import Entry, Filters, Item, Problem
from anaglyph.search.pages import checked_page, checked_query
from anaglyph.search.sql_reading import Run
from anaglyph.search.sql_writer import Session, SqlWriter
from anaglyph.search.store import Header, Known


class Engine(Protocol):
    """One database: its connections, and its vectors."""

    @property
    def dialect(self) -> Dialect:
        """Its SQL."""

    def reading(self) -> AbstractContextManager[Run]:
        """A read transaction: all that runs in it sees one committed state."""

    def writing(self, *, owner: str) -> AbstractContextManager[Session]:
        """The right to write."""

    def vectors(self, run: Run, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Of ascending ids those that have a vector, and their (N, D) vectors, read-only."""

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
        """Ids and dot products with (D,) `query`, the largest first, ties by id, of items `where` holds for.

        `passing` gives their ids, ascending.
        """

    def close(self) -> None:
        """Give back connections."""


class SqlStore:
    """An open index; a `Store`. May be used by several threads; a forked process opens the index anew.

    Args:
        engine: the database; closed with the store.
        header: what it says of itself.
    """

    def __init__(self, engine: Engine, header: Header) -> None:
        self._engine = engine
        self._header = header
        self._answers = Answers()

    @property
    def header(self) -> Header:
        """What it is made of."""
        return self._header

    def generation(self) -> int:
        """Grows with each commit that changes what can be found."""
        with self._engine.reading() as run:
            return sql_reading.read_generation(run)

    @contextmanager
    def writer(self, *, owner: str) -> Iterator[SqlWriter]:
        """The right to write; IndexFormatError while another one has it, where there can be only one."""
        with self._engine.writing(owner=owner) as session:
            yield SqlWriter(session, dim=self._header.dim)

    def notes(self) -> dict[str, str]:
        """Facts about the whole index."""
        with self._engine.reading() as run:
            return sql_reading.read_notes(run)

    def known(self, root: str) -> dict[str, Known]:
        """Path -> what is known of it, for every file of a root that is not deleted."""
        with self._engine.reading() as run:
            return sql_reading.read_known(run, root)

    def deleted(self, root: str) -> dict[str, Known]:
        """Path -> what is known of it, for every file of a root that is gone and not purged."""
        with self._engine.reading() as run:
            return sql_reading.read_known(run, root, deleted=True)

    def item(self, id: int) -> Item:
        """One item; DataError if there is none."""
        with self._engine.reading() as run:
            return sql_reading.read_item(run, id)

    def items(self, ids: Iterable[int]) -> list[Item]:
        """Those that exist, in this order."""
        with self._engine.reading() as run:
            return sql_reading.read_items(run, ids)

    def select(self, filters: Filters, *, limit: int, offset: int = 0) -> list[Item]:
        """Items that pass, by path."""
        checked_page(limit, offset)
        where = condition(filters, self._engine.dialect)
        with self._engine.reading() as run:
            ids = sql_reading.select_ids(run, where, self._engine.dialect, limit=limit, offset=offset)
            return sql_reading.read_items(run, ids)

    def count(self, filters: Filters) -> int:
        """How many pass."""
        where = condition(filters, self._engine.dialect)
        with self._engine.reading() as run:
            now = sql_reading.read_generation(run)
            return self._answers.get(now, ("count", where), lambda: sql_reading.count_items(run, where))

    def facet_counts(self, filters: Filters) -> dict[str, dict[str, int]]:
        """Facet -> value -> items, each under all filters but its own."""
        dialect = self._engine.dialect
        where = condition(filters, dialect)
        with self._engine.reading() as run:
            now = sql_reading.read_generation(run)
            counts = self._answers.get(
                now, ("facets", where), lambda: sql_reading.count_facets(run, filters, dialect)
            )
        return {facet: dict(values) for facet, values in counts.items()}

    def ids(self, filters: Filters) -> NDArray[np.int64]:
        """Ids that pass and have vectors, ascending, read-only."""
        with self._engine.reading() as run:
            return self.passing(run, condition(filters, self._engine.dialect))

    def vectors(self, ids: NDArray[np.int64] | None = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids, ascending, and their (N, D) vectors, read-only; of all that can be found by default."""
        with self._engine.reading() as run:
            if ids is None:
                wanted = self.passing(run, condition(Filters(), self._engine.dialect))
            else:
                wanted = np.unique(np.asarray(ids, dtype=np.int64))
            return self._engine.vectors(run, wanted)

    def views(self, ids: Sequence[int]) -> dict[int, NDArray[np.float16]]:
        """(V, D) of each that has pictures."""
        with self._engine.reading() as run:
            return sql_reading.read_views(run, ids, dim=self._header.dim)

    def nearest(
        self, vector: NDArray[np.float32], *, filters: Filters, limit: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Ids and dot products, the largest first, ties by id: exact, filters first."""
        query = checked_query(vector, dim=self._header.dim, limit=limit, offset=offset)
        where = condition(filters, self._engine.dialect)
        with self._engine.reading() as run:
            return self._engine.nearest(
                run,
                query,
                where=where,
                passing=lambda: self.passing(run, where),
                limit=limit,
                offset=offset,
            )

    def thumbnail(self, id: int) -> bytes | None:
        """PNG."""
        with self._engine.reading() as run:
            return sql_reading.read_thumbnails(run, [id]).get(id)

    def problems(self, *, limit: int, offset: int = 0) -> list[tuple[Item, Problem]]:
        """Findings about files that are there, the most serious first, then by path."""
        checked_page(limit, offset)
        with self._engine.reading() as run:
            return sql_reading.read_problems(run, self._engine.dialect, limit=limit, offset=offset)

    def every(self) -> Iterator[Entry]:
        """All that is stored, by root and path."""
        dim = self._header.dim
        with self._engine.reading() as run:
            for chunk in sql_reading.all_ids(run, self._engine.dialect):
                ids, rows = self._engine.vectors(run, np.unique(np.array(chunk, dtype=np.int64)))
                vectors = dict(zip(ids.tolist(), rows, strict=True))
                views = sql_reading.read_views(run, chunk, dim=dim)
                thumbnails = sql_reading.read_thumbnails(run, chunk)
                for item in sql_reading.read_items(run, chunk):
                    yield Entry(
                        item=item,
                        vector=vectors.get(item.id),
                        views=views.get(item.id),
                        thumbnail=thumbnails.get(item.id),
                    )

    def close(self) -> None:
        """Give back files and connections."""
        self._engine.close()

    def passing(self, run: Run, where: Condition) -> NDArray[np.int64]:
        """Ids with vectors that `where` holds for, ascending, read-only."""
        now = sql_reading.read_generation(run)
        return self._answers.get(now, ("ids", where), lambda: sql_reading.searchable_ids(run, where))
