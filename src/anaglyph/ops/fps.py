"""Farthest point sampling (Eldar et al., 1997): each next point is the farthest from all chosen so far."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from anaglyph.errors import DataError
from anaglyph.ops.backends import Backend, find_kernel
from anaglyph.ops.checks import Shortage, is_whole, require_count, require_enough
from anaglyph.ops.coordinates import in_double, require_cloud, require_xyz
from anaglyph.ops.eager import eager

Start = int | Tensor | Literal["farthest"]

_PADDING, _SKIPPED = -2.0, -1.0
"""Distances that never win against a real one; a skipped point still goes before padding."""


@eager
@torch.no_grad()
def farthest_points(
    points: Tensor,
    count: int,
    *,
    valid: Tensor | None = None,
    start: Start = 0,
    skip_near_origin: float | None = None,
    shortage: Shortage = "refuse",
    backend: Backend = "auto",
) -> Tensor:
    """Rows of `count` points that cover each cloud, in the order in which they were chosen.

    Exact and deterministic: among equally far points the one with the lowest index. With shortage="repeat"
    a cloud that runs out of distinct points goes on with its lowest index at distance 0.

    Args:
        points: (B, N, 3).
        count: points to choose, >= 1.
        valid: (B, N) bool, False for padding rows, which are never chosen.
        start: the first choice. A number counts the valid points of each cloud from 0; a (B,) int64 tensor
            holds rows, such as those of `random_starts`; "farthest" is the point farthest from the mean,
            which does not depend on the order of the points.
        skip_near_origin: points with x^2 + y^2 + z^2 <= this are never chosen, except as the start. The
            compiled sampler of PointNet++, Point-BERT and ACT does so with 1e-3; None chooses from all.
        shortage: "refuse" a cloud with fewer than `count` points that can be chosen, or "repeat".
        backend: implementation; "auto" takes the fastest one installed.

    Returns:
        (B, count) int64 rows of `points`.
    """
    require_xyz(points, "points")
    count = require_count(count, "count")
    if skip_near_origin is not None and not skip_near_origin >= 0:
        raise ValueError(f"skip_near_origin must be >= 0 or None, got {skip_near_origin}")
    points, available = require_cloud(points, valid, name="points")
    rows = _start_rows(points, valid, start, available)
    skip = -1.0 if skip_near_origin is None else float(skip_near_origin)
    if skip >= 0 and len(points):
        eligible = _eligible(points, valid, skip).scatter(1, rows[:, None], True)
        available = int(eligible.sum(dim=1).min())
    require_enough(available, count, what="points", shortage=shortage)
    kernel = find_kernel("farthest_points", points, points, backend) or _farthest
    result: Tensor = kernel(points, count, valid, rows, skip)
    return result


def random_starts(
    batch: int, points: int, *, generator: torch.Generator, valid: Tensor | None = None
) -> Tensor:
    """(batch,) int64 rows drawn evenly from the `points` rows of each cloud, or from its valid ones.

    Args:
        batch: number of clouds, B.
        points: rows per cloud, N.
        generator: source of the draws; its device may differ from that of `valid`.
        valid: (B, N) bool, False for padding rows.
    """
    draws = torch.rand(batch, generator=generator, device=generator.device, dtype=torch.float64)
    if valid is None:
        return (draws * points).long()
    if valid.shape != (batch, points) or valid.dtype != torch.bool:
        raise ValueError(f"valid must be bool {(batch, points)}, got {valid.dtype} {tuple(valid.shape)}")
    counts = valid.sum(dim=1)
    if not bool((counts > 0).all()):
        raise DataError("a cloud has no valid point to start from; remove it from the batch")
    return _nth_valid(valid, (draws.to(valid.device) * counts).long())


def _start_rows(points: Tensor, valid: Tensor | None, start: Start, available: int) -> Tensor:
    clouds, rows = points.shape[:2]
    if isinstance(start, Tensor) and start.ndim:
        return _given_rows(start, valid, clouds, rows).to(points.device)
    if isinstance(start, str):
        if start != "farthest":
            raise ValueError(f"start must be a number, a tensor or 'farthest', got '{start}'")
        return _farthest_from_mean(points, valid)
    if not is_whole(start):
        raise TypeError(
            f"start must be a whole number, an int64 tensor with one row per cloud or 'farthest', "
            f"got {start!r} ({type(start).__name__})"
        )
    start = int(start)
    if not 0 <= start < max(available, 1):
        raise ValueError(f"start must be between 0 and {available - 1} for these clouds, got {start}")
    number = torch.full((clouds,), start, dtype=torch.int64, device=points.device)
    return number if valid is None else _nth_valid(valid, number)


def _given_rows(start: Tensor, valid: Tensor | None, clouds: int, rows: int) -> Tensor:
    if start.shape != (clouds,) or start.dtype != torch.int64:
        raise ValueError(f"start must be int64 ({clouds},), got {start.dtype} {tuple(start.shape)}")
    if clouds and not 0 <= int(start.min()) <= int(start.max()) < rows:
        raise ValueError(f"start must hold rows between 0 and {rows - 1}, got {start.tolist()}")
    if valid is not None and not bool(valid.gather(1, start.to(valid.device)[:, None]).all()):
        raise ValueError("start names a padding row; choose valid ones, as random_starts(valid=valid) does")
    return start


def _nth_valid(valid: Tensor, number: Tensor) -> Tensor:
    """(B,) row of the valid point that has `number` valid ones before it."""
    return torch.searchsorted(valid.cumsum(dim=1), number[:, None] + 1).squeeze(1)


def _farthest_from_mean(points: Tensor, valid: Tensor | None) -> Tensor:
    """In float64, so that the order of the sum does not decide between points of a symmetric cloud."""
    exact = in_double(points)
    if valid is not None:
        valid = valid.to(exact.device)
    counts = points.shape[1] if valid is None else valid.sum(dim=1)[:, None, None]
    distance = (exact - exact.sum(dim=1, keepdim=True) / counts).square().sum(dim=2)
    if valid is not None:
        distance = distance.masked_fill(~valid, _PADDING)
    return distance.argmax(dim=1).to(points.device)


def _eligible(points: Tensor, valid: Tensor | None, skip: float) -> Tensor:
    """(B, N) bool: points that may be chosen."""
    x, y, z = points.unbind(dim=2)
    beyond = x * x + y * y + z * z > torch.tensor(skip, dtype=points.dtype, device=points.device)
    return beyond if valid is None else beyond & valid


def _farthest(points: Tensor, count: int, valid: Tensor | None, start: Tensor, skip: float) -> Tensor:
    """`count` rounds of "distances to the last choice, minimum, arg max" on all clouds at once."""
    x, y, z = points.permute(2, 0, 1).contiguous()  # (B, N) each
    distance = torch.full_like(x, float("inf"))
    if skip >= 0:
        distance.masked_fill_(~_eligible(points, None, skip), _SKIPPED)
    if valid is not None:
        distance.masked_fill_(~valid, _PADDING)
    chosen = torch.empty(len(points), count, dtype=torch.int64, device=points.device)
    chosen[:, 0] = start
    total, term = torch.empty_like(x), torch.empty_like(x)
    for number in range(1, count):
        last = chosen[:, number - 1 : number]
        torch.sub(x, x.gather(1, last), out=total).mul_(total)
        for plane in (y, z):
            torch.sub(plane, plane.gather(1, last), out=term).mul_(term)
            total.add_(term)
        torch.minimum(distance, total, out=distance)
        torch.argmax(distance, dim=1, out=chosen[:, number])
    return chosen
