"""Back-end "torch": which face each sample of a picture sees, on any device, without a compiler.

Faces become the rows they touch, rows the samples they cover, and the nearest wins at each sample. Corners
are rounded to 1/256 of a sample, after which every test is exact, so that adjacent faces leave no gaps. A
face costs what it covers: neither long thin ones nor a million tiny ones are a special case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from anaglyph.geometry.cameras import Camera
from anaglyph.render.lens import FACE_BITS, FLAT, SUBPIXELS, Lens, make_lens
from anaglyph.render.parallel import for_each
from anaglyph.render.placement import Corners, cut_pieces, farthest_depth, place

_CHUNK = {"cpu": 1 << 16}
"""Faces, rows and samples looked at together: what fits into a core's cache."""
_LARGE_CHUNK = 1 << 20
_LOW = (1 << FACE_BITS) - 1
_HIGH = (1 << 63) - 1 - _LOW
"""The nearness without the sign, which rounding may give to 0."""


def faces_seen(vertices: Tensor, faces: Tensor, cameras: Sequence[Camera], *, size: int) -> Tensor:
    """The nearest face at every sample, from both sides; of faces equally near, the lowest index.

    What lies before a camera's near plane is cut away.

    Args:
        vertices: (V, 3) float32, finite.
        faces: (F, 3) int32 rows of `vertices`.
        cameras: C of them.
        size: samples across and down.

    Returns:
        (C, size, size) int32 on the device of `vertices`, -1 where nothing is seen; row 0 on top.
    """
    seen = torch.full((len(cameras), size, size), -1, dtype=torch.int32, device=vertices.device)
    columns = faces.T.contiguous()  # (3, F)
    points = vertices.T.contiguous()
    chunk = _CHUNK.get(vertices.device.type, _LARGE_CHUNK)

    def one(number: int) -> None:
        _draw_all(points, columns, make_lens(cameras[number], size), seen[number], chunk)

    for_each(one, range(len(cameras) if faces.numel() else 0), device=vertices.device)
    return seen


def _draw_all(points: Tensor, faces: Tensor, lens: Lens, picture: Tensor, chunk: int) -> None:
    """Fill in one picture; points (3, V), faces (3, F)."""
    farthest = farthest_depth(points, lens, chunk)
    if farthest < lens.near:
        return
    corners = place(points, lens, chunk, farthest=farthest)
    keys = torch.full((picture.numel(),), -1, dtype=torch.int64, device=picture.device)
    owners = torch.arange(faces.shape[1], device=faces.device)
    if bool(corners.outside.any()):
        touched = corners.outside[faces].any(dim=0)
        pieces, names = cut_pieces(points, faces[:, touched], owners[touched], lens, farthest=farthest)
        own = torch.arange(len(pieces.x), device=faces.device, dtype=faces.dtype).view(-1, 3).T
        _draw(pieces, own, names, keys, len(picture), chunk)
        faces, owners = faces[:, ~touched], owners[~touched]
    _draw(corners, faces, owners, keys, len(picture), chunk)
    picture[:] = torch.where(keys < 0, -1, _LOW - (keys & _LOW)).view_as(picture)


def _draw(corners: Corners, faces: Tensor, owners: Tensor, keys: Tensor, size: int, chunk: int) -> None:
    """Enter faces (3, F) into the depth keys of all samples, (size * size)."""
    for begin in range(0, faces.shape[1], chunk):
        part = faces[:, begin : begin + chunk]
        x = corners.fine_x.index_select(0, part.reshape(-1)).view(3, -1)
        left, right = _samples(x, size)
        y = corners.fine_y.index_select(0, part.reshape(-1)).view(3, -1)
        top, bottom = _samples(y, size)
        some = ((left <= right) & (top <= bottom)).nonzero().squeeze(1)
        if not len(some):
            continue
        x, y = x.index_select(1, some).double(), y.index_select(1, some).double()
        part = part.index_select(1, some)
        top, heights = top.index_select(0, some).long(), (bottom - top + 1).index_select(0, some).long()
        table, area = _edges_and_plane(x, y, part, corners)
        heights = torch.where(area == 0, 0, heights)
        code = _LOW - owners[begin : begin + chunk].index_select(0, some)
        for first, last in _shares(heights, chunk):
            share = slice(first, last)
            _draw_rows(table[:, share], code[share], top[share], heights[share], keys, size, chunk)


