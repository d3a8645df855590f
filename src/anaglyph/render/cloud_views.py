"""Pictures of point clouds, where no mesh can be had: every point a small disc that faces the camera.

Depth maps as those that ScanObjectNN's and ModelNet's clouds are shown to CLIP with (dossier CrossMoST, 1.3),
or the same surface lit from the camera, which looks like the renderings of meshes. A picture depends on the
set of points, not on their order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import Camera

Look = Literal["depth", "shaded"]
CLOUD_VIEWS_VERSION = 1
"""Goes up with every change of a pixel."""
_ONE_SURFACE = 0.25
"""Neighbouring pixels this far apart in depth, in model units, show different parts."""
_Grid = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class CloudViewOptions:
    """Size, look and light; the light stands at the camera, as for meshes."""

    size: int = 96
    """Pixels across and down."""
    look: Look = "shaded"
    """depth: white is near, black is far or nothing; shaded: lit, on white."""
    radius: float = 0.0
    """Of the disc of a point, in pixels; 0 takes what closes a surface of so many points."""
    ambient: float = 0.16
    """Shaded only: brightness of a surface seen from its edge, in [0, 1]."""
    diffuse: float = 0.78
    """Shaded only: what a surface turned to the camera has on top, in [0, 1]."""
    farthest: float = 0.2
    """Depth only: brightness of the farthest point, in [0, 1]."""

    def __post_init__(self) -> None:
        if self.size < 8 or not 0.0 <= self.radius <= self.size or self.look not in ("depth", "shaded"):
            raise ConfigError(
                f"size={self.size} must be >= 8, radius={self.radius} lie in 0 to size and "
                f"look={self.look!r} be depth or shaded."
            )
        for name in ("ambient", "diffuse", "farthest"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} must lie in [0, 1], got {getattr(self, name)}.")


def render_cloud(
    points: NDArray[np.floating[Any]], cameras: Sequence[Camera], options: CloudViewOptions
) -> NDArray[np.uint8]:
    """(V, size, size) pictures of a cloud, row 0 on top.

    Args:
        points: (N, 3) finite, +y up, in the unit sphere; N >= 1.
        cameras: V of them, such as `view_cameras("ring12")`.
        options: how they look.
    """
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"points must be (N, 3) with N >= 1, got {points.shape}")
    depth = cloud_depth(points, cameras, size=options.size, radius=options.radius)
    seen = np.isfinite(depth)
    if options.look == "depth":
        light = _by_depth(depth, seen, options.farthest)
        return _bytes(np.where(seen, light, 0.0))
    even = _smooth(depth, seen, disc_radius(len(points), options.size, options.radius))
    facing = np.stack([_facing(*each) for each in zip(even, seen, cameras, strict=True)])
    return _bytes(np.where(seen, options.ambient + options.diffuse * facing, 1.0))


def cloud_depth(
    points: NDArray[np.floating[Any]], cameras: Sequence[Camera], *, size: int, radius: float = 0.0
) -> _Grid:
    """(V, size, size) distance along the line of sight to the nearest disc, inf where there is none.

    Discs are drawn larger and the surface that they make then shrinks again by half of their radius: that
    closes gaps through which the far side would be seen, and leaves outlines where they are.
    """
    radius = disc_radius(len(points), size, radius)
    border = math.ceil(1.5 * radius) + 1
    wide = size + 2 * border
    result = np.full((len(cameras), wide * wide), np.inf, dtype=np.float32)
    exact = np.concatenate([points.astype(np.float64), np.ones((len(points), 1))], axis=1)
    for row, camera in enumerate(cameras):
        x, y, away = (exact @ camera.view()[:3].T).T
        ahead = -away > camera.near
        depth = -away[ahead]
        scale = depth if camera.height is None else 1.0
        lens = camera.intrinsics(size)
        column = np.floor(x[ahead] * lens[0, 0] / scale + lens[0, 2]).astype(np.int64) + border
        line = np.floor(-y[ahead] * lens[1, 1] / scale + lens[1, 2]).astype(np.int64) + border
        inside = (column >= 0) & (column < wide) & (line >= 0) & (line < wide)
        np.minimum.at(result[row], line[inside] * wide + column[inside], depth[inside])
    nearest = result.reshape(len(cameras), wide, wide)
    closed = -_nearest_in_disc(-_nearest_in_disc(nearest, 1.5 * radius), 0.5 * radius)
    return closed[:, border:-border, border:-border]


def disc_radius(points: int, size: int, asked: float) -> float:
    """Pixels; about the distance between points that are spread over the model's surface."""
    return asked or max(1.0, size / math.sqrt(points))


