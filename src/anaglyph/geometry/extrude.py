"""Digits as solid shapes: the exact generator of the 3D MNIST data set (Kaggle `daavoo/3d-mnist`).

Every occupied pixel is a box of 1 x 1 x 6; points cover the outer faces on regular grids. Found in a fork
of the original notebook and checked against its clouds (dossier RoMo, 5.1). Neighbouring pixels repeat
the points on their common edges, as in the original: 650 points for one pixel, 1,000 for a domino.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Mesh

HALF_DEPTH = 3.0
"""Half the thickness of a digit, in pixels."""
CAP_GRID = 5
"""Points along a pixel's edge, both ends included."""
DEPTH_GRID = 30
"""Points through the thickness, both ends included."""
BORDER = 1
"""Empty pixels put around the picture."""

_EDGE = np.linspace(-0.5, 0.5, CAP_GRID)
_DEPTH = np.linspace(-HALF_DEPTH, HALF_DEPTH, DEPTH_GRID)
_Part = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""(P, 2) pixels and the (G,) offsets of a grid around each: row, column, depth."""
_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def digit_cloud(picture: NDArray[Any]) -> NDArray[np.float64]:
    """(H, W) picture -> (N, 3) cloud: digit upright in the y-z plane, +z up, thickness along x.

    The longest extent is 1 (a typical digit is 0.3 x 0.8 x 1) and the mean of the points is the origin.
    """
    return upright(normalised(surface_points(picture)))


def digit_mesh(picture: NDArray[Any]) -> Mesh:
    """(H, W) picture -> the closed surface of its solid in pixels: +y up, to be read from +z, centred.

    Raises:
        ValueError: no picture, or all of it is 0.
    """
    occupied = np.pad(_occupied(picture), BORDER)
    height, width = occupied.shape
    quads = []  # (Q, 4, 3) row, column and depth of the corners, counter-clockwise from outside
    for row, column in np.argwhere(occupied).tolist():
        r, c = np.array([row, row + 1, row + 1, row]), np.array([column, column, column + 1, column + 1])
        quads += [
            np.stack([r, c, np.full(4, depth)], axis=1)[::step]
            for depth, step in ((HALF_DEPTH, 1), (-HALF_DEPTH, -1))
        ]
        for side, (down, right) in enumerate(((0, -1), (1, 0), (0, 1), (-1, 0))):
            if occupied[row + down, column + right]:
                continue
            one, two = (r[side], c[side]), (r[(side + 1) % 4], c[(side + 1) % 4])
            wall = [(*one, HALF_DEPTH), (*one, -HALF_DEPTH), (*two, -HALF_DEPTH), (*two, HALF_DEPTH)]
            quads.append(np.array(wall))
    corners = np.concatenate(quads).astype(np.float64)
    places, numbers = np.unique(corners, axis=0, return_inverse=True)
    faces = numbers.reshape(-1, 4)[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int32)
    vertices = np.stack([places[:, 1] - width / 2, height / 2 - places[:, 0], places[:, 2]], axis=1)
    return Mesh(vertices.astype(np.float32), faces)


def surface_points(picture: NDArray[Any]) -> NDArray[np.float64]:
    """(H, W) picture -> (N, 3) points (row, column, depth) in pixels of the picture with its border.

    A pixel is occupied when it is not 0; no threshold. Order: front caps, back caps, then the walls
    towards the previous row, the next row, the previous column and the next column.
    """
    occupied = np.pad(_occupied(picture), BORDER)
    pixels = np.argwhere(occupied)  # (P, 2)
    row, column = (grid.ravel() for grid in np.meshgrid(_EDGE, _EDGE, indexing="ij"))
    parts = [(pixels, row, column, np.full(row.size, depth)) for depth in (HALF_DEPTH, -HALF_DEPTH)]
    along, depth = (grid.ravel() for grid in np.meshgrid(_EDGE, _DEPTH, indexing="ij"))
    for step in _NEIGHBOURS:
        beside = pixels + step
        open_to = pixels[~occupied[beside[:, 0], beside[:, 1]]]
        side = np.full(along.size, 0.5 * (step[0] + step[1]))
        parts.append((open_to, side, along, depth) if step[0] else (open_to, along, side, depth))
    return _grids(parts)


def normalised(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longest extent 1, mean 0, with the original's quirk: axis k's minimum is taken off all axes."""
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    k = int(extent.argmax())
    scaled = (points - low[k]) / extent[k]
    centred: NDArray[np.float64] = scaled - scaled.mean(axis=0)
    return centred


def upright(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotated by +90 degrees about y: (x, y, z) -> (z, y, -x), so that rows run down the z axis."""
    return np.stack([points[:, 2], points[:, 1], -points[:, 0]]).T


def _grids(parts: list[_Part]) -> NDArray[np.float64]:
    """The grid of each part around each of its pixels, all in one (N, 3) array, one column after another."""
    points = np.empty((3, sum(len(pixels) * row.size for pixels, row, _, _ in parts)))
    start = 0
    for pixels, row, column, depth in parts:
        shape = (len(pixels), row.size)
        stop = start + shape[0] * shape[1]
        np.add(pixels[:, :1], row, out=points[0, start:stop].reshape(shape))
        np.add(pixels[:, 1:], column, out=points[1, start:stop].reshape(shape))
        points[2, start:stop].reshape(shape)[:] = depth
        start = stop
    return points.T


def _occupied(picture: NDArray[Any]) -> NDArray[np.bool_]:
    occupied: NDArray[np.bool_] = np.asarray(picture) != 0
    if occupied.ndim != 2 or not occupied.any():
        raise ValueError(f"a picture is (H, W) with at least one pixel that is not 0, got {picture.shape}")
    return occupied
