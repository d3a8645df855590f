"""The augmentation of clouds, step by step and point by point, its random numbers given (dossier 1.6)."""

import math


def slow_pipeline(
    cloud, *, order, keep=None, factor=1.0, shift=(0, 0, 0), tilt=(0, 0, 0), turn=0.0, plain=False
):
    """[[x, y, z(, r, g, b)]] -> the same after all ten steps; `keep` says which taken points stay."""
    points = [list(map(float, cloud[place][:3])) for place in order]  # 1
    colours = [list(map(float, cloud[place][3:])) or [0.4] * 3 for place in order]
    points = [[x, z, y] for x, y, z in points]  # 2
    mean = [sum(point[axis] for point in points) / len(points) for axis in range(3)]  # 3
    points = [[value - middle for value, middle in zip(point, mean, strict=True)] for point in points]
    radius = max(math.sqrt(sum(value**2 for value in point)) for point in points)
    points = [[value / radius if radius > 1e-6 else 0.0 for value in point] for point in points]
    if keep is not None:  # 4
        points = [point if stays else points[0] for point, stays in zip(points, keep, strict=True)]
    points = [[factor * value for value in point] for point in points]  # 5
    points = [[value + move for value, move in zip(point, shift, strict=True)] for point in points]  # 6
    small = product(product(about_z(tilt[2]), about_y(tilt[1])), about_x(tilt[0]))  # 7
    points = [row_times(point, small) for point in points]
    points = [row_times(point, about_z(turn)) for point in points]  # 8
    if plain:  # 9
        colours = [[0.4] * 3 for _ in colours]
    return [point + colour for point, colour in zip(points, colours, strict=True)]  # 10


def about_x(angle):
    c, s = math.cos(angle), math.sin(angle)
    return [[1, 0, 0], [0, c, -s], [0, s, c]]


def about_y(angle):
    c, s = math.cos(angle), math.sin(angle)
    return [[c, 0, s], [0, 1, 0], [-s, 0, c]]


def about_z(angle):
    c, s = math.cos(angle), math.sin(angle)
    return [[c, -s, 0], [s, c, 0], [0, 0, 1]]


def product(a, b):
    return [[sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)] for i in range(3)]


def row_times(point, matrix):
    return [sum(point[k] * matrix[k][j] for k in range(3)) for j in range(3)]
