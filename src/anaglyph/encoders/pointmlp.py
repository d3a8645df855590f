"""PointMLP and PointMLP-elite (Ma et al., 2022): residual layers around geometric affine groups.

Key names and sizes as in the official code and ULIP (dossier CrossMoST, 2.5 and 3.2). The numbers of centres
do not depend on the number of points, and positions only choose the groups: they are not concatenated.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive, require_share
from anaglyph.encoders.convention import PointConvention
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.centres import choose_centres
from anaglyph.nn.geometric_affine import GeometricAffine, transfer
from anaglyph.nn.normed_linear import shared_mlp_of_valid
from anaglyph.nn.padding import cleared
from anaglyph.nn.patches import Start
from anaglyph.nn.residual_points import NormedConv, ResidualStack
from anaglyph.ops.checks import Shortage, require_points
from anaglyph.ops.gather import gather_neighbours, gather_points
from anaglyph.ops.knn import k_nearest

ULIP = PointConvention(points=8192)
"""Unit sphere, +y up."""


class PointMLP(nn.Module):
    """Four stages: choose centres, group, learn per neighbour, take the maximum, learn per centre.

    Args:
        embed_dim: D, channels before the classes.
        in_channels: C per point, xyz first.
        width: channels of the first embedding.
        growth: factor of the channels in each stage.
        centres: of each stage.
        neighbours: K nearest points per centre.
        expansion: hidden channels of a residual block, as a share of its channels.
        pre_blocks: residual blocks before the maximum of each stage.
        pos_blocks: residual blocks after it.
        hidden: channels of the first layer after the last maximum.
        head_classes: adds the classifier, used by `logits` alone.
        dropout: after each of the last layers while training.
        start: first centre: the point "farthest" from the mean, or the "first" one.
        shortage: for clouds with fewer points than centres or neighbours.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        in_channels: int = 3,
        width: int = 64,
        growth: tuple[int, ...] = (2, 2, 2, 2),
        centres: tuple[int, ...] = (512, 256, 128, 64),
        neighbours: int = 24,
        expansion: float = 1.0,
        pre_blocks: tuple[int, ...] = (2, 2, 2, 2),
        pos_blocks: tuple[int, ...] = (2, 2, 2, 2),
        hidden: int = 512,
        head_classes: int | None = None,
        dropout: float = 0.5,
        start: Start = "farthest",
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        _check(growth, centres, pre_blocks, pos_blocks)
        if in_channels < 3:
            raise ValueError(f"in_channels must be >= 3 for xyz, got {in_channels}")
        require_positive(embed_dim=embed_dim, width=width, neighbours=neighbours, hidden=hidden)
        require_share(dropout=dropout)
        self.embed_dim, self.in_channels = embed_dim, in_channels
        self.centres, self.neighbours = centres, neighbours
        self.start, self.shortage = start, shortage
        self.embedding = NormedConv(in_channels, width)
        self.local_grouper_list = nn.ModuleList()
        self.pre_blocks_list = nn.ModuleList()
        self.pos_blocks_list = nn.ModuleList()
        for factor, before, after in zip(growth, pre_blocks, pos_blocks, strict=True):
            channels = width * factor
            inner = max(int(channels * expansion), 1)
            self.local_grouper_list.append(GeometricAffine(width))
            self.pre_blocks_list.append(_PreExtraction(2 * width, channels, inner, blocks=before))
            self.pos_blocks_list.append(ResidualStack(channels, inner, blocks=after))
            width = channels
        layers: list[nn.Module] = []
        for before, after in ((width, hidden), (hidden, embed_dim)):
            layers += [nn.Linear(before, after), BatchNorm(after), nn.ReLU(), nn.Dropout(dropout)]
        self.head_classes = head_classes
        if head_classes is not None:
            require_positive(head_classes=head_classes)
            layers.append(nn.Linear(embed_dim, head_classes))
        self.classifier = nn.Sequential(*layers)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, D), never negative."""
        require_points(points, valid, channels=self.in_channels)
        points = cleared(points, valid)
        xyz = points[..., :3].contiguous()
        features = shared_mlp_of_valid(points, [self.embedding.layer], valid)
        stages = zip(
            self.centres, self.local_grouper_list, self.pre_blocks_list, self.pos_blocks_list, strict=True
        )
        for count, affine, pre, pos in stages:
            chosen, index = self._groups(xyz, count, valid)
            xyz, anchors = gather_points(xyz, chosen), gather_points(features, chosen)
            valid = None  # all centres are points
            features = pos(pre(affine(gather_neighbours(features, index), anchors), anchors))
        embedding: Tensor = self.classifier[:8](features.amax(dim=1))
        return embedding

    def logits(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, head_classes)."""
        if self.head_classes is None:
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.classifier[8](self(points, valid))
        return scores

    def _groups(self, xyz: Tensor, count: int, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, M) rows of the centres and (B, M, K) rows of their neighbours."""
        with torch.autocast(xyz.device.type, enabled=False):
            chosen = choose_centres(xyz, count, valid=valid, start=self.start, shortage=self.shortage)
            centres = gather_points(xyz, chosen)
            return chosen, k_nearest(centres, xyz, self.neighbours, valid=valid, shortage=self.shortage)


class _PreExtraction(nn.Module):
    """The layer over [affine neighbour ; centre] and residual blocks, then the maximum over neighbours."""

    def __init__(self, before: int, channels: int, inner: int, *, blocks: int) -> None:
        super().__init__()
        self.transfer = NormedConv(before, channels)
        self.operation = ResidualStack(channels, inner, blocks=blocks).operation

    def forward(self, affine: Tensor, anchors: Tensor) -> Tensor:
        """(B, M, K, C) and (B, M, C) -> (B, M, D)."""
        rows = transfer(affine, anchors, self.transfer.layer)
        out: Tensor = self.operation(rows.flatten(0, 2)).view_as(rows)
        return out.max(dim=2).values


def pointmlp_elite(
    *,
    embed_dim: int = 256,
    in_channels: int = 3,
    width: int = 32,
    growth: tuple[int, ...] = (2, 2, 2, 1),
    centres: tuple[int, ...] = (512, 256, 128, 64),
    neighbours: int = 24,
    expansion: float = 0.25,
    pre_blocks: tuple[int, ...] = (1, 1, 2, 1),
    pos_blocks: tuple[int, ...] = (1, 1, 2, 1),
    hidden: int = 512,
    head_classes: int | None = None,
    dropout: float = 0.5,
    start: Start = "farthest",
    shortage: Shortage = "refuse",
) -> PointMLP:
    """PointMLP-elite: half as wide, with bottlenecks and fewer blocks; options as of `PointMLP`.

    Not in the dossier; as in the official code: `growth` and the numbers of blocks. Their 705,952 parameters
    are the dossier's.
    """
    return PointMLP(
        embed_dim=embed_dim,
        in_channels=in_channels,
        width=width,
        growth=growth,
        centres=centres,
        neighbours=neighbours,
        expansion=expansion,
        pre_blocks=pre_blocks,
        pos_blocks=pos_blocks,
        hidden=hidden,
        head_classes=head_classes,
        dropout=dropout,
        start=start,
        shortage=shortage,
    )


def _check(
    growth: tuple[int, ...],
    centres: tuple[int, ...],
    pre_blocks: tuple[int, ...],
    pos_blocks: tuple[int, ...],
) -> None:
    lengths = {len(growth), len(centres), len(pre_blocks), len(pos_blocks)}
    if len(lengths) > 1 or lengths == {0}:
        raise ValueError(
            f"growth, centres, pre_blocks and pos_blocks must have one number per stage, "
            f"got {growth}, {centres}, {pre_blocks}, {pos_blocks}"
        )
    require_positive(growth=min(growth), centres=min(centres))
    if min(pre_blocks) < 0 or min(pos_blocks) < 0:
        raise ValueError(f"blocks must be >= 0, got {pre_blocks} and {pos_blocks}")
