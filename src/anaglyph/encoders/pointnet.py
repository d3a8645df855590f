"""PointNet (Qi et al., 2017): five layers shared by all points, one maximum, three layers for the classes.

Without the two T-Nets it is the network of learning3d, whose files load as they are: the trunk is called
`feature_model`, the head linear1 to linear3. With `transforms` they are feature_model.stn and .fstn. The
embedding is the maximum itself. The penalty on the feature transform in the paper's loss is not added.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive, require_share
from anaglyph.encoders.convention import PointConvention
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.normed_linear import NormedLayer, shared_mlp, shared_mlp_of_valid
from anaglyph.nn.padding import cleared
from anaglyph.nn.transform_net import PUBLISHED_WIDTHS, TransformNet, TransformWidths
from anaglyph.ops.checks import require_points

LEARNING3D = PointConvention(axes=("x", "y", "-z"), points=1024)
"""learning3d on ModelNet40: y and z of a +z-up cloud swapped. That leaves +y up, and mirrors the shape."""


class PointNet(nn.Module):
    """A set of points as the largest response of each channel; the order does not matter.

    Args:
        embed_dim: D, channels of the fifth layer.
        in_channels: C per point, xyz first.
        widths: channels of the first four layers.
        transforms: a T-Net turns the positions, another one the features after the second layer.
        transform_widths: channels inside a T-Net.
        head_classes: adds the classifier, used by `logits` alone.
        head_widths: its hidden channels.
        dropout: in the classifier while training.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 1024,
        in_channels: int = 3,
        widths: tuple[int, int, int, int] = (64, 64, 64, 128),
        transforms: bool = False,
        transform_widths: TransformWidths = PUBLISHED_WIDTHS,
        head_classes: int | None = None,
        head_widths: tuple[int, int] = (512, 256),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if in_channels < 3:
            raise ValueError(f"in_channels must be >= 3 for xyz, got {in_channels}")
        require_positive(embed_dim=embed_dim, widths=min(widths), head_widths=min(head_widths))
        require_share(dropout=dropout)
        self.embed_dim, self.in_channels = embed_dim, in_channels
        self.feature_model = _Trunk((in_channels, *widths, embed_dim), transforms, transform_widths)
        self.head_classes = head_classes
        if head_classes is not None:
            require_positive(head_classes=head_classes)
            first, second = head_widths
            self.linear1 = nn.Linear(embed_dim, first)
            self.bn1 = BatchNorm(first)
            self.linear2 = nn.Linear(first, second)
            self.bn2 = BatchNorm(second)
            self.linear3 = nn.Linear(second, head_classes)
            self.dropout = nn.Dropout(dropout)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, D), never negative."""
        require_points(points, valid, channels=self.in_channels)
        embedding: Tensor = self.feature_model(cleared(points, valid), valid)
        return embedding

    def logits(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, head_classes)."""
        if self.head_classes is None:
            raise ValueError("this network has no classifier; build it with head_classes")
        hidden = self.dropout(shared_mlp(self(points, valid), [(self.linear1, self.bn1)]))
        hidden = self.dropout(shared_mlp(hidden, [(self.linear2, self.bn2)]))
        scores: Tensor = self.linear3(hidden)
        return scores


class _Trunk(nn.Module):
    """conv1 to conv5, bn1 to bn5 and, where asked for, the two T-Nets."""

    def __init__(self, widths: tuple[int, ...], transforms: bool, transform_widths: TransformWidths) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(widths[0], widths[1], 1)
        self.conv2 = nn.Conv1d(widths[1], widths[2], 1)
        self.conv3 = nn.Conv1d(widths[2], widths[3], 1)
        self.conv4 = nn.Conv1d(widths[3], widths[4], 1)
        self.conv5 = nn.Conv1d(widths[4], widths[5], 1)
        self.bn1 = BatchNorm(widths[1])
        self.bn2 = BatchNorm(widths[2])
        self.bn3 = BatchNorm(widths[3])
        self.bn4 = BatchNorm(widths[4])
        self.bn5 = BatchNorm(widths[5])
        self.transforms = transforms
        if transforms:
            self.stn = TransformNet(widths[0], 3, widths=transform_widths)
            self.fstn = TransformNet(widths[2], widths[2], widths=transform_widths)

    def forward(self, points: Tensor, valid: Tensor | None) -> Tensor:
        early: list[NormedLayer] = [(self.conv1, self.bn1), (self.conv2, self.bn2)]
        late: list[NormedLayer] = [
            (self.conv3, self.bn3),
            (self.conv4, self.bn4),
            (self.conv5, self.bn5),
        ]
        if not self.transforms:
            return shared_mlp_of_valid(points, early + late, valid).amax(dim=1)  # no row is below its 0
        features = shared_mlp_of_valid(turned(points, self.stn(points, valid)), early, valid)
        features = features @ self.fstn(features, valid)
        return shared_mlp_of_valid(features, late, valid).amax(dim=1)


def turned(points: Tensor, transform: Tensor) -> Tensor:
    """(B, N, C) points whose positions are multiplied by (B, 3, 3); other channels stay."""
    return torch.cat([points[..., :3] @ transform, points[..., 3:].to(transform.dtype)], dim=2)
