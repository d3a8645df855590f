"""A closed surface made in code, and where it is put: the raw material of procedural objects.

A solid is watertight (every edge belongs to two faces) and wound so that its faces look outwards; every
transform keeps both. Solids are immutable and are put together by `merged`, or with materials by
`geometry.assemble`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Axis = Literal["x", "y", "z"]
Points = NDArray[np.float64]
_AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True, eq=False)
class Solid:
    """Triangles that enclose a volume."""

    vertices: Points
    """(V, 3) in metres."""
    faces: NDArray[np.int32]
    """(F, 3) rows of `vertices`, counter-clockwise seen from outside."""
    corner_uv: Points
    """(F, 3, 2) texture coordinates of the corners in metres on the surface; v runs along the solid."""

    def mapped(self, function: Callable[[Points], Points]) -> Solid:
        """Every vertex moved by `function`, which takes and returns (V, 3) and must not turn space over."""
        return replace(self, vertices=function(self.vertices))

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        """Shifted by these metres."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def turned(self, axis: Axis, angle: float) -> Solid:
        """Rotated about an axis through the origin by `angle` radians, right-handed."""
        return replace(self, vertices=self.vertices @ rotation(axis, angle).T)

    def scaled(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Solid:
        """Stretched by positive factors from the origin; texture coordinates stay."""
        if min(x, y, z) <= 0:
            raise ValueError(f"factors must be positive, got {(x, y, z)}; use mirrored to turn a side over")
        return replace(self, vertices=self.vertices * np.array([x, y, z]))

    def mirrored(self, axis: Axis) -> Solid:
        """Reflected in the plane through the origin that `axis` is normal to; still wound outwards."""
        flip = np.ones(3)
        flip[_AXES[axis]] = -1.0
        return Solid(self.vertices * flip, self.faces[:, ::-1].copy(), self.corner_uv[:, ::-1].copy())


def rotation(axis: Axis, angle: float) -> Points:
    """(3, 3) matrix that turns columns about `axis` by `angle` radians, right-handed."""
    cosine, sine = math.cos(angle), math.sin(angle)
    first, second = ((1, 2), (2, 0), (0, 1))[_AXES[axis]]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def merged(solids: Sequence[Solid]) -> Solid:
    """All solids as one, none of them welded to another."""
    if not solids:
        raise ValueError("there is nothing to merge: give at least one solid")
    starts = np.cumsum([0, *(len(solid.vertices) for solid in solids[:-1])])
    return Solid(
        np.concatenate([solid.vertices for solid in solids]),
        np.concatenate([solid.faces + start for solid, start in zip(solids, starts, strict=True)]).astype(
            np.int32
        ),
        np.concatenate([solid.corner_uv for solid in solids]),
    )


def repeated(solid: Solid, offsets: ArrayLike) -> Solid:
    """Copies shifted by each row of `offsets` (N, 3), as one solid."""
    places = np.asarray(offsets, dtype=np.float64)
    return placed(solid, np.broadcast_to(np.eye(3), (len(places), 3, 3)), places)


def around(solid: Solid, count: int, *, start: float = 0.0) -> Solid:
    """`count` copies turned evenly about the y axis, the first by `start` radians."""
    angles = start + 2 * np.pi * np.arange(count) / count
    turns = np.stack([rotation("y", angle) for angle in angles])
    return placed(solid, turns, np.zeros((count, 3)))


def placed(solid: Solid, turns: Points, offsets: Points) -> Solid:
    """Copies, each transformed by a matrix (N, 3, 3) of positive determinant and then shifted (N, 3)."""
    count, size = len(offsets), len(solid.vertices)
    if count == 0:
        raise ValueError("there is no place to put a copy at: give at least one offset")
    vertices = np.einsum("nij,vj->nvi", turns, solid.vertices) + offsets[:, None]
    faces = solid.faces[None] + (np.arange(count, dtype=np.int32) * size)[:, None, None]
    return Solid(vertices.reshape(-1, 3), faces.reshape(-1, 3), np.tile(solid.corner_uv, (count, 1, 1)))


def outward(vertices: Points, faces: NDArray[np.int32], corner_uv: Points) -> Solid:
    """A solid of closed, consistently wound faces, turned over where they enclose a negative volume."""
    corner = vertices[faces]  # (F, 3, 3)
    volume = (corner[:, 0] * crossed(corner[:, 1], corner[:, 2])).sum()
    if volume < 0:
        faces, corner_uv = faces[:, ::-1], corner_uv[:, ::-1]
    return Solid(vertices, np.ascontiguousarray(faces, dtype=np.int32), np.ascontiguousarray(corner_uv))


def projected_uv(vertices: Points, faces: NDArray[np.integer]) -> Points:
    """(F, 3, 2) coordinates along the two axes that a face lies in most; v along the solid's longer one."""
    corner = vertices[faces]
    normal = np.abs(crossed(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]))
    ascending = np.argsort(np.ptp(vertices, axis=0), kind="stable")
    axes = np.array([[axis for axis in ascending if axis != without] for without in range(3)])
    chosen = axes[normal.argmax(axis=1)]  # (F, 2)
    rows = np.arange(len(faces))[:, None, None]
    projected: Points = corner[rows, np.arange(3)[:, None], chosen[:, None]]
    return projected


def crossed(a: Points, b: Points) -> Points:
    """Cross products of rows (N, 3); many times faster than `numpy.cross` for a few rows."""
    ax, ay, az = a.T
    bx, by, bz = b.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)
