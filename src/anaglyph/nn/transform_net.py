"""T-Net (PointNet; Qi et al., 2017): a matrix per cloud that aligns its points or their features.

State-dict keys are those of the commonly used PyTorch port: conv1 to conv3, fc1 to fc3, bn1 to bn5.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.mlp import max_over_points
from anaglyph.nn.normed_linear import normed_linear, shared_mlp_of_valid

TransformWidths = tuple[int, int, int, int, int]
PUBLISHED_WIDTHS: TransformWidths = (64, 128, 1024, 512, 256)


class TransformNet(nn.Module):
    """A small PointNet whose output is added to the identity.

    Args:
        in_channels: C of the points.
        size: S of the matrix.
        widths: channels of the three layers per point and the two per cloud.
    """

    def __init__(self, in_channels: int, size: int, *, widths: TransformWidths = PUBLISHED_WIDTHS) -> None:
        super().__init__()
        one, two, three, four, five = widths
        self.size = size
        self.conv1 = nn.Conv1d(in_channels, one, 1)
        self.conv2 = nn.Conv1d(one, two, 1)
        self.conv3 = nn.Conv1d(two, three, 1)
        self.fc1 = nn.Linear(three, four)
        self.fc2 = nn.Linear(four, five)
        self.fc3 = nn.Linear(five, size * size)
        self.bn1 = BatchNorm(one)
        self.bn2 = BatchNorm(two)
        self.bn3 = BatchNorm(three)
        self.bn4 = BatchNorm(four)
        self.bn5 = BatchNorm(five)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, S, S), applied as points @ matrix."""
        layers = [(self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)]
        pooled = max_over_points(shared_mlp_of_valid(points, layers, valid), valid)
        pooled = F.relu_(normed_linear(pooled, self.fc1, self.bn4))
        pooled = F.relu_(normed_linear(pooled, self.fc2, self.bn5))
        change: Tensor = self.fc3(pooled)
        identity = torch.eye(self.size, device=change.device, dtype=change.dtype)
        return change.view(-1, self.size, self.size) + identity
