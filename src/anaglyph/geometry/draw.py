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

Pictures = NDArray[np.uint8]
OFF_WHITE = (250, 249, 245)
RELEASED_VIEW = (1.0, 0.65, 0.0)
"""Normal of the plane onto which the released variant projects (dossier RoMo, 5.1)."""
REPORT_VIEW = turntable(32.0, 22.0)
_LIGHT = np.array([-0.45, 0.62, 0.64])
"""Towards the light in camera axes: from the upper left, before the picture."""
_OVERSAMPLING = 3


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
) -> Pictures:
    """(B, N, 3) clouds, +z up -> (B, size, size, 3): one pixel a point, copper by height, on off-white.

    Each cloud fills the picture but for `margin` (a fraction of its side) and keeps its proportions.
    """
    seen = _fitted(points, view, size, margin)  # (B, N, 3) pixels, nearness
    colours = (255 * copper(_heights(points))).astype(np.uint8)  # (B, N, 3)
    pictures = np.full((len(points), size * size, 3), OFF_WHITE, dtype=np.uint8)
    cell = np.clip(np.floor(seen[..., :2]).astype(np.int64), 0, size - 1)  # (B, N, 2) column, row
    _paint(pictures, cell[..., 1] * size + cell[..., 0], seen[..., 2], colours)
    return pictures.reshape(len(points), size, size, 3)


def draw_shaded(
    points: NDArray[np.floating],
    *,
    size: int = 120,
    view: Sequence[float] = REPORT_VIEW,
    ball: float = 0.022,
    margin: float = 0.06,
    background: tuple[int, int, int] = (255, 255, 255),
) -> Pictures:
    """(B, N, 3) clouds, +z up -> (B, size, size, 3): lit balls of radius `ball` (a fraction of the side)."""
    side = size * _OVERSAMPLING
    seen = _fitted(points, view, side, margin + ball)
    offsets, normals = _ball(max(ball * side, 1.0))  # (K, 2) pixels, (K, 3)
    light = np.clip(normals @ (_LIGHT / np.linalg.norm(_LIGHT)), 0.0, 1.0)  # (K,)
    shade = 0.42 + 0.58 * light + 0.25 * light**24
    colour = dusk(_heights(points))[:, :, None] * shade[None, None, :, None]  # (B, N, K, 3)
    cell = np.floor(seen[:, :, None, :2] + offsets).astype(np.int64)  # (B, N, K, 2)
    cell = np.clip(cell, 0, side - 1)
    where = (cell[..., 1] * side + cell[..., 0]).reshape(len(points), -1)
    nearness = np.broadcast_to(seen[:, :, None, 2], cell.shape[:3])
    paint = np.concatenate([colour, nearness[..., None]], axis=-1).reshape(len(points), -1, 4)
    canvas = np.full((len(points), side * side, 4), -np.inf, dtype=np.float32)
    _paint(canvas, where, nearness.reshape(len(points), -1), paint.astype(np.float32))
    canvas = canvas.reshape(len(points), side, side, 4)
    empty = np.isinf(canvas[..., 3])
    lit = np.clip(canvas[..., :3], 0.0, 1.0) * _eye_dome(canvas[..., 3], reach=side / 120)[..., None]
    lit = np.where(empty[..., None], np.asarray(background, dtype=np.float32) / 255, lit)
    small = lit.reshape(len(points), size, _OVERSAMPLING, size, _OVERSAMPLING, 3).mean(axis=(2, 4))
    return np.round(255 * small).astype(np.uint8)


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


def _paint(
    canvas: NDArray[np.generic],
    where: NDArray[np.int64],
    nearness: NDArray[np.float32],
    paint: NDArray[np.generic],
) -> None:
    """Far to near onto (B, cells, C): of repeated indices NumPy keeps the last, so the nearest stays."""
    order = np.argsort(nearness, axis=1, kind="stable")
    batch = np.arange(len(canvas))[:, None]
    canvas[batch, where[batch, order]] = paint[batch, order]


def _ball(radius: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pixel offsets of a disc and the normals (right, up, near) of the ball it is the picture of."""
    steps = np.arange(-int(radius), int(radius) + 1, dtype=np.float32)
    x, y = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="xy"))
    inside = x**2 + y**2 <= radius**2
    x, y = x[inside], y[inside]
    near = np.sqrt(np.maximum(radius**2 - x**2 - y**2, 0.0))
    return np.stack([x, y], axis=1), np.stack([x, -y, near], axis=1) / np.float32(radius)


def _eye_dome(nearness: NDArray[np.float32], *, reach: float) -> NDArray[np.float32]:
    """(B, H, W) nearness, -inf where empty -> (B, H, W) factors in (0, 1], darker behind nearer edges."""
    filled = np.where(np.isinf(nearness), -0.75, nearness)
    total = np.zeros_like(filled)
    for distance in (1, 2, 4):
        step = max(round(distance * reach), 1)
        padded = np.pad(filled, ((0, 0), (step, step), (step, step)), mode="edge")
        for row, column in ((0, 1), (2, 1), (1, 0), (1, 2), (0, 0), (0, 2), (2, 0), (2, 2)):
            part = padded[:, row * step :, column * step :][:, : filled.shape[1], : filled.shape[2]]
            total += np.clip(part - filled, 0.0, 0.25)
    factors: NDArray[np.float32] = np.exp(-0.55 * total).astype(np.float32)
    return factors
