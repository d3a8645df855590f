"""ReCon (Qi et al., 2023): three learned queries read the patches without being read by them."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from anaglyph.encoders.classifier import HeadStyle
from anaglyph.encoders.point_transformer import PointTransformer
from anaglyph.nn.patches import Start
from anaglyph.nn.transformer import Attention, CrossAttention, DropPath, FeedForward
from anaglyph.ops.checks import Shortage

QUERIES = ("cls", "img", "text")
"""Learned tokens, in the order in which they stand before the patches."""


class ReConBlock(nn.Module):
    """Patches attend to patches; queries attend to patches; either stream has its own MLP.

    Residuals start from the *normalised* stream, unlike in a pre-norm block, so weights of Point-MAE do not
    fit although their names do. Not in the dossier; as in the official code: 1e-5 in every LayerNorm.

    Args:
        width: D.
        heads: of both attentions.
        mlp_ratio: hidden width of both MLPs over D.
        drop_path: share of the samples whose branch is dropped in training.
        detach_patches: no gradient from the queries to the patches, as in pre-training.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        detach_patches: bool = False,
    ) -> None:
        super().__init__()
        self.detach_patches = detach_patches
        self.norm1 = nn.LayerNorm(width)
        self.norm1_contrast = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.attn_contrast = CrossAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.norm2_contrast = nn.LayerNorm(width)
        self.mlp = FeedForward(width, int(mlp_ratio * width))
        self.mlp_contrast = FeedForward(width, int(mlp_ratio * width))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3 + G, D), queries first -> the same shape."""
        query = self.norm1_contrast(x[:, : len(QUERIES)])
        patch = self.norm1(x[:, len(QUERIES) :])
        seen = patch.detach() if self.detach_patches else patch
        query = query + self.drop_path(self.attn_contrast(query, seen))
        patch = patch + self.drop_path(self.attn(patch))

        query, patch = self.norm2_contrast(query), self.norm2(patch)
        query = query + self.drop_path(self.mlp_contrast(query))
        patch = patch + self.drop_path(self.mlp(patch))
        return torch.cat([query, patch], dim=1)


def recon(
    *,
    width: int = 384,
    depth: int = 12,
    heads: int = 6,
    groups: int = 64,
    group_size: int = 32,
    drop_path: float = 0.1,
    detach_patches: bool = False,
    start: Start = "farthest",
    skip_near_origin: float | None = None,
    shortage: Shortage = "refuse",
    head_classes: int | None = None,
    head: HeadStyle = "mlp3",
) -> PointTransformer:
    """ReCon's encoder; embed_dim is 4 * width: class, picture and text query, then the maximum over patches.

    Not in the dossier; as in the official code: the queries' positions are added before every block, too.
    Pre-training wants detach_patches=True; fine-tuning is done without, and with drop_path=0.2. Clouds are
    prepared as for Point-MAE (`point_mae.MODELNET_1K`, `point_mae.SCANOBJECTNN`).
    """
    return PointTransformer(
        width=width,
        depth=depth,
        heads=heads,
        groups=groups,
        group_size=group_size,
        learned=QUERIES,
        block=partial(ReConBlock, detach_patches=detach_patches),
        drop_path=drop_path,
        start=start,
        skip_near_origin=skip_near_origin,
        shortage=shortage,
        head_classes=head_classes,
        head=head,
    )
