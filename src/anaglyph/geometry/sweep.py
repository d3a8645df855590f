"""Solids swept by an outline: lofts between cross-sections, extrusions, lathed bodies and tubes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anaglyph.geometry.curves import lifted, regular_polygon, signed_area
from anaglyph.geometry.polygons import triangulated
from anaglyph.geometry.solid import Points, Solid, outward, projected_uv

_SAME = 1e-9
"""Points of a section that are nearer than this share of its extent are one vertex."""


def loft(sections: ArrayLike, *, ring: bool = False, cap: NDArray[np.int32] | None = None) -> Solid:
    """The skin over a row of cross-sections, closed at both ends.

    Args:
        sections: (S, K, 3), all sections in the same sense of rotation; neighbours differ. A section may be
            one point K times (a tip), and neighbouring points of one may coincide (a corner of no radius).
        ring: the last section joins the first, and there are no ends.
        cap: (T, 3) triangles of a section that close both ends; by default a fan from its middle, which
            needs a section that its middle sees whole.
    """
    grid = np.asarray(sections, dtype=np.float64)
    count, size, _ = grid.shape
    index = _welded(grid)
    rows = np.arange(count if ring else count - 1)
    here, there = index[rows], index[(rows + 1) % count]
    ahead = (np.arange(size) + 1) % size
    a, b, c, d = here, here[:, ahead], there[:, ahead], there
    faces = [np.stack([a, b, c], axis=2).reshape(-1, 3), np.stack([a, c, d], axis=2).reshape(-1, 3)]
    around, along = _unrolled(grid, ring=ring)
    u, v = np.meshgrid(around, along)  # (S + ring, K + 1)
    uv = np.stack([u, v], axis=2)
    q, r, s, t = uv[rows, :-1], uv[rows, 1:], uv[rows + 1, 1:], uv[rows + 1, :-1]
    corner_uv = [np.stack([q, r, s], axis=2).reshape(-1, 3, 2), np.stack([q, s, t], axis=2).reshape(-1, 3, 2)]
    vertices = grid.reshape(-1, 3)
    if not ring:
        vertices = np.concatenate([vertices, grid[[0, -1]].mean(axis=1)])
        for end, corners in enumerate((index[0][::-1], index[-1])):
            lid = _lid(corners, cap, middle=count * size + end, turned=end == 0)
            lid = lid[_proper(lid)]
            faces.append(lid)
            if len(lid):
                corner_uv.append(projected_uv(vertices, lid))
    return _compact(vertices, np.concatenate(faces), np.concatenate(corner_uv))


def extrusion(outline: ArrayLike, depth: float, *, bevel: float = 0.0) -> Solid:
    """A simple polygon (K, 2) of either sense in the x-y plane, made `depth` thick about z = 0.

    With `bevel` metres both faces are drawn in towards the middle of the outline's box, the edge between them
    and the wall slanting at about 45 degrees.
    """
    flat = np.asarray(outline, dtype=np.float64)
    if signed_area(flat) < 0:
        flat = flat[::-1]
    low, high = flat.min(axis=0), flat.max(axis=0)
    sections = [lifted(flat, z=z) for z in (-depth / 2 + bevel, depth / 2 - bevel)]
    if bevel:
        drawn_in = (low + high) / 2 + (flat - (low + high) / 2) * (1 - 2 * bevel / (high - low))
        sections = [lifted(drawn_in, z=-depth / 2), *sections, lifted(drawn_in, z=depth / 2)]
    solid = loft(sections, cap=triangulated(flat))
    return Solid(solid.vertices, solid.faces, projected_uv(solid.vertices, solid.faces))


def lathe(profile: ArrayLike, *, segments: int = 24, ring: bool = False) -> Solid:
    """A profile (P, 2) of (radius, height) turned about the y axis, in steps that lie on the circle.

    Ends at a radius above 0 are closed flat; hollow things run up outside and down inside. With `ring` the
    profile itself is closed and must not touch the axis.
    """
    points = np.asarray(profile, dtype=np.float64)
    if (points[:, 0] < 0).any() or (ring and (points[:, 0] <= 0).any()):
        raise ValueError("the radius of a profile must not be negative, nor 0 in a ring")
    differ = np.abs(np.diff(points, axis=0)).max(axis=1) > _SAME * np.ptp(points, axis=0).max()
    points = points[np.concatenate([[True], differ])]
    circle = regular_polygon(1.0, corners=segments)  # (K, 2)
    sections = np.empty((len(points), segments, 3))
    sections[:, :, ::2] = points[:, None, :1] * circle
    sections[:, :, 1] = points[:, 1:]
    return loft(sections, ring=ring)


def tube(
    path: ArrayLike,
    radius: float | ArrayLike = 1.0,
    *,
    sides: int = 8,
    outline: ArrayLike | None = None,
    up: ArrayLike = (0.0, 1.0, 0.0),
    ring: bool = False,
) -> Solid:
    """A round or any other section carried along a path without twisting.

    Args:
        path: (P, 3), neighbours differ.
        radius: of the tube at each point, or one for all; a factor of `outline` where one is given.
        sides: corners of the round section.
        outline: (K, 2) section instead: x to the side, y towards `up`.
        up: direction that the section's y axis is kept near to at the start of the path.
        ring: the path is closed; best for paths in a plane.
    """
    points = np.asarray(path, dtype=np.float64)
    shape = regular_polygon(1.0, corners=sides) if outline is None else np.asarray(outline, dtype=np.float64)
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(points),))
    side, top = _frames(points, np.asarray(up, dtype=np.float64), ring=ring)
    spread = radii[:, None, None] * (shape[:, :1] * side[:, None] + shape[:, 1:] * top[:, None])
    return loft(points[:, None] + spread, ring=ring)


def _frames(points: Points, up: Points, *, ring: bool) -> tuple[Points, Points]:
    """(P, 3) unit vectors to the side and up of a path; the first pair follows `up`, none twists."""
    steps = np.roll(points, -1, axis=0) - points if ring else np.diff(points, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    before = np.roll(steps, 1, axis=0) if ring else np.concatenate([steps[:1], steps])
    after = steps if ring else np.concatenate([steps, steps[-1:]])
    ahead = before + after
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    first = np.cross(up, ahead[0])
    if np.linalg.norm(first) < 1e-6:
        first = np.cross((0.0, 0.0, 1.0) if abs(ahead[0, 2]) < 0.9 else (1.0, 0.0, 0.0), ahead[0])
    sides = np.empty_like(points)
    for row, direction in enumerate(ahead):  # each side is the previous one, laid flat on its own section
        first = first - (first @ direction) * direction
        first = first / np.linalg.norm(first)
        sides[row] = first
    return sides, np.cross(ahead, sides)


def _welded(grid: Points) -> NDArray[np.int64]:
    """(S, K) vertex of every point: a run of equal neighbours in a section is its first point."""
    count, size, _ = grid.shape
    near = np.abs(grid - np.roll(grid, 1, axis=1)).max(axis=2) <= _SAME * np.ptp(grid, axis=(0, 1)).max()
    columns = np.where(near, -1, np.arange(size))
    first = np.maximum.accumulate(columns, axis=1)
    last = np.maximum(first[:, -1:], 0)  # a run across the seam belongs to the section's last run
    index: NDArray[np.int64] = np.where(first < 0, last, first) + size * np.arange(count)[:, None]
    return index


def _unrolled(grid: Points, *, ring: bool) -> tuple[Points, Points]:
    """Lengths around the longest section (K + 1) and along the middle of the skin (S, or S + 1 of a ring)."""
    closed = np.concatenate([grid, grid[:, :1]], axis=1)
    around = np.linalg.norm(np.diff(closed, axis=1), axis=2)
    longest = around[around.sum(axis=1).argmax()]
    rows = np.concatenate([grid, grid[:1]]) if ring else grid
    along = np.linalg.norm(np.diff(rows, axis=0), axis=2).mean(axis=1)
    return np.concatenate([[0.0], np.cumsum(longest)]), np.concatenate([[0.0], np.cumsum(along)])


def _lid(
    corners: NDArray[np.int64], cap: NDArray[np.int32] | None, *, middle: int, turned: bool
) -> NDArray[np.int64]:
    if cap is None:
        return np.stack([np.full(len(corners), middle), corners, np.roll(corners, -1)], axis=1)
    if turned:  # `corners` is reversed: the k-th corner of the section stands at place K - 1 - k
        return corners[len(corners) - 1 - cap[:, ::-1]]
    return corners[cap]


def _proper(faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    a, b, c = faces.T
    proper: NDArray[np.bool_] = (a != b) & (b != c) & (c != a)
    return proper


def _compact(vertices: Points, faces: NDArray[np.int64], corner_uv: Points) -> Solid:
    """Without faces that welding has closed up and vertices that nothing uses."""
    kept = _proper(faces)
    faces, corner_uv = faces[kept], corner_uv[kept]
    used = np.zeros(len(vertices), dtype=bool)
    used[faces] = True
    renumbered = np.cumsum(used) - 1
    return outward(vertices[used], renumbered[faces].astype(np.int32), corner_uv)
