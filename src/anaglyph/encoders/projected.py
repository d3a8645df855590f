"""An encoder and a matrix behind it: points in the space of pictures and words (ULIP; Xue et al., 2023).

The matrix is stored (in, out) and applied as feature @ projection, as CLIP and ULIP do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive


class ProjectedEncoder(nn.Module):
    """Any encoder by name, its embedding mapped linearly and without a bias.

    Args:
        encoder: name in the catalog, not this one.
        options: of that encoder.
        embed_dim: D, size of the shared space.
    """

    def __init__(
        self, *, encoder: str = "point_bert", options: Mapping[str, Any] | None = None, embed_dim: int = 512
    ) -> None:
        from anaglyph.encoders.catalog import create_encoder  # the catalog holds this class as well

        super().__init__()
        require_positive(embed_dim=embed_dim)
        if encoder == "projected":
            raise ValueError("encoder must be another one than 'projected'")
        self.encoder = create_encoder(encoder, **(options or {}))
        self.embed_dim = embed_dim
        inner = int(self.encoder.embed_dim)  # type: ignore[arg-type]
        self.projection = nn.Parameter(torch.empty(inner, embed_dim))
        nn.init.normal_(self.projection, std=inner**-0.5)

    @property
    def in_channels(self) -> int:
        """C per point that the encoder wants."""
        return int(self.encoder.in_channels)  # type: ignore[arg-type]

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, D), not normalised."""
        features: Tensor = self.encoder(points, valid)
        return features @ self.projection.to(features.dtype)

    def tokens(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) -> (B, T, width), the tokens of the encoder; they are not projected."""
        if not hasattr(self.encoder, "tokens"):
            raise ValueError(f"{type(self.encoder).__name__} has no tokens")
        tokens: Tensor = self.encoder.tokens(points, valid)  # type: ignore[operator]
        return tokens
