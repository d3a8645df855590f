"""PointNet for part segmentation (Qi et al., 2017, supplementary B), with the key names of the common port.

Every layer of every point, the maximum of the cloud and its category stand side by side before the last four
layers. The network has both T-Nets; the penalty on the second one in the paper's loss is not added.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.category import clouds_of_rows, one_hot_category
from anaglyph.encoders.checks import require_positive
from anaglyph.encoders.pointnet import turned
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.mlp import max_over_points
from anaglyph.nn.normed_linear import (
    matrix,
    normed_linear,
    normed_linear_of_clouds,
    shared_mlp,
    shared_mlp_of_valid,
)
from anaglyph.nn.padding import cleared, scatter_rows
from anaglyph.nn.transform_net import PUBLISHED_WIDTHS, TransformNet, TransformWidths
from anaglyph.ops.checks import require_points


class PointNetParts(nn.Module):
    """A class for every point, in the knowledge of the object's category where there is one.

    Args:
        classes: scores per point; 50 parts in ShapeNetPart.
        categories: kinds of objects that `forward` is told, 16 in ShapeNetPart; None for none.
        in_channels: C per point, xyz first.
        widths: channels of the five layers before the maximum.
        head_widths: channels of the three layers before the scores.
        transform_widths: channels inside a T-Net.
    """

    def __init__(
        self,
        *,
        classes: int = 50,
        categories: int | None = 16,
        in_channels: int = 3,
        widths: tuple[int, int, int, int, int] = (64, 128, 128, 512, 2048),
        head_widths: tuple[int, int, int] = (256, 256, 128),
        transform_widths: TransformWidths = PUBLISHED_WIDTHS,
    ) -> None:
        super().__init__()
        if in_channels < 3:
            raise ValueError(f"in_channels must be >= 3 for xyz, got {in_channels}")
        require_positive(classes=classes, categories=1 if categories is None else categories)
        require_positive(widths=min(widths), head_widths=min(head_widths))
        self.classes, self.categories, self.in_channels = classes, categories, in_channels
        one, two, three, four, five = widths
        self.stn = TransformNet(in_channels, 3, widths=transform_widths)
        self.conv1 = nn.Conv1d(in_channels, one, 1)
        self.conv2 = nn.Conv1d(one, two, 1)
        self.conv3 = nn.Conv1d(two, three, 1)
        self.conv4 = nn.Conv1d(three, four, 1)
        self.conv5 = nn.Conv1d(four, five, 1)
        self.bn1 = BatchNorm(one)
        self.bn2 = BatchNorm(two)
        self.bn3 = BatchNorm(three)
        self.bn4 = BatchNorm(four)
        self.bn5 = BatchNorm(five)
        self.fstn = TransformNet(three, three, widths=transform_widths)
        first, second, third = head_widths
        self.convs1 = nn.Conv1d(five + (categories or 0) + sum(widths), first, 1)
        self.convs2 = nn.Conv1d(first, second, 1)
        self.convs3 = nn.Conv1d(second, third, 1)
        self.convs4 = nn.Conv1d(third, classes, 1)
        self.bns1 = BatchNorm(first)
        self.bns2 = BatchNorm(second)
        self.bns3 = BatchNorm(third)

    def forward(self, points: Tensor, valid: Tensor | None = None, category: Tensor | None = None) -> Tensor:
        """Scores before any softmax.

        Args:
            points: (B, N, C), unit sphere.
            valid: (B, N) bool, False for padding rows, whose scores are 0.
            category: (B,) int64 in [0, categories), given exactly if the network was built with categories.

        Returns:
            (B, N, classes).
        """
        require_points(points, valid, channels=self.in_channels)
        kind = one_hot_category(category, self.categories, clouds=len(points))
        points = cleared(points, valid)
        levels, whole = self._levels(points, valid)
        if kind is not None:
            whole = torch.cat([whole, kind.to(whole.dtype)], dim=1)
        everything = torch.cat(levels, dim=2)
        rows = everything.flatten(0, 1) if valid is None else everything[valid]
        hidden = normed_linear_of_clouds(whole, rows, clouds_of_rows(points, valid), (self.convs1, self.bns1))
        hidden = shared_mlp(F.relu_(hidden), [(self.convs2, self.bns2), (self.convs3, self.bns3)])
        scores = F.linear(hidden, matrix(self.convs4), self.convs4.bias)
        return scores.view(*points.shape[:2], -1) if valid is None else scatter_rows(scores, valid)

    def _levels(self, points: Tensor, valid: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """The results of the five layers, (B, N, .) each, and the maximum of the last one."""
        out1 = shared_mlp_of_valid(turned(points, self.stn(points, valid)), [(self.conv1, self.bn1)], valid)
        out2 = shared_mlp_of_valid(out1, [(self.conv2, self.bn2)], valid)
        out3 = shared_mlp_of_valid(out2, [(self.conv3, self.bn3)], valid)
        aligned = out3 @ self.fstn(out3, valid)
        out4 = shared_mlp_of_valid(aligned, [(self.conv4, self.bn4)], valid)
        if valid is None:
            out5 = normed_linear(out4, self.conv5, self.bn5)  # without an activation, as published
        else:
            out5 = scatter_rows(normed_linear(out4[valid], self.conv5, self.bn5), valid)
        return [out1, out2, out3, out4, out5], max_over_points(out5, valid)
