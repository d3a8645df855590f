"""The transformer of OpenShape's PPAT, with its official parameter names: layers.N.{0,1}.{norm,fn}.

Pre-norm like `nn.transformer`, but heads have 64 channels whatever the width, the MLP's width is free, and
nothing follows the last block (Liu et al., 2023, after the ViT of Wang's vit-pytorch).

Not in the dossier; as in the official code: exact GELU, and 1e-5, torch's default, in every LayerNorm.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

HEAD_WIDTH = 64
"""Channels of an attention head."""


class PreNormTransformer(nn.Module):
    """Blocks of attention and MLP, each x + part(LayerNorm(x)), and nothing behind the last."""

    def __init__(self, width: int, depth: int, *, heads: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [PreNorm(width, HeadsOf64(width, heads)), PreNorm(width, FeedForward(width, hidden))]
            )
            for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleList)
            for part in layer:
                x = x + part(x)
        return x


class PreNorm(nn.Module):
    """part(LayerNorm(x))."""

    def __init__(self, width: int, part: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = part

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        out: Tensor = self.fn(self.norm(x))
        return out


class HeadsOf64(nn.Module):
    """Attention whose heads have 64 channels whatever the width; only the way out has a bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * HEAD_WIDTH * heads, bias=False)
        self.to_out = nn.Sequential(nn.Linear(HEAD_WIDTH * heads, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        query, key, value = self.to_qkv(x).unflatten(2, (3, self.heads, HEAD_WIDTH)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)  # (B, heads, T, 64)
        out: Tensor = self.to_out(mixed.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    """Linear -> GELU -> Linear."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        # The third entry, a dropout in the official code that never drops, keeps the number of the last.
        self.net = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Identity(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        out: Tensor = self.net(x)
        return out
