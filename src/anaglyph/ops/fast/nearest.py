"""The nearest point of another cloud on the CPU, for Chamfer distances."""

from __future__ import annotations

from torch import Tensor

from anaglyph.ops.fast.search import neighbours

_MOST = 48
"""Points in a bucket; splits at the mean fill about 33 of them, which are two or three blocks of sixteen."""


def nearest_one(first: Tensor, second: Tensor, second_valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """For every point of `first` the nearest one of `second`, the lowest row among equals.

    Args:
        first: (B, N, 3) float32, contiguous.
        second: (B, M, 3) float32, contiguous.
        second_valid: (B, M) bool or None.

    Returns:
        (B, N) float32 squared distances and (B, N) int64 rows of `second`.
    """
    index, squared = neighbours(first, second, 1, second_valid, most=_MOST, distances=True)
    return squared[..., 0], index[..., 0]
