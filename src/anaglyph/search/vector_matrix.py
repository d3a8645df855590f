"""All vectors of an index in one matrix, kept between queries and brought up to date by what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import IndexFormatError
from anaglyph.search.exact import Matrix
from anaglyph.search.item_rows import damaged


@dataclass(frozen=True, eq=False)
class VectorMatrix:
    """Vectors as of one generation. Never changed in place: another thread may be reading."""

    generation: int
    matrix: Matrix
    """Removed items may still be in it; whoever asks knows which ids pass."""

    @staticmethod
    def empty(dim: int) -> VectorMatrix:
        """As of generation -1, before everything."""
        return VectorMatrix(-1, Matrix(np.zeros(0, np.int64), np.zeros((0, dim), np.float32)))

    def updated(self, generation: int, changed: Iterable[tuple[int, bytes]], count: int) -> VectorMatrix:
        """With `count` new and replaced vectors, as (id, little-endian float32).

        Raises:
            IndexFormatError: a vector that no writer of ours made.
        """
        before = self.matrix
        if not count:
            return VectorMatrix(generation, before)
        ids, rows = _decoded(changed, count, dim=before.vectors.shape[1])
        kept = ~np.isin(before.ids, ids)
        if kept.any():
            ids = np.concatenate([before.ids[kept], ids])
            rows = np.concatenate([before.vectors[kept], rows])
        if (ids[1:] < ids[:-1]).any():
            order = np.argsort(ids)
            ids, rows = ids[order], rows[order]
        ids.flags.writeable = rows.flags.writeable = False
        return VectorMatrix(generation, Matrix(ids, rows))

    def of(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Of ascending ids those that are here, and their vectors; no copies where that is all."""
        if np.array_equal(ids, self.matrix.ids):
            return self.matrix.ids, self.matrix.vectors
        places = self.matrix.rows_of(ids)
        return self.matrix.ids[places], self.matrix.vectors[places]


def _decoded(
    changed: Iterable[tuple[int, bytes]], count: int, *, dim: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    ids, rows = np.zeros(count, np.int64), np.zeros((count, dim), np.float32)
    filled = 0
    for filled, (id, blob) in enumerate(changed, start=1):
        if type(id) is not int or not isinstance(blob, bytes) or len(blob) != 4 * dim:
            raise damaged(id, "the vector", blob)
        ids[filled - 1], rows[filled - 1] = id, np.frombuffer(blob, "<f4")
    if filled != count:
        raise IndexFormatError(f"the index is damaged: {filled} vectors where {count} were counted.")
    with np.errstate(over="ignore", invalid="ignore"):
        # A square that overflows is no vector of a space either.
        bad = ~np.isfinite(np.einsum("nd,nd->n", rows, rows))
    if bad.any():
        raise damaged(int(ids[bad][0]), "the vector", "not finite")
    return ids, rows
