"""The nearest point on a GPU: each thread owns a few queries and walks over the points searched.

Only the smallest distance of a chunk of points is compared with the best so far, so that the row need not be
carried along: the winning chunk is searched once more at the end, with the same arithmetic.
"""

from typing import Final

import torch
import triton
import triton.language as tl
from torch import Tensor

from anaglyph.ops.triton_kernels.tiles import OPTIONS, as_planes, on_device, squared_distance

_CHUNK: Final = 8
_THREADS: Final = 128
_THREADS_WANTED: Final = 1 << 16
"""Threads that keep a large GPU busy; with more queries than these a thread takes up to four."""


def nearest_one(first: Tensor, second: Tensor, second_valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """For every point of `first` the nearest of `second`, the lowest row among equals.

    Args:
        first: (B, N, 3) float32, contiguous.
        second: (B, M, 3) float32, contiguous.
        second_valid: (B, M) bool or None, False for rows that are never chosen.

    Returns:
        (B, N) float32 squared distances and (B, N) int64 rows of `second`.
    """
    clouds, queries = first.shape[:2]
    distance = torch.empty(clouds, queries, device=first.device)
    index = torch.empty(clouds, queries, dtype=torch.int64, device=first.device)
    if distance.numel() == 0:
        return distance, index
    planes = as_planes(second, second_valid, multiple=_CHUNK)
    each = min(4, triton.next_power_of_2(1 + distance.numel() // (2 * _THREADS_WANTED)))
    block = min(_THREADS * each, max(32, triton.next_power_of_2(queries)))
    blocks = triton.cdiv(queries, block)
    with on_device(first):
        _nearest_one[(clouds * blocks,)](
            first, planes, distance, index, queries, planes.shape[2], blocks,
            block=block, span=_CHUNK, num_warps=max(1, min(_THREADS, block) // 32), **OPTIONS,
        )  # fmt: skip
    return distance, index


@triton.jit  # type: ignore[untyped-decorator]
def _nearest_one(
    first: tl.tensor,
    planes: tl.tensor,
    distances: tl.tensor,
    indices: tl.tensor,
    queries: tl.tensor,
    rows: tl.tensor,
    blocks: tl.tensor,
    block: tl.constexpr,
    span: tl.constexpr,
) -> None:
    cloud = (tl.program_id(0) // blocks).to(tl.int64)
    number = (tl.program_id(0) % blocks) * block + tl.arange(0, block)
    live = number < queries
    own = cloud * queries + number
    x = tl.load(first + own * 3, mask=live, other=0.0)
    y = tl.load(first + own * 3 + 1, mask=live, other=0.0)
    z = tl.load(first + own * 3 + 2, mask=live, other=0.0)
    planes += cloud * rows * 3
    best = tl.full([block], float("inf"), tl.float32)
    chunk = tl.zeros([block], tl.int32)
    for start in range(0, rows, span):
        least = tl.full([block], float("inf"), tl.float32)
        for step in tl.static_range(span):
            bx = tl.load(planes + start + step)
            by = tl.load(planes + rows + start + step)
            bz = tl.load(planes + 2 * rows + start + step)
            least = tl.minimum(least, squared_distance(x, y, z, bx, by, bz))
        better = least < best  # not for equal ones: the first chunk stays
        best = tl.where(better, least, best)
        chunk = tl.where(better, start, chunk)
    index = chunk
    for step in tl.static_range(span):
        place = chunk + (span - 1 - step)  # downwards: the lowest row has the last word
        bx = tl.load(planes + place)
        by = tl.load(planes + rows + place)
        bz = tl.load(planes + 2 * rows + place)
        index = tl.where(squared_distance(x, y, z, bx, by, bz) == best, place, index)
    tl.store(distances + own, best, mask=live)
    tl.store(indices + own, index.to(tl.int64), mask=live)
