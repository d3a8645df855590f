"""Pictures of point clouds by orthographic splatting, in plain NumPy.

`draw_flat` is the "rgb" variant of 3D MNIST as RoMo releases it: every point one pixel, coloured by height.
`draw_shaded` is for people: each point a small lit ball, near edges darkened (eye-dome lighting, Boucheny,
2009), anti-aliased. Both take a batch and hide what lies behind.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.camera import orthographic_basis, turntable

OFF_WHITE = (250, 249, 245)
RELEASED_VIEW = (1.0, 0.65, 0.0)
"""Normal of the plane onto which the released variant projects (dossier RoMo, 5.1)."""
REPORT_VIEW = turntable(32.0, 22.0)
_LIGHT = np.array([-0.45, 0.62, 0.64])
"""Towards the light in camera axes: from the upper left, before the picture."""
_OVERSAMPLING = 2


def copper(value: NDArray[np.floating]) -> NDArray[np.float32]:
    """(...) in [0, 1] -> (..., 3) colours in [0, 1]; matplotlib's map of that name as a formula."""
    clipped = np.clip(value, 0.0, 1.0)
    channels = (np.minimum(clipped / 0.809524, 1.0), 0.7812 * clipped, 0.4975 * clipped)
    return np.stack(channels, axis=-1).astype(np.float32)


