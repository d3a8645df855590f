"""The 3D MNIST generator as its description reads: one pixel, one face, one point at a time."""

import numpy as np


def slow_surface_points(picture):
    """List of (row, column, depth) of the padded picture, in pixels."""
    height, width = picture.shape
    padded = np.zeros((height + 2, width + 2))
    padded[1:-1, 1:-1] = picture
    points = []
    for i in range(1, height + 1):
        for j in range(1, width + 1):
            if padded[i, j] != 0:
                points += caps(i, j) + walls(padded, i, j)
    return points


def caps(i, j):
    return [(i - 0.5 + a / 4, j - 0.5 + b / 4, z) for z in (-3.0, 3.0) for a in range(5) for b in range(5)]


def walls(padded, i, j):
    points = []
    for c in range(30):
        depth = -3.0 + 6.0 * c / 29
        for a in range(5):
            if padded[i - 1, j] == 0:
                points.append((i - 0.5, j - 0.5 + a / 4, depth))
            if padded[i + 1, j] == 0:
                points.append((i + 0.5, j - 0.5 + a / 4, depth))
            if padded[i, j - 1] == 0:
                points.append((i - 0.5 + a / 4, j - 0.5, depth))
            if padded[i, j + 1] == 0:
                points.append((i - 0.5 + a / 4, j + 0.5, depth))
    return points


def slow_normalised_upright(points):
    """(N, 3) of a list of points, normalised and turned, in the same order."""
    low = [min(point[axis] for point in points) for axis in range(3)]
    extent = [max(point[axis] for point in points) - low[axis] for axis in range(3)]
    k = extent.index(max(extent))
    points = [[(value - low[k]) / extent[k] for value in point] for point in points]
    mean = [sum(point[axis] for point in points) / len(points) for axis in range(3)]
    centred = [[point[axis] - mean[axis] for axis in range(3)] for point in points]
    quarter = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # R_y(+90 degrees)
    return np.array([quarter @ point for point in centred])
