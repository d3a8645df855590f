"""A small PointNet without T-Nets (after Qi et al., 2017): one MLP shared by all points, then one pool."""

from typing import Literal

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive
from anaglyph.nn.mlp import PointMLP, max_over_points, mean_over_points
from anaglyph.ops.checks import require_points


class SmallPointNet(nn.Module):
    """The order of the points does not matter; padding rows do not either.

    Args:
        embed_dim: D, size of the embedding.
        in_channels: C per point; 3 for xyz in model units.
        widths: channels of the hidden layers; the last layer has D.
        pool: "max", or "max_mean" for the maximum and the mean side by side.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        in_channels: int = 3,
        widths: tuple[int, ...] = (64, 64, 64, 128),
        pool: Literal["max", "max_mean"] = "max",
    ) -> None:
        super().__init__()
        require_positive(embed_dim=embed_dim, in_channels=in_channels, widths=min(widths, default=1))
        if pool not in ("max", "max_mean"):
            raise ValueError(f"pool must be 'max' or 'max_mean', got '{pool}'")
        self.embed_dim = embed_dim
        self.in_channels = in_channels
        self.pool = pool
        self.point_mlp = PointMLP((in_channels, *widths, embed_dim))
        self.head = nn.Linear(embed_dim if pool == "max" else 2 * embed_dim, embed_dim)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, D)."""
        require_points(points, valid, channels=self.in_channels)
        features = self.point_mlp(points, valid)  # (B, N, D)
        pooled = max_over_points(features, valid)
        if self.pool == "max_mean":
            pooled = torch.cat([pooled, mean_over_points(features, valid)], dim=1)
        embedding: Tensor = self.head(pooled)
        return embedding
