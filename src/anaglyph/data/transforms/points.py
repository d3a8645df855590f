"""Point cloud augmentation of a whole batch, in NumPy: choice of points, linear map, bend, holes, jitter.

Every draw is a function of the object's row key, so an object is augmented the same in any batch. All
ranges at their defaults leave the clouds as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.transforms.ranges import Range, Rows, between, check_amount, check_range, symmetric
from anaglyph.errors import ConfigError
from anaglyph.randomness import normal, uniform

Points = NDArray[np.float32]
_IDENTITY: Range = (1.0, 1.0)
_FINE = 16
"""Side of the enlarged displacement field that points look up."""
_PLANES = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}
"""Axis -> the two axes that turn around it, in positive order."""


@dataclass(frozen=True, kw_only=True)
class PointAugmentation:
    """Ranges of random changes to a cloud; lengths in model units, the defaults change nothing."""

    rotation: float = 0.0
    """Largest turn about `rotation_axis` in degrees, either way; 180 turns freely."""
    rotation_axis: Literal["x", "y", "z"] = "z"
    """z for objects that stand; x turns digits within their plane."""
    tilt: float = 0.0
    """Largest turn about each of the other two axes in degrees, either way."""
    scale: Range = _IDENTITY
    """Factor on all axes together."""
    stretch: tuple[Range, Range, Range] = (_IDENTITY, _IDENTITY, _IDENTITY)
    """Factors on x, y and z, each by itself; RoMo's release has (2/3, 3/2) on all three."""
    mirror: float = 0.0
    """Probability of a mirror image along each of the two axes that turn around `rotation_axis`."""
    shear: float = 0.0
    """Largest slant within the plane that turns around `rotation_axis`, as tangent."""
    shift: float = 0.0
    """Largest move along each axis."""
    elastic: float = 0.0
    """Standard deviation of a smooth random displacement within that plane."""
    elastic_grid: int = 4
    """Coarse grid of the displacement over the cloud's own extent."""
    jitter: float = 0.0
    """Standard deviation of noise on every coordinate."""
    jitter_clip: float = 0.05
    """Noise beyond this is cut off."""
    dropout: float = 0.0
    """Largest fraction of points replaced by repetitions of others."""
    cut: float = 0.0
    """Largest fraction of points cut away by a random plane and replaced likewise."""

    def __post_init__(self) -> None:
        check_range("point scale", self.scale, above=0.0)
        for axis, stretch in zip("xyz", self.stretch, strict=True):
            check_range(f"point stretch of {axis}", stretch, above=0.0)
        for name in ("rotation", "tilt", "shear", "shift", "elastic", "jitter", "jitter_clip"):
            check_amount(f"point {name}", getattr(self, name))
        check_amount("point mirror", self.mirror, below=1.0 + 1e-9)
        check_amount("point dropout", self.dropout, below=0.95)
        check_amount("point cut", self.cut, below=0.95)
        if self.elastic_grid < 2:
            raise ConfigError(f"point elastic_grid is {self.elastic_grid}; it must be >= 2.")


def choose_points(stored: int, count: int, rows: Rows) -> NDArray[np.int64]:
    """(B, count) different indices below `stored`, one drawn from each of `count` equal runs.

    Stored clouds are in random order, so that a run is a random part of the surface; the draw is then
    without replacement and costs `count`, not `stored`.
    """
    if not 1 <= count <= stored:
        raise ValueError(f"cannot take {count} different points of {stored}")
    ends = np.arange(count + 1, dtype=np.int64) * stored // count
    low, length = ends[:-1], np.diff(ends)
    inside = (uniform(rows, "points/choice", count) * length).astype(np.int64)
    chosen: NDArray[np.int64] = low + np.minimum(inside, length - 1)
    return chosen


def augment_points(points: Points, config: PointAugmentation, rows: Rows) -> Points:
    """(B, N, 3) -> (B, N, 3), augmented per object; colours behind the coordinates stay with their points."""
    plane = _PLANES[config.rotation_axis]
    if config.cut:
        direction = normal(rows, "points/cut_direction", 3)[:, :, None]
        points = _thinned(points, (points[..., :3] @ direction)[..., 0], config.cut, rows, "points/cut")
    if config.dropout:
        order = uniform(rows, "points/dropout_order", points.shape[1])
        points = _thinned(points, order, config.dropout, rows, "points/dropout")
    points, colours = points[..., :3], points[..., 3:]
    if config.elastic:
        points = _bent(points, config, rows, plane)
    points = points @ _matrix(config, rows, plane)
    if config.shift:
        points = points + config.shift * symmetric(rows, "points/shift", 1, 3)
    if config.jitter:
        noise = config.jitter * normal(rows, "points/jitter", *points.shape[1:])
        points = points + np.clip(noise, -config.jitter_clip, config.jitter_clip)
    return np.concatenate([points, colours], axis=2).astype(np.float32)


