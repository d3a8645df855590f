"""k nearest neighbours on the CPU."""

from __future__ import annotations

from torch import Tensor

from anaglyph.ops.fast.search import neighbours

_MOST = 64
"""Points in a bucket."""


def nearest(query: Tensor, reference: Tensor, count: int, valid: Tensor | None) -> Tensor:
    """Rows of the nearest points, nearest first, ties by the lower row; with too few the nearest repeated.

    Args:
        query: (B, M, 3) float32, contiguous.
        reference: (B, N, 3) float32, contiguous.
        count: K, neighbours of each query point.
        valid: (B, N) bool or None.

    Returns:
        (B, M, K) int64 rows of `reference`.
    """
    return neighbours(query, reference, count, valid, most=_MOST, distances=False)[0]
