"""Outlines in the plane and curves in space, from which solids are extruded, turned and swept."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def smooth_curve(points: ArrayLike, *, steps: int = 4, closed: bool = False) -> Points:
    """Catmull-Rom curve through `points` (P, D), `steps` pieces between two neighbours.

    An open curve starts at the first and ends at the last point; a closed one does not repeat the first.
    """
    through = np.asarray(points, dtype=np.float64)
    if closed:
        before, after, last = np.roll(through, 1, 0), np.roll(through, -1, 0), np.roll(through, -2, 0)
    else:
        padded = np.concatenate([2 * through[:1] - through[1:2], through, 2 * through[-1:] - through[-2:-1]])
        before, through, after, last = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(steps) / steps)[None, :, None]
    p, a, b, n = (part[:, None] for part in (before, through, after, last))
    curve = 0.5 * (2 * a + (b - p) * t + (2 * p - 5 * a + 4 * b - n) * t**2 + (3 * a - p - 3 * b + n) * t**3)
    result = curve.reshape(-1, through.shape[1])
    return result if closed else np.concatenate([result, after[-1:]])


def arc(
    radius: float, start: float, stop: float, *, steps: int = 8, centre: ArrayLike = (0.0, 0.0)
) -> Points:
    """(steps + 1, 2) points of a circle from angle `start` to `stop`, radians from the first axis."""
    angle = np.linspace(start, stop, steps + 1)
    return np.asarray(centre) + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def regular_polygon(radius: float, *, corners: int, start: float = 0.0) -> Points:
    """(corners, 2) points on a circle, the first at angle `start`."""
    angle = start + 2 * np.pi * np.arange(corners) / corners
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def rectangle(width: float, height: float) -> Points:
    """(4, 2) corners, counter-clockwise, centred."""
    return 0.5 * np.array([[-width, -height], [width, -height], [width, height], [-width, height]])


def rounded_rectangle(width: float, height: float, *, radius: float, steps: int = 3) -> Points:
    """(4 (steps + 1), 2) counter-clockwise; the radius is cut to half of the shorter side."""
    radius = min(radius, width / 2, height / 2)
    corners = rectangle(width - 2 * radius, height - 2 * radius)
    turns = np.linspace(0.0, np.pi / 2, steps + 1)
    angle = np.array([np.pi, 1.5 * np.pi, 0.0, 0.5 * np.pi])[:, None] + turns
    around = np.stack([np.cos(angle), np.sin(angle)], axis=2)  # (4, steps + 1, 2)
    return (corners[:, None] + radius * around).reshape(-1, 2)


def superellipse(width: float, height: float, *, power: float, corners: int = 24) -> Points:
    """|2x / width|^power + |2y / height|^power = 1: 2 an ellipse, larger ever squarer."""
    angle = 2 * np.pi * np.arange(corners) / corners
    directions = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    reach = (np.abs(directions) ** power).sum(axis=1, keepdims=True) ** (-1.0 / power)
    outline: Points = 0.5 * np.array([width, height]) * directions * reach
    return outline


def signed_area(outline: Points) -> float:
    """Area of a polygon (K, 2), positive when it runs counter-clockwise."""
    x, y = outline.T
    return float(0.5 * (x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def lifted(outline: ArrayLike, *, z: float = 0.0) -> Points:
    """(K, 2) -> (K, 3) at depth `z`."""
    flat = np.asarray(outline, dtype=np.float64)
    return np.column_stack([flat, np.full(len(flat), z)])


def helix(radius: float, height: float, *, turns: float, steps: int) -> Points:
    """(steps + 1, 3) rising about the y axis from y = 0."""
    share = np.linspace(0.0, 1.0, steps + 1)
    angle = 2 * math.pi * turns * share
    return np.stack([radius * np.cos(angle), height * share, radius * np.sin(angle)], axis=1)
