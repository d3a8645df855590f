"""Segmentation with the plain point transformer, as Point-MAE and ACT do it (Pang et al., 2022, section 4.2).

Tokens of three depths are spread from the patch centres to all points and read together with what the whole
cloud says. State-dict keys are those of Point-MAE and ReCon; ACT writes the same ones with `_cls`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.category import one_hot_category
from anaglyph.encoders.checks import require_positive
from anaglyph.encoders.convention import PointConvention
from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.feature_propagation import FeaturePropagation
from anaglyph.nn.normed_linear import matrix
from anaglyph.nn.padding import cleared, scatter_rows
from anaglyph.nn.patch_embed import PatchEmbed, position_mlp
from anaglyph.nn.patches import PatchOptions, Start
from anaglyph.nn.pointwise import Pointwise, joint_linear
from anaglyph.nn.transformer import Block, PositionedBlocks, drop_path_rates, start_small, thirds
from anaglyph.ops.checks import Shortage, require_points

SHAPENET_PART = PointConvention(points=2048)
"""ShapeNetPart: unit sphere, +y up; the official loader draws the points with replacement."""

S3DIS_BLOCK = PointConvention(axes=("x", "-z", "y"), points=2048, scale="none")
"""S3DIS: columns of a room of 1 m x 1 m; metres, +z up from the floor, x and y from the column's centre."""


class PointTransformerParts(nn.Module):
    """A class for every point, in the knowledge of the object's category where there is one.

    Args:
        classes: scores per point; 50 parts in ShapeNetPart.
        categories: kinds of objects that `forward` is told, 16 in ShapeNetPart; None for none.
        width: D of a token.
        depth: blocks, a multiple of 3; tokens are read after each third of them.
        heads: of every attention.
        groups: G, patches per cloud; the weights do not depend on it.
        group_size: K, points per patch.
        hidden: width of the features of a point.
        drop_path: rate of the last block.
        start: as of `PointTransformer`.
        skip_near_origin: as of `PointTransformer`.
        shortage: what to do with a cloud of fewer than G or K points.
    """

    in_channels = 3

    def __init__(
        self,
        *,
        classes: int = 50,
        categories: int | None = 16,
        width: int = 384,
        depth: int = 12,
        heads: int = 6,
        groups: int = 128,
        group_size: int = 32,
        hidden: int = 1024,
        drop_path: float = 0.1,
        start: Start = "farthest",
        skip_near_origin: float | None = None,
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        require_positive(classes=classes, categories=1 if categories is None else categories)
        require_positive(width=width, depth=depth, hidden=hidden)
        self.classes, self.categories = classes, categories
        self.patches = PatchOptions(
            groups=groups,
            group_size=group_size,
            start=start,
            skip_near_origin=skip_near_origin,
            shortage=shortage,
        )
        self.after = thirds(depth)
        self.encoder = PatchEmbed(3, width)
        self.pos_embed = position_mlp(width)
        self.blocks = PositionedBlocks(
            Block(width, heads, drop_path=rate) for rate in drop_path_rates(drop_path, depth)
        )
        self.norm = nn.LayerNorm(width)
        self.propagation_0 = FeaturePropagation(3, 3 * width, (4 * width, hidden))
        whole = 6 * width
        if categories is not None:
            self.label_conv = nn.Sequential(
                Pointwise(categories, 64, bias=False), BatchNorm(64), nn.LeakyReLU(0.2)
            )
            whole += 64
        self.convs1 = Pointwise(hidden + whole, 512)
        self.bns1 = BatchNorm(512)
        self.dp1 = nn.Dropout(0.5)
        self.convs2 = Pointwise(512, 256)
        self.bns2 = BatchNorm(256)
        self.convs3 = Pointwise(256, classes)
        start_small(self)

    def forward(self, points: Tensor, valid: Tensor | None = None, category: Tensor | None = None) -> Tensor:
        """Scores before any softmax; the official networks return their log-softmax.

        Args:
            points: (B, N, 3), prepared as `SHAPENET_PART` or `S3DIS_BLOCK` say.
            valid: (B, N) bool, False for padding rows, whose scores are 0.
            category: (B,) int64 in [0, categories), given exactly if the network was built with categories.

        Returns:
            (B, N, classes).
        """
        require_points(points, valid, channels=3)
        kind = one_hot_category(category, self.categories, clouds=len(points))
        points = cleared(points, valid)
        centres, tokens = self._tokens(points, valid)
        whole = [tokens.amax(dim=1), tokens.mean(dim=1)]
        if kind is not None:
            whole.append(self.label_conv(kind.to(tokens.dtype)))
        local = self.propagation_0(points, points, centres, tokens, valid)  # (B, N, hidden)
        return self._scores(torch.cat(whole, dim=1), local, valid)

    def _tokens(self, points: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """Centres (B, G, 3) and the tokens of three depths side by side (B, G, 3D)."""
        centres, neighbourhoods = self.patches.cut(points, valid)
        x = self.encoder(neighbourhoods)
        outputs = self.blocks.outputs(x, self.pos_embed(centres), after=self.after)
        return centres, torch.cat([self.norm(output) for output in outputs], dim=2)

    def _scores(self, whole: Tensor, local: Tensor, valid: Tensor | None) -> Tensor:
        """(B, W) of clouds, (B, N, hidden) of points -> (B, N, classes); padding enters no statistics."""
        x = joint_linear(local, whole[:, None], matrix(self.convs1), self.convs1.bias)  # (B, N, 512)
        x = x.flatten(0, 1) if valid is None else x[valid]
        x = self.dp1(F.relu(self.bns1(x)))
        scores = self.convs3(F.relu(self.bns2(self.convs2(x))))
        return scores.view(*local.shape[:2], -1) if valid is None else scatter_rows(scores, valid)


def point_transformer_scenes(
    *,
    classes: int = 13,
    width: int = 384,
    depth: int = 12,
    heads: int = 6,
    groups: int = 128,
    group_size: int = 32,
    hidden: int = 1024,
    drop_path: float = 0.1,
    start: Start = "farthest",
    skip_near_origin: float | None = None,
    shortage: Shortage = "refuse",
) -> PointTransformerParts:
    """The network for rooms (S3DIS, 13 classes): xyz in, no category."""
    return PointTransformerParts(
        classes=classes,
        categories=None,
        width=width,
        depth=depth,
        heads=heads,
        groups=groups,
        group_size=group_size,
        hidden=hidden,
        drop_path=drop_path,
        start=start,
        skip_near_origin=skip_near_origin,
        shortage=shortage,
    )
