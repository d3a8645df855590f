"""PLY with faces (Turk, 1994): polygons, vertex and face colours, texture coordinates; text and binary."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.formats.ply_elements import Element, Lists, read_elements
from anaglyph.geometry.mesh import Material
from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import (
    MalformedError,
    Parsed,
    Part,
    colour_bytes,
    fan,
    with_face_colours,
)
from anaglyph.geometry.mesh_textures import Textures

_COLOURS = (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b"))
_UV = (("u", "v"), ("s", "t"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
_CORNERS = ("vertex_indices", "vertex_index")


def read_ply(data: bytes, folder: Folder) -> Parsed:
    """One part with all faces in their order; a TextureFile in the comments becomes the material."""
    elements, texture_file = read_elements(data, folder)
    vertex, face = elements.get("vertex"), elements.get("face")
    if vertex is None or not {"x", "y", "z"} <= set(vertex.scalars):
        raise MalformedError("it has no vertices with x, y and z")
    vertices = np.stack([vertex.scalars[axis].astype(np.float64) for axis in "xyz"], axis=1)
    colours = _named(vertex, _COLOURS)
    part = Part(vertices, np.zeros((0, 3), np.int64), None if colours is None else colour_bytes(colours))
    parsed = Parsed([part])
    corners = next((face.lists[name] for name in _CORNERS if face and name in face.lists), None)
    if face is None or corners is None:
        if "tristrips" in elements:
            raise MalformedError("its faces are triangle strips, which are not read; export triangles")
        return parsed
    used, polygon = fan(corners.counts)
    part.faces = corners.values.astype(np.int64)[used].reshape(-1, 3)
    if len(part) and not 0 <= int(part.faces.min()) <= int(part.faces.max()) < len(vertices):
        return parsed  # named later, with all other faults of indices
    part.corner_uv = _corner_uv(vertex, face, corners, used, part.faces)
    if texture_file and part.corner_uv is not None:
        picture = Textures(folder).named(texture_file)
        if picture is not None:
            parsed.materials = [Material(texture_file, (1.0, 1.0, 1.0), picture)]
            part.face_material = np.zeros(len(part), dtype=np.int64)
    of_faces = _named(face, _COLOURS)
    if of_faces is not None and colours is None and len(part):
        parsed.parts = [with_face_colours(part, colour_bytes(of_faces)[polygon])]
    return parsed


def _named(element: Element, choices: tuple[tuple[str, ...], ...]) -> NDArray[Any] | None:
    """(count, n) the first of several sets of columns that is there."""
    for names in choices:
        if set(names) <= set(element.scalars):
            return np.stack([element.scalars[name] for name in names], axis=1)
    return None


def _corner_uv(
    vertex: Element, face: Element, corners: Lists, used: NDArray[np.int64], faces: NDArray[np.int64]
) -> NDArray[Any] | None:
    """(F, 3, 2) from a list at the faces (two numbers for each corner) or from the vertices."""
    at_faces = face.lists.get("texcoord")
    if at_faces is not None and (at_faces.counts == 2 * corners.counts).all():
        return at_faces.values.reshape(-1, 2)[used]
    at_vertices = _named(vertex, _UV)
    return None if at_vertices is None else at_vertices[faces]
