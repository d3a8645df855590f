"""k nearest neighbours in batches of dense clouds: exact, deterministic, bounded in memory.

Points in space are compared by differences (`ops.coordinates`), which holds wherever the cloud lies. Clouds
of features are compared by one matrix product per block of queries, around their middle.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anaglyph.ops.backends import Backend, find_kernel
from anaglyph.ops.checks import Shortage, require_count, require_enough
from anaglyph.ops.coordinates import distance_blocks, require_cloud, require_same
from anaglyph.ops.eager import eager
from anaglyph.ops.smallest import ALIGNMENT, smallest

_BLOCK = {"cpu": 1 << 22, "cuda": 1 << 27}
"""Products held at once, by device type."""


@eager
@torch.no_grad()
def k_nearest(
    query: Tensor,
    reference: Tensor,
    neighbours: int,
    *,
    valid: Tensor | None = None,
    shortage: Shortage = "refuse",
    backend: Backend = "auto",
    block: int | None = None,
) -> Tensor:
    """Indices of the nearest reference points of each query point, nearest first.

    A cloud asked about itself counts every point as its own neighbour. Equal distances are ordered by the
    lower index.

    Args:
        query: (B, M, C) points or features. Where it is `reference` itself, `valid` holds for it too, and
            what padding rows find has no meaning.
        reference: (B, N, C) points to choose from. Points (C = 3) are computed in float32, or in float64
            where they come so; features always in float32.
        neighbours: K >= 1.
        valid: (B, N) bool, False for padding rows of `reference`, which are never chosen.
        shortage: "refuse" a cloud with fewer than K points, or "repeat" its nearest, which changes no
            maximum over neighbours.
        backend: implementation; "auto" takes the fastest one installed.
        block: distances held in memory at once by the torch back-end; by default chosen for the device.

    Returns:
        (B, M, K) int64 rows of `reference`.
    """
    neighbours = require_count(neighbours, "neighbours")
    itself = query is reference
    reference, available = require_cloud(reference, valid, name="reference")
    query = reference if itself else require_cloud(query, None, name="query", empty=True)[0]
    query, reference = require_same(query, reference)
    require_enough(available, neighbours, what="neighbours", shortage=shortage)
    kernel = find_kernel("k_nearest", query, reference, backend)
    if kernel is not None:
        result: Tensor = kernel(query, reference, neighbours, valid)
        return result
    if query.numel() == 0:
        return torch.empty(*query.shape[:2], neighbours, dtype=torch.int64, device=query.device)
    count = min(neighbours, reference.shape[1])
    search = nearest_in_blocks if query.shape[2] == 3 else _nearest_features
    with torch.autocast(query.device.type, enabled=False):
        found = search(query, reference, count, valid, block)
    return torch.cat([found, found[..., :1].expand(-1, -1, neighbours - count)], dim=2)


def nearest_in_blocks(
    query: Tensor, reference: Tensor, count: int, valid: Tensor | None = None, block: int | None = None
) -> Tensor:
    """(B, M, count) rows of the nearest of the (B, N, 3) points, from all distances; count <= N."""
    if valid is not None:
        reference = reference.masked_fill(~valid[..., None], float("inf"))
    padding = -reference.shape[1] % ALIGNMENT
    reference = nn.functional.pad(reference, (0, 0, 0, padding), value=float("inf"))
    result = torch.empty(*query.shape[:2], count, dtype=torch.int64, device=query.device)
    for clouds, rows, distance in distance_blocks(query, reference, None, block=block):
        result[clouds, rows] = _choose(distance, count)
    return result


def _nearest_features(
    query: Tensor, reference: Tensor, count: int, valid: Tensor | None, block: int | None
) -> Tensor:
    """|q - r|^2 without its constant |q|^2, from products of the centred clouds."""
    query, reference, offset = _centre(query.float(), reference.float(), valid)
    columns = reference.shape[1]
    limit = block or _BLOCK.get(query.device.type, 1 << 22)
    clouds = max(1, limit // max(1, query.shape[1] * columns))
    rows = max(1, limit // columns)
    result = torch.empty(*query.shape[:2], count, dtype=torch.int64, device=query.device)
    for b in range(0, len(query), clouds):
        for m in range(0, query.shape[1], rows):
            part = query[b : b + clouds, m : m + rows]
            other = reference[b : b + clouds].transpose(1, 2)
            distance = torch.baddbmm(offset[b : b + clouds, None, :], part, other, alpha=-2.0)
            result[b : b + clouds, m : m + rows] = _choose(distance, count)
    return result


def _choose(distance: Tensor, count: int) -> Tensor:
    """(b, m, N) distances -> (b, m, count) columns; the nearest once more where only padding is left."""
    value, index = smallest(distance.flatten(0, 1), count)
    return torch.where(value.isinf(), index[:, :1], index).view(*distance.shape[:2], count)


def _centre(query: Tensor, reference: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Both clouds around their middle, where the expanded square cancels least; |r|^2, inf for never.

    The middle is the mean rounded to an eighth of the cloud's size, so coordinates on a lattice stay on one
    and their equal distances stay equal. Padding rows of `reference` are 0 on entry.
    """
    if valid is None:
        mean = reference.mean(dim=1, keepdim=True)
    else:
        count = valid.sum(dim=1)[:, None, None]
        mean = reference.sum(dim=1, keepdim=True) / count
        reference = torch.where(valid[..., None], reference, mean)
    size = (reference - mean).abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-20)
    step = torch.ldexp(torch.ones_like(size), torch.frexp(size).exponent - 3)
    middle = (mean / step).round() * step
    query, reference = query - middle, reference - middle
    offset = reference.square().sum(dim=2)  # (B, N)
    if valid is not None:
        offset = offset.masked_fill(~valid, float("inf"))
    padding = -reference.shape[1] % ALIGNMENT
    reference = nn.functional.pad(reference, (0, 0, 0, padding))
    return query, reference, nn.functional.pad(offset, (0, padding), value=float("inf"))
