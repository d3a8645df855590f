"""From camera axes to the sample grid, and what is cut away before: shared by the rasterisers of this folder.

A sample grid has `size` columns and rows; sample (0, 0) is the upper left one and has the coordinates (0, 0).
Nearness is what the depth test compares: it is affine over the picture of a plane, positive, and larger for
what is nearer. It is 1 / depth for a perspective camera, and 2 x the largest depth - depth for another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.cameras import Camera

SUBPIXELS = 256
"""Corners are rounded to this part of a sample's width, so that edge tests are exact integers."""
GUARD = 32768.0
"""Samples from the grid's origin beyond which faces are cut, so that those integers stay below 2^53."""
FACE_BITS = 32
"""Lower bits of a depth key, for the face; what is above is the nearness with a mantissa of 20 bits."""
FLAT = 1e-12
"""Twice the area in samples below which a face counts as seen from its edge; no depth is computed from it."""
_CHUNK = 1 << 16
"""Faces cut together."""

Array = NDArray[np.float64]


class Lens(NamedTuple):
    """A camera with a sample grid, as plain numbers."""

    rows: Array
    """(3, 4) world -> camera axes."""
    scale: float
    """Samples per unit of X / depth, or of X for an orthographic camera."""
    centre: float
    """Column and row of the line of sight."""
    near: float
    """Depth before which nothing is drawn."""
    perspective: bool


def make_lens(camera: Camera, size: int) -> Lens:
    """The lens of a square grid of `size` x `size` samples."""
    scale = float(camera.projection()[1, 1]) * size / 2.0
    rows = np.ascontiguousarray(camera.view()[:3])
    return Lens(rows, scale, (size - 1) / 2.0, camera.near, camera.height is None)


class Pieces(NamedTuple):
    """Faces on the sample grid, corner by corner: what is left of those that had to be cut."""

    x: Array
    """(3 N) columns."""
    y: Array
    """(3 N) rows, downwards."""
    nearness: Array
    """(3 N)."""
    owners: NDArray[np.int64]
    """(N) the faces that the pieces belong to."""


def cut(corners: Array, owners: NDArray[np.int64], lens: Lens, *, farthest: float) -> Pieces:
    """Cut faces at the near plane and at the guard band around the grid (Sutherland and Hodgman, 1974).

    Exact enough for coordinates up to about a billion times the distance of what is looked at.

    Args:
        corners: (N, 3, 3) corners in camera axes.
        owners: (N) face indices.
        lens: of the grid.
        farthest: largest depth of the model, for nearness in an orthographic picture.
    """
    starts = range(0, max(len(corners), 1), _CHUNK)
    parts = [_cut(corners[at : at + _CHUNK], owners[at : at + _CHUNK], lens, farthest) for at in starts]
    return Pieces(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _cut(corners: Array, owners: NDArray[np.int64], lens: Lens, farthest: float) -> Pieces:
    x, y, depth = lens.scale * corners[..., 0], lens.scale * corners[..., 1], -corners[..., 2]
    points = np.stack([x, y, depth], axis=-1)  # (N, 3, 3)
    largest = np.abs(points).max(initial=1.0)
    points = points / largest  # so that products of huge coordinates stay finite
    near, unit = lens.near / largest, 1.0 / largest
    reach = GUARD - lens.centre - 1.0
    points, owners = _cut_at(points, points[..., 2] - near, owners)
    for axis, sign in ((0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)):
        limit = reach * (points[..., 2] if lens.perspective else unit)
        points, owners = _cut_at(points, limit - sign * points[..., axis], owners)
    x, y, depth = (points.reshape(-1, 3) * largest).T
    nearness = 1.0 / np.maximum(depth, lens.near) if lens.perspective else 2.0 * farthest - depth
    shrink = nearness if lens.perspective else 1.0
    column = np.clip(lens.centre + x * shrink, -GUARD, GUARD)
    row = np.clip(lens.centre - y * shrink, -GUARD, GUARD)
    return Pieces(column, row, nearness, owners)


def _cut_at(points: Array, inside: Array, owners: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """What is left of (N, 3, 3) triangles where (N, 3) `inside` is >= 0: up to two triangles of each."""
    kept = inside >= 0.0
    count = kept.sum(axis=1)
    whole = count == 3
    results, names = [points[whole]], [owners[whole]]
    for number in (1, 2):
        some = np.flatnonzero(count == number)
        # The odd corner comes first: the only one inside, or the only one outside.
        odd = np.argmax(kept[some] == (number == 1), axis=1)
        order = (odd[:, None] + np.arange(3)) % 3
        first, second, third = points[some[:, None], order].transpose(1, 0, 2)
        f, s, t = inside[some[:, None], order].T
        to_second = first + (f / (f - s))[:, None] * (second - first)
        to_third = first + (f / (f - t))[:, None] * (third - first)
        if number == 1:
            results.append(np.stack([first, to_second, to_third], axis=1))
            names.append(owners[some])
        else:
            results += [np.stack([to_second, second, third], 1), np.stack([to_second, third, to_third], 1)]
            names += [owners[some], owners[some]]
    return np.concatenate(results), np.concatenate(names)
