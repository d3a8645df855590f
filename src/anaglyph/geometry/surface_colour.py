"""The colour of points on a mesh: material factor x texture x vertex colour, as in glTF.

The product is taken of sRGB values. It is the same as the product of light to within the small straight piece
at the foot of the sRGB curve, because a power of a product is the product of the powers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import GREY, Mesh

_BLOCK = 1 << 18


def colour_at(
    mesh: Mesh, faces: NDArray[np.integer], barycentric: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Colours of surface points, sRGB in [0, 1]. A mesh with neither materials nor vertex colours is GREY.

    Args:
        mesh: a face without materials has the factor 1 where there are vertex colours.
        faces: (N,) rows of the mesh's faces.
        barycentric: (N, 3) weights of the corners, adding up to 1.

    Returns:
        (N, 3). Textures are read between pixel centres (bilinear) and repeat beyond [0, 1].
    """
    blocks = [
        _block(mesh, faces[first : first + _BLOCK], barycentric[first : first + _BLOCK])
        for first in range(0, len(faces), _BLOCK)
    ]
    return np.concatenate(blocks) if blocks else np.empty((0, 3), dtype=np.float32)


def has_colours(mesh: Mesh) -> bool:
    """Whether the mesh says more of its looks than that it is GREY."""
    materials = (
        [mesh.materials[row] for row in np.unique(mesh.face_material)]
        if mesh.face_material is not None
        else []
    )
    return mesh.vertex_colours is not None or any(
        material.texture is not None or material.colour != GREY for material in materials
    )


def texture_at(texture: NDArray[np.uint8], uv: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 3) colours in [0, 1] of a (H, W, 3) texture at (N, 2): u to the right, v upwards, repeated."""
    height, width = texture.shape[:2]
    turns = uv - np.floor(uv)  # first, so that a coordinate of 1e30 stays a place in the picture
    x = turns[:, 0] * width - 0.5
    y = (1.0 - turns[:, 1]) * height - 0.5
    left, top = np.floor(x), np.floor(y)
    right_share, low_share = (x - left)[:, None], (y - top)[:, None]
    columns = [(left.astype(np.int64) + step) % width for step in (0, 1)]
    rows = [(top.astype(np.int64) + step) % height for step in (0, 1)]
    upper = texture[rows[0], columns[0]] * (1 - right_share) + texture[rows[0], columns[1]] * right_share
    lower = texture[rows[1], columns[0]] * (1 - right_share) + texture[rows[1], columns[1]] * right_share
    return np.asarray(upper * (1 - low_share) + lower * low_share) / 255.0


def _block(mesh: Mesh, faces: NDArray[np.integer], barycentric: NDArray[np.floating]) -> NDArray[np.float32]:
    weights = barycentric.astype(np.float64)[:, :, None]
    colours = np.ones((len(faces), 3))
    if mesh.face_material is not None:
        _apply_materials(colours, mesh, mesh.face_material[faces], faces, weights)
    elif mesh.vertex_colours is None:
        colours *= GREY
    if mesh.vertex_colours is not None:
        corners = mesh.vertex_colours[mesh.faces[faces]] / 255.0  # (N, 3, 3)
        colours *= (corners * weights).sum(axis=1)
    return np.clip(colours, 0.0, 1.0).astype(np.float32)


def _apply_materials(
    colours: NDArray[np.float64],
    mesh: Mesh,
    materials: NDArray[np.int32],
    faces: NDArray[np.integer],
    weights: NDArray[np.float64],
) -> None:
    """Multiply (N, 3) colours, in place, by the factor and the texture of each point's material."""
    colours *= np.array([material.colour for material in mesh.materials])[materials]
    if mesh.corner_uv is None:
        return
    for row in np.unique(materials):
        texture = mesh.materials[row].texture
        if texture is not None and texture.size:
            chosen = materials == row
            uv = (mesh.corner_uv[faces[chosen]] * weights[chosen]).sum(axis=1)
            colours[chosen] *= texture_at(texture, uv)
