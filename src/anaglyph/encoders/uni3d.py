"""Uni3D: a plain vision transformer over patches of a coloured cloud (Zhou et al., 2024).

    patches   512 farthest points, the 64 nearest points around each: [xyz - centre, rgb]
    tokens    mini-PointNet -> Linear, plus an MLP of the centre; a class token in front
    blocks    EVA, started from weights of pictures, without their rotary embeddings
    output    class token -> LayerNorm -> Linear

Parameter names are those below `point_encoder.` of the official files. Those also hold what timm's model has
for pictures and nothing here reads; `unused_layout` lists it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_channels, require_positive, require_share
from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.size_table import overridden
from anaglyph.nn.eva import EvaAttentionForm, EvaMLPForm, EvaTower
from anaglyph.nn.patch_embed import PatchEmbed, position_mlp
from anaglyph.nn.patches import PatchOptions, Start
from anaglyph.ops.checks import Shortage, require_points

UNI3D = PointConvention(points=10_000, colours=True, missing_colour=0.4)
"""Unit sphere, +y up, colours in [0, 1]; no axes are swapped.

Certain from the official loaders: centring, scaling, missing colours as 0.4 and no swap for Objaverse and
ScanObjectNN. Those loaders take clouds as they come, so that a cloud stored +z up would go in +z up.
"""

Size = Literal["ti", "s", "b", "l", "g"]


@dataclass(frozen=True)
class EvaSize:
    """One of the five published sizes, and the picture model that it starts from."""

    width: int
    depth: int
    heads: int
    hidden: int
    attention: EvaAttentionForm
    mlp: EvaMLPForm
    pixels: int
    """Side of the pictures, 14 to a patch."""
    classes: int
    """Of the picture model's head; 0 where it has none."""

    def __post_init__(self) -> None:
        require_positive(width=self.width, depth=self.depth, heads=self.heads, hidden=self.hidden)


SIZES: dict[Size, EvaSize] = {
    "ti": EvaSize(192, 12, 3, 512, "fused", "swiglu_fused", 224, 0),
    "s": EvaSize(384, 12, 6, 1024, "fused", "swiglu_fused", 224, 0),
    "b": EvaSize(768, 12, 12, 2048, "split", "swiglu_split", 448, 1000),
    "l": EvaSize(1024, 24, 16, 2730, "split", "swiglu_split", 448, 1000),
    "g": EvaSize(1408, 40, 16, 6144, "fused", "gelu", 560, 1000),
}
"""eva02_tiny_patch14_224, eva02_small_patch14_224, eva02_base_patch14_448, eva02_large_patch14_448 and
eva_giant_patch14_560 of timm."""
_PATCH = 14


