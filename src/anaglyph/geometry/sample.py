"""Points on the surface of a mesh, as many per area everywhere, with normals and colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.surface_colour import colour_at


@dataclass(frozen=True, eq=False)
class SurfaceSample:
    """Points of a surface; row i of every array belongs to the same point."""

    points: NDArray[np.float32]
    """(N, 3) in the mesh's units and axes."""
    normals: NDArray[np.float32]
    """(N, 3) unit vectors at right angles to the faces, on the side from which they run counter-clockwise."""
    colours: NDArray[np.uint8]
    """(N, 3) sRGB."""
    faces: NDArray[np.int64]
    """(N,) rows of the mesh's faces."""


def sample_surface(mesh: Mesh, count: int, *, generator: np.random.Generator) -> SurfaceSample:
    """Draw `count` points, independent and uniform over the area (Osada et al., 2002, section 4.1).

    Each takes a face with a probability in proportion to its area, then a point of it; faces without area are
    never taken. A sample depends on the mesh, the count and the state of the generator only.

    Raises:
        ValueError: `count` is below 1, or the mesh has no area to take points from.
    """
    if count < 1:
        raise ValueError(f"count must be >= 1, got {count}")
    normals, areas = face_normals(mesh)
    reached = np.cumsum(areas)
    if not len(reached) or reached[-1] <= 0:
        raise ValueError(f"no surface to take points from ({len(mesh.faces)} faces, total area 0)")
    draws = generator.random((3, count))
    # Side "right" skips every face that adds nothing; what rounding pushes over the end goes to the last one.
    faces = np.searchsorted(reached, draws[0] * reached[-1], side="right")
    faces = np.minimum(faces, np.flatnonzero(areas)[-1])
    root = np.sqrt(draws[1])
    barycentric = np.stack([1 - root, root * (1 - draws[2]), root * draws[2]], axis=1)
    corners = mesh.vertices[mesh.faces[faces]].astype(np.float64)  # (N, 3, 3)
    return SurfaceSample(
        points=(corners * barycentric[:, :, None]).sum(axis=1).astype(np.float32),
        normals=normals[faces].astype(np.float32),
        colours=np.rint(colour_at(mesh, faces, barycentric) * 255).astype(np.uint8),
        faces=faces,
    )


def face_normals(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(F, 3) unit normals, zeros where a face has no area, and (F,) areas in square units of the mesh."""
    first, second, third = (mesh.vertices[mesh.faces[:, corner]].astype(np.float64) for corner in range(3))
    across = np.cross(second - first, third - first)
    length = np.linalg.norm(across, axis=1)
    return across / np.where(length > 0, length, 1.0)[:, None], length / 2
