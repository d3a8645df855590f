"""Points sorted into buckets with bounding boxes, by splits at the mean of the longest side (a k-d tree).

Buckets follow each other as the leaves of the tree. Rows ascend within a bucket, and points that coincide
cannot make one larger than asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anaglyph.ops.fast.kernel import kernel, loose_kernel

Planes = Any
"""(3, N) float32: x, y and z as arrays of their own."""


@kernel
def planes_of(points: Any, valid: Any) -> tuple[Planes, Any]:
    """(N, 3) points -> (3, V) planes and (V,) int32 rows of the valid ones; `valid` (0,) means all."""
    count = len(points) if valid.size == 0 else valid.sum()
    planes = np.empty((3, count), np.float32)
    rows = np.empty(count, np.int32)
    place = 0
    for row in range(len(points)):
        if valid.size == 0 or valid[row]:
            planes[0, place] = points[row, 0]
            planes[1, place] = points[row, 1]
            planes[2, place] = points[row, 2]
            rows[place] = row
            place += 1
    return planes, rows


@loose_kernel
def _spread_of(values: Any) -> tuple[Any, Any, Any]:
    """Smallest, largest and sum."""
    low = high = values[0]
    total = np.float32(0.0)
    for i in range(values.size):
        low = min(low, values[i])
        high = max(high, values[i])
        total += values[i]
    return low, high, total


@kernel
def _partition(planes: Planes, rows: Any, begin: int, end: int, axis: Any, split: Any, spare: Any) -> Any:
    """Moves what is <= split along `axis` to the front of begin:end, in order; returns where the rest begins.

    `spare` is room for the rest, planes and rows.
    """
    x, y, z = planes[0, begin:end], planes[1, begin:end], planes[2, begin:end]
    key, row = planes[axis, begin:end], rows[begin:end]
    spare_x, spare_y, spare_z, spare_row = spare[0][0], spare[0][1], spare[0][2], spare[1]
    front = back = np.intp(0)
    for i in range(row.size):
        x_i, y_i, z_i, row_i = x[i], y[i], z[i], row[i]
        first = np.intp(key[i] <= split)
        x[front], y[front], z[front], row[front] = x_i, y_i, z_i, row_i
        spare_x[back], spare_y[back], spare_z[back], spare_row[back] = x_i, y_i, z_i, row_i
        front += first
        back += 1 - first
    for i in range(back):
        x[front + i], y[front + i], z[front + i] = spare_x[i], spare_y[i], spare_z[i]
        row[front + i] = spare_row[i]
    return begin + front


@kernel
def divide(planes: Planes, rows: Any, most: Any) -> tuple[Any, Any, Any]:
    """Reorders points into buckets of at most `most`: (buckets + 1,) edges, (6, buckets) boxes and depths.

    A box is lower x, upper x, lower y, upper y, lower z, upper z. The depth of a bucket counts the splits.
    """
    edges = np.empty(rows.size + 1, np.int64)
    boxes = np.empty((6, rows.size), np.float32)
    spare = np.empty((3, rows.size), np.float32), np.empty(rows.size, np.int32)
    depths = np.empty(rows.size, np.int64)
    pending = np.empty((rows.size, 3), np.int64)  # parts yet to be divided and depths, the leftmost on top
    pending[0, 0], pending[0, 1], pending[0, 2] = 0, rows.size, 0
    waiting, buckets = 1, 0
    edges[0] = 0
    while waiting > 0:
        waiting -= 1
        begin, end, depth = pending[waiting, 0], pending[waiting, 1], pending[waiting, 2]
        longest, axis, split = np.float32(-1.0), np.intp(0), np.float32(0.0)
        for side in range(3):
            low, high, total = _spread_of(planes[side, begin:end])
            boxes[2 * side, buckets], boxes[2 * side + 1, buckets] = low, high
            if high - low > longest:
                longest, axis = high - low, np.intp(side)
                mean = np.float32(total / np.float32(end - begin))
                split = mean if low <= mean < high else low  # so that neither part is empty
        if end - begin <= most:
            depths[buckets] = depth
            buckets += 1
            edges[buckets] = end
            continue
        if longest > 0:
            middle = _partition(planes, rows, begin, end, axis, split, spare)
        else:  # points that coincide
            middle = begin + most * ((end - begin + 2 * most - 1) // (2 * most))
        pending[waiting, 0], pending[waiting, 1], pending[waiting, 2] = middle, end, depth + 1
        pending[waiting + 1, 0], pending[waiting + 1, 1], pending[waiting + 1, 2] = begin, middle, depth + 1
        waiting += 2
    return edges[: buckets + 1].copy(), boxes[:, :buckets].copy(), depths[:buckets].copy()
