"""Voxel sub-sampling with a dictionary of cells."""

import math

from reference.distances import rows_of


def slow_voxel_subsample(points, size, valid=None):
    """A list of rows per cloud: the first point of every cell, in the order of their rows."""
    result = []
    for b in range(len(points)):
        rows = rows_of(points.double(), valid, b)
        origin = [min(point[axis] for _, point in rows) for axis in range(3)]
        cells = {}
        for n, point in rows:
            cell = tuple(math.floor((point[axis] - origin[axis]) / size) for axis in range(3))
            cells.setdefault(cell, n)
        result.append(sorted(cells.values()))
    return result
