"""Ball query on a GPU: tiles of points in index order, a count per query, an end when all are full."""

from typing import Final

import torch
import triton
import triton.language as tl
from torch import Tensor

from anaglyph.ops.triton_kernels.tiles import OPTIONS, append_hits, as_planes, on_device, squared_distance

_QUERIES: Final = 4
_TILE: Final = 128


def ball(query: Tensor, reference: Tensor, radius: float, count: int, valid: Tensor | None) -> Tensor:
    """The `count` lowest rows of `reference` with a squared distance < radius^2 from each query.

    Args:
        query: (B, M, 3) float32, contiguous.
        reference: (B, N, 3) float32, contiguous.
        radius: in the unit of the points; its square is rounded once, to float32.
        count: places per query.
        valid: (B, N) bool or None, False for rows that are never chosen.

    Returns:
        (B, M, count) int64; the first row once more where fewer are inside, -1 throughout where none is.
    """
    clouds, queries = query.shape[:2]
    chosen = torch.empty(clouds, queries, count, dtype=torch.int64, device=query.device)
    if chosen.numel() == 0:
        return chosen
    planes = as_planes(reference, valid, multiple=_TILE)
    blocks = triton.cdiv(queries, _QUERIES)
    with on_device(query):
        _ball[(clouds * blocks,)](
            query, planes, chosen, queries, planes.shape[2], count, radius * radius, blocks,
            block=_QUERIES, tile=_TILE, places=triton.next_power_of_2(count), num_warps=1, **OPTIONS,
        )  # fmt: skip
    return chosen


@triton.jit  # type: ignore[untyped-decorator]
def _ball(
    query: tl.tensor,
    planes: tl.tensor,
    chosen: tl.tensor,
    queries: tl.tensor,
    rows: tl.tensor,
    count: tl.tensor,
    bound: tl.tensor,
    blocks: tl.tensor,
    block: tl.constexpr,
    tile: tl.constexpr,
    places: tl.constexpr,
) -> None:
    cloud = (tl.program_id(0) // blocks).to(tl.int64)
    number = (tl.program_id(0) % blocks) * block + tl.arange(0, block)
    live = number < queries
    own = cloud * queries + number
    x = tl.load(query + own * 3, mask=live, other=0.0)[:, None]
    y = tl.load(query + own * 3 + 1, mask=live, other=0.0)[:, None]
    z = tl.load(query + own * 3 + 2, mask=live, other=0.0)[:, None]
    planes += cloud * rows * 3
    lists = chosen + own * count
    found = tl.where(live, 0, count)
    start = 0
    while (start < rows) & (tl.min(found, axis=0) < count):
        place = start + tl.arange(0, tile)[None, :]
        bx = tl.load(planes + place)
        by = tl.load(planes + rows + place)
        bz = tl.load(planes + 2 * rows + place)
        hit = (squared_distance(x, y, z, bx, by, bz) < bound) & live[:, None]
        place = tl.broadcast_to(place, [block, tile]).to(tl.int64)
        found = append_hits(hit, place, found, lists, count)
        start += tile
    tl.debug_barrier()  # the first hit may have been stored by another thread than the one that reads it
    head = tl.load(lists, mask=live & (found > 0), other=-1)
    entry = tl.arange(0, places)[None, :]
    rest = (entry >= found[:, None]) & (entry < count) & live[:, None]
    tl.store(lists[:, None] + entry, tl.broadcast_to(head[:, None], [block, places]), mask=rest)
