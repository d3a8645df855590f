"""Buckets laid out for vector searches: points in blocks of sixteen, boxes within boxes, sixteen each.

A group is a whole branch of the k-d tree with at most sixteen leaves, so its box is small; a run of sixteen
leaves could join far ends of two branches. An outer group holds at most sixteen groups in the same way.
A search looks at all outer boxes and then only into near ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anaglyph.ops.fast.buckets import divide, planes_of
from anaglyph.ops.fast.kernel import kernel
from anaglyph.ops.fast.lanes import LANES

Grouped = Any
"""Planes (3, 16 * blocks) padded with NaN and their int32 rows; the first block of every bucket and the one
behind its last, (2, buckets); and boxes (6, padded) of buckets, of groups and of outer groups. Group g holds
buckets 16 * g + (0 to 15), outer group g groups likewise. Places without one have boxes of NaN, at a distance
whose bits lie above those of infinity."""


@kernel
def arrange(points: Any, valid: Any, most: int) -> Grouped:
    """(N, 3) points and a mask, (0,) for none, in buckets of at most `most`."""
    planes, rows = planes_of(points, valid)
    edges, tight, depths = divide(planes, rows, most)
    place, depths = _branches(depths)
    outer_place, depths = _branches(depths)
    outers = outer_place[-1] // LANES + 1
    place = outer_place[place // LANES] * LANES + place % LANES  # of every bucket
    outer_boxes = _empty_boxes(outers)
    middle_boxes = _empty_boxes(outers * LANES)
    boxes = _empty_boxes(outers * LANES * LANES)
    blocks = np.zeros((2, boxes.shape[1]), np.int64)
    total = 0
    for bucket in range(place.size):
        here = place[bucket]
        blocks[0, here] = total
        total += (edges[bucket + 1] - edges[bucket] + LANES - 1) // LANES
        blocks[1, here] = total
        for side in range(6):
            boxes[side, here] = tight[side, bucket]
    _enclose(boxes, middle_boxes)
    _enclose(middle_boxes, outer_boxes)
    padded = np.full((3, total * LANES), np.nan, np.float32)
    padded_rows = np.zeros(total * LANES, np.int32)
    for bucket in range(place.size):
        shift = blocks[0, place[bucket]] * LANES - edges[bucket]
        for i in range(edges[bucket], edges[bucket + 1]):
            for axis in range(3):
                padded[axis, shift + i] = planes[axis, i]
            padded_rows[shift + i] = rows[i]
    return padded, padded_rows, blocks, boxes, middle_boxes, outer_boxes


@kernel
def _branches(depths: Any) -> tuple[Any, Any]:
    """Joins the leaves of a binary tree to the largest branches that have at most sixteen.

    `depths` lists the leaves from left to right. Returns the place of every leaf, 16 * branch + (0 to 15),
    and the depth of every branch.
    """
    head = np.full(depths.size, -1, np.int64)  # the depth of a branch, at its first leaf
    first = np.empty(depths.size, np.int64)  # finished subtrees: first leaf, depth, leaves
    depth = np.empty(depths.size, np.int64)
    leaves = np.empty(depths.size, np.int64)
    top = -1
    for leaf in range(depths.size):
        top += 1
        first[top], depth[top], leaves[top] = leaf, depths[leaf], 1
        while top > 0 and depth[top] == depth[top - 1]:
            joined = leaves[top] + leaves[top - 1]
            if joined > LANES:
                for part in range(top - 1, top + 1):
                    if leaves[part] <= LANES:
                        head[first[part]] = depth[part]
                joined = LANES + 1  # no longer a branch: its parts are
            top -= 1
            leaves[top] = joined
            depth[top] -= 1
    if leaves[0] <= LANES:
        head[0] = depth[0]
    place = np.empty(depths.size, np.int64)
    branch, lane = -1, 0
    for leaf in range(depths.size):
        lane += 1
        if head[leaf] >= 0:
            branch += 1
            lane = 0
        place[leaf] = branch * LANES + lane
    return place, head[head >= 0]


@kernel
def _enclose(boxes: Any, outer: Any) -> None:
    """Boxes around sixteen boxes each."""
    for inner in range(boxes.shape[1]):
        group = inner // LANES
        if np.isnan(boxes[0, inner]):
            continue
        for side in range(6):
            value = boxes[side, inner]
            if inner % LANES == 0:
                outer[side, group] = value
            elif side % 2 == 0:
                outer[side, group] = min(outer[side, group], value)
            else:
                outer[side, group] = max(outer[side, group], value)


@kernel
def _empty_boxes(count: int) -> Any:
    return np.full((6, (count + LANES - 1) // LANES * LANES), np.nan, np.float32)
