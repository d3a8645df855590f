"""The nearest items of an index: exact; by cells above 200,000 vectors in a folder, where FAISS is installed;
by a database's graph, where one was built.

Few filters leave so many items that being nearly right helps, so the graph is asked for pages of all items.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.search import exact
from anaglyph.search.approximate import Approximate, ReadVectors, build
from anaglyph.search.cells import Cells, cells_file, marks, read_cells, write_cells
from anaglyph.search.items import Filters
from anaglyph.search.store import Graph, Graphed, InMemory, Store

log = logging.getLogger(__name__)
APPROXIMATE_FROM = 200_000
"""Vectors; exact search in one matrix takes some 25 ms there."""
Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


class Finder:
    """Searches a store; safe to share between threads.

    Args:
        store: open, and closed by whoever opened it.
        cache: folder for what can be made again; None keeps nothing.
        approximate_from: vectors from which FAISS searches.
    """

    def __init__(
        self, store: Store, *, cache: Path | None = None, approximate_from: int = APPROXIMATE_FROM
    ) -> None:
        self.store = store
        self.cache = cache
        self.approximate_from = approximate_from
        self._lock = RLock()
        self._index: Approximate | None = None
        self._cells: Cells | None = None
        self._graph: Graph | None = None
        self._generation = -1
        self._rows: Vectors | None = None
        self._said = False

    @property
    def recall(self) -> float:
        """Share of the 10 nearest that are found, as measured; 1 where search is exact."""
        known = self._index or self._graph
        return 1.0 if known is None else known.recall

    def nearest(
        self, vector: NDArray[np.float32], *, filters: Filters, limit: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Ids and dot products with (D,) `vector`, the largest first, ties by id; filters first."""
        with self._lock:
            self._refresh()
            index, graph = self._index, self._graph
        if index is not None:
            allowed = None if _plain(filters) else self.store.ids(filters)
            return index.nearest(vector, limit=limit, offset=offset, allowed=allowed)
        wanted = offset + limit
        if isinstance(self.store, Graphed) and graph and _plain(filters) and wanted <= graph.breadth:
            found = self.store.nearest_by_graph(vector, filters=filters, limit=wanted, breadth=graph.breadth)
            if len(found) == wanted:  # fewer where many candidates are deleted by now
                return found[offset:]
        return self.store.nearest(vector, filters=filters, limit=limit, offset=offset)

    def nearest_of_many(
        self, vectors: NDArray[np.float32], *, filters: Filters, limit: int
    ) -> list[list[tuple[int, float]]]:
        """`nearest` for each of (Q, D) vectors; exact search reads its matrix once for all of them."""
        with self._lock:
            self._refresh()
            index = self._index
        if index is None and isinstance(self.store, InMemory):
            matrix, ids = self.store.searchable(filters)
            return exact.nearest_of_many(matrix, vectors, limit=limit, allowed=ids)
        if index is not None and _plain(filters):
            return index.nearest_of_many(vectors, limit=limit)
        return [self.nearest(vector, filters=filters, limit=limit) for vector in vectors]

    def total(self, filters: Filters, *, without: Sequence[int] = ()) -> int:
        """Items with vectors that pass, but for some."""
        ids = self.store.ids(filters)
        left_out = np.unique(np.array(without, dtype=np.int64))
        places = np.searchsorted(ids, left_out)
        inside = places < len(ids)
        return len(ids) - int((ids[places[inside]] == left_out[inside]).sum())

    def _refresh(self) -> None:
        """Bring the cells up to what the index holds now; most changes, such as tags, are none of vectors."""
        generation = self.store.generation()
        if generation == self._generation:
            return
        if isinstance(self.store, Graphed):
            self._graph = self.store.graph()
        elif not self._large():
            self._index, self._cells, self._rows = None, None, None
        else:
            ids, rows = self.store.vectors()
            if self._index is None or self._cells is None or not self._holds(ids, rows):
                self._index, self._cells = self._built(ids, rows)
            elif rows is not self._rows:
                self._index = replace(self._index, read=_reader(ids, rows))
            self._rows = rows
        self._generation = generation

    def _holds(self, ids: Ids, rows: Vectors) -> bool:
        """Whether the cells are those of these vectors."""
        if self._cells is None or not np.array_equal(ids, self._cells.ids):
            return False
        return rows is self._rows or np.array_equal(marks(rows), self._cells.marks)

    def _large(self) -> bool:
        if self.store.count(Filters()) < self.approximate_from:
            return False
        if importlib.util.find_spec("faiss") is not None:
            return True
        if not self._said:
            log.warning(
                "the index has %d vectors or more and FAISS is not installed: search is exact and slower. "
                "pip install 'anaglyph[faiss]'", self.approximate_from,
            )  # fmt: skip
            self._said = True
        return False

    def _built(self, ids: Ids, rows: Vectors) -> tuple[Approximate | None, Cells | None]:
        if not len(ids):
            return None, None
        header = self.store.header
        path = None if self.cache is None else cells_file(self.cache, header.fingerprint)
        known = None if path is None else read_cells(path, dim=header.dim)
        index, cells = build(ids, _reader(ids, rows), dim=header.dim, known=known)
        if path is not None and (
            known is None
            or not np.array_equal(known.ids, cells.ids)
            or not np.array_equal(known.marks, cells.marks)
        ):
            try:
                write_cells(path, cells)
            except (OSError, DataError) as error:  # a read-only index is searched all the same
                log.warning("the cells are made again next time: %s", error)
        return index, cells


def _reader(ids: Ids, rows: Vectors) -> ReadVectors:
    return lambda some: rows[np.searchsorted(ids, some)]


def _plain(filters: Filters) -> bool:
    return filters == Filters()


def filters_key(filters: Filters) -> object:
    """Equal for equal filters, and hashable."""
    return (
        filters.formats, filters.categories, filters.tags, filters.folder, filters.states, filters.problems,
        filters.watertight, filters.coloured, filters.textured, tuple(sorted(filters.ranges.items())),
        filters.name,
    )  # fmt: skip
