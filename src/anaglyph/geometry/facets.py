"""What is in a mesh, in numbers that people search and filter by: size, area, volume, parts, looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import bounds, to_y_up, used_vertices
from anaglyph.geometry.sample import face_normals
from anaglyph.geometry.surface_colour import has_colours
from anaglyph.geometry.topology import Topology, topology


@dataclass(frozen=True)
class Facets:
    """Numbers of one mesh; lengths in the file's units, axes with +y up."""

    vertices: int
    """That faces use."""
    faces: int
    size: tuple[float, float, float]
    """Width (x), height (y) and depth (z) of the bounding box."""
    proportions: tuple[float, float, float]
    """The same over the longest of them; the longest is 1."""
    area: float
    """Of all faces, in square units."""
    volume: float | None
    """In cubic units; None unless the surface has an inside: closed, consistently turned, no face twice."""
    watertight: bool
    """Every edge has exactly two different faces."""
    components: int
    """Pieces that touch nowhere."""
    materials: int
    """That faces use."""
    textures: int
    """Of those, with a picture."""
    vertex_colours: bool
    coloured: bool
    """Whether materials or vertices say anything but the grey of what has no colour."""


def facets(mesh: Mesh, *, structure: Topology | None = None) -> Facets:
    """Measure a mesh.

    Args:
        mesh: any that has faces.
        structure: `topology(mesh)`, where it is already known.

    Raises:
        ValueError: the mesh has no faces.
    """
    mesh = to_y_up(mesh)
    structure = topology(mesh) if structure is None else structure
    low, high = bounds(mesh)
    size = high - low
    used = (
        [] if mesh.face_material is None else [mesh.materials[row] for row in np.unique(mesh.face_material)]
    )
    return Facets(
        vertices=int(used_vertices(mesh).sum()),
        faces=len(mesh.faces),
        size=_three(size),
        proportions=_three(size / (size.max() or 1.0)),
        area=float(face_normals(mesh)[1].sum()),
        volume=abs(signed_volume(mesh)) if structure.has_inside else None,
        watertight=structure.closed,
        components=structure.components,
        materials=len(used),
        textures=sum(material.texture is not None for material in used),
        vertex_colours=mesh.vertex_colours is not None,
        coloured=has_colours(mesh),
    )


def signed_volume(mesh: Mesh) -> float:
    """Volume inside a closed surface, above 0 where its faces run counter-clockwise seen from outside.

    The sum of the tetrahedra that every face makes with the middle of the box.
    """
    low, high = bounds(mesh)
    corners = mesh.vertices[mesh.faces].astype(np.float64) - (low + high) / 2  # (F, 3, 3)
    across = np.cross(corners[:, 1], corners[:, 2])
    return float((corners[:, 0] * across).sum() / 6)


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z
