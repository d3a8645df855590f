"""Where the rays through samples meet the faces they see: normals, depths, places within the faces.

Every back-end says only which face a sample sees; the rest is computed here, from that face itself, so that
pictures do not depend on the back-end. Vectors are (3, ...): x, y and z apart are fast to gather.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from anaglyph.geometry.cameras import Camera
from anaglyph.render.parallel import for_each

_CHUNK = 1 << 15
"""Faces whose normals are computed together on the CPU: what fits into a core's cache."""


class Rays(NamedTuple):
    """From the camera through the centres of a grid of samples, row by row, float64 in the world."""

    start: Tensor
    """(3, M)."""
    direction: Tensor
    """(3, M), so long that it leads 1 deeper."""


def rays(camera: Camera, *, size: int, device: torch.device) -> Rays:
    """The rays of a camera through `size` x `size` samples."""
    return _rays_through(camera, torch.arange(size * size, device=device), size=size)


def _rays_through(camera: Camera, samples: Tensor, *, size: int) -> Rays:
    """The rays through samples (M) of a grid of `size` x `size`; those that hit nothing are not needed."""
    scale, device = float(camera.projection()[1, 1]), samples.device
    right, up, towards = torch.from_numpy(camera.view()[:3, :3].copy()).to(device)[:, :, None]  # (3, 1) each
    position = torch.tensor(camera.position, dtype=torch.float64, device=device)[:, None]
    steps = ((torch.arange(size, dtype=torch.float64, device=device) + 0.5) * (2.0 / size) - 1.0) / scale
    rows = samples // size
    across, down = steps.index_select(0, samples - rows * size), steps.index_select(0, rows)
    plane = across * right - down * up  # at depth 0
    if camera.height is None:
        return Rays(position.expand_as(plane), plane - towards)
    return Rays(position + plane, (-towards).expand_as(plane))


class Hits(NamedTuple):
    """The samples of one picture that see the mesh, M of them."""

    samples: Tensor
    """(M) int64 numbers in the grid, row by row."""
    faces: Tensor
    """(M) int64."""
    places: Tensor
    """(3, M) float64 in the world."""
    weights: Tensor
    """(3, M) float64 of the faces' corners, >= 0 with sum 1."""
    depth: Tensor
    """(M) float64 along the camera's axis, in model units."""


def find_hits(seen: Tensor, vertices: Tensor, faces: Tensor, camera: Camera) -> Hits:
    """Where the rays of a camera meet the faces they see.

    Args:
        seen: (S, S) int32 face at each sample, -1 for none.
        vertices: (3, V).
        faces: (3, F) int32.
        camera: which saw them.
    """
    flat = seen.flatten()
    samples = (flat >= 0).nonzero().squeeze(1)
    rows = flat.index_select(0, samples).long()
    start, direction = _rays_through(camera, samples, size=len(seen))
    places, weights = _meet(corners(vertices, faces.index_select(1, rows)), start, direction)
    view = torch.from_numpy(camera.view()[2]).to(seen.device)
    return Hits(samples, rows, places, weights, -(view[:3] @ places + view[3]))


def lines_of_sight(camera: Camera, *, size: int, device: torch.device) -> Tensor:
    """(3, S * S) float32 unit vectors in camera axes, from the camera through the samples of `rays`."""
    centred = replace(camera, position=(0.0, 0.0, 1.0), target=(0.0, 0.0, 0.0), up=(0.0, 1.0, 0.0))
    ahead = rays(centred, size=size, device=device).direction.float()
    unit: Tensor = ahead / torch.linalg.vector_norm(ahead, dim=0)
    return unit


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """(3, F) float32 unit normals, on the side where the corners run counter-clockwise; 0 without area.

    Args:
        vertices: (3, V).
        faces: (3, F) int32.
    """
    count = faces.shape[1]
    normals = torch.empty(3, count, device=vertices.device)
    chunk = _CHUNK if vertices.device.type == "cpu" else max(count, 1)

    def one(begin: int) -> None:
        first, second, third = corners(vertices, faces[:, begin : begin + chunk])
        normal = _cross(second - first, third - first)
        length = _dot(normal, normal).sqrt()
        normals[:, begin : begin + chunk] = normal / torch.where(length == 0, 1.0, length)

    for_each(one, range(0, count, chunk), device=vertices.device)
    return normals


def corners(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(3, F) float64 each: where the three corners of faces (3, F) are."""
    first, second, third = (
        torch.stack([axis.index_select(0, row) for axis in vertices]).double() for row in faces
    )
    return first, second, third


def _meet(triangle: tuple[Tensor, Tensor, Tensor], start: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays meet their faces (Moeller and Trumbore, 1997), moved to the face where they pass it by.

    Args:
        triangle: three corners (3, M).
        start: (3, M).
        direction: (3, M).

    Returns:
        (3, M) places in the world and (3, M) weights of the corners, >= 0 with sum 1.
    """
    first, second, third = triangle
    one, two = second - first, third - first
    across, there = _cross(direction, two), start - first
    size = _dot(one, across)
    size = torch.where(size == 0, float("inf"), size)  # seen from its edge: the first corner
    v = (_dot(there, across) / size).clamp(0.0, 1.0)
    w = (_dot(direction, _cross(there, one)) / size).clamp(0.0, 1.0)
    beyond = (v + w).clamp(min=1.0)
    v, w = v / beyond, w / beyond
    return first + v * one + w * two, torch.stack([1.0 - v - w, v, w]).clamp_(min=0.0)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    (ax, ay, az), (bx, by, bz) = a, b
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def _dot(a: Tensor, b: Tensor) -> Tensor:
    total: Tensor = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return total
