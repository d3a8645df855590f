"""Neighbour searches through scipy's k-d tree: what is fast on a CPU without any extra installed.

The tree works in float64 and orders ties as it likes. The contract is float32 distances and ties by the lower
row, so candidates are measured again in float32, and where the last one found does not lie clearly behind the
last one wanted, the search is repeated for more of them, in the end among all points.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

TREE_FROM_POINTS = {"k_nearest": 2048, "ball_query": 4096, "nearest_point": 2048}
"""Reference points from which these functions overtake plain torch (benchmarks/bench_point_ops.py)."""

_SLACK = 1e-6
"""More than the relative rounding of a squared distance in float32, about 4 * 2^-24."""
_TINY = 1e-21
"""A length whose square vanishes in float32."""
_AT_ONCE = 1 << 22
"""Candidates held in memory."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def nearest(query: Tensor, reference: Tensor, neighbours: int, valid: Tensor | None) -> Tensor:
    """Rows of the nearest points, nearest first, ties by the lower row; with too few the nearest repeated.

    Args:
        query: (B, M, 3) float32 on the CPU.
        reference: (B, N, 3) float32.
        neighbours: K, of each query point.
        valid: (B, N) bool or None.

    Returns:
        (B, M, K) int64 rows of `reference`.
    """
    found = torch.empty(*query.shape[:2], neighbours, dtype=torch.int64)
    for cloud, (points, rows) in enumerate(_clouds(reference, valid)):
        keys = _keys(query[cloud].numpy(), points, min(neighbours, len(points)))
        places = rows[keys & 0xFFFFFFFF]
        found[cloud, :, : places.shape[1]] = torch.from_numpy(places)
        found[cloud, :, places.shape[1] :] = found[cloud, :, :1]
    return found


def nearest_one(first: Tensor, second: Tensor, second_valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """For every point of `first` the nearest one of `second`, the lowest row among equals.

    Args:
        first: (B, N, 3) float32 on the CPU.
        second: (B, M, 3) float32.
        second_valid: (B, M) bool or None.

    Returns:
        (B, N) float32 squared distances and (B, N) int64 rows of `second`.
    """
    squared, found = torch.empty(first.shape[:2]), torch.empty(first.shape[:2], dtype=torch.int64)
    for cloud, (points, rows) in enumerate(_clouds(second, second_valid)):
        keys = _keys(first[cloud].numpy(), points, 1)[:, 0]
        squared[cloud] = torch.from_numpy((keys >> 32).astype(np.int32).view(np.float32))
        found[cloud] = torch.from_numpy(rows[keys & 0xFFFFFFFF])
    return squared, found


def ball(query: Tensor, reference: Tensor, radius: float, count: int, valid: Tensor | None) -> Tensor:
    """The `count` lowest valid rows with a squared distance < radius^2, the first repeated where they end.

    Args:
        query: (B, M, 3) float32 on the CPU.
        reference: (B, N, 3) float32.
        radius: in the unit of the points; its square is rounded to float32.
        count: K.
        valid: (B, N) bool or None.

    Returns:
        (B, M, K) int64 rows of `reference`, -1 throughout a ball without points.
    """
    bound = torch.tensor(radius * radius, dtype=torch.float32).numpy()
    found = torch.full((*query.shape[:2], count), -1, dtype=torch.int64)
    for cloud, (points, rows) in enumerate(_clouds(reference, valid)):
        centres, result = query[cloud].numpy(), found[cloud].numpy()
        for owners, candidates in _inside(centres, points, radius):
            inside = _squared(centres[owners], points[candidates]) < bound
            owners, candidates = owners[inside], candidates[inside]
            balls, first, hits = np.unique(owners, return_index=True, return_counts=True)
            place = np.arange(len(owners)) - np.repeat(first, hits)
            lowest = place < count
            result[balls] = rows[candidates[first]][:, None]
            result[owners[lowest], place[lowest]] = rows[candidates[lowest]]
    return found


def _clouds(reference: Tensor, valid: Tensor | None) -> Iterator[tuple[Floats, Ints]]:
    """The valid points of each cloud and their rows."""
    for cloud in range(len(reference)):
        points = reference[cloud].numpy()
        rows = np.arange(len(points)) if valid is None else valid[cloud].numpy().nonzero()[0]
        yield (points if valid is None else points[rows]), rows


def _keys(query: Floats, points: Floats, count: int) -> Ints:
    """(M, count) sorted numbers: the float32 bits of a squared distance in the upper half, then the place."""
    tree = cKDTree(points)
    keys = np.empty((len(query), count), np.int64)
    rest = np.arange(len(query))  # queries whose neighbours are not certain yet
    for candidates in (count + 1, 4 * count + 16):
        if len(rest) and candidates < len(points):
            distance, place = tree.query(query[rest], k=candidates, workers=torch.get_num_threads())
            found = np.sort(_joined(query[rest, None], points[place], place), axis=1)[:, :count]
            keys[rest] = found
            last = (found[:, -1] >> 32).astype(np.int32).view(np.float32).astype(np.float64)
            rest = rest[~(np.sqrt(last) * (1 + _SLACK) + _TINY < distance[:, -1])]
    everything = np.arange(len(points))
    for part in np.array_split(rest, 1 + len(rest) * len(points) // _AT_ONCE):
        if len(part):
            found = _joined(query[part, None], points[None], everything)
            keys[part] = np.sort(np.partition(found, count - 1, axis=1)[:, :count], axis=1)
    return keys


def _inside(centres: Floats, points: Floats, radius: float) -> Iterator[tuple[Ints, Ints]]:
    """(ball, point) pairs in ascending order that hold all points inside, a bounded number at a time."""
    tree = cKDTree(points)
    reach = radius * (1 + _SLACK) + _TINY
    options: dict[str, Any] = {"workers": torch.get_num_threads()}
    sizes = tree.query_ball_point(centres, reach, return_length=True, **options)
    total = np.cumsum(sizes)
    begin = 0
    while begin < len(centres):
        before = total[begin] - sizes[begin]
        end = max(begin + 1, int(np.searchsorted(total, before + _AT_ONCE, side="right")))
        lists = tree.query_ball_point(centres[begin:end], reach, return_sorted=True, **options)
        if total[end - 1] > before:
            owners = np.repeat(np.arange(begin, end), sizes[begin:end])
            yield owners, np.concatenate([np.asarray(hits, np.int64) for hits in lists])
        begin = end


def _squared(first: Floats, second: Floats) -> Floats:
    """Rounded as ((dx * dx + dy * dy) + dz * dz), like every other back-end."""
    gap = first - second
    gap *= gap
    total: Floats = (gap[..., 0] + gap[..., 1]) + gap[..., 2]
    return total


def _joined(first: Floats, second: Floats, place: NDArray[Any]) -> Ints:
    bits = _squared(first, second).view(np.int32).astype(np.int64)
    keys: Ints = (bits << 32) | place
    return keys
