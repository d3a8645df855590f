"""Ball query on the CPU: the lowest rows inside each ball, from the buckets it touches or in plain order.

Where balls are full, the lowest rows come up soon when all points are looked at in their order; a few queries
are tried to see. Where they are not, buckets find the few points of a ball, and a search that meets a crowd
all the same changes over to plain order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from anaglyph.ops.fast.grouped import Grouped, arrange
from anaglyph.ops.fast.kernel import kernel
from anaglyph.ops.fast.lanes import LANES, box_distances, lanes_within, lowest_lane, point_distances
from anaglyph.ops.fast.threads import ranges, spread

_MOST = 64
"""Points in a bucket."""
_CROWD = 256
"""Points met in a ball from which plain order is tried."""
_BUILD, _BLOCK, _SEARCH = 60.0, 2.5, 300.0
"""Nanoseconds: to build buckets, per point; to look at sixteen points in order; to search them, per ball."""
_TRIALS = 32


def ball(query: Tensor, reference: Tensor, radius: float, count: int, valid: Tensor | None) -> Tensor:
    """The `count` lowest valid rows with a squared distance < radius^2, the first repeated where they end.

    Args:
        query: (B, M, 3) float32, contiguous.
        reference: (B, N, 3) float32, contiguous.
        radius: in the unit of the points; its square is rounded to float32.
        count: K.
        valid: (B, N) bool or None.

    Returns:
        (B, M, K) int64 rows of `reference`, -1 throughout a ball without points.
    """
    clouds, rows, size = *query.shape[:2], reference.shape[1]
    result = torch.empty(clouds, rows, count, dtype=torch.int64)
    found, queries, references = result.numpy(), query.numpy(), reference.numpy()
    masks = np.ones((clouds, 0), np.bool_) if valid is None else valid.numpy()
    bound = np.int32(torch.tensor(radius * radius, dtype=torch.float32).view(torch.int32).item() - 1)
    plain = spread(
        lambda cloud: arrange(references[cloud], masks[cloud], size),  # one bucket: the valid points in order
        range(clouds),
        nanoseconds=2.0 * clouds * size,
    )
    trial = slice(None, None, max(1, rows // _TRIALS))
    looked = sum(_blocks_in_order(queries[c, trial].copy(), plain[c], bound, count) for c in range(clouds))
    in_order = _BLOCK * looked * rows / max(1, len(range(rows)[trial]))
    search = clouds * (_BUILD * size + _SEARCH * rows)
    trees = plain
    if search < in_order:
        trees = spread(
            lambda cloud: arrange(references[cloud], masks[cloud], _MOST), range(clouds), nanoseconds=search
        )

    def work(piece: tuple[int, int, int]) -> None:
        cloud, begin, end = piece
        crowd = _CROWD if search < in_order else -1
        _search(queries[cloud, begin:end], plain[cloud], trees[cloud], bound, crowd, found[cloud, begin:end])

    spread(work, ranges(clouds, rows, least=256), nanoseconds=min(search, in_order))
    return result


@kernel
def _blocks_in_order(queries: Any, plain: Grouped, bound: Any, count: int) -> int:
    """Blocks that a search in plain order looks at."""
    room, best, total = np.empty(LANES, np.int32), np.empty(count, np.int64), 0
    for number in range(len(queries)):
        x, y, z = queries[number, 0], queries[number, 1], queries[number, 2]
        total += _in_order(plain[0], plain[1], x, y, z, bound, room, best)[1]
    return total


@kernel
def _search(queries: Any, plain: Grouped, tree: Grouped, bound: Any, crowd: int, found: Any) -> None:
    plain_planes, plain_rows = plain[0], plain[1]
    planes, rows, blocks, boxes, middle, outer = tree
    room = np.empty(4 * LANES, np.int32)
    for number in range(len(queries)):
        x, y, z, best = queries[number, 0], queries[number, 1], queries[number, 2], found[number]
        inside = -1
        if crowd >= 0:
            inside = _from_buckets(
                planes, rows, blocks, boxes, middle, outer, x, y, z, bound, crowd, room, best
            )
        if inside < 0:
            inside, _ = _in_order(plain_planes, plain_rows, x, y, z, bound, room, best)
        best[inside:] = best[0] if inside else -1


@kernel
def _in_order(
    planes: Any, rows: Any, x: Any, y: Any, z: Any, bound: Any, room: Any, best: Any
) -> tuple[int, int]:
    """Fills in the first rows inside; returns how many, and how many blocks were looked at."""
    inside, blocks = 0, planes.shape[1] // LANES
    for block in range(blocks):
        point_distances(planes, block, x, y, z, room, 0)
        mask = lanes_within(room, 0, bound)
        while mask:
            best[inside] = rows[block * LANES + lowest_lane(mask)]
            inside += 1
            if inside == best.size:
                return inside, block + 1
            mask &= mask - 1
    return inside, blocks


@kernel
def _from_buckets(
    planes: Any,
    rows: Any,
    blocks: Any,
    boxes: Any,
    middle: Any,
    outer: Any,
    x: Any,
    y: Any,
    z: Any,
    bound: Any,
    crowd: int,
    room: Any,
    best: Any,
) -> int:
    """Fills in the lowest rows inside; returns how many, -1 where more than `crowd` came up."""
    inside = met = 0
    for outer_block in range(outer.shape[1] // LANES):
        box_distances(outer, outer_block, x, y, z, room, 1)
        outers = lanes_within(room, 1, bound)
        while outers:
            part = outer_block * LANES + lowest_lane(outers)
            outers &= outers - 1
            box_distances(middle, part, x, y, z, room, 2)
            groups = lanes_within(room, 2, bound)
            while groups:
                group = part * LANES + lowest_lane(groups)
                groups &= groups - 1
                box_distances(boxes, group, x, y, z, room, 3)
                buckets = lanes_within(room, 3, bound)
                while buckets:
                    bucket = group * LANES + lowest_lane(buckets)
                    buckets &= buckets - 1
                    for block in range(blocks[0, bucket], blocks[1, bucket]):
                        point_distances(planes, block, x, y, z, room, 0)
                        mask = lanes_within(room, 0, bound)
                        while mask:
                            inside = _insert(best, inside, rows[block * LANES + lowest_lane(mask)])
                            mask &= mask - 1
                            met += 1
                    if met > crowd:
                        return -1
    return inside


@kernel
def _insert(best: Any, inside: int, row: Any) -> int:
    """Puts a row into the ascending `best[:inside]`, which loses its highest when it is full."""
    if inside == best.size:
        if row > best[inside - 1]:
            return inside
        inside -= 1
    place = inside
    while place > 0 and best[place - 1] > row:
        best[place] = best[place - 1]
        place -= 1
    best[place] = row
    return inside + 1
