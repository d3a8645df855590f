"""How the models of a data set stand in their files, and the way into the library's frame.

The library's frame has +y up and the model's front at +z, so that a camera at azimuth 0 faces the front.

- pix3d: "+x leftward, +y upward, +z inward, in canonical view" (its readme): half a turn about y.
- shapenet_v2: up +y, front -z (its readme): half a turn about y.
- shapenet_v1: up +y, front +x, symmetric in x-y (its readme), and mirrored ("this fixes the mirroring issue
  in ShapeNetCore v1", readme of v2). The annotated poses of cars say the same: their projection divides by a
  negative depth and so swaps left and right. Exchanging x and z turns the front to +z and undoes it.
- future3d: up +y, front +z (from memory, not checked on files).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh

Frame = Literal["library", "pix3d", "shapenet_v1", "shapenet_v2", "future3d"]
_HALF_TURN = ((-1, 0, 0), (0, 1, 0), (0, 0, -1))
_SAME = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
_TO_LIBRARY: dict[Frame, tuple[tuple[int, int, int], ...]] = {
    "library": _SAME,
    "pix3d": _HALF_TURN,
    "shapenet_v1": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    "shapenet_v2": _HALF_TURN,
    "future3d": _SAME,
}


def to_library(frame: Frame) -> NDArray[np.float32]:
    """(3, 3) matrix of axes: what it does to a column vector of the file's frame."""
    return np.array(_TO_LIBRARY[frame], dtype=np.float32)


def in_library_frame(mesh: Mesh, frame: Frame) -> Mesh:
    """The mesh with +y up and its front at +z; where that mirrors it, faces still wind as they did."""
    axes = to_library(frame)
    turned = replace(mesh, vertices=np.ascontiguousarray(mesh.vertices @ axes.T), up="y")
    if np.linalg.det(axes) > 0:
        return turned
    corners = None if mesh.corner_uv is None else np.ascontiguousarray(mesh.corner_uv[:, ::-1])
    return replace(turned, faces=np.ascontiguousarray(mesh.faces[:, ::-1]), corner_uv=corners)


def azimuth_of(position: Sequence[float], frame: Frame) -> float:
    """Degrees in [0, 360) of a camera that stands at `position` of the file's frame; NaN straight above."""
    x, _, z = to_library(frame) @ np.asarray(position, dtype=np.float64)
    if math.hypot(x, z) == 0.0:
        return math.nan
    return math.degrees(math.atan2(x, z)) % 360.0
