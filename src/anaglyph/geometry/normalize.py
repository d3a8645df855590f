"""A mesh in the library's frame: +y up, centred on its bounding box, scaled to a known size.

Only vertices that a face uses count; the others are left out, so that a stray one cannot shrink a model to a
dot.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh

Measure = Literal["sphere", "diagonal", "side"]
"""What becomes 1: distance of the farthest vertex from the centre, diagonal of the box, its longest side."""


def to_y_up(mesh: Mesh) -> Mesh:
    """The mesh turned so that +y is up: a quarter turn about x; -y, the front of z-up files, goes to +z."""
    if mesh.up == "y":
        return mesh
    x, y, z = mesh.vertices.T
    return replace(mesh, vertices=np.stack([x, z, -y], axis=1), up="y")


def normalized(mesh: Mesh, to: Measure) -> Mesh:
    """The mesh +y up, the centre of its bounding box at the origin, and scaled so that `to` is 1.

    Rendering uses "sphere" (dossier CMIC, 2), surface distances "side" (3.2). Vertices without a face are
    dropped.

    Raises:
        ValueError: no faces, or all of them in one point.
    """
    mesh = without_unused_vertices(to_y_up(mesh))
    low, high = bounds(mesh)
    if not (high > low).any():
        raise ValueError(f"the mesh has no extent: {len(mesh.faces)} faces, all in the point {low.tolist()}")
    centred = mesh.vertices.astype(np.float64) - (low + high) / 2
    if to == "sphere":
        length = float(np.linalg.norm(centred, axis=1).max())
    else:
        length = float(np.linalg.norm(high - low) if to == "diagonal" else (high - low).max())
    return replace(mesh, vertices=(centred / length).astype(np.float32))


def bounds(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3,) lowest and (3,) highest coordinates of the vertices that faces use, in the mesh's own axes.

    Raises:
        ValueError: the mesh has no faces.
    """
    if not len(mesh.faces):
        raise ValueError("the mesh has no faces, so it has no size")
    used = mesh.vertices[used_vertices(mesh)].astype(np.float64)
    return used.min(axis=0), used.max(axis=0)


def used_vertices(mesh: Mesh) -> NDArray[np.bool_]:
    """(V,) whether any face uses the vertex."""
    used = np.zeros(len(mesh.vertices), dtype=bool)
    used[mesh.faces] = True
    return used


def without_unused_vertices(mesh: Mesh) -> Mesh:
    """The same faces over the vertices that they use, in the same order."""
    used = used_vertices(mesh)
    if used.all():
        return mesh
    renumbered = (np.cumsum(used) - 1).astype(np.int32)
    colours = mesh.vertex_colours
    return replace(
        mesh,
        vertices=mesh.vertices[used],
        faces=renumbered[mesh.faces],
        vertex_colours=None if colours is None else colours[used],
    )
