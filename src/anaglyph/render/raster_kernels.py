"""The compiled loops of `fast_rasterise`. Imports numba; every operation is the one of `rasterise`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anaglyph.ops.fast.kernel import kernel
from anaglyph.render.lens import FACE_BITS, FLAT, SUBPIXELS

_LOW = (1 << FACE_BITS) - 1
_HIGH = (1 << 63) - 1 - _LOW
_SHIFT = SUBPIXELS.bit_length() - 1


@kernel
def farthest(vertices: Any, rows: Any) -> float:
    """Largest depth of vertices (V, 3) under the rows (3, 4) of a camera."""
    a, b, c, d = rows[2, 0], rows[2, 1], rows[2, 2], rows[2, 3]
    largest = -np.inf
    for vertex in range(len(vertices)):
        x, y, z = (
            np.float64(vertices[vertex, 0]),
            np.float64(vertices[vertex, 1]),
            np.float64(vertices[vertex, 2]),
        )
        largest = max(largest, -(((a * x + b * y) + c * z) + d))
    return largest


@kernel
def project(
    vertices: Any,
    rows: Any,
    scale: float,
    centre: float,
    near: float,
    perspective: bool,
    deepest: float,
    guard: float,
    subpixels: int,
    exact: Any,
    fine: Any,
    outside: Any,
) -> bool:
    """Fill in the last three arrays; whether no vertex is outside."""
    inner = True
    limit = guard * subpixels
    for vertex in range(len(vertices)):
        x, y, z = (
            np.float64(vertices[vertex, 0]),
            np.float64(vertices[vertex, 1]),
            np.float64(vertices[vertex, 2]),
        )
        across = ((rows[0, 0] * x + rows[0, 1] * y) + rows[0, 2] * z) + rows[0, 3]
        upwards = ((rows[1, 0] * x + rows[1, 1] * y) + rows[1, 2] * z) + rows[1, 3]
        depth = -(((rows[2, 0] * x + rows[2, 1] * y) + rows[2, 2] * z) + rows[2, 3])
        before = depth >= near
        if perspective:
            near_by = 1.0 / (depth if before else 1.0)
            column = centre + (scale * across) * near_by
            line = centre - (scale * upwards) * near_by
        else:
            near_by = 2.0 * deepest - depth
            column, line = centre + scale * across, centre - scale * upwards
        exact[vertex, 0], exact[vertex, 1], exact[vertex, 2] = column, line, near_by
        fine[vertex, 0] = np.int32(min(max(np.rint(column * subpixels), -limit), limit))
        fine[vertex, 1] = np.int32(min(max(np.rint(line * subpixels), -limit), limit))
        out = not before or abs(column) > guard or abs(line) > guard
        outside[vertex] = out
        inner = inner and not out
    return inner


@kernel
def draw(
    faces: Any,
    owners: Any,
    exact: Any,
    fine: Any,
    outside: Any,
    above: int,
    size: int,
    keys: Any,
) -> None:
    """Enter faces (F, 3) into the keys (rows, size) of a band that starts at row `above`.

    `owners` (F) names the faces; empty, they are their own. Faces with a vertex outside are left out.
    """
    end = above + len(keys)
    for face in range(len(faces)):
        first, second, third = faces[face, 0], faces[face, 1], faces[face, 2]
        ax, bx, cx = fine[first, 0], fine[second, 0], fine[third, 0]
        left = max(0, (min(ax, bx, cx) + (SUBPIXELS - 1)) >> _SHIFT)
        right = min(size - 1, max(ax, bx, cx) >> _SHIFT)
        if left > right:
            continue
        ay, by, cy = fine[first, 1], fine[second, 1], fine[third, 1]
        top = max(above, (min(ay, by, cy) + (SUBPIXELS - 1)) >> _SHIFT)
        bottom = min(end - 1, max(ay, by, cy) >> _SHIFT)
        if top > bottom or outside[first] or outside[second] or outside[third]:
            continue
        area = np.int64(bx - ax) * np.int64(cy - ay) - np.int64(cx - ax) * np.int64(by - ay)
        if area == 0:
            continue
        if area < 0:
            bx, by, cx, cy = cx, cy, bx, by
        code = _LOW - (owners[face] if len(owners) else np.int64(face))
        plane = _plane(exact[first], exact[second], exact[third])
        edges = _edge(ax, ay, bx, by), _edge(bx, by, cx, cy), _edge(cx, cy, ax, ay)
        _draw_rows(edges, plane, code, top, bottom, above, size, keys)


@kernel
def _edge(ax: Any, ay: Any, bx: Any, by: Any) -> tuple[float, float, float]:
    """Slope, start and rise of the edge from a to b, as in `rasterise`."""
    dx, dy = np.float64(bx) - np.float64(ax), np.float64(by) - np.float64(ay)
    if dy == 0.0:
        return 0.0, 1e18, 1.0
    return dx * SUBPIXELS, dy * np.float64(ax) - dx * np.float64(ay), dy * SUBPIXELS


@kernel
def _plane(first: Any, second: Any, third: Any) -> tuple[float, float, float, float, float]:
    """Nearness at (0, 0), along x, along y, the lowest and the highest."""
    x, y, near = first[0], first[1], first[2]
    ux, uy, un = second[0] - x, second[1] - y, second[2] - near
    vx, vy, vn = third[0] - x, third[1] - y, third[2] - near
    size = ux * vy - vx * uy
    if abs(size) < FLAT:
        size = np.inf
    along_x, along_y = (un * vy - vn * uy) / size, (ux * vn - vx * un) / size
    low = min(near, second[2], third[2])
    high = max(near, second[2], third[2])
    return (near - along_x * x) - along_y * y, along_x, along_y, low, high


@kernel
def _draw_rows(
    edges: Any, plane: Any, code: Any, top: int, bottom: int, above: int, size: int, keys: Any
) -> None:
    """Enter one face, by its three edges and its plane, into rows `top` to `bottom`."""
    at_zero, along_x, along_y, low, high = plane
    for row in range(top, bottom + 1):
        y = np.float64(row)
        left_end, right_end = 0.0, np.float64(size - 1)
        for slope, start, rise in edges:
            meets = (slope * y + start) / rise
            if rise < 0.0:
                left_end = max(left_end, meets)
            else:
                right_end = min(right_end, meets)
        left, right = math.ceil(left_end), math.floor(right_end)
        if left > right:
            continue
        at_row = at_zero + along_y * y
        begin = min(max(at_row + along_x * left, low), high)
        ahead = min(max(at_row + along_x * right, low), high)
        step = (ahead - begin) / max(right - left, 1.0)
        start = begin - step * left
        line = keys[row - above]
        for column in range(np.int64(left), np.int64(right) + 1):
            near = start + step * np.float64(column)
            line[column] = max(line[column], (np.float64(near).view(np.int64) & _HIGH) | code)


@kernel
def name_faces(keys: Any, picture: Any) -> None:
    """Keys (rows, size) -> faces, -1 for none."""
    for row in range(len(keys)):
        for column in range(keys.shape[1]):
            key = keys[row, column]
            picture[row, column] = np.int32(-1) if key < 0 else np.int32(_LOW - (key & _LOW))
