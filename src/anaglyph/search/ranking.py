"""The largest dot products, in an order that is the same on every machine and in every store.

float32 products differ in their last digits with the BLAS, the number of threads and the number of rows. So
they only choose candidates, with a margin that covers their error; the candidates are multiplied again in
float64, where products of float32 numbers are exact, and summed in NumPy's fixed pairwise order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_UNIT = 2.0**-24
"""Largest relative error of one float32 operation."""


def margin(dim: int, *, query_norm: float, row_norm: float) -> float:
    """How far two float32 dot products of D numbers may lie apart though their order is the other one."""
    return 2 * 2 * dim * _UNIT * query_norm * row_norm


def exact_scores(rows: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float64]:
    """(C, D) and (D,) -> (C,) dot products, each the same whatever the other rows are."""
    products: NDArray[np.float64] = rows.astype(np.float64) * query.astype(np.float64)
    scores: NDArray[np.float64] = np.ascontiguousarray(products).sum(axis=1)
    return scores


def in_order(
    ids: NDArray[np.int64], scores: NDArray[np.float64], *, limit: int, offset: int = 0
) -> list[tuple[int, float]]:
    """(id, score) from the largest score on, equal ones by id."""
    order = np.lexsort((ids, -scores))[offset : offset + limit]
    return [(int(ids[row]), float(scores[row])) for row in order]


def candidates(scores: NDArray[np.float32], count: int, *, margin: float) -> NDArray[np.int64]:
    """Rows of (N,) approximate scores that may be among the `count` largest exact ones."""
    if count >= len(scores):
        return np.arange(len(scores))
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    return np.flatnonzero(scores >= least - np.float32(margin))


def checked_query(vector: NDArray[np.float32], *, dim: int, limit: int, offset: int) -> NDArray[np.float32]:
    """(D,) float32; ValueError for another shape, numbers that are not finite, or a page that cannot be."""
    if vector.shape != (dim,) or not np.isfinite(vector).all():
        raise ValueError(f"a query must be {dim} finite numbers, got {vector.shape}")
    checked_page(limit, offset)
    return np.ascontiguousarray(vector, dtype=np.float32)


def checked_page(limit: int, offset: int) -> None:
    """ValueError for a page that cannot be."""
    if limit < 0 or offset < 0:
        raise ValueError(f"limit and offset must be >= 0, got {limit} and {offset}")


def ascending(ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) without doubles."""
    return np.unique(np.asarray(ids, dtype=np.int64))
