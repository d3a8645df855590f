"""Which face each sample sees, one sample and one face at a time, by the rule of `render.rasterise`."""

import math

import numpy as np

UNSURE = -2
"""Where two faces are too close together to tell which is nearer."""


def slow_faces_seen(vertices, faces, camera, *, size):
    """(size, size) int32, -1 for none; corners are rounded to 1/256 of a sample, borders belong to a face."""
    seen = np.full((size, size), -1, np.int32)
    placed = [placed_face(vertices[face].astype(np.float64), camera, size) for face in faces]
    for row in range(size):
        for column in range(size):
            seen[row, column] = nearest(placed, column, row)
    return seen


def placed_face(corners, camera, size):
    """Integer corners in 1/256 of a sample, exact corners in samples, and depths."""
    view = camera.view() @ np.column_stack([corners, np.ones(3)]).T  # (4, 3)
    clip = camera.projection() @ view
    x, y = clip[0] / clip[3], clip[1] / clip[3]  # -1..1
    across, down = (x + 1) / 2 * size - 0.5, (1 - y) / 2 * size - 0.5
    whole = [(round(256 * a), round(256 * d)) for a, d in zip(across, down, strict=True)]
    return whole, across, down, -view[2], camera.height is None


def nearest(placed, column, row):
    best, depth, blur = -1, math.inf, 0.0
    for number, face in enumerate(placed):
        if not covers(face[0], 256 * column, 256 * row):
            continue
        its_depth, its_blur = depth_at(face, column, row)
        if best != -1 and abs(its_depth - depth) <= its_blur + blur:
            return UNSURE
        if its_depth < depth:
            best, depth, blur = number, its_depth, its_blur
    return best


def covers(whole, x, y):
    """In whole numbers: on the same side of all three edges, or on them."""
    (ax, ay), (bx, by), (cx, cy) = whole
    if (bx - ax) * (cy - ay) == (cx - ax) * (by - ay):
        return False
    sides = [
        (qx - px) * (y - py) - (qy - py) * (x - px)
        for (px, py), (qx, qy) in (((ax, ay), (bx, by)), ((bx, by), (cx, cy)), ((cx, cy), (ax, ay)))
    ]
    return all(side >= 0 for side in sides) or all(side <= 0 for side in sides)


def depth_at(face, column, row):
    """Depth of the face's plane at a sample, within its corners' depths; and how much it may be off."""
    _, across, down, depths, perspective = face
    values = 1 / depths if perspective else depths  # what is affine over the picture
    matrix = np.column_stack([across, down, np.ones(3)])
    if abs(np.linalg.det(matrix)) < 1e-6:
        return depths.min(), math.inf
    slope_x, slope_y, start = np.linalg.solve(matrix, values)
    value = min(max(start + slope_x * column + slope_y * row, values.min()), values.max())
    depth = 1 / value if perspective else value
    steep = (abs(slope_x) + abs(slope_y)) * (depth * depth if perspective else 1.0)
    return depth, 1e-5 * depth + steep / 128