def _nearest_in_disc(grid: _Grid, radius: float) -> _Grid:
    """The smallest value within `radius` pixels of each; beyond the border lies nothing."""
    reach = math.floor(radius)
    padded = np.pad(grid, ((0, 0), (reach, reach), (reach, reach)), constant_values=np.inf)
    height, width = grid.shape[1:]
    result = np.full_like(grid, np.inf)
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            if down**2 + across**2 <= radius**2:
                top, left = reach + down, reach + across
                np.minimum(result, padded[:, top : top + height, left : left + width], out=result)
    return result


def _by_depth(depth: _Grid, seen: NDArray[np.bool_], farthest: float) -> _Grid:
    """1 at the nearest point of a picture, `farthest` at the farthest one."""
    near = np.where(seen, depth, np.inf).min(axis=(1, 2), keepdims=True)
    far = np.where(seen, depth, -np.inf).max(axis=(1, 2), keepdims=True)
    known = np.where(seen, depth, near)
    with np.errstate(invalid="ignore"):  # a picture without the cloud: inf - inf, masked by the caller
        part = (known - near) / np.where(far > near, far - near, 1.0)
    light: _Grid = 1.0 - (1.0 - farthest) * np.nan_to_num(part)
    return light


def _smooth(depth: _Grid, seen: NDArray[np.bool_], radius: float) -> _Grid:
    """Steps between discs evened out over some `radius` pixels, without mixing what lies far apart."""
    result = np.where(seen, depth, 0.0)
    for _ in range(math.ceil(radius**2)):
        total, count = result.copy(), np.ones_like(result)
        for axis in (1, 2):
            for step in (1, -1):
                there = np.roll(seen, step, axis=axis)
                other = np.roll(result, step, axis=axis)
                near = there & seen & (np.abs(other - result) < _ONE_SURFACE)
                total += np.where(near, other, 0.0)
                count += near
        result = total / count
    return result


def _facing(depth: _Grid, seen: NDArray[np.bool_], camera: Camera) -> _Grid:
    """(size, size) cosine between the line of sight and the normal of the surface that depth describes."""
    size = len(depth)
    lens = camera.intrinsics(size)
    middle = np.arange(size) + 0.5
    rays = np.stack(
        np.broadcast_arrays(
            ((middle - lens[0, 2]) / lens[0, 0])[None, :],
            (-(middle - lens[1, 2]) / lens[1, 1])[:, None],
            -1.0,
        ),
        axis=-1,
    )
    if camera.height is None:
        places, sight = rays * depth[..., None], rays
    else:
        places = np.concatenate([rays[..., :2], -depth[..., None]], axis=-1)
        sight = np.broadcast_to(np.array([0.0, 0.0, -1.0]), rays.shape)
    normal = np.cross(_slope(places, seen, axis=1), _slope(places, seen, axis=0))
    length = np.linalg.norm(normal, axis=-1) * np.linalg.norm(sight, axis=-1)
    cosine = np.abs((normal * sight).sum(axis=-1)) / np.where(length > 0.0, length, 1.0)
    return np.where(length > 0.0, cosine, 1.0)


def _slope(places: _Grid, seen: NDArray[np.bool_], *, axis: int) -> _Grid:
    """(size, size, 3) from pixel to pixel along an axis, over those of both neighbours that see anything."""
    places, seen = np.moveaxis(places, axis, 0), np.moveaxis(seen, axis, 0)
    step = np.diff(places, axis=0)
    both = (seen[1:] & seen[:-1])[..., None]
    total, count = np.zeros_like(places), np.zeros((*seen.shape, 1))
    total[1:] += np.where(both, step, 0.0)
    total[:-1] += np.where(both, step, 0.0)
    count[1:] += both
    count[:-1] += both
    return np.moveaxis(total / np.maximum(count, 1.0), 0, axis)


def _bytes(values: _Grid) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = np.rint(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8)
    return pixels
