"""Exact search in a matrix in memory: filter first, one matrix product, the same order on every machine.

float32 products depend on the order of their additions, so they only choose candidates, with room for
their error; what decides is the float64 product of each candidate row, added up one way always. Equal
vectors get equal scores, and ties go to the lower id.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
ROWS = 1 << 16
"""Rows of the matrix that one product takes at most."""
GATHER = 0.25
"""Share of the rows that pass the filters below which they are copied instead of passing over all."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """(N,) ids, ascending, and their (N, D) vectors."""

    ids: Ids
    vectors: Vectors

    @cached_property
    def longest(self) -> float:
        """Length of the longest vector."""
        blocks = (self.vectors[first : first + ROWS] for first in range(0, len(self), ROWS))
        return max(
            (float(np.sqrt(np.einsum("nd,nd->n", block, block).max())) for block in blocks), default=0.0
        )

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, ids: Ids) -> Ids:
        """Ascending rows of those of `ids` that are there."""
        place = np.searchsorted(self.ids, ids)
        inside = place < len(self.ids)
        place = place[inside]
        return np.unique(place[self.ids[place] == ids[inside]])


def nearest(
    matrix: Matrix, query: Vectors, *, limit: int, offset: int = 0, allowed: Ids | None = None
) -> list[tuple[int, float]]:
    """Ids and dot products with (D,) `query`, the largest first, ties by id.

    Args:
        matrix: what is searched.
        query: finite numbers of any length.
        limit: results at most.
        offset: results to skip first.
        allowed: ids that may be found; all by default.
    """
    (found,) = nearest_of_many(matrix, query[None], limit=offset + limit, allowed=allowed)
    return found[offset:]


def nearest_of_many(
    matrix: Matrix, queries: Vectors, *, limit: int, allowed: Ids | None = None
) -> list[list[tuple[int, float]]]:
    """`nearest` for each of (Q, D) queries; a block of rows is read once for all of them."""
    if queries.ndim != 2 or queries.shape[1] != matrix.vectors.shape[1]:
        raise ValueError(f"queries must be (Q, {matrix.vectors.shape[1]}), got {queries.shape}")
    if limit < 0:
        raise ValueError(f"limit must be >= 0, got {limit}")
    every = allowed is None or np.array_equal(allowed, matrix.ids)
    rows = None if every or allowed is None else matrix.rows_of(allowed)
    if limit == 0 or not (len(matrix) if rows is None else len(rows)):
        return [[] for _ in queries]
    candidates = _candidates(matrix, queries.astype(np.float32, copy=False), limit, rows)
    return [
        decided(matrix.ids[each], matrix.vectors[each], query, limit=limit)
        for query, each in zip(queries, candidates, strict=True)
    ]


def dots(rows: Vectors, query: Vectors) -> NDArray[np.float64]:
    """(N, D) x (D,) -> (N,) in float64; a row's result depends on that row alone."""
    wanted = query.astype(np.float64)
    result = np.empty(len(rows))
    for first in range(0, len(rows), 4096):
        block = rows[first : first + 4096].astype(np.float64)
        result[first : first + len(block)] = (block * wanted).sum(axis=1)
    return result


def _candidates(matrix: Matrix, queries: Vectors, limit: int, rows: Ids | None) -> list[Ids]:
    """Rows, for each query, among which its `limit` largest products surely are."""
    gathered = rows is not None and len(rows) < GATHER * len(matrix)
    passing = None if rows is None or gathered else _mask(rows, len(matrix))
    total = len(rows) if rows is not None and gathered else len(matrix)
    kept = [_Kept(limit, 2.0 * rounding(query) * matrix.longest) for query in queries]
    for first in range(0, total, ROWS):
        last = min(first + ROWS, total)
        if rows is not None and gathered:
            places = rows[first:last]
            block = matrix.vectors[places]
        else:
            places = np.arange(first, last, dtype=np.int64)
            block = matrix.vectors[first:last]
        scores = queries @ block.T  # (Q, n)
        if passing is not None:
            scores[:, ~passing[first:last]] = -np.inf
        for each, row in zip(kept, scores, strict=True):
            each.take(places, row)
    return [each.rows for each in kept]


class _Kept:
    """The candidates of one query so far."""

    def __init__(self, limit: int, slack: float) -> None:
        self.limit = limit
        self.slack = slack
        self.rows = np.empty(0, dtype=np.int64)
        self.scores = np.empty(0, dtype=np.float32)

    def take(self, places: Ids, scores: Vectors) -> None:
        """Add a block's rows, then drop all that cannot be among the first `limit`."""
        least = -np.inf if len(self.scores) < self.limit else self._least(self.scores)
        possible = scores >= least if np.isfinite(least) else scores > least
        self.rows = np.concatenate([self.rows, places[possible]])
        self.scores = np.concatenate([self.scores, scores[possible]])
        if len(self.scores) > self.limit:
            possible = self.scores >= self._least(self.scores)
            self.rows, self.scores = self.rows[possible], self.scores[possible]

    def _least(self, scores: Vectors) -> float:
        """A float32 product below this is no candidate, whatever its rounding and that of the others."""
        place = len(scores) - self.limit
        return float(np.partition(scores, place)[place]) - self.slack


def rounding(query: Vectors) -> float:
    """Largest error of a float32 product with (D,) `query`, for a row of length 1 (Higham, 2002, 3.1)."""
    return float(np.linalg.norm(query.astype(np.float64))) * (len(query) + 1) * 2.0**-24


def decided(ids: Ids, rows: Vectors, query: Vectors, *, limit: int) -> list[tuple[int, float]]:
    """The `limit` largest products of (N, D) candidates with their ids, the largest first, ties by id."""
    scores = dots(rows, query)
    order = np.lexsort((ids, -scores))[:limit]
    return list(zip(ids[order].tolist(), scores[order].tolist(), strict=True))


def _mask(rows: Ids, count: int) -> NDArray[np.bool_]:
    passing = np.zeros(count, dtype=bool)
    passing[rows] = True
    return passing
