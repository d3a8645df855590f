"""PPAT, the point encoder of OpenShape and MixCon3D that their papers call PointBERT (Liu et al., 2023).

    patches   farthest points; the lowest-numbered points within a radius of each, as
              [xyz - centre, xyz, rgb]; a shared MLP and a maximum
    tokens    Linear of [centre, patch] -> LayerNorm; a class token in front; no other positions
    blocks    pre-norm transformer, heads of 64 channels, no norm behind the last block
    output    class token -> Linear

It comes in six scalings. Parameter names are those of the official files (dossier MixCon3D, 3.1). The
official code takes clouds as one array or concatenated; both give the same embedding here.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_channels, require_positive
from anaglyph.encoders.concatenated import pad_clouds
from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.size_table import overridden
from anaglyph.nn.padding import cleared
from anaglyph.nn.patches import Start
from anaglyph.nn.pointwise import Pointwise
from anaglyph.nn.prenorm_transformer import PreNormTransformer
from anaglyph.nn.set_abstraction import SetAbstraction
from anaglyph.ops.checks import Shortage, require_points

OPENSHAPE = PointConvention(axes=("x", "z", "y"), points=10_000, colours=True, missing_colour=0.4)
"""For every bigG model of OpenShape and MixCon3D: +z up by swapping y and z, which is a reflection."""
OPENSHAPE_Y_UP = PointConvention(points=10_000, colours=True, missing_colour=0.4)
"""For OpenShape's models in the spaces of CLIP ViT-L/14 and ViT-B/32."""


@dataclass(frozen=True)
class Scaling:
    """A row of the dossier's table 2.1."""

    depth: int
    width: int
    heads: int
    hidden: int
    patch_channels: int
    groups: int
    radius: float
    """In units of a cloud in the unit sphere."""
    group_size: int

    def __post_init__(self) -> None:
        numbers = dataclasses.asdict(self)
        radius = numbers.pop("radius")
        require_positive(**numbers)
        if not radius > 0.0:
            raise ValueError(f"radius must be > 0, got {radius}")


SCALINGS = {
    1: Scaling(6, 256, 4, 1024, 96, 64, 0.4, 256),
    2: Scaling(6, 512, 8, 1024, 128, 64, 0.4, 256),
    3: Scaling(12, 512, 8, 1024, 128, 128, 0.35, 128),
    4: Scaling(12, 512, 8, 1536, 256, 384, 0.2, 64),
    5: Scaling(12, 768, 12, 2304, 256, 512, 0.2, 64),
    6: Scaling(24, 768, 12, 3072, 256, 512, 0.2, 64),
}
"""3 is MixCon3D's, 4 is OpenShape's."""


