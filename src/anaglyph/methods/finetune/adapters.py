"""What can learn beside a frozen point encoder: prompts in its blocks, or a small network at its side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.point_transformer import PointTransformer
from anaglyph.encoders.pointnet_small import SmallPointNet


class Prompts(nn.Module):
    """P learned tokens in every block of a point transformer, after its class tokens (Jia et al., 2022).

    Drawn evenly within sqrt(6 / (3 K + D)), as VPT does with a patch of 3 p^2 numbers; ours has 3 K.

    Args:
        encoder: the trunk, which is not kept here.
        count: P.
        dropout: on the tokens, while training.
    """

    def __init__(self, encoder: PointTransformer, *, count: int, dropout: float) -> None:
        super().__init__()
        width = encoder.norm.normalized_shape[0]
        bound = math.sqrt(6 / (3 * encoder.patches.group_size + width))
        depth = len(encoder.blocks.blocks)
        self.prompt_tokens = nn.Parameter(torch.empty(depth, count, width).uniform_(-bound, bound))
        self.dropout = nn.Dropout(dropout)

    def forward(self, encoder: PointTransformer, points: Tensor) -> Tensor:
        """(B, N, C) points -> (B, embed_dim) of the prompted encoder."""
        x, positions = encoder.embedded(points)
        prompts = self.dropout(self.prompt_tokens.expand(len(points), -1, -1, -1))
        first = len(encoder.learned)
        return encoder.pooled(encoder.norm(encoder.blocks.prompted(x, positions, prompts, first=first)))


class SideNetwork(nn.Module):
    """a * trunk + (1 - a) * a small PointNet, a = sigmoid of a number that starts at 0 (Zhang et al., 2020).

    Args:
        embed_dim: D of the trunk.
        in_channels: C of the clouds.
        widths: hidden channels.
    """

    def __init__(self, embed_dim: int, *, in_channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.network = SmallPointNet(embed_dim=embed_dim, in_channels=in_channels, widths=tuple(widths))
        self.blend = nn.Parameter(torch.zeros(()))

    def forward(self, trunk: Tensor, points: Tensor) -> Tensor:
        """(B, D) of the trunk, (B, N, C) points -> (B, D)."""
        share = F.sigmoid(self.blend)
        side: Tensor = self.network(points)
        return share * trunk + (1 - share) * side
