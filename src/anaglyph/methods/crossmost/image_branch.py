"""The pictures' half of CrossMoST's student: encoder, projection, and what is made of hidden patches.

Encoders of three kinds take part: `clip_vit`, where a learned token stands for a hidden patch (as published);
those with a `feature_map`, whose pixels are hidden; and all others, likewise, of which nothing is rebuilt.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.encoders.clip_vit import ClipViT
from anaglyph.encoders.projected_image import ProjectedImage
from anaglyph.errors import ConfigError
from anaglyph.losses.masked import RowSums, absolute_differences, apart_from_whole
from anaglyph.methods.base import width_of
from anaglyph.methods.crossmost.config import CrossMoSTConfig
from anaglyph.nn.masking import Rows, cell_masks

RELEASED_DIVISOR = 197
"""Tokens of a picture, by which the published code divides in place of its channels."""


class Taught(NamedTuple):
    """What the student makes of objects that it sees in part."""

    vectors: Tensor
    """(B, D), not normalised."""
    rebuilt: RowSums | None
    local: RowSums | None


class ImageBranch(nn.Module):
    """Pictures into the shared space.

    Args:
        encoder: of the catalog; `projected_image` brings its own projection and normalisation.
        config: masks and weights.
    """

    def __init__(self, encoder: nn.Module, config: CrossMoSTConfig) -> None:
        super().__init__()
        self.encoder = encoder
        own = isinstance(encoder, ProjectedImage)
        if own and width_of(encoder) != config.embed_dim:
            raise ConfigError(
                f"encoders.image gives {width_of(encoder)} numbers, embed_dim={config.embed_dim} are wanted. "
                f"Set embed_dim of both alike."
            )
        width = width_of(self.trunk)
        self.projection = None if own else nn.Linear(width, config.embed_dim, bias=False)
        self.share, self.cell = config.image_mask, config.image_mask_pixels
        self.divisor = RELEASED_DIVISOR / 3 if config.released_image_divisor else 1.0
        token = isinstance(self.trunk, ClipViT)
        channels = int(self.trunk.in_channels)  # type: ignore[arg-type]
        self.mask_token = nn.Parameter(
            torch.zeros(width if token else channels), requires_grad=self.share > 0
        )
        if token:
            nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.patch = int(getattr(self.trunk, "patch", 0))
        if self.patch and self.cell % self.patch:
            raise ConfigError(
                f"image_mask_pixels must be a multiple of the encoder's patch, {self.patch}, got {self.cell}."
            )
        rebuilds, local = config.image_reconstruction_weight > 0, config.image_local_weight > 0
        if (rebuilds or local) and not self.patch:
            raise ConfigError(
                f"encoders.image ({type(self.trunk).__name__}) has no map of tokens, of which hidden patches "
                f"could be rebuilt or compared; set image_reconstruction_weight and image_local_weight to 0, "
                f"or choose clip_vit or mobilenet_v2."
            )
        self.local = local
        self.patch_norm = nn.LayerNorm(width) if token and (rebuilds or local) else nn.Identity()
        self.decoder = nn.Linear(width, channels * self.patch**2) if rebuilds else None

    @property
    def trunk(self) -> nn.Module:
        """The encoder without its projection."""
        return self.encoder.encoder if isinstance(self.encoder, ProjectedImage) else self.encoder

    def forward(self, images: Tensor) -> Tensor:
        """(B, V, C, H, W) in [0, 1] -> (B, D), the mean over views; not normalised."""
        features: Tensor = self.trunk(self._normalised(images.flatten(0, 1)))
        return self._projected(features.reshape(*images.shape[:2], -1).mean(dim=1))

    def taught(self, images: Tensor, rows: Rows) -> Taught:
        """The same of pictures of which a part is hidden, and what is made of that part.

        Args:
            images: (B, V, C, H, W) in [0, 1].
            rows: (B,) keys that the masks are drawn from.
        """
        objects, views = images.shape[:2]
        pictures = self._normalised(images.flatten(0, 1))
        each = (rows[:, None] ^ np.arange(views, dtype=np.uint64)).reshape(-1)
        unit = self.patch or self.cell
        grid = (-(-pictures.shape[2] // unit), -(-pictures.shape[3] // unit))
        masked = cell_masks(each, grid, cell=self.cell // unit, share=self.share).to(images.device)
        features, tokens = self._seen(pictures, masked, grid, unit)
        joined = features.reshape(objects, views, -1).mean(dim=1)
        rebuilt = local = None
        if tokens is not None and self.decoder is not None:
            sums = absolute_differences(self.decoder(tokens), _patches(pictures, grid, unit), masked)
            rebuilt = RowSums(sums.total, sums.counted * self.divisor)
        if tokens is not None and self.local:
            local = apart_from_whole(self._projected(tokens), self._projected(features), masked)
        vectors = self._projected(joined)
        return Taught(vectors, _by_object(rebuilt, views), _by_object(local, views))

    def _seen(
        self, pictures: Tensor, masked: Tensor, grid: tuple[int, int], unit: int
    ) -> tuple[Tensor, Tensor | None]:
        """Features (R, W) of the trunk and, where it has them, (R, T, W) its tokens through their norm."""
        trunk = self.trunk
        if isinstance(trunk, ClipViT):
            tokens = trunk.tokens(pictures, masked=masked, mask_token=self.mask_token)
            return trunk.ln_post(tokens[:, 0]), self.patch_norm(tokens[:, 1:])
        hidden = masked.reshape(-1, 1, *grid).repeat_interleave(unit, 2).repeat_interleave(unit, 3)
        hidden = hidden[:, :, : pictures.shape[2], : pictures.shape[3]]
        shown = torch.where(hidden, self.mask_token[:, None, None].to(pictures.dtype), pictures)
        if not self.patch:
            features: Tensor = trunk(shown)
            return features, None
        places: Tensor = trunk.feature_map(shown)  # type: ignore[operator]
        return places.mean(dim=(2, 3)), self.patch_norm(places.flatten(2).transpose(1, 2))

    def _normalised(self, pictures: Tensor) -> Tensor:
        return self.encoder.normalised(pictures) if isinstance(self.encoder, ProjectedImage) else pictures

    def _projected(self, features: Tensor) -> Tensor:
        projection = self.encoder.projection if self.projection is None else self.projection
        vectors: Tensor = projection(features)  # type: ignore[operator]
        return vectors


def _patches(pictures: Tensor, grid: tuple[int, int], side: int) -> Tensor:
    """(R, C, H, W) -> (R, T, C * side * side), what lies beyond the border being 0."""
    right, below = grid[1] * side - pictures.shape[3], grid[0] * side - pictures.shape[2]
    return F.unfold(F.pad(pictures, [0, right, 0, below]), side, stride=side).transpose(1, 2)


def _by_object(sums: RowSums | None, views: int) -> RowSums | None:
    return None if sums is None else RowSums(*(each.reshape(-1, views).sum(dim=1) for each in sums))
