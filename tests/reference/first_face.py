"""Which face the ray through each sample meets first, by asking every face (Moeller and Trumbore, 1997)."""

import math

import numpy as np


def slow_faces_seen(vertices, faces, cameras, *, size):
    """(C, size, size) faces as every back-end gives them, in float64; of equal depths the lower number."""
    seen = np.full((len(cameras), size, size), -1, np.int32)
    for picture, camera in zip(seen, cameras, strict=True):
        for row in range(size):
            for column in range(size):
                origin, direction, near = ray(camera, column, row, size)
                picture[row, column] = first_face(vertices, faces, origin, direction, near)
    return seen


def ray(camera, column, row, size):
    """Origin, direction of unit depth, and the depth at which it begins."""
    view = np.linalg.inv(camera.view())  # camera axes -> world
    right, up, backwards, position = view[:3, 0], view[:3, 1], view[:3, 2], view[:3, 3]
    x, y = (column + 0.5) / size * 2.0 - 1.0, 1.0 - (row + 0.5) / size * 2.0
    if camera.height is not None:
        half = camera.height / 2.0
        return position + half * (x * right + y * up), -backwards, camera.near
    half = math.tan(math.radians(camera.field_of_view) / 2.0)
    return position, half * (x * right + y * up) - backwards, camera.near


def first_face(vertices, faces, origin, direction, near):
    best, nearest = -1, math.inf
    for number, face in enumerate(faces):
        depth = hit_depth(vertices[face].astype(np.float64), origin, direction)
        if depth is not None and near <= depth < nearest:
            best, nearest = number, depth
    return best


def hit_depth(corners, origin, direction):
    """Where the ray meets the triangle, from either side, or None."""
    first, second = corners[1] - corners[0], corners[2] - corners[0]
    across = np.cross(direction, second)
    volume = first @ across
    if volume == 0.0:
        return None
    to_origin = origin - corners[0]
    u = to_origin @ across / volume
    v = direction @ np.cross(to_origin, first) / volume
    if u < 0.0 or v < 0.0 or u + v > 1.0:
        return None
    return second @ np.cross(to_origin, first) / volume
