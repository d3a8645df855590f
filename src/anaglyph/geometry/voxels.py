"""Solid voxel grids of meshes, as Patrick Min's binvox makes them, for the overlap of two shapes.

The cube's side is the longest extent of the model and its lowest corner is the lowest corner of the model's
box: all 26 grids that come with the models in `shapenet_sample` stand so, exactly; none is centred. (i, j, k)
is the cell with i <= x < i + 1 and so on in cells. A cell is filled when

- a ray along an axis through cell centres meets the surface in it, so thin sheets stay, or
- its centre is hidden: from both ends of all three axes the surface is in front of it (carving).

Measured against those 26 grids, this agrees best of what was tried, with a mean IoU that
`tests/geometry/test_voxels.py` keeps above .9. Filling what a flood from outside cannot reach agrees less: an
open vessel floods but is solid to binvox. What remains is how binvox draws thin sheets on the graphics card.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import bounds, to_y_up

MAX_RESOLUTION = 1024
_BLOCK = 1 << 20
"""Pairs of a triangle and a ray that are looked at together, about 200 MB."""
Rays = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""Row and column of a ray and the depth where it meets the surface, all in cells."""


def solid_grid(mesh: Mesh, *, resolution: int = 128, centred: bool = False) -> NDArray[np.bool_]:
    """(R, R, R) filled cells, axes x, y, z with y up; the mesh may have any size, place and up axis.

    Args:
        mesh: what is filled.
        resolution: R, cells a side, 1 to 1024; the published overlaps use 128.
        centred: put the model in the middle of the cube instead of its lowest corner.

    Raises:
        ValueError: the mesh has no faces or no extent, or the resolution is out of range.
    """
    if not 1 <= resolution <= MAX_RESOLUTION:
        raise ValueError(f"resolution must be 1 to {MAX_RESOLUTION}, got {resolution}")
    mesh = to_y_up(mesh)
    low, high = bounds(mesh)
    side = float((high - low).max())
    if side <= 0:
        raise ValueError(f"the mesh has no extent: {len(mesh.faces)} faces, all in the point {low.tolist()}")
    start = (low + high - side) / 2 if centred else low
    cells = (mesh.vertices.astype(np.float64) - start) * (resolution / side)
    triangles = cells[mesh.faces]  # (F, 3 corners, 3 axes)
    hidden = np.ones((resolution,) * 3, dtype=bool)
    surface = np.zeros((resolution,) * 3, dtype=bool)
    for axis in range(3):
        _cast(triangles, axis, hidden, surface)
    filled = hidden | surface
    if not filled.any():  # a needle between the rays: its corners stand for it
        corners = np.clip(triangles.reshape(-1, 3), 0, resolution - 1).astype(np.int64)
        filled[tuple(corners.T)] = True
    return filled


def _cast(
    triangles: NDArray[np.float64], axis: int, hidden: NDArray[np.bool_], surface: NDArray[np.bool_]
) -> None:
    """Along one axis: take the cells seen from an end from `hidden`, add those that are met to `surface`."""
    resolution = len(hidden)
    hidden, surface = np.moveaxis(hidden, axis, 2), np.moveaxis(surface, axis, 2)
    nearest = np.full((resolution, resolution), np.inf)
    farthest = np.full((resolution, resolution), -np.inf)
    for rows, columns, depths in _crossings(triangles, axis, resolution):
        np.minimum.at(nearest, (rows, columns), depths)
        np.maximum.at(farthest, (rows, columns), depths)
        surface[rows, columns, np.clip(np.floor(depths).astype(np.int64), 0, resolution - 1)] = True
    centres = np.arange(resolution) + 0.5
    hidden &= (nearest[:, :, None] <= centres) & (centres <= farthest[:, :, None])


def _crossings(triangles: NDArray[np.float64], axis: int, resolution: int) -> Iterator[Rays]:
    """Where rays through cell centres along `axis` meet triangles, their borders included, block by block."""
    others = [other for other in range(3) if other != axis]
    flat, depth = triangles[:, :, others], triangles[:, :, axis]
    first = np.clip(np.ceil(flat.min(axis=1) - 0.5), 0, resolution).astype(np.int64)
    last = np.clip(np.floor(flat.max(axis=1) - 0.5), -1, resolution - 1).astype(np.int64)
    spans = np.maximum(last - first + 1, 0)  # (F, 2) rays below each triangle's box
    ends = np.cumsum(spans[:, 0] * spans[:, 1])
    total = int(ends[-1])
    for start in range(0, total, _BLOCK):
        pairs = np.arange(start, min(start + _BLOCK, total))
        faces = np.searchsorted(ends, pairs, side="right")
        within = pairs - (ends - spans[:, 0] * spans[:, 1])[faces]
        rows = first[faces, 0] + within // spans[faces, 1]
        columns = first[faces, 1] + within % spans[faces, 1]
        rays = np.stack([rows, columns], axis=1) + 0.5
        met, depths = _meet(flat[faces] - rays[:, None], depth[faces])
        yield rows[met], columns[met], depths


def _meet(
    corners: NDArray[np.float64], depth: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether the origin lies in each triangle (P, 3, 2), never if edge-on, and its depth (P, 3) there."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    weights = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], axis=1)
    total = weights.sum(axis=1)
    met = ((weights >= 0).all(axis=1) | (weights <= 0).all(axis=1)) & (total != 0)
    return met, (weights[met] * depth[met]).sum(axis=1) / total[met]


def _cross(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(left[:, 0] * right[:, 1] - left[:, 1] * right[:, 0])
