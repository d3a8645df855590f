"""All vectors of an index in one matrix, kept between queries and brought up to date by what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import IndexFormatError
from anaglyph.search.item_rows import damaged
from anaglyph.search.ranking import candidates, exact_scores, in_order, margin

_FEW = 8
"""Below one in so many rows, gathering them is faster than multiplying all."""


@dataclass(frozen=True, eq=False)
class VectorMatrix:
    """Vectors as of one generation. Never changed in place: another thread may be reading."""

    generation: int
    ids: NDArray[np.int64]
    """(N,) ascending. Removed items may still be here; whoever asks knows which ids pass."""
    rows: NDArray[np.float32]
    """(N, D)."""
    norm: float
    """Of the longest row."""

    @staticmethod
    def empty(dim: int) -> VectorMatrix:
        """As of generation -1, before everything."""
        return VectorMatrix(-1, np.zeros(0, np.int64), np.zeros((0, dim), np.float32), 0.0)

    def updated(self, generation: int, changed: Iterable[tuple[int, bytes]], count: int) -> VectorMatrix:
        """With `count` new and replaced vectors, as (id, little-endian float32).

        Raises:
            IndexFormatError: a vector that no writer of ours made.
        """
        dim = self.rows.shape[1]
        ids, rows = np.zeros(count, np.int64), np.zeros((count, dim), np.float32)
        filled = 0
        for filled, (id, blob) in enumerate(changed, start=1):
            if type(id) is not int or not isinstance(blob, bytes) or len(blob) != 4 * dim:
                raise damaged(id, "the vector", blob)
            ids[filled - 1], rows[filled - 1] = id, np.frombuffer(blob, "<f4")
        if filled != count:
            raise IndexFormatError(f"the index is damaged: {filled} vectors where {count} were counted.")
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("nd,nd->n", rows, rows)
        if not np.isfinite(squares).all():
            raise damaged(int(ids[~np.isfinite(squares)][0]), "the vector", "NaN or infinity")
        norm = max(self.norm, float(np.sqrt(squares.max(initial=0.0))))
        kept = ~np.isin(self.ids, ids)
        if kept.any():
            ids, rows = np.concatenate([self.ids[kept], ids]), np.concatenate([self.rows[kept], rows])
        order = np.argsort(ids)
        if (order != np.arange(len(order))).any():
            ids, rows = ids[order], rows[order]
        ids.flags.writeable = rows.flags.writeable = False
        return VectorMatrix(generation, ids, rows, norm)

    def of(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Of ascending ids those that are here, and their vectors; views, not copies, where that is all."""
        if len(ids) == len(self.ids) and (ids == self.ids).all():
            return self.ids, self.rows
        places = self._places(ids)
        return self.ids[places], self.rows[places]

    def nearest(
        self, query: NDArray[np.float32], *, ids: NDArray[np.int64], limit: int, offset: int
    ) -> list[tuple[int, float]]:
        """The largest dot products with (D,) `query` among ascending `ids`, ties by id."""
        places = self._places(ids)
        if not len(places) or not limit:
            return []
        if len(places) * _FEW < len(self.ids):
            scores = self.rows[places] @ query
        else:
            scores = (self.rows @ query)[places]
        error = margin(len(query), query_norm=float(np.linalg.norm(query)), row_norm=self.norm)
        chosen = places[candidates(scores, limit + offset, margin=error)]
        exact = exact_scores(self.rows[chosen], query)
        return in_order(self.ids[chosen], exact, limit=limit, offset=offset)

    def _places(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        places = np.searchsorted(self.ids, ids)
        inside = places < len(self.ids)
        places, ids = places[inside], ids[inside]
        return np.asarray(places[self.ids[places] == ids])
