"""A cloud cut into patches: farthest points as centres, the nearest points around each (Yu et al., 2022).

What every encoder with point patches begins with: Point-BERT, Point-MAE, ACT, ReCon, ULIP and Uni3D.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from anaglyph.nn.padding import at_least_float32
from anaglyph.ops.checks import Shortage
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.gather import gather_neighbours, gather_points
from anaglyph.ops.knn import k_nearest

Start = Literal["farthest", "first"]
"""First centre: the point farthest from the mean, whatever the order of the points, or the first row."""


class Patches(NamedTuple):
    """Overlapping pieces of a cloud."""

    centres: Tensor
    """(B, G, 3) in model units."""
    neighbourhoods: Tensor
    """(B, G, K, 3 + C): positions minus their centre, then the other channels as they are."""


@dataclass(frozen=True, kw_only=True)
class PatchOptions:
    """How clouds are cut: `groups` farthest points and the `group_size` points nearest to each."""

    groups: int
    """G, patches per cloud."""
    group_size: int
    """K, points per patch, its centre included."""
    start: Start = "farthest"
    """"first" is what the official code of Point-BERT, Point-MAE and ACT does; there the order of the points
    decides, so shuffled points give other patches."""
    skip_near_origin: float | None = None
    """As of `farthest_points`; 1e-3 is what the compiled kernels of those repositories do."""
    shortage: Shortage = "refuse"
    """For a cloud of fewer than G or K points; "repeat" keeps the size of the result and repeats a centre or
    the nearest point, which changes no maximum."""

    def __post_init__(self) -> None:
        if self.groups < 1 or self.group_size < 1:
            raise ValueError(f"groups and group_size must be >= 1, got {self.groups} and {self.group_size}")
        if self.start not in ("farthest", "first"):
            raise ValueError(f"start must be 'farthest' or 'first', got '{self.start}'")
        if self.shortage not in ("refuse", "repeat"):
            raise ValueError(f"shortage must be 'refuse' or 'repeat', got '{self.shortage}'")

    def cut(self, points: Tensor, valid: Tensor | None = None) -> Patches:
        """(B, N, 3 + C) points, xyz first -> their patches; rows that `valid` (B, N) leaves out are in none.

        In float32 also under autocast, in float64 for such points, with gradients to `points`.
        """
        if points.ndim != 3 or points.shape[2] < 3:
            raise ValueError(f"points must be (B, N, 3 + C), got {tuple(points.shape)}")
        with torch.autocast(points.device.type, enabled=False):
            points = at_least_float32(points)
            positions = points[..., :3].contiguous()
            chosen = farthest_points(
                positions,
                self.groups,
                valid=valid,
                start=0 if self.start == "first" else self.start,
                skip_near_origin=self.skip_near_origin,
                shortage=self.shortage,
            )
            centres = gather_points(positions, chosen)  # (B, G, 3)
            nearest = k_nearest(centres, positions, self.group_size, valid=valid, shortage=self.shortage)
            near = gather_neighbours(points, nearest)  # (B, G, K, 3 + C)
            relative = near[..., :3] - centres[:, :, None, :]
            return Patches(centres, torch.cat([relative, near[..., 3:]], dim=3))
