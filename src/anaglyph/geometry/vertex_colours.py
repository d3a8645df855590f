"""All colours of a mesh as colours of vertices: what every reader of models understands.

Exact for plain materials, coarse for pictures on large triangles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.surface_colour import colour_at, has_colours


def coloured_vertices(mesh: Mesh) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.uint8] | None]:
    """(V, 3) positions, (F, 3) faces, and (V, 3) sRGB where the mesh has colours.

    Corners of one vertex that differ in colour become vertices of their own.
    """
    if not has_colours(mesh):
        return mesh.vertices, mesh.faces, None
    if mesh.face_material is None and mesh.vertex_colours is not None:
        return mesh.vertices, mesh.faces, mesh.vertex_colours
    rows = np.repeat(np.arange(len(mesh.faces)), 3)
    corners = np.tile(np.eye(3), (len(mesh.faces), 1))  # (3 F, 3): each corner by itself
    colours = np.rint(colour_at(mesh, rows, corners) * 255).astype(np.int64)
    keys = mesh.faces.reshape(-1).astype(np.int64) << 24
    for channel, shift in enumerate((16, 8, 0)):
        keys |= colours[:, channel] << shift
    distinct, places = np.unique(keys, return_inverse=True)
    shown = np.stack([distinct >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)
    return mesh.vertices[distinct >> 24], places.reshape(-1, 3).astype(np.int32), shown
