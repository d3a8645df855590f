"""Cells that lag behind their index: what came since they were filled is searched exactly beside them.

So an index that is being written is searched without waiting for new cells after every batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.search import exact
from anaglyph.search.approximate import Approximate
from anaglyph.search.exact import Matrix

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Grown:
    """Cells, and what has become of the index since."""

    cells: Approximate
    generation: int
    """Of the index, when they were filled."""
    fresh: Matrix
    """Vectors that came or were replaced since."""

    def nearest(
        self, query: Vectors, *, limit: int, offset: int, passing: Ids, every: bool
    ) -> list[tuple[int, float]]:
        """Ids and dot products with (D,) `query`, the largest first, ties by id.

        Args:
            query: finite numbers.
            limit: results at most.
            offset: results to skip first.
            passing: ids that may be found, ascending.
            every: whether those are all that can be found.
        """
        wanted = min(offset + limit, len(passing))
        if not wanted:
            return []
        old = self._old(query, wanted, passing) if every else self._filtered(query, wanted, passing)
        if not len(self.fresh):
            return old[offset:]
        new = exact.nearest(self.fresh, query, limit=wanted, allowed=passing)
        return sorted([*old, *new], key=lambda pair: (-pair[1], pair[0]))[offset:wanted]

    def behind(self, passing: Ids) -> int:
        """Items that the cells lack, hold with another vector, or hold although they can be found no more."""
        return len(self.fresh) + len(np.setdiff1d(self.cells.ids, passing, assume_unique=True))

    def _old(self, query: Vectors, wanted: int, passing: Ids) -> list[tuple[int, float]]:
        """Of the cells: few of them count no more, so asking for some more is cheaper than a filter."""
        asked = wanted
        while True:
            found = self.cells.nearest(query, limit=asked)
            ids = np.array([id for id, _ in found], dtype=np.int64)
            counts = _among(ids, passing) & ~_among(ids, self.fresh.ids)
            there = [pair for pair, one in zip(found, counts, strict=True) if one]
            if len(there) >= wanted or len(found) < asked:
                return there[:wanted]
            asked *= 4

    def _filtered(self, query: Vectors, wanted: int, passing: Ids) -> list[tuple[int, float]]:
        if len(self.fresh):
            passing = np.setdiff1d(passing, self.fresh.ids, assume_unique=True)
        return self.cells.nearest(query, limit=wanted, allowed=passing)


def _among(ids: Ids, known: Ids) -> NDArray[np.bool_]:
    """Which of `ids` are in the ascending `known`."""
    if not len(known):
        return np.zeros(len(ids), dtype=bool)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    found: NDArray[np.bool_] = known[place] == ids
    return found
