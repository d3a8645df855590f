"""What every point operation asks of its clouds, and the squared distances they are all defined by.

The squared distance is ((dx dx + dy dy) + dz dz) in float32 (float64 for float64 clouds), from differences,
never from the expanded square: |a|^2 + |b|^2 - 2 ab changes 41 % of the neighbour sets of a 1 cm cluster
half a metre from the origin (measured in dossier ACT, section 6.4).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from anaglyph.errors import DataError

_BLOCK = {"cpu": 1 << 19, "cuda": 1 << 26}
"""Distances held at once, by device type; on a CPU they stay in the cache of a core."""


def require_cloud(
    points: Tensor, valid: Tensor | None, *, name: str, empty: bool = False
) -> tuple[Tensor, int]:
    """The cloud as the computation wants it, and the number of points that each of its members has at least.

    Args:
        points: (B, N, C) of a floating type.
        valid: (B, N) bool, False for padding rows; their numbers are not looked at and become 0.
        name: of the argument, for the messages.
        empty: whether clouds without points are allowed, as queries are.

    Returns:
        (B, N, C) contiguous float32 or float64 without gradient, and the smallest count of valid points.

    Raises:
        ValueError: a shape or a type that does not fit.
        DataError: no points, or numbers that are NaN, infinite or too large to be squared.
    """
    if points.ndim != 3 or not points.is_floating_point():
        raise ValueError(f"{name} must be floating (B, N, C), got {points.dtype} {tuple(points.shape)}")
    if valid is not None and (valid.shape != points.shape[:2] or valid.dtype != torch.bool):
        raise ValueError(
            f"valid must be bool {tuple(points.shape[:2])}, got {valid.dtype} {tuple(valid.shape)}"
        )
    points = points.detach()
    if points.dtype != torch.float64:
        points = points.float()
    available = points.shape[1]
    if valid is not None:
        if len(points):
            available = int(valid.sum(dim=1).min())
        points = points.masked_fill(~valid[..., None], 0.0)
    if not empty and len(points) and available == 0:
        raise DataError(f"{name} holds a cloud without points; at least 1 is needed")
    _require_finite(points, name)
    return points.contiguous(), available


def require_same(query: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Two sets of clouds that can be compared, in the finer of their two types."""
    if query.shape[::2] != reference.shape[::2] or query.device != reference.device:
        raise ValueError(
            f"query and reference must be (B, M, C) and (B, N, C) on one device, got {tuple(query.shape)} "
            f"on {query.device} and {tuple(reference.shape)} on {reference.device}"
        )
    kind = torch.promote_types(query.dtype, reference.dtype)
    return query.to(kind), reference.to(kind)


def require_xyz(points: Tensor, name: str) -> None:
    """ValueError unless the last axis is x, y, z."""
    if points.ndim != 3 or points.shape[2] != 3:
        raise ValueError(f"{name} must be (B, N, 3), got {tuple(points.shape)}; pass points[..., :3]")


def in_double(points: Tensor) -> Tensor:
    """Float64, on the CPU where the device has no such numbers, as Apple's have not."""
    return (points.cpu() if points.device.type == "mps" else points).double()


def distance_blocks(
    query: Tensor, reference: Tensor, valid: Tensor | None, *, block: int | None = None
) -> Iterator[tuple[slice, slice, Tensor]]:
    """Squared distances in pieces of bounded memory; inf where the reference is padding.

    Each piece is overwritten by the next one.

    Args:
        query: (B, M, 3).
        reference: (B, N, 3).
        valid: (B, N) bool or None.
        block: distances held at once; by default chosen for the device.

    Yields:
        Which clouds b, which queries m, and their (b, m, N) squared distances.
    """
    clouds, rows, columns = len(query), query.shape[1], reference.shape[1]
    if query.numel() == 0:
        return
    limit = block or _BLOCK.get(query.device.type, 1 << 22)
    rows_at_once = max(1, min(rows, limit // columns))
    clouds_at_once = max(1, limit // (rows_at_once * columns)) if rows_at_once == rows else 1
    planes = reference.transpose(1, 2).contiguous()  # (B, 3, N)
    if valid is not None:
        planes = planes.masked_fill(~valid[:, None], float("inf"))
    pieces = query.new_empty(2, clouds_at_once * rows_at_once * columns)
    for b in range(0, clouds, clouds_at_once):
        for m in range(0, rows, rows_at_once):
            part = query[b : b + clouds_at_once, m : m + rows_at_once]
            shape = (*part.shape[:2], columns)
            total, term = (piece[: part[..., 0].numel() * columns].view(shape) for piece in pieces)
            for axis in range(3):
                target = total if axis == 0 else term
                torch.sub(part[:, :, axis, None], planes[b : b + clouds_at_once, axis, None], out=target)
                target.mul_(target)
                if axis:
                    total.add_(term)
            yield slice(b, b + clouds_at_once), slice(m, m + rows_at_once), total


def _require_finite(points: Tensor, name: str) -> None:
    if points.numel() == 0:
        return
    limit = torch.finfo(points.dtype).max ** 0.5 / (2 * (points.shape[2] + 1) ** 0.5)
    if bool(points.abs().amax() < limit):  # False for NaN as well
        return
    broken = ~(points.abs().amax(dim=2) < limit)
    cloud, row = broken.nonzero()[0].tolist()
    raise DataError(
        f"cloud {cloud} of {name} has {int(broken[cloud].sum())} points with numbers that are not finite or "
        f"beyond {limit:.0e}, the first in row {row}; repair or remove them"
    )
