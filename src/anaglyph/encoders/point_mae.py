"""The network of Point-MAE (Pang et al., 2022) and of ACT (Dong et al., 2023), alike but for pre-training."""

from __future__ import annotations

from anaglyph.encoders.classifier import HeadStyle
from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.point_transformer import PointTransformer
from anaglyph.nn.patches import Start
from anaglyph.ops.checks import Shortage

MODELNET_1K = PointConvention(points=1024, sampling="farthest")
"""Classifiers of ModelNet40, 64 patches: unit sphere. +y up is that of `modelnet40_normal_resampled`, from
memory; the dossier names no axis."""

MODELNET_8K = PointConvention(points=8192, sampling="farthest")
"""The same with 512 patches. Such a classifier collapses on 1,024 points (Point-MAE, issue 45)."""

SCANOBJECTNN = PointConvention(points=2048, sampling="farthest", scale="none")
"""Classifiers of ScanObjectNN, 128 patches, +y up; the clouds are fed as the files store them."""

SHAPENET = PointConvention(points=1024)
"""Pre-training on ShapeNet-55, 64 patches: unit sphere, +y up."""


def point_mae(
    *,
    width: int = 384,
    depth: int = 12,
    heads: int = 6,
    groups: int = 64,
    group_size: int = 32,
    drop_path: float = 0.1,
    start: Start = "farthest",
    skip_near_origin: float | None = None,
    shortage: Shortage = "refuse",
    head_classes: int | None = None,
    head: HeadStyle = "mlp3",
) -> PointTransformer:
    """The transformer of Point-MAE and ACT with a class token; embed_dim is 2 * width.

    The official code takes the first row as the first centre and skips centres near the origin:
    start="first", skip_near_origin=1e-3 give its patches for its order of points.
    """
    return PointTransformer(
        width=width,
        depth=depth,
        heads=heads,
        groups=groups,
        group_size=group_size,
        drop_path=drop_path,
        start=start,
        skip_near_origin=skip_near_origin,
        shortage=shortage,
        head_classes=head_classes,
        head=head,
    )
