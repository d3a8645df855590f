"""Named solids with materials become one mesh that remembers which face belongs to which part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.geometry.solid import Solid


@dataclass(frozen=True, eq=False)
class Part:
    """One solid of an object."""

    name: str
    """What it is, such as "leg"; solids of one name are one part."""
    solid: Solid
    material: Material
    tile: float = 0.4
    """Metres on the surface after which a texture repeats."""


@dataclass(frozen=True, eq=False)
class Assembled:
    """A mesh of parts."""

    mesh: Mesh
    part_names: tuple[str, ...]
    """Unique names in the order of their first solid."""
    face_parts: NDArray[np.int32]
    """(F,) rows of `part_names`."""


def assemble(parts: Sequence[Part]) -> Assembled:
    """All parts in one mesh, +y up; parts with the same material object share its row.

    Texture coordinates are written only where some part has a texture.
    """
    if not parts:
        raise ValueError("there is nothing to assemble: give at least one part")
    names = tuple(dict.fromkeys(part.name for part in parts))
    materials = {id(part.material): part.material for part in parts}
    rows = {key: row for row, key in enumerate(materials)}
    counts = [len(part.solid.faces) for part in parts]
    starts = np.cumsum([0, *(len(part.solid.vertices) for part in parts[:-1])])
    faces = [part.solid.faces + start for part, start in zip(parts, starts, strict=True)]
    textured = any(material.texture is not None for material in materials.values())
    mesh = Mesh(
        vertices=np.concatenate([part.solid.vertices for part in parts]).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int32),
        corner_uv=np.concatenate([part.solid.corner_uv / part.tile for part in parts]).astype(np.float32)
        if textured
        else None,
        face_material=np.repeat([rows[id(part.material)] for part in parts], counts).astype(np.int32),
        materials=tuple(materials.values()),
        up="y",
    )
    face_parts = np.repeat([names.index(part.name) for part in parts], counts).astype(np.int32)
    return Assembled(mesh, names, face_parts)
