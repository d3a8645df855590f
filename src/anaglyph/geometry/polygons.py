"""Cutting a simple polygon into triangles (ear clipping; Meisters, 1975)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
_FLAT = 1e-9
"""Twice a triangle's area below which it counts as flat, for a polygon of extent 1."""


def triangulated(outline: Points) -> NDArray[np.int32]:
    """(K - 2, 3) counter-clockwise triangles of a counter-clockwise simple polygon (K, 2), none of them flat.

    Every corner is used, also one on a straight side, so that walls built on the outline stay closed.

    Raises:
        ValueError: the outline crosses itself, runs clockwise or encloses nothing.
    """
    points = (outline - outline.min(axis=0)) / max(float(np.ptp(outline, axis=0).max()), 1e-300)
    if _convex(points):
        rest = np.arange(1, len(points) - 1, dtype=np.int32)
        return np.stack([np.zeros_like(rest), rest, rest + 1], axis=1)
    left = np.arange(len(points))
    triangles = []
    while len(left) > 3:
        tip = _ear(points[left])
        triangles.append((left[tip - 1], left[tip], left[(tip + 1) % len(left)]))
        left = np.delete(left, tip)
    if _doubled(*points[left]) <= _FLAT:
        raise ValueError(_MESSAGE)
    return np.array([*triangles, tuple(left)], dtype=np.int32)


_MESSAGE = "an outline must be a simple polygon, counter-clockwise, with an area; this one cannot be cut up"


def _convex(points: Points) -> bool:
    """Strictly convex and wound once, so that a fan from the first corner has no flat triangle."""
    side = np.roll(points, -1, axis=0) - points
    turn = np.arctan2(_cross(side, np.roll(side, -1, axis=0)), (side * np.roll(side, -1, axis=0)).sum(axis=1))
    return bool((turn > 1e-6).all() and turn.sum() < 3 * np.pi)


def _ear(points: Points) -> int:
    """The corner of the remaining polygon (n, 2) that can be cut off with the roundest triangle."""
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    area = _doubled(before, points, after)  # (n,)
    inside = np.ones((len(points), len(points)), dtype=bool)  # [ear, other corner], edges included
    for first, second in ((before, points), (points, after), (after, before)):
        inside &= _cross((second - first)[:, None], points[None] - first[:, None]) >= -_FLAT
    rows = np.arange(len(points))
    for own in (rows, (rows - 1) % len(points), (rows + 1) % len(points)):
        inside[rows, own] = False
    remains = _whole(points) - area  # a flat rest could not be cut any more
    ear = (area > _FLAT) & ~inside.any(axis=1) & (remains > _FLAT)
    if not ear.any():
        raise ValueError(_MESSAGE)
    longest = np.maximum(
        np.maximum(_squared(points - before), _squared(after - points)), _squared(before - after)
    )
    return int(np.where(ear, area / longest, -1.0).argmax())


def _whole(points: Points) -> float:
    x, y = points.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def _doubled(a: Points, b: Points, c: Points) -> Points:
    return _cross(b - a, c - a)


def _cross(a: Points, b: Points) -> Points:
    result: Points = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return result


def _squared(a: Points) -> Points:
    result: Points = (a**2).sum(axis=-1)
    return result