class Uni3D(nn.Module):
    """Coloured clouds to the space of their CLIP teacher.

    Args:
        size: a published one; its forms of attention and MLP stay when its numbers are overridden.
        embed_dim: size of the embedding; 1024 is that of EVA02-E-14-plus.
        in_channels: 3 + C, xyz first.
        colours: channels 3 to 5 are red, green and blue, checked to lie in [0, 1].
        groups: G, patches per cloud.
        group_size: K, points per patch.
        patch_channels: channels of a patch before it meets the transformer's width.
        width: D instead of the size's.
        depth: blocks instead of the size's.
        heads: instead of the size's.
        hidden: channels within the blocks' MLP instead of the size's.
        drop_path: rate of the last block in training, growing evenly from 0; 0.2 in the paper.
        token_dropout: share of the patches left out in training; 0.5 in the paper.
        start: first centre; "first" takes the first row, as the official code does.
        skip_near_origin: 1e-3 to choose centres exactly as the official kernels do.
        shortage: what to do with fewer points than patches or points per patch.
        head_classes: adds `head`, used by `logits` alone.
    """

    def __init__(
        self,
        *,
        size: Size = "b",
        embed_dim: int = 1024,
        in_channels: int = 6,
        colours: bool = True,
        groups: int = 512,
        group_size: int = 64,
        patch_channels: int = 512,
        width: int | None = None,
        depth: int | None = None,
        heads: int | None = None,
        hidden: int | None = None,
        drop_path: float = 0.0,
        token_dropout: float = 0.0,
        start: Start = "farthest",
        skip_near_origin: float | None = None,
        shortage: Shortage = "refuse",
        head_classes: int | None = None,
    ) -> None:
        super().__init__()
        if size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(SIZES)}, got '{size}'")
        require_positive(embed_dim=embed_dim, head_classes=1 if head_classes is None else head_classes)
        require_channels(in_channels, colours=colours)
        require_share(token_dropout=token_dropout)
        form = overridden(SIZES[size], width=width, depth=depth, heads=heads, hidden=hidden)
        self.embed_dim, self.in_channels, self.colours = embed_dim, in_channels, colours
        self.token_dropout, self.head_classes = token_dropout, head_classes
        self.patches = PatchOptions(
            groups=groups,
            group_size=group_size,
            start=start,
            skip_near_origin=skip_near_origin,
            shortage=shortage,
        )
        self.encoder = PatchEmbed(in_channels, patch_channels)
        self.encoder2trans = nn.Linear(patch_channels, form.width)
        self.trans2embed = nn.Linear(form.width, embed_dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, form.width))
        self.cls_pos = nn.Parameter(torch.randn(1, 1, form.width))
        self.pos_embed = position_mlp(form.width)
        self.visual = _tower(form, drop_path)
        if head_classes is not None:
            self.head = nn.Linear(embed_dim, head_classes)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3 + C) points, unit sphere, +y up; (B, N) bool `valid` -> (B, embed_dim)."""
        embedding: Tensor = self.trans2embed(self.visual.fc_norm(self._transformed(points, valid)[:, 0]))
        return embedding

    def tokens(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3 + C) -> (B, 1 + G, D) through the last norm: the class token, then one per patch."""
        tokens: Tensor = self.visual.fc_norm(self._transformed(points, valid))
        return tokens

    def logits(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3 + C) -> (B, head_classes)."""
        if self.head_classes is None:
            raise ValueError("this network has no classifier; build it with head_classes")
        scores: Tensor = self.head(self(points, valid))
        return scores

    def _transformed(self, points: Tensor, valid: Tensor | None) -> Tensor:
        """(B, 1 + G, D): class token and patches after the last block."""
        require_points(points, valid, channels=self.in_channels, colours=self.colours)
        patches = self.patches.cut(points, valid)
        tokens = self.encoder2trans(self.encoder(patches.neighbourhoods)) + self.pos_embed(patches.centres)
        first = (self.cls_token + self.cls_pos).to(tokens.dtype).expand(len(tokens), -1, -1)
        transformed: Tensor = self.visual(torch.cat([first, self._kept(tokens)], dim=1))
        return transformed

    def _kept(self, tokens: Tensor) -> Tensor:
        """In training, a random share of the patches of each cloud (Liu et al., 2022)."""
        if not self.training or self.token_dropout == 0.0:
            return tokens
        kept = max(1, int(tokens.shape[1] * (1.0 - self.token_dropout)))
        rank = torch.rand(tokens.shape[:2], device=tokens.device).topk(kept, dim=1).indices
        return tokens.gather(1, rank[:, :, None].expand(-1, -1, tokens.shape[2]))


def _tower(form: EvaSize, drop_path: float) -> EvaTower:
    return EvaTower(
        form.width,
        depth=form.depth,
        heads=form.heads,
        hidden=form.hidden,
        attention=form.attention,
        mlp=form.mlp,
        drop_path=drop_path,
    )


def unused_layout(size: Size) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what the official files hold below `point_encoder.` and no cloud ever meets."""
    form = SIZES[size]
    places = (form.pixels // _PATCH) ** 2 + 1
    layout: dict[str, tuple[int, ...]] = {
        "visual.cls_token": (1, 1, form.width),
        "visual.pos_embed": (1, places, form.width),
        "visual.patch_embed.proj.weight": (form.width, 3, _PATCH, _PATCH),
        "visual.patch_embed.proj.bias": (form.width,),
    }
    if form.classes:
        layout["visual.head.weight"] = (form.classes, form.width)
        layout["visual.head.bias"] = (form.classes,)
    return layout
