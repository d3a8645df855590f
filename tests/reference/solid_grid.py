"""A solid grid ray by ray and triangle by triangle."""

import math

import numpy as np


def slow_solid_grid(triangles, resolution):
    """(F, 3, 3) triangles in cells -> (R, R, R): cells where rays meet it, and cells hidden from outside."""
    size = range(resolution)
    surface = np.zeros((resolution,) * 3, dtype=bool)
    spans = {}
    for axis in range(3):
        for row in size:
            for column in size:
                depths = [
                    depth
                    for one in triangles
                    if (depth := meeting(one, axis, row + 0.5, column + 0.5)) is not None
                ]
                spans[axis, row, column] = (min(depths), max(depths)) if depths else None
                for depth in depths:
                    cell = min(max(math.floor(depth), 0), resolution - 1)
                    surface[place(axis, row, column, cell)] = True
    hidden = np.zeros_like(surface)
    for i in size:
        for j in size:
            for k in size:
                rays = [(0, j, k, i), (1, i, k, j), (2, i, j, k)]
                ends = [(spans[axis, row, column], along + 0.5) for axis, row, column, along in rays]
                hidden[i, j, k] = all(span and span[0] <= centre <= span[1] for span, centre in ends)
    return surface | hidden


def place(axis, row, column, along):
    cell = [row, column]
    cell.insert(axis, along)
    return tuple(cell)


def meeting(triangle, axis, row, column):
    """Depth at which the ray along `axis` meets the triangle, None where it does not."""
    flat = [[corner[other] for other in range(3) if other != axis] for corner in triangle]
    (ax, ay), (bx, by), (cx, cy) = [(x - row, y - column) for x, y in flat]
    weights = [bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx]
    total = sum(weights)
    if total == 0 or not (all(w >= 0 for w in weights) or all(w <= 0 for w in weights)):
        return None
    return sum(w * corner[axis] for w, corner in zip(weights, triangle, strict=True)) / total
