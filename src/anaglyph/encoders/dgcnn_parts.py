"""DGCNN for part segmentation (Wang et al., 2019, section 5.4), as in the authors' PyTorch port.

A T-Net over edges turns the cloud, three edge blocks (two of them with two layers per edge) describe its
points, and four layers read them beside the maximum of the cloud and its category. Key names are those of
the port without the second name under which it stores each normalisation: conv{i}.0 and conv{i}.1.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.category import clouds_of_rows, one_hot_category
from anaglyph.encoders.checks import require_positive, require_share
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.edge_mlp import edge_mlp
from anaglyph.nn.mlp import max_over_points
from anaglyph.nn.normed_linear import NormedLayer, matrix, normed_linear, normed_linear_of_clouds
from anaglyph.nn.padding import cleared, scatter_rows
from anaglyph.nn.transform_net import PUBLISHED_WIDTHS, TransformWidths
from anaglyph.ops.checks import Shortage, require_points
from anaglyph.ops.knn import k_nearest

SLOPE = 0.2
"""Of every LeakyReLU."""


class DGCNNParts(nn.Module):
    """A class for every point, in the knowledge of the object's category where there is one.

    Args:
        classes: scores per point; 50 parts in ShapeNetPart.
        categories: kinds of objects that `forward` is told, 16 in ShapeNetPart; None for none.
        neighbours: K of the graphs, the point itself included.
        width: channels of the edge blocks, and of the category.
        pooled: channels before the maximum over the cloud.
        head_widths: channels of the three layers before the scores.
        transform_widths: channels inside the T-Net.
        dropout: after the first two of those layers while training.
        shortage: for clouds with fewer points than neighbours.
    """

    in_channels = 3

    def __init__(
        self,
        *,
        classes: int = 50,
        categories: int | None = 16,
        neighbours: int = 40,
        width: int = 64,
        pooled: int = 1024,
        head_widths: tuple[int, int, int] = (256, 256, 128),
        transform_widths: TransformWidths = PUBLISHED_WIDTHS,
        dropout: float = 0.5,
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        require_positive(classes=classes, categories=1 if categories is None else categories)
        require_positive(neighbours=neighbours, width=width, pooled=pooled, head_widths=min(head_widths))
        require_share(dropout=dropout)
        self.classes, self.categories = classes, categories
        self.neighbours, self.shortage = neighbours, shortage
        self.transform_net = _EdgeTransformNet(transform_widths)
        self.conv1 = _layer(6, width, nn.Conv2d)
        self.conv2 = _layer(width, width, nn.Conv2d)
        self.conv3 = _layer(2 * width, width, nn.Conv2d)
        self.conv4 = _layer(width, width, nn.Conv2d)
        self.conv5 = _layer(2 * width, width, nn.Conv2d)
        self.conv6 = _layer(3 * width, pooled, nn.Conv1d)
        whole = pooled
        if categories is not None:
            self.conv7 = _layer(categories, width, nn.Conv1d)
            whole += width
        first, second, third = head_widths
        self.conv8 = _layer(whole + 3 * width, first, nn.Conv1d)
        self.dp1 = nn.Dropout(dropout)
        self.conv9 = _layer(first, second, nn.Conv1d)
        self.dp2 = nn.Dropout(dropout)
        self.conv10 = _layer(second, third, nn.Conv1d)
        self.conv11 = nn.Conv1d(third, classes, 1, bias=False)

    def forward(self, points: Tensor, valid: Tensor | None = None, category: Tensor | None = None) -> Tensor:
        """Scores before any softmax.

        Args:
            points: (B, N, 3), unit sphere.
            valid: (B, N) bool, False for padding rows, whose scores are 0.
            category: (B,) int64 in [0, categories), given exactly if the network was built with categories.

        Returns:
            (B, N, classes).
        """
        require_points(points, valid, channels=3)
        kind = one_hot_category(category, self.categories, clouds=len(points))
        points = cleared(points, valid)
        levels = torch.cat(self._levels(points, valid), dim=2)  # (B, N, 3 width)
        rows = levels.flatten(0, 1) if valid is None else levels[valid]
        deep = _apply(rows, self.conv6)
        deep = deep.view(*points.shape[:2], -1) if valid is None else scatter_rows(deep, valid)
        whole = max_over_points(deep, valid)
        if kind is not None:
            whole = torch.cat([whole, _apply(kind.to(whole.dtype), self.conv7)], dim=1)
        hidden = normed_linear_of_clouds(whole, rows, clouds_of_rows(points, valid), _pair(self.conv8))
        hidden = self.dp1(F.leaky_relu(hidden, SLOPE))
        hidden = self.dp2(_apply(hidden, self.conv9))
        scores = F.linear(_apply(hidden, self.conv10), matrix(self.conv11))
        return scores.view(*points.shape[:2], -1) if valid is None else scatter_rows(scores, valid)

    def _levels(self, points: Tensor, valid: Tensor | None) -> list[Tensor]:
        """What the three edge blocks say of every point, (B, N, width) each."""
        near = self._near(points, valid)
        turned = points @ self.transform_net(points, near, valid).to(points.dtype)
        blocks = ((self.conv1, self.conv2), (self.conv3, self.conv4), (self.conv5,))
        levels, features = [], turned
        for block in blocks:
            near = self._near(features, valid)
            features = edge_mlp(
                features, near, [_pair(layer) for layer in block], valid, negative_slope=SLOPE
            )
            levels.append(features)
        return levels

    def _near(self, features: Tensor, valid: Tensor | None) -> Tensor:
        return k_nearest(features, features, self.neighbours, valid=valid, shortage=self.shortage)


class _EdgeTransformNet(nn.Module):
    """A T-Net that begins with two layers per edge; it starts as the identity."""

    def __init__(self, widths: TransformWidths) -> None:
        super().__init__()
        one, two, three, four, five = widths
        self.conv1 = _layer(6, one, nn.Conv2d)
        self.conv2 = _layer(one, two, nn.Conv2d)
        self.conv3 = _layer(two, three, nn.Conv1d)
        self.linear1 = nn.Linear(three, four, bias=False)
        self.bn3 = BatchNorm(four)
        self.linear2 = nn.Linear(four, five, bias=False)
        self.bn4 = BatchNorm(five)
        self.transform = nn.Linear(five, 9)
        nn.init.zeros_(self.transform.weight)
        self.transform.bias.data = torch.eye(3).flatten()

    def forward(self, points: Tensor, near: Tensor, valid: Tensor | None) -> Tensor:
        """(B, N, 3) points, (B, N, K) their neighbours -> (B, 3, 3)."""
        layers = [_pair(self.conv1), _pair(self.conv2)]
        features = edge_mlp(points, near, layers, valid, negative_slope=SLOPE)
        deep = _apply(features if valid is None else features[valid], self.conv3)
        deep = deep if valid is None else scatter_rows(deep, valid)
        pooled = max_over_points(deep, valid)
        pooled = F.leaky_relu(normed_linear(pooled, self.linear1, self.bn3), SLOPE)
        pooled = F.leaky_relu(normed_linear(pooled, self.linear2, self.bn4), SLOPE)
        matrices: Tensor = self.transform(pooled)
        return matrices.view(-1, 3, 3)


def _layer(before: int, after: int, kind: type[nn.Conv1d] | type[nn.Conv2d]) -> nn.Sequential:
    return nn.Sequential(kind(before, after, 1, bias=False), BatchNorm(after))


def _pair(layer: nn.Sequential) -> NormedLayer:
    return cast("NormedLayer", (layer[0], layer[1]))


def _apply(rows: Tensor, layer: nn.Sequential) -> Tensor:
    return F.leaky_relu(normed_linear(rows, *_pair(layer)), SLOPE)
