"""One hash for a mesh in memory: the counterpart of `content_hash`, which is for models in files."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh


def mesh_hash(mesh: Mesh) -> str:
    """SHA-256, in 64 hexadecimal digits, of everything in a mesh that a picture of it may show.

    That is its shape, its colours, its texture coordinates, the materials of its faces with their colours and
    textures, and its up axis. Names of materials and the reader's notes make no difference.
    """
    total = hashlib.sha256(mesh.up.encode())
    for array in (mesh.vertices, mesh.faces, mesh.vertex_colours, mesh.corner_uv, mesh.face_material):
        total.update(_told_apart(array))
    for material in mesh.materials:
        total.update(np.array(material.colour, dtype=np.float64).tobytes())
        total.update(_told_apart(material.texture))
    return total.hexdigest()


def _told_apart(array: NDArray[np.generic] | None) -> bytes:
    """The bytes of an array behind its type and shape, so that no two rows of arrays give the same bytes."""
    if array is None:
        return b"none;"
    return f"{array.dtype.str}{array.shape};".encode() + np.ascontiguousarray(array).tobytes()
