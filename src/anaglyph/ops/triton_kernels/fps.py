"""Farthest point sampling on a GPU: one program per cloud, the whole greedy loop in one launch.

A loop of tensor operations launches about ten kernels per chosen point and is bound by the launches. Here
the only traffic between two rounds is the coordinates of the last choice.
"""

from typing import Final

import torch
import triton
import triton.language as tl
from torch import Tensor

from anaglyph.ops.triton_kernels.tiles import OPTIONS, on_device, squared_distance

_IN_REGISTERS: Final = 8192
"""Up to so many rows a cloud stays in the registers of its program."""
_DISTANCES_IN_REGISTERS: Final = 16384
"""Up to so many rows the distances stay there, and the points are read again in each round."""
_TILE: Final = 8192

_PADDING: Final = -2.0
_SKIPPED: Final = -1.0
"""Distances that never win against a real one; a skipped point still goes before padding."""


def farthest(points: Tensor, count: int, valid: Tensor | None, start: Tensor, skip: float) -> Tensor:
    """Rows of `count` points per cloud, each the farthest from those before it, the lowest row among equals.

    Args:
        points: (B, N, 3) float32, contiguous.
        count: rows to choose.
        valid: (B, N) bool or None; False is never chosen while anything else is left.
        start: (B,) int64, the first choice.
        skip: points with x^2 + y^2 + z^2 <= this are not chosen either; negative for none.

    Returns:
        (B, count) int64.
    """
    clouds, rows = points.shape[:2]
    chosen = torch.empty(clouds, count, dtype=torch.int64, device=points.device)
    if chosen.numel() == 0:
        return chosen
    planes = points.transpose(1, 2).contiguous()  # (B, 3, N)
    arguments = (planes, _first_distances(planes, valid, skip), start, chosen, rows, count)
    with on_device(points):
        if rows > _DISTANCES_IN_REGISTERS:
            _tiled[(clouds,)](*arguments, block=_TILE, num_warps=32, **OPTIONS)
        else:
            block = max(64, triton.next_power_of_2(rows))
            warps = max(1, block // 256) if block < _IN_REGISTERS else block // 512
            _resident[(clouds,)](
                *arguments, reload=rows > _IN_REGISTERS, block=block, num_warps=min(32, warps), **OPTIONS
            )
    return chosen


def _first_distances(planes: Tensor, valid: Tensor | None, skip: float) -> Tensor:
    """(B, N) infinity for points that may be chosen, a negative number for the others."""
    x, y, z = planes.unbind(dim=1)
    distance = torch.full_like(x, float("inf"), memory_format=torch.contiguous_format)
    if skip >= 0:
        beyond = (x * x + y * y) + z * z > torch.full((), skip, dtype=x.dtype, device=x.device)
        distance.masked_fill_(~beyond, _SKIPPED)
    if valid is not None:
        distance.masked_fill_(~valid, _PADDING)
    return distance


@triton.jit  # type: ignore[untyped-decorator]
def _resident(
    planes: tl.tensor,
    distances: tl.tensor,
    start: tl.tensor,
    chosen: tl.tensor,
    rows: tl.tensor,
    count: tl.tensor,
    reload: tl.constexpr,
    block: tl.constexpr,
) -> None:
    """A cloud whose distances to the chosen points fit in registers; its points too, unless reload."""
    cloud = tl.program_id(0).to(tl.int64)
    planes += cloud * rows * 3
    chosen += cloud * count
    place = tl.arange(0, block)
    inside = place < rows
    distance = tl.load(distances + cloud * rows + place, mask=inside, other=-3.0)
    x = tl.load(planes + place, mask=inside, other=0.0)
    y = tl.load(planes + rows + place, mask=inside, other=0.0)
    z = tl.load(planes + 2 * rows + place, mask=inside, other=0.0)
    last = tl.load(start + cloud).to(tl.int32)
    tl.store(chosen, last.to(tl.int64))
    for number in range(1, count):
        if reload:
            x = tl.load(planes + place, mask=inside, other=0.0)
            y = tl.load(planes + rows + place, mask=inside, other=0.0)
            z = tl.load(planes + 2 * rows + place, mask=inside, other=0.0)
        ax = tl.load(planes + last)
        ay = tl.load(planes + rows + last)
        az = tl.load(planes + 2 * rows + last)
        distance = tl.minimum(distance, squared_distance(x, y, z, ax, ay, az))
        # Two reductions of one number each are cheaper than one of pairs, and ties go to the lowest row.
        last = tl.min(tl.where(distance == tl.max(distance, axis=0), place, block), axis=0)
        tl.store(chosen + number, last.to(tl.int64))


@triton.jit  # type: ignore[untyped-decorator]
def _tiled(
    planes: tl.tensor,
    distances: tl.tensor,
    start: tl.tensor,
    chosen: tl.tensor,
    rows: tl.tensor,
    count: tl.tensor,
    block: tl.constexpr,
) -> None:
    """A cloud of any size: its distances are updated in global memory, mostly in the L2 cache."""
    cloud = tl.program_id(0).to(tl.int64)
    planes += cloud * rows * 3
    distances += cloud * rows
    chosen += cloud * count
    last = tl.load(start + cloud).to(tl.int32)
    tl.store(chosen, last.to(tl.int64))
    for number in range(1, count):
        ax = tl.load(planes + last)
        ay = tl.load(planes + rows + last)
        az = tl.load(planes + 2 * rows + last)
        best = tl.full([block], -4.0, tl.float32)
        row = tl.zeros([block], tl.int32)
        for first in range(0, rows, block):
            place = first + tl.arange(0, block)
            inside = place < rows
            x = tl.load(planes + place, mask=inside, other=0.0)
            y = tl.load(planes + rows + place, mask=inside, other=0.0)
            z = tl.load(planes + 2 * rows + place, mask=inside, other=0.0)
            distance = tl.load(distances + place, mask=inside, other=-3.0)
            distance = tl.minimum(distance, squared_distance(x, y, z, ax, ay, az))
            tl.store(distances + place, distance, mask=inside)
            better = distance > best  # not for equal ones: each lane keeps its lowest row
            best = tl.where(better, distance, best)
            row = tl.where(better, place, row)
        last = tl.min(tl.where(best == tl.max(best, axis=0), row, rows), axis=0)
        tl.store(chosen + number, last.to(tl.int64))
        tl.debug_barrier()  # a tile may be read by other threads than those that wrote it
