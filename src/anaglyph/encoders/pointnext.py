"""PointNeXt-S (Qian et al., 2022), with the key names of OpenPoints and ULIP.

Four stages that each keep half of the points, one over everything that is left, two layers
(dossier CrossMoST, 2.5 and 3.4). Points come with their height above the lowest one as a fourth channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive, require_share
from anaglyph.encoders.convention import PointConvention
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.normed_linear import NormedLayer, matrix, shared_mlp
from anaglyph.nn.padding import cleared
from anaglyph.nn.patches import Start
from anaglyph.nn.residual_abstraction import ResidualAbstraction, ResidualGlobalAbstraction
from anaglyph.ops.checks import Shortage, require_points

ULIP = PointConvention(points=8192, height=True)
"""Unit sphere, +y up; height is y minus the smallest y of the cloud."""


class PointNeXt(nn.Module):
    """Set abstractions with relative positions in units of the radius and shortcuts.

    Args:
        embed_dim: D, channels before the classes.
        in_channels: C per point, xyz first; 4 with the height.
        width: channels of the stem; each stage doubles them.
        strides: points per centre in each stage but the last, counted in the valid points of each cloud.
        radius: of the first stage's balls, in model units.
        radius_growth: factor of the radius from stage to stage.
        neighbours: K, points read per ball.
        hidden: channels of the first layer after the maximum.
        head_classes: adds the last layer, used by `logits` alone.
        dropout: after each of the last layers while training.
        start: first centre: the point "farthest" from the mean, or the "first" one.
        shortage: for clouds with fewer points than a stride; "repeat" keeps one centre.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        in_channels: int = 4,
        width: int = 32,
        strides: tuple[int, ...] = (2, 2, 2, 2),
        radius: float = 0.15,
        radius_growth: float = 1.5,
        neighbours: int = 32,
        hidden: int = 512,
        head_classes: int | None = None,
        dropout: float = 0.5,
        start: Start = "farthest",
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        if in_channels < 3:
            raise ValueError(f"in_channels must be >= 3 for xyz, got {in_channels}")
        if radius <= 0.0 or radius_growth <= 0.0:
            raise ValueError(f"radius and radius_growth must be > 0, got {radius} and {radius_growth}")
        require_positive(embed_dim=embed_dim, width=width, neighbours=neighbours, hidden=hidden)
        require_positive(strides=min(strides, default=0))
        require_share(dropout=dropout)
        self.embed_dim, self.in_channels = embed_dim, in_channels
        stages: list[nn.Module] = [_Stem(in_channels, width)]
        for stride in strides:
            stages.append(
                ResidualAbstraction(
                    width,
                    (width, 2 * width),
                    stride=stride,
                    radius=radius,
                    neighbours=neighbours,
                    start=start,
                    shortage=shortage,
                )
            )
            width, radius = 2 * width, radius * radius_growth
        stages.append(ResidualGlobalAbstraction(width, (width, width)))
        self.encoder = _Stages(stages)
        self.head_classes = head_classes
        self.prediction = _Prediction(width, hidden, embed_dim, dropout, head_classes)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, D), never negative."""
        require_points(points, valid, channels=self.in_channels)
        points = cleared(points, valid)
        stem, *stages, last = (cast("nn.Sequential", stage)[0] for stage in self.encoder.encoder)
        xyz, features = points[..., :3].contiguous(), stem(points)
        for stage in stages:
            xyz, features, valid = stage(xyz, features, valid)
        return self.prediction.embed(last(xyz, features, valid))

    def logits(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, head_classes)."""
        if self.head_classes is None:
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.prediction.head[4](self(points, valid))
        return scores


class _Stages(nn.Module):
    """The stages under the key encoder.{i}.0."""

    def __init__(self, stages: Iterable[nn.Module]) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*(nn.Sequential(stage) for stage in stages))


class _Stem(nn.Module):
    """One linear layer per point, without normalisation or activation; key convs.0.0."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(nn.Sequential(nn.Conv1d(before, after, 1)))

    def forward(self, points: Tensor) -> Tensor:
        layer = cast("nn.Conv1d", cast("nn.Sequential", self.convs[0])[0])
        return F.linear(points, matrix(layer), layer.bias)


class _Prediction(nn.Module):
    """Layers head.0 and head.2 without bias, each with its normalisation; dropout 1 and 3; the classes 4."""

    def __init__(
        self, channels: int, hidden: int, embed_dim: int, dropout: float, classes: int | None
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((channels, hidden), (hidden, embed_dim)):
            linear = nn.Linear(before, after, bias=False)
            layers += [nn.Sequential(linear, BatchNorm(after)), nn.Dropout(dropout)]
        if classes is not None:
            require_positive(head_classes=classes)
            layers.append(nn.Sequential(nn.Linear(embed_dim, classes)))
        self.head = nn.Sequential(*layers)

    def embed(self, pooled: Tensor) -> Tensor:
        """(B, channels) -> (B, D)."""
        for place in (0, 2):
            layer = cast("NormedLayer", tuple(cast("nn.Sequential", self.head[place])))
            pooled = self.head[place + 1](shared_mlp(pooled, [layer]))
        return pooled
