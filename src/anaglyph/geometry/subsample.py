"""Choosing some of a cloud's points, uniformly and by a generator of one's own.

Too few points is an error; repeating points to reach a count is a function of its own name.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def subsample(points: NDArray[Scalar], count: int, generator: np.random.Generator) -> NDArray[Scalar]:
    """(N, ...) -> (count, ...) different rows in random order; ValueError when N < count."""
    if not 1 <= count <= len(points):
        raise ValueError(f"cannot take {count} different points of {len(points)}")
    return points[generator.permutation(len(points))[:count]]


def subsample_repeating(
    points: NDArray[Scalar], count: int, generator: np.random.Generator
) -> NDArray[Scalar]:
    """(N, ...) -> (count, ...) rows in random order, each repeated as evenly as N < count makes necessary."""
    if count < 1 or not len(points):
        raise ValueError(f"cannot take {count} points of {len(points)}")
    rounds = [generator.permutation(len(points)) for _ in range(-(-count // len(points)))]
    return points[np.concatenate(rounds)[:count]]


def to_unit_sphere(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """(N, 3) centred on the mean of the points and scaled so that the farthest lies at distance 1."""
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    radius = float(np.linalg.norm(centred, axis=1).max())
    return np.asarray(centred / max(radius, 1e-12), dtype=np.float32)
