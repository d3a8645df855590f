"""Plain solids: box, rounded box, cylinder, cone, sphere, torus, rods and beams. Lengths in metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anaglyph.geometry.curves import lifted, rectangle, regular_polygon, rounded_rectangle
from anaglyph.geometry.solid import Points, Solid, crossed, placed, projected_uv
from anaglyph.geometry.sweep import lathe, loft

_SIGNS = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])


def _flat_faces() -> NDArray[np.int32]:
    """(12, 3) rows of `_SIGNS`."""
    sides = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    return np.array([face for a, b, c, d in sides for face in ((a, b, c), (a, c, d))], dtype=np.int32)


def _chamfered_faces() -> NDArray[np.int32]:
    """(44, 3): vertex 3 k + axis is corner k on the side that `axis` is normal to, cut on the others."""
    corners = _flat_faces()
    sides = np.repeat([0, 0, 1, 1, 2, 2], 2)  # the axis of each pair of triangles
    faces = [corners * 3 + sides[:, None]]
    for k in range(8):
        turn = _SIGNS[k].prod() > 0
        faces.append(np.array([[3 * k, 3 * k + 1, 3 * k + 2] if turn else [3 * k, 3 * k + 2, 3 * k + 1]]))
        for axis in range(3):
            other = k ^ (4 >> axis)  # the corner across an edge along `axis`
            if other > k:
                first, second = (axis + 1) % 3, (axis + 2) % 3
                quad = [3 * k + first, 3 * k + second, 3 * other + second, 3 * other + first]
                quad = quad[::-1] if turn else quad
                faces.append(np.array([quad[:3], [quad[0], quad[2], quad[3]]]))
    return np.concatenate(faces).astype(np.int32)


_BOX = _flat_faces()
_CHAMFERED = _chamfered_faces()


def box(
    width: float, height: float, depth: float, *, chamfer: float = 0.0, at: ArrayLike = (0.0, 0.0, 0.0)
) -> Solid:
    """A cuboid along x, y and z with its middle at `at`: 12 faces, or 44 where edges are cut by `chamfer`."""
    size = np.array([width, height, depth])
    if chamfer:
        inset = _SIGNS * (size / 2 - min(chamfer, 0.45 * float(size.min())))  # (8, 3)
        full = _SIGNS * size / 2
        vertices = np.where(np.eye(3, dtype=bool), full[:, None], inset[:, None]).reshape(-1, 3)
        faces = _CHAMFERED
    else:
        vertices, faces = _SIGNS * size / 2, _BOX
    return Solid(vertices + np.asarray(at, dtype=np.float64), faces, projected_uv(vertices, faces))


def rounded_box(
    width: float,
    height: float,
    depth: float,
    *,
    radius: float,
    steps: int = 2,
    at: ArrayLike = (0.0, 0.0, 0.0),
) -> Solid:
    """A cuboid whose edges and corners are rounded in `steps` facets a quarter circle."""
    radius = min(radius, 0.499 * min(width, height, depth))
    quarter = np.linspace(0.0, np.pi / 2, steps + 1)
    reach, rise = np.cos(quarter), np.sin(quarter)
    reach[-1] = 0.0  # the cosine of pi / 2 is not quite 0, and the corner must close
    rows = [(out, -up) for out, up in zip(reach[::-1], rise[::-1], strict=True)]
    rows += list(zip(reach, rise, strict=True))
    core = np.array([width, height, depth]) / 2 - radius
    inner = np.repeat(rectangle(2 * core[0], 2 * core[2]), steps + 1, axis=0)
    around = rounded_rectangle(2.0, 2.0, radius=1.0, steps=steps)
    sections = np.empty((len(rows), len(inner), 3))
    for row, (out, up) in enumerate(rows):
        sections[row, :, ::2] = inner + radius * out * around
        sections[row, :, 1] = (core[1] if row > steps else -core[1]) + radius * up
    return loft(sections).moved(*np.asarray(at, dtype=np.float64))


def cylinder(
    radius: float,
    height: float,
    *,
    top: float | None = None,
    segments: int = 24,
    at: ArrayLike = (0.0, 0.0, 0.0),
) -> Solid:
    """Upright, middle at `at`; `top` is the upper radius where it differs: a frustum, or a cone when 0."""
    top = radius if top is None else top
    solid = lathe([(radius, -height / 2), (top, height / 2)], segments=segments)
    return solid.moved(*np.asarray(at, dtype=np.float64))


def sphere(radius: float, *, segments: int = 20, rings: int = 10, at: ArrayLike = (0.0, 0.0, 0.0)) -> Solid:
    """Poles on the y axis, `rings` bands between them; scale it for an ellipsoid."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    profile = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    profile[[0, -1], 0] = 0.0
    return lathe(profile, segments=segments).moved(*np.asarray(at, dtype=np.float64))


