"""Neighbour searches through scipy's k-d tree: what is fast on a CPU without any extra installed.

The tree works in float64 and orders ties as it likes. The contract is float32 distances and ties by the lower
row, so candidates are measured again in float32, and where the last one found does not lie clearly behind the
last one wanted, more of them are asked for, in the end all points. A few queries are tried first: where most
of them end there, as on a lattice, the tree is left and every distance computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from anaglyph.ops.knn import nearest_in_blocks

TREE_FROM_POINTS = {"k_nearest": 2048, "ball_query": math.inf, "nearest_point": 2048}
"""Reference points from which these functions overtake plain torch (benchmarks/bench_point_ops.py).

A ball query does so only where balls hold few points, which nobody knows beforehand; where they hold many, it
is tens of times slower. So it is there to be asked for by name, but never chosen.
"""
TREE_FROM_QUERIES = 512
"""Query points in a cloud that pay for building its tree."""

_SLACK = 1e-6
"""More than the relative rounding of a squared distance in float32, about 4 * 2^-24."""
_TINY = 1e-21
"""A length whose square vanishes in float32."""
_AT_ONCE = 1 << 22
"""Candidates held in memory."""
_TRIALS = 16
_MOST = 128
"""Neighbours beyond which asking the tree costs as much as choosing among all distances."""
_CANDIDATE, _DISTANCE, _CHOICE = 110.0, 0.9, 200.0
"""Nanoseconds: one more candidate from the tree; one distance without it, and one more neighbour chosen."""

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
        places = rows[_nearest_places(query[cloud].numpy(), points, min(neighbours, len(points)))]
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
        places = _nearest_places(first[cloud].numpy(), points, 1)[:, 0]
        squared[cloud] = torch.from_numpy(_squared(first[cloud].numpy(), points[places]))
        found[cloud] = torch.from_numpy(rows[places])
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


def _nearest_places(query: Floats, points: Floats, count: int) -> Ints:
    """(M, count) places of the nearest points, by distance and then by place."""
    kept = _without_copies(points, count)
    points = points[kept]
    found = np.empty((len(query), count), np.int64)
    unsure = np.arange(len(query)) if count > _MOST else _search_tree(query, points, found)
    if len(unsure):
        everything = torch.from_numpy(query[unsure])[None], torch.from_numpy(points)[None]
        found[unsure] = nearest_in_blocks(*everything, count)[0].numpy()
    places: Ints = kept[found]
    return places


def _search_tree(query: Floats, points: Floats, found: Ints) -> Ints:
    """Writes the places that are certain into `found`; the rows left."""
    trial = np.zeros(len(query), np.bool_)
    trial[:: max(1, len(query) // _TRIALS)] = True
    others = (~trial).nonzero()[0]
    tree = cKDTree(points)
    rest, cost = _ask_tree(tree, query, points, trial.nonzero()[0], found)
    if cost < _DISTANCE * len(points) + _CHOICE * found.shape[1]:
        others, _ = _ask_tree(tree, query, points, others, found)
    return np.concatenate([rest, others])


def _ask_tree(tree: Any, query: Floats, points: Floats, rows: Ints, found: Ints) -> tuple[Ints, float]:
    """Writes what is certain into the `rows` of `found`; the rows left and the nanoseconds per row."""
    count, rest, cost = found.shape[1], rows, 0.0
    for candidates in (count + 1, 4 * count + 16):
        if len(rest) and candidates < len(points):
            cost += _CANDIDATE * candidates * len(rest)
            distance, place = tree.query(query[rest], k=candidates, workers=torch.get_num_threads())
            keys = np.sort(_joined(query[rest, None], points[place], place), axis=1)[:, :count]
            found[rest] = keys & 0xFFFFFFFF
            last = (keys[:, -1] >> 32).astype(np.int32).view(np.float32).astype(np.float64)
            rest = rest[~(np.sqrt(last) * (1 + _SLACK) + _TINY < distance[:, -1])]
    cost += (_DISTANCE * len(points) + _CHOICE * count) * len(rest)
    return rest, cost / max(1, len(rows))


def _without_copies(points: Floats, most: int) -> Ints:
    """Places of the points, of those at one position the first `most`: no more can be among the nearest."""
    bits = (points + np.float32(0.0)).view(np.uint32).astype(np.uint64)  # one zero, not two
    mixed = np.sort(bits @ np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64))
    if not (mixed[most:] == mixed[:-most]).any():
        return np.arange(len(points))
    order = np.lexsort(bits.T)
    is_new = np.ones(len(points), np.bool_)
    is_new[1:] = (bits[order[1:]] != bits[order[:-1]]).any(axis=1)
    first = np.maximum.accumulate(np.where(is_new, np.arange(len(points)), 0))
    kept: Ints = np.sort(order[np.arange(len(points)) - first < most])
    return kept


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
