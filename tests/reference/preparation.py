"""Preparation of a cloud, point by point, in plain Python numbers."""

import math


def slow_prepare(points, colours, rows, *, up, axes, unit_sphere, grey, height):
    """points: list of (x, y, z); rows: which are taken, in order -> list of lists, one per point.

    `grey` is None for encoders without colours, else the grey of clouds without them.
    """
    upright = []
    for row in rows:
        x, y, z = points[row]
        if up == "z":
            x, y, z = x, z, -y
        elif up == "x":
            x, y, z = -y, x, z
        upright.append((x, y, z))
    if unit_sphere:
        centre = [math.fsum(point[axis] for point in upright) / len(upright) for axis in range(3)]
        moved = [[point[axis] - centre[axis] for axis in range(3)] for point in upright]
        radius = max(math.sqrt(sum(value * value for value in point)) for point in moved)
        same = all(point == upright[0] for point in upright)
        upright = [[0.0 if same else value / radius for value in point] for point in moved]
    lowest = min(point[1] for point in upright)
    result = []
    for row, point in zip(rows, upright, strict=True):
        values = []
        for axis in axes:
            value = point["xyz".index(axis[-1])]
            values.append(-value if axis.startswith("-") else value)
        if grey is not None:
            values += [grey] * 3 if colours is None else list(colours[row])
        if height:
            values.append(point[1] - lowest)
        result.append(values)
    return result


def slow_farthest(points, count):
    """Rows by farthest point sampling from the point farthest from the mean; ties to the lower row."""
    mean = [sum(point[axis] for point in points) / len(points) for axis in range(3)]
    chosen = [max(range(len(points)), key=lambda row: (math.dist(points[row], mean), -row))]
    while len(chosen) < count:
        reach = [min(math.dist(point, points[row]) for row in chosen) for point in points]
        chosen.append(max(range(len(points)), key=lambda row: (reach[row], -row)))
    return chosen
