"""Normals at the corners of faces: smooth over curved surfaces, sharp at edges.

Models seldom say which of their edges are round. An edge is taken for one where its two faces turn by less
than a crease angle, so a cylinder is smooth around and sharp at its rims.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh

_MOST_FACES = 64
"""Of one vertex; beyond, as at the tip of a fan, its corners keep the normals of their faces."""


def corner_normals(mesh: Mesh, *, crease: float = math.radians(40.0)) -> NDArray[np.float32]:
    """(F, 3, 3) unit normals of each face's corners, 0 where a face has no area.

    Each is the mean over those faces at the same place whose normals lie within `crease` radians of the
    face's own, weighted by area. Vertices at the same place count as one, whatever the file says.
    """
    corners = mesh.vertices[mesh.faces].astype(np.float64)  # (F, 3, 3)
    doubled = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(doubled, axis=1, keepdims=True)
    own = doubled / np.where(length == 0, 1.0, length)  # (F, 3)
    result = np.repeat(own[:, None], 3, axis=1)
    first, second = _neighbours(_places(mesh))
    here, there = first // 3, second // 3  # faces of the two corners
    alike = (own[here] * own[there]).sum(axis=1) > math.cos(crease)
    first, there = first[alike], there[alike]
    sums = np.stack(
        [np.bincount(first, doubled[there, axis], minlength=3 * len(own)) for axis in range(3)], axis=1
    ).reshape(-1, 3, 3)
    size = np.linalg.norm(sums, axis=2, keepdims=True)
    result = np.where(size > 0, sums / np.where(size == 0, 1.0, size), result)
    return result.astype(np.float32)


def _places(mesh: Mesh) -> NDArray[np.int64]:
    """(3 F) number of the place of each corner."""
    _, numbers = np.unique(mesh.vertices, axis=0, return_inverse=True)
    places: NDArray[np.int64] = numbers.reshape(-1)[mesh.faces.reshape(-1)]
    return places


def _neighbours(places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All ordered pairs of corners, also of a corner with itself, that lie at one place."""
    order = np.argsort(places, kind="stable")
    counts = np.bincount(places)
    begin = np.cumsum(counts) - counts  # of each place in `order`
    mine = counts[places[order]]  # corners at the place of each
    mine[mine > _MOST_FACES] = 0
    first = np.repeat(order, mine)
    step = np.arange(len(first)) - np.repeat(np.cumsum(mine) - mine, mine)
    return first, order[np.repeat(begin[places[order]], mine) + step]
