"""The nearest items of an index: exact, and by cells above 200,000 vectors where FAISS is installed."""

from __future__ import annotations

import importlib.util
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.search import exact
from anaglyph.search.approximate import Approximate, build
from anaglyph.search.cells import cells_file, read_cells, write_cells
from anaglyph.search.items import Filters
from anaglyph.search.store import InMemory, Store

log = logging.getLogger(__name__)
APPROXIMATE_FROM = 200_000
"""Vectors; exact search in one matrix takes some 25 ms there."""
REMEMBERED = 16
"""Filters whose ids are kept until the index changes."""
T = TypeVar("T")


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
        self._generation = -1
        self._rows: NDArray[np.float32] | None = None
        self._remembered: OrderedDict[object, object] = OrderedDict()
        self._said = False

    @property
    def recall(self) -> float:
        """Share of the 10 nearest that are found, as measured; 1 where search is exact."""
        return 1.0 if self._index is None else self._index.recall

    def nearest(
        self, vector: NDArray[np.float32], *, filters: Filters, limit: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Ids and dot products with (D,) `vector`, the largest first, ties by id; filters first."""
        with self._lock:
            self._refresh()
            index = self._index
        if index is None:
            return self.store.nearest(vector, filters=filters, limit=limit, offset=offset)
        allowed = None if _plain(filters) else self._allowed(filters)
        return index.nearest(vector, limit=limit, offset=offset, allowed=allowed)

    def nearest_of_many(
        self, vectors: NDArray[np.float32], *, filters: Filters, limit: int
    ) -> list[list[tuple[int, float]]]:
        """`nearest` for each of (Q, D) vectors; exact search reads its matrix once for all of them."""
        with self._lock:
            self._refresh()
            exact_search = self._index is None
        if exact_search and isinstance(self.store, InMemory):
            matrix, ids = self.store.searchable(filters)
            allowed = None if np.array_equal(ids, matrix.ids) else ids
            return exact.nearest_of_many(matrix, vectors, limit=limit, allowed=allowed)
        return [self.nearest(vector, filters=filters, limit=limit) for vector in vectors]

    def total(self, filters: Filters, *, without: Sequence[int] = ()) -> int:
        """Items with vectors that pass, but for some."""
        ids = self._allowed(filters)
        left_out = np.unique(np.array(without, dtype=np.int64))
        places = np.searchsorted(ids, left_out)
        inside = places < len(ids)
        return len(ids) - int((ids[places[inside]] == left_out[inside]).sum())

    def _allowed(self, filters: Filters) -> NDArray[np.int64]:
        return self._known(("ids", filters_key(filters)), lambda: self.store.ids(filters))

    def _known(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, made once for each state of the index."""
        generation = self.store.generation()
        with self._lock:
            kept = self._remembered.get(key)
            if isinstance(kept, tuple) and kept[0] == generation:
                self._remembered.move_to_end(key)
                found: T = kept[1]
                return found
        found = make()
        with self._lock:
            self._remembered[key] = (generation, found)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    def _refresh(self) -> None:
        """Bring the cells up to what the index holds now."""
        generation = self.store.generation()
        if generation == self._generation:
            return
        if not self._large():
            self._index, self._rows, self._generation = None, None, generation
            return
        ids, rows = self.store.vectors()
        if self._index is None or rows is not self._rows or not np.array_equal(ids, self._index.ids):
            self._index = self._built(ids, rows)
        self._rows, self._generation = rows, generation

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

    def _built(self, ids: NDArray[np.int64], rows: NDArray[np.float32]) -> Approximate | None:
        if not len(ids):
            return None
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
        return index


def _plain(filters: Filters) -> bool:
    return filters == Filters()


def filters_key(filters: Filters) -> object:
    """Equal for equal filters, and hashable."""
    return (
        filters.formats, filters.categories, filters.tags, filters.folder, filters.states, filters.problems,
        filters.watertight, filters.coloured, filters.textured, tuple(sorted(filters.ranges.items())),
        filters.name,
    )  # fmt: skip
