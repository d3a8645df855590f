"""The clouds' half of CrossMoST's student: encoder, projection, and what is made of hidden patches.

In a point transformer a learned token stands for a hidden patch, whose place is still seen (as published). To
any other encoder the points of one block do not exist, and nothing is rebuilt of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anaglyph.encoders.point_transformer import MaskedTokens, PointTransformer
from anaglyph.encoders.projected import ProjectedEncoder
from anaglyph.errors import ConfigError
from anaglyph.losses.masked import RowSums, absolute_differences, apart_from_points, apart_from_whole
from anaglyph.methods.base import width_of
from anaglyph.methods.crossmost.config import CrossMoSTConfig
from anaglyph.methods.crossmost.image_branch import Taught
from anaglyph.nn.masking import Rows, block_masks


class ShapeBranch(nn.Module):
    """Clouds into the shared space.

    Args:
        encoder: of the catalog; `projected` brings its own projection.
        config: masks and weights.
    """

    def __init__(self, encoder: nn.Module, config: CrossMoSTConfig) -> None:
        super().__init__()
        self.encoder = encoder
        own = isinstance(encoder, ProjectedEncoder)
        if own and width_of(encoder) != config.embed_dim:
            raise ConfigError(
                f"encoders.shape gives {width_of(encoder)} numbers, embed_dim={config.embed_dim} are wanted. "
                f"Set embed_dim of both alike."
            )
        self.projection = None if own else nn.Linear(width_of(encoder), config.embed_dim, bias=False)
        self.share, self.released_target = config.shape_mask, config.released_shape_target
        self.rebuilds_points = config.shape_target == "chamfer"
        rebuilds, local = config.shape_reconstruction_weight > 0, config.shape_local_weight > 0
        trunk = self.trunk
        self.mask_token = self.head = self.local_projection = None
        if isinstance(trunk, PointTransformer):
            width = trunk.norm.normalized_shape[0]
            self.mask_token = nn.Parameter(torch.zeros(width), requires_grad=self.share[1] > 0)
            nn.init.trunc_normal_(self.mask_token, std=0.02)
            numbers = 3 * trunk.patches.group_size if self.rebuilds_points else width
            self.head = nn.Linear(width, numbers) if rebuilds else None
            self.local_projection = nn.Linear(width, config.embed_dim, bias=False) if local else None
            if config.freeze_patches:
                trunk.encoder.requires_grad_(False)
        elif rebuilds or local:
            raise ConfigError(
                f"encoders.shape ({type(trunk).__name__}) has no tokens of patches that could be rebuilt or "
                f"compared; set shape_reconstruction_weight and shape_local_weight to 0, or choose "
                f"point_bert."
            )

    @property
    def trunk(self) -> nn.Module:
        """The encoder without its projection."""
        return self.encoder.encoder if isinstance(self.encoder, ProjectedEncoder) else self.encoder

    def forward(self, points: Tensor) -> Tensor:
        """(B, N, C) -> (B, D), not normalised."""
        return self._projected(self.trunk(points))

    def taught(self, points: Tensor, rows: Rows) -> Taught:
        """The same of clouds of which a part is hidden, and what is made of that part.

        Args:
            points: (B, N, C).
            rows: (B,) keys that the masks are drawn from.
        """
        trunk = self.trunk
        if not isinstance(trunk, PointTransformer) or self.mask_token is None:
            hidden = block_masks(points[..., :3], rows, share=self.share)
            return Taught(self._projected(trunk(points, ~hidden)), None, None)
        seen = trunk.masked_tokens(
            points, lambda centres: block_masks(centres, rows, share=self.share), self.mask_token
        )
        whole, patches = seen.tokens[:, 0], seen.tokens[:, len(trunk.learned) :]
        rebuilt = local = None
        if self.head is not None:
            rebuilt = self._rebuilt(self.head(patches), seen)
        if self.local_projection is not None:
            local = apart_from_whole(
                self.local_projection(patches), self.local_projection(whole), seen.masked
            )
        return Taught(self._projected(trunk.pooled(seen.tokens)), rebuilt, local)

    def _rebuilt(self, made: Tensor, seen: MaskedTokens) -> RowSums:
        """How far (B, G, ...) numbers are from what was hidden."""
        if self.rebuilds_points:
            return apart_from_points(made.reshape(seen.points.shape), seen.points, seen.masked)
        if not self.released_target:
            return absolute_differences(made, seen.patches, seen.masked)
        assert self.mask_token is not None
        sums = absolute_differences(made, self.mask_token.expand_as(seen.patches), seen.masked)
        # The published code divides by masked tokens and by the batch, not by masked numbers.
        return RowSums(sums.total, sums.counted / made.shape[2] * len(made))

    def _projected(self, features: Tensor) -> Tensor:
        if self.projection is not None:
            vectors: Tensor = self.projection(features)
            return vectors
        assert isinstance(self.encoder, ProjectedEncoder)
        return features @ self.encoder.projection.to(features.dtype)
