"""The colour of one point of a mesh, from the four texture pixels around it."""

import math


def slow_colour(mesh, face, weights):
    colour = [1.0, 1.0, 1.0]
    if mesh.face_material is None and mesh.vertex_colours is None:
        colour = [0.8, 0.8, 0.8]
    if mesh.face_material is not None:
        material = mesh.materials[int(mesh.face_material[face])]
        colour = [one * part for one, part in zip(colour, material.colour, strict=True)]
        if material.texture is not None and mesh.corner_uv is not None:
            u, v = (
                sum(float(w) * float(mesh.corner_uv[face, corner, axis]) for corner, w in enumerate(weights))
                for axis in (0, 1)
            )
            colour = [
                one * part for one, part in zip(colour, slow_texture(material.texture, u, v), strict=True)
            ]
    if mesh.vertex_colours is not None:
        for channel in range(3):
            colour[channel] *= sum(
                float(w) * int(mesh.vertex_colours[mesh.faces[face, corner], channel]) / 255
                for corner, w in enumerate(weights)
            )
    return colour


def slow_texture(texture, u, v):
    """Pixel (row, column) has its centre at u = (column + .5) / width, v = 1 - (row + .5) / height."""
    height, width, _ = texture.shape
    x, y = u * width - 0.5, (1 - v) * height - 0.5
    left, top = math.floor(x), math.floor(y)
    colour = [0.0, 0.0, 0.0]
    for row, share_y in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, share_x in ((left, 1 - (x - left)), (left + 1, x - left)):
            for channel in range(3):
                colour[channel] += (
                    share_x * share_y * int(texture[row % height, column % width, channel]) / 255
                )
    return colour
