"""Feature propagation (PointNet++; Qi et al., 2017): features of few points carried back to many.

    g_i = sum over the 3 nearest j of w_ij f_j,  w_ij ~ 1 / (|x_i - x_j|^2 + 1e-8)
    out_i = MLP([own_i ; g_i])

State-dict keys are mlp_convs.{i}, mlp_bns.{i}, with convolutions of one dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from anaglyph.nn.normed_linear import layer_lists, paired, shared_mlp_of_valid
from anaglyph.ops.interpolate import interpolate_three


class FeaturePropagation(nn.Module):
    """Interpolates, joins with the features the points already have, and applies a shared MLP.

    Args:
        own_channels: of the many points.
        far_channels: of the few points.
        widths: channels after each layer of the MLP.
    """

    def __init__(self, own_channels: int, far_channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.mlp_convs, self.mlp_bns = layer_lists((own_channels + far_channels, *widths), kind=nn.Conv1d)

    def forward(
        self, xyz: Tensor, own: Tensor, far_xyz: Tensor, far: Tensor, valid: Tensor | None = None
    ) -> Tensor:
        """(B, N, 3) positions and (B, N, C) features; (B, M, 3) and (B, M, F) of the few -> (B, N, D).

        `valid` (B, N) marks padding among the many: rows that stay out of the statistics and come back as 0.
        """
        with torch.autocast(xyz.device.type, enabled=False):
            carried = interpolate_three(xyz, far_xyz, far.to(xyz.dtype))
        return self.join(own, carried, valid)

    def join(self, own: Tensor, carried: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) features of the points and (B, N, F) of elsewhere -> (B, N, D)."""
        rows = torch.cat([own, carried.to(own.dtype)], dim=2)
        return shared_mlp_of_valid(rows, paired(self.mlp_convs, self.mlp_bns), valid)
