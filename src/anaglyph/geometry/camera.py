"""Orthographic cameras that look along a direction, with a given axis up in the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Axis = tuple[float, float, float]


def orthographic_basis(
    towards: Sequence[float], *, up: Sequence[float] = (0.0, 0.0, 1.0)
) -> NDArray[np.float64]:
    """(3, 3) rows right, up and towards the viewer, of a camera that stands in direction `towards`.

    `points @ basis.T` are picture x, picture y (upwards) and nearness. `towards` need not be a unit vector.
    """
    near = np.asarray(towards, dtype=np.float64)
    right = np.cross(np.asarray(up, dtype=np.float64), near)
    if np.linalg.norm(right) < 1e-9:
        raise ValueError(f"the viewing direction {tuple(towards)} and up {tuple(up)} must not be parallel")
    near, right = near / np.linalg.norm(near), right / np.linalg.norm(right)
    return np.stack([right, np.cross(near, right), near])


def turntable(azimuth: float, elevation: float) -> Axis:
    """Direction of a viewer at these angles in degrees: azimuth from +x to +y, elevation towards +z."""
    turn, rise = math.radians(azimuth), math.radians(elevation)
    return math.cos(turn) * math.cos(rise), math.sin(turn) * math.cos(rise), math.sin(rise)
