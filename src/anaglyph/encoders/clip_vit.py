"""CLIP's vision transformer (Radford et al., 2021), with the key names of OpenAI's files after `visual.`.

The projection into CLIP's space is not part of it (`projected_image` has one). Built from the key table of
dossier CrossMoST, 2.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.checks import require_pictures, require_positive
from anaglyph.nn.transformer import require_heads

MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Per channel of RGB in [0, 1], subtracted before OpenAI's weights see a picture; then divide by `STD`."""
STD = (0.26862954, 0.26130258, 0.27577711)
_HEAD_WIDTH = 64


class ClipViT(nn.Module):
    """Square patches become tokens behind a class token, whose last state is the embedding.

    Pictures of another size than `pixels` get positions interpolated from those learned; borders that do not
    fill a patch are filled with 0.

    Args:
        width: D of a token and of the embedding.
        depth: blocks.
        patch: side of a patch in pixels.
        pixels: side of the pictures that the learned positions belong to.
        in_channels: C of the pictures.
    """

    def __init__(
        self, *, width: int = 768, depth: int = 12, patch: int = 16, pixels: int = 224, in_channels: int = 3
    ) -> None:
        super().__init__()
        require_positive(width=width, depth=depth, patch=patch, in_channels=in_channels)
        if pixels < patch or pixels % patch:
            raise ValueError(f"pixels must be a multiple of patch, got {pixels} and {patch}")
        heads = max(1, width // _HEAD_WIDTH)
        require_heads(width, heads)
        self.embed_dim, self.in_channels, self.patch = width, in_channels, patch
        self.grid = pixels // patch
        self.conv1 = nn.Conv2d(in_channels, width, patch, stride=patch, bias=False)
        scale = width**-0.5
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(self.grid**2 + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = _Stack(_Block(width, heads) for _ in range(depth))
        self.ln_post = nn.LayerNorm(width)
        _start(self, width, depth)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W), normalised as the weights want it -> (B, D), not normalised."""
        embedding: Tensor = self.ln_post(self.tokens(images)[:, 0])
        return embedding

    def tokens(
        self, images: Tensor, *, masked: Tensor | None = None, mask_token: Tensor | None = None
    ) -> Tensor:
        """(B, C, H, W) -> (B, 1 + T, D): the class token and the patches after the last block, before a norm.

        Args:
            images: as in `forward`.
            masked: (B, T) bool, patches to hide, in rows of the picture.
            mask_token: (D,) what stands for a hidden one, learned elsewhere.
        """
        require_pictures(images, channels=self.in_channels, smallest=8)
        height, width = self.token_grid(images.shape[2], images.shape[3])
        right, below = width * self.patch - images.shape[3], height * self.patch - images.shape[2]
        patches = self.conv1(F.pad(images, [0, right, 0, below])).flatten(2).transpose(1, 2)  # (B, T, D)
        if masked is not None and mask_token is not None:
            patches = torch.where(masked[..., None], mask_token.to(patches.dtype), patches)
        first = self.class_embedding.to(patches.dtype).expand(len(images), 1, -1)
        x = torch.cat([first, patches], dim=1) + self._positions(height, width).to(patches.dtype)
        out: Tensor = self.transformer(self.ln_pre(x))
        return out

    def token_grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches of a picture of so many pixels."""
        return math.ceil(height / self.patch), math.ceil(width / self.patch)

    def _positions(self, height: int, width: int) -> Tensor:
        """(1 + h w, D)."""
        learned = self.positional_embedding
        if (height, width) == (self.grid, self.grid):
            return learned
        square = learned[1:].T.reshape(1, -1, self.grid, self.grid)
        resized = F.interpolate(square, size=(height, width), mode="bicubic", align_corners=False)
        return torch.cat([learned[:1], resized[0].flatten(1).T])


class _Stack(nn.Module):
    def __init__(self, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.resblocks(x)
        return out


class _Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = _Attention(width, heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = _FeedForward(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class _Attention(nn.Module):
    """Self-attention with torch's names of parameters: in_proj_weight, in_proj_bias, out_proj."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        joint = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = joint.reshape(*joint.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        out: Tensor = self.out_proj(mixed)
        return out


class _FeedForward(nn.Module):
    """Linear -> CLIP's quick GELU -> Linear."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.c_fc(x)
        out: Tensor = self.c_proj(hidden * torch.sigmoid(1.702 * hidden))
        return out


def _start(module: ClipViT, width: int, depth: int) -> None:
    """CLIP's deviations: attention width^-1/2, what leaves a branch less by (2 depth)^-1/2."""
    inner, leaving = width**-0.5, width**-0.5 * (2 * depth) ** -0.5
    for part in module.modules():
        if isinstance(part, _Block):
            nn.init.normal_(part.attn.in_proj_weight, std=inner)
            nn.init.normal_(part.attn.out_proj.weight, std=leaving)
            nn.init.zeros_(part.attn.out_proj.bias)
            nn.init.normal_(part.mlp.c_fc.weight, std=(2 * width) ** -0.5)
            nn.init.zeros_(part.mlp.c_fc.bias)
            nn.init.normal_(part.mlp.c_proj.weight, std=leaving)
            nn.init.zeros_(part.mlp.c_proj.bias)
