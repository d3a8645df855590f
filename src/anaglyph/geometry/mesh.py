"""A mesh as the rest of Anaglyph knows it: triangles, colours, textures, and which way is up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Up = Literal["y", "z"]
GREY = (0.8, 0.8, 0.8)
"""Colour of what has none."""


@dataclass(frozen=True, eq=False)
class Material:
    """What a face is made of; its colour is factor x texture x vertex colour, as in glTF."""

    name: str = ""
    colour: tuple[float, float, float] = GREY
    """Red, green and blue in [0, 1], in sRGB."""
    texture: NDArray[np.uint8] | None = None
    """(H, W, 3) in sRGB, row 0 at the top, where v is 1; repeated beyond [0, 1]."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles with their looks. Checked when made; nothing in it is NaN or points nowhere.

    Raises:
        ValueError: an array has the wrong shape or type, a value is not finite, an index is out of range, or
            the colour of a material is none.
    """

    vertices: NDArray[np.float32]
    """(V, 3) in the file's units."""
    faces: NDArray[np.int32]
    """(F, 3) rows of `vertices`; counter-clockwise seen from outside where the file is consistent."""
    vertex_colours: NDArray[np.uint8] | None = None
    """(V, 3) sRGB."""
    corner_uv: NDArray[np.float32] | None = None
    """(F, 3, 2) texture coordinates of each face's corners, v upwards."""
    face_material: NDArray[np.int32] | None = None
    """(F,) rows of `materials`; None where there is none."""
    materials: tuple[Material, ...] = ()
    up: Up = "y"
    """Axis that points up, stated by the file, its format or the user."""
    notes: tuple[str, ...] = field(default=())
    """What the reader left out or repaired, in words."""

    def __post_init__(self) -> None:
        vertices, faces = self.vertices, self.faces
        _check("vertices", vertices, (len(vertices), 3), np.float32)
        _check("faces", faces, (len(faces), 3), np.int32)
        if not np.isfinite(vertices).all():
            raise ValueError("vertices must be finite")
        if len(faces) and not 0 <= int(faces.min()) <= int(faces.max()) < len(vertices):
            raise ValueError(f"faces point to {faces.min()}..{faces.max()} of {len(vertices)} vertices")
        if self.vertex_colours is not None:
            _check("vertex_colours", self.vertex_colours, (len(vertices), 3), np.uint8)
        if self.corner_uv is not None:
            _check("corner_uv", self.corner_uv, (len(faces), 3, 2), np.float32)
            if not np.isfinite(self.corner_uv).all():
                raise ValueError("corner_uv must be finite")
        if self.face_material is not None:
            rows = self.face_material
            _check("face_material", rows, (len(faces),), np.int32)
            if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < len(self.materials):
                raise ValueError(f"face_material points beyond the {len(self.materials)} materials")
        for material in self.materials:
            if len(material.colour) != 3 or not all(0.0 <= channel <= 1.0 for channel in material.colour):
                raise ValueError(
                    f"the colour of a material must be 3 numbers from 0 to 1, got {material.colour}"
                )
            if material.texture is not None:
                height, width = material.texture.shape[:2]
                _check("texture", material.texture, (height, width, 3), np.uint8)


def _check(name: str, array: NDArray[np.generic], shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name} must be {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}")