def _samples(fine: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """First and last sample between the corners of faces, in one direction: (3, N) int32 -> (N), (N)."""
    first, second, third = fine
    low = torch.minimum(torch.minimum(first, second), third)
    high = torch.maximum(torch.maximum(first, second), third)
    return ((low + (SUBPIXELS - 1)) >> 8).clamp(min=0), (high >> 8).clamp(max=size - 1)


def _edges_and_plane(x: Tensor, y: Tensor, faces: Tensor, corners: Corners) -> tuple[Tensor, Tensor]:
    """What rows need of their faces.

    Where row r meets the line through an edge is (slope * r + start) / rise, exact integers all three; edges
    with a negative rise bound the face on the left, the others on the right. Nearness is
    at_zero + along_x * column + along_y * row, within its range at the corners.

    Args:
        x: (3, N) columns of the corners in subpixels.
        y: (3, N) rows of the corners.
        faces: (3, N).
        corners: the vertices.

    Returns:
        (14, N): slope, start and rise of three edges; at_zero, along_x, along_y, lowest and highest nearness.
        (N): twice the area in subpixels, 0 for a face without inside.
    """
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    turned = area < 0
    x1, x2 = torch.where(turned, x[2], x[1]), torch.where(turned, x[1], x[2])
    y1, y2 = torch.where(turned, y[2], y[1]), torch.where(turned, y[1], y[2])
    lines = []
    for ax, ay, bx, by in ((x[0], y[0], x1, y1), (x1, y1, x2, y2), (x2, y2, x[0], y[0])):
        dx, dy = bx - ax, by - ay
        level = dy == 0  # bounds nothing: rows outside are left out already
        lines += [
            torch.where(level, 0.0, dx * SUBPIXELS),
            torch.where(level, 1e18, dy * ax - dx * ay),
            torch.where(level, 1.0, dy * SUBPIXELS),
        ]
    flat = faces.reshape(-1)
    px, py, near = (
        part.index_select(0, flat).view(3, -1) for part in (corners.x, corners.y, corners.nearness)
    )
    ux, uy, un = px[1] - px[0], py[1] - py[0], near[1] - near[0]
    vx, vy, vn = px[2] - px[0], py[2] - py[0], near[2] - near[0]
    size = ux * vy - vx * uy
    size = torch.where(size.abs() < FLAT, float("inf"), size)
    along_x, along_y = (un * vy - vn * uy) / size, (ux * vn - vx * un) / size
    at_zero = (near[0] - along_x * px[0]) - along_y * py[0]
    low = torch.minimum(torch.minimum(near[0], near[1]), near[2])
    high = torch.maximum(torch.maximum(near[0], near[1]), near[2])
    return torch.stack([*lines, at_zero, along_x, along_y, low, high]), area


def _draw_rows(
    table: Tensor, code: Tensor, top: Tensor, heights: Tensor, keys: Tensor, size: int, chunk: int
) -> None:
    """Enter faces, described by `_edges_and_plane`, of which each covers `heights` rows from `top` on."""
    rows_of = torch.repeat_interleave(heights)  # (R) which face
    row = _counted(heights, top, rows_of)
    table = table.index_select(1, rows_of)  # (14, R)
    y = row.double()
    left, right = torch.zeros_like(y), torch.full_like(y, size - 1)
    for edge in range(0, 9, 3):
        slope, start, rise = table[edge : edge + 3]
        meets = (slope * y + start) / rise
        left = torch.maximum(left, torch.where(rise < 0, meets, 0.0))
        right = torch.minimum(right, torch.where(rise < 0, size - 1.0, meets))
    left, right = left.ceil().clamp(0, size), right.floor().clamp(-1, size - 1)
    at_zero, along_x, along_y, low, high = table[9:]
    at_row = at_zero + along_y * y
    begin = (at_row + along_x * left).clamp(low, high)
    step = ((at_row + along_x * right).clamp(low, high) - begin) / (right - left).clamp(min=1.0)
    start = begin - step * left
    widths = (right - left + 1.0).clamp(min=0.0).long()
    first = row * size + left.long()
    code = code.index_select(0, rows_of)
    for begin_row, end_row in _shares(widths, chunk):
        share = slice(begin_row, end_row)
        _draw_spans(first[share], widths[share], left[share], start[share], step[share], code[share], keys)


def _draw_spans(
    first: Tensor, widths: Tensor, left: Tensor, start: Tensor, step: Tensor, code: Tensor, keys: Tensor
) -> None:
    """Enter `widths` samples each from `first` on, in column `left`, with nearness start + step * column."""
    span = torch.repeat_interleave(widths)
    sample = _counted(widths, first, span)
    column = (sample - (first - left.long()).index_select(0, span)).double()
    nearness = start.index_select(0, span) + step.index_select(0, span) * column
    key = (nearness.view(torch.int64) & _HIGH) | code.index_select(0, span)
    keys.scatter_reduce_(0, sample, key, "amax")


def _counted(counts: Tensor, first: Tensor, owner: Tensor) -> Tensor:
    """first, first + 1, ... `counts` times for each; `owner` is repeat_interleave(counts)."""
    before = first - (counts.cumsum(0) - counts)
    return torch.arange(len(owner), device=owner.device) + before.index_select(0, owner)


def _shares(counts: Tensor, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of items with about `most` counts together, without the items that have none at the ends."""
    total = counts.cumsum(0)
    whole = int(total[-1]) if len(total) else 0
    if whole <= most:
        if whole:
            yield 0, len(counts)
        return
    marks = torch.arange(most, whole + most, most, device=counts.device).clamp(max=whole)
    edges = [0, *(torch.searchsorted(total, marks) + 1).tolist()]
    for begin, end in pairwise(edges):
        if begin < end:
            yield begin, end