def torus(
    radius: float,
    thickness: float,
    *,
    segments: int = 24,
    sides: int = 8,
    at: ArrayLike = (0.0, 0.0, 0.0),
) -> Solid:
    """A ring about the y axis: `radius` to the middle of a tube whose own radius is `thickness`."""
    if not 0 < thickness < radius:
        raise ValueError(f"the tube's radius must lie between 0 and {radius}, got {thickness}")
    angle = 2 * np.pi * np.arange(sides) / sides
    profile = np.stack([radius + thickness * np.cos(angle), thickness * np.sin(angle)], axis=1)
    return lathe(profile, segments=segments, ring=True).moved(*np.asarray(at, dtype=np.float64))


def rod(
    start: ArrayLike, end: ArrayLike, radius: float, *, tip: float | None = None, sides: int = 8
) -> Solid:
    """A straight round bar between two points, `tip` its radius at the end where it differs."""
    return rods(np.asarray(start)[None], np.asarray(end)[None], radius, tip=tip, sides=sides)


def rods(
    starts: ArrayLike, ends: ArrayLike, radius: float, *, tip: float | None = None, sides: int = 8
) -> Solid:
    """Straight round bars from each row of `starts` (N, 3) to the same row of `ends`, equally thick."""
    tip = radius if tip is None else tip
    circle = regular_polygon(1.0, corners=sides)
    ring, ahead = np.arange(sides), (np.arange(sides) + 1) % sides
    first = np.asarray(starts, dtype=np.float64)
    axes = np.asarray(ends, dtype=np.float64) - first  # (N, 3)
    length = float(np.linalg.norm(axes, axis=1).mean())  # in metres, so that textures keep their scale
    vertices = np.concatenate([lifted(circle * radius), lifted(circle * tip, z=length)])
    fan = np.stack([np.zeros(sides - 2, dtype=np.int64), ring[1:-1], ring[2:]], axis=1)
    faces = np.concatenate(
        [
            np.stack([ring, ahead, ahead + sides], axis=1),
            np.stack([ring, ahead + sides, ring + sides], axis=1),
            fan[:, ::-1],
            fan + sides,
        ]
    ).astype(np.int32)
    bar = Solid(vertices, faces, projected_uv(vertices, faces))
    return placed(bar, _upright(axes / length, np.array([0.0, 1.0, 0.0])), first)


def beam(
    start: ArrayLike,
    end: ArrayLike,
    width: float,
    height: float,
    *,
    up: ArrayLike = (0.0, 1.0, 0.0),
    chamfer: float = 0.0,
) -> Solid:
    """A straight rectangular bar between two points; `height` is measured towards `up`."""
    first = np.asarray(start, dtype=np.float64)[None]
    axis = np.asarray(end, dtype=np.float64)[None] - first
    length = float(np.linalg.norm(axis))
    bar = box(width, height, length, chamfer=chamfer, at=(0.0, 0.0, length / 2))
    return placed(bar, _upright(axis / length, np.asarray(up, dtype=np.float64)), first)


def _upright(axes: Points, up: Points) -> Points:
    """(N, 3, 3) matrices that lay z along each axis, its length included, and y as near to `up` as can be."""
    ahead = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    side = crossed(np.broadcast_to(up, ahead.shape), ahead)
    parallel = np.linalg.norm(side, axis=1) < 1e-6
    side[parallel] = np.cross((0.0, 0.0, 1.0) if abs(up[2]) < 0.9 else (1.0, 0.0, 0.0), ahead[parallel])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return np.stack([side, crossed(ahead, side), axes], axis=2)