def _matrix(config: PointAugmentation, rows: Rows, plane: tuple[int, int]) -> NDArray[np.float32]:
    """(B, 3, 3) to multiply points with from the right: stretch, shear, turn, tilt."""
    first, second = plane
    factors = between(rows, "points/scale", config.scale, 1) * np.stack(
        [
            between(rows, f"points/stretch/{axis}", stretch)
            for axis, stretch in zip("xyz", config.stretch, strict=True)
        ],
        axis=1,
    )
    if config.mirror:
        flipped = uniform(rows, "points/mirror", 2) < config.mirror  # (B, 2)
        factors[:, list(plane)] *= np.where(flipped, -1.0, 1.0)
    matrix = np.zeros((len(rows), 3, 3), dtype=np.float64)
    matrix[:, range(3), range(3)] = factors
    lean = np.tile(np.eye(3), (len(rows), 1, 1))
    lean[:, first, second] = config.shear * symmetric(rows, "points/shear")
    matrix = matrix @ lean
    matrix = matrix @ _turn(plane, math.radians(config.rotation) * symmetric(rows, "points/rotation"))
    if config.tilt:
        for other in (axes for axis, axes in _PLANES.items() if axis != config.rotation_axis):
            angle = math.radians(config.tilt) * symmetric(rows, f"points/tilt/{other[0]}")
            matrix = matrix @ _turn(other, angle)
    return matrix.astype(np.float32)


def _turn(plane: tuple[int, int], angle: NDArray[np.float32]) -> NDArray[np.float64]:
    """(B,) radians -> (B, 3, 3) for row vectors, `point @ turn`: the first axis turns to the second."""
    first, second = plane
    turn = np.tile(np.eye(3), (len(angle), 1, 1))
    turn[:, first, first] = turn[:, second, second] = np.cos(angle)
    turn[:, first, second], turn[:, second, first] = np.sin(angle), -np.sin(angle)
    return turn


def _thinned(points: Points, score: Points, most: float, rows: Rows, purpose: str) -> Points:
    """Drop the points of the highest scores, up to the fraction `most`, and repeat others in their place."""
    count = points.shape[1]
    kept = count - np.floor(most * uniform(rows, purpose, 1) * count).astype(np.int64)  # (B, 1)
    place = np.arange(count)[None, :]
    spare = (uniform(rows, purpose + "_fill", count) * kept).astype(np.int64)
    source = np.where(place < kept, place, np.minimum(spare, kept - 1))
    order = np.take_along_axis(np.argsort(score, axis=1, kind="stable"), source, axis=1)
    return np.take_along_axis(points, order[..., None], axis=1)


def _bent(points: Points, config: PointAugmentation, rows: Rows, plane: tuple[int, int]) -> Points:
    """Move the points within the plane by a smooth field over the cloud's own extent in it.

    The coarse field of normal numbers is enlarged bicubically, as for images, and looked up bilinearly.
    """
    coarse = config.elastic * normal(rows, "points/elastic", config.elastic_grid, config.elastic_grid, 2)
    enlarge = _cubic_matrix(config.elastic_grid)  # (F, side)
    field = np.einsum("fi,bijc,gj->bfgc", enlarge, coarse, enlarge, optimize=True).reshape(-1, 2)
    flat = points[..., list(plane)]  # (B, N, 2)
    low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
    place = (flat - low) * ((_FINE - 1) / np.maximum((high - low).max(axis=2, keepdims=True), 1e-9))
    cell = np.clip(place.astype(np.int64), 0, _FINE - 2)  # (B, N, 2)
    part = place - cell
    start = np.arange(len(points))[:, None] * _FINE**2 + cell[..., 0] * _FINE + cell[..., 1]
    down, right = part[..., :1], part[..., 1:]
    moved = (1 - down) * ((1 - right) * field[start] + right * field[start + 1])
    moved += down * ((1 - right) * field[start + _FINE] + right * field[start + _FINE + 1])
    result = points.copy()
    result[..., list(plane)] += moved
    return result


def _cubic_matrix(side: int) -> NDArray[np.float32]:
    """(F, side) cubic convolution weights (Keys, 1981) from a coarse to the fine grid, rows summing to 1."""
    place = np.linspace(0.0, side - 1.0, _FINE)
    distance = np.abs(place[:, None] - np.arange(side))
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1.0
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4.0 * distance + 2.0
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
