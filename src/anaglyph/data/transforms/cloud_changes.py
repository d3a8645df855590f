"""Weak and strong changes to clouds, a whole batch at once (dossier CrossMoST, 1.3).

The order is the paper's: unit sphere, scale, turn, tilt, shift, noise, dropout, crop; nothing is normalised
again afterwards. Every draw is a function of the object's row key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.transforms.ranges import Range, Rows, between, check_amount, check_range, symmetric
from anaglyph.errors import ConfigError
from anaglyph.randomness import normal, uniform

Points = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class CloudChanges:
    """Random changes to a cloud; the defaults bring it into the unit sphere and leave it there."""

    unit_sphere: bool = True
    """Subtract the mean and divide by the largest distance from it, first of all."""
    scale: Range = (1.0, 1.0)
    """Factor on all axes together."""
    turn: bool = False
    """A free turn about the up axis."""
    up: Literal["y", "z"] = "y"
    tilt: float = 0.0
    """Standard deviation of a turn about each axis, in radians."""
    tilt_clip: float = 0.18
    """Turns beyond this are cut off, in radians."""
    shift: float = 0.0
    """Largest move along each axis, either way, in extents of the cloud along it."""
    jitter: float = 0.0
    """Standard deviation of noise on every coordinate."""
    jitter_clip: float = 0.05
    """Noise beyond this is cut off."""
    dropout: float = 0.0
    """Largest share of points, even from 0, that are replaced by the first one."""
    crop: float = 1.0
    """Smallest side, in extents of the cloud, of a box that is kept; what lies outside is replaced by points
    inside. 1 crops nothing, which is what the published code comes to by a misprint."""

    def __post_init__(self) -> None:
        check_range("cloud scale", self.scale, above=0.0)
        for name in ("tilt", "tilt_clip", "shift", "jitter", "jitter_clip"):
            check_amount(f"cloud {name}", getattr(self, name))
        check_amount("cloud dropout", self.dropout, below=0.95)
        if not 0.0 < self.crop <= 1.0:
            raise ConfigError(
                f"cloud crop is {self.crop}; it is a share of the extent, above 0 and at most 1."
            )


def change_clouds(points: Points, config: CloudChanges, rows: Rows) -> Points:
    """(B, N, 3 or 6) -> the same shape; colours behind the coordinates stay with their points."""
    xyz, colours = points[..., :3], points[..., 3:]
    if config.unit_sphere:
        xyz = in_unit_sphere(xyz)
    if config.scale != (1.0, 1.0):
        xyz = xyz * between(rows, "cloud/scale", config.scale, 1, 1)
    if config.turn or config.tilt:
        xyz = xyz @ _turns(config, rows)
    if config.shift:
        extent = np.ptp(xyz, axis=1, keepdims=True)  # (B, 1, 3)
        xyz = xyz + config.shift * symmetric(rows, "cloud/shift", 1, 3) * extent
    if config.jitter:
        noise = config.jitter * normal(rows, "cloud/jitter", *xyz.shape[1:])
        xyz = xyz + np.clip(noise, -config.jitter_clip, config.jitter_clip)
    changed = np.concatenate([xyz, colours], axis=2)
    if config.dropout:
        share = config.dropout * uniform(rows, "cloud/dropout", 1)
        dropped = uniform(rows, "cloud/dropped", points.shape[1]) < share
        changed = np.where(dropped[..., None], changed[:, :1], changed)
    if config.crop < 1.0:
        changed = _cropped(changed, config.crop, rows)
    return np.ascontiguousarray(changed, dtype=np.float32)


def in_unit_sphere(xyz: Points) -> Points:
    """(B, N, 3) -> the same, mean 0 and largest distance 1; a cloud without extent becomes zeros."""
    centred = xyz - xyz.mean(axis=1, keepdims=True)
    radius = np.sqrt((centred**2).sum(axis=2).max(axis=1))[:, None, None]
    result: Points = (centred / np.where(radius > 0, radius, 1.0)).astype(np.float32)
    return result


def _turns(config: CloudChanges, rows: Rows) -> Points:
    """(B, 3, 3) to multiply row vectors with from the right."""
    matrix = np.tile(np.eye(3), (len(rows), 1, 1))
    if config.turn:
        matrix = matrix @ _about("xyz".index(config.up), 2 * np.pi * uniform(rows, "cloud/turn"))
    if config.tilt:
        angles = np.clip(config.tilt * normal(rows, "cloud/tilt", 3), -config.tilt_clip, config.tilt_clip)
        for axis in range(3):
            matrix = matrix @ _about(axis, angles[:, axis])
    return matrix.astype(np.float32)


def _about(axis: int, angle: NDArray[np.float32]) -> NDArray[np.float64]:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.tile(np.eye(3), (len(angle), 1, 1))
    turn[:, first, first] = turn[:, second, second] = np.cos(angle)
    turn[:, first, second], turn[:, second, first] = np.sin(angle), -np.sin(angle)
    return turn


def _cropped(points: Points, smallest: float, rows: Rows) -> Points:
    """Points outside a random box are replaced by points inside; a box without points crops nothing."""
    low, extent = points[..., :3].min(axis=1), np.ptp(points[..., :3], axis=1)
    side = between(rows, "cloud/crop", (smallest, 1.0), 3) * extent
    start = low + uniform(rows, "cloud/crop_place", 3) * (extent - side)
    inside = ((points[..., :3] >= start[:, None]) & (points[..., :3] <= (start + side)[:, None])).all(axis=2)
    inside |= ~inside.any(axis=1, keepdims=True)
    kept = inside.sum(axis=1, keepdims=True)
    order = np.argsort(~inside, axis=1, kind="stable")  # the points inside first, in their order
    spare = (uniform(rows, "cloud/crop_fill", points.shape[1]) * kept).astype(np.int64)
    place = np.where(
        np.arange(points.shape[1]) < kept, np.arange(points.shape[1]), np.minimum(spare, kept - 1)
    )
    return np.take_along_axis(points, np.take_along_axis(order, place, axis=1)[..., None], axis=1)
