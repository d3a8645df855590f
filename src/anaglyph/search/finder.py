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
from anaglyph.search.approximate import build
from anaglyph.search.cells import cells_file, read_cells, write_cells
from anaglyph.search.exact import Matrix
from anaglyph.search.grown import Grown
from anaglyph.search.items import Filters
from anaglyph.search.store import Graph, Graphed, InMemory, Store

log = logging.getLogger(__name__)
APPROXIMATE_FROM = 200_000
"""Vectors; exact search in one matrix takes some 25 ms there."""
BEHIND = 0.05
"""Share of the items that may have come, changed or gone before the cells are made anew."""
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
        self._grown: Grown | None = None
        self._graph: Graph | None = None
        self._generation = -1
        self._said = False

    @property
    def recall(self) -> float:
        """Share of the 10 nearest that are found, as measured; 1 where search is exact."""
        grown, graph = self._grown, self._graph
        if grown is not None:
            return grown.cells.recall
        return 1.0 if graph is None else graph.recall

    def nearest(
        self, vector: NDArray[np.float32], *, filters: Filters, limit: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Ids and dot products with (D,) `vector`, the largest first, ties by id; filters first."""
        with self._lock:
            self._refresh()
            grown, graph = self._grown, self._graph
        if grown is not None:
            return grown.nearest(
                vector, limit=limit, offset=offset, passing=self.store.ids(filters), every=_plain(filters)
            )
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
            grown = self._grown
        if grown is None and isinstance(self.store, InMemory):
            matrix, ids = self.store.searchable(filters)
            return exact.nearest_of_many(matrix, vectors, limit=limit, allowed=ids)
        if grown is not None and _plain(filters) and not grown.behind(self.store.ids(filters)):
            return grown.cells.nearest_of_many(vectors, limit=limit)
        return [self.nearest(vector, filters=filters, limit=limit) for vector in vectors]

    def total(self, filters: Filters, *, without: Sequence[int] = ()) -> int:
        """Items with vectors that pass, but for some."""
        ids = self.store.ids(filters)
        left_out = np.unique(np.array(without, dtype=np.int64))
        places = np.searchsorted(ids, left_out)
        inside = places < len(ids)
        return len(ids) - int((ids[places[inside]] == left_out[inside]).sum())

    def _refresh(self) -> None:
        """See what has become of the index, and make new cells where they are too far behind."""
        generation = self.store.generation()
        if generation == self._generation:
            return
        if isinstance(self.store, Graphed):
            self._graph = self.store.graph()
        elif isinstance(self.store, InMemory) and self._large():
            self._grown = self._kept(self.store) or self._built(*self.store.vectors(), generation)
        else:
            self._grown = None
        self._generation = generation

    def _kept(self, store: InMemory) -> Grown | None:
        """The cells that are there, beside what came since; None where that is too much or there are none."""
        if self._grown is None:
            return None
        changed = store.changed(self._grown.generation)
        kept = replace(self._grown, fresh=Matrix(*self.store.vectors(changed)))
        return kept if kept.behind(self.store.ids(Filters())) <= BEHIND * len(kept.cells.ids) else None

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

    def _built(self, ids: Ids, rows: Vectors, generation: int) -> Grown:
        header = self.store.header
        path = None if self.cache is None else cells_file(self.cache, header.fingerprint)
        known = None if path is None else read_cells(path, dim=header.dim)
        index, cells = build(ids, lambda some: rows[np.searchsorted(ids, some)], dim=header.dim, known=known)
        if path is not None and (
            known is None
            or not np.array_equal(known.ids, cells.ids)
            or not np.array_equal(known.marks, cells.marks)
        ):
            try:
                write_cells(path, cells)
            except (OSError, DataError) as error:  # a read-only index is searched all the same
                log.warning("the cells are made again next time: %s", error)
        return Grown(index, generation, Matrix(ids[:0], rows[:0]))


def _plain(filters: Filters) -> bool:
    return filters == Filters()


def filters_key(filters: Filters) -> object:
    """Equal for equal filters, and hashable."""
    return (
        filters.formats, filters.categories, filters.tags, filters.folder, filters.states, filters.problems,
        filters.watertight, filters.coloured, filters.textured, tuple(sorted(filters.ranges.items())),
        filters.name,
    )  # fmt: skip