def dusk(value: NDArray[np.floating]) -> NDArray[np.float32]:
    """(...) in [0, 1] -> (..., 3) colours in [0, 1]: deep blue over teal to warm sand, for reports."""
    stops = np.array([0.0, 0.35, 0.7, 1.0])
    colours = np.array([[0.16, 0.22, 0.45], [0.13, 0.50, 0.60], [0.55, 0.74, 0.55], [0.97, 0.80, 0.46]])
    channels = [np.interp(value, stops, colours[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def draw_flat(
    points: NDArray[np.floating],
    *,
    size: int = 30,
    view: Sequence[float] = RELEASED_VIEW,
    margin: float = 0.05,
) -> NDArray[np.uint8]:
    """(B, N, 3) clouds, +z up -> (B, size, size, 3): one pixel a point, copper by height, on off-white.

    Each cloud fills the picture but for `margin` (a fraction of its side) and keeps its proportions.
    """
    pictures = np.empty((len(points), size, size, 3), dtype=np.uint8)
    centre = np.zeros((1, 2), dtype=np.float32)
    heights = _heights(points)
    for picture, seen, height in zip(pictures, _fitted(points, view, size, margin), heights, strict=True):
        order = np.argsort(seen[:, 2], kind="stable")  # (N,) far to near
        owner = _splat(seen[order, :2], centre, size)  # (size, size)
        picture[:] = np.round(255 * copper(height[order]))[owner]
        picture[owner < 0] = OFF_WHITE
    return pictures


def draw_shaded(
    points: NDArray[np.floating],
    *,
    size: int = 120,
    view: Sequence[float] = REPORT_VIEW,
    ball: float = 0.022,
    margin: float = 0.06,
    background: tuple[int, int, int] = (255, 255, 255),
) -> NDArray[np.uint8]:
    """(B, N, 3) clouds, +z up -> (B, size, size, 3): lit balls of radius `ball` (a fraction of the side)."""
    side = size * _OVERSAMPLING
    offsets, normals = _ball(max(ball * side, 1.0))  # (K, 2) pixels, (K, 3)
    light = np.clip(normals @ (_LIGHT / np.linalg.norm(_LIGHT)), 0.0, 1.0)  # (K,)
    shade = (0.42 + 0.58 * light + 0.25 * light**24).astype(np.float32)
    pictures = np.empty((len(points), size, size, 3), dtype=np.uint8)
    heights = _heights(points)
    for picture, seen, height in zip(
        pictures, _fitted(points, view, side, margin + ball), heights, strict=True
    ):
        order = np.argsort(seen[:, 2], kind="stable")  # (N,) far to near
        nearness, colour = seen[order, 2], dusk(height[order])
        owner = _splat(seen[order, :2], offsets, side)  # (side, side) n * K + k, or -1
        point, spot = np.divmod(owner, len(offsets))
        lit = np.clip(colour[point] * shade[spot][..., None], 0.0, 1.0)  # (side, side, 3)
        lit *= _eye_dome(np.where(owner < 0, -0.75, nearness[point]), reach=side / 120)[..., None]
        lit[owner < 0] = np.asarray(background, dtype=np.float32) / 255
        small = lit.reshape(size, _OVERSAMPLING, size, _OVERSAMPLING, 3).mean(axis=(1, 3))
        picture[:] = np.round(255 * small)
    return pictures


def _fitted(
    points: NDArray[np.floating], view: Sequence[float], side: int, margin: float
) -> NDArray[np.float32]:
    """(B, N, 3): column and row in pixels, nearness in units of the picture's side."""
    seen = points.astype(np.float32) @ orthographic_basis(view).T.astype(np.float32)
    low, high = seen.min(axis=1, keepdims=True), seen.max(axis=1, keepdims=True)
    extent = np.maximum((high - low)[..., :2].max(axis=2, keepdims=True), 1e-9)
    seen = (seen - (low + high) / 2) / extent  # longest side -0.5..0.5
    inner = side * (1.0 - 2.0 * margin)
    column, row = side / 2 + inner * seen[..., 0], side / 2 - inner * seen[..., 1]
    return np.stack([column, row, seen[..., 2]], axis=-1).astype(np.float32)


def _heights(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """(B, N) z of each point within its cloud, 0 at the bottom and 1 at the top."""
    z = points[..., 2].astype(np.float32)
    low, high = z.min(axis=1, keepdims=True), z.max(axis=1, keepdims=True)
    heights: NDArray[np.float32] = (z - low) / np.maximum(high - low, 1e-9)
    return heights


def _splat(centres: NDArray[np.float32], offsets: NDArray[np.float32], side: int) -> NDArray[np.int64]:
    """(N, 2) pixels from far to near, (K, 2) offsets -> (side, side) the n * K + k seen there, or -1.

    Of an index that occurs repeatedly NumPy keeps the last assignment, so the nearest point stays.
    """
    cell = np.clip(np.floor(centres[:, None] + offsets).astype(np.int64), 0, side - 1)  # (N, K, 2)
    owner = np.full(side * side, -1, dtype=np.int64)
    owner[(cell[..., 1] * side + cell[..., 0]).ravel()] = np.arange(len(centres) * len(offsets))
    return owner.reshape(side, side)


def _ball(radius: float) -> tuple[NDArray[np.float32], NDArray[np.floating]]:
    """Pixel offsets of a disc and the normals (right, up, near) of the ball it is the picture of."""
    steps = np.arange(-int(radius), int(radius) + 1, dtype=np.float32)
    x, y = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="xy"))
    inside = x**2 + y**2 <= radius**2
    x, y = x[inside], y[inside]
    near = np.sqrt(np.maximum(radius**2 - x**2 - y**2, 0.0), dtype=np.float32)
    return np.stack([x, y], axis=1), np.stack([x, -y, near], axis=1) / radius


def _eye_dome(nearness: NDArray[np.floating], *, reach: float) -> NDArray[np.float32]:
    """(H, W) nearness -> (H, W) factors in (0, 1], darker beside nearer edges."""
    height, width = nearness.shape
    total = np.zeros((height, width), dtype=np.float32)
    for distance in (1, 2, 4):
        step = max(round(distance * reach), 1)
        padded = np.pad(nearness, step, mode="edge")
        for row, column in ((0, 1), (2, 1), (1, 0), (1, 2), (0, 0), (0, 2), (2, 0), (2, 2)):
            part = padded[row * step : row * step + height, column * step : column * step + width]
            total += np.clip(part - nearness, 0.0, 0.25)
    np.exp(-0.55 * total, out=total)
    return total
