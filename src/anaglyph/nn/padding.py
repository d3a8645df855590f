"""Rows of padding: their numbers are never looked at, their results are 0."""

from __future__ import annotations

from torch import Tensor


def cleared(points: Tensor, valid: Tensor | None) -> Tensor:
    """(B, N, C) in float32 at least, with 0 in the rows that `valid` (B, N) leaves out.

    So that NaN in padding reaches no sum, not even times 0.
    """
    points = at_least_float32(points)
    return points if valid is None else points.masked_fill(~valid[..., None], 0.0)


def scatter_rows(rows: Tensor, valid: Tensor) -> Tensor:
    """(R, D), one row for every True of `valid` (B, N) -> (B, N, D), 0 elsewhere."""
    return rows.new_zeros(*valid.shape, rows.shape[1]).index_put((valid,), rows)


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision becomes float32, float64 stays."""
    return x if x.element_size() >= 4 else x.float()
