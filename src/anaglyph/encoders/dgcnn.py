"""DGCNN for classification (Wang et al., 2019): edge convolutions on moving graphs, as published.

The embedding is what the last but one layer gives, 256 numbers after a LeakyReLU. `encoders.dgcnn_small` is
the lighter variant for embeddings of any size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive, require_share
from anaglyph.encoders.convention import PointConvention
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.edge_conv import EdgeConv, EdgeForm
from anaglyph.nn.mlp import PointMLP, max_over_points, mean_over_points
from anaglyph.nn.normed_linear import normed_linear
from anaglyph.nn.padding import cleared
from anaglyph.ops.checks import Shortage, require_points
from anaglyph.ops.knn import k_nearest

MODELNET = PointConvention(points=1024)
"""ModelNet40 in HDF5 files: unit sphere, +y up."""

SLOPE = 0.2
"""Of every LeakyReLU."""


class DGCNN(nn.Module):
    """Each block asks anew which points are near, in the space of its input.

    All blocks side by side go through a shared layer, are pooled by maximum and mean, and pass two layers.

    Args:
        embed_dim: D, channels before the classes.
        in_channels: C per point; all of them count as coordinates in the first graph.
        neighbours: K of the graphs, the point itself included; 20 for 1,024 points, 40 for 2,048.
        widths: channels after each edge convolution.
        pooled: channels of the shared layer; twice as many are left by the pools.
        hidden: channels of the first layer after the pools.
        head_classes: adds `linear3`, used by `logits` alone.
        dropout: after each of the last layers while training.
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
        pooled: int = 1024,
        hidden: int = 512,
        head_classes: int | None = None,
        dropout: float = 0.5,
        edge_form: EdgeForm = "split",
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        require_positive(embed_dim=embed_dim, in_channels=in_channels, neighbours=neighbours)
        require_positive(widths=min(widths, default=0), pooled=pooled, hidden=hidden)
        require_share(dropout=dropout)
        self.embed_dim, self.in_channels = embed_dim, in_channels
        self.neighbours, self.shortage = neighbours, shortage
        inputs = (in_channels, *widths[:-1])
        self.edge_convs = nn.ModuleList(
            EdgeConv(before, after, form=edge_form, negative_slope=SLOPE)
            for before, after in zip(inputs, widths, strict=True)
        )
        self.point_mlp = PointMLP((sum(widths), pooled), negative_slope=SLOPE)
        self.linear1 = nn.Linear(2 * pooled, hidden, bias=False)
        self.bn6 = BatchNorm(hidden)
        self.dp1 = nn.Dropout(dropout)
        self.linear2 = nn.Linear(hidden, embed_dim)
        self.bn7 = BatchNorm(embed_dim)
        self.dp2 = nn.Dropout(dropout)
        self.head_classes = head_classes
        if head_classes is not None:
            require_positive(head_classes=head_classes)
            self.linear3 = nn.Linear(embed_dim, head_classes)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, D)."""
        require_points(points, valid, channels=self.in_channels)
        features = cleared(points, valid)
        levels = []
        for edge_conv in self.edge_convs:
            near = k_nearest(features, features, self.neighbours, valid=valid, shortage=self.shortage)
            features = edge_conv(features, near, valid)
            levels.append(features)
        features = self.point_mlp(torch.cat(levels, dim=2), valid)  # (B, N, pooled)
        pooled = torch.cat([max_over_points(features, valid), mean_over_points(features, valid)], dim=1)
        hidden = self.dp1(F.leaky_relu(normed_linear(pooled, self.linear1, self.bn6), SLOPE))
        embedding: Tensor = self.dp2(F.leaky_relu(normed_linear(hidden, self.linear2, self.bn7), SLOPE))
        return embedding

    def logits(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, head_classes)."""
        if self.head_classes is None:
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.linear3(self(points, valid))
        return scores
