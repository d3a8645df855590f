"""A small PointNet that turns a patch of points into a token (Yu et al., 2022, after Qi et al., 2017)."""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.normed_linear import folded, matrix, normalise_rows, normed_linear
from anaglyph.nn.pointwise import Pointwise, joint_linear

POSITION_WIDTH = 128
"""Hidden width of the position MLP, the same in the whole family."""


class PatchEmbed(nn.Module):
    """Two shared MLPs with a maximum after each; the second sees what the first found in the whole patch.

    State-dict keys are those of Point-BERT and all that followed: first_conv.{0,1,3}, second_conv.{0,1,3}.

    Args:
        in_channels: 3 + C per point.
        channels: D of a token.
        widths: hidden channels of the first MLP, its output, hidden channels of the second MLP.
    """

    def __init__(
        self, in_channels: int, channels: int, *, widths: tuple[int, int, int] = (128, 256, 512)
    ) -> None:
        super().__init__()
        if min(in_channels, channels, *widths) < 1 or len(widths) != 3:
            raise ValueError(
                f"channels and the three widths must be >= 1, got {in_channels}, {channels} and {widths}"
            )
        self.in_channels, self.channels = in_channels, channels
        first, local, second = widths
        self.first_conv = nn.Sequential(
            Pointwise(in_channels, first), BatchNorm(first), nn.ReLU(), Pointwise(first, local)
        )
        self.second_conv = nn.Sequential(
            Pointwise(2 * local, second), BatchNorm(second), nn.ReLU(), Pointwise(second, channels)
        )

    def forward(self, neighbourhoods: Tensor) -> Tensor:
        """(B, G, K, in_channels) points around their centres -> (B, G, D)."""
        if neighbourhoods.ndim != 4 or neighbourhoods.shape[3] != self.in_channels:
            raise ValueError(
                f"patches must be (B, G, K, {self.in_channels}), got {tuple(neighbourhoods.shape)}"
            )
        first, first_norm, last_of_point = _layers(self.first_conv)
        hidden = F.relu(normed_linear(neighbourhoods, first, first_norm))
        local = last_of_point(hidden)  # (B, G, K, local)
        second, second_norm, last_of_patch = _layers(self.second_conv)
        hidden = _normed_joint(local.amax(dim=2, keepdim=True), local, second, second_norm)
        tokens: Tensor = last_of_patch(F.relu(hidden)).amax(dim=2)
        return tokens


def position_mlp(width: int) -> nn.Sequential:
    """(..., 3) centres -> (..., width), learned positions of the tokens; keys 0 and 2."""
    return nn.Sequential(nn.Linear(3, POSITION_WIDTH), nn.GELU(), nn.Linear(POSITION_WIDTH, width))


def _normed_joint(whole: Tensor, local: Tensor, layer: Pointwise, norm: BatchNorm) -> Tensor:
    """Layer and normalisation on [whole patch ; point]: (B, G, 1, C), (B, G, K, C) -> (B, G, K, D)."""
    if norm.training:
        return normalise_rows(joint_linear(whole, local, matrix(layer), layer.bias), norm)
    weight, shift = folded(matrix(layer), layer.bias, norm)
    return joint_linear(whole, local, weight, shift)


def _layers(convolutions: nn.Sequential) -> tuple[Pointwise, BatchNorm, Pointwise]:
    """What has parameters among Pointwise, BatchNorm, ReLU and Pointwise."""
    return cast("tuple[Pointwise, BatchNorm, Pointwise]", tuple(convolutions[i] for i in (0, 1, 3)))
