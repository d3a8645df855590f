"""Set abstraction (PointNet++; Qi et al., 2017): a small PointNet around each of a few centres.

    out_i = max over j with |x_j - x_i| < r of MLP([x_j - x_i ; f_j])

Positions come first in the input of the MLP, then features. State-dict keys are mlp_convs.{i}, mlp_bns.{i}.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.centres import choose_centres
from anaglyph.nn.normed_linear import (
    layer_lists,
    normed_linear,
    normed_linear_at_edges,
    paired,
    shared_mlp,
)
from anaglyph.nn.patches import Start
from anaglyph.ops.ball import ball_query
from anaglyph.ops.checks import Shortage
from anaglyph.ops.gather import flat_rows, gather_neighbours, gather_points


class SetAbstraction(nn.Module):
    """Fewer points with more channels, each learned from the ball around it.

    Args:
        in_channels: C of the features, 0 for none.
        widths: channels after each layer of the MLP.
        centres: M, farthest points that stay.
        radius: of the balls, in model units.
        neighbours: K, points read per ball: those with the lowest rows, the first repeated.
        start: first centre, see `choose_centres`.
        shortage: for a cloud with fewer points than M.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        *,
        centres: int,
        radius: float,
        neighbours: int,
        start: Start = "farthest",
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        self.mlp_convs, self.mlp_bns = layer_lists((3 + in_channels, *widths))
        self.centres, self.radius, self.neighbours = centres, radius, neighbours
        self.start, self.shortage = start, shortage

    def forward(
        self, xyz: Tensor, features: Tensor | None, valid: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Positions of the centres and what was learned there.

        Args:
            xyz: (B, N, 3) float32.
            features: (B, N, C), None when C is 0.
            valid: (B, N) bool, False for padding rows, which are neither centres nor neighbours.

        Returns:
            (B, M, 3) and (B, M, D), all of them valid.
        """
        with torch.autocast(xyz.device.type, enabled=False):
            chosen = choose_centres(xyz, self.centres, valid=valid, start=self.start, shortage=self.shortage)
            centres = gather_points(xyz, chosen)  # (B, M, 3)
            index = ball_query(centres, xyz, self.radius, self.neighbours, valid=valid)  # (B, M, K)
            relative = gather_neighbours(xyz, index) - centres[:, :, None, :]
        first, *middle = paired(self.mlp_convs, self.mlp_bns)
        if features is None:
            rows = normed_linear(relative.flatten(0, 2), *first)
        else:
            rows = normed_linear_at_edges(relative, features, *first, flat_rows(features, index))
        if middle:
            rows = shared_mlp(F.relu_(rows), middle[:-1])
            rows = normed_linear(rows, *middle[-1])
        best = rows.view(*index.shape, -1).max(dim=2).values
        return centres, F.relu(best)  # a ReLU after the maximum is the same, over K times fewer numbers


class GlobalAbstraction(nn.Module):
    """The last set abstraction: all points in one group, their positions as they are.

    Args:
        in_channels: C of the features.
        widths: channels after each layer of the MLP.
    """

    def __init__(self, in_channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.mlp_convs, self.mlp_bns = layer_lists((3 + in_channels, *widths))

    def forward(self, xyz: Tensor, features: Tensor) -> Tensor:
        """(B, N, 3) and (B, N, C) -> (B, D)."""
        rows = torch.cat([xyz, features], dim=2)
        return shared_mlp(rows, paired(self.mlp_convs, self.mlp_bns)).amax(dim=1)
