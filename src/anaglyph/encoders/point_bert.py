"""Point-BERT (Yu et al., 2022) as ULIP (Xue et al., 2023) and ULIP-2 (Xue et al., 2024) train it."""

from __future__ import annotations

from anaglyph.encoders.classifier import HeadStyle
from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.point_transformer import PointTransformer
from anaglyph.nn.patches import Start
from anaglyph.ops.checks import Shortage

ULIP = PointConvention(points=8192)
"""+y up, unit sphere."""

ULIP2_COLOURED = PointConvention(points=10_000, colours=True, missing_colour=0.4)
"""Unit sphere. The dossiers name the grey and the points, not the up axis; +y is ULIP's and assumed here."""


def point_bert(
    *,
    width: int = 384,
    depth: int = 12,
    heads: int = 6,
    groups: int = 512,
    group_size: int = 32,
    patch_channels: int = 256,
    drop_path: float = 0.1,
    start: Start = "farthest",
    skip_near_origin: float | None = None,
    shortage: Shortage = "refuse",
    head_classes: int | None = None,
    head: HeadStyle = "light",
) -> PointTransformer:
    """Point-BERT with ULIP's 512 patches of 8,192 points; embed_dim is 2 * width.

    Point-BERT's own classifiers use 64 patches of 1,024 points, CrossMoST 64 of 8,192. ULIP draws the first
    centre at random; "farthest" makes that repeatable.
    """
    return PointTransformer(
        width=width,
        depth=depth,
        heads=heads,
        groups=groups,
        group_size=group_size,
        patch_channels=patch_channels,
        drop_path=drop_path,
        start=start,
        skip_near_origin=skip_near_origin,
        shortage=shortage,
        head_classes=head_classes,
        head=head,
    )


def point_bert_colored(
    *,
    width: int = 384,
    depth: int = 18,
    heads: int = 6,
    groups: int = 512,
    group_size: int = 32,
    patch_channels: int = 256,
    drop_path: float = 0.1,
    start: Start = "farthest",
    skip_near_origin: float | None = None,
    shortage: Shortage = "refuse",
    head_classes: int | None = None,
    head: HeadStyle = "light",
) -> PointTransformer:
    """ULIP-2's "colored" Point-BERT: (B, N, 6) xyz and rgb in [0, 1], 18 blocks; embed_dim is 2 * width."""
    return PointTransformer(
        width=width,
        depth=depth,
        heads=heads,
        groups=groups,
        group_size=group_size,
        patch_channels=patch_channels,
        in_channels=6,
        colours=True,
        drop_path=drop_path,
        start=start,
        skip_near_origin=skip_near_origin,
        shortage=shortage,
        head_classes=head_classes,
        head=head,
    )