class PPAT(nn.Module):
    """Coloured clouds to the space of their CLIP teacher.

    Args:
        scaling: 1 to 6, the published sizes.
        embed_dim: size of the embedding; 1280 is that of CLIP ViT-bigG/14.
        in_channels: 3 + C, xyz first.
        colours: channels 3 to 5 are red, green and blue, checked to lie in [0, 1].
        depth: blocks instead of the scaling's.
        width: D instead of the scaling's.
        heads: of 64 channels each, instead of the scaling's.
        hidden: channels within the blocks' MLP instead of the scaling's.
        patch_channels: channels of a patch before it meets D, instead of the scaling's.
        groups: G, patches per cloud, instead of the scaling's.
        group_size: K, points per patch, instead of the scaling's.
        radius: of a patch, in model units, instead of the scaling's.
        patch_dropout: patches fewer per cloud in training.
        start: first centre, "farthest" from the mean or the "first" row; the official code draws it.
        shortage: what to do with fewer points than patches.
        head_classes: adds `head`, used by `logits` alone.
    """

    def __init__(
        self,
        *,
        scaling: Literal[1, 2, 3, 4, 5, 6] = 4,
        embed_dim: int = 1280,
        in_channels: int = 6,
        colours: bool = True,
        depth: int | None = None,
        width: int | None = None,
        heads: int | None = None,
        hidden: int | None = None,
        patch_channels: int | None = None,
        groups: int | None = None,
        group_size: int | None = None,
        radius: float | None = None,
        patch_dropout: int = 0,
        start: Start = "farthest",
        shortage: Shortage = "refuse",
        head_classes: int | None = None,
    ) -> None:
        super().__init__()
        if scaling not in SCALINGS:
            raise ValueError(f"scaling must be one of {', '.join(map(str, SCALINGS))}, got {scaling}")
        require_positive(embed_dim=embed_dim, head_classes=1 if head_classes is None else head_classes)
        require_channels(in_channels, colours=colours)
        size = overridden(
            SCALINGS[scaling],
            depth=depth,
            width=width,
            heads=heads,
            hidden=hidden,
            patch_channels=patch_channels,
            groups=groups,
            radius=radius,
            group_size=group_size,
        )
        self.embed_dim, self.in_channels, self.colours = embed_dim, in_channels, colours
        self.ppat = PatchTransformer(
            size, in_channels=in_channels, patch_dropout=patch_dropout, start=start, shortage=shortage
        )
        self.proj = nn.Linear(size.width, embed_dim)
        self.head_classes = head_classes
        if head_classes is not None:
            self.head = nn.Linear(embed_dim, head_classes)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3 + C) points, unit sphere; (B, N) bool `valid` -> (B, embed_dim)."""
        embedding: Tensor = self.proj(self.tokens(points, valid)[:, 0])
        return embedding

    def concatenated(self, points: Tensor, batch: Tensor) -> Tensor:
        """(T, 3 + C) points of all clouds, (T,) int64 cloud of each, ascending -> (B, embed_dim).

        The layout that sparse convolutions take; `batch_of_offsets` makes `batch` from offsets.
        """
        padded, valid = pad_clouds(points, batch)
        embedding: Tensor = self(padded, None if bool(valid.all()) else valid)
        return embedding

    def tokens(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3 + C) -> (B, 1 + G, D) after the last block: the class token, then one per patch."""
        require_points(points, valid, channels=self.in_channels, colours=self.colours)
        tokens: Tensor = self.ppat(points, valid)
        return tokens

    def logits(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3 + C) -> (B, head_classes)."""
        if self.head_classes is None:
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.head(self(points, valid))
        return scores


class PatchTransformer(nn.Module):
    """Everything below `ppat.` in the official files.

    Args:
        size: numbers of all parts.
        in_channels: per point.
        patch_dropout: patches fewer in training.
        start: first centre.
        shortage: what to do with fewer points than patches.
    """

    def __init__(
        self, size: Scaling, *, in_channels: int, patch_dropout: int, start: Start, shortage: Shortage
    ) -> None:
        super().__init__()
        if not 0 <= patch_dropout < size.groups:
            raise ValueError(
                f"patch_dropout must be in 0..{size.groups - 1} (groups - 1), got {patch_dropout}"
            )
        self.groups, self.patch_dropout = size.groups, patch_dropout
        self.sa = SetAbstraction(
            in_channels,
            (64, 64, size.patch_channels),
            centres=size.groups - patch_dropout,
            radius=size.radius,
            neighbours=size.group_size,
            start=start,
            shortage=shortage,
        )
        self.lift = nn.Sequential(
            Pointwise(3 + size.patch_channels, size.width),
            nn.Identity(),  # keeps the official number of the norm
            nn.LayerNorm(size.width),
        )
        self.cls_token = nn.Parameter(torch.randn(size.width))
        self.transformer = PreNormTransformer(size.width, size.depth, heads=size.heads, hidden=size.hidden)

    def train(self, mode: bool = True) -> PatchTransformer:
        """Training has `patch_dropout` patches fewer."""
        self.sa.centres = self.groups - (self.patch_dropout if mode else 0)
        return super().train(mode)

    def forward(self, points: Tensor, valid: Tensor | None) -> Tensor:
        """(B, N, C) -> (B, 1 + G, D)."""
        points = cleared(points, valid)
        centres, patches = self.sa(points[..., :3].contiguous(), points, valid)
        tokens = self.lift(torch.cat([centres.to(patches.dtype), patches], dim=2))
        first = self.cls_token.to(tokens.dtype).expand(len(tokens), 1, -1)
        transformed: Tensor = self.transformer(torch.cat([first, tokens], dim=1))
        return transformed
