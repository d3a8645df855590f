"""A cloud cut into patches: farthest points as centres, the nearest points around each (Yu et al., 2022).

What every encoder with point patches begins with: Point-BERT, Point-MAE, ACT, ReCon, ULIP and Uni3D.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from anaglyph.ops.checks import Shortage
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.gather import gather_neighbours, gather_points
from anaglyph.ops.knn import k_nearest

Start = Literal["farthest", "first"]
"""First centre: the point farthest from the mean, whatever the order of the points, or the first row."""


class Patches(NamedTuple):
    """Overlapping pieces of a cloud."""

    centres: Tensor
    """(B, G, 3) float32, in model units."""
    neighbourhoods: Tensor
    """(B, G, K, 3 + C) float32: positions minus their centre, then the other channels as they are."""


def cut_patches(
    points: Tensor,
    groups: int,
    group_size: int,
    *,
    valid: Tensor | None = None,
    start: Start = "farthest",
    skip_near_origin: float | None = None,
    shortage: Shortage = "refuse",
) -> Patches:
    """`groups` farthest points and the `group_size` points nearest to each, itself included.

    In float32 also under autocast, with gradients to `points`.

    Args:
        points: (B, N, 3 + C), xyz first.
        groups: G, patches per cloud.
        group_size: K, points per patch.
        valid: (B, N) bool, False for padding rows, which belong to no patch.
        start: "first" is what the official code of Point-BERT, Point-MAE and ACT does; there the order of the
            points decides, so shuffled points give other patches.
        skip_near_origin: as of `farthest_points`; 1e-3 is what the compiled kernels of those repositories do.
        shortage: what to do with a cloud of fewer than G or K points. "repeat" keeps the size of the result
            and repeats a centre or the nearest point, which changes no maximum.
    """
    if points.ndim != 3 or points.shape[2] < 3:
        raise ValueError(f"points must be (B, N, 3 + C), got {tuple(points.shape)}")
    require_patch_options(groups, group_size, start, shortage)
    with torch.autocast(points.device.type, enabled=False):
        points = points.float()
        positions = points[..., :3].contiguous()
        chosen = farthest_points(
            positions,
            groups,
            valid=valid,
            start=0 if start == "first" else start,
            skip_near_origin=skip_near_origin,
            shortage=shortage,
        )
        centres = gather_points(positions, chosen)  # (B, G, 3)
        nearest = k_nearest(centres, positions, group_size, valid=valid, shortage=shortage)  # (B, G, K)
        near = gather_neighbours(points, nearest)  # (B, G, K, 3 + C)
        relative = near[..., :3] - centres[:, :, None, :]
        return Patches(centres, torch.cat([relative, near[..., 3:]], dim=3))


def require_patch_options(groups: int, group_size: int, start: Start, shortage: Shortage) -> None:
    """ValueError for an option of `cut_patches` that cannot be meant; encoders ask when they are built."""
    if groups < 1 or group_size < 1:
        raise ValueError(f"groups and group_size must be >= 1, got {groups} and {group_size}")
    if start not in ("farthest", "first"):
        raise ValueError(f"start must be 'farthest' or 'first', got '{start}'")
    if shortage not in ("refuse", "repeat"):
        raise ValueError(f"shortage must be 'refuse' or 'repeat', got '{shortage}'")


def first_rows(points: Tensor, valid: Tensor | None) -> Tensor:
    """(B,) int64 row of the first point of each cloud that is no padding."""
    if valid is None:
        return torch.zeros(len(points), dtype=torch.int64, device=points.device)
    return valid.to(torch.uint8).argmax(dim=1)
