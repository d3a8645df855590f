"""Farthest point sampling on the CPU: the same rows as the plain loop, with less work on large clouds.

Large clouds are divided into buckets that know their largest distance to the chosen points; a new choice
only visits buckets near enough to change something (the idea of QuickFPS, Han et al., 2023, without its
tree and its delayed updates, which vector instructions make superfluous).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from anaglyph.ops.fast.buckets import Planes, divide, planes_of
from anaglyph.ops.fast.kernel import kernel
from anaglyph.ops.fast.lanes import INFINITY, LANES, lanes_within, lowest_lane
from anaglyph.ops.fast.threads import shares, spread

BUCKETS_FROM = 6000
"""Points of a cloud from which buckets pay for being built."""
_MOST = 512
"""Points in a bucket, and looked at in one go; a multiple of sixteen."""
_ALL = (1 << LANES) - 1


def farthest(points: Tensor, count: int, valid: Tensor | None, start: Tensor, skip: float) -> Tensor:
    """Rows chosen one after another, each the farthest from all before it; among equals the lowest.

    Args:
        points: (B, N, 3) float32, contiguous.
        count: points to choose.
        valid: (B, N) bool or None.
        start: (B,) int64, the first choices.
        skip: points with squared norm <= this are never chosen, except as the start; < 0 for none.

    Returns:
        (B, count) int64.
    """
    clouds, size = points.shape[:2]
    chosen = torch.empty(clouds, count, dtype=torch.int64)
    coordinates, result, first = points.numpy(), chosen.numpy(), start.numpy()
    masks = np.ones((clouds, 0), np.bool_) if valid is None else valid.numpy()
    sample = _sample_buckets if size >= BUCKETS_FROM else _sample

    def work(part: slice) -> None:
        sample(coordinates[part], masks[part], first[part], np.float32(skip), result[part])

    spread(work, shares(clouds), nanoseconds=clouds * count * (100.0 + min(size, BUCKETS_FROM) * 0.1))
    return chosen


@kernel
def _eligible(points: Any, valid: Any, skip: Any) -> tuple[Planes, Any]:
    """Planes and rows of the points that may be chosen; all valid ones where every one is to be skipped."""
    planes, rows = planes_of(points, valid)
    if skip < 0:
        return planes, rows
    kept = 0
    for i in range(rows.size):
        x, y, z = planes[0, i], planes[1, i], planes[2, i]
        if np.float32((x * x + y * y) + z * z) > skip:
            planes[0, kept], planes[1, kept], planes[2, kept], rows[kept] = x, y, z, rows[i]
            kept += 1
    if kept == 0:
        return planes[:, :0].copy(), rows[:1].copy()
    return planes[:, :kept].copy(), rows[:kept].copy()


@kernel
def _visit(x: Any, y: Any, z: Any, distance: Any, choice: Any) -> Any:
    """Takes the minimum of distances (bits) and those to a new choice (3,); returns the largest left."""
    choice_x, choice_y, choice_z = choice
    largest = np.int32(-1)
    for i in range(x.size):
        dx, dy, dz = x[i] - choice_x, y[i] - choice_y, z[i] - choice_z
        least = min(distance[i], np.float32((dx * dx + dy * dy) + dz * dz).view(np.int32))
        distance[i] = least
        largest = max(largest, least)
    return largest


@kernel
def _place(values: Any, wanted: Any) -> int:
    """Where `wanted` first occurs."""
    for i in range(values.size):
        if values[i] == wanted:
            return i
    return 0


@kernel
def _sample(points: Any, valid: Any, start: Any, skip: Any, chosen: Any) -> None:
    for cloud in range(len(points)):
        _sample_cloud(points[cloud], valid[cloud], start[cloud], skip, chosen[cloud])


@kernel
def _sample_cloud(points: Any, valid: Any, start: int, skip: Any, chosen: Any) -> None:
    planes, rows = _eligible(points, valid, skip)
    size = planes.shape[1]
    distance = np.full((size + LANES) // LANES * LANES, -1, np.int32)  # padded, below every distance
    distance[:size] = INFINITY
    row = start
    for number in range(chosen.size):
        chosen[number] = row
        choice = (points[row, 0], points[row, 1], points[row, 2])
        largest, place = np.int32(-1), 0
        for begin in range(0, size, _MOST):
            end = min(size, begin + _MOST)
            x, y, z = planes[0, begin:end], planes[1, begin:end], planes[2, begin:end]
            here = _visit(x, y, z, distance[begin:end], choice)
            if here > largest:
                largest, place = here, begin
        block = place // LANES
        below = lanes_within(distance, block, largest - 1)
        while below == _ALL and block * LANES < size:
            block += 1
            below = lanes_within(distance, block, largest - 1)
        row = rows[min(block * LANES + lowest_lane(_ALL ^ below), rows.size - 1)]


@kernel
def _near(boxes: Any, begin: int, end: int, largest: Any, choice: Any, near: Any) -> int:
    """Flags boxes that the choice is nearer to than their largest distance; returns how many."""
    choice_x, choice_y, choice_z = choice
    low_x, high_x = boxes[0, begin:end], boxes[1, begin:end]
    low_y, high_y = boxes[2, begin:end], boxes[3, begin:end]
    low_z, high_z = boxes[4, begin:end], boxes[5, begin:end]
    bound, flag = largest[begin:end], near[begin:end]
    count, zero = 0, np.float32(0.0)
    for i in range(bound.size):
        dx = max(low_x[i] - choice_x, choice_x - high_x[i], zero)
        dy = max(low_y[i] - choice_y, choice_y - high_y[i], zero)
        dz = max(low_z[i] - choice_z, choice_z - high_z[i], zero)
        flag[i] = np.int32(np.float32((dx * dx + dy * dy) + dz * dz).view(np.int32) < bound[i])
        count += flag[i]
    return count


@kernel
def _highest(values: Any) -> Any:
    highest = np.int32(-1)
    for i in range(values.size):
        highest = max(highest, values[i])
    return highest


@kernel
def _sample_buckets(points: Any, valid: Any, start: Any, skip: Any, chosen: Any) -> None:
    for cloud in range(len(points)):
        _sample_cloud_buckets(points[cloud], valid[cloud], start[cloud], skip, chosen[cloud])


@kernel
def _sample_cloud_buckets(points: Any, valid: Any, start: int, skip: Any, chosen: Any) -> None:
    planes, rows = _eligible(points, valid, skip)
    if planes.shape[1] == 0:
        chosen[:] = rows[0]
        chosen[0] = start
        return
    edges, boxes, _ = divide(planes, rows, np.int64(_MOST))
    buckets = edges.size - 1
    distance = np.full(rows.size, INFINITY, np.int32)
    largest = np.full(buckets, INFINITY, np.int32)
    candidate = np.full(buckets, -1, np.int32)  # the row at the largest distance, -1 while it is not known
    near = np.empty(buckets, np.int32)
    row = start
    for number in range(chosen.size):
        chosen[number] = row
        choice = (points[row, 0], points[row, 1], points[row, 2])
        for block in range(0, buckets, 64):
            stop = min(buckets, block + 64)
            if _near(boxes, block, stop, largest, choice, near) == 0:
                continue
            for bucket in range(block, stop):
                if near[bucket]:
                    begin, end = edges[bucket], edges[bucket + 1]
                    x, y, z = planes[0, begin:end], planes[1, begin:end], planes[2, begin:end]
                    largest[bucket] = _visit(x, y, z, distance[begin:end], choice)
                    candidate[bucket] = -1
        wanted = _highest(largest)
        row = len(points)
        for bucket in range(buckets):
            if largest[bucket] == wanted:
                if candidate[bucket] < 0:
                    begin = edges[bucket]
                    candidate[bucket] = rows[begin + _place(distance[begin:], wanted)]
                row = min(row, candidate[bucket])
