"""Trilinear splat of a cloud, point by point and corner by corner."""

import math


def slow_occupancy(points, *, side, planes, extent, depth):
    """points: list of (x, y, z) -> nested lists planes x side x side of log(1 + density)."""
    counts = [planes, side, side]
    grid = [[[0.0] * side for _ in range(side)] for _ in range(planes)]
    for point in points:
        place = []
        for value, half, cells in zip(point, (depth, extent, extent), counts, strict=True):
            place.append(min(max((value / half + 1) / 2 * (cells - 1), 0.0), cells - 1 - 1e-3))
        low = [math.floor(value) for value in place]
        for corner in range(8):
            weight, cell = 1.0, []
            for axis in range(3):
                up = corner >> axis & 1
                part = place[axis] - low[axis]
                weight *= part if up else 1 - part
                cell.append(low[axis] + up)
            if weight:
                grid[cell[0]][cell[1]][cell[2]] += weight
    scale = side * side / len(points)
    return [[[math.log(1 + scale * value) for value in row] for row in plane] for plane in grid]
