"""A smaller DGCNN for embeddings (after Wang et al., 2019): edge convolutions on moving graphs, one layer.

The published network is in `encoders.dgcnn`; this one pools D channels, not 1,024, and maps them to D.
"""

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.edge_conv import EdgeConv, EdgeForm
from anaglyph.nn.mlp import PointMLP, max_over_points, mean_over_points
from anaglyph.ops.checks import Shortage, require_points
from anaglyph.ops.knn import k_nearest


class SmallDGCNN(nn.Module):
    """Each block asks anew which points are near, in the space of its input.

    All blocks side by side go through a shared layer to D, are pooled by maximum and mean, and mapped to D.

    Args:
        embed_dim: D, size of the embedding.
        in_channels: C per point; 3 for xyz in model units.
        neighbours: K of the graphs, the point itself included.
        widths: channels after each edge convolution.
        edge_form: "split" computes edges per point, "literal" one by one; the same up to rounding.
        shortage: for clouds with fewer points than neighbours.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        in_channels: int = 3,
        neighbours: int = 20,
        widths: tuple[int, ...] = (64, 64, 128, 256),
        edge_form: EdgeForm = "split",
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        require_positive(embed_dim=embed_dim, in_channels=in_channels, neighbours=neighbours)
        require_positive(widths=min(widths, default=0))
        self.embed_dim = embed_dim
        self.in_channels = in_channels
        self.neighbours = neighbours
        self.shortage = shortage
        inputs = (in_channels, *widths[:-1])
        self.edge_convs = nn.ModuleList(
            EdgeConv(before, after, form=edge_form) for before, after in zip(inputs, widths, strict=True)
        )
        self.point_mlp = PointMLP((sum(widths), embed_dim), negative_slope=0.2)
        self.head = nn.Sequential(
            nn.Linear(2 * embed_dim, embed_dim, bias=False), BatchNorm(embed_dim), nn.LeakyReLU(0.01)
        )

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, D)."""
        require_points(points, valid, channels=self.in_channels)
        features = points if valid is None else points.masked_fill(~valid[..., None], 0.0)
        levels = []
        for edge_conv in self.edge_convs:
            near = k_nearest(features, features, self.neighbours, valid=valid, shortage=self.shortage)
            features = edge_conv(features, near, valid)
            levels.append(features)
        features = self.point_mlp(torch.cat(levels, dim=2), valid)  # (B, N, D)
        pooled = torch.cat([max_over_points(features, valid), mean_over_points(features, valid)], dim=1)
        embedding: Tensor = self.head(pooled)
        return embedding
