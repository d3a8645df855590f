"""Centres of neighbourhoods: farthest points, with one rule for the first of them."""

from __future__ import annotations

from torch import Tensor

from anaglyph.nn.patches import Start
from anaglyph.ops.checks import Shortage
from anaglyph.ops.fps import farthest_points


def choose_centres(
    xyz: Tensor,
    count: int,
    *,
    valid: Tensor | None = None,
    start: Start = "farthest",
    shortage: Shortage = "refuse",
) -> Tensor:
    """(B, N, 3) positions -> (B, count) int64 rows of farthest points among those that `valid` allows.

    Args:
        xyz: positions.
        count: centres per cloud.
        valid: (B, N) bool, False for padding rows.
        start: first centre: "farthest" from the mean, whatever the order of the points, or "first", the first
            valid row.
        shortage: for a cloud with fewer points than `count`: an error, or repeated rows.
    """
    if start not in ("farthest", "first"):
        raise ValueError(f"start must be 'farthest' or 'first', got '{start}'")
    return farthest_points(
        xyz,
        count,
        valid=valid,
        start=0 if start == "first" else start,
        shortage=shortage,
    )
