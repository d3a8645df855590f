"""Ball query as in PointNet++ (Qi et al., 2017): the first points in index order, not the nearest ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from anaglyph.ops.backends import Backend, find_kernel
from anaglyph.ops.checks import require_count
from anaglyph.ops.coordinates import distance_blocks, require_cloud, require_same, require_xyz
from anaglyph.ops.eager import eager
from anaglyph.ops.nearest import nearest_point


@eager
@torch.no_grad()
def ball_query(
    query: Tensor,
    reference: Tensor,
    radius: float,
    count: int,
    *,
    valid: Tensor | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """The `count` lowest rows of `reference` within a ball around each query point.

    Inside is what has a squared distance < radius^2, the bound rounded once to the type of the computation.
    A ball with fewer points repeats its first one; a ball without any holds the nearest valid point (the
    official kernels return row 0 there, however far it is).

    Args:
        query: (B, M, 3) centres.
        reference: (B, N, 3) points to choose from.
        radius: > 0, in the unit of the points.
        count: places per ball, >= 1.
        valid: (B, N) bool, False for padding rows of `reference`, which are never chosen.
        backend: implementation; "auto" takes the fastest one installed.

    Returns:
        (B, M, count) int64 rows of `reference`.
    """
    require_xyz(query, "query")
    require_xyz(reference, "reference")
    count = require_count(count, "count")
    if not (radius > 0 and math.isfinite(radius)):
        raise ValueError(f"radius must be > 0 and finite, got {radius}")
    itself = query is reference
    reference, _ = require_cloud(reference, valid, name="reference")
    query = reference if itself else require_cloud(query, None, name="query", empty=True)[0]
    query, reference = require_same(query, reference)
    kernel = find_kernel("ball_query", query, reference, backend) or _ball
    index: Tensor = kernel(query, reference, radius, count, valid)
    return _fill_empty(index, query, reference, valid, backend)


def _ball(query: Tensor, reference: Tensor, radius: float, count: int, valid: Tensor | None) -> Tensor:
    """(B, M, count) rows, -1 throughout a ball without points."""
    bound = torch.tensor(radius * radius, dtype=query.dtype, device=query.device)
    result = torch.empty(*query.shape[:2], count, dtype=torch.int64, device=query.device)
    place = torch.arange(count, device=query.device)
    for clouds, rows, distance in distance_blocks(query, reference, valid):
        inside = (distance < bound).flatten(0, 1)  # (R, N)
        hits = torch.nn.functional.pad(inside.flatten().nonzero().squeeze(1), (0, 1))  # row * N + column
        found = inside.sum(dim=1, keepdim=True)
        first = found.cumsum(dim=0) - found
        chosen = hits[first + torch.where(place < found, place, 0)] % inside.shape[1]
        chosen = chosen.masked_fill(found == 0, -1)
        result[clouds, rows] = chosen.view(*distance.shape[:2], count)
    return result


def _fill_empty(
    index: Tensor, query: Tensor, reference: Tensor, valid: Tensor | None, backend: Backend
) -> Tensor:
    empty = index[..., 0] < 0
    for cloud in empty.any(dim=1).nonzero().flatten().tolist():
        rows = empty[cloud]
        mask = None if valid is None else valid[cloud, None]
        _, nearest = nearest_point(
            query[cloud, rows][None], reference[cloud, None], second_valid=mask, backend=backend
        )
        index[cloud, rows] = nearest[0, :, None]
    return index
