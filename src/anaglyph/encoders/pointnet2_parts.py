"""PointNet++ for part segmentation (Qi et al., 2017), single scale, key names of the common PyTorch port.

Down to one vector by set abstraction, back up by feature propagation; the category joins at the last step.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.category import one_hot_category
from anaglyph.encoders.checks import require_positive, require_share
from anaglyph.encoders.pointnet2 import Widths, two_abstractions
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.feature_propagation import FeaturePropagation
from anaglyph.nn.normed_linear import matrix, shared_mlp
from anaglyph.nn.padding import cleared, scatter_rows
from anaglyph.nn.patches import Start
from anaglyph.nn.set_abstraction import GlobalAbstraction
from anaglyph.ops.checks import Shortage, require_points


class PointNet2Parts(nn.Module):
    """A class for every point, in the knowledge of the object's category where there is one.

    Args:
        classes: scores per point; 50 parts in ShapeNetPart.
        categories: kinds of objects that `forward` is told, 16 in ShapeNetPart; None for none.
        in_channels: C per point, xyz first, then for instance normals.
        centres: of the first two abstractions.
        radii: of their balls, in model units.
        neighbours: points read per ball.
        widths: channels of the three MLPs on the way down.
        up_widths: channels of the three MLPs on the way up.
        hidden: channels before the scores.
        dropout: before the scores while training.
        start: first centre: the point "farthest" from the mean, or the "first" one.
        shortage: for clouds with fewer points than centres.
    """

    def __init__(
        self,
        *,
        classes: int = 50,
        categories: int | None = 16,
        in_channels: int = 3,
        centres: tuple[int, int] = (512, 128),
        radii: tuple[float, float] = (0.2, 0.4),
        neighbours: tuple[int, int] = (32, 64),
        widths: tuple[Widths, Widths, Widths] = ((64, 64, 128), (128, 128, 256), (256, 512, 1024)),
        up_widths: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] = (
            (256, 256),
            (256, 128),
            (128, 128, 128),
        ),
        hidden: int = 128,
        dropout: float = 0.5,
        start: Start = "farthest",
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        if in_channels < 3:
            raise ValueError(f"in_channels must be >= 3 for xyz, got {in_channels}")
        require_positive(classes=classes, categories=1 if categories is None else categories, hidden=hidden)
        require_share(dropout=dropout)
        self.classes, self.categories, self.in_channels = classes, categories, in_channels
        self.sa1, self.sa2 = two_abstractions(
            in_channels, widths[:2], centres, radii, neighbours, start=start, shortage=shortage
        )
        one, two, three = (width[-1] for width in widths)
        self.sa3 = GlobalAbstraction(two, widths[2])
        self.fp3 = FeaturePropagation(two, three, up_widths[0])
        self.fp2 = FeaturePropagation(one, up_widths[0][-1], up_widths[1])
        own = (categories or 0) + 3 + in_channels
        self.fp1 = FeaturePropagation(own, up_widths[1][-1], up_widths[2])
        self.conv1 = nn.Conv1d(up_widths[2][-1], hidden, 1)
        self.bn1 = BatchNorm(hidden)
        self.drop1 = nn.Dropout(dropout)
        self.conv2 = nn.Conv1d(hidden, classes, 1)

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
        xyz = points[..., :3].contiguous()
        xyz1, level1 = self.sa1(xyz, points, valid)
        xyz2, level2 = self.sa2(xyz1, level1)
        whole = self.sa3(xyz2, level2)[:, None, :].expand(-1, xyz2.shape[1], -1)
        level2 = self.fp3.join(level2, whole)
        level1 = self.fp2(xyz1, level1, xyz2, level2)
        own = [xyz, points]
        if kind is not None:
            own.insert(0, kind.to(xyz.dtype)[:, None, :].expand(-1, points.shape[1], -1))
        features = self.fp1(xyz, torch.cat(own, dim=2), xyz1, level1, valid)
        rows = features.flatten(0, 1) if valid is None else features[valid]
        hidden = self.drop1(shared_mlp(rows, [(self.conv1, self.bn1)]))
        scores = F.linear(hidden, matrix(self.conv2), self.conv2.bias)
        return scores.view(*points.shape[:2], -1) if valid is None else scatter_rows(scores, valid)
