"""The search for nearest neighbours that k nearest neighbours and Chamfer distances share.

A neighbour is one int64: the bits of its squared distance, then its row. These numbers sort as
(distance, row) pairs do, so ties go to the lower row by themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from anaglyph.ops.fast.grouped import Grouped, arrange
from anaglyph.ops.fast.kernel import kernel
from anaglyph.ops.fast.lanes import INFINITY, LANES, box_distances, lanes_within, lowest_lane, point_distances
from anaglyph.ops.fast.threads import ranges, shares, spread

_NOTHING = (INFINITY << 32) | (2**31 - 1)
"""Behind every point, also one at infinite distance."""
_ROW = (1 << 32) - 1
_FEW = 32
"""Query points below which looking at every point is cheaper than dividing them."""
_VISITED = 2**31 - 1
"""Beyond the distance of every box."""


def neighbours(
    query: Tensor, reference: Tensor, count: int, valid: Tensor | None, *, most: int, distances: bool
) -> tuple[Tensor, Tensor]:
    """The `count` nearest valid points of each query point, nearest first; with fewer, the first repeated.

    Args:
        query: (B, M, 3) float32, contiguous.
        reference: (B, N, 3) float32, contiguous.
        count: K.
        valid: (B, N) bool or None.
        most: points in a bucket of the search; with few query points all are in one.
        distances: whether these are wanted, too.

    Returns:
        (B, M, K) int64 rows and (B, M, K) float32 squared distances, (B, M, 0) where they are not wanted.
    """
    clouds, rows = query.shape[:2]
    size = reference.shape[1]
    most = size if rows < _FEW else most
    index = torch.empty(clouds, rows, count, dtype=torch.int64)
    squared = torch.empty(clouds, rows, count if distances else 0)
    found, bits = index.numpy(), squared.view(torch.int32).numpy()
    queries, references = query.numpy(), reference.numpy()
    masks = np.ones((clouds, 0), np.bool_) if valid is None else valid.numpy()
    building, searching = 50.0 * clouds * size, (200.0 + 50.0 * count) * clouds * rows

    def whole(part: slice) -> None:
        _search_clouds(queries[part], references[part], masks[part], most, found[part], bits[part])

    if clouds >= 2 * torch.get_num_threads():
        spread(whole, shares(clouds), nanoseconds=building + searching)
        return index, squared
    trees = spread(
        lambda cloud: arrange(references[cloud], masks[cloud], most), range(clouds), nanoseconds=building
    )

    def piece(place: tuple[int, int, int]) -> None:
        cloud, part = place[0], slice(*place[1:])
        _search(queries[cloud, part], trees[cloud], found[cloud, part], bits[cloud, part])

    spread(piece, ranges(clouds, rows, least=256), nanoseconds=searching)
    return index, squared


@kernel
def _search_clouds(queries: Any, references: Any, valid: Any, most: int, found: Any, bits: Any) -> None:
    for cloud in range(len(queries)):
        tree = arrange(references[cloud], valid[cloud], most)
        _search(queries[cloud], tree, found[cloud], bits[cloud])


@kernel
def _search(queries: Any, tree: Grouped, found: Any, bits: Any) -> None:
    planes, rows, blocks, boxes, middle, outer = tree
    count, outer_blocks = found.shape[1], outer.shape[1] // LANES
    best = np.empty(count, np.int64)
    far = np.empty(outer_blocks * LANES, np.int32)  # distances to the outer boxes
    near = np.empty(LANES, np.int32)  # to the sixteen in one of them
    within = np.empty(LANES, np.int32)  # to the buckets in one of those
    room = np.empty(LANES, np.int32)
    for number in range(len(queries)):
        x, y, z = queries[number, 0], queries[number, 1], queries[number, 2]
        best[:] = _NOTHING
        closest, home = np.int32(INFINITY), 0
        for block in range(outer_blocks):
            least = box_distances(outer, block, x, y, z, far, block)
            if least < closest:
                closest, home = least, block
        home = home * LANES + lowest_lane(lanes_within(far, home, closest))
        closest = box_distances(middle, home, x, y, z, near, 0)
        home = home * LANES + lowest_lane(lanes_within(near, 0, closest))
        worst = _look_home(planes, rows, blocks, boxes, home, x, y, z, within, room, best)
        for block in range(outer_blocks):
            outers = lanes_within(far, block, worst)
            while outers:
                part = block * LANES + lowest_lane(outers)
                outers &= outers - 1
                box_distances(middle, part, x, y, z, near, 0)
                groups = lanes_within(near, 0, worst)
                while groups:
                    group = part * LANES + lowest_lane(groups)
                    groups &= groups - 1
                    if group == home:
                        continue
                    box_distances(boxes, group, x, y, z, within, 0)
                    buckets = lanes_within(within, 0, worst)
                    while buckets:
                        bucket = group * LANES + lowest_lane(buckets)
                        buckets &= buckets - 1
                        worst = _look(planes, rows, blocks, bucket, x, y, z, room, best)
        for k in range(count):
            key = best[0] if best[k] == _NOTHING else best[k]
            found[number, k] = key & _ROW
            if bits.shape[1] > 0:
                bits[number, k] = key >> 32


@kernel
def _look_home(
    planes: Any,
    rows: Any,
    blocks: Any,
    boxes: Any,
    group: int,
    x: Any,
    y: Any,
    z: Any,
    within: Any,
    room: Any,
    best: Any,
) -> Any:
    """Looks at the buckets of the nearest group, nearest first."""
    worst = np.int32(INFINITY)
    least = box_distances(boxes, group, x, y, z, within, 0)
    while least <= worst:
        lane = lowest_lane(lanes_within(within, 0, least))
        within[lane] = _VISITED
        worst = _look(planes, rows, blocks, group * LANES + lane, x, y, z, room, best)
        least = within[0]
        for other in range(LANES):
            least = min(least, within[other])
    return worst


@kernel
def _look(
    planes: Any, rows: Any, blocks: Any, bucket: int, x: Any, y: Any, z: Any, room: Any, best: Any
) -> Any:
    """Merges the points of a bucket into the sorted keys; returns the bits of the largest distance there."""
    last = best.size - 1
    worst = np.int32(best[last] >> 32)
    for block in range(blocks[0, bucket], blocks[1, bucket]):
        least = point_distances(planes, block, x, y, z, room, 0)
        if least > worst:
            continue
        mask = lanes_within(room, 0, worst)
        while mask:
            lane = lowest_lane(mask)
            mask &= mask - 1
            key = (np.int64(room[lane]) << 32) | np.int64(rows[block * LANES + lane])
            if key < best[last]:
                k = last
                while k > 0 and best[k - 1] > key:
                    best[k] = best[k - 1]
                    k -= 1
                best[k] = key
        worst = np.int32(best[last] >> 32)
    return worst
