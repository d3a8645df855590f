"""Vertices on the grid of samples, for `rasterise`, and pieces of the faces that had to be cut.

Worked off in chunks, so that a model of any size needs little more than what is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anaglyph.render.lens import GUARD, SUBPIXELS, Lens, cut


class Corners(NamedTuple):
    """Vertices on the sample grid, (V) each."""

    x: Tensor
    """float64 columns."""
    y: Tensor
    """float64 rows, downwards."""
    nearness: Tensor
    """float64, as `lens` defines it."""
    fine_x: Tensor
    """int32 columns in subpixels."""
    fine_y: Tensor
    outside: Tensor
    """bool: faces of these have to be cut."""


def farthest_depth(points: Tensor, lens: Lens, chunk: int) -> float:
    """Largest depth of points (3, V)."""
    starts = range(0, points.shape[1], chunk)
    return max(-float(_in_camera_axes(points[:, at : at + chunk], lens)[2].min()) for at in starts)


def place(points: Tensor, lens: Lens, chunk: int, *, farthest: float) -> Corners:
    """Points (3, V) on the grid; `farthest` is their largest depth."""
    count, device = points.shape[1], points.device
    x, y, nearness = torch.empty(3, count, dtype=torch.float64, device=device)
    fine_x, fine_y = torch.empty(2, count, dtype=torch.int32, device=device)
    outside = torch.empty(count, dtype=torch.bool, device=device)
    for begin in range(0, count, chunk):
        some = slice(begin, begin + chunk)
        across, upwards, backwards = _in_camera_axes(points[:, some], lens)
        depth = -backwards
        before = depth >= lens.near
        if lens.perspective:
            near = 1.0 / torch.where(before, depth, 1.0)
            column = lens.centre + (lens.scale * across) * near
            row = lens.centre - (lens.scale * upwards) * near
        else:
            near = 2.0 * farthest - depth
            column, row = lens.centre + lens.scale * across, lens.centre - lens.scale * upwards
        x[some], y[some], nearness[some] = column, row, near
        fine_x[some], fine_y[some] = _fine(column), _fine(row)
        outside[some] = ~before | (column.abs() > GUARD) | (row.abs() > GUARD)
    return Corners(x, y, nearness, fine_x, fine_y, outside)


def cut_pieces(
    points: Tensor, faces: Tensor, owners: Tensor, lens: Lens, *, farthest: float
) -> tuple[Corners, Tensor]:
    """What is left of faces (3, N) over points (3, V): three corners each, and its owner, of `owners` (N)."""
    count = faces.shape[1]
    corners = _in_camera_axes(points.index_select(1, faces.T.reshape(-1)), lens)
    pieces = cut(corners.T.reshape(count, 3, 3).cpu().numpy(), owners.cpu().numpy(), lens, farthest=farthest)
    x, y, nearness, names = (torch.from_numpy(part).to(points.device) for part in pieces)
    inside = torch.zeros_like(x, dtype=torch.bool)
    return Corners(x, y, nearness, _fine(x), _fine(y), inside), names


def _in_camera_axes(points: Tensor, lens: Lens) -> Tensor:
    """(3, N) float64, summed in a fixed order: a matrix product may fuse operations, and differ."""
    x, y, z = points.double()
    return torch.stack([((a * x + b * y) + c * z) + d for a, b, c, d in lens.rows.tolist()])


def _fine(places: Tensor) -> Tensor:
    limit = GUARD * SUBPIXELS  # beyond it are only corners of faces that are cut
    return (places * SUBPIXELS).round().clamp(-limit, limit).to(torch.int32)
