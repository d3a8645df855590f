"""One point per occupied cell of a grid: even density without any random choice."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from anaglyph.errors import DataError
from anaglyph.ops.coordinates import in_double, require_cloud, require_xyz
from anaglyph.ops.eager import eager

_CELLS = 2_000_000
"""Cells along an axis at most: three such numbers fit into one of 64 bits, with room for padding above."""
_NEVER = torch.iinfo(torch.int64).max


@eager
@torch.no_grad()
def voxel_subsample(points: Tensor, size: float, *, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The lowest row of every occupied cell, in ascending order.

    The grid of each cloud starts at its smallest coordinates: the cell of p is floor((p - min) / size),
    computed in float64.

    Args:
        points: (B, N, 3).
        size: edge of a cell, > 0, in the unit of the points.
        valid: (B, N) bool, False for padding rows, which are never chosen.

    Returns:
        (B, M) int64 rows and (B, M) bool, where M is the largest count of cells; the rows of clouds with
        fewer end with their first one again, where the second result is False.
    """
    require_xyz(points, "points")
    if not (size > 0 and math.isfinite(size)):
        raise ValueError(f"size must be > 0 and finite, got {size}")
    points, _ = require_cloud(points, valid, name="points")
    device = points.device
    if len(points) == 0:
        return torch.empty(0, 0, dtype=torch.int64, device=device), torch.empty(0, 0, device=device).bool()
    exact = in_double(points)
    key = _cells(exact, size, None if valid is None else valid.to(exact.device))  # (B, N)
    order = key.argsort(dim=1, stable=True)
    ranked = key.gather(1, order)
    first = torch.ones_like(ranked, dtype=torch.bool)
    first[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    first &= ranked != _NEVER
    keep = torch.zeros_like(first).scatter_(1, order, first)
    counts = keep.sum(dim=1, keepdim=True)
    rows = keep.int().argsort(dim=1, descending=True, stable=True)[:, : int(counts.max())]
    chosen = torch.arange(rows.shape[1], device=rows.device) < counts
    return torch.where(chosen, rows, rows[:, :1]).to(device), chosen.to(device)


def _cells(points: Tensor, size: float, valid: Tensor | None) -> Tensor:
    """(B, N) int64, one number per cell; the largest one there is for padding."""
    lowest, highest = points, points
    if valid is not None:
        padding = ~valid[..., None]
        lowest, highest = points.masked_fill(padding, math.inf), points.masked_fill(padding, -math.inf)
    origin = lowest.amin(dim=1, keepdim=True)
    extent = float((highest.amax(dim=1, keepdim=True) - origin).amax())
    if extent / size >= _CELLS:
        raise DataError(
            f"cells of size {size:g} divide a cloud of extent {extent:g} into {extent / size:.3g} along an "
            f"axis; at most {_CELLS:,} are possible: use cells of at least {extent / _CELLS:.2g} or remove "
            f"points far outside"
        )
    cell = ((points - origin) / size).floor().long()
    key = (cell[..., 0] * _CELLS + cell[..., 1]) * _CELLS + cell[..., 2]
    return key if valid is None else key.masked_fill(~valid, _NEVER)
